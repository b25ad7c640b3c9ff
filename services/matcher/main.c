/* matcher - pairs open requests with the quotes that serve them best.
 *
 * Folds the book log into the match log. Holds no key and talks to nobody but
 * Redis and the bus. Every decision is in match.h: read that next. */
#include <inttypes.h>
#include <stdio.h>

#include "common/fold.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/trace.h"
#include "services/matcher/match.h"

enum { LIFETIME_MIN_S = 2, LIFETIME_MAX_S = 3600 };

struct options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "services/matcher/config.def"
};

static const struct conf_row rows[] = {
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct options, name),                \
	 fallback, unit,	meaning},
#include "services/matcher/config.def"
	{0}};

struct matcher {
	struct options options;
	struct frame *frame;
	struct match_rule rule;
	unsigned depth;
	struct match *match;
	uint64_t doubts; /* contradictions that were told of */
	uint64_t tasks;	 /* matches that became one, since the start */
	struct fold *fold;
};

static struct metric decided =
	METRIC(COUNTER, "match_decided_total", "matches made");
static struct metric round_time =
	METRIC(HISTOGRAM, "match_round_seconds", "time that a round took");
static struct metric waiting = METRIC(GAUGE, "match_waiting_request",
				      "requests that wait for a match");
static struct metric matched =
	METRIC(GAUGE, "match_matched_request",
	       "matches that the chain has not confirmed");

static struct metric suspended =
	METRIC(GAUGE, "match_suspended",
	       "contradictions found in the book log; should be 0");

/* Whether the publisher does its work is seen here best: what comes of a match
 * is in the book log, whoever sent it and whatever became of it on the way. */
static struct alarm task_missing =
	ALARM("task_missing",
	      "matches are made and none becomes a task: task-publisher is "
	      "down or behind, its account or the engine's key is not in "
	      "order, or the chain refuses its batches; see its log");

static enum err save(void *arg, struct buf *out)
{
	return match_save(((struct matcher *)arg)->match, out);
}

static enum err load(void *arg, struct bytes state)
{
	struct matcher *self = arg;
	enum err e = match_load(self->match, state), again = ERR_NONE;

	if (e) {
		match_free(&self->match); /* half full */
		again = match_new(&self->match, &self->rule, self->depth);
	}
	self->doubts = again ? 0 : match_sizes(self->match).suspended;
	return again ? again : e;
}

static void tell_of_doubts(struct matcher *self, uint16_t number)
{
	uint64_t doubts = match_sizes(self->match).suspended;

	if (doubts > self->doubts)
		log_error("match.suspended",
			  "entry=%s text=\"the book log contradicts itself: "
			  "nothing is matched for what it is about; the match "
			  "log says why\"",
			  msg_describe(number)->name);
	self->doubts = doubts;
}

static enum err receive(void *arg, struct sink *out, uint16_t number,
			struct bytes body)
{
	struct matcher *self = arg;
	uint64_t before, began;
	struct match_sizes s;
	enum err e;

	trace_note(number, body);
	if (number != MSG_BLOCK_CLOSED) {
		before = match_sizes(self->match).block.number;
		e = match_receive(self->match, out, number, body);
		tell_of_doubts(self, number);
		self->tasks += number == MSG_TASK_STARTED;
		if (number == MSG_BOOK_ROLLED_BACK)
			frame_rolled_back(
				self->frame, before,
				match_sizes(self->match).block.number);
		return e;
	}
	before = match_sizes(self->match).decisions;
	began = metric_now_us();
	e = match_receive(self->match, out, number, body);
	metric_observe_us(&round_time, metric_now_us() - began);
	s = match_sizes(self->match);
	metric_add(&decided, (int64_t)(s.decisions - before));
	metric_set(&waiting, (int64_t)s.waiting);
	metric_set(&matched, (int64_t)s.matched);
	metric_set(&suspended, (int64_t)s.suspended);
	return e;
}

static enum err prepare(void *arg)
{
	const struct matcher *self = arg;

	if (self->options.match_lifetime >= LIFETIME_MIN_S &&
	    self->options.match_lifetime <= LIFETIME_MAX_S)
		return ERR_NONE;
	log_error("config.range", "text=\"--match-lifetime is 2 to 3600 s\"");
	return ERR_CONFIG;
}

static enum err start(struct frame *frame, void *arg)
{
	struct matcher *self = arg;
	struct fold_core core = {.self = self,
				 .reads = "book",
				 .receive = receive,
				 .is_mark = match_is_mark,
				 .save = save,
				 .load = load};
	enum err e;

	metric_register(&decided);
	metric_register(&round_time);
	metric_register(&waiting);
	metric_register(&matched);
	metric_register(&suspended);
	alarm_register(&task_missing);
	self->frame = frame;
	self->rule = MATCH_RULE_DEFAULT;
	self->rule.lifetime_s = (uint32_t)self->options.match_lifetime;
	self->depth = (unsigned)frame->market.depth;
	match_free(&self->match);
	e = match_new(&self->match, &self->rule, self->depth);
	return e ? e : fold_new(&self->fold, frame, &core);
}

static void status(void *arg, struct status *out)
{
	struct matcher *self = arg;
	struct match_sizes s = match_sizes(self->match);

	status_number(out, "block", s.block.number);
	fold_status(self->fold, out);
	status_number(out, "waiting", s.waiting);
	status_number(out, "matched", s.matched);
	status_number(out, "quotes", s.quotes);
	status_number(out, "decisions", s.decisions);
	status_number(out, "suspended", s.suspended);
}

static void watch(void *arg)
{
	struct matcher *self = arg;
	struct match_sizes s = match_sizes(self->match);
	struct alarm_look look = {.due = s.matched > 0,
				  .done = self->tasks,
				  .now = s.block.number,
				  .limit = self->options.alarm_tasks};
	char where[96];

	if (!fold_is_live(self->fold))
		return;
	snprintf(where, sizeof where, "matched=%" PRIu64 " block=%" PRIu64,
		 (uint64_t)s.matched, look.now);
	frame_alarm(&task_missing, &look, where);
}

static void stop(void *arg)
{
	struct matcher *self = arg;

	fold_snapshot(self->fold);
	fold_free(&self->fold);
	match_free(&self->match);
}

int main(int argc, char **argv)
{
	static struct matcher self;
	static const struct service matcher = {
		.name = "matcher",
		.summary = "Pairs open requests with the quotes that serve "
			   "them best.",
		.options = rows,
		.options_offset = offsetof(struct matcher, options),
		.market = true,
		.writes = "match",
		.prepare = prepare,
		.start = start,
		.status = status,
		.watch = watch,
		.stop = stop,
	};

	return service_main(&matcher, &self, argc, argv);
}
