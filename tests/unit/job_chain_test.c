/* What a listener's core promises when processes end and chains change their
 * mind. */
#include "tests/unit/job_fixture.h"

/* ---- restarts ----------------------------------------------------------- */

static void a_finished_proof_is_not_made_again_after_a_restart(void **state)
{
	struct fixture *f = fixture_new();
	struct job *again;
	const struct job_task *t;

	(void)state;
	task_checked(f, 1, 60);
	assert_int_equal(batch(f).count, 1);
	again = fixture_replay(f);
	assert_state(again, 1, JOB_PROVED);
	t = job_find(again, 1);
	assert_memory_equal(t->proof.data, "proof", 5);
	assert_memory_equal(t->inputs.data, "inputs", 6);
	job_free(&again);
	fixture_free(f);
}

static void a_proof_under_way_is_begun_again_after_a_restart(void **state)
{
	struct fixture *f = fixture_new();
	struct job *again;

	(void)state;
	task(f, 1, 60);
	find_inputs(f, 1, "i");
	next_is(f, JOB_PROVE, 1);
	again = fixture_replay(f);
	assert_state(again, 1, JOB_INPUTS);
	job_free(&again);
	fixture_free(f);
}

static void times_are_known_after_a_restart(void **state)
{
	struct fixture *f = fixture_new();
	struct job *again;
	uint64_t ms;

	(void)state;
	task(f, 1, 60);
	find_inputs(f, 1, "i");
	prove(f, 1, 4321);
	again = fixture_replay(f);
	assert_err(job_expected_ms(again, 1, &ms), ERR_NONE);
	assert_int_equal(ms, 4321);
	job_free(&again);
	fixture_free(f);
}

static void a_task_that_went_while_nobody_looked_is_suspended(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task(f, 1, 60);
	restart(f);
	assert_err(job_caught_up(f->j, &f->sink, 101), ERR_NONE);
	assert_state(f->j, 1, JOB_SUSPENDED);
	next_is_nothing(f);
	fixture_free(f);
}

static void a_task_that_is_still_there_goes_on(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t = task_of(f, 1, 1, 60);

	(void)state;
	task_proved(f, 1, 60);
	restart(f);
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	assert_err(job_caught_up(f->j, &f->sink, 50), ERR_NONE);
	next_is(f, JOB_CHECK, 1);
	fixture_free(f);
}

static void a_task_older_than_what_was_read_goes_on(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_proved(f, 1, 60);
	restart(f);
	assert_err(job_caught_up(f->j, &f->sink, 102), ERR_NONE);
	next_is(f, JOB_CHECK, 1);
	fixture_free(f);
}

static void an_end_that_went_while_nobody_looked_is_undone(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t = task_of(f, 1, 1, 60);

	(void)state;
	task_checked(f, 1, 60);
	assert_int_equal(batch(f).count, 1);
	proven_in(f, 1, 102);
	restart(f);
	assert_state(f->j, 1, JOB_DONE);
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	assert_err(job_caught_up(f->j, &f->sink, 50), ERR_NONE);
	next_is(f, JOB_CHECK, 1);
	fixture_free(f);
}

static void an_end_that_is_still_there_stays(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t = task_of(f, 1, 1, 60);

	(void)state;
	task_proved(f, 1, 60);
	proven_in(f, 1, 102);
	restart(f);
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	proven_in(f, 1, 102);
	assert_err(job_caught_up(f->j, &f->sink, 50), ERR_NONE);
	assert_state(f->j, 1, JOB_DONE);
	assert_said(f, 0, "opened taken inputs proof done");
	fixture_free(f);
}

/* ---- re-organisations --------------------------------------------------- */

static void a_task_whose_block_is_gone_is_suspended(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t turn;

	(void)state;
	task(f, 1, 60);
	block(f, 1);
	find_inputs(f, 1, "i");
	turn = next_is(f, JOB_PROVE, 1);
	roll_back(f, 100);
	assert_state(f->j, 1, JOB_SUSPENDED);
	assert_err(job_made(f->j, &f->sink, turn, 1, text("p")), ERR_NOT_FOUND);
	next_is_nothing(f);
	fixture_free(f);
}

static void the_same_task_again_needs_no_other_proof(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_proved(f, 1, 60);
	block(f, 1);
	roll_back(f, 100);
	task(f, 1, 80);
	assert_state(f->j, 1, JOB_TAKEN);
	find_inputs(f, 1, "inputs");
	next_is(f, JOB_CHECK, 1);
	assert_int_equal(job_find(f->j, 1)->deadline.v, START_TIME + 80);
	fixture_free(f);
}

static void another_request_of_the_same_number_is_proven_anew(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_proved(f, 1, 60);
	block(f, 1);
	roll_back(f, 100);
	task(f, 1, 60);
	find_inputs(f, 1, "others");
	next_is(f, JOB_PROVE, 1);
	fixture_free(f);
}

static void the_same_inputs_in_another_market_are_proven_anew(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t;

	(void)state;
	task_proved(f, 1, 60);
	block(f, 1);
	roll_back(f, 100);
	t = task_of(f, 1, 2, 60);
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	find_inputs(f, 1, "inputs");
	next_is(f, JOB_PROVE, 1);
	fixture_free(f);
}

static void an_end_whose_block_is_gone_is_undone(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_checked(f, 1, 60);
	block(f, 1);
	assert_int_equal(batch(f).count, 1);
	proven_in(f, 1, 102);
	block(f, 1);
	roll_back(f, 101);
	assert_state(f->j, 1, JOB_PROVED);
	assert_said(f, 0, "opened taken inputs proof done resumed");
	accept(f, 1);
	assert_int_equal(batch(f).count, 1);
	fixture_free(f);
}

static void a_missed_deadline_counts_only_on_its_branch(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task(f, 1, 10);
	block(f, 1);
	block(f, 10);
	assert_reason(f->j, 1, JOB_LOST, JOB_REASON_MISSED);
	roll_back(f, 101);
	assert_state(f->j, 1, JOB_TAKEN);
	fixture_free(f);
}

static void what_cannot_be_proven_stays_so_on_any_branch(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t turn;

	(void)state;
	task(f, 1, 60);
	block(f, 1);
	find_inputs(f, 1, "i");
	turn = next_is(f, JOB_PROVE, 1);
	block(f, 1);
	assert_err(job_drop(f->j, &f->sink, turn, JOB_REASON_UNPROVABLE),
		   ERR_NONE);
	roll_back(f, 101);
	assert_state(f->j, 1, JOB_UNPROVABLE);
	fixture_free(f);
}

/* ---- how the chain ends it ---------------------------------------------- */

static void what_the_chain_ended_is_lost(void **state)
{
	struct fixture *f = fixture_new();
	struct block_ref b = block_at(f, 102, START_TIME + 2);

	(void)state;
	task_proved(f, 1, 60);
	task(f, 2, 60);
	assert_err(job_ended(f->j, &f->sink, 1, JOB_REASON_SLASHED, &b),
		   ERR_NONE);
	assert_err(job_ended(f->j, &f->sink, 2, JOB_REASON_INVALIDATED, &b),
		   ERR_NONE);
	assert_err(job_ended(f->j, &f->sink, 3, JOB_REASON_SLASHED, &b),
		   ERR_NONE);
	assert_reason(f->j, 1, JOB_LOST, JOB_REASON_SLASHED);
	assert_reason(f->j, 2, JOB_LOST, JOB_REASON_INVALIDATED);
	assert_null(job_find(f->j, 3));
	next_is_nothing(f);
	fixture_free(f);
}

static void a_missed_job_is_lost_once(void **state)
{
	struct fixture *f = fixture_new();
	struct block_ref b = block_at(f, 102, START_TIME + 62);

	(void)state;
	task(f, 1, 60);
	block(f, 61);
	assert_err(job_ended(f->j, &f->sink, 1, JOB_REASON_SLASHED, &b),
		   ERR_NONE);
	assert_said(f, 0, "opened taken dropped");
	fixture_free(f);
}

static void a_proof_that_somebody_else_sent_ends_it_too(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task(f, 1, 60);
	find_inputs(f, 1, "i");
	next_is(f, JOB_PROVE, 1);
	proven_in(f, 1, 101);
	assert_state(f->j, 1, JOB_DONE);
	proven_in(f, 9, 101);
	assert_null(job_find(f->j, 9));
	fixture_free(f);
}

static void what_is_final_is_forgotten(void **state)
{
	struct fixture *f = fixture_new();
	struct job *again;

	(void)state;
	task_proved(f, 1, 15);
	proven_in(f, 1, 101);
	for (int i = 0; i < 11; i++)
		block(f, 1);
	assert_state(f->j, 1, JOB_DONE);
	block(f, 10);
	assert_null(job_find(f->j, 1));
	task(f, 2, 60);
	again = fixture_replay(f);
	assert_null(job_find(again, 1));
	assert_state(again, 2, JOB_TAKEN);
	job_free(&again);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_finished_proof_is_not_made_again_after_a_restart),
		cmocka_unit_test(
			a_proof_under_way_is_begun_again_after_a_restart),
		cmocka_unit_test(times_are_known_after_a_restart),
		cmocka_unit_test(
			a_task_that_went_while_nobody_looked_is_suspended),
		cmocka_unit_test(a_task_that_is_still_there_goes_on),
		cmocka_unit_test(a_task_older_than_what_was_read_goes_on),
		cmocka_unit_test(
			an_end_that_went_while_nobody_looked_is_undone),
		cmocka_unit_test(an_end_that_is_still_there_stays),
		cmocka_unit_test(a_task_whose_block_is_gone_is_suspended),
		cmocka_unit_test(the_same_task_again_needs_no_other_proof),
		cmocka_unit_test(
			another_request_of_the_same_number_is_proven_anew),
		cmocka_unit_test(
			the_same_inputs_in_another_market_are_proven_anew),
		cmocka_unit_test(an_end_whose_block_is_gone_is_undone),
		cmocka_unit_test(a_missed_deadline_counts_only_on_its_branch),
		cmocka_unit_test(what_cannot_be_proven_stays_so_on_any_branch),
		cmocka_unit_test(what_the_chain_ended_is_lost),
		cmocka_unit_test(a_missed_job_is_lost_once),
		cmocka_unit_test(a_proof_that_somebody_else_sent_ends_it_too),
		cmocka_unit_test(what_is_final_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
