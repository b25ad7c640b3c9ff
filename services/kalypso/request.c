/* Creating and cancelling; request_view.c reads and waits. */
#include "services/kalypso/request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "services/kalypso/batch.h"
#include "services/kalypso/input.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/text.h"
#include "services/kalypso/views.h"

enum { REQUESTS_MAX = 256, EXPIRES_IN_S = 60 * 60 };

/* ---- asking ------------------------------------------------------------- */

/* Everything that createRequest takes from the account: caps and fees. */
static enum cli_exit count_due(struct cli *cli, struct u256 *due,
			       const struct abi_request_params *params,
			       const struct bytes *inputs, size_t count)
{
	struct u256 per_byte, size, fee;
	enum cli_exit x =
		cli_view_setting(cli, &per_byte, &cli->contracts.marketplace,
				 "ProofMarketplace", "feePerByte");

	*due = U256_ZERO;
	for (size_t i = 0; i < count && !x; i++) {
		size = u256_from_u64(inputs[i].size);
		if (u256_mul(&fee, &per_byte, &size) ||
		    u256_add(due, due, &fee) ||
		    u256_add(due, due, &params[i].max_price))
			x = cli_fail(cli, CLI_USAGE,
				     "so many requests at such a price can't "
				     "be paid for: ask for less");
	}
	return x;
}

enum cli_exit cli_request_plan(struct cli *cli, struct cli_plan *plan,
			       const struct abi_request_params *params,
			       const struct bytes *inputs, size_t count)
{
	const struct address *to = &cli->contracts.marketplace;
	struct bytes *none = cli_alloc(count * sizeof *none);
	struct cli_call *call;
	struct u256 due;
	enum cli_exit x = count_due(cli, &due, params, inputs, count);
	enum err e;

	if (!x)
		x = cli_plan_allow(cli, plan, &cli->payment, to, &due);
	if (!x) {
		call = cli_plan_add(
			plan, count == 1 ? "createRequest" : "createRequests",
			"ProofMarketplace", to);
		e = count == 1 ? abi_call_create_request(&call->data, params,
							 *inputs, *none, *none)
			       : abi_call_create_requests(
					 &call->data, params, count, inputs,
					 count, none, count, none, count);
		x = cli_made(cli, call, e);
	}
	free(none);
	return x;
}

size_t cli_request_ids(const struct cli *cli, const struct cli_plan *plan,
		       uint64_t *ids, size_t room)
{
	struct abi_event e;
	size_t at = 0, n = 0;

	while (n < room && plan->count &&
	       cli_next_event(cli, &plan->calls[plan->count - 1], &at, &e))
		if (e.id == ABI_EVENT_REQUEST_CREATED &&
		    !u256_to_u64(&ids[n], &e.request_created.request_id))
			n++;
	return n;
}

/* ---- kalypso request create --------------------------------------------- */

struct create_options {
	struct cli_number market, max_time, expires_in, spread, count;
	struct cli_texts files, hex;
	const char *max_price, *prefer;
	struct cli_address refund_to;
	bool wait;
};

/* What was typed, in the form in which it is sent. */
struct order {
	struct buf *given; /* inputs, one for each file or text */
	size_t given_count;
	struct abi_request_params *params;
	struct bytes *inputs; /* borrowed from @given */
	size_t count;
	struct abi_request_params one; /* what all of them share */
};

static void free_order(struct order *o)
{
	for (size_t i = 0; i < o->given_count; i++)
		buf_free(&o->given[i]);
	free(o->given);
	free(o->params);
	free(o->inputs);
}

static enum cli_exit read_inputs(struct cli *cli, struct order *order,
				 const struct create_options *o)
{
	size_t files = o->files.count;
	enum cli_exit x = CLI_OK;

	order->given_count = files + o->hex.count;
	order->given = cli_alloc(order->given_count * sizeof *order->given);
	if (!order->given_count)
		return cli_fail(cli, CLI_USAGE,
				"which inputs? Give --inputs-file FILE or "
				"--inputs-hex 0x…");
	for (size_t i = 0; i < files && !x; i++)
		x = cli_read_bytes(cli, &order->given[i], o->files.v[i]);
	for (size_t i = 0; i < o->hex.count && !x; i++)
		x = cli_read_hex(cli, &order->given[files + i], "--inputs-hex",
				 o->hex.v[i]);
	return x;
}

static enum cli_exit read_preference(struct cli *cli, enum abi_preference *out,
				     const char *text)
{
	for (int i = 0; i < ABI_PREFERENCE_COUNT && text; i++)
		if (strcmp(text, abi_preference_name((enum abi_preference)i)) ==
		    0) {
			*out = (enum abi_preference)i;
			return CLI_OK;
		}
	*out = ABI_PREFERENCE_CHEAPEST;
	return text ? cli_fail(cli, CLI_USAGE,
			       "--prefer '%s': cheapest or fastest", text)
		    : CLI_OK;
}

static enum cli_exit read_params(struct cli *cli, struct order *order,
				 const struct create_options *o)
{
	struct abi_request_params *p = &order->one;
	uint64_t expires = o->expires_in.given ? o->expires_in.v : EXPIRES_IN_S;
	enum cli_exit x = read_preference(cli, &p->preference, o->prefer);

	if (x)
		return x;
	if (o->max_time.v > UINT32_MAX || expires > UINT32_MAX)
		return cli_fail(cli, CLI_USAGE,
				"--max-time and --expires-in are at most %u s",
				UINT32_MAX);
	p->market_id = u256_from_u64(o->market.v);
	p->max_response_time = (uint32_t)o->max_time.v;
	p->expiry = cli->now.v + expires;
	p->spread = o->spread.v;
	if (o->refund_to.given)
		p->refund_to = o->refund_to.v;
	return cli_amount(cli, &p->max_price, "--max-price", o->max_price,
			  &cli->payment);
}

static enum cli_exit multiply(struct cli *cli, struct order *order,
			      const struct create_options *o)
{
	uint64_t each = o->count.given ? o->count.v : 1;

	if (!each || each > REQUESTS_MAX / order->given_count)
		return cli_fail(cli, CLI_USAGE,
				"1 to %d requests fit into one transaction: "
				"lower --count",
				REQUESTS_MAX);
	order->count = each * order->given_count;
	order->params = cli_alloc(order->count * sizeof *order->params);
	order->inputs = cli_alloc(order->count * sizeof *order->inputs);
	for (size_t i = 0; i < order->count; i++) {
		order->params[i] = order->one;
		order->inputs[i] = buf_bytes(&order->given[i / each]);
	}
	return CLI_OK;
}

/* Mistakes that are better told with their numbers. */
static enum cli_exit check_market(struct cli *cli, const struct order *order,
				  uint64_t id)
{
	struct abi_market_view market;
	char at[CLI_TIME_ROOM];
	enum cli_exit x = cli_view_market(cli, &market, id);

	if (x)
		return x;
	if (market.active_from > cli->now.v)
		return cli_fail_named(
			cli, CLI_FAILED, "MarketInactive",
			"market %" PRIu64 " takes no requests before %s", id,
			cli_format_time(at,
					(struct unix_s){market.active_from}));
	for (size_t i = 0; i < order->given_count; i++)
		if (order->given[i].size > market.max_input_bytes)
			return cli_fail_named(
				cli, CLI_FAILED, "InputsTooLong",
				"the inputs are %zu bytes, market %" PRIu64
				" takes at most %" PRIu32,
				order->given[i].size, id,
				market.max_input_bytes);
	return CLI_OK;
}

static void put_created(struct cli *cli, const struct cli_plan *plan)
{
	struct cli_out *o = cli->out;
	struct abi_event e;
	size_t at = 0;

	cli_begin_list(o, "created", NULL);
	while (plan->count &&
	       cli_next_event(cli, &plan->calls[plan->count - 1], &at, &e)) {
		const struct abi_request_created *r = &e.request_created;
		uint64_t id = 0, market = 0;

		if (e.id != ABI_EVENT_REQUEST_CREATED ||
		    u256_to_u64(&id, &r->request_id) ||
		    u256_to_u64(&market, &r->market_id))
			continue;
		cli_begin(o, NULL);
		cli_put_id(o, "request_id", "Request", id);
		cli_put_id(o, "market_id", "Market", market);
		cli_put_amount(o, "max_price", "At most", &r->params.max_price,
			       &cli->payment);
		cli_put_amount(o, "fee", "Fee", &r->fee, &cli->payment);
		cli_put_seconds(o, "max_response_time", "Within",
				r->params.max_response_time);
		cli_put_time(o, "expiry", "Expires", r->params.expiry,
			     cli->now.v);
		cli_end(o);
	}
	cli_end(o);
}

static enum cli_exit wait_for_all(struct cli *cli, const struct cli_plan *plan)
{
	uint64_t ids[REQUESTS_MAX];
	size_t count = cli_request_ids(cli, plan, ids, REQUESTS_MAX);

	return count ? cli_request_wait(cli, ids, count) : CLI_OK;
}

static enum cli_exit prepare(struct cli *cli, struct order *order,
			     const struct create_options *o)
{
	enum cli_exit x = read_inputs(cli, order, o);

	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = read_params(cli, order, o);
	if (!x)
		x = multiply(cli, order, o);
	return x ? x : check_market(cli, order, o->market.v);
}

static enum cli_exit create(struct cli *cli, const void *options)
{
	const struct create_options *o = options;
	struct order order = {.given_count = 0};
	struct cli_plan plan = {.count = 0};
	enum cli_exit x = prepare(cli, &order, o);

	if (!x)
		x = cli_request_plan(cli, &plan, order.params, order.inputs,
				     order.count);
	if (!x)
		x = cli_plan_run(cli, &plan);
	if (!x) {
		put_created(cli, &plan);
		if (o->wait)
			x = wait_for_all(cli, &plan);
		cli_plan_report(cli, &plan);
	}
	cli_plan_free(&plan);
	free_order(&order);
	return x;
}

/* ---- kalypso request cancel --------------------------------------------- */

static enum cli_exit cancel(struct cli *cli, const void *options)
{
	static const struct cli_batch batch = {
		.one = "cancelRequest",
		.many = "cancelRequests",
		.done = "cancelled",
		.call_one = abi_call_cancel_request,
		.call_many = abi_call_cancel_requests,
		.result_many = abi_result_cancel_requests,
	};

	(void)options;
	return cli_batch_run(cli, &batch);
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option create_options[] = {
	CLI_OPTION(create_options, NUMBER, market, "market", "ID", "market to ask in", true),
	CLI_OPTION(create_options, TEXTS, files, "inputs-file", "FILE", "public inputs: bytes, or 0x text; - is standard input; several make several requests, all or none", false),
	CLI_OPTION(create_options, TEXTS, hex, "inputs-hex", "HEX", "public inputs, typed", false),
	CLI_OPTION(create_options, TEXT, max_price, "max-price", "AMOUNT", "most to pay for a proof; escrowed", true),
	CLI_OPTION(create_options, SECONDS, max_time, "max-time", "TIME", "longest that a proof may take once it is assigned", true),
	CLI_OPTION(create_options, SECONDS, expires_in, "expires-in", "TIME", "give up if nobody has taken it by then [1h]", false),
	CLI_OPTION(create_options, TEXT, prefer, "prefer", "WHAT", "cheapest or fastest generator [cheapest]", false),
	CLI_OPTION(create_options, ADDRESS, refund_to, "refund-to", "ADDRESS", "where refunds go [the account]", false),
	CLI_OPTION(create_options, NUMBER, spread, "spread", "N", "requests with the same number go to different generators", false),
	CLI_OPTION(create_options, NUMBER, count, "count", "N", "ask N times for each of the inputs [1]", false),
	CLI_OPTION(create_options, FLAG, wait, "wait", NULL, "wait for the outcome", false),
	{0}};

static const struct cli_option proof_options[] = {
	CLI_OPTION(cli_request_proof_options, TEXT, out, "out", "FILE", "write the proof's bytes there", false),
	CLI_OPTION(cli_request_proof_options, FLAG, hex, "hex", NULL, "with --out: write 0x text", false),
	{0}};

const struct cli_command cli_request_commands[] = {
	{.noun = "request", .verb = "create", .args = "",
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND | CLI_NEEDS_ALLOWANCE | CLI_NEEDS_PATIENCE,
	 .role = "requester",
	 .summary = "ask for a proof; its price cap is escrowed",
	 .more = "If the contract may not take that much of the account's tokens yet, exactly that is approved first. What isn't paid comes back: see account withdraw.",
	 .examples = "  kalypso request create --market=1 --inputs-file=inputs.bin \\\n    --max-price=1.25 --max-time=5m\n"
		     "  kalypso request create --market=1 --inputs-hex=0x… --max-price=2 \\\n    --max-time=60 --prefer=fastest --wait\n"
		     "  kalypso request create --market=1 --inputs-file=a --inputs-file=b \\\n    --max-price=1 --max-time=10m --json\n",
	 .options = create_options, .options_size = sizeof(struct create_options), .run = create},
	{.noun = "request", .verb = "show", .args = "ID", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_GATEWAY,
	 .summary = "what became of a request; with a gateway also what the engine made of it",
	 .examples = "  kalypso request show 7\n",
	 .run = cli_request_show_run},
	{.noun = "request", .verb = "wait", .args = "ID...", .args_min = 1, .args_max = REQUESTS_MAX,
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_PATIENCE,
	 .summary = "wait for the outcome of requests",
	 .more = "Ends when each is fulfilled, invalid, slashed, cancelled, rejected or expired; status 0 only if each is fulfilled. Without --timeout it waits for as long as that takes.",
	 .examples = "  kalypso request wait 7 8 --timeout=10m\n",
	 .run = cli_request_wait_run},
	{.noun = "request", .verb = "proof", .args = "ID", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_CHAIN,
	 .summary = "print or save the proof",
	 .more = "It comes from the chain's log, and the market's verifier has accepted it.",
	 .examples = "  kalypso request proof 7\n  kalypso request proof 7 --out=proof.bin\n",
	 .options = proof_options, .options_size = sizeof(struct cli_request_proof_options),
	 .run = cli_request_proof_run},
	{.noun = "request", .verb = "cancel", .args = "ID...", .args_min = 1, .args_max = REQUESTS_MAX,
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND | CLI_NEEDS_PATIENCE,
	 .role = "requester",
	 .summary = "withdraw open requests; their caps are refunded",
	 .more = "Yours until they are assigned; anybody's once they have expired or their market is closed. Several go in one transaction; each has its own outcome.",
	 .examples = "  kalypso request cancel 7\n  kalypso request cancel 7 8 9 --json\n",
	 .run = cancel},
	{0}};
/* clang-format on */
