/* common/http.h and common/heads.h: what is asked is answered later, or not;
 * the answer is true of one moment between the two. */
#include <assert.h>
#include <stdlib.h>

#include "common/heads.h"
#include "common/http.h"
#include "tests/sim/node.h"
#include "tests/sim/node_impl.h"
#include "tests/sim/world.h"

enum {
	LATENCY_US = 1000,
	SLOW_US = 300 * 1000,
	PROVER_US = 900 * 1000,
};

static struct node {
	uint64_t silent_until_us, frozen_until_us;
	struct sim_block *frozen_at;
} nodes[NODES];

static bool kind;

void node_silence(unsigned i, uint64_t us)
{
	nodes[i].silent_until_us = world_now_us() + us;
}

void node_freeze(unsigned i, uint64_t us)
{
	nodes[i].frozen_until_us = world_now_us() + us;
	nodes[i].frozen_at = sim_head();
}

void node_be_kind(void)
{
	kind = true;
	for (unsigned i = 0; i < NODES; i++)
		nodes[i] = (struct node){0};
}

static struct sim_block *head_of(unsigned i)
{
	const struct node *n = &nodes[i];

	return n->frozen_until_us > world_now_us() ? n->frozen_at : sim_head();
}

/* ---- http.h ------------------------------------------------------------- */

struct http {
	struct process *owner;
	struct http_call *calls;
};

struct http_call {
	struct http *http;
	struct world_event *event;
	bool prover;
	unsigned node;
	struct sim_block *then; /* the node's head as it was asked */
	struct buf body;
	http_done *done;
	void *arg;
	struct http_call *next, **link;
};

enum err http_new(struct http **out, struct loop *loop)
{
	struct http *h = calloc(1, sizeof *h);

	(void)loop;
	assert(h);
	h->owner = process_current();
	*out = h;
	return ERR_NONE;
}

static void free_call(struct http_call *c)
{
	world_cancel(&c->event);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	buf_free(&c->body);
	free(c);
}

void http_free(struct http **http)
{
	if (!*http)
		return;
	while ((*http)->calls)
		free_call((*http)->calls);
	free(*http);
	*http = NULL;
}

void http_set_connections(struct http *http, unsigned per_server)
{
	(void)http;
	(void)per_server;
}

static bool is_lost(const struct http_call *c)
{
	if (c->prover)
		return !kind && chance(30);
	return nodes[c->node].silent_until_us > world_now_us() ||
	       (!kind && chance(5));
}

static void on_due(void *arg)
{
	struct http_call *c = arg;
	static struct buf out; /* one answer at a time */
	struct http_answer a = {.status = 200, .text = ""};
	http_done *done = c->done;
	void *with = c->arg;

	c->event = NULL;
	buf_clear(&out);
	if (is_lost(c)) {
		a.err = ERR_UNREACHABLE;
		a.text = "nobody there";
	} else if (c->prover) {
		a.status = node_answer_prover(&out, buf_bytes(&c->body), kind);
	} else {
		struct sim_block *heads[] = {c->then, head_of(c->node)};

		node_answer_node(&out, buf_bytes(&c->body), heads);
	}
	a.body = buf_bytes(&out);
	c->done = NULL;
	done(with, &a);
	free_call(c);
}

/* Bytes that were sent arrive even where the answer doesn't. */
static void send_blindly(const struct http_call *c)
{
	struct buf out = {0};
	struct sim_block *heads[] = {c->then, c->then};

	node_answer_node(&out, buf_bytes(&c->body), heads);
	buf_free(&out);
}

static uint64_t latency(const struct http_call *c)
{
	if (c->prover)
		return PROVER_US / 3 + draw(PROVER_US);
	return LATENCY_US / 4 + draw(LATENCY_US) +
	       (!kind && chance(20) ? draw(SLOW_US) : 0);
}

struct http_call *http_send(struct http *http,
			    const struct http_request *request, http_done *done,
			    void *arg)
{
	struct http_call *c = calloc(1, sizeof *c);

	assert(c);
	c->http = http;
	c->prover = strncmp(request->url, "http://prover", 13) == 0;
	c->node = request->url[strlen("http://n")] == '2';
	c->then = head_of(c->node);
	c->done = done;
	c->arg = arg;
	buf_put(&c->body, request->body->data, request->body->size);
	c->next = http->calls;
	c->link = &http->calls;
	if (c->next)
		c->next->link = &c->next;
	http->calls = c;
	if (!process_is_dead() && !c->prover && chance(100) &&
	    memmem(c->body.data, c->body.size, "sendRaw", 7))
		send_blindly(c);
	c->event = world_after(latency(c), http->owner, on_due, c);
	return c;
}

void http_cancel(struct http_call *call)
{
	if (call && call->done)
		free_call(call);
}

/* ---- heads.h ------------------------------------------------------------ */

struct heads {
	struct process *owner;
	heads_fn *fn;
	void *arg;
	unsigned node;
	struct world_event *event;
	struct heads *next, **link;
};

static struct heads *listeners;

enum err heads_new(struct heads **out, struct loop *loop, const char *url,
		   heads_fn *fn, void *arg)
{
	struct heads *h = calloc(1, sizeof *h);

	(void)loop;
	assert(h);
	h->owner = process_current();
	h->fn = fn;
	h->arg = arg;
	h->node = url[strlen("ws://n")] == '2';
	h->next = listeners;
	h->link = &listeners;
	if (h->next)
		h->next->link = &h->next;
	listeners = h;
	*out = h;
	return ERR_NONE;
}

void heads_free(struct heads **heads)
{
	struct heads *h = *heads;

	if (!h)
		return;
	world_cancel(&h->event);
	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	free(h);
	*heads = NULL;
}

static const struct evm_header *parsed_header(struct sim_block *b)
{
	json_t *json;

	if (b->head)
		return b->head;
	b->head = malloc(sizeof *b->head);
	json = json_loads(node_header(b), 0, NULL);
	assert(b->head && json && !evm_header_parse(b->head, json));
	json_decref(json);
	return b->head;
}

static void on_head(void *arg)
{
	struct heads *h = arg;

	h->event = NULL;
	h->fn(h->arg, parsed_header(head_of(h->node)));
}

void node_new_head(void)
{
	for (struct heads *h = listeners; h; h = h->next)
		if (!h->event && (kind || !chance(100)))
			h->event =
				world_after(LATENCY_US / 2 + draw(LATENCY_US),
					    h->owner, on_head, h);
}
