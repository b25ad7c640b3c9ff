/* Segment k holds 2^(5 + k) items. Once they are large, most of those that
 * there can be are mapped at once: a system call is slow when it is rare, and
 * what isn't touched costs nothing but addresses. */
#include "common/pool.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
	SMALL = 6,     /* so many segments come one by one from the C library */
	TOGETHER = 12, /* … and then so many at a time from the kernel */
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

static void set_segment(struct pool *p, unsigned k, void *segment)
{
	p->segments[k] = segment;
	p->bases[k] = (uintptr_t)segment - bytes_of(p, k);
}

static bool map_with(struct pool *p, unsigned k)
{
	char *m = mmap(NULL, bytes_with(p, k), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		return false;
	for (unsigned i = first_of(k); i < after_of(k); i++) {
		set_segment(p, i, m);
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
	set_segment(p, k, calloc(1, bytes_of(p, k)));
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
