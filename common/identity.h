/* identity - whether nodes are of the chain that our contracts are on.
 *
 * Asks each for its chain id, its genesis block, its newest block and the code
 * at the contracts' addresses, all at once. */
#ifndef COMMON_IDENTITY_H
#define COMMON_IDENTITY_H

#include "common/evm.h"
#include "common/frame.h"
#include "common/rpc.h"
#include "protocol/deployment.h"

typedef void identity_fn(void *arg);

enum identity_verdict {
	IDENTITY_UNKNOWN, /* it doesn't answer as a node does */
	IDENTITY_OTHER_CHAIN,
	IDENTITY_NO_CONTRACTS,
	IDENTITY_OURS,
};

/* What one node says of its chain. */
struct identity_node {
	struct identity *identity;
	unsigned node, missing;
	bool unreachable, no_code;
	enum identity_verdict verdict;
	uint64_t chain_id;
	struct hash32 genesis;
	struct evm_header head;
};

struct identity {
	/* What the nodes say of our chain; from done() on. */
	struct hash32 genesis;
	struct evm_header head;

	/* Of identity.c. */
	struct frame *frame;
	struct rpc *rpc;
	const struct deployment *contracts;
	identity_fn *done;
	void *arg;
	bool concluded, complained;
	struct loop_timer *hurry;
	struct identity_node nodes[RPC_NODES_MAX];
};

/* Ask the nodes of @rpc. Borrows what it is given, @id as well, as long as the
 * service lives; @done may be NULL. While none of our chain can be reached this
 * says so in the log and at the admin port, and asks again. If all that answer
 * are of another chain than the contracts, or have no code at one of their
 * addresses, the service ends with ERR_CONFIG, and the log says what to mend.
 * Else done() is called, once: after all have answered, or a second after the
 * first did. Nodes of another chain, or with another genesis block than most,
 * are not asked any more: see rpc_expect(). */
void identity_check(struct identity *id, struct frame *frame, struct rpc *rpc,
		    const struct deployment *contracts, identity_fn *done,
		    void *arg);

#endif /* COMMON_IDENTITY_H */
