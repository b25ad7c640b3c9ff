/* The rule: what is available, what is eligible, and which is best. */
#include "services/matcher/match_impl.h"

bool match_has_stake(const struct generator *g, u128 penalty)
{
	u128 free = g->stake;

	if (free < g->unstaking)
		return penalty == 0;
	free -= g->unstaking;
	if (free < g->locked || free - g->locked < g->reserved_stake)
		return penalty == 0;
	return free - g->locked - g->reserved_stake >= penalty;
}

bool match_has_compute(const struct generator *g, uint64_t need)
{
	uint64_t free = g->compute;

	if (free < g->used_compute ||
	    free - g->used_compute < g->reserved_compute)
		return false;
	return need <= free - g->used_compute - g->reserved_compute;
}

bool match_is_available(const struct match *m, const struct quote *q,
			const struct generator *g)
{
	const struct market *market = market_at(m, q->market);

	return !q->draining && !q->gone && !g->gone && !g->suspended &&
	       q->tasks + q->reserved < m->rule.task_limit &&
	       match_has_compute(g, q->compute) &&
	       match_has_stake(g, market->penalty) &&
	       (!market->confidential || q->has_key);
}

bool match_is_open_market(const struct market *market)
{
	return !market->closed && !market->suspended &&
	       market->protocol == PROTOCOL_ORDER_BOOK;
}

bool match_serves_group(const struct match *m, row_id group, row_id generator)
{
	unsigned seen = 0;

	for (row_id h = group_at(m, group)->live.first;
	     h && seen < m->rule.spread_members;
	     h = hold_at(m, h)->next, seen++)
		if (hold_at(m, h)->generator == generator)
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

/* What is between this request and this generator only. */
static bool suits(const struct match *m, const struct request *r,
		  row_id generator, uint64_t block)
{
	return !match_is_cooling(m, r, generator, block) &&
	       !(r->group && match_serves_group(m, r->group, generator));
}

row_id match_choose(const struct match *m, row_id request, uint64_t block)
{
	const struct request *r = request_at(m, request);
	row_id quote;

	if (r->suspended || !match_is_open_market(market_at(m, r->market)))
		return 0;
	/* In order of the preference: the first one that suits is the best. */
	for (quote = match_index_best(m, r); quote;
	     quote = match_index_next(m, r, quote))
		if (suits(m, r, quote_at(m, quote)->generator, block))
			break;
	return quote;
}
