/* slasher-watcher - slashes what is overdue, refunds what has expired.
 *
 * Holds one key, which pays for gas and gets the bounties. Folds the chain log
 * into what is due (watch.h); writes the slash log and its journal. It must
 * never slash a task before its deadline has passed on the chain, nor send
 * anything that isn't in its journal and its log (common/outbox.h). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi_market.h"
#include "common/fold.h"
#include "common/identity.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/sender.h"
#include "common/sha256.h"
#include "common/u256.h"
#include "protocol/deployment.h"
#include "services/slasher-watcher/watch.h"

/* In tx_signed. */
enum kind { KIND_SLASH = 2, KIND_CANCEL = 3 };

enum { BATCH_MAX = 256 };

struct options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "services/slasher-watcher/config.def"
};

static const struct conf_row rows[] = {
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct options, name),                \
	 fallback, unit,	meaning},
#include "services/slasher-watcher/config.def"
	{0}};

struct slasher {
	struct options options;
	struct frame *frame;
	unsigned depth;
	struct deployment contracts;
	struct identity identity;
	struct secret_key *key;
	struct http *http;
	struct rpc *rpc;
	struct sender *sender;
	struct watch *watch;
	struct fold *fold;
};

static struct metric slashing = METRIC(COUNTER, "slash_planned_total",
				       "overdue tasks put into batches");
static struct metric refunding = METRIC(COUNTER, "refund_planned_total",
					"expired requests put into batches");
static struct metric overdue =
	METRIC(GAUGE, "task_overdue", "tasks past their deadline, not slashed");

static struct alarm slash_missing =
	ALARM("slash_missing",
	      "a task is overdue and is not slashed: the account has no "
	      "ether, its transactions are not mined, or revert; anyone can "
	      "slash it meanwhile: kalypso slash ID");

/* ---- batches ------------------------------------------------------------ */

/* What is due and nobody is on the way with. */
struct due {
	struct slasher *slasher;
	enum kind kind;
	uint64_t ids[BATCH_MAX];
	size_t count;
	uint64_t all; /* also those that somebody is on the way with */
};

static bool gather(void *arg, uint64_t request_id, struct unix_s since)
{
	struct due *d = arg;

	(void)since;
	d->all++;
	if (!sender_is_about(d->slasher->sender, (uint8_t)d->kind, request_id))
		d->ids[d->count++] = request_id;
	return d->count < d->slasher->options.batch_max;
}

static enum err encode(const struct due *d, struct buf *call)
{
	struct u256 ids[BATCH_MAX];

	for (size_t i = 0; i < d->count; i++)
		ids[i] = u256_from_u64(d->ids[i]);
	return d->kind == KIND_SLASH
		       ? abi_call_slash_many(call, ids, d->count)
		       : abi_call_cancel_requests(call, ids, d->count);
}

/* The same items, due at the same block, are the same intent. */
static void intent_id(struct hash32 *out, const struct due *d,
		      struct bytes subjects, const struct block_ref *block)
{
	uint8_t kind = (uint8_t)d->kind;
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, &kind, 1);
	sha256_update(&sha, subjects.data, subjects.size);
	sha256_update(&sha, block->hash.bytes, sizeof block->hash.bytes);
	sha256_final(&sha, out);
}

static enum err plan(struct slasher *self, const struct due *d)
{
	struct block_ref block = watch_sizes(self->watch).block;
	struct buf call = {0}, subjects = {0};
	struct outbox_intent intent = {
		.kind = (uint8_t)d->kind,
		.to = self->contracts.marketplace,
		.gas_limit = self->options.gas_base +
			     self->options.gas_per_item * d->count,
		.decided_on = block,
	};
	enum err e = encode(d, &call);

	for (size_t i = 0; i < d->count; i++)
		buf_put_be64(&subjects, d->ids[i]);
	if (!e)
		e = buf_err(&subjects);
	if (!e) {
		intent_id(&intent.id, d, buf_bytes(&subjects), &block);
		intent.data = buf_bytes(&call);
		intent.subjects = (struct u64s){subjects.data, d->count};
		e = sender_plan(self->sender, &intent);
	}
	buf_free(&call);
	buf_free(&subjects);
	return e;
}

static void plan_due(struct slasher *self, enum watch_kind what, enum kind kind)
{
	struct due d = {.slasher = self, .kind = kind};
	enum err e;

	watch_each_due(self->watch, what, gather, &d);
	if (kind == KIND_SLASH)
		metric_set(&overdue, (int64_t)d.all);
	if (!d.count)
		return;
	e = plan(self, &d);
	if (e && e != ERR_EXISTS) {
		frame_settle(self->frame, "slash.plan", e);
		return;
	}
	metric_add(kind == KIND_SLASH ? &slashing : &refunding,
		   (int64_t)d.count);
	log_info(kind == KIND_SLASH ? "slash.planned" : "refund.planned",
		 "items=%zu first=%" PRIu64, d.count, d.ids[0]);
}

/* ---- the chain log ------------------------------------------------------ */

static enum err receive(void *arg, struct sink *out, uint16_t number,
			struct bytes body)
{
	struct slasher *self = arg;
	uint64_t before = watch_sizes(self->watch).block.number;
	enum err e = watch_receive(self->watch, out, number, body);
	struct msg_rollback back;
	struct watch_sizes s;

	if (!e && number == MSG_ROLLBACK)
		frame_rolled_back(self->frame, before,
				  watch_sizes(self->watch).block.number);
	if (e || !sender_is_ready(self->sender))
		return e;
	if (number == MSG_BLOCK_MARK) {
		s = watch_sizes(self->watch);
		sender_on_block(self->sender, &s.block, &s.base_fee.v);
	} else if (number == MSG_ROLLBACK) {
		e = msg_rollback_decode(&back, body);
		if (!e)
			sender_on_rollback(self->sender, back.to.number);
	}
	return e;
}

static void settled(void *arg)
{
	struct slasher *self = arg;

	if (!sender_is_ready(self->sender) || !fold_is_live(self->fold))
		return;
	frame_set_ready(self->frame, true, "");
	plan_due(self, WATCH_OVERDUE, KIND_SLASH);
	if (self->options.refund)
		plan_due(self, WATCH_EXPIRED, KIND_CANCEL);
	sender_flush(self->sender);
}

static enum err save(void *arg, struct buf *out)
{
	return watch_save(((struct slasher *)arg)->watch, out);
}

static enum err load(void *arg, struct bytes state)
{
	struct slasher *self = arg;
	enum err e = watch_load(self->watch, state), again;

	if (!e)
		return ERR_NONE;
	watch_free(&self->watch); /* half full */
	again = watch_new(&self->watch, self->depth);
	return again ? again : e;
}

/* ---- life --------------------------------------------------------------- */

static enum err open_sender(struct slasher *self)
{
	struct rpc_config rpc = {.loop = self->frame->loop,
				 .http = self->http,
				 .urls = self->options.rpc,
				 .timeout_ms =
					 (unsigned)self->options.rpc_timeout};
	struct sender_config config = {
		.frame = self->frame,
		.chain_id = self->contracts.chain_id,
		.key = self->key,
		.tip_wei = self->options.tip,
		.fee_cap_wei = self->options.fee_cap,
		.final_depth = (unsigned)self->options.final_depth,
	};
	enum err e = rpc_new(&self->rpc, &rpc);

	config.rpc = self->rpc;
	return e ? e : sender_new(&self->sender, &config);
}

static enum err check_options(const struct options *o)
{
	if (o->batch_max >= 1 && o->batch_max <= BATCH_MAX &&
	    o->final_depth >= 1 && o->final_depth <= 10000 && o->fee_cap &&
	    o->gas_per_item && o->gas_per_item <= 100000000 &&
	    o->gas_base <= 100000000)
		return ERR_NONE;
	log_error("config.range",
		  "text=\"--batch-max is 1 to %d, --final-depth 1 to 10000; "
		  "--fee-cap and --gas-per-item are not 0; gas is at most "
		  "100000000\"",
		  BATCH_MAX);
	return ERR_CONFIG;
}

static enum err prepare(void *arg)
{
	struct slasher *self = arg;
	const struct options *o = &self->options;
	enum err e = check_options(o);

	if (!e)
		e = deployment_read(&self->contracts, o->contracts);
	return e ? e
		 : frame_key(&self->key, "slasher_key", o->slasher_key,
			     o->key_password);
}

static enum err start(struct frame *frame, void *arg)
{
	struct slasher *self = arg;
	struct fold_core core = {.self = self,
				 .reads = "chain",
				 .silent = true,
				 .receive = receive,
				 .is_mark = watch_is_mark,
				 .save = save,
				 .load = load,
				 .settled = settled};
	enum err e;

	metric_register(&slashing);
	metric_register(&refunding);
	metric_register(&overdue);
	alarm_register(&slash_missing);
	sender_watch_register();
	self->frame = frame;
	self->depth = (unsigned)frame->market.depth;
	e = watch_new(&self->watch, self->depth);
	if (!e)
		e = http_new(&self->http, frame->loop);
	if (!e)
		e = open_sender(self);
	if (!e)
		e = fold_new(&self->fold, frame, &core);
	if (!e)
		identity_check(&self->identity, frame, self->rpc,
			       &self->contracts, NULL, NULL);
	return e;
}

static void status(void *arg, struct status *out)
{
	struct slasher *self = arg;
	struct outbox_sizes s = sender_sizes(self->sender);
	struct watch_sizes w = watch_sizes(self->watch);

	status_number(out, "block", w.block.number);
	fold_status(self->fold, out);
	status_number(out, "open", w.open);
	status_number(out, "tasks", w.tasks);
	status_number(out, "planned", s.planned);
	status_number(out, "in_flight", s.in_flight);
	status_number(out, "next_nonce", s.next_nonce);
	status_number(out, "reverted", s.reverted);
}

static bool note_oldest(void *arg, uint64_t request_id, struct unix_s since)
{
	(void)since;
	*(uint64_t *)arg = request_id;
	return false;
}

static void watch(void *arg)
{
	struct slasher *self = arg;
	uint64_t oldest = 0;
	struct alarm_look look = {.now = watch_sizes(self->watch).block.number,
				  .limit = self->options.alarm_slash};
	char where[64];

	if (!fold_is_live(self->fold))
		return;
	watch_each_due(self->watch, WATCH_OVERDUE, note_oldest, &oldest);
	look.due = oldest; /* ids begin with 1 */
	look.done = oldest;
	snprintf(where, sizeof where, "request=%" PRIu64, oldest);
	frame_alarm(&slash_missing, &look, where);
	sender_watch(self->sender, look.now, self->options.alarm_mined);
}

static void stop(void *arg)
{
	struct slasher *self = arg;

	fold_snapshot(self->fold);
	fold_free(&self->fold);
	rpc_free(&self->rpc);
	http_free(&self->http);
	sender_free(&self->sender);
	watch_free(&self->watch);
}

int main(int argc, char **argv)
{
	static struct slasher self;
	static const struct service slasher_watcher = {
		.name = "slasher-watcher",
		.summary = "Slashes tasks that missed their deadline and "
			   "refunds requests that expired.",
		.options = rows,
		.options_offset = offsetof(struct slasher, options),
		.market = true,
		.comes_second = true,
		.writes = "slash",
		.journalled = true,
		.prepare = prepare,
		.start = start,
		.status = status,
		.watch = watch,
		.stop = stop,
	};
	int status;

	status = service_main(&slasher_watcher, &self, argc, argv);
	secret_key_free(&self.key);
	return status;
}
