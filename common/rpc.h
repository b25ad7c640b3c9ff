/* rpc - JSON-RPC 2.0 over HTTP to a list of Ethereum nodes.
 *
 * Calls are sent at once and answered from the loop. Which node answers: the
 * first of the list, until it fails to; then the next, round and round.
 *
 * https://www.jsonrpc.org/specification,
 * https://ethereum.github.io/execution-apis */
#ifndef COMMON_RPC_H
#define COMMON_RPC_H

#include <jansson.h>

#include "common/http.h"

struct rpc;

struct rpc_config {
	struct loop *loop;
	struct http *http;
	const char *urls; /* comma-separated, at most RPC_NODES_MAX */
	unsigned timeout_ms;
};

enum { RPC_NODES_MAX = 8, RPC_ANSWER_MAX_BYTES = 256 * 1024 * 1024 };

struct rpc_answer {
	/* ERR_NONE	   result holds what was asked for
	 * ERR_REFUSED	   the node understood and said no: code, message, data
	 * ERR_UNREACHABLE no answer, or none that is one: 5xx, 429, HTML, a
	 *		   wrong id, half a body; message says which */
	enum err err;
	json_t *result; /* borrowed for the call */
	int64_t code;
	const char *message;
	json_t *data;	  /* of an error; may be NULL */
	struct bytes raw; /* the body, for rpc_call_raw() only */
};

typedef void rpc_done(void *arg, const struct rpc_answer *answer);

/* ERR_CONFIG	no URL, too many, or not http(s)://; what is wrong was logged
 * ERR_NO_MEMORY */
NODISCARD enum err rpc_new(struct rpc **out, const struct rpc_config *config);

/* Calls under way are forgotten: their done() is not called. Not to be called
 * from a done(). */
void rpc_free(struct rpc **rpc);

/* Call @method with @params (takes them; NULL: none), answer to @done once. If
 * memory runs out @done hears ERR_UNREACHABLE, like any other failure. */
void rpc_call(struct rpc *rpc, const char *method, json_t *params,
	      rpc_done *done, void *arg);

/* The same, but the answer isn't parsed: done() gets ERR_NONE and all bytes of
 * an HTTP 200 in raw. For answers that are too large to build objects of. */
void rpc_call_raw(struct rpc *rpc, const char *method, json_t *params,
		  rpc_done *done, void *arg);

/* Several calls in one request. Each has its own answer; one that is missing
 * from what comes back hears ERR_UNREACHABLE. */
struct rpc_batch;
struct rpc_batch *rpc_batch_new(struct rpc *rpc);
void rpc_batch_add(struct rpc_batch *batch, const char *method, json_t *params,
		   rpc_done *done, void *arg);
/* Sends and frees it. An empty one is only freed. */
void rpc_batch_send(struct rpc_batch *batch);

/* Call one node of the list, @node < rpc_nodes(): for transactions, which all
 * of them get. */
void rpc_call_node(struct rpc *rpc, unsigned node, const char *method,
		   json_t *params, rpc_done *done, void *arg);
unsigned rpc_nodes(const struct rpc *rpc);

/* The node that is asked first just now, for log lines; its path and query,
 * which may hold a key, are left out. */
const char *rpc_node(const struct rpc *rpc);

/* What a node's refusal of a raw transaction means. Nodes word it as they
 * like; what isn't known may have been accepted all the same. */
enum rpc_send_verdict {
	RPC_SEND_ACCEPTED,
	RPC_SEND_KNOWN,	      /* it has these bytes already */
	RPC_SEND_NONCE_USED,  /* a transaction with this nonce was mined */
	RPC_SEND_UNDERPRICED, /* the fee is too low */
	RPC_SEND_POOR,	      /* the sender can't pay for the gas */
	RPC_SEND_UNKNOWN,     /* it may have been accepted */
};
enum rpc_send_verdict rpc_send_verdict(const struct rpc_answer *answer);

#endif /* COMMON_RPC_H */
