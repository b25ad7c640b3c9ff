/* Arrays that grow; few names, looked through. */
#include "tests/sim/entries.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entries *entries_named(struct entries *rows, unsigned count,
			      const char *name)
{
	for (unsigned i = 0; i < count; i++) {
		if (!*rows[i].name)
			snprintf(rows[i].name, NAME_ROOM, "%s", name);
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	abort();
}

void entries_add(struct entries *l, uint16_t type, struct bytes body)
{
	struct kept *k;

	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->items = realloc(l->items, l->room * sizeof *l->items);
		assert(l->items);
	}
	k = &l->items[l->count++];
	*k = (struct kept){type, malloc(body.size + 1), body.size};
	assert(k->data);
	if (body.size)
		memcpy(k->data, body.data, body.size);
}

struct entry entries_at(const struct entries *l, uint64_t number)
{
	const struct kept *k = &l->items[number - 1];

	return (struct entry){number, k->type, {k->data, k->size}};
}

void entries_free(struct entries *l)
{
	for (uint64_t i = 0; i < l->count; i++)
		free(l->items[i].data);
	free(l->items);
	*l = (struct entries){.items = NULL};
}
