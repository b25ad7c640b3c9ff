/* A walk over /proc/self/maps. */
#include "common/collapse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum {
	LARGE = 2 << 20, /* bytes of a large page */
	LEAST = 8 << 20, /* bytes of a mapping that is worth it */
	PAGES_MAX = LARGE / 4096,
	PASSED_MAX = 64, /* of them at a time that are looked at for nothing */
};

static void add(struct collapse *c, const char *line)
{
	uintptr_t from, to;
	unsigned long inode;
	char rights[8];

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %lu", &from,
		   &to, rights, &inode) != 4)
		return;
	if (strcmp(rights, "rw-p") != 0 || inode || to - from < LEAST ||
	    c->count == COLLAPSE_RANGES_MAX)
		return;
	c->ranges[c->count].from = (from + LARGE - 1) & ~(uintptr_t)(LARGE - 1);
	c->ranges[c->count].to = to & ~(uintptr_t)(LARGE - 1);
	c->count++;
}

/* Address sanitizer maps more than can be walked. */
#ifdef __SANITIZE_ADDRESS__
static const char maps_file[] = "/dev/null";
#else
static const char maps_file[] = "/proc/self/maps";
#endif

void collapse_begin(struct collapse *c)
{
	FILE *maps = fopen(maps_file, "r");
	char line[512];

	c->count = c->next = 0;
	while (maps && fgets(line, sizeof line, maps))
		add(c, line);
	if (maps)
		fclose(maps);
}

static bool is_mostly_there(void *at)
{
	unsigned char there[PAGES_MAX];
	size_t pages = LARGE / (size_t)sysconf(_SC_PAGESIZE), n = 0;

	if (mincore(at, LARGE, there))
		return false; /* it was unmapped meanwhile */
	for (size_t i = 0; i < pages; i++)
		n += there[i] & 1;
	return n > pages / 2;
}

/* Pools have many more addresses than memory: what is empty is passed by. */
bool collapse_step(struct collapse *c)
{
	for (unsigned i = 0; i < PASSED_MAX; i++) {
		void *at;

		while (c->next < c->count &&
		       c->ranges[c->next].from >= c->ranges[c->next].to)
			c->next++;
		if (c->next == c->count)
			return false;
		at = (void *)c->ranges[c->next].from;
		c->ranges[c->next].from += LARGE;
		if (!is_mostly_there(at))
			continue;
		(void)madvise(at, LARGE, MADV_COLLAPSE); /* or it stays small */
		break;
	}
	return true;
}
