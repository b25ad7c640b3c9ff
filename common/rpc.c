/* Requests, batches, and what counts as an answer. */
#include "common/rpc.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"

static struct metric calls =
	METRIC(COUNTER, "rpc_call_total", "calls sent to Ethereum nodes");
static struct metric failures =
	METRIC(COUNTER, "rpc_failed_total", "calls that no node answered");
static struct metric call_time =
	METRIC(HISTOGRAM, "rpc_call_seconds",
	       "time from sending a request to its answer");

enum { NODE_ROOM = 128, CALLS_PER_BATCH_START = 16 };

struct rpc {
	struct rpc_config config;
	char *urls[RPC_NODES_MAX];
	char names[RPC_NODES_MAX][NODE_ROOM]; /* without path and query */
	unsigned count, current;
	uint64_t last_id;
	struct rpc_batch *under_way;
};

struct call {
	uint64_t id;
	rpc_done *done;
	void *arg;
	bool answered;
};

/* One HTTP request: one call, or several. */
struct rpc_batch {
	struct rpc *rpc;
	json_t *body; /* array of requests; freed once sent */
	struct call *calls;
	size_t count, room;
	bool raw, many;
	unsigned node;
	uint64_t sent_us;
	struct http_call *http;
	struct rpc_batch *next, **link;
};

/* ---- nodes -------------------------------------------------------------- */

static void name_node(char out[NODE_ROOM], const char *url)
{
	const char *host = strstr(url, "://");
	const char *at;
	size_t size;

	host = host ? host + 3 : url;
	size = strcspn(host, "/?#");
	at = memrchr(host, '@', size); /* the last: a password may hold one */
	if (at) {
		size -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	snprintf(out, NODE_ROOM, "%.*s", (int)(size < 100 ? size : 100), host);
}

static enum err add_url(struct rpc *r, const char *url)
{
	if (r->count == RPC_NODES_MAX || (strncmp(url, "http://", 7) != 0 &&
					  strncmp(url, "https://", 8) != 0)) {
		log_error("rpc.url",
			  "url=\"%s\" text=\"a node's URL begins with "
			  "http:// or https://; at most %d\"",
			  url, RPC_NODES_MAX);
		return ERR_CONFIG;
	}
	r->urls[r->count] = strdup(url);
	if (!r->urls[r->count])
		return ERR_NO_MEMORY;
	name_node(r->names[r->count++], url);
	return ERR_NONE;
}

enum err rpc_new(struct rpc **out, const struct rpc_config *config)
{
	struct rpc *r = calloc(1, sizeof *r);
	char *list = strdup(config->urls), *rest = list, *url;
	enum err e = r && list ? ERR_NONE : ERR_NO_MEMORY;

	metric_register(&calls);
	metric_register(&failures);
	metric_register(&call_time);
	if (!e)
		r->config = *config;
	while (!e && (url = strsep(&rest, ",")))
		e = add_url(r, url);
	free(list);
	if (e)
		rpc_free(&r);
	*out = r;
	return e;
}

static void free_batch(struct rpc_batch *b)
{
	if (b->link) {
		*b->link = b->next;
		if (b->next)
			b->next->link = b->link;
	}
	json_decref(b->body);
	free(b->calls);
	free(b);
}

void rpc_free(struct rpc **rpc)
{
	struct rpc *r = *rpc;

	if (!r)
		return;
	while (r->under_way) {
		http_cancel(r->under_way->http);
		free_batch(r->under_way);
	}
	for (unsigned i = 0; i < r->count; i++)
		free(r->urls[i]);
	free(r);
	*rpc = NULL;
}

unsigned rpc_nodes(const struct rpc *rpc)
{
	return rpc->count;
}

const char *rpc_node(const struct rpc *rpc)
{
	return rpc->names[rpc->current];
}

/* ---- answering ---------------------------------------------------------- */

/* Tell whoever has not heard yet that there is no answer. */
static void fail_rest(struct rpc_batch *b, const char *message)
{
	struct rpc *r = b->rpc;
	bool failed = false;

	for (size_t i = 0; i < b->count; i++) {
		struct rpc_answer a = {.err = ERR_UNREACHABLE,
				       .message = message};

		if (b->calls[i].answered)
			continue;
		if (!failed) {
			metric_add(&failures, 1);
			log_debug("rpc.failed", "node=%s text=\"%s\"",
				  r->names[b->node], message);
			if (b->node == r->current)
				r->current = (r->current + 1) % r->count;
		}
		failed = true;
		b->calls[i].answered = true;
		b->calls[i].done(b->calls[i].arg, &a);
	}
}

static struct call *find_call(struct rpc_batch *b, const json_t *id)
{
	/* Ids are consecutive. */
	uint64_t first = b->count ? b->calls[0].id : 0;
	uint64_t i = (uint64_t)json_integer_value(id) - first;

	if (!json_is_integer(id) || i >= b->count || b->calls[i].answered)
		return NULL;
	return &b->calls[i];
}

static void answer_one(struct rpc_batch *b, json_t *object)
{
	struct call *c = find_call(b, json_object_get(object, "id"));
	json_t *error = json_object_get(object, "error");
	struct rpc_answer a = {.result = json_object_get(object, "result")};

	if (!c)
		return; /* answers nothing that we asked */
	if (json_is_object(error)) {
		a.err = ERR_REFUSED;
		a.code = json_integer_value(json_object_get(error, "code"));
		a.message =
			json_string_value(json_object_get(error, "message"));
		a.data = json_object_get(error, "data");
		if (!a.message)
			a.message = "";
	} else if (!a.result) {
		return;
	}
	c->answered = true;
	c->done(c->arg, &a);
}

static void answer_raw(struct rpc_batch *b, struct bytes body)
{
	struct rpc_answer a = {.raw = body};

	b->calls[0].answered = true;
	b->calls[0].done(b->calls[0].arg, &a);
}

static void answer_parsed(struct rpc_batch *b, struct bytes body)
{
	json_error_t where;
	json_t *root = json_loadb((const char *)body.data, body.size,
				  JSON_REJECT_DUPLICATES, &where);
	json_t *item;
	size_t i;

	if (!root)
		return;
	if (json_is_array(root))
		json_array_foreach (root, i, item)
			answer_one(b, item);
	else
		answer_one(b, root);
	json_decref(root);
}

static void on_answer(void *arg, const struct http_answer *h)
{
	struct rpc_batch *b = arg;
	char text[160];

	metric_observe_us(&call_time, metric_now_us() - b->sent_us);
	if (h->err) {
		snprintf(text, sizeof text, "%s", h->text);
	} else if (h->status != 200) {
		/* Nodes answer refusals with 4xx, too: look for one. */
		snprintf(text, sizeof text, "HTTP status %u", h->status);
		if (!b->raw && h->status >= 400 && h->status < 500 &&
		    h->status != 429)
			answer_parsed(b, h->body);
	} else if (b->raw) {
		answer_raw(b, h->body);
	} else {
		answer_parsed(b, h->body);
		snprintf(text, sizeof text, "not an answer to what was asked");
	}
	fail_rest(b, text);
	free_batch(b);
}

/* ---- asking ------------------------------------------------------------- */

struct rpc_batch *rpc_batch_new(struct rpc *rpc)
{
	struct rpc_batch *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->rpc = rpc;
	b->body = json_array();
	b->many = true;
	b->node = rpc->current;
	return b;
}

static bool make_room(struct rpc_batch *b)
{
	size_t room = b->room ? 2 * b->room : CALLS_PER_BATCH_START;
	struct call *grown;

	if (b->count < b->room)
		return true;
	grown = realloc(b->calls, room * sizeof *grown);
	if (!grown)
		return false;
	b->calls = grown;
	b->room = room;
	return true;
}

void rpc_batch_add(struct rpc_batch *b, const char *method, json_t *params,
		   rpc_done *done, void *arg)
{
	struct call *c;

	if (!b || !make_room(b)) {
		json_decref(params);
		done(arg, &(struct rpc_answer){.err = ERR_UNREACHABLE,
					       .message = "out of memory"});
		return;
	}
	c = &b->calls[b->count++];
	*c = (struct call){.done = done, .arg = arg};
	json_array_append_new(b->body,
			      json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0",
					"method", method, "params",
					params ? params : json_array()));
}

/* Only now, so that they are consecutive whatever else was asked since the
 * first call was added. */
static void give_ids(struct rpc_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		b->calls[i].id = ++b->rpc->last_id;
		json_object_set_new(json_array_get(b->body, i), "id",
				    json_integer((json_int_t)b->calls[i].id));
	}
}

void rpc_batch_send(struct rpc_batch *b)
{
	struct http_request request = {.answer_max = RPC_ANSWER_MAX_BYTES};
	struct bytes body;
	char *text;

	if (!b)
		return;
	if (!b->count) {
		free_batch(b);
		return;
	}
	give_ids(b);
	text = json_dumps(b->many ? b->body : json_array_get(b->body, 0),
			  JSON_COMPACT);
	if (text) {
		body = (struct bytes){(const uint8_t *)text, strlen(text)};
		request.url = b->rpc->urls[b->node];
		request.body = &body;
		request.timeout_ms = b->rpc->config.timeout_ms;
		b->http =
			http_send(b->rpc->config.http, &request, on_answer, b);
	}
	free(text);
	json_decref(b->body);
	b->body = NULL;
	b->sent_us = metric_now_us();
	metric_add(&calls, (int64_t)b->count);
	if (!b->http) {
		fail_rest(b, "out of memory");
		free_batch(b);
		return;
	}
	b->next = b->rpc->under_way;
	b->link = &b->rpc->under_way;
	if (b->next)
		b->next->link = &b->next;
	b->rpc->under_way = b;
}

static void send_call(struct rpc *rpc, unsigned node, bool raw,
		      const char *method, json_t *params, rpc_done *done,
		      void *arg)
{
	struct rpc_batch *b = rpc_batch_new(rpc);

	if (b) {
		b->many = false;
		b->raw = raw;
		b->node = node;
	}
	rpc_batch_add(b, method, params, done, arg);
	rpc_batch_send(b);
}

void rpc_call(struct rpc *rpc, const char *method, json_t *params,
	      rpc_done *done, void *arg)
{
	send_call(rpc, rpc->current, false, method, params, done, arg);
}

void rpc_call_raw(struct rpc *rpc, const char *method, json_t *params,
		  rpc_done *done, void *arg)
{
	send_call(rpc, rpc->current, true, method, params, done, arg);
}

void rpc_call_node(struct rpc *rpc, unsigned node, const char *method,
		   json_t *params, rpc_done *done, void *arg)
{
	send_call(rpc, node, false, method, params, done, arg);
}

/* ---- transactions ------------------------------------------------------- */

static bool says(const char *message, const char *words)
{
	return strcasestr(message, words) != NULL;
}

enum rpc_send_verdict rpc_send_verdict(const struct rpc_answer *a)
{
	const char *m = a->message ? a->message : "";

	if (!a->err)
		return RPC_SEND_ACCEPTED;
	if (a->err != ERR_REFUSED)
		return RPC_SEND_UNKNOWN;
	if (says(m, "already known") || says(m, "already imported") ||
	    says(m, "known transaction"))
		return RPC_SEND_KNOWN;
	if (says(m, "nonce too low") || says(m, "nonce is too low"))
		return RPC_SEND_NONCE_USED;
	if (says(m, "underpriced") || says(m, "fee cap less than") ||
	    says(m, "max fee per gas less than") || says(m, "fee too low"))
		return RPC_SEND_UNDERPRICED;
	if (says(m, "insufficient funds"))
		return RPC_SEND_POOR;
	return RPC_SEND_UNKNOWN;
}
