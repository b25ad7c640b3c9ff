/* What the HTTP API promises where it reads Redis: a real one. */
#include "tests/redis.h"
#include "tests/unit/gateway_fixture.h"

static struct redis redis;

static int begin_stored(void **state)
{
	(void)state;
	begin_with(redis.store);
	return 0;
}

/* ---- Redis -------------------------------------------------------------- */

/* Requests 1 to 5 have ended; the view remembers the newest three. */
static void end_five(void)
{
	for (uint64_t id = 1; id <= 5; id++) {
		open_request(&s, id, 1, 5);
		close_request(&s, id, 1);
		close_block(&s, 0);
	}
}

/* Keep the record of @id as orderbook does, with entry @number of its log. */
static void keep_record(uint64_t id, uint64_t number, enum outcome outcome)
{
	struct msg_request_record m = {.request_id = id,
				       .market_id = 1,
				       .max_price = units(50),
				       .outcome = outcome,
				       .refund = units(50)};
	static uint64_t next = 1;
	struct entry entry = {next, 1, {(const uint8_t *)"x", 1}};
	struct record record = {.ttl_s = 600};
	struct append a = {.service = "records",
			   .instance = "a",
			   .token = 7,
			   .epoch = redis.epoch,
			   .log = "records",
			   .first = next,
			   .entries = &entry,
			   .entries_count = 1,
			   .from = {next - 1, 0},
			   .to = {next, 0},
			   .records = &record,
			   .records_count = 1};
	struct buf value = {0};
	char key[24];

	snprintf(key, sizeof key, "%d", (int)id);
	buf_put_be64(&value, number);
	wire_encode(&msg_request_record_wire, &m, &value);
	record.key = key;
	record.value = buf_bytes(&value);
	assert_err(store_lease_take(redis.store, "records", "a", 7, 60000),
		   ERR_NONE);
	assert_err(store_append(redis.store, &a), ERR_NONE);
	next++;
	buf_free(&value);
}

static void what_ended_long_ago_comes_from_its_record(void **state)
{
	(void)state;
	end_five();
	keep_record(1, 7, OUTCOME_SLASHED);
	assert_int_equal(get("/v1/requests/1", NULL, NULL), 200);
	assert_member("request.state", "\"slashed\"");
	assert_member("request.ended.refund", "\"50\"");
	assert_int_equal(get("/v1/requests/2", NULL, NULL), 404);
	assert_member("title", "\"Forgotten\"");
}

static void the_view_wins_over_a_record_of_a_branch_that_is_gone(void **state)
{
	(void)state;
	open_request(&s, 3, 1, 5);
	close_block(&s, 0);
	keep_record(3, 99, OUTCOME_CANCELLED);
	keep_record(4, 99, OUTCOME_CANCELLED);
	assert_int_equal(get("/v1/requests/3", NULL, NULL), 200);
	assert_member("request.state", "\"open\"");
	assert_int_equal(get("/v1/requests/4", NULL, NULL), 404);
}

static void a_record_that_does_not_decode_is_said_to_be_so(void **state)
{
	struct buf none = {0};

	(void)state;
	end_five();
	keep_record(2, 1, OUTCOME_INVALID);
	assert_err(store_record(redis.store, "2", &none), ERR_NONE);
	buf_free(&none);
	assert_int_equal(get("/v1/requests/2", NULL, NULL), 200);
	keep_record(2, 1, OUTCOME_COUNT); /* no outcome of ours */
	assert_int_equal(get("/v1/requests/2", NULL, NULL), 500);
}

static void events_are_the_entries_of_a_log(void **state)
{
	struct msg_quote_removed m = {.market_id = 3};
	struct buf bytes = {0};

	(void)state;
	wire_encode(&msg_quote_removed_wire, &m, &bytes);
	for (uint64_t i = 1; i <= 70; i++)
		redis_append(&redis, "book", i, MSG_QUOTE_REMOVED,
			     buf_bytes(&bytes));
	buf_free(&bytes);
	assert_int_equal(get("/v1/events", "log=book&limit=50", NULL), 200);
	assert_member("events.0.seq", "1");
	assert_member("events.49.entry.type", "\"quote_removed\"");
	assert_member("next", "51");
	assert_int_equal(get("/v1/events", "log=book&from=51", NULL), 200);
	assert_member("events.19.seq", "70");
	assert_member("next", "71");
	assert_int_equal(get("/v1/events", "log=book&from=71", NULL), 200);
	assert_member("events", "[]");
	assert_member("next", "71");
}

static void status_shows_who_is_alive_and_how_far(void **state)
{
	static const char *const pairs[] = {"ready", "true", "block",	  "3",
					    "pid",   "17",   "decisions", "9"};

	(void)state;
	for (uint64_t i = 1; i <= 5; i++)
		SAY(&s, LOGS_CHAIN, block_mark, {.block = block_of(i, 0)});
	assert_err(store_status_write(redis.store, "matcher", "b", pairs, 8,
				      60000),
		   ERR_NONE);
	assert_int_equal(get("/v1/status", NULL, NULL), 200);
	assert_member("services.0.service", "\"matcher\"");
	assert_member("services.0.instance", "\"b\"");
	assert_member("services.0.ready", "true");
	assert_member("services.0.lag", "2");
	assert_member("services.0.details", "{\"decisions\":\"9\"}");
	assert_member("absent.0", "\"chain-indexer\"");
	assert_member("quarantine.orderbook", "0");
	assert_null(strstr(buf_text(&answer.body), "pid"));
}

static int start_redis(void **state)
{
	(void)state;
	redis_start(&redis);
	return 0;
}

static int stop_redis(void **state)
{
	(void)state;
	redis_stop(&redis);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_stored, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_ended_long_ago_comes_from_its_record),
		TEST(the_view_wins_over_a_record_of_a_branch_that_is_gone),
		TEST(a_record_that_does_not_decode_is_said_to_be_so),
		TEST(events_are_the_entries_of_a_log),
		TEST(status_shows_who_is_alive_and_how_far),
	};

	return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
