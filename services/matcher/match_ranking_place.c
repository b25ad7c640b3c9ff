/* Where in a ranking a quote belongs. */
#include "services/matcher/match_ranking_impl.h"

struct key ranking_key_of(const struct ranking *r, row_id quote)
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

/* How many of the @n items of @a, which are in order, are less than @v. Halves
 * are chosen without a branch: which one it is, no processor can guess. */
#define BELOW(name, type)                                                      \
	static unsigned name(const type *a, unsigned n, uint64_t v)            \
	{                                                                      \
		const type *p = a;                                             \
                                                                               \
		for (unsigned half; n > 1; n -= half) {                        \
			half = n / 2;                                          \
			p += half & -(size_t)(p[half - 1] < v);                \
		}                                                              \
		return (unsigned)(p - a) + (n && *p < v);                      \
	}
BELOW(below, uint64_t)
BELOW(below_time, uint32_t)
#undef BELOW

/* The last child of @p that doesn't begin after the key. */
static unsigned child_for(const struct ranking *r, const struct inner *p,
			  const struct key *key, uint64_t major)
{
	unsigned n = p->head.count - 1u, from = below(p->majors + 1, n, major);
	unsigned to = from;

	/* Those from @from to @to begin with the same major. */
	if (from < n && p->majors[1 + from] == major)
		to += below(p->majors + 1 + from, n - from, major + 1);
	while (from < to) {
		unsigned middle = (from + to + 1) / 2;
		const struct key *k = &p->from[middle];
		int c = compare_terms(r, k->price, k->time, key);

		if (c < 0 || (!c && compare_turns(k, key) <= 0))
			from = middle;
		else
			to = middle - 1;
	}
	return from;
}

node_id ranking_leaf_for(const struct ranking *r, const struct root *root,
			 const struct key *key)
{
	uint64_t major = major_of(r, key);
	node_id id = root->node;
	bool low = root->leaf;

	while (!low) {
		const struct inner *p = inner_at(r, id);

		id = p->children[child_for(r, p, key, major)];
		low = p->low;
	}
	return id;
}

/* Below, at or above 0 as quote @i of the leaf stands before, at or after @key,
 * whose price is roughly @price. */
static int compare_in_leaf(const struct ranking *r, const struct leaf *l,
			   unsigned i, const struct key *key, rough price)
{
	int by_price = l->prices[i] < price ? -1 : l->prices[i] > price;
	int by_time = l->times[i] < key->time ? -1 : l->times[i] > key->time;
	int major = r->config.fastest ? by_time : by_price;
	int minor = r->config.fastest ? by_price : by_time;
	struct key other;

	if (by_price || is_exact(price)) {
		if (major || minor)
			return major ? major : minor;
	} else if (major) {
		return major;
	}
	/* What counts now isn't in the leaf. */
	other = ranking_key_of(r, l->quotes[i]);
	major = compare_terms(r, other.price, other.time, key);
	return major ? major : compare_turns(&other, key);
}

/* Where in the leaf a quote with that key belongs. */
unsigned ranking_place_in(const struct ranking *r, const struct leaf *l,
			  const struct key *key)
{
	unsigned n = l->head.count, from, to;
	rough price = roughly(key->price);

	/* Those from @from up to @to have the same major. */
	if (r->config.fastest) {
		from = to = below_time(l->times, n, key->time);
		if (from < n && l->times[from] == key->time)
			to += below_time(l->times + from, n - from,
					 (uint64_t)key->time + 1);
	} else {
		from = to = below(l->prices, n, price);
		if (from < n && l->prices[from] == price)
			to += below(l->prices + from, n - from, price + 1);
	}
	while (from < to) {
		unsigned middle = (from + to) / 2;

		if (compare_in_leaf(r, l, middle, key, price) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

void ranking_expect(struct ranking *r, row_id market, const struct rank *rank)
{
	struct key key = {rank->price, rank->turn.block, rank->turn.index,
			  rank->time};
	node_id id;

	if (market >= r->roots.count || !root_of(r, market)->node)
		return;
	id = ranking_leaf_for(r, root_of(r, market), &key);
	prefetch_leaf(leaf_at(r, id), sizeof(struct leaf));
	r->expected = (struct expected){key, market, id, r->shape};
}

node_id ranking_expected_leaf(const struct ranking *r, row_id market,
			      const struct key *key)
{
	const struct expected *e = &r->expected;

	return e->leaf && e->shape == r->shape && e->market == market &&
			       e->key.price == key->price &&
			       e->key.time == key->time &&
			       !compare_turns(&e->key, key)
		       ? e->leaf
		       : ranking_leaf_for(r, root_of(r, market), key);
}
