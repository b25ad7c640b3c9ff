/* What the HTTP API promises, without sockets. */
#include "tests/unit/gateway_fixture.h"

/* ---- routes and parameters ---------------------------------------------- */

static void every_route_answers_and_is_json(void **state)
{
	static const char *const paths[] = {
		"/v1/markets",
		"/v1/markets/1",
		"/v1/markets/1/book",
		"/v1/generators",
		"/v1/requests",
		"/v1/tasks",
		"/v1/stats",
		"/v1/chain",
		"/v1/requests/1",
		"/v1/generators/0x0000000000000000000000000000000000000007",
	};

	(void)state;
	open_request(&s, 1, 1, 5);
	close_block(&s, 0);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		assert_int_equal(get(paths[i], NULL, NULL), 200);
		assert_string_equal(answer.type, "application/json");
		assert_member("as_of.block", "\"2\"");
		assert_member("as_of.seq", "6");
	}
}

static void what_is_wrong_is_a_problem_that_says_where(void **state)
{
	static const struct {
		unsigned status;
		const char *path, *args;
	} rows[] = {
		{404, "/", NULL},
		{404, "", NULL},
		{404, "/v1", NULL},
		{404, "/v1/", NULL},
		{404, "/v1/markets/", NULL},
		{426, "/v1/feed", NULL},
		{404, "/v1/markets/1/", NULL},
		{404, "/v1/markets/1/books", NULL},
		{404, "/v1/markets/1/book/x", NULL},
		{404, "/v2/markets", NULL},
		{404, "/v1/markets/99", NULL},
		{404, "/v1/requests/7", NULL},
		{404,
		 "/v1/generators/0x0000000000000000000000000000000000000009",
		 NULL},
		{400, "/v1/markets/0", NULL},
		{400, "/v1/markets/-1", NULL},
		{400, "/v1/markets/1x", NULL},
		{400, "/v1/markets/18446744073709551616", NULL},
		{400, "/v1/generators/7", NULL},
		{400, "/v1/generators/0xg", NULL},
		{400, "/v1/markets", "limit=0"},
		{400, "/v1/markets", "limit=1001"},
		{400, "/v1/markets", "limit="},
		{400, "/v1/markets", "limit"},
		{400, "/v1/markets", "limit=+1"},
		{400, "/v1/markets", "after=x"},
		{400, "/v1/markets", "limits=3"},
		{400, "/v1/markets", "limit=3&limit=4"},
		{400, "/v1/markets/1", "limit=3"},
		{400, "/v1/markets/1/book", "limit=10001"},
		{400, "/v1/generators", "after=5"},
		{400, "/v1/requests", "state=running"},
		{400, "/v1/requests", "state="},
		{400, "/v1/requests", "requester=0x1"},
		{400, "/v1/requests", "market=0"},
		{400, "/v1/requests", "generator=0x1"},
		{400, "/v1/tasks", "state=open"},
		{400, "/v1/tasks", "state=cancelled"},
		{400, "/v1/events", NULL},
		{400, "/v1/events", "log=books"},
		{400, "/v1/events", "log=book&from=0"},
		{400, "/v1/events", "log=book&limit=1001"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(get(rows[i].path, rows[i].args, NULL),
				 rows[i].status);
		assert_string_equal(answer.type, "application/problem+json");
		assert_string_equal(answer.etag, "");
		if (rows[i].status == 400)
			assert_non_null(
				strstr(buf_text(&answer.body), rows[i].path));
	}
}

static void only_reading_is_allowed(void **state)
{
	struct api_request r = {.method = API_OTHER, .path = "/v1/markets"};

	(void)state;
	api_answer(api, &r, &answer);
	assert_int_equal(answer.status, 405);
	assert_string_equal(answer.allow, "GET, HEAD, OPTIONS");
	r.method = API_OPTIONS;
	api_answer(api, &r, &answer);
	assert_int_equal(answer.status, 204);
	assert_int_equal(answer.body.size, 0);
	r.path = "/nothing";
	api_answer(api, &r, &answer);
	assert_int_equal(answer.status, 404);
}

static void too_many_parameters_are_refused(void **state)
{
	struct api_request r = {.path = "/v1/markets", .args_bad = true};

	(void)state;
	api_answer(api, &r, &answer);
	assert_int_equal(answer.status, 400);
}

static void not_before_the_logs_are_read(void **state)
{
	struct api_config config = {.view = s.view, .instances = "a"};

	(void)state;
	api_free(&api);
	assert_err(api_new(&api, &config), ERR_NONE);
	assert_int_equal(get("/v1/markets", NULL, NULL), 503);
	assert_int_equal(answer.retry_after_s, 1);
	assert_int_equal(get("/v1/markets", "limits=3", NULL), 400);
}

/* ---- ETags -------------------------------------------------------------- */

static void what_has_not_changed_is_not_sent_again(void **state)
{
	char tag[API_ETAG_ROOM], many[2 * API_ETAG_ROOM];

	(void)state;
	assert_int_equal(get("/v1/tasks", NULL, NULL), 200);
	snprintf(tag, sizeof tag, "%s", answer.etag);
	assert_string_equal(tag, "W/\"abc.4\"");
	assert_int_equal(get("/v1/tasks", NULL, tag), 304);
	assert_int_equal(answer.body.size, 0);
	assert_string_equal(answer.etag, tag);
	snprintf(many, sizeof many, "\"x\", %s", tag + 2);
	assert_int_equal(get("/v1/tasks", NULL, many), 304);
	assert_int_equal(get("/v1/tasks", NULL, "*"), 304);
	assert_int_equal(get("/v1/tasks", NULL, "W/\"abc.5\""), 200);
	assert_int_equal(get("/v1/tasks", NULL, "W/\"abc.44\""), 200);
	assert_int_equal(get("/v1/tasks", NULL, "abc.4"), 200);
	assert_int_equal(get("/v1/tasks", NULL, "\"\"\"\"\"\""), 200);
	open_request(&s, 1, 1, 5);
	assert_int_equal(get("/v1/tasks", NULL, tag), 304); /* half a block */
	close_block(&s, 0);
	assert_int_equal(get("/v1/tasks", NULL, tag), 200);
	assert_string_equal(answer.etag, "W/\"abc.6\"");
}

static void an_etag_names_every_log_that_counts(void **state)
{
	(void)state;
	open_request(&s, 1, 1, 5);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1", NULL, NULL), 200);
	assert_string_equal(answer.etag, "W/\"abc.0.6.0.0.0\"");
	SAY(&s, LOGS_MATCH, round_closed, {.block = block_of(2, 0)});
	SAY(&s, LOGS_SLASH, tx_unmined, {.nonce = 1});
	SAY(&s, LOGS_CHAIN, block_mark, {.block = block_of(2, 0)});
	assert_int_equal(get("/v1/requests/1", NULL, "W/\"abc.0.6.0.0.0\""),
			 200);
	assert_string_equal(answer.etag, "W/\"abc.1.6.1.0.1\"");
}

/* ---- what is shown ------------------------------------------------------ */

static void amounts_and_ids_are_strings_that_keep_every_digit(void **state)
{
	struct msg_quote_set q = {.generator = address_of(7),
				  .market_id = 1,
				  .price = {U256_MAX},
				  .compute = UINT64_MAX};

	(void)state;
	SAY(&s, LOGS_BOOK, quote_set, q);
	close_block(&s, 0);
	get("/v1/markets/1/book", NULL, NULL);
	assert_member(
		"quotes.0.price",
		"\"1157920892373161954235709850086879078532699846656405640"
		"39457584007913129639935\"");
	assert_member("quotes.0.compute", "\"18446744073709551615\"");
	assert_member("market_id", "\"1\"");
}

static void a_request_tells_its_whole_story(void **state)
{
	uint8_t ids[8] = {0, 0, 0, 0, 0, 0, 0, 1};

	(void)state;
	open_request(&s, 1, 1, 5);
	close_block(&s, 0);
	SAY(&s, LOGS_MATCH, match_made,
	    {.request_id = 1,
	     .generator = address_of(7),
	     .decision = 4,
	     .block = block_of(2, 0),
	     .price = units(40)});
	SAY(&s, LOGS_MATCH, round_closed, {.block = block_of(2, 0)});
	SAY(&s, LOGS_TASK, tx_signed,
	    {.id = hash_of(9),
	     .kind = 1,
	     .attempt = 1,
	     .hash = hash_of(99),
	     .subjects = {ids, 1}});
	start_task(&s, 1, 1, 7);
	close_block(&s, 0);
	SAY(&s, LOGS_TASK, tx_mined,
	    {.id = hash_of(9),
	     .hash = hash_of(99),
	     .block = block_of(3, 0),
	     .success = true});
	end_task(&s, 1, 1, 7, OUTCOME_FULFILLED);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1", NULL, NULL), 200);
	assert_member("request.state", "\"fulfilled\"");
	assert_member("request.match.decision", "\"4\"");
	assert_member("request.task.price", "\"40\"");
	assert_member("request.task.overdue", "false");
	assert_member("request.ended.refund", "\"10\"");
	assert_member("request.transactions.0.kind", "\"assign\"");
	assert_member("request.transactions.0.state", "\"mined\"");
	assert_member("request.transactions.0.mined.block.number", "\"3\"");
	assert_absent("request.transactions.0.mined.block.time");
	assert_member("request.history.0.step", "\"opened\"");
	assert_member("request.history.1.step", "\"matched\"");
	assert_member("request.history.2.step", "\"assigned\"");
	assert_member("request.history.3.step", "\"fulfilled\"");
	assert_member("request.history.3.time", "\"1970-01-01T00:17:20Z\"");
	assert_member("request.refusals", "null");
}

static void refusals_have_the_contracts_words(void **state)
{
	(void)state;
	open_request(&s, 1, 1, 5);
	SAY(&s, LOGS_BOOK, assignment_refused,
	    {.request_id = 1,
	     .generator = address_of(7),
	     .reason = {{1, 2, 3, 4}},
	     .at = here(&s)});
	close_block(&s, 0);
	get("/v1/requests/1", NULL, NULL);
	assert_member("request.refusals.count", "1");
	assert_member("request.refusals.reason", "\"0x01020304\"");
	assert_member("request.refusals.reason_text", "\"unknown error\"");
	assert_member("request.history.1.step", "\"refused\"");
}

static void create_market(const char *metadata)
{
	SAY(&s, LOGS_CHAIN, market_created,
	    {.market_id = 1,
	     .metadata = {(const uint8_t *)metadata, strlen(metadata)}});
	SAY(&s, LOGS_CHAIN, block_mark, {.block = block_of(1, 0)});
}

static void metadata_is_the_creators_object(void **state)
{
	(void)state;
	create_market("{\"name\":\"sums\",\"n\":1.50}");
	get("/v1/markets/1", NULL, NULL);
	assert_member("market.metadata.name", "\"sums\"");
}

static void metadata_that_is_no_json_object_is_not_shown(void **state)
{
	static const char *const rows[] = {
		"",	 "[1]",	   "{\"a\":1",		"{\"a\":1}}",
		"\"x\"", "{\xff}", "{\"a\":1,\"a\":2}", "</script>",
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		end(state);
		begin(state);
		create_market(rows[i]);
		assert_int_equal(get("/v1/markets/1", NULL, NULL), 200);
		assert_member("market.metadata", "null");
	}
}

static void lists_go_on_where_they_stopped(void **state)
{
	char args[64];
	const char *cursor;
	json_t *root;

	(void)state;
	for (uint64_t id = 1; id <= 5; id++)
		open_request(&s, id, 1, id % 2 ? 5 : 6);
	close_block(&s, 0);
	get("/v1/requests", "limit=2", NULL);
	assert_member("requests.0.request_id", "\"5\"");
	assert_member("requests.1.request_id", "\"4\"");
	root = body();
	cursor = json_string_value(at(root, "next"));
	snprintf(args, sizeof args, "limit=3&after=%s", cursor);
	json_decref(root);
	get("/v1/requests", args, NULL);
	assert_member("requests.0.request_id", "\"3\"");
	assert_member("next", "null");
	get("/v1/requests",
	    "requester=0x0000000000000000000000000000000000000006&state=open&"
	    "market=1",
	    NULL);
	assert_member("requests.0.request_id", "\"4\"");
	assert_absent("requests.2");
	set_market(&s, 2);
	close_block(&s, 0);
	get("/v1/markets", "limit=1", NULL);
	assert_member("next", "\"1\"");
	get("/v1/markets", "after=1", NULL);
	assert_member("markets.0.market_id", "\"2\"");
	assert_member("next", "null");
}

static void tasks_are_running_or_overdue_or_done(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= 3; id++)
		open_request(&s, id, 1, 5);
	start_task(&s, 1, 1, 7);
	close_block(&s, 0);
	for (unsigned i = 0; i < 4; i++)
		close_block(&s, 0); /* past its 30 s */
	start_task(&s, 2, 1, 7);
	start_task(&s, 3, 1, 7);
	close_block(&s, 0);
	end_task(&s, 3, 1, 7, OUTCOME_INVALID);
	close_block(&s, 0);
	get("/v1/tasks", NULL, NULL);
	assert_member("tasks.0.state", "\"invalid\"");
	assert_member("tasks.1.state", "\"running\"");
	assert_member("tasks.2.overdue", "true");
	get("/v1/tasks", "state=overdue", NULL);
	assert_member("tasks.0.request_id", "\"1\"");
	assert_absent("tasks.1");
	get("/v1/tasks", "state=running&market=1", NULL);
	assert_member("tasks.0.request_id", "\"2\"");
	assert_member("tasks.1.request_id", "\"1\"");
}

static void without_redis_the_rest_is_still_served(void **state)
{
	(void)state;
	assert_int_equal(get("/v1/status", NULL, NULL), 503);
	assert_int_equal(answer.retry_after_s, 1);
	assert_int_equal(get("/v1/events", "log=book", NULL), 503);
	assert_int_equal(get("/v1/markets", NULL, NULL), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_route_answers_and_is_json),
		TEST(what_is_wrong_is_a_problem_that_says_where),
		TEST(only_reading_is_allowed),
		TEST(too_many_parameters_are_refused),
		TEST(not_before_the_logs_are_read),
		TEST(what_has_not_changed_is_not_sent_again),
		TEST(an_etag_names_every_log_that_counts),
		TEST(amounts_and_ids_are_strings_that_keep_every_digit),
		TEST(a_request_tells_its_whole_story),
		TEST(refusals_have_the_contracts_words),
		TEST(metadata_is_the_creators_object),
		TEST(metadata_that_is_no_json_object_is_not_shown),
		TEST(lists_go_on_where_they_stopped),
		TEST(tasks_are_running_or_overdue_or_done),
		TEST(without_redis_the_rest_is_still_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
