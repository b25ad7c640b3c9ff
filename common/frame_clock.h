/* frame_clock - whether this machine's clock agrees with Redis' machine's. For
 * frame.c.
 *
 * Nothing that is decided, and no lease, depends on a clock: it is what people
 * read in logs, what webhooks are stamped with, and by what certificates are
 * judged. */
#ifndef COMMON_FRAME_CLOCK_H
#define COMMON_FRAME_CLOCK_H

#include "common/frame.h"

void frame_clock_register(void);

/* To be called about once a second: the metric clock_offset_ms, and the alarm
 * clock_off. Redis is asked every five. */
void frame_clock_look(struct frame *f);

#endif /* COMMON_FRAME_CLOCK_H */
