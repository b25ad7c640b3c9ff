/* types - one struct per unit, so that mixing units does not compile. */
#ifndef COMMON_TYPES_H
#define COMMON_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 256-bit unsigned integer, least significant limb first. See u256.h. */
struct u256 {
	uint64_t limb[4];
};

/* A number of token units (of 10^-decimals tokens). */
struct amount {
	struct u256 v;
};

struct address {
	uint8_t bytes[20];
};

/* Keccak-256, SHA-256, block or transaction hash, or any bytes32. */
struct hash32 {
	uint8_t bytes[32];
};

/* Seconds since 1970, UTC, as block timestamps are. */
struct unix_s {
	uint64_t v;
};

/* Milliseconds since 1970, UTC. */
struct unix_ms {
	int64_t v;
};

/* A block of one branch of the chain. */
struct block_ref {
	uint64_t number;
	struct hash32 hash;
	struct unix_s time;
};

/* Where on a branch of the chain something happened; earlier is smaller. */
struct place {
	uint64_t block;
	uint32_t index; /* of the log in the block */
};

/* First four bytes of a hash: an ABI function or error. */
struct selector {
	uint8_t bytes[4];
};

/* A run of bytes that somebody else owns. @data may be NULL if size is 0. */
struct bytes {
	const uint8_t *data;
	size_t size;
};

/* <0, 0 or >0 as @a is before, at or after @b. */
static inline int place_cmp(struct place a, struct place b)
{
	if (a.block != b.block)
		return a.block < b.block ? -1 : 1;
	return a.index < b.index ? -1 : a.index > b.index;
}

static inline int address_eq(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline int hash32_eq(const struct hash32 *a, const struct hash32 *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

#endif /* COMMON_TYPES_H */
