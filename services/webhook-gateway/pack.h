/* pack - JSON as msgpack and back, for the sub-protocol kalypso.v1.msgpack.
 *
 * The same messages with the same names: objects are maps with strings as
 * keys. Everything is written as JSON once and carried over, so that there is
 * one description of what is said.
 *
 * https://github.com/msgpack/msgpack/blob/master/spec.md */
#ifndef SERVICES_WEBHOOK_GATEWAY_PACK_H
#define SERVICES_WEBHOOK_GATEWAY_PACK_H

#include <stdbool.h>

#include "common/buf.h"

enum { PACK_DEPTH_MAX = 8 };

/* Append @json, one value as we write it: no space, integers only. Latches
 * ERR_MALFORMED in @out for anything else, as for 16 levels and more. */
void pack_json(struct buf *out, struct bytes json);

/* How many members a map has that begins with @first and has at most 15. */
static inline unsigned pack_members(uint8_t first)
{
	return first & 0x0f;
}

/* Append what @packed says as JSON: one value, with nothing behind it; maps
 * with strings as keys, lists, integers, strings of UTF-8, true, false, nil; at
 * most PACK_DEPTH_MAX levels.
 * ERR_MALFORMED	it isn't that; @out has a part of it
 * ERR_NO_MEMORY */
NODISCARD enum err pack_to_json(struct buf *out, struct bytes packed);

#endif /* SERVICES_WEBHOOK_GATEWAY_PACK_H */
