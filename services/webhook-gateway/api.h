/* api - the HTTP API: a request in, an answer out.
 *
 * protocol/http/gateway.openapi.yaml describes it for those who call it. Knows
 * nothing of sockets; reads the view, the copy of the matcher, and Redis for
 * what they don't hold: older requests, entries of the logs, what the services
 * say of themselves.
 *
 * Not thread-safe: it belongs to the thread that owns the view. */
#ifndef SERVICES_WEBHOOK_GATEWAY_API_H
#define SERVICES_WEBHOOK_GATEWAY_API_H

#include "services/webhook-gateway/view.h"
#include "services/webhook-gateway/why.h"

struct api;

/* How a token's amounts are to be shown. */
struct api_token {
	unsigned decimals;
	const char *symbol;
};

struct api_config {
	const struct view *view;
	struct why *why;     /* fed with the same entries */
	struct store *store; /* NULL: what needs it is answered with 503 */
	uint64_t epoch;
	const char *instances; /* comma-separated, as in market.def */
	struct api_token payment, stake;
};

/* Borrows what @config points at while it lives. ERR_NO_MEMORY */
NODISCARD enum err api_new(struct api **out, const struct api_config *config);
void api_free(struct api **api);

/* Until then, what needs the view is answered with 503: it would show a past
 * that nobody asked for. */
void api_set_ready(struct api *api);

enum api_method {
	API_GET,
	API_HEAD,
	API_OPTIONS,
	API_POST, /* from here on: may have a body */
	API_PATCH,
	API_DELETE,
	API_OTHER,
};

/* The websocket; it isn't the API's business, but people look for it here. */
#define API_FEED_PATH "/v1/feed"

enum {
	API_ARGS_MAX = 8,
	API_ARG_MAX = 128,
	API_ETAG_ROOM = 192,
	API_ID_ROOM = 65
};

/* Texts are decoded already, and borrowed for the call. */
struct api_request {
	enum api_method method;
	const char *path;
	const char *args[API_ARGS_MAX]; /* "name=value" */
	size_t args_count;
	bool args_bad;		   /* there were more, or longer ones */
	const char *if_none_match; /* NULL: not said */
	const char *authorization; /* NULL: not said */
	const char *idempotency_key;
	const char *id; /* of the request, for problems; or NULL */
	struct bytes body;
	uint64_t now_us; /* monotonic */
};

struct api_answer {
	unsigned status;
	const char *type;	   /* of the content; NULL: there is none */
	const char *cache_control; /* NULL: not said */
	const char *allow;	   /* NULL: not said */
	const char *encoding;	   /* of the content; NULL: as it is */
	const char *vary;	   /* NULL: not said */
	unsigned retry_after_s;	   /* 0: not said */
	char etag[API_ETAG_ROOM];  /* "": not said */
	char id[API_ID_ROOM];	   /* of the request; "": it has none */
	struct buf body; /* the caller owns it; for HEAD, what GET would get */
};

/* Answer @request into *answer; its body is emptied first. */
void api_answer(struct api *api, const struct api_request *request,
		struct api_answer *answer);

/* Empty *answer, for @request: nothing is said yet but its name. */
void api_begin(struct api_answer *answer, const struct api_request *request);

/* A problem document (RFC 9457) in place of an answer: what went wrong in
 * @title, and in @detail where and what to do about it. answer->id stays, and
 * stands in the document. */
void api_problem(struct api_answer *answer, unsigned status, const char *title,
		 const char *detail, ...) __attribute__((format(printf, 4, 5)));

#endif /* SERVICES_WEBHOOK_GATEWAY_API_H */
