/* A small hash table of addresses that are connected now. */
#include "services/webhook-gateway/peers.h"

#include <stdlib.h>

#include "common/map.h"

enum { BUCKETS = 256 };

struct peer {
	struct peer *next;
	uint32_t address;
	unsigned count;
};

struct peers {
	unsigned per_peer_max, all_max, all;
	struct peer *buckets[BUCKETS];
};

enum err peers_new(struct peers **out, unsigned per_peer_max, unsigned all_max)
{
	struct peers *p = calloc(1, sizeof *p);

	if (!p)
		return ERR_NO_MEMORY;
	p->per_peer_max = per_peer_max;
	p->all_max = all_max;
	*out = p;
	return ERR_NONE;
}

void peers_free(struct peers **peers)
{
	struct peers *p = *peers;

	if (!p)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (p->buckets[i]) {
			struct peer *peer = p->buckets[i];

			p->buckets[i] = peer->next;
			free(peer);
		}
	free(p);
	*peers = NULL;
}

static unsigned bucket_of(uint32_t address)
{
	return (unsigned)(map_hash_u64(address) % BUCKETS);
}

static struct peer *find(const struct peers *p, uint32_t address)
{
	struct peer *peer = p->buckets[bucket_of(address)];

	while (peer && peer->address != address)
		peer = peer->next;
	return peer;
}

bool peers_refuse(const struct peers *p, uint32_t address, bool many)
{
	const struct peer *peer = find(p, address);

	return p->all >= p->all_max ||
	       (!many && peer && peer->count >= p->per_peer_max);
}

struct peer *peers_enter(struct peers *p, uint32_t address)
{
	struct peer **bucket = &p->buckets[bucket_of(address)];
	struct peer *peer = find(p, address);

	if (!peer) {
		peer = calloc(1, sizeof *peer);
		if (!peer)
			return NULL;
		peer->address = address;
		peer->next = *bucket;
		*bucket = peer;
	}
	peer->count++;
	p->all++;
	return peer;
}

void peers_leave(struct peers *p, struct peer *peer)
{
	struct peer **link = &p->buckets[bucket_of(peer->address)];

	p->all--;
	if (--peer->count)
		return;
	while (*link != peer)
		link = &(*link)->next;
	*link = peer->next;
	free(peer);
}
