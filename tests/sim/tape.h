/* tape - the entries of a log, without what roll-backs took back: what is left
 * is a function of the canonical chain. */
#ifndef TESTS_SIM_TAPE_H
#define TESTS_SIM_TAPE_H

#include "common/buf.h"
#include "tests/sim/market.h"

struct tape;

struct tape *tape_new(const char *log);
void tape_free(struct tape **tape);

/* The next entry of the log: "chain", "book" or "match". */
void tape_take(struct tape *t, uint16_t type, struct bytes body);

/* All that the simulated store has of the log. */
struct tape *tape_of_store(const char *log);

/* Ends the run if they aren't the same, with the first that differs. */
void tapes_compare(const struct tape *have, const struct tape *want);

#endif /* TESTS_SIM_TAPE_H */
