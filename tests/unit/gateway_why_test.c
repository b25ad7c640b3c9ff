/* What the API says of why, beside a matcher that writes the match log. */
#include "tests/unit/gateway_fixture.h"

static const char g7[] = "/v1/generators/"
			 "0x0000000000000000000000000000000000000007/why";
static const char g8[] = "/v1/generators/"
			 "0x0000000000000000000000000000000000000008/why";

/* ---- a matcher ---------------------------------------------------------- */

static struct engine {
	struct sink sink; /* first */
	struct match *match;
	struct buf log; /* what it has said and nobody has read: type, size */
	bool silent;	/* what it says stays there */
	bool lies;	/* another root */
} engine;

static enum err on_engine(struct sink *sink, uint16_t number, struct bytes body)
{
	struct engine *e = (struct engine *)sink;

	buf_put_be16(&e->log, number);
	buf_put_be32(&e->log, (uint32_t)body.size);
	buf_put(&e->log, body.data, body.size);
	return ERR_NONE;
}

static void lie(struct entry *entry, struct buf *bytes)
{
	struct msg_round_closed m;

	if (entry->type != MSG_ROUND_CLOSED)
		return;
	assert_err(msg_round_closed_decode(&m, entry->body), ERR_NONE);
	m.root.bytes[0] ^= 1;
	wire_encode(&msg_round_closed_wire, &m, bytes);
	entry->body = buf_bytes(bytes);
}

/* The match log comes to the gateway. */
static void speak(void)
{
	struct buf log = engine.log;
	struct buf bytes = {0};
	size_t at = 0;

	engine.log = (struct buf){0};
	while (at < log.size) {
		const uint8_t *p = log.data + at;
		struct entry entry = {++s.numbers[LOGS_MATCH],
				      (uint16_t)(p[0] << 8 | p[1]),
				      {p + 6, (size_t)p[4] << 8 | p[5]}};

		at += 6 + entry.body.size;
		if (engine.lies)
			lie(&entry, &bytes);
		assert_err(view_take(s.view, LOGS_MATCH, &entry), ERR_NONE);
		why_take(why, LOGS_MATCH, &entry);
	}
	buf_free(&bytes);
	buf_free(&log);
}

static void match_too(struct said *said, enum logs log,
		      const struct entry *entry)
{
	tell_why(said, log, entry);
	if (log != LOGS_BOOK)
		return;
	assert_err(match_receive(engine.match, &engine.sink, entry->type,
				 entry->body),
		   ERR_NONE);
	if (match_is_mark(entry->type) && !engine.silent)
		speak();
}

/* A book with market 1 and generator 7, which quotes 40 in 30 s; block 1. */
static int begin_matching(void **state)
{
	struct match_rule rule = MATCH_RULE_DEFAULT;
	struct api_config config = {.epoch = EPOCH, .instances = "a"};

	(void)state;
	rule.lifetime_s = 10000; /* no match lapses */
	engine = (struct engine){.sink.put = on_engine};
	s = (struct said){.also = match_too};
	assert_err(match_new(&engine.match, &rule, 4), ERR_NONE);
	assert_err(view_new(&s.view, 32, HISTORY), ERR_NONE);
	assert_err(why_new(&why, 4, ROUNDS), ERR_NONE);
	config.view = s.view;
	config.why = why;
	assert_err(api_new(&api, &config), ERR_NONE);
	api_set_ready(api);
	SAY(&s, LOGS_BOOK, book_opened, {.chain_id = 1});
	set_market(&s, 1);
	set_generator(&s, 7);
	set_quote(&s, 7, 1, 40, 30);
	close_block(&s, 0);
	return 0;
}

static int end_matching(void **state)
{
	match_free(&engine.match);
	buf_free(&engine.log);
	buf_free(&engine.sink.scratch);
	return end(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_matching, end_matching)

/* A request whose caps are @price and @time. */
static void ask_for(uint64_t id, uint64_t price, uint32_t time)
{
	SAY(&s, LOGS_BOOK, request_opened,
	    {.request_id = id,
	     .market_id = 1,
	     .requester = address_of(5),
	     .max_price = units(price),
	     .max_response_time = time,
	     .expiry = {now(&s).v + 1000},
	     .arrived = here(&s),
	     .time = now(&s)});
}

/* ---- requests ----------------------------------------------------------- */

static void a_request_that_waits_has_counts_and_near_misses(void **state)
{
	(void)state;
	set_generator(&s, 8);
	set_quote(&s, 8, 1, 60, 90);
	ask_for(1, 39, 60);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("as_of.seq", "9");
	assert_member("as_of.block", "\"2\"");
	assert_member("why.request_id", "\"1\"");
	assert_member("why.market_id", "\"1\"");
	assert_member("why.state", "\"open\"");
	assert_member("why.max_price", "\"39\"");
	assert_member("why.max_response_time", "60");
	assert_member("why.preference", "\"cheapest\"");
	assert_member("why.waits.bar", "null");
	assert_member("why.waits.quotes", "2");
	assert_member("why.waits.misses",
		      "{\"price\":2,\"time\":0,\"compute\":0,\"stake\":0,"
		      "\"task_limit\":0,\"draining\":0,\"no_key\":0,"
		      "\"cooling\":0,\"spread\":0}");
	assert_member("why.waits.eligible", "0");
	assert_member("why.waits.nearest.price",
		      "{\"generator\":\"0x0000000000000000000000000000000000000"
		      "007\",\"price\":\"40\",\"response_time\":30,"
		      "\"alone\":true}");
	assert_member("why.waits.nearest.time", "null");
	assert_member("why.match", "null");
	assert_member("why.task", "null");
	assert_member("why.ended", "null");
}

static void what_keeps_it_from_every_quote_is_named(void **state)
{
	(void)state;
	ask_for(1, 30, 60);
	close_block(&s, 0);
	SAY(&s, LOGS_BOOK, suspended, {.request_id = 1});
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("why.waits.bar", "\"suspended\"");
}

static void a_match_a_task_and_an_end_are_told_with_their_terms(void **state)
{
	(void)state;
	ask_for(1, 50, 60);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("why.state", "\"matched\"");
	assert_member("why.waits", "null");
	assert_member("why.match.decision", "\"1\"");
	assert_member("why.match.price", "\"40\"");
	assert_member("why.match.block.number", "\"2\"");
	assert_member("why.task", "null");
	start_task(&s, 1, 1, 7);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("why.state", "\"assigned\"");
	assert_member("why.waits", "null");
	assert_member("why.match.decision", "\"1\"");
	assert_member("why.task.price", "\"40\"");
	end_task(&s, 1, 1, 7, OUTCOME_FULFILLED);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("why.state", "\"fulfilled\"");
	assert_member("why.match.decision", "\"1\"");
	assert_member("why.ended.paid", "\"40\"");
}

static void a_task_that_others_assigned_has_no_match(void **state)
{
	(void)state;
	set_generator(&s, 8);
	set_quote(&s, 8, 1, 70, 30);
	ask_for(1, 30, 60);
	close_block(&s, 0);
	start_task(&s, 1, 1, 8);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("why.state", "\"assigned\"");
	assert_member("why.match", "null");
}

static void no_match_is_told_before_the_match_log_has_it(void **state)
{
	(void)state;
	engine.silent = true;
	ask_for(1, 50, 60);
	ask_for(2, 10, 60);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 503);
	assert_member("type", "\"urn:kalypso:problem:not-yet\"");
	assert_int_equal(get("/v1/requests/2/why", NULL, NULL), 200);
	speak();
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("why.match.decision", "\"1\"");
}

static void a_roll_back_takes_it_back(void **state)
{
	(void)state;
	close_block(&s, 0);
	ask_for(1, 39, 60);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	roll_back(&s, 2, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 404);
	ask_for(1, 41, 60);
	close_block(&s, 1);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("why.state", "\"matched\"");
}

/* ---- generators --------------------------------------------------------- */

static void a_loss_names_who_got_it_and_the_element_that_decided(void **state)
{
	(void)state;
	set_generator(&s, 8);
	set_quote(&s, 8, 1, 40, 20);
	ask_for(1, 50, 60);
	close_block(&s, 0); /* 8: quicker at the same price */
	set_quote(&s, 8, 1, 35, 60);
	ask_for(2, 50, 60);
	close_block(&s, 0); /* 8: cheaper */
	set_quote(&s, 8, 1, 40, 30);
	ask_for(3, 50, 60);
	close_block(&s, 0); /* 7: its turn is older */
	ask_for(4, 50, 10);
	ask_for(5, 50, 60);
	close_block(&s, 0); /* 8: 7 had its turn */
	assert_int_equal(get(g7, NULL, NULL), 200);
	assert_member("as_of.block", "\"5\"");
	assert_member("why.generator",
		      "\"0x0000000000000000000000000000000000000007\"");
	assert_member("why.market_id", "null");
	assert_member("why.from.number", "\"1\"");
	assert_member("why.to.number", "\"5\"");
	assert_member("why.matches", "4");
	assert_member("why.won", "1");
	assert_member("why.lost", "3");
	assert_member("why.no_quote", "0");
	assert_member("why.losses.0.request_id", "\"5\"");
	assert_member("why.losses.0.decision", "\"4\"");
	assert_member("why.losses.0.block.number", "\"5\"");
	assert_member("why.losses.0.element", "\"turn\"");
	assert_member("why.losses.0.preference", "\"cheapest\"");
	assert_member("why.losses.0.mine.turn",
		      "{\"block\":\"4\",\"since\":\"matched\",\"index\":0}");
	assert_member("why.losses.0.theirs.turn",
		      "{\"block\":\"4\",\"since\":\"joined\",\"index\":0}");
	assert_member("why.losses.1.request_id", "\"2\"");
	assert_member("why.losses.1.element", "\"price\"");
	assert_member("why.losses.1.mine.price", "\"40\"");
	assert_member("why.losses.1.theirs.price", "\"35\"");
	assert_member("why.losses.1.theirs.generator",
		      "\"0x0000000000000000000000000000000000000008\"");
	assert_member("why.losses.2.request_id", "\"1\"");
	assert_member("why.losses.2.element", "\"time\"");
	assert_member("why.losses.2.mine.response_time", "30");
	assert_member("why.losses.2.theirs.response_time", "20");
	assert_absent("why.losses.3");
	assert_int_equal(get(g8, NULL, NULL), 200);
	assert_member("why.won", "3");
	assert_member("why.lost", "1");
	assert_member("why.losses.0.request_id", "\"3\"");
	assert_member("why.losses.0.theirs.turn.since", "\"joined\"");
}

static void what_it_was_not_eligible_for_is_counted_by_reason(void **state)
{
	(void)state;
	set_generator(&s, 8);
	set_generator(&s, 9);
	set_quote(&s, 8, 1, 45, 30);
	ask_for(1, 44, 60);
	ask_for(2, 50, 30);
	close_block(&s, 0);
	assert_int_equal(get(g8, "market=1", NULL), 200);
	assert_member("why.market_id", "\"1\"");
	assert_member("why.matches", "2");
	assert_member("why.lost", "1");
	assert_member("why.misses.price", "1");
	assert_member("why.losses.0.request_id", "\"2\"");
	assert_int_equal(get("/v1/generators/0x00000000000000000000000000000000"
			     "00000009/why",
			     NULL, NULL),
			 200);
	assert_member("why.no_quote", "2");
	assert_int_equal(get(g8, "market=2", NULL), 200);
	assert_member("why.matches", "0");
	assert_member("why.losses", "[]");
}

static void asking_changes_nothing(void **state)
{
	(void)state;
	set_generator(&s, 8);
	set_quote(&s, 8, 1, 40, 30);
	close_block(&s, 0);
	for (uint64_t id = 1; id <= 6; id++) {
		ask_for(id, 50, 60);
		assert_int_equal(get(g8, NULL, NULL), 200);
		close_block(&s, 0);
		assert_int_equal(get(g8, NULL, NULL), 200);
		assert_int_equal(get(g7, NULL, NULL), 200);
	}
	roll_back(&s, 5, 0);
	assert_int_equal(get(g8, NULL, NULL), 200);
	assert_member("why.matches", "3");
	ask_for(7, 50, 60);
	close_block(&s, 1);
	assert_int_equal(get(g8, NULL, NULL), 200);
	assert_member("why.matches", "4");
	assert_int_equal(why_state(why), WHY_TRUE);
}

static void it_looks_back_over_so_many_rounds_and_no_more(void **state)
{
	(void)state;
	set_generator(&s, 8);
	set_quote(&s, 8, 1, 41, 30);
	for (uint64_t id = 1; id <= 7; id++) {
		ask_for(id, 50, 60);
		close_block(&s, 0);
	}
	assert_int_equal(get(g8, NULL, NULL), 200);
	assert_member("why.matches", "7");
	ask_for(8, 50, 60);
	close_block(&s, 0); /* ROUNDS are 8, this is block 9 */
	ask_for(9, 50, 60);
	close_block(&s, 0);
	assert_int_equal(get(g8, "limit=2", NULL), 200);
	assert_member("why.from.number", "\"3\"");
	assert_member("why.to.number", "\"10\"");
	assert_member("why.matches", "8");
	assert_member("why.lost", "8");
	assert_member("why.losses.1.request_id", "\"8\"");
	assert_absent("why.losses.2");
}

/* ---- when it isn't known ------------------------------------------------ */

static void what_is_not_there_is_not_found(void **state)
{
	(void)state;
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 404);
	assert_int_equal(get("/v1/requests/0/why", NULL, NULL), 400);
	assert_int_equal(get(g8, NULL, NULL), 404);
	assert_int_equal(get("/v1/generators/7/why", NULL, NULL), 400);
	assert_int_equal(get(g7, "market=0", NULL), 400);
	assert_int_equal(get(g7, "limit=1001", NULL), 400);
	assert_int_equal(get("/v1/requests/1/why", "limit=1", NULL), 400);
}

static void without_a_rule_it_waits_for_one(void **state)
{
	(void)state;
	end_matching(state);
	engine.silent = true;
	begin(state); /* only a view and a copy: no match log */
	ask_for(1, 39, 60);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 503);
	assert_member("type", "\"urn:kalypso:problem:not-yet\"");
	assert_int_equal(get(g7, NULL, NULL), 503);
	SAY(&s, LOGS_MATCH, rule_set,
	    {.version = MATCH_RULE_VERSION,
	     .match_lifetime = 30,
	     .task_limit = 100,
	     .spread_members = 8,
	     .cooling_max = 256});
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	assert_member("why.waits.misses.price", "1");
	assert_member("as_of.block", "\"2\"");
	assert_int_equal(why_seq(why), view_log(s.view, LOGS_BOOK)->seq);
}

static void a_copy_that_differs_from_the_match_log_says_nothing(void **state)
{
	(void)state;
	ask_for(1, 39, 60);
	close_block(&s, 0);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 200);
	engine.lies = true;
	close_block(&s, 0);
	assert_int_equal(why_state(why), WHY_LOST);
	assert_int_equal(get("/v1/requests/1/why", NULL, NULL), 503);
	assert_member("type", "\"urn:kalypso:problem:why-is-not-known\"");
	assert_int_equal(get(g7, NULL, NULL), 503);
	assert_int_equal(get("/v1/requests/1", NULL, NULL), 200);
	close_block(&s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_that_waits_has_counts_and_near_misses),
		TEST(what_keeps_it_from_every_quote_is_named),
		TEST(a_match_a_task_and_an_end_are_told_with_their_terms),
		TEST(a_task_that_others_assigned_has_no_match),
		TEST(no_match_is_told_before_the_match_log_has_it),
		TEST(a_roll_back_takes_it_back),
		TEST(a_loss_names_who_got_it_and_the_element_that_decided),
		TEST(what_it_was_not_eligible_for_is_counted_by_reason),
		TEST(asking_changes_nothing),
		TEST(it_looks_back_over_so_many_rounds_and_no_more),
		TEST(what_is_not_there_is_not_found),
		TEST(without_a_rule_it_waits_for_one),
		TEST(a_copy_that_differs_from_the_match_log_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
