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

static u128 least_price(uint32_t open, const u128 prices[FAN])
{
	u128 v = ~(u128)0;

	for (; open; open &= open - 1) {
		u128 p = prices[__builtin_ctz(open)];

		v = p < v ? p : v;
	}
	return v;
}

static uint32_t least_time(uint32_t open, const uint32_t times[FAN])
{
	uint32_t v = UINT32_MAX;

	for (; open; open &= open - 1) {
		uint32_t t = times[__builtin_ctz(open)];

		v = t < v ? t : v;
	}
	return v;
}

/* The least minor of what is open in it, if anything is. */
static u128 least_in_leaf(const struct ranking *r, const struct leaf *l)
{
	return r->config.fastest ? least_price(l->head.open, l->prices)
				 : least_time(l->head.open, l->times);
}

static u128 least_in_inner(const struct inner *p)
{
	return least_price(p->head.open, p->minors);
}

/* Child @id of inner node @up holds something open, or not, the least minor of
 * which is @minor: tell those above, as far as it is news. What a node's parent
 * knows of it is what it held before, and most often that is enough: few have
 * to look through their children. */
static void tell(struct ranking *r, node_id up, node_id id, bool open,
		 u128 minor)
{
	struct inner *p = up ? inner_at(r, up) : NULL, *above;
	unsigned i = p ? slot_of(p->children, id) : 0, k;

	for (; p; p = above, i = k) {
		uint32_t bit = 1u << i;
		bool was = p->head.open & bit, knows;
		u128 old = p->minors[i];

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
	const struct leaf *l = leaf_at(r, id);

	tell(r, l->head.parent, id, l->head.open, least_in_leaf(r, l));
}

void ranking_tell_of_inner(struct ranking *r, node_id id)
{
	const struct inner *p = inner_at(r, id);

	tell(r, p->head.parent, id, p->head.open, least_in_inner(p));
}

/* Something with @minor in leaf @id was opened or closed. Most often the parent
 * knows of a lesser one, and need not be told. */
void ranking_tell_of_change(struct ranking *r, node_id id, bool opened,
			    u128 minor)
{
	const struct leaf *l = leaf_at(r, id);
	const struct inner *p;
	unsigned i;

	if (!l->head.parent)
		return;
	p = inner_at(r, l->head.parent);
	i = slot_of(p->children, id);
	if ((p->head.open >> i & 1) &&
	    (opened ? p->minors[i] <= minor : p->minors[i] < minor))
		return;
	tell(r, l->head.parent, id, l->head.open,
	     opened ? minor : least_in_leaf(r, l));
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

void ranking_prefetch(const struct ranking *r, row_id quote)
{
	node_id id = *where(r, quote);

	if (id)
		for (unsigned i = 0; i < 4; i++) /* head and numbers */
			__builtin_prefetch((char *)leaf_at(r, id) + 64 * i, 1);
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
static unsigned fitting_price(uint32_t open, const u128 prices[FAN],
			      unsigned from, u128 limit)
{
	if (from >= FAN)
		return FAN;
	for (open &= ~0u << from; open; open &= open - 1) {
		unsigned i = (unsigned)__builtin_ctz(open);

		if (prices[i] <= limit)
			return i;
	}
	return FAN;
}

static unsigned fitting_in_leaf(const struct ranking *r, const struct leaf *l,
				unsigned from, u128 limit)
{
	if (r->config.fastest)
		return fitting_price(l->head.open, l->prices, from, limit);
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
				 u128 limit)
{
	return fitting_price(p->head.open, p->minors, from, limit);
}

/* The first one within @limit below child @i of @p; there is one. */
static row_id descend(const struct ranking *r, const struct inner *p,
		      unsigned i, u128 limit)
{
	const struct leaf *l;

	while (!p->low) {
		p = inner_at(r, p->children[i]);
		i = fitting_in_inner(p, 0, limit);
	}
	l = leaf_at(r, p->children[i]);
	return l->quotes[fitting_in_leaf(r, l, 0, limit)];
}

row_id ranking_first(const struct ranking *r, row_id market, u128 limit)
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

row_id ranking_next(const struct ranking *r, row_id quote, u128 limit)
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
