/* orderbook's own main(), as a program of the simulator. */
int orderbook_main(int argc, char **argv);
#define main orderbook_main
#include "services/orderbook/main.c"
#undef main

#include "tests/sim/program.h"

static bool hash(void *self, struct hash32 *out)
{
	const struct book *core = ((struct orderbook *)self)->book;

	if (core)
		book_hash(core, out);
	return core != NULL;
}

const struct program sim_orderbook = {
	.name = "orderbook",
	.main = orderbook_main,
	.self_size = sizeof(struct orderbook),
	.hash = hash,
};
