/* book - what is open, quoted, free and locked.
 *
 * Folds the chain log and says every change of a market, generator, quote or
 * request as a delta of the book log. A request's life here:
 *
 *	           request_created
 *	                 │
 *	               open ──── cancelled, rejected ───► closed
 *	                 │ task_created
 *	             assigned ── proof, invalid, slashed ► closed
 *
 * Closed requests leave the book; a record of each is kept (sink->keep) for
 * those who ask later. Whether a request is expired or a task overdue follows
 * from time and is nobody's delta.
 *
 * What the chain said is true, also where it surprises. What contradicts
 * itself (a task of a request that isn't open) changes nothing: the book says
 * `suspended` and goes on.
 *
 * Pure: no I/O, no clock. Handlers are declared in wire_book.h; they return
 * what the sink returns, ERR_NO_MEMORY, or ERR_FINALITY for a roll-back that
 * goes deeper than is remembered; after an error the book must not be used. */
#ifndef SERVICES_ORDERBOOK_BOOK_H
#define SERVICES_ORDERBOOK_BOOK_H

#include "wire_book.h"

struct book;

/* An empty book that can undo @depth blocks. ERR_NO_MEMORY */
NODISCARD enum err book_new(struct book **out, unsigned depth);
void book_free(struct book **book);

/* Whether readers of the chain log may act once they have @number. */
bool book_is_mark(uint16_t number);

struct book_sizes {
	uint64_t markets, generators, quotes, open, assigned;
	uint64_t suspended;	/* contradictions so far */
	struct block_ref block; /* the newest one that was closed */
};
struct book_sizes book_sizes(const struct book *book);

/* SHA-256 over everything that the book holds, whatever the order it came in;
 * log positions and undo records left out. Takes time: O(rows). */
void book_hash(const struct book *book, struct hash32 *out);

/* Say everything that the book holds, as entries of the book log that would
 * lead there: for who begins in the middle of that log. The book stays as it
 * is. Returns what the sink does. */
NODISCARD enum err book_tell(const struct book *book, struct sink *out);

/* The state as bytes and back, into an empty book. Between blocks only.
 * ERR_MALFORMED: not what book_save() of this version made; the book must not
 * be used then. */
NODISCARD enum err book_save(struct book *book, struct buf *out);
NODISCARD enum err book_load(struct book *book, struct bytes state);

#endif /* SERVICES_ORDERBOOK_BOOK_H */
