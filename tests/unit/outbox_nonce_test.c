/* What an outbox does about numbers that the chain has other news of. */
#include "tests/unit/outbox_fixture.h"

static void a_number_that_somebody_else_used_is_given_up(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1);

	(void)state;
	assert_false(not_mined(f, &hash, 1));
	block(f);
	assert_false(not_mined(f, &hash, 1));
	block(f);
	assert_true(not_mined(f, &hash, 1));
	assert_int_equal(outbox_sizes(f->o).in_flight, 0);
	outbox_set_floor(f->o, 1);
	hash = sign(f, 1); /* the same intent may come again */
	assert_int_equal(outbox_sizes(f->o).next_nonce, 2);
	fixture_free(f);
}

static void a_number_that_is_still_to_come_is_kept(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1);

	(void)state;
	for (int i = 0; i < 10; i++) {
		block(f);
		assert_false(not_mined(f, &hash, 0));
	}
	assert_int_equal(outbox_sizes(f->o).in_flight, 1);
	fixture_free(f);
}

static void one_answer_out_of_step_gives_nothing_up(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1);

	(void)state;
	for (int i = 0; i < 10; i++) {
		block(f);
		assert_false(not_mined(f, &hash, i % 2 ? 1 : 0));
	}
	fixture_free(f);
}

static void what_was_mined_and_is_not_is_sent_again(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1), other = {{7}};

	(void)state;
	mined(f, &hash, 2);
	restart(f);
	assert_int_equal(outbox_sizes(f->o).mined, 1);
	assert_false(not_mined(f, &other, 9));
	assert_false(not_mined(f, &hash, 0));
	assert_int_equal(outbox_sizes(f->o).mined, 0);
	assert_int_equal(outbox_sizes(f->o).in_flight, 1);
	assert_int_equal(f->said[f->count - 1].number, MSG_TX_UNMINED);
	fixture_free(f);
}

struct watched {
	unsigned count;
};

static void count_watched(void *arg, const struct hash32 *hash)
{
	(void)hash;
	((struct watched *)arg)->count++;
}

static void what_was_mined_is_watched_if_asked_for(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1);
	struct watched some = {0}, all = {0};

	(void)state;
	sign(f, 2);
	mined(f, &hash, 2);
	outbox_each_watched(f->o, false, count_watched, &some);
	outbox_each_watched(f->o, true, count_watched, &all);
	assert_int_equal(some.count, 1);
	assert_int_equal(all.count, 2);
	fixture_free(f);
}

/* Else reading it would take the square of its length. */
static void of_a_long_journal_little_is_alive(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		struct hash32 hash = sign(f, i);

		mined(f, &hash, f->block);
		block(f);
	}
	restart(f);
	assert_int_equal(outbox_sizes(f->o).mined, DEPTH + 1);
	assert_int_equal(outbox_sizes(f->o).next_nonce, 1000);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_that_somebody_else_used_is_given_up),
		cmocka_unit_test(a_number_that_is_still_to_come_is_kept),
		cmocka_unit_test(one_answer_out_of_step_gives_nothing_up),
		cmocka_unit_test(what_was_mined_and_is_not_is_sent_again),
		cmocka_unit_test(what_was_mined_is_watched_if_asked_for),
		cmocka_unit_test(of_a_long_journal_little_is_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
