/* publish - which decisions go into which batch.
 *
 * Gathers the matches of a round and, when it is closed, gives them out as
 * batches for assignTasks: at most so many matches each, all of one block, in
 * the order in which they were decided. A batch's number is that of its newest
 * decision, so that it is the same after a restart, and used once on a branch.
 *
 * Knows nothing of keys, nonces or nodes: main.c signs and sends. Pure.
 * Handlers are declared in wire_publish.h; they return ERR_NO_MEMORY, or
 * ERR_CONFLICT for an entry that contradicts those before it. */
#ifndef SERVICES_TASK_PUBLISHER_PUBLISH_H
#define SERVICES_TASK_PUBLISHER_PUBLISH_H

#include "abi_market.h"
#include "wire_publish.h"

struct publish;

/* The matcher's number of a match, and its running hash after it. */
struct publish_decision {
	uint64_t number;
	struct hash32 root;
};

struct publish_batch {
	struct abi_decision decision;
	const struct abi_assignment *assignments;
	const struct publish_decision *decisions; /* one for each */
	size_t assignments_count;
	struct block_ref block; /* decided on */
	unsigned round; /* 0; a part of one that reverted has one more */
};

struct publish_handlers {
	/* A batch is complete; borrowed for the call. */
	enum err (*batch)(void *arg, const struct publish_batch *batch);
	/* The chain log is of this chain. */
	enum err (*opened)(void *arg, const struct msg_chain_opened *m);
	/* The chain has a new block, or gave up those above @to. */
	enum err (*block)(void *arg, const struct msg_block_mark *m);
	enum err (*rolled_back)(void *arg, const struct block_ref *to);
	/* An engine's key was set or revoked. */
	enum err (*engine_key)(void *arg, const struct msg_engine_key_set *m);
	void *arg;
};

/* At most @batch_max assignments in a batch. ERR_NO_MEMORY */
NODISCARD enum err publish_new(struct publish **out, size_t batch_max,
			       const struct publish_handlers *handlers);
void publish_free(struct publish **publish);

/* The block of the newest round; zero before the first. */
struct block_ref publish_round(const struct publish *publish);

/* Make @batch out of the @count matches at @assignments and @decisions, which
 * it borrows. decision.valid_until, block and round are the caller's. */
void publish_batch_make(struct publish_batch *batch,
			const struct abi_assignment *assignments,
			const struct publish_decision *decisions, size_t count);

/* The same batch always has the same: SHA-256 of "assign", number, block, and
 * of the round if it isn't 0. */
void publish_batch_id(struct hash32 *out, const struct publish_batch *batch);

#endif /* SERVICES_TASK_PUBLISHER_PUBLISH_H */
