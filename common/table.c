/* A pool of rows, and one of what is known of each: the next free number, and a
 * stamp that says whether undo has the row already. */
#include "common/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan.h"

enum { IN_USE = UINT32_MAX /* in place of the next free number */ };

struct table {
	struct table_head is; /* first; about.count: numbers given out so far */
	uint8_t index;
	struct undo *undo;
	struct table_hooks hooks;
	row_id free; /* first free number, 0 if none */
	size_t count;
};

enum err table_new(struct table **out, uint8_t index, size_t row_size,
		   struct undo *undo, const struct table_hooks *hooks)
{
	struct table *t = calloc(1, sizeof *t);

	*out = t;
	if (!t)
		return ERR_NO_MEMORY;
	*t = (struct table){.index = index, .undo = undo, .hooks = *hooks};
	t->is.stamp = undo_stamp(undo);
	pool_open(&t->is.rows, (row_size + 15) & ~(size_t)15);
	pool_open(&t->is.about, sizeof(struct table_about));
	return ERR_NONE;
}

void table_free(struct table **table)
{
	struct table *t = *table;

	if (!t)
		return;
	pool_free(&t->is.rows);
	pool_free(&t->is.about);
	free(t);
	*table = NULL;
}

static row_id made(const struct table *t)
{
	return t->is.about.count;
}

static struct table_about *about(const struct table *t, row_id row)
{
	return pool_at(&t->is.about, row - 1);
}

static void *bytes_of(const struct table *t, row_id row)
{
	return pool_at(&t->is.rows, row - 1);
}

static bool in_use(const struct table *t, row_id row)
{
	return row && row <= made(t) && about(t, row)->next_free == IN_USE;
}

/* Put @row into use: the first free number, or a new one. */
static row_id occupy(struct table *t)
{
	row_id row = t->free;

	if (row) {
		t->free = about(t, row)->next_free;
	} else {
		row = made(t) + 1;
		if (!pool_reach(&t->is.rows, row) || !pool_grow(&t->is.about))
			return 0;
	}
	about(t, row)->next_free = IN_USE;
	t->count++;
	return row;
}

static void vacate(struct table *t, row_id row)
{
	memset(bytes_of(t, row), 0, t->is.rows.size);
	about(t, row)->next_free = t->free;
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
	about(t, row)->stamp = *t->is.stamp;
	return row;
}

#ifdef __SANITIZE_ADDRESS__
void table_check(const struct table *t, row_id row)
{
	assert(in_use(t, row));
}
#endif

enum err table_keep(struct table *t, row_id row)
{
	struct undo_record r = {t->index, UNDO_EDITED, row,
				(uint32_t)t->is.rows.size};
	enum err e = undo_keep(t->undo, &r, bytes_of(t, row));

	if (!e)
		about(t, row)->stamp = *t->is.stamp;
	return e;
}

enum err table_remove(struct table *t, row_id row)
{
	struct undo_record r = {t->index, UNDO_REMOVED, row,
				(uint32_t)t->is.rows.size};
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
	while (++row <= made(t))
		if (in_use(t, row))
			return row;
	return 0;
}

void table_undo(struct table *t, const struct undo_record *r, const void *bytes)
{
	switch ((enum undo_kind)r->kind) {
	case UNDO_ADDED:
		t->hooks.detach(t->hooks.core, r->row, NULL);
		vacate(t, r->row);
		break;
	case UNDO_EDITED:
		t->hooks.detach(t->hooks.core, r->row, bytes);
		memcpy(bytes_of(t, r->row), bytes, t->is.rows.size);
		t->hooks.attach(t->hooks.core, r->row);
		break;
	case UNDO_REMOVED: {
		/* Undone newest first, so the free list is as it was then. */
		row_id row = occupy(t);

		assert(row == r->row);
		memcpy(bytes_of(t, row), bytes, t->is.rows.size);
		t->hooks.attach(t->hooks.core, row);
		break;
	}
	}
}

/* ---- snapshots ---------------------------------------------------------- */

void table_save(const struct table *t, struct buf *out)
{
	buf_put_be32(out, made(t));
	buf_put_be32(out, t->free);
	buf_put_be32(out, (uint32_t)t->is.rows.size);
	for (row_id row = 1; row <= made(t); row++) {
		buf_put_be32(out, about(t, row)->next_free);
		if (in_use(t, row))
			buf_put(out, bytes_of(t, row), t->is.rows.size);
	}
}

/* Whether free rows, and all of them, are chained from @first on. */
static bool free_rows_are_chained(const struct table *t, row_id first)
{
	size_t left = made(t) - t->count;

	for (row_id row = first; row; row = about(t, row)->next_free)
		if (row > made(t) || in_use(t, row) || !left--)
			return false;
	return left == 0;
}

enum err table_load(struct table *t, struct scan *in)
{
	uint32_t rows = scan_be32(in), first_free = scan_be32(in);

	if (scan_be32(in) != t->is.rows.size || made(t))
		return ERR_MALFORMED;
	for (row_id row = 1; row <= rows && !in->bad; row++) {
		if (!occupy(t))
			return ERR_NO_MEMORY;
		about(t, row)->next_free = scan_be32(in);
		if (in_use(t, row))
			scan_bytes(in, bytes_of(t, row), t->is.rows.size);
		else
			t->count--;
	}
	if (in->bad || !free_rows_are_chained(t, first_free))
		return ERR_MALFORMED;
	t->free = first_free;
	for (row_id row = table_next(t, 0); row; row = table_next(t, row))
		t->hooks.attach(t->hooks.core, row);
	return ERR_NONE;
}
