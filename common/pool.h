/* pool - an array that grows by segments, each twice as long as the one before:
 * items never move, growing never copies. Memory that no item has touched yet
 * costs nothing but addresses. */
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
	uint32_t room;	/* items that can be in use without further ado */
	/* By segment: where item 0 would be if all were of this one. */
	uintptr_t bases[POOL_SEGMENTS];
	void *segments[POOL_SEGMENTS];
	unsigned
		together; /* so many of them, the first ones, are one mapping */
};

/* For items of @size bytes. Addresses are asked for at once, so that no event
 * has to; if there are none, the first item asks again. */
void pool_open(struct pool *p, size_t size);
void pool_free(struct pool *p);

/* Room for one more. false: as below */
bool pool_make_room(struct pool *p);

/* One item more, zero unless it was in use before. false: out of memory, or
 * there are 2^29 */
static inline bool pool_grow(struct pool *p)
{
	if (p->count >= p->room && !pool_make_room(p))
		return false;
	p->count++;
	return true;
}

/* At least @count items. false: as above, and fewer than that */
static inline bool pool_reach(struct pool *p, uint32_t count)
{
	while (p->count < count)
		if (!pool_grow(p))
			return false;
	return true;
}

/* Item @i, below @count, of @size bytes: to be used where that is known when
 * this is compiled, as it saves a multiplication. */
static inline void *pool_item(const struct pool *p, uint32_t i, size_t size)
{
	uint32_t n = i + (1u << POOL_FIRST_LOG2);
	unsigned log2 = 31u - (unsigned)__builtin_clz(n);

	return (void *)(p->bases[log2 - POOL_FIRST_LOG2] + n * size);
}

/* Item @i, below @count. */
static inline void *pool_at(const struct pool *p, uint32_t i)
{
	return pool_item(p, i, p->size);
}

#endif /* COMMON_POOL_H */
