/* frame_protocol - whether this version can read what others wrote. For
 * frame.c. */
#ifndef COMMON_FRAME_PROTOCOL_H
#define COMMON_FRAME_PROTOCOL_H

#include "common/frame.h"

/* Look at our own log, and at those of everybody who says something to us.
 * ERR_NEWER	one of them was written by a version whose messages this one
 *		doesn't know; what to do was logged, once for as long as it
 *		is so
 * ERR_UNREACHABLE */
NODISCARD enum err frame_protocol(struct frame *f);

#endif /* COMMON_FRAME_PROTOCOL_H */
