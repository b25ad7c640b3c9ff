/* frame_chores - what the frame does now and then, in every service: it holds
 * the lease, looks whether the logs still live, trims its own, and publishes
 * its status. For frame.c. */
#ifndef COMMON_FRAME_CHORES_H
#define COMMON_FRAME_CHORES_H

#include "common/frame.h"

/* Once, before anything else. */
void frame_chores_register(void);

/* Do them a few times a second, from the next time on; f->loop is there. */
void frame_chores_plan(struct frame *f);

/* Blocks come at even intervals: right after one there is time, and a timer of
 * its own would meet some of them again and again. To be called then. */
void frame_chores_put_off(struct frame *f);

/* Let the lease run out @ms from now. ERR_FENCED: it isn't ours any more;
 * ERR_UNREACHABLE */
NODISCARD enum err frame_hold_lease(struct frame *f, uint64_t ms);

/* Count a call that Redis did not answer. */
void frame_store_missed(void);

#endif /* COMMON_FRAME_CHORES_H */
