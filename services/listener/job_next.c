/* What to do next: the most urgent job first, within the declared compute. */
#include <stdlib.h>
#include <string.h>

#include "services/listener/job_impl.h"

enum {
	WAIT_MS = 250, /* before the second try; doubled for each further one */
	WAIT_MAX_MS = 10000,
	REFUSALS_MAX = 3,  /* proofs that the verifier does not accept */
	REVERTS_MAX = 3,   /* transactions without effect */
	GATHER_BLOCKS = 4, /* must be left, so that waiting does no harm */
};

/* ---- how long proofs take ----------------------------------------------- */

static struct market *find_market(const struct job *j, uint64_t id)
{
	struct market *m = j->markets;

	while (m && m->id != id)
		m = m->next;
	return m;
}

struct market *job_market(struct job *j, uint64_t id)
{
	struct market *m = find_market(j, id);

	if (m)
		return m;
	m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->id = id;
	m->next = j->markets;
	j->markets = m;
	return m;
}

/* Few, so the plain way does. */
static void sort(uint64_t *v, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		uint64_t x = v[i];
		unsigned k = i;

		for (; k && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

enum err job_expected_ms(const struct job *j, uint64_t market_id, uint64_t *ms)
{
	const struct market *m = find_market(j, market_id);
	uint64_t sorted[SAMPLES];

	if (!m || !m->count)
		return ERR_NOT_FOUND;
	memcpy(sorted, m->samples, m->count * sizeof sorted[0]);
	sort(sorted, m->count);
	*ms = sorted[(9 * m->count + 9) / 10 - 1];
	return ERR_NONE;
}

/* ---- the next step ------------------------------------------------------ */

void job_set_compute(struct job *j, uint64_t compute)
{
	j->compute = compute;
	j->has_compute = true;
}

struct job_sizes job_sizes(const struct job *j)
{
	struct job_sizes s = {.compute = j->compute, .block = j->block};

	for (const struct row *r = j->first; r; r = r->next) {
		s.states[r->task.state]++;
		if (r->task.state == JOB_PROVING)
			s.compute_used += r->task.compute;
	}
	return s;
}

static bool is_in_time(const struct job *j, const struct row *r)
{
	return j->block.time.v < r->task.deadline.v;
}

static bool may_step(const struct job *j, const struct row *r, uint64_t now_ms)
{
	return job_is_live(r) && !r->turn && !r->held &&
	       r->again_ms <= now_ms && is_in_time(j, r);
}

/* Whether another proof may be begun. One may always, whatever it takes. */
static bool has_room(const struct job *j, const struct row *r)
{
	struct job_sizes s = job_sizes(j);

	if (!j->has_compute || s.states[JOB_PROVING] >= j->config.parallel_max)
		return false;
	return !s.states[JOB_PROVING] ||
	       (s.compute_used <= s.compute &&
		r->task.compute <= s.compute - s.compute_used);
}

static bool is_hopeless(const struct job *j, const struct row *r)
{
	uint64_t ms, left_s = r->task.deadline.v - j->block.time.v;

	return !job_expected_ms(j, r->task.market_id, &ms) &&
	       ms / 1000 >= left_s;
}

static enum err give(struct job *j, struct row *r, enum job_step step,
		     struct job_todo *todo)
{
	r->turn = ++j->turns;
	*todo = (struct job_todo){step, r->turn,
				  job_find(j, r->task.request_id)};
	return ERR_NONE;
}

enum err job_next(struct job *j, struct sink *out, uint64_t now_ms,
		  struct job_todo *todo)
{
	bool full = false; /* nothing overtakes a more urgent proof */
	enum err e;

	for (struct row *r = j->first; r && j->begun; r = r->next) {
		if (!may_step(j, r, now_ms))
			continue;
		if (r->task.state == JOB_TAKEN)
			return give(j, r, JOB_FIND, todo);
		if (r->task.state == JOB_PROVED)
			return give(j, r, JOB_CHECK, todo);
		if (r->task.state != JOB_INPUTS)
			continue;
		if (is_hopeless(j, r)) {
			e = job_say_dropped(j, out, r, JOB_REASON_TOO_LATE,
					    &j->block);
			if (e)
				return e;
			continue;
		}
		full = full || !has_room(j, r);
		if (full)
			continue;
		r->task.state = JOB_PROVING;
		return give(j, r, JOB_PROVE, todo);
	}
	return ERR_NOT_FOUND;
}

/* ---- how a step ended --------------------------------------------------- */

static void again_after(struct row *r, uint64_t now_ms, uint64_t ms)
{
	r->turn = 0;
	r->again_ms = now_ms + ms;
	if (r->task.state == JOB_PROVING)
		r->task.state = JOB_INPUTS;
}

static uint64_t wait_of(unsigned tries)
{
	uint64_t ms = (uint64_t)WAIT_MS << (tries < 8 ? tries : 8);

	return ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
}

enum err job_found(struct job *j, struct sink *out, uint64_t turn,
		   struct bytes inputs)
{
	struct row *r = job_row_of_turn(j, turn);
	struct msg_job_inputs m = {.inputs = inputs};
	enum err e;

	if (!r)
		return ERR_NOT_FOUND;
	m.request_id = r->task.request_id;
	e = job_send_job_inputs(out, &m);
	return e ? e : job_on_job_inputs(j, NULL, &m);
}

enum err job_made(struct job *j, struct sink *out, uint64_t turn,
		  uint64_t took_ms, struct bytes proof)
{
	struct row *r = job_row_of_turn(j, turn);
	struct msg_job_proof m = {.took_ms = took_ms, .proof = proof};
	enum err e;

	if (!r)
		return ERR_NOT_FOUND;
	m.request_id = r->task.request_id;
	e = job_send_job_proof(out, &m);
	return e ? e : job_on_job_proof(j, NULL, &m);
}

enum err job_accepted(struct job *j, uint64_t turn, uint64_t now_ms,
		      uint64_t gas)
{
	struct row *r = job_row_of_turn(j, turn);

	if (!r)
		return ERR_NOT_FOUND;
	r->turn = 0;
	r->tries = 0;
	r->task.state = JOB_CHECKED;
	/* What it costs may change with what is mined before it. */
	r->task.gas_limit = gas ? gas + gas / 4 : j->config.submit_gas;
	r->since_ms = now_ms;
	return ERR_NONE;
}

enum err job_refused(struct job *j, struct sink *out, uint64_t turn,
		     uint64_t now_ms)
{
	struct row *r = job_row_of_turn(j, turn);

	if (!r)
		return ERR_NOT_FOUND;
	buf_clear(&r->proof);
	if (++r->refusals >= REFUSALS_MAX)
		return job_say_dropped(j, out, r, JOB_REASON_REFUSED,
				       &j->block);
	r->task.state = JOB_INPUTS;
	again_after(r, now_ms, wait_of(r->refusals - 1));
	return ERR_NONE;
}

enum err job_failed(struct job *j, uint64_t turn, uint64_t now_ms,
		    uint64_t after_ms, uint64_t *wait_ms)
{
	struct row *r = job_row_of_turn(j, turn);

	if (!r)
		return ERR_NOT_FOUND;
	*wait_ms = wait_of(r->tries++);
	if (*wait_ms < after_ms)
		*wait_ms = after_ms;
	again_after(r, now_ms, *wait_ms);
	return ERR_NONE;
}

enum err job_drop(struct job *j, struct sink *out, uint64_t turn,
		  enum job_reason reason)
{
	struct row *r = job_row_of_turn(j, turn);

	return r ? job_say_dropped(j, out, r, reason, &j->block)
		 : ERR_NOT_FOUND;
}

enum err job_hold(struct job *j, uint64_t turn)
{
	struct row *r = job_row_of_turn(j, turn);

	if (!r)
		return ERR_NOT_FOUND;
	again_after(r, r->again_ms, 0);
	r->held = true;
	return ERR_NONE;
}

/* ---- transactions ------------------------------------------------------- */

/* Whether a proof of the same market may be ready soon. */
static bool others_come(const struct job *j, const struct row *of)
{
	for (const struct row *r = j->first; r; r = r->next)
		if (r->task.market_id == of->task.market_id && !r->alone &&
		    (r->task.state == JOB_PROVING ||
		     (r->task.state == JOB_PROVED && r->turn)))
			return true;
	return false;
}

/* A transaction of several costs less for each. Waiting for them must not
 * cost the task. */
static bool may_wait(const struct job *j, const struct row *r, uint64_t now_ms)
{
	uint64_t left_s = r->task.deadline.v - j->block.time.v;

	return !r->alone && now_ms - r->since_ms < j->config.gather_ms &&
	       left_s > GATHER_BLOCKS * (j->interval_s + 1) +
				j->config.gather_ms / 1000 &&
	       others_come(j, r);
}

static bool is_ready(const struct job *j, const struct row *r)
{
	return r->task.state == JOB_CHECKED && is_in_time(j, r);
}

static void add_to(struct job *j, struct job_batch *b, struct row *r)
{
	r->task.state = JOB_SUBMITTING;
	b->tasks[b->count++] = job_find(j, r->task.request_id);
	b->gas_limit += r->task.gas_limit;
	if (!b->valid_until.v || b->valid_until.v > r->task.deadline.v)
		b->valid_until = r->task.deadline;
}

/* The market's other proofs that are ready, as far as there is room. A stranger
 * wrote the verifier: it can't spoil more than the batch of its own market. */
static void fill(struct job *j, struct job_batch *b, struct row *first,
		 uint64_t gas_max)
{
	add_to(j, b, first);
	for (struct row *r = first->next; r && !first->alone; r = r->next)
		if (b->count < j->config.batch_max && is_ready(j, r) &&
		    !r->alone && r->task.market_id == b->market_id &&
		    r->task.gas_limit <= gas_max &&
		    b->gas_limit <= gas_max - r->task.gas_limit)
			add_to(j, b, r);
}

static size_t count_ready(const struct job *j, const struct row *of)
{
	size_t n = 0;

	for (const struct row *r = j->first; r; r = r->next)
		n += is_ready(j, r) && r->task.market_id == of->task.market_id;
	return n;
}

enum err job_next_batch(struct job *j, uint64_t now_ms, uint64_t gas_max,
			struct job_batch *b)
{
	for (struct row *r = j->first; r && j->begun; r = r->next) {
		if (!is_ready(j, r) ||
		    (count_ready(j, r) < j->config.batch_max &&
		     may_wait(j, r, now_ms)))
			continue;
		*b = (struct job_batch){.market_id = r->task.market_id};
		fill(j, b, r, gas_max);
		return ERR_NONE;
	}
	return ERR_NOT_FOUND;
}

enum err job_unsent(struct job *j, struct sink *out, uint64_t request_id)
{
	struct row *r = job_row(j, request_id);

	if (!r || r->task.state != JOB_SUBMITTING)
		return ERR_NOT_FOUND;
	if (++r->reverts >= REVERTS_MAX)
		return job_say_dropped(j, out, r, JOB_REASON_REVERTED,
				       &j->block);
	r->alone = true;
	r->task.state = JOB_PROVED;
	return ERR_NONE;
}
