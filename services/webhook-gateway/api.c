/* Routes, parameters, problems, and answers that nobody needs again. */
#include "services/webhook-gateway/api.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "services/webhook-gateway/api_impl.h"

enum { STORE_REST_US = 500 * 1000, LOG = 1 };

static const char no_cache[] = "no-cache"; /* ask again, with the ETag */

/* What an answer is made of: its ETag names the newest entry of each. */
enum {
	BOOK = LOG << LOGS_BOOK,
	CHAIN = LOG << LOGS_CHAIN,
	MATCH = LOG << LOGS_MATCH,
	SENDS = LOG << LOGS_TASK | LOG << LOGS_SLASH,
};

static const struct route {
	const char *path; /* * stands for one segment */
	void (*get)(struct call *c);
	unsigned logs; /* 0: not of the view */
	const char *args[7];
} routes[] = {
	{"/v1/markets", get_markets, BOOK | CHAIN, {"after", "limit"}},
	{"/v1/markets/*", get_market, BOOK | CHAIN, {NULL}},
	{"/v1/markets/*/book", get_book, BOOK | CHAIN, {"limit"}},
	{"/v1/generators", get_generators, BOOK, {"after", "limit"}},
	{"/v1/generators/*", get_generator, BOOK, {NULL}},
	{"/v1/generators/*/why", get_generator_why, BOOK, {"market", "limit"}},
	{"/v1/requests",
	 get_requests,
	 BOOK | MATCH,
	 {"requester", "market", "state", "after", "limit"}},
	{"/v1/requests/*", get_request, BOOK | CHAIN | MATCH | SENDS, {NULL}},
	{"/v1/requests/*/why", get_request_why, BOOK | MATCH, {NULL}},
	{"/v1/tasks",
	 get_tasks,
	 BOOK,
	 {"generator", "market", "state", "after", "limit"}},
	{"/v1/stats", get_stats, BOOK | MATCH, {"market", "after", "limit"}},
	{"/v1/chain", get_chain, BOOK | CHAIN | MATCH | SENDS, {NULL}},
	{"/v1/events", get_events, 0, {"log", "from", "limit"}},
	{"/v1/status", get_status, 0, {NULL}},
};

enum err api_new(struct api **out, const struct api_config *config)
{
	struct api *a = calloc(1, sizeof *a);

	if (!a)
		return ERR_NO_MEMORY;
	a->is = *config;
	*out = a;
	return ERR_NONE;
}

void api_free(struct api **api)
{
	if (!*api)
		return;
	buf_free(&(*api)->status);
	free(*api);
	*api = NULL;
}

void api_set_ready(struct api *api)
{
	api->ready = true;
}

/* ---- problems ----------------------------------------------------------- */

void api_problem(struct api_answer *answer, unsigned status, const char *title,
		 const char *detail, ...)
{
	struct doc d = {&answer->body, false};
	char text[512], type[80];
	va_list ap;

	va_start(ap, detail);
	vsnprintf(text, sizeof text, detail, ap);
	va_end(ap);
	snprintf(type, sizeof type, "urn:kalypso:problem:%s", title);
	for (char *p = type; *p; p++)
		*p = *p == ' ' ? '-' : (char)tolower(*p);
	buf_clear(&answer->body);
	answer->status = status;
	answer->type = "application/problem+json";
	answer->cache_control = "no-store";
	answer->etag[0] = 0;
	answer->retry_after_s = status == 503 ? 1 : 0;
	doc_object(&d, NULL);
	doc_text(&d, "type", type);
	doc_text(&d, "title", title);
	doc_count(&d, "status", status);
	doc_text(&d, "detail", text);
	if (*answer->id)
		doc_text(&d, "request_id", answer->id);
	doc_end(&d);
}

void call_not_found(struct call *c, const char *what)
{
	api_problem(c->answer, 404, "Not found",
		    "%.96s: there is no such %s, or the chain took it back",
		    c->request->path, what);
}

bool call_may_ask(const struct call *c)
{
	const struct api *a = c->api;

	return a->is.store &&
	       (!a->store_lost_us ||
		c->request->now_us - a->store_lost_us > STORE_REST_US);
}

bool call_store(struct call *c)
{
	if (call_may_ask(c))
		return true;
	call_store_failed(c, ERR_NONE);
	return false;
}

void call_store_failed(struct call *c, enum err e)
{
	if (e == ERR_TRIMMED) {
		api_problem(c->answer, 410, "Gone",
			    "%.96s: the log doesn't begin there any more: ask "
			    "from a later entry, or derive it from the chain "
			    "with kalypso audit",
			    c->request->path);
		return;
	}
	if (e)
		c->api->store_lost_us = c->request->now_us;
	api_problem(c->answer, 503, "Redis does not answer",
		    "%.96s needs it; what is open now doesn't. Try again in a "
		    "second",
		    c->request->path);
}

/* ---- parameters --------------------------------------------------------- */

static bool is_named(const char *arg, const char *name)
{
	size_t size = strlen(name);

	return strncmp(arg, name, size) == 0 &&
	       (arg[size] == '=' || !arg[size]);
}

const char *call_arg(const struct call *c, const char *name)
{
	for (size_t i = 0; i < c->request->args_count; i++) {
		const char *value = strchr(c->request->args[i], '=');

		if (is_named(c->request->args[i], name))
			return value ? value + 1 : "";
	}
	return NULL;
}

/* Digits only. */
static bool parse_number(const char *text, uint64_t *out)
{
	size_t size = strspn(text, "0123456789");

	if (!size || text[size])
		return false;
	errno = 0;
	*out = strtoull(text, NULL, 10);
	return !errno;
}

bool call_number(struct call *c, const char *name, uint64_t min, uint64_t max,
		 uint64_t fallback, uint64_t *out)
{
	const char *text = call_arg(c, name);

	*out = fallback;
	if (!text || (parse_number(text, out) && *out >= min && *out <= max))
		return true;
	api_problem(c->answer, 400, "Bad parameter",
		    "%.96s: %s is a number from %" PRIu64 " to %" PRIu64
		    ", in digits",
		    c->request->path, name, min, max);
	return false;
}

bool call_address(struct call *c, const char *name, struct address *out,
		  bool *there)
{
	const char *text = call_arg(c, name);

	*there = text;
	if (!text || !address_parse(out, text))
		return true;
	api_problem(c->answer, 400, "Bad parameter",
		    "%.96s: %s is an address: 0x and 40 hex digits, in lower "
		    "case or with the checksum of EIP-55",
		    c->request->path, name);
	return false;
}

bool call_subject(struct call *c, uint64_t *id)
{
	if (parse_number(c->subject, id) && *id)
		return true;
	api_problem(c->answer, 400, "Bad id",
		    "%.96s: an id is a decimal number from 1",
		    c->request->path);
	return false;
}

bool call_subject_address(struct call *c, struct address *out)
{
	if (!address_parse(out, c->subject))
		return true;
	api_problem(
		c->answer, 400, "Bad address",
		"%.96s: an address is 0x and 40 hex digits, in lower case or "
		"with the checksum of EIP-55",
		c->request->path);
	return false;
}

static bool is_known(const struct route *r, const char *arg)
{
	for (unsigned i = 0; r->args[i]; i++)
		if (is_named(arg, r->args[i]))
			return true;
	return false;
}

/* What is misspelled must not be taken for left out. */
static bool check_args(struct call *c, const struct route *r)
{
	const struct api_request *q = c->request;

	for (size_t i = 0; i < q->args_count && !q->args_bad; i++) {
		for (size_t j = 0; j < i; j++)
			if (strcspn(q->args[i], "=") ==
				    strcspn(q->args[j], "=") &&
			    strncmp(q->args[i], q->args[j],
				    strcspn(q->args[i], "=")) == 0) {
				api_problem(c->answer, 400, "Bad parameter",
					    "%.96s: a parameter stands there "
					    "twice",
					    q->path);
				return false;
			}
		if (!is_known(r, q->args[i])) {
			api_problem(c->answer, 400, "Unknown parameter",
				    "%.96s: one of the parameters is none of "
				    "its own: see the API's description",
				    q->path);
			return false;
		}
	}
	if (q->args_bad)
		api_problem(c->answer, 400, "Too many parameters",
			    "%.96s: at most %d, each of at most %d bytes",
			    q->path, API_ARGS_MAX, API_ARG_MAX);
	return !q->args_bad;
}

/* ---- answers ------------------------------------------------------------ */

void call_begin(struct call *c)
{
	const struct view_log *book = view_log(c->view, LOGS_BOOK);

	doc_object(&c->doc, NULL);
	if (!book->seq) {
		doc_null(&c->doc, "as_of");
		return;
	}
	doc_object(&c->doc, "as_of");
	doc_id(&c->doc, "block", book->block.number);
	doc_hash(&c->doc, "hash", &book->block.hash);
	doc_time(&c->doc, "time", book->block.time);
	doc_count(&c->doc, "seq", book->seq);
	doc_end(&c->doc);
}

void call_next(struct call *c, uint64_t id)
{
	if (id)
		doc_id(&c->doc, "next", id);
	else
		doc_null(&c->doc, "next");
}

void call_end(struct call *c)
{
	doc_end(&c->doc);
}

static void make_etag(const struct call *c, const struct route *r,
		      char etag[API_ETAG_ROOM])
{
	size_t n = (size_t)snprintf(etag, API_ETAG_ROOM, "W/\"%" PRIx64,
				    c->api->is.epoch);

	for (int log = 0; log < LOGS_COUNT; log++)
		if (r->logs >> log & 1)
			n += (size_t)snprintf(etag + n, API_ETAG_ROOM - n,
					      ".%" PRIu64,
					      view_log(c->view, log)->seq);
	snprintf(etag + n, API_ETAG_ROOM - n, "\"");
}

/* Whether one of the tags of an If-None-Match is @etag, compared weakly (RFC
 * 9110, 8.8.3.2). */
static bool is_same(const char *said, const char *etag)
{
	const char *opaque = strchr(etag, '"');
	size_t size = strlen(opaque);

	for (const char *p = said; (p = strchr(p, '"')); p++)
		if (strncmp(p, opaque, size) == 0)
			return true;
	return strcmp(said, "*") == 0;
}

static bool matches(const char *pattern, const char *path, char *subject,
		    size_t room)
{
	for (; *pattern; pattern++) {
		size_t size = strcspn(path, "/");

		if (*pattern != '*') {
			if (*path++ != *pattern)
				return false;
			continue;
		}
		if (!size || size >= room)
			return false;
		memcpy(subject, path, size);
		subject[size] = 0;
		path += size;
	}
	return !*path;
}

static void answer_get(struct call *c, const struct route *r)
{
	struct api_answer *a = c->answer;

	if (!check_args(c, r))
		return;
	if (r->logs && !c->api->ready) {
		api_problem(a, 503, "Not yet",
			    "the gateway is still reading the logs: try again "
			    "in a second");
		return;
	}
	a->cache_control = no_cache;
	if (r->logs)
		make_etag(c, r, a->etag);
	if (r->logs && c->request->if_none_match &&
	    is_same(c->request->if_none_match, a->etag)) {
		a->status = 304;
		return;
	}
	a->status = 200;
	a->type = "application/json";
	r->get(c);
	if (buf_failed(&a->body))
		api_problem(a, 503, "Out of memory",
			    "%.96s: ask for less, or later", c->request->path);
}

void api_begin(struct api_answer *answer, const struct api_request *request)
{
	buf_clear(&answer->body);
	*answer = (struct api_answer){.body = answer->body};
	if (request->id)
		snprintf(answer->id, sizeof answer->id, "%s", request->id);
}

void api_answer(struct api *api, const struct api_request *request,
		struct api_answer *answer)
{
	char subject[64] = "";
	struct call c = {.api = api,
			 .view = api->is.view,
			 .request = request,
			 .answer = answer,
			 .doc = {&answer->body, false},
			 .subject = subject};
	const struct route *r = routes;

	api_begin(answer, request);
	while (r < routes + sizeof routes / sizeof routes[0] &&
	       !matches(r->path, request->path, subject, sizeof subject))
		r++;
	if (strcmp(request->path, API_FEED_PATH) == 0)
		api_problem(answer, 426, "Upgrade required",
			    "%s is a websocket: connect with a client for one",
			    API_FEED_PATH);
	else if (r == routes + sizeof routes / sizeof routes[0])
		api_problem(
			answer, 404, "Not found",
			"%.96s: there is nothing here; the API is under /v1",
			request->path);
	else if (request->method == API_OPTIONS)
		answer->status = 204;
	else if (request->method >= API_POST)
		api_problem(answer, 405, "Method not allowed",
			    "%.96s can only be read: use GET", request->path);
	else
		answer_get(&c, r);
	if (answer->status == 405 || answer->status == 204)
		answer->allow = "GET, HEAD, OPTIONS";
}
