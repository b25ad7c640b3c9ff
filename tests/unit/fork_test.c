/* What fork promises: it finds the ancestor, whatever the chain does. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/fork.h"

/* Block @n of branch @b has the hash (n, b). */
static struct block_ref block(uint64_t n, uint8_t b)
{
	struct block_ref r = {.number = n, .time = {1000 + n}};

	memcpy(r.hash.bytes, &n, sizeof n);
	r.hash.bytes[31] = b;
	return r;
}

static enum fork_verdict offer(struct fork *f, uint64_t n, uint8_t b,
			       uint8_t parent_branch, uint64_t *number)
{
	struct block_ref r = block(n, b), p = block(n - 1, parent_branch);

	return fork_offer(f, &r, &p.hash, number);
}

static struct fork *with(unsigned depth, uint64_t first, uint64_t last)
{
	struct fork *f;

	assert_err(fork_new(&f, depth, first), ERR_NONE);
	for (uint64_t n = first; n <= last; n++) {
		struct block_ref r = block(n, 0);

		fork_push(f, &r);
	}
	return f;
}

static void it_begins_where_it_is_told(void **state)
{
	struct fork *f;
	uint64_t n = 0;

	(void)state;
	assert_err(fork_new(&f, 8, 5), ERR_NONE);
	assert_null(fork_tip(f));
	assert_int_equal(offer(f, 9, 0, 0, &n), FORK_ASK);
	assert_int_equal(n, 5);
	assert_int_equal(offer(f, 4, 0, 0, &n), FORK_NOTHING);
	assert_int_equal(offer(f, 5, 0, 0, &n), FORK_EXTENDS);
	fork_free(&f);
}

static void a_child_of_the_tip_extends(void **state)
{
	struct fork *f = with(8, 1, 3);
	uint64_t n;

	(void)state;
	assert_int_equal(offer(f, 4, 0, 0, &n), FORK_EXTENDS);
	assert_int_equal(fork_tip(f)->number, 3); /* nothing was pushed */
	fork_free(&f);
}

static void what_is_known_is_nothing(void **state)
{
	struct fork *f = with(8, 1, 20);
	uint64_t n;

	(void)state;
	assert_int_equal(offer(f, 20, 0, 0, &n), FORK_NOTHING);
	assert_int_equal(offer(f, 15, 0, 0, &n), FORK_NOTHING);
	assert_int_equal(offer(f, 2, 0, 0, &n), FORK_NOTHING); /* forgotten */
	fork_free(&f);
}

static void a_longer_branch_leads_to_the_ancestor(void **state)
{
	struct fork *f = with(8, 1, 6); /* b takes over from 4 on */
	uint64_t n;

	(void)state;
	assert_int_equal(offer(f, 7, 1, 1, &n), FORK_ASK);
	assert_int_equal(n, 6);
	assert_int_equal(offer(f, 6, 1, 1, &n), FORK_ASK);
	assert_int_equal(offer(f, 5, 1, 1, &n), FORK_ASK);
	assert_int_equal(offer(f, 4, 1, 0, &n), FORK_ASK);
	assert_int_equal(n, 3);
	assert_int_equal(offer(f, 3, 0, 0, &n), FORK_ROLL_BACK);
	assert_int_equal(n, 3);
	fork_pop_to(f, n);
	assert_int_equal(fork_tip(f)->number, 3);
	assert_null(fork_at(f, 4));
	assert_int_equal(offer(f, 4, 1, 0, &n), FORK_EXTENDS);
	fork_free(&f);
}

static void a_branch_of_the_same_height_is_seen(void **state)
{
	struct fork *f = with(8, 1, 6);
	uint64_t n;

	(void)state;
	assert_int_equal(offer(f, 6, 1, 0, &n), FORK_ASK);
	assert_int_equal(offer(f, 5, 0, 0, &n), FORK_ROLL_BACK);
	assert_int_equal(n, 5);
	fork_free(&f);
}

static void a_node_that_comes_back_costs_nothing(void **state)
{
	struct fork *f = with(8, 1, 6);
	uint64_t n;

	(void)state;
	assert_int_equal(offer(f, 7, 1, 1, &n), FORK_ASK);
	assert_int_equal(offer(f, 6, 0, 0, &n), FORK_NOTHING);
	assert_int_equal(offer(f, 5, 0, 0, &n), FORK_NOTHING);
	fork_free(&f);
}

static void a_branch_deeper_than_memory_is_lost(void **state)
{
	struct fork *f = with(4, 1, 10);
	uint64_t n = 11;

	(void)state;
	for (; n > 7; n--) {
		uint64_t ask;

		assert_int_equal(offer(f, n, 1, 1, &ask), FORK_ASK);
		assert_int_equal(ask, n - 1);
	}
	assert_int_equal(offer(f, 7, 1, 1, &n), FORK_LOST);
	fork_free(&f);
}

static void a_ring_forgets_the_oldest(void **state)
{
	struct fork *f = with(4, 1, 10);

	(void)state;
	assert_int_equal(fork_count(f), 4);
	assert_null(fork_at(f, 6));
	assert_int_equal(fork_at(f, 7)->number, 7);
	fork_pop_to(f, 8);
	assert_int_equal(fork_count(f), 2);
	assert_int_equal(fork_next(f), 9);
	fork_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_where_it_is_told),
		cmocka_unit_test(a_child_of_the_tip_extends),
		cmocka_unit_test(what_is_known_is_nothing),
		cmocka_unit_test(a_longer_branch_leads_to_the_ancestor),
		cmocka_unit_test(a_branch_of_the_same_height_is_seen),
		cmocka_unit_test(a_node_that_comes_back_costs_nothing),
		cmocka_unit_test(a_branch_deeper_than_memory_is_lost),
		cmocka_unit_test(a_ring_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
