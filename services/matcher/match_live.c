/* Reservations, and the live requests of a group. */
#include "services/matcher/match_impl.h"

/* ---- groups ------------------------------------------------------------- */

/* Of group @g's live ones, @row comes next behind @before; 0 for none. */
static enum err link_up(struct match *m, struct group *g, row_id before,
			row_id row)
{
	struct hold *h = row ? hold_edit(m, row) : NULL;
	struct hold *b = before ? hold_edit(m, before) : NULL;

	if ((row && !h) || (before && !b))
		return ERR_NO_MEMORY;
	*(h ? &h->prev : &g->live.last) = before;
	*(b ? &b->next : &g->live.first) = row;
	return ERR_NONE;
}

/* Put the hold behind the live ones of its request's group. */
static enum err join_live(struct match *m, row_id row)
{
	row_id request = hold_at(m, row)->request;
	struct group *g = group_edit(m, request_at(m, request)->group);
	enum err e = g ? link_up(m, g, g->live.last, row) : ERR_NO_MEMORY;

	return e ? e : link_up(m, g, row, 0);
}

/* What its generator couldn't have beside it, it can now. */
static enum err leave_live(struct match *m, row_id row)
{
	const struct hold *h = hold_at(m, row);
	struct group *g = group_edit(m, request_at(m, h->request)->group);
	enum err e = g ? link_up(m, g, h->prev, h->next) : ERR_NO_MEMORY;

	return e ? e : match_index_freshen(m, h->generator);
}

static enum err leave_group(struct match *m, row_id group)
{
	struct group *g = group_edit(m, group);

	if (!g)
		return ERR_NO_MEMORY;
	return --g->requests ? ERR_NONE : state_remove(m->state, GROUPS, group);
}

/* ---- holds -------------------------------------------------------------- */

static enum err count(struct match *m, int waiting, int matched)
{
	struct globals *all = globals_edit(m);

	if (!all)
		return ERR_NO_MEMORY;
	all->waiting += (uint64_t)waiting;
	all->matched += (uint64_t)matched;
	return ERR_NONE;
}

static row_id add_hold(struct match *m, row_id request, const struct hold *h)
{
	struct request *r = request_edit(m, request);
	row_id row = r ? state_add(m->state, HOLDS, h) : 0;

	if (row)
		r->hold = row;
	return row;
}

enum err match_reserve(struct match *m, row_id request, row_id quote,
		       struct unix_s valid_until, struct place turn)
{
	const struct request *r = request_at(m, request);
	struct quote *q = quote_touch(m, quote);
	struct generator *g = q ? generator_touch(m, q->generator) : NULL;
	u128 penalty = market_at(m, r->market)->penalty;
	struct hold h = {
		.request = request, .quote = quote, .valid_until = valid_until};
	row_id row;
	enum err e;

	if (!g)
		return ERR_NO_MEMORY;
	h.generator = q->generator;
	h.compute = q->compute;
	g->reserved_stake += penalty;	   /* at most what is free */
	g->reserved_compute += q->compute; /* so is this */
	g->reserved++;
	q->reserved++;
	row = add_hold(m, request, &h);
	e = row ? match_index_match(m, row, valid_until.v) : ERR_NO_MEMORY;
	if (!e)
		e = count(m, -1, 1);
	if (!e && r->group)
		e = join_live(m, row);
	if (!e)
		e = match_index_took_turn(m, quote, turn);
	return e ? e : match_index_review(m, h.generator);
}

/* A generator has few quotes: its list is walked. */
enum err match_drop_quote(struct match *m, row_id row)
{
	const struct quote *q = quote_at(m, row);
	struct generator *g = generator_edit(m, q->generator);
	struct quote *before;
	row_id at;

	if (!g)
		return ERR_NO_MEMORY;
	if (g->first_quote == row) {
		g->first_quote = q->next;
		return state_remove(m->state, QUOTES, row);
	}
	for (at = g->first_quote; quote_at(m, at)->next != row;)
		at = quote_at(m, at)->next;
	before = quote_edit(m, at);
	if (!before)
		return ERR_NO_MEMORY;
	before->next = q->next;
	return state_remove(m->state, QUOTES, row);
}

/* The match of hold @row holds nothing any more; its row stays. Its generator
 * is reviewed, unless it is @later: the caller does that. */
static enum err give_back(struct match *m, row_id row, row_id later)
{
	const struct hold *h = hold_at(m, row);
	struct quote *q = quote_touch(m, h->quote);
	struct generator *g = generator_touch(m, h->generator);
	row_id quote = h->quote, generator = h->generator;
	u128 penalty = q ? market_at(m, q->market)->penalty : 0;
	enum err e = ERR_NONE;

	if (!q || !g)
		return ERR_NO_MEMORY;
	if (g->reserved_stake < penalty)
		return ERR_CONFLICT;
	g->reserved_stake -= penalty;
	g->reserved_compute -= h->compute;
	g->reserved--;
	q->reserved--;
	match_index_unmatch(m, row);
	if (q->gone && !q->reserved)
		e = match_drop_quote(m, quote);
	if (!e && g->gone && !g->reserved)
		return state_remove(m->state, GENERATORS, generator);
	return e || generator == later ? e : match_index_review(m, generator);
}

/* The match of @r is over: its hold goes; whether @r goes, too, or is open
 * again is up to others. As above for @later. */
static enum err end_match(struct match *m, const struct request *r,
			  row_id later)
{
	row_id row = r->hold;
	enum err e = r->group ? leave_live(m, row) : ERR_NONE;

	if (!e)
		e = give_back(m, row, later);
	return e ? e : state_remove(m->state, HOLDS, row);
}

enum err match_release(struct match *m, row_id request)
{
	struct request *r = request_edit(m, request);
	enum err e = r ? end_match(m, r, 0) : ERR_NO_MEMORY;

	if (!e)
		e = count(m, 1, -1);
	if (e)
		return e;
	r->hold = 0;
	return match_index_news(m, request);
}

/* ---- tasks and ends ----------------------------------------------------- */

/* @request goes, or its list does. */
static enum err forget_cooling(struct match *m, row_id request)
{
	row_id row = request_at(m, request)->cooling, next;
	struct request *r = row ? request_edit(m, request) : NULL;
	enum err e = !row || r ? ERR_NONE : ERR_NO_MEMORY;

	if (r)
		r->cooling = 0;
	for (; row && !e; row = next) {
		next = cooling_at(m, row)->next;
		e = state_remove(m->state, COOLING, row);
	}
	return e;
}

/* Its place among the live ones of its group stays; whose task it is may be
 * another than the match was with. */
static enum err turn_into_task(struct match *m, row_id row, row_id generator)
{
	struct hold *h = hold_edit(m, row);
	row_id was;
	enum err e;

	if (!h)
		return ERR_NO_MEMORY;
	was = h->generator;
	/* Its row stays: at least the group's request names it below. */
	e = was == generator ? ERR_NONE : match_index_freshen(m, was);
	if (!e)
		e = give_back(m, row, generator);
	h->quote = 0;
	h->generator = generator;
	h->compute = 0;
	h->valid_until = (struct unix_s){0};
	return e;
}

static enum err add_task(struct match *m, row_id request, row_id generator)
{
	struct hold h = {.request = request, .generator = generator};
	row_id row = add_hold(m, request, &h);

	return row ? join_live(m, row) : ERR_NO_MEMORY;
}

enum err match_begin_task(struct match *m, row_id request, row_id generator)
{
	const struct request *r = request_at(m, request);
	bool matched = is_matched(m, r);
	struct generator *g;
	enum err e;

	if (!matched)
		match_index_forget(m, request);
	e = count(m, matched ? 0 : -1, matched ? -1 : 0);
	if (!e)
		e = forget_cooling(m, request);
	if (e)
		return e;
	/* Without a group nobody asks any more what became of it. */
	if (!r->group) {
		if (matched)
			e = end_match(m, r, generator);
		return e ? e : state_remove(m->state, REQUESTS, request);
	}
	g = generator_touch(m, generator);
	if (!g)
		return ERR_NO_MEMORY;
	g->tasks++;
	return matched ? turn_into_task(m, r->hold, generator)
		       : add_task(m, request, generator);
}

/* The task of @request, which is in a group, is over. */
static enum err end_task(struct match *m, const struct request *r)
{
	row_id row = r->hold;
	struct generator *g = generator_touch(m, hold_at(m, row)->generator);
	enum err e;

	if (!g)
		return ERR_NO_MEMORY;
	g->tasks--;
	e = leave_live(m, row);
	return e ? e : state_remove(m->state, HOLDS, row);
}

enum err match_forget_request(struct match *m, row_id request)
{
	const struct request *r = request_at(m, request);
	row_id group = r->group;
	enum err e;

	if (is_open(r)) {
		e = count(m, -1, 0);
	} else if (is_matched(m, r)) {
		e = end_match(m, r, 0);
		if (!e)
			e = count(m, 0, -1);
	} else {
		e = end_task(m, r);
	}
	match_index_forget(m, request);
	if (!e)
		e = forget_cooling(m, request);
	if (!e)
		e = state_remove(m->state, REQUESTS, request);
	return e || !group ? e : leave_group(m, group);
}
