/* rivals - what the matcher is compared with: they find quotes, and no more. */
#ifndef TESTS_BENCH_RIVALS_H
#define TESTS_BENCH_RIVALS_H

#include <stdint.h>

/* Requests a second of a crowd's, with @quotes to choose from: by looking at
 * each; and by a static pair of segment trees that takes the best one out, and
 * puts it back when 512 have come after it. */
double rival_scan(uint32_t quotes);
double rival_trees(uint32_t quotes);

#endif /* TESTS_BENCH_RIVALS_H */
