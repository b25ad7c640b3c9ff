/* frame_room - whether there is room in a service's folder. For frame.c. */
#ifndef COMMON_FRAME_ROOM_H
#define COMMON_FRAME_ROOM_H

#include "common/frame.h"

/* Write some bytes there and take them away again: more than a journal needs to
 * get on. Of a service that keeps nothing there nothing is asked.
 * ERR_NO_ROOM	it can't be written; what to do was logged, once for as long as
 *		that goes on */
NODISCARD enum err frame_room(struct frame *f);

#endif /* COMMON_FRAME_ROOM_H */
