/* What a match reserves, until when; refusals, and groups that spread. */
#include "tests/unit/match_fixture.h"

/* Market 1 with A, who has room for @compute, a stake for @slots tasks, and a
 * quote that wants 1. */
static void begin_with_room(uint64_t compute, uint64_t slots)
{
	struct msg_generator_set g;

	open_log();
	tell_market(market_of(1));
	g = generator_of(A);
	g.compute = compute;
	g.stake = units(slots * PENALTY);
	tell_generator(g);
	tell_quote(quote_of(A, 40, 30));
}

/* ---- reservations ------------------------------------------------------- */

static void a_match_reserves_compute(void **state)
{
	(void)state;
	begin_with_room(2, 100);
	for (uint64_t id = 1; id <= 3; id++)
		request(id);
	close_block();
	assert_pairs("1:a 2:a");
	assert_int_equal(match_sizes(match).matched, 2);
	assert_int_equal(match_sizes(match).waiting, 1);
	close_block();
	assert_pairs("");
}

static void a_match_reserves_stake(void **state)
{
	(void)state;
	begin_with_room(100, 2);
	for (uint64_t id = 1; id <= 3; id++)
		request(id);
	close_block();
	assert_pairs("1:a 2:a");
}

static void a_match_reserves_a_slot(void **state)
{
	struct msg_quote_set q;

	(void)state;
	begin_with_room(1000, 1000);
	q = quote_of(A, 40, 30);
	q.tasks = 98;
	tell_quote(q);
	for (uint64_t id = 1; id <= 3; id++)
		request(id);
	close_block();
	assert_pairs("1:a 2:a");
}

static void what_is_reserved_is_reserved_in_every_market(void **state)
{
	struct msg_quote_set q;
	struct msg_request_opened r;

	(void)state;
	begin_with_room(1, 100);
	tell_market(market_of(2));
	q = quote_of(A, 40, 30);
	q.market_id = 2;
	tell_quote(q);
	request(1);
	r = request_of(2);
	r.market_id = 2;
	tell_request(r);
	close_block();
	assert_pairs("1:a");
}

static void a_match_keeps_what_it_reserved_when_the_quote_changes(void **state)
{
	struct msg_quote_set q;

	(void)state;
	begin_with_room(4, 100);
	q = quote_of(A, 40, 30);
	q.compute = 3;
	tell_quote(q);
	request(1);
	close_block();
	assert_pairs("1:a");
	q.compute = 1;
	tell_quote(q);
	request(2);
	request(3);
	close_block();
	assert_pairs("2:a"); /* 3 are held, not 1 */
	cancel(1);
	close_block();
	assert_pairs("3:a");
}

/* ---- lapsing ------------------------------------------------------------ */

static void a_match_lapses_in_the_first_block_past_valid_until(void **state)
{
	(void)state;
	begin_with_room(1, 100);
	request(1);
	request(2);
	close_at(2000);
	assert_pairs("1:a");
	close_at(2030); /* still in time */
	assert_pairs("");
	close_at(2031); /* open again, at its old place */
	assert_pairs("1:a");
	assert_int_equal(match_sizes(match).decisions, 2);
	close_at(2061);
	assert_pairs("");
	close_at(2062);
	assert_pairs("1:a");
}

static void a_lapsed_match_of_an_expired_request_is_not_made_again(void **state)
{
	struct msg_request_opened r;

	(void)state;
	begin_with_room(1, 100);
	r = request_of(1);
	r.expiry.v = 2020;
	tell_request(r);
	request(2);
	close_at(2000);
	assert_pairs("1:a");
	close_at(2030); /* expired, but its match may still be mined */
	assert_pairs("");
	close_at(2031);
	assert_pairs("2:a");
}

/* ---- becoming a task, ending -------------------------------------------- */

static void a_task_takes_the_place_of_its_reservation(void **state)
{
	(void)state;
	begin_with_room(2, 100);
	for (uint64_t id = 1; id <= 3; id++)
		request(id);
	close_block();
	assert_pairs("1:a 2:a");
	start_task(1, A, 1);
	assert_int_equal(match_sizes(match).matched, 1);
	close_block();
	assert_pairs("");
	end_task(1, A, 0);
	close_block();
	assert_pairs("3:a");
}

static void a_task_without_a_reservation_is_true(void **state)
{
	(void)state;
	begin_with_room(2, 100);
	request(1);
	request(2);
	request(3);
	start_task(1, A, 1); /* another sender was faster than the round */
	close_block();
	assert_pairs("2:a");
	assert_int_equal(match_sizes(match).waiting, 1);
}

static void a_task_of_another_generator_frees_the_reservation(void **state)
{
	(void)state;
	begin_with_room(1, 100);
	supply(B, 45, 30);
	request(1);
	close_block();
	assert_pairs("1:a");
	start_task(1, B, 1);
	request(2);
	close_block();
	assert_pairs("2:a");
}

static void an_end_frees_the_reservation(void **state)
{
	(void)state;
	begin_with_room(1, 1);
	request(1);
	request(2);
	close_block();
	assert_pairs("1:a");
	cancel(1);
	close_block();
	assert_pairs("2:a");
	assert_int_equal(match_sizes(match).waiting, 0);
}

static void a_slash_takes_stake_and_clamps_notice(void **state)
{
	struct msg_generator_set g;

	(void)state;
	begin_with_room(10, 2);
	g = generator_of(A);
	g.stake = units(3 * PENALTY);
	g.unstaking = units(2 * PENALTY);
	tell_generator(g);
	request(1);
	start_task(1, A, 1);
	TELL(task_ended, {.request_id = 1,
			  .market_id = 1,
			  .generator = address_of(A),
			  .outcome = OUTCOME_SLASHED,
			  .at = here(),
			  .stake = units(1 * PENALTY)});
	/* All that is left is under notice: nothing is free. */
	request(2);
	close_block();
	assert_pairs("");
	/* What the book says of the generator later is true. */
	g.stake = units(PENALTY);
	g.unstaking = units(0);
	tell_generator(g);
	close_block();
	assert_pairs("2:a");
}

/* ---- leaving while matched ---------------------------------------------- */

static void a_quote_that_is_gone_holds_what_it_reserved(void **state)
{
	(void)state;
	begin_with_room(2, 100);
	tell_market(market_of(2));
	request(1);
	close_block();
	assert_pairs("1:a");
	TELL(quote_removed, {.generator = address_of(A), .market_id = 1});
	request(2);
	close_block();
	assert_pairs("");
	assert_int_equal(match_sizes(match).matched, 1);
	cancel(1);
	assert_int_equal(match_sizes(match).quotes, 0);
	/* It can come back. */
	tell_quote(quote_of(A, 40, 30));
	close_block();
	assert_pairs("2:a");
}

static void a_quote_can_come_back_while_it_is_held(void **state)
{
	(void)state;
	begin_with_room(2, 100);
	request(1);
	close_block();
	assert_pairs("1:a");
	TELL(quote_removed, {.generator = address_of(A), .market_id = 1});
	tell_quote(quote_of(A, 41, 30));
	request(2);
	request(3);
	close_block();
	assert_pairs("2:a"); /* one is still reserved */
	start_task(1, A, 1);
	assert_int_equal(match_sizes(match).quotes, 1);
}

static void a_generator_that_is_gone_is_held_by_its_matches(void **state)
{
	(void)state;
	begin_with_room(2, 100);
	request(1);
	close_block();
	assert_pairs("1:a");
	TELL(quote_removed, {.generator = address_of(A), .market_id = 1});
	TELL(generator_removed, {.generator = address_of(A)});
	close_block();
	assert_pairs("");
	close_at(5000); /* the match lapses: quote and generator go */
	assert_pairs("");
	assert_int_equal(match_sizes(match).quotes, 0);
	/* There is nothing left of it that could be removed. */
	TELL(generator_removed, {.generator = address_of(A)});
	assert_int_equal(match_sizes(match).suspended, 1);
}

static void a_generator_can_come_back_while_it_is_held(void **state)
{
	struct msg_generator_set g;

	(void)state;
	begin_with_room(2, 100);
	request(1);
	close_block();
	assert_pairs("1:a");
	TELL(quote_removed, {.generator = address_of(A), .market_id = 1});
	TELL(generator_removed, {.generator = address_of(A)});
	g = generator_of(A);
	g.compute = 2;
	tell_generator(g);
	tell_quote(quote_of(A, 40, 30));
	request(2);
	request(3);
	close_block();
	assert_pairs("2:a");
}

/* ---- refusals ----------------------------------------------------------- */

static void a_refusal_frees_and_the_pair_cools(void **state)
{
	(void)state;
	begin_with_room(1, 100);
	request(1);
	request(2);
	close_block();
	assert_pairs("1:a");
	refuse(1, A); /* in block 2: not before block 4 again */
	close_block();
	assert_pairs("2:a");
	cancel(2);
	close_block();
	assert_pairs("");
	close_block();
	assert_pairs("1:a");
}

/* After the k-th refusal in block b: the first block that matches it is
 * b + 2^k, or b + 256. */
static void cooling_doubles_up_to_a_limit(void **state)
{
	static const uint64_t rest[] = {2,  4,	 8,   16,  32,
					64, 128, 256, 256, 256};

	(void)state;
	begin_with_room(1, 100);
	request(1);
	close_block();
	assert_pairs("1:a");
	for (size_t k = 0; k < sizeof rest / sizeof rest[0]; k++) {
		refuse(1, A);
		for (uint64_t i = 0; i < rest[k]; i++) {
			close_block();
			assert_pairs("");
		}
		close_block();
		assert_pairs("1:a");
	}
}

static void cooling_is_of_a_pair(void **state)
{
	(void)state;
	begin_with_room(10, 100);
	supply(B, 45, 30);
	request(1);
	request(2);
	refuse(1, A); /* of another sender: nothing was matched yet */
	close_block();
	assert_pairs("1:b 2:a");
	refuse(1, A); /* again, while B has it */
	assert_int_equal(match_sizes(match).matched, 2);
	close_block();
	assert_pairs("");
}

static void refusals_of_what_is_not_waiting_are_ignored(void **state)
{
	struct hash32 before;

	(void)state;
	begin_with_room(10, 100);
	request_of_group(1, 7);
	start_task(1, A, 1);
	before = hash_now();
	refuse(1, A);
	refuse(99, A);
	assert_same_hash(hash_now(), before);
}

static void an_unknown_generator_may_be_refused(void **state)
{
	(void)state;
	begin_with_room(10, 100);
	request(1);
	refuse(1, C); /* never heard of */
	close_block();
	assert_pairs("1:a");
	cancel(1); /* its cooling goes with it */
}

/* ---- groups that spread ------------------------------------------------- */

static void a_group_goes_to_different_generators(void **state)
{
	struct msg_request_opened r;

	(void)state;
	begin_with_room(10, 100);
	supply(B, 45, 30);
	request_of_group(1, 7);
	request_of_group(2, 7);
	request_of_group(3, 7);
	request_of_group(4, 8); /* another group */
	r = request_of(5);	/* another requester */
	r.spread = 7;
	r.requester = address_of(0x78);
	tell_request(r);
	request(6); /* no group */
	request(7);
	close_block();
	assert_pairs("1:a 2:b 4:a 5:a 6:a 7:a");
}

static void a_task_counts_in_its_group_until_it_ends(void **state)
{
	(void)state;
	begin_with_room(10, 100);
	request_of_group(1, 7);
	request_of_group(2, 7);
	close_block();
	assert_pairs("1:a");
	start_task(1, A, 1);
	close_block();
	assert_pairs("");
	end_task(1, A, 0);
	close_block();
	assert_pairs("2:a");
}

static void a_task_given_by_another_sender_counts_in_its_group(void **state)
{
	(void)state;
	begin_with_room(10, 100);
	supply(B, 45, 30);
	request_of_group(1, 7);
	request_of_group(2, 7);
	start_task(1, A, 1);
	close_block();
	assert_pairs("2:b");
	start_task(2, A, 2); /* and contrary to the match */
	request_of_group(3, 7);
	close_block();
	assert_pairs("3:b");
}

static void a_released_match_leaves_its_group(void **state)
{
	(void)state;
	begin_with_room(10, 100);
	request_of_group(1, 7);
	request_of_group(2, 7);
	close_block();
	assert_pairs("1:a");
	cancel(1);
	close_block();
	assert_pairs("2:a");
	close_at(5000); /* lapses, and is made again */
	assert_pairs("2:a");
}

static void the_first_eight_live_ones_of_a_group_count(void **state)
{
	(void)state;
	begin_with_room(100, 100);
	supply(B, 45, 30);
	/* A has the ninth live request only. */
	for (uint64_t id = 1; id <= 8; id++) {
		request_of_group(id, 7);
		start_task(id, B, (uint32_t)id);
	}
	request_of_group(9, 7);
	close_block();
	assert_pairs("9:a");
	request_of_group(10, 7);
	close_block();
	assert_pairs("10:a");
	/* One of the eight ends: the ninth moves up and counts. */
	end_task(4, B, 7);
	request_of_group(11, 7);
	close_block();
	assert_pairs("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_match_reserves_compute),
		TEST(a_match_reserves_stake),
		TEST(a_match_reserves_a_slot),
		TEST(what_is_reserved_is_reserved_in_every_market),
		TEST(a_match_keeps_what_it_reserved_when_the_quote_changes),
		TEST(a_match_lapses_in_the_first_block_past_valid_until),
		TEST(a_lapsed_match_of_an_expired_request_is_not_made_again),
		TEST(a_task_takes_the_place_of_its_reservation),
		TEST(a_task_without_a_reservation_is_true),
		TEST(a_task_of_another_generator_frees_the_reservation),
		TEST(an_end_frees_the_reservation),
		TEST(a_slash_takes_stake_and_clamps_notice),
		TEST(a_quote_that_is_gone_holds_what_it_reserved),
		TEST(a_quote_can_come_back_while_it_is_held),
		TEST(a_generator_that_is_gone_is_held_by_its_matches),
		TEST(a_generator_can_come_back_while_it_is_held),
		TEST(a_refusal_frees_and_the_pair_cools),
		TEST(cooling_doubles_up_to_a_limit),
		TEST(cooling_is_of_a_pair),
		TEST(refusals_of_what_is_not_waiting_are_ignored),
		TEST(an_unknown_generator_may_be_refused),
		TEST(a_group_goes_to_different_generators),
		TEST(a_task_counts_in_its_group_until_it_ends),
		TEST(a_task_given_by_another_sender_counts_in_its_group),
		TEST(a_released_match_leaves_its_group),
		TEST(the_first_eight_live_ones_of_a_group_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
