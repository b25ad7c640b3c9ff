/* What the chain is asked after each block: receipts, nonce, balance. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/evm.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/sender_impl.h"
#include "common/u256.h"

enum { ASK_AGAIN_MS = 500 };

static struct metric mined =
	METRIC(COUNTER, "tx_mined_total", "transactions found in a block");
static struct metric reverted =
	METRIC(COUNTER, "tx_reverted_total", "of these, without success");
static struct metric nonce_lost =
	METRIC(COUNTER, "tx_nonce_lost_total",
	       "transactions whose number somebody else used");
static struct metric balance_gwei =
	METRIC(GAUGE, "tx_balance_gwei", "what the account has for gas");
static struct metric gas = METRIC(COUNTER, "tx_gas_used_total",
				  "gas that mined transactions took");
static struct metric fee =
	METRIC(COUNTER, "tx_fee_gwei_total", "what was paid for them, in gwei");
static struct metric wasted =
	METRIC(COUNTER, "tx_fee_wasted_gwei_total",
	       "of that, for transactions without success or effect");
static struct metric looked =
	METRIC(GAUGE, "tx_looked_block",
	       "newest block that was asked about: what was mined, and what "
	       "the account has");

void sender_ask_register(void)
{
	metric_register(&looked);
	metric_register(&gas);
	metric_register(&fee);
	metric_register(&wasted);
	metric_register(&mined);
	metric_register(&reverted);
	metric_register(&nonce_lost);
	metric_register(&balance_gwei);
}

/* Is this attempt mined? */
struct question {
	struct sender *sender;
	struct hash32 hash;
	bool absent; /* the node says no */
};

/* ---- receipts ----------------------------------------------------------- */

/* Whether the block is of the branch that we follow, as far as we know. */
static bool is_canonical(const struct sender *s, const struct evm_receipt *r,
			 const struct block_ref *ours)
{
	if (ours)
		return hash32_eq(&ours->hash, &r->block_hash);
	return !fork_tip(s->blocks) || r->block <= fork_tip(s->blocks)->number;
}

/* Whether the block may turn out to be of another branch: it was mined before
 * the blocks that we know, as after a start, or there is another in its place.
 */
static bool is_doubtful(const struct sender *s, const struct evm_receipt *r,
			const struct block_ref *ours)
{
	const struct block_ref *tip = fork_tip(s->blocks);

	if (ours)
		return !hash32_eq(&ours->hash, &r->block_hash);
	return !tip || (r->block < tip->number &&
			tip->number - r->block <= s->config.final_depth);
}

static void count_cost(const struct evm_receipt *r, enum outbox_fate fate)
{
	struct u256 used = u256_from_u64(r->gas_used), wei, gwei;
	uint64_t rest, paid;

	metric_add(&gas, (int64_t)r->gas_used);
	if (u256_mul(&wei, &used, &r->gas_price) ||
	    u256_divmod_u64(&gwei, &rest, &wei, 1000000000) ||
	    u256_to_u64(&paid, &gwei) || paid > INT64_MAX)
		return; /* more than there is */
	metric_add(&fee, (int64_t)paid);
	if (fate != OUTBOX_MINED)
		metric_add(&wasted, (int64_t)paid);
}

/* For each request that it is about. */
static void tell_mined(const struct sender *s, const struct hash32 *id,
		       const struct evm_receipt *r)
{
	char hash[HASH32_ROOM];
	struct u64s subjects;
	uint8_t kind;

	if (!outbox_intent_of(s->outbox, id, &kind, &subjects))
		return;
	hash32_format(hash, &r->tx);
	for (size_t i = 0; i < subjects.count; i++)
		log_info("tx.mined",
			 "request=%" PRIu64 " tx=%s block=%" PRIu64
			 " success=%s",
			 u64s_at(subjects, i), hash, r->block,
			 r->success ? "true" : "false");
}

static void take_receipt(struct sender *s, const struct evm_receipt *r)
{
	struct outbox_receipt o = {.hash = r->tx,
				   .block = {r->block, r->block_hash, {0}},
				   .success = r->success,
				   .gas_used = r->gas_used,
				   .gas_price = r->gas_price};
	const struct block_ref *ours = fork_at(s->blocks, r->block);
	struct hash32 id;
	enum err e;

	if (!outbox_id_of(s->outbox, &r->tx, &id))
		return;
	if (is_doubtful(s, r, ours))
		s->doubts = true;
	if (!is_canonical(s, r, ours))
		return;
	if (ours)
		o.block.time = ours->time; /* receipts don't tell */
	e = outbox_mined(s->outbox, &s->sink, &o);
	if (e == ERR_NOT_FOUND)
		return;
	metric_add(&mined, 1);
	count_cost(r, outbox_fate(s->outbox, &id));
	tell_mined(s, &id, r);
	if (!r->success) {
		char hash[HASH32_ROOM];

		metric_add(&reverted, 1);
		log_warn("tx.reverted", "tx=%s block=%" PRIu64,
			 hash32_format(hash, &r->tx), r->block);
	}
	sender_commit(s, e);
	if (!e && s->config.mined)
		s->config.mined(s->config.arg, &id,
				outbox_fate(s->outbox, &id));
}

/* The node has no receipt of it. */
static enum err take_absence(struct sender *s, const struct hash32 *hash)
{
	char text[HASH32_ROOM];
	bool lost;
	enum err e =
		outbox_not_mined(s->outbox, &s->sink, hash, s->nonce, &lost);

	if (lost) {
		metric_add(&nonce_lost, 1);
		log_error("tx.nonce_lost",
			  "tx=%s account_nonce=%" PRIu64
			  " text=\"somebody else sends from this account and "
			  "used its number: give this process an account of "
			  "its own\"",
			  hash32_format(text, hash), s->nonce);
	}
	return e;
}

/* ---- a round of questions ----------------------------------------------- */

static void ask_again(void *arg)
{
	struct sender *s = arg;

	s->again = NULL;
	sender_ask(s, true);
}

static void take_balance(struct sender *s)
{
	struct u256 gwei;
	uint64_t rest, shown;

	outbox_set_balance(s->outbox, &s->balance);
	if (!u256_divmod_u64(&gwei, &rest, &s->balance, 1000000000))
		metric_set(&balance_gwei,
			   u256_to_u64(&shown, &gwei) || shown > INT64_MAX
				   ? INT64_MAX
				   : (int64_t)shown);
}

/* Every answer is there. */
static void conclude(struct sender *s)
{
	enum err e = ERR_NONE;

	if (s->has_balance)
		take_balance(s);
	if (s->has_nonce)
		outbox_set_floor(s->outbox, s->nonce);
	for (size_t i = 0; i < s->questions_count && s->has_nonce && !e; i++)
		if (s->questions[i].absent)
			e = take_absence(s, &s->questions[i].hash);
	free(s->questions);
	s->questions = NULL;
	if (!e && s->ready) /* what was held may go on */
		e = outbox_sign(s->outbox, &s->sink);
	sender_commit(s, e);
	if (s->has_nonce)
		metric_set(&looked, (int64_t)s->asked_at);
	if (s->ready)
		return;
	if (s->has_nonce)
		sender_begin(s);
	else
		s->again = loop_timer(s->config.frame->loop, ASK_AGAIN_MS, true,
				      ask_again, s);
}

static void answered(struct sender *s)
{
	if (--s->asking == 0)
		conclude(s);
}

static void on_receipt(void *arg, const struct rpc_answer *a)
{
	struct question *q = arg;
	struct evm_receipt r;
	enum err e = a->err ? a->err : evm_receipt_parse(&r, a->result);

	q->absent = e == ERR_NOT_FOUND;
	if (!e)
		take_receipt(q->sender, &r);
	answered(q->sender);
}

static void on_nonce(void *arg, const struct rpc_answer *a)
{
	struct sender *s = arg;

	s->has_nonce = !a->err && !evm_u64_parse(&s->nonce, a->result);
	answered(s);
}

static void on_balance(void *arg, const struct rpc_answer *a)
{
	struct sender *s = arg;

	s->has_balance = !a->err && !evm_u256_parse(&s->balance, a->result);
	answered(s);
}

static void count_one(void *arg, const struct hash32 *hash)
{
	(void)hash;
	++*(size_t *)arg;
}

static void note_one(void *arg, const struct hash32 *hash)
{
	struct sender *s = arg;

	s->questions[s->questions_count++] = (struct question){s, *hash, false};
}

static void ask_of_account(struct sender *s, struct rpc_batch *batch,
			   const char *method, rpc_done *done)
{
	rpc_batch_add(batch, method,
		      json_pack("[o,s]", evm_address(outbox_sender(s->outbox)),
				"latest"),
		      done, s);
}

void sender_ask(struct sender *s, bool all)
{
	struct rpc_batch *batch;
	size_t count = 0;

	if (s->asking)
		return; /* at the next block */
	outbox_each_watched(s->outbox, all, count_one, &count);
	s->questions = calloc(count + 1, sizeof *s->questions);
	s->questions_count = 0;
	if (!s->questions)
		return;
	outbox_each_watched(s->outbox, all, note_one, s);
	if (all)
		s->doubts = false;
	s->asking = count + 2;
	s->asked_at = fork_tip(s->blocks) ? fork_tip(s->blocks)->number : 0;
	batch = rpc_batch_new(s->config.rpc);
	for (size_t i = 0; i < count; i++)
		rpc_batch_add(batch, "eth_getTransactionReceipt",
			      json_pack("[o]", evm_hash(&s->questions[i].hash)),
			      on_receipt, &s->questions[i]);
	ask_of_account(s, batch, "eth_getTransactionCount", on_nonce);
	ask_of_account(s, batch, "eth_getBalance", on_balance);
	rpc_batch_send(batch);
}
