/* table - rows of one size that never move, found by number, with undo.
 *
 * Rows live in a pool; a row's number is its own until it is removed, then
 * it may be given to another. Number 0 is none. Every change goes through
 * table_edit(), which keeps what the row was before for undo, or table_touch(),
 * which keeps a part of it.
 *
 * Indexes over rows (maps, trees, lists) are the core's: before a row changes
 * or goes, and after it came or changed, the core takes it out of them and
 * puts it in. When blocks are undone, the table calls the core back to do the
 * same. Rows must not hold pointers. */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include "common/pool.h"
#include "common/undo.h"

struct table;
struct scan;

typedef uint32_t row_id;

struct table_hooks {
	/* The row is about to be changed by undo into @next, or, if that is
	 * NULL, taken away. */
	void (*detach)(void *core, row_id row, const void *next);
	/* The row is as it was before; @came: there was none in between. */
	void (*attach)(void *core, row_id row, bool came);
	void *core;
};

/* What a table holds. Rows of 12 bytes more than a multiple of 16 waste none.
 */
struct table_shape {
	uint16_t row_size;
	/* What changes more often than the rest, both multiples of 4; 0: no
	 * part does. */
	uint16_t touched_at, touched_size;
};

/* @index names the table in undo records: below 256, unlike its siblings'.
 * Borrows @undo. ERR_NO_MEMORY */
NODISCARD enum err table_new(struct table **out, uint8_t index,
			     const struct table_shape *shape, struct undo *undo,
			     const struct table_hooks *hooks);
void table_free(struct table **table);

/* A new row, a copy of @bytes; 0 if memory ran out. */
NODISCARD row_id table_add(struct table *t, const void *bytes);

/* The row, to be read. @row is not 0 and in use; builds for tests check it. */
static inline const void *table_row(const struct table *t, row_id row);

/* The row, to be changed; NULL if memory ran out, and nothing changed. */
static inline void *table_edit(struct table *t, row_id row);

/* The same if only what is said to be touched changes. */
static inline void *table_touch(struct table *t, row_id row);

/* The row's number may be given to another from now on.
 * ERR_NO_MEMORY: nothing changed */
NODISCARD enum err table_remove(struct table *t, row_id row);

/* Whether @row, not 0, is in use. */
bool table_has(const struct table *t, row_id row);

/* Rows in use. */
size_t table_count(const struct table *t);

/* The smallest number in use above @row; 0 if there is none. */
row_id table_next(const struct table *t, row_id row);

/* Undo one record of this table: to be called from an undo_fn. */
void table_undo(struct table *t, const struct undo_record *r,
		const void *bytes);

/* All rows as bytes and back, into an empty table; attach() is called for each
 * row. ERR_MALFORMED, ERR_NO_MEMORY */
void table_save(const struct table *t, struct buf *out);
NODISCARD enum err table_load(struct table *t, struct scan *in);

#ifdef __SANITIZE_ADDRESS__
void table_check(const struct table *t, row_id row);
#else
static inline void table_check(const struct table *t, row_id row)
{
	(void)t;
	(void)row;
}
#endif

/* A table begins with this: rows are read and changed more often than anything
 * else is done. An item is a row and, at its end, the stamp of the last time
 * that undo was given the touched part of it, or, if it is odd, all of it. */
struct table_head {
	struct pool rows;
	struct undo *undo;
	struct table_shape shape;
	uint8_t index;
};

#define TABLE_ITEM_BYTES(row_size) (((size_t)(row_size) + 4 + 15) & ~(size_t)15)

/* Row @row of a table whose items have @item bytes. */
static inline void *table_item(const struct table *t, row_id row, size_t item)
{
	table_check(t, row);
	return pool_item(&((const struct table_head *)t)->rows, row - 1, item);
}

static inline uint32_t *table_stamp(void *row, size_t item)
{
	return (uint32_t *)((char *)row + item) - 1;
}

/* Give the row, or the touched part of it, to undo. ERR_NO_MEMORY */
NODISCARD enum err table_keep(struct table *t, row_id row, bool all);

static inline void *table_edit_item(struct table *t, row_id row, size_t item)
{
	void *at = table_item(t, row, item);
	uint32_t now = undo_stamp(((const struct table_head *)t)->undo);

	return *table_stamp(at, item) == (now | 1) || !table_keep(t, row, true)
		       ? at
		       : NULL;
}

static inline void *table_touch_item(struct table *t, row_id row, size_t item)
{
	void *at = table_item(t, row, item);
	uint32_t now = undo_stamp(((const struct table_head *)t)->undo);

	return (*table_stamp(at, item) | 1) == (now | 1) ||
			       !table_keep(t, row, false)
		       ? at
		       : NULL;
}

static inline size_t table_item_bytes(const struct table *t)
{
	return ((const struct table_head *)t)->rows.size;
}

static inline const void *table_row(const struct table *t, row_id row)
{
	return table_item(t, row, table_item_bytes(t));
}

static inline void *table_edit(struct table *t, row_id row)
{
	return table_edit_item(t, row, table_item_bytes(t));
}

static inline void *table_touch(struct table *t, row_id row)
{
	return table_touch_item(t, row, table_item_bytes(t));
}

#endif /* COMMON_TABLE_H */
