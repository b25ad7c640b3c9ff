/* frame_watch - what the frame looks at once a second, in every service: its
 * alarms, whether somebody wants the quarantine read again, and what the status
 * says of them. For frame.c; services have frame_alarm() of frame.h. */
#ifndef COMMON_FRAME_WATCH_H
#define COMMON_FRAME_WATCH_H

#include "common/frame.h"

/* Once, before the first service->start(). */
void frame_watch_register(void);

/* Before each service->start(). ERR_UNREACHABLE */
NODISCARD enum err frame_watch_begin(struct frame *f);

/* About once a second while the service runs. */
void frame_watch(struct frame *f);

/* The status was written to Redis in @took_us; or it wasn't. */
void frame_watch_store(struct frame *f, uint64_t took_us, bool failed);

/* Rows of the status; what they borrow is @f's. */
void frame_watch_status(struct frame *f, struct status *s);

#endif /* COMMON_FRAME_WATCH_H */
