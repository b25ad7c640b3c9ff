/* From the node to the core: is it the right chain, what did it say before we
 * came, what does it say now. */
#include <inttypes.h>
#include <string.h>

#include "abi_market.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/u256.h"
#include "services/listener/backlog.h"
#include "services/listener/listener.h"

enum { CONTRACTS = 2, AGAIN_MS = 500 };

static struct metric unreadable =
	METRIC(COUNTER, "event_unreadable_total",
	       "logs of our tasks that could not be read");

/* ---- events ------------------------------------------------------------- */

static enum err on_task_created(struct listener *self,
				const struct abi_task_created *m,
				const struct block_ref *block)
{
	struct job_task t = {.block = *block,
			     .deadline = {m->deadline},
			     .compute = m->compute,
			     .price = {m->price}};

	if (u256_to_u64(&t.request_id, &m->request_id) ||
	    u256_to_u64(&t.market_id, &m->market_id))
		return ERR_RANGE;
	/* What ended before we came isn't worth taking. */
	if (m->deadline <= self->identity.head.block.time.v &&
	    !job_find(self->job, t.request_id))
		return ERR_NONE;
	return job_begun(self->job, &self->sink, &t);
}

static enum err on_proof_submitted(struct listener *self,
				   const struct abi_proof_submitted *m,
				   const struct block_ref *block)
{
	struct amount paid = {m->paid};
	uint64_t id;

	if (u256_to_u64(&id, &m->request_id))
		return ERR_RANGE;
	return job_proven(self->job, &self->sink, id, block, &paid);
}

static enum err on_task_slashed(struct listener *self,
				const struct abi_task_slashed *m,
				const struct block_ref *block)
{
	char penalty[U256_DEC_ROOM];
	uint64_t id;

	if (u256_to_u64(&id, &m->request_id))
		return ERR_RANGE;
	log_warn("task.slashed",
		 "request=%" PRIu64 " block=%" PRIu64 " penalty=%s", id,
		 block->number, u256_format_dec(penalty, &m->penalty));
	return job_ended(self->job, &self->sink, id, JOB_REASON_SLASHED, block);
}

static enum err on_inputs_invalidated(struct listener *self,
				      const struct abi_inputs_invalidated *m,
				      const struct block_ref *block)
{
	uint64_t id;

	if (u256_to_u64(&id, &m->request_id))
		return ERR_RANGE;
	return job_ended(self->job, &self->sink, id, JOB_REASON_INVALIDATED,
			 block);
}

static enum err on_event(struct listener *self, const struct abi_log *log,
			 const struct block_ref *block)
{
	struct abi_event event;
	enum err e = abi_decode_event(&event, log);

	if (e)
		return e;
	if (event.id == ABI_EVENT_TASK_CREATED)
		return on_task_created(self, &event.task_created, block);
	if (event.id == ABI_EVENT_PROOF_SUBMITTED)
		return on_proof_submitted(self, &event.proof_submitted, block);
	if (event.id == ABI_EVENT_TASK_SLASHED)
		return on_task_slashed(self, &event.task_slashed, block);
	if (event.id == ABI_EVENT_INPUTS_INVALIDATED)
		return on_inputs_invalidated(self, &event.inputs_invalidated,
					     block);
	return ERR_UNKNOWN_TYPE; /* we didn't ask for it */
}

/* An unreadable log costs a line, not the process. */
static enum err hear(struct listener *self, const struct evm_log *l,
		     const struct block_ref *block)
{
	enum err e = on_event(self, &l->log, block);
	char tx[HASH32_ROOM];

	if (e != ERR_UNKNOWN_TYPE && e != ERR_MALFORMED && e != ERR_RANGE)
		return e;
	metric_add(&unreadable, 1);
	log_warn("event.unreadable",
		 "block=%" PRIu64 " index=%" PRIu32 " tx=%s err=%s", l->block,
		 l->index, hash32_format(tx, &l->tx), err_name(e));
	return ERR_NONE;
}

/* ---- following ---------------------------------------------------------- */

static enum err on_block(void *arg, const struct evm_header *h,
			 const struct evm_log *logs, size_t logs_count)
{
	struct listener *self = arg;
	enum err e = ERR_NONE;

	for (size_t i = 0; i < logs_count && !e; i++)
		e = hear(self, &logs[i], &h->block);
	if (!e)
		e = job_block(self->job, &self->sink, &h->block);
	if (e)
		return e;
	self->block_gas = h->gas_limit;
	sender_on_block(self->sender, &h->block, &h->base_fee);
	if (self->live)
		e = submit_look(self);
	if (!e && self->live)
		listener_go_on(self);
	return e;
}

static enum err on_rolled_back(void *arg, const struct block_ref *to,
			       const struct block_ref *from)
{
	struct listener *self = arg;
	enum err e = job_roll_back(self->job, &self->sink, to);

	(void)from;
	if (!e)
		sender_on_rollback(self->sender, to->number);
	return e;
}

static void on_caught_up(void *arg)
{
	struct listener *self = arg;
	const struct block_ref *tip = fork_tip(self->fork);
	enum err e;

	if (self->live || !tip || tip->number + 1 < chain_head(self->chain))
		return;
	self->live = true;
	log_info("chain.caught_up", "block=%" PRIu64 " from=%" PRIu64,
		 tip->number, self->from);
	e = job_caught_up(self->job, &self->sink, self->from);
	if (e)
		listener_settle(self, "job.caught_up", e);
	else
		listener_go_on(self);
}

static void on_failed(void *arg, enum err e)
{
	struct listener *self = arg;

	frame_stop(self->frame, "chain.ended", e);
}

static void follow(void *arg)
{
	struct listener *self = arg;
	struct chain_config config = {
		.loop = self->frame->loop,
		.rpc = self->rpc,
		.ws = self->options.ws,
		.poll_ms = (unsigned)self->options.poll,
		.contracts = &self->contracts.marketplace,
		.contracts_count = 1,
		.topics = self->topics,
		.range_max = (unsigned)self->options.range,
		.delay_ms = (unsigned)self->options.block_delay,
	};
	struct chain_handlers handlers = {.block = on_block,
					  .rolled_back = on_rolled_back,
					  .caught_up = on_caught_up,
					  .failed = on_failed,
					  .arg = self};
	enum err e = chain_new(&self->chain, &config, self->fork, &handlers);

	if (e)
		frame_stop(self->frame, "chain.start", e);
}

/* ---- what was said before ----------------------------------------------- */

static void on_old_log(void *arg, const struct evm_log *l)
{
	struct listener *self = arg;
	struct block_ref block = {.number = l->block, .hash = l->block_hash};
	enum err e = hear(self, l, &block);

	if (e)
		listener_settle(self, "job.backlog", e);
}

/* Blocks that a re-organisation may still change are followed, so that it is
 * noticed; of older ones only the events are read. */
static enum err read_chain(struct listener *self)
{
	const struct options *o = &self->options;
	uint64_t head = self->identity.head.block.number;
	uint64_t start = self->contracts.start_block;
	uint64_t follow_from = head > o->depth ? head - o->depth + 1 : 0;
	struct backlog_config config = {
		.loop = self->frame->loop,
		.rpc = self->rpc,
		.contract = self->contracts.marketplace,
		.topics = self->topics,
		.range_max = (unsigned)o->range,
		.log = on_old_log,
		.done = follow,
		.arg = self,
	};
	enum err e;

	if (follow_from < start)
		follow_from = start;
	config.from = head > o->lookback ? head - o->lookback : 0;
	if (config.from < start)
		config.from = start;
	config.to = follow_from - 1;
	self->from = config.from < follow_from ? config.from : follow_from;
	e = fork_new(&self->fork, (unsigned)o->depth + 1, follow_from);
	if (e)
		return e;
	if (config.from < follow_from)
		return backlog_new(&self->backlog, &config);
	follow(self);
	return ERR_NONE;
}

/* ---- the right chain? --------------------------------------------------- */

static enum err open_journal(struct listener *self)
{
	struct msg_job_opened wanted = {.chain_id = self->contracts.chain_id,
					.genesis = self->identity.genesis,
					.marketplace =
						self->contracts.marketplace,
					.generator = self->generator};
	enum err e = job_open(self->job, &self->sink, &wanted);

	if (e == ERR_CONFLICT)
		log_error("journal.other",
			  "journal_chain_id=%" PRIu64
			  " text=\"the journal is of another chain, other "
			  "contracts or another generator: give another "
			  "--instance or --state-dir\"",
			  job_opened(self->job)->chain_id);
	return e == ERR_CONFLICT ? ERR_CONFIG : e;
}

static enum err open_sender(struct listener *self)
{
	const struct options *o = &self->options;
	struct sender_config config = {
		.frame = self->frame,
		.rpc = self->rpc,
		.chain_id = self->contracts.chain_id,
		.key = self->key,
		.tip_wei = o->tip,
		.fee_cap_wei = o->fee_cap,
		.final_depth = (unsigned)o->final_depth,
		.bump_after = (unsigned)o->bump_after,
		.min_balance_wei = o->min_balance,
		.outsiders = OUTBOX_YIELD, /* its owner may use the account */
	};

	return sender_new(&self->sender, &config);
}

static void on_identity(void *arg)
{
	struct listener *self = arg;
	enum err e;

	frame_set_ready(self->frame, false, "reading the chain");
	e = open_journal(self);
	if (!e)
		e = open_sender(self);
	if (!e)
		e = read_chain(self);
	if (e)
		frame_stop(self->frame, "chain.start", e);
}

/* ---- in and out --------------------------------------------------------- */

/* The generator stands in the same place in all of them. */
static json_t *topics_of(const struct address *generator)
{
	static const enum abi_event_id events[] = {
		ABI_EVENT_TASK_CREATED, ABI_EVENT_PROOF_SUBMITTED,
		ABI_EVENT_TASK_SLASHED, ABI_EVENT_INPUTS_INVALIDATED};
	json_t *any = json_array();
	struct hash32 word = {{0}};

	memcpy(word.bytes + 12, generator->bytes, sizeof generator->bytes);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		json_array_append_new(any,
				      evm_hash(abi_event_topic(events[i])));
	return json_pack("[o, n, o]", any, evm_hash(&word));
}

enum err hear_begin(struct listener *self)
{
	metric_register(&unreadable);
	self->topics = topics_of(&self->generator);
	if (!self->topics)
		return ERR_NO_MEMORY;
	frame_set_ready(self->frame, false, "asking the node what it is");
	identity_check(&self->identity, self->frame, self->rpc,
		       &self->contracts, on_identity, self);
	return ERR_NONE;
}

bool hear_is_live(const struct listener *self)
{
	return self->live;
}

void hear_end(struct listener *self)
{
	chain_free(&self->chain);
	backlog_free(&self->backlog);
	fork_free(&self->fork);
	json_decref(self->topics);
	self->topics = NULL;
}
