/* An array, and a map into it. */
#include "services/slasher-watcher/notes.h"

#include <stdlib.h>

#include "common/map.h"

enum { SWEEP_MIN = 1024 };

struct notes {
	struct map *map; /* to places in the array, from 1 */
	struct note *items;
	size_t count, room, kept; /* by the newest sweep */
};

static uint64_t hash_of(enum note_kind kind, uint64_t request_id,
			struct unix_s since)
{
	return map_hash_u64(request_id ^ map_hash_u64(since.v ^ kind));
}

static uint64_t hash_note(const struct note *x)
{
	return hash_of(x->kind, x->request_id, x->since);
}

static bool is_equal(const void *arg, uint32_t place, const void *key)
{
	const struct note *a = &((const struct notes *)arg)->items[place - 1],
			  *b = key;

	return a->kind == b->kind && a->request_id == b->request_id &&
	       a->since.v == b->since.v;
}

enum err notes_new(struct notes **out)
{
	struct notes *n = calloc(1, sizeof *n);
	enum err e = n ? map_new(&n->map, is_equal, n) : ERR_NO_MEMORY;

	if (e)
		notes_free(&n);
	*out = n;
	return e;
}

void notes_free(struct notes **notes)
{
	if (!*notes)
		return;
	map_free(&(*notes)->map);
	free((*notes)->items);
	free(*notes);
	*notes = NULL;
}

struct note *notes_find(const struct notes *n, enum note_kind kind,
			uint64_t request_id, struct unix_s since)
{
	struct note key = {
		.kind = kind, .request_id = request_id, .since = since};
	uint32_t place = map_get(n->map, hash_note(&key), &key);

	return place ? &n->items[place - 1] : NULL;
}

struct note *notes_put(struct notes *n, enum note_kind kind,
		       uint64_t request_id, struct unix_s since)
{
	struct note *found = notes_find(n, kind, request_id, since), *grown;
	size_t room = n->room ? 2 * n->room : 64;

	if (found)
		return found;
	if (n->count == n->room) {
		grown = realloc(n->items, room * sizeof *grown);
		if (!grown)
			return NULL;
		n->items = grown;
		n->room = room;
	}
	if (map_add(n->map, hash_of(kind, request_id, since),
		    (uint32_t)n->count + 1))
		return NULL;
	n->items[n->count] = (struct note){
		.kind = kind, .request_id = request_id, .since = since};
	return &n->items[n->count++];
}

/* The last one takes its place. */
static void take_out(struct notes *n, size_t i)
{
	size_t last = --n->count;

	map_remove(n->map, hash_note(&n->items[i]), (uint32_t)i + 1);
	if (i == last)
		return;
	map_remove(n->map, hash_note(&n->items[last]), (uint32_t)last + 1);
	n->items[i] = n->items[last];
	/* What was just taken out has left the room for it. */
	(void)!map_add(n->map, hash_note(&n->items[i]), (uint32_t)i + 1);
}

void notes_sweep(struct notes *n,
		 bool (*gone)(void *arg, const struct note *note), void *arg)
{
	size_t i = 0;

	if (n->count < 2 * n->kept + SWEEP_MIN)
		return;
	while (i < n->count) {
		if (gone(arg, &n->items[i]))
			take_out(n, i);
		else
			i++;
	}
	n->kept = n->count;
}

size_t notes_count(const struct notes *n)
{
	return n->count;
}
