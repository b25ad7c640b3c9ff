/* Is everything there, and how far behind? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/store.h"
#include "services/kalypso/gateway.h"
#include "services/kalypso/status_service.h"
#include "services/kalypso/views.h"

/* ---- asking ------------------------------------------------------------- */

/* A status in Redis, in the gateway's form: what isn't a member of its own is
 * a detail. */
static void take_status(void *arg, const char *who, const char *const *pairs,
			size_t count)
{
	json_t *services = arg, *service = json_object();
	json_t *details = json_object();
	const char *colon = strchr(who, ':');

	json_object_set_new(
		service, "service",
		json_stringn(who, colon ? (size_t)(colon - who) : strlen(who)));
	json_object_set_new(service, "instance",
			    json_string(colon ? colon + 1 : ""));
	for (size_t i = 0; i + 1 < count; i += 2) {
		const char *name = pairs[i];
		bool own = strcmp(name, "why") == 0 ||
			   strcmp(name, "version") == 0 ||
			   strcmp(name, "up_s") == 0 ||
			   strcmp(name, "block") == 0;

		if (strcmp(name, "ready") == 0)
			json_object_set_new(service, name,
					    json_boolean(strcmp(pairs[i + 1],
								"true") == 0));
		else
			json_object_set_new(own ? service : details, name,
					    json_string(pairs[i + 1]));
	}
	json_object_set_new(service, "details", details);
	json_array_append_new(services, service);
}

static enum err ask_logs(struct store *store, struct status_logs *logs)
{
	enum err e = ERR_NONE;

	for (size_t i = 0; i < CLI_LOGS && !e; i++)
		e = store_last(store, cli_logs[i].name, &logs->newest[i]);
	return e;
}

static enum cli_exit ask_redis(struct cli *cli, json_t **services,
			       struct status_logs *logs)
{
	struct store *store;
	enum err e;

	*services = json_array();
	if (cli_new_store(cli, &store))
		return CLI_USAGE;
	e = store_status_read(store, take_status, *services);
	if (!e)
		e = ask_logs(store, logs);
	store_close(&store);
	return e ? cli_fail(cli, CLI_UNREACHABLE,
			    "Redis at %s doesn't answer: mend --redis",
			    cli->common.redis)
		 : CLI_OK;
}

/* What the writers say of their logs. */
static void note_logs(const json_t *services, struct status_logs *logs)
{
	const json_t *s;
	size_t k;

	json_array_foreach (services, k, s)
		for (size_t i = 0; i < CLI_LOGS; i++) {
			uint64_t n = cli_json_id(json_object_get(s, "details"),
						 "logged");

			if (strcmp(cli_json_text(s, "service"),
				   cli_logs[i].writer) == 0 &&
			    n > logs->newest[i])
				logs->newest[i] = n;
		}
}

static enum cli_exit ask_gateway(struct cli *cli, json_t **services,
				 struct status_logs *logs)
{
	json_t *said;
	enum cli_exit x = cli_gateway_get(cli, &said, "status");

	*services = json_incref(json_object_get(said, "services"));
	if (!x && !json_is_array(*services))
		x = cli_fail(cli, CLI_UNREACHABLE,
			     "the gateway %s doesn't answer as it should: "
			     "mend --gateway",
			     cli->common.gateway);
	note_logs(*services, logs);
	json_decref(said);
	return x;
}

/* ---- saying ------------------------------------------------------------- */

static void put_node(struct cli *cli)
{
	struct cli_out *o = cli->out;
	char id[24];

	if (!cli->has_chain) {
		cli_put_json(o, "node", json_null());
		return;
	}
	snprintf(id, sizeof id, "%" PRIu64, cli->contracts.chain_id);
	cli_begin(o, "node");
	cli_put_text(o, "url", "Node", rpc_node(cli->rpc));
	cli_put_text(o, "chain_id", "Chain", id);
	cli_put_id(o, "head", "Head", cli->head);
	cli_put_time(o, "time", "Head's time", cli->head_time.v, cli->now.v);
	cli_end(o);
}

/* Blocks that a service is behind the node, or else behind the newest block
 * that any service knows. */
static uint64_t newest(const struct cli *cli, const json_t *services)
{
	uint64_t most = cli->has_chain ? cli->head : 0;
	const json_t *s;
	size_t i;

	json_array_foreach (services, i, s)
		if (!cli->has_chain && cli_json_id(s, "block") > most)
			most = cli_json_id(s, "block");
	return most;
}

/* What the order book says of itself is the size of the book. */
static void put_book(struct cli *cli, const json_t *services)
{
	struct cli_out *o = cli->out;
	const json_t *s;
	size_t i;

	json_array_foreach (services, i, s) {
		const json_t *d = json_object_get(s, "details");

		if (strcmp(cli_json_text(s, "service"), "orderbook") != 0 ||
		    !json_object_get(d, "open"))
			continue;
		cli_begin(o, "book");
		cli_put_id(o, "open", "Open requests", cli_json_id(d, "open"));
		cli_put_id(o, "assigned", "Tasks", cli_json_id(d, "assigned"));
		cli_put_id(o, "quotes", "Quotes", cli_json_id(d, "quotes"));
		cli_put_id(o, "suspended", "Suspended",
			   cli_json_id(d, "suspended"));
		cli_end(o);
		return;
	}
	cli_put_json(o, "book", json_null());
}

/* ---- judging ------------------------------------------------------------ */

/* Of every service of the market one copy is ready; a listener is its
 * generator's. */
static const char *const wanted[] = {
#define SERVICE(folder, noun) folder,
#define LINK(name, number, writer, meaning)
#include "protocol/messages/links.def"
};

static bool is_ready(const json_t *services, const char *name)
{
	const json_t *s;
	size_t i;

	json_array_foreach (services, i, s)
		if (strcmp(cli_json_text(s, "service"), name) == 0 &&
		    json_is_true(json_object_get(s, "ready")))
			return true;
	return false;
}

static enum cli_exit judge_alarms(struct cli *cli, const json_t *services)
{
	const json_t *s;
	size_t i;

	json_array_foreach (services, i, s) {
		const char *names =
			cli_json_text(json_object_get(s, "details"), "alarms");

		if (*names)
			return cli_fail(cli, CLI_FAILED,
					"%s has an alarm: %s: docs/operator.md",
					cli_json_text(s, "service"), names);
	}
	return CLI_OK;
}

static enum cli_exit judge(struct cli *cli, const json_t *services)
{
	struct buf missing = {0};
	json_t *list = json_array();
	enum cli_exit x = CLI_OK;

	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		if (is_ready(services, wanted[i]) ||
		    strcmp(wanted[i], "listener") == 0)
			continue;
		buf_printf(&missing, "%s%s", missing.size ? ", " : "",
			   wanted[i]);
		json_array_append_new(list, json_string(wanted[i]));
	}
	cli_put_json(cli->out, "not_ready", list);
	if (missing.size)
		x = cli_fail(cli, CLI_FAILED, "not ready: %s",
			     buf_text(&missing));
	buf_free(&missing);
	return x ? x : judge_alarms(cli, services);
}

static enum cli_exit put_services(struct cli *cli, const json_t *services,
				  struct status_logs *logs)
{
	const json_t *s;
	size_t i;

	logs->block = newest(cli, services);
	cli_say(cli->out, "%s", "");
	cli_begin_list(cli->out, "services", "no service is running");
	json_array_foreach (services, i, s)
		cli_put_service(cli, s, logs);
	cli_end(cli->out);
	cli_say(cli->out, "%s", "");
	put_book(cli, services);
	return judge(cli, services);
}

static enum cli_exit show(struct cli *cli, const void *options)
{
	const struct cli_common *c = &cli->common;
	struct status_logs logs = {.block = 0};
	json_t *services = NULL;
	enum cli_exit x;

	(void)options;
	if (!cli->has_chain && !c->gateway && !c->redis)
		return cli_fail(cli, CLI_USAGE,
				"status of what? Give --gateway URL, --redis "
				"URL, --rpc URL and --contracts FILE, or "
				"--market-file FILE");
	put_node(cli);
	if (!c->gateway && !c->redis) {
		cli_put_json(cli->out, "services", json_null());
		cli_put_json(cli->out, "book", json_null());
		cli_put_json(cli->out, "not_ready", json_null());
		return CLI_OK;
	}
	x = c->redis ? ask_redis(cli, &services, &logs)
		     : ask_gateway(cli, &services, &logs);
	if (!x)
		x = put_services(cli, services, &logs);
	json_decref(services);
	return x;
}

/* clang-format off */
const struct cli_command cli_status_commands[] = {
	{.noun = "status", .args = "",
	 .needs = CLI_USES_CHAIN | CLI_NEEDS_GATEWAY | CLI_NEEDS_REDIS,
	 .summary = "the node, every service, the size of the book",
	 .more = "What the services say of themselves comes from Redis if it is given (or in the market file), so that it can be seen without a gateway; else from the gateway. Of each copy: who holds the service's lease, how many blocks it is behind the newest and how many entries behind the logs that it reads, its newest snapshot, the last roll-back that it went through, how much it keeps in quarantine, and the alarms that go on. Status 1 if a service isn't ready, or an alarm goes on.",
	 .examples = "  kalypso status\n  kalypso status --gateway=http://localhost:8080 --json\n",
	 .run = show},
	{0}};
/* clang-format on */
