/* One call on its way: priced, signed, sent, waited for. */
#include "services/kalypso/send.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hex.h"
#include "common/tx.h"
#include "services/kalypso/node.h"
#include "services/kalypso/send_impl.h"
#include "services/kalypso/terminal.h"
#include "services/kalypso/text.h"

enum {
	GWEI_DECIMALS = 9,
	ETHER_DECIMALS = 18,
	TIP_MAX_GWEI = 10,
	FEE_MAX_GWEI = 500,
	TIMEOUT_S = 120,
	POLL_FIRST_MS = 50,
	POLL_MOST_MS = 1000,
};

static struct u256 gwei(uint64_t n)
{
	return u256_from_u64(n * 1000000000);
}

static const char *amount_text(char out[AMOUNT_TEXT_ROOM],
			       const struct u256 *wei, unsigned decimals)
{
	return amount_format(out, &(struct amount){*wei}, decimals);
}

static const struct address *target(const struct cli_call *call)
{
	return call->creates ? NULL : &call->to;
}

/* ---- fees --------------------------------------------------------------- */

/* What a node says about the account and the fees, in this order. */
enum { ASK_NONCE, ASK_BALANCE, ASK_HEAD, ASK_TIP, ASK_GAS, ASKED };

static enum cli_exit read_gwei(struct cli *cli, struct u256 *out,
			       const char *option, const char *text)
{
	if (!cli_parse_amount(out, text, GWEI_DECIMALS))
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE, "%s '%s': give gwei, like 30 or 1.5",
			option, text);
}

static enum cli_exit choose_tip(struct cli *cli, struct cli_call *call,
				const struct cli_question *advice)
{
	const struct u256 most = gwei(TIP_MAX_GWEI);

	if (cli->common.tip)
		return read_gwei(cli, &call->tip, "--tip", cli->common.tip);
	if (advice->err || evm_u256_parse(&call->tip, advice->result))
		call->tip = gwei(1);
	if (u256_cmp(&call->tip, &most) > 0)
		call->tip = most;
	return CLI_OK;
}

static enum cli_exit too_dear(struct cli *cli, const struct u256 *base)
{
	char is[AMOUNT_TEXT_ROOM];

	return cli_fail(cli, CLI_FAILED,
			"the base fee is %s gwei, more than %s%s: wait, or "
			"give a larger --max-fee",
			amount_text(is, base, GWEI_DECIMALS),
			cli->common.max_fee ? "--max-fee "
					    : "the 500 gwei that are paid "
					      "unasked",
			cli->common.max_fee ? cli->common.max_fee : "");
}

enum cli_exit cli_call_fees(struct cli *cli, struct cli_call *call,
			    const struct u256 *base,
			    const struct cli_question *advice)
{
	struct u256 most = gwei(FEE_MAX_GWEI);
	enum cli_exit x = choose_tip(cli, call, advice);

	if (!x && cli->common.max_fee)
		x = read_gwei(cli, &most, "--max-fee", cli->common.max_fee);
	if (x)
		return x;
	if (u256_cmp(base, &most) > 0)
		return too_dear(cli, base);
	if (cli->common.max_fee || u256_add(&call->max_fee, base, base) ||
	    u256_add(&call->max_fee, &call->max_fee, &call->tip) ||
	    u256_cmp(&call->max_fee, &most) > 0)
		call->max_fee = most;
	if (u256_cmp(&call->tip, &call->max_fee) > 0)
		call->tip = call->max_fee;
	return CLI_OK;
}

/* A fifth more than the estimate, if it fits into a block. */
static enum cli_exit choose_gas(struct cli *cli, struct cli_call *call,
				const struct cli_question *estimate,
				uint64_t block_gas)
{
	uint64_t gas;

	if (cli->common.gas_limit.given) {
		call->gas = cli->common.gas_limit.v;
		return CLI_OK;
	}
	if (!estimate)
		return CLI_OK; /* the simulation has told it, or nobody can */
	if (estimate->err)
		return cli_refused(cli, call->what, estimate);
	if (evm_u64_parse(&gas, estimate->result))
		return cli_fail(cli, CLI_UNREACHABLE,
				"the node %s gives no estimate of gas: give "
				"--gas-limit",
				rpc_node(cli->rpc));
	call->gas = gas + gas / 5;
	if (call->gas > block_gas && gas <= block_gas)
		call->gas = block_gas;
	return CLI_OK;
}

static enum cli_exit check_balance(struct cli *cli, const struct cli_call *call,
				   const struct u256 *balance)
{
	char has[AMOUNT_TEXT_ROOM], needs[AMOUNT_TEXT_ROOM], who[ADDRESS_ROOM];
	struct u256 gas = u256_from_u64(call->gas), most;

	if (u256_mul(&most, &gas, &call->max_fee))
		most = U256_MAX;
	if (u256_cmp(balance, &most) >= 0)
		return CLI_OK;
	return cli_fail_named(cli, CLI_FAILED, "InsufficientFunds",
			      "%s has %s ETH, the gas of %s may cost %s: send "
			      "it some, or lower --max-fee",
			      address_format(who, &cli->account),
			      amount_text(has, balance, ETHER_DECIMALS),
			      call->what,
			      amount_text(needs, &most, ETHER_DECIMALS));
}

static enum cli_exit decide(struct cli *cli, struct cli_call *call,
			    const struct cli_question *q, bool estimated)
{
	struct evm_header head;
	struct u256 balance;
	enum cli_exit x;

	if (q[ASK_NONCE].err || q[ASK_BALANCE].err || q[ASK_HEAD].err ||
	    evm_u64_parse(&call->nonce, q[ASK_NONCE].result) ||
	    evm_u256_parse(&balance, q[ASK_BALANCE].result) ||
	    evm_header_parse(&head, q[ASK_HEAD].result))
		return cli_fail(cli, CLI_UNREACHABLE,
				"the node %s doesn't answer like an Ethereum "
				"node: mend --rpc",
				rpc_node(cli->rpc));
	x = cli_call_fees(cli, call, &head.base_fee, &q[ASK_TIP]);
	if (!x)
		x = choose_gas(cli, call, estimated ? &q[ASK_GAS] : NULL,
			       head.gas_limit);
	return x ? x : check_balance(cli, call, &balance);
}

enum cli_exit cli_call_price(struct cli *cli, struct cli_call *call,
			     size_t ahead)
{
	/* Before what it builds on is mined, it can't be estimated. */
	bool estimated = !cli->common.dry_run || ahead == 0;
	struct cli_question q[ASKED] = {
		[ASK_NONCE] = {.method = "eth_getTransactionCount",
			       .params = json_pack("[o,s]",
						   evm_address(&cli->account),
						   "pending")},
		[ASK_BALANCE] = {.method = "eth_getBalance",
				 .params = json_pack("[o,s]",
						     evm_address(&cli->account),
						     "latest")},
		[ASK_HEAD] = {.method = "eth_getBlockByNumber",
			      .params = json_pack("[s,b]", "latest", 0)},
		[ASK_TIP] = {.method = "eth_maxPriorityFeePerGas"},
		[ASK_GAS] = {.method = "eth_estimateGas",
			     .params = cli_call_params(&cli->account,
						       target(call),
						       buf_bytes(&call->data))},
	};
	enum cli_exit x = cli_ask_many(cli, q, estimated ? ASKED : ASKED - 1);

	if (!x)
		x = decide(cli, call, q, estimated);
	call->priced = !x;
	if (!x && cli->common.dry_run)
		call->nonce += ahead;
	cli_questions_free(q, ASKED);
	return x;
}

/* ---- sending ------------------------------------------------------------ */

enum cli_exit cli_call_sign(struct cli *cli, struct cli_call *call,
			    struct buf *raw)
{
	struct tx tx = {.chain_id = cli->contracts.chain_id,
			.nonce = call->nonce,
			.max_priority_fee = call->tip,
			.max_fee = call->max_fee,
			.gas = call->gas,
			.creates = call->creates,
			.to = call->to,
			.data = buf_bytes(&call->data)};
	enum err e = tx_sign(raw, &call->receipt.tx, &tx, cli->key);

	return e ? cli_fail(cli, CLI_FAILED, "%s can't be signed: %s",
			    call->what, err_text(e))
		 : CLI_OK;
}

static enum cli_exit judge(struct cli *cli, const struct cli_call *call,
			   const struct cli_question *q)
{
	struct rpc_answer a = {.err = q->err, .message = q->message};

	switch (rpc_send_verdict(&a)) {
	case RPC_SEND_ACCEPTED:
	case RPC_SEND_KNOWN:
		return CLI_OK;
	case RPC_SEND_NONCE_USED:
		return cli_fail(cli, CLI_FAILED,
				"%s wasn't sent: another transaction of the "
				"account took nonce %" PRIu64
				" meanwhile: try again",
				call->what, call->nonce);
	case RPC_SEND_UNDERPRICED:
		return cli_fail(cli, CLI_FAILED,
				"%s wasn't sent: the node finds its fee too "
				"low (%s): give more with --tip and --max-fee",
				call->what, q->message);
	case RPC_SEND_POOR:
		return cli_fail_named(cli, CLI_FAILED, "InsufficientFunds",
				      "%s wasn't sent: the account can't pay "
				      "for its gas (%s)",
				      call->what, q->message);
	case RPC_SEND_UNKNOWN:
		break;
	}
	return cli_fail(cli, CLI_FAILED, "%s: the node %s refuses it: %s",
			call->what, rpc_node(cli->rpc), q->message);
}

enum cli_exit cli_call_submit(struct cli *cli, struct cli_call *call,
			      struct bytes raw)
{
	struct cli_question q = {.method = "eth_sendRawTransaction",
				 .params = json_pack("[o]", evm_data(raw))};
	char hash[HASH32_ROOM];
	enum cli_exit x = cli_ask_many(cli, &q, 1);

	if (x)
		cli_note("%s may have been accepted all the same: its hash is "
			 "%s",
			 call->what, hash32_format(hash, &call->receipt.tx));
	else
		x = judge(cli, call, &q);
	cli_questions_free(&q, 1);
	return x;
}

/* ---- waiting ------------------------------------------------------------ */

enum cli_exit cli_call_reverted(struct cli *cli, const struct cli_call *call)
{
	struct cli_question q = {
		.method = "eth_call",
		.params = cli_call_params(&cli->account, target(call),
					  buf_bytes(&call->data))};
	char hash[HASH32_ROOM];
	struct buf reason = {0};
	const char *name = NULL;
	enum cli_exit x;

	/* As it was before that block, or nearly. */
	json_array_set_new(q.params, 1, evm_quantity(call->receipt.block - 1));
	x = cli_try_many(cli, &q, 1);
	if (!x && q.err && q.data.size)
		name = cli_put_reason(&reason, buf_bytes(&q.data));
	else
		buf_put_text(&reason, "the node can't say why: perhaps the "
				      "gas limit was too low");
	cli_fail_named(cli, CLI_FAILED, name,
		       "%s was mined in block %" PRIu64
		       " and reverted: %s (transaction %s)",
		       call->what, call->receipt.block, buf_text(&reason),
		       hash32_format(hash, &call->receipt.tx));
	buf_free(&reason);
	cli_questions_free(&q, 1);
	return CLI_FAILED;
}

/* The receipt's logs, as if they had been asked for. */
static enum err read_logs(struct cli_call *call, const json_t *receipt)
{
	json_t *body =
		json_pack("{s:O}", "result", json_object_get(receipt, "logs"));
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	enum err e = ERR_MALFORMED;

	if (text)
		e = evm_logs_parse(
			&call->logs,
			(struct bytes){(const uint8_t *)text, strlen(text)});
	free(text);
	json_decref(body);
	return e;
}

/* *@found: there is a receipt. */
static enum cli_exit look(struct cli *cli, struct cli_call *call, bool *found)
{
	struct cli_question q = {
		.method = "eth_getTransactionReceipt",
		.params = json_pack("[o]", evm_hash(&call->receipt.tx))};
	struct evm_receipt receipt;
	enum cli_exit x = cli_try_many(cli, &q, 1);

	*found = !x && !q.err && !evm_receipt_parse(&receipt, q.result) &&
		 !read_logs(call, q.result);
	if (*found)
		call->receipt = receipt;
	cli_questions_free(&q, 1);
	/* A node that is away for a moment isn't the end. */
	return x == CLI_UNREACHABLE ? CLI_OK : x;
}

static uint64_t seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

static enum cli_exit wait_for_receipt(struct cli *cli, struct cli_call *call)
{
	const struct cli_number *timeout = &cli->common.timeout;
	uint64_t start = seconds_now(), waited = 0;
	uint64_t most = timeout->given ? timeout->v : TIMEOUT_S;
	unsigned nap = POLL_FIRST_MS;
	char hash[HASH32_ROOM];
	bool found = false;
	enum cli_exit x = look(cli, call, &found);

	hash32_format(hash, &call->receipt.tx);
	while (!x && !found && waited < most) {
		cli_progress("waiting for %s %s (%" PRIu64 " s)", call->what,
			     hash, waited);
		x = cli_sleep(cli, nap);
		nap = nap * 2 < POLL_MOST_MS ? nap * 2 : POLL_MOST_MS;
		if (!x)
			x = look(cli, call, &found);
		waited = seconds_now() - start;
	}
	cli_progress_clear();
	if (x == CLI_INTERRUPTED)
		cli_note("%s was sent: its hash is %s", call->what, hash);
	if (x || found)
		return x;
	return cli_fail(cli, CLI_TIMEOUT,
			"%s isn't mined after %" PRIu64
			" s; it still may be. Its hash is %s",
			call->what, most, hash);
}

enum cli_exit cli_call_send(struct cli *cli, struct cli_call *call)
{
	struct buf raw = {0};
	enum cli_exit x = cli_call_sign(cli, call, &raw);

	if (!x)
		x = cli_call_submit(cli, call, buf_bytes(&raw));
	buf_free(&raw);
	if (!x)
		x = wait_for_receipt(cli, call);
	if (x)
		return x;
	call->mined = true;
	return call->receipt.success ? CLI_OK : cli_call_reverted(cli, call);
}
