/* Which name is meant by one that is slightly wrong. */
#include "tests/test.h"

#include <string.h>

#include "common/near.h"

static void letters_that_differ_are_counted(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {{"", "", 0},	   {"", "abc", 3},
		    {"bus", "bus", 0},	   {"bus", "buss", 1},
		    {"bus", "bs", 1},	   {"bus", "bud", 1},
		    {"bus", "sub", 2},	   {"bus", "bsu", 1},
		    {"redis", "rdeis", 1}, {"depth", "dphte", 3},
		    {"abcd", "badc", 2}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(near_distance(rows[i].a, rows[i].b),
				 rows[i].distance);
		assert_int_equal(near_distance(rows[i].b, rows[i].a),
				 rows[i].distance);
	}
}

static void a_slip_is_near_and_another_word_is_not(void **state)
{
	(void)state;
	assert_true(near_enough("match_lifetme", "match_lifetime"));
	assert_true(near_enough("instnace", "instance"));
	assert_false(near_enough("port", "bus"));
	assert_false(near_enough("colour", "redis"));
	assert_false(near_enough("x", "ws"));
}

static void long_names_are_like_none(void **state)
{
	char name[80];

	(void)state;
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = 0;
	assert_false(near_enough(name, "depth"));
	name[63] = 0;
	assert_int_equal(near_distance(name, ""), 63);
	assert_false(near_enough(name, "depth"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_that_differ_are_counted),
		cmocka_unit_test(a_slip_is_near_and_another_word_is_not),
		cmocka_unit_test(long_names_are_like_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
