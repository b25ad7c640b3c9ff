/* Arrays, loops and copies; nothing clever. */
#include "tests/property/oracle.h"

#include <assert.h>
#include <stdlib.h>

#include "common/u256.h"

enum {
	MARKETS = 8,
	GENERATORS = 32,
	REQUESTS = 256,
	PAIRS = 512,
	BLOCKS = 64, /* remembered for roll-backs */
};

struct o_market {
	bool used, confidential, closed, suspended, order_book;
	uint64_t id;
	struct u256 penalty;
};

struct o_quote {
	bool used, draining, has_key;
	struct u256 price;
	uint32_t time, tasks;
	uint64_t compute;
	/* turn: block, then joined before matched, then index */
	uint64_t turn_block;
	uint32_t turn_kind, turn_index;
	struct place joined;
};

struct o_generator {
	bool used, suspended;
	struct address address;
	uint64_t compute, used_compute;
	struct u256 stake, locked, unstaking;
	struct o_quote quotes[MARKETS]; /* by market's place */
};

enum o_state { WAITING, MATCHED, TASK };

struct o_request {
	bool used, suspended;
	uint64_t id, spread, expiry;
	unsigned market;
	struct address requester;
	struct u256 max_price;
	uint32_t max_time;
	bool fastest;
	struct place arrived;
	enum o_state state;
	struct address generator; /* matched to, or whose task */
	uint64_t compute, valid_until;
	uint64_t live_since; /* order of becoming live */
};

struct o_pair {
	bool used;
	uint64_t request;
	struct address generator;
	uint32_t refusals;
	uint64_t until;
};

struct o_state_all {
	uint64_t block, decisions, live_count;
	struct o_market markets[MARKETS];
	struct o_generator generators[GENERATORS];
	struct o_request requests[REQUESTS];
	struct o_pair pairs[PAIRS];
};

struct oracle {
	uint32_t lifetime, task_limit, spread_members, cooling_max;
	struct o_state_all now;
	struct o_state_all kept[BLOCKS]; /* as it was when a block was closed */
};

struct oracle *oracle_new(uint32_t lifetime_s, uint32_t task_limit,
			  uint32_t spread_members, uint32_t cooling_max)
{
	struct oracle *o = calloc(1, sizeof *o);

	assert(o);
	o->lifetime = lifetime_s;
	o->task_limit = task_limit;
	o->spread_members = spread_members;
	o->cooling_max = cooling_max;
	return o;
}

void oracle_free(struct oracle *o)
{
	free(o);
}

/* ---- looking things up -------------------------------------------------- */

static unsigned market_place(struct oracle *o, uint64_t id, bool make)
{
	for (unsigned i = 0; i < MARKETS; i++)
		if (o->now.markets[i].used && o->now.markets[i].id == id)
			return i;
	for (unsigned i = 0; make && i < MARKETS; i++)
		if (!o->now.markets[i].used) {
			o->now.markets[i] =
				(struct o_market){.used = true, .id = id};
			return i;
		}
	return MARKETS;
}

static struct o_generator *generator_of(struct oracle *o,
					const struct address *a, bool make)
{
	for (unsigned i = 0; i < GENERATORS; i++)
		if (o->now.generators[i].used &&
		    address_eq(&o->now.generators[i].address, a))
			return &o->now.generators[i];
	for (unsigned i = 0; make && i < GENERATORS; i++)
		if (!o->now.generators[i].used) {
			o->now.generators[i] = (struct o_generator){
				.used = true, .address = *a};
			return &o->now.generators[i];
		}
	return NULL;
}

static struct o_request *request_of(struct oracle *o, uint64_t id)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		if (o->now.requests[i].used && o->now.requests[i].id == id)
			return &o->now.requests[i];
	return NULL;
}

static struct o_pair *pair_of(struct oracle *o, uint64_t request,
			      const struct address *generator, bool make)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		struct o_pair *p = &o->now.pairs[i];

		if (p->used && p->request == request &&
		    address_eq(&p->generator, generator))
			return p;
	}
	for (unsigned i = 0; make && i < PAIRS; i++)
		if (!o->now.pairs[i].used) {
			o->now.pairs[i] =
				(struct o_pair){.used = true,
						.request = request,
						.generator = *generator};
			return &o->now.pairs[i];
		}
	assert(!make);
	return NULL;
}

static void forget_pairs(struct oracle *o, uint64_t request)
{
	for (unsigned i = 0; i < PAIRS; i++)
		if (o->now.pairs[i].request == request)
			o->now.pairs[i].used = false;
}

/* ---- the rule ----------------------------------------------------------- */

/* What matches that the chain has not confirmed hold of a generator. */
struct held {
	uint64_t compute;
	struct u256 stake;
	uint32_t tasks; /* in one market */
};

static struct held held_by(const struct oracle *o, const struct o_generator *g,
			   unsigned market)
{
	struct held h = {0, U256_ZERO, 0};

	for (unsigned i = 0; i < REQUESTS; i++) {
		const struct o_request *r = &o->now.requests[i];

		if (!r->used || r->state != MATCHED ||
		    !address_eq(&r->generator, &g->address))
			continue;
		h.compute += r->compute;
		assert(!u256_add(&h.stake, &h.stake,
				 &o->now.markets[r->market].penalty));
		h.tasks += r->market == market;
	}
	return h;
}

/* a <= b - c - d - e, with nothing below zero. */
static bool fits(const struct u256 *a, const struct u256 *b,
		 const struct u256 *c, const struct u256 *d,
		 const struct u256 *e)
{
	struct u256 sum;

	if (u256_add(&sum, a, c) || u256_add(&sum, &sum, d) ||
	    u256_add(&sum, &sum, e))
		return false;
	return u256_cmp(&sum, b) <= 0;
}

static bool available(const struct oracle *o, const struct o_generator *g,
		      unsigned market)
{
	const struct o_market *m = &o->now.markets[market];
	const struct o_quote *q = &g->quotes[market];
	struct held h = held_by(o, g, market);

	if (!g->used || g->suspended || !q->used || q->draining)
		return false;
	if (m->closed || m->suspended || !m->order_book ||
	    (m->confidential && !q->has_key))
		return false;
	if (q->tasks + h.tasks >= o->task_limit)
		return false;
	if (g->compute < g->used_compute ||
	    g->compute - g->used_compute < h.compute ||
	    g->compute - g->used_compute - h.compute < q->compute)
		return false;
	return fits(&m->penalty, &g->stake, &g->unstaking, &g->locked,
		    &h.stake);
}

/* Does @g hold one of the first live requests of @r's group? */
static bool in_group(const struct oracle *o, const struct o_request *r,
		     const struct o_generator *g)
{
	uint64_t after = 0;

	if (!r->spread)
		return false;
	for (unsigned n = 0; n < o->spread_members; n++) {
		const struct o_request *first = NULL;

		for (unsigned i = 0; i < REQUESTS; i++) {
			const struct o_request *x = &o->now.requests[i];

			if (x->used && x->state != WAITING &&
			    x->spread == r->spread &&
			    address_eq(&x->requester, &r->requester) &&
			    x->live_since > after &&
			    (!first || x->live_since < first->live_since))
				first = x;
		}
		if (!first)
			return false;
		if (address_eq(&first->generator, &g->address))
			return true;
		after = first->live_since;
	}
	return false;
}

static bool eligible(struct oracle *o, const struct o_request *r,
		     const struct o_generator *g)
{
	const struct o_quote *q = &g->quotes[r->market];
	const struct o_pair *p;

	if (!available(o, g, r->market) ||
	    u256_cmp(&q->price, &r->max_price) > 0 || q->time > r->max_time)
		return false;
	p = pair_of(o, r->id, &g->address, false);
	if (p && o->now.block < p->until)
		return false;
	return !in_group(o, r, g);
}

static int by_turn(const struct o_quote *a, const struct o_quote *b)
{
	if (a->turn_block != b->turn_block)
		return a->turn_block < b->turn_block ? -1 : 1;
	if (a->turn_kind != b->turn_kind)
		return a->turn_kind < b->turn_kind ? -1 : 1;
	return a->turn_index < b->turn_index ? -1
					     : a->turn_index > b->turn_index;
}

static bool better(const struct o_quote *a, const struct o_quote *b,
		   bool fastest)
{
	int price = u256_cmp(&a->price, &b->price);
	int time = a->time < b->time ? -1 : a->time > b->time;
	int first = fastest ? time : price, second = fastest ? price : time;

	if (first)
		return first < 0;
	if (second)
		return second < 0;
	return by_turn(a, b) < 0;
}

/* ---- rounds ------------------------------------------------------------- */

/* The open requests in the order in which they arrived. */
static unsigned in_order(struct oracle *o, struct o_request *list[REQUESTS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < REQUESTS; i++)
		if (o->now.requests[i].used &&
		    o->now.requests[i].state == WAITING)
			list[n++] = &o->now.requests[i];
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i;
		     k && place_cmp(list[k]->arrived, list[k - 1]->arrived) < 0;
		     k--) {
			struct o_request *swap = list[k];

			list[k] = list[k - 1];
			list[k - 1] = swap;
		}
	return n;
}

static struct o_generator *best_for(struct oracle *o, const struct o_request *r)
{
	struct o_generator *best = NULL;

	for (unsigned i = 0; i < GENERATORS; i++) {
		struct o_generator *g = &o->now.generators[i];

		if (eligible(o, r, g) &&
		    (!best || better(&g->quotes[r->market],
				     &best->quotes[r->market], r->fastest)))
			best = g;
	}
	return best;
}

static void decide(struct oracle *o, const struct msg_block_closed *m,
		   struct oracle_match *matches, size_t room, size_t *count)
{
	struct o_request *list[REQUESTS];
	unsigned n;

	o->now.block = m->block.number;
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct o_request *r = &o->now.requests[i];

		if (r->used && r->state == MATCHED &&
		    m->block.time.v > r->valid_until)
			r->state = WAITING;
	}
	n = in_order(o, list);
	for (unsigned i = 0; i < n; i++) {
		struct o_request *r = list[i];
		struct o_generator *g;
		struct o_quote *q;

		if (r->suspended || r->expiry <= m->block.time.v)
			continue;
		g = best_for(o, r);
		if (!g)
			continue;
		q = &g->quotes[r->market];
		q->turn_block = m->block.number;
		q->turn_kind = 1;
		q->turn_index = (uint32_t)*count;
		r->state = MATCHED;
		r->generator = g->address;
		r->compute = q->compute;
		r->valid_until = m->block.time.v + o->lifetime;
		r->live_since = ++o->now.live_count;
		assert(*count < room);
		matches[(*count)++] = (struct oracle_match){
			.request_id = r->id,
			.decision = ++o->now.decisions,
			.generator = g->address,
			.price = {q->price},
			.response_time = q->time,
			.valid_until = r->valid_until,
		};
	}
	o->kept[m->block.number % BLOCKS] = o->now;
}

/* ---- deltas ------------------------------------------------------------- */

static void set_quote(struct oracle *o, const struct msg_quote_set *m)
{
	struct o_generator *g = generator_of(o, &m->generator, false);
	struct o_quote *q = &g->quotes[market_place(o, m->market_id, false)];
	bool later = m->joined.block > q->turn_block;

	if (m->joined.block == q->turn_block && q->turn_kind == 0)
		later = m->joined.index > q->turn_index;
	q->used = true;
	q->price = m->price.v;
	q->time = m->response_time;
	q->compute = m->compute;
	q->draining = m->draining;
	q->has_key = m->has_key;
	q->tasks = m->tasks;
	if (later) {
		q->turn_block = m->joined.block;
		q->turn_kind = 0;
		q->turn_index = m->joined.index;
	}
}

static void open_request(struct oracle *o, const struct msg_request_opened *m)
{
	struct o_request *r = o->now.requests;

	while (r->used)
		assert(++r < o->now.requests + REQUESTS);
	*r = (struct o_request){
		.used = true,
		.id = m->request_id,
		.spread = m->spread,
		.expiry = m->expiry.v,
		.market = market_place(o, m->market_id, false),
		.requester = m->requester,
		.max_price = m->max_price.v,
		.max_time = m->max_response_time,
		.fastest = m->preference == PREFERENCE_FASTEST,
		.arrived = m->arrived,
	};
}

static void end_request(struct oracle *o, uint64_t id)
{
	struct o_request *r = request_of(o, id);

	forget_pairs(o, id);
	if (r)
		r->used = false;
}

static void start_task(struct oracle *o, const struct msg_task_started *m)
{
	struct o_generator *g = generator_of(o, &m->generator, false);
	struct o_request *r = request_of(o, m->request_id);

	g->used_compute = m->used_compute;
	g->locked = m->locked.v;
	g->quotes[market_place(o, m->market_id, false)].tasks = m->tasks;
	forget_pairs(o, m->request_id);
	if (r->state == WAITING)
		r->live_since = ++o->now.live_count;
	r->state = TASK;
	r->generator = m->generator;
}

static void end_task(struct oracle *o, const struct msg_task_ended *m)
{
	struct o_generator *g = generator_of(o, &m->generator, false);

	g->used_compute = m->used_compute;
	g->locked = m->locked.v;
	g->stake = m->stake.v;
	if (u256_cmp(&g->unstaking, &g->stake) > 0)
		g->unstaking = g->stake;
	g->quotes[market_place(o, m->market_id, false)].tasks = m->tasks;
	end_request(o, m->request_id);
}

static void refuse(struct oracle *o, const struct msg_assignment_refused *m)
{
	struct o_request *r = request_of(o, m->request_id);
	struct o_pair *p;
	uint64_t rest = 1;

	if (!r || r->state == TASK)
		return;
	p = pair_of(o, m->request_id, &m->generator, true);
	p->refusals++;
	for (uint32_t i = 0; i < p->refusals && rest < o->cooling_max; i++)
		rest *= 2;
	p->until =
		m->at.block + (rest < o->cooling_max ? rest : o->cooling_max);
	if (r->state == MATCHED && address_eq(&r->generator, &m->generator))
		r->state = WAITING;
}

static void suspend(struct oracle *o, const struct msg_suspended *m)
{
	static const struct address nobody;
	struct o_request *r = request_of(o, m->request_id);
	struct o_generator *g = generator_of(o, &m->generator, false);
	unsigned market = market_place(o, m->market_id, false);

	if (m->request_id) {
		if (r)
			r->suspended = true;
	} else if (!address_eq(&m->generator, &nobody)) {
		if (g)
			g->suspended = true;
	} else if (market < MARKETS) {
		o->now.markets[market].suspended = true;
	}
}

void oracle_receive(struct oracle *o, uint16_t number, struct bytes body,
		    struct oracle_match *matches, size_t room, size_t *count)
{
	union {
		struct msg_market_set market;
		struct msg_generator_set generator;
		struct msg_generator_removed generator_removed;
		struct msg_quote_set quote;
		struct msg_quote_removed quote_removed;
		struct msg_request_opened opened;
		struct msg_request_closed closed;
		struct msg_task_started started;
		struct msg_task_ended ended;
		struct msg_assignment_refused refused;
		struct msg_suspended suspended;
		struct msg_block_closed block;
		struct msg_book_rolled_back back;
	} m;

	*count = 0;
	assert(!wire_decode(msg_describe(number), &m, body));
	switch (number) {
	case MSG_MARKET_SET: {
		struct o_market *k = &o->now.markets[market_place(
			o, m.market.market_id, true)];

		k->penalty = m.market.penalty.v;
		k->confidential = m.market.confidential;
		k->closed = m.market.closed;
		k->order_book = m.market.protocol == PROTOCOL_ORDER_BOOK;
		break;
	}
	case MSG_GENERATOR_SET: {
		struct o_generator *g =
			generator_of(o, &m.generator.generator, true);

		g->compute = m.generator.compute;
		g->used_compute = m.generator.used_compute;
		g->stake = m.generator.stake.v;
		g->locked = m.generator.locked.v;
		g->unstaking = m.generator.unstaking.v;
		break;
	}
	case MSG_GENERATOR_REMOVED:
		generator_of(o, &m.generator_removed.generator, false)->used =
			false;
		break;
	case MSG_QUOTE_SET:
		set_quote(o, &m.quote);
		break;
	case MSG_QUOTE_REMOVED:
		generator_of(o, &m.quote_removed.generator, false)
			->quotes[market_place(o, m.quote_removed.market_id,
					      false)]
			.used = false;
		break;
	case MSG_REQUEST_OPENED:
		open_request(o, &m.opened);
		break;
	case MSG_REQUEST_CLOSED:
		end_request(o, m.closed.request_id);
		break;
	case MSG_TASK_STARTED:
		start_task(o, &m.started);
		break;
	case MSG_TASK_ENDED:
		end_task(o, &m.ended);
		break;
	case MSG_ASSIGNMENT_REFUSED:
		refuse(o, &m.refused);
		break;
	case MSG_SUSPENDED:
		suspend(o, &m.suspended);
		break;
	case MSG_BLOCK_CLOSED:
		decide(o, &m.block, matches, room, count);
		break;
	case MSG_BOOK_ROLLED_BACK:
		o->now = o->kept[m.back.to.number % BLOCKS];
		break;
	}
}
