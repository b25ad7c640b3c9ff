/* shelf - a table whose rows are found in several orders. */
#ifndef SERVICES_WEBHOOK_GATEWAY_SHELF_H
#define SERVICES_WEBHOOK_GATEWAY_SHELF_H

#include "common/order.h"

struct shelf;

struct shelf_order {
	order_compare *compare;
	/* Whether a row stands in this order; NULL: every row does. */
	bool (*holds)(const void *row);
	bool moves; /* a change can alter its key, or whether it stands here */
};

enum { SHELF_ORDERS_MAX = 8 };

struct shelf_kind {
	size_t row_size;
	unsigned orders_count;
	struct shelf_order orders[SHELF_ORDERS_MAX];
};

/* @index as for table_new(). Borrows @kind and @undo. ERR_NO_MEMORY */
NODISCARD enum err shelf_new(struct shelf **out, uint8_t index,
			     const struct shelf_kind *kind, struct undo *undo);
void shelf_free(struct shelf **shelf);

/* A copy of @row_bytes, row_size of the kind; no row of its keys is there. 0
 * if memory ran out; the shelf must not be used then. */
row_id shelf_add(struct shelf *s, const void *row_bytes);

/* The row, to be read. */
const void *shelf_row(const struct shelf *s, row_id row);

/* The row, to be changed until shelf_done(@row) puts it where it belongs now.
 * NULL if memory ran out; the shelf must not be used then. */
void *shelf_edit(struct shelf *s, row_id row);
NODISCARD enum err shelf_done(struct shelf *s, row_id row);

NODISCARD enum err shelf_remove(struct shelf *s, row_id row);

/* As order_at(), order_before() and order_after(): rows, not numbers, for
 * those who only read; NULL if there is none. */
row_id shelf_find(const struct shelf *s, unsigned order, const void *probe);
const void *shelf_at(const struct shelf *s, unsigned order, const void *probe);
const void *shelf_before(const struct shelf *s, unsigned order,
			 const void *probe);
const void *shelf_after(const struct shelf *s, unsigned order,
			const void *probe);

/* Rows that stand in @order. */
size_t shelf_count(const struct shelf *s, unsigned order);

/* Undo one record of this shelf's table: to be called from an undo_fn. */
void shelf_undo(struct shelf *s, const struct undo_record *r,
		const void *bytes);

#endif /* SERVICES_WEBHOOK_GATEWAY_SHELF_H */
