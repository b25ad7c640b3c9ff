/* The deltas of the book log, applied to match's own rows. */
#include "services/matcher/match_impl.h"

/* ---- markets, generators, quotes ---------------------------------------- */

/* Whether quotes may be had in @now that couldn't in @before, or the other way
 * round. A market that closes changes none of them. */
static bool changes_quotes(const struct market *before,
			   const struct market *now)
{
	return before->penalty != now->penalty ||
	       before->confidential != now->confidential ||
	       (match_is_open_market(now) && !match_is_open_market(before));
}

enum err match_on_market_set(struct match *m, struct sink *out,
			     const struct msg_market_set *s)
{
	row_id row = match_find_market(m, s->market_id);
	struct market before = {.id = s->market_id}, *market;
	bool is_new = !row;

	if (is_new)
		row = state_add(m->state, MARKETS, &before);
	market = row ? market_edit(m, row) : NULL;
	if (!market)
		return ERR_NO_MEMORY;
	before = *market;
	market->protocol = s->protocol;
	market->confidential = s->confidential;
	market->closed = s->closed;
	if (u256_to_u128(&market->penalty, &s->penalty.v))
		return match_suspend_market(m, out, s->market_id,
					    "its penalty has more than 128 "
					    "bits");
	return is_new || !changes_quotes(&before, market)
		       ? ERR_NONE
		       : match_index_review_market(m, row);
}

enum err match_on_generator_set(struct match *m, struct sink *out,
				const struct msg_generator_set *s)
{
	row_id row = match_find_generator(m, &s->generator);
	struct generator fresh = {.address = s->generator}, *g;

	if (!row)
		row = state_add(m->state, GENERATORS, &fresh);
	g = row ? generator_edit(m, row) : NULL;
	if (!g)
		return ERR_NO_MEMORY;
	g->gone = false;
	g->compute = s->compute;
	g->used_compute = s->used_compute;
	/* The contracts keep stakes in 128 bits. */
	if (u256_to_u128(&g->stake, &s->stake.v) ||
	    u256_to_u128(&g->locked, &s->locked.v) ||
	    u256_to_u128(&g->unstaking, &s->unstaking.v))
		return match_suspend_generator(m, out, &s->generator,
					       "a stake has more than 128 "
					       "bits");
	return match_index_review(m, row);
}

enum err match_on_generator_removed(struct match *m, struct sink *out,
				    const struct msg_generator_removed *s)
{
	row_id row = match_find_generator(m, &s->generator);
	struct generator *g = row ? generator_edit(m, row) : NULL;

	if (!row)
		return match_suspend_generator(m, out, &s->generator,
					       "it was removed and had never "
					       "come");
	if (!g)
		return ERR_NO_MEMORY;
	if (g->quotes || g->tasks)
		return match_suspend_generator(m, out, &s->generator,
					       "it was removed and has quotes "
					       "or tasks");
	if (!g->reserved)
		return state_remove(m->state, GENERATORS, row);
	g->gone = true;
	return ERR_NONE;
}

/* It doesn't stand yet. */
static row_id add_quote(struct match *m, row_id generator, row_id market)
{
	struct generator *owner = generator_edit(m, generator);
	struct quote q = {.generator = generator,
			  .market = market,
			  .gone = true,
			  .next = owner ? owner->first_quote : 0};
	row_id row = owner ? state_add(m->state, QUOTES, &q) : 0;

	if (row)
		owner->first_quote = row;
	return row;
}

enum err match_on_quote_set(struct match *m, struct sink *out,
			    const struct msg_quote_set *s)
{
	row_id market = match_find_market(m, s->market_id);
	row_id generator = match_find_generator(m, &s->generator);
	row_id row = market && generator
			     ? match_find_quote(m, generator, market)
			     : 0;
	struct generator *g;
	struct place turn;
	struct quote *q;
	u128 price;

	if (!generator || !market)
		return match_suspend_generator(
			m, out, &s->generator,
			generator ? "it quotes in an unknown market"
				  : "it quotes and had never come");
	if (u256_to_u128(&price, &s->price.v))
		return match_suspend_generator(m, out, &s->generator,
					       "a price has more than 128 "
					       "bits");
	turn = s->joined;
	if (!row) {
		row = add_quote(m, generator, market);
	} else {
		if (place_cmp(turn, quote_turn(quote_at(m, row))) < 0)
			turn = quote_turn(quote_at(m, row));
		match_index_expect(
			m, row, &(struct rank){price, turn, s->response_time});
	}
	q = row ? quote_edit(m, row) : NULL;
	if (!q)
		return ERR_NO_MEMORY;
	if (q->gone) {
		g = generator_edit(m, generator);
		if (!g)
			return ERR_NO_MEMORY;
		g->quotes++;
	}
	match_index_leave(m, row);
	q->gone = false;
	q->price = price;
	q->response_time = s->response_time;
	q->compute = s->compute;
	q->draining = s->draining;
	q->has_key = s->has_key;
	q->tasks = s->tasks;
	q->turn_block = turn.block;
	q->turn_index = turn.index;
	return match_index_enter(m, row);
}

enum err match_on_quote_removed(struct match *m, struct sink *out,
				const struct msg_quote_removed *s)
{
	row_id market = match_find_market(m, s->market_id);
	row_id generator = match_find_generator(m, &s->generator);
	row_id row = market && generator
			     ? match_find_quote(m, generator, market)
			     : 0;
	struct quote *q = row ? quote_edit(m, row) : NULL;
	struct generator *g = q ? generator_edit(m, generator) : NULL;

	if (!row || (q && q->gone))
		return match_suspend_generator(m, out, &s->generator,
					       "a quote was removed that it "
					       "didn't have");
	if (!g)
		return ERR_NO_MEMORY;
	g->quotes--;
	match_index_leave(m, row);
	if (!q->reserved)
		return match_drop_quote(m, row);
	q->gone = true;
	q->tasks = 0;
	return ERR_NONE;
}

/* ---- requests ----------------------------------------------------------- */

static row_id group_for(struct match *m, const struct msg_request_opened *s)
{
	row_id row = match_find_group(m, &s->requester, s->spread);
	struct group fresh = {.requester = s->requester, .spread = s->spread};
	struct group *g;

	if (!row)
		row = state_add(m->state, GROUPS, &fresh);
	g = row ? group_edit(m, row) : NULL;
	if (!g)
		return 0;
	g->requests++;
	return row;
}

/* What is wrong with a request that comes; NULL: nothing. */
static const char *objection(const struct match *m, const struct globals *all,
			     const struct msg_request_opened *s,
			     struct request *r)
{
	if (!r->market)
		return "it came to an unknown market";
	if (u256_to_u128(&r->max_price, &s->max_price.v))
		return "its price cap has more than 128 bits";
	/* The chain numbers them upwards: most need not be looked for. */
	if (s->request_id <= all->newest &&
	    match_find_request(m, s->request_id))
		return "it came twice";
	return NULL;
}

/* Most often it is the same as that of the request before. */
static row_id market_of_request(struct match *m, uint64_t id)
{
	if (!m->market || market_at(m, m->market)->id != id)
		m->market = match_find_market(m, id);
	return m->market;
}

enum err match_on_request_opened(struct match *m, struct sink *out,
				 const struct msg_request_opened *s)
{
	struct request r = {
		.id = s->request_id,
		.market = market_of_request(m, s->market_id) & MARKET_MAX,
		.max_response_time = s->max_response_time,
		.expiry = s->expiry,
		.preference = s->preference == PREFERENCE_FASTEST,
	};
	struct globals *all = globals_edit(m);
	const char *wrong;
	row_id row;

	if (!all)
		return ERR_NO_MEMORY;
	wrong = objection(m, all, s, &r);
	if (wrong)
		return match_suspend_request(m, out, s->request_id, wrong);
	if (s->spread) {
		r.group = group_for(m, s);
		if (!r.group)
			return ERR_NO_MEMORY;
	}
	/* Requests arrive in the order of the chain. */
	r.order = ++all->requests;
	if (s->request_id > all->newest)
		all->newest = s->request_id;
	all->waiting++;
	row = state_add(m->state, REQUESTS, &r);
	return row ? match_index_news(m, row) : ERR_NO_MEMORY;
}

enum err match_on_request_closed(struct match *m, struct sink *out,
				 const struct msg_request_closed *s)
{
	row_id row = match_find_request(m, s->request_id);

	return row ? match_forget_request(m, row)
		   : match_suspend_request(m, out, s->request_id,
					   "it was closed and wasn't open");
}

static bool is_task(const struct match *m, row_id request)
{
	const struct request *r = request_at(m, request);

	return !is_open(r) && !is_matched(m, r);
}

/* ---- tasks -------------------------------------------------------------- */

/* The totals of a generator and of its quote, as the book has them now. */
static enum err set_totals(struct match *m, row_id generator, row_id quote,
			   uint64_t used_compute, const struct amount *locked,
			   uint32_t tasks)
{
	struct generator *g = generator_touch(m, generator);
	struct quote *q = quote_touch(m, quote);

	if (!g || !q)
		return ERR_NO_MEMORY;
	g->used_compute = used_compute;
	q->tasks = tasks;
	/* Nothing is free of a stake that can't be. */
	if (u256_to_u128(&g->locked, &locked->v))
		g->locked = ~(u128)0;
	return ERR_NONE;
}

static row_id quote_of(const struct match *m, const struct address *generator,
		       uint64_t market_id)
{
	row_id row = match_find_generator(m, generator), market;
	row_id first = row ? generator_at(m, row)->first_quote : 0;

	/* Most have one. */
	if (first && market_at(m, quote_at(m, first)->market)->id == market_id)
		return first;
	market = match_find_market(m, market_id);
	return market && row ? match_find_quote(m, row, market) : 0;
}

/* Most tasks are those that we matched: what they are about is at hand. */
static row_id quote_of_task(const struct match *m,
			    const struct msg_task_started *s,
			    const struct request *r)
{
	row_id quote = r->hold ? hold_at(m, r->hold)->quote : 0;
	const struct quote *q = quote ? quote_at(m, quote) : NULL;

	if (q &&
	    address_eq(&generator_at(m, q->generator)->address,
		       &s->generator) &&
	    market_at(m, q->market)->id == s->market_id)
		return quote;
	return quote_of(m, &s->generator, s->market_id);
}

enum err match_on_task_started(struct match *m, struct sink *out,
			       const struct msg_task_started *s)
{
	row_id request = match_find_request(m, s->request_id), quote, generator;
	enum err e;

	if (!request || is_task(m, request))
		return match_suspend_request(m, out, s->request_id,
					     request ? "it became a task twice"
						     : "it became a task and "
						       "wasn't open");
	quote = quote_of_task(m, s, request_at(m, request));
	if (!quote || quote_at(m, quote)->gone)
		return match_suspend_generator(m, out, &s->generator,
					       "it has a task and no quote");
	match_index_prefetch(m, quote);
	generator = quote_at(m, quote)->generator;
	e = set_totals(m, generator, quote, s->used_compute, &s->locked,
		       s->tasks);
	if (!e)
		e = match_begin_task(m, request, generator);
	return e ? e : match_index_review(m, generator);
}

/* A task that ends well takes nothing: most often there is nothing to do. */
static enum err set_stake(struct match *m, row_id generator, u128 stake)
{
	const struct generator *is = generator_at(m, generator);
	struct generator *g;

	if (is->stake == stake && is->unstaking <= stake)
		return ERR_NONE;
	g = generator_edit(m, generator);
	if (!g)
		return ERR_NO_MEMORY;
	g->stake = stake;
	if (g->unstaking > stake)
		g->unstaking = stake;
	return ERR_NONE;
}

enum err match_on_task_ended(struct match *m, struct sink *out,
			     const struct msg_task_ended *s)
{
	row_id request = match_find_request(m, s->request_id), generator;
	row_id quote = quote_of(m, &s->generator, s->market_id);
	u128 stake;
	enum err e;

	if (!quote)
		return match_suspend_generator(m, out, &s->generator,
					       "a task of it ended and it has "
					       "no quote");
	match_index_prefetch(m, quote);
	generator = quote_at(m, quote)->generator;
	e = set_totals(m, generator, quote, s->used_compute, &s->locked,
		       s->tasks);
	if (e)
		return e;
	if (u256_to_u128(&stake, &s->stake.v))
		return match_suspend_generator(m, out, &s->generator,
					       "its stake has more than 128 "
					       "bits");
	e = set_stake(m, generator, stake);
	if (e)
		return e;
	/* Only a task in a group is still known. */
	if (request && !is_task(m, request))
		e = match_suspend_request(m, out, s->request_id,
					  "a task of it ended and it had none");
	else if (request)
		e = match_forget_request(m, request);
	return e ? e : match_index_review(m, generator);
}

/* ---- refusals ----------------------------------------------------------- */

static uint64_t rest_after(const struct match *m, uint32_t refusals)
{
	uint64_t blocks = refusals < 32 ? (uint64_t)1 << refusals : UINT32_MAX;

	return blocks < m->rule.cooling_max ? blocks : m->rule.cooling_max;
}

/* Take the row of the pair out, if there is one, and say what was in it. */
static enum err take_cooling(struct match *m, struct request *r,
			     struct cooling *c)
{
	row_id row = match_find_cooling(m, r->id, &c->generator), before;

	if (!row)
		return ERR_NONE;
	*c = *cooling_at(m, row);
	if (r->cooling == row) {
		r->cooling = c->next;
		return state_remove(m->state, COOLING, row);
	}
	for (before = r->cooling; cooling_at(m, before)->next != row;)
		before = cooling_at(m, before)->next;
	if (!cooling_edit(m, before))
		return ERR_NO_MEMORY;
	cooling_edit(m, before)->next = c->next;
	return state_remove(m->state, COOLING, row);
}

/* Its key changes: it goes and comes. */
static enum err cool(struct match *m, row_id request,
		     const struct address *generator, uint64_t block)
{
	struct request *r = request_edit(m, request);
	struct cooling c = {.request_id = r ? r->id : 0,
			    .request = request,
			    .generator = *generator};
	enum err e = r ? take_cooling(m, r, &c) : ERR_NO_MEMORY;

	if (e)
		return e;
	if (c.refusals < UINT32_MAX)
		c.refusals++;
	c.until = block + rest_after(m, c.refusals);
	c.next = r->cooling;
	r->cooling = state_add(m->state, COOLING, &c);
	return r->cooling ? ERR_NONE : ERR_NO_MEMORY;
}

enum err match_on_assignment_refused(struct match *m, struct sink *out,
				     const struct msg_assignment_refused *s)
{
	row_id request = match_find_request(m, s->request_id);
	const struct request *r;
	enum err e;

	(void)out;
	if (!request || is_task(m, request))
		return ERR_NONE; /* it is not ours to match any more */
	e = cool(m, request, &s->generator, s->at.block);
	r = request_at(m, request);
	if (e || is_open(r))
		return e;
	return address_eq(&generator_at(m, hold_at(m, r->hold)->generator)
				   ->address,
			  &s->generator)
		       ? match_release(m, request)
		       : ERR_NONE;
}
