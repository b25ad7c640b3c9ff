/* chain - every canonical block and our contracts' logs in it, once, in order.
 *
 * Follows the nodes' heads: by subscription where they have a websocket, by
 * asking elsewhere. Far behind, blocks come in ranges, some under way at a
 * time; at the head one by one. Every header must follow the one before it,
 * every log must fit the block it came with (fetch.h), and with several nodes
 * `agree` of them must say the same before a block is given (ballot.h). A chain
 * that changes its mind is rolled back to the newest block that both branches
 * share (fork.h), with several nodes after as many said that it did, and never
 * below what they called final. */
#ifndef COMMON_CHAIN_H
#define COMMON_CHAIN_H

#include <stdbool.h>

#include "common/evm.h"
#include "common/fork.h"
#include "common/loop.h"
#include "common/rpc.h"

struct chain;

struct chain_config {
	struct loop *loop;
	struct rpc *rpc;
	/* Comma-separated URLs of websockets for new heads, the first one of
	 * the first node of @rpc, and so on; NULL or "": none. */
	const char *ws;
	unsigned poll_ms;		 /* how often to ask for the head */
	const struct address *contracts; /* whose logs; copied */
	size_t contracts_count;		 /* 1 to CHAIN_CONTRACTS_MAX */
	json_t *topics; /* further filter for eth_getLogs; borrowed; NULL: all
			 */
	unsigned range_max;   /* blocks in one eth_getLogs */
	unsigned delay_ms;    /* from hearing of a head to asking about it; what
			       * comes meanwhile is asked about together */
	unsigned agree;	      /* nodes that must say the same; 0: 2. Fewer, if
			       * there are fewer, or the others fail or lag */
	bool agree_strict;    /* not if they fail or lag */
	unsigned patience_ms; /* how long a node is waited for that others are
			       * ahead of; 0: RPC_PATIENCE_MS */
	struct block_ref final; /* known to be final; zero: none */
};

enum { CHAIN_CONTRACTS_MAX = 8, CHAIN_AGREE = 2 };

struct chain_handlers {
	/* A block that extends the tip, with its logs in order. */
	enum err (*block)(void *arg, const struct evm_header *header,
			  const struct evm_log *logs, size_t logs_count);
	/* Blocks above @to are no longer canonical. */
	enum err (*rolled_back)(void *arg, const struct block_ref *to,
				const struct block_ref *from);
	/* Everything that is there for now has been given. */
	void (*caught_up)(void *arg);
	/* @block is final: nodes say so, and it is on our branch. May be NULL.
	 */
	void (*final)(void *arg, const struct block_ref *block);
	/* Following has ended: what a handler returned, or ERR_FINALITY: the
	 * branches part below what is remembered, or below what was final. */
	void (*failed)(void *arg, enum err e);
	void *arg;
};

/* Go on after the tip of @fork, which is borrowed and kept up to date: a block
 * is pushed, and popped, after its handler returned ERR_NONE.
 * ERR_CONFIG, ERR_NO_MEMORY */
NODISCARD enum err chain_new(struct chain **out,
			     const struct chain_config *config,
			     struct fork *fork,
			     const struct chain_handlers *handlers);
void chain_free(struct chain **chain);

/* Number of the newest block that nodes told of; 0 before the first. */
uint64_t chain_head(const struct chain *chain);

#endif /* COMMON_CHAIN_H */
