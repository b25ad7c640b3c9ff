/* Whole logs, out of Redis and into it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/store_impl.h"

/* ---- where a log ends --------------------------------------------------- */

static enum err say(struct store *s, const struct command *c)
{
	redisReply *r = store_call(s, c);
	bool good = r && r->type == REDIS_REPLY_STATUS;

	freeReplyObject(r);
	if (!good)
		store_drop(s); /* not in the middle of a transaction */
	return good ? ERR_NONE : ERR_UNREACHABLE;
}

static enum err ask_end(struct store *s, const char *log, const char *service)
{
	struct command begin = {.count = 0}, newest = {.count = 0},
		       cursor = {.count = 0};
	char log_key[KEY_ROOM], cursor_key[KEY_ROOM];
	enum err e;

	command_text(&begin, "MULTI");
	command_text(&newest, "XREVRANGE");
	command_text(&newest, store_key(s, log_key, "log", log));
	command_text(&newest, "+");
	command_text(&newest, "-");
	command_text(&newest, "COUNT");
	command_text(&newest, "1");
	command_text(&cursor, "GET");
	command_text(&cursor, store_key(s, cursor_key, "cursor", service));
	e = say(s, &begin);
	if (!e)
		e = say(s, &newest);
	return e ? e : say(s, &cursor);
}

static uint64_t newest_number(const redisReply *r)
{
	if (r->type != REDIS_REPLY_ARRAY || !r->elements ||
	    r->element[0]->type != REDIS_REPLY_ARRAY ||
	    !r->element[0]->elements ||
	    r->element[0]->element[0]->type != REDIS_REPLY_STRING)
		return 0;
	return strtoull(r->element[0]->element[0]->str, NULL, 10);
}

static struct cursor parse_cursor(const redisReply *r)
{
	struct cursor c = {0, 0};
	char *end;

	if (r->type != REDIS_REPLY_STRING)
		return c;
	c.input = strtoull(r->str, &end, 10);
	if (*end == ':')
		c.given = strtoull(end + 1, NULL, 10);
	return c;
}

enum err store_end(struct store *s, const char *log, const char *service,
		   uint64_t *last, struct cursor *cursor)
{
	struct command c = {.count = 0};
	enum err e = ask_end(s, log, service);
	redisReply *r;

	if (e)
		return e;
	command_text(&c, "EXEC");
	r = store_call(s, &c);
	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
		freeReplyObject(r);
		store_drop(s);
		return ERR_UNREACHABLE;
	}
	*last = newest_number(r->element[0]);
	*cursor = parse_cursor(r->element[1]);
	freeReplyObject(r);
	return ERR_NONE;
}

/* ---- import ------------------------------------------------------------- */

enum { IMPORTS_MAX = 8 };

/* Both ends of an import concern the same keys. */
static enum err call_end(struct store *s, const char *function, uint64_t epoch,
			 const struct import *logs, size_t count)
{
	struct command c = {.count = 0};
	char keys[3 * IMPORTS_MAX + 1][KEY_ROOM];
	char cursors[IMPORTS_MAX][2 * NUMBER_ROOM];
	redisReply *r;
	enum err e;

	if (count > IMPORTS_MAX)
		return ERR_RANGE;
	command_text(&c, "FCALL");
	command_text(&c, function);
	command_number(&c, 1 + 3 * count);
	command_text(&c, store_key(s, keys[3 * IMPORTS_MAX], "epoch", ""));
	for (size_t i = 0; i < count; i++) {
		const struct import *l = &logs[i];

		command_text(&c, store_key(s, keys[3 * i], "import", l->log));
		command_text(&c, store_key(s, keys[3 * i + 1], "log", l->log));
		command_text(&c, store_key(s, keys[3 * i + 2], "cursor",
					   l->service));
	}
	command_number(&c, epoch);
	for (size_t i = 0; i < count; i++) {
		snprintf(cursors[i], sizeof cursors[i], "%" PRIu64 ":%" PRIu64,
			 logs[i].cursor.input, logs[i].cursor.given);
		command_text(&c, cursors[i]);
	}
	r = store_call(s, &c);
	e = store_verdict(s, r);
	freeReplyObject(r);
	return e;
}

enum err store_import_begin(struct store *s, const struct import *logs,
			    size_t count)
{
	return call_end(s, "kalypso_import_begin", 0, logs, count);
}

enum err store_import(struct store *s, const char *log,
		      const struct entry *entries, size_t count)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM], types[STORE_ENTRIES_MAX][8];
	redisReply *r;
	enum err e;

	if (!count || count > STORE_ENTRIES_MAX)
		return ERR_RANGE;
	command_text(&c, "FCALL");
	command_text(&c, "kalypso_import");
	command_text(&c, "1");
	command_text(&c, store_key(s, key, "import", log));
	command_number(&c, entries[0].number);
	for (size_t i = 0; i < count; i++) {
		snprintf(types[i], sizeof types[i], "%u", entries[i].type);
		command_text(&c, types[i]);
		command_bytes(&c, entries[i].body);
	}
	r = store_call(s, &c);
	e = store_verdict(s, r);
	freeReplyObject(r);
	return e;
}

enum err store_import_end(struct store *s, uint64_t epoch,
			  const struct import *logs, size_t count)
{
	return call_end(s, "kalypso_import_end", epoch, logs, count);
}
