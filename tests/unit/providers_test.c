/* Which node is asked, and which is left alone: the rules of providers.h. */
#include "tests/test.h"

#include "common/providers.h"

enum { A, B, C };
static struct providers p;

static int begin(void **state)
{
	(void)state;
	providers_init(&p, 3, 7);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

static void fail_at(unsigned i, uint64_t now_ms)
{
	(void)providers_failed(&p, i, now_ms, now_ms, PROVIDER_SILENT, 0);
}

static void the_first_is_asked_until_it_fails(void **state)
{
	(void)state;
	assert_int_equal(providers_choose(&p, 0, 0), A);
	assert_int_equal(providers_choose(&p, 0, 1 << A), B);
	fail_at(A, 0);
	assert_int_equal(providers_choose(&p, 0, 0), B);
	assert_int_equal(providers_choose(&p, 60000, 0), B); /* it does well */
	fail_at(B, 60000);
	fail_at(C, 60000);
	assert_int_equal(providers_choose(&p, 60000, 0), A);
	fail_at(A, 60000);
	assert_int_equal(providers_choose(&p, 60000, 0), -1);
	assert_int_equal(providers_choose(&p, 60000, 7), -1);
}

static uint64_t rest_after(uint64_t now_ms)
{
	return p.list[A].rest_until_ms - now_ms;
}

static void rests_grow_up_to_a_bound_and_end_with_an_answer(void **state)
{
	static const uint64_t middles[] = {100,	 200,  400,  800,
					   1600, 2000, 2000, 2000};
	uint64_t now = 1000;

	(void)state;
	for (unsigned i = 0; i < sizeof middles / sizeof middles[0]; i++) {
		assert_int_equal(
			providers_failed(&p, A, now, now, PROVIDER_SILENT, 0),
			i == 0);
		assert_in_range(rest_after(now), middles[i] * 3 / 4,
				middles[i] * 5 / 4);
		assert_false(providers_fit(&p, A, now));
		assert_false(providers_fit(&p, A, p.list[A].rest_until_ms - 1));
		assert_true(providers_fit(&p, A, p.list[A].rest_until_ms));
		now += 10000;
	}
	(void)providers_answered(&p, A, now, 500);
	fail_at(A, now);
	assert_in_range(rest_after(now), 75, 125);
}

/* One that fails now and then is one story, not many. */
static void trouble_is_over_when_all_is_calm(void **state)
{
	uint64_t now = 1000;

	(void)state;
	assert_false(providers_answered(&p, A, now, 500));
	assert_true(providers_failed(&p, A, now, now, PROVIDER_SILENT, 0));
	now += PROVIDERS_CALM_MS - 1;
	assert_false(providers_answered(&p, A, now, 500));
	assert_false(providers_failed(&p, A, now, now, PROVIDER_BROKEN, 0));
	now += PROVIDERS_CALM_MS;
	assert_true(providers_answered(&p, A, now, 500));
	assert_false(providers_answered(&p, A, now, 500));
	assert_true(providers_failed(&p, A, now, now, PROVIDER_SILENT, 0));
}

static void the_same_seed_gives_the_same_rests(void **state)
{
	uint64_t rests[2][8];

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		providers_init(&p, 3, 42);
		for (unsigned i = 0; i < 8; i++) {
			fail_at(A, i * 10000);
			rests[k][i] = rest_after(i * 10000);
		}
	}
	assert_memory_equal(rests[0], rests[1], sizeof rests[0]);
	assert_true(rests[0][5] != rests[0][6]); /* and they differ */
}

static void what_was_under_way_together_is_one_failure(void **state)
{
	(void)state;
	assert_true(providers_failed(&p, A, 100, 10, PROVIDER_SILENT, 0));
	assert_false(providers_failed(&p, A, 101, 20, PROVIDER_SILENT, 0));
	assert_false(providers_failed(&p, A, 102, 99, PROVIDER_SILENT, 0));
	assert_int_equal(p.list[A].failures, 1);
	assert_false(providers_failed(&p, A, 300, 250, PROVIDER_SILENT, 0));
	assert_int_equal(p.list[A].failures, 2);
}

static void who_names_a_time_rests_that_long(void **state)
{
	(void)state;
	(void)providers_failed(&p, A, 0, 0, PROVIDER_LIMITED, 30000);
	assert_false(providers_fit(&p, A, 30000 - 1));
	assert_true(providers_fit(&p, A, 30000 + 40));
	(void)providers_failed(&p, B, 0, 0, PROVIDER_LIMITED, UINT64_MAX);
	assert_true(providers_fit(&p, B, PROVIDERS_ASKED_MAX_MS + 40));
}

static void the_faster_of_equals_is_asked_if_it_is_far_faster(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		(void)providers_answered(&p, A, 0, 90000);
		(void)providers_answered(&p, B, 0, 80000);
		(void)providers_answered(&p, C, 0, 20000);
	}
	assert_int_equal(providers_choose(&p, 0, 1 << C), A);
	assert_int_equal(providers_choose(&p, 0, 0), C);
	for (int i = 0; i < 50; i++) /* a few milliseconds are nothing */
		(void)providers_answered(&p, A, 0, 300);
	assert_int_equal(providers_choose(&p, 0, 0), C);
}

static void who_is_behind_or_doubted_is_asked_last(void **state)
{
	(void)state;
	providers_head(&p, A, 100);
	providers_head(&p, B, 103);
	providers_head(&p, C, 103);
	assert_true(providers_lags(&p, A));
	assert_int_equal(providers_choose(&p, 0, 0), B);
	assert_true(providers_failed(&p, B, 0, 0, PROVIDER_CONTRADICTED, 0));
	assert_false(providers_failed(&p, B, 1, 0, PROVIDER_CONTRADICTED, 0));
	assert_int_equal(providers_choose(&p, 0, 0), C);
	assert_int_equal(providers_choose(&p, 0, 1 << C), B);
	assert_int_equal(providers_choose(&p, 0, 1 << C | 1 << B), A);
	assert_true(providers_fit(&p, A, 0)); /* but it is asked */
	providers_head(&p, A, 101);
	assert_false(providers_lags(&p, A));
}

/* Else it would make all others look as if they lagged. */
static void blocks_that_only_one_of_three_knows_do_not_count(void **state)
{
	(void)state;
	providers_head(&p, A, 1000000);
	providers_head(&p, B, 100);
	assert_int_equal(providers_height(&p), 1000000); /* who could say? */
	providers_head(&p, C, 101);
	assert_int_equal(providers_height(&p), 101);
	assert_false(providers_lags(&p, B));
	(void)providers_failed(&p, A, 0, 0, PROVIDER_OTHER_CHAIN, 0);
	assert_int_equal(providers_height(&p), 101);
}

static void another_chain_is_not_asked_until_it_is_ours(void **state)
{
	(void)state;
	providers_must_prove(&p);
	(void)providers_proven(&p, A);
	assert_true(providers_failed(&p, A, 0, 0, PROVIDER_OTHER_CHAIN, 0));
	assert_false(providers_fit(&p, A, UINT64_MAX));
	assert_false(providers_promising(&p, A, UINT64_MAX));
	assert_false(providers_to_prove(&p, A, 0));
	assert_true(providers_to_prove(&p, A, 10000)); /* now and then */
	assert_true(providers_proven(&p, A));
	assert_true(providers_fit(&p, A, 10000));
}

static void who_comes_back_has_to_prove_itself(void **state)
{
	(void)state;
	assert_true(providers_fit(&p, A, 0)); /* nothing is expected yet */
	providers_must_prove(&p);
	assert_false(providers_fit(&p, A, 0));
	assert_true(providers_to_prove(&p, A, 0));
	assert_false(providers_proven(&p, A));
	assert_true(providers_fit(&p, A, 0));
	fail_at(A, 0);
	(void)providers_answered(&p, A, 1, 1); /* of before */
	assert_int_equal(p.list[A].failures, 1);
	assert_false(providers_to_prove(&p, A, 10)); /* it rests */
	assert_false(providers_fit(&p, A, 10000));
	assert_true(providers_to_prove(&p, A, 10000));
	(void)providers_proven(&p, A);
	(void)providers_answered(&p, A, 9000, 1);
	(void)providers_failed(&p, A, 10000, 10000, PROVIDER_LIMITED, 0);
	assert_true(providers_fit(&p, A, 20000)); /* who is busy is the same */
}

static void who_fails_for_long_or_lags_is_not_waited_for(void **state)
{
	(void)state;
	assert_true(providers_promising(&p, A, 0));
	fail_at(A, 1000);
	assert_true(providers_promising(&p, A, 1000 + PROVIDERS_HOPE_MS - 1));
	fail_at(A, 4000);
	assert_false(providers_promising(&p, A, 1000 + PROVIDERS_HOPE_MS));
	(void)providers_answered(&p, A, 9000, 1);
	assert_true(providers_promising(&p, A, 1000 + PROVIDERS_HOPE_MS));
	(void)providers_failed(&p, B, 0, 0, PROVIDER_LATE, 0);
	assert_false(providers_promising(&p, B, PROVIDERS_LATE_MS - 1));
	assert_true(providers_fit(&p, B, 0));
	assert_true(providers_promising(&p, B, PROVIDERS_LATE_MS));
}

static void somebody_answers_until_all_failed_for_long_or_are_foreign(
	void **state)
{
	(void)state;
	assert_true(providers_answer(&p, 1000));
	(void)providers_failed(&p, A, 1000, 1000, PROVIDER_OTHER_CHAIN, 0);
	fail_at(B, 1000);
	(void)providers_failed(&p, C, 1000, 1000, PROVIDER_OTHER_CHAIN, 0);
	assert_true(providers_answer(&p, 1000 + PROVIDERS_HOPE_MS - 1));
	assert_false(providers_answer(&p, 1000 + PROVIDERS_HOPE_MS));
	(void)providers_proven(&p, C);
	assert_true(providers_answer(&p, 1000 + PROVIDERS_HOPE_MS));
}

static void final_is_what_enough_nodes_call_final(void **state)
{
	(void)state;
	assert_int_equal(providers_final(&p, 2), 0);
	providers_finalized(&p, A, 90);
	assert_int_equal(providers_final(&p, 1), 90);
	assert_int_equal(providers_final(&p, 2), 0);
	providers_finalized(&p, B, 80);
	assert_int_equal(providers_final(&p, 2), 80);
	providers_finalized(&p, C, 85);
	assert_int_equal(providers_final(&p, 2), 85);
	assert_int_equal(providers_final(&p, 9), 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_is_asked_until_it_fails),
		TEST(rests_grow_up_to_a_bound_and_end_with_an_answer),
		TEST(trouble_is_over_when_all_is_calm),
		TEST(the_same_seed_gives_the_same_rests),
		TEST(what_was_under_way_together_is_one_failure),
		TEST(who_names_a_time_rests_that_long),
		TEST(the_faster_of_equals_is_asked_if_it_is_far_faster),
		TEST(who_is_behind_or_doubted_is_asked_last),
		TEST(blocks_that_only_one_of_three_knows_do_not_count),
		TEST(another_chain_is_not_asked_until_it_is_ours),
		TEST(who_comes_back_has_to_prove_itself),
		TEST(who_fails_for_long_or_lags_is_not_waited_for),
		TEST(somebody_answers_until_all_failed_for_long_or_are_foreign),
		TEST(final_is_what_enough_nodes_call_final),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
