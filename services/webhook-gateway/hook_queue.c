/* What waits for one hook: its queue in Redis, and the order of sending. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "services/webhook-gateway/hooks_impl.h"

enum {
	IDLE_STEP_US = 10 * 1000 * 1000, /* a hook that nothing concerns */
	IDLE_STEP_ENTRIES = 4096,	 /* moves on so often */
};

static const char *const state_names[] = {"unverified", "active", "disabled"};

/* ---- looking ------------------------------------------------------------ */

static bool on_event(void *arg, const struct hook_event *e)
{
	struct target *t = arg;

	if (t->floor && e->block <= t->floor)
		return true; /* told in another life of the logs */
	t->floor = 0;
	if (!hook_wants(&t->is, e))
		return true;
	if (t->count + t->fresh_count >= HOOKS_WAITING_MAX)
		return false;
	t->fresh[t->fresh_count++] = (struct waiting){.seq = e->seq,
						      .block = e->block,
						      .subject = e->subject,
						      .time = e->time};
	return true;
}

bool target_has_room(const struct target *t)
{
	return t->held && !t->stale && t->state == STATE_ACTIVE &&
	       t->count + t->fresh_count < HOOKS_WAITING_MAX;
}

enum err target_look(struct hooks *w, struct target *t)
{
	uint64_t block = 0, next = t->seen;
	enum err e;

	if (!target_has_room(t))
		return ERR_NONE;
	e = hook_news_scan(w->news, t->seen, on_event, t, &next, &block);
	if (e) {
		t->fresh_count = 0; /* look at them again */
		t->seen = t->next;
		return e;
	}
	if (next > t->seen && !block)
		log_warn("webhook.skipped",
			 "id=%s from=%" PRIu64 " to=%" PRIu64
			 " text=\"the log doesn't hold these entries any "
			 "more\"",
			 t->is.id, t->seen, next - 1);
	t->seen = next;
	if (block)
		t->seen_block = block;
	return ERR_NONE;
}

/* ---- rows and queues ---------------------------------------------------- */

/* SEQUENCE:SEQ:BLOCK:SUBJECT:TIME:ATTEMPTS:DUE_MS */
static bool parse_item(struct waiting *out, const struct bytes *item)
{
	uint64_t *const fields[] = {&out->sequence, &out->seq,	&out->block,
				    &out->subject,  &out->time, &out->attempts,
				    &out->due_ms};
	char text[160], *at = text;

	*out = (struct waiting){.busy = false};
	told_text(text, sizeof text, item);
	for (unsigned i = 0; i < 7; i++) {
		if (*at < '0' || *at > '9')
			return false;
		*fields[i] = strtoull(at, &at, 10);
		if (*at++ != (i < 6 ? ':' : '\0'))
			return false;
	}
	return true;
}

static void print_item(struct buf *out, const struct waiting *i)
{
	buf_printf(out,
		   "%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64
		   ":%" PRIu64 ":%" PRIu64 " ",
		   i->sequence, i->seq, i->block, i->subject, i->time,
		   i->attempts, i->due_ms);
}

static enum hook_state state_of(const struct bytes *item)
{
	return told_is(item, "active")	   ? STATE_ACTIVE
	       : told_is(item, "disabled") ? STATE_DISABLED
					   : STATE_UNVERIFIED;
}

bool target_take_row(struct target *t, const struct bytes *items, size_t count)
{
	uint64_t sequences[ITEMS_ROOM];
	unsigned old = 0;

	if (count < 10 || !told_is(&items[0], "OK")) {
		target_forget(t);
		return false;
	}
	for (unsigned i = 0; i < t->count; i++)
		if (t->items[i].busy)
			sequences[old++] = t->items[i].sequence;
	t->held = true;
	t->stale = false;
	t->version = told_number(&items[1]);
	t->state = state_of(&items[2]);
	t->next = t->seen = told_number(&items[3]);
	t->block = t->seen_block = told_number(&items[4]);
	t->floor = told_number(&items[5]);
	t->streak = told_number(&items[6]);
	t->tries = told_number(&items[7]);
	t->due_ms = told_number(&items[8]);
	t->ok_ms = told_number(&items[9]);
	t->count = t->fresh_count = 0;
	t->quiet_ms = 0;
	for (size_t i = 10; i < count && t->count < ITEMS_ROOM; i++)
		if (parse_item(&t->items[t->count], &items[i]))
			t->count++;
	for (unsigned i = 0; i < old; i++) {
		struct waiting *item = target_find(t, sequences[i]);

		if (item)
			item->busy = true;
	}
	return true;
}

bool target_is_dirty(const struct target *t, uint64_t now_us)
{
	if (t->done.size || t->again.size || t->dead.size || t->records_count)
		return true;
	if (!t->held || t->stale)
		return false;
	return t->fresh_count || t->seen - t->next >= IDLE_STEP_ENTRIES ||
	       (t->seen != t->next && now_us - t->stepped_us > IDLE_STEP_US);
}

void target_ask_step(struct hooks *w, struct target *t, struct store_ask *ask)
{
	buf_clear(&w->scratch);
	for (unsigned i = 0; i < t->fresh_count; i++)
		buf_printf(&w->scratch,
			   "%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64 " ",
			   t->fresh[i].seq, t->fresh[i].block,
			   t->fresh[i].subject, t->fresh[i].time);
	ask_begin_call(ask, "kalypso_hook_step", 4);
	ask_key(ask, w->store, "hook", t->is.id);
	ask_key(ask, w->store, "hook_queue", t->is.id);
	ask_key(ask, w->store, "hook_attempts", t->is.id);
	ask_key(ask, w->store, "hook_dead", t->is.id);
	ask_text(ask, w->holder);
	ask_number(ask, t->version);
	ask_bytes(ask, buf_bytes(&t->done));
	ask_bytes(ask, buf_bytes(&t->again));
	ask_bytes(ask, buf_bytes(&t->dead));
	ask_number(ask, t->streak);
	ask_number(ask, t->ok_ms);
	ask_number(ask, t->next);
	ask_number(ask, t->seen);
	ask_number(ask, t->seen_block);
	ask_number(ask, t->floor);
	ask_bytes(ask, buf_bytes(&w->scratch));
	ask_number(ask, w->is.kept_attempts);
	for (unsigned i = 0; i < t->records_count; i++)
		ask_bytes(ask, buf_bytes(&t->records[i]));
}

static void clear_outbox(struct target *t)
{
	buf_clear(&t->done);
	buf_clear(&t->again);
	buf_clear(&t->dead);
	for (unsigned i = 0; i < t->records_count; i++)
		buf_clear(&t->records[i]);
	t->records_count = 0;
}

void target_stepped(struct hooks *w, struct target *t,
		    const struct bytes *items, size_t count)
{
	uint64_t first;

	(void)w;
	t->stepped_us = metric_now_us();
	clear_outbox(t);
	if (count != 2 || !told_is(&items[0], "OK")) {
		if (count && told_is(&items[0], "LOST"))
			target_forget(t);
		t->stale = true;
		t->fresh_count = 0;
		return;
	}
	first = told_number(&items[1]);
	for (unsigned i = 0; i < t->fresh_count; i++) {
		t->fresh[i].sequence = first + i;
		t->items[t->count++] = t->fresh[i];
	}
	if (t->fresh_count)
		t->quiet_ms = 0;
	t->fresh_count = 0;
	t->next = t->seen;
	t->block = t->seen_block;
}

/* ---- what is next ------------------------------------------------------- */

struct waiting *target_find(struct target *t, uint64_t sequence)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->items[i].sequence == sequence)
			return &t->items[i];
	return NULL;
}

/* A few subjects that share a bit wait for each other: that is only slower. */
enum { SUBJECT_BITS = 2048 };

static bool block_subject(uint64_t bits[SUBJECT_BITS / 64], uint64_t subject)
{
	uint64_t bit = (subject ^ subject >> 32) % SUBJECT_BITS;
	bool was = bits[bit / 64] >> (bit % 64) & 1;

	bits[bit / 64] |= (uint64_t)1 << (bit % 64);
	return was;
}

static bool any_tried(const struct target *t)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->items[i].attempts)
			return true;
	return false;
}

struct waiting *target_pick(struct target *t, uint64_t now_ms)
{
	uint64_t bits[SUBJECT_BITS / 64] = {0}, due = UINT64_MAX;
	bool retries_only = t->streak >= HOOKS_PAUSED_AT && any_tried(t);

	for (unsigned n = 0; n < t->count; n++) {
		struct waiting *i = &t->items[n];

		if (!i->subject && n)
			break; /* only when all before it is delivered */
		if (i->subject && block_subject(bits, i->subject))
			continue;
		if (!i->busy && !(retries_only && !i->attempts)) {
			if (i->due_ms <= now_ms)
				return i;
			if (i->due_ms < due)
				due = i->due_ms;
		}
		if (!i->subject)
			break; /* and nothing overtakes it */
	}
	t->quiet_ms = due;
	return NULL;
}

/* ---- what became of it -------------------------------------------------- */

static void take_out(struct target *t, struct waiting *i)
{
	size_t behind = t->count - (size_t)(i - t->items) - 1;

	memmove(i, i + 1, behind * sizeof *i);
	t->count--;
	t->quiet_ms = 0;
}

void target_delivered(struct target *t, struct waiting *i, uint64_t now_ms)
{
	buf_printf(&t->done, "%" PRIu64 " ", i->sequence);
	take_out(t, i);
	if (t->streak) /* it is back: nothing waits for its next time */
		for (unsigned n = 0; n < t->count; n++)
			t->items[n].due_ms = 0;
	t->streak = 0;
	t->ok_ms = now_ms;
	t->window = t->window * 2;
}

void target_failed(struct target *t, struct waiting *i, uint64_t due_ms)
{
	i->busy = false;
	i->attempts++;
	i->due_ms = due_ms;
	print_item(&t->again, i);
	t->quiet_ms = 0;
	t->streak++;
	t->window = 1;
}

void target_given_up(struct target *t, struct waiting *i)
{
	i->attempts++;
	print_item(&t->dead, i);
	take_out(t, i);
	t->streak++;
	t->window = 1;
}

void target_turn(struct target *t, enum hook_state to, const char *why)
{
	t->turns = true;
	t->turn_to = to;
	snprintf(t->why, sizeof t->why, "%s", why);
	log_info("webhook.turned", "id=%s state=%s why=\"%s\"", t->is.id,
		 state_names[to], why);
}

void target_forget(struct target *t)
{
	t->held = false;
	t->count = t->fresh_count = 0;
	t->turns = false;
	t->window = 1;
}

void target_free(struct target *t)
{
	buf_free(&t->done);
	buf_free(&t->again);
	buf_free(&t->dead);
	for (unsigned i = 0; i < RECORDS_MAX; i++)
		buf_free(&t->records[i]);
	free(t);
}
