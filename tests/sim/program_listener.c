/* listener's own main(), as a program of the simulator. */
int listener_main(int argc, char **argv);
#define main listener_main
#include "services/listener/main.c"
#undef main

#include "tests/sim/program.h"

const struct program sim_listener = {
	.name = "listener",
	.main = listener_main,
	.self_size = sizeof(struct listener),
};
