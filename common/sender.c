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
static struct metric in_flight =
	METRIC(GAUGE, "tx_in_flight", "transactions signed and not mined");
static struct metric planned =
	METRIC(GAUGE, "tx_planned", "transactions that wait for a nonce");

struct sender {
	struct sink sink; /* first: into the journal and the log */
	struct sender_config config;
	struct outbox *outbox;
	struct journal *journal;
	struct fork *blocks; /* canonical ones, to judge receipts by */
	struct loop_timer *again;
	uint64_t nonce;	 /* of the account, on the chain */
	unsigned asking; /* receipts on their way */
	bool has_nonce, ready;
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
	struct hash32 id, hash;
};

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
	free(x);
}

static bool send_one(void *arg, const struct hash32 *id,
		     const struct hash32 *hash, struct bytes raw)
{
	struct sender *s = arg;

	/* Every node answers on its own. */
	for (unsigned i = 0; i < rpc_nodes(s->config.rpc); i++) {
		struct sending *x = malloc(sizeof *x);

		if (!x)
			return false;
		*x = (struct sending){s, *id, *hash};
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

/* Make durable what was said, then send. */
static void commit(struct sender *s, enum err e)
{
	struct frame *f = s->config.frame;

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

static void begin_sending(struct sender *s)
{
	struct outbox_sizes sizes;

	if (s->ready || !s->has_nonce || s->asking)
		return;
	outbox_set_floor(s->outbox, s->nonce);
	s->ready = true;
	sizes = outbox_sizes(s->outbox);
	log_info("sender.ready", "next_nonce=%" PRIu64 " in_flight=%" PRIu64,
		 sizes.next_nonce, sizes.in_flight);
	if (s->config.ready)
		s->config.ready(s->config.arg);
	sender_flush(s);
}

/* Whether the block is of the branch that we follow, as far as we know. */
static bool is_canonical(const struct sender *s, const struct evm_receipt *r)
{
	const struct block_ref *ours = fork_at(s->blocks, r->block);

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
	struct hash32 id;
	enum err e;

	if (!outbox_id_of(s->outbox, &r->tx, &id) || !is_canonical(s, r))
		return;
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

static void on_receipt(void *arg, const struct rpc_answer *a)
{
	struct sender *s = arg;
	struct evm_receipt r;

	s->asking--;
	if (!a->err && !evm_receipt_parse(&r, a->result))
		take_receipt(s, &r);
	if (!s->asking)
		begin_sending(s);
}

struct asking {
	struct sender *sender;
	struct rpc_batch *batch;
};

static void ask_one(void *arg, const struct hash32 *hash)
{
	struct asking *x = arg;

	x->sender->asking++;
	rpc_batch_add(x->batch, "eth_getTransactionReceipt",
		      json_pack("[o]", evm_hash(hash)), on_receipt, x->sender);
}

static void ask_receipts(struct sender *s)
{
	struct asking x = {s, NULL};

	if (s->asking)
		return; /* at the next block */
	x.batch = rpc_batch_new(s->config.rpc);
	if (!x.batch)
		return;
	outbox_each_watched(s->outbox, ask_one, &x);
	rpc_batch_send(x.batch);
}

void sender_on_block(struct sender *s, const struct block_ref *block,
		     const struct u256 *base_fee)
{
	outbox_set_block(s->outbox, block, base_fee);
	if (!fork_count(s->blocks) || block->number == fork_next(s->blocks))
		fork_push(s->blocks, block);
	if (s->ready)
		ask_receipts(s);
	sender_flush(s);
}

void sender_on_rollback(struct sender *s, uint64_t number)
{
	if (fork_at(s->blocks, number))
		fork_pop_to(s->blocks, number);
	commit(s, outbox_roll_back(s->outbox, &s->sink, number));
}

/* ---- starting ----------------------------------------------------------- */

static void ask_nonce(void *arg);

static void on_nonce(void *arg, const struct rpc_answer *a)
{
	struct sender *s = arg;

	if (a->err || evm_u64_parse(&s->nonce, a->result)) {
		s->again = loop_timer(loop_of(s), ASK_AGAIN_MS, true, ask_nonce,
				      s);
		return;
	}
	s->has_nonce = true;
	ask_receipts(s);
	begin_sending(s); /* if there was nothing to ask about */
}

static void ask_nonce(void *arg)
{
	struct sender *s = arg;

	s->again = NULL;
	rpc_call(s->config.rpc, "eth_getTransactionCount",
		 json_pack("[o,s]", evm_address(outbox_sender(s->outbox)),
			   "latest"),
		 on_nonce, s);
}

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
	struct metric *metrics[] = {&sent,    &mined,	  &reverted,
				    &refused, &in_flight, &planned};
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
		ask_nonce(s);
	*out = s;
	return e;
}

void sender_free(struct sender **sender)
{
	struct sender *s = *sender;

	if (!s)
		return;
	loop_timer_cancel(loop_of(s), &s->again);
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
