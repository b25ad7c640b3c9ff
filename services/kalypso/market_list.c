/* All markets: from the gateway, which counts what is open, or the chain. */
#include <stdlib.h>

#include "common/hex.h"
#include "services/kalypso/gateway.h"
#include "services/kalypso/market.h"
#include "services/kalypso/node.h"
#include "services/kalypso/views.h"

enum { PAGE = 1000 };

struct list {
	struct cli_market *markets;
	uint64_t count;
};

static void free_list(struct list *l)
{
	for (uint64_t i = 0; l->markets && i < l->count; i++)
		cli_market_free(&l->markets[i]);
	free(l->markets);
	*l = (struct list){.count = 0};
}

/* ---- the chain ---------------------------------------------------------- */

static enum cli_exit name_one(void *arg, const struct abi_event *e,
			      const struct evm_log *log)
{
	struct list *l = arg;
	uint64_t id;

	(void)log;
	if (e->id == ABI_EVENT_MARKET_CREATED &&
	    !u256_to_u64(&id, &e->market_created.market_id) && id >= 1 &&
	    id <= l->count)
		cli_market_describe(&l->markets[id - 1], &e->market_created);
	return CLI_OK;
}

static enum cli_exit read_views(struct cli *cli, struct list *l)
{
	struct cli_view *v = cli_alloc(l->count * sizeof *v);
	enum cli_exit x = CLI_OK;

	for (uint64_t i = 0; i < l->count && !x; i++) {
		struct u256 id = u256_from_u64(i + 1);

		l->markets[i].id = i + 1;
		v[i].to = &cli->contracts.marketplace;
		v[i].contract = "ProofMarketplace";
		if (abi_call_market_of(&v[i].call, &id))
			x = cli_fail(cli, CLI_FAILED, "out of memory");
	}
	if (!x)
		x = cli_views(cli, v, l->count);
	for (uint64_t i = 0; i < l->count && !x; i++)
		x = cli_decoded(cli, &v[i],
				abi_result_market_of(&l->markets[i].view,
						     buf_bytes(&v[i].answer)));
	cli_views_free(v, l->count);
	free(v);
	return x;
}

static enum cli_exit ask_chain(struct cli *cli, struct list *l)
{
	enum cli_exit x = cli_view_market_count(cli, &l->count);

	if (x)
		return x;
	l->markets = cli_alloc(l->count * sizeof *l->markets);
	x = read_views(cli, l);
	if (x || !l->count)
		return x;
	return cli_each_event(
		cli, &cli->contracts.marketplace,
		json_pack("[o]", cli_event_topic(ABI_EVENT_MARKET_CREATED)),
		cli->contracts.start_block, cli->head, name_one, l);
}

/* ---- the gateway -------------------------------------------------------- */

static void take_market(struct cli_market *m, const json_t *said)
{
	struct abi_market_view *v = &m->view;
	json_t *metadata = json_object_get(said, "metadata");

	m->id = cli_json_id(said, "market_id");
	cli_json_address(said, "owner", &v->owner);
	cli_json_address(said, "verifier", &v->verifier);
	cli_json_amount(said, "penalty", &v->penalty);
	v->max_input_bytes = (uint32_t)json_integer_value(
		json_object_get(said, "max_input_bytes"));
	v->active_from = cli_json_time(said, "active_from");
	v->closed = json_is_true(json_object_get(said, "closed"));
	v->confidential = json_is_true(json_object_get(said, "confidential"));
	m->metadata = json_is_object(metadata) ? json_incref(metadata) : NULL;
	m->counted = true;
	m->quotes =
		(uint64_t)json_integer_value(json_object_get(said, "quotes"));
	m->open = (uint64_t)json_integer_value(
		json_object_get(json_object_get(said, "requests"), "open"));
}

/* A page; *after is where the next begins, 0 if there is none. */
static enum cli_exit take_page(struct cli *cli, struct list *l, json_t *said,
			       uint64_t *after)
{
	const json_t *page = json_object_get(said, "markets");
	size_t more = json_array_size(page);
	struct cli_market *grown = cli_alloc((l->count + more) * sizeof *grown);

	if (!json_is_array(page))
		return cli_fail(cli, CLI_UNREACHABLE,
				"the gateway %s doesn't answer as it should: "
				"mend --gateway",
				cli->common.gateway);
	for (uint64_t i = 0; i < l->count; i++)
		grown[i] = l->markets[i];
	free(l->markets);
	l->markets = grown;
	for (size_t i = 0; i < more; i++)
		take_market(&l->markets[l->count++], json_array_get(page, i));
	*after = cli_json_id(said, "next");
	return CLI_OK;
}

static enum cli_exit ask_gateway(struct cli *cli, struct list *l)
{
	uint64_t after = 0;
	enum cli_exit x;

	do {
		json_t *said;

		x = cli->has_chain
			    ? cli_gateway_try(cli, &said,
					      "markets?limit=%d&after=%llu",
					      PAGE, (unsigned long long)after)
			    : cli_gateway_get(cli, &said,
					      "markets?limit=%d&after=%llu",
					      PAGE, (unsigned long long)after);
		if (!x)
			x = take_page(cli, l, said, &after);
		json_decref(said);
	} while (!x && after);
	return x;
}

/* ---- both --------------------------------------------------------------- */

static void put_counts(struct cli_out *o, const struct cli_market *m,
		       bool counted)
{
	if (!counted) {
		cli_put_json(o, "quotes", json_null());
		cli_put_json(o, "open", json_null());
		return;
	}
	cli_put_number(o, "quotes", "Quotes", m->quotes);
	cli_put_number(o, "open", "Open", m->open);
}

static void put_row(struct cli *cli, const struct cli_market *m)
{
	const struct abi_market_view *v = &m->view;
	struct cli_out *o = cli->out;

	cli_begin(o, NULL);
	cli_put_id(o, "market_id", "Market", m->id);
	cli_put_text(o, "name", "Name", cli_market_name(m));
	cli_put_text(o, "state", "State", cli_market_state(v, cli->now.v));
	cli_put_amount(o, "penalty", "Penalty", &v->penalty, &cli->stake);
	cli_put_number(o, "max_input_bytes", "Inputs", v->max_input_bytes);
	put_counts(o, m, m->counted);
	cli_put_address(o, "verifier", "Verifier", &v->verifier);
	cli_put_address(o, "owner", NULL, &v->owner);
	cli_put_bool(o, "confidential", NULL, v->confidential);
	cli_put_time(o, "active_from", NULL, v->active_from, cli->now.v);
	cli_end(o);
}

static enum cli_exit read_list(struct cli *cli, struct list *l)
{
	enum cli_exit x = CLI_NOT_FOUND;

	if (cli->common.gateway)
		x = ask_gateway(cli, l);
	if (!x || x == CLI_INTERRUPTED || !cli->has_chain)
		return x;
	if (cli->common.gateway)
		cli_note("the gateway %s doesn't answer: asking the chain",
			 cli->common.gateway);
	free_list(l);
	return ask_chain(cli, l);
}

enum cli_exit cli_market_list(struct cli *cli, const void *options)
{
	const struct cli_market_list_options *o = options;
	struct list l = {.count = 0};
	enum cli_exit x = CLI_OK;

	if (!cli->has_chain && !cli->common.gateway)
		x = cli_fail(cli, CLI_USAGE,
			     "where is the market? Give --gateway URL, or "
			     "--rpc URL and --contracts FILE, or "
			     "--market-file FILE");
	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = read_list(cli, &l);
	if (!x) {
		cli_begin_list(cli->out, "markets",
			       "there is no market: kalypso market create "
			       "opens one");
		for (uint64_t i = 0; i < l.count; i++)
			if (o->all || !l.markets[i].view.closed)
				put_row(cli, &l.markets[i]);
		cli_end(cli->out);
	}
	free_list(&l);
	return x;
}
