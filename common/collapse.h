/* collapse - our memory in large pages, little by little.
 *
 * A fork copies an entry for every page of the process: for half a gigabyte in
 * pages of 4 KiB that takes 50 ms and more, in pages of 2 MiB next to nothing.
 * Large pages from the beginning would cost whoever touches a new one up to
 * milliseconds; so they are made afterwards, where memory is filled, one at a
 * time (madvise(2), MADV_COLLAPSE, Linux 6.1; without it nothing happens). */
#ifndef COMMON_COLLAPSE_H
#define COMMON_COLLAPSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COLLAPSE_RANGES_MAX = 256 };

struct collapse {
	struct {
		uintptr_t from, to;
	} ranges[COLLAPSE_RANGES_MAX];
	size_t count, next;
};

/* Find what there is: private anonymous mappings of 8 MiB and more. */
void collapse_begin(struct collapse *c);

/* Make one page of the next 2 MiB of which most is in use, if they are near:
 * a fraction of a millisecond. false: that was all. */
bool collapse_step(struct collapse *c);

#endif /* COMMON_COLLAPSE_H */
