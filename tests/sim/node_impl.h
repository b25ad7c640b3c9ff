/* node_impl - what node.c says and http.c sends; nobody else includes it. */
#ifndef TESTS_SIM_NODE_IMPL_H
#define TESTS_SIM_NODE_IMPL_H

#include "tests/sim/chain.h"

/* Append the answer to a JSON-RPC request or batch; each call of it is true of
 * one of @heads. */
void node_answer_node(struct buf *out, struct bytes body,
		      struct sim_block *const heads[2]);

/* The same of a prover. Returns the HTTP status. */
unsigned node_answer_prover(struct buf *out, struct bytes body, bool honest);

/* The block's header as JSON; it keeps it. */
const char *node_header(struct sim_block *b);

#endif /* TESTS_SIM_NODE_IMPL_H */
