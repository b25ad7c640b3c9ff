/* The feed on a connection: what a client is sent, when it can take it. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/scan.h"
#include "services/webhook-gateway/entry.h"
#include "services/webhook-gateway/pack.h"
#include "services/webhook-gateway/web_impl.h"

enum {
	FRAMES_AT_ONCE = 32, /* others wait meanwhile */
	REPLAY_ENTRIES = 32, /* an entry may have a megabyte */
	PRINT_CHUNK = 32 * 1024,
	STORE_REST_US = 500 * 1000,
};

/* ---- frames ------------------------------------------------------------- */

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

/* ---- entries that are older than the window ----------------------------- */

void web_drop_replayed(struct session *s)
{
	buf_free(&s->replayed);
	s->replayed_at = 0;
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
		web_drop_replayed(s);
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
		web_drop_replayed(s);
}

/* ---- what is next ------------------------------------------------------- */

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

/* While it is on, frames go out as full packets: a packet and a wake-up for
 * each cost more than all else that the gateway does for it. Without it, more
 * of them is what happens, nothing worse. */
static void cork(struct lws *wsi, int on)
{
	if (setsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_CORK, &on,
		       sizeof on))
		log_debug("feed.cork", "on=%d", on);
}

int web_feed_write(struct lws *wsi, struct session *s)
{
	struct web *w = web_of(wsi);
	enum logs log = feed_missing(&s->feed, w->tail);
	int verdict = 0;

	if (log < LOGS_COUNT && !s->replayed.size)
		replay(w, s, log);
	cork(wsi, 1);
	for (int i = 0; i < FRAMES_AT_ONCE && !verdict; i++) {
		if (is_over(s)) {
			cork(wsi, 0);
			return close_feed(wsi, s);
		}
		verdict = send_next(wsi, s);
		/* lws_send_pipe_choked() is a system call for each frame. */
		if (verdict < 0 || lws_partial_buffered(wsi))
			break;
	}
	cork(wsi, 0);
	if (verdict == 0)
		lws_callback_on_writable(wsi);
	return verdict < 0 ? -1 : 0;
}
