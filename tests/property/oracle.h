/* oracle - the plain procedure of docs/matching.md, as slow as it reads.
 *
 * Shares no code with the matcher but the messages. Reads the book log, says
 * what should be matched. State is one flat struct, copied whole at every
 * block, so that a roll-back is a copy back. */
#ifndef TESTS_PROPERTY_ORACLE_H
#define TESTS_PROPERTY_ORACLE_H

#include "msg.h"

struct oracle;

/* What a round should say. */
struct oracle_match {
	uint64_t request_id, decision;
	struct address generator;
	struct amount price;
	uint32_t response_time;
	uint64_t valid_until;
};

struct oracle *oracle_new(uint32_t lifetime_s, uint32_t task_limit,
			  uint32_t spread_members, uint32_t cooling_max);
void oracle_free(struct oracle *o);

/* Take one entry of the book log. At a block_closed *matches (of @room) gets
 * what the round should say; *count is how many. */
void oracle_receive(struct oracle *o, uint16_t number, struct bytes body,
		    struct oracle_match *matches, size_t room, size_t *count);

#endif /* TESTS_PROPERTY_ORACLE_H */
