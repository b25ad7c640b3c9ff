/* book_impl - what the files of the book share; nobody else includes it. */
#ifndef SERVICES_ORDERBOOK_BOOK_IMPL_H
#define SERVICES_ORDERBOOK_BOOK_IMPL_H

#include "common/map.h"
#include "common/table.h"
#include "services/orderbook/book.h"

enum table_index {
	GLOBALS,
	MARKETS,
	GENERATORS,
	QUOTES,
	REQUESTS,
	TABLES_END,
};

/* The one row of GLOBALS. */
struct globals {
	struct block_ref block; /* newest closed */
	uint64_t suspended;
	uint64_t assigned; /* requests in that state */
	uint32_t entries;  /* said since the newest block_closed */
};

struct market {
	struct msg_market_set set;
};

struct generator {
	struct msg_generator_set set;
	bool leaving;  /* its record ends with its stake */
	row_id quotes; /* the first of its list */
};

struct quote {
	struct msg_quote_set set;
	row_id next, prev; /* of the same generator */
};

struct request {
	struct msg_request_record record; /* filled as it lives */
	bool assigned;
	uint64_t compute;      /* of its task */
	struct amount penalty; /* locked by its task */
};

struct book {
	struct undo *undo;
	struct table *tables[TABLES_END];
	struct map *maps[TABLES_END]; /* by id, address, (address, id), id */
	row_id globals;
};

/* ---- rows --------------------------------------------------------------- */

static inline const struct globals *globals(const struct book *b)
{
	return table_row(b->tables[GLOBALS], b->globals);
}

static inline const struct market *market_at(const struct book *b, row_id row)
{
	return table_row(b->tables[MARKETS], row);
}

static inline const struct generator *generator_at(const struct book *b,
						   row_id row)
{
	return table_row(b->tables[GENERATORS], row);
}

static inline const struct quote *quote_at(const struct book *b, row_id row)
{
	return table_row(b->tables[QUOTES], row);
}

static inline const struct request *request_at(const struct book *b, row_id row)
{
	return table_row(b->tables[REQUESTS], row);
}

/* 0 if there is none. */
row_id find_market(const struct book *b, uint64_t id);
row_id find_generator(const struct book *b, const struct address *a);
row_id find_quote(const struct book *b, const struct address *generator,
		  uint64_t market_id);
row_id find_request(const struct book *b, uint64_t id);

/* A new row for @row_bytes, found by its key from now on; 0 if memory ran
 * out. */
row_id add_row(struct book *b, enum table_index t, const void *row_bytes,
	       size_t size);
NODISCARD enum err remove_row(struct book *b, enum table_index t, row_id row);

/* ---- saying ------------------------------------------------------------- */

/* A delta was said, with result @e: it counts towards its block. */
NODISCARD enum err count(struct book *b, enum err e);

NODISCARD enum err say_generator(struct book *b, struct sink *out, row_id row);
NODISCARD enum err say_quote(struct book *b, struct sink *out, row_id row);

/* Say that something contradicts itself. */
NODISCARD enum err suspend_request(struct book *b, struct sink *out,
				   struct place at, uint64_t id,
				   const char *reason);
NODISCARD enum err suspend_generator(struct book *b, struct sink *out,
				     struct place at, const struct address *who,
				     const char *reason);
NODISCARD enum err suspend_market(struct book *b, struct sink *out,
				  struct place at, uint64_t id,
				  const char *reason);

/* ---- quotes, for tasks -------------------------------------------------- */

/* A quote that wasn't there; 0 if memory ran out. */
row_id add_quote(struct book *b, const struct msg_quote_set *set, row_id owner);
NODISCARD enum err remove_quote(struct book *b, struct sink *out, row_id row);

#endif /* SERVICES_ORDERBOOK_BOOK_IMPL_H */
