/* span - how many blocks to ask for at once.
 *
 * Grows step by step towards what brings SPAN_LOGS_WANTED logs, as a stretch
 * without logs says nothing about the one that follows; halves when a node
 * finds it too much. What was too much isn't tried again before
 * SPAN_TRUST answers later. Pure. */
#ifndef COMMON_SPAN_H
#define COMMON_SPAN_H

#include <stddef.h>
#include <stdint.h>

enum {
	SPAN_LOGS_WANTED = 2000,
	SPAN_STEP = 4,	 /* blocks by which it grows */
	SPAN_TRUST = 64, /* answers until a limit is tried again */
};

struct span {
	unsigned blocks; /* of the next range; at least 1 */
	unsigned max;	 /* as configured */
	unsigned limit;	 /* as learnt */
	unsigned given;	 /* answers since then */
};

void span_init(struct span *s, unsigned max);

/* @blocks brought @logs. */
void span_given(struct span *s, uint64_t blocks, size_t logs);

/* @blocks were too much; @most is what the node says it would take, or 0. */
void span_refused(struct span *s, uint64_t blocks, uint64_t most);

#endif /* COMMON_SPAN_H */
