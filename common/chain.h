/* chain - every canonical block and our contracts' logs in it, once, in order.
 *
 * Follows a node's head: by subscription where it has a websocket, by asking
 * elsewhere. Far behind, blocks come in ranges, two under way at a time; at the
 * head one by one. Every header must follow the one before it, every log must
 * be of the block it came with, and a block without logs whose bloom filter
 * allows for some is asked for again. A chain that changes its mind is rolled
 * back to the newest block that both branches share (fork.h). */
#ifndef COMMON_CHAIN_H
#define COMMON_CHAIN_H

#include "common/evm.h"
#include "common/fork.h"
#include "common/loop.h"
#include "common/rpc.h"

struct chain;

struct chain_config {
	struct loop *loop;
	struct rpc *rpc;
	const char *ws; /* URL of a websocket for new heads; NULL or "": none */
	unsigned poll_ms;		 /* how often to ask for the head */
	const struct address *contracts; /* whose logs; copied */
	size_t contracts_count;		 /* 1 to CHAIN_CONTRACTS_MAX */
	json_t *topics; /* further filter for eth_getLogs; borrowed; NULL: all
			 */
	unsigned range_max; /* blocks in one eth_getLogs */
	unsigned delay_ms;  /* from hearing of a head to asking about it; what
			     * comes meanwhile is asked about together */
};

enum { CHAIN_CONTRACTS_MAX = 8 };

struct chain_handlers {
	/* A block that extends the tip, with its logs in order. */
	enum err (*block)(void *arg, const struct evm_header *header,
			  const struct evm_log *logs, size_t logs_count);
	/* Blocks above @to are no longer canonical. */
	enum err (*rolled_back)(void *arg, const struct block_ref *to,
				const struct block_ref *from);
	/* Everything that is there for now has been given. */
	void (*caught_up)(void *arg);
	/* Following has ended: what a handler returned, or ERR_FINALITY: the
	 * branches part below what is remembered. */
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

/* Number of the newest block that the node told of; 0 before the first. */
uint64_t chain_head(const struct chain *chain);

#endif /* COMMON_CHAIN_H */
