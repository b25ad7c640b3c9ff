/* A client's life: whether it keeps up, what a heartbeat says, and logs. */
#include "services/webhook-gateway/feed.h"

#include <stdlib.h>

#include "services/webhook-gateway/feed_impl.h"

void feed_free(struct feed *f, const struct feed_world *w)
{
	feed_drop_print(f, w);
	free(f->subs);
	f->subs = NULL;
	f->subs_count = 0;
	buf_free(&f->answer);
}

/* ---- answers ------------------------------------------------------------ */

struct doc feed_begin_answer(struct feed *f, const char *op)
{
	struct doc d = {&f->answer, false};

	buf_clear(&f->answer);
	buf_put_zeros(&f->answer, TAIL_HEADROOM);
	doc_object(&d, NULL);
	doc_text(&d, "op", op);
	return d;
}

void feed_end(struct feed *f, enum feed_close code, const char *why)
{
	struct doc d = feed_begin_answer(f, code == FEED_LAGGING ? "lagging"
								 : "error");

	doc_count(&d, "code", code);
	doc_text(&d, "text", why);
	doc_end(&d);
	f->close = code;
	f->subscribed = false;
	f->subs_count = 0;
}

/* ---- logs: what comes next ---------------------------------------------- */

enum logs feed_due(const struct feed *f, const struct tail *t)
{
	enum logs first = LOGS_COUNT;
	uint64_t turn, first_turn = UINT64_MAX;

	for (int log = 0; log < LOGS_COUNT && f->subscribed; log++) {
		if (!feed_wants(f, log) || f->next[log] < tail_oldest(t, log) ||
		    f->next[log] > tail_newest(t, log))
			continue;
		turn = tail_turn(t, log, f->next[log]);
		if (turn < first_turn) {
			first = log;
			first_turn = turn;
		}
	}
	return first;
}

/* Whether @log goes on with entries that the window doesn't hold. */
static bool is_missing(const struct feed *f, const struct tail *t,
		       enum logs log)
{
	return feed_wants(f, log) && f->next[log] < tail_oldest(t, log) &&
	       f->next[log] <= tail_newest(t, log);
}

enum logs feed_missing(const struct feed *f, const struct tail *t)
{
	for (int log = 0; log < LOGS_COUNT && f->subscribed; log++)
		if (is_missing(f, t, log))
			return log;
	return LOGS_COUNT;
}

/* ---- who keeps up ------------------------------------------------------- */

static void watch_logs(struct feed *f, const struct tail *t, uint64_t now_us,
		       uint64_t patience_us)
{
	bool behind = false;

	for (int log = 0; log < LOGS_COUNT; log++) {
		if (!is_missing(f, t, log))
			f->reached |= 1u << log;
		else if (f->reached >> log & 1)
			behind = true;
	}
	if (!behind)
		f->behind_us = 0;
	else if (!f->behind_us)
		f->behind_us = now_us;
	else if (now_us - f->behind_us > patience_us)
		feed_end(f, FEED_LAGGING,
			 "you read slower than the logs grow: connect again "
			 "with from, or ask for fewer logs");
}

static void watch_channels(struct feed *f, const struct feed_world *w,
			   uint64_t now_us, uint64_t patience_us)
{
	bool more = f->print || feed_has_more(f, w), moved = f->moved;

	f->moved = false;
	if (!more) {
		f->behind_us = 0;
		f->conflated = f->hopeless = false;
	} else if (f->hopeless || (!moved && f->conflated && f->behind_us &&
				   now_us - f->behind_us > patience_us)) {
		feed_end(f, FEED_LAGGING,
			 "you read slower than the market changes, snapshots "
			 "included: connect again, or ask for less");
	} else if (moved || !f->behind_us) {
		f->behind_us = now_us;
	} else if (now_us - f->behind_us > patience_us) {
		feed_conflate(f);
		f->behind_us = now_us;
	}
}

void feed_watch(struct feed *f, const struct feed_world *w, uint64_t now_us,
		uint64_t patience_us)
{
	f->said -= f->said < FEED_SAID_PER_S ? f->said : FEED_SAID_PER_S;
	if (f->subscribed)
		watch_logs(f, w->tail, now_us, patience_us);
	else if (f->subs_count)
		watch_channels(f, w, now_us, patience_us);
}

/* ---- heartbeats --------------------------------------------------------- */

static void beat_for_channels(const struct feed *f, const struct feed_world *w,
			      struct doc *d)
{
	uint64_t tip = view_log(w->view, LOGS_CHAIN)->block.number;
	unsigned logs = 0;

	for (unsigned i = 0; i < f->subs_count; i++)
		logs |= 1u << channel_log(f->subs[i].filter.channel);
	doc_object(d, "logs");
	for (int log = 0; log < LOGS_COUNT; log++)
		if (logs >> log & 1)
			doc_count(d, logs_name(log), feed_shown(w, log));
	doc_end(d);
	doc_id(d, "final", tip > w->depth ? tip - w->depth : 0);
}

void feed_heartbeat(const struct feed *f, const struct feed_world *w,
		    struct buf *out)
{
	struct doc d = {out, false};

	doc_object(&d, NULL);
	doc_text(&d, "op", "heartbeat");
	if (f->subs_count) {
		beat_for_channels(f, w, &d);
	} else {
		doc_object(&d, "logs");
		for (int log = 0; log < LOGS_COUNT; log++)
			if (feed_wants(f, log))
				doc_count(&d, logs_name(log),
					  tail_newest(w->tail, log));
		doc_end(&d);
	}
	doc_end(&d);
}
