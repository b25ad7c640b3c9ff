/* A plain scan, and a static pair of segment trees. */
#include "tests/bench/rivals.h"

#include "common/u256.h"
#include "tests/bench/crowd.h"
#include "tests/bench/figure.h"

enum { BATCH = 256 };

/* ---- a scan ------------------------------------------------------------- */

struct plain {
	uint64_t price;
	uint32_t time;
	uint32_t room;
};

static volatile uint32_t sunk;

/* The least of those that fit, by looking at each. */
static uint32_t scan(const struct plain *q, uint32_t n, uint64_t price,
		     uint32_t time, bool fastest)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < n; i++) {
		if (!q[i].room || q[i].price > price || q[i].time > time)
			continue;
		if (best == UINT32_MAX ||
		    (fastest ? q[i].time < q[best].time ||
				       (q[i].time == q[best].time &&
					q[i].price < q[best].price)
			     : q[i].price < q[best].price ||
				       (q[i].price == q[best].price &&
					q[i].time < q[best].time)))
			best = i;
	}
	return best;
}

double rival_scan(uint32_t n)
{
	struct crowd *c = crowd_new(3, 1, 1);
	struct plain *q = calloc(n, sizeof *q);
	unsigned done = 0;
	double began;

	for (uint32_t i = 0; q && i < n; i++) {
		struct msg_quote_set m;

		crowd_quote(c, &m, 0);
		q[i] = (struct plain){m.price.v.limb[0], m.response_time, 2};
	}
	began = now_s();
	for (; q && now_s() - began < 1; done++) {
		struct msg_request_opened r;
		uint32_t best;

		crowd_request(c, &r, false);
		best = scan(q, n, r.max_price.v.limb[0], r.max_response_time,
			    r.preference == PREFERENCE_FASTEST);
		sunk = best;
	}
	free(q);
	crowd_free(&c);
	return done / (now_s() - began);
}

/* ---- trees --------------------------------------------------------------- */

/* Finds the best and takes it out, puts it back
 * later. */
struct tree {
	uint32_t leaves; /* a power of two */
	uint64_t *least; /* of the minor; UINT64_MAX: nothing there */
	uint64_t *major, *minor;
	uint32_t *quote, *leaf_of;
};

static const uint64_t *sort_major, *sort_minor;

static int by_key(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (sort_major[x] != sort_major[y])
		return sort_major[x] < sort_major[y] ? -1 : 1;
	return sort_minor[x] < sort_minor[y] ? -1
					     : sort_minor[x] > sort_minor[y];
}

static void tree_set(struct tree *t, uint32_t leaf, uint64_t v)
{
	uint32_t i = leaf + t->leaves;

	for (t->least[i] = v; i > 1; i /= 2) {
		uint64_t a = t->least[i & ~1u], b = t->least[i | 1];

		t->least[i / 2] = a < b ? a : b;
	}
}

static void tree_new(struct tree *t, uint32_t n, const uint64_t *major,
		     const uint64_t *minor)
{
	for (t->leaves = 1; t->leaves < n; t->leaves *= 2)
		;
	t->least = malloc(2 * t->leaves * sizeof *t->least);
	t->major = malloc(n * sizeof *t->major);
	t->minor = malloc(n * sizeof *t->minor);
	t->quote = malloc(n * sizeof *t->quote);
	t->leaf_of = malloc(n * sizeof *t->leaf_of);
	if (!t->least || !t->major || !t->minor || !t->quote || !t->leaf_of)
		must(ERR_NO_MEMORY);
	for (uint32_t i = 0; i < n; i++)
		t->quote[i] = i;
	sort_major = major;
	sort_minor = minor;
	qsort(t->quote, n, sizeof *t->quote, by_key);
	memset(t->least, 0xff, 2 * t->leaves * sizeof *t->least);
	for (uint32_t i = 0; i < n; i++) {
		t->leaf_of[t->quote[i]] = i;
		t->major[i] = major[t->quote[i]];
		t->minor[i] = minor[t->quote[i]];
		tree_set(t, i, t->minor[i]);
	}
}

static void tree_free(struct tree *t)
{
	free(t->least);
	free(t->major);
	free(t->minor);
	free(t->quote);
	free(t->leaf_of);
}

static uint32_t tree_find(const struct tree *t, uint64_t major, uint64_t minor)
{
	uint32_t i = 1;

	if (t->least[1] > minor)
		return UINT32_MAX;
	while (i < t->leaves)
		i = 2 * i + (t->least[2 * i] > minor);
	i -= t->leaves;
	return t->major[i] <= major ? t->quote[i] : UINT32_MAX;
}

double rival_trees(uint32_t n)
{
	struct crowd *c = crowd_new(3, 1, 1);
	struct tree by_price, by_time;
	uint64_t *price = malloc(n * sizeof *price);
	uint64_t *time = malloc(n * sizeof *time);
	uint32_t out[2 * BATCH], count = 0;
	struct msg_request_opened r[BATCH];
	double spent = 0, done = 0;

	if (!price || !time)
		must(ERR_NO_MEMORY);
	for (uint32_t i = 0; i < n; i++) {
		struct msg_quote_set m;

		crowd_quote(c, &m, 0);
		price[i] = m.price.v.limb[0];
		time[i] = m.response_time;
	}
	tree_new(&by_price, n, price, time);
	tree_new(&by_time, n, time, price);
	while (spent < 1) {
		double began;

		for (unsigned i = 0; i < BATCH; i++)
			crowd_request(c, &r[i], false);
		began = now_s();
		for (unsigned i = 0; i < BATCH; i++) {
			bool fastest = r[i].preference == PREFERENCE_FASTEST;
			uint64_t p = r[i].max_price.v.limb[0];
			uint32_t t = r[i].max_response_time;
			uint32_t q = fastest ? tree_find(&by_time, t, p)
					     : tree_find(&by_price, p, t);

			/* 512 are out at a time: the oldest comes back. */
			if (count >= 2 * BATCH) {
				uint32_t old = out[count % (2 * BATCH)];

				if (old != UINT32_MAX) {
					tree_set(&by_price,
						 by_price.leaf_of[old],
						 time[old]);
					tree_set(&by_time, by_time.leaf_of[old],
						 price[old]);
				}
			}
			if (q != UINT32_MAX) {
				tree_set(&by_price, by_price.leaf_of[q],
					 UINT64_MAX);
				tree_set(&by_time, by_time.leaf_of[q],
					 UINT64_MAX);
			}
			out[count++ % (2 * BATCH)] = q;
		}
		spent += now_s() - began;
		done += BATCH;
	}
	tree_free(&by_price);
	tree_free(&by_time);
	free(price);
	free(time);
	crowd_free(&c);
	return done / spent;
}
