/* verdict - whether the chain itself agrees that something is due, and whether
 * it pays.
 *
 * Asked before anything is signed: the state, deadline and expiry of each
 * request, at the block that it was decided on (EIP-1898: of that branch, not
 * of whatever has its number now). Where a bounty has to cover its gas, also
 * the market's penalty and the part of it that is the slasher's; where a batch
 * reverted, whether the item alone would work. */
#ifndef SERVICES_SLASHER_WATCHER_VERDICT_H
#define SERVICES_SLASHER_WATCHER_VERDICT_H

#include "common/rpc.h"
#include "common/types.h"

enum { VERDICT_ITEMS_MAX = 256 };

enum verdict {
	VERDICT_UNKNOWN, /* no answer: ask again */
	VERDICT_AGREED,
	VERDICT_DISAGREED,
	VERDICT_UNPROFITABLE,
	VERDICT_IMPOSSIBLE, /* alone, it reverts */
};

struct verdict_item {
	uint64_t request_id;
	struct unix_s since; /* its deadline or expiry */
	enum verdict verdict;
};

struct verdict_question {
	bool slash;	     /* else a refund */
	struct block_ref at; /* decided on */
	bool alone;	     /* one item, whose batch reverted: try it */
	bool profit;	     /* its bounty has to cover its gas; slashes only */
	struct u256 gas_price; /* wei, of the gas below */
	uint64_t gas_base, gas_per_item;
	uint64_t stake_worth_wei; /* of 10^18 units of stake */
	struct verdict_item items[VERDICT_ITEMS_MAX];
	size_t count;
};

struct verdict_config {
	struct rpc *rpc;
	struct address marketplace, registry, from;
};

struct verdict_asker;

/* ERR_NO_MEMORY */
NODISCARD enum err verdict_new(struct verdict_asker **out,
			       const struct verdict_config *config);
/* After rpc_free(): answers under way would come to it. */
void verdict_free(struct verdict_asker **asker);

/* Ask; @done gets a copy of the question with the verdicts in it, borrowed for
 * the call, once. Not while one is under way. ERR_NO_MEMORY */
typedef void verdict_done(void *arg, const struct verdict_question *answered);
NODISCARD enum err verdict_ask(struct verdict_asker *a,
			       const struct verdict_question *question,
			       verdict_done *done, void *arg);
bool verdict_is_asking(const struct verdict_asker *a);

#endif /* SERVICES_SLASHER_WATCHER_VERDICT_H */
