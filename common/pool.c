/* Segment k holds 2^(5 + k) items. */
#include "common/pool.h"

#include <stdlib.h>

void pool_open(struct pool *p, size_t size)
{
	*p = (struct pool){.size = size};
}

void pool_free(struct pool *p)
{
	for (unsigned k = 0; k < POOL_SEGMENTS; k++)
		free(p->segments[k]);
	*p = (struct pool){.size = p->size};
}

bool pool_grow(struct pool *p)
{
	uint32_t n = p->count + (1u << POOL_FIRST_LOG2);
	unsigned log2 = 31u - (unsigned)__builtin_clz(n);
	unsigned k = log2 - POOL_FIRST_LOG2;

	if (k == POOL_SEGMENTS)
		return false;
	if (!p->segments[k])
		p->segments[k] = calloc((size_t)1 << log2, p->size);
	if (!p->segments[k])
		return false;
	p->count++;
	return true;
}

bool pool_reach(struct pool *p, uint32_t count)
{
	while (p->count < count)
		if (!pool_grow(p))
			return false;
	return true;
}
