/* Calls and batches: who is asked, what counts as an answer, who is next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "common/refusal.h"
#include "common/rpc_impl.h"

static struct metric calls =
	METRIC(COUNTER, "rpc_call_total", "calls sent to Ethereum nodes");
static struct metric failures =
	METRIC(COUNTER, "rpc_failed_total", "calls that no node answered");
static struct metric moved =
	METRIC(COUNTER, "rpc_moved_total",
	       "calls asked of another node, as one failed or was too slow");
static struct metric call_time =
	METRIC(HISTOGRAM, "rpc_call_seconds",
	       "time from sending a request to its answer");

enum {
	CALLS_PER_BATCH_START = 16,
	REVERTED = 3,
	/* What is parsed becomes objects, of many times its size. */
	PARSED_MAX_BYTES = 16 << 20,
	PARSED_MORE_BYTES = 256 << 10, /* for each call of a batch */
};

struct call {
	uint64_t id;
	rpc_done *done;
	void *arg;
	bool answered;
};

/* One HTTP request to one node. */
struct attempt {
	struct rpc_batch *batch;
	struct http_call *http; /* NULL: none, or it ended */
	uint64_t sent_us;
};

/* One call, or several. */
struct rpc_batch {
	struct rpc *rpc;
	json_t *requests; /* in the order of the calls */
	struct call *calls;
	size_t count, room, missing;
	bool raw, many;
	bool bound;	/* to one node */
	bool answering; /* its callers are being told: it must stay */
	unsigned node;	/* asked last */
	unsigned tried; /* bits */
	unsigned under_way;
	bool too_much;
	uint64_t began_ms;
	char text[160]; /* of the last failure */
	struct attempt attempts[RPC_NODES_MAX];
	struct rpc_batch *next, **link;
};

void rpc_calls_register(void)
{
	metric_register(&calls);
	metric_register(&failures);
	metric_register(&moved);
	metric_register(&call_time);
}

static void free_batch(struct rpc_batch *b)
{
	if (b->link) {
		*b->link = b->next;
		if (b->next)
			b->next->link = b->link;
	}
	for (unsigned i = 0; i < RPC_NODES_MAX; i++)
		http_cancel(b->attempts[i].http);
	json_decref(b->requests);
	free(b->calls);
	free(b);
}

void rpc_calls_free(struct rpc *rpc)
{
	while (rpc->batches)
		free_batch(rpc->batches);
}

/* ---- answering ---------------------------------------------------------- */

/* Tell whoever has not heard yet that there is no answer, and free it. */
static void give_up(struct rpc_batch *b)
{
	struct rpc_answer a = {.err = ERR_UNREACHABLE,
			       .message = b->text,
			       .node = b->node,
			       .too_much = b->too_much};

	b->answering = true;
	metric_add(&failures, 1);
	log_debug("rpc.failed", "node=%s text=\"%s\"",
		  rpc_node_name(b->rpc, b->node), b->text);
	for (size_t i = 0; i < b->count; i++) {
		if (b->calls[i].answered)
			continue;
		b->calls[i].answered = true;
		b->calls[i].done(b->calls[i].arg, &a);
	}
	free_batch(b);
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

static void tell(struct rpc_batch *b, struct call *c,
		 const struct rpc_answer *a)
{
	c->answered = true;
	b->missing--;
	c->done(c->arg, a);
}

/* Some say that they were asked too often in place of an answer. What a
 * contract says may read like it. */
static bool is_limit(const struct rpc_answer *a)
{
	uint64_t most;

	return a->code != REVERTED && !strcasestr(a->message, "revert") &&
	       refusal_of(a->code, a->message, &most) == REFUSAL_LIMITED;
}

static void answer_one(struct rpc_batch *b, unsigned node, json_t *object,
		       enum provider_fault *fault)
{
	struct call *c = find_call(b, json_object_get(object, "id"));
	json_t *error = json_object_get(object, "error");
	struct rpc_answer a = {.result = json_object_get(object, "result"),
			       .node = node};

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
		if (is_limit(&a)) {
			*fault = PROVIDER_LIMITED;
			snprintf(b->text, sizeof b->text, "%s", a.message);
			return;
		}
	} else if (!a.result) {
		return;
	}
	tell(b, c, &a);
}

static void answer_raw(struct rpc_batch *b, unsigned node, struct bytes body)
{
	struct rpc_answer a = {.raw = body, .id = b->calls[0].id, .node = node};

	if (!b->calls[0].answered)
		tell(b, &b->calls[0], &a);
}

static void answer_parsed(struct rpc_batch *b, unsigned node, struct bytes body,
			  enum provider_fault *fault)
{
	json_t *root = json_read(body), *item;
	size_t i;

	if (!root)
		return;
	if (json_is_array(root))
		json_array_foreach (root, i, item)
			answer_one(b, node, item, fault);
	else
		answer_one(b, node, root, fault);
	json_decref(root);
}

/* Tell who is answered; what is wrong, if some aren't. */
static enum provider_fault read_answer(struct rpc_batch *b, unsigned node,
				       const struct http_answer *h,
				       uint64_t took_us)
{
	enum provider_fault fault = PROVIDER_BROKEN;

	if (h->err) {
		snprintf(b->text, sizeof b->text, "%s", h->text);
		b->too_much = h->err == ERR_RANGE ||
			      took_us / 1000 + 10 >= b->rpc->config.timeout_ms;
		return h->err == ERR_RANGE ? PROVIDER_BROKEN : PROVIDER_SILENT;
	}
	if (h->status == 200) {
		snprintf(b->text, sizeof b->text,
			 "not an answer to what was asked");
		if (b->raw)
			answer_raw(b, node, h->body);
		else
			answer_parsed(b, node, h->body, &fault);
		return fault;
	}
	/* Nodes answer refusals with 4xx, too: look for one. */
	snprintf(b->text, sizeof b->text, "HTTP status %u", h->status);
	if (h->status == 429 || (h->status == 503 && h->retry_after_s))
		return PROVIDER_LIMITED;
	if (h->status >= 400 && h->status < 500 && !b->raw)
		answer_parsed(b, node, h->body, &fault);
	b->too_much = h->status == 400 || h->status == 413 || h->status == 504;
	return fault;
}

static void go_on(struct rpc_batch *b);

static void on_answer(void *arg, const struct http_answer *h)
{
	struct attempt *at = arg;
	struct rpc_batch *b = at->batch;
	unsigned node = (unsigned)(at - b->attempts);
	uint64_t took_us = metric_now_us() - at->sent_us;
	size_t missing = b->missing;
	enum provider_fault fault;

	at->http = NULL;
	b->under_way--;
	metric_observe_us(&call_time, took_us);
	b->answering = true;
	fault = read_answer(b, node, h, took_us);
	b->answering = false;
	if (b->missing)
		rpc_blame(b->rpc, node, fault, at->sent_us / 1000,
			  h->retry_after_s * 1000, b->text);
	else if (missing)
		rpc_praise(b->rpc, node, took_us);
	if (!b->missing)
		free_batch(b);
	else if (!b->under_way)
		go_on(b);
}

void rpc_forget(struct rpc *rpc, const void *arg)
{
	struct rpc_batch *b, *next;

	for (b = rpc->batches; b; b = next) {
		next = b->next;
		for (size_t i = 0; i < b->count; i++)
			if (b->calls[i].arg == arg && !b->calls[i].answered) {
				b->calls[i].answered = true;
				b->missing--;
			}
		if (!b->missing && !b->answering)
			free_batch(b);
	}
}

/* ---- asking ------------------------------------------------------------- */

struct rpc_batch *rpc_batch_new(struct rpc *rpc)
{
	struct rpc_batch *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->rpc = rpc;
	b->requests = json_array();
	b->many = true;
	b->node = rpc->providers.current;
	for (unsigned i = 0; i < RPC_NODES_MAX; i++)
		b->attempts[i].batch = b;
	return b;
}

struct rpc_batch *rpc_batch_new_node(struct rpc *rpc, unsigned node)
{
	struct rpc_batch *b = rpc_batch_new(rpc);

	if (b) {
		b->bound = true;
		b->node = node;
	}
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
	b->missing++;
	*c = (struct call){.done = done, .arg = arg};
	json_array_append_new(b->requests,
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
		json_object_set_new(json_array_get(b->requests, i), "id",
				    json_integer((json_int_t)b->calls[i].id));
	}
}

static int put(const char *text, size_t size, void *out)
{
	buf_put(out, text, size);
	return 0;
}

/* What has no answer yet. */
static void put_requests(struct buf *out, const struct rpc_batch *b)
{
	bool all = b->missing == b->count;
	json_t *left = all ? json_incref(b->requests) : json_array();

	for (size_t i = 0; i < b->count && !all; i++)
		if (!b->calls[i].answered)
			json_array_append(left, json_array_get(b->requests, i));
	if (json_dump_callback(b->many ? left : json_array_get(left, 0), put,
			       out, JSON_COMPACT))
		buf_fail(out, ERR_NO_MEMORY);
	json_decref(left);
}

static size_t answer_max(const struct rpc_batch *b)
{
	size_t most = b->rpc->config.answer_max;
	size_t parsed = PARSED_MAX_BYTES + b->missing * PARSED_MORE_BYTES;

	return b->raw || parsed > most ? most : parsed;
}

/* False if memory ran out. */
static bool ask(struct rpc_batch *b, unsigned node)
{
	struct rpc *r = b->rpc;
	struct attempt *at = &b->attempts[node];
	struct http_request request = {.url = r->nodes[node].url,
				       .timeout_ms = r->config.timeout_ms,
				       .answer_max = answer_max(b)};
	struct buf text = {0};
	struct bytes body;

	if (b->tried)
		metric_add(&moved, (int64_t)b->missing);
	b->tried |= 1u << node;
	b->node = node;
	put_requests(&text, b);
	body = buf_bytes(&text);
	request.body = &body;
	at->sent_us = metric_now_us();
	if (!buf_failed(&text))
		at->http = http_send(r->config.http, &request, on_answer, at);
	buf_free(&text);
	metric_add(&calls, (int64_t)b->missing);
	b->under_way += at->http != NULL;
	return at->http != NULL;
}

/* Whether everybody was asked. Who rests is waited for. */
static bool is_hopeless(const struct rpc_batch *b)
{
	const struct providers *p = &b->rpc->providers;

	for (unsigned i = 0; i < p->count && !b->bound; i++)
		if (!(b->tried >> i & 1) && !p->list[i].excluded)
			return false;
	return b->tried != 0;
}

/* Ask the next node, if there is one; frees it if there is none, and nothing
 * to wait for. */
static void go_on(struct rpc_batch *b)
{
	struct rpc *r = b->rpc;
	uint64_t now = rpc_now_ms();
	int node = -1;

	if (!b->bound)
		node = providers_choose(&r->providers, now, b->tried);
	else if (!b->tried)
		node = (int)b->node;
	if (node >= 0 && !ask(b, (unsigned)node))
		snprintf(b->text, sizeof b->text, "out of memory");
	if (b->under_way)
		return;
	if (is_hopeless(b) || now - b->began_ms >= r->config.timeout_ms)
		give_up(b);
}

void rpc_batch_send(struct rpc_batch *b)
{
	struct rpc *r;

	if (!b)
		return;
	if (!b->count) {
		free_batch(b);
		return;
	}
	r = b->rpc;
	give_ids(b);
	b->began_ms = rpc_now_ms();
	snprintf(b->text, sizeof b->text, "every node rests or is excluded");
	b->next = r->batches;
	b->link = &r->batches;
	if (b->next)
		b->next->link = &b->next;
	r->batches = b;
	go_on(b);
	rpc_tick_soon(r);
}

/* Who takes long isn't waited for, unless the answer may be a long one. */
static bool is_slow(const struct rpc_batch *b, uint64_t now_ms)
{
	return b->under_way && !b->bound && !b->raw &&
	       b->rpc->providers.count > 1 &&
	       now_ms - b->attempts[b->node].sent_us / 1000 >=
		       b->rpc->config.patience_ms;
}

void rpc_calls_tick(struct rpc *rpc)
{
	uint64_t now = rpc_now_ms();
	struct rpc_batch *b, *next;

	/* go_on() frees at most the batch that it is given, but who is told
	 * may add others: at the front. */
	for (b = rpc->batches; b; b = next) {
		next = b->next;
		if (is_slow(b, now)) {
			rpc_blame(rpc, b->node, PROVIDER_SILENT,
				  b->attempts[b->node].sent_us / 1000, 0,
				  "no answer in time");
			go_on(b);
		} else if (!b->under_way) {
			go_on(b);
		}
	}
}

bool rpc_calls_wait(const struct rpc *rpc)
{
	for (const struct rpc_batch *b = rpc->batches; b; b = b->next)
		if (!b->under_way)
			return true;
	return false;
}

static void send_call(struct rpc_batch *b, bool raw, const char *method,
		      json_t *params, rpc_done *done, void *arg)
{
	if (b) {
		b->many = false;
		b->raw = raw;
	}
	rpc_batch_add(b, method, params, done, arg);
	rpc_batch_send(b);
}

void rpc_call(struct rpc *rpc, const char *method, json_t *params,
	      rpc_done *done, void *arg)
{
	send_call(rpc_batch_new(rpc), false, method, params, done, arg);
}

void rpc_call_raw(struct rpc *rpc, const char *method, json_t *params,
		  rpc_done *done, void *arg)
{
	send_call(rpc_batch_new(rpc), true, method, params, done, arg);
}

void rpc_call_node(struct rpc *rpc, unsigned node, const char *method,
		   json_t *params, rpc_done *done, void *arg)
{
	send_call(rpc_batch_new_node(rpc, node), false, method, params, done,
		  arg);
}

void rpc_call_raw_node(struct rpc *rpc, unsigned node, const char *method,
		       json_t *params, rpc_done *done, void *arg)
{
	send_call(rpc_batch_new_node(rpc, node), true, method, params, done,
		  arg);
}
