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

static bool provide(struct pool *p, unsigned k)
{
	if (k < POOL_SEGMENTS && !p->segments[k])
		p->segments[k] = take(bytes_of(p, k));
	return k < POOL_SEGMENTS && p->segments[k];
}

/* The next segment comes a little early, and its first page with it; pools that
 * grow together (of rows, and of what is known of each) do so at different
 * items. */
static void look_ahead(struct pool *p, uint32_t n, unsigned k)
{
	uint32_t left = (2u << (k + POOL_FIRST_LOG2)) - 1 - n;

	if (left == 1 + p->size % 29 && provide(p, k + 1))
		*(volatile char *)p->segments[k + 1] = 0;
}

bool pool_grow(struct pool *p)
{
	uint32_t n = p->count + (1u << POOL_FIRST_LOG2);
	unsigned k = 31u - (unsigned)__builtin_clz(n) - POOL_FIRST_LOG2;

	if (!provide(p, k))
		return false;
	look_ahead(p, n, k);
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
