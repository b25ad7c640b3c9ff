/* Keys of the rows, and the state as a whole: hash and snapshot. */
#include <string.h>

#include "common/map.h"
#include "common/scan.h"
#include "services/matcher/match_impl.h"

enum { STATE_VERSION = 7 };

/* ---- keys --------------------------------------------------------------- */

struct pair {
	row_id generator, market;
};

struct group_key {
	struct address requester;
	uint64_t spread;
};

struct cooling_key {
	uint64_t request_id;
	struct address generator;
};

static uint64_t hash_address(const struct address *a)
{
	return map_hash_bytes(a->bytes, sizeof a->bytes);
}

static uint64_t hash_with(const struct address *a, uint64_t v)
{
	return map_hash_u64(hash_address(a) ^ map_hash_u64(v));
}

static uint64_t hash_pair(row_id generator, row_id market)
{
	return map_hash_u64((uint64_t)generator << 32 | market);
}

static uint64_t hash_market(const void *row)
{
	return map_hash_u64(((const struct market *)row)->id);
}

static bool is_market(const void *row, const void *key)
{
	return ((const struct market *)row)->id == *(const uint64_t *)key;
}

static uint64_t hash_generator(const void *row)
{
	return hash_address(&((const struct generator *)row)->address);
}

static bool is_generator(const void *row, const void *key)
{
	return address_eq(&((const struct generator *)row)->address, key);
}

static uint64_t hash_quote(const void *row)
{
	const struct quote *q = row;

	return hash_pair(q->generator, q->market);
}

static bool is_quote(const void *row, const void *key)
{
	const struct quote *q = row;
	const struct pair *k = key;

	return q->market == k->market && q->generator == k->generator;
}

/* The chain numbers requests one after the other: as they are, they lie in
 * neighbouring buckets, and none gets more than its share. */
static uint64_t hash_request(const void *row)
{
	return ((const struct request *)row)->id;
}

static bool is_request(const void *row, const void *key)
{
	return ((const struct request *)row)->id == *(const uint64_t *)key;
}

static uint64_t hash_group(const void *row)
{
	const struct group *g = row;

	return hash_with(&g->requester, g->spread);
}

static bool is_group(const void *row, const void *key)
{
	const struct group *g = row;
	const struct group_key *k = key;

	return g->spread == k->spread &&
	       address_eq(&g->requester, &k->requester);
}

static uint64_t hash_cooling(const void *row)
{
	const struct cooling *c = row;

	return hash_with(&c->generator, c->request_id);
}

static bool is_cooling(const void *row, const void *key)
{
	const struct cooling *c = row;
	const struct cooling_key *k = key;

	return c->request_id == k->request_id &&
	       address_eq(&c->generator, &k->generator);
}

static int compare_cooling(const void *a, const void *b)
{
	const struct cooling *x = a, *y = b;

	if (x->until != y->until)
		return x->until < y->until ? -1 : 1;
	if (x->request_id != y->request_id)
		return x->request_id < y->request_id ? -1 : 1;
	return memcmp(&x->generator, &y->generator, sizeof x->generator);
}

/* From field @first up to field @end. */
#define TOUCHED(type, first, end)                                              \
	.touched_at = offsetof(type, first),                                   \
	.touched_size = offsetof(type, end) - offsetof(type, first)

const struct state_table match_tables[TABLES_END] = {
	[GLOBALS] = {STATE_ROWS(struct globals), NULL, NULL, NULL},
	[MARKETS] = {{MARKET_BYTES, 0, 0}, hash_market, is_market, NULL},
	[GENERATORS] = {{GENERATOR_BYTES,
			 TOUCHED(struct generator, used_compute, compute)},
			hash_generator,
			is_generator,
			NULL},
	[QUOTES] = {{QUOTE_BYTES, TOUCHED(struct quote, turn_block, stamp)},
		    hash_quote,
		    is_quote,
		    NULL},
	[REQUESTS] = {{REQUEST_BYTES, 0, 0}, hash_request, is_request, NULL},
	[HOLDS] = {{HOLD_BYTES, 0, 0}, NULL, NULL, NULL},
	[GROUPS] = {{GROUP_BYTES, 0, 0}, hash_group, is_group, NULL},
	[COOLING] = {{COOLING_BYTES, 0, 0},
		     hash_cooling,
		     is_cooling,
		     compare_cooling},
};

row_id match_find_market(const struct match *m, uint64_t id)
{
	return state_find(m->state, MARKETS, map_hash_u64(id), &id);
}

row_id match_find_generator(const struct match *m, const struct address *a)
{
	return state_find(m->state, GENERATORS, hash_address(a), a);
}

/* Most generators quote in one market: the first one is it. */
row_id match_find_quote(const struct match *m, row_id generator, row_id market)
{
	row_id first = generator_at(m, generator)->first_quote;
	struct pair key = {generator, market};

	if (!first || quote_at(m, first)->market == market)
		return first;
	return state_find(m->state, QUOTES, hash_pair(generator, market), &key);
}

row_id match_find_request(const struct match *m, uint64_t id)
{
	return state_find(m->state, REQUESTS, id, &id);
}

row_id match_find_group(const struct match *m, const struct address *requester,
			uint64_t spread)
{
	struct group_key key = {*requester, spread};

	return state_find(m->state, GROUPS, hash_with(requester, spread), &key);
}

row_id match_find_cooling(const struct match *m, uint64_t request_id,
			  const struct address *generator)
{
	struct cooling_key key = {request_id, *generator};

	return state_find(m->state, COOLING, hash_with(generator, request_id),
			  &key);
}

/* ---- hash and snapshots ------------------------------------------------- */

static void put_place(struct buf *out, struct place p)
{
	buf_put_be64(out, p.block);
	buf_put_be32(out, p.index);
}

static void put_address(struct buf *out, const struct address *a)
{
	buf_put(out, a->bytes, sizeof a->bytes);
}

static void describe_globals(const void *core, row_id row, struct buf *out)
{
	const struct match *m = core;

	(void)row;
	buf_put_be64(out, globals(m)->block.number);
	buf_put_be64(out, globals(m)->decisions);
	buf_put(out, globals(m)->root.bytes, sizeof globals(m)->root.bytes);
}

static void describe_market(const void *core, row_id row, struct buf *out)
{
	const struct match *m = core;
	const struct market *k = market_at(m, row);

	buf_put_be64(out, k->id);
	match_put_u128(out, k->penalty);
	buf_put_u8(out, (uint8_t)(k->protocol << 3 | k->confidential << 2 |
				  k->closed << 1 | k->suspended));
}

static void describe_generator(const void *core, row_id row, struct buf *out)
{
	const struct match *m = core;
	const struct generator *g = generator_at(m, row);

	put_address(out, &g->address);
	buf_put_be64(out, g->compute);
	buf_put_be64(out, g->used_compute);
	buf_put_be64(out, g->reserved_compute);
	match_put_u128(out, g->stake);
	match_put_u128(out, g->locked);
	match_put_u128(out, g->unstaking);
	match_put_u128(out, g->reserved_stake);
	buf_put_u8(out, (uint8_t)(g->suspended << 1 | g->gone));
}

static void describe_quote(const void *core, row_id row, struct buf *out)
{
	const struct match *m = core;
	const struct quote *q = quote_at(m, row);

	put_address(out, &generator_at(m, q->generator)->address);
	buf_put_be64(out, market_at(m, q->market)->id);
	match_put_u128(out, q->price);
	buf_put_be32(out, q->response_time);
	buf_put_be64(out, q->compute);
	buf_put_be32(out, q->tasks);
	buf_put_be32(out, q->reserved);
	put_place(out, quote_turn(q));
	buf_put_u8(out,
		   (uint8_t)(q->draining << 2 | q->has_key << 1 | q->gone));
}

static void describe_request(const void *core, row_id row, struct buf *out)
{
	const struct match *m = core;
	const struct request *r = request_at(m, row);

	buf_put_be64(out, r->id);
	buf_put_be64(out, r->order);
	buf_put_u8(out, (uint8_t)(is_open(r) << 1 | r->suspended));
}

static void describe_hold(const void *core, row_id row, struct buf *out)
{
	const struct match *m = core;
	const struct hold *h = hold_at(m, row);

	buf_put_be64(out, request_at(m, h->request)->id);
	put_address(out, &generator_at(m, h->generator)->address);
	buf_put_u8(out, h->quote != 0);
	buf_put_be64(out, h->valid_until.v);
	/* Where it stands among the live ones of its group. */
	if (h->prev)
		buf_put_be64(out,
			     request_at(m, hold_at(m, h->prev)->request)->id);
}

static void describe_cooling(const void *core, row_id row, struct buf *out)
{
	const struct match *m = core;
	const struct cooling *c = cooling_at(m, row);

	buf_put_be64(out, c->request_id);
	put_address(out, &c->generator);
	buf_put_be32(out, c->refusals);
	buf_put_be64(out, c->until);
}

void match_hash(const struct match *m, struct hash32 *out)
{
	static state_describe *const describe[TABLES_END] = {
		[GLOBALS] = describe_globals,	   [MARKETS] = describe_market,
		[GENERATORS] = describe_generator, [QUOTES] = describe_quote,
		[REQUESTS] = describe_request,	   [HOLDS] = describe_hold,
		[COOLING] = describe_cooling,
	};

	state_hash(m->state, describe, m, out);
}

enum err match_save(struct match *m, struct buf *out)
{
	buf_put_be32(out, STATE_VERSION);
	buf_put(out, &m->rule, sizeof m->rule);
	state_save(m->state, out);
	return buf_err(out);
}

enum err match_load(struct match *m, struct bytes bytes)
{
	struct scan in = scan_begin(bytes);
	struct match_rule rule;
	enum err e;

	if (scan_be32(&in) != STATE_VERSION)
		return ERR_MALFORMED;
	scan_bytes(&in, &rule, sizeof rule);
	if (memcmp(&rule, &m->rule, sizeof rule) != 0)
		return ERR_MALFORMED;
	match_index_undo(m, true);
	e = state_load(m->state, &in);
	if (!e)
		e = match_index_undone(m);
	if (!e)
		m->globals = state_next(m->state, GLOBALS, 0);
	return e ? e : scan_done(&in);
}
