/* decided - the matches that the rule makes along the branch: by decision, for
 * roots that were published, and by request, for tasks that were given out.
 *
 * A roll-back takes the newest ones away again. */
#ifndef SERVICES_KALYPSO_DECIDED_H
#define SERVICES_KALYPSO_DECIDED_H

#include "common/u256.h"
#include "msg.h"

struct decision {
	uint64_t request_id, block, valid_until;
	u128 price;
	struct address generator;
	uint32_t response_time;
	struct hash32 root;
	uint64_t older; /* decision in the same slot; 0: none */
};

struct decided {
	struct decision *items; /* decision 1 is at 0 */
	uint64_t count, room;
	uint64_t *slots; /* newest decision of each; a power of two */
	uint64_t slots_count;
};

/* From {0}. ERR_NO_MEMORY; ERR_RANGE: it isn't the next decision */
NODISCARD enum err decided_add(struct decided *d,
			       const struct msg_match_made *m);
void decided_free(struct decided *d);

/* Keep the first @count. */
void decided_cut(struct decided *d, uint64_t count);

/* @number from 1; NULL if there is no such decision. */
const struct decision *decided_at(const struct decided *d, uint64_t number);

/* The newest one about a request, NULL if there is none; its number is
 * decided_number(). */
const struct decision *decided_of(const struct decided *d, uint64_t request_id);
uint64_t decided_number(const struct decided *d, const struct decision *of);

#endif /* SERVICES_KALYPSO_DECIDED_H */
