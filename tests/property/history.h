/* history - a market that lives at random: chain events of generators,
 * requesters, an engine and a chain that changes its mind.
 *
 * Says entries of a chain log as chain-indexer would, of histories that our
 * contracts allow. Biased to what is hard: few prices and times, so that there
 * are ties and exact caps; scarce compute and stake; generators in several
 * markets; assignments by another sender; refusals; late and lost blocks. The
 * same seed gives the same history. */
#ifndef TESTS_PROPERTY_HISTORY_H
#define TESTS_PROPERTY_HISTORY_H

#include "msg.h"

struct history;

struct history *history_new(uint64_t seed, struct sink *out);
void history_free(struct history *h);

/* Say one more block: its events and its mark, or a roll-back. */
void history_step(struct history *h);

/* A match was made: it will be mined, refused, or lapse. */
void history_match(struct history *h, const struct msg_match_made *m);

uint64_t history_events(const struct history *h);
uint64_t history_rollbacks(const struct history *h);

/* A number below @below, from the history's own dice. */
uint64_t history_draw(struct history *h, uint64_t below);

#endif /* TESTS_PROPERTY_HISTORY_H */
