/* What following a chain promises, against a node that lags, lies and changes
 * its mind. */
#include "tests/unit/chain_fixture.h"

static int begin(void **state)
{
	(void)state;
	return begin_with(1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static void every_block_and_log_comes_once_in_order(void **state)
{
	(void)state;
	for (int i = 3; i < BLOCKS_MAX; i += 3)
		nodes[0].logs[i] = true;
	set_chain(60, 0, 1);
	follow();
	UNTIL(is_at(60, 1));
	assert_int_equal(given, 60);
	assert_int_equal(with_logs, 20);
	assert_int_equal(chain_head(chain), 60);
	assert_true(nodes[0].range_seen <= 8);
	set_chain(61, 0, 1); /* at the head, one by one */
	UNTIL(is_at(61, 1));
	set_chain(66, 0, 1);
	UNTIL(is_at(66, 1));
	assert_int_equal(given, 66);
	assert_int_equal(with_logs, 22);
	UNTIL(caught_up > 0);
	assert_err(failure, ERR_NONE);
}

static void a_branch_that_won_is_rolled_back_to(void **state)
{
	(void)state;
	for (int i = 0; i < BLOCKS_MAX; i++)
		nodes[0].logs[i] = true;
	set_chain(20, 0, 1);
	follow();
	UNTIL(is_at(20, 1));
	set_chain(22, 15, 2);
	UNTIL(is_at(22, 2));
	assert_int_equal(rollbacks, 1);
	assert_int_equal(rolled_to.number, 14);
	assert_int_equal(rolled_from.number, 20);
	assert_int_equal(given, 20 + 8);
	set_chain(18, 17, 3); /* and to a shorter one */
	UNTIL(is_at(18, 3));
	assert_int_equal(rollbacks, 2);
	assert_int_equal(rolled_to.number, 16);
}

static void a_node_that_lags_changes_nothing(void **state)
{
	(void)state;
	set_chain(40, 0, 1);
	follow();
	UNTIL(is_at(40, 1));
	set_chain(35, 0, 1);
	run(60);
	set_chain(2, 0, 1); /* older than what is remembered */
	run(60);
	assert_int_equal(rollbacks, 0);
	set_chain(41, 0, 1);
	UNTIL(is_at(41, 1));
	assert_int_equal(given, 41);
	assert_err(failure, ERR_NONE);
}

static void what_parts_below_what_is_remembered_ends_it(void **state)
{
	(void)state;
	set_chain(40, 0, 1);
	follow();
	UNTIL(is_at(40, 1));
	set_chain(45, 20, 2);
	UNTIL(failure);
	assert_err(failure, ERR_FINALITY);
	assert_int_equal(rollbacks, 0);
}

/* Where a node of ours listened, one of another chain does, and no call failed
 * in between. */
static void a_chain_of_another_genesis_is_not_followed(void **state)
{
	struct hash32 genesis = hash_of(0, 1);

	(void)state;
	set_chain(40, 0, 1);
	rpc_expect(rpc, CHAIN_ID, &genesis);
	follow();
	UNTIL(is_at(40, 1));
	set_chain(60, 0, 2);
	UNTIL(!rpc_answers(rpc));
	run(300);
	assert_err(failure, ERR_NONE);
	assert_int_equal(rollbacks, 0);
	assert_int_equal(given, 40);
}

static void what_parts_too_deep_is_believed_of_who_proved_its_chain(
	void **state)
{
	struct hash32 genesis = hash_of(0, 1);

	(void)state;
	set_chain(40, 0, 1);
	rpc_expect(rpc, CHAIN_ID, &genesis);
	follow();
	UNTIL(is_at(40, 1));
	set_chain(45, 20, 2);
	UNTIL(failure);
	assert_err(failure, ERR_FINALITY);
	assert_true(rpc_answers(rpc));
}

/* The node says which block is final: nothing below it is given up. */
static void what_parts_below_what_was_final_ends_it(void **state)
{
	(void)state;
	nodes[0].final = 30;
	set_chain(40, 0, 1);
	follow();
	UNTIL(is_at(40, 1) && final.number == 30);
	set_chain(42, 31, 2); /* the block above it may go */
	UNTIL(is_at(42, 2));
	assert_int_equal(rolled_to.number, 30);
	set_chain(45, 30, 3);
	UNTIL(failure);
	assert_err(failure, ERR_FINALITY);
	assert_int_equal(rollbacks, 1);
}

/* It is known from before; blocks that aren't ours say nothing. */
static void what_was_final_is_final_after_a_restart(void **state)
{
	struct block_ref tip = {0};

	(void)state;
	for (uint64_t n = 20; n <= 30; n++) {
		tip.number = n;
		tip.hash = hash_of(n, 1);
		fork_push(fork_, &tip);
	}
	following.final.number = 25;
	following.final.hash = hash_of(25, 1);
	nodes[0].final = 33;
	set_chain(35, 25, 2);
	for (unsigned i = 0; i < 25; i++)
		nodes[0].branches[i] = 1;
	follow();
	UNTIL(failure);
	assert_err(failure, ERR_FINALITY);
	assert_int_equal(rollbacks, 0);
}

static void what_a_handler_returns_ends_it(void **state)
{
	(void)state;
	refusal = ERR_STORAGE;
	set_chain(5, 0, 1);
	follow();
	UNTIL(failure);
	assert_err(failure, ERR_STORAGE);
	assert_null(fork_tip(fork_));
}

/* ---- a node that lies --------------------------------------------------- */

static void logs_that_are_missing_are_asked_for_again(void **state)
{
	(void)state;
	nodes[0].logs[1] = nodes[0].logs[12] = true;
	nodes[0].lose_logs = 1;
	set_chain(12, 0, 1);
	follow();
	UNTIL(is_at(12, 1));
	assert_int_equal(with_logs, 2);
	nodes[0].logs[13] = true;
	nodes[0].lose_logs = 1;
	set_chain(13, 0, 1);
	UNTIL(is_at(13, 1));
	assert_int_equal(with_logs, 3);
}

static void headers_of_other_blocks_are_no_answer(void **state)
{
	(void)state;
	for (int i = 1; i < BLOCKS_MAX; i++)
		nodes[0].logs[i] = true;
	nodes[0].swap_headers = 3;
	set_chain(30, 0, 1);
	follow();
	UNTIL(is_at(30, 1));
	assert_int_equal(given, 30);
	assert_int_equal(rollbacks, 0);
	assert_err(failure, ERR_NONE);
}

/* What is missing then must not be taken for block 0 of another branch. */
static void nor_are_they_on_a_chain_that_is_followed_from_its_first_block(
	void **state)
{
	(void)state;
	fork_free(&fork_);
	assert_err(fork_new(&fork_, DEPTH, 0), ERR_NONE);
	set_chain(0, 0, 1);
	follow();
	UNTIL(is_at(0, 1));
	nodes[0].swap_headers = 3;
	set_chain(10, 0, 1);
	UNTIL(is_at(10, 1) || failure);
	assert_err(failure, ERR_NONE);
	assert_int_equal(rollbacks, 0);
}

static void logs_that_do_not_fit_their_blocks_are_no_answer(void **state)
{
	(void)state;
	for (int i = 1; i < BLOCKS_MAX; i++)
		nodes[0].logs[i] = true;
	nodes[0].alien_logs = 1;
	set_chain(10, 0, 1);
	follow();
	UNTIL(is_at(10, 1));
	nodes[0].other_branch = 1;
	set_chain(20, 0, 1);
	UNTIL(is_at(20, 1));
	nodes[0].garbage = 2;
	nodes[0].refuse_logs = 2;
	set_chain(30, 0, 1);
	UNTIL(is_at(30, 1));
	assert_int_equal(given, 30);
	assert_int_equal(with_logs, 30);
	assert_err(failure, ERR_NONE);
}

static void it_goes_on_where_the_fork_is(void **state)
{
	struct block_ref tip = {25, {{0}}, {250}};

	(void)state;
	set_chain(30, 0, 1);
	tip.hash = hash_of(25, 1);
	fork_push(fork_, &tip);
	follow();
	UNTIL(is_at(30, 1));
	assert_int_equal(given, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_block_and_log_comes_once_in_order),
		TEST(a_branch_that_won_is_rolled_back_to),
		TEST(a_node_that_lags_changes_nothing),
		TEST(what_parts_below_what_is_remembered_ends_it),
		TEST(a_chain_of_another_genesis_is_not_followed),
		TEST(what_parts_too_deep_is_believed_of_who_proved_its_chain),
		TEST(what_parts_below_what_was_final_ends_it),
		TEST(what_was_final_is_final_after_a_restart),
		TEST(what_a_handler_returns_ends_it),
		TEST(logs_that_are_missing_are_asked_for_again),
		TEST(headers_of_other_blocks_are_no_answer),
		TEST(nor_are_they_on_a_chain_that_is_followed_from_its_first_block),
		TEST(logs_that_do_not_fit_their_blocks_are_no_answer),
		TEST(it_goes_on_where_the_fork_is),
	};

	log_open("chain_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
