/* Places of rankings: quotes come and go, nodes split and merge. */
#include "services/matcher/match_ranking_impl.h"

enum {
	FEW = FAN / 4,	      /* a leaf of so many looks for a neighbour */
	ENOUGH = 3 * FAN / 4, /* … with which it makes at most this */
	ROOM = FAN / 4,	      /* of a neighbour that a full leaf gives some */
	HEIGHT_MAX = 16,
};

/* ---- nodes -------------------------------------------------------------- */

static struct head *node_at(const struct nodes *n, node_id id)
{
	return pool_at(&n->pool, id - 1);
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

/* ---- making room -------------------------------------------------------- */

/* The @n bits from the lowest on; @n is 0 to FAN. */
static uint32_t bits(unsigned n)
{
	return (uint32_t)(((uint64_t)1 << n) - 1);
}

/* Bits @at and above move up by @n, or what is @n above @at down onto it. */
static uint32_t bits_open(uint32_t v, unsigned at, unsigned n)
{
	return (v & bits(at)) | (uint32_t)((uint64_t)(v & ~bits(at)) << n);
}

static uint32_t bits_close(uint32_t v, unsigned at, unsigned n)
{
	return (v & bits(at)) | ((uint32_t)((uint64_t)v >> n) & ~bits(at));
}

/* Items @at and above of array @a, which has @count, move up by @n; or those
 * that are @n above @at move down onto it. */
#define OPEN_ARRAY(a, at, n, count)                                            \
	memmove((a) + (at) + (n), (a) + (at), ((count) - (at)) * sizeof *(a))
#define CLOSE_ARRAY(a, at, n, count)                                           \
	memmove((a) + (at), (a) + (at) + (n),                                  \
		((count) - (at) - (n)) * sizeof *(a))

static void open_leaf(struct leaf *l, unsigned at, unsigned n)
{
	unsigned count = l->head.count;

	OPEN_ARRAY(l->quotes, at, n, count);
	OPEN_ARRAY(l->times, at, n, count);
	OPEN_ARRAY(l->prices, at, n, count);
	l->head.open = bits_open(l->head.open, at, n);
	l->head.count = (uint16_t)(count + n);
}

static void close_leaf(struct leaf *l, unsigned at, unsigned n)
{
	unsigned count = l->head.count;

	CLOSE_ARRAY(l->quotes, at, n, count);
	CLOSE_ARRAY(l->times, at, n, count);
	CLOSE_ARRAY(l->prices, at, n, count);
	l->head.open = bits_close(l->head.open, at, n);
	l->head.count = (uint16_t)(count - n);
}

/* Quotes [@from, @from + @n) of leaf @id go to place @at of leaf @to. */
static void transfer(struct ranking *r, node_id to, unsigned at, node_id id,
		     unsigned from, unsigned n)
{
	struct leaf *a = leaf_at(r, id), *b = leaf_at(r, to);

	r->shape++;
	if (!n)
		return;
	open_leaf(b, at, n);
	memcpy(b->quotes + at, a->quotes + from, n * sizeof b->quotes[0]);
	memcpy(b->times + at, a->times + from, n * sizeof b->times[0]);
	memcpy(b->prices + at, a->prices + from, n * sizeof b->prices[0]);
	b->head.open |= (a->head.open >> from & bits(n)) << at;
	for (unsigned i = at; i < at + n; i++)
		*where(r, b->quotes[i]) = to;
	close_leaf(a, from, n);
}

static void set_from(const struct ranking *r, struct inner *p, unsigned at,
		     const struct key *from)
{
	p->majors[at] = major_of(r, from);
	p->from[at] = *from;
}

/* Nothing in it is open, as far as @p knows. */
static void put_child(const struct ranking *r, struct inner *p, unsigned at,
		      node_id child, const struct key *from)
{
	unsigned n = p->head.count;

	OPEN_ARRAY(p->children, at, 1, n);
	OPEN_ARRAY(p->minors, at, 1, n);
	OPEN_ARRAY(p->majors, at, 1, n);
	OPEN_ARRAY(p->from, at, 1, n);
	p->head.open = bits_open(p->head.open, at, 1);
	p->head.count++;
	p->children[at] = child;
	p->minors[at] = 0;
	set_from(r, p, at, from);
}

static void take_child(struct inner *p, unsigned at)
{
	unsigned n = p->head.count--;

	CLOSE_ARRAY(p->children, at, 1, n);
	CLOSE_ARRAY(p->minors, at, 1, n);
	CLOSE_ARRAY(p->majors, at, 1, n);
	CLOSE_ARRAY(p->from, at, 1, n);
	p->head.open = bits_close(p->head.open, at, 1);
}

static struct head *head_of(const struct ranking *r, bool leaf, node_id id)
{
	return leaf ? &leaf_at(r, id)->head : &inner_at(r, id)->head;
}

static void set_parent(struct ranking *r, bool leaf, node_id child,
		       node_id parent)
{
	head_of(r, leaf, child)->parent = parent;
}

/* A new root above @child. */
static node_id raise_root(struct ranking *r, bool leaf, node_id child,
			  row_id market)
{
	static const struct key none;
	node_id top = take_node(&r->inners, market);
	struct inner *p = inner_at(r, top);

	p->low = leaf;
	put_child(r, p, 0, child, &none);
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
	memcpy(b->children, a->children + half, n * sizeof b->children[0]);
	memcpy(b->minors, a->minors + half, n * sizeof b->minors[0]);
	memcpy(b->majors, a->majors + half, n * sizeof b->majors[0]);
	memcpy(b->from, a->from + half, n * sizeof b->from[0]);
	b->head.open = a->head.open >> half;
	b->head.count = (uint16_t)n;
	a->head.open &= bits(half);
	a->head.count = (uint16_t)half;
	for (unsigned i = 0; i < n; i++)
		set_parent(r, b->low, b->children[i], other);
	add_child(r, false, id, other, &b->from[0]);
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
	put_child(r, p, slot_of(p->children, left) + 1, right, from);
	set_parent(r, leaf, right, l->parent);
	if (leaf) {
		ranking_tell_of_leaf(r, left);
		ranking_tell_of_leaf(r, right);
	} else {
		ranking_tell_of_inner(r, left);
		ranking_tell_of_inner(r, right);
	}
}

/* ---- adding ------------------------------------------------------------- */

/* The upper half of a full leaf goes to a new one; nothing, when quotes come in
 * order. */
static node_id split_leaf(struct ranking *r, node_id id, unsigned at,
			  const struct key *key)
{
	node_id other = take_node(&r->leaves, leaf_at(r, id)->head.market);
	unsigned half = at == FAN ? FAN : FAN / 2;
	struct key from =
		half < FAN ? ranking_key_of(r, leaf_at(r, id)->quotes[half])
			   : *key;

	transfer(r, other, 0, id, half, FAN - half);
	add_child(r, true, id, other, &from);
	return at > half || half == FAN ? other : id;
}

/* A full leaf gives some to a neighbour that has room, so that leaves are
 * fuller than splitting alone would leave them. */
static bool share(struct ranking *r, node_id id)
{
	node_id up = leaf_at(r, id)->head.parent, left, right;
	struct inner *p;
	struct key first;
	unsigned i, room;

	if (!up)
		return false;
	p = inner_at(r, up);
	i = slot_of(p->children, id);
	if (i + 1u < p->head.count &&
	    (room = FAN - leaf_at(r, p->children[i + 1])->head.count) >= ROOM) {
		left = id;
		right = p->children[++i];
		transfer(r, right, 0, left, FAN - room / 2, room / 2);
	} else if (i &&
		   (room = FAN - leaf_at(r, p->children[i - 1])->head.count) >=
			   ROOM) {
		left = p->children[i - 1];
		right = id;
		transfer(r, left, FAN - room, right, 0, room / 2);
	} else {
		return false;
	}
	first = ranking_key_of(r, leaf_at(r, right)->quotes[0]);
	set_from(r, p, i, &first);
	ranking_tell_of_leaf(r, left);
	ranking_tell_of_leaf(r, right);
	return true;
}

enum err ranking_add(struct ranking *r, row_id market, row_id quote)
{
	struct root *root;
	struct leaf *l;
	struct key key;
	node_id id;
	unsigned at;

	if (!pool_reach(&r->roots, market + 1) || !provide(&r->leaves, 2) ||
	    !provide(&r->inners, HEIGHT_MAX))
		return ERR_NO_MEMORY;
	root = root_of(r, market);
	if (!root->node)
		*root = (struct root){take_node(&r->leaves, market), true};
	key = ranking_key_of(r, quote);
	id = ranking_expected_leaf(r, market, &key);
	l = leaf_at(r, id);
	at = ranking_place_in(r, l, &key);
	if (l->head.count == FAN) {
		id = share(r, id) ? ranking_leaf_for(r, root, &key)
				  : split_leaf(r, id, at, &key);
		l = leaf_at(r, id);
		at = ranking_place_in(r, l, &key);
	}
	open_leaf(l, at, 1);
	l->quotes[at] = quote;
	l->times[at] = key.time;
	l->prices[at] = roughly(key.price);
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
	ranking_tell_of_inner(r, id);
}

/* Leaf @id is empty: it goes. */
static void drop_leaf(struct ranking *r, node_id id)
{
	node_id up = leaf_at(r, id)->head.parent;
	row_id market = leaf_at(r, id)->head.market;
	struct inner *p;

	r->shape++;
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
	transfer(r, left, leaf_at(r, left)->head.count, right, 0,
		 leaf_at(r, right)->head.count);
	drop_leaf(r, right);
	ranking_tell_of_leaf(r, left);
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

void ranking_remove(struct ranking *r, row_id quote)
{
	node_id id = *where(r, quote);
	struct leaf *l;
	unsigned at;
	bool open;
	uint64_t minor;

	if (!id)
		return;
	l = leaf_at(r, id);
	at = slot_of(l->quotes, quote);
	open = l->head.open >> at & 1;
	minor = minor_of(r, l, at);
	*where(r, quote) = 0;
	close_leaf(l, at, 1);
	if (!l->head.count) {
		drop_leaf(r, id);
		return;
	}
	if (open)
		ranking_tell_of_change(r, id, false, minor);
	if (l->head.count <= FEW)
		seek_neighbour(r, id);
}
