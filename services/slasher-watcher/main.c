/* slasher-watcher - slashes what is overdue, refunds what has expired.
 *
 * Holds one key, which pays for gas and gets the bounties. Folds the chain log
 * into what is due (watch.h); writes the slash log and its journal. It must
 * never slash a task before its deadline has passed on the chain, nor send
 * anything that isn't in its journal and its log (common/outbox.h). What is
 * due becomes transactions in due.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "services/slasher-watcher/slasher.h"

static const struct conf_row rows[] = {
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct options, name),                \
	 fallback, unit,	meaning},
#include "services/slasher-watcher/config.def"
	{0}};

static struct alarm slash_missing =
	ALARM("slash_missing",
	      "a task is overdue and is not slashed: the account has no "
	      "ether, its transactions are not mined, or revert; anyone can "
	      "slash it meanwhile: kalypso slash ID");

/* ---- the chain log ------------------------------------------------------ */

/* The newest blocks are remembered, to look back by slash_depth. */
static enum err forget(struct slasher *self, uint64_t above)
{
	const struct block_ref *tip = fork_tip(self->blocks);

	if (!tip || tip->number <= above)
		return ERR_NONE;
	if (fork_at(self->blocks, above)) {
		fork_pop_to(self->blocks, above);
		return ERR_NONE;
	}
	fork_free(&self->blocks); /* none is left */
	return fork_new(&self->blocks, (unsigned)self->options.slash_depth + 1,
			0);
}

static void on_block(struct slasher *self)
{
	struct watch_sizes s = watch_sizes(self->watch);

	self->block_is_news = true;
	if (sender_is_ready(self->sender))
		sender_on_old_block(self->sender, &s.block);
	if (!fork_count(self->blocks) ||
	    s.block.number == fork_next(self->blocks))
		fork_push(self->blocks, &s.block);
}

static enum err on_rollback(struct slasher *self, struct bytes body)
{
	struct msg_rollback back;
	enum err e = msg_rollback_decode(&back, body);

	if (!e && sender_is_ready(self->sender))
		sender_on_rollback(self->sender, back.to.number);
	return e ? e : forget(self, back.to.number);
}

static enum err receive(void *arg, struct sink *out, uint16_t number,
			struct bytes body)
{
	struct slasher *self = arg;
	uint64_t before = watch_sizes(self->watch).block.number;
	enum err e = watch_receive(self->watch, out, number, body);

	if (!e && number == MSG_BLOCK_MARK)
		on_block(self);
	if (!e && number == MSG_ROLLBACK) {
		frame_rolled_back(self->frame, before,
				  watch_sizes(self->watch).block.number);
		e = on_rollback(self, body);
	}
	return e;
}

/* Only the newest: a log that is read has those of hours. */
static void tell_block(struct slasher *self)
{
	struct watch_sizes s = watch_sizes(self->watch);

	if (!self->block_is_news)
		return;
	self->block_is_news = false;
	sender_on_block(self->sender, &s.block, &s.base_fee.v);
}

static void show_ready(void *arg)
{
	struct slasher *self = arg;
	const char *held = self->sender ? sender_held(self->sender) : "";

	if (self->fold && fold_is_live(self->fold))
		frame_set_ready(self->frame, !*held, held);
}

static void settled(void *arg)
{
	struct slasher *self = arg;

	if (!sender_is_ready(self->sender) || !fold_is_live(self->fold))
		return;
	show_ready(self);
	tell_block(self);
	due_look(self);
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

static enum err open_lane(struct slasher *self, struct lane *lane,
			  enum kind kind)
{
	struct verdict_config config = {
		.rpc = self->rpc,
		.marketplace = self->contracts.marketplace,
		.registry = self->contracts.registry,
	};

	secret_key_address(&config.from, self->key);
	lane->slasher = self;
	lane->kind = kind;
	return verdict_new(&lane->asker, &config);
}

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
		.bump_after = (unsigned)self->options.bump_after,
		.min_balance_wei = self->options.min_balance,
		.outsiders = OUTBOX_STOP,
		.adopt_nonce = self->options.adopt_nonce,
		.mined = due_mined,
		.held = show_ready,
		.said = due_said,
		.arg = self,
	};
	enum err e = rpc_new(&self->rpc, &rpc);

	config.rpc = self->rpc;
	if (!e)
		e = open_lane(self, &self->slashes, KIND_SLASH);
	if (!e)
		e = open_lane(self, &self->refunds, KIND_CANCEL);
	return e ? e : sender_new(&self->sender, &config);
}

static enum err refuse(const char *text)
{
	log_error("config.range", "text=\"%s\"", text);
	return ERR_CONFIG;
}

static enum err check_options(struct slasher *self)
{
	const struct options *o = &self->options;
	bool profit = strcmp(o->slash_policy, "profit") == 0;

	if (!profit && strcmp(o->slash_policy, "always") != 0)
		return refuse("--slash-policy is always or profit");
	if (profit && !o->stake_worth)
		return refuse("--slash-policy=profit needs --stake-worth");
	if (o->slash_depth > 1000 || o->warn_before > 86400)
		return refuse("--slash-depth is at most 1000, --warn-before "
			      "at most 86400");
	self->only_profit = profit;
	if (o->batch_max >= 1 && o->batch_max <= VERDICT_ITEMS_MAX &&
	    o->bump_after <= 10000 && o->final_depth >= 1 &&
	    o->final_depth <= 10000 && o->fee_cap && o->gas_per_item &&
	    o->gas_per_item <= 100000000 && o->gas_base <= 100000000)
		return ERR_NONE;
	return refuse("--batch-max is 1 to 256, --final-depth 1 to 10000, "
		      "--bump-after at most 10000; --fee-cap and "
		      "--gas-per-item are not 0; gas is at most 100000000");
}

static enum err prepare(void *arg)
{
	struct slasher *self = arg;
	const struct options *o = &self->options;
	enum err e = check_options(self);

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

	due_register();
	alarm_register(&slash_missing);
	sender_watch_register();
	self->frame = frame;
	self->depth = (unsigned)frame->market.depth;
	self->block_is_news = false;
	e = watch_new(&self->watch, self->depth);
	if (!e)
		e = notes_new(&self->notes);
	if (!e)
		e = fork_new(&self->blocks,
			     (unsigned)self->options.slash_depth + 1, 0);
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
	status_text(out, "held", sender_held(self->sender));
}

/* The oldest one that we mean to slash: what isn't worth its gas, or what the
 * chain disagrees about, waits on purpose (due.c); what reverts doesn't. */
struct oldest {
	const struct slasher *slasher;
	uint64_t request_id;
};

static bool note_oldest(void *arg, uint64_t request_id, struct unix_s since)
{
	struct oldest *o = arg;
	const struct note *later = notes_find(
		o->slasher->notes, NOTE_LATER_SLASH, request_id, since);

	if (later && !later->alone)
		return true;
	o->request_id = request_id;
	return false;
}

static void watch(void *arg)
{
	struct slasher *self = arg;
	struct oldest oldest = {.slasher = self};
	struct alarm_look look = {.now = watch_sizes(self->watch).block.number,
				  .limit = self->options.alarm_slash};
	char where[64];

	if (!fold_is_live(self->fold))
		return;
	if (!self->options.shadow)
		watch_each_due(self->watch, WATCH_OVERDUE, note_oldest,
			       &oldest);
	look.due = oldest.request_id; /* ids begin with 1 */
	look.done = oldest.request_id;
	snprintf(where, sizeof where, "request=%" PRIu64, oldest.request_id);
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
	verdict_free(&self->refunds.asker);
	verdict_free(&self->slashes.asker);
	fork_free(&self->blocks);
	notes_free(&self->notes);
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
		.keeps = true,
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
