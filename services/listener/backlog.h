/* backlog - events from before the blocks that are followed, oldest first.
 *
 * Asks for them range by range, for shorter ones when a node finds a range too
 * long, and again when it doesn't answer. */
#ifndef SERVICES_LISTENER_BACKLOG_H
#define SERVICES_LISTENER_BACKLOG_H

#include "common/evm.h"
#include "common/loop.h"
#include "common/rpc.h"

struct backlog;

struct backlog_config {
	struct loop *loop;
	struct rpc *rpc;
	struct address contract;
	json_t *topics;	    /* borrowed while it lives */
	uint64_t from, to;  /* blocks, both included */
	unsigned range_max; /* blocks in one eth_getLogs */
	void (*log)(void *arg, const struct evm_log *log);
	void (*done)(void *arg); /* once; it may be freed then, not there */
	void *arg;
};

/* ERR_NO_MEMORY */
NODISCARD enum err backlog_new(struct backlog **out,
			       const struct backlog_config *config);
void backlog_free(struct backlog **backlog);

#endif /* SERVICES_LISTENER_BACKLOG_H */
