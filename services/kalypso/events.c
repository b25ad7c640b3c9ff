/* The entries of a log, as the gateway shows them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/kalypso/gateway.h"
#include "services/kalypso/terminal.h"
#include "services/kalypso/text.h"

enum { SHOWN = 20, PAGE = 200, POLL_MS = 500, VALUE_MAX = 70 };

struct events_options {
	const char *log;
	struct cli_number from, limit;
	bool follow;
};

struct reading {
	const char *log;
	uint64_t next; /* number of the entry that is due */
	uint64_t left; /* entries that may still be shown */
	char epoch[32];
	json_t *kept; /* for the one document; NULL: lines as they come */
};

/* ---- lines -------------------------------------------------------------- */

/* "a.b=1 c=0x12…", in one line. */
static void put_members(struct buf *out, const char *prefix, json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach (object, name, value) {
		char key[96];
		char *text;

		if (!*prefix && strcmp(name, "type") == 0)
			continue;
		snprintf(key, sizeof key, "%s%s%.60s", prefix,
			 *prefix ? "." : "", name);
		if (json_is_object(value)) {
			put_members(out, key, value);
			continue;
		}
		text = json_is_string(value)
			       ? strdup(json_string_value(value))
			       : json_dumps(value, JSON_ENCODE_ANY);
		buf_printf(out, " %s=%.*s%s", key, VALUE_MAX, text ? text : "",
			   text && strlen(text) > VALUE_MAX ? "…" : "");
		free(text);
	}
}

static void print_line(const json_t *event)
{
	json_t *entry = json_object_get(event, "entry");
	struct buf line = {0}, clean = {0};

	buf_printf(&line, "%lld  %-20s",
		   (long long)json_integer_value(json_object_get(event, "seq")),
		   cli_json_text(entry, "type"));
	put_members(&line, "", entry);
	cli_put_clean(&clean, buf_bytes(&line));
	puts(buf_text(&clean));
	buf_free(&line);
	buf_free(&clean);
}

static void show(const struct cli *cli, struct reading *r, json_t *event)
{
	if (r->kept) {
		json_array_append(r->kept, event);
	} else if (cli->common.json) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_line(event);
	}
}

/* ---- pages -------------------------------------------------------------- */

/* The logs can begin another life, in which numbers start again. */
static bool is_new_life(struct reading *r, const json_t *said)
{
	const char *epoch = cli_json_text(said, "epoch");
	bool other = *r->epoch && strcmp(r->epoch, epoch) != 0;

	snprintf(r->epoch, sizeof r->epoch, "%s", epoch);
	return other;
}

static void take_page(const struct cli *cli, struct reading *r,
		      const json_t *said, size_t *taken)
{
	const json_t *events = json_object_get(said, "events");
	json_t *event;
	size_t i;

	*taken = 0;
	if (is_new_life(r, said)) {
		cli_note("the logs began another life: from 1 again");
		r->next = 1;
		*taken = 1; /* ask at once */
		return;
	}
	json_array_foreach (events, i, event) {
		if (!r->left)
			break;
		show(cli, r, event);
		r->left--;
		r->next = (uint64_t)json_integer_value(
				  json_object_get(event, "seq")) +
			  1;
		(*taken)++;
	}
}

static enum cli_exit read_page(struct cli *cli, struct reading *r, bool quiet,
			       size_t *taken)
{
	const char *format = "events?log=%s&from=%" PRIu64 "&limit=%d";
	json_t *said;
	enum cli_exit x;

	*taken = 0;
	x = quiet ? cli_gateway_try(cli, &said, format, r->log, r->next, PAGE)
		  : cli_gateway_get(cli, &said, format, r->log, r->next, PAGE);
	if (!x)
		take_page(cli, r, said, taken);
	json_decref(said);
	return x;
}

/* ---- once, and on and on ------------------------------------------------ */

static enum cli_exit read_all(struct cli *cli, struct reading *r)
{
	size_t taken = 1;
	enum cli_exit x = CLI_OK;

	while (!x && taken && r->left)
		x = read_page(cli, r, false, &taken);
	return x;
}

/* A gateway that is away for a moment is waited for; a reader of ours that
 * has gone is the end. */
static enum cli_exit follow(struct cli *cli, struct reading *r)
{
	size_t taken;
	enum cli_exit x = read_all(cli, r);

	while (!x && r->left && fflush(stdout) == 0) {
		x = cli_sleep(cli, POLL_MS);
		do {
			taken = 0;
			if (!x)
				x = read_page(cli, r, true, &taken);
		} while (taken && r->left);
		if (x && x != CLI_INTERRUPTED) {
			cli_progress("waiting for the gateway");
			x = CLI_OK;
		} else {
			cli_progress_clear();
		}
	}
	return x;
}

/* The number from which the last @count entries follow. */
static enum cli_exit find_end(struct cli *cli, struct reading *r)
{
	json_t *said;
	enum cli_exit x = cli_gateway_get(cli, &said, "chain");
	uint64_t newest = 0;

	if (!x)
		newest = (uint64_t)json_integer_value(json_object_get(
			json_object_get(json_object_get(said, "logs"), r->log),
			"newest"));
	r->next = newest > SHOWN ? newest - SHOWN + 1 : 1;
	json_decref(said);
	return x;
}

static enum cli_exit events(struct cli *cli, const void *options)
{
	const struct events_options *o = options;
	struct reading r = {.log = o->log ? o->log : "chain",
			    .next = o->from.v,
			    .left = o->limit.given ? o->limit.v : UINT64_MAX};
	enum cli_exit x = CLI_OK;

	if (!r.log[0] || r.log[strspn(r.log, "abcdefghijklmnopqrstuvwxyz")])
		x = cli_fail(cli, CLI_USAGE,
			     "--log '%s': chain, book, match, task or slash",
			     r.log);
	if (!x && !r.next)
		x = find_end(cli, &r);
	cli->streaming = !x && (o->follow || !cli->common.json);
	if (!cli->streaming)
		r.kept = json_array();
	if (!x)
		x = o->follow ? follow(cli, &r) : read_all(cli, &r);
	if (r.kept && !x) {
		cli_put_text(cli->out, "log", NULL, r.log);
		cli_put_text(cli->out, "epoch", NULL, r.epoch);
		cli_put_json(cli->out, "events", json_incref(r.kept));
		cli_put_number(cli->out, "next", NULL, r.next);
	}
	json_decref(r.kept);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option events_rows[] = {
	CLI_OPTION(events_options, TEXT, log, "log", "LOG", "chain, book, match, task or slash [chain]", false),
	CLI_OPTION(events_options, NUMBER, from, "from", "N", "begin with entry N [the last 20]", false),
	CLI_OPTION(events_options, NUMBER, limit, "limit", "N", "end after so many", false),
	CLI_OPTION(events_options, FLAG, follow, "follow", NULL, "go on with what comes, until interrupted", false),
	{0}};

const struct cli_command cli_events_commands[] = {
	{.noun = "events", .args = "",
	 .needs = CLI_NEEDS_GATEWAY,
	 .summary = "entries of the market's logs, from the gateway",
	 .more = "With --follow and --json each entry is a JSON document on a line of its own.",
	 .examples = "  kalypso events\n  kalypso events --log=match --from=1\n  kalypso events --follow --json\n",
	 .options = events_rows, .options_size = sizeof(struct events_options), .run = events},
	{0}};
/* clang-format on */
