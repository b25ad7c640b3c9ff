/* node - two Ethereum nodes and a prover, behind common/http.h and
 * common/heads.h: late, silent, behind, or of another opinion. */
#ifndef TESTS_SIM_NODE_H
#define TESTS_SIM_NODE_H

#include <stdint.h>

enum { NODES = 2 };

/* Node @i answers nothing for @us; or only what it knows now. */
void node_silence(unsigned i, uint64_t us);
void node_freeze(unsigned i, uint64_t us);

/* There is another head: tell those who listen. */
void node_new_head(void);

/* Nodes and prover are as they should be from now on. */
void node_be_kind(void);

#endif /* TESTS_SIM_NODE_H */
