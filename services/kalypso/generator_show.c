/* All that the chain knows of a generator. */
#include <stdlib.h>

#include "common/hex.h"
#include "services/kalypso/generator.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/views.h"

struct quotes {
	struct abi_quote_of_result *of; /* market 1 is at 0 */
	uint64_t markets;
};

static enum cli_exit ask_quotes(struct cli *cli, struct quotes *q,
				const struct address *who)
{
	struct cli_view *v = cli_alloc(q->markets * sizeof *v);
	enum cli_exit x = CLI_OK;

	for (uint64_t i = 0; i < q->markets && !x; i++) {
		struct u256 id = u256_from_u64(i + 1);

		v[i].to = &cli->contracts.registry;
		v[i].contract = "GeneratorRegistry";
		if (abi_call_quote_of(&v[i].call, who, &id))
			x = cli_fail(cli, CLI_FAILED, "out of memory");
	}
	if (!x)
		x = cli_views(cli, v, q->markets);
	for (uint64_t i = 0; i < q->markets && !x; i++)
		x = cli_decoded(cli, &v[i],
				abi_result_quote_of(&q->of[i],
						    buf_bytes(&v[i].answer)));
	cli_views_free(v, q->markets);
	free(v);
	return x;
}

static void put_quotes(struct cli *cli, const struct quotes *q)
{
	struct cli_out *o = cli->out;

	cli_say(o, "%s", "");
	cli_begin_list(o, "quotes", "no quotes: kalypso generator join");
	for (uint64_t i = 0; i < q->markets; i++) {
		const struct abi_quote_of_result *t = &q->of[i];

		if (!t->active && !t->active_tasks)
			continue;
		cli_begin(o, NULL);
		cli_put_id(o, "market_id", "Market", i + 1);
		cli_put_amount(o, "price", "Price", &t->price, &cli->payment);
		cli_put_seconds(o, "response_time", "Within", t->response_time);
		cli_put_id(o, "compute", "Compute", t->compute_per_request);
		cli_put_number(o, "tasks", "Tasks", t->active_tasks);
		cli_put_bool(o, "active", "Active", t->active);
		cli_end(o);
	}
	cli_end(o);
}

struct record {
	struct address who;
	struct abi_generator_of_result of;
	uint64_t payable_at;
	struct u256 earnings, stake_back;
	struct quotes quotes;
};

static enum cli_exit read_record(struct cli *cli, struct record *r)
{
	static const struct address nobody;
	char text[ADDRESS_ROOM];
	enum cli_exit x = cli_view_generator(cli, &r->of, &r->who);

	if (!x && address_eq(&r->of.reward_address, &nobody))
		x = cli_fail_named(cli, CLI_NOT_FOUND, "GeneratorUnknown",
				   "%s is no generator: kalypso generator "
				   "register makes it one",
				   address_format(text, &r->who));
	if (!x)
		x = cli_view_payable_at(cli, &r->payable_at, &r->who);
	if (!x)
		x = cli_view_claimable(
			cli, &r->earnings, &cli->contracts.marketplace,
			"ProofMarketplace", &r->of.reward_address);
	if (!x)
		x = cli_view_claimable(cli, &r->stake_back,
				       &cli->contracts.registry,
				       "GeneratorRegistry", &r->who);
	if (!x)
		x = cli_view_market_count(cli, &r->quotes.markets);
	if (x)
		return x;
	r->quotes.of = cli_alloc(r->quotes.markets * sizeof *r->quotes.of);
	return ask_quotes(cli, &r->quotes, &r->who);
}

static void put_record(struct cli *cli, const struct record *r)
{
	struct cli_out *o = cli->out;

	cli_put_address(o, "generator", "Generator", &r->who);
	cli_put_address(o, "reward_address", "Earnings to",
			&r->of.reward_address);
	cli_put_amount(o, "stake", "Stake", &r->of.stake, &cli->stake);
	cli_put_amount(o, "locked", "Locked", &r->of.locked, &cli->stake);
	cli_put_amount(o, "unstaking", "Under notice", &r->of.unstaking,
		       &cli->stake);
	cli_put_time(o, "payable_at", "Due", r->payable_at, cli->now.v);
	cli_put_id(o, "compute", "Compute", r->of.compute);
	cli_put_id(o, "used_compute", "In use", r->of.compute_used);
	cli_put_amount(o, "earnings", "Earned, to claim", &r->earnings,
		       &cli->payment);
	cli_put_amount(o, "claimable_stake", "Bounties, to claim",
		       &r->stake_back, &cli->stake);
}

enum cli_exit cli_generator_show(struct cli *cli, const void *options)
{
	struct record r = {.payable_at = 0};
	enum cli_exit x = cli_whose(cli, &r.who, 0);

	(void)options;
	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = read_record(cli, &r);
	if (!x) {
		put_record(cli, &r);
		put_quotes(cli, &r.quotes);
	}
	free(r.quotes.of);
	return x;
}
