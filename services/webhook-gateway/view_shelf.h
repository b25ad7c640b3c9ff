/* view_shelf - a table whose rows are found in several orders. */
#ifndef SERVICES_WEBHOOK_GATEWAY_VIEW_SHELF_H
#define SERVICES_WEBHOOK_GATEWAY_VIEW_SHELF_H

#include "common/order.h"

struct view_shelf;

struct view_shelf_order {
	order_compare *compare;
	/* Whether a row stands in this order; NULL: every row does. */
	bool (*holds)(const void *row);
	bool moves; /* a change can alter its key, or whether it stands here */
};

enum { SHELF_ORDERS_MAX = 9 };

struct view_shelf_kind {
	size_t row_size;
	unsigned orders_count;
	struct view_shelf_order orders[SHELF_ORDERS_MAX];
};

/* @index as for table_new(). Borrows @kind and @undo. ERR_NO_MEMORY */
NODISCARD enum err view_shelf_new(struct view_shelf **out, uint8_t index,
				  const struct view_shelf_kind *kind,
				  struct undo *undo);
void view_shelf_free(struct view_shelf **shelf);

/* A copy of @row_bytes, row_size of the kind; no row of its keys is there. 0
 * if memory ran out; the shelf must not be used then. */
row_id view_shelf_add(struct view_shelf *s, const void *row_bytes);

/* The row, to be read. */
const void *view_shelf_row(const struct view_shelf *s, row_id row);

/* The row, to be changed until view_shelf_done(@row) puts it where it belongs
 * now; without orders that move there is nothing to put. NULL if memory ran
 * out; the shelf must not be used then. */
void *view_shelf_edit(struct view_shelf *s, row_id row);
NODISCARD enum err view_shelf_done(struct view_shelf *s, row_id row);

NODISCARD enum err view_shelf_remove(struct view_shelf *s, row_id row);

/* As order_at(), order_before() and order_after(): rows, not numbers, for
 * those who only read; NULL if there is none. */
row_id view_shelf_find(const struct view_shelf *s, unsigned order,
		       const void *probe);
const void *view_shelf_at(const struct view_shelf *s, unsigned order,
			  const void *probe);
const void *view_shelf_before(const struct view_shelf *s, unsigned order,
			      const void *probe);
const void *view_shelf_after(const struct view_shelf *s, unsigned order,
			     const void *probe);

/* Rows that stand in @order. */
size_t view_shelf_count(const struct view_shelf *s, unsigned order);

/* Undo one record of this shelf's table: to be called from an undo_fn. */
void view_shelf_undo(struct view_shelf *s, const struct undo_record *r,
		     const void *bytes);

#endif /* SERVICES_WEBHOOK_GATEWAY_VIEW_SHELF_H */
