/* The rankings and the waiting ones, in step with the rows; and what a round
 * has to look at. */
#include <stdlib.h>

#include "common/pool.h"
#include "services/matcher/match_impl.h"
#include "services/matcher/match_lapse.h"
#include "services/matcher/match_ranking.h"
#include "services/matcher/match_waiting.h"

/* Of a quote or a request. */
enum mark {
	OPEN = 1,     /* the quote can be found in the rankings */
	FRESH = 2,    /* it is in `fresh` */
	NEWS = 4,     /* the request is in `news` */
	GIVEN = 8,    /* it was looked at in this round */
	TOUCHED = 16, /* by undo */
	OUT = 32      /* and not in the rankings until that is over */
};

/* A request to look at, and the quote it was found for; 0 for news. */
struct candidate {
	uint64_t order;
	row_id request, quote;
};

struct touched {
	uint32_t table;
	row_id row;
};

/* What is kept for a quote beside its row. Marks come first: they are found in
 * the items of both pools. */
struct quote_side {
	uint8_t marks;
	ranking_leaf leaves[2];
};

struct match_index {
	struct ranking *rankings[2]; /* by enum preference */
	struct waiting *waiting;
	struct lapse lapse;
	struct pool quotes;	  /* struct quote_side, by row */
	struct pool requests;	  /* uint8_t: marks, by row */
	struct pool fresh, news;  /* row_id: since the last round */
	struct pool given, aside; /* row_id: in this round */
	struct pool heap;	  /* struct candidate: least order first */
	uint32_t next_news;	  /* of the round, while they are in order */
	struct pool touched;	  /* struct touched */
	bool quiet;		  /* what becomes open isn't fresh */
	bool loading;
};

/* ---- lists and marks ---------------------------------------------------- */

static uint8_t *mark_of(const struct pool *marks, row_id row)
{
	return pool_at(marks, row);
}

static bool has_mark(const struct pool *marks, row_id row, enum mark mark)
{
	return row < marks->count && (*mark_of(marks, row) & mark);
}

static void set_mark(struct pool *marks, row_id row, enum mark mark, bool on)
{
	uint8_t *m = mark_of(marks, row);

	*m = (uint8_t)(on ? *m | mark : *m & ~mark);
}

static enum err push(struct pool *list, row_id row)
{
	if (!pool_grow(list))
		return ERR_NO_MEMORY;
	*(row_id *)pool_item(list, list->count - 1, sizeof row) = row;
	return ERR_NONE;
}

static row_id item(const struct pool *list, uint32_t i)
{
	return *(row_id *)pool_item(list, i, sizeof(row_id));
}

/* Take the marks off what is in @list, and empty it. */
static void clear(struct pool *list, struct pool *marks, enum mark mark)
{
	for (uint32_t i = 0; i < list->count; i++)
		set_mark(marks, item(list, i), mark, false);
	list->count = 0;
}

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

static void on_undo(void *core, unsigned table, row_id row, const void *next);

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
		state_watch(m->state, on_undo, m);
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

static enum err review_quote(struct match *m, row_id row)
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
		e = review_quote(m, row);
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

/* ---- rounds ------------------------------------------------------------- */

static struct candidate *candidate(const struct pool *heap, uint32_t i)
{
	return pool_item(heap, i, sizeof(struct candidate));
}

static enum err heap_push(struct pool *heap, const struct candidate *c)
{
	uint32_t i = heap->count;

	if (!pool_grow(heap))
		return ERR_NO_MEMORY;
	for (; i && candidate(heap, (i - 1) / 2)->order > c->order;
	     i = (i - 1) / 2)
		*candidate(heap, i) = *candidate(heap, (i - 1) / 2);
	*candidate(heap, i) = *c;
	return ERR_NONE;
}

static struct candidate heap_pop(struct pool *heap)
{
	struct candidate first = *candidate(heap, 0);
	struct candidate last = *candidate(heap, --heap->count);
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < heap->count) {
		if (child + 1 < heap->count &&
		    candidate(heap, child + 1)->order <
			    candidate(heap, child)->order)
			child++;
		if (candidate(heap, child)->order >= last.order)
			break;
		*candidate(heap, i) = *candidate(heap, child);
		i = child;
	}
	if (heap->count)
		*candidate(heap, i) = last;
	return first;
}

/* The earliest request that @quote fits and that wasn't looked at. */
static enum err seek(struct match *m, row_id quote, uint64_t now)
{
	struct match_index *x = m->index;
	const struct quote *q = quote_at(m, quote);
	struct candidate c = {.quote = quote};

	if (!match_is_open_market(market_at(m, q->market)))
		return ERR_NONE;
	c.request = waiting_earliest(x->waiting, q->market, q->price,
				     q->response_time, now);
	if (!c.request)
		return ERR_NONE;
	c.order = request_at(m, c.request)->order;
	return heap_push(&x->heap, &c);
}

/* Most rounds have new requests only: they are in order. */
static bool in_order(const struct match *m)
{
	const struct pool *news = &m->index->news;
	uint64_t before = 0;

	for (uint32_t i = 0; i < news->count; i++) {
		uint64_t order;

		if (!has_mark(&m->index->requests, item(news, i), NEWS))
			return false;
		order = request_at(m, item(news, i))->order;
		if (order <= before)
			return false;
		before = order;
	}
	return true;
}

/* Rows may be there twice, or be another's by now. */
static enum err sort_news(struct match *m)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	for (uint32_t i = 0; i < x->news.count && !e; i++) {
		row_id row = item(&x->news, i);

		if (!has_mark(&x->requests, row, NEWS))
			continue;
		set_mark(&x->requests, row, NEWS, false);
		e = heap_push(
			&x->heap,
			&(struct candidate){request_at(m, row)->order, row, 0});
	}
	x->news.count = 0;
	return e;
}

enum err match_index_round(struct match *m, uint64_t now)
{
	struct match_index *x = m->index;
	enum err e = in_order(m) ? ERR_NONE : sort_news(m);

	x->next_news = 0;
	for (uint32_t i = 0; i < x->fresh.count && !e; i++) {
		row_id row = item(&x->fresh, i);

		if (!has_mark(&x->quotes, row, FRESH))
			continue;
		set_mark(&x->quotes, row, FRESH, false);
		if (has_mark(&x->quotes, row, OPEN))
			e = seek(m, row, now);
	}
	x->fresh.count = 0;
	return e;
}

/* The least of what is left: from the news, as far as they are in order, or
 * from the heap. */
static bool next_candidate(struct match *m, struct candidate *out)
{
	struct match_index *x = m->index;

	if (x->next_news < x->news.count) {
		row_id row = item(&x->news, x->next_news);

		if (!x->heap.count || candidate(&x->heap, 0)->order >=
					      request_at(m, row)->order) {
			x->next_news++;
			*out = (struct candidate){.request = row};
			return true;
		}
	}
	if (!x->heap.count)
		return false;
	*out = heap_pop(&x->heap);
	return true;
}

/* Nobody needs to find it any more in this round. Who can't be found needs no
 * mark. */
static enum err give(struct match_index *x, row_id request)
{
	if (!waiting_holds(x->waiting, request))
		return ERR_NONE;
	set_mark(&x->requests, request, GIVEN, true);
	waiting_remove(x->waiting, request);
	return push(&x->given, request);
}

enum err match_index_pop(struct match *m, uint64_t now, row_id *request)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	struct candidate c;

	*request = 0;
	while (!*request && !e && next_candidate(m, &c)) {
		bool given = has_mark(&x->requests, c.request, GIVEN);

		if (c.quote && !has_mark(&x->quotes, c.quote, OPEN))
			continue;
		if (!given) {
			*request = c.request;
			e = give(x, c.request);
			/* The quote comes again at once, if it is open then. */
			if (!e && c.quote)
				e = heap_push(&x->heap, &c);
		} else if (c.quote) {
			e = seek(m, c.quote, now);
		}
	}
	return e;
}

enum err match_index_wait(struct match *m, row_id request)
{
	return push(&m->index->aside, request);
}

enum err match_index_round_over(struct match *m)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	for (uint32_t i = 0; i < x->aside.count && !e; i++) {
		row_id row = item(&x->aside, i);
		const struct request *r = request_at(m, row);

		if (!r->suspended)
			e = waiting_add(x->waiting, r->market, row);
	}
	x->aside.count = 0;
	clear(&x->news, &x->requests, NEWS);
	clear(&x->given, &x->requests, GIVEN);
	return e;
}

/* ---- undo and load ------------------------------------------------------ */

static bool is_marked(unsigned table)
{
	return table == QUOTES || table == REQUESTS;
}

static const struct touched *touched(const struct match_index *x, uint32_t i)
{
	return pool_at(&x->touched, i);
}

static struct pool *marks_of(struct match_index *x, unsigned table)
{
	return table == QUOTES ? &x->quotes : &x->requests;
}

/* Whether the place of @quote in the rankings is also that of what undo makes
 * of it, @next: most that were touched had a match, and get their turn back. */
static bool keeps_place(const struct match *m, row_id quote,
			const struct quote *next)
{
	const struct match_index *x = m->index;
	const struct quote *q = quote_at(m, quote);

	return q->price == next->price &&
	       q->response_time == next->response_time && !q->gone &&
	       !next->gone && place_cmp(quote_turn(next), quote_turn(q)) <= 0 &&
	       ranking_stays_older(x->rankings[0], quote) &&
	       ranking_stays_older(x->rankings[1], quote);
}

/* The quote is about to become @next, or has come. */
static void touch_quote(struct match *m, row_id quote, const struct quote *next)
{
	struct match_index *x = m->index;
	bool came = next == quote_at(m, quote);

	if (has_mark(&x->quotes, quote, OUT) ||
	    (came && has_mark(&x->quotes, quote, TOUCHED)) ||
	    (!came && next && keeps_place(m, quote, next)))
		return;
	match_index_leave(m, quote);
	set_mark(&x->quotes, quote, OUT, true);
}

/* The hold is about to become @next, or has come. */
static void touch_hold(struct match *m, row_id row, const struct hold *next)
{
	struct lapse *l = &m->index->lapse;

	lapse_remove(l, row);
	/* There was memory for it before. */
	if (next == hold_at(m, row) && next->quote &&
	    lapse_add(l, row, next->valid_until.v))
		abort();
}

/* The row is about to change, or has come: until all of them have, indexes do
 * without it, or with what doesn't matter to them. */
static void on_undo(void *core, unsigned table, row_id row, const void *next)
{
	struct match *m = core;
	struct match_index *x = m->index;
	bool marked = is_marked(table);

	if (table == HOLDS)
		touch_hold(m, row, next);
	if (!marked &&
	    (x->loading || (table != GENERATORS && table != MARKETS)))
		return;
	if (marked) {
		struct pool *marks = marks_of(x, table);

		/* There was memory for this row before. */
		if (!pool_reach(marks, row + 1))
			abort();
		if (table == QUOTES)
			touch_quote(m, row, next);
		if (*mark_of(marks, row) & TOUCHED)
			return;
		set_mark(marks, row, TOUCHED, true);
	}
	if (table == REQUESTS)
		match_index_forget(m, row);
	if (!pool_grow(&x->touched))
		abort();
	*(struct touched *)pool_at(&x->touched, x->touched.count - 1) =
		(struct touched){table, row};
}

void match_index_undo(struct match *m, bool loading)
{
	struct match_index *x = m->index;

	/* What has come since the last round goes. */
	clear(&x->news, &x->requests, NEWS);
	clear(&x->fresh, &x->quotes, FRESH);
	x->quiet = true;
	x->loading = loading;
}

static enum err put_back(struct match *m, const struct touched *t)
{
	struct match_index *x = m->index;
	row_id row = t->row;
	const struct request *r;
	bool out = t->table == QUOTES && has_mark(&x->quotes, row, OUT);

	if (is_marked(t->table))
		set_mark(marks_of(x, t->table), row, TOUCHED, false);
	if (out)
		set_mark(&x->quotes, row, OUT, false);
	if (!state_has(m->state, t->table, row))
		return ERR_NONE;
	switch (t->table) {
	case QUOTES:
		if (quote_at(m, row)->gone)
			return ERR_NONE;
		return out ? match_index_enter(m, row) : review_quote(m, row);
	case REQUESTS:
		r = request_at(m, row);
		return is_open(r) && !r->suspended
			       ? waiting_add(x->waiting, r->market, row)
			       : ERR_NONE;
	case GENERATORS:
		return match_index_review(m, row);
	case MARKETS:
		return match_index_review_market(m, row);
	}
	return ERR_NONE;
}

enum err match_index_undone(struct match *m)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	/* Quotes have their places before they are reviewed. */
	for (uint32_t i = 0; i < x->touched.count && !e; i++)
		if (is_marked(touched(x, i)->table))
			e = put_back(m, touched(x, i));
	for (uint32_t i = 0; i < x->touched.count && !e; i++)
		if (!is_marked(touched(x, i)->table))
			e = put_back(m, touched(x, i));
	x->touched.count = 0;
	x->quiet = x->loading = false;
	return e;
}
