/* rpc - JSON-RPC 2.0 over HTTP to a list of Ethereum nodes.
 *
 * Calls are sent at once and answered from the loop. Which node answers is
 * providers.h's choice; one that fails, or takes longer than `patience_ms`, is
 * not waited for: the next one is asked as well, until each was. While no node
 * can be asked, because all of them rest, calls wait up to `timeout_ms`.
 *
 * What nodes do wrong is counted per node, and said once when it begins and
 * once when it is over.
 *
 * https://www.jsonrpc.org/specification,
 * https://ethereum.github.io/execution-apis */
#ifndef COMMON_RPC_H
#define COMMON_RPC_H

#include <jansson.h>

#include "common/http.h"
#include "common/providers.h"
#include "common/types.h"

struct rpc;

struct rpc_config {
	struct loop *loop;
	struct http *http;
	const char *urls; /* comma-separated, at most RPC_NODES_MAX */
	unsigned timeout_ms;
	unsigned patience_ms; /* 0: RPC_PATIENCE_MS */
	size_t answer_max;    /* bytes of one answer; 0: RPC_ANSWER_MAX_BYTES */
	uint64_t seed;	      /* of the rests' lengths */
};

enum {
	RPC_NODES_MAX = PROVIDERS_MAX,
	RPC_PATIENCE_MS = 1000,
	RPC_ANSWER_MAX_BYTES = 256 * 1024 * 1024,
};

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
	uint64_t id;	  /* that the answer must have, for the same */
	unsigned node;	  /* who said it; with ERR_UNREACHABLE the last asked */
	bool too_much;	  /* ERR_UNREACHABLE: to ask for less may help */
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
 * an HTTP 200 in raw, and tells rpc_complain() if they are no answer. For
 * answers that are too large to build objects of. One node at a time is asked,
 * with all of `timeout_ms`. */
void rpc_call_raw(struct rpc *rpc, const char *method, json_t *params,
		  rpc_done *done, void *arg);

/* Several calls in one request. Each has its own answer; those that are missing
 * from what comes back are asked of the next node. */
struct rpc_batch;
struct rpc_batch *rpc_batch_new(struct rpc *rpc);
void rpc_batch_add(struct rpc_batch *batch, const char *method, json_t *params,
		   rpc_done *done, void *arg);
/* Sends and frees it. An empty one is only freed. */
void rpc_batch_send(struct rpc_batch *batch);

/* ---- one node of the list, @node < rpc_nodes(): for transactions, which all
 * of them get, and for what has to be said by one. Nobody else is asked, and it
 * is asked even while it rests. */

void rpc_call_node(struct rpc *rpc, unsigned node, const char *method,
		   json_t *params, rpc_done *done, void *arg);
void rpc_call_raw_node(struct rpc *rpc, unsigned node, const char *method,
		       json_t *params, rpc_done *done, void *arg);
struct rpc_batch *rpc_batch_new_node(struct rpc *rpc, unsigned node);

/* Forget every call under way that was made with @arg: its done() won't be
 * called. */
void rpc_forget(struct rpc *rpc, const void *arg);

unsigned rpc_nodes(const struct rpc *rpc);

/* A node's name for log lines; its path and query, which may hold a key, are
 * left out. rpc_node() is the one that is asked first just now. */
const char *rpc_node_name(const struct rpc *rpc, unsigned node);
const char *rpc_node(const struct rpc *rpc);

/* ---- what is known of the nodes ----------------------------------------- */

/* The chain that they must be of. From now on a node proves it before it is
 * asked anything else: each that rpc_proven() wasn't called for, and each that
 * comes back after it couldn't be reached. One of another chain is excluded,
 * with an error in the log, and asked again now and then. With several nodes
 * this also keeps an eye on how far each of them is. */
void rpc_expect(struct rpc *rpc, uint64_t chain_id,
		const struct hash32 *genesis);
void rpc_proven(struct rpc *rpc, unsigned node);

/* What the nodes say can't be of the chain that they proved to be of: another
 * node may have taken the place of one. All prove it again. Without
 * rpc_expect(), nothing. */
void rpc_prove_again(struct rpc *rpc);

/* Health, to look at. */
const struct providers *rpc_providers(const struct rpc *rpc);

/* Whether any node of our chain answers, or did a moment ago. */
bool rpc_answers(const struct rpc *rpc);

/* The best node now but those in the bit set @but, -1: none. See
 * providers_choose(). */
int rpc_choose(struct rpc *rpc, unsigned but);

/* Node @node told of block @number, or calls it final. */
void rpc_told_head(struct rpc *rpc, unsigned node, uint64_t number);
void rpc_told_final(struct rpc *rpc, unsigned node, uint64_t number);

/* What node @node said can't be, for the reason @text. */
void rpc_complain(struct rpc *rpc, unsigned node, enum provider_fault fault,
		  const char *text);

/* Milliseconds of the clock that providers are judged by. */
uint64_t rpc_now_ms(void);

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
