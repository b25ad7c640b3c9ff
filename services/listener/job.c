/* The journal, and what the chain says; few jobs are alive at a time. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "services/listener/job_impl.h"

const char *job_state_name(enum job_state s)
{
	static const char *const names[JOB_STATES] = {
		"taken",      "inputs",	    "proving",	"proved",
		"checked",    "submitting", "done",	"lost",
		"unprovable", "abandoned",  "suspended"};

	return names[s];
}

/* ---- rows --------------------------------------------------------------- */

struct row *job_row(const struct job *j, uint64_t request_id)
{
	struct row *r = j->first;

	while (r && r->task.request_id != request_id)
		r = r->next;
	return r;
}

struct row *job_row_of_turn(const struct job *j, uint64_t turn)
{
	struct row *r = j->first;

	while (r && (!turn || r->turn != turn))
		r = r->next;
	return r;
}

bool job_is_live(const struct row *r)
{
	return r->task.state < JOB_DONE;
}

static bool is_ended(const struct row *r)
{
	return r->task.state >= JOB_DONE && r->task.state < JOB_SUSPENDED;
}

/* Whether the chain itself ended it, or its time did. */
static bool is_ended_by_chain(const struct row *r)
{
	return r->task.state == JOB_DONE || r->task.state == JOB_LOST;
}

static bool is_before(const struct row *a, const struct row *b)
{
	if (a->task.deadline.v != b->task.deadline.v)
		return a->task.deadline.v < b->task.deadline.v;
	return a->task.request_id < b->task.request_id;
}

static void put_in(struct job *j, struct row *r)
{
	struct row **p = &j->first;

	while (*p && is_before(*p, r))
		p = &(*p)->next;
	r->next = *p;
	*p = r;
}

static void take_out(struct job *j, struct row *r)
{
	struct row **p = &j->first;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
}

static void free_row(struct row *r)
{
	buf_free(&r->inputs);
	buf_free(&r->proof);
	free(r);
}

/* No step of it is under way any more, and nothing was tried. */
static void rest(struct row *r)
{
	r->turn = 0;
	r->tries = r->refusals = r->reverts = 0;
	r->again_ms = 0;
	r->alone = false;
}

/* As far as it had come, going by what is there. */
static void go_on(struct row *r)
{
	r->task.state = r->proof.size	? JOB_PROVED
			: r->has_inputs ? JOB_INPUTS
					: JOB_TAKEN;
	rest(r);
}

/* What ended long ago can't come back, and the chain won't tell of it again. */
static bool is_final(const struct job *j, const struct row *r)
{
	uint64_t at = is_ended(r) ? r->ended.number : r->task.block.number;

	return !job_is_live(r) && r->task.deadline.v < j->block.time.v &&
	       at + j->config.final_depth < j->block.number;
}

static void forget_final(struct job *j)
{
	for (struct row **p = &j->first; *p;) {
		struct row *r = *p;

		if (is_final(j, r)) {
			*p = r->next;
			free_row(r);
		} else {
			p = &r->next;
		}
	}
}

/* ---- life --------------------------------------------------------------- */

enum err job_new(struct job **out, const struct job_config *config)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j)
		return ERR_NO_MEMORY;
	assert(config->batch_max >= 1 && config->batch_max <= JOB_BATCH_MAX);
	j->config = *config;
	*out = j;
	return ERR_NONE;
}

void job_free(struct job **job)
{
	struct job *j = *job;

	if (!j)
		return;
	while (j->first) {
		struct row *r = j->first;

		j->first = r->next;
		free_row(r);
	}
	while (j->markets) {
		struct market *m = j->markets;

		j->markets = m->next;
		free(m);
	}
	free(j);
	*job = NULL;
}

const struct msg_job_opened *job_opened(const struct job *j)
{
	return &j->opened;
}

enum err job_open(struct job *j, struct sink *out,
		  const struct msg_job_opened *m)
{
	const struct msg_job_opened *o = &j->opened;

	j->restored = true;
	if (!o->chain_id) {
		j->opened = *m;
		return job_send_job_opened(out, m);
	}
	return o->chain_id == m->chain_id &&
			       hash32_eq(&o->genesis, &m->genesis) &&
			       address_eq(&o->marketplace, &m->marketplace) &&
			       address_eq(&o->generator, &m->generator)
		       ? ERR_NONE
		       : ERR_CONFLICT;
}

/* ---- the journal -------------------------------------------------------- */

/* While the journal is read, its entries are all that tells of blocks. */
static void note_block(struct job *j, const struct block_ref *block)
{
	if (j->restored || block->number < j->block.number)
		return;
	j->block.number = block->number;
	if (j->block.time.v < block->time.v)
		j->block.time = block->time;
	forget_final(j);
}

static void copy(struct buf *to, struct bytes from)
{
	buf_clear(to);
	buf_put(to, from.data, from.size);
}

static bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

enum err job_on_job_opened(struct job *j, struct sink *out,
			   const struct msg_job_opened *m)
{
	(void)out;
	j->opened = *m;
	return ERR_NONE;
}

enum err job_on_job_taken(struct job *j, struct sink *out,
			  const struct msg_job_taken *m)
{
	struct row *r;

	(void)out;
	note_block(j, &m->block);
	r = job_row(j, m->request_id);
	if (r)
		take_out(j, r);
	else
		r = calloc(1, sizeof *r);
	if (!r)
		return ERR_NO_MEMORY;
	if (r->task.market_id != m->market_id)
		buf_clear(&r->proof);
	r->task.request_id = m->request_id;
	r->task.market_id = m->market_id;
	r->task.block = m->block;
	r->task.deadline = m->deadline;
	r->task.compute = m->compute;
	r->task.price = m->price;
	/* Another request may have its number now: the inputs decide. */
	r->task.state = JOB_TAKEN;
	rest(r);
	r->begin_heard = r->end_heard = r->held = false;
	put_in(j, r);
	return ERR_NONE;
}

enum err job_on_job_inputs(struct job *j, struct sink *out,
			   const struct msg_job_inputs *m)
{
	struct row *r = job_row(j, m->request_id);

	(void)out;
	if (!r)
		return ERR_CONFLICT;
	if (r->has_inputs && !bytes_eq(buf_bytes(&r->inputs), m->inputs))
		buf_clear(&r->proof);
	copy(&r->inputs, m->inputs);
	r->has_inputs = true;
	go_on(r);
	return buf_err(&r->inputs);
}

enum err job_on_job_proof(struct job *j, struct sink *out,
			  const struct msg_job_proof *m)
{
	struct row *r = job_row(j, m->request_id);
	struct market *market = r ? job_market(j, r->task.market_id) : NULL;

	(void)out;
	if (!r)
		return ERR_CONFLICT;
	if (!market)
		return ERR_NO_MEMORY;
	memmove(market->samples + 1, market->samples,
		(SAMPLES - 1) * sizeof market->samples[0]);
	market->samples[0] = m->took_ms;
	if (market->count < SAMPLES)
		market->count++;
	copy(&r->proof, m->proof);
	if (job_is_live(r)) {
		r->task.state = JOB_PROVED;
		r->turn = 0;
		r->tries = 0;
	}
	return buf_err(&r->proof);
}

static void end(struct job *j, struct row *r, enum job_state state,
		const struct block_ref *block)
{
	r->task.state = state;
	r->ended = *block;
	rest(r);
	note_block(j, block);
}

enum err job_on_job_done(struct job *j, struct sink *out,
			 const struct msg_job_done *m)
{
	struct row *r = job_row(j, m->request_id);

	(void)out;
	if (!r)
		return ERR_CONFLICT;
	end(j, r, JOB_DONE, &m->block);
	return ERR_NONE;
}

static enum job_state state_after(enum job_reason reason)
{
	switch (reason) {
	case JOB_REASON_MISSED:
	case JOB_REASON_SLASHED:
	case JOB_REASON_INVALIDATED:
		return JOB_LOST;
	case JOB_REASON_UNPROVABLE:
		return JOB_UNPROVABLE;
	case JOB_REASON_TOO_LATE:
	case JOB_REASON_REFUSED:
	case JOB_REASON_REVERTED:
	case JOB_REASON_COUNT:
		break;
	}
	return JOB_ABANDONED;
}

enum err job_on_job_dropped(struct job *j, struct sink *out,
			    const struct msg_job_dropped *m)
{
	struct row *r = job_row(j, m->request_id);
	struct market *market = r ? job_market(j, r->task.market_id) : NULL;

	(void)out;
	if (!r)
		return ERR_CONFLICT;
	if (!market)
		return ERR_NO_MEMORY;
	/* A market whose times were bad once must not be given up for ever:
	 * after a few such jobs one is tried again. */
	if (m->reason == JOB_REASON_TOO_LATE)
		market->count /= 2;
	r->task.reason = m->reason;
	end(j, r, state_after(m->reason), &m->block);
	return ERR_NONE;
}

enum err job_on_job_suspended(struct job *j, struct sink *out,
			      const struct msg_job_suspended *m)
{
	struct row *r = job_row(j, m->request_id);

	(void)out;
	if (!r)
		return ERR_CONFLICT;
	r->task.state = JOB_SUSPENDED;
	rest(r);
	return ERR_NONE;
}

enum err job_on_job_resumed(struct job *j, struct sink *out,
			    const struct msg_job_resumed *m)
{
	struct row *r = job_row(j, m->request_id);

	(void)out;
	if (!r)
		return ERR_CONFLICT;
	r->end_heard = false;
	go_on(r);
	return ERR_NONE;
}

/* ---- saying ------------------------------------------------------------- */

enum err job_say_dropped(struct job *j, struct sink *out, const struct row *r,
			 enum job_reason reason, const struct block_ref *block)
{
	struct msg_job_dropped m = {r->task.request_id, reason, *block};
	enum err e = job_send_job_dropped(out, &m);

	return e ? e : job_on_job_dropped(j, NULL, &m);
}

static enum err say_suspended(struct job *j, struct sink *out,
			      const struct row *r)
{
	struct msg_job_suspended m = {r->task.request_id};
	enum err e = job_send_job_suspended(out, &m);

	return e ? e : job_on_job_suspended(j, NULL, &m);
}

static enum err say_resumed(struct job *j, struct sink *out,
			    const struct row *r)
{
	struct msg_job_resumed m = {r->task.request_id};
	enum err e = job_send_job_resumed(out, &m);

	return e ? e : job_on_job_resumed(j, NULL, &m);
}

/* ---- what the chain says ------------------------------------------------ */

enum err job_begun(struct job *j, struct sink *out, const struct job_task *t)
{
	struct row *r = job_row(j, t->request_id);
	struct msg_job_taken m = {.request_id = t->request_id,
				  .market_id = t->market_id,
				  .block = t->block,
				  .deadline = t->deadline,
				  .compute = t->compute,
				  .price = t->price};
	enum err e = ERR_NONE;

	if (r && r->task.state != JOB_SUSPENDED &&
	    hash32_eq(&r->task.block.hash, &t->block.hash)) {
		r->begin_heard = true;
		return ERR_NONE;
	}
	if (t->deadline.v <= j->block.time.v)
		return ERR_NONE;
	e = job_send_job_taken(out, &m);
	if (!e)
		e = job_on_job_taken(j, NULL, &m);
	if (!e)
		job_row(j, t->request_id)->begin_heard = true;
	return e;
}

enum err job_proven(struct job *j, struct sink *out, uint64_t request_id,
		    const struct block_ref *block, const struct amount *paid)
{
	struct row *r = job_row(j, request_id);
	struct msg_job_done m = {request_id, *block, *paid};
	enum err e;

	if (!r)
		return ERR_NONE;
	r->end_heard = true;
	if (r->task.state == JOB_DONE &&
	    hash32_eq(&r->ended.hash, &block->hash))
		return ERR_NONE;
	e = job_send_job_done(out, &m);
	return e ? e : job_on_job_done(j, NULL, &m);
}

enum err job_ended(struct job *j, struct sink *out, uint64_t request_id,
		   enum job_reason reason, const struct block_ref *block)
{
	struct row *r = job_row(j, request_id);

	if (!r)
		return ERR_NONE;
	r->end_heard = true;
	return job_is_live(r) ? job_say_dropped(j, out, r, reason, block)
			      : ERR_NONE;
}

enum err job_block(struct job *j, struct sink *out,
		   const struct block_ref *block)
{
	struct row *next;
	enum err e = ERR_NONE;

	if (block->number == j->block.number + 1)
		j->interval_s = block->time.v - j->block.time.v;
	j->block = *block;
	for (struct row *r = j->first; r && !e; r = next) {
		next = r->next;
		if (job_is_live(r) && r->task.deadline.v < block->time.v)
			e = job_say_dropped(j, out, r, JOB_REASON_MISSED,
					    block);
	}
	forget_final(j);
	return e;
}

enum err job_roll_back(struct job *j, struct sink *out,
		       const struct block_ref *to)
{
	enum err e = ERR_NONE;

	j->block = *to;
	for (struct row *r = j->first; r && !e; r = r->next) {
		if (r->task.state == JOB_SUSPENDED)
			continue;
		if (r->task.block.number > to->number)
			e = say_suspended(j, out, r);
		else if (is_ended_by_chain(r) && r->ended.number > to->number)
			e = say_resumed(j, out, r);
	}
	return e;
}

enum err job_caught_up(struct job *j, struct sink *out, uint64_t from)
{
	enum err e = ERR_NONE;

	j->begun = true;
	for (struct row *r = j->first; r && !e; r = r->next) {
		if (r->task.state == JOB_SUSPENDED ||
		    r->task.block.number < from ||
		    r->task.deadline.v <= j->block.time.v)
			continue;
		if (!r->begin_heard)
			e = say_suspended(j, out, r);
		else if (is_ended_by_chain(r) && !r->end_heard)
			e = say_resumed(j, out, r);
	}
	return e;
}

/* ---- looking ------------------------------------------------------------ */

/* The bytes of a row move when it grows: they are shown when asked for. */
static const struct job_task *show(struct row *r)
{
	r->task.inputs = buf_bytes(&r->inputs);
	r->task.proof = buf_bytes(&r->proof);
	return &r->task;
}

const struct job_task *job_find(const struct job *j, uint64_t request_id)
{
	struct row *r = job_row(j, request_id);

	return r ? show(r) : NULL;
}

void job_each(const struct job *j, job_fn *fn, void *arg)
{
	for (struct row *r = j->first; r; r = r->next)
		fn(arg, show(r));
}
