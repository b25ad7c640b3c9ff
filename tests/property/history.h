/* history - a market that lives at random: chain events of generators,
 * requesters, an engine and a chain that changes its mind.
 *
 * Says entries of a chain log as chain-indexer would, of histories that our
 * contracts allow. Biased to what is hard: few prices and times, so that there
 * are ties and exact caps; scarce compute and stake; generators in several
 * markets; assignments by another sender; refusals; late and lost blocks. The
 * same source gives the same history. */
#ifndef TESTS_PROPERTY_HISTORY_H
#define TESTS_PROPERTY_HISTORY_H

#include "msg.h"

struct history;

/* What happens comes from @seed, or from @bytes (borrowed) if there are any;
 * then it ends with them. */
struct history_source {
	uint64_t seed;
	struct bytes bytes;
	/* Acts are numbered from 0 over the whole history; those whose bit is
	 * set here don't happen. The others draw the same numbers as before, so
	 * that a history that shows something can be made shorter. */
	const uint8_t *skip; /* (acts + 7) / 8 bytes; NULL: none */
	size_t acts;
};

struct history *history_new(const struct history_source *source,
			    struct sink *out);
void history_free(struct history *h);

/* Whether the source's bytes are used up. */
bool history_ended(const struct history *h);

/* How many acts there were, skipped ones included. */
size_t history_acts(const struct history *h);

/* Say one more block: its events and its mark, or a roll-back. */
void history_step(struct history *h);

/* A match was made: it will be mined, refused, or lapse. */
void history_match(struct history *h, const struct msg_match_made *m);

uint64_t history_events(const struct history *h);
uint64_t history_rollbacks(const struct history *h);

/* A number below @below, from the history's own dice. */
uint64_t history_draw(struct history *h, uint64_t below);

#endif /* TESTS_PROPERTY_HISTORY_H */
