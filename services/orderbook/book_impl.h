/* book_impl - what the files of the book share; nobody else includes it. */
#ifndef SERVICES_ORDERBOOK_BOOK_IMPL_H
#define SERVICES_ORDERBOOK_BOOK_IMPL_H

#include "common/state.h"
#include "services/orderbook/book.h"

enum table_index {
	GLOBALS,
	MARKETS,
	GENERATORS,
	QUOTES,
	REQUESTS,
	KEYS, /* enclave keys, also of those who haven't joined yet */
	TABLES_END,
};

/* The only row of GLOBALS. */
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

struct key {
	struct address owner;
	uint64_t market_id;
};

struct request {
	struct msg_request_record record; /* filled as it lives */
	bool assigned;
	uint64_t compute;      /* of its task */
	struct amount penalty; /* locked by its task */
};

struct book {
	struct state *state;
	row_id globals;
};

/* ---- rows --------------------------------------------------------------- */

#define ROW(name, T)                                                           \
	static inline const struct name *name##_at(const struct book *b,       \
						   row_id row)                 \
	{                                                                      \
		return state_row(b->state, T, row);                            \
	}                                                                      \
	static inline struct name *name##_edit(struct book *b, row_id row)     \
	{                                                                      \
		return state_edit(b->state, T, row);                           \
	}
ROW(market, MARKETS)
ROW(generator, GENERATORS)
ROW(quote, QUOTES)
ROW(request, REQUESTS)
#undef ROW

/* NULL before anything was said, and after that was undone. */
static inline const struct globals *globals(const struct book *b)
{
	return b->globals ? state_row(b->state, GLOBALS, b->globals) : NULL;
}

/* Adds the row if there is none; NULL if memory ran out. */
static inline struct globals *globals_edit(struct book *b)
{
	static const struct globals fresh;

	if (!b->globals)
		b->globals = state_add(b->state, GLOBALS, &fresh);
	return b->globals ? state_edit(b->state, GLOBALS, b->globals) : NULL;
}

/* What is said of a request when it comes. */
struct msg_request_opened book_opened_of(const struct msg_request_record *r);

/* book_state.c: 0 if there is none. */
extern const struct state_table book_tables[TABLES_END];
row_id book_find_market(const struct book *b, uint64_t id);
row_id book_find_generator(const struct book *b, const struct address *a);
row_id book_find_quote(const struct book *b, const struct address *generator,
		       uint64_t market_id);
row_id book_find_request(const struct book *b, uint64_t id);
row_id book_find_key(const struct book *b, const struct address *owner,
		     uint64_t market_id);

/* ---- saying ------------------------------------------------------------- */

/* A delta was said, with result @e: it counts towards its block. */
NODISCARD enum err book_count(struct book *b, enum err e);

NODISCARD enum err book_say_generator(struct book *b, struct sink *out,
				      row_id row);
NODISCARD enum err book_say_quote(struct book *b, struct sink *out, row_id row);

/* Say that something contradicts itself. */
NODISCARD enum err book_suspend_request(struct book *b, struct sink *out,
					struct place at, uint64_t id,
					const char *reason);
NODISCARD enum err book_suspend_generator(struct book *b, struct sink *out,
					  struct place at,
					  const struct address *who,
					  const char *reason);
NODISCARD enum err book_suspend_market(struct book *b, struct sink *out,
				       struct place at, uint64_t id,
				       const char *reason);

/* ---- quotes, for tasks -------------------------------------------------- */

/* A quote that wasn't there; 0 if memory ran out. */
row_id book_add_quote(struct book *b, const struct msg_quote_set *set,
		      row_id owner);
NODISCARD enum err book_remove_quote(struct book *b, struct sink *out,
				     row_id row);

#endif /* SERVICES_ORDERBOOK_BOOK_IMPL_H */
