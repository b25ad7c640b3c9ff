/* Lists of matches that may lapse, against a plain array of their times. */
#include "tests/dice.h"
#include "tests/test.h"

#include <string.h>

#include "services/matcher/match_lapse.h"

enum { HOLDS = 300, STEPS = 20000 };

static uint64_t until[HOLDS + 1]; /* 0: it isn't in */

/* The time of what lapses first; UINT64_MAX if nothing is in. */
static uint64_t plain_first(void)
{
	uint64_t least = UINT64_MAX;

	for (row_id i = 1; i <= HOLDS; i++)
		if (until[i] && until[i] < least)
			least = until[i];
	return least;
}

static void what_lapses_is_found_in_order_of_time(void **state)
{
	struct lapse l;
	uint64_t now = 100, lapsed = 0;

	(void)state;
	memset(until, 0, sizeof until);
	lapse_open(&l);
	for (unsigned i = 0; i < STEPS; i++) {
		row_id hold = (row_id)(1 + draw(HOLDS));

		lapse_remove(&l, hold);
		until[hold] = 0;
		if (draw(3)) {
			/* Mostly the newest; undo brings older ones back. */
			until[hold] = now + 30 - (draw(8) ? 0 : draw(30));
			assert_err(lapse_add(&l, hold, until[hold]), ERR_NONE);
		}
		if (draw(10))
			continue;
		now += draw(12);
		while ((hold = lapse_first(&l, now))) {
			assert_true(until[hold] && until[hold] < now);
			assert_int_equal(until[hold], plain_first());
			lapse_remove(&l, hold);
			until[hold] = 0;
			lapsed++;
		}
		assert_true(plain_first() >= now);
	}
	assert_true(lapsed > STEPS / 20);
	lapse_free(&l);
}

static void those_of_a_time_lapse_as_they_came(void **state)
{
	struct lapse l;

	(void)state;
	lapse_open(&l);
	for (row_id i = 5; i; i--)
		assert_err(lapse_add(&l, i, 7), ERR_NONE);
	lapse_remove(&l, 3);
	lapse_remove(&l, 3);
	assert_int_equal(lapse_first(&l, 7), 0);
	for (row_id i = 5; i; i--) {
		if (i == 3)
			continue;
		assert_int_equal(lapse_first(&l, 8), i);
		lapse_remove(&l, i);
	}
	assert_int_equal(lapse_first(&l, UINT64_MAX), 0);
	lapse_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lapses_is_found_in_order_of_time),
		cmocka_unit_test(those_of_a_time_lapse_as_they_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
