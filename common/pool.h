/* pool - an array that grows by segments, each twice as long as the one before:
 * items never move, growing never copies. Memory that no item has touched yet
 * costs nothing. */
#ifndef COMMON_POOL_H
#define COMMON_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POOL_FIRST_LOG2 = 5, /* items of the first segment */
	POOL_SEGMENTS = 24,
};

struct pool {
	size_t size;	/* of an item */
	uint32_t count; /* items in use; may be lowered at will */
	void *segments[POOL_SEGMENTS];
};

/* For items of @size bytes; allocates nothing. */
void pool_open(struct pool *p, size_t size);
void pool_free(struct pool *p);

/* One item more, zero unless it was in use before. false: out of memory, or
 * there are 2^29 */
bool pool_grow(struct pool *p);

/* At least @count items. false: as above, and fewer than that */
bool pool_reach(struct pool *p, uint32_t count);

/* Item @i, below @count. */
static inline void *pool_at(const struct pool *p, uint32_t i)
{
	uint32_t n = i + (1u << POOL_FIRST_LOG2);
	unsigned log2 = 31u - (unsigned)__builtin_clz(n);

	return (char *)p->segments[log2 - POOL_FIRST_LOG2] +
	       (size_t)(n - (1u << log2)) * p->size;
}

#endif /* COMMON_POOL_H */
