/* chain-indexer - says what the canonical chain said, in its order.
 *
 * Reads an Ethereum node and appends to the chain log: events of our three
 * contracts, a mark after each block, roll-backs. Holds no key, sends no
 * transaction, decides nothing but which branch is canonical. It must never
 * leave out an event, or say one twice. Read index.h next, then
 * common/chain.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/chain.h"
#include "common/frame.h"
#include "common/hex.h"
#include "common/identity.h"
#include "common/log.h"
#include "common/metric.h"
#include "protocol/deployment.h"
#include "services/chain-indexer/index.h"

enum {
	CONTRACTS = 3,
	LAG_MAX = 16, /* blocks */
	FLUSH_BYTES = 1 << 20,
	WAITING_BYTES_MAX = 64 << 20, /* while Redis does not answer */
	READ_MAX = 1000,
	RANGE_MAX = 100000,    /* blocks; their headers are held in memory */
	ANSWER_MIN = 64 << 10, /* bytes; a header is about 2 KiB */
};

struct options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "services/chain-indexer/config.def"
};

static const struct conf_row rows[] = {
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct options, name),                \
	 fallback, unit,	meaning},
#include "services/chain-indexer/config.def"
	{0}};

struct indexer {
	struct options options;
	struct sink sink; /* into our own log */
	struct frame *frame;
	struct deployment contracts;
	struct http *http;
	struct rpc *rpc;
	struct index *index;
	struct chain *chain;
	bool half;	/* our log ends with events that no mark follows */
	uint64_t saved; /* number of our log as of the newest snapshot */

	bool lags; /* the node does, far */
	struct identity identity;
};

static struct metric indexed = METRIC(COUNTER, "block_indexed_total",
				      "blocks appended to the chain log");
static struct metric unreadable =
	METRIC(COUNTER, "event_unreadable_total",
	       "logs of our contracts that could not be read");

static struct alarm head_stalled =
	ALARM("head_stalled",
	      "the node tells of no new block: it is down, hung or cut off "
	      "from its peers, or the chain has stopped; mend it, or give "
	      "another with --rpc");

static enum err sink_put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct indexer *self =
		(struct indexer *)((char *)sink -
				   offsetof(struct indexer, sink));

	return writer_put(self->frame->writer, number, body, NULL);
}

static void on_unreadable(void *arg, const struct evm_log *l, enum err why)
{
	struct indexer *self = arg;
	struct quarantine_limits limits = frame_quarantine(self->frame);
	char contract[ADDRESS_ROOM], tx[HASH32_ROOM], what[160];
	struct quarantine_item item = {
		.what = what,
		.reason = err_text(why),
		.from = {.log = "", .topics = l->log.topics_count}};
	struct buf bytes = {0};

	metric_add(&unreadable, 1);
	log_warn("event.unreadable",
		 "block=%" PRIu64 " index=%" PRIu32 " contract=%s tx=%s err=%s",
		 l->block, l->index, address_format(contract, &l->log.address),
		 hash32_format(tx, &l->tx), err_name(why));
	for (unsigned i = 0; i < l->log.topics_count; i++)
		buf_put(&bytes, l->log.topics[i].bytes, 32);
	buf_put(&bytes, l->log.data.data, l->log.data.size);
	snprintf(what, sizeof what, "block %" PRIu64 " log %" PRIu32 " tx %s",
		 l->block, l->index, tx);
	item.body = buf_bytes(&bytes);
	if (quarantine_put(self->frame->store, "chain-indexer", &item, &limits))
		log_warn("quarantine.failed", "tx=%s", tx);
	buf_free(&bytes);
}

/* ---- where we were ------------------------------------------------------ */

static enum err on_own_entry(void *arg, const struct entry *entry)
{
	struct indexer *self = arg;

	self->half = entry->type != MSG_CHAIN_OPENED &&
		     entry->type != MSG_BLOCK_MARK &&
		     entry->type != MSG_ROLLBACK;
	return index_receive(self->index, &self->sink, entry->type,
			     entry->body);
}

static enum err load_snapshot(struct indexer *self, uint64_t *after)
{
	struct snapshot s;
	enum err e = store_snapshot_read(self->frame->store, "chain-indexer",
					 self->frame->epoch, &s);

	*after = 0;
	if (e == ERR_NOT_FOUND)
		return ERR_NONE;
	if (!e && !index_load(self->index, buf_bytes(&s.state)))
		*after = s.output;
	buf_free(&s.state);
	return e;
}

/* From the newest snapshot through our own log to its end. */
static enum err recover(struct indexer *self)
{
	uint64_t next, from, after = 0;
	enum err e =
		store_register(self->frame->store, "chain", "chain-indexer", 0);

	if (!e)
		e = load_snapshot(self, &after);
	for (from = after + 1; !e; from = next) {
		e = store_read(self->frame->store, "chain", from, READ_MAX,
			       &next, on_own_entry, self);
		if (!e && next - from < READ_MAX)
			break;
	}
	if (e == ERR_TRIMMED) {
		log_error("log.trimmed",
			  "log=chain have=%" PRIu64 " text=\"older entries of "
			  "the log are gone, and there is no snapshot to go on "
			  "from: the chain is read again\"",
			  after);
		frame_end_epoch(self->frame);
	}
	if (e)
		return e;
	self->saved = after;
	return frame_open_log(self->frame, next - 1);
}

static void save_snapshot(struct indexer *self)
{
	struct frame *f = self->frame;
	struct store_writer w = frame_writer(f);
	struct snapshot s = {.epoch = f->epoch,
			     .output = writer_logged(f->writer)};
	enum err e;

	if (writer_waiting(f->writer) || s.output == self->saved)
		return;
	e = index_save(self->index, &s.state);
	if (!e)
		e = store_snapshot_write(f->store, &w, &s);
	if (e)
		log_warn("snapshot.failed", "err=%s", err_name(e));
	else
		self->saved = s.output;
	buf_free(&s.state);
}

/* ---- following the chain ------------------------------------------------ */

static enum err on_block(void *arg, const struct evm_header *header,
			 const struct evm_log *logs, size_t logs_count)
{
	struct indexer *self = arg;
	struct writer *w = self->frame->writer;
	enum err e =
		index_block(self->index, &self->sink, header, logs, logs_count);

	if (e)
		return e;
	writer_answered(w, header->block.number);
	metric_add(&indexed, 1);
	if (writer_waiting_bytes(w) > FLUSH_BYTES)
		frame_push(self->frame);
	return writer_waiting_bytes(w) > WAITING_BYTES_MAX ? ERR_NO_MEMORY
							   : ERR_NONE;
}

static enum err on_rolled_back(void *arg, const struct block_ref *to,
			       const struct block_ref *from)
{
	struct indexer *self = arg;
	enum err e = index_roll_back(self->index, &self->sink, to, from);

	writer_answered(self->frame->writer, to->number);
	frame_rolled_back(self->frame, from->number, to->number);
	return e;
}

/* A node may lag a little. One that is far behind what we have from it has
 * lost blocks, or began anew and will be told from the old one only when it
 * has as many. */
static void watch_node(struct indexer *self, const struct block_ref *tip)
{
	bool lags = tip && tip->number > chain_head(self->chain) + LAG_MAX;

	if (lags && !self->lags)
		log_error("node.behind",
			  "head=%" PRIu64 " have=%" PRIu64
			  " text=\"the node is behind what it told before: it "
			  "is restoring its blocks, or began anew\"",
			  chain_head(self->chain), tip->number);
	self->lags = lags;
	frame_set_ready(self->frame, !lags, lags ? "the node is behind" : "");
}

/* Whether the newest snapshot is old. */
static bool is_due(const struct indexer *self)
{
	return writer_put_number(self->frame->writer) - self->saved >=
	       self->frame->market.snapshot_every;
}

static void on_caught_up(void *arg)
{
	struct indexer *self = arg;
	struct frame *f = self->frame;
	const struct block_ref *tip = fork_tip(index_fork(self->index));

	/* Far behind, nobody waits: go on while Redis writes. */
	if (tip && tip->number < chain_head(self->chain) && !is_due(self)) {
		frame_push(f);
		return;
	}
	frame_flush(f);
	if (is_due(self))
		save_snapshot(self);
	if (!tip || tip->number >= chain_head(self->chain))
		watch_node(self, tip);
}

static void on_final(void *arg, const struct block_ref *block)
{
	struct indexer *self = arg;

	index_set_final(self->index, block);
}

static void on_failed(void *arg, enum err e)
{
	struct indexer *self = arg;

	if (e == ERR_FINALITY) {
		/* The next start has to know what was final. */
		frame_flush(self->frame);
		self->saved = 0;
		log_error("chain.finality",
			  "final=%" PRIu64
			  " text=\"the nodes follow another chain than the one "
			  "in the logs, further back than what was final or "
			  "than --depth: see docs/reliability.md, 'Run-book: "
			  "finality violated'; if the chain was reset, give "
			  "another --name or an empty redis\"",
			  index_final(self->index)->number);
	}
	frame_stop(self->frame, "chain.ended", e);
}

/* ---- the right chain? --------------------------------------------------- */

static enum err open_index(struct indexer *self)
{
	const struct deployment *d = &self->contracts;
	const struct msg_chain_opened wanted = {.chain_id = d->chain_id,
						.genesis =
							self->identity.genesis,
						.start_block = d->start_block,
						.marketplace = d->marketplace,
						.registry = d->registry,
						.keys = d->keys};
	enum err e = index_open(self->index, &self->sink, &wanted);

	if (e == ERR_CONFLICT)
		log_error("chain.other",
			  "log_chain_id=%" PRIu64 " text=\"the logs under "
			  "--name=%s are of another chain or of other "
			  "contracts: give another --name, or an empty "
			  "redis\"",
			  index_opened(self->index)->chain_id,
			  self->frame->market.name);
	return e == ERR_CONFLICT ? ERR_CONFIG : e;
}

static enum err begin_following(struct indexer *self)
{
	struct address contracts[CONTRACTS] = {self->contracts.marketplace,
					       self->contracts.registry,
					       self->contracts.keys};
	struct chain_config config = {
		.loop = self->frame->loop,
		.rpc = self->rpc,
		.ws = self->options.ws,
		.poll_ms = (unsigned)self->options.poll,
		.contracts = contracts,
		.contracts_count = CONTRACTS,
		.range_max = (unsigned)self->options.range,
		.agree = (unsigned)self->options.agree,
		.agree_strict = self->options.agree_strict,
		.patience_ms = (unsigned)self->options.rpc_patience,
		.final = *index_final(self->index),
	};
	struct chain_handlers handlers = {.block = on_block,
					  .rolled_back = on_rolled_back,
					  .caught_up = on_caught_up,
					  .final = on_final,
					  .failed = on_failed,
					  .arg = self};
	enum err e = open_index(self);

	if (!e && self->half)
		e = index_drop_half(self->index, &self->sink);
	self->half = false;
	return e ? e
		 : chain_new(&self->chain, &config, index_fork(self->index),
			     &handlers);
}

static void on_identity(void *arg)
{
	struct indexer *self = arg;
	enum err e = begin_following(self);

	if (e)
		frame_stop(self->frame, "chain.start", e);
}

/* ---- life --------------------------------------------------------------- */

static enum err make_index(struct indexer *self)
{
	struct index_config config = {
		.start_block = self->contracts.start_block,
		.depth = (unsigned)self->frame->market.depth,
		.unreadable = on_unreadable,
		.arg = self,
	};

	index_free(&self->index);
	return index_new(&self->index, &config);
}

static enum err prepare(void *arg)
{
	struct indexer *self = arg;

	const struct options *o = &self->options;

	if (o->range >= 1 && o->range <= RANGE_MAX && o->poll >= 10 &&
	    o->agree >= 1 && o->agree <= RPC_NODES_MAX &&
	    o->rpc_patience >= 1 && o->rpc_patience <= o->rpc_timeout &&
	    o->rpc_answer_max >= ANSWER_MIN)
		return deployment_read(&self->contracts, o->contracts);
	log_error("config.range",
		  "text=\"--range is 1 to %d, --poll at least 10, --agree 1 to "
		  "%d, --rpc-patience 1 to --rpc-timeout, --rpc-answer-max at "
		  "least %d\"",
		  RANGE_MAX, RPC_NODES_MAX, ANSWER_MIN);
	return ERR_CONFIG;
}

static enum err start(struct frame *frame, void *arg)
{
	struct indexer *self = arg;
	struct rpc_config config = {
		.loop = frame->loop,
		.urls = self->options.rpc,
		.timeout_ms = (unsigned)self->options.rpc_timeout,
		.patience_ms = (unsigned)self->options.rpc_patience,
		.answer_max = self->options.rpc_answer_max};
	enum err e;

	metric_register(&indexed);
	metric_register(&unreadable);
	alarm_register(&head_stalled);
	self->frame = frame;
	self->sink.put = sink_put;
	e = make_index(self);
	if (!e)
		e = recover(self);
	if (!e)
		e = http_new(&self->http, frame->loop);
	config.http = self->http;
	if (!e)
		e = rpc_new(&self->rpc, &config);
	if (!e)
		identity_check(&self->identity, frame, self->rpc,
			       &self->contracts, on_identity, self);
	return e;
}

static void status(void *arg, struct status *out)
{
	struct indexer *self = arg;
	const struct block_ref *tip = fork_tip(index_fork(self->index));

	status_number(out, "block", tip ? tip->number : 0);
	status_number(out, "head", self->chain ? chain_head(self->chain) : 0);
	status_number(out, "events", index_events(self->index));
	status_number(out, "unreadable", index_unreadable(self->index));
}

static void watch(void *arg)
{
	struct indexer *self = arg;
	struct alarm_look look = {.due = self->chain,
				  .now = metric_now_us() / 1000,
				  .limit = 1000 * self->options.alarm_head};
	char where[48];

	if (!rpc_answers(self->rpc)) /* until it has caught up again */
		frame_set_ready(self->frame, false,
				"no node of the chain answers");
	look.done = self->chain ? chain_head(self->chain) : 0;
	snprintf(where, sizeof where, "head=%" PRIu64, look.done);
	frame_alarm(&head_stalled, &look, where);
}

static void stop(void *arg)
{
	struct indexer *self = arg;

	if (self->chain && !self->frame->reloading)
		save_snapshot(self);
	chain_free(&self->chain);
	rpc_free(&self->rpc);
	http_free(&self->http);
	index_free(&self->index);
	buf_free(&self->sink.scratch);
}

int main(int argc, char **argv)
{
	static struct indexer self;
	static const struct service chain_indexer = {
		.name = "chain-indexer",
		.summary = "Reads an Ethereum node and appends to the chain "
			   "log what the market's contracts said.",
		.options = rows,
		.options_offset = offsetof(struct indexer, options),
		.market = true,
		.writes = "chain",
		.opens_epoch = true,
		.prepare = prepare,
		.start = start,
		.status = status,
		.watch = watch,
		.stop = stop,
	};

	return service_main(&chain_indexer, &self, argc, argv);
}
