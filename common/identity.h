/* identity - whether a node is of the chain that our contracts are on.
 *
 * Asks for its chain id, its genesis block, its newest block and the code at
 * the contracts' addresses, all at once. */
#ifndef COMMON_IDENTITY_H
#define COMMON_IDENTITY_H

#include "common/evm.h"
#include "common/frame.h"
#include "common/rpc.h"
#include "protocol/deployment.h"

typedef void identity_fn(void *arg);

struct identity {
	/* What the node says of its chain; from done() on. */
	struct hash32 genesis;
	struct evm_header head;

	/* Of identity.c. */
	struct frame *frame;
	struct rpc *rpc;
	const struct deployment *contracts;
	identity_fn *done;
	void *arg;
	uint64_t chain_id;
	unsigned missing;
	bool unreachable, wrong, complained;
};

/* Ask the node of @rpc. Borrows what it is given, @id as well, as long as the
 * service lives; @done may be NULL. While it can't be reached this says so in
 * the log and at the admin port, and asks again. If it is of another chain than
 * the contracts, or has no code at one of their addresses, the service ends
 * with ERR_CONFIG, and the log says what to mend. Else done() is called, once.
 */
void identity_check(struct identity *id, struct frame *frame, struct rpc *rpc,
		    const struct deployment *contracts, identity_fn *done,
		    void *arg);

#endif /* COMMON_IDENTITY_H */
