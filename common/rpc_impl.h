/* What rpc.c (nodes) and rpc_call.c (calls) share; nobody else includes it. */
#ifndef COMMON_RPC_IMPL_H
#define COMMON_RPC_IMPL_H

#include "common/metric.h"
#include "common/rpc.h"

enum { RPC_NAME_ROOM = 128 };

/* Asking one node who it is. */
struct rpc_probe {
	struct rpc *rpc;
	unsigned node, missing;
	bool failed, refused, differs;
};

struct rpc_node {
	char *url;
	char name[RPC_NAME_ROOM]; /* without path and query */
	char labels[PROVIDER_FAULTS + 1][RPC_NAME_ROOM + 40];
	struct metric faults[PROVIDER_FAULTS], usable, head;
	struct rpc_probe probe;
};

struct rpc {
	struct rpc_config config;
	struct rpc_node nodes[RPC_NODES_MAX];
	struct providers providers;
	bool expects;
	uint64_t chain_id;
	struct hash32 genesis;
	uint64_t watched_ms; /* when all were asked how far they are */
	uint64_t last_id;
	struct rpc_batch *batches; /* not answered in full */
	struct loop_timer *tick;
};

void rpc_calls_register(void);

/* Forget every call. */
void rpc_calls_free(struct rpc *rpc);

/* Look after calls that wait, or that take long. */
void rpc_calls_tick(struct rpc *rpc);

/* Whether some were asked of nobody, and wait. */
bool rpc_calls_wait(const struct rpc *rpc);

/* See to it that the tick comes, if there is something for it to do. */
void rpc_tick_soon(struct rpc *rpc);

/* As rpc_complain(), of what was sent at @sent_ms; @rest_ms is what the node
 * asked for. */
void rpc_blame(struct rpc *rpc, unsigned node, enum provider_fault fault,
	       uint64_t sent_ms, uint64_t rest_ms, const char *text);

/* Node @node gave an answer. */
void rpc_praise(struct rpc *rpc, unsigned node, uint64_t latency_us);

#endif /* COMMON_RPC_IMPL_H */
