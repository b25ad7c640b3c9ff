/* Registering, stake, compute, leaving; quotes are in quote.c. */
#include "services/kalypso/generator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/input.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/text.h"
#include "services/kalypso/views.h"

struct cli_call *cli_registry_call(struct cli *cli, struct cli_plan *plan,
				   const char *what)
{
	return cli_plan_add(plan, what, "GeneratorRegistry",
			    &cli->contracts.registry);
}

/* ---- register ----------------------------------------------------------- */

struct register_options {
	struct cli_address reward;
	struct cli_number compute;
	const char *name, *metadata;
};

static enum cli_exit read_metadata(struct cli *cli, struct buf *out,
				   const struct register_options *o)
{
	json_t *json;
	char *text;

	if (o->metadata && o->name)
		return cli_fail(cli, CLI_USAGE,
				"--name or --metadata, not both");
	if (o->metadata)
		return cli_read_file(cli, out, o->metadata);
	if (!o->name)
		return CLI_OK;
	json = json_pack("{s:s}", "name", o->name);
	text = json_dumps(json, JSON_COMPACT);
	if (text)
		buf_put_text(out, text);
	free(text);
	json_decref(json);
	return CLI_OK;
}

static void say_registered(struct cli *cli, const struct cli_plan *plan)
{
	struct abi_event e;
	size_t at = 0;

	while (cli_next_event(cli, &plan->calls[0], &at, &e)) {
		const struct abi_generator_registered *r =
			&e.generator_registered;

		if (e.id != ABI_EVENT_GENERATOR_REGISTERED)
			continue;
		cli_put_address(cli->out, "generator", "Generator",
				&r->generator);
		cli_put_address(cli->out, "reward_address", "Earnings to",
				&r->reward_address);
		cli_put_id(cli->out, "compute", "Compute", r->compute);
	}
}

static enum cli_exit register_generator(struct cli *cli, const void *options)
{
	const struct register_options *o = options;
	struct cli_plan plan = {.count = 0};
	struct cli_call *call = cli_registry_call(cli, &plan, "register");
	struct buf metadata = {0};
	enum cli_exit x = read_metadata(cli, &metadata, o);

	if (!x)
		x = cli_signer_load(cli);
	if (!x)
		x = cli_made(cli, call,
			     abi_call_register(&call->data,
					       o->reward.given ? &o->reward.v
							       : &cli->account,
					       o->compute.v,
					       buf_bytes(&metadata)));
	buf_free(&metadata);
	return cli_plan_finish(cli, &plan, x, say_registered);
}

/* ---- stake -------------------------------------------------------------- */

static void say_stake(struct cli *cli, const struct cli_plan *plan)
{
	struct cli_out *o = cli->out;
	struct abi_event e;
	size_t at = 0;

	while (cli_next_event(cli, &plan->calls[plan->count - 1], &at, &e)) {
		const struct abi_stake_changed *s = &e.stake_changed;

		if (e.id != ABI_EVENT_STAKE_CHANGED)
			continue;
		cli_put_address(o, "generator", "Generator", &s->generator);
		cli_put_amount(o, "stake", "Stake", &s->stake, &cli->stake);
		cli_put_amount(o, "locked", "Locked", &s->locked, &cli->stake);
		cli_put_amount(o, "unstaking", "Under notice", &s->unstaking,
			       &cli->stake);
		cli_put_time(o, "payable_at", "Due", s->payable_at, cli->now.v);
	}
}

struct stake_options {
	struct cli_address to;
};

static enum cli_exit stake(struct cli *cli, const void *options)
{
	const struct stake_options *o = options;
	struct cli_plan plan = {.count = 0};
	struct cli_call *call;
	struct u256 amount;
	enum cli_exit x = cli_tokens(cli);

	if (!x)
		x = cli_amount(cli, &amount, "AMOUNT", cli->args.v[0],
			       &cli->stake);
	if (!x)
		x = cli_plan_allow(cli, &plan, &cli->stake,
				   &cli->contracts.registry, &amount);
	if (!x) {
		call = cli_registry_call(cli, &plan, "stake");
		x = cli_made(
			cli, call,
			abi_call_stake(&call->data,
				       o->to.given ? &o->to.v : &cli->account,
				       &amount));
	}
	return cli_plan_finish(cli, &plan, x, say_stake);
}

/* ---- unstake ------------------------------------------------------------ */

struct unstake_options {
	bool withdraw;
};

static enum cli_exit give_notice(struct cli *cli, struct cli_plan *plan)
{
	struct cli_call *call = cli_registry_call(cli, plan, "requestUnstake");
	struct u256 amount;
	enum cli_exit x =
		cli_amount(cli, &amount, "AMOUNT", cli->args.v[0], &cli->stake);

	return x ? x
		 : cli_made(cli, call,
			    abi_call_request_unstake(&call->data, &amount));
}

static enum cli_exit not_due(struct cli *cli, const struct u256 *amount,
			     uint64_t at)
{
	char time[CLI_TIME_ROOM], away[CLI_SECONDS_ROOM];
	struct buf text = {0};

	cli_put_amount_text(&text, amount, &cli->stake);
	cli_fail_named(cli, CLI_FAILED, "NothingDue",
		       "%s are under notice; they are due at %s, in %s",
		       buf_text(&text),
		       cli_format_time(time, (struct unix_s){at}),
		       cli_format_seconds(away, at - cli->now.v));
	buf_free(&text);
	return CLI_FAILED;
}

/* What the contract would answer with NothingDue alone. */
static enum cli_exit check_due(struct cli *cli)
{
	struct abi_generator_of_result g;
	uint64_t at = 0;
	enum cli_exit x = cli_signer_load(cli);

	if (!x)
		x = cli_view_generator(cli, &g, &cli->account);
	if (!x)
		x = cli_view_payable_at(cli, &at, &cli->account);
	if (x)
		return x;
	if (!u256_is_zero(&g.stake) && u256_is_zero(&g.unstaking))
		return cli_fail_named(cli, CLI_FAILED, "NothingDue",
				      "nothing is under notice: kalypso "
				      "generator unstake AMOUNT gives notice");
	if (at > cli->now.v)
		return not_due(cli, &g.unstaking, at);
	if (!u256_is_zero(&g.stake) && u256_eq(&g.stake, &g.locked))
		return cli_fail_named(cli, CLI_FAILED, "NothingDue",
				      "all stake is locked by running tasks: "
				      "wait until they have ended");
	return CLI_OK;
}

static enum cli_exit take_out(struct cli *cli, struct cli_plan *plan)
{
	struct cli_call *call = cli_registry_call(cli, plan, "unstake");
	enum cli_exit x = check_due(cli);

	return x ? x : cli_made(cli, call, abi_call_unstake(&call->data));
}

static enum cli_exit unstake(struct cli *cli, const void *options)
{
	const struct unstake_options *o = options;
	struct cli_plan plan = {.count = 0};
	enum cli_exit x = cli_tokens(cli);

	if (!x && o->withdraw && cli->args.count)
		x = cli_fail(cli, CLI_USAGE,
			     "AMOUNT gives notice, --withdraw takes out what "
			     "is due: one after the other");
	if (!x)
		x = cli->args.count ? give_notice(cli, &plan)
				    : take_out(cli, &plan);
	return cli_plan_finish(cli, &plan, x, say_stake);
}

/* ---- compute, reward, deregister ---------------------------------------- */

static void say_compute(struct cli *cli, const struct cli_plan *plan)
{
	struct abi_event e;
	size_t at = 0;

	while (cli_next_event(cli, &plan->calls[0], &at, &e)) {
		const struct abi_compute_changed *c = &e.compute_changed;

		if (e.id != ABI_EVENT_COMPUTE_CHANGED)
			continue;
		cli_put_address(cli->out, "generator", "Generator",
				&c->generator);
		cli_put_id(cli->out, "compute", "Compute", c->compute);
		cli_put_time(cli->out, "effective_from", "From",
			     c->effective_from, cli->now.v);
	}
}

static enum cli_exit set_compute(struct cli *cli, const void *options)
{
	struct cli_plan plan = {.count = 0};
	struct cli_call *call = cli_registry_call(cli, &plan, "setCompute");
	uint64_t compute;
	enum cli_exit x = CLI_OK;

	(void)options;
	if (cli_parse_u64(&compute, cli->args.v[0]))
		x = cli_fail(cli, CLI_USAGE,
			     "'%s' is no amount of compute: it is a whole "
			     "number",
			     cli->args.v[0]);
	if (!x)
		x = cli_made(cli, call,
			     abi_call_set_compute(&call->data, compute));
	return cli_plan_finish(cli, &plan, x, say_compute);
}

static void say_reward(struct cli *cli, const struct cli_plan *plan)
{
	struct abi_event e;
	size_t at = 0;

	while (cli_next_event(cli, &plan->calls[0], &at, &e)) {
		if (e.id != ABI_EVENT_REWARD_ADDRESS_SET)
			continue;
		cli_put_address(cli->out, "generator", "Generator",
				&e.reward_address_set.generator);
		cli_put_address(cli->out, "reward_address", "Earnings to",
				&e.reward_address_set.reward_address);
	}
}

static enum cli_exit set_reward(struct cli *cli, const void *options)
{
	struct cli_plan plan = {.count = 0};
	struct cli_call *call =
		cli_registry_call(cli, &plan, "setRewardAddress");
	struct address to;
	enum cli_exit x = cli_whose(cli, &to, 0);

	(void)options;
	if (!x)
		x = cli_made(cli, call,
			     abi_call_set_reward_address(&call->data, &to));
	return cli_plan_finish(cli, &plan, x, say_reward);
}

static enum cli_exit deregister(struct cli *cli, const void *options)
{
	struct cli_plan plan = {.count = 0};
	struct cli_call *call = cli_registry_call(cli, &plan, "deregister");
	enum cli_exit x = cli_tokens(cli);

	(void)options;
	if (!x)
		x = cli_made(cli, call, abi_call_deregister(&call->data));
	return cli_plan_finish(cli, &plan, x, say_stake);
}

/* ---- the table ---------------------------------------------------------- */

#define SENDS                                                                  \
	CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND |                 \
		CLI_NEEDS_PATIENCE

/* clang-format off */
static const struct cli_option register_rows[] = {
	CLI_OPTION(register_options, NUMBER, compute, "compute", "N", "compute that tasks may take up at once, in units of the markets' choice", true),
	CLI_OPTION(register_options, ADDRESS, reward, "reward-address", "ADDRESS", "where earnings go [the account]", false),
	CLI_OPTION(register_options, TEXT, name, "name", "TEXT", "name in the metadata", false),
	CLI_OPTION(register_options, TEXT, metadata, "metadata", "FILE", "all of the metadata", false),
	{0}};

static const struct cli_option stake_rows[] = {
	CLI_OPTION(stake_options, ADDRESS, to, "for", "ADDRESS", "the generator that it backs [the account]", false),
	{0}};

static const struct cli_option unstake_rows[] = {
	CLI_OPTION(unstake_options, FLAG, withdraw, "withdraw", NULL, "take out what is due; the same as no AMOUNT", false),
	{0}};

#define TERMS(must) \
	CLI_OPTION(cli_quote_options, TEXT, price, "price", "AMOUNT", "price per proof", must), \
	CLI_OPTION(cli_quote_options, SECONDS, response_time, "response-time", "TIME", "a task's deadline is this long after its start", must), \
	CLI_OPTION(cli_quote_options, NUMBER, compute, "compute", "N", "compute that each task takes up", must)

static const struct cli_option join_rows[] = {
	TERMS(true),
	CLI_OPTION(cli_quote_options, TEXT, code_hash, "code-hash", "HASH", "join without a question, but only if the verifier's code has this hash", false),
	{0}};

static const struct cli_option quote_rows[] = {
	TERMS(false),
	{0}};

const struct cli_command cli_generator_commands[] = {
	{.noun = "generator", .verb = "register", .args = "",
	 .needs = SENDS, .role = "generator",
	 .summary = "become a generator",
	 .examples = "  kalypso generator register --compute=100\n"
		     "  kalypso generator register --compute=100 --reward-address=0x… \\\n    --name=\"Proofs Ltd\"\n",
	 .options = register_rows, .options_size = sizeof(struct register_options), .run = register_generator},
	{.noun = "generator", .verb = "stake", .args = "AMOUNT", .args_min = 1, .args_max = 1,
	 .needs = SENDS | CLI_NEEDS_ALLOWANCE, .role = "generator",
	 .summary = "add stake",
	 .more = "If the registry may not take that much of the account's tokens yet, exactly that is approved first.",
	 .examples = "  kalypso generator stake 100\n  kalypso generator stake 2.5 --for=0x…\n",
	 .options = stake_rows, .options_size = sizeof(struct stake_options), .run = stake},
	{.noun = "generator", .verb = "unstake", .args = "[AMOUNT]", .args_max = 1,
	 .needs = SENDS, .role = "generator",
	 .summary = "give notice for stake, and later take it out",
	 .more = "With AMOUNT it gives notice: the engine stops counting that much, and the delay begins (again, for all that is under notice). Without AMOUNT it takes out what is due, or says when something will be.",
	 .examples = "  kalypso generator unstake 50\n  kalypso generator unstake\n",
	 .options = unstake_rows, .options_size = sizeof(struct unstake_options), .run = unstake},
	{.noun = "generator", .verb = "compute", .args = "N", .args_min = 1, .args_max = 1,
	 .needs = SENDS, .role = "generator",
	 .summary = "declare another amount of compute",
	 .more = "More counts at once; less counts after the grace, and not below what tasks use.",
	 .examples = "  kalypso generator compute 200\n",
	 .run = set_compute},
	{.noun = "generator", .verb = "join", .args = "MARKET", .args_min = 1, .args_max = 1,
	 .needs = SENDS, .role = "generator",
	 .summary = "quote in a market, once you trust its verifier",
	 .more = "Shows the market's owner, its verifier and the Keccak-256 hash of the verifier's code, and asks: a verifier can refuse good proofs, and each refusal costs a penalty. The hash covers the code at that address, not contracts that it calls. Scripts answer with --yes, or better with --code-hash.",
	 .examples = "  kalypso generator join 1 --price=0.5 --response-time=60 --compute=10\n"
		     "  kalypso generator join 1 --price=0.5 --response-time=60 --compute=10 \\\n    --code-hash=0x…\n",
	 .options = join_rows, .options_size = sizeof(struct cli_quote_options), .run = cli_quote_join},
	{.noun = "generator", .verb = "quote", .args = "MARKET", .args_min = 1, .args_max = 1,
	 .needs = SENDS, .role = "generator",
	 .summary = "show or change the terms in a market",
	 .more = "Without options it shows them. What isn't given stays. Running tasks keep their terms, and tasks on the old terms may come until the grace is over.",
	 .examples = "  kalypso generator quote 1\n  kalypso generator quote 1 --price=0.45\n",
	 .options = quote_rows, .options_size = sizeof(struct cli_quote_options), .run = cli_quote_change},
	{.noun = "generator", .verb = "leave", .args = "MARKET", .args_min = 1, .args_max = 1,
	 .needs = SENDS, .role = "generator",
	 .summary = "take no new tasks in a market",
	 .examples = "  kalypso generator leave 1\n",
	 .run = cli_quote_leave},
	{.noun = "generator", .verb = "reward", .args = "ADDRESS", .args_min = 1, .args_max = 1,
	 .needs = SENDS, .role = "generator",
	 .summary = "have earnings paid to another address",
	 .examples = "  kalypso generator reward 0x…\n",
	 .run = set_reward},
	{.noun = "generator", .verb = "deregister", .args = "",
	 .needs = SENDS, .role = "generator",
	 .summary = "leave for good; all stake goes under notice",
	 .more = "Leave every market first, and let the last task end.",
	 .examples = "  kalypso generator deregister\n",
	 .run = deregister},
	{.noun = "generator", .verb = "show", .args = "[ADDRESS]", .args_max = 1,
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT, .role = "generator",
	 .summary = "stake, compute, earnings and quotes of a generator",
	 .examples = "  kalypso generator show\n  kalypso generator show 0x… --json\n",
	 .run = cli_generator_show},
	{0}};
/* clang-format on */
