/* curl_call - one HTTP call through libcurl: what http.c and post.c share.
 *
 * http and https, HTTP/1.1, no redirects, no proxy, no cookies; certificates
 * are checked. What an answer may take of memory and time is bounded. Only
 * these two include this; curl's own names stay behind their headers. */
#ifndef COMMON_CURL_CALL_H
#define COMMON_CURL_CALL_H

#include <curl/curl.h>
#include <stdbool.h>

#include "common/buf.h"

enum { CURL_CALL_CONNECT_MS = 5000 };

/* Begins as all zeros. */
struct curl_call {
	CURL *easy;
	struct curl_slist *headers;
	struct buf body, answer;
	size_t answer_max;
	bool too_large; /* there was more than answer_max */
	char error[CURL_ERROR_SIZE];
};

struct curl_call_request {
	const char *url;
	const char *const *headers; /* "Name: value" */
	size_t headers_count;
	const struct bytes *body; /* POST as JSON; NULL: GET */
	unsigned timeout_ms, connect_ms;
	size_t answer_max; /* bytes */
};

/* One more header, before curl_call_prepare(). False: memory ran out. */
bool curl_call_add_header(struct curl_call *c, const char *line);

/* Set it up for @request (copied), with @owner as what curl_call_next() gives
 * back; the caller may set more options. False: memory ran out. */
bool curl_call_prepare(struct curl_call *c,
		       const struct curl_call_request *request, void *owner);

/* The owner of a call that has ended, and how; NULL: there is no other. */
void *curl_call_next(CURLM *multi, CURLcode *code);

/* What came back; borrowed from the call. */
struct curl_call_end {
	unsigned status;
	uint64_t retry_after_s; /* 0: nothing was asked for */
	struct bytes body;
	const char *text; /* of an error, for people */
};
struct curl_call_end curl_call_end(const struct curl_call *c, CURLcode code);

/* Forget what was asked and answered; its handle can be used again. */
void curl_call_clear(struct curl_call *c);

/* It is in no multi handle. */
void curl_call_free(struct curl_call *c);

#endif /* COMMON_CURL_CALL_H */
