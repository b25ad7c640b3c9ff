/* entries - numbered entries under a name: a log, or a journal's disk. */
#ifndef TESTS_SIM_ENTRIES_H
#define TESTS_SIM_ENTRIES_H

#include "common/store.h"

enum { NAME_ROOM = 96 };

struct kept {
	uint16_t type;
	uint8_t *data;
	size_t size;
};

struct entries {
	char name[NAME_ROOM]; /* "": not used */
	struct kept *items;
	uint64_t count, room;
};

/* The one of this name among @rows; the first unused becomes it. */
struct entries *entries_named(struct entries *rows, unsigned count,
			      const char *name);
void entries_add(struct entries *l, uint16_t type, struct bytes body);
struct entry entries_at(const struct entries *l, uint64_t number);
void entries_free(struct entries *l);

#endif /* TESTS_SIM_ENTRIES_H */
