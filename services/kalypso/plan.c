/* What is to be sent, and what was. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/event.h"
#include "services/kalypso/send.h"
#include "services/kalypso/send_impl.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/views.h"

static const struct cli_token ether = {.decimals = 18, .symbol = "ETH"};

struct cli_call *cli_plan_add(struct cli_plan *plan, const char *what,
			      const char *contract, const struct address *to)
{
	struct cli_call *call = &plan->calls[plan->count++];

	assert(plan->count <= CLI_CALLS_MAX);
	*call = (struct cli_call){
		.what = what, .contract = contract, .to = *to};
	return call;
}

enum cli_exit cli_made(struct cli *cli, const struct cli_call *call, enum err e)
{
	if (!e)
		return CLI_OK;
	return cli_fail(cli, e == ERR_RANGE ? CLI_USAGE : CLI_FAILED,
			"%s: %s: an amount or number is larger than the "
			"contract takes",
			call->what, err_text(e));
}

void cli_plan_free(struct cli_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		buf_free(&plan->calls[i].data);
		buf_free(&plan->calls[i].note);
		buf_free(&plan->calls[i].answer);
		evm_logs_free(&plan->calls[i].logs);
	}
	plan->count = 0;
}

/* ---- allowances --------------------------------------------------------- */

static enum cli_exit poor(struct cli *cli, const struct cli_token *token,
			  const struct u256 *has, const struct u256 *needs)
{
	char who[ADDRESS_ROOM];
	struct buf text = {0};

	cli_put_amount_text(&text, has, token);
	buf_put_text(&text, ", needs ");
	cli_put_amount_text(&text, needs, token);
	cli_fail_named(cli, CLI_FAILED, "ERC20InsufficientBalance",
		       "%s has %s: send it some, or ask for less",
		       address_format(who, &cli->account), buf_text(&text));
	buf_free(&text);
	return CLI_FAILED;
}

static enum cli_exit short_allowance(struct cli *cli,
				     const struct cli_token *token,
				     const struct address *spender,
				     const struct u256 *amount)
{
	char who[ADDRESS_ROOM];
	struct buf text = {0};

	cli_put_amount_text(&text, amount, token);
	cli_fail_named(cli, CLI_FAILED, "ERC20InsufficientAllowance",
		       "%s may take less than %s: approve it, or leave out "
		       "--no-approve",
		       address_format(who, spender), buf_text(&text));
	buf_free(&text);
	return CLI_FAILED;
}

static void note_approval(struct cli_call *call, const struct cli_token *token,
			  const struct address *spender,
			  const struct u256 *amount)
{
	char who[ADDRESS_ROOM];

	buf_put_text(&call->note, "the allowance is short: approving ");
	cli_put_amount_text(&call->note, amount, token);
	buf_printf(&call->note, " for %s", address_format(who, spender));
}

enum cli_exit cli_plan_allow(struct cli *cli, struct cli_plan *plan,
			     const struct cli_token *token,
			     const struct address *spender,
			     const struct u256 *amount)
{
	struct u256 holds, allowed;
	struct cli_call *call;
	enum cli_exit x = cli_signer_load(cli);

	if (!x)
		x = cli_view_balance(cli, &holds, token, &cli->account);
	if (!x && u256_cmp(&holds, amount) < 0)
		return poor(cli, token, &holds, amount);
	if (!x)
		x = cli_view_allowance(cli, &allowed, token, &cli->account,
				       spender);
	if (x || u256_cmp(&allowed, amount) >= 0)
		return x;
	if (cli->common.no_approve)
		return short_allowance(cli, token, spender, amount);
	call = cli_plan_add(plan, "approve", "ERC20", &token->address);
	note_approval(call, token, spender, amount);
	return cli_made(cli, call,
			abi_call_approve(&call->data, spender, amount));
}

/* ---- running ------------------------------------------------------------ */

enum cli_exit cli_plan_run(struct cli *cli, struct cli_plan *plan)
{
	enum cli_exit x = cli_plan_simulate(cli, plan);

	for (size_t i = 0; i < plan->count && !x; i++) {
		struct cli_call *call = &plan->calls[i];

		if (i > 0 && !cli->common.dry_run)
			x = cli_call_simulate(cli, call);
		if (!x)
			x = cli_call_price(cli, call, i);
		if (!x && !cli->common.dry_run && call->note.size)
			cli_note("%s", buf_text(&call->note));
		if (!x && !cli->common.dry_run)
			x = cli_call_send(cli, call);
	}
	if (x)
		cli_plan_report(cli, plan);
	return x;
}

/* ---- reporting ---------------------------------------------------------- */

bool cli_next_event(const struct cli *cli, const struct cli_call *call,
		    size_t *at, struct abi_event *event)
{
	const struct deployment *d = &cli->contracts;

	while (call->mined && *at < call->logs.count) {
		const struct abi_log *log = &call->logs.items[(*at)++].log;

		if (!address_eq(&log->address, &d->marketplace) &&
		    !address_eq(&log->address, &d->registry) &&
		    !address_eq(&log->address, &d->keys))
			continue;
		if (!abi_decode_event(event, log))
			return true;
	}
	return false;
}

static void most_fee(struct u256 *out, const struct cli_call *call)
{
	struct u256 gas = u256_from_u64(call->gas);

	if (u256_mul(out, &gas, &call->max_fee))
		*out = U256_MAX;
}

static void paid_fee(struct u256 *out, const struct cli_call *call)
{
	struct u256 gas = u256_from_u64(call->receipt.gas_used);

	if (u256_mul(out, &gas, &call->receipt.gas_price))
		*out = U256_MAX;
}

static json_t *units(const struct u256 *v)
{
	char text[U256_DEC_ROOM];

	return json_string(u256_format_dec(text, v));
}

/* The same members whether it was sent or not. */
static void put_document(struct cli *cli, const struct cli_call *call)
{
	struct cli_out *o = cli->out;
	bool mined = call->mined;
	struct u256 fee;

	cli_put_address(o, "from", NULL, &cli->account);
	cli_put_address(o, "to", NULL, &call->to);
	cli_put_text(o, "contract", NULL, call->contract);
	cli_put_id(o, "nonce", NULL, call->nonce);
	cli_put_id(o, "gas_limit", NULL, call->gas);
	cli_put_json(o, "max_fee_per_gas", units(&call->max_fee));
	cli_put_json(o, "max_priority_fee_per_gas", units(&call->tip));
	cli_put_bool(o, "sent", NULL, mined);
	paid_fee(&fee, call);
	cli_put_json(o, "fee", mined ? units(&fee) : json_null());
	if (mined)
		return;
	cli_put_json(o, "tx", json_null());
	cli_put_json(o, "block", json_null());
	cli_put_json(o, "gas_used", json_null());
	cli_put_bytes(o, "data", NULL, buf_bytes(&call->data));
}

static void put_mined(struct cli *cli, const struct cli_call *call)
{
	struct cli_out *o = cli->out;
	struct u256 fee;

	paid_fee(&fee, call);
	cli_put_text(o, "what", "Transaction", call->what);
	cli_put_hash(o, "tx", "Hash", &call->receipt.tx);
	cli_put_id(o, "block", "Block", call->receipt.block);
	cli_put_id(o, "gas_used", "Gas", call->receipt.gas_used);
	cli_put_amount(o, NULL, "Fee", &fee, &ether);
}

static void put_simulated(struct cli *cli, const struct cli_call *call)
{
	struct cli_out *o = cli->out;
	struct u256 fee;

	most_fee(&fee, call);
	cli_put_text(o, "what", "Would send", call->what);
	cli_put_address(o, NULL, "To", &call->to);
	cli_put_number(o, NULL, "Gas limit", call->gas);
	cli_put_amount(o, NULL, "Fee at most", &fee, &ether);
}

static void put_events(struct cli *cli, const struct cli_plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->count; i++) {
		struct abi_event event;
		size_t at = 0;

		while (cli_next_event(cli, &plan->calls[i], &at, &event))
			json_array_append_new(list, cli_event_json(&event));
	}
	cli_put_json(cli->out, "events", list);
}

void cli_plan_report(struct cli *cli, const struct cli_plan *plan)
{
	struct cli_out *o = cli->out;
	bool dry = cli->common.dry_run;

	if (!dry && plan->count && plan->calls[0].mined)
		cli_say(o, "%s", "");
	cli_begin_list(o, "transactions", NULL);
	for (size_t i = 0; i < plan->count; i++) {
		const struct cli_call *call = &plan->calls[i];

		if (!call->mined && !(dry && call->priced))
			continue;
		cli_begin(o, NULL);
		if (call->mined)
			put_mined(cli, call);
		else
			put_simulated(cli, call);
		put_document(cli, call);
		cli_end(o);
	}
	cli_end(o);
	put_events(cli, plan);
}

enum cli_exit cli_plan_finish(struct cli *cli, struct cli_plan *plan,
			      enum cli_exit x, cli_say_fn *say)
{
	if (!x)
		x = cli_plan_run(cli, plan);
	if (!x && say)
		say(cli, plan);
	if (!x)
		cli_plan_report(cli, plan);
	cli_plan_free(plan);
	return x;
}
