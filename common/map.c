/* Buckets in segments that never move; chains of numbered nodes. */
#include "common/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/pool.h"

enum { BUCKETS_START = 64 };

struct node {
	uint64_t hash;
	uint32_t value; /* 0: free */
	uint32_t next;	/* node number, 0 ends a chain */
};

struct map {
	map_equal *equal;
	const void *arg;
	struct pool buckets; /* uint32_t: number of the first node */
	struct pool nodes;   /* struct node; number n is at n - 1 */
	uint32_t low;	     /* buckets at the start of this doubling: 2^k */
	uint32_t split;	     /* the next bucket to be split */
	uint32_t free;	     /* first free node */
	size_t count;
};

static uint32_t *bucket(const struct map *m, uint32_t i)
{
	return pool_item(&m->buckets, i, sizeof(uint32_t));
}

static struct node *node(const struct map *m, uint32_t number)
{
	return pool_item(&m->nodes, number - 1, sizeof(struct node));
}

enum err map_new(struct map **out, map_equal *equal, const void *arg)
{
	struct map *m = calloc(1, sizeof *m);

	if (!m)
		return ERR_NO_MEMORY;
	m->equal = equal;
	m->arg = arg;
	m->low = BUCKETS_START;
	pool_open(&m->buckets, sizeof(uint32_t));
	pool_open(&m->nodes, sizeof(struct node));
	if (!pool_reach(&m->buckets, BUCKETS_START)) {
		map_free(&m);
		return ERR_NO_MEMORY;
	}
	*out = m;
	return ERR_NONE;
}

void map_free(struct map **map)
{
	if (!*map)
		return;
	pool_free(&(*map)->buckets);
	pool_free(&(*map)->nodes);
	free(*map);
	*map = NULL;
}

static uint32_t bucket_of(const struct map *m, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & (m->low - 1);

	return i < m->split ? (uint32_t)hash & (2 * m->low - 1) : i;
}

uint32_t map_get(const struct map *m, uint64_t hash, const void *key)
{
	const struct node *x;

	for (uint32_t n = *bucket(m, bucket_of(m, hash)); n; n = x->next) {
		x = node(m, n);
		if (x->hash == hash && m->equal(m->arg, x->value, key))
			return x->value;
	}
	return 0;
}

/* Divide one bucket's chain between it and a new one, if there is memory. */
static void split_one(struct map *m)
{
	uint32_t from = m->split, to = m->low + m->split, n;

	if (!pool_grow(&m->buckets))
		return;
	n = *bucket(m, from);
	*bucket(m, from) = *bucket(m, to) = 0;
	while (n) {
		struct node *x = node(m, n);
		uint32_t next = x->next;
		uint32_t *b = bucket(m, (uint32_t)x->hash & (2 * m->low - 1));

		x->next = *b;
		*b = n;
		n = next;
	}
	if (++m->split == m->low) {
		m->low *= 2;
		m->split = 0;
	}
}

static uint32_t take_node(struct map *m)
{
	uint32_t n = m->free;

	if (n)
		m->free = node(m, n)->next;
	else if (pool_grow(&m->nodes))
		n = m->nodes.count;
	return n;
}

enum err map_add(struct map *m, uint64_t hash, uint32_t value)
{
	uint32_t n = take_node(m), *b;

	if (!n)
		return ERR_NO_MEMORY;
	b = bucket(m, bucket_of(m, hash));
	*node(m, n) = (struct node){hash, value, *b};
	*b = n;
	m->count++;
	/* Without memory for one more bucket the chains grow longer. */
	if (m->count > m->buckets.count)
		split_one(m);
	return ERR_NONE;
}

void map_remove(struct map *m, uint64_t hash, uint32_t value)
{
	uint32_t *link = bucket(m, bucket_of(m, hash));

	while (*link && node(m, *link)->value != value)
		link = &node(m, *link)->next;
	assert(*link);
	if (*link) {
		uint32_t n = *link;

		*link = node(m, n)->next;
		*node(m, n) = (struct node){.next = m->free};
		m->free = n;
		m->count--;
	}
}

size_t map_count(const struct map *m)
{
	return m->count;
}

/* The finaliser of MurmurHash3 (Appleby, public domain). */
uint64_t map_hash_u64(uint64_t v)
{
	v ^= v >> 33;
	v *= 0xff51afd7ed558ccdu;
	v ^= v >> 33;
	v *= 0xc4ceb9fe1a85ec53u;
	return v ^ v >> 33;
}

uint64_t map_hash_bytes(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t h = size, v;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = map_hash_u64(h ^ v);
	}
	v = 0;
	memcpy(&v, p, size);
	return map_hash_u64(h ^ v);
}
