/* match_ranking_impl - what the files of match_ranking share; nobody else
 * includes it. */
#ifndef SERVICES_MATCHER_MATCH_RANKING_IMPL_H
#define SERVICES_MATCHER_MATCH_RANKING_IMPL_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif
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

/* A price in 64 bits, never above that of a higher one. Below 2^63 it is the
 * price. Above it says how long the price is, and its highest bits: such a one
 * is no more than a reason to look at the quote's own price. */
typedef uint64_t rough;

struct leaf {
	struct head head;
	uint64_t least; /* minor of what is open, if anything is */
	row_id quotes[FAN];
	uint32_t times[FAN];
	rough prices[FAN];
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
	uint64_t minors[FAN]; /* of what is open below, the least */
	uint64_t majors[FAN]; /* of `from`, prices roughly */
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

/* Where a quote that is about to come belongs, as long as leaves share their
 * quotes as they do now. */
struct expected {
	struct key key;
	row_id market;
	node_id leaf; /* 0: none is expected */
	uint64_t shape;
};

struct ranking {
	struct ranking_config config;
	struct expected expected;
	uint64_t shape; /* counts what leaves give to each other */
	struct nodes leaves, inners;
	struct pool roots; /* by market */
};

static inline struct leaf *leaf_at(const struct ranking *r, node_id id)
{
	return pool_item(&r->leaves.pool, id - 1, sizeof(struct leaf));
}

/* The first @size bytes of it; as many instructions as there are lines. */
static inline void prefetch_leaf(const struct leaf *l, size_t size)
{
#pragma GCC unroll 16
	for (size_t i = 0; i < size; i += 64)
		__builtin_prefetch((const char *)l + i, 1);
}

static inline struct inner *inner_at(const struct ranking *r, node_id id)
{
	return pool_item(&r->inners.pool, id - 1, sizeof(struct inner));
}

static inline struct root *root_of(const struct ranking *r, row_id market)
{
	return pool_item(&r->roots, market, sizeof(struct root));
}

static inline ranking_leaf *where(const struct ranking *r, row_id quote)
{
	return (ranking_leaf *)((char *)pool_at(r->config.places, quote) +
				r->config.at);
}

static inline rough roughly(u128 price)
{
	uint64_t high = (uint64_t)(price >> 64);
	unsigned more = high ? 64u - (unsigned)__builtin_clzll(high) : 0;

	/* 2^63 and more: 64 + @more bits, of which the first is implied. */
	if (!(price >> 63))
		return (rough)price;
	return (rough)1 << 63 | (rough)more << 56 |
	       ((rough)(price >> (more + 7)) & (((rough)1 << 56) - 1));
}

static inline bool is_exact(rough price)
{
	return !(price >> 63);
}

/* Where @item is; it is there. Without a branch: it may be anywhere, which no
 * processor can guess. */
static inline unsigned slot_of(const uint32_t items[FAN], uint32_t item)
{
	uint32_t found = 0;

#ifdef __SSE2__
	const __m128i wanted = _mm_set1_epi32((int)item);
	const __m128i *at = (const __m128i *)items;

#define EQUAL(i) _mm_cmpeq_epi32(_mm_loadu_si128(at + (i)), wanted)
#define EIGHT(i) _mm_packs_epi32(EQUAL(i), EQUAL((i) + 1))
#define MASK(i)                                                                \
	(uint32_t) _mm_movemask_epi8(_mm_packs_epi16(EIGHT(i), EIGHT((i) + 2)))
	found = MASK(0) | MASK(4) << 16;
#undef EQUAL
#undef EIGHT
#undef MASK
#else
	for (unsigned i = 0; i < FAN; i++)
		found |= (uint32_t)(items[i] == item) << i;
#endif
	return (unsigned)__builtin_ctz(found);
}

/* match_ranking.c: tell the nodes above what leaf or inner node @id holds now,
 * as far as it is news. */
void ranking_tell_of_leaf(struct ranking *r, node_id id);
void ranking_tell_of_inner(struct ranking *r, node_id id);

/* The same of one quote of leaf @id, with that minor, that was opened or
 * closed. */
void ranking_tell_of_change(struct ranking *r, node_id id, bool opened,
			    uint64_t minor);

/* match_ranking_place.c: the key of @quote; the leaf where one with that key
 * belongs, looked for or as expected; and where in the leaf. */
struct key ranking_key_of(const struct ranking *r, row_id quote);
node_id ranking_leaf_for(const struct ranking *r, const struct root *root,
			 const struct key *key);
node_id ranking_expected_leaf(const struct ranking *r, row_id market,
			      const struct key *key);
unsigned ranking_place_in(const struct ranking *r, const struct leaf *l,
			  const struct key *key);

static inline uint64_t major_of(const struct ranking *r, const struct key *key)
{
	return r->config.fastest ? key->time : roughly(key->price);
}

static inline uint64_t minor_of(const struct ranking *r, const struct leaf *l,
				unsigned at)
{
	return r->config.fastest ? l->prices[at] : l->times[at];
}

#endif /* SERVICES_MATCHER_MATCH_RANKING_IMPL_H */
