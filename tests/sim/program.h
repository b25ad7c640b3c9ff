/* program - turns a service's main.c into a part of the simulator. The file
 * that includes it names the program, then includes the main.c itself. */
#ifndef TESTS_SIM_PROGRAM_H
#define TESTS_SIM_PROGRAM_H

#include "tests/sim/world.h"

extern const struct program sim_chain_indexer, sim_orderbook, sim_matcher,
	sim_task_publisher, sim_slasher_watcher, sim_listener;

#endif /* TESTS_SIM_PROGRAM_H */
