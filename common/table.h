/* table - rows of one size that never move, found by number, with undo.
 *
 * Rows live in a pool; a row's number is its own until it is removed, then
 * it may be given to another. Number 0 is none. Every change goes through
 * table_edit(), which keeps what the row was before for undo.
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
	/* The row is as it was before. */
	void (*attach)(void *core, row_id row);
	void *core;
};

/* @index names the table in undo records: below 256, unlike its siblings'.
 * Borrows @undo. ERR_NO_MEMORY */
NODISCARD enum err table_new(struct table **out, uint8_t index, size_t row_size,
			     struct undo *undo,
			     const struct table_hooks *hooks);
void table_free(struct table **table);

/* A new row, all zero; 0 if memory ran out. */
NODISCARD row_id table_add(struct table *t);

/* The row, to be read. @row is not 0 and in use; builds for tests check it. */
static inline const void *table_row(const struct table *t, row_id row);

/* The row, to be changed; NULL if memory ran out, and nothing changed. */
static inline void *table_edit(struct table *t, row_id row);

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
 * else is done. */
struct table_head {
	struct pool rows;
	struct pool about; /* struct table_about */
	const uint32_t *stamp;
};

struct table_about {
	row_id next_free;
	uint32_t stamp; /* of the last time that undo was given the row */
};

static inline const void *table_row(const struct table *t, row_id row)
{
	table_check(t, row);
	return pool_at(&((const struct table_head *)t)->rows, row - 1);
}

/* Give the row to undo. ERR_NO_MEMORY */
NODISCARD enum err table_keep(struct table *t, row_id row);

static inline void *table_edit(struct table *t, row_id row)
{
	const struct table_head *h = (const struct table_head *)t;
	const struct table_about *about = pool_at(&h->about, row - 1);

	table_check(t, row);
	if (about->stamp != *h->stamp && table_keep(t, row))
		return NULL;
	return pool_at(&h->rows, row - 1);
}

#endif /* COMMON_TABLE_H */
