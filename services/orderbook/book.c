/* The book's rows and keys, its life, blocks, and state as a whole. */
#include "services/orderbook/book.h"

#include <stdlib.h>
#include <string.h>

#include "common/scan.h"
#include "common/sha256.h"
#include "common/u256.h"
#include "services/orderbook/book_impl.h"

enum { STATE_VERSION = 1 };

bool book_is_mark(uint16_t number)
{
	return number == MSG_BLOCK_MARK || number == MSG_ROLLBACK;
}

/* ---- keys --------------------------------------------------------------- */

struct quote_key {
	struct address generator;
	uint64_t market_id;
};

static uint64_t address_hash(const struct address *a)
{
	return map_hash_bytes(a->bytes, sizeof a->bytes);
}

static uint64_t quote_hash(const struct address *generator, uint64_t market_id)
{
	return map_hash_u64(address_hash(generator) ^ map_hash_u64(market_id));
}

static bool is_market(const void *arg, uint32_t row, const void *key)
{
	return market_at(arg, row)->set.market_id == *(const uint64_t *)key;
}

static bool is_generator(const void *arg, uint32_t row, const void *key)
{
	return address_eq(&generator_at(arg, row)->set.generator, key);
}

static bool is_quote(const void *arg, uint32_t row, const void *key)
{
	const struct msg_quote_set *q = &quote_at(arg, row)->set;
	const struct quote_key *k = key;

	return q->market_id == k->market_id &&
	       address_eq(&q->generator, &k->generator);
}

static bool is_request(const void *arg, uint32_t row, const void *key)
{
	return request_at(arg, row)->record.request_id ==
	       *(const uint64_t *)key;
}

row_id find_market(const struct book *b, uint64_t id)
{
	return map_get(b->maps[MARKETS], map_hash_u64(id), &id);
}

row_id find_generator(const struct book *b, const struct address *a)
{
	return map_get(b->maps[GENERATORS], address_hash(a), a);
}

row_id find_quote(const struct book *b, const struct address *generator,
		  uint64_t market_id)
{
	struct quote_key key = {*generator, market_id};

	return map_get(b->maps[QUOTES], quote_hash(generator, market_id), &key);
}

row_id find_request(const struct book *b, uint64_t id)
{
	return map_get(b->maps[REQUESTS], map_hash_u64(id), &id);
}

static uint64_t row_hash(const struct book *b, enum table_index t, row_id row)
{
	switch (t) {
	case MARKETS:
		return map_hash_u64(market_at(b, row)->set.market_id);
	case GENERATORS:
		return address_hash(&generator_at(b, row)->set.generator);
	case QUOTES: {
		const struct msg_quote_set *q = &quote_at(b, row)->set;

		return quote_hash(&q->generator, q->market_id);
	}
	case REQUESTS:
		return map_hash_u64(request_at(b, row)->record.request_id);
	case GLOBALS:
	case TABLES_END:
		break;
	}
	return 0;
}

/* ---- rows --------------------------------------------------------------- */

/* The maps are the only indexes over rows, and a row keeps its key. */
#define HOOKS(name, T)                                                         \
	static void detach_##name(void *core, row_id row)                      \
	{                                                                      \
		struct book *b = core;                                         \
                                                                               \
		map_remove(b->maps[T], row_hash(b, T, row), row);              \
	}                                                                      \
	static void attach_##name(void *core, row_id row)                      \
	{                                                                      \
		struct book *b = core;                                         \
                                                                               \
		/* Undo and load put back what there was memory for. */        \
		if (map_add(b->maps[T], row_hash(b, T, row), row))             \
			abort();                                               \
	}
HOOKS(market, MARKETS)
HOOKS(generator, GENERATORS)
HOOKS(quote, QUOTES)
HOOKS(request, REQUESTS)

static void globals_stay(void *core, row_id row)
{
	(void)core;
	(void)row;
}

row_id add_row(struct book *b, enum table_index t, const void *row_bytes,
	       size_t size)
{
	row_id row = table_add(b->tables[t]);
	void *at = row ? table_edit(b->tables[t], row) : NULL;

	if (!at)
		return 0;
	memcpy(at, row_bytes, size);
	return map_add(b->maps[t], row_hash(b, t, row), row) ? 0 : row;
}

enum err remove_row(struct book *b, enum table_index t, row_id row)
{
	map_remove(b->maps[t], row_hash(b, t, row), row);
	return table_remove(b->tables[t], row);
}

/* ---- life --------------------------------------------------------------- */

static enum err open_tables(struct book *b)
{
	static const struct {
		size_t size;
		void (*detach)(void *, row_id);
		void (*attach)(void *, row_id);
		map_equal *equal;
	} rows[TABLES_END] = {
		[GLOBALS] = {sizeof(struct globals), globals_stay, globals_stay,
			     NULL},
		[MARKETS] = {sizeof(struct market), detach_market,
			     attach_market, is_market},
		[GENERATORS] = {sizeof(struct generator), detach_generator,
				attach_generator, is_generator},
		[QUOTES] = {sizeof(struct quote), detach_quote, attach_quote,
			    is_quote},
		[REQUESTS] = {sizeof(struct request), detach_request,
			      attach_request, is_request},
	};
	enum err e = ERR_NONE;

	for (int t = GLOBALS; t < TABLES_END && !e; t++) {
		struct table_hooks hooks = {rows[t].detach, rows[t].attach, b};

		e = table_new(&b->tables[t], (uint8_t)t, rows[t].size, b->undo,
			      &hooks);
		if (!e && rows[t].equal)
			e = map_new(&b->maps[t], rows[t].equal, b);
	}
	return e;
}

enum err book_new(struct book **out, unsigned depth)
{
	struct book *b = calloc(1, sizeof *b);
	enum err e;

	if (!b)
		return ERR_NO_MEMORY;
	e = undo_new(&b->undo, depth);
	if (!e)
		e = open_tables(b);
	if (e)
		book_free(&b);
	*out = b;
	return e;
}

void book_free(struct book **book)
{
	struct book *b = *book;

	if (!b)
		return;
	for (int t = GLOBALS; t < TABLES_END; t++) {
		table_free(&b->tables[t]);
		map_free(&b->maps[t]);
	}
	undo_free(&b->undo);
	free(b);
	*book = NULL;
}

struct book_sizes book_sizes(const struct book *b)
{
	struct book_sizes s = {
		.markets = table_count(b->tables[MARKETS]),
		.generators = table_count(b->tables[GENERATORS]),
		.quotes = table_count(b->tables[QUOTES]),
		.open = table_count(b->tables[REQUESTS]),
	};

	if (b->globals) {
		s.assigned = globals(b)->assigned;
		s.open -= s.assigned;
		s.suspended = globals(b)->suspended;
		s.block = globals(b)->block;
	}
	return s;
}

/* ---- saying ------------------------------------------------------------- */

/* Every delta counts towards its block. */
enum err count(struct book *b, enum err e)
{
	struct globals *g;

	if (e)
		return e;
	g = table_edit(b->tables[GLOBALS], b->globals);
	if (!g)
		return ERR_NO_MEMORY;
	g->entries++;
	return ERR_NONE;
}

enum err say_generator(struct book *b, struct sink *out, row_id row)
{
	return count(b,
		     book_send_generator_set(out, &generator_at(b, row)->set));
}

enum err say_quote(struct book *b, struct sink *out, row_id row)
{
	return count(b, book_send_quote_set(out, &quote_at(b, row)->set));
}

static enum err suspend(struct book *b, struct sink *out, struct place at,
			const struct msg_suspended *what, const char *reason)
{
	struct msg_suspended m = *what;
	struct globals *g = table_edit(b->tables[GLOBALS], b->globals);

	if (!g)
		return ERR_NO_MEMORY;
	g->suspended++;
	m.at = at;
	m.reason = (struct bytes){(const uint8_t *)reason, strlen(reason)};
	return count(b, book_send_suspended(out, &m));
}

enum err suspend_request(struct book *b, struct sink *out, struct place at,
			 uint64_t id, const char *reason)
{
	struct msg_suspended m = {.request_id = id};

	return suspend(b, out, at, &m, reason);
}

enum err suspend_generator(struct book *b, struct sink *out, struct place at,
			   const struct address *who, const char *reason)
{
	struct msg_suspended m = {.generator = *who};

	return suspend(b, out, at, &m, reason);
}

enum err suspend_market(struct book *b, struct sink *out, struct place at,
			uint64_t id, const char *reason)
{
	struct msg_suspended m = {.market_id = id};

	return suspend(b, out, at, &m, reason);
}

/* ---- blocks ------------------------------------------------------------- */

enum err book_on_chain_opened(struct book *b, struct sink *out,
			      const struct msg_chain_opened *m)
{
	struct msg_book_opened opened = {.chain_id = m->chain_id,
					 .marketplace = m->marketplace};

	b->globals = table_add(b->tables[GLOBALS]);
	if (!b->globals)
		return ERR_NO_MEMORY;
	return book_send_book_opened(out, &opened);
}

enum err book_on_block_mark(struct book *b, struct sink *out,
			    const struct msg_block_mark *m)
{
	struct globals *g = table_edit(b->tables[GLOBALS], b->globals);
	struct msg_block_closed closed = {.block = m->block};
	enum err e;

	if (!g)
		return ERR_NO_MEMORY;
	closed.entries = g->entries;
	g->entries = 0;
	g->block = m->block;
	e = undo_close(b->undo, m->block.number);
	return e ? e : book_send_block_closed(out, &closed);
}

static void undo_one(void *arg, const struct undo_record *r, const void *bytes)
{
	struct book *b = arg;

	table_undo(b->tables[r->table], r, bytes);
}

enum err book_on_rollback(struct book *b, struct sink *out,
			  const struct msg_rollback *m)
{
	struct msg_book_rolled_back back = {.to = m->to};
	enum err e = undo_to(b->undo, m->to.number, undo_one, b);

	if (e)
		return e;
	/* Undone to before the first block: the row of globals went, too. */
	if (!table_count(b->tables[GLOBALS]))
		b->globals = table_add(b->tables[GLOBALS]);
	return b->globals ? book_send_book_rolled_back(out, &back)
			  : ERR_NO_MEMORY;
}

/* ---- hash and snapshots ------------------------------------------------- */

/* *sum += v, modulo 2^256. */
static void add_wrapping(struct u256 *sum, struct u256 v)
{
	u128 carry = 0;

	for (unsigned i = 0; i < 4; i++) {
		carry += (u128)sum->limb[i] + v.limb[i];
		sum->limb[i] = (uint64_t)carry;
		carry >>= 64;
	}
}

/* Rows are added up, so that their order doesn't count. */
static void add_to_hash(struct u256 *sum, uint8_t table,
			const struct wire_message *d, const void *m,
			const void *more, size_t more_size)
{
	struct buf bytes = {0};
	struct sha256 sha;
	struct hash32 h;

	wire_encode(d, m, &bytes);
	sha256_init(&sha);
	sha256_update(&sha, &table, 1);
	sha256_update(&sha, bytes.data, bytes.size);
	sha256_update(&sha, more, more_size);
	sha256_final(&sha, &h);
	buf_free(&bytes);
	add_wrapping(sum, u256_from_be32(h.bytes));
}

void book_hash(const struct book *b, struct hash32 *out)
{
	struct u256 sum = U256_ZERO;
	row_id row = 0;

	while ((row = table_next(b->tables[MARKETS], row)))
		add_to_hash(&sum, MARKETS, &msg_market_set_wire,
			    &market_at(b, row)->set, NULL, 0);
	while ((row = table_next(b->tables[GENERATORS], row))) {
		const struct generator *g = generator_at(b, row);

		add_to_hash(&sum, GENERATORS, &msg_generator_set_wire, &g->set,
			    &g->leaving, sizeof g->leaving);
	}
	while ((row = table_next(b->tables[QUOTES], row)))
		add_to_hash(&sum, QUOTES, &msg_quote_set_wire,
			    &quote_at(b, row)->set, NULL, 0);
	while ((row = table_next(b->tables[REQUESTS], row))) {
		const struct request *r = request_at(b, row);

		add_to_hash(&sum, REQUESTS, &msg_request_record_wire,
			    &r->record, &r->assigned, sizeof r->assigned);
	}
	u256_to_be32(out->bytes, &sum);
}

enum err book_save(struct book *b, struct buf *out)
{
	buf_put_be32(out, STATE_VERSION);
	buf_put_be32(out, b->globals);
	undo_save(b->undo, out);
	for (int t = GLOBALS; t < TABLES_END; t++)
		table_save(b->tables[t], out);
	return buf_err(out);
}

enum err book_load(struct book *b, struct bytes state)
{
	struct scan in = scan_begin(state);
	enum err e;

	if (scan_be32(&in) != STATE_VERSION)
		return ERR_MALFORMED;
	b->globals = scan_be32(&in);
	e = undo_load(b->undo, &in);
	for (int t = GLOBALS; t < TABLES_END && !e; t++)
		e = table_load(b->tables[t], &in);
	return e ? e : scan_done(&in);
}
