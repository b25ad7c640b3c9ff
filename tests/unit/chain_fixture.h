/* chain_fixture - small nodes that lag, lie and change their mind, and who
 * follows them. What is given is compared with what the first one says. */
#ifndef TESTS_UNIT_CHAIN_FIXTURE_H
#define TESTS_UNIT_CHAIN_FIXTURE_H

#include "tests/server.h"

#include <jansson.h>

#include "common/chain.h"
#include "common/log.h"

enum {
	BLOCKS_MAX = 128,
	DEPTH = 16,
	WAIT_MS = 20000,
	NODES_MAX = 3,
	CHAIN_ID = 7
};

/* ---- nodes -------------------------------------------------------------- */

/* What it does wrong; each for some answers, then it is right again. */
struct node {
	pthread_mutex_t lock;
	uint64_t head;
	uint8_t branches[BLOCKS_MAX]; /* of each block */
	bool logs[BLOCKS_MAX];	      /* whether the block has one */
	unsigned lose_logs;    /* empty answers, though the bloom says other */
	unsigned swap_headers; /* answers with another block's header */
	unsigned refuse_logs;  /* "range too large" */
	unsigned alien_logs;   /* of another contract */
	unsigned other_branch; /* logs of another branch's block */
	unsigned garbage;      /* no JSON at all */
	bool down;	       /* HTTP errors only */
	unsigned logs_asked;   /* times */
	unsigned range_seen;   /* the longest range that was asked for */
	uint64_t final;	       /* what it calls final */
};

static struct server servers[NODES_MAX];
static struct node nodes[NODES_MAX];
static unsigned nodes_count;
static const struct address contract = {{0xc0}};

/* Whether a fault of which @left are left happens now. */
static inline bool due(unsigned *left)
{
	return *left && (*left)--;
}

static inline struct hash32 hash_of(uint64_t n, uint8_t branch)
{
	struct hash32 h = {{0xb1, branch}};

	memcpy(h.bytes + 8, &n, sizeof n);
	return h;
}

static inline json_t *header_of(const struct node *node, uint64_t n)
{
	struct hash32 hash = hash_of(n, node->branches[n]), parent = {{0}};
	char bloom[515] = "0x";

	if (n > 0)
		parent = hash_of(n - 1, node->branches[n - 1]);
	memset(bloom + 2, node->logs[n] ? 'f' : '0', 512);
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s}", "number",
			 evm_quantity(n), "timestamp", evm_quantity(10 * n),
			 "hash", evm_hash(&hash), "parentHash",
			 evm_hash(&parent), "gasLimit", "0x1", "logsBloom",
			 bloom, "baseFeePerGas", "0x7");
}

static inline uint64_t number_of(const struct node *node, const json_t *json)
{
	uint64_t n = 0;

	if (json_is_string(json) &&
	    strcmp(json_string_value(json), "latest") == 0)
		return node->head;
	if (json_is_string(json) &&
	    strcmp(json_string_value(json), "finalized") == 0)
		return node->final;
	assert_err(evm_u64_parse(&n, json), ERR_NONE);
	return n;
}

static inline json_t *log_of(struct node *node, uint64_t n)
{
	struct hash32 hash = hash_of(n, node->branches[n]), topic = {{7}};
	struct address a = contract;

	if (due(&node->alien_logs))
		a.bytes[0]++;
	if (due(&node->other_branch))
		hash = hash_of(n, 99);
	return json_pack("{s:o, s:[o], s:s, s:o, s:o, s:o, s:s, s:b}",
			 "address", evm_address(&a), "topics", evm_hash(&topic),
			 "data", "0x", "blockHash", evm_hash(&hash),
			 "blockNumber", evm_quantity(n), "transactionHash",
			 evm_hash(&hash), "logIndex", "0x0", "removed", 0);
}

static inline json_t *logs_of(struct node *node, const json_t *filter)
{
	const json_t *by_hash = json_object_get(filter, "blockHash");
	json_t *all = json_array();
	uint64_t from = 1, to = node->head;
	struct hash32 hash;

	if (!by_hash) {
		from = number_of(node, json_object_get(filter, "fromBlock"));
		to = number_of(node, json_object_get(filter, "toBlock"));
		if (node->range_seen < to - from + 1)
			node->range_seen = (unsigned)(to - from + 1);
	} else {
		assert_err(evm_hash_parse(&hash, by_hash), ERR_NONE);
	}
	if (due(&node->lose_logs))
		return all;
	for (uint64_t n = from; n <= to && n <= node->head; n++) {
		struct hash32 h = hash_of(n, node->branches[n]);

		if (node->logs[n] && (!by_hash || hash32_eq(&h, &hash)))
			json_array_append_new(all, log_of(node, n));
	}
	return all;
}

static inline json_t *answer_one(struct node *node, const json_t *request)
{
	const json_t *id = json_object_get(request, "id");
	const json_t *param =
		json_array_get(json_object_get(request, "params"), 0);
	const char *method =
		json_string_value(json_object_get(request, "method"));
	json_t *result;

	if (strcmp(method, "eth_getLogs") == 0) {
		node->logs_asked++;
		if (due(&node->refuse_logs))
			return json_pack("{s:O, s:{s:i, s:s}}", "id", id,
					 "error", "code", -32005, "message",
					 "range too large");
		result = logs_of(node, param);
	} else if (strcmp(method, "eth_chainId") == 0) {
		result = evm_quantity(CHAIN_ID);
	} else if (strcmp(method, "eth_blockNumber") == 0) {
		result = evm_quantity(node->head);
	} else {
		uint64_t n = number_of(node, param);

		if (n > 1 && n < node->head && due(&node->swap_headers))
			n--;
		result = n > node->head ? json_null() : header_of(node, n);
	}
	return json_pack("{s:O, s:o}", "id", id, "result", result);
}

static inline enum server_then node_answer(void *arg,
					   const struct server_request *r,
					   struct buf *out)
{
	struct node *node = arg;
	json_t *request = json_loadb(r->body, r->body_size, 0, NULL), *all,
	       *one;
	char *text;
	size_t i;

	pthread_mutex_lock(&node->lock);
	all = json_is_array(request) ? json_array() : answer_one(node, request);
	if (json_is_array(request))
		json_array_foreach (request, i, one)
			json_array_append_new(all, answer_one(node, one));
	text = json_dumps(all, JSON_COMPACT);
	if (node->down)
		server_respond(out, "500 Oops", "", "", 0);
	else if (due(&node->garbage))
		server_respond(out, "200 OK", "", "<html>", 6);
	else
		server_respond(out, "200 OK", "", text, strlen(text));
	pthread_mutex_unlock(&node->lock);
	free(text);
	json_decref(all);
	json_decref(request);
	return SERVER_KEEP;
}

/* The head is block @n; blocks from @from on are of @branch. */
static inline void set_node(struct node *node, uint64_t n, uint64_t from,
			    uint8_t branch)
{
	pthread_mutex_lock(&node->lock);
	node->head = n;
	for (uint64_t i = from; i < BLOCKS_MAX; i++)
		node->branches[i] = branch;
	pthread_mutex_unlock(&node->lock);
}

/* The same, of all nodes. */
static inline void set_chain(uint64_t n, uint64_t from, uint8_t branch)
{
	for (unsigned i = 0; i < nodes_count; i++)
		set_node(&nodes[i], n, from, branch);
}

/* ---- who follows it ----------------------------------------------------- */

static struct loop *loop;
static struct http *http;
static struct rpc *rpc;
static struct fork *fork_;
static struct chain *chain;
static unsigned given, with_logs, rollbacks, caught_up;
static struct chain_config following; /* what is set before follow() */
static struct block_ref final;
static enum err failure, refusal; /* what it ended with; block() returns */
static struct block_ref rolled_to, rolled_from;

static inline enum err on_block(void *arg, const struct evm_header *h,
				const struct evm_log *logs, size_t count)
{
	struct hash32 want;

	(void)arg;
	if (refusal)
		return refusal;
	assert_int_equal(h->block.number, fork_next(fork_));
	pthread_mutex_lock(&nodes[0].lock);
	want = hash_of(h->block.number, nodes[0].branches[h->block.number]);
	assert_int_equal(count, nodes[0].logs[h->block.number]);
	pthread_mutex_unlock(&nodes[0].lock);
	assert_memory_equal(h->block.hash.bytes, want.bytes, 32);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(logs[i].block, h->block.number);
		assert_memory_equal(logs[i].block_hash.bytes, want.bytes, 32);
		assert_true(address_eq(&logs[i].log.address, &contract));
	}
	given++;
	with_logs += (unsigned)count;
	return ERR_NONE;
}

static inline enum err on_rolled_back(void *arg, const struct block_ref *to,
				      const struct block_ref *from)
{
	(void)arg;
	rollbacks++;
	rolled_to = *to;
	rolled_from = *from;
	return ERR_NONE;
}

static inline void on_caught_up(void *arg)
{
	(void)arg;
	caught_up++;
}

static inline void on_failed(void *arg, enum err e)
{
	(void)arg;
	failure = e;
}

static inline void on_final(void *arg, const struct block_ref *block)
{
	(void)arg;
	final = *block;
}

static inline int begin_with(unsigned count)
{
	struct rpc_config config = {.timeout_ms = 5000};
	char urls[NODES_MAX * 40] = "";

	nodes_count = count;
	memset(nodes, 0, sizeof nodes);
	memset(&following, 0, sizeof following);
	memset(&final, 0, sizeof final);
	given = with_logs = rollbacks = caught_up = 0;
	failure = refusal = ERR_NONE;
	for (unsigned i = 0; i < count; i++) {
		pthread_mutex_init(&nodes[i].lock, NULL);
		server_start(&servers[i], node_answer, &nodes[i]);
		snprintf(urls + strlen(urls), 40, "%shttp://127.0.0.1:%d",
			 i ? "," : "", servers[i].port);
	}
	assert_err(loop_new(&loop), ERR_NONE);
	assert_err(http_new(&http, loop), ERR_NONE);
	config.loop = loop;
	config.http = http;
	config.urls = urls;
	assert_err(rpc_new(&rpc, &config), ERR_NONE);
	assert_err(fork_new(&fork_, DEPTH, 1), ERR_NONE);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	chain_free(&chain);
	chain_free(&chain); /* twice is once */
	rpc_free(&rpc);
	fork_free(&fork_);
	http_free(&http);
	loop_free(&loop);
	for (unsigned i = 0; i < nodes_count; i++)
		server_stop(&servers[i]);
	return 0;
}

static inline void follow(void)
{
	struct chain_config config = following;
	struct chain_handlers handlers = {.block = on_block,
					  .rolled_back = on_rolled_back,
					  .caught_up = on_caught_up,
					  .final = on_final,
					  .failed = on_failed};

	config.loop = loop;
	config.rpc = rpc;
	config.poll_ms = 10;
	config.contracts = &contract;
	config.contracts_count = 1;
	config.range_max = 8;
	assert_err(chain_new(&chain, &config, fork_, &handlers), ERR_NONE);
}

static inline void stop_loop(void *arg)
{
	*(struct loop_timer **)arg = NULL;
	loop_stop(loop);
}

static inline void run(unsigned ms)
{
	struct loop_timer *t = NULL;

	t = loop_timer(loop, ms, true, stop_loop, &t);
	loop_run(loop);
	loop_timer_cancel(loop, &t);
}

static inline bool is_at(uint64_t n, uint8_t branch)
{
	const struct block_ref *tip = fork_tip(fork_);
	struct hash32 h = hash_of(n, branch);

	return tip && tip->number == n && hash32_eq(&tip->hash, &h);
}

#define UNTIL(condition)                                                       \
	do {                                                                   \
		for (int i_ = 0; i_ < WAIT_MS / 5 && !(condition); i_++)       \
			run(5);                                                \
		assert_true(condition);                                        \
	} while (0)

#endif /* TESTS_UNIT_CHAIN_FIXTURE_H */
