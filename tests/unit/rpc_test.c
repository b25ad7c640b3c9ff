/* What counts as an answer of a node, who is asked next, and what a batch is,
 * against small nodes that misbehave. */
#include "tests/server.h"

#include <jansson.h>

#include "common/evm.h"
#include "common/log.h"
#include "common/rpc.h"

static const struct hash32 genesis = {{0x9e}};
static struct loop *loop;
static struct http *http;
static struct rpc *rpc;

/* ---- nodes -------------------------------------------------------------- */

enum { NODES = 2, HEARD_MAX = 16, CHAIN_ID = 31337 };

enum style {
	IN_ORDER,
	REVERSED,
	WITHOUT_THE_SECOND,
	TWICE,
	ONE_ERROR,
};

static struct server nodes[NODES];
static struct node {
	bool broken;
	bool hangs;
	bool limited; /* 429, Retry-After: 1 */
	uint64_t chain_id;
	enum style style; /* of answers to batches */
} behaviours[NODES];

static json_t *answer_to(const struct node *n, const json_t *request)
{
	json_t *id = json_object_get(request, "id");
	const char *method =
		json_string_value(json_object_get(request, "method"));
	json_t *a = json_pack("{s:s, s:O}", "jsonrpc", "2.0", "id", id);

	assert_string_equal(
		json_string_value(json_object_get(request, "jsonrpc")), "2.0");
	if (strcmp(method, "refused") == 0)
		json_object_set_new(a, "error",
				    json_pack("{s:i, s:s, s:s}", "code", -32000,
					      "message", "not today", "data",
					      "0x08"));
	else if (strcmp(method, "too_often") == 0)
		json_object_set_new(
			a, "error",
			json_pack("{s:i, s:s}", "code", -32005, "message",
				  "project ID request rate exceeded"));
	else if (strcmp(method, "eth_chainId") == 0)
		json_object_set_new(
			a, "result",
			evm_quantity(n->chain_id ? n->chain_id : CHAIN_ID));
	else if (strcmp(method, "eth_blockNumber") == 0)
		json_object_set_new(a, "result", json_string("0x10"));
	else if (strcmp(method, "eth_getBlockByNumber") == 0)
		json_object_set_new(
			a, "result",
			json_pack("{s:o}", "hash", evm_hash(&genesis)));
	else if (strcmp(method, "refused_mutely") == 0)
		json_object_set_new(a, "error", json_object());
	else if (strcmp(method, "null") == 0)
		json_object_set_new(a, "result", json_null());
	else if (strcmp(method, "echo") == 0)
		json_object_set(a, "result",
				json_object_get(request, "params"));
	else if (strcmp(method, "nothing") != 0)
		json_object_set_new(a, "result", json_string(method));
	if (strcmp(method, "wrong_id") == 0)
		json_object_set_new(a, "id", json_integer(999999));
	if (strcmp(method, "text_id") == 0)
		json_object_set_new(a, "id", json_string("1"));
	return a;
}

static json_t *answer_to_batch(const struct node *n, const json_t *requests)
{
	const enum style style = n->style;
	json_t *all = json_array();
	size_t i;
	json_t *r;

	if (style == ONE_ERROR) {
		json_decref(all);
		return json_pack("{s:s, s:n, s:{s:i, s:s}}", "jsonrpc", "2.0",
				 "id", "error", "code", -32600, "message",
				 "batch too large");
	}
	json_array_foreach (requests, i, r) {
		if (style == WITHOUT_THE_SECOND && i == 1)
			continue;
		if (style == REVERSED)
			json_array_insert_new(all, 0, answer_to(n, r));
		else
			json_array_append_new(all, answer_to(n, r));
		if (style == TWICE)
			json_array_append_new(all, answer_to(n, r));
	}
	return all;
}

static enum server_then answer(void *arg, const struct server_request *r,
			       struct buf *out)
{
	const struct node *n = arg;
	json_t *request = json_loadb(r->body, r->body_size, 0, NULL);
	json_t *a = json_is_array(request) ? answer_to_batch(n, request)
					   : answer_to(n, request);
	char *text = json_dumps(a, JSON_COMPACT);
	const char *status = strstr(r->body, "as_400")	 ? "400 Bad Request"
			     : strstr(r->body, "as_429") ? "429 Too Many"
			     : strstr(r->body, "as_500") ? "500 Oops"
							 : "200 OK";
	enum server_then then = SERVER_KEEP;

	if (n->broken || strstr(r->body, "html"))
		server_respond(out, "200 OK", "", "<html>", 6);
	else if (strstr(r->body, "half"))
		server_respond(out, "200 OK", "", text, strlen(text) / 2);
	else if (n->limited)
		server_respond(out, "429 Too Many", "Retry-After: 1\r\n", "",
			       0);
	else if (n->hangs || strstr(r->body, "hang"))
		then = SERVER_HANG;
	else
		server_respond(out, status, "", text, strlen(text));
	free(text);
	json_decref(a);
	json_decref(request);
	return then;
}

/* ---- asking ------------------------------------------------------------- */

static struct heard {
	unsigned times;
	enum err err;
	unsigned node;
	int64_t code;
	char result[128], message[160], data[32];
} heards[HEARD_MAX];

static unsigned waiting;

static void done(void *arg, const struct rpc_answer *a)
{
	struct heard *h = arg;
	char *text = a->result ? json_dumps(a->result,
					    JSON_COMPACT | JSON_ENCODE_ANY)
			       : NULL;

	h->times++;
	h->err = a->err;
	h->node = a->node;
	h->code = a->code;
	snprintf(h->result, sizeof h->result, "%s", text ? text : "");
	snprintf(h->message, sizeof h->message, "%s",
		 a->message ? a->message : "");
	snprintf(h->data, sizeof h->data, "%s",
		 a->data ? json_string_value(a->data) : "");
	if (a->raw.data)
		snprintf(h->result, sizeof h->result, "%.*s", (int)a->raw.size,
			 (const char *)a->raw.data);
	free(text);
	if (--waiting == 0)
		loop_stop(loop);
}

static int begin(void **state)
{
	char urls[128];
	struct rpc_config config = {
		.urls = urls, .timeout_ms = 2000, .patience_ms = 100};

	(void)state;
	waiting = 0;
	memset(heards, 0, sizeof heards);
	memset(behaviours, 0, sizeof behaviours);
	assert_err(loop_new(&loop), ERR_NONE);
	assert_err(http_new(&http, loop), ERR_NONE);
	for (int i = 0; i < NODES; i++)
		server_start(&nodes[i], answer, &behaviours[i]);
	snprintf(urls, sizeof urls,
		 "http://127.0.0.1:%d/key,http://u:p@127.0.0.1:%d",
		 nodes[0].port, nodes[1].port);
	config.loop = loop;
	config.http = http;
	assert_err(rpc_new(&rpc, &config), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rpc_free(&rpc);
	rpc_free(&rpc); /* twice is once */
	http_free(&http);
	loop_free(&loop);
	for (int i = 0; i < NODES; i++)
		server_stop(&nodes[i]);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static void ask(const char *method)
{
	heards[0].times = 0;
	waiting = 1;
	rpc_call(rpc, method, NULL, done, &heards[0]);
	assert_int_equal(heards[0].times, 0);
	loop_run(loop);
	assert_int_equal(heards[0].times, 1);
}

static void add(struct rpc_batch *b, const char *method, unsigned i)
{
	waiting++;
	rpc_batch_add(b, method, NULL, done, &heards[i]);
}

/* ---- one call ----------------------------------------------------------- */

static void a_result_is_handed_over(void **state)
{
	(void)state;
	ask("eth_x");
	assert_err(heards[0].err, ERR_NONE);
	assert_string_equal(heards[0].result, "\"eth_x\"");
	ask("null");
	assert_err(heards[0].err, ERR_NONE);
	assert_string_equal(heards[0].result, "null");
	ask("echo");
	assert_string_equal(heards[0].result, "[]");
	waiting = 1;
	rpc_call(rpc, "echo", json_pack("[s,b]", "0x1", 0), done, &heards[0]);
	loop_run(loop);
	assert_string_equal(heards[0].result, "[\"0x1\",false]");
}

static void a_refusal_is_no_failure_of_the_node(void **state)
{
	static const char *const methods[] = {"refused", "as_400"};

	(void)state;
	ask(methods[0]);
	assert_err(heards[0].err, ERR_REFUSED);
	assert_int_equal(heards[0].code, -32000);
	assert_string_equal(heards[0].message, "not today");
	assert_string_equal(heards[0].data, "0x08");
	ask(methods[1]); /* some nodes refuse with 4xx */
	assert_err(heards[0].err, ERR_NONE);
	ask("refused_mutely");
	assert_err(heards[0].err, ERR_REFUSED);
	assert_string_equal(heards[0].message, "");
	assert_int_equal(nodes[1].requests, 0); /* the first one is as good */
}

static void what_is_no_answer_is_unreachable_and_says_why(void **state)
{
	static const struct {
		const char *method, *why;
	} rows[] = {
		{"as_500", "HTTP status 500"},
		{"as_429", "HTTP status 429"},
		{"html", "not an answer to what was asked"},
		{"half", "not an answer to what was asked"},
		{"wrong_id", "not an answer to what was asked"},
		{"text_id", "not an answer to what was asked"},
		{"nothing", "not an answer to what was asked"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ask(rows[i].method);
		assert_err(heards[0].err, ERR_UNREACHABLE);
		assert_string_equal(heards[0].message, rows[i].why);
		assert_string_equal(heards[0].result, "");
	}
}

static void a_node_that_hangs_is_given_up(void **state)
{
	struct rpc_config config = {.loop = loop, .http = http};
	char url[64];

	(void)state;
	rpc_free(&rpc);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", nodes[0].port);
	config.urls = url;
	config.timeout_ms = 300;
	assert_err(rpc_new(&rpc, &config), ERR_NONE);
	ask("hang");
	assert_err(heards[0].err, ERR_UNREACHABLE);
	assert_true(*heards[0].message);
	ask("eth_x"); /* the only node is asked again */
	assert_err(heards[0].err, ERR_NONE);
}

static void a_raw_answer_is_not_read(void **state)
{
	(void)state;
	waiting = 1;
	rpc_call_raw(rpc, "html", NULL, done, &heards[0]);
	loop_run(loop);
	assert_err(heards[0].err, ERR_NONE);
	assert_string_equal(heards[0].result, "<html>");
	waiting = 1;
	rpc_call_raw(rpc, "as_400", NULL, done, &heards[0]);
	loop_run(loop);
	assert_err(heards[0].err, ERR_UNREACHABLE);
}

/* ---- several nodes ------------------------------------------------------ */

static void stop_loop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void run(unsigned ms)
{
	loop_timer(loop, ms, true, stop_loop, NULL);
	loop_run(loop);
}

static void the_next_node_is_asked_when_one_fails(void **state)
{
	(void)state;
	behaviours[0].broken = true;
	ask("eth_x");
	assert_err(heards[0].err, ERR_NONE);
	assert_int_equal(heards[0].node, 1);
	ask("eth_x"); /* the first one rests */
	assert_int_equal(nodes[0].requests, 1);
	assert_int_equal(nodes[1].requests, 2);
	behaviours[1].broken = true;
	ask("eth_x");
	assert_err(heards[0].err, ERR_UNREACHABLE);
	behaviours[0].broken = false; /* what both failed at is put off */
	ask("eth_x");
	assert_err(heards[0].err, ERR_NONE);
	assert_int_equal(heards[0].node, 0);
}

/* Many calls under way to a node that is gone are one failure. */
static void calls_that_fail_together_are_all_answered_by_another(void **state)
{
	(void)state;
	behaviours[0].broken = true;
	waiting = 3;
	for (unsigned i = 0; i < 3; i++)
		rpc_call(rpc, "eth_x", NULL, done, &heards[i]);
	loop_run(loop);
	for (unsigned i = 0; i < 3; i++)
		assert_err(heards[i].err, ERR_NONE);
	assert_int_equal(nodes[0].requests, 3);
	assert_int_equal(nodes[1].requests, 3);
	assert_int_equal(rpc_providers(rpc)->list[0].failures, 1);
}

static void a_node_that_takes_long_is_not_waited_for(void **state)
{
	(void)state;
	behaviours[0].hangs = true;
	ask("eth_x");
	assert_err(heards[0].err, ERR_NONE);
	assert_int_equal(heards[0].node, 1);
	ask("eth_x"); /* nor asked first the next time */
	assert_int_equal(nodes[0].requests, 1);
}

static void who_asks_to_be_left_alone_is(void **state)
{
	uint64_t told_ms = rpc_now_ms();

	(void)state;
	behaviours[0].limited = true;
	ask("eth_x");
	assert_int_equal(heards[0].node, 1);
	behaviours[0].limited = false;
	behaviours[1].broken = true;
	ask("eth_x"); /* waits for the time that it named, a second */
	assert_err(heards[0].err, ERR_NONE);
	assert_int_equal(heards[0].node, 0);
	assert_true(rpc_now_ms() - told_ms >= 1000);
}

static void a_refusal_that_means_too_often_is_asked_elsewhere(void **state)
{
	(void)state;
	ask("too_often"); /* of both */
	assert_err(heards[0].err, ERR_UNREACHABLE);
	assert_string_equal(heards[0].message,
			    "project ID request rate exceeded");
	assert_int_equal(nodes[0].requests, 1);
	assert_int_equal(nodes[1].requests, 1);
}

static void a_node_of_another_chain_is_not_asked(void **state)
{
	(void)state;
	behaviours[0].chain_id = 5;
	rpc_expect(rpc, CHAIN_ID, &genesis);
	for (int i = 0; i < 3; i++) {
		ask("eth_x");
		assert_err(heards[0].err, ERR_NONE);
		assert_int_equal(heards[0].node, 1);
	}
	assert_true(rpc_providers(rpc)->list[0].excluded);
	assert_int_equal(rpc_providers(rpc)->list[1].head, 16);
}

static void who_comes_back_proves_its_chain_first(void **state)
{
	(void)state;
	rpc_expect(rpc, CHAIN_ID, &genesis);
	rpc_proven(rpc, 0);
	rpc_proven(rpc, 1);
	behaviours[0].broken = true;
	ask("eth_x");
	assert_int_equal(heards[0].node, 1);
	behaviours[0].broken = false; /* another node, behind the same name */
	behaviours[0].chain_id = 5;
	for (int i = 0; i < 100 && !rpc_providers(rpc)->list[0].excluded; i++)
		run(20);
	assert_true(rpc_providers(rpc)->list[0].excluded);
}

static void a_call_that_is_forgotten_is_not_answered(void **state)
{
	struct rpc_batch *b = rpc_batch_new(rpc);

	(void)state;
	add(b, "a", 0);
	add(b, "b", 1);
	rpc_batch_send(b);
	rpc_call(rpc, "c", NULL, done, &heards[0]);
	rpc_forget(rpc, &heards[0]);
	waiting = 1;
	loop_run(loop);
	run(50);
	assert_int_equal(heards[0].times, 0);
	assert_int_equal(heards[1].times, 1);
}

static void a_certain_node_can_be_asked(void **state)
{
	(void)state;
	assert_int_equal(rpc_nodes(rpc), 2);
	waiting = 1;
	rpc_call_node(rpc, 1, "eth_x", NULL, done, &heards[0]);
	loop_run(loop);
	assert_err(heards[0].err, ERR_NONE);
	assert_int_equal(nodes[1].requests, 1);
	behaviours[1].broken = true; /* nobody else is asked first for that */
	waiting = 1;
	rpc_call_node(rpc, 1, "eth_x", NULL, done, &heards[0]);
	loop_run(loop);
	assert_err(heards[0].err, ERR_UNREACHABLE);
	behaviours[1].broken = false;
	ask("eth_x");
	assert_int_equal(nodes[0].requests, 1);
}

static void a_nodes_name_holds_no_secret(void **state)
{
	struct rpc_config config = {.loop = loop, .http = http};
	static const char *const rows[][2] = {
		{"https://node.example:8545/v3/secret", "node.example:8545"},
		{"http://node.example?key=secret", "node.example"},
		{"http://user:secret@node.example/", "node.example"},
		{"http://user:sec@ret@node.example/", "node.example"},
		{"http://node.example/a@b", "node.example"},
	};
	char want[32];

	(void)state;
	snprintf(want, sizeof want, "127.0.0.1:%d", nodes[0].port);
	assert_string_equal(rpc_node(rpc), want);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rpc *r;

		config.urls = rows[i][0];
		assert_err(rpc_new(&r, &config), ERR_NONE);
		assert_string_equal(rpc_node(r), rows[i][1]);
		rpc_free(&r);
	}
}

static void a_list_that_is_none_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"localhost:8545",
		"ws://x",
		"http://x,",
		"http://x,,http://y",
		"http://1,http://2,http://3,http://4,http://5,http://6,"
		"http://7,http://8,http://9"};
	struct rpc_config config = {.loop = loop, .http = http};
	struct rpc *r;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		config.urls = rows[i];
		assert_err(rpc_new(&r, &config), ERR_CONFIG);
		assert_null(r);
	}
}

/* ---- batches ------------------------------------------------------------ */

static void send_three(void)
{
	struct rpc_batch *b = rpc_batch_new(rpc);

	add(b, "a", 0);
	add(b, "refused", 1);
	add(b, "c", 2);
	rpc_batch_send(b);
	loop_run(loop);
	for (int i = 0; i < 3; i++)
		assert_int_equal(heards[i].times, 1);
	assert_int_equal(nodes[0].requests, 1);
}

static void each_call_of_a_batch_has_its_own_answer(void **state)
{
	(void)state;
	send_three();
	assert_string_equal(heards[0].result, "\"a\"");
	assert_err(heards[1].err, ERR_REFUSED);
	assert_string_equal(heards[2].result, "\"c\"");
}

static void answers_may_come_in_any_order(void **state)
{
	(void)state;
	behaviours[0].style = REVERSED;
	send_three();
	assert_string_equal(heards[0].result, "\"a\"");
	assert_err(heards[1].err, ERR_REFUSED);
	assert_string_equal(heards[2].result, "\"c\"");
}

static void what_is_missing_is_asked_of_the_next_node(void **state)
{
	(void)state;
	behaviours[0].style = WITHOUT_THE_SECOND;
	send_three();
	assert_int_equal(nodes[1].requests, 1);
	assert_int_equal(heards[0].node, 0);
	assert_int_equal(heards[1].node, 1);
	assert_int_equal(heards[2].node, 0);
	assert_err(heards[1].err, ERR_REFUSED);
}

static void what_nobody_answers_is_unreachable(void **state)
{
	(void)state;
	behaviours[0].style = WITHOUT_THE_SECOND;
	behaviours[1].broken = true;
	send_three();
	assert_err(heards[0].err, ERR_NONE);
	assert_err(heards[1].err, ERR_UNREACHABLE);
	assert_err(heards[2].err, ERR_NONE);
}

static void the_first_answer_counts(void **state)
{
	(void)state;
	behaviours[0].style = TWICE;
	send_three();
	assert_string_equal(heards[2].result, "\"c\"");
}

static void a_batch_that_was_refused_as_a_whole_has_no_answer(void **state)
{
	(void)state;
	behaviours[0].style = behaviours[1].style = ONE_ERROR;
	send_three();
	for (int i = 0; i < 3; i++)
		assert_err(heards[i].err, ERR_UNREACHABLE);
}

static void calls_and_batches_may_be_made_side_by_side(void **state)
{
	struct rpc_batch *a = rpc_batch_new(rpc), *b = rpc_batch_new(rpc);

	(void)state;
	add(a, "a1", 0);
	add(b, "b1", 1);
	waiting++;
	rpc_call(rpc, "alone", NULL, done, &heards[2]);
	add(a, "a2", 3);
	add(b, "b2", 4);
	rpc_batch_send(a);
	rpc_batch_send(b);
	loop_run(loop);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(heards[i].times, 1);
		assert_err(heards[i].err, ERR_NONE);
	}
	assert_string_equal(heards[3].result, "\"a2\"");
	assert_string_equal(heards[4].result, "\"b2\"");
}

static void a_large_batch_is_answered_whole(void **state)
{
	struct rpc_batch *b = rpc_batch_new(rpc);

	(void)state;
	for (int i = 0; i < 500; i++)
		add(b, "x", 0);
	rpc_batch_send(b);
	loop_run(loop);
	assert_int_equal(heards[0].times, 500);
	assert_err(heards[0].err, ERR_NONE);
}

static void an_empty_batch_is_only_freed(void **state)
{
	(void)state;
	rpc_batch_send(rpc_batch_new(rpc));
	rpc_batch_send(NULL);
	ask("eth_x");
	assert_int_equal(nodes[0].requests, 1);
}

static void freeing_forgets_what_is_under_way(void **state)
{
	struct rpc_batch *b = rpc_batch_new(rpc);

	(void)state;
	add(b, "a", 0);
	add(b, "hang", 1);
	rpc_batch_send(b);
	rpc_call(rpc, "hang", NULL, done, &heards[2]);
	rpc_free(&rpc);
	assert_int_equal(heards[0].times + heards[1].times + heards[2].times,
			 0);
}

/* ---- transactions ------------------------------------------------------- */

/* As geth, erigon, nethermind, besu, reth and anvil word it. */
static void refusals_of_transactions_are_understood(void **state)
{
	static const struct {
		enum err err;
		const char *message;
		enum rpc_send_verdict verdict;
	} rows[] = {
		{ERR_NONE, NULL, RPC_SEND_ACCEPTED},
		{ERR_UNREACHABLE, "already known", RPC_SEND_UNKNOWN},
		{ERR_REFUSED, "already known", RPC_SEND_KNOWN},
		{ERR_REFUSED, "ALREADY_EXISTS: already known", RPC_SEND_KNOWN},
		{ERR_REFUSED, "transaction already imported", RPC_SEND_KNOWN},
		{ERR_REFUSED, "Known transaction", RPC_SEND_KNOWN},
		{ERR_REFUSED, "nonce too low: next nonce 5, tx nonce 4",
		 RPC_SEND_NONCE_USED},
		{ERR_REFUSED, "Nonce too low", RPC_SEND_NONCE_USED},
		{ERR_REFUSED, "replacement transaction underpriced",
		 RPC_SEND_UNDERPRICED},
		{ERR_REFUSED, "max fee per gas less than block base fee",
		 RPC_SEND_UNDERPRICED},
		{ERR_REFUSED,
		 "insufficient funds for gas * price + value: balance 0",
		 RPC_SEND_POOR},
		{ERR_REFUSED, "Insufficient funds for gas * price + value",
		 RPC_SEND_POOR},
		{ERR_REFUSED, "txpool is full", RPC_SEND_UNKNOWN},
		{ERR_REFUSED, NULL, RPC_SEND_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rpc_answer a = {.err = rows[i].err,
				       .message = rows[i].message};

		assert_int_equal(rpc_send_verdict(&a), rows[i].verdict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_result_is_handed_over),
		TEST(a_refusal_is_no_failure_of_the_node),
		TEST(what_is_no_answer_is_unreachable_and_says_why),
		TEST(a_node_that_hangs_is_given_up),
		TEST(a_raw_answer_is_not_read),
		TEST(the_next_node_is_asked_when_one_fails),
		TEST(calls_that_fail_together_are_all_answered_by_another),
		TEST(a_node_that_takes_long_is_not_waited_for),
		TEST(who_asks_to_be_left_alone_is),
		TEST(a_refusal_that_means_too_often_is_asked_elsewhere),
		TEST(a_node_of_another_chain_is_not_asked),
		TEST(who_comes_back_proves_its_chain_first),
		TEST(a_call_that_is_forgotten_is_not_answered),
		TEST(a_certain_node_can_be_asked),
		TEST(a_nodes_name_holds_no_secret),
		TEST(a_list_that_is_none_is_refused),
		TEST(each_call_of_a_batch_has_its_own_answer),
		TEST(answers_may_come_in_any_order),
		TEST(what_is_missing_is_asked_of_the_next_node),
		TEST(what_nobody_answers_is_unreachable),
		TEST(the_first_answer_counts),
		TEST(a_batch_that_was_refused_as_a_whole_has_no_answer),
		TEST(calls_and_batches_may_be_made_side_by_side),
		TEST(a_large_batch_is_answered_whole),
		TEST(an_empty_batch_is_only_freed),
		TEST(freeing_forgets_what_is_under_way),
		TEST(refusals_of_transactions_are_understood),
	};

	log_open("rpc_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
