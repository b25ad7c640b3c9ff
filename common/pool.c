/* Segment k holds 2^(5 + k) items. Those that fit into a stretch of addresses
 * are mapped at once when the pool is opened, the others one by one: a
 * system call is slow when it is rare, and what isn't touched costs nothing but
 * addresses. */
#include "common/pool.h"

#include <sys/mman.h>

enum { STRETCH_BYTES = 256 << 20 };

/* Segments [@k, @after) take so much. */
static size_t bytes_of(const struct pool *p, unsigned k, unsigned after)
{
	return (p->size << (after + POOL_FIRST_LOG2)) -
	       (p->size << (k + POOL_FIRST_LOG2));
}

static bool map(struct pool *p, unsigned k, unsigned after)
{
	char *m = mmap(NULL, bytes_of(p, k, after), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		return false;
	for (; k < after; k++) {
		p->segments[k] = m;
		p->bases[k] = (uintptr_t)m - (p->size << (k + POOL_FIRST_LOG2));
		m += bytes_of(p, k, k + 1);
	}
	return true;
}

/* Less where addresses aren't given away freely (strict overcommit). */
static bool map_first(struct pool *p)
{
	p->together = POOL_SEGMENTS;
	while (p->together > 1 && bytes_of(p, 0, p->together) > STRETCH_BYTES)
		p->together--;
	while (!map(p, 0, p->together))
		if (!--p->together)
			return false;
	return true;
}

static bool provide(struct pool *p, unsigned k)
{
	if (k >= POOL_SEGMENTS)
		return false;
	if (p->segments[k])
		return true;
	return k ? map(p, k, k + 1) : map_first(p);
}

void pool_open(struct pool *p, size_t size)
{
	*p = (struct pool){.size = size};
	(void)map_first(p);
}

void pool_free(struct pool *p)
{
	if (p->segments[0])
		munmap(p->segments[0], bytes_of(p, 0, p->together));
	for (unsigned k = p->together; k < POOL_SEGMENTS; k++)
		if (p->segments[k])
			munmap(p->segments[k], bytes_of(p, k, k + 1));
	*p = (struct pool){.size = p->size};
}

/* Items up to the last few of segment @k. */
static uint32_t most_of(const struct pool *p, unsigned k)
{
	return (uint32_t)((2u << (k + POOL_FIRST_LOG2)) - 2 - p->size % 29 -
			  (1u << POOL_FIRST_LOG2));
}

/* Items up to the end of segment @k. */
static uint32_t all_of(unsigned k)
{
	return (2u << (k + POOL_FIRST_LOG2)) - (1u << POOL_FIRST_LOG2);
}

/* The next segment comes a little early, and its first page with it; pools that
 * grow together (of rows, and of what is known of each) do so at different
 * items. */
bool pool_make_room(struct pool *p)
{
	uint32_t n = p->count + (1u << POOL_FIRST_LOG2);
	unsigned k = 31u - (unsigned)__builtin_clz(n) - POOL_FIRST_LOG2;

	if (!provide(p, k))
		return false;
	if (p->count < most_of(p, k)) {
		p->room = most_of(p, k);
	} else if (provide(p, k + 1)) {
		*(volatile char *)p->segments[k + 1] = 0;
		p->room = most_of(p, k + 1);
	} else {
		p->room = all_of(k);
	}
	return true;
}
