/* Leaves of row numbers, inner nodes of keys; each knows its parent. */
#include "services/matcher/match_ranking.h"

#include <assert.h>
#include <stdlib.h>

#include "common/pool.h"

enum {
	FAN = 16,
	FEW = FAN / 4,	      /* a leaf of so many looks for a neighbour */
	ENOUGH = 3 * FAN / 4, /* … with which it makes at most this */
	HEIGHT_MAX = 32,
};

typedef uint32_t node_id; /* from 1; 0 is none */

/* What leaves and inner nodes have in common. */
struct head {
	node_id parent; /* an inner node */
	uint16_t count;
	uint16_t open; /* a bit per item: something in it is open */
	row_id market;
	u128 minors[FAN]; /* of what is open, the least */
};

struct leaf {
	struct head head;
	row_id quotes[FAN];
};

struct inner {
	struct head head;
	bool low; /* its children are leaves */
	node_id children[FAN];
	struct rank from[FAN]; /* of what is below: nothing is less, but for
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
	rank_of *of;
	const void *arg;
	struct nodes leaves, inners;
	struct pool roots; /* by market */
	struct pool where; /* node_id of the leaf, by quote; 0: not in */
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

static node_id *where(const struct ranking *r, row_id quote)
{
	return pool_at(&r->where, quote);
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
	h->parent = 0;
	h->count = h->open = 0;
	h->market = market;
	return id;
}

enum err ranking_new(struct ranking **out, rank_of *of, const void *arg)
{
	struct ranking *r = calloc(1, sizeof *r);

	*out = r;
	if (!r)
		return ERR_NO_MEMORY;
	r->of = of;
	r->arg = arg;
	pool_open(&r->leaves.pool, sizeof(struct leaf));
	pool_open(&r->inners.pool, sizeof(struct inner));
	pool_open(&r->roots, sizeof(struct root));
	pool_open(&r->where, sizeof(node_id));
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
	pool_free(&r->where);
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

/* The least of what is open in @h; false if nothing is. */
static bool least(const struct head *h, u128 *minor)
{
	unsigned left = h->open;
	u128 v = ~(u128)0;

	for (; left; left &= left - 1) {
		u128 m = h->minors[__builtin_ctz(left)];

		v = m < v ? m : v;
	}
	*minor = v;
	return h->open;
}

/* Tell the parents of node @id what it holds now, as far as it is news. */
static void tell(struct ranking *r, const struct head *h, node_id id)
{
	while (h->parent) {
		struct inner *p = inner_at(r, h->parent);
		unsigned i = slot_of(p->children, id);
		unsigned bit = 1u << i;
		u128 minor;
		bool open = least(h, &minor);

		if (open == !!(p->head.open & bit) &&
		    (!open || p->head.minors[i] == minor))
			return;
		p->head.minors[i] = minor;
		p->head.open = (uint16_t)(open ? p->head.open | bit
					       : p->head.open & ~bit);
		id = h->parent;
		h = &p->head;
	}
}

/* ---- making room -------------------------------------------------------- */

/* Bits @at and above move up by one, or down onto @at. */
static uint16_t bits_open(uint16_t bits, unsigned at)
{
	unsigned low = (1u << at) - 1;

	return (uint16_t)((bits & low) | (bits & ~low) << 1);
}

static uint16_t bits_close(uint16_t bits, unsigned at)
{
	unsigned low = (1u << at) - 1;

	return (uint16_t)((bits & low) | (bits >> 1 & ~low));
}

/* Move items [from, count) of @a behind those of @b. */
static void move_head(struct head *b, struct head *a, unsigned from)
{
	unsigned n = a->count - from;

	memcpy(b->minors + b->count, a->minors + from, n * sizeof b->minors[0]);
	b->open = (uint16_t)(b->open | a->open >> from << b->count);
	b->count = (uint16_t)(b->count + n);
	a->count = (uint16_t)from;
	a->open &= (uint16_t)((1u << from) - 1);
}

static void open_head(struct head *h, unsigned at)
{
	memmove(h->minors + at + 1, h->minors + at,
		(h->count - at) * sizeof h->minors[0]);
	h->open = bits_open(h->open, at);
	h->count++;
}

static void close_head(struct head *h, unsigned at)
{
	h->count--;
	memmove(h->minors + at, h->minors + at + 1,
		(h->count - at) * sizeof h->minors[0]);
	h->open = bits_close(h->open, at);
}

static void put_child(struct inner *p, unsigned at, node_id child,
		      const struct head *h, const struct rank *from)
{
	unsigned n = p->head.count - at;

	memmove(p->children + at + 1, p->children + at,
		n * sizeof p->children[0]);
	memmove(p->from + at + 1, p->from + at, n * sizeof p->from[0]);
	open_head(&p->head, at);
	p->children[at] = child;
	p->from[at] = *from;
	if (least(h, &p->head.minors[at]))
		p->head.open |= (uint16_t)(1u << at);
}

static void set_parent(struct ranking *r, const struct inner *p, node_id child,
		       node_id parent)
{
	if (p->low)
		leaf_at(r, child)->head.parent = parent;
	else
		inner_at(r, child)->head.parent = parent;
}

static void add_child(struct ranking *r, node_id left, bool low,
		      struct head *left_head, node_id right,
		      struct head *right_head, const struct rank *from);

/* The upper half of inner node @id goes to a new one. */
static void split_inner(struct ranking *r, node_id id)
{
	struct inner *a = inner_at(r, id);
	node_id other = take_node(&r->inners, a->head.market);
	struct inner *b = inner_at(r, other);
	unsigned half = a->head.count / 2, n = a->head.count - half;

	b->low = a->low;
	memcpy(b->children, a->children + half, n * sizeof b->children[0]);
	memcpy(b->from, a->from + half, n * sizeof b->from[0]);
	move_head(&b->head, &a->head, half);
	for (unsigned i = 0; i < n; i++)
		set_parent(r, b, b->children[i], other);
	add_child(r, id, false, &a->head, other, &b->head, &b->from[0]);
}

/* @right is new beside @left, whose items it has in part. */
static void add_child(struct ranking *r, node_id left, bool low,
		      struct head *left_head, node_id right,
		      struct head *right_head, const struct rank *from)
{
	struct inner *p;
	unsigned at;

	if (!left_head->parent) {
		static const struct rank none;
		node_id top = take_node(&r->inners, left_head->market);
		struct root *root = root_of(r, left_head->market);

		p = inner_at(r, top);
		p->low = low;
		put_child(p, 0, left, left_head, &none);
		left_head->parent = top;
		*root = (struct root){top, false};
	} else if (inner_at(r, left_head->parent)->head.count == FAN) {
		split_inner(r, left_head->parent);
	}
	p = inner_at(r, left_head->parent);
	at = slot_of(p->children, left);
	put_child(p, at + 1, right, right_head, from);
	right_head->parent = left_head->parent;
	tell(r, left_head, left);
	tell(r, &p->head, left_head->parent);
}

/* ---- adding ------------------------------------------------------------- */

static int compare(const struct rank *a, const struct rank *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->minor != b->minor)
		return a->minor < b->minor ? -1 : 1;
	return place_cmp(a->turn, b->turn);
}

static node_id leaf_for(const struct ranking *r, const struct root *root,
			const struct rank *key)
{
	node_id id = root->node;
	bool low = root->leaf;

	while (!low) {
		const struct inner *p = inner_at(r, id);
		unsigned from = 0, to = p->head.count - 1u;

		/* The last child that doesn't begin after the key. */
		while (from < to) {
			unsigned middle = (from + to + 1) / 2;

			if (compare(&p->from[middle], key) <= 0)
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
			 const struct rank *key)
{
	unsigned from = 0, to = l->head.count;

	while (from < to) {
		unsigned middle = (from + to) / 2;
		struct rank other;

		r->of(r->arg, l->quotes[middle], &other);
		if (compare(&other, key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The upper half of a full leaf goes to a new one; only what comes behind it
 * when it comes in order. */
static node_id split_leaf(struct ranking *r, node_id id, unsigned at,
			  const struct rank *key)
{
	struct leaf *a = leaf_at(r, id), *b;
	node_id other = take_node(&r->leaves, a->head.market);
	unsigned half = at == FAN ? FAN : FAN / 2;
	struct rank from = *key;

	b = leaf_at(r, other);
	if (half < FAN)
		r->of(r->arg, a->quotes[half], &from);
	memcpy(b->quotes, a->quotes + half, (FAN - half) * sizeof(row_id));
	move_head(&b->head, &a->head, half);
	for (unsigned i = 0; i < b->head.count; i++)
		*where(r, b->quotes[i]) = other;
	add_child(r, id, true, &a->head, other, &b->head, &from);
	return at > half || half == FAN ? other : id;
}

enum err ranking_add(struct ranking *r, row_id market, row_id quote)
{
	struct root *root;
	struct leaf *l;
	struct rank key;
	node_id id;
	unsigned at;

	if (!pool_reach(&r->roots, market + 1) ||
	    !pool_reach(&r->where, quote + 1) || !provide(&r->leaves, 1) ||
	    !provide(&r->inners, HEIGHT_MAX))
		return ERR_NO_MEMORY;
	root = root_of(r, market);
	if (!root->node)
		*root = (struct root){take_node(&r->leaves, market), true};
	r->of(r->arg, quote, &key);
	id = leaf_for(r, root, &key);
	l = leaf_at(r, id);
	at = place_in(r, l, &key);
	if (l->head.count == FAN) {
		id = split_leaf(r, id, at, &key);
		l = leaf_at(r, id);
		at = place_in(r, l, &key);
	}
	memmove(l->quotes + at + 1, l->quotes + at,
		(l->head.count - at) * sizeof l->quotes[0]);
	open_head(&l->head, at);
	l->quotes[at] = quote;
	l->head.minors[at] = key.minor;
	*where(r, quote) = id;
	return ERR_NONE;
}

/* ---- removing ----------------------------------------------------------- */

static void take_child(struct inner *p, unsigned at)
{
	close_head(&p->head, at);
	memmove(p->children + at, p->children + at + 1,
		(p->head.count - at) * sizeof p->children[0]);
	memmove(p->from + at, p->from + at + 1,
		(p->head.count - at) * sizeof p->from[0]);
}

/* A root with one child isn't needed. */
static void lower_root(struct ranking *r, row_id market)
{
	struct root *root = root_of(r, market);

	while (!root->leaf) {
		struct inner *p = inner_at(r, root->node);
		node_id old = root->node;

		if (p->head.count > 1)
			return;
		set_parent(r, p, p->children[0], 0);
		*root = (struct root){p->children[0], p->low};
		drop_node(&r->inners, old);
	}
}

/* Inner node @id lost a child. */
static void shrink(struct ranking *r, node_id id)
{
	struct inner *p = inner_at(r, id);

	while (!p->head.count) {
		node_id up = p->head.parent;
		struct inner *above = inner_at(r, up);

		take_child(above, slot_of(above->children, id));
		drop_node(&r->inners, id);
		id = up;
		p = above;
	}
	tell(r, &p->head, id);
}

/* Leaf @id is empty: it goes, unless it is the root. */
static void drop_leaf(struct ranking *r, node_id id)
{
	struct leaf *l = leaf_at(r, id);
	node_id up = l->head.parent;
	row_id market = l->head.market;

	if (!up) {
		*root_of(r, market) = (struct root){0, true};
		drop_node(&r->leaves, id);
		return;
	}
	take_child(inner_at(r, up), slot_of(inner_at(r, up)->children, id));
	drop_node(&r->leaves, id);
	shrink(r, up);
	lower_root(r, market);
}

/* All of leaf @right goes behind what is in @left, its neighbour. */
static void merge(struct ranking *r, node_id left, node_id right)
{
	struct leaf *a = leaf_at(r, left), *b = leaf_at(r, right);

	memcpy(a->quotes + a->head.count, b->quotes,
	       b->head.count * sizeof a->quotes[0]);
	for (unsigned i = 0; i < b->head.count; i++)
		*where(r, b->quotes[i]) = left;
	move_head(&a->head, &b->head, 0);
	drop_leaf(r, right);
	tell(r, &leaf_at(r, left)->head, left);
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
	if (i + 1 < p->head.count &&
	    leaf_at(r, p->children[i + 1])->head.count + h->count <= ENOUGH)
		merge(r, id, p->children[i + 1]);
	else if (i && leaf_at(r, p->children[i - 1])->head.count + h->count <=
			      ENOUGH)
		merge(r, p->children[i - 1], id);
}

void ranking_remove(struct ranking *r, row_id quote)
{
	node_id id;
	struct leaf *l;
	unsigned at;

	if (!ranking_holds(r, quote))
		return;
	id = *where(r, quote);
	l = leaf_at(r, id);
	at = slot_of(l->quotes, quote);
	*where(r, quote) = 0;
	close_head(&l->head, at);
	memmove(l->quotes + at, l->quotes + at + 1,
		(l->head.count - at) * sizeof l->quotes[0]);
	if (!l->head.count) {
		drop_leaf(r, id);
		return;
	}
	tell(r, &l->head, id);
	if (l->head.count <= FEW)
		seek_neighbour(r, id);
}

/* ---- asking ------------------------------------------------------------- */

bool ranking_holds(const struct ranking *r, row_id quote)
{
	return quote < r->where.count && *where(r, quote);
}

void ranking_set_open(struct ranking *r, row_id quote, bool open)
{
	node_id id = *where(r, quote);
	struct leaf *l = leaf_at(r, id);
	unsigned bit = 1u << slot_of(l->quotes, quote);

	if (open == !!(l->head.open & bit))
		return;
	l->head.open = (uint16_t)(l->head.open ^ bit);
	tell(r, &l->head, id);
}

bool ranking_stays(const struct ranking *r, row_id quote)
{
	const struct leaf *l = leaf_at(r, *where(r, quote));
	unsigned at = slot_of(l->quotes, quote);
	struct rank mine, next;

	/* Behind the last one of a leaf begins what only the parents know. */
	if (at + 1u == l->head.count)
		return false;
	if (l->head.minors[at] != l->head.minors[at + 1])
		return true;
	r->of(r->arg, quote, &mine);
	r->of(r->arg, l->quotes[at + 1], &next);
	return mine.major != next.major;
}

/* The first item of @h from @from on that holds something within @limit; FAN
 * if there is none. */
static unsigned fitting(const struct head *h, unsigned from, u128 limit)
{
	unsigned left = from < FAN ? h->open & ~((1u << from) - 1) : 0;

	for (; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);

		if (h->minors[i] <= limit)
			return i;
	}
	return FAN;
}

/* The first one within @limit below child @i of @p; there is one. */
static row_id descend(const struct ranking *r, const struct inner *p,
		      unsigned i, u128 limit)
{
	const struct leaf *l;

	while (!p->low) {
		p = inner_at(r, p->children[i]);
		i = fitting(&p->head, 0, limit);
	}
	l = leaf_at(r, p->children[i]);
	return l->quotes[fitting(&l->head, 0, limit)];
}

row_id ranking_first(const struct ranking *r, row_id market, u128 limit)
{
	const struct root *root;
	const struct inner *p;
	unsigned i;

	if (market >= r->roots.count)
		return 0;
	root = root_of(r, market);
	if (!root->node)
		return 0;
	if (root->leaf) {
		const struct leaf *l = leaf_at(r, root->node);

		i = fitting(&l->head, 0, limit);
		return i < FAN ? l->quotes[i] : 0;
	}
	p = inner_at(r, root->node);
	i = fitting(&p->head, 0, limit);
	return i < FAN ? descend(r, p, i, limit) : 0;
}

row_id ranking_next(const struct ranking *r, row_id quote, u128 limit)
{
	node_id id = *where(r, quote);
	const struct leaf *l = leaf_at(r, id);
	const struct head *h = &l->head;
	unsigned i = fitting(h, slot_of(l->quotes, quote) + 1, limit);

	if (i < FAN)
		return l->quotes[i];
	while (h->parent) {
		const struct inner *p = inner_at(r, h->parent);

		i = fitting(&p->head, slot_of(p->children, id) + 1, limit);
		if (i < FAN)
			return descend(r, p, i, limit);
		id = h->parent;
		h = &p->head;
	}
	return 0;
}
