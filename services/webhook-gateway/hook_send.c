/* Messages: made, signed, sent, and what their answers mean. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "services/webhook-gateway/hooks_impl.h"

enum {
	ANSWER_MAX = 16 * 1024,
	BYTES_MAX = 64 << 20,	   /* of messages on their way */
	RETRY_AFTER_MAX_S = 86400, /* what a receiver may ask for */
	CHALLENGE_SIZE = 24,
	CHALLENGE_ROOM = 2 * CHALLENGE_SIZE + 1,
};

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

/* A message on its way. */
struct sent {
	struct hooks *hooks;
	struct target *target;
	enum hook_type type;
	struct waiting item; /* as it was; sequence 0: it isn't of the queue */
	uint64_t at;	     /* unix s */
	size_t size;
	char challenge[CHALLENGE_ROOM];
	struct sent *next, **link; /* all that are on their way */
};

/* ---- making ------------------------------------------------------------- */

/* The rest of a message behind its type and data. */
static void end_message(struct hooks *w, struct buf *body, const char *id,
			const struct waiting *i, uint64_t time)
{
	struct doc d = {body, true};

	doc_time(&d, "timestamp", (struct unix_s){time});
	doc_text(&d, "id", id);
	if (i->sequence)
		doc_count(&d, "sequence", i->sequence);
	else
		doc_null(&d, "sequence");
	doc_id(&d, "epoch", w->is.epoch);
	doc_text(&d, "log", "book");
	if (i->seq)
		doc_count(&d, "seq", i->seq);
	else
		doc_null(&d, "seq");
	doc_end(&d);
}

static void drop(struct sent *s)
{
	struct target *t = s->target;

	s->hooks->sending--;
	s->hooks->sending_bytes -= s->size;
	t->sending--;
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	free(s);
}

void hooks_forget_sent(struct hooks *w)
{
	while (w->sent)
		drop(w->sent);
}

static void on_answer(void *arg, const struct post_answer *a);

/* Sign @body and send it. ERR_NO_MEMORY: nothing was sent. */
static enum err send_signed(struct hooks *w, struct target *t, struct sent *s,
			    const char *id, const struct buf *body)
{
	char id_line[128], time_line[64];
	struct buf signature = {0};
	const char *headers[] = {id_line, time_line, NULL,
				 "User-Agent: Kalypso-Webhooks/1"};
	struct post_request r = {.url = t->is.url,
				 .headers = headers,
				 .headers_count = 4,
				 .body = buf_bytes(body),
				 .timeout_ms = w->is.timeout_ms,
				 .answer_max = ANSWER_MAX};
	struct buf line = {0};
	enum err e;

	*s = (struct sent){.hooks = w,
			   .target = t,
			   .type = s->type,
			   .item = s->item,
			   .at = hooks_now_ms() / 1000,
			   .size = body->size};
	hook_sign(&signature, &t->is, id, s->at, r.body);
	snprintf(id_line, sizeof id_line, "webhook-id: %s", id);
	snprintf(time_line, sizeof time_line, "webhook-timestamp: %" PRIu64,
		 s->at);
	buf_printf(&line, "webhook-signature: %s", buf_text(&signature));
	headers[2] = buf_text(&line);
	e = buf_failed(&signature) || buf_failed(&line) ? ERR_NO_MEMORY
							: ERR_NONE;
	if (!e)
		e = post_send(w->post, &r, on_answer, s);
	buf_free(&signature);
	buf_free(&line);
	if (e)
		return e;
	s->next = w->sent;
	s->link = &w->sent;
	if (s->next)
		s->next->link = &s->next;
	w->sent = s;
	w->sending++;
	w->sending_bytes += s->size;
	t->sending++;
	return ERR_NONE;
}

static struct sent *new_sent(enum hook_type type, const struct waiting *i)
{
	struct sent *s = calloc(1, sizeof *s);

	if (s) {
		s->type = type;
		if (i)
			s->item = *i;
	}
	return s;
}

/* ---- notes of attempts -------------------------------------------------- */

static void note(struct target *t, const struct sent *s,
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

/* Its owner is told, once, if the receiver still listens. */
static void send_farewell(struct hooks *w, struct target *t, const char *why)
{
	struct buf body = {0};
	struct waiting none = {.sequence = 0};
	struct doc d = {&body, false};
	struct sent *s = new_sent(HOOK_DISABLED, NULL);
	char id[80];

	doc_object(&d, NULL);
	doc_text(&d, "type", hook_type_name(HOOK_DISABLED));
	doc_object(&d, "data");
	doc_text(&d, "webhook", t->is.id);
	doc_text(&d, "why", why);
	doc_end(&d);
	snprintf(id, sizeof id, "off_%s_%" PRIu64, t->is.id, hooks_now_ms());
	end_message(w, &body, id, &none, hooks_now_ms() / 1000);
	if (!s || buf_failed(&body) || send_signed(w, t, s, id, &body))
		free(s);
	buf_free(&body);
}

static void disable(struct hooks *w, struct target *t, const char *why,
		    bool tell)
{
	if (t->turns)
		return;
	metric_add(&hooks_disabled, 1);
	target_turn(t, STATE_DISABLED, why);
	if (tell)
		send_farewell(w, t, why);
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
		note(t, s, a, "given_up", error, 0);
		target_given_up(t, i);
		if (t->streak > w->is.retries_count)
			disable(w, t, "nothing was delivered in all attempts",
				true);
		return;
	}
	due = next_time(w, i->attempts + 1, a->retry_after_s);
	note(t, s, a, "failed", error, due);
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
	note(t, s, a, "delivered", NULL, 0);
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
		note(t, s, a, "delivered", NULL, 0);
		target_turn(t, STATE_ACTIVE, "");
		return;
	}
	if (!is_good(a))
		error = error_of(a, text);
	metric_add(&hooks_failed, 1);
	t->tries++;
	if (t->tries > w->is.retries_count) {
		note(t, s, a, "given_up", error, 0);
		disable(w, t, "it never answered the challenge", false);
		return;
	}
	t->due_ms = next_time(w, t->tries, a->retry_after_s);
	note(t, s, a, "failed", error, t->due_ms);
	target_turn(t, STATE_UNVERIFIED, error);
}

static void on_answer(void *arg, const struct post_answer *a)
{
	struct sent *s = arg;

	metric_observe_us(&hooks_took, (uint64_t)a->took_ms * 1000);
	if (s->type == HOOK_CHALLENGE)
		on_challenge_answer(s, a);
	else if (s->type != HOOK_DISABLED)
		on_message_answer(s, a);
	drop(s);
}

/* ---- sending ------------------------------------------------------------ */

static void send_challenge(struct hooks *w, struct target *t)
{
	struct waiting none = {.sequence = 0};
	struct sent *s = new_sent(HOOK_CHALLENGE, NULL);
	uint8_t bytes[CHALLENGE_SIZE];
	char challenge[CHALLENGE_ROOM], id[80];
	struct buf body = {0};
	struct doc d = {&body, false};

	randombytes_buf(bytes, sizeof bytes);
	sodium_bin2hex(challenge, sizeof challenge, bytes, sizeof bytes);
	doc_object(&d, NULL);
	doc_text(&d, "type", hook_type_name(HOOK_CHALLENGE));
	doc_object(&d, "data");
	doc_text(&d, "webhook", t->is.id);
	doc_text(&d, "challenge", challenge);
	doc_end(&d);
	snprintf(id, sizeof id, "ask_%.16s", challenge);
	end_message(w, &body, id, &none, hooks_now_ms() / 1000);
	if (!s || buf_failed(&body) || send_signed(w, t, s, id, &body)) {
		free(s);
	} else {
		memcpy(s->challenge, challenge, sizeof challenge);
		t->asking = true;
	}
	buf_free(&body);
}

static void give_up_lost(struct target *t, struct waiting *i)
{
	struct sent s = {.item = *i, .at = hooks_now_ms() / 1000};
	uint64_t streak = t->streak;

	metric_add(&hooks_dropped, 1);
	note(t, &s, NULL, "given_up", "the log doesn't hold it any more", 0);
	target_given_up(t, i);
	t->streak = streak; /* the receiver can't help it */
}

/* What waits as @i. False: not now. */
static bool send_message(struct hooks *w, struct target *t, struct waiting *i)
{
	static const char test[] =
		"\"type\":\"webhook.test\",\"data\":{\"text\":\"A test: "
		"messages reach this endpoint.\"}";
	struct bytes text = {(const uint8_t *)test, sizeof test - 1};
	enum hook_type type = HOOK_TEST;
	struct buf body = {0};
	struct sent *s;
	char id[96];
	enum err e = ERR_NONE;

	if (i->seq)
		e = hook_news_text(w->news, i->seq, &type, &text);
	if (e == ERR_NOT_FOUND || e == ERR_MALFORMED) {
		give_up_lost(t, i);
		return true;
	}
	if (e)
		return false;
	if (i->seq)
		snprintf(id, sizeof id, "book_%" PRIx64 "_%" PRIu64,
			 w->is.epoch, i->seq);
	else
		snprintf(id, sizeof id, "test_%s_%" PRIu64, t->is.id,
			 i->sequence);
	s = new_sent(type, i);
	buf_put_u8(&body, '{');
	buf_put(&body, text.data, text.size);
	end_message(w, &body, id, i, i->time);
	i->busy = s && !buf_failed(&body) && !send_signed(w, t, s, id, &body);
	if (!i->busy)
		free(s);
	buf_free(&body);
	return i->busy;
}

/* One message of @t; false: it has none that may go now. */
static bool send_one(struct hooks *w, struct target *t, uint64_t now_ms)
{
	struct waiting *i;

	if (!t->held || t->stale || t->turns || t->state == STATE_DISABLED)
		return false;
	if (t->records_count + t->sending + 2 >= RECORDS_MAX)
		return false; /* Redis hasn't taken them */
	if (t->state == STATE_UNVERIFIED) {
		if (!t->asking && t->due_ms <= now_ms)
			send_challenge(w, t);
		return false;
	}
	if (t->sending >= t->window || t->quiet_ms > now_ms)
		return false;
	i = target_pick(t, now_ms);
	return i && send_message(w, t, i);
}

void hooks_send(struct hooks *w)
{
	uint64_t now_ms = hooks_now_ms();
	bool any = true;

	/* In turn, one each, so that nobody waits for another's many. */
	while (any) {
		any = false;
		for (struct target *t = w->targets; t; t = t->after) {
			/* Those who don't answer get half of the places. */
			unsigned most =
				t->streak ? w->is.all_max / 2 : w->is.all_max;

			if (w->sending >= most ||
			    w->sending_bytes > BYTES_MAX) {
				w->not_all = true;
				continue;
			}
			any = send_one(w, t, now_ms) || any;
		}
	}
}
