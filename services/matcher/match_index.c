/* The rankings, the waiting ones and what may lapse, in step with the rows. */
#include <stdlib.h>

#include "services/matcher/match_index_impl.h"

/* ---- life --------------------------------------------------------------- */

static void rank(const void *arg, row_id row, struct rank *out)
{
	const struct quote *q = quote_at(arg, row);

	*out = (struct rank){q->price, quote_turn(q), q->response_time};
}

static void wish(const void *arg, row_id row, struct wish *out)
{
	const struct request *r = request_at(arg, row);

	*out = (struct wish){r->max_price, r->max_response_time, r->expiry.v,
			     r->order};
}

static enum err new_ranking(struct match *m, enum preference preference)
{
	struct match_index *x = m->index;
	struct ranking_config config = {
		.fastest = preference == PREFERENCE_FASTEST,
		.of = rank,
		.arg = m,
		.places = &x->quotes,
		.at = offsetof(struct quote_side, leaves) +
		      preference * sizeof(ranking_leaf)};

	return ranking_new(&x->rankings[preference], &config);
}

enum err match_index_new(struct match *m)
{
	struct match_index *x = calloc(1, sizeof *x);
	enum err e;

	if (!x)
		return ERR_NO_MEMORY;
	m->index = x;
	pool_open(&x->quotes, sizeof(struct quote_side));
	pool_open(&x->requests, sizeof(uint8_t));
	pool_open(&x->fresh, sizeof(row_id));
	pool_open(&x->news, sizeof(row_id));
	pool_open(&x->given, sizeof(row_id));
	pool_open(&x->aside, sizeof(row_id));
	pool_open(&x->heap, sizeof(struct candidate));
	pool_open(&x->touched, sizeof(struct touched));
	lapse_open(&x->lapse);
	e = new_ranking(m, PREFERENCE_CHEAPEST);
	if (!e)
		e = new_ranking(m, PREFERENCE_FASTEST);
	if (!e)
		e = waiting_new(&x->waiting, wish, m);
	if (!e)
		state_watch(m->state, match_index_on_undo, m);
	return e;
}

void match_index_free(struct match *m)
{
	struct match_index *x = m->index;

	if (!x)
		return;
	ranking_free(&x->rankings[0]);
	ranking_free(&x->rankings[1]);
	waiting_free(&x->waiting);
	pool_free(&x->quotes);
	pool_free(&x->requests);
	pool_free(&x->fresh);
	pool_free(&x->news);
	pool_free(&x->given);
	pool_free(&x->aside);
	pool_free(&x->heap);
	pool_free(&x->touched);
	lapse_free(&x->lapse);
	free(x);
	m->index = NULL;
}

/* ---- quotes ------------------------------------------------------------- */

static enum err freshen(struct match_index *x, row_id quote)
{
	if (x->quiet || has_mark(&x->quotes, quote, FRESH))
		return ERR_NONE;
	set_mark(&x->quotes, quote, FRESH, true);
	return push(&x->fresh, quote);
}

static void show(struct match_index *x, row_id quote, bool open)
{
	set_mark(&x->quotes, quote, OPEN, open);
	for (unsigned i = 0; i < 2; i++)
		ranking_set_open(x->rankings[i], quote, open);
}

void match_index_leave(struct match *m, row_id quote)
{
	struct match_index *x = m->index;

	if (quote >= x->quotes.count)
		return;
	for (unsigned i = 0; i < 2; i++)
		ranking_remove(x->rankings[i], quote);
	set_mark(&x->quotes, quote, OPEN, false);
	set_mark(&x->quotes, quote, FRESH, false);
}

enum err match_index_enter(struct match *m, row_id quote)
{
	struct match_index *x = m->index;
	const struct quote *q = quote_at(m, quote);
	enum err e = ERR_NONE;

	if (!pool_reach(&x->quotes, quote + 1))
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < 2 && !e; i++)
		e = ranking_add(x->rankings[i], q->market, quote);
	if (e || !match_is_available(m, q, generator_at(m, q->generator)))
		return e;
	show(x, quote, true);
	return freshen(x, quote);
}

enum err match_index_took_turn(struct match *m, row_id quote, struct place turn)
{
	struct match_index *x = m->index;
	struct quote *q = quote_touch(m, quote);
	bool open = has_mark(&x->quotes, quote, OPEN), moves[2];
	enum err e = ERR_NONE;

	if (!q)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < 2; i++) {
		moves[i] = !ranking_stays(x->rankings[i], quote);
		if (moves[i])
			ranking_remove(x->rankings[i], quote);
	}
	q->turn_block = turn.block;
	q->turn_index = turn.index;
	for (unsigned i = 0; i < 2 && !e; i++) {
		if (!moves[i])
			continue;
		e = ranking_add(x->rankings[i], q->market, quote);
		if (!e)
			ranking_set_open(x->rankings[i], quote, open);
	}
	return e;
}

void match_index_prefetch(const struct match *m, row_id quote)
{
	const struct match_index *x = m->index;

	for (unsigned i = 0; quote < x->quotes.count && i < 2; i++)
		ranking_prefetch(x->rankings[i], quote, false);
}

/* Both trees are asked at once, for what goes and for what comes. */
void match_index_expect(struct match *m, row_id quote, const struct rank *next)
{
	const struct match_index *x = m->index;
	const struct quote *q = quote_at(m, quote);

	for (unsigned i = 0; quote < x->quotes.count && i < 2; i++)
		ranking_prefetch(x->rankings[i], quote, true);
	for (unsigned i = 0; i < 2; i++)
		ranking_expect(x->rankings[i], q->market, next);
}

static enum err review(struct match *m, row_id quote, const struct quote *q,
		       const struct generator *g)
{
	struct match_index *x = m->index;
	bool open = match_is_available(m, q, g);

	if (q->gone || open == has_mark(&x->quotes, quote, OPEN))
		return ERR_NONE;
	show(x, quote, open);
	return open ? freshen(x, quote) : ERR_NONE;
}

enum err match_index_review(struct match *m, row_id generator)
{
	const struct generator *g = generator_at(m, generator);
	const struct quote *q;
	enum err e = ERR_NONE;

	for (row_id row = g->first_quote; row && !e; row = q->next) {
		q = quote_at(m, row);
		e = review(m, row, q, g);
	}
	return e;
}

enum err match_index_review_quote(struct match *m, row_id row)
{
	const struct quote *q = quote_at(m, row);

	return review(m, row, q, generator_at(m, q->generator));
}

enum err match_index_review_market(struct match *m, row_id market)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	for (row_id row = state_next(m->state, QUOTES, 0); row && !e;
	     row = state_next(m->state, QUOTES, row)) {
		if (quote_at(m, row)->market != market)
			continue;
		e = match_index_review_quote(m, row);
		if (!e && has_mark(&x->quotes, row, OPEN))
			e = freshen(x, row);
	}
	return e;
}

enum err match_index_freshen(struct match *m, row_id generator)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	for (row_id row = generator_at(m, generator)->first_quote; row && !e;
	     row = quote_at(m, row)->next)
		if (has_mark(&x->quotes, row, OPEN))
			e = freshen(x, row);
	return e;
}

/* A ranking knows the minor: is the major within the cap, too? */
static row_id within(const struct match *m, const struct request *r,
		     row_id quote)
{
	const struct quote *q = quote ? quote_at(m, quote) : NULL;

	return q && q->price <= r->max_price &&
			       q->response_time <= r->max_response_time
		       ? quote
		       : 0;
}

static u128 limit(const struct request *r)
{
	return r->preference == PREFERENCE_CHEAPEST ? r->max_response_time
						    : r->max_price;
}

row_id match_index_best(const struct match *m, const struct request *r)
{
	return within(m, r,
		      ranking_first(m->index->rankings[r->preference],
				    r->market, limit(r)));
}

row_id match_index_next(const struct match *m, const struct request *r,
			row_id quote)
{
	return within(m, r,
		      ranking_next(m->index->rankings[r->preference], quote,
				   limit(r)));
}

/* ---- requests ----------------------------------------------------------- */

enum err match_index_news(struct match *m, row_id request)
{
	struct match_index *x = m->index;

	if (!pool_reach(&x->requests, request + 1))
		return ERR_NO_MEMORY;
	if (has_mark(&x->requests, request, NEWS))
		return ERR_NONE;
	set_mark(&x->requests, request, NEWS, true);
	return push(&x->news, request);
}

void match_index_forget(struct match *m, row_id request)
{
	struct match_index *x = m->index;

	waiting_remove(x->waiting, request);
	if (request < x->requests.count)
		set_mark(&x->requests, request, NEWS, false);
}

/* ---- matches ------------------------------------------------------------ */

enum err match_index_match(struct match *m, row_id hold, uint64_t until)
{
	return lapse_add(&m->index->lapse, hold, until);
}

void match_index_unmatch(struct match *m, row_id hold)
{
	lapse_remove(&m->index->lapse, hold);
}

row_id match_index_lapsing(const struct match *m, uint64_t now)
{
	return lapse_first(&m->index->lapse, now);
}
