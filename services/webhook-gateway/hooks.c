/* The thread: who is alive, which hooks there are, its turns. */
#include "services/webhook-gateway/hooks.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "hook_lua.h"
#include "services/webhook-gateway/hooks_impl.h"

enum {
	WAIT_MS = 100,		    /* a turn, if nothing happens */
	NEWS_US = 500 * 1000,	    /* the log is read, told or not */
	STORE_REST_US = 200 * 1000, /* when Redis doesn't answer */
	BEAT_GOOD_US = (BEAT_TTL_MS - 1000) * 1000,
	PAST_AT_ONCE = 4,
	SCHEDULE_MAX_S = 7 * 86400,
};

static struct metric listed = METRIC(GAUGE, "webhook_registered", "webhooks");
static struct metric held =
	METRIC(GAUGE, "webhook_held", "webhooks that this gateway delivers");
static struct metric waiting = METRIC(GAUGE, "webhook_message_waiting",
				      "messages that wait in the queues of "
				      "webhooks that this gateway delivers");
static struct metric sending =
	METRIC(GAUGE, "webhook_message_sending", "messages on their way");

uint64_t hooks_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum err hooks_schedule(struct hooks_config *config, const char *text)
{
	config->retries_count = 0;
	while (config->retries_count < HOOKS_RETRIES_MAX) {
		char *end;
		unsigned long s;

		if (*text < '0' || *text > '9')
			return ERR_MALFORMED;
		s = strtoul(text, &end, 10);
		if (s > SCHEDULE_MAX_S)
			return ERR_MALFORMED;
		config->retries_s[config->retries_count++] = (unsigned)s;
		if (!*end)
			return ERR_NONE;
		if (*end != ',')
			return ERR_MALFORMED;
		text = end + 1;
	}
	return ERR_MALFORMED;
}

/* ---- who is alive ------------------------------------------------------- */

void hooks_store_lost(struct hooks *w)
{
	w->store_lost_us = metric_now_us();
}

static void on_beat(void *arg, size_t index, const struct bytes *items,
		    size_t count)
{
	struct hooks *w = arg;

	(void)index;
	if (count < 3)
		return;
	if (!told_is(&items[0], "1")) /* others may have taken ours */
		for (struct target *t = w->targets; t; t = t->after)
			t->stale = true;
	if (told_number(&items[1]) != w->version)
		atomic_store(&w->changed, true);
	w->gateways_count = 0;
	for (size_t i = 2; i < count && w->gateways_count < GATEWAYS_MAX; i++)
		told_text(w->gateways[w->gateways_count++], HOLDER_ROOM,
			  &items[i]);
}

static void beat(struct hooks *w)
{
	uint64_t began = metric_now_us();
	struct store_ask ask;

	w->beat_us = began;
	ask_begin_call(&ask, "kalypso_hook_beat", 2);
	ask_key(&ask, w->store, "hook_gateways", "");
	ask_key(&ask, w->store, "hooks", "");
	ask_text(&ask, w->is.instance);
	ask_text(&ask, w->holder);
	ask_number(&ask, BEAT_TTL_MS);
	if (store_ask_send(w->store, &ask) ||
	    store_ask_wait(w->store, on_beat, w))
		hooks_store_lost(w);
	else
		w->beat_ok_us = began;
}

/* Whether nobody can have taken ours. */
static bool is_alive(const struct hooks *w)
{
	return w->beat_ok_us &&
	       metric_now_us() - w->beat_ok_us < (uint64_t)BEAT_GOOD_US;
}

/* ---- the list of hooks -------------------------------------------------- */

static struct target *find_target(struct hooks *w, const char *id)
{
	struct target *t = w->targets;

	while (t && strcmp(t->is.id, id) != 0)
		t = t->after;
	return t;
}

static void take_record(struct hooks *w, const char *id,
			const struct bytes *record)
{
	struct target *t = find_target(w, id);
	struct hook hook;
	enum err e = hook_load(&hook, id, *record, w->is.seal);

	if (e) {
		log_error("webhook.unreadable",
			  "id=%s err=%s text=\"%s; it isn't delivered\"", id,
			  err_name(e),
			  e == ERR_SIGNATURE
				  ? "its secrets were sealed under another "
				    "--webhook-key"
				  : "its record is none");
		return;
	}
	if (!t) {
		t = calloc(1, sizeof *t);
		if (!t)
			return;
		t->window = 1;
		t->after = w->targets;
		w->targets = t;
	}
	t->is = hook;
	t->listed = true;
	t->stale = true;
}

static void on_list(void *arg, size_t index, const struct bytes *items,
		    size_t count)
{
	struct hooks *w = arg;
	char id[HOOK_ID_ROOM];

	(void)index;
	for (struct target *t = w->targets; t; t = t->after)
		t->listed = false;
	for (size_t i = 0; i + 1 < count; i += 2) {
		if (told_is(&items[i], "#"))
			w->version = told_number(&items[i + 1]);
		else if (*told_text(id, sizeof id, &items[i]))
			take_record(w, id, &items[i + 1]);
	}
}

/* Those that are gone go when nothing of theirs is on its way. */
static void sweep(struct hooks *w)
{
	struct target **link = &w->targets;

	w->targets_count = 0;
	while (*link) {
		struct target *t = *link;

		if (t->listed || t->sending) {
			if (!t->listed)
				target_forget(t);
			w->targets_count++;
			link = &t->after;
			continue;
		}
		*link = t->after;
		target_free(t);
	}
}

static void list(struct hooks *w)
{
	struct store_ask ask;
	char none[1] = "";

	atomic_store(&w->changed, false);
	ask_begin(&ask, "HGETALL");
	ask_key(&ask, w->store, "hooks", none);
	if (store_ask_send(w->store, &ask) ||
	    store_ask_wait(w->store, on_list, w)) {
		atomic_store(&w->changed, true);
		hooks_store_lost(w);
		return;
	}
	sweep(w);
}

/* ---- turns -------------------------------------------------------------- */

static void read_news(struct hooks *w)
{
	uint64_t now = metric_now_us();
	bool more = false;
	enum err e;

	if (!atomic_exchange(&w->news_due, false) && now - w->news_us < NEWS_US)
		return;
	w->news_us = now;
	e = hook_news_read(w->news, &more);
	if (e == ERR_UNREACHABLE)
		hooks_store_lost(w);
	if (more || e)
		atomic_store(&w->news_due, true);
}

/* Those far behind cost a round trip each: a few at a time. */
static void look(struct hooks *w)
{
	unsigned past = 0;

	for (struct target *t = w->targets; t; t = t->after) {
		if (target_has_room(t) && hook_news_is_past(w->news, t->seen) &&
		    past++ >= PAST_AT_ONCE) {
			w->not_all = true;
			continue;
		}
		if (target_look(w, t) == ERR_UNREACHABLE) {
			hooks_store_lost(w);
			return;
		}
	}
}

/* The first becomes the last. */
static void rotate(struct hooks *w)
{
	struct target *first = w->targets, *last = first;

	w->not_all = false;
	if (!first || !first->after)
		return;
	while (last->after)
		last = last->after;
	w->targets = first->after;
	first->after = NULL;
	last->after = first;
}

static void count(struct hooks *w)
{
	uint64_t n_held = 0, n_waiting = 0;

	for (const struct target *t = w->targets; t; t = t->after) {
		n_held += t->held;
		n_waiting += t->count;
	}
	atomic_store(&w->n_hooks, w->targets_count);
	atomic_store(&w->n_held, n_held);
	atomic_store(&w->n_waiting, n_waiting);
	atomic_store(&w->n_sending, w->sending);
	metric_set(&listed, (int64_t)w->targets_count);
	metric_set(&held, (int64_t)n_held);
	metric_set(&waiting, (int64_t)n_waiting);
	metric_set(&sending, w->sending);
}

/* Whether a message could go at once: then the next turn doesn't wait. */
static bool is_dirty(const struct hooks *w)
{
	uint64_t now_us = metric_now_us();

	for (const struct target *t = w->targets; t; t = t->after)
		if (target_is_dirty(t, now_us) ||
		    (target_has_room(t) && t->seen < hook_news_end(w->news)) ||
		    (t->held && (t->turns || t->stale)))
			return true;
	return false;
}

static void turn(struct hooks *w)
{
	uint64_t now = metric_now_us();

	if (now - w->store_lost_us < STORE_REST_US && w->store_lost_us)
		return;
	w->store_lost_us = 0;
	if (now - w->beat_us > BEAT_US || atomic_load(&w->changed))
		beat(w);
	if (w->store_lost_us || !is_alive(w))
		return;
	if (atomic_load(&w->changed))
		list(w);
	read_news(w);
	look(w);
	if (!w->store_lost_us)
		hooks_settle(w);
	if (is_alive(w))
		hooks_send(w);
	if (w->not_all)
		rotate(w);
	count(w);
}

static void *run(void *arg)
{
	struct hooks *w = arg;

	while (!atomic_load(&w->stopping)) {
		bool at_once = !w->store_lost_us &&
			       (atomic_load(&w->news_due) || is_dirty(w));

		post_turn(w->post, at_once ? 0 : WAIT_MS);
		turn(w);
	}
	return NULL;
}

/* ---- life --------------------------------------------------------------- */

static void register_metrics(void)
{
	metric_register(&hooks_delivered);
	metric_register(&hooks_failed);
	metric_register(&hooks_dropped);
	metric_register(&hooks_disabled);
	metric_register(&hooks_took);
	metric_register(&listed);
	metric_register(&held);
	metric_register(&waiting);
	metric_register(&sending);
}

static enum err build(struct hooks *w)
{
	const struct hooks_config *c = &w->is;
	uint64_t token = 0;
	enum err e = guard_new(&w->guard, c->allow);

	if (e == ERR_MALFORMED) {
		log_error("config.webhook_allow",
			  "allow=\"%s\" text=\"it takes comma-separated "
			  "ADDRESS/BITS without bits set behind them\"",
			  c->allow);
		return ERR_CONFIG;
	}
	if (!e && sodium_init() < 0)
		e = ERR_NO_MEMORY;
	if (!e)
		e = store_open(&w->store, c->redis, c->name, c->password,
			       c->store_timeout_ms);
	if (e)
		return e;
	hooks_use(w->store);
	randombytes_buf(&token, sizeof token);
	snprintf(w->holder, sizeof w->holder, "%.32s:%016" PRIx64, c->instance,
		 token);
	e = post_new(&w->post, w->guard, c->all_max);
	if (!e)
		e = hook_news_new(&w->news, w->store, c->base);
	return e;
}

enum err hooks_start(struct hooks **out, const struct hooks_config *config)
{
	struct hooks *w = calloc(1, sizeof *w);
	enum err e;

	*out = w;
	if (!w)
		return ERR_NO_MEMORY;
	register_metrics();
	w->is = *config;
	w->changed = w->news_due = true;
	e = build(w);
	if (!e && pthread_create(&w->thread, NULL, run, w))
		e = ERR_NO_MEMORY;
	w->started = !e;
	if (e)
		hooks_stop(out);
	return e;
}

/* What is noted is written, then others may have the hooks at once. */
static void leave(struct hooks *w)
{
	struct store_ask a;

	hooks_settle(w);
	ask_begin_call(&a, "kalypso_hook_leave", 1);
	ask_key(&a, w->store, "hook_gateways", "");
	ask_text(&a, w->holder);
	if (store_ask_send(w->store, &a) ||
	    store_ask_wait(w->store, on_beat, w))
		return; /* they will see that it doesn't beat */
}

void hooks_stop(struct hooks **hooks)
{
	struct hooks *w = *hooks;

	if (!w)
		return;
	atomic_store(&w->stopping, true);
	if (w->started) {
		post_wake(w->post);
		pthread_join(w->thread, NULL);
		leave(w);
	}
	post_free(&w->post);
	hooks_forget_sent(w);
	while (w->targets) {
		struct target *t = w->targets;

		w->targets = t->after;
		target_free(t);
	}
	hook_news_free(&w->news);
	buf_free(&w->scratch);
	guard_free(&w->guard);
	store_close(&w->store);
	free(w);
	*hooks = NULL;
}

void hooks_news(struct hooks *hooks)
{
	if (!atomic_exchange(&hooks->news_due, true))
		post_wake(hooks->post);
}

void hooks_changed(struct hooks *hooks)
{
	atomic_store(&hooks->changed, true);
	post_wake(hooks->post);
}

void hooks_use(struct store *store)
{
	store_add_functions(store, hook_lua);
}

struct hooks_numbers hooks_numbers(const struct hooks *w)
{
	return (struct hooks_numbers){.hooks = atomic_load(&w->n_hooks),
				      .held = atomic_load(&w->n_held),
				      .waiting = atomic_load(&w->n_waiting),
				      .sending = atomic_load(&w->n_sending)};
}
