/* A treap (Seidel and Aragon, 1996) whose nodes are found by row number and
 * whose priorities are hashes of row numbers: balanced, and the same in every
 * copy. */
#include "common/order.h"

#include <assert.h>
#include <stdlib.h>

#include "common/map.h"

enum { SEGMENT_NODES = 4096, SEGMENTS_START = 16 };

struct node {
	row_id left, right;
};

struct order {
	const struct table *table;
	order_compare *compare;
	struct node **segments; /* the array moves, segments never do */
	uint32_t segments_count, segments_room;
	row_id root;
	size_t count;
};

enum err order_new(struct order **out, const struct table *table,
		   order_compare *compare)
{
	struct order *o = calloc(1, sizeof *o);

	if (!o)
		return ERR_NO_MEMORY;
	o->table = table;
	o->compare = compare;
	*out = o;
	return ERR_NONE;
}

void order_free(struct order **order)
{
	struct order *o = *order;

	if (!o)
		return;
	for (uint32_t i = 0; i < o->segments_count; i++)
		free(o->segments[i]);
	free(o->segments);
	free(o);
	*order = NULL;
}

/* ---- nodes -------------------------------------------------------------- */

static struct node *node(const struct order *o, row_id row)
{
	return &o->segments[row / SEGMENT_NODES][row % SEGMENT_NODES];
}

static bool add_segment(struct order *o)
{
	if (o->segments_count == o->segments_room) {
		uint32_t room = o->segments_room ? 2 * o->segments_room
						 : SEGMENTS_START;
		struct node **grown =
			realloc(o->segments, room * sizeof *grown);

		if (!grown)
			return false;
		o->segments = grown;
		o->segments_room = room;
	}
	o->segments[o->segments_count] =
		calloc(SEGMENT_NODES, sizeof(struct node));
	if (!o->segments[o->segments_count])
		return false;
	o->segments_count++;
	return true;
}

/* Bijective, so no two rows have the same. */
static uint64_t priority(row_id row)
{
	return map_hash_u64(row);
}

static int compare(const struct order *o, const void *probe, row_id row)
{
	return o->compare(probe, table_row(o->table, row));
}

/* ---- change ------------------------------------------------------------- */

/* The tree under @at as two: before @probe and after it. */
static void split(struct order *o, row_id at, const void *probe, row_id *before,
		  row_id *after)
{
	while (at) {
		struct node *n = node(o, at);

		if (compare(o, probe, at) > 0) {
			*before = at;
			before = &n->right;
			at = n->right;
		} else {
			*after = at;
			after = &n->left;
			at = n->left;
		}
	}
	*before = *after = 0;
}

enum err order_add(struct order *o, row_id row)
{
	const void *probe = table_row(o->table, row);
	row_id *link = &o->root;
	struct node *n;

	while (row / SEGMENT_NODES >= o->segments_count)
		if (!add_segment(o))
			return ERR_NO_MEMORY;
	while (*link && priority(*link) > priority(row))
		link = compare(o, probe, *link) > 0 ? &node(o, *link)->right
						    : &node(o, *link)->left;
	n = node(o, row);
	split(o, *link, probe, &n->left, &n->right);
	*link = row;
	o->count++;
	return ERR_NONE;
}

/* Both trees as one; every key under @a is before every key under @b. */
static void merge(struct order *o, row_id *link, row_id a, row_id b)
{
	while (a && b) {
		if (priority(a) > priority(b)) {
			*link = a;
			link = &node(o, a)->right;
			a = *link;
		} else {
			*link = b;
			link = &node(o, b)->left;
			b = *link;
		}
	}
	*link = a ? a : b;
}

void order_remove(struct order *o, row_id row)
{
	const void *probe = table_row(o->table, row);
	row_id *link = &o->root;

	while (*link != row) {
		assert(*link);
		link = compare(o, probe, *link) > 0 ? &node(o, *link)->right
						    : &node(o, *link)->left;
	}
	merge(o, link, node(o, row)->left, node(o, row)->right);
	o->count--;
}

/* ---- find --------------------------------------------------------------- */

row_id order_at(const struct order *o, const void *probe)
{
	row_id at = o->root;

	while (at) {
		int c = compare(o, probe, at);

		if (c == 0)
			return at;
		at = c > 0 ? node(o, at)->right : node(o, at)->left;
	}
	return 0;
}

row_id order_before(const struct order *o, const void *probe)
{
	row_id best = 0, at = o->root;

	while (at) {
		if (compare(o, probe, at) > 0) {
			best = at;
			at = node(o, at)->right;
		} else {
			at = node(o, at)->left;
		}
	}
	return best;
}

row_id order_after(const struct order *o, const void *probe)
{
	row_id best = 0, at = o->root;

	while (at) {
		if (compare(o, probe, at) < 0) {
			best = at;
			at = node(o, at)->left;
		} else {
			at = node(o, at)->right;
		}
	}
	return best;
}

size_t order_count(const struct order *o)
{
	return o->count;
}
