/* Asking rankings, and what nodes know of those below them. */
#include "services/matcher/match_ranking_impl.h"

#include <stdlib.h>

/* ---- life --------------------------------------------------------------- */

enum err ranking_new(struct ranking **out, const struct ranking_config *config)
{
	struct ranking *r = calloc(1, sizeof *r);

	*out = r;
	if (!r)
		return ERR_NO_MEMORY;
	r->config = *config;
	pool_open(&r->leaves.pool, sizeof(struct leaf));
	pool_open(&r->inners.pool, sizeof(struct inner));
	pool_open(&r->roots, sizeof(struct root));
	return ERR_NONE;
}

void ranking_free(struct ranking **ranking)
{
	struct ranking *r = *ranking;

	if (!r)
		return;
	pool_free(&r->leaves.pool);
	pool_free(&r->inners.pool);
	pool_free(&r->roots);
	free(r);
	*ranking = NULL;
}

/* ---- the least minor, upwards ------------------------------------------- */

static uint64_t least_of(uint32_t open, const uint64_t minors[FAN])
{
	uint64_t v = UINT64_MAX;

	for (; open; open &= open - 1) {
		uint64_t m = minors[__builtin_ctz(open)];

		v = m < v ? m : v;
	}
	return v;
}

static uint64_t least_time(uint32_t open, const uint32_t times[FAN])
{
	uint32_t v = UINT32_MAX;

	for (; open; open &= open - 1) {
		uint32_t t = times[__builtin_ctz(open)];

		v = t < v ? t : v;
	}
	return v;
}

/* The least minor of what is open in it, if anything is. */
static uint64_t least_in_leaf(const struct ranking *r, const struct leaf *l)
{
	return r->config.fastest ? least_of(l->head.open, l->prices)
				 : least_time(l->head.open, l->times);
}

static uint64_t least_in_inner(const struct inner *p)
{
	return least_of(p->head.open, p->minors);
}

/* Child @id of inner node @up holds something open, or not, the least minor of
 * which is @minor: tell those above, as far as it is news. What a node's parent
 * knows of it is what it held before, and most often that is enough: few have
 * to look through their children. */
static void tell(struct ranking *r, node_id up, node_id id, bool open,
		 uint64_t minor)
{
	struct inner *p = up ? inner_at(r, up) : NULL, *above;
	unsigned i = p ? slot_of(p->children, id) : 0, k;

	for (; p; p = above, i = k) {
		uint32_t bit = 1u << i;
		bool was = p->head.open & bit, knows;
		uint64_t old = p->minors[i];

		if (open == was && (!open || old == minor))
			return;
		p->minors[i] = minor;
		p->head.open = open ? p->head.open | bit : p->head.open & ~bit;
		if (!p->head.parent)
			return;
		above = inner_at(r, p->head.parent);
		k = slot_of(above->children, up);
		up = p->head.parent;
		knows = above->head.open >> k & 1;
		if (open && (!was || minor <= old)) {
			if (knows && above->minors[k] <= minor)
				return;
		} else {
			if (knows && above->minors[k] < old)
				return; /* it wasn't the least */
			open = p->head.open;
			minor = least_in_inner(p);
		}
	}
}

void ranking_tell_of_leaf(struct ranking *r, node_id id)
{
	struct leaf *l = leaf_at(r, id);

	l->least = least_in_leaf(r, l);
	tell(r, l->head.parent, id, l->head.open, l->least);
}

void ranking_tell_of_inner(struct ranking *r, node_id id)
{
	const struct inner *p = inner_at(r, id);

	tell(r, p->head.parent, id, p->head.open, least_in_inner(p));
}

/* Most often another one has less, and nobody need be told. */
void ranking_tell_of_change(struct ranking *r, node_id id, bool opened,
			    uint64_t minor)
{
	struct leaf *l = leaf_at(r, id);
	bool alone = !(l->head.open & (l->head.open - 1));

	if (opened ? alone || minor < l->least : l->head.open == 0)
		l->least = minor;
	else if (opened || minor > l->least)
		return;
	else
		l->least = least_in_leaf(r, l);
	tell(r, l->head.parent, id, l->head.open, l->least);
}

/* ---- asking ------------------------------------------------------------- */

void ranking_set_open(struct ranking *r, row_id quote, bool open)
{
	node_id id = *where(r, quote);
	struct leaf *l = leaf_at(r, id);
	unsigned at = slot_of(l->quotes, quote);

	if (open == (l->head.open >> at & 1))
		return;
	l->head.open ^= 1u << at;
	ranking_tell_of_change(r, id, open, minor_of(r, l, at));
}

/* Head, numbers and times are what is asked of a leaf; if an item goes, all of
 * it moves. */
void ranking_prefetch(const struct ranking *r, row_id quote, bool goes)
{
	node_id id = *where(r, quote);

	if (id && goes)
		prefetch_leaf(leaf_at(r, id), sizeof(struct leaf));
	else if (id)
		prefetch_leaf(leaf_at(r, id), offsetof(struct leaf, prices));
}

bool ranking_stays(const struct ranking *r, row_id quote)
{
	const struct leaf *l = leaf_at(r, *where(r, quote));
	unsigned at = slot_of(l->quotes, quote);

	/* Behind the last one of a leaf begins what only the parents know. */
	return at + 1u < l->head.count && (l->prices[at] != l->prices[at + 1] ||
					   l->times[at] != l->times[at + 1]);
}

bool ranking_stays_older(const struct ranking *r, row_id quote)
{
	const struct leaf *l = leaf_at(r, *where(r, quote));
	unsigned at = slot_of(l->quotes, quote);

	return at && (l->prices[at] != l->prices[at - 1] ||
		      l->times[at] != l->times[at - 1]);
}

/* The first item from @from on that holds something within the limit; FAN if
 * there is none. */
static unsigned fitting(uint32_t open, const uint64_t minors[FAN],
			unsigned from, uint64_t limit)
{
	if (from >= FAN)
		return FAN;
	for (open &= ~0u << from; open; open &= open - 1) {
		unsigned i = (unsigned)__builtin_ctz(open);

		if (minors[i] <= limit)
			return i;
	}
	return FAN;
}

static unsigned fitting_in_leaf(const struct ranking *r, const struct leaf *l,
				unsigned from, uint64_t limit)
{
	if (r->config.fastest)
		return fitting(l->head.open, l->prices, from, limit);
	if (from >= FAN)
		return FAN;
	for (uint32_t open = l->head.open & ~0u << from; open;
	     open &= open - 1) {
		unsigned i = (unsigned)__builtin_ctz(open);

		if (l->times[i] <= limit)
			return i;
	}
	return FAN;
}

static unsigned fitting_in_inner(const struct inner *p, unsigned from,
				 uint64_t limit)
{
	return fitting(p->head.open, p->minors, from, limit);
}

/* The first one within @limit below child @i of @p; there is one. */
static row_id descend(const struct ranking *r, const struct inner *p,
		      unsigned i, uint64_t limit)
{
	const struct leaf *l;

	while (!p->low) {
		p = inner_at(r, p->children[i]);
		i = fitting_in_inner(p, 0, limit);
	}
	l = leaf_at(r, p->children[i]);
	return l->quotes[fitting_in_leaf(r, l, 0, limit)];
}

static row_id first(const struct ranking *r, row_id market, uint64_t limit)
{
	const struct root *root;
	const struct inner *p;
	unsigned i;

	if (market >= r->roots.count || !root_of(r, market)->node)
		return 0;
	root = root_of(r, market);
	if (root->leaf) {
		const struct leaf *l = leaf_at(r, root->node);

		i = fitting_in_leaf(r, l, 0, limit);
		return i < FAN ? l->quotes[i] : 0;
	}
	p = inner_at(r, root->node);
	i = fitting_in_inner(p, 0, limit);
	return i < FAN ? descend(r, p, i, limit) : 0;
}

static row_id next(const struct ranking *r, row_id quote, uint64_t limit)
{
	node_id id = *where(r, quote), up;
	const struct leaf *l = leaf_at(r, id);
	unsigned i =
		fitting_in_leaf(r, l, slot_of(l->quotes, quote) + 1, limit);

	if (i < FAN)
		return l->quotes[i];
	for (up = l->head.parent; up; up = inner_at(r, up)->head.parent) {
		const struct inner *p = inner_at(r, up);

		i = fitting_in_inner(p, slot_of(p->children, id) + 1, limit);
		if (i < FAN)
			return descend(r, p, i, limit);
		id = up;
	}
	return 0;
}

/* Times fit into 64 bits, prices roughly. */
static uint64_t rough_limit(const struct ranking *r, u128 limit)
{
	if (r->config.fastest)
		return roughly(limit);
	return limit > UINT64_MAX ? UINT64_MAX : (uint64_t)limit;
}

/* From @quote on the first one that is within @limit, and not roughly only. */
static row_id settle(const struct ranking *r, row_id quote, u128 limit)
{
	struct rank rank;

	if (!r->config.fastest || is_exact(roughly(limit)))
		return quote;
	for (; quote; quote = next(r, quote, roughly(limit))) {
		r->config.of(r->config.arg, quote, &rank);
		if (rank.price <= limit)
			break;
	}
	return quote;
}

row_id ranking_first(const struct ranking *r, row_id market, u128 limit)
{
	return settle(r, first(r, market, rough_limit(r, limit)), limit);
}

row_id ranking_next(const struct ranking *r, row_id quote, u128 limit)
{
	return settle(r, next(r, quote, rough_limit(r, limit)), limit);
}
