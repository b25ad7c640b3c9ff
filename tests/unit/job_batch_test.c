/* What a listener's core promises about transactions. */
#include "tests/unit/job_fixture.h"

static void proofs_that_are_ready_share_a_transaction(void **state)
{
	struct fixture *f = fixture_new();
	struct job_batch b;

	(void)state;
	task_checked(f, 1, 62);
	task_checked(f, 2, 61);
	task_checked(f, 3, 60);
	b = batch(f);
	assert_int_equal(b.count, 3);
	assert_int_equal(b.tasks[0]->request_id, 3);
	assert_int_equal(b.tasks[2]->request_id, 1);
	assert_int_equal(b.valid_until.v, START_TIME + 60);
	assert_int_equal(b.gas_limit, 3 * 125000);
	fixture_free(f);
}

static void markets_do_not_share_a_transaction(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t = task_of(f, 2, 2, 61);
	struct job_batch b;

	(void)state;
	task_checked(f, 1, 60);
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	find_inputs(f, 2, "i");
	prove(f, 2, 1);
	accept(f, 2);
	task_checked(f, 3, 62);
	b = batch(f);
	assert_int_equal(b.count, 2);
	assert_int_equal(b.market_id, 1);
	b = batch(f);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.market_id, 2);
	fixture_free(f);
}

static void a_transaction_holds_no_more_than_it_may(void **state)
{
	struct fixture *f = fixture_new();
	struct job_batch b;

	(void)state;
	for (uint64_t id = 1; id <= 6; id++)
		task_checked(f, id, 60 + id);
	assert_int_equal(batch(f).count, 4);
	assert_int_equal(batch(f).count, 2);
	for (uint64_t id = 7; id <= 9; id++)
		task_checked(f, id, 60 + id);
	assert_err(job_next_batch(f->j, f->now_ms, 300000, &b), ERR_NONE);
	assert_int_equal(b.count, 2);
	assert_err(job_next_batch(f->j, f->now_ms, 1, &b), ERR_NONE);
	assert_int_equal(b.count, 1);
	fixture_free(f);
}

static void gas_that_nobody_knows_is_as_configured(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t turn;

	(void)state;
	task_proved(f, 1, 60);
	turn = next_is(f, JOB_CHECK, 1);
	assert_err(job_accepted(f->j, turn, f->now_ms, 0), ERR_NONE);
	assert_int_equal(batch(f).gas_limit, 600000);
	fixture_free(f);
}

/* One proof is ready, another is being made. */
static struct fixture *one_of_two(uint64_t seconds)
{
	struct fixture *f = fixture_new();

	task_checked(f, 1, seconds);
	task(f, 2, seconds + 1);
	find_inputs(f, 2, "i");
	next_is(f, JOB_PROVE, 2);
	return f;
}

static void a_proof_waits_a_little_for_others(void **state)
{
	struct fixture *f = one_of_two(60);

	(void)state;
	no_batch(f);
	f->now_ms += f->config.gather_ms;
	assert_int_equal(batch(f).count, 1);
	fixture_free(f);
}

static void a_proof_waits_for_nobody_when_its_deadline_is_near(void **state)
{
	struct fixture *f = one_of_two(5);

	(void)state;
	assert_int_equal(batch(f).count, 1);
	fixture_free(f);
}

static void a_proof_waits_for_nobody_when_blocks_are_slow(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	block(f, 12);
	task_checked(f, 1, 50);
	task(f, 2, 51);
	find_inputs(f, 2, "i");
	next_is(f, JOB_PROVE, 2);
	assert_int_equal(batch(f).count, 1);
	fixture_free(f);
}

static void a_full_transaction_waits_for_nobody(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (uint64_t id = 1; id <= 4; id++)
		task_checked(f, id, 60 + id);
	task(f, 5, 90);
	find_inputs(f, 5, "i");
	next_is(f, JOB_PROVE, 5);
	assert_int_equal(batch(f).count, 4);
	fixture_free(f);
}

static void what_had_no_effect_is_checked_and_sent_alone(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_checked(f, 1, 60);
	task_checked(f, 2, 61);
	assert_int_equal(batch(f).count, 2);
	assert_err(job_unsent(f->j, &f->sink, 1), ERR_NONE);
	assert_err(job_unsent(f->j, &f->sink, 1), ERR_NOT_FOUND);
	assert_state(f->j, 1, JOB_PROVED);
	accept(f, 1);
	task_checked(f, 3, 62);
	assert_int_equal(batch(f).count, 1);
	assert_int_equal(batch(f).count, 1);
	fixture_free(f);
}

static void what_never_has_an_effect_is_given_up(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_proved(f, 1, 60);
	for (int i = 0; i < 3; i++) {
		accept(f, 1);
		assert_int_equal(batch(f).count, 1);
		assert_err(job_unsent(f->j, &f->sink, 1), ERR_NONE);
	}
	assert_reason(f->j, 1, JOB_ABANDONED, JOB_REASON_REVERTED);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proofs_that_are_ready_share_a_transaction),
		cmocka_unit_test(markets_do_not_share_a_transaction),
		cmocka_unit_test(a_transaction_holds_no_more_than_it_may),
		cmocka_unit_test(gas_that_nobody_knows_is_as_configured),
		cmocka_unit_test(a_proof_waits_a_little_for_others),
		cmocka_unit_test(
			a_proof_waits_for_nobody_when_its_deadline_is_near),
		cmocka_unit_test(a_proof_waits_for_nobody_when_blocks_are_slow),
		cmocka_unit_test(a_full_transaction_waits_for_nobody),
		cmocka_unit_test(what_had_no_effect_is_checked_and_sent_alone),
		cmocka_unit_test(what_never_has_an_effect_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
