/* matcher's own main(), as a program of the simulator. */
int matcher_main(int argc, char **argv);
#define main matcher_main
#include "services/matcher/main.c"
#undef main

#include "tests/sim/program.h"

static bool hash(void *self, struct hash32 *out)
{
	const struct match *core = ((struct matcher *)self)->match;

	if (core)
		match_hash(core, out);
	return core != NULL;
}

const struct program sim_matcher = {
	.name = "matcher",
	.main = matcher_main,
	.self_size = sizeof(struct matcher),
	.hash = hash,
};
