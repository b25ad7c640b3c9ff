/* match_ranking_impl - what the files of match_ranking share; nobody else
 * includes it. */
#ifndef SERVICES_MATCHER_MATCH_RANKING_IMPL_H
#define SERVICES_MATCHER_MATCH_RANKING_IMPL_H

#include <string.h>

#include "services/matcher/match_ranking.h"

enum { FAN = 32 };

typedef uint32_t node_id; /* from 1; 0 is none */

/* What leaves and inner nodes have in common. */
struct head {
	node_id parent; /* an inner node */
	row_id market;
	uint32_t open; /* a bit per item: something in it is open */
	uint16_t count;
};

struct leaf {
	struct head head;
	row_id quotes[FAN];
	uint32_t times[FAN];
	u128 prices[FAN];
};

/* The key of a quote, in less space than a struct rank. */
struct key {
	u128 price;
	uint64_t block;
	uint32_t index, time;
};

struct inner {
	struct head head;
	bool low; /* its children are leaves */
	node_id children[FAN];
	u128 minors[FAN];     /* of what is open below, the least */
	struct key from[FAN]; /* of what is below: nothing is less, but for
				 the first child */
};

struct root {
	node_id node;
	bool leaf;
};

struct nodes {
	struct pool pool;
	node_id free; /* chained by head.parent */
	uint32_t free_count;
};

struct ranking {
	struct ranking_config config;
	struct nodes leaves, inners;
	struct pool roots; /* by market */
};

static inline void *node_at(const struct nodes *n, node_id id)
{
	return pool_at(&n->pool, id - 1);
}

static inline struct leaf *leaf_at(const struct ranking *r, node_id id)
{
	return node_at(&r->leaves, id);
}

static inline struct inner *inner_at(const struct ranking *r, node_id id)
{
	return node_at(&r->inners, id);
}

static inline struct root *root_of(const struct ranking *r, row_id market)
{
	return pool_at(&r->roots, market);
}

static inline ranking_leaf *where(const struct ranking *r, row_id quote)
{
	return (ranking_leaf *)((char *)pool_at(r->config.places, quote) +
				r->config.at);
}

/* Where @item is; it is there. Four at a time and without a branch: it may be
 * anywhere, which no processor can guess. */
static inline unsigned slot_of(const uint32_t items[FAN], uint32_t item)
{
	typedef uint32_t four __attribute__((vector_size(16)));
	const four wanted = {item, item, item, item};
	four bits = {1, 2, 4, 8}, found = {0};

	for (unsigned i = 0; i < FAN; i += 4, bits <<= 4) {
		four is;

		memcpy(&is, items + i, sizeof is);
		found |= (four)(is == wanted) & bits;
	}
	return (unsigned)__builtin_ctz(found[0] | found[1] | found[2] |
				       found[3]);
}

/* match_ranking.c: tell the nodes above what leaf or inner node @id holds now,
 * as far as it is news. */
void ranking_tell_of_leaf(struct ranking *r, node_id id);
void ranking_tell_of_inner(struct ranking *r, node_id id);

/* The same of one quote of leaf @id, with that minor, that was opened or
 * closed. */
void ranking_tell_of_change(struct ranking *r, node_id id, bool opened,
			    u128 minor);

static inline u128 minor_of(const struct ranking *r, const struct leaf *l,
			    unsigned at)
{
	return r->config.fastest ? l->prices[at] : l->times[at];
}

#endif /* SERVICES_MATCHER_MATCH_RANKING_IMPL_H */
