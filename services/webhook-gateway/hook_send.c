/* Messages: made, signed, and sent in turn. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/trace.h"
#include "services/webhook-gateway/hooks_impl.h"

enum {
	ANSWER_MAX = 16 * 1024,
	BYTES_MAX = 64 << 20, /* of messages on their way */
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

void sent_drop(struct sent *s)
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
		sent_drop(w->sent);
}

/* Sign @body, which is of request @request_id (0: of none), and send it.
 * ERR_NO_MEMORY: nothing was sent. */
static enum err send_signed(struct hooks *w, struct target *t, struct sent *s,
			    const char *id, uint64_t request_id,
			    const struct buf *body)
{
	char id_line[128], time_line[64];
	char trace_line[TRACE_PARENT_ROOM + 16], parent[TRACE_PARENT_ROOM] = "";
	struct buf signature = {0};
	const char *headers[] = {id_line, time_line, NULL,
				 "User-Agent: Kalypso-Webhooks/1", trace_line};
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
	if (request_id && *trace_parent(parent, request_id))
		r.headers_count++;
	snprintf(trace_line, sizeof trace_line, "traceparent: %s", parent);
	buf_printf(&line, "webhook-signature: %s", buf_text(&signature));
	headers[2] = buf_text(&line);
	e = buf_failed(&signature) || buf_failed(&line) ? ERR_NO_MEMORY
							: ERR_NONE;
	if (!e)
		e = post_send(w->post, &r, sent_answered, s);
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

void hooks_send_farewell(struct hooks *w, struct target *t, const char *why)
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
	if (!s || buf_failed(&body) || send_signed(w, t, s, id, 0, &body))
		free(s);
	buf_free(&body);
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
	if (!s || buf_failed(&body) || send_signed(w, t, s, id, 0, &body)) {
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
	target_note(t, &s, NULL, "given_up", "the log doesn't hold it any more",
		    0);
	target_given_up(t, i);
	t->streak = streak; /* the receiver can't help it */
}

/* What waits as @i. False: not now. */
static bool send_message(struct hooks *w, struct target *t, struct waiting *i)
{
	static const char test[] =
		"\"type\":\"webhook.test\",\"data\":{\"text\":\"A test: "
		"messages reach this endpoint.\"}";
	struct hook_text told = {
		HOOK_TEST, 0, {(const uint8_t *)test, sizeof test - 1}};
	struct buf body = {0};
	struct sent *s;
	char id[96];
	enum err e = ERR_NONE;

	if (i->seq)
		e = hook_news_text(w->news, i->seq, &told);
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
	s = new_sent(told.type, i);
	buf_put_u8(&body, '{');
	buf_put(&body, told.text.data, told.text.size);
	end_message(w, &body, id, i, i->time);
	i->busy = s && !buf_failed(&body) &&
		  !send_signed(w, t, s, id, told.request_id, &body);
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
