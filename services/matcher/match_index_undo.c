/* What undo and load change is taken out of the indexes before, and put in
 * after. */
#include <stdlib.h>

#include "services/matcher/match_index_impl.h"

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
void match_index_on_undo(void *core, unsigned table, row_id row,
			 const void *next)
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
		return out ? match_index_enter(m, row)
			   : match_index_review_quote(m, row);
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
