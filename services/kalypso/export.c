/* Logs out of Redis into a file, and back into another Redis. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/kalypso/logs.h"
#include "services/kalypso/terminal.h"

/* ---- what a file holds -------------------------------------------------- */

static void put_file(struct cli *cli, const struct logfile *f, const char *path)
{
	struct cli_out *o = cli->out;

	cli_put_text(o, "file", "File", path);
	cli_put_id(o, "bytes", "Bytes", f->all.size);
	cli_put_id(o, "chain_id", "Chain", f->origin.chain_id);
	cli_put_address(o, "marketplace", "Marketplace",
			&f->origin.marketplace);
	cli_put_text(o, "name", "Deployment", f->origin.name);
	cli_put_id(o, "epoch", "Epoch", f->origin.epoch);
	cli_say(o, "%s", "");
	cli_begin_list(o, "logs", "no logs");
	for (unsigned i = 0; i < f->logs_count; i++) {
		cli_begin(o, NULL);
		cli_put_text(o, "log", "Log", f->logs[i].name);
		cli_put_id(o, "first", "First", f->logs[i].first);
		cli_put_id(o, "last", "Last", f->logs[i].last);
		cli_end(o);
	}
	cli_end(o);
}

/* ---- export ------------------------------------------------------------- */

struct export_options {
	const char *out;
};

/* The logs that were asked for, in the order of cli_logs, each once. */
static enum cli_exit choose(struct cli *cli, const char **names,
			    unsigned *count)
{
	const struct cli_args *args = &cli->args;

	*count = 0;
	for (size_t i = 0; i < args->count; i++)
		if (!cli_find_log(args->v[i]))
			return cli_fail(cli, CLI_USAGE,
					"'%s' is no log: chain, book, match, "
					"task or slash",
					args->v[i]);
	for (size_t k = 0; k < CLI_LOGS; k++) {
		bool wanted = false;

		for (size_t i = 0; i < args->count; i++)
			wanted |= strcmp(args->v[i], cli_logs[k].name) == 0;
		if (wanted)
			names[(*count)++] = cli_logs[k].name;
	}
	return CLI_OK;
}

static enum cli_exit say_written(struct cli *cli, struct logfile_writer *w,
				 const char *path)
{
	struct logfile_flaw flaw;
	struct logfile f;

	if (logfile_reopen(&f, w, &flaw))
		return cli_flawed(cli, path, &flaw);
	put_file(cli, &f, path);
	logfile_close(&f);
	return CLI_OK;
}

static enum cli_exit export_logs(struct cli *cli, const void *options)
{
	const struct export_options *o = options;
	struct logfile_writer *w = NULL;
	const char *names[CLI_LOGS];
	struct store *store = NULL;
	unsigned count;
	enum cli_exit x = choose(cli, names, &count);

	if (!x)
		x = cli_open_store(cli, &store);
	if (!x)
		x = cli_fetch_logs(cli, store, names, count, o->out, &w);
	if (!x)
		x = say_written(cli, w, o->out);
	logfile_writer_free(&w);
	store_close(&store);
	return x;
}

/* ---- import ------------------------------------------------------------- */

enum { SHOWN_EVERY = 20000 };

struct importing {
	struct cli *cli;
	struct store *store;
	struct logfile file;
	struct import logs[LOGFILE_LOGS_MAX];
};

static enum cli_exit name_logs(struct importing *i)
{
	for (unsigned k = 0; k < i->file.logs_count; k++) {
		const struct logfile_log *l = &i->file.logs[k];
		const struct cli_log *log = cli_find_log(l->name);

		if (!log || l->first != 1)
			return cli_fail(i->cli, CLI_USAGE,
					"a log in the file isn't one that can "
					"be imported: %s from entry %" PRIu64,
					l->name, l->first);
		i->logs[k] = (struct import){log->name, log->writer, l->cursor};
	}
	return CLI_OK;
}

static enum cli_exit imported(struct importing *i, enum err e)
{
	if (e != ERR_EXISTS)
		return cli_stored(i->cli, e);
	return cli_fail(i->cli, CLI_FAILED,
			"there are logs under this --name in Redis at %s "
			"already: give another --name, or an empty Redis",
			i->cli->common.redis);
}

/* As many entries as an append may have. */
static enum cli_exit import_some(struct importing *i, const char *log,
				 struct logfile_place *at, bool *more)
{
	static struct entry entries[STORE_ENTRIES_MAX];
	size_t count = 0, bytes = 0;

	while (count < STORE_ENTRIES_MAX && bytes < STORE_BYTES_MAX &&
	       logfile_next(at, &entries[count]))
		bytes += entries[count++].body.size;
	*more = count > 0;
	return count ? imported(i, store_import(i->store, log, entries, count))
		     : CLI_OK;
}

static enum cli_exit import_log(struct importing *i,
				const struct logfile_log *log)
{
	struct logfile_place at = logfile_begin(log);
	enum cli_exit x = CLI_OK;
	bool more = true;

	while (!x && more) {
		uint64_t from = at.next;

		x = import_some(i, log->name, &at, &more);
		if (!x)
			x = cli_poll_interrupt(i->cli);
		if (from / SHOWN_EVERY != at.next / SHOWN_EVERY)
			cli_progress("%s log: entry %" PRIu64 " of %" PRIu64,
				     log->name, at.next, log->last);
	}
	cli_progress_clear();
	return x;
}

static enum cli_exit import_all(struct importing *i)
{
	unsigned count = i->file.logs_count;
	enum cli_exit x =
		imported(i, store_import_begin(i->store, i->logs, count));

	for (unsigned k = 0; !x && k < count; k++)
		x = import_log(i, &i->file.logs[k]);
	return x ? x
		 : imported(i, store_import_end(i->store, i->file.origin.epoch,
						i->logs, count));
}

static enum cli_exit import_logs(struct cli *cli, const void *options)
{
	struct importing i = {.cli = cli};
	const char *path = cli->args.v[0];
	enum cli_exit x = cli_open_file(cli, &i.file, path);

	(void)options;
	if (!x)
		x = cli_check_file(cli, &i.file, path);
	if (!x && !i.file.origin.epoch)
		x = cli_fail(cli, CLI_USAGE,
			     "%s was made from a node (kalypso audit --keep): "
			     "only what was exported from Redis can be "
			     "imported",
			     path);
	if (!x)
		x = name_logs(&i);
	if (!x)
		x = cli_open_store(cli, &i.store);
	if (!x)
		x = import_all(&i);
	if (!x)
		put_file(cli, &i.file, path);
	store_close(&i.store);
	logfile_close(&i.file);
	return x;
}

/* ---- the tables --------------------------------------------------------- */

/* clang-format off */
static const struct cli_option export_rows[] = {
	CLI_OPTION(export_options, TEXT, out, "out", "FILE", "where to; written beside it first", true),
	{0}};

const struct cli_command cli_export_commands[] = {
	{.noun = "export", .args = "LOG...", .args_min = 1, .args_max = 16,
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "logs out of Redis into a file",
	 .more = "LOG is chain, book, match, task or slash. The file says what it is of, and carries checksums: docs/audit.md. No log in it is newer than what it follows from, whatever the services write meanwhile.",
	 .examples = "  kalypso export chain book match --out=market.logs\n",
	 .options = export_rows, .options_size = sizeof(struct export_options), .run = export_logs},
	{0}};

const struct cli_command cli_import_commands[] = {
	{.noun = "import", .args = "FILE", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "logs from such a file into an empty Redis",
	 .more = "All of them appear at once, when the whole file has been read; what an import that was interrupted left behind is forgotten by the next. Refused if there are logs under --name already. The logs keep their epoch, so that what is exported again under the same name is the same file.",
	 .examples = "  kalypso import market.logs --redis=redis://127.0.0.1:6380 --name=local\n",
	 .run = import_logs},
	{0}};
/* clang-format on */
