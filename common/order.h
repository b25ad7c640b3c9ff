/* order - rows of a table in the order of a key that lies in them.
 *
 * For pages and for the next one before or after. Lives beside the table, not
 * in its rows: undo doesn't know it, the table's hooks keep it right. A row is
 * taken out before its key changes or it goes, and put in after it came or
 * changed. Every operation is O(log n); nothing is ever rebuilt. */
#ifndef COMMON_ORDER_H
#define COMMON_ORDER_H

#include "common/table.h"

struct order;

/* Below, at or above 0 as the key in row @a stands before, at or after that in
 * row @b. No two rows of an order have the same key. */
typedef int order_compare(const void *a, const void *b);

/* Borrows @table while it lives. ERR_NO_MEMORY */
NODISCARD enum err order_new(struct order **out, const struct table *table,
			     order_compare *compare);
void order_free(struct order **order);

/* Put @row in; its key isn't there yet.
 * ERR_NO_MEMORY: it isn't in */
NODISCARD enum err order_add(struct order *o, row_id row);

/* Take @row out, by the key that it has now. */
void order_remove(struct order *o, row_id row);

/* The row whose key is that in @probe, the last one before it, the first one
 * after it; 0 if there is none. @probe is a row of which only the key counts;
 * it need not be in the table. */
row_id order_at(const struct order *o, const void *probe);
row_id order_before(const struct order *o, const void *probe);
row_id order_after(const struct order *o, const void *probe);

size_t order_count(const struct order *o);

#endif /* COMMON_ORDER_H */
