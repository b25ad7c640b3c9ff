/* match_lapse - holds by the time at which their matches lapse.
 *
 * Matches that lapse together are a list; the lists are in order of time, and
 * there is one for each block whose matches haven't lapsed, so that a few steps
 * from the newest one lead to any. Adding to the newest and removing are O(1).
 * It isn't part of the state: undo and load tell what comes and goes. */
#ifndef SERVICES_MATCHER_MATCH_LAPSE_H
#define SERVICES_MATCHER_MATCH_LAPSE_H

#include "common/pool.h"
#include "common/table.h"

/* From 1; 0 is none. */
typedef uint32_t lapse_list;

struct lapse {
	struct pool lists; /* struct, see match_lapse.c */
	struct pool holds; /* by row */
	lapse_list oldest, newest, free;
};

void lapse_open(struct lapse *l);
void lapse_free(struct lapse *l);

/* Put @hold, which isn't in, behind those that lapse after @until, too.
 * ERR_NO_MEMORY: it isn't in */
NODISCARD enum err lapse_add(struct lapse *l, row_id hold, uint64_t until);

/* Take @hold out, if it is in. */
void lapse_remove(struct lapse *l, row_id hold);

/* The first one that lapses before @now; 0 if there is none. */
row_id lapse_first(struct lapse *l, uint64_t now);

#endif /* SERVICES_MATCHER_MATCH_LAPSE_H */
