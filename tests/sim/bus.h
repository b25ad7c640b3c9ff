/* bus - common/bus.h in memory: doorbells are dropped, doubled, late, and come
 * in another order. */
#ifndef TESTS_SIM_BUS_H
#define TESTS_SIM_BUS_H

#include "common/bus.h"

/* For @us nobody hears anything. */
void bus_cut(uint64_t us);

#endif /* TESTS_SIM_BUS_H */
