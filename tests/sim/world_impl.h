/* world_impl - what world.c, loop.c and log.c share; nobody else includes it.
 */
#ifndef TESTS_SIM_WORLD_IMPL_H
#define TESTS_SIM_WORLD_IMPL_H

#include "common/loop.h"
#include "tests/sim/world.h"

/* The process's own loop, once it has made one. */
void process_set_loop(struct process *p, struct loop *loop);
struct loop *process_loop(const struct process *p);
bool loop_is_stopped(const struct loop *l);

/* Back to the world, until the process is to end. */
void process_yield(struct process *p);

bool world_is_verbose(void);

#endif /* TESTS_SIM_WORLD_IMPL_H */
