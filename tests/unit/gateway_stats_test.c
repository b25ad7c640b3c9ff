/* What the API says of a market's prices and times, of proofs, and of those who
 * are late. */
#include "tests/unit/gateway_fixture.h"

static void end_paid(uint64_t id, uint64_t paid)
{
	SAY(&s, LOGS_BOOK, task_ended,
	    {.request_id = id,
	     .market_id = 1,
	     .generator = address_of(7),
	     .outcome = OUTCOME_FULFILLED,
	     .paid = units(paid),
	     .at = here(&s),
	     .time = now(&s)});
}

/* Requests @from to @to of market 1, proven one a block for @from, @from + 1, …
 */
static void prove(uint64_t from, uint64_t to)
{
	for (uint64_t id = from; id <= to; id++) {
		open_request(&s, id, 1, 5);
		start_task(&s, id, 1, 7);
		end_paid(id, id);
		close_block(&s, 0);
	}
}

/* Member @path of the answer as text; the caller frees it. */
static char *member(const char *path)
{
	json_t *root = body();
	char *text = json_dumps(at(root, path), JSON_ENCODE_ANY | JSON_COMPACT);

	assert_non_null(text);
	json_decref(root);
	return text;
}

/* ---- stats -------------------------------------------------------------- */

static void a_market_where_nothing_ended_has_none(void **state)
{
	(void)state;
	open_request(&s, 1, 1, 5);
	close_block(&s, 0);
	assert_int_equal(get("/v1/stats", NULL, NULL), 200);
	assert_member("markets.0.market_id", "\"1\"");
	assert_member("markets.0.sample.requests", "0");
	assert_member("markets.0.sample.from", "null");
	assert_member("markets.0.fill_rate", "null");
	assert_member("markets.0.price", "null");
	assert_member("markets.0.match_time", "null");
}

static void a_percentile_is_a_value_that_there_was(void **state)
{
	(void)state;
	prove(1, 10);
	get("/v1/stats", NULL, NULL);
	assert_member("markets.0.price",
		      "{\"count\":10,\"p10\":\"1\",\"p25\":\"3\",\"p50\":\"5\","
		      "\"p75\":\"8\",\"p90\":\"9\"}");
	prove(11, 11);
	get("/v1/stats", NULL, NULL);
	assert_member("markets.0.price",
		      "{\"count\":11,\"p10\":\"2\",\"p25\":\"3\",\"p50\":\"6\","
		      "\"p75\":\"9\",\"p90\":\"10\"}");
}

static void prices_of_any_size_are_in_order(void **state)
{
	(void)state;
	prove(1, 2);
	open_request(&s, 3, 1, 5);
	start_task(&s, 3, 1, 7);
	SAY(&s, LOGS_BOOK, task_ended,
	    {.request_id = 3,
	     .market_id = 1,
	     .generator = address_of(7),
	     .outcome = OUTCOME_FULFILLED,
	     .paid = {U256_MAX}});
	close_block(&s, 0);
	get("/v1/stats", NULL, NULL);
	assert_member("markets.0.price.p50", "\"2\"");
	assert_member("markets.0.price.p90",
		      "\"115792089237316195423570985008687907853269984665640564"
		      "039457584007913129639935\"");
}

/* Opened in one block, matched in the next, assigned one, proven two later; 10
 * seconds each. */
static void each_part_of_a_life_is_measured(void **state)
{
	(void)state;
	open_request(&s, 1, 1, 5);
	close_block(&s, 0);
	SAY(&s, LOGS_MATCH, match_made,
	    {.request_id = 1,
	     .generator = address_of(7),
	     .decision = 1,
	     .block = block_of(s.block.number + 1, 0)});
	SAY(&s, LOGS_MATCH, round_closed,
	    {.block = block_of(s.block.number + 1, 0)});
	close_block(&s, 0);
	start_task(&s, 1, 1, 7);
	close_block(&s, 0);
	close_block(&s, 0);
	end_paid(1, 40);
	close_block(&s, 0);
	get("/v1/stats", "market=1", NULL);
	assert_member("markets.0.match_time.p50", "10");
	assert_member("markets.0.match_blocks.p50", "1");
	assert_member("markets.0.assignment_time.p50", "20");
	assert_member("markets.0.response_time.p50", "20");
	assert_member("markets.0.total_time.p50", "40");
	assert_member("markets.0.fill_rate", "1.0");
}

static void what_was_not_proven_counts_against_the_fill_rate_alone(void **state)
{
	(void)state;
	prove(1, 3);
	for (uint64_t id = 4; id <= 6; id++)
		open_request(&s, id, 1, 5);
	close_request(&s, 4, 1);
	start_task(&s, 5, 1, 7);
	end_task(&s, 5, 1, 7, OUTCOME_SLASHED);
	start_task(&s, 6, 1, 7);
	end_task(&s, 6, 1, 7, OUTCOME_INVALID);
	close_block(&s, 0);
	get("/v1/stats", NULL, NULL);
	assert_member("markets.0.fill_rate", "0.5");
	assert_member("markets.0.sample.cancelled", "1");
	assert_member("markets.0.sample.slashed", "1");
	assert_member("markets.0.sample.invalid", "1");
	assert_member("markets.0.price.count", "3");
	assert_member("markets.0.assignment_time.count", "5");
}

/* More than the view keeps of requests, and of samples. */
static void only_the_newest_count_whatever_else_is_forgotten(void **state)
{
	(void)state;
	prove(1, VIEW_SAMPLES_MAX + 44);
	assert_int_equal(view_sizes(s.view).requests, HISTORY);
	get("/v1/stats", NULL, NULL);
	assert_member("markets.0.sample.requests", "256");
	assert_member("markets.0.price.count", "256");
	assert_member("markets.0.price.p10", "\"70\"");	 /* 44 + 26 */
	assert_member("markets.0.price.p90", "\"275\""); /* 44 + 231 */
}

static void a_roll_back_undoes_them(void **state)
{
	char *before, *after;
	uint64_t block;

	(void)state;
	prove(1, VIEW_SAMPLES_MAX + 10);
	block = s.block.number;
	get("/v1/stats", NULL, NULL);
	before = member("markets");
	prove(300, 330);
	get("/v1/stats", NULL, NULL);
	assert_member("markets.0.price.p90", "\"305\"");
	roll_back(&s, block, 0);
	get("/v1/stats", NULL, NULL);
	after = member("markets");
	assert_string_equal(after, before);
	prove(300, 300);
	get("/v1/stats", NULL, NULL);
	assert_member("markets.0.sample.requests", "256");
	free(before);
	free(after);
}

static void markets_are_paged_or_one_alone(void **state)
{
	(void)state;
	set_market(&s, 2);
	set_market(&s, 5);
	close_block(&s, 0);
	get("/v1/stats", "limit=2", NULL);
	assert_member("markets.1.market_id", "\"2\"");
	assert_absent("markets.2");
	assert_member("next", "\"2\"");
	get("/v1/stats", "limit=2&after=2", NULL);
	assert_member("markets.0.market_id", "\"5\"");
	assert_member("next", "null");
	get("/v1/stats", "market=2", NULL);
	assert_member("markets.0.market_id", "\"2\"");
	assert_absent("markets.1");
	assert_member("next", "null");
	get("/v1/stats", "market=3", NULL);
	assert_absent("markets.0");
	get("/v1/stats", "market=2&after=2", NULL);
	assert_absent("markets.0");
}

/* ---- those who are late ------------------------------------------------- */

static void overdue_are_the_tasks_whose_deadline_has_passed(void **state)
{
	const char *path =
		"/v1/generators/0x0000000000000000000000000000000000000007";

	(void)state;
	set_generator(&s, 8);
	set_quote(&s, 8, 1, 40, 30);
	for (uint64_t id = 1; id <= 3; id++)
		open_request(&s, id, 1, 5);
	start_task(&s, 1, 1, 7);
	start_task(&s, 2, 1, 8);
	close_block(&s, 0);
	close_block(&s, 0);
	start_task(&s, 3, 1, 7);
	close_block(&s, 0);
	get(path, NULL, NULL);
	assert_member("generator.record.overdue", "0");
	close_block(&s, 0);
	close_block(&s, 0);
	get(path, NULL, NULL);
	assert_member("generator.record.running", "2");
	assert_member("generator.record.overdue", "1");
	end_task(&s, 1, 1, 7, OUTCOME_SLASHED);
	close_block(&s, 0);
	get(path, NULL, NULL);
	assert_member("generator.record.overdue", "0");
	assert_member("generator.record.slashed", "1");
}

/* ---- proofs ------------------------------------------------------------- */

static void give_proof(uint64_t id, size_t size)
{
	uint8_t *bytes = calloc(1, size + 1);

	memset(bytes, 0xab, size);
	SAY(&s, LOGS_CHAIN, proof_submitted,
	    {.request_id = id,
	     .tx = hash_of(id + 3000),
	     .proof = {bytes, size}});
	SAY(&s, LOGS_CHAIN, block_mark, {.block = block_of(id, 0)});
	free(bytes);
}

static void finish(uint64_t id)
{
	open_request(&s, id, 1, 5);
	start_task(&s, id, 1, 7);
	end_task(&s, id, 1, 7, OUTCOME_FULFILLED);
	close_block(&s, 0);
}

static void a_proven_request_has_its_proof(void **state)
{
	char *tx;

	(void)state;
	finish(1);
	give_proof(1, 3);
	get("/v1/requests/1", NULL, NULL);
	assert_member("request.proof.bytes", "\"0xababab\"");
	assert_member("request.proof.size", "3");
	assert_member("request.proof.seq", "1");
	tx = member("request.proof.tx");
	assert_member("request.ended.tx", tx);
	free(tx);
	assert_string_equal(answer.cache_control, "no-cache");
	open_request(&s, 2, 1, 5);
	close_block(&s, 0);
	get("/v1/requests/2", NULL, NULL);
	assert_member("request.proof", "null");
}

static void a_proof_goes_with_its_block(void **state)
{
	(void)state;
	finish(1);
	give_proof(1, 3);
	give_proof(2, 3);
	SAY(&s, LOGS_CHAIN, rollback,
	    {.from = block_of(2, 0), .to = block_of(1, 0)});
	finish(2);
	get("/v1/requests/2", NULL, NULL);
	assert_member("request.state", "\"fulfilled\"");
	assert_member("request.proof.bytes", "null");
	assert_member("request.proof.size", "null");
	get("/v1/requests/1", NULL, NULL);
	assert_member("request.proof.bytes", "\"0xababab\"");
}

/* Without Redis it can't be had; the rest can, and isn't to be kept. */
static void a_large_proof_is_in_the_log(void **state)
{
	(void)state;
	finish(1);
	give_proof(1, VIEW_PROOF_MAX);
	finish(2);
	give_proof(2, VIEW_PROOF_MAX + 1);
	get("/v1/requests/1", NULL, NULL);
	assert_member("request.proof.size", "512");
	get("/v1/requests/2", NULL, NULL);
	assert_member("request.proof.size", "513");
	assert_member("request.proof.seq", "3");
	assert_member("request.proof.bytes", "null");
	assert_string_equal(answer.cache_control, "no-store");
	assert_string_equal(answer.etag, "");
}

static void only_the_newest_proofs_are_kept(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= HISTORY + 2; id++) {
		finish(id);
		give_proof(id, 1);
	}
	assert_null(view_proof(s.view, 2));
	assert_non_null(view_proof(s.view, 3));
	assert_non_null(view_proof(s.view, HISTORY + 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_market_where_nothing_ended_has_none),
		TEST(a_percentile_is_a_value_that_there_was),
		TEST(prices_of_any_size_are_in_order),
		TEST(each_part_of_a_life_is_measured),
		TEST(what_was_not_proven_counts_against_the_fill_rate_alone),
		TEST(only_the_newest_count_whatever_else_is_forgotten),
		TEST(a_roll_back_undoes_them),
		TEST(markets_are_paged_or_one_alone),
		TEST(overdue_are_the_tasks_whose_deadline_has_passed),
		TEST(a_proven_request_has_its_proof),
		TEST(a_proof_goes_with_its_block),
		TEST(a_large_proof_is_in_the_log),
		TEST(only_the_newest_proofs_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
