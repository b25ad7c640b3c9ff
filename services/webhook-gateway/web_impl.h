/* web_impl - what the files of the web thread share; nobody else includes it.
 */
#ifndef SERVICES_WEBHOOK_GATEWAY_WEB_IMPL_H
#define SERVICES_WEBHOOK_GATEWAY_WEB_IMPL_H

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/metric.h"
#include "services/webhook-gateway/assets.h"
#include "services/webhook-gateway/feed.h"
#include "services/webhook-gateway/once.h"
#include "services/webhook-gateway/peers.h"
#include "services/webhook-gateway/rates.h"
#include "services/webhook-gateway/web.h"

struct web {
	struct web_config is;
	struct queue *queue;
	struct view *view;
	struct why *why;
	bool why_lost; /* and it was told */
	struct tail *tail;
	struct press *press;
	struct feed_world world;
	struct api *api;
	struct assets *assets;
	struct peers *peers;
	struct rates *rates; /* NULL: everybody may ask for anything */
	uint64_t ids;	     /* what the next request's name is made of */
	struct lws_context *context;
	lws_sorted_usec_list_t tick, due;
	uint16_t port;
	pthread_t thread;
	bool started;
	enum err failed;
	lws_dll2_owner_t clients; /* of the feed */
	bool based;		  /* it began with a snapshot */
	uint64_t store_lost_us;	  /* when Redis last didn't answer the feed */
	atomic_bool stopping, caught_up, ready;
	_Atomic uint64_t block, contradictions, turned_us;
};

enum { WEB_BODY_MAX = 16 * 1024, WEB_PATH_ROOM = 1024, WEB_TAGS_ROOM = 1024 };

/* A request, and what its texts point at. */
struct asked {
	struct api_request is;
	char path[WEB_PATH_ROOM], tags[WEB_TAGS_ROOM], authorization[256];
	char args[API_ARGS_MAX][API_ARG_MAX], id[API_ID_ROOM];
	char key[ONCE_KEY_MAX + 1];
	struct buf body; /* as far as it came */
};

/* What libwebsockets keeps for each connection. */
struct session {
	struct asked *asked; /* HTTP: its body is on its way; or NULL */
	/* HTTP: the answer that is being sent */
	struct api_answer answer;
	struct bytes body; /* of the answer, or of a file */
	size_t sent;
	bool closes; /* the connection ends with it */
	uint64_t client;
	struct rates_state rate; /* of the client */

	/* websocket */
	lws_dll2_t clients; /* in the list of the web */
	struct lws *wsi;
	struct feed feed;
	struct buf said;     /* a message of the client, as far as it came */
	struct buf replayed; /* entries read from Redis: u32 size, text, … */
	size_t replayed_at;  /* of the next one's size */
	enum logs replayed_log;
};

/* Sub-protocols of the feed; the first is that of who names none. */
#define WEB_JSON    "kalypso.v1.json"
#define WEB_MSGPACK "kalypso.v1.msgpack"

extern struct metric web_clients, web_frames, web_lagging, web_conflated,
	web_refused, web_limited;
extern struct metric web_answered[6]; /* by the first digit of the status */

static inline struct web *web_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

/* The callbacks, by what the connection is; what libwebsockets is to be told.
 */
int web_on_http(struct lws *wsi, enum lws_callback_reasons reason,
		struct session *s, void *in, size_t len);
int web_on_feed(struct lws *wsi, enum lws_callback_reasons reason,
		struct session *s, void *in, size_t len);

/* ---- who asks (web_client.c) --------------------------------------------- */

/* The IPv4 address at the other end; false: it has gone already. */
bool web_peer_address(lws_sockfd_type fd, uint32_t *address);

/* Whether it is that of a proxy whose X-Forwarded-For is to be believed. */
bool web_is_proxy(const struct web *w, uint32_t address);

/* Name the request in @a: as the client did, if that is sane, else anew. */
void web_identify(struct lws *wsi, struct api_answer *a);

/* One of what the client may ask for; false: it has none left, and s->answer
 * says so. */
bool web_take_share(struct lws *wsi, struct session *s);

/* An answer of @bytes costs more if it is a large one. */
void web_charge_share(struct lws *wsi, struct session *s, size_t bytes);

/* ---- answers ------------------------------------------------------------ */

/* Forget what is left of an answer. */
void web_drop_answer(struct session *s);

/* Send s->answer. What a callback returns. */
int web_send_answer(struct lws *wsi, struct session *s, bool head);

/* Send s->answer, body and all, before this returns: small, and the last thing
 * of its connection. */
int web_send_at_once(struct lws *wsi, struct session *s);

/* The connection takes bytes: send what is due. What a callback returns. */
int web_feed_write(struct lws *wsi, struct session *s);

/* Forget what was read from Redis for it. */
void web_drop_replayed(struct session *s);

/* Entries have come: those who wait for them are to be written to. */
void web_feed_all(struct web *w);

/* Once a second: heartbeats, and who lags. */
void web_feed_tick(struct web *w);

#endif /* SERVICES_WEBHOOK_GATEWAY_WEB_IMPL_H */
