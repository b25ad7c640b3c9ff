/* Keeps the orders of a table right while rows come, change, go and return. */
#include "services/webhook-gateway/view_shelf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct view_shelf {
	const struct view_shelf_kind *kind;
	struct table *table;
	struct order *orders[SHELF_ORDERS_MAX];
};

static bool stands(const struct view_shelf *s, unsigned order, row_id row)
{
	const struct view_shelf_order *o = &s->kind->orders[order];

	return !o->holds || o->holds(table_row(s->table, row));
}

static void take_out(struct view_shelf *s, row_id row, bool all)
{
	for (unsigned i = 0; i < s->kind->orders_count; i++)
		if ((all || s->kind->orders[i].moves) && stands(s, i, row))
			order_remove(s->orders[i], row);
}

static enum err put_in(struct view_shelf *s, row_id row, bool all)
{
	enum err e = ERR_NONE;

	for (unsigned i = 0; i < s->kind->orders_count && !e; i++)
		if ((all || s->kind->orders[i].moves) && stands(s, i, row))
			e = order_add(s->orders[i], row);
	return e;
}

static void detach(void *core, row_id row, const void *next)
{
	(void)next;
	take_out(core, row, true);
}

static void attach(void *core, row_id row, bool came)
{
	(void)came; /* what shelves are in order of may change */
	/* Undo puts back what there was memory for. */
	if (put_in(core, row, true))
		abort();
}

enum err view_shelf_new(struct view_shelf **out, uint8_t index,
			const struct view_shelf_kind *kind, struct undo *undo)
{
	struct view_shelf *s = calloc(1, sizeof *s);
	struct table_shape shape = {.row_size = (uint16_t)kind->row_size};
	struct table_hooks hooks = {detach, attach, s};
	enum err e;

	if (!s)
		return ERR_NO_MEMORY;
	assert(kind->row_size <= UINT16_MAX);
	s->kind = kind;
	e = table_new(&s->table, index, &shape, undo, &hooks);
	for (unsigned i = 0; i < kind->orders_count && !e; i++)
		e = order_new(&s->orders[i], s->table, kind->orders[i].compare);
	if (e)
		view_shelf_free(&s);
	*out = s;
	return e;
}

void view_shelf_free(struct view_shelf **shelf)
{
	struct view_shelf *s = *shelf;

	if (!s)
		return;
	for (unsigned i = 0; i < s->kind->orders_count; i++)
		order_free(&s->orders[i]);
	table_free(&s->table);
	free(s);
	*shelf = NULL;
}

row_id view_shelf_add(struct view_shelf *s, const void *row_bytes)
{
	row_id row = table_add(s->table, row_bytes);

	return !row || put_in(s, row, true) ? 0 : row;
}

const void *view_shelf_row(const struct view_shelf *s, row_id row)
{
	return table_row(s->table, row);
}

void *view_shelf_edit(struct view_shelf *s, row_id row)
{
	take_out(s, row, false);
	return table_edit(s->table, row);
}

enum err view_shelf_done(struct view_shelf *s, row_id row)
{
	return put_in(s, row, false);
}

enum err view_shelf_remove(struct view_shelf *s, row_id row)
{
	take_out(s, row, true);
	return table_remove(s->table, row);
}

static const void *row_or_null(const struct view_shelf *s, row_id row)
{
	return row ? table_row(s->table, row) : NULL;
}

row_id view_shelf_find(const struct view_shelf *s, unsigned order,
		       const void *probe)
{
	return order_at(s->orders[order], probe);
}

const void *view_shelf_at(const struct view_shelf *s, unsigned order,
			  const void *probe)
{
	return row_or_null(s, order_at(s->orders[order], probe));
}

const void *view_shelf_before(const struct view_shelf *s, unsigned order,
			      const void *probe)
{
	return row_or_null(s, order_before(s->orders[order], probe));
}

const void *view_shelf_after(const struct view_shelf *s, unsigned order,
			     const void *probe)
{
	return row_or_null(s, order_after(s->orders[order], probe));
}

size_t view_shelf_count(const struct view_shelf *s, unsigned order)
{
	return order_count(s->orders[order]);
}

void view_shelf_undo(struct view_shelf *s, const struct undo_record *r,
		     const void *bytes)
{
	table_undo(s->table, r, bytes);
}
