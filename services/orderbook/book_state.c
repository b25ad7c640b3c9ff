/* Keys of the rows, and the state as a whole: hash and snapshot. */
#include "common/map.h"
#include "common/scan.h"
#include "common/u256.h"
#include "services/orderbook/book_impl.h"

enum { STATE_VERSION = 4 };

/* ---- keys --------------------------------------------------------------- */

/* Of a quote, and of an enclave key. */
struct pair {
	struct address generator;
	uint64_t market_id;
};

static uint64_t hash_address(const struct address *a)
{
	return map_hash_bytes(a->bytes, sizeof a->bytes);
}

static uint64_t hash_pair(const struct address *generator, uint64_t market_id)
{
	return map_hash_u64(hash_address(generator) ^ map_hash_u64(market_id));
}

static uint64_t hash_market(const void *row)
{
	return map_hash_u64(((const struct market *)row)->set.market_id);
}

static bool is_market(const void *row, const void *key)
{
	return ((const struct market *)row)->set.market_id ==
	       *(const uint64_t *)key;
}

static uint64_t hash_generator(const void *row)
{
	return hash_address(&((const struct generator *)row)->set.generator);
}

static bool is_generator(const void *row, const void *key)
{
	return address_eq(&((const struct generator *)row)->set.generator, key);
}

static uint64_t hash_quote(const void *row)
{
	const struct msg_quote_set *q = &((const struct quote *)row)->set;

	return hash_pair(&q->generator, q->market_id);
}

static bool is_quote(const void *row, const void *key)
{
	const struct msg_quote_set *q = &((const struct quote *)row)->set;
	const struct pair *k = key;

	return q->market_id == k->market_id &&
	       address_eq(&q->generator, &k->generator);
}

static uint64_t hash_request(const void *row)
{
	return map_hash_u64(((const struct request *)row)->record.request_id);
}

static bool is_request(const void *row, const void *key)
{
	return ((const struct request *)row)->record.request_id ==
	       *(const uint64_t *)key;
}

static uint64_t hash_key(const void *row)
{
	const struct key *k = row;

	return hash_pair(&k->owner, k->market_id);
}

static bool is_key(const void *row, const void *key)
{
	const struct key *k = row;
	const struct pair *p = key;

	return k->market_id == p->market_id &&
	       address_eq(&k->owner, &p->generator);
}

const struct state_table book_tables[TABLES_END] = {
	[GLOBALS] = {STATE_ROWS(struct globals), NULL, NULL, NULL},
	[MARKETS] = {STATE_ROWS(struct market), hash_market, is_market, NULL},
	[GENERATORS] = {STATE_ROWS(struct generator), hash_generator,
			is_generator, NULL},
	[QUOTES] = {STATE_ROWS(struct quote), hash_quote, is_quote, NULL},
	[REQUESTS] = {STATE_ROWS(struct request), hash_request, is_request,
		      NULL},
	[KEYS] = {STATE_ROWS(struct key), hash_key, is_key, NULL},
};

row_id book_find_market(const struct book *b, uint64_t id)
{
	return state_find(b->state, MARKETS, map_hash_u64(id), &id);
}

row_id book_find_generator(const struct book *b, const struct address *a)
{
	return state_find(b->state, GENERATORS, hash_address(a), a);
}

row_id book_find_quote(const struct book *b, const struct address *generator,
		       uint64_t market_id)
{
	struct pair key = {*generator, market_id};

	return state_find(b->state, QUOTES, hash_pair(generator, market_id),
			  &key);
}

row_id book_find_request(const struct book *b, uint64_t id)
{
	return state_find(b->state, REQUESTS, map_hash_u64(id), &id);
}

row_id book_find_key(const struct book *b, const struct address *owner,
		     uint64_t market_id)
{
	struct pair key = {*owner, market_id};

	return state_find(b->state, KEYS, hash_pair(owner, market_id), &key);
}

/* ---- hash and snapshots ------------------------------------------------- */

static void put_amount(struct buf *out, const struct amount *a)
{
	uint8_t bytes[32];

	u256_to_be32(bytes, &a->v);
	buf_put(out, bytes, sizeof bytes);
}

static void describe_market(const void *core, row_id row, struct buf *out)
{
	wire_encode(&msg_market_set_wire, &market_at(core, row)->set, out);
}

static void describe_generator(const void *core, row_id row, struct buf *out)
{
	const struct generator *g = generator_at(core, row);

	wire_encode(&msg_generator_set_wire, &g->set, out);
	buf_put_u8(out, g->leaving);
}

static void describe_quote(const void *core, row_id row, struct buf *out)
{
	wire_encode(&msg_quote_set_wire, &quote_at(core, row)->set, out);
}

static void describe_request(const void *core, row_id row, struct buf *out)
{
	const struct request *r = request_at(core, row);

	wire_encode(&msg_request_record_wire, &r->record, out);
	buf_put_u8(out, r->assigned);
	buf_put_be64(out, r->compute);
	put_amount(out, &r->penalty);
}

static void describe_key(const void *core, row_id row, struct buf *out)
{
	const struct book *b = core;
	const struct key *k = state_row(b->state, KEYS, row);

	buf_put(out, k->owner.bytes, sizeof k->owner.bytes);
	buf_put_be64(out, k->market_id);
}

void book_hash(const struct book *b, struct hash32 *out)
{
	static state_describe *const describe[TABLES_END] = {
		[MARKETS] = describe_market, [GENERATORS] = describe_generator,
		[QUOTES] = describe_quote,   [REQUESTS] = describe_request,
		[KEYS] = describe_key,
	};

	state_hash(b->state, describe, b, out);
}

enum err book_save(struct book *b, struct buf *out)
{
	buf_put_be32(out, STATE_VERSION);
	state_save(b->state, out);
	return buf_err(out);
}

enum err book_load(struct book *b, struct bytes bytes)
{
	struct scan in = scan_begin(bytes);
	enum err e;

	if (scan_be32(&in) != STATE_VERSION)
		return ERR_MALFORMED;
	e = state_load(b->state, &in);
	if (!e)
		b->globals = state_next(b->state, GLOBALS, 0);
	return e ? e : scan_done(&in);
}
