/* One or two batches of calls, and what follows from their answers. */
#include "services/slasher-watcher/verdict.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "abi_market.h"
#include "common/evm.h"
#include "common/log.h"
#include "common/u256.h"

enum { ALL_BPS = 10000 };

struct one {
	struct verdict_asker *asker;
	struct verdict_item *item;
	struct u256 market_id, penalty;
	bool has_penalty;
};

struct verdict_asker {
	struct verdict_config config;
	struct verdict_question question;
	struct one ones[VERDICT_ITEMS_MAX];
	verdict_done *done;
	void *arg;
	size_t missing; /* answers */
	bool asking;
	void (*next)(struct verdict_asker *a); /* when none is missing */
	/* Of the second batch. */
	struct u256 bounty_bps, bounty_max;
	bool has_bps, has_max;
};

enum err verdict_new(struct verdict_asker **out,
		     const struct verdict_config *config)
{
	struct verdict_asker *a = calloc(1, sizeof *a);

	if (a)
		a->config = *config;
	*out = a;
	return a ? ERR_NONE : ERR_NO_MEMORY;
}

void verdict_free(struct verdict_asker **asker)
{
	free(*asker);
	*asker = NULL;
}

bool verdict_is_asking(const struct verdict_asker *a)
{
	return a->asking;
}

static void conclude(struct verdict_asker *a)
{
	a->asking = false;
	a->done(a->arg, &a->question);
}

static void answered(struct verdict_asker *a)
{
	if (--a->missing == 0)
		a->next(a);
}

/* The bytes that a call returned; false if it didn't. */
static bool returned(const struct rpc_answer *r, struct buf *out)
{
	return !r->err && !evm_bytes_parse(out, r->result);
}

static void add_call(struct verdict_asker *a, struct rpc_batch *batch,
		     const struct address *to, struct buf *call, json_t *block,
		     rpc_done *done, void *arg)
{
	a->missing++;
	rpc_batch_add(batch, "eth_call",
		      json_pack("[{s:o,s:o},o]", "to", evm_address(to), "data",
				evm_data(buf_bytes(call)), block),
		      done, arg);
	buf_free(call);
}

/* ---- whether it pays ---------------------------------------------------- */

/* What the slasher gets for it, in wei. */
static struct u256 bounty_wei(const struct verdict_asker *a,
			      const struct u256 *penalty)
{
	struct u256 worth = u256_from_u64(a->question.stake_worth_wei), bounty,
		    product, one, wei, rest;
	uint32_t bps = (uint32_t)a->bounty_bps.limb[0];

	if (u256_mul_bps(&bounty, penalty, bps))
		return U256_ZERO;
	if (u256_cmp(&bounty, &a->bounty_max) > 0)
		bounty = a->bounty_max;
	one = u256_from_u64(1000000000000000000u);
	if (u256_mul(&product, &bounty, &worth) ||
	    u256_divmod(&wei, &rest, &product, &one))
		return U256_ZERO;
	return wei;
}

static struct u256 cost_wei(const struct verdict_question *q, uint64_t gas)
{
	struct u256 amount = u256_from_u64(gas), cost;

	return u256_mul(&cost, &amount, &q->gas_price) ? U256_MAX : cost;
}

/* Each item has to pay for itself, and all of them for the transaction. */
static void weigh(struct verdict_asker *a)
{
	struct verdict_question *q = &a->question;
	struct u256 each = cost_wei(q, q->gas_per_item), sum = {{0}}, all;
	bool known = a->has_bps && a->has_max &&
		     u256_bit_length(&a->bounty_bps) <= 16 &&
		     a->bounty_bps.limb[0] <= ALL_BPS;
	size_t paying = 0;

	for (size_t i = 0; i < q->count; i++) {
		struct verdict_item *item = &q->items[i];
		struct u256 wei;

		if (item->verdict != VERDICT_AGREED)
			continue;
		if (!known || !a->ones[i].has_penalty) {
			item->verdict = VERDICT_UNKNOWN;
			continue;
		}
		wei = bounty_wei(a, &a->ones[i].penalty);
		if (u256_cmp(&wei, &each) < 0 || u256_add(&sum, &sum, &wei))
			item->verdict = VERDICT_UNPROFITABLE;
		else
			paying++;
	}
	all = cost_wei(q, q->gas_base + paying * q->gas_per_item);
	for (size_t i = 0; i < q->count && u256_cmp(&sum, &all) < 0; i++)
		if (q->items[i].verdict == VERDICT_AGREED)
			q->items[i].verdict = VERDICT_UNPROFITABLE;
	conclude(a);
}

static void on_market(void *arg, const struct rpc_answer *r)
{
	struct one *one = arg;
	struct abi_market_view view;
	struct buf bytes = {0};

	if (returned(r, &bytes) &&
	    !abi_result_market_of(&view, buf_bytes(&bytes))) {
		one->penalty = view.penalty;
		one->has_penalty = true;
	}
	buf_free(&bytes);
	answered(one->asker);
}

static bool read_setting(struct u256 *out, const struct rpc_answer *r)
{
	struct buf bytes = {0};
	bool ok = returned(r, &bytes) &&
		  !abi_result_setting(out, buf_bytes(&bytes));

	buf_free(&bytes);
	return ok;
}

static void on_bps(void *arg, const struct rpc_answer *r)
{
	struct verdict_asker *a = arg;

	a->has_bps = read_setting(&a->bounty_bps, r);
	answered(a);
}

static void on_max(void *arg, const struct rpc_answer *r)
{
	struct verdict_asker *a = arg;

	a->has_max = read_setting(&a->bounty_max, r);
	answered(a);
}

static void add_setting(struct verdict_asker *a, struct rpc_batch *batch,
			const char *name, rpc_done *done)
{
	struct hash32 key = {{0}};
	struct buf call = {0};

	memcpy(key.bytes, name, strlen(name));
	if (abi_call_setting(&call, &key))
		buf_clear(&call); /* the answer will be none */
	add_call(a, batch, &a->config.registry, &call, json_string("latest"),
		 done, a);
}

static void ask_bounties(struct verdict_asker *a)
{
	struct verdict_question *q = &a->question;
	struct rpc_batch *batch;
	bool wanted = false;

	for (size_t i = 0; i < q->count; i++)
		wanted |= q->items[i].verdict == VERDICT_AGREED;
	if (!q->slash || !q->profit || !wanted) {
		conclude(a);
		return;
	}
	batch = rpc_batch_new(a->config.rpc);
	a->next = weigh;
	a->missing = 1; /* until all are added */
	add_setting(a, batch, "slashBountyBps", on_bps);
	add_setting(a, batch, "slashBountyMax", on_max);
	for (size_t i = 0; i < q->count; i++) {
		struct buf call = {0};

		if (q->items[i].verdict != VERDICT_AGREED)
			continue;
		if (abi_call_market_of(&call, &a->ones[i].market_id))
			buf_clear(&call);
		add_call(a, batch, &a->config.marketplace, &call,
			 json_string("latest"), on_market, &a->ones[i]);
	}
	rpc_batch_send(batch);
	answered(a);
}

/* ---- whether the chain agrees ------------------------------------------- */

static enum verdict judge(const struct verdict_question *q,
			  const struct verdict_item *item,
			  const struct abi_request_view *v)
{
	enum abi_request_state state =
		q->slash ? ABI_REQUEST_STATE_ASSIGNED : ABI_REQUEST_STATE_OPEN;
	uint64_t until = q->slash ? v->deadline : v->expiry;

	if (v->state == state && until == item->since.v && until < q->at.time.v)
		return VERDICT_AGREED;
	log_warn("slash.disagreed",
		 "request=%" PRIu64 " block=%" PRIu64 " state=%d until=%" PRIu64
		 " expected=%" PRIu64
		 " text=\"the chain's own view says otherwise: put off\"",
		 item->request_id, q->at.number, (int)v->state, until,
		 item->since.v);
	return VERDICT_DISAGREED;
}

static void on_request(void *arg, const struct rpc_answer *r)
{
	struct one *one = arg;
	struct verdict_asker *a = one->asker;
	struct abi_request_view view;
	struct buf bytes = {0};

	if (returned(r, &bytes) &&
	    !abi_result_request_of(&view, buf_bytes(&bytes))) {
		one->market_id = view.market_id;
		/* A trial may have spoken already. */
		if (one->item->verdict == VERDICT_UNKNOWN)
			one->item->verdict =
				judge(&a->question, one->item, &view);
	} else {
		log_warn("slash.unanswered", "request=%" PRIu64 " text=\"%s\"",
			 one->item->request_id,
			 r->err ? r->message : "requestOf: not an answer");
	}
	buf_free(&bytes);
	answered(a);
}

static void on_trial(void *arg, const struct rpc_answer *r)
{
	struct one *one = arg;

	if (r->err == ERR_REFUSED)
		one->item->verdict = VERDICT_IMPOSSIBLE;
	answered(one->asker);
}

/* As it would be sent, gas limit and all. */
static void add_trial(struct verdict_asker *a, struct rpc_batch *batch)
{
	const struct verdict_question *q = &a->question;
	struct u256 id = u256_from_u64(q->items[0].request_id);
	struct buf call = {0};
	enum err e = q->slash ? abi_call_slash_many(&call, &id, 1)
			      : abi_call_cancel_requests(&call, &id, 1);

	if (e)
		buf_clear(&call);
	a->missing++;
	rpc_batch_add(batch, "eth_call",
		      json_pack("[{s:o,s:o,s:o,s:o},s]", "from",
				evm_address(&a->config.from), "to",
				evm_address(&a->config.marketplace), "gas",
				evm_quantity(q->gas_base + q->gas_per_item),
				"data", evm_data(buf_bytes(&call)), "latest"),
		      on_trial, &a->ones[0]);
	buf_free(&call);
}

enum err verdict_ask(struct verdict_asker *a,
		     const struct verdict_question *question,
		     verdict_done *done, void *arg)
{
	struct rpc_batch *batch = rpc_batch_new(a->config.rpc);

	if (!batch)
		return ERR_NO_MEMORY;
	a->question = *question;
	a->done = done;
	a->arg = arg;
	a->asking = true;
	a->has_bps = a->has_max = false;
	a->next = ask_bounties;
	a->missing = 1; /* until all are added */
	for (size_t i = 0; i < question->count; i++) {
		struct verdict_item *item = &a->question.items[i];
		struct u256 id = u256_from_u64(item->request_id);
		struct buf call = {0};

		item->verdict = VERDICT_UNKNOWN;
		a->ones[i] = (struct one){.asker = a, .item = item};
		if (abi_call_request_of(&call, &id))
			buf_clear(&call);
		add_call(a, batch, &a->config.marketplace, &call,
			 json_pack("{s:o}", "blockHash",
				   evm_hash(&question->at.hash)),
			 on_request, &a->ones[i]);
	}
	if (question->alone)
		add_trial(a, batch);
	rpc_batch_send(batch);
	answered(a);
	return ERR_NONE;
}
