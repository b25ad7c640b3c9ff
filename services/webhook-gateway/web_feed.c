/* The feed on a connection: what a client says, what it is sent. */
#include <string.h>

#include "common/scan.h"
#include "services/webhook-gateway/entry.h"
#include "services/webhook-gateway/pack.h"
#include "services/webhook-gateway/web_impl.h"

enum {
	SUBSCRIBE_S = 10,    /* a client has so long to say what it wants */
	CLOSING_S = 5,	     /* and so long to take the reason of its end */
	FRAMES_AT_ONCE = 32, /* others wait meanwhile */
	REPLAY_ENTRIES = 32, /* an entry may have a megabyte */
	PRINT_CHUNK = 32 * 1024,
	STORE_REST_US = 500 * 1000,
};

/* ---- coming and going --------------------------------------------------- */

/* An HTTP request wants to become something else; there is no session yet. */
static int on_upgrade(struct lws *wsi, const char *to)
{
	struct session refused = {.closes = true};
	struct web *w = web_of(wsi);
	char path[64];

	if (strcmp(to, "websocket") != 0) /* h2c is none of ours */
		return -1;
	if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) < 0 ||
	    strcmp(path, API_FEED_PATH) != 0)
		api_problem(&refused.answer, 404, "Not found",
			    "the websocket is at " API_FEED_PATH);
	else if (!atomic_load(&w->ready))
		api_problem(&refused.answer, 503, "Not yet",
			    "the gateway is still reading the logs: try again "
			    "in a second");
	else if (w->clients.count >= w->is.clients_max)
		api_problem(&refused.answer, 503, "Too many clients",
			    "try again later, or another gateway");
	else
		return 0;
	metric_add(&web_refused, 1);
	return web_send_at_once(wsi, &refused) ? -1 : 1;
}

static int on_established(struct lws *wsi, struct session *s)
{
	struct web *w = web_of(wsi);

	web_drop_answer(s);
	memset(s, 0, sizeof *s);
	s->wsi = wsi;
	s->feed.form = strcmp(lws_get_protocol(wsi)->name, WEB_MSGPACK)
			       ? FORM_JSON
			       : FORM_MSGPACK;
	lws_dll2_add_tail(&s->clients, &w->clients);
	metric_add(&web_clients, 1);
	lws_set_timer_usecs(wsi, SUBSCRIBE_S * LWS_USEC_PER_SEC);
	return 0;
}

static void on_closed(struct web *w, struct session *s)
{
	if (!s->wsi)
		return;
	lws_dll2_remove(&s->clients);
	metric_add(&web_clients, -1);
	feed_free(&s->feed, &w->world);
	buf_free(&s->said);
	buf_free(&s->replayed);
	s->wsi = NULL;
}

static void drop_replayed(struct session *s)
{
	buf_free(&s->replayed);
	s->replayed_at = 0;
}

/* It has been ended: only the reason is still to be sent. */
static void wind_up(struct session *s)
{
	drop_replayed(s);
	/* One that takes nothing isn't waited for. */
	lws_set_timer_usecs(s->wsi, CLOSING_S * LWS_USEC_PER_SEC);
	lws_callback_on_writable(s->wsi);
}

static void end(struct session *s, enum feed_close code, const char *why)
{
	feed_end(&s->feed, code, why);
	wind_up(s);
}

/* ---- what a client says ------------------------------------------------- */

/* All of a message is there: what is wrong with it, or NULL. */
static const char *hear(struct web *w, struct session *s)
{
	struct buf json = {0};

	if (s->feed.answer.size)
		return "wait for the answer before you say the next thing";
	if (s->feed.form == FORM_JSON) {
		feed_hear(&s->feed, &w->world, (const char *)s->said.data,
			  s->said.size);
		return NULL;
	}
	if (pack_to_json(&json, buf_bytes(&s->said))) {
		buf_free(&json);
		return "it isn't msgpack, or has what a message never has";
	}
	feed_hear(&s->feed, &w->world, (const char *)json.data, json.size);
	buf_free(&json);
	return NULL;
}

static int on_said(struct lws *wsi, struct session *s, const void *text,
		   size_t size)
{
	struct web *w = web_of(wsi);
	const char *wrong;

	if (s->feed.close)
		return 0;
	if (s->said.size + size > FEED_MESSAGE_MAX ||
	    lws_frame_is_binary(wsi) != (s->feed.form == FORM_MSGPACK)) {
		end(s, FEED_BAD,
		    "a message has at most 4096 bytes, and is text, or with "
		    "kalypso.v1.msgpack binary");
		return 0;
	}
	buf_put(&s->said, text, size);
	if (lws_remaining_packet_payload(wsi) || !lws_is_final_fragment(wsi))
		return 0;
	wrong = hear(w, s);
	buf_free(&s->said);
	if (wrong) {
		end(s, FEED_BAD, wrong);
		return 0;
	}
	if (buf_failed(&s->feed.answer))
		return -1;
	if (s->feed.close) {
		wind_up(s);
		return 0;
	}
	drop_replayed(s);
	lws_set_timer_usecs(wsi, feed_is_on(&s->feed)
					 ? LWS_SET_TIMER_USEC_CANCEL
					 : SUBSCRIBE_S * LWS_USEC_PER_SEC);
	lws_callback_on_writable(wsi);
	return 0;
}

static int on_timer(struct session *s)
{
	if (feed_is_on(&s->feed))
		return 0;
	if (s->feed.close)
		return -1;
	end(s, FEED_SILENT, "nothing was subscribed to in 10 seconds");
	return 0;
}

/* ---- what a client is sent ---------------------------------------------- */

static int send_part(struct lws *wsi, const struct session *s,
		     struct bytes part, bool first, bool last)
{
	_Static_assert(TAIL_HEADROOM >= LWS_PRE + 160,
		       "room for a frame's header and a message's beginning");
	int kind =
		s->feed.form == FORM_JSON ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;

	if (!first)
		kind = LWS_WRITE_CONTINUATION;
	if (!last)
		kind |= LWS_WRITE_NO_FIN;
	return lws_write(wsi, (uint8_t *)part.data, part.size,
			 (enum lws_write_protocol)kind) < 0
		       ? -1
		       : 0;
}

/* A message in the client's form. */
static int send_text(struct lws *wsi, struct session *s, struct bytes text)
{
	metric_add(&web_frames, 1);
	s->feed.moved = true;
	return send_part(wsi, s, text, true, true);
}

/* A message in JSON. */
static int send_json(struct lws *wsi, struct session *s, struct bytes json)
{
	struct buf packed = {0};
	int failed = -1;

	if (s->feed.form == FORM_JSON)
		return send_text(wsi, s, json);
	buf_put_zeros(&packed, TAIL_HEADROOM);
	pack_json(&packed, json);
	if (!buf_failed(&packed))
		failed = send_text(wsi, s,
				   (struct bytes){packed.data + TAIL_HEADROOM,
						  packed.size - TAIL_HEADROOM});
	buf_free(&packed);
	return failed;
}

static int send_answer(struct lws *wsi, struct session *s)
{
	struct buf *a = &s->feed.answer;
	int failed = -1;

	if (!buf_failed(a))
		failed = send_json(wsi, s,
				   (struct bytes){a->data + TAIL_HEADROOM,
						  a->size - TAIL_HEADROOM});
	buf_free(a);
	return failed;
}

static int send_heartbeat(struct lws *wsi, struct session *s)
{
	struct buf text = {0};
	int failed = 0;

	s->feed.beat = false;
	buf_put_zeros(&text, TAIL_HEADROOM);
	feed_heartbeat(&s->feed, &web_of(wsi)->world, &text);
	if (!buf_failed(&text))
		failed = send_json(wsi, s,
				   (struct bytes){text.data + TAIL_HEADROOM,
						  text.size - TAIL_HEADROOM});
	buf_free(&text);
	return failed;
}

/* The next part of a snapshot, in a frame of its own. What is before it may be
 * what others have still to be sent: the frame's header stands there only for
 * the call. */
static int send_print(struct lws *wsi, struct session *s, bool first)
{
	struct feed *f = &s->feed;
	struct buf *text = &f->print->text;
	struct bytes part = {text->data + f->print_at,
			     text->size - f->print_at};
	uint8_t before[LWS_PRE];
	bool last = part.size <= PRINT_CHUNK;
	int failed;

	if (!last)
		part.size = PRINT_CHUNK;
	memcpy(before, part.data - LWS_PRE, LWS_PRE);
	failed = send_part(wsi, s, part, first, last);
	memcpy((uint8_t *)part.data - LWS_PRE, before, LWS_PRE);
	f->print_at += part.size;
	f->moved = true;
	if (last) {
		metric_add(&web_frames, 1);
		feed_drop_print(f, &web_of(wsi)->world);
	}
	return failed;
}

static int send_replayed(struct lws *wsi, struct session *s)
{
	struct bytes rest = {s->replayed.data + s->replayed_at,
			     s->replayed.size - s->replayed_at};
	struct scan in = scan_begin(rest);
	struct bytes text = {.size = scan_be32(&in)};

	/* What is before it has been sent: its end is the headroom. */
	text.data = scan_take(&in, text.size);
	s->replayed_at += 4 + text.size;
	feed_sent(&s->feed, s->replayed_log);
	if (send_json(wsi, s, text))
		return -1;
	if (s->replayed_at == s->replayed.size)
		drop_replayed(s);
	return 0;
}

static enum err keep_entry(void *arg, const struct entry *entry)
{
	struct session *s = arg;
	size_t at = s->replayed.size, size;

	buf_put_be32(&s->replayed, 0);
	entry_json(&s->replayed, s->replayed_log, entry);
	if (buf_failed(&s->replayed))
		return ERR_NO_MEMORY;
	size = s->replayed.size - at - 4;
	for (unsigned i = 0; i < 4; i++)
		s->replayed.data[at + i] = (uint8_t)(size >> (24 - 8 * i));
	return ERR_NONE;
}

/* Read what is older than the window, if Redis answers; else another time. */
static void replay(struct web *w, struct session *s, enum logs log)
{
	uint64_t next, now = metric_now_us();
	enum err e;

	if (w->store_lost_us && now - w->store_lost_us < STORE_REST_US)
		return;
	s->replayed_log = log;
	s->replayed_at = TAIL_HEADROOM;
	buf_put_zeros(&s->replayed, TAIL_HEADROOM);
	e = store_read(w->is.store, logs_name(log), s->feed.next[log],
		       REPLAY_ENTRIES, &next, keep_entry, s);
	w->store_lost_us = e == ERR_UNREACHABLE ? now : 0;
	if (e == ERR_TRIMMED)
		feed_end(&s->feed, FEED_TRIMMED,
			 "the log does not begin there any more: load the "
			 "state from the API, then subscribe from now on");
	if (buf_failed(&s->replayed) || s->replayed.size == TAIL_HEADROOM)
		drop_replayed(s);
}

/* The next of a client of logs. 1: there is nothing to send. */
static int send_entry(struct lws *wsi, struct session *s)
{
	struct web *w = web_of(wsi);
	enum logs log;
	struct bytes text;

	if (s->feed.beat)
		return send_heartbeat(wsi, s);
	if (s->replayed.size)
		return send_replayed(wsi, s);
	log = feed_due(&s->feed, w->tail);
	if (log == LOGS_COUNT)
		return 1;
	text = tail_text(w->tail, log, s->feed.next[log], s->feed.form);
	if (!text.size)
		return -1; /* no memory for it */
	feed_sent(&s->feed, log);
	return send_text(wsi, s, text);
}

/* The next of a client of channels. 1: there is nothing to send. */
static int send_change(struct lws *wsi, struct session *s)
{
	struct bytes text;

	switch (feed_next(&s->feed, &web_of(wsi)->world, &text)) {
	case FEED_TEXT:
		return send_text(wsi, s, text);
	case FEED_SAID:
		return send_answer(wsi, s);
	case FEED_PRINT:
		s->feed.print_at =
			(size_t)(text.data - s->feed.print->text.data);
		return send_print(wsi, s, true);
	case FEED_FAILED:
		return -1;
	case FEED_NOTHING:
		break;
	}
	return s->feed.beat ? send_heartbeat(wsi, s) : 1;
}

/* One frame, if there is one; 1: there is nothing to send. */
static int send_next(struct lws *wsi, struct session *s)
{
	if (s->feed.print)
		return send_print(wsi, s, false);
	if (s->feed.answer.size)
		return send_answer(wsi, s);
	if (s->feed.subscribed)
		return send_entry(wsi, s);
	return s->feed.subs_count ? send_change(wsi, s) : 1;
}

static int close_feed(struct lws *wsi, struct session *s)
{
	static uint8_t none[1];

	lws_close_reason(wsi, (enum lws_close_status)s->feed.close, none, 0);
	return -1;
}

/* Whether its end is all that is left. What it would be told can't be said
 * inside of a snapshot: then the code has to do. */
static bool is_over(const struct session *s)
{
	return s->feed.close && (s->feed.print || !s->feed.answer.size);
}

static int on_writable(struct lws *wsi, struct session *s)
{
	struct web *w = web_of(wsi);
	enum logs log = feed_missing(&s->feed, w->tail);
	int verdict = 0;

	if (log < LOGS_COUNT && !s->replayed.size)
		replay(w, s, log);
	for (int i = 0; i < FRAMES_AT_ONCE && !verdict; i++) {
		if (is_over(s))
			return close_feed(wsi, s);
		verdict = send_next(wsi, s);
		if (lws_send_pipe_choked(wsi))
			break;
	}
	if (verdict == 0)
		lws_callback_on_writable(wsi);
	return verdict < 0 ? -1 : 0;
}

/* ---- all clients -------------------------------------------------------- */

static bool has_more(struct web *w, struct session *s)
{
	if (s->feed.subs_count)
		return s->feed.print || feed_has_more(&s->feed, &w->world);
	return s->feed.subscribed &&
	       (s->replayed.size || feed_due(&s->feed, w->tail) < LOGS_COUNT ||
		feed_missing(&s->feed, w->tail) < LOGS_COUNT);
}

void web_feed_all(struct web *w)
{
	for (struct lws_dll2 *d = w->clients.head; d; d = d->next) {
		struct session *s =
			lws_container_of(d, struct session, clients);

		if (has_more(w, s))
			lws_callback_on_writable(s->wsi);
	}
}

void web_feed_tick(struct web *w)
{
	uint64_t now = metric_now_us();
	uint64_t patience = (uint64_t)w->is.patience_s * 1000000;

	for (struct lws_dll2 *d = w->clients.head; d; d = d->next) {
		struct session *s =
			lws_container_of(d, struct session, clients);

		if (!feed_is_on(&s->feed))
			continue;
		feed_watch(&s->feed, &w->world, now, patience);
		metric_add(&web_conflated, s->feed.conflations);
		s->feed.conflations = 0;
		if (s->feed.close) {
			metric_add(&web_lagging, 1);
			wind_up(s);
		} else {
			s->feed.beat = true;
			lws_callback_on_writable(s->wsi);
		}
	}
}

int web_on_feed(struct lws *wsi, enum lws_callback_reasons reason,
		struct session *s, void *in, size_t len)
{
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return on_upgrade(wsi, in);
	case LWS_CALLBACK_ESTABLISHED:
		return on_established(wsi, s);
	case LWS_CALLBACK_RECEIVE:
		return on_said(wsi, s, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return on_writable(wsi, s);
	case LWS_CALLBACK_TIMER:
		return on_timer(s);
	case LWS_CALLBACK_CLOSED:
		on_closed(web_of(wsi), s);
		return 0;
	default:
		return 0;
	}
}
