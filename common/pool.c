/* Segment k holds 2^(5 + k) items. Large ones come from the kernel page by page
 * as they are touched: the C library might clear all of one at once. */
#include "common/pool.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { LARGE = 64 * 1024 };

static size_t bytes_of(const struct pool *p, unsigned k)
{
	return p->size << (k + POOL_FIRST_LOG2);
}

static void *take(size_t bytes)
{
	void *m;

	if (bytes < LARGE)
		return calloc(1, bytes);
	m = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return m == MAP_FAILED ? NULL : m;
}

static void give_back(void *segment, size_t bytes)
{
	if (bytes < LARGE)
		free(segment);
	else if (segment)
		munmap(segment, bytes);
}

void pool_open(struct pool *p, size_t size)
{
	*p = (struct pool){.size = size};
}

void pool_free(struct pool *p)
{
	for (unsigned k = 0; k < POOL_SEGMENTS; k++)
		give_back(p->segments[k], bytes_of(p, k));
	*p = (struct pool){.size = p->size};
}

bool pool_grow(struct pool *p)
{
	uint32_t n = p->count + (1u << POOL_FIRST_LOG2);
	unsigned k = 31u - (unsigned)__builtin_clz(n) - POOL_FIRST_LOG2;

	if (k == POOL_SEGMENTS)
		return false;
	if (!p->segments[k])
		p->segments[k] = take(bytes_of(p, k));
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
