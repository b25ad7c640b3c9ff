/* Requests, tasks, stake and quotes; a reader of the Solidity finds his way. */
#include "tests/sim/market_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/keccak.h"
#include "common/u256.h"

enum { GRACE_S = 20 };

struct market_world market_world;
const uint64_t market_penalties[MARKETS] = {5, 3, 8};

struct address market_generator(unsigned i)
{
	if (i == PROVER)
		return market_world.accounts[PROVER_ACCOUNT];
	return (struct address){{(uint8_t)(0xa0 + i), 1, 2, 3}};
}

struct address market_requester(unsigned i)
{
	return (struct address){{(uint8_t)(1 + i), 9}};
}

unsigned market_generator_of(const struct address *a)
{
	unsigned i = 0;

	for (; i < GENERATORS; i++) {
		struct address g = market_generator(i);

		if (address_eq(a, &g))
			break;
	}
	return i;
}

void market_inputs(struct buf *out, const struct m_request *r, uint64_t id)
{
	buf_put_be64(out, id);
	buf_put_be64(out, r->salt);
}

void market_proof(struct buf *out, struct bytes inputs)
{
	struct hash32 h;

	keccak256(&h, inputs.data, inputs.size);
	buf_put(out, h.bytes, sizeof h.bytes);
}

/* NULL: there is none of that number. */
struct m_request *market_find(struct market_state *s, uint64_t id)
{
	return id && id <= s->requests_count ? &s->requests[id - 1] : NULL;
}

void market_hash_inputs(struct hash32 *out, const struct m_request *r,
			uint64_t id)
{
	struct buf inputs = {0};

	market_inputs(&inputs, r, id);
	keccak256(out, inputs.data, inputs.size);
	buf_free(&inputs);
}

struct selector market_error(const char *name)
{
	struct selector s;
	struct hash32 h;
	char text[80];
	int size = snprintf(text, sizeof text, "%s()", name);

	keccak256(&h, text, (size_t)size);
	memcpy(s.bytes, h.bytes, sizeof s.bytes);
	return s;
}

/* ---- saying ------------------------------------------------------------- */

static struct m_log *emit(struct making *m, enum abi_event_id id,
			  const struct address *contract)
{
	struct m_log *l;

	if (m->logs_count == m->logs_room) {
		m->logs_room = m->logs_room ? 2 * m->logs_room : 16;
		m->logs = realloc(m->logs, m->logs_room * sizeof *m->logs);
		assert(m->logs);
	}
	l = &m->logs[m->logs_count++];
	*l = (struct m_log){.tx = m->tx};
	l->log.address = *contract;
	l->log.topics[l->log.topics_count++] = *abi_event_topic(id);
	return l;
}

struct m_log *market_say(struct making *m, enum abi_event_id id)
{
	return emit(m, id, &market_world.marketplace);
}

static struct m_log *tell(struct making *m, enum abi_event_id id)
{
	return emit(m, id, &market_world.registry);
}

void market_topic(struct m_log *l, uint64_t v)
{
	struct u256 wide = u256_from_u64(v);

	u256_to_be32(l->log.topics[l->log.topics_count++].bytes, &wide);
}

void market_topic_address(struct m_log *l, const struct address *a)
{
	struct hash32 *t = &l->log.topics[l->log.topics_count++];

	memset(t->bytes, 0, 12);
	memcpy(t->bytes + 12, a->bytes, 20);
}

void market_topic_generator(struct m_log *l, unsigned i)
{
	struct address a = market_generator(i);

	market_topic_address(l, &a);
}

void market_put(struct abi_writer *w, uint64_t v)
{
	abi_put_uint(w, 64, v);
}

static void say_stake(struct making *m, unsigned i)
{
	const struct m_generator *g = &m->state->generators[i];
	struct m_log *l = tell(m, ABI_EVENT_STAKE_CHANGED);
	struct abi_writer w = abi_write(&l->data, 4);

	market_topic_generator(l, i);
	market_topic(l, 0);
	market_put(&w, g->stake);
	market_put(&w, g->locked);
	market_put(&w, g->unstaking);
	market_put(&w, 0);
}

static void say_quote(struct making *m, unsigned i, unsigned market)
{
	const struct terms *t = &m->state->generators[i].quotes[market].now;
	struct m_log *l = tell(m, ABI_EVENT_QUOTE_SET);
	struct abi_writer w = abi_write(&l->data, 3);

	market_topic_generator(l, i);
	market_topic(l, market + 1);
	market_put(&w, t->price);
	market_put(&w, t->time);
	market_put(&w, t->compute);
}

void market_say_skipped(struct making *m, enum abi_event_id id,
			uint64_t request, const unsigned *generator,
			const char *why)
{
	struct selector s = market_error(why);
	struct m_log *l = market_say(m, id);
	struct abi_writer w = abi_write(&l->data, 1);

	market_topic(l, request);
	if (generator)
		market_topic_generator(l, *generator);
	abi_put_selector(&w, &s);
}

/* ---- what people do ----------------------------------------------------- */

static void act_engine_key(struct making *m)
{
	struct m_log *l = emit(m, ABI_EVENT_ENGINE_KEY_SET, &market_world.keys);
	struct abi_writer w = abi_write(&l->data, 3);

	market_topic_address(l, &market_world.engine);
	abi_put_bytes(&w, (struct bytes){0});
	market_put(&w, 0);
	market_put(&w, UINT64_MAX);
}

static void act_market(struct making *m, unsigned market)
{
	static const struct hash32 image = {{1}};
	static const struct address owner = {{0xee}};
	struct m_log *l;
	struct abi_writer w, p;

	if (m->state->open[market])
		return;
	m->state->open[market] = true;
	l = market_say(m, ABI_EVENT_MARKET_CREATED);
	market_topic(l, market + 1);
	market_topic_address(l, &owner);
	w = abi_write(&l->data, 3);
	p = abi_put_tail(&w, 8);
	abi_put_address(&p, &market_world.verifier);
	market_put(&p, market_penalties[market]);
	market_put(&p, 32768);
	abi_put_enum(&p, 2, 0);
	market_put(&p, 0);
	abi_put_words(&p, (struct abi_words){&image, market == MARKETS - 1});
	abi_put_words(&p, (struct abi_words){NULL, 0});
	abi_put_bytes(&p, (struct bytes){(const uint8_t *)"{}", 2});
	market_put(&w, 0);
	market_put(&w, 0);
}

static void act_close(struct making *m, unsigned market)
{
	if (!m->state->open[market] || m->state->closed[market])
		return;
	m->state->closed[market] = true;
	market_topic(market_say(m, ABI_EVENT_MARKET_CLOSED), market + 1);
}

static void act_register(struct making *m, const struct act *a)
{
	struct m_generator *g = &m->state->generators[a->who];
	struct address reward = {{0xbb, (uint8_t)a->who}};
	struct m_log *l;
	struct abi_writer w;

	if (g->registered)
		return;
	*g = (struct m_generator){.registered = true, .compute = a->a};
	l = tell(m, ABI_EVENT_GENERATOR_REGISTERED);
	w = abi_write(&l->data, 3);
	market_topic_generator(l, a->who);
	abi_put_address(&w, &reward);
	market_put(&w, a->a);
	abi_put_bytes(&w, (struct bytes){0});
	g->stake = a->b;
	say_stake(m, a->who);
}

static void act_stake(struct making *m, const struct act *a)
{
	struct m_generator *g = &m->state->generators[a->who];

	if (!g->registered || g->leaving)
		return;
	if (a->deed == DEED_STAKE)
		g->stake += 1 + a->a;
	else
		g->unstaking += a->a % (g->stake - g->unstaking + 1);
	say_stake(m, a->who);
}

static void act_unstake(struct making *m, const struct act *a)
{
	struct m_generator *g = &m->state->generators[a->who];
	uint64_t due = g->stake - g->locked;

	if (!g->registered || !g->unstaking)
		return;
	if (due > g->unstaking)
		due = g->unstaking;
	g->stake -= due;
	g->unstaking -= due;
	say_stake(m, a->who);
	if (g->leaving && !g->stake)
		*g = (struct m_generator){.registered = false};
}

static void act_compute(struct making *m, const struct act *a)
{
	struct m_generator *g = &m->state->generators[a->who];
	uint64_t compute = g->used + a->a, from = m->time;
	struct m_log *l;
	struct abi_writer w;

	if (!g->registered || g->leaving || m->time < g->compute_from)
		return;
	if (compute < g->compute) {
		from += GRACE_S;
		g->old_compute = g->compute;
		g->compute_from = from;
	}
	g->compute = compute;
	l = tell(m, ABI_EVENT_COMPUTE_CHANGED);
	w = abi_write(&l->data, 2);
	market_topic_generator(l, a->who);
	market_put(&w, compute);
	market_put(&w, from);
}

static void act_deregister(struct making *m, const struct act *a)
{
	struct m_generator *g = &m->state->generators[a->who];

	if (!g->registered || g->leaving || g->locked)
		return;
	for (unsigned i = 0; i < MARKETS; i++)
		if (g->quotes[i].active || g->quotes[i].tasks)
			return;
	g->leaving = true;
	g->unstaking = g->stake;
	market_topic_generator(tell(m, ABI_EVENT_GENERATOR_DEREGISTERED),
			       a->who);
	say_stake(m, a->who);
	if (!g->stake)
		*g = (struct m_generator){.registered = false};
}

static void act_quote(struct making *m, const struct act *a)
{
	struct m_generator *g = &m->state->generators[a->who];
	struct m_quote *q = &g->quotes[a->market];

	if (!g->registered || g->leaving || !m->state->open[a->market] ||
	    m->time < q->old_until)
		return;
	if (!q->active) {
		if (q->tasks || g->stake < market_penalties[a->market] ||
		    m->state->closed[a->market] || a->deed == DEED_LEAVE)
			return;
	} else {
		q->old = q->now;
		q->old_until = m->time + GRACE_S;
	}
	if (a->deed == DEED_LEAVE) {
		struct m_log *l = tell(m, ABI_EVENT_QUOTE_REMOVED);
		struct abi_writer w = abi_write(&l->data, 1);

		q->active = false;
		market_topic_generator(l, a->who);
		market_topic(l, a->market + 1);
		abi_put_bool(&w, true);
		return;
	}
	q->active = true;
	q->now = (struct terms){a->a, a->c, (uint32_t)a->b};
	say_quote(m, a->who, a->market);
}

static void act_key(struct making *m, const struct act *a)
{
	static const struct address key = {{0x77}};
	static const struct hash32 image = {{1}};
	struct m_quote *q = &m->state->generators[a->who].quotes[a->market];
	struct m_log *l;
	struct abi_writer w;

	q->key = !q->key;
	l = emit(m, q->key ? ABI_EVENT_KEY_REGISTERED : ABI_EVENT_KEY_REMOVED,
		 &market_world.keys);
	market_topic_generator(l, a->who);
	market_topic(l, a->market + 1);
	market_topic_address(l, &key);
	if (!q->key)
		return;
	w = abi_write(&l->data, 3);
	abi_put_hash32(&w, &image);
	market_put(&w, 0);
	abi_put_bytes(&w, (struct bytes){0});
}

static void act_request(struct making *m, const struct act *a)
{
	struct market_state *s = m->state;
	struct m_request *r = &s->requests[s->requests_count];
	struct address requester = market_requester(a->who);
	static const struct address nobody;
	struct buf inputs = {0};
	struct m_log *l;
	struct abi_writer w;

	if (s->requests_count == REQUESTS || !s->open[a->market] ||
	    s->closed[a->market])
		return;
	*r = (struct m_request){.state = ABI_REQUEST_STATE_OPEN,
				.market = (uint8_t)a->market,
				.requester = (uint8_t)a->who,
				.spread = a->d & 1,
				.max_time = (uint32_t)a->b,
				.max_price = a->a,
				.expiry = m->time + 1 + a->c,
				.salt = a->d};
	s->requests_count++;
	market_inputs(&inputs, r, s->requests_count);
	l = market_say(m, ABI_EVENT_REQUEST_CREATED);
	market_topic(l, s->requests_count);
	market_topic(l, a->market + 1);
	market_topic_address(l, &requester);
	w = abi_write(&l->data, 12);
	abi_put_address(&w, &requester);
	market_put(&w, 0);
	market_put(&w, a->market + 1);
	market_put(&w, r->max_price);
	market_put(&w, r->max_time);
	market_put(&w, r->expiry);
	abi_put_enum(&w, 2, a->d >> 1 & 1);
	abi_put_address(&w, &nobody);
	market_put(&w, r->spread);
	abi_put_bytes(&w, buf_bytes(&inputs));
	abi_put_bytes(&w, (struct bytes){0});
	abi_put_bytes(&w, (struct bytes){0});
	buf_free(&inputs);
}

const char *market_cancel(struct making *m, uint64_t id, bool requester)
{
	struct m_request *r = market_find(m->state, id);
	struct m_log *l;
	struct abi_writer w;

	if (!r)
		return "RequestUnknown";
	if (r->state != ABI_REQUEST_STATE_OPEN)
		return "RequestNotOpen";
	if (!requester && m->time <= r->expiry && !m->state->closed[r->market])
		return "NotRequester";
	r->state = ABI_REQUEST_STATE_CANCELLED;
	l = market_say(m, ABI_EVENT_REQUEST_CANCELLED);
	w = abi_write(&l->data, 1);
	market_topic(l, id);
	market_put(&w, r->max_price);
	return NULL;
}

void market_act(struct making *m, const struct act *a)
{
	switch (a->deed) {
	case DEED_ENGINE_KEY:
		act_engine_key(m);
		break;
	case DEED_MARKET:
		act_market(m, a->market);
		break;
	case DEED_CLOSE:
		act_close(m, a->market);
		break;
	case DEED_REGISTER:
		act_register(m, a);
		break;
	case DEED_STAKE:
	case DEED_NOTICE:
		act_stake(m, a);
		break;
	case DEED_UNSTAKE:
		act_unstake(m, a);
		break;
	case DEED_COMPUTE:
		act_compute(m, a);
		break;
	case DEED_DEREGISTER:
		act_deregister(m, a);
		break;
	case DEED_QUOTE:
	case DEED_LEAVE:
		act_quote(m, a);
		break;
	case DEED_KEY:
		act_key(m, a);
		break;
	case DEED_REQUEST:
		act_request(m, a);
		break;
	case DEED_CANCEL:
		market_cancel(m, a->a, true);
		break;
	case DEED_PROVE:
	case DEED_INVALIDATE:
		market_act_prove(m, a);
		break;
	case DEED_ASSIGN:
		market_act_assign(m, a);
		break;
	}
}

void market_free_logs(struct m_log *logs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_free(&logs[i].data);
		free(logs[i].json);
	}
	free(logs);
}
