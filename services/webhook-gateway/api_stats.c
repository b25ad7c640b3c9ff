/* What a market pays and how long it takes, from the newest that ended. */
#include <stdlib.h>
#include <string.h>

#include "common/u256.h"
#include "services/webhook-gateway/api_impl.h"

enum { PAGE = 100, PAGE_MAX = 1000 };

/* The p-th percentile of n sorted values is the smallest that p of a hundred
 * don't exceed (nearest rank): one that there was, not a mean of two. */
static const struct {
	const char *name;
	unsigned p;
} percentiles[] = {
	{"p10", 10}, {"p25", 25}, {"p50", 50}, {"p75", 75}, {"p90", 90},
};

enum { PERCENTILES = sizeof percentiles / sizeof percentiles[0] };

static size_t rank(size_t count, unsigned p)
{
	return (count * p + 99) / 100 - 1;
}

struct numbers {
	uint64_t at[VIEW_SAMPLES_MAX];
	size_t count;
};

struct stats {
	const struct view_sample *oldest, *newest;
	size_t ended;
	uint64_t states[VIEW_STATES];
	struct amount prices[VIEW_SAMPLES_MAX];
	size_t prices_count;
	struct numbers proving, total, assigning, matching, blocks;
};

static void add(struct numbers *n, uint64_t from, uint64_t to)
{
	if (to >= from)
		n->at[n->count++] = to - from;
}

static void add_sample(struct stats *s, const struct view *v,
		       const struct view_sample *sample)
{
	const struct msg_match_made *m = view_match(v, sample->request_id);

	s->ended++;
	s->states[sample->state]++;
	s->oldest = sample;
	if (!s->newest)
		s->newest = sample;
	if (m) {
		add(&s->matching, sample->arrived.v, m->block.time.v);
		add(&s->blocks, sample->arrived_block, m->block.number);
	}
	if (sample->assigned.v)
		add(&s->assigning, sample->arrived.v, sample->assigned.v);
	if (sample->state != VIEW_FULFILLED)
		return;
	s->prices[s->prices_count++] = sample->paid;
	add(&s->proving, sample->assigned.v, sample->ended.v);
	add(&s->total, sample->arrived.v, sample->ended.v);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int compare_amounts(const void *a, const void *b)
{
	return amount_cmp(a, b);
}

static void show_numbers(struct doc *d, const char *key, struct numbers *n)
{
	if (!n->count) {
		doc_null(d, key);
		return;
	}
	qsort(n->at, n->count, sizeof n->at[0], compare_numbers);
	doc_object(d, key);
	doc_count(d, "count", n->count);
	for (unsigned i = 0; i < PERCENTILES; i++)
		doc_count(d, percentiles[i].name,
			  n->at[rank(n->count, percentiles[i].p)]);
	doc_end(d);
}

static void show_prices(struct doc *d, struct stats *s)
{
	if (!s->prices_count) {
		doc_null(d, "price");
		return;
	}
	qsort(s->prices, s->prices_count, sizeof s->prices[0], compare_amounts);
	doc_object(d, "price");
	doc_count(d, "count", s->prices_count);
	for (unsigned i = 0; i < PERCENTILES; i++)
		doc_amount(d, percentiles[i].name,
			   &s->prices[rank(s->prices_count, percentiles[i].p)]);
	doc_end(d);
}

static void show_sampled(struct doc *d, const struct stats *s)
{
	doc_object(d, "sample");
	doc_count(d, "requests", s->ended);
	for (int i = VIEW_FULFILLED; i < VIEW_STATES; i++)
		doc_count(d, view_state_name(i), s->states[i]);
	if (s->ended) {
		doc_time(d, "from", s->oldest->ended);
		doc_time(d, "to", s->newest->ended);
	} else {
		doc_null(d, "from");
		doc_null(d, "to");
	}
	doc_end(d);
}

/* Of all that ended: exact in thousandths, and never rounded up to 1. */
static void show_fill_rate(struct doc *d, const struct stats *s)
{
	if (s->ended)
		doc_thousandths(d, "fill_rate",
				1000 * s->states[VIEW_FULFILLED] / s->ended);
	else
		doc_null(d, "fill_rate");
}

static void show_market_stats(struct doc *d, const struct view *v,
			      const struct view_market *m)
{
	static struct stats s; /* large */
	const struct view_sample *sample = NULL;
	uint64_t id = m->set.market_id;

	memset(&s, 0, sizeof s);
	while ((sample = view_sample_before(v, id, sample)))
		add_sample(&s, v, sample);
	doc_object(d, NULL);
	doc_id(d, "market_id", id);
	show_sampled(d, &s);
	show_fill_rate(d, &s);
	show_prices(d, &s);
	show_numbers(d, "response_time", &s.proving);
	show_numbers(d, "total_time", &s.total);
	show_numbers(d, "assignment_time", &s.assigning);
	show_numbers(d, "match_time", &s.matching);
	show_numbers(d, "match_blocks", &s.blocks);
	doc_end(d);
}

void get_stats(struct call *c)
{
	const struct view_market *m;
	uint64_t after, limit, only, next = 0;

	if (!call_number(c, "market", 1, UINT64_MAX, 0, &only) ||
	    !call_number(c, "after", 0, UINT64_MAX, 0, &after) ||
	    !call_number(c, "limit", 1, PAGE_MAX, PAGE, &limit))
		return;
	if (only && after < only)
		after = only - 1;
	call_begin(c);
	doc_array(&c->doc, "markets");
	while ((m = view_market_after(c->view, after)) &&
	       (!only || m->set.market_id == only)) {
		if (!limit--) {
			next = after;
			break;
		}
		show_market_stats(&c->doc, c->view, m);
		after = m->set.market_id;
	}
	doc_end_array(&c->doc);
	call_next(c, next);
	call_end(c);
}
