/* What became of messages: notes of attempts, retries, dead letters, and when a
 * hook is disabled. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "services/webhook-gateway/hooks_impl.h"

enum { RETRY_AFTER_MAX_S = 86400 }; /* what a receiver may ask for */

struct metric hooks_delivered = METRIC(COUNTER, "webhook_delivered_total",
				       "messages that a receiver took");
struct metric hooks_failed =
	METRIC(COUNTER, "webhook_failed_total", "attempts that failed");
struct metric hooks_dropped = METRIC(COUNTER, "webhook_dropped_total",
				     "messages given up: dead letters");
struct metric hooks_disabled =
	METRIC(COUNTER, "webhook_disabled_total", "webhooks disabled");
struct metric hooks_took = METRIC(HISTOGRAM, "webhook_attempt_seconds",
				  "time of an attempt, answered or not");

/* ---- notes of attempts -------------------------------------------------- */

void target_note(struct target *t, const struct sent *s,
		 const struct post_answer *a, const char *outcome,
		 const char *error, uint64_t due_ms)
{
	struct buf *out;
	struct doc d = {NULL, false};

	if (t->records_count == RECORDS_MAX)
		return;
	out = &t->records[t->records_count++];
	buf_clear(out);
	d.out = out;
	doc_object(&d, NULL);
	doc_count(&d, "sequence", s->item.sequence);
	doc_count(&d, "seq", s->item.seq);
	if (a)
		doc_text(&d, "event", hook_type_name(s->type));
	else
		doc_null(&d, "event");
	doc_count(&d, "attempt", s->item.attempts + 1);
	doc_time(&d, "at", (struct unix_s){s->at});
	doc_text(&d, "outcome", outcome);
	if (a && a->status)
		doc_count(&d, "status", a->status);
	else
		doc_null(&d, "status");
	if (a)
		doc_count(&d, "took_ms", a->took_ms);
	else
		doc_null(&d, "took_ms");
	if (a && a->address[0])
		doc_text(&d, "address", a->address);
	else
		doc_null(&d, "address");
	if (error)
		doc_text(&d, "error", error);
	else
		doc_null(&d, "error");
	if (due_ms)
		doc_time(&d, "next", (struct unix_s){due_ms / 1000});
	else
		doc_null(&d, "next");
	doc_end(&d);
	if (buf_failed(out))
		buf_free(out);
}

/* ---- answers ------------------------------------------------------------ */

static bool is_good(const struct post_answer *a)
{
	return !a->err && a->status >= 200 && a->status < 300;
}

/* What is wrong with it, for people. */
static const char *error_of(const struct post_answer *a, char text[64])
{
	if (a->err)
		return a->text;
	if (a->status >= 300 && a->status < 400)
		return "redirects are not followed";
	snprintf(text, 64, "answered with status %u", a->status);
	return text;
}

/* When to try again after @attempts that failed; a tenth earlier or later. */
static uint64_t next_time(const struct hooks *w, uint64_t attempts,
			  uint64_t asked_s)
{
	uint64_t s = w->is.retries_s[attempts - 1];
	uint64_t ms = s * 1000;

	if (ms >= 10)
		ms += randombytes_uniform((uint32_t)(ms / 5)) - ms / 10;
	if (asked_s > RETRY_AFTER_MAX_S)
		asked_s = RETRY_AFTER_MAX_S;
	if (asked_s * 1000 > ms)
		ms = asked_s * 1000;
	return hooks_now_ms() + ms;
}

static void disable(struct hooks *w, struct target *t, const char *why,
		    bool tell)
{
	if (t->turns)
		return;
	metric_add(&hooks_disabled, 1);
	target_turn(t, STATE_DISABLED, why);
	if (tell)
		hooks_send_farewell(w, t, why);
}

static void on_failure(struct hooks *w, struct target *t, struct sent *s,
		       struct waiting *i, const struct post_answer *a)
{
	char text[64];
	const char *error = error_of(a, text);
	uint64_t due;

	metric_add(&hooks_failed, 1);
	if (i->attempts + 1 > w->is.retries_count) {
		metric_add(&hooks_dropped, 1);
		target_note(t, s, a, "given_up", error, 0);
		target_given_up(t, i);
		if (t->streak > w->is.retries_count)
			disable(w, t, "nothing was delivered in all attempts",
				true);
		return;
	}
	due = next_time(w, i->attempts + 1, a->retry_after_s);
	target_note(t, s, a, "failed", error, due);
	target_failed(t, i, due);
	if (!a->err && a->status == 410)
		disable(w, t, "it answered 410 Gone", false);
}

static void on_message_answer(struct sent *s, const struct post_answer *a)
{
	struct hooks *w = s->hooks;
	struct target *t = s->target;
	struct waiting *i = target_find(t, s->item.sequence);

	if (!i) {
		/* Somebody else has it, or reads it anew: if it was delivered
		 * it needn't be again. */
		if (is_good(a))
			buf_printf(&t->done, "%" PRIu64 " ", s->item.sequence);
		return;
	}
	if (!is_good(a)) {
		on_failure(w, t, s, i, a);
		return;
	}
	metric_add(&hooks_delivered, 1);
	target_note(t, s, a, "delivered", NULL, 0);
	target_delivered(t, i, hooks_now_ms());
	if (t->window > w->is.one_max)
		t->window = w->is.one_max;
}

/* The text itself, or a JSON object that has it as "challenge". */
static bool has_challenge(struct bytes body, const char *challenge)
{
	size_t size = strlen(challenge);
	json_t *root;
	const char *text;
	bool has;

	while (body.size && body.data[body.size - 1] <= ' ')
		body.size--;
	while (body.size && body.data[0] <= ' ') {
		body.data++;
		body.size--;
	}
	if (body.size == size && memcmp(body.data, challenge, size) == 0)
		return true;
	root = json_loadb((const char *)body.data, body.size, 0, NULL);
	text = json_string_value(json_object_get(root, "challenge"));
	has = text && strcmp(text, challenge) == 0;
	json_decref(root);
	return has;
}

static void on_challenge_answer(struct sent *s, const struct post_answer *a)
{
	struct hooks *w = s->hooks;
	struct target *t = s->target;
	char text[64];
	const char *error = "the answer doesn't repeat the challenge";

	t->asking = false;
	if (!t->held || t->state != STATE_UNVERIFIED || t->turns)
		return;
	if (is_good(a) && has_challenge(a->body, s->challenge)) {
		target_note(t, s, a, "delivered", NULL, 0);
		target_turn(t, STATE_ACTIVE, "");
		return;
	}
	if (!is_good(a))
		error = error_of(a, text);
	metric_add(&hooks_failed, 1);
	t->tries++;
	if (t->tries > w->is.retries_count) {
		target_note(t, s, a, "given_up", error, 0);
		disable(w, t, "it never answered the challenge", false);
		return;
	}
	t->due_ms = next_time(w, t->tries, a->retry_after_s);
	target_note(t, s, a, "failed", error, t->due_ms);
	target_turn(t, STATE_UNVERIFIED, error);
}

void sent_answered(void *arg, const struct post_answer *a)
{
	struct sent *s = arg;

	metric_observe_us(&hooks_took, (uint64_t)a->took_ms * 1000);
	if (s->type == HOOK_CHALLENGE)
		on_challenge_answer(s, a);
	else if (s->type != HOOK_DISABLED)
		on_message_answer(s, a);
	sent_drop(s);
}
