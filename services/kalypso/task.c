/* What generators are working on: from the gateway, or the chain. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi_market.h"
#include "common/hex.h"
#include "services/kalypso/gateway.h"
#include "services/kalypso/node.h"
#include "services/kalypso/views.h"

enum { LIMIT = 50, LIMIT_MAX = 1000, URL_ROOM = 256 };

struct list_options {
	struct cli_address generator;
	struct cli_number market, limit;
	const char *state;
};

struct task {
	uint64_t request, market, block, deadline;
	struct address generator;
	struct u256 price;
	struct hash32 tx;
	char state[16];
};

struct list {
	struct task *tasks; /* the newest is last */
	size_t count, room;
};

static struct task *add(struct list *l)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct task *grown = cli_alloc(room * sizeof *grown);

		if (l->count)
			memcpy(grown, l->tasks, l->count * sizeof *grown);
		free(l->tasks);
		l->tasks = grown;
		l->room = room;
	}
	return &l->tasks[l->count++];
}

static const char *const states[] = {"running", "overdue", "fulfilled",
				     "invalid", "slashed"};

static enum cli_exit check_state(struct cli *cli, const char *state)
{
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (!state || strcmp(state, states[i]) == 0)
			return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"--state '%s': running, overdue, fulfilled, invalid "
			"or slashed",
			state);
}

static void set_state(struct task *t, const char *state, bool overdue)
{
	snprintf(t->state, sizeof t->state, "%s",
		 overdue			  ? "overdue"
		 : strcmp(state, "assigned") == 0 ? "running"
						  : state);
}

/* ---- the gateway -------------------------------------------------------- */

static void take_task(struct list *l, const json_t *said)
{
	const json_t *assigned = json_object_get(said, "assigned");
	struct task *t = add(l);

	t->request = cli_json_id(said, "request_id");
	t->market = cli_json_id(said, "market_id");
	t->deadline = cli_json_time(said, "deadline");
	t->block = cli_json_id(assigned, "block");
	cli_json_address(said, "generator", &t->generator);
	cli_json_amount(said, "price", &t->price);
	if (hash32_parse(&t->tx, cli_json_text(assigned, "tx")))
		t->tx = (struct hash32){{0}};
	set_state(t, cli_json_text(said, "state"),
		  json_is_true(json_object_get(said, "overdue")));
}

static enum cli_exit ask_gateway(struct cli *cli, struct list *l,
				 const struct list_options *o, uint64_t limit)
{
	char path[URL_ROOM], who[ADDRESS_ROOM];
	int n = snprintf(path, sizeof path, "tasks?limit=%" PRIu64, limit);
	json_t *said;
	const json_t *tasks;
	enum cli_exit x;

	if (o->generator.given)
		n += snprintf(path + n, sizeof path - (size_t)n,
			      "&generator=%s",
			      address_format(who, &o->generator.v));
	if (o->market.given)
		n += snprintf(path + n, sizeof path - (size_t)n,
			      "&market=%" PRIu64, o->market.v);
	if (o->state)
		snprintf(path + n, sizeof path - (size_t)n, "&state=%s",
			 o->state);
	x = cli->has_chain ? cli_gateway_try(cli, &said, "%s", path)
			   : cli_gateway_get(cli, &said, "%s", path);
	tasks = json_object_get(said, "tasks");
	/* It gives the newest first. */
	for (size_t i = json_array_size(tasks); i-- > 0 && !x;)
		take_task(l, json_array_get(tasks, i));
	json_decref(said);
	return x;
}

/* ---- the chain ---------------------------------------------------------- */

struct search {
	struct list *list;
	const struct list_options *options;
};

static enum cli_exit on_task(void *arg, const struct abi_event *e,
			     const struct evm_log *log)
{
	const struct abi_task_created *c = &e->task_created;
	const struct search *s = arg;
	uint64_t request, market;
	struct task *t;

	if (e->id != ABI_EVENT_TASK_CREATED ||
	    u256_to_u64(&request, &c->request_id) ||
	    u256_to_u64(&market, &c->market_id) ||
	    (s->options->market.given && s->options->market.v != market))
		return CLI_OK;
	t = add(s->list);
	t->request = request;
	t->market = market;
	t->generator = c->generator;
	t->price = c->price;
	t->deadline = c->deadline;
	t->block = log->block;
	t->tx = log->tx;
	return CLI_OK;
}

static json_t *generator_topic(const struct cli_address *who)
{
	struct hash32 word = {{0}};

	if (!who->given)
		return json_null();
	memcpy(word.bytes + 12, who->v.bytes, sizeof who->v.bytes);
	return evm_hash(&word);
}

/* What became of each. */
static enum cli_exit ask_states(struct cli *cli, struct list *l)
{
	struct cli_view *v = cli_alloc(l->count * sizeof *v);
	enum cli_exit x = CLI_OK;

	for (size_t i = 0; i < l->count && !x; i++) {
		struct u256 id = u256_from_u64(l->tasks[i].request);

		v[i].to = &cli->contracts.marketplace;
		v[i].contract = "ProofMarketplace";
		if (abi_call_request_of(&v[i].call, &id))
			x = cli_fail(cli, CLI_FAILED, "out of memory");
	}
	if (!x)
		x = cli_views(cli, v, l->count);
	for (size_t i = 0; i < l->count && !x; i++) {
		struct abi_request_view r;

		x = cli_decoded(
			cli, &v[i],
			abi_result_request_of(&r, buf_bytes(&v[i].answer)));
		if (!x)
			set_state(&l->tasks[i], abi_request_state_name(r.state),
				  r.state == ABI_REQUEST_STATE_ASSIGNED &&
					  r.deadline < cli->now.v);
	}
	cli_views_free(v, l->count);
	free(v);
	return x;
}

static enum cli_exit ask_chain(struct cli *cli, struct list *l,
			       const struct list_options *o)
{
	struct search s = {l, o};
	enum cli_exit x = cli_each_event(
		cli, &cli->contracts.marketplace,
		json_pack("[o,n,o]", cli_event_topic(ABI_EVENT_TASK_CREATED),
			  generator_topic(&o->generator)),
		cli->contracts.start_block, cli->head, on_task, &s);

	return x || !l->count ? x : ask_states(cli, l);
}

/* ---- both --------------------------------------------------------------- */

static void put_task(struct cli *cli, const struct task *t)
{
	struct cli_out *o = cli->out;

	cli_begin(o, NULL);
	cli_put_id(o, "request_id", "Request", t->request);
	cli_put_id(o, "market_id", "Market", t->market);
	cli_put_text(o, "state", "State", t->state);
	cli_put_address(o, "generator", "Generator", &t->generator);
	cli_put_amount(o, "price", "Price", &t->price, &cli->payment);
	cli_put_time(o, "deadline", "Deadline", t->deadline, cli->now.v);
	cli_put_id(o, "block", NULL, t->block);
	cli_put_hash(o, "tx", NULL, &t->tx);
	cli_end(o);
}

static void put_list(struct cli *cli, const struct list *l,
		     const struct list_options *o, uint64_t limit)
{
	cli_begin_list(cli->out, "tasks", "no tasks");
	for (size_t i = l->count; i-- > 0 && limit;) {
		if (o->state && strcmp(o->state, l->tasks[i].state) != 0)
			continue;
		put_task(cli, &l->tasks[i]);
		limit--;
	}
	cli_end(cli->out);
}

static enum cli_exit read_list(struct cli *cli, struct list *l,
			       const struct list_options *o, uint64_t limit)
{
	enum cli_exit x = CLI_NOT_FOUND;

	if (cli->common.gateway)
		x = ask_gateway(cli, l, o, limit);
	if (!x || x == CLI_INTERRUPTED || !cli->has_chain)
		return x;
	if (cli->common.gateway)
		cli_note("the gateway %s doesn't answer: asking the chain",
			 cli->common.gateway);
	l->count = 0;
	return ask_chain(cli, l, o);
}

static enum cli_exit list(struct cli *cli, const void *options)
{
	const struct list_options *o = options;
	uint64_t limit = o->limit.given ? o->limit.v : LIMIT;
	struct list l = {.count = 0};
	enum cli_exit x = check_state(cli, o->state);

	if (!x && (!limit || limit > LIMIT_MAX))
		x = cli_fail(cli, CLI_USAGE, "--limit is 1 to %d", LIMIT_MAX);
	if (!x && !cli->has_chain && !cli->common.gateway)
		x = cli_fail(cli, CLI_USAGE,
			     "where is the market? Give --gateway URL, or "
			     "--rpc URL and --contracts FILE, or "
			     "--market-file FILE");
	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = read_list(cli, &l, o, limit);
	if (!x)
		put_list(cli, &l, o, limit);
	free(l.tasks);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option list_rows[] = {
	CLI_OPTION(list_options, ADDRESS, generator, "generator", "ADDRESS", "of this generator only", false),
	CLI_OPTION(list_options, NUMBER, market, "market", "ID", "in this market only", false),
	CLI_OPTION(list_options, TEXT, state, "state", "STATE", "running, overdue, fulfilled, invalid or slashed", false),
	CLI_OPTION(list_options, NUMBER, limit, "limit", "N", "at most so many [50]", false),
	{0}};

const struct cli_command cli_task_commands[] = {
	{.noun = "task", .verb = "list", .args = "",
	 .needs = CLI_USES_CHAIN | CLI_NEEDS_GATEWAY,
	 .summary = "tasks, the newest first",
	 .more = "From the gateway if there is one, else from the chain's log.",
	 .examples = "  kalypso task list\n  kalypso task list --generator=0x… --state=overdue\n",
	 .options = list_rows, .options_size = sizeof(struct list_options), .run = list},
	{0}};
/* clang-format on */
