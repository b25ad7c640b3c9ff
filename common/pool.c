/* Segment k holds 2^(5 + k) items. Once they are large, four segments at a time
 * are mapped: a system call is slow when it is rare, and what isn't touched
 * costs nothing but addresses. */
#include "common/pool.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
	SMALL = 6,    /* so many segments come one by one from the C library */
	TOGETHER = 4, /* … and then so many at a time from the kernel */
};

static size_t bytes_of(const struct pool *p, unsigned k)
{
	return p->size << (k + POOL_FIRST_LOG2);
}

/* The segments that segment @k was mapped with: [first, after). */
static unsigned first_of(unsigned k)
{
	return k - (k - SMALL) % TOGETHER;
}

static unsigned after_of(unsigned k)
{
	unsigned after = first_of(k) + TOGETHER;

	return after < POOL_SEGMENTS ? after : POOL_SEGMENTS;
}

static size_t bytes_with(const struct pool *p, unsigned k)
{
	return bytes_of(p, after_of(k)) - bytes_of(p, first_of(k));
}

static bool map_with(struct pool *p, unsigned k)
{
	char *m = mmap(NULL, bytes_with(p, k), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		return false;
	for (unsigned i = first_of(k); i < after_of(k); i++) {
		p->segments[i] = m;
		m += bytes_of(p, i);
	}
	return true;
}

static bool provide(struct pool *p, unsigned k)
{
	if (k >= POOL_SEGMENTS)
		return false;
	if (p->segments[k])
		return true;
	if (k >= SMALL)
		return map_with(p, k);
	p->segments[k] = calloc(1, bytes_of(p, k));
	return p->segments[k];
}

void pool_open(struct pool *p, size_t size)
{
	*p = (struct pool){.size = size};
}

void pool_free(struct pool *p)
{
	for (unsigned k = 0; k < SMALL; k++)
		free(p->segments[k]);
	for (unsigned k = SMALL; k < POOL_SEGMENTS; k += TOGETHER)
		if (p->segments[k])
			munmap(p->segments[k], bytes_with(p, k));
	*p = (struct pool){.size = p->size};
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
