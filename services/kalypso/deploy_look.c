/* Code, receipts and nonces, asked for at once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/deploy.h"
#include "services/kalypso/node.h"
#include "services/kalypso/send_impl.h"

/* What is asked in front of the steps. */
enum { ASK_MINED, ASK_PENDING, ASK_BALANCE, ASK_STEPS };
enum { QUESTIONS_MAX = ASK_STEPS + DEPLOY_STEPS_MAX * (1 + DEPLOY_SENT_MAX) };

static json_t *of_account(const struct deploying *d, const char *when)
{
	return json_pack("[o,s]", evm_address(&d->cli->account), when);
}

static size_t ask(const struct deploying *d, struct cli_question *q,
		  size_t first, size_t count)
{
	size_t n = ASK_STEPS;

	q[ASK_MINED] =
		(struct cli_question){.method = "eth_getTransactionCount",
				      .params = of_account(d, "latest")};
	q[ASK_PENDING] =
		(struct cli_question){.method = "eth_getTransactionCount",
				      .params = of_account(d, "pending")};
	q[ASK_BALANCE] = (struct cli_question){
		.method = "eth_getBalance", .params = of_account(d, "latest")};
	for (size_t i = first; i < first + count; i++) {
		const struct deploy_seen *s = &d->seen[i];

		q[n++] = (struct cli_question){
			.method = "eth_getCode",
			.params = json_pack(
				"[o,s]", evm_address(&d->plan.steps[i].address),
				"latest")};
		for (size_t k = 0; k < s->sent_count; k++)
			q[n++] = (struct cli_question){
				.method = "eth_getTransactionReceipt",
				.params = json_pack("[o]",
						    evm_hash(&s->sent[k]))};
	}
	return n;
}

static enum cli_exit not_a_node(struct deploying *d)
{
	return cli_fail(d->cli, CLI_UNREACHABLE,
			"the node %s doesn't answer like an Ethereum node: "
			"mend --rpc",
			rpc_node(d->cli->rpc));
}

static enum cli_exit take_account(struct deploying *d,
				  const struct cli_question *q)
{
	if (q[ASK_MINED].err || q[ASK_BALANCE].err ||
	    evm_u64_parse(&d->mined, q[ASK_MINED].result) ||
	    evm_u256_parse(&d->balance, q[ASK_BALANCE].result))
		return not_a_node(d);
	/* Not every node tells what is pending. */
	if (q[ASK_PENDING].err ||
	    evm_u64_parse(&d->pending, q[ASK_PENDING].result))
		d->pending = d->mined;
	return CLI_OK;
}

/* *@q is at the step's code; moved behind its receipts. */
static enum cli_exit take_step(struct deploying *d, size_t i,
			       const struct cli_question **q)
{
	const struct deploy_step *step = &d->plan.steps[i];
	struct deploy_seen *s = &d->seen[i];
	const struct cli_question *code = (*q)++;
	struct buf bytes = {0};
	bool bad = code->err || evm_bytes_parse(&bytes, code->result);

	s->done = !bad && deploy_is_code(&d->bundle.code[step->contract],
					 buf_bytes(&bytes));
	s->other = !bad && bytes.size && !s->done;
	buf_free(&bytes);
	s->mined = false;
	for (size_t k = 0; k < s->sent_count; k++) {
		const struct cli_question *r = (*q)++;

		if (!r->err && !s->mined &&
		    !evm_receipt_parse(&s->receipt, r->result))
			s->mined = true;
	}
	return bad ? not_a_node(d) : CLI_OK;
}

enum cli_exit deploy_look(struct deploying *d, size_t first, size_t count)
{
	struct cli_question *q = cli_alloc(QUESTIONS_MAX * sizeof *q);
	const struct cli_question *at = q + ASK_STEPS;
	size_t n = ask(d, q, first, count);
	enum cli_exit x = cli_try_many(d->cli, q, n);

	if (!x)
		x = take_account(d, q);
	for (size_t i = first; i < first + count && !x; i++)
		x = take_step(d, i, &at);
	cli_questions_free(q, n);
	free(q);
	return x;
}

size_t deploy_next(const struct deploying *d)
{
	size_t i = 0;

	while (i < d->plan.count && d->seen[i].done)
		i++;
	return i;
}

/* ---- nonces ------------------------------------------------------------- */

static enum cli_exit taken(struct deploying *d, size_t i, const char *by)
{
	char who[ADDRESS_ROOM];

	return cli_fail_named(
		d->cli, CLI_FAILED, "NonceTaken",
		"%s was to be created with nonce %" PRIu64
		" of %s, but %s: the addresses that the contracts know of each "
		"other can't come true any more. Deploy anew with another "
		"--out, from an account that nothing else uses meanwhile; what "
		"is there so far stays unused",
		d->plan.steps[i].name, d->plan.steps[i].nonce,
		address_format(who, &d->cli->account), by);
}

static enum cli_exit reverted(struct deploying *d, size_t i)
{
	struct cli_call call = {.what = d->plan.steps[i].name,
				.contract = d->plan.steps[i].name,
				.creates = true,
				.data = d->plan.steps[i].initcode,
				.receipt = d->seen[i].receipt};

	cli_call_reverted(d->cli, &call);
	cli_note("its nonce is used: deploy anew with another --out");
	return CLI_FAILED;
}

enum cli_exit deploy_check_nonces(struct deploying *d)
{
	for (size_t i = 0; i < d->plan.count; i++) {
		const struct deploy_seen *s = &d->seen[i];

		if (s->other)
			return taken(d, i, "other code is at its address");
		if (s->done || d->plan.steps[i].nonce >= d->mined)
			continue;
		if (s->mined && !s->receipt.success)
			return reverted(d, i);
		if (s->mined)
			continue; /* one of several nodes is behind */
		return taken(d, i,
			     "another transaction of the account used it");
	}
	return CLI_OK;
}
