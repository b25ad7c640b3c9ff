/* From Redis to a file; what can be wrong with either. */
#include "services/kalypso/logs.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/private_file.h"
#include "msg.h"
#include "services/kalypso/terminal.h"

enum {
	STORE_TIMEOUT_MS = 5000,
	READ_MAX = 1000,
	SHOWN_EVERY = 20000,
	WHY_ROOM = 512,
};

const struct cli_log cli_logs[CLI_LOGS] = {
#define LINK(name, number, writer, meaning) {#name, writer},
#include "protocol/messages/links.def"
};

const struct cli_log *cli_find_log(const char *name)
{
	for (size_t i = 0; i < CLI_LOGS; i++)
		if (strcmp(cli_logs[i].name, name) == 0)
			return &cli_logs[i];
	return NULL;
}

/* ---- telling ------------------------------------------------------------ */

enum cli_exit cli_flawed(struct cli *cli, const char *path,
			 const struct logfile_flaw *flaw)
{
	char entry[64] = "";

	if (flaw->number)
		snprintf(entry, sizeof entry, ", entry %" PRIu64 " of %s",
			 flaw->number, flaw->log);
	return cli_fail(cli, CLI_USAGE,
			"%s can't be used: %s (byte %" PRIu64 "%s): get the "
			"file again",
			path, flaw->what, flaw->offset, entry);
}

enum cli_exit cli_written(struct cli *cli, enum err e, const char *path)
{
	if (!e)
		return CLI_OK;
	return cli_fail(cli, e == ERR_STORAGE && path ? CLI_USAGE : CLI_FAILED,
			"%s can't be written: %s",
			path ? path : "a temporary file",
			e == ERR_STORAGE ? strerror(errno) : err_text(e));
}

enum cli_exit cli_stored(struct cli *cli, enum err e)
{
	const char *redis = cli->common.redis;

	switch (e) {
	case ERR_NONE:
		return CLI_OK;
	case ERR_CONFIG:
		return cli_fail(cli, CLI_USAGE,
				"Redis at %s can't be used: mend its settings "
				"or --redis",
				redis);
	case ERR_TRIMMED:
		return cli_fail(cli, CLI_FAILED,
				"a log in Redis at %s doesn't begin at 1 any "
				"more: older entries were trimmed (--log-keep "
				"of the services). Derive what they said from "
				"the chain: kalypso audit without --live",
				redis);
	case ERR_CONFLICT:
		return cli_fail(cli, CLI_FAILED,
				"a log in Redis at %s lacks entries, or has "
				"some that are none: it was damaged",
				redis);
	default:
		return cli_fail(cli, CLI_UNREACHABLE,
				"Redis at %s doesn't answer: mend --redis",
				redis);
	}
}

enum cli_exit cli_poll_interrupt(struct cli *cli)
{
	sigset_t pending;

	sigpending(&pending);
	if (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM))
		return cli_fail(cli, CLI_INTERRUPTED, "interrupted");
	return CLI_OK;
}

/* ---- files -------------------------------------------------------------- */

enum cli_exit cli_open_file(struct cli *cli, struct logfile *f,
			    const char *path)
{
	struct logfile_flaw flaw;
	enum err e = logfile_open(f, path, &flaw);

	if (e == ERR_NOT_FOUND)
		return cli_fail(cli, CLI_USAGE, "%s can't be read: %s", path,
				strerror(errno));
	return e ? cli_flawed(cli, path, &flaw) : CLI_OK;
}

enum cli_exit cli_check_file(struct cli *cli, const struct logfile *f,
			     const char *path)
{
	struct logfile_flaw flaw;

	return logfile_check(f, &flaw) ? cli_flawed(cli, path, &flaw) : CLI_OK;
}

enum cli_exit cli_check_origin(struct cli *cli, const struct logfile_origin *o,
			       const char *path)
{
	const struct deployment *d = &cli->contracts;

	if (!cli->common.contracts &&
	    !json_object_get(cli->market, "contracts"))
		return CLI_OK;
	if (cli_read_contracts(cli))
		return CLI_USAGE;
	if (o->chain_id != d->chain_id)
		return cli_fail(cli, CLI_USAGE,
				"%s is of chain %" PRIu64
				", the contracts are of chain %" PRIu64
				": give the right file, or mend --contracts",
				path, o->chain_id, d->chain_id);
	if (!address_eq(&o->marketplace, &d->marketplace) ||
	    !address_eq(&o->registry, &d->registry) ||
	    !address_eq(&o->keys, &d->keys) || o->start_block != d->start_block)
		return cli_fail(cli, CLI_USAGE,
				"%s is of other contracts, or of another "
				"first block: give the right file, or mend "
				"--contracts",
				path);
	return CLI_OK;
}

/* ---- Redis -------------------------------------------------------------- */

const char *cli_deployment(const struct cli *cli)
{
	return cli->common.name ? cli->common.name : "local";
}

enum cli_exit cli_new_store(struct cli *cli, struct store **out)
{
	const struct cli_common *c = &cli->common;
	const char *file = c->redis_password_file;
	char why[WHY_ROOM], *password = NULL;
	enum err e;

	*out = NULL;
	if (!c->redis)
		return cli_fail(cli, CLI_USAGE,
				"which Redis? Give --redis URL, or set "
				"$KALYPSO_REDIS or $KALYPSO_MARKET");
	if (file && !(password = private_file_read(file, why, sizeof why)))
		return cli_fail(cli, CLI_USAGE, "--redis-password-file: %s",
				why);
	e = store_open(out, c->redis, cli_deployment(cli),
		       file ? password : getenv("KALYPSO_REDIS_PASSWORD"),
		       STORE_TIMEOUT_MS);
	free(password);
	return e ? cli_fail(cli, CLI_USAGE,
			    "--redis '%s' or --name '%s' can't be used",
			    c->redis, cli_deployment(cli))
		 : CLI_OK;
}

enum cli_exit cli_open_store(struct cli *cli, struct store **out)
{
	enum cli_exit x = cli_new_store(cli, out);

	return x ? x : cli_stored(cli, store_check(*out));
}

static enum err take_opened(void *arg, const struct entry *e)
{
	return e->type == MSG_CHAIN_OPENED
		       ? msg_chain_opened_decode(arg, e->body)
		       : ERR_CONFLICT;
}

/* The chain log's first entry says what all of them are of. */
static enum cli_exit read_origin(struct cli *cli, struct store *store,
				 struct logfile_origin *out)
{
	struct msg_chain_opened m;
	uint64_t epoch = 0, next = 1;
	enum err e = store_epoch(store, &epoch);
	enum cli_exit x;

	if (!e)
		e = store_read(store, "chain", 1, 1, &next, take_opened, &m);
	x = cli_stored(cli, e == ERR_MALFORMED ? ERR_CONFLICT : e);
	if (x)
		return x;
	if (!epoch || next == 1)
		return cli_fail(cli, CLI_NOT_FOUND,
				"there are no logs under --name=%s in Redis "
				"at %s",
				cli_deployment(cli), cli->common.redis);
	*out = (struct logfile_origin){.chain_id = m.chain_id,
				       .genesis = m.genesis,
				       .start_block = m.start_block,
				       .marketplace = m.marketplace,
				       .registry = m.registry,
				       .keys = m.keys,
				       .epoch = epoch};
	snprintf(out->name, sizeof out->name, "%s", cli_deployment(cli));
	return CLI_OK;
}

struct fetching {
	struct cli *cli;
	struct store *store;
	struct logfile_writer *writer;
	const char *const *names;
	unsigned count, log; /* of the one being fetched */
	const char *path;
	uint64_t last[LOGFILE_LOGS_MAX];
	enum err write; /* what the writer said, when that ended it */
};

static enum err on_entry(void *arg, const struct entry *e)
{
	struct fetching *f = arg;

	if (e->number > f->last[f->log])
		return ERR_EXPIRED; /* newer than what was agreed on */
	f->write = logfile_put(f->writer, f->log, e->number, e->type, e->body);
	return f->write ? ERR_RANGE : ERR_NONE;
}

/* Where each log ends: those that follow from others first. */
static enum cli_exit find_ends(struct fetching *f)
{
	enum err e = ERR_NONE;

	for (unsigned i = f->count; i-- > 0 && !e;) {
		const struct cli_log *log = cli_find_log(f->names[i]);
		struct cursor cursor;

		e = store_end(f->store, log->name, log->writer, &f->last[i],
			      &cursor);
		if (!e)
			logfile_set_cursor(f->writer, i, cursor);
	}
	return cli_stored(f->cli, e);
}

static enum cli_exit fetch_log(struct fetching *f)
{
	const char *name = f->names[f->log];
	uint64_t last = f->last[f->log], next = 1;
	enum cli_exit x = CLI_OK;

	while (!x && next <= last) {
		uint64_t from = next;
		enum err e = store_read(f->store, name, from, READ_MAX, &next,
					on_entry, f);

		if (e == ERR_EXPIRED || (!e && next == from && from <= last))
			e = next > last ? ERR_NONE : ERR_CONFLICT;
		x = f->write ? cli_written(f->cli, f->write, f->path)
			     : cli_stored(f->cli, e);
		if (!x)
			x = cli_poll_interrupt(f->cli);
		if (next / SHOWN_EVERY != from / SHOWN_EVERY)
			cli_progress("%s log: entry %" PRIu64 " of %" PRIu64,
				     name, next, last);
	}
	return x;
}

/* The logs were of one life all the while. */
static enum cli_exit check_epoch(struct fetching *f, uint64_t epoch)
{
	uint64_t now;
	enum cli_exit x = cli_stored(f->cli, store_epoch(f->store, &now));

	if (!x && now != epoch)
		x = cli_fail(f->cli, CLI_FAILED,
			     "the logs began another life meanwhile: again, "
			     "please");
	return x;
}

enum cli_exit cli_fetch_logs(struct cli *cli, struct store *store,
			     const char *const *names, unsigned count,
			     const char *path, struct logfile_writer **out)
{
	struct fetching f = {.cli = cli,
			     .store = store,
			     .names = names,
			     .count = count,
			     .path = path};
	struct logfile_origin origin;
	enum cli_exit x = read_origin(cli, store, &origin);

	*out = NULL;
	if (x)
		return x;
	x = cli_written(cli, logfile_create(out, path, &origin, names, count),
			path);
	if (x)
		return x;
	f.writer = *out;
	x = find_ends(&f);
	for (; !x && f.log < count; f.log++)
		x = fetch_log(&f);
	cli_progress_clear();
	if (!x)
		x = check_epoch(&f, origin.epoch);
	return x ? x : cli_written(cli, logfile_finish(*out), path);
}
