/* slasher-watcher's own main(), as a program of the simulator. */
int slasher_watcher_main(int argc, char **argv);
#define main slasher_watcher_main
#include "services/slasher-watcher/main.c"
#undef main

#include "tests/sim/program.h"

static bool hash(void *self, struct hash32 *out)
{
	const struct watch *core = ((struct slasher *)self)->watch;

	if (core)
		watch_hash(core, out);
	return core != NULL;
}

static uint64_t unfinished(void *self)
{
	const struct sender *sender = ((struct slasher *)self)->sender;
	struct outbox_sizes s = {0};

	if (sender)
		s = sender_sizes(sender);
	return s.planned + s.in_flight;
}

const struct program sim_slasher_watcher = {
	.name = "slasher-watcher",
	.main = slasher_watcher_main,
	.self_size = sizeof(struct slasher),
	.hash = hash,
	.unfinished = unfinished,
};
