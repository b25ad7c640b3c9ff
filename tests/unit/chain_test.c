/* What following a chain promises, against a node that lags, lies and changes
 * its mind. */
#include "tests/server.h"

#include <jansson.h>

#include "common/chain.h"
#include "common/log.h"

enum { BLOCKS_MAX = 128, DEPTH = 16, WAIT_MS = 20000 };

/* ---- the node ----------------------------------------------------------- */

/* What it does wrong; each for some answers, then it is right again. */
static struct node {
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
	unsigned range_seen;   /* the longest range that was asked for */
	uint64_t final;	       /* what it calls final */
} node = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct server server;
static const struct address contract = {{0xc0}};

/* Whether a fault of which @left are left happens now. */
static bool due(unsigned *left)
{
	return *left && (*left)--;
}

static struct hash32 hash_of(uint64_t n, uint8_t branch)
{
	struct hash32 h = {{0xb1, branch}};

	memcpy(h.bytes + 8, &n, sizeof n);
	return h;
}

static json_t *header_of(uint64_t n)
{
	struct hash32 hash = hash_of(n, node.branches[n]), parent = {{0}};
	char bloom[515] = "0x";

	if (n > 0)
		parent = hash_of(n - 1, node.branches[n - 1]);
	memset(bloom + 2, node.logs[n] ? 'f' : '0', 512);
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s}", "number",
			 evm_quantity(n), "timestamp", evm_quantity(10 * n),
			 "hash", evm_hash(&hash), "parentHash",
			 evm_hash(&parent), "gasLimit", "0x1", "logsBloom",
			 bloom, "baseFeePerGas", "0x7");
}

static uint64_t number_of(const json_t *json)
{
	uint64_t n = 0;

	if (json_is_string(json) &&
	    strcmp(json_string_value(json), "latest") == 0)
		return node.head;
	if (json_is_string(json) &&
	    strcmp(json_string_value(json), "finalized") == 0)
		return node.final;
	assert_err(evm_u64_parse(&n, json), ERR_NONE);
	return n;
}

static json_t *log_of(uint64_t n)
{
	struct hash32 hash = hash_of(n, node.branches[n]), topic = {{7}};
	struct address a = contract;

	if (due(&node.alien_logs))
		a.bytes[0]++;
	if (due(&node.other_branch))
		hash = hash_of(n, 99);
	return json_pack("{s:o, s:[o], s:s, s:o, s:o, s:o, s:s, s:b}",
			 "address", evm_address(&a), "topics", evm_hash(&topic),
			 "data", "0x", "blockHash", evm_hash(&hash),
			 "blockNumber", evm_quantity(n), "transactionHash",
			 evm_hash(&hash), "logIndex", "0x0", "removed", 0);
}

static json_t *logs_of(const json_t *filter)
{
	const json_t *by_hash = json_object_get(filter, "blockHash");
	json_t *all = json_array();
	uint64_t from = 1, to = node.head;
	struct hash32 hash;

	if (!by_hash) {
		from = number_of(json_object_get(filter, "fromBlock"));
		to = number_of(json_object_get(filter, "toBlock"));
		if (node.range_seen < to - from + 1)
			node.range_seen = (unsigned)(to - from + 1);
	} else {
		assert_err(evm_hash_parse(&hash, by_hash), ERR_NONE);
	}
	if (due(&node.lose_logs))
		return all;
	for (uint64_t n = from; n <= to && n <= node.head; n++) {
		struct hash32 h = hash_of(n, node.branches[n]);

		if (node.logs[n] && (!by_hash || hash32_eq(&h, &hash)))
			json_array_append_new(all, log_of(n));
	}
	return all;
}

static json_t *answer_one(const json_t *request)
{
	const json_t *id = json_object_get(request, "id");
	const json_t *param =
		json_array_get(json_object_get(request, "params"), 0);
	const char *method =
		json_string_value(json_object_get(request, "method"));
	json_t *result;

	if (strcmp(method, "eth_getLogs") == 0) {
		if (due(&node.refuse_logs))
			return json_pack("{s:O, s:{s:i, s:s}}", "id", id,
					 "error", "code", -32005, "message",
					 "range too large");
		result = logs_of(param);
	} else {
		uint64_t n = number_of(param);

		if (n > 1 && n < node.head && due(&node.swap_headers))
			n--;
		result = n > node.head ? json_null() : header_of(n);
	}
	return json_pack("{s:O, s:o}", "id", id, "result", result);
}

static enum server_then answer(void *arg, const struct server_request *r,
			       struct buf *out)
{
	json_t *request = json_loadb(r->body, r->body_size, 0, NULL), *all,
	       *one;
	char *text;
	size_t i;

	(void)arg;
	pthread_mutex_lock(&node.lock);
	all = json_is_array(request) ? json_array() : answer_one(request);
	if (json_is_array(request))
		json_array_foreach (request, i, one)
			json_array_append_new(all, answer_one(one));
	text = json_dumps(all, JSON_COMPACT);
	if (due(&node.garbage))
		server_respond(out, "200 OK", "", "<html>", 6);
	else
		server_respond(out, "200 OK", "", text, strlen(text));
	pthread_mutex_unlock(&node.lock);
	free(text);
	json_decref(all);
	json_decref(request);
	return SERVER_KEEP;
}

/* The head is block @n; blocks from @from on are of @branch. */
static void set_chain(uint64_t n, uint64_t from, uint8_t branch)
{
	pthread_mutex_lock(&node.lock);
	node.head = n;
	for (uint64_t i = from; i < BLOCKS_MAX; i++)
		node.branches[i] = branch;
	pthread_mutex_unlock(&node.lock);
}

/* ---- who follows it ----------------------------------------------------- */

static struct loop *loop;
static struct http *http;
static struct rpc *rpc;
static struct fork *fork_;
static struct chain *chain;
static unsigned given, with_logs, rollbacks, caught_up;
static enum err failure, refusal; /* what it ended with; block() returns */
static struct block_ref rolled_to, rolled_from;

static enum err on_block(void *arg, const struct evm_header *h,
			 const struct evm_log *logs, size_t count)
{
	struct hash32 want;

	(void)arg;
	if (refusal)
		return refusal;
	assert_int_equal(h->block.number, fork_next(fork_));
	pthread_mutex_lock(&node.lock);
	want = hash_of(h->block.number, node.branches[h->block.number]);
	assert_int_equal(count, node.logs[h->block.number]);
	pthread_mutex_unlock(&node.lock);
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

static enum err on_rolled_back(void *arg, const struct block_ref *to,
			       const struct block_ref *from)
{
	(void)arg;
	rollbacks++;
	rolled_to = *to;
	rolled_from = *from;
	return ERR_NONE;
}

static void on_caught_up(void *arg)
{
	(void)arg;
	caught_up++;
}

static void on_failed(void *arg, enum err e)
{
	(void)arg;
	failure = e;
}

static int begin(void **state)
{
	struct rpc_config config = {.timeout_ms = 5000};
	char url[64];

	(void)state;
	pthread_mutex_lock(&node.lock);
	memset((char *)&node + sizeof node.lock, 0,
	       sizeof node - sizeof node.lock);
	pthread_mutex_unlock(&node.lock);
	given = with_logs = rollbacks = caught_up = 0;
	failure = refusal = ERR_NONE;
	server_start(&server, answer, NULL);
	assert_err(loop_new(&loop), ERR_NONE);
	assert_err(http_new(&http, loop), ERR_NONE);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
	config.loop = loop;
	config.http = http;
	config.urls = url;
	assert_err(rpc_new(&rpc, &config), ERR_NONE);
	assert_err(fork_new(&fork_, DEPTH, 1), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rpc_free(&rpc);
	chain_free(&chain);
	chain_free(&chain); /* twice is once */
	fork_free(&fork_);
	http_free(&http);
	loop_free(&loop);
	server_stop(&server);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static void follow(void)
{
	struct chain_config config = {.loop = loop,
				      .rpc = rpc,
				      .poll_ms = 10,
				      .contracts = &contract,
				      .contracts_count = 1,
				      .range_max = 8};
	struct chain_handlers handlers = {.block = on_block,
					  .rolled_back = on_rolled_back,
					  .caught_up = on_caught_up,
					  .failed = on_failed};

	assert_err(chain_new(&chain, &config, fork_, &handlers), ERR_NONE);
}

static void stop_loop(void *arg)
{
	*(struct loop_timer **)arg = NULL;
	loop_stop(loop);
}

static void run(unsigned ms)
{
	struct loop_timer *t = NULL;

	t = loop_timer(loop, ms, true, stop_loop, &t);
	loop_run(loop);
	loop_timer_cancel(loop, &t);
}

static bool is_at(uint64_t n, uint8_t branch)
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

/* ---- promises ----------------------------------------------------------- */

static void every_block_and_log_comes_once_in_order(void **state)
{
	(void)state;
	for (int i = 3; i < BLOCKS_MAX; i += 3)
		node.logs[i] = true;
	set_chain(60, 0, 1);
	follow();
	UNTIL(is_at(60, 1));
	assert_int_equal(given, 60);
	assert_int_equal(with_logs, 20);
	assert_int_equal(chain_head(chain), 60);
	assert_true(node.range_seen <= 8);
	set_chain(61, 0, 1); /* at the head, one by one */
	UNTIL(is_at(61, 1));
	set_chain(66, 0, 1);
	UNTIL(is_at(66, 1));
	assert_int_equal(given, 66);
	assert_int_equal(with_logs, 22);
	UNTIL(caught_up > 0);
	assert_err(failure, ERR_NONE);
}

static void a_branch_that_won_is_rolled_back_to(void **state)
{
	(void)state;
	for (int i = 0; i < BLOCKS_MAX; i++)
		node.logs[i] = true;
	set_chain(20, 0, 1);
	follow();
	UNTIL(is_at(20, 1));
	set_chain(22, 15, 2);
	UNTIL(is_at(22, 2));
	assert_int_equal(rollbacks, 1);
	assert_int_equal(rolled_to.number, 14);
	assert_int_equal(rolled_from.number, 20);
	assert_int_equal(given, 20 + 8);
	set_chain(18, 17, 3); /* and to a shorter one */
	UNTIL(is_at(18, 3));
	assert_int_equal(rollbacks, 2);
	assert_int_equal(rolled_to.number, 16);
}

static void a_node_that_lags_changes_nothing(void **state)
{
	(void)state;
	set_chain(40, 0, 1);
	follow();
	UNTIL(is_at(40, 1));
	set_chain(35, 0, 1);
	run(60);
	set_chain(2, 0, 1); /* older than what is remembered */
	run(60);
	assert_int_equal(rollbacks, 0);
	set_chain(41, 0, 1);
	UNTIL(is_at(41, 1));
	assert_int_equal(given, 41);
	assert_err(failure, ERR_NONE);
}

static void what_parts_below_what_is_remembered_ends_it(void **state)
{
	(void)state;
	set_chain(40, 0, 1);
	follow();
	UNTIL(is_at(40, 1));
	set_chain(45, 20, 2);
	UNTIL(failure);
	assert_err(failure, ERR_FINALITY);
	assert_int_equal(rollbacks, 0);
}

static void what_a_handler_returns_ends_it(void **state)
{
	(void)state;
	refusal = ERR_STORAGE;
	set_chain(5, 0, 1);
	follow();
	UNTIL(failure);
	assert_err(failure, ERR_STORAGE);
	assert_null(fork_tip(fork_));
}

/* ---- a node that lies --------------------------------------------------- */

static void logs_that_are_missing_are_asked_for_again(void **state)
{
	(void)state;
	node.logs[1] = node.logs[12] = true;
	node.lose_logs = 1;
	set_chain(12, 0, 1);
	follow();
	UNTIL(is_at(12, 1));
	assert_int_equal(with_logs, 2);
	node.logs[13] = true;
	node.lose_logs = 1;
	set_chain(13, 0, 1);
	UNTIL(is_at(13, 1));
	assert_int_equal(with_logs, 3);
}

static void headers_of_other_blocks_are_no_answer(void **state)
{
	(void)state;
	for (int i = 1; i < BLOCKS_MAX; i++)
		node.logs[i] = true;
	node.swap_headers = 3;
	set_chain(30, 0, 1);
	follow();
	UNTIL(is_at(30, 1));
	assert_int_equal(given, 30);
	assert_int_equal(rollbacks, 0);
	assert_err(failure, ERR_NONE);
}

/* What is missing then must not be taken for block 0 of another branch. */
static void nor_are_they_on_a_chain_that_is_followed_from_its_first_block(
	void **state)
{
	(void)state;
	fork_free(&fork_);
	assert_err(fork_new(&fork_, DEPTH, 0), ERR_NONE);
	set_chain(0, 0, 1);
	follow();
	UNTIL(is_at(0, 1));
	node.swap_headers = 3;
	set_chain(10, 0, 1);
	UNTIL(is_at(10, 1) || failure);
	assert_err(failure, ERR_NONE);
	assert_int_equal(rollbacks, 0);
}

static void logs_that_do_not_fit_their_blocks_are_no_answer(void **state)
{
	(void)state;
	for (int i = 1; i < BLOCKS_MAX; i++)
		node.logs[i] = true;
	node.alien_logs = 1;
	set_chain(10, 0, 1);
	follow();
	UNTIL(is_at(10, 1));
	node.other_branch = 1;
	set_chain(20, 0, 1);
	UNTIL(is_at(20, 1));
	node.garbage = 2;
	node.refuse_logs = 2;
	set_chain(30, 0, 1);
	UNTIL(is_at(30, 1));
	assert_int_equal(given, 30);
	assert_int_equal(with_logs, 30);
	assert_err(failure, ERR_NONE);
}

static void it_goes_on_where_the_fork_is(void **state)
{
	struct block_ref tip = {25, {{0}}, {250}};

	(void)state;
	set_chain(30, 0, 1);
	tip.hash = hash_of(25, 1);
	fork_push(fork_, &tip);
	follow();
	UNTIL(is_at(30, 1));
	assert_int_equal(given, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_block_and_log_comes_once_in_order),
		TEST(a_branch_that_won_is_rolled_back_to),
		TEST(a_node_that_lags_changes_nothing),
		TEST(what_parts_below_what_is_remembered_ends_it),
		TEST(what_a_handler_returns_ends_it),
		TEST(logs_that_are_missing_are_asked_for_again),
		TEST(headers_of_other_blocks_are_no_answer),
		TEST(nor_are_they_on_a_chain_that_is_followed_from_its_first_block),
		TEST(logs_that_do_not_fit_their_blocks_are_no_answer),
		TEST(it_goes_on_where_the_fork_is),
	};

	log_open("chain_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
