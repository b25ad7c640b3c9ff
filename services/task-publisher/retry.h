/* retry - batches that reverted as a whole: what of them can still be done.
 *
 * The contract leaves out single matches and says why: that is final. Only a
 * batch that reverts altogether comes here. It is simulated, as it is never
 * before it is sent for the first time:
 *
 *	it would work now		sent again without what would be left
 *					out, under a new intent
 *	it reverts with a reason	that is about the whole: dropped
 *	it reverts without (gas)	cut in two, and each half simulated;
 *					what can't be cut any more is dropped
 *
 * so that what is bad goes, and the rest doesn't go with it. Past valid_until
 * nothing is done any more. */
#ifndef SERVICES_TASK_PUBLISHER_RETRY_H
#define SERVICES_TASK_PUBLISHER_RETRY_H

#include "common/rpc.h"
#include "services/task-publisher/publish.h"

struct retry;

struct retry_config {
	struct rpc *rpc;
	struct address from, to; /* of the simulated call */
	/* Append the call that carries @batch out. */
	enum err (*encode)(void *arg, const struct publish_batch *batch,
			   struct buf *call);
	uint64_t (*gas)(void *arg, const struct publish_batch *batch);
	/* Send what is left of a batch that reverted. Its fate: retry_note()
	 * it, and tell of a revert. */
	void (*plan)(void *arg, const struct publish_batch *batch);
	void *arg;
};

/* ERR_NO_MEMORY */
NODISCARD enum err retry_new(struct retry **out,
			     const struct retry_config *config);
/* After rpc_free(): answers under way would come to it. */
void retry_free(struct retry **retry);

/* @batch is on its way: keep a copy until it is too late for it.
 * ERR_NO_MEMORY */
NODISCARD enum err retry_note(struct retry *r,
			      const struct publish_batch *batch);

/* The batch of this intent reverted. One that isn't kept is left alone. */
void retry_reverted(struct retry *r, const struct hash32 *id);

/* A block of this time: batches that it is too late for are forgotten; what no
 * node answered about is asked again. */
void retry_block(struct retry *r, struct unix_s now);

#endif /* SERVICES_TASK_PUBLISHER_RETRY_H */
