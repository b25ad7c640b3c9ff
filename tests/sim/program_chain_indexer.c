/* chain-indexer's own main(), as a program of the simulator. */
int chain_indexer_main(int argc, char **argv);
#define main chain_indexer_main
#include "services/chain-indexer/main.c"
#undef main

#include "tests/sim/program.h"

const struct program sim_chain_indexer = {
	.name = "chain-indexer",
	.main = chain_indexer_main,
	.self_size = sizeof(struct indexer),
};
