/* Steps: begun, reported, given up; asking the prover is one of them. */
#include "services/listener/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/trace.h"

static const char *const step_names[] = {
	[JOB_FIND] = "find", [JOB_PROVE] = "prove", [JOB_CHECK] = "check"};

/* ---- life --------------------------------------------------------------- */

static struct step *step_new(struct listener *self, const struct job_todo *todo)
{
	struct step *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->self = self;
	s->what = todo->step;
	s->turn = todo->turn;
	s->request_id = todo->task->request_id;
	s->market_id = todo->task->market_id;
	s->deadline = todo->task->deadline;
	s->began_ms = listener_now_ms();
	s->next = self->steps;
	s->link = &self->steps;
	if (s->next)
		s->next->link = &s->next;
	self->steps = s;
	return s;
}

static void unlink_step(struct step *s)
{
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
}

static void free_step(struct step *s)
{
	buf_free(&s->inputs);
	buf_free(&s->proof);
	free(s);
}

void work_cancel(struct listener *self, uint64_t request_id)
{
	struct step *next;

	/* Questions to the chain run out by themselves: their turn is over. */
	for (struct step *s = self->steps; s; s = next) {
		next = s->next;
		if (s->request_id != request_id || !s->call)
			continue;
		http_cancel(s->call);
		unlink_step(s);
		free_step(s);
	}
}

void work_end(struct listener *self)
{
	while (self->steps) {
		struct step *s = self->steps;

		unlink_step(s);
		free_step(s);
	}
}

/* ---- how it ended ------------------------------------------------------- */

/* The core was told: @e is what it said. @s is unlinked, so that the core's
 * own words can't end it again. */
static void finish(struct step *s, enum err e)
{
	struct listener *self = s->self;

	free_step(s);
	if (e && e != ERR_NOT_FOUND)
		listener_settle(self, "job.step", e);
	else
		listener_go_on(self);
}

void step_found(struct step *s, struct bytes inputs)
{
	unlink_step(s);
	finish(s, job_found(s->self->job, &s->self->sink, s->turn, inputs));
}

void step_accepted(struct step *s)
{
	enum err e;

	unlink_step(s);
	e = job_accepted(s->self->job, s->turn, listener_now_ms(), s->gas);
	if (!e)
		log_info("job.checked", "request=%" PRIu64 " gas=%" PRIu64,
			 s->request_id, s->gas);
	finish(s, e);
}

void step_refused(struct step *s, const char *why)
{
	unlink_step(s);
	log_warn("job.refused",
		 "request=%" PRIu64 " market=%" PRIu64
		 " text=\"the verifier does not take the proof: %s\"",
		 s->request_id, s->market_id, why);
	finish(s, job_refused(s->self->job, &s->self->sink, s->turn,
			      listener_now_ms()));
}

void step_retry(struct step *s, uint64_t after_ms, const char *why)
{
	uint64_t wait_ms;
	enum err e;

	unlink_step(s);
	e = job_failed(s->self->job, s->turn, listener_now_ms(), after_ms,
		       &wait_ms);
	if (!e)
		log_info("job.retry",
			 "request=%" PRIu64 " market=%" PRIu64
			 " step=%s wait_ms=%" PRIu64 " text=\"%s\"",
			 s->request_id, s->market_id, step_names[s->what],
			 wait_ms, why);
	finish(s, e);
}

void step_skip(struct step *s, const char *reason)
{
	const struct job_task *t = job_find(s->self->job, s->request_id);
	enum err e;

	unlink_step(s);
	e = job_hold(s->self->job, s->turn);
	if (!e && t)
		story_skipped(t, reason);
	finish(s, e);
}

/* Nobody but an input verifier could show the chain that these inputs have no
 * proof, and a public market has none: the task ends at its deadline. Here the
 * listener would ask for that attestation. */
static void give_up_unprovable(struct step *s, const char *why)
{
	unlink_step(s);
	log_warn("job.unprovable_inputs",
		 "request=%" PRIu64 " market=%" PRIu64
		 " text=\"%s; nobody can attest that in a public market, so "
		 "the task will be slashed\"",
		 s->request_id, s->market_id, why);
	finish(s, job_drop(s->self->job, &s->self->sink, s->turn,
			   JOB_REASON_UNPROVABLE));
}

/* ---- asking the prover -------------------------------------------------- */

static void on_answer(void *arg, const struct http_answer *a)
{
	struct step *s = arg;
	struct listener *self = s->self;
	char why[PROVER_WHY_ROOM];

	s->call = NULL;
	switch (prover_read(&s->proof, why, a)) {
	case PROVER_PROOF:
		unlink_step(s);
		finish(s, job_made(self->job, &self->sink, s->turn,
				   listener_now_ms() - s->began_ms,
				   buf_bytes(&s->proof)));
		break;
	case PROVER_UNPROVABLE:
		give_up_unprovable(s, why);
		break;
	case PROVER_FAILED:
		story_prover_failed();
		step_retry(s, 1000 * a->retry_after_s, why);
		break;
	}
}

/* As long as the deadline allows, by the newest block's time. */
static unsigned timeout_ms(const struct step *s)
{
	uint64_t now_s = job_sizes(s->self->job).block.time.v;
	uint64_t left_ms = 1000 * (s->deadline.v - now_s);
	uint64_t most = s->self->options.prover_timeout;

	return (unsigned)(left_ms < most ? left_ms : most);
}

static void ask_prover(struct step *s, const char *url, struct bytes inputs)
{
	char request[64], deadline[64], trace[80], parent[TRACE_PARENT_ROOM];
	const char *const headers[] = {request, deadline, trace};
	struct buf body = {0};
	struct bytes bytes;
	struct http_request r = {.url = url,
				 .headers = headers,
				 .headers_count = 3,
				 .body = &bytes,
				 .timeout_ms = timeout_ms(s),
				 .answer_max = PROVER_ANSWER_MAX_BYTES};

	snprintf(request, sizeof request, "X-Kalypso-Request-Id: %" PRIu64,
		 s->request_id);
	snprintf(deadline, sizeof deadline, "X-Kalypso-Deadline: %" PRIu64,
		 s->deadline.v);
	snprintf(trace, sizeof trace, "traceparent: %s",
		 trace_parent(parent, s->request_id));
	prover_question(&body, inputs);
	bytes = buf_bytes(&body);
	if (!buf_failed(&body))
		s->call = http_send(s->self->prover_http, &r, on_answer, s);
	buf_free(&body);
	if (!s->call)
		step_retry(s, 0, "out of memory");
}

/* ---- beginning ---------------------------------------------------------- */

void work_begin(struct listener *self, const struct job_todo *todo)
{
	const struct job_task *t = todo->task;
	const char *url = provers_url(self->provers, t->market_id);
	struct step *s = step_new(self, todo);

	if (!s) {
		frame_stop(self->frame, "job.step", ERR_NO_MEMORY);
		return;
	}
	switch (todo->step) {
	case JOB_FIND:
		if (url)
			look_find(s, t->block.number);
		else
			step_skip(s, "no_prover");
		break;
	case JOB_PROVE:
		log_info("job.proving", "request=%" PRIu64 " market=%" PRIu64,
			 t->request_id, t->market_id);
		if (url)
			ask_prover(s, url, t->inputs);
		else
			step_skip(s, "no_prover");
		break;
	case JOB_CHECK:
		buf_put(&s->inputs, t->inputs.data, t->inputs.size);
		buf_put(&s->proof, t->proof.data, t->proof.size);
		look_check(s);
		break;
	}
}
