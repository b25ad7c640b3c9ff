/* task-publisher's own main(), as a program of the simulator. */
int task_publisher_main(int argc, char **argv);
#define main task_publisher_main
#include "services/task-publisher/main.c"
#undef main

#include "tests/sim/program.h"

static uint64_t unfinished(void *self)
{
	const struct sender *sender = ((struct publisher *)self)->sender;
	struct outbox_sizes s = {0};

	if (sender)
		s = sender_sizes(sender);
	return s.planned + s.in_flight;
}

const struct program sim_task_publisher = {
	.name = "task-publisher",
	.main = task_publisher_main,
	.self_size = sizeof(struct publisher),
	.unfinished = unfinished,
};
