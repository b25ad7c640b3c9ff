/* A binary trie of which only the branching nodes exist. */
#include "services/matcher/match_waiting.h"

#include <assert.h>
#include <stdlib.h>

#include "common/pool.h"

enum {
	BITS = 128,
	LEAF = (int)0x80000000u, /* in an item: it is a request */
};

/* A node's number from 1, or a request's row and LEAF; 0 is none. */
typedef uint32_t item;

/* What a search has to know of everything below an item. */
struct bounds {
	uint64_t price; /* rounded down, see round_price() */
	uint64_t order; /* the earliest */
	uint64_t expiry;
	uint32_t time;
};

struct node {
	uint64_t near, order; /* the key's halves, of any request below */
	struct bounds bounds;
	uint32_t parent; /* 0: the root of its market */
	item child[2];
	uint8_t bit; /* the first one that differs, from 0, the highest */
};

/* By request. */
struct place_in_trie {
	uint32_t parent; /* 0: alone in its market */
	row_id market;	 /* 0: not in */
};

struct waiting {
	wish_of *of;
	const void *arg;
	struct pool nodes;
	uint32_t free;	   /* first free node, chained by parent */
	struct pool roots; /* item, by market */
	struct pool where; /* struct place_in_trie, by request */
};

/* ---- keys --------------------------------------------------------------- */

/* A price in 64 bits, never above a higher one: 7 bits say how long it is, the
 * others are its highest. Prices below 2^57 keep all of them. */
static uint64_t round_price(u128 v)
{
	uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
	unsigned bits = high  ? 128u - (unsigned)__builtin_clzll(high)
			: low ? 64u - (unsigned)__builtin_clzll(low)
			      : 0;

	if (bits <= 57)
		return low;
	/* The highest bit is implied by the length. */
	v = (v >> (bits - 58)) & (((u128)1 << 57) - 1);
	return (uint64_t)(bits - 57) << 57 | (uint64_t)v;
}

/* The bits of @v, each followed by a zero. */
static uint64_t spread(uint32_t v)
{
	uint64_t x = v;

	x = (x | x << 16) & 0x0000ffff0000ffffu;
	x = (x | x << 8) & 0x00ff00ff00ff00ffu;
	x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
	x = (x | x << 2) & 0x3333333333333333u;
	return (x | x << 1) & 0x5555555555555555u;
}

static struct bounds bounds_of(const struct wish *w)
{
	return (struct bounds){round_price(w->price), w->order, w->expiry,
			       w->time};
}

/* Prices that differ little in proportion, and times, lie together. */
static uint64_t near_of(const struct bounds *b)
{
	uint64_t p = b->price;
	unsigned bits = p ? 64u - (unsigned)__builtin_clzll(p) : 0;

	/* Small prices keep their bits; so a float once more, in 32 bits. */
	if (bits > 26)
		p = (uint64_t)(bits - 25) << 25 |
		    ((p >> (bits - 26)) & ((1u << 25) - 1));
	return spread((uint32_t)p) << 1 | spread(b->time);
}

/* ---- items -------------------------------------------------------------- */

static struct node *node_at(const struct waiting *w, item i)
{
	return pool_item(&w->nodes, i - 1, sizeof(struct node));
}

static struct place_in_trie *where(const struct waiting *w, row_id request)
{
	return pool_item(&w->where, request, sizeof(struct place_in_trie));
}

static item *root_of(const struct waiting *w, row_id market)
{
	return pool_item(&w->roots, market, sizeof(item));
}

static bool is_leaf(item i)
{
	return i & (item)LEAF;
}

static row_id row_of(item i)
{
	return i & ~(item)LEAF;
}

static struct bounds bounds_at(const struct waiting *w, item i)
{
	struct wish wish;

	if (!is_leaf(i))
		return node_at(w, i)->bounds;
	w->of(w->arg, row_of(i), &wish);
	return bounds_of(&wish);
}

static struct bounds join(struct bounds a, const struct bounds *b)
{
	a.price = b->price > a.price ? b->price : a.price;
	a.time = b->time > a.time ? b->time : a.time;
	a.expiry = b->expiry > a.expiry ? b->expiry : a.expiry;
	a.order = b->order < a.order ? b->order : a.order;
	return a;
}

static bool same(const struct bounds *a, const struct bounds *b)
{
	return a->price == b->price && a->order == b->order &&
	       a->expiry == b->expiry && a->time == b->time;
}

static void set_parent(struct waiting *w, item i, uint32_t parent)
{
	if (is_leaf(i))
		where(w, row_of(i))->parent = parent;
	else
		node_at(w, i)->parent = parent;
}

/* ---- life --------------------------------------------------------------- */

enum err waiting_new(struct waiting **out, wish_of *of, const void *arg)
{
	struct waiting *w = calloc(1, sizeof *w);

	*out = w;
	if (!w)
		return ERR_NO_MEMORY;
	w->of = of;
	w->arg = arg;
	pool_open(&w->nodes, sizeof(struct node));
	pool_open(&w->roots, sizeof(item));
	pool_open(&w->where, sizeof(struct place_in_trie));
	return ERR_NONE;
}

void waiting_free(struct waiting **waiting)
{
	struct waiting *w = *waiting;

	if (!w)
		return;
	pool_free(&w->nodes);
	pool_free(&w->roots);
	pool_free(&w->where);
	free(w);
	*waiting = NULL;
}

/* ---- adding and removing ------------------------------------------------ */

static uint32_t take_node(struct waiting *w)
{
	uint32_t n = w->free;

	if (n)
		w->free = node_at(w, n)->parent;
	else if (pool_grow(&w->nodes))
		n = w->nodes.count;
	return n;
}

static unsigned bit_of(uint64_t near, uint64_t order, unsigned bit)
{
	return (unsigned)(bit < 64 ? near >> (63 - bit) & 1
				   : order >> (127 - bit) & 1);
}

/* The first bit that differs between a key and that of @i; BITS if none. */
static unsigned differs(const struct waiting *w, item i, uint64_t near,
			uint64_t order)
{
	uint64_t other_near, other_order;

	if (is_leaf(i)) {
		struct bounds b = bounds_at(w, i);

		other_near = near_of(&b);
		other_order = b.order;
	} else {
		other_near = node_at(w, i)->near;
		other_order = node_at(w, i)->order;
	}
	if (near != other_near)
		return (unsigned)__builtin_clzll(near ^ other_near);
	if (order != other_order)
		return 64u + (unsigned)__builtin_clzll(order ^ other_order);
	return BITS;
}

enum err waiting_add(struct waiting *w, row_id market, row_id request)
{
	struct wish wish;
	struct bounds b;
	uint64_t near;
	uint32_t parent = 0, n;
	item *link, below;
	unsigned bit, side;

	if (!pool_reach(&w->roots, market + 1) ||
	    !pool_reach(&w->where, request + 1))
		return ERR_NO_MEMORY;
	w->of(w->arg, request, &wish);
	b = bounds_of(&wish);
	near = near_of(&b);
	link = root_of(w, market);
	if (!*link) {
		*link = request | (item)LEAF;
		*where(w, request) = (struct place_in_trie){0, market};
		return ERR_NONE;
	}
	n = take_node(w);
	if (!n)
		return ERR_NO_MEMORY;
	/* Down while the key agrees with all that a node's keys share. */
	for (;;) {
		struct node *x;

		bit = differs(w, *link, near, b.order);
		if (is_leaf(*link) || bit < node_at(w, *link)->bit)
			break;
		parent = *link;
		x = node_at(w, parent);
		x->bounds = join(x->bounds, &b);
		link = &x->child[bit_of(near, b.order, x->bit)];
	}
	assert(bit < BITS);
	below = *link;
	side = bit_of(near, b.order, bit);
	*node_at(w, n) = (struct node){near,   b.order, bounds_at(w, below),
				       parent, {0},	(uint8_t)bit};
	node_at(w, n)->bounds = join(node_at(w, n)->bounds, &b);
	node_at(w, n)->child[side] = request | (item)LEAF;
	node_at(w, n)->child[!side] = below;
	set_parent(w, below, n);
	*where(w, request) = (struct place_in_trie){n, market};
	*link = n;
	return ERR_NONE;
}

/* What is below node @n became less: tell it and those above. */
static void narrow(struct waiting *w, uint32_t n)
{
	for (; n; n = node_at(w, n)->parent) {
		struct node *x = node_at(w, n);
		struct bounds a = bounds_at(w, x->child[0]);
		struct bounds b = bounds_at(w, x->child[1]);

		a = join(a, &b);
		if (same(&a, &x->bounds))
			return;
		x->bounds = a;
	}
}

void waiting_remove(struct waiting *w, row_id request)
{
	struct place_in_trie at;
	struct node *gone;
	item other;

	if (!waiting_holds(w, request))
		return;
	at = *where(w, request);
	*where(w, request) = (struct place_in_trie){0, 0};
	if (!at.parent) {
		*root_of(w, at.market) = 0;
		return;
	}
	gone = node_at(w, at.parent);
	other = gone->child[gone->child[0] == (request | (item)LEAF)];
	set_parent(w, other, gone->parent);
	if (gone->parent) {
		struct node *up = node_at(w, gone->parent);

		up->child[up->child[1] == at.parent] = other;
		narrow(w, gone->parent);
	} else {
		*root_of(w, at.market) = other;
	}
	gone->parent = w->free;
	w->free = at.parent;
}

bool waiting_holds(const struct waiting *w, row_id request)
{
	return request < w->where.count && where(w, request)->market;
}

/* ---- searching ---------------------------------------------------------- */

struct search {
	const struct waiting *waiting;
	u128 price;
	uint64_t rounded; /* price */
	uint32_t time;
	uint64_t now;
	uint64_t order; /* of the best so far */
	row_id best;
};

static bool may_hold(const struct search *s, const struct bounds *b)
{
	return b->price >= s->rounded && b->time >= s->time &&
	       b->expiry > s->now && b->order < s->order;
}

static void look_at_request(struct search *s, row_id request)
{
	struct wish wish;

	s->waiting->of(s->waiting->arg, request, &wish);
	if (wish.price >= s->price && wish.time >= s->time &&
	    wish.expiry > s->now && wish.order < s->order) {
		s->order = wish.order;
		s->best = request;
	}
}

/* At most BITS deep. */
static void look_at(struct search *s, item i)
{
	const struct node *n;
	bool second;

	if (is_leaf(i)) {
		look_at_request(s, row_of(i));
		return;
	}
	n = node_at(s->waiting, i);
	if (!may_hold(s, &n->bounds))
		return;
	/* Larger caps lie behind the set bit, but the earliest counts. */
	second = !is_leaf(n->child[1]) && !is_leaf(n->child[0]) &&
		 node_at(s->waiting, n->child[1])->bounds.order <
			 node_at(s->waiting, n->child[0])->bounds.order;
	look_at(s, n->child[second]);
	look_at(s, n->child[!second]);
}

row_id waiting_earliest(const struct waiting *w, row_id market, u128 price,
			uint32_t time, uint64_t now)
{
	struct search s = {.waiting = w,
			   .price = price,
			   .rounded = round_price(price),
			   .time = time,
			   .now = now,
			   .order = UINT64_MAX};

	if (market < w->roots.count && *root_of(w, market))
		look_at(&s, *root_of(w, market));
	return s.best;
}
