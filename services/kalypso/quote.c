/* A generator's terms in a market: joined with, changed, ended. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/generator.h"
#include "services/kalypso/market.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/terminal.h"
#include "services/kalypso/text.h"
#include "services/kalypso/views.h"

struct terms {
	struct u256 market, price;
	uint32_t response_time;
	uint64_t compute;
};

/* What was given replaces what is in @terms. */
static enum cli_exit read_terms(struct cli *cli, struct terms *terms,
				const struct cli_quote_options *o)
{
	if (o->response_time.given && o->response_time.v > UINT32_MAX)
		return cli_fail(cli, CLI_USAGE,
				"--response-time is at most %u s", UINT32_MAX);
	if (o->response_time.given)
		terms->response_time = (uint32_t)o->response_time.v;
	if (o->compute.given)
		terms->compute = o->compute.v;
	return o->price ? cli_amount(cli, &terms->price, "--price", o->price,
				     &cli->payment)
			: CLI_OK;
}

static void say_quote(struct cli *cli, const struct cli_plan *plan)
{
	struct cli_out *o = cli->out;
	struct abi_event e;
	size_t at = 0;

	while (cli_next_event(cli, &plan->calls[0], &at, &e)) {
		const struct abi_quote_set *q = &e.quote_set;
		uint64_t market;

		if (e.id != ABI_EVENT_QUOTE_SET ||
		    u256_to_u64(&market, &q->market_id))
			continue;
		cli_put_address(o, "generator", "Generator", &q->generator);
		cli_put_id(o, "market_id", "Market", market);
		cli_put_amount(o, "price", "Price", &q->price, &cli->payment);
		cli_put_seconds(o, "response_time", "Within", q->response_time);
		cli_put_id(o, "compute", "Compute", q->compute_per_request);
	}
}

/* ---- joining ------------------------------------------------------------ */

static enum cli_exit check_hash(struct cli *cli, const struct cli_market *m,
				const char *text)
{
	char is[HASH32_ROOM];
	struct hash32 wanted;

	if (hash32_parse(&wanted, text))
		return cli_fail(cli, CLI_USAGE,
				"--code-hash '%s': a hash is 0x and 64 hex "
				"digits",
				text);
	if (m->coded && hash32_eq(&wanted, &m->code_hash))
		return CLI_OK;
	return cli_fail(cli, CLI_FAILED,
			"the code of market %" PRIu64 "'s verifier has hash "
			"%s, not that of --code-hash: not joined",
			m->id, hash32_format(is, &m->code_hash));
}

static void show_market(struct cli *cli, const struct cli_market *m)
{
	char owner[ADDRESS_ROOM], verifier[ADDRESS_ROOM], hash[HASH32_ROOM];
	struct buf penalty = {0}, name = {0};
	const char *text = cli_market_name(m);

	cli_put_clean(&name,
		      (struct bytes){(const uint8_t *)text, strlen(text)});
	cli_put_amount_text(&penalty, &m->view.penalty, &cli->stake);
	fprintf(stderr,
		"Market %" PRIu64 "%s%s\n"
		"  owner            %s\n"
		"  verifier         %s\n"
		"  verifier's code  %s (Keccak-256)\n"
		"A verifier can refuse good proofs, and each proof that it "
		"refuses costs you\nthe penalty, %s. Look at its code before "
		"you join.\n",
		m->id, *text ? ": " : "", buf_text(&name),
		address_format(owner, &m->view.owner),
		address_format(verifier, &m->view.verifier),
		m->coded ? hash32_format(hash, &m->code_hash) : "none",
		buf_text(&penalty));
	buf_free(&penalty);
	buf_free(&name);
}

/* Its answer is a person's, --yes, or a hash that was written down before. */
static enum cli_exit confirm(struct cli *cli, const struct cli_market *m,
			     const struct cli_quote_options *o)
{
	if (o->code_hash)
		return check_hash(cli, m, o->code_hash);
	if (cli->common.dry_run)
		return CLI_OK;
	show_market(cli, m);
	if (cli->common.yes)
		return CLI_OK;
	if (!cli_can_ask())
		return cli_fail(cli, CLI_USAGE,
				"not joined: nobody can be asked whether this "
				"verifier is to be trusted; give --yes or "
				"--code-hash HASH");
	return cli_ask_yes("Join it?")
		       ? CLI_OK
		       : cli_fail(cli, CLI_FAILED, "not joined");
}

static void say_joined(struct cli *cli, const struct cli_plan *plan,
		       const struct cli_market *m)
{
	struct cli_out *o = cli->out;

	say_quote(cli, plan);
	cli_begin(o, "market");
	cli_put_id(o, "market_id", NULL, m->id);
	cli_put_text(o, "name", NULL, cli_market_name(m));
	cli_put_address(o, "owner", NULL, &m->view.owner);
	cli_put_address(o, "verifier", NULL, &m->view.verifier);
	if (m->coded)
		cli_put_hash(o, "verifier_code_hash", NULL, &m->code_hash);
	else
		cli_put_json(o, "verifier_code_hash", json_null());
	cli_put_amount(o, "penalty", NULL, &m->view.penalty, &cli->stake);
	cli_end(o);
}

static enum cli_exit make_join(struct cli *cli, struct cli_plan *plan,
			       const struct cli_quote_options *o, uint64_t id)
{
	struct cli_call *call = cli_registry_call(cli, plan, "joinMarket");
	struct terms t = {.market = u256_from_u64(id)};
	enum cli_exit x = read_terms(cli, &t, o);

	if (!x)
		x = cli_made(cli, call,
			     abi_call_join_market(&call->data, &t.market,
						  &t.price, t.response_time,
						  t.compute));
	/* Ask only about what would work. */
	return x ? x : cli_plan_simulate(cli, plan);
}

enum cli_exit cli_quote_join(struct cli *cli, const void *options)
{
	const struct cli_quote_options *o = options;
	struct cli_market market = {.id = 0};
	struct cli_plan plan = {.count = 0};
	uint64_t id;
	enum cli_exit x = cli_id(cli, &id, 0);

	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = cli_market_read(cli, &market, id);
	if (!x)
		x = make_join(cli, &plan, o, id);
	if (!x)
		x = confirm(cli, &market, o);
	if (!x)
		x = cli_plan_run(cli, &plan);
	if (!x) {
		say_joined(cli, &plan, &market);
		cli_plan_report(cli, &plan);
	}
	cli_plan_free(&plan);
	cli_market_free(&market);
	return x;
}

/* ---- changing and leaving ----------------------------------------------- */

static void show_quote(struct cli *cli, const struct abi_quote_of_result *q,
		       uint64_t market)
{
	struct cli_out *o = cli->out;

	cli_put_address(o, "generator", "Generator", &cli->account);
	cli_put_id(o, "market_id", "Market", market);
	cli_put_bool(o, "active", "Active", q->active);
	cli_put_amount(o, "price", "Price", &q->price, &cli->payment);
	cli_put_seconds(o, "response_time", "Within", q->response_time);
	cli_put_id(o, "compute", "Compute", q->compute_per_request);
	cli_put_number(o, "tasks", "Tasks", q->active_tasks);
}

static enum cli_exit make_change(struct cli *cli, struct cli_plan *plan,
				 const struct cli_quote_options *o,
				 const struct abi_quote_of_result *q,
				 uint64_t id)
{
	struct cli_call *call = cli_registry_call(cli, plan, "updateQuote");
	struct terms t = {.market = u256_from_u64(id),
			  .price = q->price,
			  .response_time = q->response_time,
			  .compute = q->compute_per_request};
	enum cli_exit x = read_terms(cli, &t, o);

	return x ? x
		 : cli_made(cli, call,
			    abi_call_update_quote(&call->data, &t.market,
						  &t.price, t.response_time,
						  t.compute));
}

enum cli_exit cli_quote_change(struct cli *cli, const void *options)
{
	const struct cli_quote_options *o = options;
	struct abi_quote_of_result q;
	struct cli_plan plan = {.count = 0};
	uint64_t id;
	enum cli_exit x = cli_id(cli, &id, 0);

	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = cli_signer_load(cli);
	if (!x)
		x = cli_view_quote(cli, &q, &cli->account, id);
	if (x)
		return x;
	if (!o->price && !o->response_time.given && !o->compute.given) {
		if (!q.active && !q.active_tasks)
			return cli_fail_named(
				cli, CLI_NOT_FOUND, "QuoteInactive",
				"there is no quote in market %" PRIu64
				": kalypso generator join makes one",
				id);
		show_quote(cli, &q, id);
		return CLI_OK;
	}
	x = make_change(cli, &plan, o, &q, id);
	return cli_plan_finish(cli, &plan, x, say_quote);
}

static void say_left(struct cli *cli, const struct cli_plan *plan)
{
	struct abi_event e;
	size_t at = 0;

	while (cli_next_event(cli, &plan->calls[0], &at, &e)) {
		const struct abi_quote_removed *q = &e.quote_removed;
		uint64_t market;

		if (e.id != ABI_EVENT_QUOTE_REMOVED ||
		    u256_to_u64(&market, &q->market_id))
			continue;
		cli_put_address(cli->out, "generator", "Generator",
				&q->generator);
		cli_put_id(cli->out, "market_id", "Left market", market);
	}
}

enum cli_exit cli_quote_leave(struct cli *cli, const void *options)
{
	struct cli_plan plan = {.count = 0};
	struct cli_call *call = cli_registry_call(cli, &plan, "leaveMarket");
	struct u256 wide;
	uint64_t id;
	enum cli_exit x = cli_id(cli, &id, 0);

	(void)options;
	if (!x) {
		wide = u256_from_u64(id);
		x = cli_made(cli, call,
			     abi_call_leave_market(&call->data, &wide));
	}
	return cli_plan_finish(cli, &plan, x, say_left);
}
