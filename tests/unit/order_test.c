/* What an order promises, against a plain array of who is in. */
#include "tests/dice.h"
#include "tests/test.h"

#include "common/order.h"

enum { KEYS = 700, STEPS = 20000 };

struct row {
	uint64_t key;
};

static struct undo *undo;
static struct table *table;
static struct order *order;
static row_id rows[KEYS]; /* by key; 0: not in */
static int by_key(const void *a, const void *b)
{
	uint64_t x = ((const struct row *)a)->key;
	uint64_t y = ((const struct row *)b)->key;

	return x < y ? -1 : x > y;
}

static void leave(void *core, row_id row, const void *next)
{
	(void)core;
	(void)row;
	(void)next;
}

static void enter(void *core, row_id row, bool came)
{
	(void)core;
	(void)row;
	(void)came;
}

static int begin(void **state)
{
	struct table_hooks hooks = {leave, enter, NULL};

	(void)state;
	assert_err(undo_new(&undo, 1), ERR_NONE);
	assert_err(
		table_new(&table, 0,
			  &(struct table_shape){.row_size = sizeof(struct row)},
			  undo, &hooks),
		ERR_NONE);
	assert_err(order_new(&order, table, by_key), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	order_free(&order);
	table_free(&table);
	undo_free(&undo);
	return 0;
}

static void put_in(uint64_t key)
{
	rows[key] = table_add(table, &(struct row){.key = key});
	assert_err(order_add(order, rows[key]), ERR_NONE);
}

static void take_out(uint64_t key)
{
	order_remove(order, rows[key]);
	assert_err(table_remove(table, rows[key]), ERR_NONE);
	rows[key] = 0;
}

static row_id expected(int64_t key, int step)
{
	while (key >= 0 && key < KEYS && !rows[key])
		key += step;
	return key < 0 || key >= KEYS ? 0 : rows[key];
}

static void check(uint64_t key)
{
	struct row probe = {key};

	assert_int_equal(order_at(order, &probe), rows[key]);
	assert_int_equal(order_before(order, &probe),
			 expected((int64_t)key - 1, -1));
	assert_int_equal(order_after(order, &probe),
			 expected((int64_t)key + 1, 1));
}

static void an_empty_order_has_nothing_before_or_after(void **state)
{
	struct row probe = {3};

	(void)state;
	assert_int_equal(order_at(order, &probe), 0);
	assert_int_equal(order_before(order, &probe), 0);
	assert_int_equal(order_after(order, &probe), 0);
	assert_int_equal(order_count(order), 0);
}

static void neighbours_are_right_whatever_came_and_went(void **state)
{
	size_t count = 0;

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t key = draw(KEYS);

		if (rows[key]) {
			take_out(key);
			count--;
		} else {
			put_in(key);
			count++;
		}
		check(key);
		check(draw(KEYS));
		assert_int_equal(order_count(order), count);
	}
}

static void a_walk_gives_every_row_once_in_order(void **state)
{
	struct row probe = {KEYS};
	size_t seen = 0;
	row_id row;

	(void)state;
	while ((row = order_before(order, &probe))) {
		uint64_t key = ((const struct row *)table_row(table, row))->key;

		assert_true(key < probe.key);
		probe.key = key;
		seen++;
	}
	assert_int_equal(seen, order_count(order));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_order_has_nothing_before_or_after),
		cmocka_unit_test(neighbours_are_right_whatever_came_and_went),
		cmocka_unit_test(a_walk_gives_every_row_once_in_order),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
