/* wire_put - the bytes of each type of field, for generated code only.
 *
 * Each function writes at @p, which has WIRE_FIELD_MAX bytes and what the
 * field's outside_() says, and returns what is behind what it wrote. */
#ifndef COMMON_WIRE_PUT_H
#define COMMON_WIRE_PUT_H

#include <string.h>

#include "common/be.h"
#include "common/u256.h"
#include "common/wire.h"

enum { WIRE_FIELD_MAX = 64, WIRE_ARRAY_HEAD = 3 };

static inline uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	if (v < 0x80) {
		*p = (uint8_t)v;
		return p + 1;
	}
	if (v <= UINT8_MAX) {
		p[0] = 0xcc;
		p[1] = (uint8_t)v;
		return p + 2;
	}
	if (v <= UINT16_MAX) {
		*p = 0xcd;
		return be16_put(p + 1, (uint16_t)v);
	}
	if (v <= UINT32_MAX) {
		*p = 0xce;
		return be32_put(p + 1, (uint32_t)v);
	}
	*p = 0xcf;
	return be64_put(p + 1, v);
}

static inline uint8_t *put_unix_s(uint8_t *p, struct unix_s t)
{
	return put_u64(p, t.v);
}

static inline uint8_t *put_bool(uint8_t *p, bool v)
{
	*p = v ? 0xc3 : 0xc2;
	return p + 1;
}

/* The length of a bin or str; @tag8 is the tag of one byte of length. */
static inline uint8_t *put_length(uint8_t *p, uint8_t tag8, size_t size)
{
	if (size <= UINT8_MAX) {
		p[0] = tag8;
		p[1] = (uint8_t)size;
		return p + 2;
	}
	if (size <= UINT16_MAX) {
		*p = (uint8_t)(tag8 + 1);
		return be16_put(p + 1, (uint16_t)size);
	}
	*p = (uint8_t)(tag8 + 2);
	return be32_put(p + 1, (uint32_t)size);
}

static inline uint8_t *put_raw(uint8_t *p, const void *data, size_t size)
{
	return size ? (uint8_t *)memcpy(p, data, size) + size : p;
}

static inline uint8_t *put_bin(uint8_t *p, const void *data, size_t size)
{
	return put_raw(put_length(p, 0xc4, size), data, size);
}

static inline uint8_t *put_amount(uint8_t *p, struct amount a)
{
	uint8_t bytes[32];

	if (!(a.v.limb[1] | a.v.limb[2] | a.v.limb[3]))
		return put_u64(p, a.v.limb[0]);
	return put_bin(p, bytes, u256_to_be(bytes, &a.v));
}

static inline uint8_t *put_address(uint8_t *p, struct address a)
{
	return put_bin(p, a.bytes, sizeof a.bytes);
}

static inline uint8_t *put_hash32(uint8_t *p, struct hash32 h)
{
	return put_bin(p, h.bytes, sizeof h.bytes);
}

static inline uint8_t *put_selector(uint8_t *p, struct selector s)
{
	return put_bin(p, s.bytes, sizeof s.bytes);
}

static inline uint8_t *put_bytes(uint8_t *p, struct bytes b)
{
	return put_bin(p, b.data, b.size);
}

static inline uint8_t *put_text(uint8_t *p, struct bytes b)
{
	if (b.size < 32)
		*p++ = (uint8_t)(0xa0 | b.size);
	else
		p = put_length(p, 0xd9, b.size);
	return put_raw(p, b.data, b.size);
}

static inline uint8_t *put_hash32s(uint8_t *p, struct hash32s h)
{
	return put_bin(p, h.data, 32 * h.count);
}

static inline uint8_t *put_u64s(uint8_t *p, struct u64s v)
{
	return put_bin(p, v.data, 8 * v.count);
}

static inline uint8_t *put_array(uint8_t *p, unsigned size)
{
	if (size < 16) {
		*p = (uint8_t)(0x90 | size);
		return p + 1;
	}
	*p = 0xdc;
	return be16_put(p + 1, (uint16_t)size);
}

static inline uint8_t *put_place(uint8_t *p, struct place place)
{
	p = put_u64(put_array(p, 2), place.block);
	return put_u64(p, place.index);
}

static inline uint8_t *put_block_ref(uint8_t *p, struct block_ref b)
{
	p = put_u64(put_array(p, 3), b.number);
	return put_unix_s(put_hash32(p, b.hash), b.time);
}

/* How much a field takes that isn't in its struct. */
static inline size_t outside_bytes(struct bytes b)
{
	return b.size;
}

static inline size_t outside_hash32s(struct hash32s h)
{
	return 32 * h.count;
}

static inline size_t outside_u64s(struct u64s v)
{
	return 8 * v.count;
}

#endif /* COMMON_WIRE_PUT_H */
