/* One table in SQLite. */
#include "common/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"

static struct metric commit_time =
	METRIC(HISTOGRAM, "journal_commit_seconds",
	       "time to put journal entries on disk");

struct journal {
	sqlite3 *db;
	sqlite3_stmt *insert;
	char *path;
	uint64_t last;
	bool open; /* a transaction is */
};

/* Whether the disk lacks nothing but room, or the right to write. */
static bool is_unwritable(struct journal *j)
{
	int system = sqlite3_system_errno(j->db);

	switch (sqlite3_errcode(j->db) & 0xff) {
	case SQLITE_FULL:
	case SQLITE_READONLY:
		return true;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return system == ENOSPC || system == EDQUOT || system == EROFS;
	}
	return false;
}

static enum err fail(struct journal *j, const char *what)
{
	bool unwritable = j->db && is_unwritable(j);

	log_error("journal.failed", "path=%s what=\"%s\" text=\"%s%s\"",
		  j->path ? j->path : "-", what,
		  j->db ? sqlite3_errmsg(j->db) : "out of memory",
		  unwritable ? ": make room there, or let it be written" : "");
	return unwritable ? ERR_NO_ROOM : ERR_STORAGE;
}

static enum err run(struct journal *j, const char *sql)
{
	return sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? ERR_NONE
		       : fail(j, sql);
}

static enum err read_last(struct journal *j)
{
	sqlite3_stmt *s;
	enum err e = ERR_NONE;

	if (sqlite3_prepare_v2(j->db, "SELECT max(number), count(*) FROM entry",
			       -1, &s, NULL) != SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW)
		e = fail(j, "reading the newest number");
	else
		j->last = (uint64_t)sqlite3_column_int64(s, 0);
	if (!e && j->last != (uint64_t)sqlite3_column_int64(s, 1))
		e = fail(j, "numbers are missing");
	sqlite3_finalize(s);
	return e;
}

enum err journal_open(struct journal **out, const char *path)
{
	struct journal *j = calloc(1, sizeof *j);
	enum err e;

	if (!j)
		return ERR_NO_MEMORY;
	metric_register(&commit_time);
	j->path = strdup(path);
	e = sqlite3_open_v2(path, &j->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			    NULL) == SQLITE_OK
		    ? ERR_NONE
		    : fail(j, path);
	if (!e && sqlite3_db_readonly(j->db, "main") == 1)
		e = fail(j, "it can't be written: whose is it?");
	if (!e)
		e = run(j, "PRAGMA locking_mode = EXCLUSIVE;"
			   "PRAGMA journal_mode = WAL;"
			   "PRAGMA synchronous = FULL;"
			   "PRAGMA cache_size = -256;"
			   "CREATE TABLE IF NOT EXISTS entry ("
			   "number INTEGER PRIMARY KEY, type INTEGER NOT NULL, "
			   "body BLOB NOT NULL)");
	if (!e)
		e = read_last(j);
	if (!e &&
	    sqlite3_prepare_v2(j->db, "INSERT INTO entry VALUES (?, ?, ?)", -1,
			       &j->insert, NULL) != SQLITE_OK)
		e = fail(j, "preparing to write");
	if (e)
		journal_close(&j);
	*out = j;
	return e;
}

void journal_close(struct journal **journal)
{
	struct journal *j = *journal;

	if (!j)
		return;
	sqlite3_finalize(j->insert);
	sqlite3_close(j->db); /* rolls back what wasn't committed */
	free(j->path);
	free(j);
	*journal = NULL;
}

uint64_t journal_last(const struct journal *j)
{
	return j->last;
}

static enum err begin(struct journal *j)
{
	enum err e = j->open ? ERR_NONE : run(j, "BEGIN IMMEDIATE");

	j->open = !e;
	return e;
}

enum err journal_put(struct journal *j, uint16_t type, struct bytes body)
{
	enum err e = begin(j);

	if (e)
		return e;
	sqlite3_bind_int64(j->insert, 1, (sqlite3_int64)j->last + 1);
	sqlite3_bind_int(j->insert, 2, type);
	sqlite3_bind_blob64(j->insert, 3, body.data ? body.data : (void *)"",
			    body.size, SQLITE_STATIC);
	if (sqlite3_step(j->insert) != SQLITE_DONE)
		e = fail(j, "writing an entry");
	sqlite3_reset(j->insert);
	sqlite3_clear_bindings(j->insert);
	if (!e)
		j->last++;
	return e;
}

enum err journal_drop(struct journal *j, uint64_t from)
{
	char sql[64];
	enum err e = begin(j);

	snprintf(sql, sizeof sql, "DELETE FROM entry WHERE number >= %" PRIu64,
		 from);
	if (!e)
		e = run(j, sql);
	if (!e && from <= j->last)
		j->last = from - 1;
	return e;
}

enum err journal_commit(struct journal *j)
{
	uint64_t began = metric_now_us();
	enum err e;

	if (!j->open)
		return ERR_NONE;
	e = run(j, "COMMIT");
	j->open = false;
	metric_observe_us(&commit_time, metric_now_us() - began);
	return e;
}

enum err journal_read(struct journal *j, uint64_t from, store_entry_fn *fn,
		      void *arg)
{
	sqlite3_stmt *s;
	enum err e = ERR_NONE;
	int rc;

	if (sqlite3_prepare_v2(j->db,
			       "SELECT number, type, body FROM entry "
			       "WHERE number >= ? ORDER BY number",
			       -1, &s, NULL) != SQLITE_OK)
		return fail(j, "preparing to read");
	sqlite3_bind_int64(s, 1, (sqlite3_int64)from);
	while (!e && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct entry entry = {
			.number = (uint64_t)sqlite3_column_int64(s, 0),
			.type = (uint16_t)sqlite3_column_int(s, 1),
			.body = {sqlite3_column_blob(s, 2),
				 (size_t)sqlite3_column_bytes(s, 2)}};

		e = fn(arg, &entry);
	}
	if (!e && rc != SQLITE_DONE)
		e = fail(j, "reading entries");
	sqlite3_finalize(s);
	return e;
}
