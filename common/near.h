/* near - which of some names is meant by one that is slightly wrong. */
#ifndef COMMON_NEAR_H
#define COMMON_NEAR_H

#include <stdbool.h>

/* How many letters have to be put in, taken out, replaced or swapped with their
 * neighbour to make @b of @a; names longer than 63 are like none. */
unsigned near_distance(const char *a, const char *b);

/* Whether @name may well be a slip for @meant: one letter of three at most. */
bool near_enough(const char *name, const char *meant);

#endif /* COMMON_NEAR_H */
