/* HTTP on a connection: read what is asked, send what is answered. */
#include <string.h>

#include "services/webhook-gateway/web_impl.h"

enum {
	HEADERS_ROOM = 2048,
	CHUNK = 16 * 1024, /* of a body, at a time */
	STALLED_S = 30,	   /* a client that takes nothing for so long */
	TAGS_ROOM = 1024,
};

/* The page is ours alone: nothing from elsewhere, nothing inline. */
static const char page_policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self'; connect-src 'self'; base-uri 'none'; "
	"form-action 'none'; frame-ancestors 'none'";
static const char api_policy[] = "default-src 'none'; frame-ancestors 'none'";

/* ---- headers ------------------------------------------------------------ */

struct headers {
	struct lws *wsi;
	uint8_t bytes[LWS_PRE + HEADERS_ROOM];
	uint8_t *at, *end;
	bool bad;
};

static void add_header(struct headers *h, const char *name, const char *value)
{
	if (value && *value &&
	    lws_add_http_header_by_name(h->wsi, (const uint8_t *)name,
					(const uint8_t *)value,
					(int)strlen(value), &h->at, h->end))
		h->bad = true;
}

static void add_cors(struct headers *h, const struct api_answer *a)
{
	add_header(h, "access-control-allow-origin:", "*");
	if (a->status != 204) {
		add_header(h, "access-control-expose-headers:",
			   "etag, retry-after");
		return;
	}
	add_header(h, "access-control-allow-methods:", a->allow);
	add_header(h, "access-control-allow-headers:", "if-none-match");
	add_header(h, "access-control-max-age:", "86400");
}

static bool has_body(const struct api_answer *a)
{
	return a->status != 204 && a->status != 304;
}

static int send_headers(struct lws *wsi, const struct session *s, bool is_page)
{
	const struct api_answer *a = &s->answer;
	struct headers h = {.wsi = wsi};

	h.at = h.bytes + LWS_PRE;
	h.end = h.bytes + sizeof h.bytes - 1;
	h.bad = lws_add_http_header_status(wsi, a->status, &h.at, h.end);
	add_header(&h, "content-type:", a->type);
	add_header(&h, "cache-control:", a->cache_control);
	add_header(&h, "etag:", a->etag);
	add_header(&h, "allow:", a->allow);
	add_header(&h, "upgrade:", a->status == 426 ? "websocket" : NULL);
	add_header(&h, "retry-after:", a->retry_after_s ? "1" : NULL);
	add_header(&h, "connection:", s->closes ? "close" : NULL);
	add_header(&h, "x-content-type-options:", "nosniff");
	add_header(&h, "referrer-policy:", "no-referrer");
	add_header(&h, "content-security-policy:",
		   is_page ? page_policy : api_policy);
	if (!is_page)
		add_cors(&h, a);
	if (has_body(a))
		h.bad |= lws_add_http_header_content_length(wsi, s->body.size,
							    &h.at, h.end);
	h.bad = h.bad || lws_finalize_write_http_header(wsi, h.bytes + LWS_PRE,
							&h.at, h.end);
	return h.bad;
}

/* ---- answers ------------------------------------------------------------ */

void web_drop_answer(struct session *s)
{
	buf_free(&s->answer.body);
	memset(&s->answer, 0, sizeof s->answer);
	s->body = (struct bytes){NULL, 0};
	s->sent = 0;
}

static int complete(struct lws *wsi, struct session *s)
{
	bool closes = s->closes;

	web_drop_answer(s);
	return closes || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int begin_answer(struct lws *wsi, struct session *s, bool head,
			bool is_page)
{
	metric_add(&web_answered[s->answer.status / 100], 1);
	if (send_headers(wsi, s, is_page))
		return -1;
	if (head || !has_body(&s->answer) || !s->body.size)
		return complete(wsi, s);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, STALLED_S);
	lws_callback_on_writable(wsi);
	return 0;
}

int web_send_answer(struct lws *wsi, struct session *s, bool head)
{
	s->body = buf_bytes(&s->answer.body);
	return begin_answer(wsi, s, head, false);
}

int web_send_at_once(struct lws *wsi, struct session *s)
{
	struct buf *body = &s->answer.body;
	int failed;

	s->body = buf_bytes(body);
	metric_add(&web_answered[s->answer.status / 100], 1);
	failed = send_headers(wsi, s, false) ||
		 lws_write(wsi, body->data, body->size, LWS_WRITE_HTTP_FINAL) <
			 0;
	web_drop_answer(s);
	return failed ? -1 : 0;
}

static int send_asset(struct lws *wsi, struct session *s,
		      const struct asset *asset, bool head, const char *tags)
{
	struct api_answer *a = &s->answer;

	a->status = tags && strstr(tags, asset->etag) ? 304 : 200;
	a->type = asset->type;
	a->cache_control = "no-cache";
	memcpy(a->etag, asset->etag, sizeof asset->etag);
	s->body = buf_bytes(&asset->content);
	return begin_answer(wsi, s, head, true);
}

static int send_more(struct lws *wsi, struct session *s)
{
	size_t left = s->body.size - s->sent;
	size_t size = left < CHUNK ? left : CHUNK;
	/* libwebsockets wants to be able to write what it only reads. */
	uint8_t *at = (uint8_t *)s->body.data + s->sent;

	if (!size)
		return 0; /* between two answers */
	if (lws_write(wsi, at, size,
		      size == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	s->sent += size;
	if (s->sent == s->body.size)
		return complete(wsi, s);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, STALLED_S);
	lws_callback_on_writable(wsi);
	return 0;
}

/* ---- requests ----------------------------------------------------------- */

static enum api_method method_of(struct lws *wsi)
{
	if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0)
		return API_GET;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0)
		return API_HEAD;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_OPTIONS_URI) > 0)
		return API_OPTIONS;
	return API_OTHER;
}

/* Decoded already by libwebsockets. */
static void read_args(struct lws *wsi, struct api_request *r,
		      char args[API_ARGS_MAX][API_ARG_MAX])
{
	size_t i = 0;
	int size;

	while ((size = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS,
					       (int)i)) > 0) {
		if (i == API_ARGS_MAX ||
		    lws_hdr_copy_fragment(wsi, args[i], API_ARG_MAX,
					  WSI_TOKEN_HTTP_URI_ARGS,
					  (int)i) < 0) {
			r->args_bad = true;
			return;
		}
		r->args[i] = args[i];
		i++;
	}
	r->args_count = i;
}

/* A body is nobody's business here; what follows it can't be told from it. */
static bool has_request_body(struct lws *wsi)
{
	char length[24];
	int n = lws_hdr_copy(wsi, length, sizeof length,
			     WSI_TOKEN_HTTP_CONTENT_LENGTH);

	return n < 0 || (n > 0 && strcmp(length, "0") != 0) ||
	       lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
}

static int on_request(struct lws *wsi, struct session *s, const char *path,
		      size_t size)
{
	char copy[PROBLEM_PATH_MAX], tags[TAGS_ROOM];
	char args[API_ARGS_MAX][API_ARG_MAX];
	struct web *w = web_of(wsi);
	struct api_request r = {.method = method_of(wsi),
				.path = copy,
				.now_us = metric_now_us()};
	bool head = r.method == API_HEAD;
	const struct asset *asset;

	web_drop_answer(s);
	s->closes = r.method == API_OTHER || has_request_body(wsi);
	if (size >= sizeof copy) {
		api_problem(&s->answer, 414, "Path too long",
			    "no path of ours has so many bytes");
		return web_send_answer(wsi, s, head);
	}
	memcpy(copy, path, size);
	copy[size] = 0;
	if (lws_hdr_copy(wsi, tags, sizeof tags, WSI_TOKEN_HTTP_IF_NONE_MATCH) >
	    0)
		r.if_none_match = tags;
	asset = assets_find(w->assets, copy);
	if (asset && r.method < API_OPTIONS)
		return send_asset(wsi, s, asset, head, r.if_none_match);
	read_args(wsi, &r, args);
	api_answer(w->api, &r, &s->answer);
	return web_send_answer(wsi, s, head);
}

int web_on_http(struct lws *wsi, enum lws_callback_reasons reason,
		struct session *s, void *in, size_t len)
{
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP:
		return on_request(wsi, s, in, len);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return send_more(wsi, s);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		if (s)
			web_drop_answer(s);
		return 0;
	default:
		return 0;
	}
}
