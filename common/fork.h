/* fork - which block comes next, on a chain that changes its mind.
 *
 * Remembers the newest blocks of the branch that was followed so far and
 * judges headers by number, hash and parent alone; who asks it fetches what it
 * wants to see next:
 *
 *	        offer(header)
 *	   FORK_EXTENDS    push it                            tip grows
 *	   FORK_ASK n      offer header n of the same chain
 *	   FORK_ROLL_BACK  pop to *ancestor, then offer again
 *	   FORK_NOTHING    it is known already
 *	   FORK_LOST       the branches part below what is remembered
 *
 * After a header that doesn't fit, it goes down block by block until one is
 * known: that is the newest block that both branches share. Pure: no I/O. */
#ifndef COMMON_FORK_H
#define COMMON_FORK_H

#include "common/err.h"
#include "common/types.h"

struct fork;

/* Remember up to @depth blocks; the first one will be number @start.
 * ERR_NO_MEMORY */
NODISCARD enum err fork_new(struct fork **out, unsigned depth, uint64_t start);
void fork_free(struct fork **fork);

/* The newest block; NULL before the first. */
const struct block_ref *fork_tip(const struct fork *fork);

/* Number of the block that comes after the tip. */
uint64_t fork_next(const struct fork *fork);

/* A remembered block; NULL if there is none of that number. */
const struct block_ref *fork_at(const struct fork *fork, uint64_t number);

/* How many blocks are remembered. */
unsigned fork_count(const struct fork *fork);

enum fork_verdict {
	FORK_EXTENDS,
	FORK_ASK,
	FORK_ROLL_BACK,
	FORK_NOTHING,
	FORK_LOST,
};

/* Judge a block of the chain that is followed. FORK_ASK sets *number to the
 * one to be offered next, FORK_ROLL_BACK to the ancestor's; else it is left
 * alone. Nothing is pushed or popped. */
enum fork_verdict fork_offer(struct fork *fork, const struct block_ref *block,
			     const struct hash32 *parent, uint64_t *number);

/* Append a block that extends the tip; the oldest may be forgotten. Also to
 * fill a new fork, from any number on. */
void fork_push(struct fork *fork, const struct block_ref *block);

/* Forget what is above block @number, which is remembered. */
void fork_pop_to(struct fork *fork, uint64_t number);

#endif /* COMMON_FORK_H */
