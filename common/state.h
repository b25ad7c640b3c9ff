/* state - everything that a core remembers: tables of rows, found by key,
 * undone by block, written as a snapshot, hashed.
 *
 * Tables are named by their index. A row is a struct without pointers; other
 * rows are referred to by number (table.h). A row keeps its key as long as it
 * lives. Row numbers are the same in every copy that did the same, but they
 * are not part of the hash. */
#ifndef COMMON_STATE_H
#define COMMON_STATE_H

#include "common/order.h"

struct state;

enum { STATE_TABLES_MAX = 16 };

/* The shape of a table of which no part changes more often than others. */
#define STATE_ROWS(type)                                                       \
	{                                                                      \
		.row_size = sizeof(type)                                       \
	}

struct state_table {
	struct table_shape shape;
	/* The hash of a row's key, and whether a row has a key. Both NULL for a
	 * table whose rows are found by number only. */
	uint64_t (*hash)(const void *row);
	bool (*equal)(const void *row, const void *key);
	/* By what its rows are in order; NULL for none that anybody needs. It
	 * stays the same as long as a row lives, too. */
	order_compare *compare;
};

/* @tables (borrowed, static) in order of index; undo for @depth blocks.
 * ERR_NO_MEMORY */
NODISCARD enum err state_new(struct state **out,
			     const struct state_table *tables, unsigned count,
			     unsigned depth);
void state_free(struct state **state);

/* Call @fn for each row that undo or load brings, changes or takes away, before
 * it changes and after it came: for indexes that a core keeps itself. @next is
 * what it will be, NULL if it goes, the row itself if it has come. Rows that
 * others refer to may be on their way then. NULL ends it. */
typedef void state_watch_fn(void *core, unsigned table, row_id row,
			    const void *next);
void state_watch(struct state *s, state_watch_fn *fn, void *core);

/* A row, to be read or changed, as in table.h. @row is in use. state_edit() and
 * state_touch() give NULL if memory ran out; nothing changed then. */
static inline const void *state_row(const struct state *s, unsigned table,
				    row_id row);
static inline void *state_edit(struct state *s, unsigned table, row_id row);
static inline void *state_touch(struct state *s, unsigned table, row_id row);

/* The row with @key, whose hash is @hash; 0 if there is none. */
row_id state_find(const struct state *s, unsigned table, uint64_t hash,
		  const void *key);

/* A copy of @row_bytes, of which row_size counts; its key is not there yet. 0
 * if memory ran out. */
row_id state_add(struct state *s, unsigned table, const void *row_bytes);

/* ERR_NO_MEMORY: nothing changed */
NODISCARD enum err state_remove(struct state *s, unsigned table, row_id row);

/* Whether @row, not 0, is in use. */
bool state_has(const struct state *s, unsigned table, row_id row);

size_t state_count(const struct state *s, unsigned table);

/* The smallest number in use above @row; 0 if there is none. */
row_id state_next(const struct state *s, unsigned table, row_id row);

/* The rows of a table that has a compare(), in its order: to be read only. */
const struct order *state_order(const struct state *s, unsigned table);

/* Block @number is complete; ERR_NO_MEMORY. */
NODISCARD enum err state_close(struct state *s, uint64_t number);

/* Be what it was when block @number was closed.
 * ERR_FINALITY	that is not remembered any more; nothing changed */
NODISCARD enum err state_roll_back(struct state *s, uint64_t number);

/* Everything, undo records included, as bytes, and back into an empty state of
 * the same tables. Between blocks only. ERR_MALFORMED, ERR_NO_MEMORY: the
 * state must not be used then. */
void state_save(const struct state *s, struct buf *out);
NODISCARD enum err state_load(struct state *s, struct scan *in);

/* Append to @out what tells @row from others, without row numbers. */
typedef void state_describe(const void *core, row_id row, struct buf *out);

/* SHA-256 of each described row, summed modulo 2^256: the order of rows
 * doesn't count. @describe has one for each table; NULL leaves it out. */
void state_hash(const struct state *s, state_describe *const *describe,
		const void *core, struct hash32 *out);

/* A state begins with its tables: rows are read more often than anything. */
struct state_tables {
	struct table *tables[STATE_TABLES_MAX];
};

static inline struct table *state_table_at(const struct state *s,
					   unsigned table)
{
	return ((const struct state_tables *)s)->tables[table];
}

static inline const void *state_row(const struct state *s, unsigned table,
				    row_id row)
{
	return table_row(state_table_at(s, table), row);
}

static inline void *state_edit(struct state *s, unsigned table, row_id row)
{
	return table_edit(state_table_at(s, table), row);
}

static inline void *state_touch(struct state *s, unsigned table, row_id row)
{
	return table_touch(state_table_at(s, table), row);
}

/* The same for rows of @row_size bytes: to be used where that is known when it
 * is compiled. */
static inline const void *state_row_of(const struct state *s, unsigned table,
				       row_id row, size_t row_size)
{
	return table_item(state_table_at(s, table), row,
			  TABLE_ITEM_BYTES(row_size));
}

static inline void *state_edit_of(struct state *s, unsigned table, row_id row,
				  size_t row_size)
{
	return table_edit_item(state_table_at(s, table), row,
			       TABLE_ITEM_BYTES(row_size));
}

static inline void *state_touch_of(struct state *s, unsigned table, row_id row,
				   size_t row_size)
{
	return table_touch_item(state_table_at(s, table), row,
				TABLE_ITEM_BYTES(row_size));
}

#endif /* COMMON_STATE_H */
