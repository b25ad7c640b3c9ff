/* A pool of rows, and one of free numbers. */
#include "common/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan.h"

enum { IN_USE = UINT32_MAX /* in place of the next free number */ };

struct table {
	struct table_head is;  /* first */
	struct pool next_free; /* row_id, by row; count: given out so far */
	struct table_hooks hooks;
	void *next;  /* room for a row that undo is about to bring */
	row_id free; /* first free number, 0 if none */
	size_t count;
};

enum err table_new(struct table **out, uint8_t index,
		   const struct table_shape *shape, struct undo *undo,
		   const struct table_hooks *hooks)
{
	struct table *t = calloc(1, sizeof *t);

	*out = t;
	if (!t)
		return ERR_NO_MEMORY;
	*t = (struct table){
		.is = {.undo = undo, .shape = *shape, .index = index},
		.hooks = *hooks};
	pool_open(&t->is.rows, TABLE_ITEM_BYTES(shape->row_size));
	pool_open(&t->next_free, sizeof(row_id));
	t->next = malloc(shape->row_size);
	if (!t->next) {
		table_free(out);
		return ERR_NO_MEMORY;
	}
	return ERR_NONE;
}

void table_free(struct table **table)
{
	struct table *t = *table;

	if (!t)
		return;
	pool_free(&t->is.rows);
	pool_free(&t->next_free);
	free(t->next);
	free(t);
	*table = NULL;
}

static row_id made(const struct table *t)
{
	return t->next_free.count;
}

static row_id *next_free(const struct table *t, row_id row)
{
	return pool_item(&t->next_free, row - 1, sizeof(row_id));
}

static void *bytes_of(const struct table *t, row_id row)
{
	return pool_at(&t->is.rows, row - 1);
}

static bool in_use(const struct table *t, row_id row)
{
	return row && row <= made(t) && *next_free(t, row) == IN_USE;
}

/* Put @row into use: the first free number, or a new one. */
static row_id occupy(struct table *t)
{
	row_id row = t->free;

	if (row) {
		t->free = *next_free(t, row);
	} else {
		row = made(t) + 1;
		if (!pool_reach(&t->is.rows, row) || !pool_grow(&t->next_free))
			return 0;
	}
	*next_free(t, row) = IN_USE;
	t->count++;
	return row;
}

static void vacate(struct table *t, row_id row)
{
	*next_free(t, row) = t->free;
	t->free = row;
	t->count--;
}

row_id table_add(struct table *t, const void *bytes)
{
	struct undo_record r = {0, 0, t->is.index, UNDO_ADDED};
	row_id row = occupy(t);
	char *at;

	if (!row)
		return 0;
	r.row = row;
	if (undo_keep(t->is.undo, &r, NULL)) {
		vacate(t, row);
		return 0;
	}
	/* What is added in a block needs no earlier bytes in it. */
	at = bytes_of(t, row);
	memcpy(at, bytes, t->is.shape.row_size);
	*table_stamp(at, t->is.rows.size) = undo_stamp(t->is.undo) | 1;
	return row;
}

#ifdef __SANITIZE_ADDRESS__
void table_check(const struct table *t, row_id row)
{
	assert(in_use(t, row));
}
#endif

enum err table_keep(struct table *t, row_id row, bool all)
{
	const struct table_shape *is = &t->is.shape;
	struct undo_record r = {row, all ? is->row_size : is->touched_size,
				t->is.index, all ? UNDO_EDITED : UNDO_TOUCHED};
	char *bytes = bytes_of(t, row);
	enum err e =
		undo_keep(t->is.undo, &r, bytes + (all ? 0 : is->touched_at));

	if (!e)
		*table_stamp(bytes, t->is.rows.size) =
			undo_stamp(t->is.undo) | all;
	return e;
}

enum err table_remove(struct table *t, row_id row)
{
	struct undo_record r = {row, t->is.shape.row_size, t->is.index,
				UNDO_REMOVED};
	enum err e;

	assert(in_use(t, row));
	e = undo_keep(t->is.undo, &r, bytes_of(t, row));
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
	while (++row <= made(t))
		if (in_use(t, row))
			return row;
	return 0;
}

/* Bytes from @at on of @row will be @bytes again. */
static void undo_edit(struct table *t, row_id row, const void *bytes, size_t at,
		      size_t size)
{
	/* A whole one, aligned as rows are. */
	if (size < t->is.shape.row_size)
		memcpy(t->next, bytes_of(t, row), t->is.shape.row_size);
	memcpy((char *)t->next + at, bytes, size);
	t->hooks.detach(t->hooks.core, row, t->next);
	memcpy((char *)bytes_of(t, row) + at, bytes, size);
	t->hooks.attach(t->hooks.core, row, false);
}

void table_undo(struct table *t, const struct undo_record *r, const void *bytes)
{
	const struct table_shape *is = &t->is.shape;

	switch ((enum undo_kind)r->kind) {
	case UNDO_ADDED:
		t->hooks.detach(t->hooks.core, r->row, NULL);
		vacate(t, r->row);
		break;
	case UNDO_EDITED:
		undo_edit(t, r->row, bytes, 0, is->row_size);
		break;
	case UNDO_TOUCHED:
		undo_edit(t, r->row, bytes, is->touched_at, is->touched_size);
		break;
	case UNDO_REMOVED: {
		/* Undone newest first, so the free list is as it was then. */
		row_id row = occupy(t);

		assert(row == r->row);
		memcpy(bytes_of(t, row), bytes, is->row_size);
		t->hooks.attach(t->hooks.core, row, true);
		break;
	}
	}
}

/* ---- snapshots ---------------------------------------------------------- */

void table_save(const struct table *t, struct buf *out)
{
	buf_put_be32(out, made(t));
	buf_put_be32(out, t->free);
	buf_put_be32(out, t->is.shape.row_size);
	for (row_id row = 1; row <= made(t); row++) {
		buf_put_be32(out, *next_free(t, row));
		if (in_use(t, row))
			buf_put(out, bytes_of(t, row), t->is.shape.row_size);
	}
}

/* Whether free rows, and all of them, are chained from @first on. */
static bool free_rows_are_chained(const struct table *t, row_id first)
{
	size_t left = made(t) - t->count;

	for (row_id row = first; row; row = *next_free(t, row))
		if (row > made(t) || in_use(t, row) || !left--)
			return false;
	return left == 0;
}

enum err table_load(struct table *t, struct scan *in)
{
	uint32_t rows = scan_be32(in), first_free = scan_be32(in);

	if (scan_be32(in) != t->is.shape.row_size || made(t))
		return ERR_MALFORMED;
	for (row_id row = 1; row <= rows && !in->bad; row++) {
		if (!occupy(t))
			return ERR_NO_MEMORY;
		*next_free(t, row) = scan_be32(in);
		if (in_use(t, row))
			scan_bytes(in, bytes_of(t, row), t->is.shape.row_size);
		else
			t->count--;
	}
	if (in->bad || !free_rows_are_chained(t, first_free))
		return ERR_MALFORMED;
	t->free = first_free;
	for (row_id row = table_next(t, 0); row; row = table_next(t, row))
		t->hooks.attach(t->hooks.core, row, true);
	return ERR_NONE;
}
