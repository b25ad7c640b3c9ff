/* One step: priced, noted, sent, waited for; and then until it is deep. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/hex.h"
#include "services/kalypso/deploy.h"
#include "services/kalypso/node.h"
#include "services/kalypso/send_impl.h"
#include "services/kalypso/terminal.h"

enum {
	TIMEOUT_S = 120,
	POLL_FIRST_MS = 50,
	POLL_MOST_MS = 1000,
	/* A nonce that is used, but no code or no receipt: believed when it was
	 * seen so often, since nodes behind one URL differ for a moment. */
	SURE = 5,
};

static uint64_t seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

static uint64_t patience(const struct cli *cli)
{
	return cli->common.timeout.given ? cli->common.timeout.v : TIMEOUT_S;
}

/* ---- sending ------------------------------------------------------------ */

/* Whether a node has what an earlier run sent: then it isn't sent again, but
 * for who gives other fees. */
static enum cli_exit is_under_way(struct deploying *d, size_t i, bool *out)
{
	const struct deploy_seen *s = &d->seen[i];
	struct cli_question q[DEPLOY_SENT_MAX] = {{0}};
	enum cli_exit x;

	*out = false;
	if (!s->sent_count || d->cli->common.tip || d->cli->common.max_fee)
		return CLI_OK;
	for (size_t k = 0; k < s->sent_count; k++)
		q[k] = (struct cli_question){
			.method = "eth_getTransactionByHash",
			.params = json_pack("[o]", evm_hash(&s->sent[k]))};
	x = cli_ask_many(d->cli, q, s->sent_count);
	for (size_t k = 0; k < s->sent_count && !x; k++)
		*out = *out || (!q[k].err && json_is_object(q[k].result));
	cli_questions_free(q, s->sent_count);
	return x;
}

static enum cli_exit send_it(struct deploying *d, size_t i)
{
	const struct deploy_step *step = &d->plan.steps[i];
	struct cli_call call = {.what = step->name,
				.contract = step->name,
				.creates = true,
				.data = step->initcode};
	struct buf raw = {0};
	enum cli_exit x = cli_call_price(d->cli, &call, 0);

	call.nonce = step->nonce;
	d->seen[i].gas = call.gas;
	if (!x)
		x = cli_call_sign(d->cli, &call, &raw);
	if (!x)
		x = deploy_state_sent(d, i, &call.receipt.tx);
	if (!x)
		x = cli_call_submit(d->cli, &call, buf_bytes(&raw));
	buf_free(&raw);
	return x;
}

/* ---- waiting ------------------------------------------------------------ */

static enum cli_exit not_yet(struct deploying *d, size_t i, bool answered)
{
	char hash[HASH32_ROOM];
	const struct deploy_seen *s = &d->seen[i];

	if (!answered)
		return cli_fail(d->cli, CLI_UNREACHABLE,
				"no node of --rpc %s answers any more",
				d->cli->common.rpc);
	return cli_fail(
		d->cli, CLI_TIMEOUT,
		"%s isn't mined after %" PRIu64
		" s; it still may be. Its hash is %s. Run the same command "
		"again to wait on, with higher --tip and --max-fee to replace "
		"it",
		d->plan.steps[i].name, patience(d->cli),
		hash32_format(hash, &s->sent[s->sent_count - 1]));
}

static void tell_done(const struct deploying *d, size_t i)
{
	const struct deploy_seen *s = &d->seen[i];
	char at[ADDRESS_ROOM];

	cli_note("%zu of %zu: %s at %s, block %" PRIu64, i + 1, d->plan.count,
		 d->plan.steps[i].name,
		 address_format(at, &d->plan.steps[i].address),
		 s->mined ? s->receipt.block : d->cli->head);
}

static enum cli_exit wait_for(struct deploying *d, size_t i)
{
	const struct deploy_seen *s = &d->seen[i];
	uint64_t start = seconds_now(), waited = 0;
	unsigned nap = POLL_FIRST_MS, sure = 0;
	bool answered = false;
	enum cli_exit x = CLI_OK;

	while (!x) {
		x = deploy_look(d, i, 1);
		answered = !x;
		x = x == CLI_UNREACHABLE ? CLI_OK : x;
		if (x || (s->done && (s->mined || sure == SURE)))
			break;
		sure = answered && d->mined > d->plan.steps[i].nonce ? sure + 1
								     : 0;
		if (s->other || (sure == SURE && !s->done) ||
		    (s->mined && !s->receipt.success))
			x = deploy_check_nonces(d);
		waited = seconds_now() - start;
		if (!x && waited >= patience(d->cli))
			x = not_yet(d, i, answered);
		if (x)
			break;
		cli_progress("%zu of %zu: waiting for %s (%" PRIu64 " s)",
			     i + 1, d->plan.count, d->plan.steps[i].name,
			     waited);
		x = cli_sleep(d->cli, nap);
		nap = nap * 2 < POLL_MOST_MS ? nap * 2 : POLL_MOST_MS;
	}
	cli_progress_clear();
	if (!x)
		tell_done(d, i);
	return x;
}

enum cli_exit deploy_send(struct deploying *d, size_t i)
{
	bool under_way;
	enum cli_exit x = is_under_way(d, i, &under_way);

	if (!x && !under_way)
		x = send_it(d, i);
	return x ? x : wait_for(d, i);
}

/* ---- confirmations ------------------------------------------------------ */

enum cli_exit deploy_confirm(struct deploying *d)
{
	const struct deploy_seen *last = &d->seen[d->plan.count - 1];
	uint64_t start = seconds_now(), depth = 0, most = patience(d->cli);
	enum cli_exit x = CLI_OK;

	/* Without a receipt nobody can tell: then from now on. */
	uint64_t from = last->mined ? last->receipt.block : d->cli->head;

	while (!x) {
		x = cli_look(d->cli);
		depth = d->cli->head >= from ? d->cli->head - from + 1 : 0;
		if (x || depth >= d->confirmations)
			break;
		if (seconds_now() - start >= most + 12 * d->confirmations)
			x = cli_fail(d->cli, CLI_TIMEOUT,
				     "everything is deployed, but the chain "
				     "gave it only %" PRIu64 " of %" PRIu64
				     " confirmations in time: run the same "
				     "command again",
				     depth, d->confirmations);
		cli_progress("confirmations: %" PRIu64 " of %" PRIu64, depth,
			     d->confirmations);
		if (!x)
			x = cli_sleep(d->cli, POLL_MOST_MS);
	}
	cli_progress_clear();
	return x;
}
