/* Journal, log and nodes, in that order. */
#include "common/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/evm.h"
#include "common/fork.h"
#include "common/hex.h"
#include "common/journal.h"
#include "common/log.h"
#include "common/metric.h"

enum {
	IN_FLIGHT_MAX = 8,
	RESEND_BLOCKS = 3,
	ASK_AGAIN_MS = 500,
	ASK_RECEIPTS_MS = 100, /* after a block: first what has to be sent */
	SEND_AGAIN_MS = 100,
	READ_MAX = 1000,
	PATH_ROOM = FRAME_PATH_ROOM + 16,
};

static struct metric sent =
	METRIC(COUNTER, "tx_sent_total", "transactions handed to nodes");
static struct metric mined =
	METRIC(COUNTER, "tx_mined_total", "transactions found in a block");
static struct metric reverted =
	METRIC(COUNTER, "tx_reverted_total", "of these, without success");
static struct metric refused =
	METRIC(COUNTER, "tx_refused_total", "transactions that a node refused");
static struct metric nonce_lost =
	METRIC(COUNTER, "tx_nonce_lost_total",
	       "transactions whose number somebody else used");
static struct metric in_flight =
	METRIC(GAUGE, "tx_in_flight", "transactions signed and not mined");
static struct metric planned =
	METRIC(GAUGE, "tx_planned", "transactions that wait for a nonce");

struct sender {
	struct sink sink; /* first: into the journal and the log */
	struct sender_config config;
	struct outbox *outbox;
	struct journal *journal;
	struct fork *blocks;	  /* canonical ones, to judge receipts by */
	struct sending *sendings; /* on their way to nodes */
	struct loop_timer *again, *receipts;
	uint64_t nonce; /* of the account, on the chain */
	/* What the chain is being asked about, all at once. */
	struct question *questions;
	size_t questions_count;
	size_t asking;	/* answers that are missing */
	bool has_nonce; /* it is among the answers */
	bool ready;
};

/* Is this attempt mined? */
struct question {
	struct sender *sender;
	struct hash32 hash;
	bool absent; /* the node says no */
};

static struct loop *loop_of(const struct sender *s)
{
	return s->config.frame->loop;
}

static enum err sink_put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct sender *s = (struct sender *)sink;
	struct writer *log = s->config.frame->writer;
	enum err e = journal_put(s->journal, number, body);

	return e || !log ? e : writer_put(log, number, body, NULL);
}

/* ---- the journal and the log to the same end ---------------------------- */

static enum err copy_to_journal(void *arg, const struct entry *entry)
{
	struct sender *s = arg;

	return journal_put(s->journal, entry->type, entry->body);
}

/* What the log has and the journal lacks: the disk was lost. */
static enum err restore_journal(struct sender *s)
{
	struct frame *f = s->config.frame;
	uint64_t from = journal_last(s->journal) + 1, next = from;
	enum err e;

	do {
		from = next;
		e = store_read(f->store, f->service->writes, from, READ_MAX,
			       &next, copy_to_journal, s);
	} while (!e && next - from == READ_MAX);
	return e ? e : journal_commit(s->journal);
}

/* What the journal has, into the outbox; the writer drops what the log has. */
static enum err take_entry(void *arg, const struct entry *entry)
{
	struct sender *s = arg;
	struct writer *log = s->config.frame->writer;
	enum err e = outbox_receive(s->outbox, entry->type, entry->body);

	return e || !log ? e : writer_put(log, entry->type, entry->body, NULL);
}

static enum err restore(struct sender *s)
{
	struct frame *f = s->config.frame;
	char folder[FRAME_PATH_ROOM], path[PATH_ROOM];
	enum err e;

	snprintf(path, sizeof path, "%s/journal.db", frame_folder(f, folder));
	e = journal_open(&s->journal, path);
	if (!e && f->service->writes) {
		e = restore_journal(s);
		if (!e)
			e = frame_open_log(f, 0);
	}
	if (!e)
		e = journal_read(s->journal, 1, take_entry, s);
	if (e == ERR_CONFLICT)
		log_error("journal.conflict",
			  "path=%s text=\"the journal is not of this account, "
			  "or not of this log\"",
			  path);
	if (!e && f->writer)
		frame_flush(f);
	return e;
}

/* ---- sending ------------------------------------------------------------ */

/* One transaction on its way to one node. */
struct sending {
	struct sender *sender;
	struct hash32 hash;
	struct sending *next, **link;
};

static struct sending *sending_new(struct sender *s, const struct hash32 *hash)
{
	struct sending *x = malloc(sizeof *x);

	if (!x)
		return NULL;
	*x = (struct sending){s, *hash, s->sendings, &s->sendings};
	if (x->next)
		x->next->link = &x->next;
	s->sendings = x;
	return x;
}

static void sending_free(struct sending *x)
{
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	free(x);
}

static void on_sent(void *arg, const struct rpc_answer *a)
{
	struct sending *x = arg;
	char hash[HASH32_ROOM];

	hash32_format(hash, &x->hash);
	switch (rpc_send_verdict(a)) {
	case RPC_SEND_ACCEPTED:
	case RPC_SEND_KNOWN:
		log_debug("tx.accepted", "tx=%s", hash);
		break;
	case RPC_SEND_NONCE_USED: /* its receipt will tell */
		log_info("tx.nonce_used", "tx=%s", hash);
		break;
	case RPC_SEND_UNDERPRICED:
	case RPC_SEND_UNKNOWN:
		metric_add(&refused, 1);
		log_warn("tx.refused", "tx=%s text=\"%s\"", hash, a->message);
		break;
	case RPC_SEND_POOR:
		metric_add(&refused, 1);
		log_error("tx.poor",
			  "tx=%s text=\"the account can't pay for gas: send "
			  "it some\"",
			  hash);
		break;
	}
	sending_free(x);
}

static bool send_one(void *arg, const struct hash32 *id,
		     const struct hash32 *hash, struct bytes raw)
{
	struct sender *s = arg;

	(void)id;
	/* Every node answers on its own. */
	for (unsigned i = 0; i < rpc_nodes(s->config.rpc); i++) {
		struct sending *x = sending_new(s, hash);

		if (!x)
			return false;
		rpc_call_node(s->config.rpc, i, "eth_sendRawTransaction",
			      json_pack("[o]", evm_data(raw)), on_sent, x);
	}
	metric_add(&sent, 1);
	return true;
}

static void send_ready(struct sender *s);

static void on_again(void *arg)
{
	struct sender *s = arg;

	s->again = NULL;
	send_ready(s);
}

/* Send what is signed, once it is in the log. */
static void send_ready(struct sender *s)
{
	struct writer *log = s->config.frame->writer;

	if (!s->ready)
		return;
	if (log && writer_waiting(log)) { /* frame_flush() tries again */
		if (!s->again)
			s->again = loop_timer(loop_of(s), SEND_AGAIN_MS, true,
					      on_again, s);
		return;
	}
	outbox_each_to_send(s->outbox, send_one, s);
}

static void show_sizes(const struct sender *s)
{
	struct outbox_sizes sizes = outbox_sizes(s->outbox);

	metric_set(&in_flight, (int64_t)sizes.in_flight);
	metric_set(&planned, (int64_t)sizes.planned);
}

/* Make durable what was said, in the journal and in the log at the same time,
 * then send. */
static void commit(struct sender *s, enum err e)
{
	struct frame *f = s->config.frame;

	if (!e && f->writer)
		frame_push(f);
	if (!e)
		e = journal_commit(s->journal);
	if (e) {
		frame_stop(f, "journal.commit", e);
		return;
	}
	if (f->writer)
		frame_flush(f);
	send_ready(s);
	show_sizes(s);
}

void sender_flush(struct sender *s)
{
	if (s->ready)
		commit(s, outbox_sign(s->outbox, &s->sink));
}

enum err sender_plan(struct sender *s, const struct outbox_intent *intent)
{
	return outbox_plan(s->outbox, intent);
}

enum outbox_fate sender_fate(const struct sender *s, const struct hash32 *id)
{
	return outbox_fate(s->outbox, id);
}

bool sender_is_about(const struct sender *s, uint8_t kind, uint64_t subject)
{
	return outbox_is_about(s->outbox, kind, subject);
}

/* ---- what was mined ----------------------------------------------------- */

/* Whether the block is of the branch that we follow, as far as we know. */
static bool is_canonical(const struct sender *s, const struct evm_receipt *r,
			 const struct block_ref *ours)
{
	if (ours)
		return hash32_eq(&ours->hash, &r->block_hash);
	return !fork_tip(s->blocks) || r->block <= fork_tip(s->blocks)->number;
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

	if (!outbox_id_of(s->outbox, &r->tx, &id) || !is_canonical(s, r, ours))
		return;
	if (ours)
		o.block.time = ours->time; /* receipts don't tell */
	e = outbox_mined(s->outbox, &s->sink, &o);
	if (e == ERR_NOT_FOUND)
		return;
	metric_add(&mined, 1);
	if (!r->success) {
		char hash[HASH32_ROOM];

		metric_add(&reverted, 1);
		log_warn("tx.reverted", "tx=%s block=%" PRIu64,
			 hash32_format(hash, &r->tx), r->block);
	}
	commit(s, e);
	if (!e && s->config.mined)
		s->config.mined(s->config.arg, &id, r->success);
}

/* ---- asking the chain --------------------------------------------------- */

static void begin_sending(struct sender *s)
{
	struct outbox_sizes sizes;

	s->ready = true;
	sizes = outbox_sizes(s->outbox);
	log_info("sender.ready", "next_nonce=%" PRIu64 " in_flight=%" PRIu64,
		 sizes.next_nonce, sizes.in_flight);
	if (s->config.ready)
		s->config.ready(s->config.arg);
	sender_flush(s);
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
			  "tx=%s text=\"somebody else sends from this account "
			  "and used its number: give this process an account "
			  "of its own\"",
			  hash32_format(text, hash));
	}
	return e;
}

static void ask_again(void *arg);

/* Every answer is there. */
static void conclude(struct sender *s)
{
	enum err e = ERR_NONE;

	if (s->has_nonce)
		outbox_set_floor(s->outbox, s->nonce);
	for (size_t i = 0; i < s->questions_count && s->has_nonce && !e; i++)
		if (s->questions[i].absent)
			e = take_absence(s, &s->questions[i].hash);
	free(s->questions);
	s->questions = NULL;
	commit(s, e);
	if (s->ready)
		return;
	if (s->has_nonce)
		begin_sending(s);
	else
		s->again = loop_timer(loop_of(s), ASK_AGAIN_MS, true, ask_again,
				      s);
}

static void on_receipt(void *arg, const struct rpc_answer *a)
{
	struct question *q = arg;
	struct sender *s = q->sender;
	struct evm_receipt r;
	enum err e = a->err ? a->err : evm_receipt_parse(&r, a->result);

	q->absent = e == ERR_NOT_FOUND;
	if (!e)
		take_receipt(s, &r);
	if (--s->asking == 0)
		conclude(s);
}

static void on_nonce(void *arg, const struct rpc_answer *a)
{
	struct sender *s = arg;

	s->has_nonce = !a->err && !evm_u64_parse(&s->nonce, a->result);
	if (--s->asking == 0)
		conclude(s);
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

/* What of ours is mined, and what nonce the account has. @all: also ask about
 * what the journal says is mined. Not while answers are missing. */
static void ask_chain(struct sender *s, bool all)
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
	s->asking = count + 1;
	batch = rpc_batch_new(s->config.rpc);
	for (size_t i = 0; i < count; i++)
		rpc_batch_add(batch, "eth_getTransactionReceipt",
			      json_pack("[o]", evm_hash(&s->questions[i].hash)),
			      on_receipt, &s->questions[i]);
	rpc_batch_add(batch, "eth_getTransactionCount",
		      json_pack("[o,s]", evm_address(outbox_sender(s->outbox)),
				"latest"),
		      on_nonce, s);
	rpc_batch_send(batch);
}

static void ask_again(void *arg)
{
	struct sender *s = arg;

	s->again = NULL;
	ask_chain(s, true);
}

static void ask_later(void *arg)
{
	struct sender *s = arg;

	s->receipts = NULL;
	ask_chain(s, false);
}

void sender_on_block(struct sender *s, const struct block_ref *block,
		     const struct u256 *base_fee)
{
	outbox_set_block(s->outbox, block, base_fee);
	if (!fork_count(s->blocks) || block->number == fork_next(s->blocks))
		fork_push(s->blocks, block);
	if (s->ready && !s->receipts)
		s->receipts = loop_timer(loop_of(s), ASK_RECEIPTS_MS, true,
					 ask_later, s);
	sender_flush(s);
}

void sender_on_rollback(struct sender *s, uint64_t number)
{
	if (fork_at(s->blocks, number))
		fork_pop_to(s->blocks, number);
	commit(s, outbox_roll_back(s->outbox, &s->sink, number));
}

/* ---- starting ----------------------------------------------------------- */

enum err sender_new(struct sender **out, const struct sender_config *config)
{
	struct outbox_config outbox = {
		.chain_id = config->chain_id,
		.key = config->key,
		.in_flight_max = IN_FLIGHT_MAX,
		.tip = u256_from_u64(config->tip_wei),
		.fee_cap = u256_from_u64(config->fee_cap_wei),
		.final_depth = config->final_depth,
		.resend_after = RESEND_BLOCKS};
	struct metric *metrics[] = {&sent,    &mined,	   &reverted,
				    &refused, &nonce_lost, &in_flight,
				    &planned};
	struct sender *s = calloc(1, sizeof *s);
	enum err e;

	if (!s)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
		metric_register(metrics[i]);
	s->sink.put = sink_put;
	s->config = *config;
	e = fork_new(&s->blocks, config->final_depth + 1, 0);
	if (!e)
		e = outbox_new(&s->outbox, &outbox);
	if (!e)
		e = restore(s);
	if (e)
		sender_free(&s);
	else
		ask_chain(s, true);
	*out = s;
	return e;
}

void sender_free(struct sender **sender)
{
	struct sender *s = *sender;

	if (!s)
		return;
	loop_timer_cancel(loop_of(s), &s->again);
	loop_timer_cancel(loop_of(s), &s->receipts);
	while (s->sendings)
		sending_free(s->sendings);
	free(s->questions);
	journal_close(&s->journal);
	outbox_free(&s->outbox);
	fork_free(&s->blocks);
	buf_free(&s->sink.scratch);
	free(s);
	*sender = NULL;
}

const struct address *sender_address(const struct sender *s)
{
	return outbox_sender(s->outbox);
}

struct outbox_sizes sender_sizes(const struct sender *s)
{
	return outbox_sizes(s->outbox);
}

bool sender_is_ready(const struct sender *s)
{
	return s->ready;
}
