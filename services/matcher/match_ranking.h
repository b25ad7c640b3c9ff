/* match_ranking - the quotes of each market in the order in which a preference
 * takes them, to find the best one that a request can have.
 *
 * One B+ tree per market, ordered by (major, minor, turn): for `cheapest` the
 * price is major and the time minor, for `fastest` the other way round. Every
 * quote that stands has its place; only those that are open can be found. Each
 * node knows the least minor of what is open below it, so that the first open
 * quote within a limit is found on one way down, and opening or closing one
 * costs one way up, as far as it changes anything.
 *
 *	          ┌ least open minor, first key ┐
 *	inner     │ 3 │ 7 │ 2 │ 9 │ …           │     up to 32 children
 *	            │   └───────────┐
 *	leaf      │ q q q q … │   │ q q … │           up to 32 quotes
 *
 * Leaves hold price and time of their quotes, prices in 64 bits: from 2^63 on
 * the highest 57 of them. Turns, and what such a price is exactly, are asked
 * for when these are equal. What a quote's place depends on must not change
 * while it is in. All operations are O(log n); memory is 30 bytes per quote
 * when they come in random order. */
#ifndef SERVICES_MATCHER_MATCH_RANKING_H
#define SERVICES_MATCHER_MATCH_RANKING_H

#include <stdbool.h>

#include "common/pool.h"
#include "common/table.h"
#include "common/types.h"
#include "common/u256.h"

struct ranking;

typedef uint32_t ranking_leaf; /* 0: the quote isn't in */

struct rank {
	u128 price;
	struct place turn;
	uint32_t time;
};

/* What counts of the quote in row @quote; no two of one market are equal. */
typedef void rank_of(const void *arg, row_id quote, struct rank *out);

struct ranking_config {
	bool fastest; /* time is major */
	rank_of *of;
	const void *arg;
	/* Where a ranking_leaf is kept for each quote: @at bytes into its item
	 * of @places, which has one for each quote that is added. */
	const struct pool *places;
	size_t at;
};

/* Borrows what @config points at. ERR_NO_MEMORY */
NODISCARD enum err ranking_new(struct ranking **out,
			       const struct ranking_config *config);
void ranking_free(struct ranking **ranking);

/* Give @quote, which has none, its place among those of @market, closed.
 * ERR_NO_MEMORY: it has none */
NODISCARD enum err ranking_add(struct ranking *r, row_id market, row_id quote);

/* Take @quote out, if it is in. Nothing is asked about it. */
void ranking_remove(struct ranking *r, row_id quote);

/* Open @quote, which is in, or close it. */
void ranking_set_open(struct ranking *r, row_id quote, bool open);

/* Hints for the cache: @quote will be opened or closed soon, or it @goes; or
 * one like @rank will be added to @market, and finds its place sooner then. */
void ranking_prefetch(const struct ranking *r, row_id quote, bool goes);
void ranking_expect(struct ranking *r, row_id market, const struct rank *rank);

/* Whether @quote, which is in, would stay where it is if its turn became the
 * newest of all. May say no when it would. */
bool ranking_stays(const struct ranking *r, row_id quote);
/* The same if it became older. */
bool ranking_stays_older(const struct ranking *r, row_id quote);

/* The first open quote of @market whose minor is at most @limit, and the next
 * one after @quote; 0 if there is none. */
row_id ranking_first(const struct ranking *r, row_id market, u128 limit);
row_id ranking_next(const struct ranking *r, row_id quote, u128 limit);

#endif /* SERVICES_MATCHER_MATCH_RANKING_H */
