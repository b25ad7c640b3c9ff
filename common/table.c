/* Segments of rows, a list of free numbers, and a stamp per row that says
 * whether undo has it already. */
#include "common/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan.h"

enum {
	SEGMENT_ROWS = TABLE_SEGMENT_ROWS,
	SEGMENTS_MAX = 1 << 20,
	SEGMENTS_START = 64,
	IN_USE = UINT32_MAX, /* in place of the next free number */
};

struct segment {
	row_id next_free[SEGMENT_ROWS]; /* IN_USE, or the next free number */
	uint32_t stamp[SEGMENT_ROWS];	/* of the last time it was kept */
	_Alignas(16) uint8_t rows[];
};

struct table {
	struct table_rows is;
	uint8_t index;
	struct undo *undo;
	struct table_hooks hooks;
	struct segment **segments; /* the array moves, segments never do */
	uint32_t segments_count, segments_room;
	row_id made; /* numbers given out so far: 1 to made */
	row_id free; /* first free number, 0 if none */
	size_t count;
};

enum err table_new(struct table **out, uint8_t index, size_t row_size,
		   struct undo *undo, const struct table_hooks *hooks)
{
	struct table *t = calloc(1, sizeof *t);

	if (!t)
		return ERR_NO_MEMORY;
	*t = (struct table){.index = index,
			    .is.row_size = (row_size + 15) & ~(size_t)15,
			    .undo = undo,
			    .hooks = *hooks};
	*out = t;
	return ERR_NONE;
}

void table_free(struct table **table)
{
	struct table *t = *table;

	if (!t)
		return;
	for (uint32_t i = 0; i < t->segments_count; i++)
		free(t->segments[i]);
	free(t->segments);
	free(t->is.rows);
	free(t);
	*table = NULL;
}

static struct segment *segment_of(const struct table *t, row_id row)
{
	return t->segments[(row - 1) / SEGMENT_ROWS];
}

static uint8_t *bytes_of(const struct table *t, row_id row)
{
	return t->is.rows[(row - 1) / SEGMENT_ROWS] +
	       (row - 1) % SEGMENT_ROWS * t->is.row_size;
}

static row_id *free_link(const struct table *t, row_id row)
{
	return &segment_of(t, row)->next_free[(row - 1) % SEGMENT_ROWS];
}

static uint32_t *stamp_of(const struct table *t, row_id row)
{
	return &segment_of(t, row)->stamp[(row - 1) % SEGMENT_ROWS];
}

static bool in_use(const struct table *t, row_id row)
{
	return row && row <= t->made && *free_link(t, row) == IN_USE;
}

static bool grow(void *array, size_t item, uint32_t room)
{
	void **at = array, *grown = realloc(*at, room * item);

	if (grown)
		*at = grown;
	return grown;
}

static bool add_segment(struct table *t)
{
	struct segment *s;

	if (t->segments_count == t->segments_room) {
		uint32_t room = t->segments_room ? 2 * t->segments_room
						 : SEGMENTS_START;

		if (!grow(&t->segments, sizeof t->segments[0], room) ||
		    !grow(&t->is.rows, sizeof t->is.rows[0], room))
			return false;
		t->segments_room = room;
	}
	if (t->segments_count == SEGMENTS_MAX)
		return false;
	s = calloc(1, sizeof *s + SEGMENT_ROWS * t->is.row_size);
	if (!s)
		return false;
	t->segments[t->segments_count] = s;
	t->is.rows[t->segments_count++] = s->rows;
	return true;
}

/* Put @row into use: the first free number, or a new one. */
static row_id occupy(struct table *t)
{
	row_id row = t->free;

	if (row) {
		t->free = *free_link(t, row);
	} else {
		if (t->made == t->segments_count * SEGMENT_ROWS &&
		    !add_segment(t))
			return 0;
		row = ++t->made;
	}
	*free_link(t, row) = IN_USE;
	t->count++;
	return row;
}

static void vacate(struct table *t, row_id row)
{
	memset(bytes_of(t, row), 0, t->is.row_size);
	*free_link(t, row) = t->free;
	t->free = row;
	t->count--;
}

row_id table_add(struct table *t)
{
	struct undo_record r = {t->index, UNDO_ADDED, 0, 0};
	row_id row = occupy(t);

	if (!row)
		return 0;
	r.row = row;
	if (undo_keep(t->undo, &r, NULL)) {
		vacate(t, row);
		return 0;
	}
	/* What is added in a block needs no earlier bytes in it. */
	*stamp_of(t, row) = undo_stamp(t->undo);
	return row;
}

#ifdef __SANITIZE_ADDRESS__
void table_check(const struct table *t, row_id row)
{
	assert(in_use(t, row));
}
#endif

void *table_edit(struct table *t, row_id row)
{
	uint32_t stamp = undo_stamp(t->undo);
	struct undo_record r = {t->index, UNDO_EDITED, row,
				(uint32_t)t->is.row_size};

	table_check(t, row);
	if (*stamp_of(t, row) == stamp)
		return bytes_of(t, row);
	if (undo_keep(t->undo, &r, bytes_of(t, row)))
		return NULL;
	*stamp_of(t, row) = stamp;
	return bytes_of(t, row);
}

enum err table_remove(struct table *t, row_id row)
{
	struct undo_record r = {t->index, UNDO_REMOVED, row,
				(uint32_t)t->is.row_size};
	enum err e;

	assert(in_use(t, row));
	e = undo_keep(t->undo, &r, bytes_of(t, row));
	if (!e)
		vacate(t, row);
	return e;
}

bool table_has(const struct table *t, row_id row)
{
	return in_use(t, row);
}

size_t table_count(const struct table *t)
{
	return t->count;
}

row_id table_next(const struct table *t, row_id row)
{
	while (++row <= t->made)
		if (in_use(t, row))
			return row;
	return 0;
}

void table_undo(struct table *t, const struct undo_record *r, const void *bytes)
{
	switch ((enum undo_kind)r->kind) {
	case UNDO_ADDED:
		t->hooks.detach(t->hooks.core, r->row);
		vacate(t, r->row);
		break;
	case UNDO_EDITED:
		t->hooks.detach(t->hooks.core, r->row);
		memcpy(bytes_of(t, r->row), bytes, t->is.row_size);
		t->hooks.attach(t->hooks.core, r->row);
		break;
	case UNDO_REMOVED: {
		/* Undone newest first, so the free list is as it was then. */
		row_id row = occupy(t);

		assert(row == r->row);
		memcpy(bytes_of(t, row), bytes, t->is.row_size);
		t->hooks.attach(t->hooks.core, row);
		break;
	}
	}
}

/* ---- snapshots ---------------------------------------------------------- */

void table_save(const struct table *t, struct buf *out)
{
	buf_put_be32(out, t->made);
	buf_put_be32(out, t->free);
	buf_put_be32(out, (uint32_t)t->is.row_size);
	for (row_id row = 1; row <= t->made; row++) {
		buf_put_be32(out, *free_link(t, row));
		if (in_use(t, row))
			buf_put(out, bytes_of(t, row), t->is.row_size);
	}
}

enum err table_load(struct table *t, struct scan *in)
{
	uint32_t made = scan_be32(in), first_free = scan_be32(in);

	if (scan_be32(in) != t->is.row_size || t->made)
		return ERR_MALFORMED;
	for (row_id row = 1; row <= made && !in->bad; row++) {
		if (!occupy(t))
			return ERR_NO_MEMORY;
		*free_link(t, row) = scan_be32(in);
		if (in_use(t, row))
			scan_bytes(in, bytes_of(t, row), t->is.row_size);
		else
			t->count--;
	}
	t->free = first_free;
	if (in->bad)
		return ERR_MALFORMED;
	for (row_id row = table_next(t, 0); row; row = table_next(t, row))
		t->hooks.attach(t->hooks.core, row);
	return ERR_NONE;
}
