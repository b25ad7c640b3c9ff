/* be - integers as big-endian bytes, at any address. */
#ifndef COMMON_BE_H
#define COMMON_BE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t be16_at(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return be16toh(v);
}

static inline uint32_t be32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return be32toh(v);
}

static inline uint64_t be64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return be64toh(v);
}

/* Write; what is behind it. */
static inline uint8_t *be16_put(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	return (uint8_t *)memcpy(p, &v, sizeof v) + sizeof v;
}

static inline uint8_t *be32_put(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	return (uint8_t *)memcpy(p, &v, sizeof v) + sizeof v;
}

static inline uint8_t *be64_put(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	return (uint8_t *)memcpy(p, &v, sizeof v) + sizeof v;
}

#endif /* COMMON_BE_H */
