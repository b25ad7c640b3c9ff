/* The rule: which quotes are available, which are eligible, which is best. */
#include "tests/unit/match_fixture.h"

/* Block 1 opens market 1. */
static void begin_market(void)
{
	open_log();
	tell_market(market_of(1));
}

/* ---- the best ----------------------------------------------------------- */

struct terms {
	uint64_t price;
	uint32_t time;
};

/* A's and B's terms, by preference, and who gets the request. */
static void the_best_is_least_by_preference_then_by_the_other(void **state)
{
	static const struct {
		struct terms a, b;
		enum preference preference;
		const char *pair;
	} rows[] = {
		{{40, 30}, {41, 29}, PREFERENCE_CHEAPEST, "1:a"},
		{{41, 29}, {40, 30}, PREFERENCE_CHEAPEST, "1:b"},
		{{40, 30}, {40, 29}, PREFERENCE_CHEAPEST, "1:b"},
		{{40, 29}, {40, 30}, PREFERENCE_CHEAPEST, "1:a"},
		{{40, 30}, {41, 29}, PREFERENCE_FASTEST, "1:b"},
		{{41, 29}, {40, 30}, PREFERENCE_FASTEST, "1:a"},
		{{40, 30}, {39, 30}, PREFERENCE_FASTEST, "1:b"},
		{{39, 30}, {40, 30}, PREFERENCE_FASTEST, "1:a"},
		{{40, 30}, {40, 30}, PREFERENCE_CHEAPEST, "1:a"},
		{{40, 30}, {40, 30}, PREFERENCE_FASTEST, "1:a"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct msg_request_opened r;

		end_match(state);
		begin_match(state);
		begin_market();
		supply(A, rows[i].a.price, rows[i].a.time);
		supply(B, rows[i].b.price, rows[i].b.time);
		r = request_of(1);
		r.preference = rows[i].preference;
		tell_request(r);
		close_block();
		assert_pairs(rows[i].pair);
	}
}

static void a_match_carries_the_quotes_terms(void **state)
{
	struct msg_match_made want = {.request_id = 1,
				      .market_id = 1,
				      .generator = address_of(A),
				      .decision = 1,
				      .block = block_of(1, 0),
				      .price = units(40),
				      .response_time = 30,
				      .valid_until = {1010 + 30},
				      .rule = MATCH_RULE_VERSION};
	struct hash32 before = {{0}};

	(void)state;
	begin_market();
	supply(A, 40, 30);
	request(1);
	close_block();
	assert_err(match_root(&want.root, &before, &want), ERR_NONE);
	assert_said(&said, &msg_match_made_wire, &want);
	SAID(&said, round_closed,
	     {.block = block_of(1, 0),
	      .matches = 1,
	      .decisions = 1,
	      .root = want.root});
	assert_said_nothing(&said);
}

static void caps_are_exact(void **state)
{
	static const struct {
		struct terms terms;
		const char *pair;
	} rows[] = {{{50, 60}, "1:a"},
		    {{51, 60}, ""},
		    {{50, 61}, ""},
		    {{0, 1}, "1:a"}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		end_match(state);
		begin_match(state);
		begin_market();
		supply(A, rows[i].terms.price, rows[i].terms.time);
		request(1);
		close_block();
		assert_pairs(rows[i].pair);
	}
}

static void prices_are_compared_beyond_64_bits(void **state)
{
	struct msg_quote_set q;
	struct msg_request_opened r;

	(void)state;
	begin_market();
	supply(A, 7, 30);
	tell_generator(generator_of(B));
	q = quote_of(A, 7, 30);
	q.price.v.limb[1] = 2; /* 2^65 + 7 */
	tell_quote(q);
	q = quote_of(B, 9, 30);
	q.price.v.limb[1] = 1;
	tell_quote(q);
	r = request_of(1);
	r.max_price.v = (struct u256){{8, 1, 0, 0}};
	tell_request(r);
	r = request_of(2);
	r.max_price.v = (struct u256){{9, 1, 0, 0}};
	tell_request(r);
	r = request_of(3);
	r.max_price.v = (struct u256){{UINT64_MAX, UINT64_MAX, 0, 0}};
	tell_request(r);
	close_block();
	assert_pairs("2:b 3:b");
}

/* ---- turns -------------------------------------------------------------- */

static void equal_quotes_take_turns(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	supply(B, 40, 30);
	supply(C, 40, 30);
	for (uint64_t id = 1; id <= 5; id++)
		request(id);
	close_block();
	assert_pairs("1:a 2:b 3:c 4:a 5:b");
	request(6);
	request(7);
	close_block();
	assert_pairs("6:c 7:a");
}

static void newcomers_queue_at_the_back(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	request(1);
	close_block();
	assert_pairs("1:a");
	/* A was matched in block 1, B joins in block 2. */
	supply(B, 40, 30);
	request(2);
	request(3);
	close_block();
	assert_pairs("2:a 3:b");
}

static void a_match_comes_after_who_joined_in_its_block(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	request(1);
	supply(B, 40, 30); /* after the request, before the round */
	request(2);
	request(3);
	close_block();
	assert_pairs("1:a 2:b 3:a");
}

static void changing_or_joining_again_gains_nothing(void **state)
{
	struct msg_quote_set q, first;

	(void)state;
	begin_market();
	tell_generator(generator_of(A));
	first = quote_of(A, 40, 30);
	tell_quote(first);
	supply(B, 40, 30);
	request(1);
	close_block();
	assert_pairs("1:a");
	first.price = units(1);
	tell_quote(first); /* as ever: joined stays */
	first.price = units(40);
	tell_quote(first);
	request(2);
	close_block();
	assert_pairs("2:b");
	/* A leaves and joins: behind B, whose last match is older. */
	TELL(quote_removed, {.generator = address_of(A), .market_id = 1});
	q = quote_of(A, 40, 30);
	tell_quote(q);
	request(3);
	request(4);
	close_block();
	assert_pairs("3:b 4:a");
}

static void a_refused_match_counts_as_a_turn(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	supply(B, 40, 30);
	request(1);
	close_block();
	assert_pairs("1:a");
	refuse(1, A);
	request(2);
	close_block(); /* request 1 is older, and A is cooling for it */
	assert_pairs("1:b 2:a");
}

/* ---- who waits, and until when ------------------------------------------ */

static void requests_are_served_in_order_of_arrival(void **state)
{
	struct msg_generator_set g;

	(void)state;
	begin_market();
	supply(A, 40, 30);
	g = generator_of(A);
	g.compute = 2;
	tell_generator(g);
	for (uint64_t id = 9; id >= 6; id--)
		request(id);
	close_block();
	assert_pairs("9:a 8:a");
	cancel(9);
	cancel(7);
	close_block();
	assert_pairs("6:a");
}

static void a_request_is_matched_before_its_expiry_only(void **state)
{
	struct msg_request_opened r;

	(void)state;
	begin_market();
	supply(A, 40, 30);
	r = request_of(1);
	r.expiry.v = 2000;
	tell_request(r);
	r = request_of(2);
	r.expiry.v = 2001;
	tell_request(r);
	close_at(2000); /* one second is left of the second */
	assert_pairs("2:a");
	assert_int_equal(match_sizes(match).waiting, 1);
}

/* ---- what isn't available ----------------------------------------------- */

static void a_market_of_sealed_bids_is_left_alone(void **state)
{
	struct msg_market_set m;

	(void)state;
	begin_market();
	m = market_of(1);
	m.protocol = PROTOCOL_SEALED_BID;
	tell_market(m);
	supply(A, 40, 30);
	request(1);
	close_block();
	assert_pairs("");
	m.protocol = PROTOCOL_ORDER_BOOK;
	tell_market(m);
	close_block();
	assert_pairs("1:a");
}

static void a_closed_market_matches_nothing(void **state)
{
	struct msg_market_set m;

	(void)state;
	begin_market();
	supply(A, 40, 30);
	request(1);
	m = market_of(1);
	m.closed = true;
	tell_market(m);
	close_block();
	assert_pairs("");
}

static void a_confidential_market_wants_a_key(void **state)
{
	struct msg_market_set m;
	struct msg_quote_set q;

	(void)state;
	begin_market();
	m = market_of(1);
	m.confidential = true;
	tell_market(m);
	supply(A, 40, 30);
	supply(B, 45, 30);
	q = quote_of(B, 45, 30);
	q.has_key = true;
	tell_quote(q);
	request(1);
	close_block();
	assert_pairs("1:b");
	m.confidential = false; /* a public one doesn't care */
	tell_market(m);
	request(2);
	close_block();
	assert_pairs("2:a");
}

static void a_draining_quote_gets_nothing(void **state)
{
	struct msg_quote_set q;

	(void)state;
	begin_market();
	supply(A, 40, 30);
	q = quote_of(A, 40, 30);
	q.draining = true;
	tell_quote(q);
	request(1);
	close_block();
	assert_pairs("");
	q.draining = false;
	tell_quote(q);
	close_block();
	assert_pairs("1:a");
}

static void quotes_are_of_their_own_market(void **state)
{
	struct msg_quote_set q;

	(void)state;
	begin_market();
	tell_market(market_of(2));
	tell_generator(generator_of(A));
	q = quote_of(A, 40, 30);
	q.market_id = 2;
	tell_quote(q);
	request(1);
	close_block();
	assert_pairs("");
}

/* What is suspended is left out; the rest goes on. */
static void nothing_is_matched_for_what_is_suspended(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	supply(B, 45, 30);
	request(1);
	request(2);
	TELL(suspended, {.request_id = 1, .at = here()});
	close_block();
	assert_pairs("2:a");
	TELL(suspended, {.generator = address_of(A), .at = here()});
	request(3);
	close_block();
	assert_pairs("3:b");
	TELL(suspended, {.market_id = 1, .at = here()});
	request(4);
	close_block();
	assert_pairs("");
}

static void unknown_things_may_be_suspended(void **state)
{
	(void)state;
	begin_market();
	supply(A, 40, 30);
	request(1);
	TELL(suspended, {.request_id = 99, .at = here()});
	TELL(suspended, {.generator = address_of(9), .at = here()});
	TELL(suspended, {.market_id = 99, .at = here()});
	close_block();
	assert_pairs("1:a");
}

/* ---- exact room --------------------------------------------------------- */

/* What generator A has, what its quote wants; whether it gets request 1. */
static void compute_stake_and_slots_are_exact(void **state)
{
	static const struct {
		uint64_t compute, used, stake, locked, unstaking, want;
		uint32_t tasks;
		const char *pair;
	} rows[] = {
		{10, 7, 1000, 0, 0, 3, 0, "1:a"},
		{10, 7, 1000, 0, 0, 4, 0, ""},
		{10, 10, 1000, 0, 0, 0, 0, "1:a"},
		{10, 11, 1000, 0, 0, 0, 0, ""}, /* declared less since */
		{10, 0, 100, 0, 0, 1, 0, "1:a"},
		{10, 0, 99, 0, 0, 1, 0, ""},
		{10, 0, 300, 150, 50, 1, 0, "1:a"},
		{10, 0, 300, 150, 51, 1, 0, ""},
		{10, 0, 300, 201, 0, 1, 0, ""},
		{10, 0, 300, 0, 201, 1, 0, ""},
		{10, 0, 300, 301, 0, 1, 0, ""},
		{10, 0, 1000, 0, 0, 1, 99, "1:a"},
		{10, 0, 1000, 0, 0, 1, 100, ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct msg_generator_set g;
		struct msg_quote_set q;

		end_match(state);
		begin_match(state);
		begin_market();
		g = generator_of(A);
		g.compute = rows[i].compute;
		g.used_compute = rows[i].used;
		g.stake = units(rows[i].stake);
		g.locked = units(rows[i].locked);
		g.unstaking = units(rows[i].unstaking);
		tell_generator(g);
		q = quote_of(A, 40, 30);
		q.compute = rows[i].want;
		q.tasks = rows[i].tasks;
		tell_quote(q);
		request(1);
		close_block();
		assert_pairs(rows[i].pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_best_is_least_by_preference_then_by_the_other),
		TEST(a_match_carries_the_quotes_terms),
		TEST(caps_are_exact),
		TEST(prices_are_compared_beyond_64_bits),
		TEST(equal_quotes_take_turns),
		TEST(newcomers_queue_at_the_back),
		TEST(a_match_comes_after_who_joined_in_its_block),
		TEST(changing_or_joining_again_gains_nothing),
		TEST(a_refused_match_counts_as_a_turn),
		TEST(requests_are_served_in_order_of_arrival),
		TEST(a_request_is_matched_before_its_expiry_only),
		TEST(a_market_of_sealed_bids_is_left_alone),
		TEST(a_closed_market_matches_nothing),
		TEST(a_confidential_market_wants_a_key),
		TEST(a_draining_quote_gets_nothing),
		TEST(quotes_are_of_their_own_market),
		TEST(nothing_is_matched_for_what_is_suspended),
		TEST(unknown_things_may_be_suspended),
		TEST(compute_stake_and_slots_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
