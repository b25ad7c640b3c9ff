/* The feed on a connection: who comes and goes, and what clients say. */
#include <string.h>

#include "services/webhook-gateway/pack.h"
#include "services/webhook-gateway/web_impl.h"

enum {
	SUBSCRIBE_S = 10, /* a client has so long to say what it wants */
	CLOSING_S = 5,	  /* and so long to take the reason of its end */
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
	web_identify(wsi, &refused.answer);
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

/* It has been ended: only the reason is still to be sent. */
static void wind_up(struct session *s)
{
	web_drop_replayed(s);
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
	web_drop_replayed(s);
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
		return web_feed_write(wsi, s);
	case LWS_CALLBACK_TIMER:
		return on_timer(s);
	case LWS_CALLBACK_CLOSED:
		on_closed(web_of(wsi), s);
		return 0;
	default:
		return 0;
	}
}
