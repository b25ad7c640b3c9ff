/* small_node - a node that answers what a test makes of each call, and an RPC
 * client to ask it with. For tests of those who ask. */
#ifndef TESTS_UNIT_SMALL_NODE_H
#define TESTS_UNIT_SMALL_NODE_H

#include "tests/server.h"

#include <jansson.h>

#include "common/rpc.h"

/* The answer to one call; gives the reference away. */
typedef json_t *small_node_fn(const json_t *call);

static struct small_node {
	pthread_mutex_t lock; /* held while a request is answered */
	struct server server;
	small_node_fn *answer;
	bool broken;
	unsigned calls; /* answered */
} small = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct loop *loop;
static struct http *http;
static struct rpc *rpc;

static json_t *small_node_one(const json_t *call)
{
	small.calls++;
	return small.answer(call);
}

/* One call, or a batch of them. */
static json_t *small_node_all(const json_t *request)
{
	json_t *all, *one;
	size_t i;

	if (!json_is_array(request))
		return small_node_one(request);
	all = json_array();
	json_array_foreach (request, i, one)
		json_array_append_new(all, small_node_one(one));
	return all;
}

static enum server_then small_node_serve(void *arg,
					 const struct server_request *r,
					 struct buf *out)
{
	json_t *request = json_loadb(r->body, r->body_size, 0, NULL), *answer;
	char *text;

	(void)arg;
	pthread_mutex_lock(&small.lock);
	answer = small_node_all(request);
	text = json_dumps(answer, JSON_COMPACT);
	server_respond(out, small.broken ? "503 No" : "200 OK", "", text,
		       strlen(text));
	pthread_mutex_unlock(&small.lock);
	free(text);
	json_decref(answer);
	json_decref(request);
	return SERVER_KEEP;
}

static void small_node_begin(small_node_fn *answer)
{
	char url[64];
	struct rpc_config config = {.urls = url, .timeout_ms = 5000};

	small.answer = answer;
	small.broken = false;
	small.calls = 0;
	server_start(&small.server, small_node_serve, NULL);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", small.server.port);
	assert_err(loop_new(&loop), ERR_NONE);
	assert_err(http_new(&http, loop), ERR_NONE);
	config.loop = loop;
	config.http = http;
	assert_err(rpc_new(&rpc, &config), ERR_NONE);
}

/* After rpc_free(), and after that what asked. */
static void small_node_end(void)
{
	http_free(&http);
	loop_free(&loop);
	server_stop(&small.server);
}

/* A word of an answer. */
static void put_word(struct buf *b, uint64_t v)
{
	for (int i = 0; i < 3; i++)
		buf_put_be64(b, 0);
	buf_put_be64(b, v);
}

#endif /* TESTS_UNIT_SMALL_NODE_H */
