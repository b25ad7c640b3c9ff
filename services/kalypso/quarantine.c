/* What the services couldn't read: looked at, read again, dropped. */
#include "common/quarantine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "msg.h"
#include "services/kalypso/decode.h"
#include "services/kalypso/logs.h"
#include "services/kalypso/text.h"

enum { SHOWN = 100, PAGE = 100, DROPPED_AT_ONCE = 1000 };

/* Those that have a quarantine. */
static const char *const services[] = {
#define SERVICE(folder, noun) folder,
#include "protocol/messages/links.def"
};
enum { SERVICES = sizeof services / sizeof services[0] };

static bool has_quarantine(const char *name)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (strcmp(services[i], name) == 0)
			return strcmp(name, "listener") != 0;
	return false;
}

static enum cli_exit check_service(struct cli *cli, const char *name)
{
	return has_quarantine(name)
		       ? CLI_OK
		       : cli_fail(cli, CLI_USAGE,
				  "'%s' is no service with a quarantine: "
				  "chain-indexer, orderbook, matcher, "
				  "task-publisher, slasher-watcher or "
				  "webhook-gateway",
				  name);
}

static enum cli_exit found(struct cli *cli, enum err e, const char *service,
			   const char *id)
{
	return e == ERR_NOT_FOUND
		       ? cli_fail(cli, CLI_NOT_FOUND,
				  "the quarantine of %s holds no '%s': kalypso "
				  "quarantine list %s",
				  service, id, service)
		       : cli_stored(cli, e);
}

/* ---- list --------------------------------------------------------------- */

struct list_options {
	struct cli_number limit;
};

struct listing {
	struct cli *cli;
	const char *service;
	char last[sizeof((struct quarantine_item *)NULL)->id];
	uint64_t given;
};

static void put_item(struct cli *cli, const char *service,
		     const struct quarantine_item *item)
{
	struct cli_out *o = cli->out;
	bool entry = *item->from.log;

	cli_put_text(o, "service", "Service", service);
	cli_put_text(o, "id", "Id", item->id);
	cli_put_time(o, "kept_at", "When", strtoull(item->id, NULL, 10) / 1000,
		     (uint64_t)time(NULL));
	cli_put_text(o, "kind", NULL, entry ? "entry" : "event");
	cli_put_text(o, "what", "What", item->what);
	cli_put_text(o, "reason", "Reason", item->reason);
	cli_put_number(o, "size", "Size", item->size);
	if (!entry)
		return;
	cli_put_text(o, "log", NULL, item->from.log);
	cli_put_id(o, "number", NULL, item->from.number);
	cli_put_text(o, "type", NULL, msg_name(item->from.type));
	cli_put_id(o, "epoch", NULL, item->from.epoch);
}

static void list_item(void *arg, const struct quarantine_item *item)
{
	struct listing *l = arg;

	cli_begin(l->cli->out, NULL);
	put_item(l->cli, l->service, item);
	cli_end(l->cli->out);
	memcpy(l->last, item->id, sizeof l->last);
	l->given++;
}

/* Of one service; *total grows by what its quarantine holds. */
static enum cli_exit list_one(struct cli *cli, struct store *store,
			      const char *service, uint64_t limit,
			      uint64_t *total)
{
	struct listing l = {.cli = cli, .service = service};
	uint64_t count = 0, before;
	enum err e = quarantine_count(store, service, &count);

	*total += count;
	do {
		uint64_t left = limit - l.given;

		before = l.given;
		if (!e && left)
			e = quarantine_each(store, service, l.last,
					    left > PAGE ? PAGE : (unsigned)left,
					    list_item, &l);
	} while (!e && l.given > before);
	return cli_stored(cli, e);
}

static enum cli_exit list_items(struct cli *cli, struct store *store,
				uint64_t limit)
{
	const struct cli_args *args = &cli->args;
	uint64_t total = 0;
	enum cli_exit x = CLI_OK;

	cli_begin_list(cli->out, "items", "nothing is in quarantine");
	for (size_t i = 0; i < SERVICES && !args->count && !x; i++)
		if (has_quarantine(services[i]))
			x = list_one(cli, store, services[i], limit, &total);
	for (size_t i = 0; i < args->count && !x; i++)
		x = list_one(cli, store, args->v[i], limit, &total);
	cli_end(cli->out);
	cli_put_number(cli->out, "total", NULL, total);
	return x;
}

static enum cli_exit list(struct cli *cli, const void *options)
{
	const struct list_options *o = options;
	struct store *store = NULL;
	enum cli_exit x = CLI_OK;

	for (size_t i = 0; i < cli->args.count && !x; i++)
		x = check_service(cli, cli->args.v[i]);
	if (!x)
		x = cli_open_store(cli, &store);
	if (!x)
		x = list_items(cli, store, o->limit.given ? o->limit.v : SHOWN);
	store_close(&store);
	return x;
}

/* ---- show --------------------------------------------------------------- */

static void put_decoded(struct cli_out *o, const struct quarantine_item *item)
{
	char why[CLI_WHY_ROOM] = "", *text;
	json_t *decoded = NULL;
	enum err e;

	if (item->body.size < item->size) {
		snprintf(why, sizeof why, "only its first %zu bytes were kept",
			 item->body.size);
		e = ERR_MALFORMED;
	} else if (*item->from.log) {
		e = cli_decode_entry(&decoded, why, item->from.type,
				     item->body);
	} else {
		e = cli_decode_event(&decoded, why, item);
	}
	text = decoded ? json_dumps(decoded, JSON_COMPACT) : NULL;
	cli_put_text(o, NULL, "Decoded", e ? why : text ? text : "");
	cli_put_json(o, "decoded", decoded);
	cli_put_json(o, "decode_error", e ? json_string(why) : json_null());
	free(text);
}

static void show_item(void *arg, const struct quarantine_item *item)
{
	struct cli *cli = arg;

	put_item(cli, cli->args.v[0], item);
	put_decoded(cli->out, item);
	cli_put_bytes(cli->out, "body", "Bytes", item->body);
}

static enum cli_exit show(struct cli *cli, const void *options)
{
	const char *service = cli->args.v[0], *id = cli->args.v[1];
	struct store *store = NULL;
	enum cli_exit x = check_service(cli, service);

	(void)options;
	if (!x)
		x = cli_open_store(cli, &store);
	if (!x)
		x = found(cli,
			  quarantine_get(store, service, id, show_item, cli),
			  service, id);
	store_close(&store);
	return x;
}

/* ---- retry -------------------------------------------------------------- */

/* An item, and what the log has in its place now. */
struct again {
	struct quarantine_item item;
	char log[32];
	enum err read; /* whether this version can read that */
	char why[CLI_WHY_ROOM];
};

static void keep_item(void *arg, const struct quarantine_item *item)
{
	struct again *a = arg;

	a->item = *item;
	snprintf(a->log, sizeof a->log, "%s", item->from.log);
	a->item.what = a->item.reason = "";
	a->item.from.log = a->log;
	a->item.body = (struct bytes){NULL, 0};
}

static enum err try_entry(void *arg, const struct entry *entry)
{
	struct again *a = arg;
	json_t *decoded = NULL;

	a->read = cli_decode_entry(&decoded, a->why, entry->type, entry->body);
	json_decref(decoded);
	return ERR_NONE;
}

/* The reader reads its log again, so what counts is what the log has. */
static enum cli_exit check_entry(struct cli *cli, struct store *store,
				 struct again *a)
{
	const struct quarantine_origin *from = &a->item.from;
	uint64_t epoch, next;
	enum err e = store_epoch(store, &epoch);

	if (e)
		return cli_stored(cli, e);
	if (epoch != from->epoch)
		return cli_fail(cli, CLI_FAILED,
				"%s: the logs began another life since: entry "
				"%" PRIu64 " of %s is another one now: drop it",
				a->item.id, from->number, from->log);
	e = store_read(store, from->log, from->number, 1, &next, try_entry, a);
	if (e == ERR_CONFLICT || e == ERR_TRIMMED ||
	    (!e && next == from->number))
		return cli_fail(cli, CLI_FAILED,
				"%s: the log %s holds no entry %" PRIu64
				" any more: drop it",
				a->item.id, from->log, from->number);
	if (!e && a->read)
		return cli_fail(cli, CLI_FAILED,
				"%s: it can't be read yet: %s: upgrade first",
				a->item.id, a->why);
	return cli_stored(cli, e);
}

static enum cli_exit check_kind(struct cli *cli, const char *service,
				const struct again *a)
{
	if (!*a->log)
		return cli_fail(cli, CLI_FAILED,
				"%s: an event is read when its block is "
				"indexed: upgrade chain-indexer, and index "
				"anew under another --name",
				a->item.id);
	if (!quarantine_can_retry(service))
		return cli_fail(cli, CLI_FAILED,
				"%s: what %s has said since follows from its "
				"log without this entry, and a replay has to "
				"say the same: upgrade, and index anew under "
				"another --name",
				a->item.id, service);
	return CLI_OK;
}

static enum cli_exit retry_one(struct cli *cli, struct store *store,
			       const char *service, const char *id)
{
	struct again a = {.read = ERR_NONE};
	enum cli_exit x =
		found(cli, quarantine_get(store, service, id, keep_item, &a),
		      service, id);

	if (!x)
		x = check_kind(cli, service, &a);
	if (!x)
		x = check_entry(cli, store, &a);
	if (!x)
		x = found(cli, quarantine_retry(store, service, &a.item),
			  service, id);
	if (x)
		return x;
	cli_begin(cli->out, NULL);
	cli_put_text(cli->out, "id", "Read again", id);
	cli_put_text(cli->out, "log", "Log", a.log);
	cli_put_id(cli->out, "number", "Entry", a.item.from.number);
	cli_end(cli->out);
	return CLI_OK;
}

static enum cli_exit retry(struct cli *cli, const void *options)
{
	const struct cli_args *args = &cli->args;
	struct store *store = NULL;
	enum cli_exit x = check_service(cli, args->v[0]);

	(void)options;
	if (!x)
		x = cli_open_store(cli, &store);
	cli_begin_list(cli->out, "items", NULL);
	for (size_t i = 1; i < args->count && !x; i++)
		x = retry_one(cli, store, args->v[0], args->v[i]);
	cli_end(cli->out);
	store_close(&store);
	return x;
}

/* ---- drop --------------------------------------------------------------- */

struct drop_options {
	bool yes, all;
};

struct ids {
	char (*v)[sizeof((struct quarantine_item *)NULL)->id];
	size_t count;
};

static void note_id(void *arg, const struct quarantine_item *item)
{
	struct ids *ids = arg;

	memcpy(ids->v[ids->count++], item->id, sizeof item->id);
}

/* What is there now; what comes meanwhile stays. */
static enum err drop_all(struct store *store, const char *service,
			 uint64_t *dropped)
{
	struct ids ids = {cli_alloc(DROPPED_AT_ONCE * sizeof *ids.v), 0};
	enum err e;

	do {
		ids.count = 0;
		e = quarantine_each(store, service, "", DROPPED_AT_ONCE,
				    note_id, &ids);
		for (size_t i = 0; i < ids.count && !e; i++) {
			e = quarantine_drop(store, service, ids.v[i]);
			if (e == ERR_NOT_FOUND) /* somebody else did */
				e = ERR_NONE;
			else
				++*dropped;
		}
	} while (!e && ids.count == DROPPED_AT_ONCE);
	free(ids.v);
	return e;
}

static enum cli_exit check_drop(struct cli *cli, const struct drop_options *o)
{
	if (o->all != (cli->args.count == 1))
		return cli_fail(cli, CLI_USAGE,
				"which items? Give their ids, or --all");
	if (!o->yes)
		return cli_fail(cli, CLI_USAGE,
				"what is dropped can't be looked at any more: "
				"say --yes");
	return check_service(cli, cli->args.v[0]);
}

static enum cli_exit drop(struct cli *cli, const void *options)
{
	const struct drop_options *o = options;
	const struct cli_args *args = &cli->args;
	const char *service = args->v[0];
	struct store *store = NULL;
	uint64_t dropped = 0;
	enum cli_exit x = check_drop(cli, o);

	if (!x)
		x = cli_open_store(cli, &store);
	if (!x && o->all)
		x = cli_stored(cli, drop_all(store, service, &dropped));
	for (size_t i = 1; i < args->count && !x; i++) {
		x = found(cli, quarantine_drop(store, service, args->v[i]),
			  service, args->v[i]);
		dropped += !x;
	}
	cli_put_text(cli->out, "service", "Service", service);
	cli_put_number(cli->out, "dropped", "Dropped", dropped);
	store_close(&store);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option list_rows[] = {
	CLI_OPTION(list_options, NUMBER, limit, "limit", "N", "at most so many of each service, the oldest [100]", false),
	{0}};

static const struct cli_option drop_rows[] = {
	CLI_OPTION(drop_options, FLAG, all, "all", NULL, "everything that the service's quarantine holds", false),
	CLI_OPTION(drop_options, FLAG, yes, "yes", NULL, "yes, forget it", false),
	{0}};

const struct cli_command cli_quarantine_commands[] = {
	{.noun = "quarantine", .verb = "list", .args = "[SERVICE...]", .args_max = 16,
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "what services couldn't read",
	 .more = "An event is a log of the contracts that chain-indexer couldn't read; an entry is one of a market's log that its reader couldn't.",
	 .examples = "  kalypso quarantine list\n  kalypso quarantine list chain-indexer --json\n",
	 .options = list_rows, .options_size = sizeof(struct list_options), .run = list},
	{.noun = "quarantine", .verb = "show", .args = "SERVICE ID", .args_min = 2, .args_max = 2,
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "an item with its bytes, decoded if this version can",
	 .examples = "  kalypso quarantine show chain-indexer 1763712000000-0\n",
	 .run = show},
	{.noun = "quarantine", .verb = "retry", .args = "SERVICE ID...", .args_min = 2, .args_max = 64,
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "let the service read it again",
	 .more = "Has a meaning for entries that task-publisher couldn't read: every copy of it begins again within its process, reads the logs, and comes past the entry; if it still can't be read, it is back here. Status 1, and nothing happens, for an event and for an entry of a fold (orderbook, matcher, slasher-watcher), which take it only in a new index under another --name, and for what this version of kalypso can't read either.",
	 .examples = "  kalypso quarantine retry task-publisher 1763712000000-0\n",
	 .run = retry},
	{.noun = "quarantine", .verb = "drop", .args = "SERVICE [ID...]", .args_min = 1, .args_max = 64,
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "forget items",
	 .more = "The entry stays in its log, and the event on the chain.",
	 .examples = "  kalypso quarantine drop chain-indexer 1763712000000-0 --yes\n  kalypso quarantine drop chain-indexer --all --yes\n",
	 .options = drop_rows, .options_size = sizeof(struct drop_options), .run = drop},
	{0}};
/* clang-format on */
