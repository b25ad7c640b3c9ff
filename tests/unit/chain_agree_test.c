/* What following a chain promises with several nodes, some of which are wrong.
 */
#include "tests/unit/chain_fixture.h"

static int two(void **state)
{
	(void)state;
	return begin_with(2);
}

static int three(void **state)
{
	(void)state;
	return begin_with(3);
}

#define TEST_WITH(count, f) cmocka_unit_test_setup_teardown(f, count, end)

static void set_logs(unsigned every)
{
	for (unsigned i = 0; i < nodes_count; i++)
		for (unsigned n = every; n < BLOCKS_MAX; n += every)
			nodes[i].logs[n] = true;
}

static void what_two_say_is_given_and_the_third_is_not_asked(void **state)
{
	(void)state;
	following.patience_ms = WAIT_MS;
	set_logs(3);
	set_chain(60, 0, 1);
	follow();
	UNTIL(is_at(60, 1));
	set_chain(61, 0, 1);
	UNTIL(is_at(61, 1));
	set_chain(63, 0, 1);
	UNTIL(is_at(63, 1));
	assert_int_equal(given, 63);
	assert_int_equal(with_logs, 21);
	assert_true(nodes[0].logs_asked > 0);
	assert_int_equal(nodes[0].logs_asked, nodes[1].logs_asked);
	assert_int_equal(nodes[2].logs_asked, 0);
}

/* Each of them knows about the others' faults, wherever it is in the list. */
static void logs_that_one_loses_are_not_lost(void **state)
{
	(void)state;
	set_logs(1);
	set_chain(10, 0, 1);
	nodes[0].lose_logs = 1000;
	follow();
	UNTIL(is_at(10, 1));
	set_chain(30, 0, 1);
	UNTIL(is_at(30, 1));
	for (unsigned n = 31; n < 34; n++) {
		set_chain(n, 0, 1);
		UNTIL(is_at(n, 1));
	}
	assert_int_equal(with_logs, 33);
	assert_int_equal(rollbacks, 0);
	assert_err(failure, ERR_NONE);
}

static void one_node_alone_rolls_nothing_back(void **state)
{
	(void)state;
	set_chain(20, 0, 1);
	follow();
	UNTIL(is_at(20, 1));
	set_node(&nodes[1], 22, 15, 2);
	run(300);
	assert_true(is_at(20, 1));
	set_node(&nodes[0], 24, 0, 1);
	set_node(&nodes[2], 24, 0, 1);
	UNTIL(is_at(24, 1));
	set_node(&nodes[1], 30, 1, 2); /* deeper than what is remembered */
	run(300);
	set_node(&nodes[0], 26, 0, 1);
	set_node(&nodes[2], 26, 0, 1);
	UNTIL(is_at(26, 1));
	assert_int_equal(rollbacks, 0);
	assert_int_equal(given, 26);
	assert_err(failure, ERR_NONE);
}

static void what_most_roll_back_is_rolled_back(void **state)
{
	(void)state;
	set_logs(2);
	set_chain(20, 0, 1);
	follow();
	UNTIL(is_at(20, 1));
	set_node(&nodes[0], 22, 15, 2);
	set_node(&nodes[1], 22, 15, 2);
	UNTIL(is_at(22, 2));
	assert_int_equal(rollbacks, 1);
	assert_int_equal(rolled_to.number, 14);
	assert_err(failure, ERR_NONE);
}

static void what_most_give_up_too_deep_ends_it(void **state)
{
	(void)state;
	set_chain(40, 0, 1);
	follow();
	UNTIL(is_at(40, 1));
	set_node(&nodes[1], 45, 10, 2);
	set_node(&nodes[2], 45, 10, 2);
	UNTIL(failure);
	assert_err(failure, ERR_FINALITY);
	assert_int_equal(rollbacks, 0);
}

static void two_that_disagree_are_waited_for(void **state)
{
	(void)state;
	set_chain(10, 0, 1);
	follow();
	UNTIL(is_at(10, 1));
	set_node(&nodes[0], 12, 0, 1);
	set_node(&nodes[1], 12, 11, 2);
	run(2500); /* longer than any patience */
	assert_true(is_at(10, 1));
	set_node(&nodes[1], 12, 0, 1);
	UNTIL(is_at(12, 1));
	assert_int_equal(given, 12);
	assert_int_equal(rollbacks, 0);
}

/* As when one has the block, and not its logs yet. */
static void two_that_disagree_on_logs_are_waited_for(void **state)
{
	(void)state;
	set_logs(1);
	set_chain(10, 0, 1);
	follow();
	UNTIL(is_at(10, 1));
	nodes[1].lose_logs = 20;
	set_chain(11, 0, 1);
	UNTIL(is_at(11, 1));
	assert_int_equal(nodes[1].lose_logs, 0);
	assert_int_equal(with_logs, 11);
}

static void one_that_stands_still_is_not_waited_for(void **state)
{
	(void)state;
	set_chain(10, 0, 1);
	follow();
	UNTIL(is_at(10, 1));
	for (unsigned n = 11; n < 30; n++) {
		set_node(&nodes[1], n, 0, 1);
		if (n < 14)
			run(20);
	}
	UNTIL(is_at(29, 1));
	assert_int_equal(given, 29);
	set_node(&nodes[0], 30, 0, 1); /* and counts when it is back */
	set_node(&nodes[1], 30, 0, 1);
	UNTIL(is_at(30, 1));
	assert_int_equal(rollbacks, 0);
}

static void one_that_is_gone_is_not_waited_for(void **state)
{
	(void)state;
	set_chain(10, 0, 1);
	follow();
	UNTIL(is_at(10, 1));
	nodes[0].down = true;
	set_node(&nodes[1], 20, 0, 1);
	UNTIL(is_at(20, 1));
	assert_int_equal(given, 20);
}

static void unless_both_are_wanted(void **state)
{
	(void)state;
	following.agree_strict = true;
	set_chain(10, 0, 1);
	follow();
	UNTIL(is_at(10, 1));
	nodes[1].down = true;
	set_chain(20, 0, 1);
	run(2500);
	assert_true(is_at(10, 1));
	nodes[1].down = false;
	UNTIL(is_at(20, 1));
}

/* It must not make the others look as if they lagged. */
static void one_that_talks_of_blocks_that_nobody_has_changes_nothing(
	void **state)
{
	(void)state;
	set_chain(10, 0, 1);
	follow();
	UNTIL(is_at(10, 1));
	set_node(&nodes[2], 100, 11, 2);
	for (unsigned n = 11; n < 16; n++) {
		set_node(&nodes[0], n, 0, 1);
		set_node(&nodes[1], n, 0, 1);
		UNTIL(fork_tip(fork_)->number == n);
		assert_memory_equal(fork_tip(fork_)->hash.bytes,
				    hash_of(n, 1).bytes, 32);
	}
	assert_int_equal(rollbacks, 0);
	assert_int_equal(chain_head(chain), 15);
}

static void final_is_what_two_call_final(void **state)
{
	(void)state;
	nodes[0].final = 20;
	nodes[1].final = 12;
	set_chain(20, 0, 1);
	follow();
	UNTIL(final.number);
	run(300);
	assert_int_equal(final.number, 12);
	set_chain(22, 14, 2);
	UNTIL(is_at(22, 2));
	assert_int_equal(rolled_to.number, 13);
	assert_err(failure, ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_WITH(three,
			  what_two_say_is_given_and_the_third_is_not_asked),
		TEST_WITH(three, logs_that_one_loses_are_not_lost),
		TEST_WITH(three, one_node_alone_rolls_nothing_back),
		TEST_WITH(three, what_most_roll_back_is_rolled_back),
		TEST_WITH(three, what_most_give_up_too_deep_ends_it),
		TEST_WITH(two, two_that_disagree_are_waited_for),
		TEST_WITH(two, two_that_disagree_on_logs_are_waited_for),
		TEST_WITH(two, one_that_stands_still_is_not_waited_for),
		TEST_WITH(two, one_that_is_gone_is_not_waited_for),
		TEST_WITH(two, unless_both_are_wanted),
		TEST_WITH(
			three,
			one_that_talks_of_blocks_that_nobody_has_changes_nothing),
		TEST_WITH(three, final_is_what_two_call_final),
	};

	log_open("chain_agree_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
