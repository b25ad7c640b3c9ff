/* Tables, the maps over them, and one undo for all. */
#include "common/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "common/map.h"
#include "common/scan.h"
#include "common/sha256.h"
#include "common/u256.h"

enum { HEADER_BYTES = 8 + sizeof(struct hash32) /* of a snapshot */ };

struct part {
	const struct state_table *is;
	struct table *table; /* the same as in state_tables */
	struct map *map;     /* NULL without keys */
	struct order *order; /* NULL without an order */
	struct state *state;
};

struct state {
	struct state_tables is; /* first: state_row() reads it */
	struct undo *undo;
	state_watch_fn *watch;
	void *core;
	unsigned count;
	struct part parts[];
};

static uint64_t hash_of(const struct part *p, row_id row)
{
	return p->is->hash(table_row(p->table, row));
}

static void leave_indexes(struct part *p, row_id row)
{
	if (p->order)
		order_remove(p->order, row);
	if (p->map)
		map_remove(p->map, hash_of(p, row), row);
}

static enum err enter_indexes(struct part *p, row_id row)
{
	enum err e = p->map ? map_add(p->map, hash_of(p, row), row) : ERR_NONE;

	return e || !p->order ? e : order_add(p->order, row);
}

static void watch(const struct part *p, row_id row, const void *next)
{
	struct state *s = p->state;

	if (s->watch)
		s->watch(s->core, (unsigned)(p - s->parts), row, next);
}

/* What indexes go by stays the same as long as a row lives. */
static void detach(void *part, row_id row, const void *next)
{
	watch(part, row, next);
	if (!next)
		leave_indexes(part, row);
}

static void attach(void *part, row_id row, bool came)
{
	/* Undo and load put back what there was memory for. */
	if (came && enter_indexes(part, row))
		abort();
	watch(part, row, table_row(((struct part *)part)->table, row));
}

static bool has_key(const void *arg, uint32_t row, const void *key)
{
	const struct part *p = arg;

	return p->is->equal(table_row(p->table, row), key);
}

enum err state_new(struct state **out, const struct state_table *tables,
		   unsigned count, unsigned depth)
{
	struct state *s = calloc(1, sizeof *s + count * sizeof s->parts[0]);
	enum err e;

	if (!s)
		return ERR_NO_MEMORY;
	s->count = count;
	assert(count <= STATE_TABLES_MAX);
	e = undo_new(&s->undo, depth);
	for (unsigned t = 0; t < count && !e; t++) {
		struct part *p = &s->parts[t];
		struct table_hooks hooks = {detach, attach, p};

		p->is = &tables[t];
		p->state = s;
		e = table_new(&p->table, (uint8_t)t, &tables[t].shape, s->undo,
			      &hooks);
		s->is.tables[t] = p->table;
		if (!e && tables[t].hash)
			e = map_new(&p->map, has_key, p);
		if (!e && tables[t].compare)
			e = order_new(&p->order, p->table, tables[t].compare);
	}
	if (e)
		state_free(&s);
	*out = s;
	return e;
}

void state_free(struct state **state)
{
	struct state *s = *state;

	if (!s)
		return;
	for (unsigned t = 0; t < s->count; t++) {
		order_free(&s->parts[t].order);
		table_free(&s->parts[t].table);
		map_free(&s->parts[t].map);
	}
	undo_free(&s->undo);
	free(s);
	*state = NULL;
}

void state_watch(struct state *s, state_watch_fn *fn, void *core)
{
	s->watch = fn;
	s->core = core;
}

row_id state_find(const struct state *s, unsigned table, uint64_t hash,
		  const void *key)
{
	return map_get(s->parts[table].map, hash, key);
}

row_id state_add(struct state *s, unsigned table, const void *row_bytes)
{
	struct part *p = &s->parts[table];
	row_id row = table_add(p->table, row_bytes);

	return !row || enter_indexes(p, row) ? 0 : row;
}

enum err state_remove(struct state *s, unsigned table, row_id row)
{
	struct part *p = &s->parts[table];
	enum err e;

	leave_indexes(p, row);
	e = table_remove(p->table, row);
	/* Without memory it stays where it was, and so does its key. */
	if (e && enter_indexes(p, row))
		abort();
	return e;
}

bool state_has(const struct state *s, unsigned table, row_id row)
{
	return table_has(s->parts[table].table, row);
}

size_t state_count(const struct state *s, unsigned table)
{
	return table_count(s->parts[table].table);
}

row_id state_next(const struct state *s, unsigned table, row_id row)
{
	return table_next(s->parts[table].table, row);
}

const struct order *state_order(const struct state *s, unsigned table)
{
	return s->parts[table].order;
}

enum err state_close(struct state *s, uint64_t number)
{
	return undo_close(s->undo, number);
}

static void undo_one(void *arg, const struct undo_record *r, const void *bytes)
{
	struct state *s = arg;

	table_undo(s->parts[r->table].table, r, bytes);
}

enum err state_roll_back(struct state *s, uint64_t number)
{
	return undo_to(s->undo, number, undo_one, s);
}

/* What is behind the size and the hash is believed: it is ours. */
void state_save(const struct state *s, struct buf *out)
{
	size_t at = out->size;
	struct hash32 hash;

	buf_put_zeros(out, HEADER_BYTES);
	undo_save(s->undo, out);
	for (unsigned t = 0; t < s->count; t++)
		table_save(s->parts[t].table, out);
	if (buf_failed(out))
		return;
	be64_put(out->data + at, out->size - at - HEADER_BYTES);
	sha256_of(&hash, out->data + at + HEADER_BYTES,
		  out->size - at - HEADER_BYTES);
	memcpy(out->data + at + 8, hash.bytes, sizeof hash.bytes);
}

enum err state_load(struct state *s, struct scan *in)
{
	uint64_t size = scan_be64(in);
	const uint8_t *hash = scan_take(in, sizeof(struct hash32));
	const uint8_t *bytes = scan_take(in, size);
	struct hash32 is;
	struct scan own;
	enum err e;

	if (!hash || !bytes)
		return ERR_MALFORMED;
	sha256_of(&is, bytes, size);
	if (memcmp(is.bytes, hash, sizeof is.bytes) != 0)
		return ERR_MALFORMED;
	own = scan_begin((struct bytes){bytes, size});
	e = undo_load(s->undo, &own);
	for (unsigned t = 0; t < s->count && !e; t++)
		e = table_load(s->parts[t].table, &own);
	return e ? e : scan_done(&own);
}

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

void state_hash(const struct state *s, state_describe *const *describe,
		const void *core, struct hash32 *out)
{
	struct u256 sum = U256_ZERO;
	struct buf bytes = {0};

	for (unsigned t = 0; t < s->count; t++) {
		if (!describe[t])
			continue;
		for (row_id row = state_next(s, t, 0); row;
		     row = state_next(s, t, row)) {
			struct hash32 h;

			buf_clear(&bytes);
			buf_put_u8(&bytes, (uint8_t)t);
			describe[t](core, row, &bytes);
			sha256_of(&h, bytes.data, bytes.size);
			add_wrapping(&sum, u256_from_be32(h.bytes));
		}
	}
	buf_free(&bytes);
	u256_to_be32(out->bytes, &sum);
}
