/* Tasks: assigned, proven, slashed. */
#include "tests/sim/market_impl.h"

#include "common/keccak.h"

enum { TASKS_MAX = 100 };

/* ---- tasks -------------------------------------------------------------- */

static bool fits(const struct m_generator *g, uint64_t time, uint64_t compute)
{
	uint64_t used = g->used + compute;

	return used <= g->compute ||
	       (time < g->compute_from && used <= g->old_compute);
}

static bool are(const struct terms *t, uint64_t price, uint32_t time)
{
	return t->price == price && t->time == time;
}

const char *market_lock_error(const struct market_state *s, uint64_t time,
			      const struct m_request *r, unsigned generator,
			      uint64_t price, uint32_t response_time,
			      uint64_t *compute)
{
	const struct m_generator *g = &s->generators[generator];
	const struct m_quote *q = &g->quotes[r->market];
	bool grace = time < q->old_until;
	bool now = q->active && are(&q->now, price, response_time);
	bool old = grace && are(&q->old, price, response_time);

	if (!g->registered)
		return "GeneratorUnknown";
	if (q->tasks == TASKS_MAX)
		return "TaskLimit";
	if (now && fits(g, time, q->now.compute))
		*compute = q->now.compute;
	else if (old && fits(g, time, q->old.compute))
		*compute = q->old.compute;
	else if (now || old)
		return "ComputeShort";
	else
		return q->active || grace ? "TermsMismatch" : "QuoteInactive";
	return g->stake - g->locked < market_penalties[r->market] ? "StakeShort"
								  : NULL;
}

const char *market_assign(struct making *m, uint64_t id, unsigned generator,
			  uint64_t price, uint32_t time)
{
	struct market_state *s = m->state;
	struct m_request *r = market_find(s, id);
	struct m_generator *g = &s->generators[generator];
	const char *why;
	struct m_log *l;
	struct abi_writer w;

	if (!r)
		return "RequestUnknown";
	if (r->state != ABI_REQUEST_STATE_OPEN)
		return "RequestNotOpen";
	if (m->time > r->expiry)
		return "RequestExpired";
	if (s->closed[r->market])
		return "MarketIsClosed";
	if (price > r->max_price)
		return "PriceAboveCap";
	if (time > r->max_time)
		return "TimeAboveCap";
	if (generator == GENERATORS)
		return "GeneratorUnknown";
	why = market_lock_error(s, m->time, r, generator, price, time,
				&r->compute);
	if (why)
		return why;
	g->used += r->compute;
	g->locked += market_penalties[r->market];
	g->quotes[r->market].tasks++;
	r->state = ABI_REQUEST_STATE_ASSIGNED;
	r->generator = (uint8_t)generator;
	r->price = price;
	r->deadline = m->time + time;
	l = market_say(m, ABI_EVENT_TASK_CREATED);
	w = abi_write(&l->data, 5);
	market_topic(l, id);
	market_topic_generator(l, generator);
	market_topic(l, r->market + 1u);
	market_put(&w, price);
	market_put(&w, r->compute);
	market_put(&w, 0);
	market_put(&w, r->deadline);
	abi_put_bytes(&w, (struct bytes){0});
	return NULL;
}

void market_act_assign(struct making *m, const struct act *a)
{
	const struct m_request *r = market_find(m->state, a->a);
	const struct terms *t;

	if (!r)
		return;
	t = &m->state->generators[a->who].quotes[r->market].now;
	if (market_assign(m, a->a, a->who, t->price, t->time))
		return; /* it reverts, and nobody sees it */
}

static void release(struct making *m, const struct m_request *r)
{
	struct m_generator *g = &m->state->generators[r->generator];

	g->used -= r->compute;
	g->locked -= market_penalties[r->market];
	g->quotes[r->market].tasks--;
}

const char *market_prove(struct making *m, uint64_t id, struct bytes inputs,
			 struct bytes proof)
{
	struct m_request *r = market_find(m->state, id);
	struct hash32 want, have;
	struct buf right = {0};
	bool valid;
	struct m_log *l;
	struct abi_writer w;

	if (!r)
		return "RequestUnknown";
	if (r->state != ABI_REQUEST_STATE_ASSIGNED)
		return "RequestNotAssigned";
	if (m->time > r->deadline)
		return "DeadlinePassed";
	market_hash_inputs(&want, r, id);
	keccak256(&have, inputs.data, inputs.size);
	if (!hash32_eq(&want, &have))
		return "InputsMismatch";
	market_proof(&right, inputs);
	valid = right.size == proof.size &&
		memcmp(right.data, proof.data, proof.size) == 0;
	buf_free(&right);
	if (!valid)
		return "ProofInvalid";
	r->state = ABI_REQUEST_STATE_FULFILLED;
	release(m, r);
	l = market_say(m, ABI_EVENT_PROOF_SUBMITTED);
	w = abi_write(&l->data, 3);
	market_topic(l, id);
	market_topic_generator(l, r->generator);
	market_put(&w, r->price);
	market_put(&w, r->max_price - r->price);
	abi_put_bytes(&w, proof);
	return NULL;
}

void market_act_prove(struct making *m, const struct act *a)
{
	struct m_request *r = market_find(m->state, a->a);
	struct buf inputs = {0}, proof = {0};
	struct m_log *l;
	struct abi_writer w;

	if (!r || r->state != ABI_REQUEST_STATE_ASSIGNED ||
	    r->generator == PROVER)
		return;
	if (a->deed == DEED_PROVE) {
		market_inputs(&inputs, r, a->a);
		market_proof(&proof, buf_bytes(&inputs));
		market_prove(m, a->a, buf_bytes(&inputs), buf_bytes(&proof));
		buf_free(&inputs);
		buf_free(&proof);
		return;
	}
	if (m->time > r->deadline)
		return;
	r->state = ABI_REQUEST_STATE_INVALID;
	release(m, r);
	l = market_say(m, ABI_EVENT_INPUTS_INVALIDATED);
	w = abi_write(&l->data, 2);
	market_topic(l, a->a);
	market_topic_generator(l, r->generator);
	market_put(&w, r->price);
	market_put(&w, r->max_price - r->price);
}

const char *market_slash(struct making *m, uint64_t id, unsigned from)
{
	struct m_request *r = market_find(m->state, id);
	struct m_generator *g;
	uint64_t penalty;
	struct m_log *l;
	struct abi_writer w;

	if (!r)
		return "RequestUnknown";
	if (r->state != ABI_REQUEST_STATE_ASSIGNED)
		return "RequestNotAssigned";
	if (m->time <= r->deadline)
		return "DeadlineNotPassed";
	penalty = market_penalties[r->market];
	g = &m->state->generators[r->generator];
	r->state = ABI_REQUEST_STATE_SLASHED;
	release(m, r);
	g->stake -= penalty;
	if (g->unstaking > g->stake)
		g->unstaking = g->stake;
	l = market_say(m, ABI_EVENT_TASK_SLASHED);
	w = abi_write(&l->data, 3);
	market_topic(l, id);
	market_topic_generator(l, r->generator);
	market_topic_address(l, &market_world.accounts[from]);
	market_put(&w, 0);
	market_put(&w, penalty);
	market_put(&w, r->max_price);
	l = market_say(m, ABI_EVENT_PENALTY_PAID);
	w = abi_write(&l->data, 3);
	market_topic(l, id);
	market_put(&w, 0);
	market_put(&w, 0);
	market_put(&w, penalty);
	return NULL;
}
