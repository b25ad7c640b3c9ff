/* The rule: what is available, what is eligible, and which is best. */
#include "services/matcher/match_impl.h"

/* total - a - b - c, but not below zero. */
static struct u256 left(const struct u256 *total, const struct u256 *a,
			const struct u256 *b, const struct u256 *c)
{
	const struct u256 *taken[] = {a, b, c};
	struct u256 v = *total;

	for (unsigned i = 0; i < 3; i++)
		if (u256_sub(&v, &v, taken[i]))
			return U256_ZERO;
	return v;
}

bool match_has_stake(const struct generator *g, u128 penalty)
{
	struct u256 need = u256_from_u128(penalty);
	struct u256 free =
		left(&g->stake, &g->unstaking, &g->locked, &g->reserved_stake);

	return u256_cmp(&free, &need) >= 0;
}

bool match_has_compute(const struct generator *g, uint64_t need)
{
	uint64_t free = g->compute;

	if (free < g->used_compute ||
	    free - g->used_compute < g->reserved_compute)
		return false;
	return need <= free - g->used_compute - g->reserved_compute;
}

static bool is_available(const struct match *m, const struct quote *q,
			 const struct market *market)
{
	const struct generator *g = generator_at(m, q->generator);

	return !q->draining && !q->gone && !g->gone && !g->suspended &&
	       q->tasks + q->reserved < m->rule.task_limit &&
	       match_has_compute(g, q->compute) &&
	       match_has_stake(g, market->penalty) &&
	       (!market->confidential || q->has_key);
}

bool match_serves_group(const struct match *m, row_id group, row_id generator)
{
	unsigned seen = 0;

	for (row_id r = group_at(m, group)->live_first;
	     r && seen < m->rule.spread_members;
	     r = request_at(m, r)->live_next, seen++)
		if (request_at(m, r)->generator == generator)
			return true;
	return false;
}

bool match_is_cooling(const struct match *m, const struct request *r,
		      row_id generator, uint64_t block)
{
	row_id row = r->cooling ? match_find_cooling(
					  m, r->id,
					  &generator_at(m, generator)->address)
				: 0;

	return row && block < cooling_at(m, row)->until;
}

static bool is_eligible(const struct match *m, const struct request *r,
			const struct quote *q, const struct market *market,
			uint64_t block)
{
	return q->price <= r->max_price &&
	       q->response_time <= r->max_response_time &&
	       is_available(m, q, market) &&
	       !match_is_cooling(m, r, q->generator, block) &&
	       !(r->group && match_serves_group(m, r->group, q->generator));
}

static int compare_prices(const struct quote *a, const struct quote *b)
{
	return a->price < b->price ? -1 : a->price > b->price;
}

static int compare_times(const struct quote *a, const struct quote *b)
{
	return a->response_time < b->response_time
		       ? -1
		       : a->response_time > b->response_time;
}

static bool is_better(const struct quote *a, const struct quote *b,
		      enum preference preference)
{
	int by_price = compare_prices(a, b), by_time = compare_times(a, b);
	int first = preference == PREFERENCE_CHEAPEST ? by_price : by_time;
	int second = preference == PREFERENCE_CHEAPEST ? by_time : by_price;

	if (first || second)
		return first ? first < 0 : second < 0;
	return place_cmp(a->turn, b->turn) < 0;
}

row_id match_choose(const struct match *m, row_id request, uint64_t block)
{
	const struct request *r = request_at(m, request);
	const struct market *market = market_at(m, r->market);
	const struct quote *best = NULL;
	row_id best_row = 0;

	if (market->closed || market->suspended || r->suspended ||
	    market->protocol != PROTOCOL_ORDER_BOOK)
		return 0;
	for (row_id row = market->quotes; row; row = quote_at(m, row)->next) {
		const struct quote *q = quote_at(m, row);

		if (is_eligible(m, r, q, market, block) &&
		    (!best || is_better(q, best, r->preference))) {
			best = q;
			best_row = row;
		}
	}
	return best_row;
}
