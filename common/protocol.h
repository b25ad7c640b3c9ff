/* protocol - which logs this version writes, and up to which it reads them.
 *
 * Raised, by one, when a log may hold what an older version would misread: a
 * message that it has to know, another meaning of one that it knows. A field
 * that is appended, or a message that may be passed over, is no reason. Never
 * lowered: every version reads what older ones wrote.
 *
 * The writer of a log notes there which version wrote to it (store_protocol());
 * who can't read that waits, and says what to upgrade. */
#ifndef COMMON_PROTOCOL_H
#define COMMON_PROTOCOL_H

#include <stdint.h>

extern const uint16_t protocol_ours;
/* The version that it comes with, for people. */
extern const char protocol_version[];

#endif /* COMMON_PROTOCOL_H */
