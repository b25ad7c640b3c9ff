/* An array whose items stay where they are. */
#include "tests/test.h"

#include "common/pool.h"

enum { MANY = 200000 };

static void items_stay_and_begin_as_zero(void **state)
{
	struct pool p;
	uint64_t *first;

	(void)state;
	pool_open(&p, 24);
	assert_true(pool_reach(&p, 1));
	first = pool_at(&p, 0);
	for (uint32_t i = 0; i < MANY; i++) {
		uint64_t *item;

		assert_true(pool_reach(&p, i + 1));
		item = pool_at(&p, i);
		assert_true(item[0] == 0 && item[2] == 0);
		item[0] = item[2] = i;
	}
	assert_ptr_equal(first, pool_at(&p, 0));
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(((uint64_t *)pool_at(&p, i))[2], i);
	assert_int_equal(p.count, MANY);
	p.count = 5;
	assert_true(pool_grow(&p));
	assert_int_equal(((uint64_t *)pool_at(&p, 5))[0], 5);
	pool_free(&p);
	pool_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_stay_and_begin_as_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
