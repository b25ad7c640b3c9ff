/* HTTP on a connection: read what is asked, send what is answered. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/webhook-gateway/built.h"
#include "services/webhook-gateway/web_impl.h"

enum {
	HEADERS_ROOM = 2048,
	CHUNK = 64 * 1024, /* of a body, at a time */
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

static void add_number(struct headers *h, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, value);
	add_header(h, name, text);
}

/* As draft-ietf-httpapi-ratelimit-headers-10 has them, and as those who know
 * its versions up to 06 do. */
static void add_rate(struct headers *h, const struct session *s)
{
	const struct web *w = web_of(h->wsi);
	char text[64];

	if (!w->rates || !s->rate.full_s)
		return; /* an upgrade isn't counted */
	snprintf(text, sizeof text, "\"client\";q=%" PRIu64 ";w=%u",
		 w->is.rate_limit, w->is.rate_window_s);
	add_header(h, "ratelimit-policy:", text);
	snprintf(text, sizeof text, "\"client\";r=%" PRIu64 ";t=%u",
		 s->rate.left, s->rate.full_s);
	add_header(h, "ratelimit:", text);
	add_number(h, "ratelimit-limit:", w->is.rate_limit);
	add_number(h, "ratelimit-remaining:", s->rate.left);
	add_number(h, "ratelimit-reset:", s->rate.full_s);
}

static void add_cors(struct headers *h, const struct api_answer *a)
{
	add_header(h, "access-control-allow-origin:", "*");
	if (a->status != 204) {
		add_header(h, "access-control-expose-headers:",
			   "allow, etag, ratelimit, ratelimit-limit, "
			   "ratelimit-policy, ratelimit-remaining, "
			   "ratelimit-reset, retry-after, x-request-id");
		return;
	}
	add_header(h, "access-control-allow-methods:", a->allow);
	add_header(h, "access-control-allow-headers:",
		   "authorization, content-type, idempotency-key, "
		   "if-none-match, x-request-id");
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
	add_header(&h, "content-encoding:", a->encoding);
	add_header(&h, "vary:", a->vary);
	add_header(&h, "allow:", a->allow);
	add_header(&h, "upgrade:", a->status == 426 ? "websocket" : NULL);
	if (a->retry_after_s)
		add_number(&h, "retry-after:", a->retry_after_s);
	add_header(&h, "x-request-id:", a->id);
	add_rate(&h, s);
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
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT,
			(int)web_of(wsi)->is.stall_timeout_s);
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

/* Whether the client takes gzip (RFC 9110, 12.5.3). */
static bool takes_gzip(struct lws *wsi)
{
	char text[256] = "", *at, *end;

	if (lws_hdr_copy(wsi, text, sizeof text,
			 WSI_TOKEN_HTTP_ACCEPT_ENCODING) <= 0)
		return false;
	at = strstr(text, "gzip");
	if (!at)
		return false;
	at += strcspn(at, ",;");
	return *at != ';' || !(at = strstr(at, "q=")) ||
	       strtod(at + 2, &end) > 0;
}

static int send_asset(struct lws *wsi, struct session *s,
		      const struct asset *asset, bool head, const char *tags)
{
	struct api_answer *a = &s->answer;
	bool packed = asset->packed.size && takes_gzip(wsi);
	const char *etag = packed ? asset->packed_etag : asset->etag;

	a->status = tags && strstr(tags, etag) ? 304 : 200;
	a->type = asset->type;
	a->cache_control = "no-cache";
	a->encoding = packed ? "gzip" : NULL;
	a->vary = "accept-encoding";
	memcpy(a->etag, etag, sizeof asset->etag);
	s->body = buf_bytes(packed ? &asset->packed : &asset->content);
	/* Others may read what describes the API, as the API itself. */
	return begin_answer(wsi, s, head, strncmp(asset->path, "/v1/", 4) != 0);
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
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT,
			(int)web_of(wsi)->is.stall_timeout_s);
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
	if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0)
		return API_POST;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_PATCH_URI) > 0)
		return API_PATCH;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_DELETE_URI) > 0)
		return API_DELETE;
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

/* What has to be known of a body before it comes. */
enum body {
	BODY_NONE,
	BODY_COMES, /* its size is said */
	BODY_UNSAID,
	BODY_TOO_LARGE,
};

static enum body body_of(struct lws *wsi)
{
	char length[24], *end;
	unsigned long long size;
	int n = lws_hdr_copy(wsi, length, sizeof length,
			     WSI_TOKEN_HTTP_CONTENT_LENGTH);

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return BODY_UNSAID;
	if (n == 0)
		return BODY_NONE;
	size = strtoull(n < 0 ? "" : length, &end, 10);
	if (n < 0 || *end || !strchr("0123456789", length[0]) ||
	    size > WEB_BODY_MAX)
		return BODY_TOO_LARGE;
	return size ? BODY_COMES : BODY_NONE;
}

/* One that doesn't fit is read as "", which is none. */
static void read_key(struct lws *wsi, struct asked *a)
{
	static const char name[] = "idempotency-key:";

	if (lws_hdr_custom_length(wsi, name, sizeof name - 1) < 0)
		return;
	a->is.idempotency_key = a->key;
	if (lws_hdr_custom_copy(wsi, a->key, sizeof a->key, name,
				sizeof name - 1) < 0)
		*a->key = 0;
}

/* Everything but the body; texts are kept in @a itself. */
static void read_request(struct lws *wsi, struct asked *a, const char *path,
			 size_t size)
{
	a->is = (struct api_request){.method = method_of(wsi),
				     .path = a->path,
				     .now_us = metric_now_us()};
	memcpy(a->path, path, size);
	a->path[size] = 0;
	if (lws_hdr_copy(wsi, a->tags, sizeof a->tags,
			 WSI_TOKEN_HTTP_IF_NONE_MATCH) > 0)
		a->is.if_none_match = a->tags;
	if (lws_hdr_copy(wsi, a->authorization, sizeof a->authorization,
			 WSI_TOKEN_HTTP_AUTHORIZATION) > 0)
		a->is.authorization = a->authorization;
	read_key(wsi, a);
	read_args(wsi, &a->is, a->args);
}

static void drop_asked(struct session *s)
{
	if (s->asked)
		buf_free(&s->asked->body);
	free(s->asked);
	s->asked = NULL;
}

static int answer_asked(struct lws *wsi, struct session *s, struct asked *a)
{
	struct web *w = web_of(wsi);
	bool head = a->is.method == API_HEAD;
	const struct asset *asset = assets_find(w->assets, a->path);
	struct once once;

	if (!asset)
		asset = built_find(a->path);
	a->is.body = buf_bytes(&a->body);
	if (asset && a->is.method < API_OPTIONS)
		return send_asset(wsi, s, asset, head, a->is.if_none_match);
	memcpy(a->id, s->answer.id, sizeof a->id);
	a->is.id = a->id;
	if (once_begin(&once, w->is.store, &a->is, &s->answer)) {
		if (w->is.hook_api && hook_api_has(a->path))
			hook_api_answer(w->is.hook_api, &a->is, &s->answer);
		else
			api_answer(w->api, &a->is, &s->answer);
		once_end(&once, w->is.store, &s->answer);
	}
	web_charge_share(wsi, s, s->answer.body.size);
	return web_send_answer(wsi, s, head);
}

/* Said before the body, which is not read: the connection ends with it. */
static int refuse_body(struct lws *wsi, struct session *s, enum body body)
{
	s->closes = true;
	if (body == BODY_UNSAID)
		api_problem(&s->answer, 411, "Length required",
			    "say how long the body is with Content-Length");
	else
		api_problem(&s->answer, 413, "Body too large",
			    "a body has at most %d bytes, and Content-Length "
			    "says how many",
			    WEB_BODY_MAX);
	return web_send_answer(wsi, s, false);
}

static int on_request(struct lws *wsi, struct session *s, const char *path,
		      size_t size)
{
	const struct web *w = web_of(wsi);
	enum api_method method = method_of(wsi);
	bool takes_body = method >= API_POST && method < API_OTHER;
	enum body body = body_of(wsi);
	struct asked here = {.body = {0}};

	web_drop_answer(s);
	drop_asked(s);
	/* What follows a body that nobody reads can't be told from it. */
	s->closes = method == API_OTHER || (!takes_body && body != BODY_NONE);
	web_identify(wsi, &s->answer);
	if (!web_take_share(wsi, s)) {
		s->closes = s->closes || takes_body;
		return web_send_answer(wsi, s, method == API_HEAD);
	}
	if (size >= sizeof here.path) {
		s->closes = s->closes || takes_body;
		api_problem(&s->answer, 414, "Path too long",
			    "no path of ours has so many bytes");
		return web_send_answer(wsi, s, method == API_HEAD);
	}
	if (takes_body && body > BODY_COMES)
		return refuse_body(wsi, s, body);
	/* Without a length libwebsockets waits for a body without an end. */
	if (takes_body && method != API_DELETE &&
	    lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0)
		return refuse_body(wsi, s, BODY_UNSAID);
	/* It tells of the end of a POST's body, even of an empty one. */
	if (takes_body && (body == BODY_COMES || method == API_POST)) {
		s->asked = calloc(1, sizeof *s->asked);
		if (!s->asked)
			return -1;
		read_request(wsi, s->asked, path, size);
		lws_set_timer_usecs(wsi, (lws_usec_t)w->is.header_timeout_s *
						 LWS_USEC_PER_SEC);
		return 0;
	}
	read_request(wsi, &here, path, size);
	return answer_asked(wsi, s, &here);
}

static int on_body(struct session *s, const void *data, size_t size)
{
	if (!s->asked)
		return 0; /* it was answered already */
	if (s->asked->body.size + size > WEB_BODY_MAX)
		return -1; /* more than it said */
	buf_put(&s->asked->body, data, size);
	return buf_failed(&s->asked->body) ? -1 : 0;
}

static int on_body_end(struct lws *wsi, struct session *s)
{
	int verdict;

	if (!s->asked)
		return 0;
	verdict = answer_asked(wsi, s, s->asked);
	drop_asked(s);
	return verdict;
}

int web_on_http(struct lws *wsi, enum lws_callback_reasons reason,
		struct session *s, void *in, size_t len)
{
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP:
		return on_request(wsi, s, in, len);
	case LWS_CALLBACK_HTTP_BODY:
		return on_body(s, in, len);
	case LWS_CALLBACK_TIMER: /* it goes off even if the body has come */
		return s && s->asked ? -1 : 0;
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return on_body_end(wsi, s);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return send_more(wsi, s);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		if (s) {
			web_drop_answer(s);
			drop_asked(s);
		}
		return 0;
	default:
		return 0;
	}
}
