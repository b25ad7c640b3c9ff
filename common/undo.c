/* A queue of blocks, each a chain of segments filled with records. */
#include "common/undo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan.h"

enum { SEGMENT_BYTES = 64 * 1024 - 32, SPARES_MAX = 64 };

/* Records lie behind each other: bytes, padding, then the record itself, so
 * that the chain is walked from its end. */
struct segment {
	struct segment *before;
	uint32_t used;
	_Alignas(8) uint8_t bytes[SEGMENT_BYTES];
};

struct block {
	uint64_t number;
	struct segment *last; /* NULL: nothing was changed */
};

_Static_assert(sizeof(struct undo_record) == 8, "records are aligned");

struct undo {
	struct undo_head is; /* first */
	unsigned depth;
	struct block *ring; /* depth closed blocks, oldest at `first` */
	unsigned first, count;
	struct block open;
	bool forgot; /* a closed block has been forgotten: not from the start */
	uint64_t forgotten; /* the newest of them */
	/* Kept, so that blocks cost no malloc: up to SPARES_MAX. */
	struct segment *spare;
	unsigned spares;
};

enum err undo_new(struct undo **out, unsigned depth)
{
	struct undo *u = calloc(1, sizeof *u);

	if (u)
		u->ring = calloc(depth, sizeof u->ring[0]);
	if (!u || !u->ring) {
		free(u);
		return ERR_NO_MEMORY;
	}
	u->depth = depth;
	u->is.stamp = 2;
	*out = u;
	return ERR_NONE;
}

static void free_block(struct undo *u, struct block *b)
{
	while (b->last) {
		struct segment *s = b->last;

		b->last = s->before;
		if (u->spares == SPARES_MAX) {
			free(s);
			continue;
		}
		s->before = u->spare;
		u->spare = s;
		u->spares++;
	}
}

static struct segment *take_segment(struct undo *u)
{
	struct segment *s = u->spare;

	if (!s)
		return malloc(sizeof *s);
	u->spare = s->before;
	u->spares--;
	return s;
}

void undo_free(struct undo **undo)
{
	struct undo *u = *undo;

	if (!u)
		return;
	free_block(u, &u->open);
	for (unsigned i = 0; i < u->count; i++)
		free_block(u, &u->ring[(u->first + i) % u->depth]);
	while (u->spare)
		free(take_segment(u));
	free(u->ring);
	free(u);
	*undo = NULL;
}

/* What the open block's last segment holds is known from where the next record
 * would be. */
static void settle(struct undo *u)
{
	struct segment *s = u->open.last;

	if (s)
		s->used = (uint32_t)(u->is.next - s->bytes);
}

/* No block is open, and the next record needs a segment. */
static void no_room(struct undo *u)
{
	u->open.last = NULL;
	u->is.next = u->is.end = NULL;
}

static struct segment *add_segment(struct undo *u)
{
	struct segment *s = take_segment(u);

	if (!s)
		return NULL;
	settle(u);
	s->before = u->open.last;
	s->used = 0;
	u->open.last = s;
	u->is.next = s->bytes;
	u->is.end = s->bytes + SEGMENT_BYTES;
	return s;
}

enum err undo_make_room(struct undo *u, uint32_t size)
{
	assert(size <= SEGMENT_BYTES);
	return add_segment(u) ? ERR_NONE : ERR_NO_MEMORY;
}

static void next_stamp(struct undo *u)
{
	u->is.stamp += 2;
	if (u->is.stamp == 0)
		u->is.stamp = 2;
}

enum err undo_close(struct undo *u, uint64_t number)
{
	struct block *slot;

	if (u->count == u->depth) {
		struct block *oldest = &u->ring[u->first];

		u->forgot = true;
		u->forgotten = oldest->number;
		free_block(u, oldest);
		u->first = (u->first + 1) % u->depth;
		u->count--;
	}
	slot = &u->ring[(u->first + u->count++) % u->depth];
	settle(u);
	*slot = (struct block){number, u->open.last};
	no_room(u);
	next_stamp(u);
	return ERR_NONE;
}

bool undo_reaches(const struct undo *u, uint64_t number)
{
	return !u->forgot || number >= u->forgotten;
}

static void undo_block(struct undo *u, struct block *b, undo_fn *fn, void *arg)
{
	for (struct segment *s = b->last; s; s = s->before)
		while (s->used) {
			struct undo_record r;

			memcpy(&r, s->bytes + s->used - sizeof r, sizeof r);
			s->used -= undo_padded(r.size) + (uint32_t)sizeof r;
			fn(arg, &r, s->bytes + s->used);
		}
	free_block(u, b);
}

enum err undo_to(struct undo *u, uint64_t number, undo_fn *fn, void *arg)
{
	if (!undo_reaches(u, number))
		return ERR_FINALITY;
	settle(u);
	undo_block(u, &u->open, fn, arg);
	no_room(u);
	while (u->count) {
		struct block *b =
			&u->ring[(u->first + u->count - 1) % u->depth];

		if (b->number <= number)
			break;
		undo_block(u, b, fn, arg);
		u->count--;
	}
	next_stamp(u);
	return ERR_NONE;
}

/* ---- snapshots ---------------------------------------------------------- */

static uint64_t block_bytes(const struct block *b)
{
	uint64_t n = 0;

	for (const struct segment *s = b->last; s; s = s->before)
		n += s->used;
	return n;
}

/* Oldest segment first, so that loading fills them in the same order. */
static void save_segments(const struct segment *s, struct buf *out)
{
	if (!s)
		return;
	save_segments(s->before, out);
	buf_put_be32(out, s->used);
	buf_put(out, s->bytes, s->used);
}

void undo_save(const struct undo *u, struct buf *out)
{
	assert(!u->open.last);
	buf_put_u8(out, u->forgot);
	buf_put_be64(out, u->forgotten);
	buf_put_be32(out, u->count);
	for (unsigned i = 0; i < u->count; i++) {
		const struct block *b = &u->ring[(u->first + i) % u->depth];

		buf_put_be64(out, b->number);
		buf_put_be64(out, block_bytes(b));
		save_segments(b->last, out);
	}
}

static void load_block(struct undo *u, struct scan *in)
{
	uint64_t number = scan_be64(in), size = scan_be64(in);

	while (size && !in->bad) {
		uint32_t used = scan_be32(in);
		const uint8_t *bytes = scan_take(in, used);
		struct segment *s;

		if (!bytes || used > SEGMENT_BYTES || used > size) {
			in->bad = true;
			return;
		}
		s = add_segment(u);
		if (!s) {
			in->bad = true;
			return;
		}
		memcpy(s->bytes, bytes, used);
		u->is.next = s->bytes + used;
		size -= used;
	}
	if (undo_close(u, number))
		in->bad = true;
}

enum err undo_load(struct undo *u, struct scan *in)
{
	bool forgot = scan_u8(in);
	uint64_t forgotten = scan_be64(in);
	uint32_t count = scan_be32(in);

	while (count-- && !in->bad)
		load_block(u, in);
	/* A smaller depth than the one that was saved with forgets more. */
	u->forgotten = u->forgot ? u->forgotten : forgotten;
	u->forgot = u->forgot || forgot;
	return in->bad ? ERR_MALFORMED : ERR_NONE;
}
