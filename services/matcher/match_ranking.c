/* Leaves of quotes, inner nodes of keys; each knows its parent. */
#include "services/matcher/match_ranking.h"

#include <assert.h>
#include <stdlib.h>

enum {
	FAN = 32,
	FEW = FAN / 4,	      /* a leaf of so many looks for a neighbour */
	ENOUGH = 3 * FAN / 4, /* … with which it makes at most this */
	ROOM = FAN / 4,	      /* of a neighbour that a full leaf gives some */
	HEIGHT_MAX = 16,
};

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

/* ---- nodes -------------------------------------------------------------- */

static void *node_at(const struct nodes *n, node_id id)
{
	return pool_at(&n->pool, id - 1);
}

static struct leaf *leaf_at(const struct ranking *r, node_id id)
{
	return node_at(&r->leaves, id);
}

static struct inner *inner_at(const struct ranking *r, node_id id)
{
	return node_at(&r->inners, id);
}

static struct root *root_of(const struct ranking *r, row_id market)
{
	return pool_at(&r->roots, market);
}

static ranking_leaf *where(const struct ranking *r, row_id quote)
{
	return (ranking_leaf *)((char *)pool_at(r->config.places, quote) +
				r->config.at);
}

static void drop_node(struct nodes *n, node_id id)
{
	struct head *h = node_at(n, id);

	h->parent = n->free;
	n->free = id;
	n->free_count++;
}

/* So many can be taken without asking for memory. */
static bool provide(struct nodes *n, uint32_t count)
{
	while (n->free_count < count) {
		if (!pool_grow(&n->pool))
			return false;
		drop_node(n, n->pool.count);
	}
	return true;
}

static node_id take_node(struct nodes *n, row_id market)
{
	node_id id = n->free;
	struct head *h = node_at(n, id);

	n->free = h->parent;
	n->free_count--;
	*h = (struct head){.market = market};
	return id;
}

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

static unsigned slot_of(const uint32_t items[FAN], uint32_t item)
{
	unsigned i = 0;

	while (items[i] != item)
		i++;
	return i;
}

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
 * which is @minor: tell those above, as far as it is news. */
static void tell(struct ranking *r, node_id up, node_id id, bool open,
		 u128 minor)
{
	while (up) {
		struct inner *p = inner_at(r, up);
		unsigned i = slot_of(p->children, id);
		uint32_t bit = 1u << i;

		if (open == !!(p->head.open & bit) &&
		    (!open || p->minors[i] == minor))
			return;
		p->minors[i] = minor;
		p->head.open = open ? p->head.open | bit : p->head.open & ~bit;
		open = p->head.open;
		minor = least_in_inner(p);
		id = up;
		up = p->head.parent;
	}
}

static void tell_of_leaf(struct ranking *r, node_id id)
{
	const struct leaf *l = leaf_at(r, id);

	tell(r, l->head.parent, id, l->head.open, least_in_leaf(r, l));
}

static void tell_of_inner(struct ranking *r, node_id id)
{
	const struct inner *p = inner_at(r, id);

	tell(r, p->head.parent, id, p->head.open, least_in_inner(p));
}

/* ---- making room -------------------------------------------------------- */

/* Bits @at and above move up by one, or down onto @at. */
static uint32_t bits_open(uint32_t bits, unsigned at)
{
	uint32_t low = (1u << at) - 1;

	return (bits & low) | (bits & ~low) << 1;
}

static uint32_t bits_close(uint32_t bits, unsigned at)
{
	uint32_t low = (1u << at) - 1;

	return (bits & low) | (bits >> 1 & ~low);
}

/* Room for one at @at in an array of @n items of which @a is the first. */
#define OPEN_ARRAY(a, at, n)                                                   \
	memmove((a) + (at) + 1, (a) + (at), ((n) - (at)) * sizeof *(a))
/* @n items are left behind the one at @at goes. */
#define CLOSE_ARRAY(a, at, n)                                                  \
	memmove((a) + (at), (a) + (at) + 1, ((n) - (at)) * sizeof *(a))
/* Items [from, from + n) of @a go behind the first @count of @b. */
#define MOVE_ARRAY(b, count, a, from, n)                                       \
	memcpy((b) + (count), (a) + (from), (n) * sizeof *(b))

/* @from to the end of @a is behind what is in @b now. */
static void move_head(struct head *b, struct head *a, unsigned from)
{
	b->open |= (uint32_t)((uint64_t)a->open >> from) << b->count;
	b->count = (uint16_t)(b->count + a->count - from);
	a->count = (uint16_t)from;
	a->open &= (uint32_t)(((uint64_t)1 << from) - 1);
}

static void move_quotes(struct ranking *r, node_id to, node_id id,
			unsigned from)
{
	struct leaf *a = leaf_at(r, id), *b = leaf_at(r, to);
	unsigned n = a->head.count - from, count = b->head.count;

	MOVE_ARRAY(b->quotes, count, a->quotes, from, n);
	MOVE_ARRAY(b->times, count, a->times, from, n);
	MOVE_ARRAY(b->prices, count, a->prices, from, n);
	for (unsigned i = 0; i < n; i++)
		*where(r, b->quotes[count + i]) = to;
	move_head(&b->head, &a->head, from);
}

static void put_child(struct inner *p, unsigned at, node_id child,
		      const struct key *from, bool open, u128 minor)
{
	unsigned n = p->head.count;

	OPEN_ARRAY(p->children, at, n);
	OPEN_ARRAY(p->minors, at, n);
	OPEN_ARRAY(p->from, at, n);
	p->head.open = bits_open(p->head.open, at) | (uint32_t)open << at;
	p->head.count++;
	p->children[at] = child;
	p->minors[at] = minor;
	p->from[at] = *from;
}

static void take_child(struct inner *p, unsigned at)
{
	unsigned n = --p->head.count;

	CLOSE_ARRAY(p->children, at, n);
	CLOSE_ARRAY(p->minors, at, n);
	CLOSE_ARRAY(p->from, at, n);
	p->head.open = bits_close(p->head.open, at);
}

static void set_parent(struct ranking *r, bool leaf, node_id child,
		       node_id parent)
{
	struct head *h =
		leaf ? &leaf_at(r, child)->head : &inner_at(r, child)->head;

	h->parent = parent;
}

/* A new root above @child. */
static node_id raise_root(struct ranking *r, bool leaf, node_id child,
			  row_id market)
{
	static const struct key none;
	node_id top = take_node(&r->inners, market);
	struct inner *p = inner_at(r, top);

	p->low = leaf;
	put_child(p, 0, child, &none, false, 0);
	set_parent(r, leaf, child, top);
	*root_of(r, market) = (struct root){top, false};
	return top;
}

static void add_child(struct ranking *r, bool leaf, node_id left, node_id right,
		      const struct key *from);

/* The upper half of inner node @id goes to a new one. */
static void split_inner(struct ranking *r, node_id id)
{
	struct inner *a = inner_at(r, id);
	node_id other = take_node(&r->inners, a->head.market);
	struct inner *b = inner_at(r, other);
	unsigned half = a->head.count / 2, n = a->head.count - half;

	b->low = a->low;
	MOVE_ARRAY(b->children, 0, a->children, half, n);
	MOVE_ARRAY(b->minors, 0, a->minors, half, n);
	MOVE_ARRAY(b->from, 0, a->from, half, n);
	move_head(&b->head, &a->head, half);
	for (unsigned i = 0; i < n; i++)
		set_parent(r, b->low, b->children[i], other);
	add_child(r, false, id, other, &b->from[0]);
}

static struct head *head_of(const struct ranking *r, bool leaf, node_id id)
{
	return leaf ? &leaf_at(r, id)->head : &inner_at(r, id)->head;
}

/* @right is new behind @left, and has some of what @left had. */
static void add_child(struct ranking *r, bool leaf, node_id left, node_id right,
		      const struct key *from)
{
	struct head *l = head_of(r, leaf, left);
	struct inner *p;

	if (!l->parent)
		raise_root(r, leaf, left, l->market);
	else if (inner_at(r, l->parent)->head.count == FAN)
		split_inner(r, l->parent);
	p = inner_at(r, l->parent);
	put_child(p, slot_of(p->children, left) + 1, right, from, false, 0);
	set_parent(r, leaf, right, l->parent);
	if (leaf) {
		tell_of_leaf(r, left);
		tell_of_leaf(r, right);
	} else {
		tell_of_inner(r, left);
		tell_of_inner(r, right);
	}
}

/* ---- adding ------------------------------------------------------------- */

static struct key key_of(const struct ranking *r, row_id quote)
{
	struct rank rank;

	r->config.of(r->config.arg, quote, &rank);
	return (struct key){rank.price, rank.turn.block, rank.turn.index,
			    rank.time};
}

static int compare_terms(const struct ranking *r, u128 price, uint32_t time,
			 const struct key *k)
{
	int by_price = price < k->price ? -1 : price > k->price;
	int by_time = time < k->time ? -1 : time > k->time;
	int first = r->config.fastest ? by_time : by_price;

	return first ? first : r->config.fastest ? by_price : by_time;
}

static int compare_turns(const struct key *a, const struct key *b)
{
	return place_cmp((struct place){a->block, a->index},
			 (struct place){b->block, b->index});
}

static node_id leaf_for(const struct ranking *r, const struct root *root,
			const struct key *key)
{
	node_id id = root->node;
	bool low = root->leaf;

	while (!low) {
		const struct inner *p = inner_at(r, id);
		unsigned from = 0, to = p->head.count - 1u;

		/* The last child that doesn't begin after the key. */
		while (from < to) {
			unsigned middle = (from + to + 1) / 2;
			const struct key *k = &p->from[middle];
			int c = compare_terms(r, k->price, k->time, key);

			if (c < 0 || (!c && compare_turns(k, key) <= 0))
				from = middle;
			else
				to = middle - 1;
		}
		id = p->children[from];
		low = p->low;
	}
	return id;
}

/* Where in the leaf a quote with that key belongs. */
static unsigned place_in(const struct ranking *r, const struct leaf *l,
			 const struct key *key)
{
	unsigned from = 0, to = l->head.count;

	while (from < to) {
		unsigned middle = (from + to) / 2;
		int c = compare_terms(r, l->prices[middle], l->times[middle],
				      key);

		if (!c) {
			struct key other = key_of(r, l->quotes[middle]);

			c = compare_turns(&other, key);
		}
		if (c < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The upper half of a full leaf goes to a new one; nothing, when quotes come in
 * order. */
static node_id split_leaf(struct ranking *r, node_id id, unsigned at,
			  const struct key *key)
{
	node_id other = take_node(&r->leaves, leaf_at(r, id)->head.market);
	unsigned half = at == FAN ? FAN : FAN / 2;
	struct key from =
		half < FAN ? key_of(r, leaf_at(r, id)->quotes[half]) : *key;

	move_quotes(r, other, id, half);
	add_child(r, true, id, other, &from);
	return at > half || half == FAN ? other : id;
}

/* The last @n quotes of leaf @left go in front of those of @right. */
static void push_right(struct ranking *r, node_id left, node_id right,
		       unsigned n)
{
	struct leaf *a = leaf_at(r, left), *b = leaf_at(r, right);
	unsigned count = b->head.count;

	memmove(b->quotes + n, b->quotes, count * sizeof b->quotes[0]);
	memmove(b->times + n, b->times, count * sizeof b->times[0]);
	memmove(b->prices + n, b->prices, count * sizeof b->prices[0]);
	b->head.open <<= n;
	b->head.count = 0;
	move_quotes(r, right, left, a->head.count - n);
	b->head.count = (uint16_t)(count + n);
}

/* The first @n quotes of leaf @right go behind those of @left. */
static void push_left(struct ranking *r, node_id left, node_id right,
		      unsigned n)
{
	struct leaf *a = leaf_at(r, left), *b = leaf_at(r, right);
	unsigned rest = b->head.count - n, count = a->head.count;

	MOVE_ARRAY(a->quotes, count, b->quotes, 0, n);
	MOVE_ARRAY(a->times, count, b->times, 0, n);
	MOVE_ARRAY(a->prices, count, b->prices, 0, n);
	for (unsigned i = 0; i < n; i++)
		*where(r, a->quotes[count + i]) = left;
	a->head.open |= (b->head.open & ((1u << n) - 1)) << count;
	a->head.count = (uint16_t)(count + n);
	memmove(b->quotes, b->quotes + n, rest * sizeof b->quotes[0]);
	memmove(b->times, b->times + n, rest * sizeof b->times[0]);
	memmove(b->prices, b->prices + n, rest * sizeof b->prices[0]);
	b->head.open >>= n;
	b->head.count = (uint16_t)rest;
}

/* A full leaf gives some to a neighbour that has room, so that leaves are
 * fuller than splitting alone would leave them. */
static bool share(struct ranking *r, node_id id)
{
	node_id up = leaf_at(r, id)->head.parent, left, right;
	struct inner *p;
	unsigned i, room;

	if (!up)
		return false;
	p = inner_at(r, up);
	i = slot_of(p->children, id);
	if (i + 1u < p->head.count &&
	    (room = FAN - leaf_at(r, p->children[i + 1])->head.count) >= ROOM) {
		left = id;
		right = p->children[++i];
		push_right(r, left, right, room / 2);
	} else if (i &&
		   (room = FAN - leaf_at(r, p->children[i - 1])->head.count) >=
			   ROOM) {
		left = p->children[i - 1];
		right = id;
		push_left(r, left, right, room / 2);
	} else {
		return false;
	}
	p->from[i] = key_of(r, leaf_at(r, right)->quotes[0]);
	tell_of_leaf(r, left);
	tell_of_leaf(r, right);
	return true;
}

enum err ranking_add(struct ranking *r, row_id market, row_id quote)
{
	struct root *root;
	struct leaf *l;
	struct key key;
	node_id id;
	unsigned at, n;

	if (!pool_reach(&r->roots, market + 1) || !provide(&r->leaves, 2) ||
	    !provide(&r->inners, HEIGHT_MAX))
		return ERR_NO_MEMORY;
	root = root_of(r, market);
	if (!root->node)
		*root = (struct root){take_node(&r->leaves, market), true};
	key = key_of(r, quote);
	id = leaf_for(r, root, &key);
	l = leaf_at(r, id);
	at = place_in(r, l, &key);
	if (l->head.count == FAN) {
		id = share(r, id) ? leaf_for(r, root, &key)
				  : split_leaf(r, id, at, &key);
		l = leaf_at(r, id);
		at = place_in(r, l, &key);
	}
	n = l->head.count++;
	OPEN_ARRAY(l->quotes, at, n);
	OPEN_ARRAY(l->times, at, n);
	OPEN_ARRAY(l->prices, at, n);
	l->head.open = bits_open(l->head.open, at);
	l->quotes[at] = quote;
	l->times[at] = key.time;
	l->prices[at] = key.price;
	*where(r, quote) = id;
	return ERR_NONE;
}

/* ---- removing ----------------------------------------------------------- */

/* A root with one child isn't needed. */
static void lower_root(struct ranking *r, row_id market)
{
	struct root *root = root_of(r, market);

	while (!root->leaf) {
		struct inner *p = inner_at(r, root->node);
		node_id old = root->node;

		if (p->head.count > 1)
			return;
		set_parent(r, p->low, p->children[0], 0);
		*root = (struct root){p->children[0], p->low};
		drop_node(&r->inners, old);
	}
}

/* Inner node @id lost a child. The root has two at least, so one stays. */
static void shrink(struct ranking *r, node_id id)
{
	while (!inner_at(r, id)->head.count) {
		node_id up = inner_at(r, id)->head.parent;
		struct inner *above = inner_at(r, up);

		take_child(above, slot_of(above->children, id));
		drop_node(&r->inners, id);
		id = up;
	}
	tell_of_inner(r, id);
}

/* Leaf @id is empty: it goes. */
static void drop_leaf(struct ranking *r, node_id id)
{
	node_id up = leaf_at(r, id)->head.parent;
	row_id market = leaf_at(r, id)->head.market;
	struct inner *p;

	drop_node(&r->leaves, id);
	if (!up) {
		*root_of(r, market) = (struct root){0, true};
		return;
	}
	p = inner_at(r, up);
	take_child(p, slot_of(p->children, id));
	shrink(r, up);
	lower_root(r, market);
}

/* All of leaf @right goes behind what is in @left, its neighbour. */
static void merge(struct ranking *r, node_id left, node_id right)
{
	move_quotes(r, left, right, 0);
	drop_leaf(r, right);
	tell_of_leaf(r, left);
}

static void seek_neighbour(struct ranking *r, node_id id)
{
	const struct head *h = &leaf_at(r, id)->head;
	const struct inner *p;
	unsigned i;

	if (!h->parent)
		return;
	p = inner_at(r, h->parent);
	i = slot_of(p->children, id);
	if (i + 1u < p->head.count &&
	    leaf_at(r, p->children[i + 1])->head.count + h->count <= ENOUGH)
		merge(r, id, p->children[i + 1]);
	else if (i && leaf_at(r, p->children[i - 1])->head.count + h->count <=
			      ENOUGH)
		merge(r, p->children[i - 1], id);
}

static u128 minor_of(const struct ranking *r, const struct leaf *l, unsigned i)
{
	return r->config.fastest ? l->prices[i] : l->times[i];
}

/* Something with @minor in leaf @id was opened or closed. Most often the parent
 * knows of a lesser one, and need not be told. */
static void tell_of_change(struct ranking *r, node_id id, bool opened,
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

void ranking_remove(struct ranking *r, row_id quote)
{
	node_id id = *where(r, quote);
	struct leaf *l;
	unsigned at, n;
	bool open;
	u128 minor;

	if (!id)
		return;
	l = leaf_at(r, id);
	at = slot_of(l->quotes, quote);
	open = l->head.open >> at & 1;
	minor = minor_of(r, l, at);
	*where(r, quote) = 0;
	n = --l->head.count;
	CLOSE_ARRAY(l->quotes, at, n);
	CLOSE_ARRAY(l->times, at, n);
	CLOSE_ARRAY(l->prices, at, n);
	l->head.open = bits_close(l->head.open, at);
	if (!n) {
		drop_leaf(r, id);
		return;
	}
	if (open)
		tell_of_change(r, id, false, minor);
	if (n <= FEW)
		seek_neighbour(r, id);
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
	tell_of_change(r, id, open, minor_of(r, l, at));
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
