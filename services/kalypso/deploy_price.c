/* What is left: would it revert, and what does it cost? */
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/deploy.h"
#include "services/kalypso/node.h"
#include "services/kalypso/send_impl.h"

enum {
	CORE = 3, /* steps from an implementation to its proxy */
	/* What a proxy's creation may need, where nobody can tell before its
	 * implementation is there; measured: 0.23 to 0.31 million. */
	PROXY_GAS = 500000,
	ETHER_DECIMALS = 18,
};

/* ---- gas ---------------------------------------------------------------- */

/* What @step leaves on the chain, appended to @out. */
static enum cli_exit try_create(struct deploying *d,
				const struct deploy_step *step, struct buf *out)
{
	struct cli_question q = {
		.method = "eth_call",
		.params = cli_call_params(&d->cli->account, NULL,
					  buf_bytes(&step->initcode))};
	enum cli_exit x = cli_ask_many(d->cli, &q, 1);

	if (!x && q.err)
		x = cli_refused(d->cli, step->name, &q);
	else if (!x && evm_bytes_parse(out, q.result))
		buf_clear(out);
	cli_questions_free(&q, 1);
	return x;
}

/* A proxy calls its implementation when it is created. If that isn't there
 * yet, the node is told to act as if it were. */
static enum cli_exit as_if_there(struct deploying *d, size_t i, json_t *params)
{
	const struct deploy_step *code = &d->plan.steps[i - CORE];
	char at[ADDRESS_ROOM];
	struct buf runtime = {0};
	enum cli_exit x;

	if (d->seen[i - CORE].done)
		return CLI_OK;
	x = try_create(d, code, &runtime);
	if (!x)
		json_array_append_new(
			params,
			json_pack("{s:{s:o}}",
				  address_format(at, &code->address), "code",
				  evm_data(buf_bytes(&runtime))));
	buf_free(&runtime);
	return x;
}

static bool is_revert(const struct cli_question *q)
{
	return q->data.size || q->code == 3 || strcasestr(q->message, "revert");
}

static enum cli_exit estimate_gas(struct deploying *d, size_t i)
{
	const struct deploy_step *step = &d->plan.steps[i];
	bool proxy = step->contract == DEPLOY_PROXY;
	struct cli_question q = {
		.method = "eth_estimateGas",
		.params = cli_call_params(&d->cli->account, NULL,
					  buf_bytes(&step->initcode))};
	enum cli_exit x = proxy ? as_if_there(d, i, q.params) : CLI_OK;
	uint64_t gas;

	if (!x)
		x = cli_ask_many(d->cli, &q, 1);
	if (!x && q.err && (!proxy || is_revert(&q)))
		x = cli_refused(d->cli, step->name, &q);
	else if (!x && !q.err && !evm_u64_parse(&gas, q.result))
		d->seen[i].gas = gas + gas / 5;
	else
		d->seen[i].gas = PROXY_GAS; /* the node takes no overrides */
	cli_questions_free(&q, 1);
	return x;
}

/* ---- money -------------------------------------------------------------- */

enum cli_exit deploy_estimate(struct deploying *d)
{
	struct cli_question q = {.method = "eth_maxPriorityFeePerGas"};
	struct cli_call call = {.what = "the deployment"};
	size_t first = deploy_next(d);
	uint64_t gas = 0;
	struct u256 all;
	enum cli_exit x = cli_look(d->cli);

	for (size_t i = first; i < d->plan.count && !x; i++)
		if (d->cli->common.gas_limit.given)
			d->seen[i].gas = d->cli->common.gas_limit.v;
		else
			x = estimate_gas(d, i);
	if (!x)
		x = cli_ask_many(d->cli, &q, 1);
	if (!x)
		x = cli_call_fees(d->cli, &call, &d->cli->base_fee, &q);
	cli_questions_free(&q, 1);
	for (size_t i = first; i < d->plan.count; i++)
		gas += d->seen[i].gas;
	all = u256_from_u64(gas);
	if (!x && u256_mul(&d->cost, &all, &call.max_fee))
		d->cost = U256_MAX;
	return x;
}

enum cli_exit deploy_check_funds(struct deploying *d)
{
	char has[AMOUNT_TEXT_ROOM], needs[AMOUNT_TEXT_ROOM], who[ADDRESS_ROOM];

	if (u256_cmp(&d->balance, &d->cost) >= 0)
		return CLI_OK;
	return cli_fail_named(
		d->cli, CLI_FAILED, "InsufficientFunds",
		"%s has %s ETH, what is left to deploy may cost %s: send it "
		"the rest, or lower --max-fee, and run the same command again",
		address_format(who, &d->cli->account),
		amount_format(has, &(struct amount){d->balance},
			      ETHER_DECIMALS),
		amount_format(needs, &(struct amount){d->cost},
			      ETHER_DECIMALS));
}
