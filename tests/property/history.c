/* One flat struct is the chain's state; a copy of it per block lets it change
 * its mind. */
#include "tests/property/history.h"

#include <assert.h>
#include <stdlib.h>

#include "common/u256.h"
#include "wire_index.h"

enum {
	MARKETS = 3,
	GENERATORS = 10,
	REQUESTS = 96, /* open or assigned at a time */
	BLOCKS = 32,   /* deepest roll-back */
	MATCHES = 512, /* that the engine has in hand */
	EVENTS_MAX = 14,
};

struct h_quote {
	bool active, known; /* known: active, or tasks still run */
	uint32_t tasks;
	uint64_t price, compute;
	uint32_t time;
};

struct h_generator {
	bool registered, leaving;
	uint64_t compute, used;
	uint64_t stake, locked, unstaking;
	struct h_quote quotes[MARKETS];
};

struct h_request {
	bool used, task;
	uint64_t id, max_price, expiry, deadline, compute;
	uint32_t max_time;
	unsigned market, generator;
};

struct h_match {
	uint64_t request_id, price, valid_until;
	uint32_t time;
	unsigned generator;
};

struct chain {
	uint64_t number, time, next_id;
	struct hash32 hash;
	bool market_open[MARKETS];
	bool market_closed[MARKETS];
	struct h_generator generators[GENERATORS];
	struct h_request requests[REQUESTS];
};

struct history {
	struct sink *out;
	struct history_source source;
	size_t acts, used; /* used: of the source's bytes */
	uint64_t steps;
	uint64_t dice, salt, events, rollbacks;
	struct chain now;
	struct chain kept[BLOCKS];
	uint64_t oldest; /* block that can still be gone back to */
	struct h_match matches[MATCHES];
	size_t matches_count;
	uint32_t index; /* of the next log in the block */
};

static const uint64_t penalties[MARKETS] = {5, 3, 8};

/* Each act and each step has dice of its own: what others draw is nothing to
 * it. */
static void throw_dice(struct history *h, uint64_t salt)
{
	uint64_t v = h->source.seed * 0x9e3779b97f4a7c15u + salt;

	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	h->dice = v ^ v >> 31;
}

static uint64_t draw_from_bytes(struct history *h, uint64_t below)
{
	const struct bytes *b = &h->source.bytes;
	uint64_t v = 0;

	for (uint64_t most = below - 1; most; most >>= 8)
		v = v << 8 |
		    (h->used < b->size ? b->data[h->used++] : (uint8_t)0);
	return v % below;
}

uint64_t history_draw(struct history *h, uint64_t below)
{
	if (h->source.bytes.data)
		return draw_from_bytes(h, below);
	h->dice = h->dice * 6364136223846793005u + 1442695040888963407u;
	return (h->dice >> 33) % below;
}

static bool chance(struct history *h, unsigned percent)
{
	return history_draw(h, 100) < percent;
}

static struct address address_of(unsigned generator)
{
	return (struct address){{(uint8_t)(0xa0 + generator), 1, 2, 3}};
}

static struct amount amount(uint64_t v)
{
	return (struct amount){u256_from_u64(v)};
}

static struct place here(struct history *h)
{
	return (struct place){h->now.number + 1, h->index++};
}

static void said(struct history *h, enum err e)
{
	assert(e == ERR_NONE);
	h->events++;
}

/* Every event: where it is, then the rest. */
#define SAY(h, name, ...)                                                      \
	said(h, index_send_##name((h)->out, &(struct msg_##name){              \
						    .at = here(h),             \
						    .time = {(h)->now.time},   \
						    __VA_ARGS__}))

/* ---- generators --------------------------------------------------------- */

static void say_stake(struct history *h, unsigned i)
{
	const struct h_generator *g = &h->now.generators[i];

	SAY(h, stake_changed, .generator = address_of(i),
	    .stake = amount(g->stake), .locked = amount(g->locked),
	    .unstaking = amount(g->unstaking));
}

static void act_register(struct history *h, unsigned i)
{
	struct h_generator *g = &h->now.generators[i];

	if (g->registered)
		return;
	*g = (struct h_generator){.registered = true,
				  .compute = history_draw(h, 6)};
	SAY(h, generator_registered, .generator = address_of(i),
	    .compute = g->compute);
	g->stake = 10 + history_draw(h, 40);
	say_stake(h, i);
}

static void act_stake(struct history *h, unsigned i)
{
	struct h_generator *g = &h->now.generators[i];

	if (!g->registered || g->leaving)
		return;
	if (chance(h, 60))
		g->stake += 1 + history_draw(h, 20);
	else
		g->unstaking += history_draw(h, g->stake - g->unstaking + 1);
	say_stake(h, i);
}

static void act_unstake(struct history *h, unsigned i)
{
	struct h_generator *g = &h->now.generators[i];
	uint64_t due = g->stake - g->locked;

	if (!g->registered)
		return;
	if (due > g->unstaking)
		due = g->unstaking;
	g->stake -= due;
	g->unstaking -= due;
	say_stake(h, i);
	if (g->leaving && !g->stake)
		*g = (struct h_generator){.registered = false};
}

static void act_compute(struct history *h, unsigned i)
{
	struct h_generator *g = &h->now.generators[i];

	if (!g->registered || g->leaving)
		return;
	g->compute = g->used + history_draw(h, 5);
	SAY(h, compute_changed, .generator = address_of(i),
	    .compute = g->compute);
}

static void act_leave_registry(struct history *h, unsigned i)
{
	struct h_generator *g = &h->now.generators[i];

	if (!g->registered || g->leaving || g->locked)
		return;
	for (unsigned m = 0; m < MARKETS; m++)
		if (g->quotes[m].known)
			return;
	g->leaving = true;
	g->unstaking = g->stake;
	SAY(h, generator_deregistered, .generator = address_of(i));
	say_stake(h, i);
	if (!g->stake)
		*g = (struct h_generator){.registered = false};
}

/* Few values, so that many are equal. */
static void draw_terms(struct history *h, struct h_quote *q)
{
	q->price = 10 + history_draw(h, 4);
	q->time = (uint32_t)(20 + history_draw(h, 4));
	q->compute = history_draw(h, 3);
}

static void say_quote(struct history *h, unsigned i, unsigned market)
{
	const struct h_quote *q = &h->now.generators[i].quotes[market];

	SAY(h, chain_quote_set, .generator = address_of(i),
	    .market_id = market + 1, .price = amount(q->price),
	    .response_time = q->time, .compute_per_request = q->compute);
}

static void act_quote(struct history *h, unsigned i)
{
	unsigned market = (unsigned)history_draw(h, MARKETS);
	struct h_generator *g = &h->now.generators[i];
	struct h_quote *q = &g->quotes[market];

	if (!g->registered || g->leaving || !h->now.market_open[market])
		return;
	if (!q->active) {
		if (q->tasks || g->stake < penalties[market] ||
		    h->now.market_closed[market])
			return;
		q->active = q->known = true;
		draw_terms(h, q);
		say_quote(h, i, market);
	} else if (chance(h, 70)) {
		draw_terms(h, q);
		say_quote(h, i, market);
	} else {
		q->active = false;
		q->known = q->tasks != 0;
		SAY(h, chain_quote_removed, .generator = address_of(i),
		    .market_id = market + 1, .draining = true);
	}
}

static void act_key(struct history *h, unsigned i)
{
	unsigned market = (unsigned)history_draw(h, MARKETS);

	if (!h->now.generators[i].quotes[market].known)
		return;
	if (chance(h, 70))
		SAY(h, key_registered, .owner = address_of(i),
		    .market_id = market + 1);
	else
		SAY(h, key_removed, .owner = address_of(i),
		    .market_id = market + 1);
}

/* ---- requests ----------------------------------------------------------- */

static void act_market(struct history *h)
{
	static const struct hash32 image = {{1}};

	for (unsigned m = 0; m < MARKETS; m++) {
		struct hash32s images = {image.bytes,
					 m == 2}; /* confidential */

		if (h->now.market_open[m])
			continue;
		h->now.market_open[m] = true;
		SAY(h, market_created, .market_id = m + 1,
		    .penalty = amount(penalties[m]), .prover_images = images);
		return;
	}
	/* One of them may close; a roll-back opens it again. */
	if (!h->now.market_closed[1] && chance(h, 3)) {
		h->now.market_closed[1] = true;
		SAY(h, market_closed, .market_id = 2);
	}
}

static void act_request(struct history *h)
{
	struct h_request *r = h->now.requests;
	unsigned market = (unsigned)history_draw(h, MARKETS);
	uint64_t spread = chance(h, 40) ? 1 : 0;
	struct address requester = {{(uint8_t)(1 + history_draw(h, 2))}};

	while (r < h->now.requests + REQUESTS && r->used)
		r++;
	if (r == h->now.requests + REQUESTS || !h->now.market_open[market] ||
	    h->now.market_closed[market])
		return;
	*r = (struct h_request){
		.used = true,
		.id = h->now.next_id++,
		.market = market,
		.max_price = 9 + history_draw(h, 5),
		.max_time = (uint32_t)(19 + history_draw(h, 5)),
		.expiry = h->now.time + history_draw(h, 60),
	};
	SAY(h, request_created, .request_id = r->id, .market_id = market + 1,
	    .requester = requester, .max_price = amount(r->max_price),
	    .max_response_time = r->max_time, .expiry = {r->expiry},
	    .preference =
		    chance(h, 50) ? PREFERENCE_FASTEST : PREFERENCE_CHEAPEST,
	    .spread = spread);
}

static struct h_request *some_request(struct history *h, bool task)
{
	unsigned start = (unsigned)history_draw(h, REQUESTS);

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct h_request *r = &h->now.requests[(start + i) % REQUESTS];

		if (r->used && r->task == task)
			return r;
	}
	return NULL;
}

static void act_cancel(struct history *h)
{
	struct h_request *r = some_request(h, false);

	if (!r)
		return;
	SAY(h, request_cancelled, .request_id = r->id,
	    .refund = amount(r->max_price));
	r->used = false;
}

/* ---- tasks -------------------------------------------------------------- */

/* What the contract would say to this pair. */
static bool allowed(const struct history *h, const struct h_request *r,
		    unsigned i)
{
	const struct h_generator *g = &h->now.generators[i];
	const struct h_quote *q = &g->quotes[r->market];

	return r->used && !r->task && h->now.time <= r->expiry &&
	       g->registered && q->active &&
	       g->compute - g->used >= q->compute &&
	       g->stake - g->locked >= penalties[r->market] && q->tasks < 100 &&
	       !h->now.market_closed[r->market] && g->compute >= g->used;
}

static void assign(struct history *h, struct h_request *r, unsigned i,
		   uint64_t price)
{
	struct h_generator *g = &h->now.generators[i];
	struct h_quote *q = &g->quotes[r->market];

	r->task = true;
	r->generator = i;
	r->compute = q->compute;
	r->deadline = h->now.time + q->time;
	g->used += q->compute;
	g->locked += penalties[r->market];
	q->tasks++;
	SAY(h, task_created, .request_id = r->id, .generator = address_of(i),
	    .market_id = r->market + 1, .price = amount(price),
	    .compute = r->compute, .deadline = {r->deadline});
}

/* The engine's oldest match is mined: carried out or refused. */
static void act_mine(struct history *h)
{
	struct h_match m;
	struct h_request *r = h->now.requests;

	if (!h->matches_count)
		return;
	m = h->matches[0];
	for (size_t i = 1; i < h->matches_count; i++)
		h->matches[i - 1] = h->matches[i];
	h->matches_count--;
	if (h->now.time > m.valid_until || chance(h, 10))
		return; /* too late, or lost on the way */
	while (r < h->now.requests + REQUESTS &&
	       !(r->used && r->id == m.request_id))
		r++;
	if (r < h->now.requests + REQUESTS && !chance(h, 15) &&
	    allowed(h, r, m.generator))
		assign(h, r, m.generator, m.price);
	else
		SAY(h, assignment_skipped, .request_id = m.request_id,
		    .generator = address_of(m.generator));
}

static void act_other_sender(struct history *h)
{
	struct h_request *r = some_request(h, false);
	unsigned i = (unsigned)history_draw(h, GENERATORS);

	if (r && allowed(h, r, i))
		assign(h, r, i, h->now.generators[i].quotes[r->market].price);
}

static void act_end_task(struct history *h)
{
	struct h_request *r = some_request(h, true);
	struct h_generator *g;
	struct h_quote *q;
	struct address who;

	if (!r)
		return;
	g = &h->now.generators[r->generator];
	q = &g->quotes[r->market];
	who = address_of(r->generator);
	g->used -= r->compute;
	g->locked -= penalties[r->market];
	q->tasks--;
	q->known = q->active || q->tasks;
	if (chance(h, 70)) {
		SAY(h, proof_submitted, .request_id = r->id, .generator = who);
	} else if (chance(h, 30)) {
		SAY(h, inputs_invalidated, .request_id = r->id,
		    .generator = who);
	} else {
		g->stake -= penalties[r->market];
		if (g->unstaking > g->stake)
			g->unstaking = g->stake;
		SAY(h, task_slashed, .request_id = r->id, .generator = who);
	}
	r->used = false;
}

void history_match(struct history *h, const struct msg_match_made *m)
{
	struct h_match *x = &h->matches[h->matches_count];

	if (h->matches_count == MATCHES)
		return; /* this one is lost */
	*x = (struct h_match){.request_id = m->request_id,
			      .price = m->price.v.limb[0],
			      .valid_until = m->valid_until.v,
			      .time = m->response_time,
			      .generator = m->generator.bytes[0] - 0xa0u};
	h->matches_count++;
}

/* ---- blocks ------------------------------------------------------------- */

static void act_now(struct history *h)
{
	unsigned i = (unsigned)history_draw(h, GENERATORS);
	unsigned what = (unsigned)history_draw(h, 100);

	if (what < 3)
		act_market(h);
	else if (what < 8)
		act_register(h, i);
	else if (what < 14)
		act_stake(h, i);
	else if (what < 16)
		act_unstake(h, i);
	else if (what < 20)
		act_compute(h, i);
	else if (what < 22)
		act_leave_registry(h, i);
	else if (what < 38)
		act_quote(h, i);
	else if (what < 41)
		act_key(h, i);
	else if (what < 62)
		act_request(h);
	else if (what < 65)
		act_cancel(h);
	else if (what < 85)
		act_mine(h);
	else if (what < 88)
		act_other_sender(h);
	else
		act_end_task(h);
}

static bool skipped(const struct history *h, size_t act)
{
	return act < h->source.acts && h->source.skip &&
	       (h->source.skip[act / 8] >> act % 8 & 1);
}

static void act(struct history *h)
{
	throw_dice(h, 2 * ++h->acts);
	if (!skipped(h, h->acts - 1))
		act_now(h);
}

static struct block_ref block_of(const struct chain *c)
{
	return (struct block_ref){c->number, c->hash, {c->time}};
}

static void next_hash(struct history *h)
{
	uint64_t parts[2] = {h->now.number, ++h->salt};

	memcpy(h->now.hash.bytes, parts, sizeof parts);
}

static void step_block(struct history *h)
{
	struct msg_block_mark mark = {.parent = h->now.hash};
	uint64_t n;

	h->index = 0;
	h->now.time += chance(h, 10) ? history_draw(h, 40) : 1;
	n = history_draw(h, EVENTS_MAX);
	while (n--)
		act(h);
	h->now.number++;
	next_hash(h);
	mark.block = block_of(&h->now);
	mark.events = h->index;
	said(h, index_send_block_mark(h->out, &mark));
	h->kept[h->now.number % BLOCKS] = h->now;
	if (h->now.number - h->oldest >= BLOCKS)
		h->oldest = h->now.number - BLOCKS + 1;
}

static void step_back(struct history *h)
{
	uint64_t depth = h->now.number - h->oldest;
	struct msg_rollback m = {.from = block_of(&h->now)};
	unsigned half;

	if (!depth)
		return;
	if (depth > 6 && !chance(h, 10))
		depth = 6;
	depth = history_draw(h, depth + 1);
	/* Sometimes half a block has been said. */
	half = chance(h, 20) ? 5 : 0;
	h->index = 0;
	h->now.time++;
	while (half--)
		act(h);
	h->now = h->kept[(m.from.number - depth) % BLOCKS];
	m.to = block_of(&h->now);
	h->rollbacks++;
	said(h, index_send_rollback(h->out, &m));
}

void history_step(struct history *h)
{
	throw_dice(h, 2 * ++h->steps + 1);
	if (h->now.number > 3 && chance(h, 6))
		step_back(h);
	else
		step_block(h);
}

struct history *history_new(const struct history_source *source,
			    struct sink *out)
{
	struct history *h = calloc(1, sizeof *h);

	assert(h);
	h->out = out;
	h->source = *source;
	h->now.time = 1000;
	h->now.next_id = 1;
	h->oldest = 1;
	said(h, index_send_chain_opened(
			out, &(struct msg_chain_opened){.chain_id = 1}));
	throw_dice(h, 1);
	step_block(h);
	return h;
}

bool history_ended(const struct history *h)
{
	return h->source.bytes.data && h->used == h->source.bytes.size;
}

size_t history_acts(const struct history *h)
{
	return h->acts;
}

void history_free(struct history *h)
{
	free(h);
}

uint64_t history_events(const struct history *h)
{
	return h->events;
}

uint64_t history_rollbacks(const struct history *h)
{
	return h->rollbacks;
}
