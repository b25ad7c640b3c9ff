/* match_waiting - the open requests of each market, to find the earliest one
 * that a quote can serve.
 *
 * One trie per market over 128 bits of each request: its price and time caps,
 * bit by bit in turn (so that what is near in both is near in the trie), then
 * its number in order of arrival. Only nodes with two children exist: one less
 * than there are requests. Each node knows the highest caps, the latest expiry
 * and the earliest arrival below it; a search leaves out what can't hold an
 * answer, and looks where the earliest may be first.
 *
 * Adding and removing follow one path of at most 128 nodes, about log2(n) when
 * caps differ. A search visits few nodes more than that unless caps are laid
 * out against it; with caps at random it is O(log n). Memory is 60 bytes per
 * request. */
#ifndef SERVICES_MATCHER_MATCH_WAITING_H
#define SERVICES_MATCHER_MATCH_WAITING_H

#include <stdbool.h>

#include "common/table.h"
#include "common/types.h"
#include "common/u256.h"

struct waiting;

struct wish {
	u128 price; /* caps */
	uint32_t time;
	uint64_t expiry;
	uint64_t order; /* of arrival; no two are equal */
};

/* What the request in row @request asks for. */
typedef void wish_of(const void *arg, row_id request, struct wish *out);

/* ERR_NO_MEMORY */
NODISCARD enum err waiting_new(struct waiting **out, wish_of *of,
			       const void *arg);
void waiting_free(struct waiting **waiting);

/* Put @request, which isn't in, among those of @market.
 * ERR_NO_MEMORY: it isn't in */
NODISCARD enum err waiting_add(struct waiting *w, row_id market,
			       row_id request);

/* Take @request out, if it is in. What it asks for isn't looked at; what
 * others near it ask for is. */
void waiting_remove(struct waiting *w, row_id request);

bool waiting_holds(const struct waiting *w, row_id request);

/* The request of @market that arrived first among those with caps of at least
 * @price and @time and an expiry after @now; 0 if there is none. */
row_id waiting_earliest(const struct waiting *w, row_id market, u128 price,
			uint32_t time, uint64_t now);

#endif /* SERVICES_MATCHER_MATCH_WAITING_H */
