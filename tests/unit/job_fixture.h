/* job_fixture - a job core with a journal in memory, a chain in numbers. */
#ifndef TESTS_UNIT_JOB_FIXTURE_H
#define TESTS_UNIT_JOB_FIXTURE_H

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/u256.h"
#include "services/listener/job.h"

enum { ENTRIES_MAX = 4096, START_TIME = 1000 };

struct said {
	uint16_t number;
	struct buf body;
};

struct fixture {
	struct sink sink; /* first */
	struct job_config config;
	struct job *j;
	struct said said[ENTRIES_MAX]; /* the journal */
	size_t count;
	uint64_t now_ms, block, salt; /* of the branch */
};

static inline enum err fixture_put(struct sink *sink, uint16_t number,
				   struct bytes body)
{
	struct fixture *f = (struct fixture *)sink;

	assert_true(f->count < ENTRIES_MAX);
	f->said[f->count].number = number;
	buf_put(&f->said[f->count++].body, body.data, body.size);
	return ERR_NONE;
}

static inline struct block_ref block_at(const struct fixture *f,
					uint64_t number, uint64_t time)
{
	struct block_ref b = {.number = number, .time = {time}};

	memcpy(b.hash.bytes, &number, sizeof number);
	memcpy(b.hash.bytes + 8, &f->salt, sizeof f->salt);
	return b;
}

/* A core that has caught up with block 100, at second 1000 of the chain. */
static inline void begin_at_100(struct fixture *f)
{
	struct block_ref b = block_at(f, 100, START_TIME);
	struct msg_job_opened o = {.chain_id = 1};

	assert_err(job_open(f->j, &f->sink, &o), ERR_NONE);
	f->block = 100;
	assert_err(job_block(f->j, &f->sink, &b), ERR_NONE);
	assert_err(job_caught_up(f->j, &f->sink, 0), ERR_NONE);
	job_set_compute(f->j, 4);
}

static inline struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->sink.put = fixture_put;
	f->now_ms = 1;
	f->config = (struct job_config){.parallel_max = 16,
					.batch_max = 4,
					.gather_ms = 1000,
					.final_depth = 10,
					.submit_gas = 600000};
	assert_err(job_new(&f->j, &f->config), ERR_NONE);
	begin_at_100(f);
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	job_free(&f->j);
	for (size_t i = 0; i < f->count; i++)
		buf_free(&f->said[i].body);
	buf_free(&f->sink.scratch);
	free(f);
}

/* A new process that has read the journal. */
static inline struct job *fixture_replay(const struct fixture *f)
{
	struct job *j;

	assert_err(job_new(&j, &f->config), ERR_NONE);
	for (size_t i = 0; i < f->count; i++)
		assert_err(job_receive(j, NULL, f->said[i].number,
				       buf_bytes(&f->said[i].body)),
			   ERR_NONE);
	return j;
}

/* Go on with the journal in a new process, whose chain says nothing yet. */
static inline void restart(struct fixture *f)
{
	struct block_ref b = job_sizes(f->j).block;
	struct job *again = fixture_replay(f);
	struct msg_job_opened o = *job_opened(again);

	job_free(&f->j);
	f->j = again;
	assert_err(job_open(again, &f->sink, &o), ERR_NONE);
	assert_err(job_block(again, &f->sink, &b), ERR_NONE);
}

/* ---- the chain ---------------------------------------------------------- */

/* The next block, @seconds later. */
static inline void block(struct fixture *f, uint64_t seconds)
{
	struct block_ref b = job_sizes(f->j).block;

	b = block_at(f, b.number + 1, b.time.v + seconds);
	f->block = b.number;
	assert_err(job_block(f->j, &f->sink, &b), ERR_NONE);
}

static inline struct job_task task_of(const struct fixture *f, uint64_t id,
				      uint64_t market_id, uint64_t seconds)
{
	uint64_t time = job_sizes(f->j).block.time.v;

	return (struct job_task){.request_id = id,
				 .market_id = market_id,
				 .block = block_at(f, f->block + 1, time),
				 .deadline = {time + seconds},
				 .compute = 1,
				 .price = {u256_from_u64(10 * id)}};
}

/* A task of market 1 that ends @seconds after the newest block. */
static inline void task(struct fixture *f, uint64_t id, uint64_t seconds)
{
	struct job_task t = task_of(f, id, 1, seconds);

	assert_err(job_begun(f->j, &f->sink, &t), ERR_NONE);
}

static inline void proven_in(struct fixture *f, uint64_t id, uint64_t number)
{
	struct block_ref b = block_at(f, number, START_TIME);
	struct amount paid = {u256_from_u64(7)};

	assert_err(job_proven(f->j, &f->sink, id, &b, &paid), ERR_NONE);
}

static inline void roll_back(struct fixture *f, uint64_t to)
{
	struct block_ref b = block_at(f, to, START_TIME);

	assert_err(job_roll_back(f->j, &f->sink, &b), ERR_NONE);
	f->block = to;
	f->salt++;
}

/* ---- work --------------------------------------------------------------- */

static inline struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* The next step must be @step of request @id; its turn. */
static inline uint64_t next_is(struct fixture *f, enum job_step step,
			       uint64_t id)
{
	struct job_todo todo;

	assert_err(job_next(f->j, &f->sink, f->now_ms, &todo), ERR_NONE);
	assert_int_equal(todo.task->request_id, id);
	assert_int_equal(todo.step, step);
	return todo.turn;
}

static inline void next_is_nothing(struct fixture *f)
{
	struct job_todo todo;

	assert_err(job_next(f->j, &f->sink, f->now_ms, &todo), ERR_NOT_FOUND);
}

static inline void find_inputs(struct fixture *f, uint64_t id,
			       const char *inputs)
{
	uint64_t turn = next_is(f, JOB_FIND, id);

	assert_err(job_found(f->j, &f->sink, turn, text(inputs)), ERR_NONE);
}

/* The same for tasks @from to @to, which are next in this order: none of them
 * goes further meanwhile. */
static inline void find_inputs_of(struct fixture *f, uint64_t from, uint64_t to)
{
	uint64_t turns[64];

	for (uint64_t id = from; id <= to; id++)
		turns[id - from] = next_is(f, JOB_FIND, id);
	for (uint64_t id = from; id <= to; id++)
		assert_err(job_found(f->j, &f->sink, turns[id - from],
				     text("inputs")),
			   ERR_NONE);
}

static inline void prove(struct fixture *f, uint64_t id, uint64_t ms)
{
	uint64_t turn = next_is(f, JOB_PROVE, id);

	assert_err(job_made(f->j, &f->sink, turn, ms, text("proof")), ERR_NONE);
}

static inline void accept(struct fixture *f, uint64_t id)
{
	uint64_t turn = next_is(f, JOB_CHECK, id);

	assert_err(job_accepted(f->j, turn, f->now_ms, 100000), ERR_NONE);
}

/* A task up to PROVED, or CHECKED. */
static inline void task_proved(struct fixture *f, uint64_t id, uint64_t seconds)
{
	task(f, id, seconds);
	find_inputs(f, id, "inputs");
	prove(f, id, 0);
}

static inline void task_checked(struct fixture *f, uint64_t id,
				uint64_t seconds)
{
	task_proved(f, id, seconds);
	accept(f, id);
}

static inline struct job_batch batch(struct fixture *f)
{
	struct job_batch b;

	assert_err(job_next_batch(f->j, f->now_ms, 15000000, &b), ERR_NONE);
	return b;
}

static inline void no_batch(struct fixture *f)
{
	struct job_batch b;

	assert_err(job_next_batch(f->j, f->now_ms, 15000000, &b),
		   ERR_NOT_FOUND);
}

/* ---- looking ------------------------------------------------------------ */

static inline void assert_state(const struct job *j, uint64_t id,
				enum job_state state)
{
	const struct job_task *t = job_find(j, id);

	assert_non_null(t);
	assert_string_equal(job_state_name(t->state), job_state_name(state));
}

static inline void assert_reason(const struct job *j, uint64_t id,
				 enum job_state state, enum job_reason reason)
{
	assert_state(j, id, state);
	assert_string_equal(job_reason_name(job_find(j, id)->reason),
			    job_reason_name(reason));
}

/* The messages said from the @from-th on, one letter or word each. */
static inline void assert_said(const struct fixture *f, size_t from,
			       const char *want)
{
	char got[1024] = "";

	for (size_t i = from; i < f->count; i++) {
		if (i > from)
			strcat(got, " ");
		strcat(got, msg_name(f->said[i].number) + strlen("job_"));
	}
	assert_string_equal(got, want);
}

#endif /* TESTS_UNIT_JOB_FIXTURE_H */
