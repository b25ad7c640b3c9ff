/* What is near is said, what is due and agreed on is sent, each once. */
#include <inttypes.h>
#include <string.h>

#include "abi_market.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/sha256.h"
#include "common/u256.h"
#include "services/slasher-watcher/slasher.h"

enum {
	DISAGREED_BLOCKS = 8, /* until it is asked about again */
	UNPROFITABLE_BLOCKS = 16,
	IMPOSSIBLE_BLOCKS = 256,
	FORGET_S = 3600, /* after which no roll-back brings a deadline back */
};

static struct metric slashing = METRIC(COUNTER, "slash_planned_total",
				       "overdue tasks put into batches");
static struct metric refunding = METRIC(COUNTER, "refund_planned_total",
					"expired requests put into batches");
static struct metric overdue =
	METRIC(GAUGE, "task_overdue", "tasks past their deadline, not slashed");
static struct metric expired =
	METRIC(GAUGE, "request_expired",
	       "open requests past their expiry, not refunded");
static struct metric longest =
	METRIC(GAUGE, "task_overdue_seconds",
	       "how long the task that is overdue longest has been");
static struct metric warned =
	METRIC(COUNTER, "task_warned_total", "tasks whose deadline came near");
static struct metric shadowed =
	METRIC(COUNTER, "slash_shadowed_total",
	       "slashes and refunds that --shadow withheld");
static struct metric put_off =
	METRIC(COUNTER, "slash_put_off_total",
	       "items that the chain disagreed about, that don't pay, or that "
	       "revert");

void due_register(void)
{
	metric_register(&slashing);
	metric_register(&refunding);
	metric_register(&overdue);
	metric_register(&expired);
	metric_register(&longest);
	metric_register(&warned);
	metric_register(&shadowed);
	metric_register(&put_off);
}

static enum note_kind later_kind(enum kind kind)
{
	return kind == KIND_SLASH ? NOTE_LATER_SLASH : NOTE_LATER_REFUND;
}

static enum note_kind shadow_kind(enum kind kind)
{
	return kind == KIND_SLASH ? NOTE_SHADOWED_SLASH : NOTE_SHADOWED_REFUND;
}

static enum watch_kind watch_kind_of(enum kind kind)
{
	return kind == KIND_SLASH ? WATCH_OVERDUE : WATCH_EXPIRED;
}

/* Memory ran out, or the journal can't be written. */
static void give_up(struct slasher *self, enum err e)
{
	frame_stop(self->frame, "slash.plan", e);
}

/* ---- warnings ----------------------------------------------------------- */

static bool warn_one(void *arg, uint64_t request_id, struct unix_s deadline)
{
	struct slasher *self = arg;
	struct msg_deadline_near m = {.request_id = request_id,
				      .deadline = deadline,
				      .block = watch_sizes(self->watch).block};
	enum err e;

	if (notes_find(self->notes, NOTE_WARNED, request_id, deadline))
		return true;
	e = notes_put(self->notes, NOTE_WARNED, request_id, deadline)
		    ? sender_say(self->sender, &msg_deadline_near_wire, &m)
		    : ERR_NO_MEMORY;
	if (e) {
		give_up(self, e);
		return false;
	}
	metric_add(&warned, 1);
	log_info("task.deadline_near", "request=%" PRIu64 " deadline=%" PRIu64,
		 request_id, deadline.v);
	return true;
}

static void warn(struct slasher *self)
{
	struct unix_s now = watch_sizes(self->watch).block.time,
		      before = {now.v + self->options.warn_before + 1};

	if (self->options.warn_before)
		watch_each_between(self->watch, WATCH_OVERDUE, now, before,
				   warn_one, self);
}

/* What is due. */
struct tally {
	int64_t count;
	struct unix_s first;
};

/* The earliest comes first. */
static bool count_one(void *arg, uint64_t request_id, struct unix_s since)
{
	struct tally *t = arg;

	(void)request_id;
	if (!t->count++)
		t->first = since;
	return true;
}

static void show_due(const struct slasher *self)
{
	uint64_t now = watch_sizes(self->watch).block.time.v;
	struct tally tasks = {.count = 0}, requests = {.count = 0};

	watch_each_due(self->watch, WATCH_OVERDUE, count_one, &tasks);
	watch_each_due(self->watch, WATCH_EXPIRED, count_one, &requests);
	metric_set(&overdue, tasks.count);
	metric_set(&expired, requests.count);
	metric_set(&longest, tasks.count ? (int64_t)(now - tasks.first.v) : 0);
}

/* ---- what is to be asked about ------------------------------------------ */

struct gathering {
	struct lane *lane;
	struct verdict_question *question;
	uint64_t block; /* the newest */
};

static bool gather(void *arg, uint64_t request_id, struct unix_s since)
{
	struct gathering *g = arg;
	struct slasher *self = g->lane->slasher;
	struct verdict_question *q = g->question;
	enum kind kind = g->lane->kind;
	const struct note *later =
		notes_find(self->notes, later_kind(kind), request_id, since);

	if (sender_is_about(self->sender, (uint8_t)kind, request_id) ||
	    (self->options.shadow &&
	     notes_find(self->notes, shadow_kind(kind), request_id, since)) ||
	    (later && later->not_before > g->block))
		return true;
	if (later && later->alone) {
		if (q->count)
			return true; /* when those before it are on their way */
		q->alone = true;
	}
	q->items[q->count++] = (struct verdict_item){request_id, since, 0};
	return !q->alone && q->count < self->options.batch_max;
}

/* Per gas, as the outbox will offer: base fee and tip. */
static struct u256 gas_price(const struct slasher *self)
{
	struct u256 base = watch_sizes(self->watch).base_fee.v,
		    tip = u256_from_u64(self->options.tip), sum;

	return u256_add(&sum, &base, &tip) ? U256_MAX : sum;
}

static void on_verdicts(void *arg, const struct verdict_question *q);

static void look_at(struct lane *lane, const struct block_ref *at)
{
	struct slasher *self = lane->slasher;
	struct verdict_question q = {
		.slash = lane->kind == KIND_SLASH,
		.at = *at,
		.profit = self->only_profit,
		.gas_price = gas_price(self),
		.gas_base = self->options.gas_base,
		.gas_per_item = self->options.gas_per_item,
		.stake_worth_wei = self->options.stake_worth,
	};
	struct gathering g = {lane, &q, watch_sizes(self->watch).block.number};
	enum err e;

	if (verdict_is_asking(lane->asker))
		return; /* at the next block */
	watch_each_between(self->watch, watch_kind_of(lane->kind),
			   (struct unix_s){0}, at->time, gather, &g);
	if (!q.count)
		return;
	e = verdict_ask(lane->asker, &q, on_verdicts, lane);
	if (e)
		give_up(self, e);
}

/* The newest block that is deep enough; NULL: none that we have seen. */
static const struct block_ref *deep_block(const struct slasher *self)
{
	const struct block_ref *tip = fork_tip(self->blocks);

	if (!tip || tip->number < self->options.slash_depth)
		return NULL;
	return fork_at(self->blocks, tip->number - self->options.slash_depth);
}

static bool is_past(void *arg, const struct note *note)
{
	const struct slasher *self = arg;
	bool task = note->kind == NOTE_WARNED ||
		    note->kind == NOTE_SHADOWED_SLASH ||
		    note->kind == NOTE_LATER_SLASH;

	return note->since.v + FORGET_S <
		       watch_sizes(self->watch).block.time.v &&
	       !watch_has(self->watch, task ? WATCH_OVERDUE : WATCH_EXPIRED,
			  note->request_id, note->since);
}

void due_look(struct slasher *self)
{
	const struct block_ref *at = deep_block(self);

	notes_sweep(self->notes, is_past, self);
	show_due(self);
	warn(self);
	if (at)
		look_at(&self->slashes, at);
	if (at && self->options.refund)
		look_at(&self->refunds, at);
}

/* ---- what was agreed on ------------------------------------------------- */

static enum err encode(enum kind kind, struct u64s subjects, struct buf *call)
{
	struct u256 ids[VERDICT_ITEMS_MAX];

	for (size_t i = 0; i < subjects.count; i++)
		ids[i] = u256_from_u64(u64s_at(subjects, i));
	return kind == KIND_SLASH
		       ? abi_call_slash_many(call, ids, subjects.count)
		       : abi_call_cancel_requests(call, ids, subjects.count);
}

/* The same items, due at the same block, are the same intent. */
static void intent_id(struct hash32 *out, enum kind kind, struct u64s subjects,
		      const struct block_ref *block)
{
	uint8_t first = (uint8_t)kind;
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, &first, 1);
	sha256_update(&sha, subjects.data, 8 * subjects.count);
	sha256_update(&sha, block->hash.bytes, sizeof block->hash.bytes);
	sha256_final(&sha, out);
}

static enum err plan(struct lane *lane, struct u64s subjects,
		     const struct block_ref *at)
{
	struct slasher *self = lane->slasher;
	struct buf call = {0};
	struct outbox_intent intent = {
		.kind = (uint8_t)lane->kind,
		.to = self->contracts.marketplace,
		.gas_limit = self->options.gas_base +
			     self->options.gas_per_item * subjects.count,
		.decided_on = *at,
		.subjects = subjects,
	};
	enum err e = encode(lane->kind, subjects, &call);

	if (!e) {
		intent_id(&intent.id, lane->kind, subjects, at);
		intent.data = buf_bytes(&call);
		e = sender_plan(self->sender, &intent);
	}
	buf_free(&call);
	if (e)
		return e == ERR_EXISTS ? ERR_NONE : e;
	metric_add(lane->kind == KIND_SLASH ? &slashing : &refunding,
		   (int64_t)subjects.count);
	log_info(lane->kind == KIND_SLASH ? "slash.planned" : "refund.planned",
		 "items=%zu first=%" PRIu64 " block=%" PRIu64, subjects.count,
		 u64s_at(subjects, 0), at->number);
	for (size_t i = 0; i < subjects.count; i++)
		log_info(lane->kind == KIND_SLASH ? "slash.item"
						  : "refund.item",
			 "request=%" PRIu64, u64s_at(subjects, i));
	return ERR_NONE;
}

static enum err say_shadowed(struct lane *lane, const struct verdict_item *item,
			     const struct block_ref *at)
{
	struct slasher *self = lane->slasher;
	struct msg_slash_shadowed m = {.request_id = item->request_id,
				       .kind = (uint8_t)lane->kind,
				       .since = item->since,
				       .decided_on = *at};

	if (!notes_put(self->notes, shadow_kind(lane->kind), item->request_id,
		       item->since))
		return ERR_NO_MEMORY;
	metric_add(&shadowed, 1);
	log_info("slash.shadowed", "kind=%s request=%" PRIu64,
		 lane->kind == KIND_SLASH ? "slash" : "refund",
		 item->request_id);
	return sender_say(self->sender, &msg_slash_shadowed_wire, &m);
}

static enum err put_it_off(struct lane *lane, const struct verdict_item *item)
{
	struct slasher *self = lane->slasher;
	uint64_t blocks = item->verdict == VERDICT_DISAGREED ? DISAGREED_BLOCKS
			  : item->verdict == VERDICT_UNPROFITABLE
				  ? UNPROFITABLE_BLOCKS
				  : IMPOSSIBLE_BLOCKS;
	struct note *n = notes_put(self->notes, later_kind(lane->kind),
				   item->request_id, item->since);

	if (!n)
		return ERR_NO_MEMORY;
	n->not_before = watch_sizes(self->watch).block.number + blocks;
	metric_add(&put_off, 1);
	if (item->verdict == VERDICT_UNPROFITABLE)
		log_info("slash.unprofitable", "request=%" PRIu64,
			 item->request_id);
	if (item->verdict == VERDICT_IMPOSSIBLE)
		log_error(
			"slash.impossible",
			"request=%" PRIu64
			" text=\"it reverts even alone: look at --gas-per-item "
			"and at the stake pool behind the task\"",
			item->request_id);
	return ERR_NONE;
}

/* Still due, after the time that the question took. */
static bool is_due(const struct lane *lane, const struct verdict_item *item)
{
	const struct slasher *self = lane->slasher;

	return item->verdict == VERDICT_AGREED &&
	       watch_has(self->watch, watch_kind_of(lane->kind),
			 item->request_id, item->since) &&
	       !sender_is_about(self->sender, (uint8_t)lane->kind,
				item->request_id);
}

static void on_verdicts(void *arg, const struct verdict_question *q)
{
	struct lane *lane = arg;
	struct slasher *self = lane->slasher;
	struct buf ids = {0};
	enum err e = ERR_NONE;

	for (size_t i = 0; i < q->count && !e; i++) {
		const struct verdict_item *item = &q->items[i];

		if (item->verdict > VERDICT_AGREED)
			e = put_it_off(lane, item);
		else if (is_due(lane, item) && self->options.shadow)
			e = say_shadowed(lane, item, &q->at);
		else if (is_due(lane, item))
			buf_put_be64(&ids, item->request_id);
	}
	if (!e)
		e = buf_err(&ids);
	if (!e && ids.size)
		e = plan(lane, (struct u64s){ids.data, ids.size / 8}, &q->at);
	buf_free(&ids);
	if (e)
		give_up(self, e);
	else
		sender_flush(self->sender);
}

/* ---- what became of it -------------------------------------------------- */

struct find_since {
	uint64_t request_id;
	struct unix_s since;
	bool found;
};

static bool find_one(void *arg, uint64_t request_id, struct unix_s since)
{
	struct find_since *f = arg;

	f->found = request_id == f->request_id;
	f->since = since;
	return !f->found;
}

static void mark_alone(struct lane *lane, uint64_t request_id)
{
	struct slasher *self = lane->slasher;
	struct find_since f = {.request_id = request_id};
	struct note *n;

	watch_each_due(self->watch, watch_kind_of(lane->kind), find_one, &f);
	if (!f.found)
		return; /* somebody else has done it */
	n = notes_put(self->notes, later_kind(lane->kind), request_id, f.since);
	if (n)
		n->alone = true;
}

void due_mined(void *arg, const struct hash32 *id, enum outbox_fate fate)
{
	struct slasher *self = arg;
	uint8_t kind;
	struct u64s subjects;

	/* The contract leaves out single items by itself: what reverts as a
	 * whole is tried item by item. */
	if (fate != OUTBOX_REVERTED ||
	    !sender_intent_of(self->sender, id, &kind, &subjects))
		return;
	for (size_t i = 0; i < subjects.count; i++)
		mark_alone(kind == KIND_SLASH ? &self->slashes : &self->refunds,
			   u64s_at(subjects, i));
}

enum err due_said(void *arg, uint16_t number, struct bytes body)
{
	struct slasher *self = arg;
	struct msg_deadline_near near;
	struct msg_slash_shadowed shadow;
	enum err e = ERR_NONE;

	if (number == MSG_DEADLINE_NEAR) {
		e = msg_deadline_near_decode(&near, body);
		if (!e && !notes_put(self->notes, NOTE_WARNED, near.request_id,
				     near.deadline))
			e = ERR_NO_MEMORY;
	} else if (number == MSG_SLASH_SHADOWED) {
		e = msg_slash_shadowed_decode(&shadow, body);
		if (!e &&
		    !notes_put(self->notes, shadow_kind((enum kind)shadow.kind),
			       shadow.request_id, shadow.since))
			e = ERR_NO_MEMORY;
	}
	return e;
}
