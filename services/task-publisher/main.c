/* task-publisher - puts the matches on the chain.
 *
 * Holds two keys: the engine's, which signs decisions, and the relayer's,
 * which pays for gas; neither ever leaves this process. Reads the match log,
 * and the chain log for blocks; writes the task log and its journal. It must
 * never send two different transactions under one nonce, nor anything that
 * isn't in its journal and its log. Which matches go together is in
 * publish.h; how a transaction is sent once, in common/outbox.h. */
#include <inttypes.h>
#include <stdio.h>

#include "abi_market.h"
#include "common/evm.h"
#include "common/hex.h"
#include "common/log.h"
#include "services/task-publisher/publisher.h"

enum {
	CHAIN_BEFORE = 2000,  /* entries of the chain log read at the start */
	MATCH_BEFORE = 20000, /* of the match log: more than are still valid */
	KEY_AGAIN_MS = 2000,
};

static const struct conf_row rows[] = {
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct options, name),                \
	 fallback, unit,	meaning},
#include "services/task-publisher/config.def"
	{0}};

/* Whether orderbook and matcher do their work is seen here best: both their
 * beginning, the chain log, and their end, the match log, come by. */
static struct alarm round_missing =
	ALARM("round_missing",
	      "the chain goes on and no round is made for its blocks: "
	      "orderbook or matcher is down, frozen or behind; see kalypso "
	      "status");

/* ---- readiness ----------------------------------------------------------- */

static void show_ready(void *arg)
{
	struct publisher *self = arg;
	const char *held = self->sender ? sender_held(self->sender) : "";

	if (self->key_valid)
		frame_set_ready(self->frame, !*held, held);
	else
		frame_set_ready(self->frame, false,
				"the engine's key is not registered");
}

/* ---- the engine's key on chain ------------------------------------------ */

static void ask_key(void *arg);

static void on_key(void *arg, const struct rpc_answer *a)
{
	struct publisher *self = arg;
	struct buf bytes = {0};
	bool was = self->key_valid, valid = false;
	char address[ADDRESS_ROOM];
	struct address signer;

	secret_key_address(&signer, self->engine);
	self->key_asked = false;
	if (!a->err && !evm_bytes_parse(&bytes, a->result) &&
	    !abi_result_is_engine(&valid, buf_bytes(&bytes)))
		self->key_valid = valid;
	buf_free(&bytes);
	if (self->key_valid) {
		self->key_complained = false;
		show_ready(self);
		if (!was)
			sender_flush(self->sender);
		return;
	}
	show_ready(self);
	if (!self->key_complained)
		log_warn("engine.unregistered",
			 "engine=%s text=\"no match can be published until "
			 "governance registers this key: kalypso admin "
			 "me-key\"",
			 address_format(address, &signer));
	self->key_complained = true;
	loop_timer(self->frame->loop, KEY_AGAIN_MS, true, ask_key, self);
}

static void ask_key(void *arg)
{
	struct publisher *self = arg;
	struct buf call = {0};
	struct address signer;

	if (self->key_asked)
		return;
	secret_key_address(&signer, self->engine);
	if (!abi_call_is_engine(&call, &signer)) {
		self->key_asked = true;
		rpc_call(self->rpc, "eth_call",
			 json_pack("[{s:o,s:o},s]", "to",
				   evm_address(&self->contracts.keys), "data",
				   evm_data(buf_bytes(&call)), "latest"),
			 on_key, self);
	}
	buf_free(&call);
}

/* ---- the chain log ------------------------------------------------------ */

static enum err on_opened(void *arg, const struct msg_chain_opened *m)
{
	struct publisher *self = arg;

	if (m->chain_id == self->contracts.chain_id &&
	    address_eq(&m->marketplace, &self->contracts.marketplace))
		return ERR_NONE;
	log_error("chain.other", "text=\"the logs are of other contracts than "
				 "--contracts: mend --contracts or --name\"");
	return ERR_CONFIG;
}

static enum err on_block(void *arg, const struct msg_block_mark *m)
{
	struct publisher *self = arg;

	self->block = m->block;
	self->base_fee = m->base_fee.v;
	self->block_is_news = true;
	sender_on_old_block(self->sender, &m->block);
	return ERR_NONE;
}

static enum err on_rolled_back(void *arg, const struct block_ref *to)
{
	struct publisher *self = arg;

	frame_rolled_back(self->frame, self->block.number, to->number);
	sender_on_rollback(self->sender, to->number);
	return ERR_NONE;
}

static enum err on_engine_key(void *arg, const struct msg_engine_key_set *m)
{
	(void)m;
	ask_key(arg);
	return ERR_NONE;
}

/* ---- following ---------------------------------------------------------- */

static enum err on_entry(void *arg, const struct entry *entry)
{
	struct publisher *self = arg;

	return publish_receive(self->publish, NULL, entry->type, entry->body);
}

static void on_failed(void *arg, enum err e)
{
	struct publisher *self = arg;

	frame_stop(self->frame, "follow.ended", e);
}

static void on_match_caught_up(void *arg)
{
	struct publisher *self = arg;

	if (self->key_valid)
		sender_flush(self->sender);
}

static enum err follow(struct publisher *self, struct follow **out,
		       const char *log, uint64_t before,
		       void (*caught_up)(void *arg))
{
	struct follow_source source = frame_source(self->frame, log);
	struct follow_handlers handlers = {on_entry, caught_up, on_failed,
					   self};
	uint64_t first, last;
	enum err e = store_first(self->frame->store, log, &first);

	if (!e)
		e = store_last(self->frame->store, log, &last);
	if (e)
		return e;
	/* What is older than the log is void. */
	if (last > before && first < last - before)
		first = last - before;
	return follow_new(out, &source, first ? first : 1, &handlers);
}

/* Only the newest: at the start the log has those of hours. */
static void tell_block(struct publisher *self)
{
	if (!self->block_is_news)
		return;
	self->block_is_news = false;
	retry_block(self->retry, self->block.time);
	sender_on_block(self->sender, &self->block, &self->base_fee);
}

/* The newest block is known: what is decided can be judged by it. */
static void on_chain_caught_up(void *arg)
{
	struct publisher *self = arg;
	enum err e;

	if (follow_is_live(self->chain))
		tell_block(self);
	if (self->match || !self->block.number)
		return;
	e = follow(self, &self->match, "match", MATCH_BEFORE,
		   on_match_caught_up);
	if (e)
		frame_stop(self->frame, "follow.match", e);
}

/* ---- life --------------------------------------------------------------- */

static enum err open_keys(struct publisher *self)
{
	const struct options *o = &self->options;
	enum err e = frame_key(&self->engine, "engine_key", o->engine_key,
			       o->key_password);

	if (!e)
		e = frame_key(&self->relayer, "relayer_key", o->relayer_key,
			      o->key_password);
	if (!e)
		abi_domain(&self->domain, self->contracts.chain_id,
			   &self->contracts.marketplace);
	return e;
}

static enum err open_sender(struct publisher *self)
{
	struct rpc_config rpc = {.loop = self->frame->loop,
				 .http = self->http,
				 .urls = self->options.rpc,
				 .timeout_ms =
					 (unsigned)self->options.rpc_timeout};
	struct sender_config config = {
		.frame = self->frame,
		.chain_id = self->contracts.chain_id,
		.key = self->relayer,
		.tip_wei = self->options.tip,
		.fee_cap_wei = self->options.fee_cap,
		.final_depth = (unsigned)self->options.final_depth,
		.bump_after = (unsigned)self->options.bump_after,
		.min_balance_wei = self->options.min_balance,
		.outsiders = OUTBOX_STOP,
		.adopt_nonce = self->options.adopt_nonce,
		.mined = batch_mined,
		.held = show_ready,
		.arg = self,
	};
	struct retry_config retry = {.to = self->contracts.marketplace,
				     .encode = batch_encode,
				     .gas = batch_gas,
				     .plan = batch_rest,
				     .arg = self};
	enum err e = rpc_new(&self->rpc, &rpc);

	config.rpc = retry.rpc = self->rpc;
	secret_key_address(&retry.from, self->relayer);
	if (!e)
		e = retry_new(&self->retry, &retry);
	return e ? e : sender_new(&self->sender, &config);
}

static enum err check_options(const struct options *o)
{
	if (o->batch_max >= 1 && o->batch_max <= 1000 && o->final_depth >= 1 &&
	    o->final_depth <= 10000 && o->bump_after <= 10000 && o->fee_cap &&
	    o->gas_per_task && o->gas_per_task <= 100000000 &&
	    o->gas_base <= 100000000)
		return ERR_NONE;
	log_error("config.range",
		  "text=\"--batch-max is 1 to 1000, --final-depth 1 to 10000, "
		  "--bump-after at most 10000; "
		  "--fee-cap and --gas-per-task are not 0; gas is at most "
		  "100000000\"");
	return ERR_CONFIG;
}

static enum err prepare(void *arg)
{
	struct publisher *self = arg;
	enum err e = check_options(&self->options);

	if (!e)
		e = deployment_read(&self->contracts, self->options.contracts);
	return e ? e : open_keys(self);
}

static enum err start(struct frame *frame, void *arg)
{
	struct publisher *self = arg;
	struct publish_handlers handlers = {batch_decided, on_opened,
					    on_block,	   on_rolled_back,
					    on_engine_key, self};
	enum err e;

	batch_register();
	alarm_register(&round_missing);
	sender_watch_register();
	self->frame = frame;
	self->block = (struct block_ref){.number = 0};
	self->block_is_news = false;
	self->key_asked = self->key_valid = false;
	e = publish_new(&self->publish, self->options.batch_max, &handlers);
	if (!e)
		e = http_new(&self->http, frame->loop);
	if (!e)
		e = open_sender(self);
	if (!e)
		e = follow(self, &self->chain, "chain", CHAIN_BEFORE,
			   on_chain_caught_up);
	if (e)
		return e;
	identity_check(&self->identity, frame, self->rpc, &self->contracts,
		       NULL, NULL);
	ask_key(self);
	return ERR_NONE;
}

static void status(void *arg, struct status *out)
{
	struct publisher *self = arg;
	struct outbox_sizes s = sender_sizes(self->sender);

	status_number(out, "block", self->block.number);
	status_number(out, "planned", s.planned);
	status_number(out, "in_flight", s.in_flight);
	status_number(out, "next_nonce", s.next_nonce);
	status_number(out, "reverted", s.reverted);
	status_text(out, "held", sender_held(self->sender));
}

static void watch(void *arg)
{
	struct publisher *self = arg;
	uint64_t round = publish_round(self->publish).number;
	struct alarm_look look = {.due = self->block.number > round,
				  .done = round,
				  .now = self->block.number,
				  .limit = self->options.alarm_rounds};
	char where[64];

	if (!follow_is_live(self->chain) || !self->match)
		return;
	snprintf(where, sizeof where, "block=%" PRIu64 " round=%" PRIu64,
		 look.now, round);
	frame_alarm(&round_missing, &look, where);
	sender_watch(self->sender, look.now, self->options.alarm_mined);
}

static void stop(void *arg)
{
	struct publisher *self = arg;

	follow_free(&self->match);
	follow_free(&self->chain);
	rpc_free(&self->rpc);
	http_free(&self->http);
	sender_free(&self->sender);
	retry_free(&self->retry);
	publish_free(&self->publish);
}

int main(int argc, char **argv)
{
	static struct publisher self;
	static const struct service task_publisher = {
		.name = "task-publisher",
		.summary = "Signs the matcher's decisions and puts them on "
			   "the chain, each exactly once.",
		.options = rows,
		.options_offset = offsetof(struct publisher, options),
		.market = true,
		.writes = "task",
		.journalled = true,
		.keeps = true,
		.prepare = prepare,
		.start = start,
		.status = status,
		.watch = watch,
		.stop = stop,
	};
	int status;

	status = service_main(&task_publisher, &self, argc, argv);
	secret_key_free(&self.relayer);
	secret_key_free(&self.engine);
	return status;
}
