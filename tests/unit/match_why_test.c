/* Why a request waits: every reason, both nearest misses; who decides. */
#include "tests/unit/match_fixture.h"

#include "services/matcher/match_why.h"

static struct match_why why;

/* Block 1 opens market 1. */
static void begin_market(void)
{
	open_log();
	tell_market(market_of(1));
}

/* The counts as "price:2 cooling:1", without those that are 0. */
static const char *misses(uint64_t id)
{
	static char text[256];
	uint64_t sum = 0;
	size_t n = 0;

	assert_err(match_why(match, id, &why), ERR_NONE);
	*text = 0;
	for (int i = 0; i < MATCH_MISSES; i++) {
		if (why.misses[i])
			n += (size_t)snprintf(
				text + n, sizeof text - n, "%s%s:%llu",
				n ? " " : "", match_miss_name(i),
				(unsigned long long)why.misses[i]);
		sum += why.misses[i];
	}
	assert_int_equal(sum, why.quotes - why.eligible);
	return text;
}

#define assert_misses(id, want) assert_string_equal(misses(id), want)

static void assert_near(const struct match_near *near, uint8_t who,
			uint64_t price, uint32_t time, bool alone)
{
	struct address want = address_of(who);
	struct amount amount = units(price);

	assert_true(near->there);
	assert_memory_equal(&near->offer.generator, &want, sizeof want);
	assert_memory_equal(&near->offer.price, &amount, sizeof amount);
	assert_int_equal(near->offer.response_time, time);
	assert_int_equal(near->alone, alone);
}

/* ---- every reason ------------------------------------------------------- */

static void without_quotes_there_are_none(void **state)
{
	(void)state;
	begin_market();
	request(1);
	close_block();
	assert_misses(1, "");
	assert_int_equal(why.quotes, 0);
	assert_int_equal(why.bar, MATCH_BAR_NONE);
	assert_false(why.price.there);
	assert_false(why.time.there);
}

static void quotes_of_other_markets_and_quotes_that_went_do_not_count(void **s)
{
	struct msg_quote_set q;

	(void)s;
	begin_market();
	tell_market(market_of(2));
	supply(A, 60, 30);
	q = quote_of(A, 70, 30);
	q.market_id = 2;
	tell_quote(q);
	supply(B, 60, 30);
	TELL(quote_removed, {.generator = address_of(B), .market_id = 1});
	request(1);
	close_block();
	assert_misses(1, "price:1");
	assert_int_equal(why.quotes, 1);
}

/* A generator each, and what is wrong with its quote. */
static void each_quote_counts_at_the_first_test_that_it_fails(void **state)
{
	struct msg_generator_set g;
	struct msg_quote_set q;
	struct msg_market_set m = market_of(1);

	(void)state;
	open_log();
	m.confidential = true;
	tell_market(m);
	tell_generator(generator_of(0x10));
	tell_quote(quote_of(0x10, 51, 61)); /* both: price comes first */
	tell_generator(generator_of(0x11));
	tell_quote(quote_of(0x11, 50, 61));
	g = generator_of(0x12);
	g.compute = g.used_compute = 7;
	g.stake = units(0);
	tell_generator(g);
	tell_quote(quote_of(0x12, 50, 60)); /* compute before stake */
	g = generator_of(0x13);
	g.stake = units(PENALTY - 1);
	tell_generator(g);
	q = quote_of(0x13, 50, 60);
	q.tasks = 100;
	tell_quote(q); /* stake before task limit */
	tell_generator(generator_of(0x14));
	q = quote_of(0x14, 50, 60);
	q.tasks = 100;
	q.draining = true;
	tell_quote(q); /* task limit before draining */
	tell_generator(generator_of(0x15));
	q = quote_of(0x15, 50, 60);
	q.draining = true;
	tell_quote(q); /* draining before key */
	tell_generator(generator_of(0x16));
	tell_quote(quote_of(0x16, 50, 60));
	TELL(suspended, {.generator = address_of(0x16)});
	tell_generator(generator_of(0x17));
	tell_quote(quote_of(0x17, 50, 60));
	request(1);
	close_block();
	assert_misses(1, "price:1 time:1 compute:1 stake:1 task_limit:1 "
			 "draining:2 no_key:1");
	assert_int_equal(why.quotes, 8);
	assert_int_equal(why.eligible, 0);
}

static void what_a_match_reserves_counts(void **state)
{
	struct msg_generator_set g;

	(void)state;
	begin_market();
	g = generator_of(A);
	g.compute = 1;
	tell_generator(g);
	tell_quote(quote_of(A, 40, 30));
	g = generator_of(B);
	g.stake = units(PENALTY);
	tell_generator(g);
	tell_quote(quote_of(B, 41, 30));
	request(1);
	request(2);
	request(3);
	close_block();
	assert_misses(3, "compute:1 stake:1");
	assert_false(why.matched);
}

static void a_pair_that_was_refused_cools(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	request(1);
	close_block();
	refuse(1, A);
	close_block();
	assert_misses(1, "cooling:1");
	close_block();
	assert_misses(1, "cooling:1");
	close_block();
	assert_err(match_why(match, 1, &why), ERR_NONE);
	assert_true(why.matched);
}

static void a_generator_that_serves_the_group_is_not_taken_again(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	request_of_group(1, 9);
	request_of_group(2, 9);
	close_block();
	assert_misses(2, "spread:1");
	assert_int_equal(why.quotes, 1);
	start_task(1, A, 1);
	close_block();
	assert_misses(2, "spread:1");
	assert_err(match_why(match, 1, &why), ERR_NOT_FOUND);
}

/* ---- what is against a request, whatever is quoted ---------------------- */

static void a_bar_is_named_and_quotes_are_counted_all_the_same(void **state)
{
	struct msg_request_opened r;
	struct msg_market_set m;

	(void)state;
	begin_market();
	tell_market(market_of(2));
	m = market_of(3);
	m.protocol = PROTOCOL_SEALED_BID;
	tell_market(m);
	supply(A, 40, 30);
	supply(B, 60, 30);
	r = request_of(1);
	r.expiry = block_of(block, 0).time;
	tell_request(r);
	request(2);
	TELL(suspended, {.request_id = 2});
	r = request_of(3);
	r.market_id = 2;
	tell_request(r);
	m = market_of(2);
	m.closed = true;
	tell_market(m);
	r = request_of(4);
	r.market_id = 3;
	tell_request(r);
	close_block();
	assert_misses(1, "price:1");
	assert_int_equal(why.bar, MATCH_BAR_EXPIRED);
	assert_int_equal(why.eligible, 1);
	assert_misses(2, "price:1");
	assert_int_equal(why.bar, MATCH_BAR_SUSPENDED);
	assert_misses(3, "");
	assert_int_equal(why.bar, MATCH_BAR_MARKET_CLOSED);
	assert_misses(4, "");
	assert_int_equal(why.bar, MATCH_BAR_PROTOCOL);
	TELL(suspended, {.market_id = 1});
	request(5);
	close_block();
	assert_misses(5, "price:1");
	assert_int_equal(why.bar, MATCH_BAR_MARKET_SUSPENDED);
}

/* ---- the nearest misses ------------------------------------------------- */

static void a_quote_at_the_caps_is_no_miss(void **state)
{
	(void)state;
	begin_market();
	supply(A, 50, 60);
	supply(B, 51, 60);
	supply(C, 50, 61);
	request(1);
	request(2);
	close_block();
	assert_err(match_why(match, 1, &why), ERR_NONE);
	assert_true(why.matched);
	TELL(suspended, {.generator = address_of(A)});
	request(3);
	close_block();
	assert_misses(3, "price:1 time:1 draining:1");
	assert_near(&why.price, B, 51, 60, true);
	assert_near(&why.time, C, 50, 61, true);
}

static void the_nearest_is_the_cheapest_in_time_and_the_quickest_in_price(
	void **state)
{
	(void)state;
	begin_market();
	supply(0x10, 53, 60);
	supply(0x11, 52, 59); /* the lowest price, and the quicker */
	supply(0x12, 52, 60);
	supply(0x13, 51, 61); /* cheaper, but it misses the time, too */
	supply(0x14, 10, 90);
	supply(0x15, 49, 70);
	supply(0x16, 48, 70); /* as quick, and cheaper */
	request(1);
	close_block();
	assert_misses(1, "price:4 time:3");
	assert_near(&why.price, 0x11, 52, 59, true);
	assert_near(&why.time, 0x16, 48, 70, true);
}

static void a_miss_that_nothing_else_is_against_is_nearer(void **state)
{
	struct msg_quote_set q;

	(void)state;
	begin_market();
	tell_generator(generator_of(A));
	q = quote_of(A, 51, 60);
	q.draining = true;
	tell_quote(q);
	request(1);
	close_block();
	assert_misses(1, "price:1");
	assert_near(&why.price, A, 51, 60, false);
	supply(B, 70, 60);
	close_block();
	assert_misses(1, "price:2");
	assert_near(&why.price, B, 70, 60, true);
	assert_false(why.time.there);
}

/* ---- what isn't waiting ------------------------------------------------- */

static void a_match_is_told_with_its_generator_and_end(void **state)
{
	struct address a = address_of(A);

	(void)state;
	begin_market();
	supply(A, 40, 30);
	request(1);
	close_block();
	assert_err(match_why(match, 1, &why), ERR_NONE);
	assert_true(why.matched);
	assert_memory_equal(&why.generator, &a, sizeof a);
	assert_int_equal(why.valid_until.v, block_of(1, 0).time.v + 30);
	assert_int_equal(why.market_id, 1);
	start_task(1, A, 1);
	close_block();
	assert_err(match_why(match, 1, &why), ERR_NOT_FOUND);
	assert_err(match_why(match, 2, &why), ERR_NOT_FOUND);
}

static void a_roll_back_takes_the_answer_back(void **state)
{
	(void)state;
	begin_market();
	supply(A, 60, 30);
	request(1);
	close_block();
	supply(A, 70, 30);
	close_block();
	assert_misses(1, "price:1");
	assert_near(&why.price, A, 70, 30, true);
	roll_back(1);
	assert_misses(1, "price:1");
	assert_near(&why.price, A, 60, 30, true);
}

/* ---- offers, and who decides -------------------------------------------- */

/* What was seen of the newest decision. */
static struct {
	unsigned count;
	uint64_t request_id;
	struct match_offer winner, b;
	enum err b_err;
} seen;

static void look(void *arg, const struct match *m, uint64_t request_id,
		 const struct address *generator)
{
	struct address b = address_of(B);

	assert_ptr_equal(arg, &seen);
	seen.count++;
	seen.request_id = request_id;
	assert_err(match_offer(m, request_id, generator, &seen.winner),
		   ERR_NONE);
	assert_int_equal(seen.winner.miss, MATCH_MISSES);
	seen.b_err = match_offer(m, request_id, &b, &seen.b);
}

static void begin_looking(void)
{
	memset(&seen, 0, sizeof seen);
	match_watch(match, look, &seen);
}

static void a_decision_is_seen_before_it_takes_anything(void **state)
{
	struct msg_generator_set g;

	(void)state;
	begin_market();
	g = generator_of(A);
	g.compute = 1; /* room for one */
	tell_generator(g);
	tell_quote(quote_of(A, 40, 30));
	supply(B, 45, 20);
	begin_looking();
	request(7);
	close_block();
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.request_id, 7);
	assert_int_equal(seen.b.miss, MATCH_MISSES);
	assert_int_equal(match_element(&seen.winner, &seen.b), MATCH_BY_PRICE);
	match_watch(match, NULL, NULL);
	request(8);
	close_block();
	assert_int_equal(seen.count, 1);
}

static void equal_offers_differ_in_their_turns(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	supply(B, 40, 30);
	begin_looking();
	request(1);
	close_block();
	assert_false(seen.winner.turn_was_match);
	assert_int_equal(seen.winner.turn.block, 1);
	assert_true(place_cmp(seen.winner.turn, seen.b.turn) < 0);
	assert_int_equal(match_element(&seen.winner, &seen.b), MATCH_BY_TURN);
	assert_string_equal(match_element_name(MATCH_BY_TURN), "turn");
	request(2);
	request(3);
	close_block(); /* B, then A again */
	assert_int_equal(seen.count, 3);
	assert_true(seen.winner.turn_was_match);
	assert_int_equal(seen.winner.turn.block, 1);
	assert_int_equal(seen.winner.turn.index, 0);
	assert_true(seen.b.turn_was_match);
	assert_int_equal(seen.b.turn.block, 2);
}

static void the_preference_says_which_element_comes_first(void **state)
{
	struct match_offer a = {.preference = PREFERENCE_CHEAPEST,
				.price = units(4),
				.response_time = 5};
	struct match_offer b = a;

	(void)state;
	assert_int_equal(match_element(&a, &b), MATCH_BY_TURN);
	b.response_time = 6;
	assert_int_equal(match_element(&a, &b), MATCH_BY_TIME);
	b.price = units(5);
	assert_int_equal(match_element(&a, &b), MATCH_BY_PRICE);
	a.preference = b.preference = PREFERENCE_FASTEST;
	assert_int_equal(match_element(&a, &b), MATCH_BY_TIME);
	b.response_time = 5;
	assert_int_equal(match_element(&a, &b), MATCH_BY_PRICE);
}

static void without_a_quote_there_is_no_offer(void **state)
{
	struct address a = address_of(A), b = address_of(B);
	struct match_offer offer;

	(void)state;
	begin_market();
	tell_generator(generator_of(A));
	request(1);
	close_block();
	assert_err(match_offer(match, 1, &a, &offer), ERR_NOT_FOUND);
	assert_err(match_offer(match, 1, &b, &offer), ERR_NOT_FOUND);
	tell_quote(quote_of(A, 60, 30));
	close_block();
	assert_err(match_offer(match, 1, &a, &offer), ERR_NONE);
	assert_int_equal(offer.miss, MATCH_MISS_PRICE);
	assert_int_equal(offer.market_id, 1);
	assert_err(match_offer(match, 9, &a, &offer), ERR_NOT_FOUND);
}

static void every_name_is_there(void **state)
{
	(void)state;
	for (int i = 0; i < MATCH_MISSES; i++)
		assert_non_null(match_miss_name(i));
	for (int i = MATCH_BAR_NONE + 1; i < MATCH_BARS; i++)
		assert_non_null(match_bar_name(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_quotes_there_are_none),
		TEST(quotes_of_other_markets_and_quotes_that_went_do_not_count),
		TEST(each_quote_counts_at_the_first_test_that_it_fails),
		TEST(what_a_match_reserves_counts),
		TEST(a_pair_that_was_refused_cools),
		TEST(a_generator_that_serves_the_group_is_not_taken_again),
		TEST(a_bar_is_named_and_quotes_are_counted_all_the_same),
		TEST(a_quote_at_the_caps_is_no_miss),
		TEST(the_nearest_is_the_cheapest_in_time_and_the_quickest_in_price),
		TEST(a_miss_that_nothing_else_is_against_is_nearer),
		TEST(a_match_is_told_with_its_generator_and_end),
		TEST(a_roll_back_takes_the_answer_back),
		TEST(a_decision_is_seen_before_it_takes_anything),
		TEST(equal_offers_differ_in_their_turns),
		TEST(the_preference_says_which_element_comes_first),
		TEST(without_a_quote_there_is_no_offer),
		TEST(every_name_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
