/* http - an HTTP client on the loop, for JSON-RPC nodes and provers.
 *
 * libcurl's multi interface: connections are kept, no redirects, no proxy, no
 * cookies, http and https only. What an answer may take of memory is bounded
 * before it arrives. */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include "common/buf.h"
#include "common/loop.h"

struct http;
struct http_call;

/* ERR_NO_MEMORY. Borrows @loop. */
NODISCARD enum err http_new(struct http **out, struct loop *loop);

/* Calls under way are dropped without a word. */
void http_free(struct http **http);

/* How many connections there may be to one server, 16 at first; calls beyond
 * them wait, and their time runs. */
void http_set_connections(struct http *http, unsigned per_server);

struct http_request {
	const char *url;
	const char *const *headers; /* "Name: value" */
	size_t headers_count;
	const struct bytes *body; /* POST as JSON; NULL: GET */
	unsigned timeout_ms;
	size_t answer_max; /* bytes */
};

struct http_answer {
	enum err err;		/* ERR_NONE: there is a status and a body
				 * ERR_UNREACHABLE: refused, timed out, cut off
				 * ERR_RANGE: larger than answer_max
				 * ERR_CONFIG: the URL can't be used */
	unsigned status;	/* of HTTP */
	uint64_t retry_after_s; /* what the server asked for; 0: nothing */
	struct bytes body;	/* borrowed for the call */
	const char *text;	/* of an error, for people */
};

typedef void http_done(void *arg, const struct http_answer *answer);

/* Send @request (copied) and call @done once, from the loop, never from
 * here. The call returned may be given to http_cancel() until then; NULL if
 * memory ran out, and @done is not called. */
struct http_call *http_send(struct http *http,
			    const struct http_request *request, http_done *done,
			    void *arg);

/* Give it up: done() won't be called, and the connection is closed, so that the
 * server need not go on. From within its own done() this does nothing. */
void http_cancel(struct http_call *call);

#endif /* COMMON_HTTP_H */
