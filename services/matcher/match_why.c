/* The tests of the rule one by one, to say which of them a quote fails. */
#include "services/matcher/match_why.h"

#include "services/matcher/match_impl.h"

/* ---- names -------------------------------------------------------------- */

const char *match_miss_name(enum match_miss miss)
{
	static const char *const names[MATCH_MISSES] = {
		[MATCH_MISS_PRICE] = "price",
		[MATCH_MISS_TIME] = "time",
		[MATCH_MISS_COMPUTE] = "compute",
		[MATCH_MISS_STAKE] = "stake",
		[MATCH_MISS_TASK_LIMIT] = "task_limit",
		[MATCH_MISS_DRAINING] = "draining",
		[MATCH_MISS_NO_KEY] = "no_key",
		[MATCH_MISS_COOLING] = "cooling",
		[MATCH_MISS_SPREAD] = "spread",
	};

	return names[miss];
}

const char *match_bar_name(enum match_bar bar)
{
	static const char *const names[MATCH_BARS] = {
		[MATCH_BAR_EXPIRED] = "expired",
		[MATCH_BAR_SUSPENDED] = "suspended",
		[MATCH_BAR_MARKET_CLOSED] = "market_closed",
		[MATCH_BAR_MARKET_SUSPENDED] = "market_suspended",
		[MATCH_BAR_PROTOCOL] = "protocol",
	};

	return names[bar];
}

const char *match_element_name(enum match_element element)
{
	static const char *const names[] = {[MATCH_BY_PRICE] = "price",
					    [MATCH_BY_TIME] = "time",
					    [MATCH_BY_TURN] = "turn"};

	return names[element];
}

static bool is_task(const struct match *m, const struct request *r)
{
	return !is_open(r) && !is_matched(m, r);
}

/* ---- one quote ---------------------------------------------------------- */

/* What is against it besides the caps. */
static enum match_miss other_miss(const struct match *m,
				  const struct request *r,
				  const struct quote *q)
{
	const struct generator *g = generator_at(m, q->generator);
	const struct market *market = market_at(m, q->market);

	if (!match_has_compute(g, q->compute))
		return MATCH_MISS_COMPUTE;
	if (!match_has_stake(g, market->penalty))
		return MATCH_MISS_STAKE;
	if (q->tasks + q->reserved >= m->rule.task_limit)
		return MATCH_MISS_TASK_LIMIT;
	if (q->draining || g->suspended || g->gone)
		return MATCH_MISS_DRAINING;
	if (market->confidential && !q->has_key)
		return MATCH_MISS_NO_KEY;
	if (match_is_cooling(m, r, q->generator, globals(m)->block.number))
		return MATCH_MISS_COOLING;
	if (r->group && match_serves_group(m, r->group, q->generator))
		return MATCH_MISS_SPREAD;
	return MATCH_MISSES;
}

static bool is_dear(const struct request *r, const struct quote *q)
{
	return q->price > r->max_price;
}

static bool is_slow(const struct request *r, const struct quote *q)
{
	return q->response_time > r->max_response_time;
}

static enum match_miss miss_of(const struct match *m, const struct request *r,
			       const struct quote *q)
{
	if (is_dear(r, q))
		return MATCH_MISS_PRICE;
	if (is_slow(r, q))
		return MATCH_MISS_TIME;
	return other_miss(m, r, q);
}

static struct match_offer offer_of(const struct match *m,
				   const struct request *r,
				   const struct quote *q)
{
	return (struct match_offer){
		.generator = generator_at(m, q->generator)->address,
		.market_id = market_at(m, q->market)->id,
		.preference = (enum preference)r->preference,
		.price = {u256_from_u128(q->price)},
		.response_time = q->response_time,
		.turn = {q->turn_block, q->turn_index & ~TURN_OF_MATCH},
		.turn_was_match = q->turn_index & TURN_OF_MATCH,
		.miss = miss_of(m, r, q)};
}

enum err match_offer(const struct match *m, uint64_t request_id,
		     const struct address *generator, struct match_offer *out)
{
	row_id request = match_find_request(m, request_id);
	row_id owner = match_find_generator(m, generator), quote;
	const struct request *r = request ? request_at(m, request) : NULL;

	if (!r || !owner || !globals(m) || is_task(m, r))
		return ERR_NOT_FOUND;
	quote = match_find_quote(m, owner, r->market);
	if (!quote || quote_at(m, quote)->gone)
		return ERR_NOT_FOUND;
	*out = offer_of(m, r, quote_at(m, quote));
	return ERR_NONE;
}

enum match_element match_element(const struct match_offer *a,
				 const struct match_offer *b)
{
	bool price = u256_cmp(&a->price.v, &b->price.v) != 0;
	bool time = a->response_time != b->response_time;

	if (!price && !time)
		return MATCH_BY_TURN;
	if (a->preference == PREFERENCE_CHEAPEST)
		return price ? MATCH_BY_PRICE : MATCH_BY_TIME;
	return time ? MATCH_BY_TIME : MATCH_BY_PRICE;
}

/* ---- all quotes of a market --------------------------------------------- */

/* The best near miss so far of either kind. */
struct nearest {
	const struct quote *quote;
	bool alone;
};

static bool is_nearer(const struct nearest *old, const struct quote *q,
		      bool alone, bool by_price)
{
	const struct quote *o = old->quote;
	bool same_price = o && q->price == o->price;
	bool same_time = o && q->response_time == o->response_time;

	if (!o || alone != old->alone)
		return !o || alone;
	if (by_price ? !same_price : same_time && !same_price)
		return q->price < o->price;
	if (!same_time)
		return q->response_time < o->response_time;
	return place_cmp(quote_turn(q), quote_turn(o)) < 0;
}

static void look_at(const struct match *m, const struct request *r,
		    const struct quote *q, struct match_why *out,
		    struct nearest *price, struct nearest *time)
{
	bool dear = is_dear(r, q), slow = is_slow(r, q);
	enum match_miss miss = miss_of(m, r, q);
	struct nearest *near = dear ? price : time;
	bool alone;

	out->quotes++;
	if (miss == MATCH_MISSES)
		out->eligible++;
	else
		out->misses[miss]++;
	if (dear == slow)
		return; /* it misses both caps, or none */
	alone = other_miss(m, r, q) == MATCH_MISSES;
	if (is_nearer(near, q, alone, dear))
		*near = (struct nearest){q, alone};
}

static struct match_near near_of(const struct match *m, const struct request *r,
				 const struct nearest *nearest)
{
	if (!nearest->quote)
		return (struct match_near){.there = false};
	return (struct match_near){true, nearest->alone,
				   offer_of(m, r, nearest->quote)};
}

static enum match_bar bar_of(const struct match *m, const struct request *r)
{
	const struct market *market = market_at(m, r->market);

	if (market->closed)
		return MATCH_BAR_MARKET_CLOSED;
	if (market->suspended)
		return MATCH_BAR_MARKET_SUSPENDED;
	if (r->suspended)
		return MATCH_BAR_SUSPENDED;
	if (market->protocol != PROTOCOL_ORDER_BOOK)
		return MATCH_BAR_PROTOCOL;
	if (r->expiry.v <= globals(m)->block.time.v)
		return MATCH_BAR_EXPIRED;
	return MATCH_BAR_NONE;
}

static void explain(const struct match *m, const struct request *r,
		    struct match_why *out)
{
	struct nearest price = {.quote = NULL}, time = {.quote = NULL};

	out->bar = bar_of(m, r);
	for (row_id row = state_next(m->state, QUOTES, 0); row;
	     row = state_next(m->state, QUOTES, row)) {
		const struct quote *q = quote_at(m, row);

		if (q->market == r->market && !q->gone)
			look_at(m, r, q, out, &price, &time);
	}
	out->price = near_of(m, r, &price);
	out->time = near_of(m, r, &time);
}

enum err match_why(const struct match *m, uint64_t request_id,
		   struct match_why *out)
{
	row_id row = match_find_request(m, request_id);
	const struct request *r = row ? request_at(m, row) : NULL;

	if (!r || !globals(m) || is_task(m, r))
		return ERR_NOT_FOUND;
	*out = (struct match_why){.market_id = market_at(m, r->market)->id,
				  .max_price = {u256_from_u128(r->max_price)},
				  .max_response_time = r->max_response_time,
				  .preference = (enum preference)r->preference,
				  .matched = is_matched(m, r)};
	if (!out->matched) {
		explain(m, r, out);
		return ERR_NONE;
	}
	out->generator =
		generator_at(m, hold_at(m, r->hold)->generator)->address;
	out->valid_until = hold_at(m, r->hold)->valid_until;
	return ERR_NONE;
}
