/* What a listener's core promises about the life of a job. */
#include "tests/unit/job_fixture.h"

/* ---- the plain way ------------------------------------------------------ */

static void a_job_goes_from_the_chain_to_the_chain(void **state)
{
	struct fixture *f = fixture_new();
	struct job_batch b;

	(void)state;
	task(f, 7, 60);
	block(f, 1);
	assert_state(f->j, 7, JOB_TAKEN);
	find_inputs(f, 7, "inputs");
	assert_state(f->j, 7, JOB_INPUTS);
	prove(f, 7, 500);
	assert_state(f->j, 7, JOB_PROVED);
	accept(f, 7);
	assert_state(f->j, 7, JOB_CHECKED);
	b = batch(f);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.tasks[0]->request_id, 7);
	assert_int_equal(b.tasks[0]->inputs.size, 6);
	assert_int_equal(b.tasks[0]->proof.size, 5);
	assert_int_equal(b.gas_limit, 125000);
	assert_int_equal(b.valid_until.v, START_TIME + 60);
	assert_state(f->j, 7, JOB_SUBMITTING);
	no_batch(f);
	next_is_nothing(f);
	proven_in(f, 7, 102);
	assert_state(f->j, 7, JOB_DONE);
	assert_said(f, 0, "opened taken inputs proof done");
	fixture_free(f);
}

static void a_task_is_taken_once(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t = task_of(f, 7, 1, 60);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	assert_said(f, 0, "opened taken");
	find_inputs(f, 7, "inputs");
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	assert_state(f->j, 7, JOB_INPUTS);
	fixture_free(f);
}

static void a_task_whose_deadline_is_past_is_passed_over(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task(f, 7, 0);
	assert_null(job_find(f->j, 7));
	fixture_free(f);
}

static void nothing_begins_before_the_chain_was_heard(void **state)
{
	struct fixture *f = fixture_new();
	struct job *again;
	struct job_todo todo;

	(void)state;
	task(f, 7, 60);
	again = fixture_replay(f);
	assert_err(job_next(again, &f->sink, 1, &todo), ERR_NOT_FOUND);
	job_free(&again);
	fixture_free(f);
}

static void a_step_is_reported_once(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t turn, wait_ms;

	(void)state;
	task(f, 7, 60);
	turn = next_is(f, JOB_FIND, 7);
	next_is_nothing(f);
	assert_err(job_found(f->j, &f->sink, turn, text("a")), ERR_NONE);
	assert_err(job_found(f->j, &f->sink, turn, text("b")), ERR_NOT_FOUND);
	assert_err(job_failed(f->j, turn, 1, 0, &wait_ms), ERR_NOT_FOUND);
	assert_err(job_drop(f->j, &f->sink, turn, JOB_REASON_UNPROVABLE),
		   ERR_NOT_FOUND);
	assert_err(job_found(f->j, &f->sink, 0, text("b")), ERR_NOT_FOUND);
	fixture_free(f);
}

static void a_journal_of_something_else_is_a_conflict(void **state)
{
	struct fixture *f = fixture_new();
	struct msg_job_opened o = {.chain_id = 1};

	(void)state;
	assert_err(job_open(f->j, &f->sink, &o), ERR_NONE);
	o.generator.bytes[0] = 1;
	assert_err(job_open(f->j, &f->sink, &o), ERR_CONFLICT);
	assert_int_equal(job_opened(f->j)->chain_id, 1);
	fixture_free(f);
}

/* ---- order and room ----------------------------------------------------- */

static void the_earliest_deadline_is_first(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task(f, 1, 90);
	task(f, 2, 30);
	task(f, 3, 60);
	find_inputs(f, 2, "b");
	prove(f, 2, 1);
	accept(f, 2);
	find_inputs(f, 3, "c");
	prove(f, 3, 1);
	fixture_free(f);
}

static void declared_compute_bounds_what_is_proven_at_once(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t turn;

	(void)state;
	for (uint64_t id = 1; id <= 6; id++)
		task(f, id, 60 + id);
	find_inputs_of(f, 1, 6);
	turn = next_is(f, JOB_PROVE, 1);
	for (uint64_t id = 2; id <= 4; id++)
		next_is(f, JOB_PROVE, id);
	next_is_nothing(f);
	assert_int_equal(job_sizes(f->j).compute_used, 4);
	assert_err(job_made(f->j, &f->sink, turn, 1, text("p")), ERR_NONE);
	next_is(f, JOB_CHECK, 1);
	next_is(f, JOB_PROVE, 5);
	job_set_compute(f->j, 5);
	next_is(f, JOB_PROVE, 6);
	fixture_free(f);
}

static void parallel_max_bounds_it_too(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	job_free(&f->j);
	f->config.parallel_max = 1;
	assert_err(job_new(&f->j, &f->config), ERR_NONE);
	begin_at_100(f);
	task(f, 1, 60);
	task(f, 2, 61);
	find_inputs_of(f, 1, 2);
	next_is(f, JOB_PROVE, 1);
	next_is_nothing(f);
	fixture_free(f);
}

static void a_job_larger_than_the_compute_is_proven_alone(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t = task_of(f, 1, 1, 60);

	(void)state;
	t.compute = 9;
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	task(f, 2, 61);
	find_inputs_of(f, 1, 2);
	next_is(f, JOB_PROVE, 1);
	next_is_nothing(f);
	fixture_free(f);
}

static void nothing_overtakes_a_more_urgent_proof(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t = task_of(f, 2, 1, 61);

	(void)state;
	task(f, 1, 60);
	t.compute = 4;
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	task(f, 3, 62);
	find_inputs_of(f, 1, 3);
	next_is(f, JOB_PROVE, 1);
	next_is_nothing(f);
	fixture_free(f);
}

static void what_waits_for_its_next_try_holds_up_nobody(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t turn, wait_ms;

	(void)state;
	job_set_compute(f->j, 1);
	task(f, 1, 60);
	task(f, 2, 61);
	find_inputs_of(f, 1, 2);
	turn = next_is(f, JOB_PROVE, 1);
	next_is_nothing(f);
	assert_err(job_failed(f->j, turn, f->now_ms, 0, &wait_ms), ERR_NONE);
	next_is(f, JOB_PROVE, 2);
	fixture_free(f);
}

static void nothing_is_proven_before_the_compute_is_known(void **state)
{
	struct fixture *f = fixture_new();
	struct job_task t = task_of(f, 1, 1, 60);

	(void)state;
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	restart(f);
	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
	assert_err(job_caught_up(f->j, &f->sink, 50), ERR_NONE);
	find_inputs(f, 1, "i");
	next_is_nothing(f);
	job_set_compute(f->j, 1);
	next_is(f, JOB_PROVE, 1);
	fixture_free(f);
}

/* ---- trying again ------------------------------------------------------- */

static void a_failed_step_is_tried_again_ever_later(void **state)
{
	static const uint64_t waits[] = {250,  500,  1000,  2000,
					 4000, 8000, 10000, 10000};
	struct fixture *f = fixture_new();
	uint64_t turn, wait_ms;

	(void)state;
	task(f, 1, 6000);
	find_inputs(f, 1, "i");
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		turn = next_is(f, JOB_PROVE, 1);
		assert_err(job_failed(f->j, turn, f->now_ms, 0, &wait_ms),
			   ERR_NONE);
		assert_int_equal(wait_ms, waits[i]);
		f->now_ms += wait_ms - 1;
		next_is_nothing(f);
		f->now_ms++;
	}
	prove(f, 1, 1);
	fixture_free(f);
}

static void a_server_that_asks_for_time_gets_it(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t turn, wait_ms;

	(void)state;
	task(f, 1, 60);
	turn = next_is(f, JOB_FIND, 1);
	assert_err(job_failed(f->j, turn, f->now_ms, 30000, &wait_ms),
		   ERR_NONE);
	assert_int_equal(wait_ms, 30000);
	f->now_ms += 29999;
	next_is_nothing(f);
	f->now_ms++;
	next_is(f, JOB_FIND, 1);
	fixture_free(f);
}

static void a_refused_proof_is_never_submitted_and_made_again(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_proved(f, 1, 60);
	for (int i = 0; i < 3; i++) {
		uint64_t turn = next_is(f, JOB_CHECK, 1);

		assert_err(job_refused(f->j, &f->sink, turn, f->now_ms),
			   ERR_NONE);
		no_batch(f);
		f->now_ms += 10000;
		if (i < 2)
			prove(f, 1, 1);
	}
	assert_reason(f->j, 1, JOB_ABANDONED, JOB_REASON_REFUSED);
	next_is_nothing(f);
	fixture_free(f);
}

static void what_cannot_be_proven_is_not_tried_again(void **state)
{
	struct fixture *f = fixture_new();
	struct job *again;
	uint64_t turn;

	(void)state;
	task(f, 1, 60);
	find_inputs(f, 1, "i");
	turn = next_is(f, JOB_PROVE, 1);
	assert_err(job_drop(f->j, &f->sink, turn, JOB_REASON_UNPROVABLE),
		   ERR_NONE);
	assert_reason(f->j, 1, JOB_UNPROVABLE, JOB_REASON_UNPROVABLE);
	next_is_nothing(f);
	again = fixture_replay(f);
	assert_state(again, 1, JOB_UNPROVABLE);
	job_free(&again);
	fixture_free(f);
}

static void what_is_held_waits_for_another_process(void **state)
{
	struct fixture *f = fixture_new();
	struct job *again;
	uint64_t turn;

	(void)state;
	task(f, 1, 60);
	turn = next_is(f, JOB_FIND, 1);
	assert_err(job_hold(f->j, turn), ERR_NONE);
	next_is_nothing(f);
	assert_said(f, 0, "opened taken");
	again = fixture_replay(f);
	assert_state(again, 1, JOB_TAKEN);
	job_free(&again);
	block(f, 61);
	assert_reason(f->j, 1, JOB_LOST, JOB_REASON_MISSED);
	fixture_free(f);
}

/* ---- deadlines ---------------------------------------------------------- */

static void at_the_deadline_nothing_is_begun_or_submitted(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_checked(f, 1, 60);
	task_proved(f, 2, 60);
	task(f, 3, 60);
	block(f, 60);
	next_is_nothing(f);
	no_batch(f);
	assert_state(f->j, 1, JOB_CHECKED);
	block(f, 1);
	assert_reason(f->j, 1, JOB_LOST, JOB_REASON_MISSED);
	assert_reason(f->j, 3, JOB_LOST, JOB_REASON_MISSED);
	fixture_free(f);
}

static void a_proof_mined_at_the_deadline_counts(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task_checked(f, 1, 60);
	assert_int_equal(batch(f).count, 1);
	proven_in(f, 1, 101);
	block(f, 60);
	block(f, 1);
	assert_state(f->j, 1, JOB_DONE);
	fixture_free(f);
}

static void before_any_sample_it_just_tries(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t ms;

	(void)state;
	assert_err(job_expected_ms(f->j, 1, &ms), ERR_NOT_FOUND);
	task(f, 1, 1);
	find_inputs(f, 1, "i");
	next_is(f, JOB_PROVE, 1);
	fixture_free(f);
}

static void the_time_of_nine_proofs_in_ten_is_expected(void **state)
{
	struct fixture *f = fixture_new();
	uint64_t ms;

	(void)state;
	for (uint64_t i = 1; i <= 10; i++) {
		task(f, i, 600);
		find_inputs(f, i, "i");
		prove(f, i, 100 * (11 - i));
		accept(f, i);
	}
	assert_err(job_expected_ms(f->j, 1, &ms), ERR_NONE);
	assert_int_equal(ms, 900);
	assert_err(job_expected_ms(f->j, 2, &ms), ERR_NOT_FOUND);
	fixture_free(f);
}

static void what_cannot_be_ready_in_time_is_not_begun(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	task(f, 1, 60);
	find_inputs(f, 1, "i");
	prove(f, 1, 30000);
	accept(f, 1);
	task(f, 2, 31);
	find_inputs(f, 2, "i");
	next_is(f, JOB_PROVE, 2);
	task(f, 3, 30);
	find_inputs(f, 3, "i");
	next_is_nothing(f);
	assert_reason(f->j, 3, JOB_ABANDONED, JOB_REASON_TOO_LATE);
	fixture_free(f);
}

static void a_market_that_was_slow_is_not_given_up_for_ever(void **state)
{
	struct fixture *f = fixture_new();
	unsigned skipped = 0;
	struct job_todo todo;

	(void)state;
	for (uint64_t id = 1; id <= 32; id++) {
		task(f, id, 600);
		find_inputs(f, id, "i");
		prove(f, id, 100000);
		accept(f, id);
	}
	for (uint64_t id = 33;; id++, skipped++) {
		task(f, id, 10);
		find_inputs(f, id, "i");
		if (!job_next(f->j, &f->sink, f->now_ms, &todo))
			break;
		assert_state(f->j, id, JOB_ABANDONED);
	}
	assert_int_equal(skipped, 6);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_goes_from_the_chain_to_the_chain),
		cmocka_unit_test(a_task_is_taken_once),
		cmocka_unit_test(a_task_whose_deadline_is_past_is_passed_over),
		cmocka_unit_test(nothing_begins_before_the_chain_was_heard),
		cmocka_unit_test(a_step_is_reported_once),
		cmocka_unit_test(a_journal_of_something_else_is_a_conflict),
		cmocka_unit_test(the_earliest_deadline_is_first),
		cmocka_unit_test(
			declared_compute_bounds_what_is_proven_at_once),
		cmocka_unit_test(parallel_max_bounds_it_too),
		cmocka_unit_test(a_job_larger_than_the_compute_is_proven_alone),
		cmocka_unit_test(nothing_overtakes_a_more_urgent_proof),
		cmocka_unit_test(what_waits_for_its_next_try_holds_up_nobody),
		cmocka_unit_test(nothing_is_proven_before_the_compute_is_known),
		cmocka_unit_test(a_failed_step_is_tried_again_ever_later),
		cmocka_unit_test(a_server_that_asks_for_time_gets_it),
		cmocka_unit_test(
			a_refused_proof_is_never_submitted_and_made_again),
		cmocka_unit_test(what_cannot_be_proven_is_not_tried_again),
		cmocka_unit_test(what_is_held_waits_for_another_process),
		cmocka_unit_test(at_the_deadline_nothing_is_begun_or_submitted),
		cmocka_unit_test(a_proof_mined_at_the_deadline_counts),
		cmocka_unit_test(before_any_sample_it_just_tries),
		cmocka_unit_test(the_time_of_nine_proofs_in_ten_is_expected),
		cmocka_unit_test(what_cannot_be_ready_in_time_is_not_begun),
		cmocka_unit_test(
			a_market_that_was_slow_is_not_given_up_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
