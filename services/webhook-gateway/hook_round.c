/* Which hooks are ours, and one round trip to Redis a turn for all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/map.h"
#include "services/webhook-gateway/hooks_impl.h"

enum {
	CLAIM_US = 1000 * 1000, /* one that is held is asked for again */
	ASKS_MAX = 512,		/* in one round trip */
};

/* ---- whose hooks -------------------------------------------------------- */

/* Rendezvous hashing: the gateway with the highest number has the hook; when
 * one comes or goes, only what is its own moves. */
static bool is_ours(const struct hooks *w, const struct target *t)
{
	uint64_t best = 0;
	const char *who = NULL;

	for (unsigned i = 0; i < w->gateways_count; i++) {
		char text[HOLDER_ROOM + HOOK_ID_ROOM];
		uint64_t hash;

		snprintf(text, sizeof text, "%s%.*s", t->is.id,
			 (int)strcspn(w->gateways[i], ":"), w->gateways[i]);
		hash = map_hash_bytes(text, strlen(text));
		if (!who || hash > best) {
			best = hash;
			who = w->gateways[i];
		}
	}
	return who && strcmp(who, w->holder) == 0;
}

/* ---- a turn's round trip ------------------------------------------------ */

enum asked { ASKED_CLAIM, ASKED_STEP, ASKED_TURN, ASKED_RELEASE };

struct round {
	struct hooks *hooks;
	struct {
		struct target *target;
		enum asked what;
	} asks[ASKS_MAX];
	size_t count;
	bool failed;
};

static bool room(const struct round *r)
{
	return r->count + 4 < ASKS_MAX && !r->failed;
}

static void ask(struct round *r, const struct store_ask *a, struct target *t,
		enum asked what)
{
	if (store_ask_send(r->hooks->store, a)) {
		r->failed = true;
		return;
	}
	r->asks[r->count].target = t;
	r->asks[r->count++].what = what;
}

static void ask_claim(struct round *r, struct target *t)
{
	struct hooks *w = r->hooks;
	struct store_ask a;

	t->claimed_us = metric_now_us();
	ask_begin_call(&a, "kalypso_hook_claim", 4);
	ask_key(&a, w->store, "hooks", "");
	ask_key(&a, w->store, "hook", t->is.id);
	ask_key(&a, w->store, "hook_queue", t->is.id);
	ask_key(&a, w->store, "hook_gateways", "");
	ask_text(&a, w->holder);
	ask_text(&a, t->is.id);
	ask_number(&a, w->is.epoch);
	ask_number(&a, 1);
	ask(r, &a, t, ASKED_CLAIM);
}

static void ask_turn(struct round *r, struct target *t)
{
	static const char *const names[] = {"unverified", "active", "disabled"};
	struct hooks *w = r->hooks;
	struct store_ask a;

	ask_begin_call(&a, "kalypso_hook_turn", 3);
	ask_key(&a, w->store, "hooks", "");
	ask_key(&a, w->store, "hook", t->is.id);
	ask_key(&a, w->store, "hook_queue", t->is.id);
	ask_text(&a, w->holder);
	ask_number(&a, t->version);
	ask_text(&a, names[t->turn_to]);
	ask_text(&a, t->why);
	ask_number(&a, t->turn_to == STATE_UNVERIFIED ? t->tries : 0);
	ask_number(&a, t->turn_to == STATE_UNVERIFIED ? t->due_ms : 0);
	ask(r, &a, t, ASKED_TURN);
}

static void ask_release(struct round *r, struct target *t)
{
	struct store_ask a;

	ask_begin_call(&a, "kalypso_hook_release", 1);
	ask_key(&a, r->hooks->store, "hook", t->is.id);
	ask_text(&a, r->hooks->holder);
	ask(r, &a, t, ASKED_RELEASE);
}

static void ask_for(struct round *r, struct target *t, uint64_t now_us)
{
	struct hooks *w = r->hooks;
	bool ours = t->listed && is_ours(w, t);

	if (target_is_dirty(t, now_us)) {
		struct store_ask a;

		target_ask_step(w, t, &a);
		ask(r, &a, t, ASKED_STEP);
		return;
	}
	if (t->held && t->turns) {
		ask_turn(r, t);
	} else if (t->held && t->listed && t->stale) {
		ask_claim(r, t);
	} else if (!t->held && ours && now_us - t->claimed_us > CLAIM_US) {
		ask_claim(r, t);
	} else if (t->held && !ours && !t->sending && t->listed) {
		ask_release(r, t);
		target_forget(t);
	}
}

static void on_told(void *arg, size_t index, const struct bytes *items,
		    size_t count)
{
	struct round *r = arg;
	struct target *t = r->asks[index].target;

	switch (r->asks[index].what) {
	case ASKED_CLAIM:
		target_take_row(t, items, count);
		return;
	case ASKED_STEP:
		target_stepped(r->hooks, t, items, count);
		return;
	case ASKED_TURN:
		t->turns = false;
		t->stale = true;
		return;
	case ASKED_RELEASE:
		return;
	}
}

/* Nobody knows what was done: what was noted is noted again (that is harmless),
 * and where the rest stands is read again. */
static void distrust(struct round *r)
{
	for (size_t i = 0; i < r->count; i++)
		r->asks[i].target->stale = true;
	hooks_store_lost(r->hooks);
}

void hooks_settle(struct hooks *w)
{
	uint64_t now_us = metric_now_us();
	struct round *r = calloc(1, sizeof *r);

	if (!r)
		return;
	r->hooks = w;
	for (struct target *t = w->targets; t && room(r); t = t->after)
		ask_for(r, t, now_us);
	w->not_all = w->not_all || !room(r);
	if (store_ask_wait(w->store, on_told, r) || r->failed)
		distrust(r);
	free(r);
}
