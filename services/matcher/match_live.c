/* Reservations, and the live requests of a group. */
#include "services/matcher/match_impl.h"

/* ---- groups ------------------------------------------------------------- */

/* Put @request behind the live ones of its group. */
static enum err join_live(struct match *m, row_id request)
{
	struct request *r = request_edit(m, request);
	struct group *g = group_edit(m, r->group);
	struct request *last;

	if (!g)
		return ERR_NO_MEMORY;
	r->live_prev = g->live_last;
	r->live_next = 0;
	if (g->live_last) {
		last = request_edit(m, g->live_last);
		if (!last)
			return ERR_NO_MEMORY;
		last->live_next = request;
	} else {
		g->live_first = request;
	}
	g->live_last = request;
	return ERR_NONE;
}

static enum err leave_live(struct match *m, row_id request)
{
	struct request *r = request_edit(m, request);
	struct group *g = group_edit(m, r->group);
	struct request *other;

	if (!g)
		return ERR_NO_MEMORY;
	if (r->live_prev) {
		other = request_edit(m, r->live_prev);
		if (!other)
			return ERR_NO_MEMORY;
		other->live_next = r->live_next;
	} else {
		g->live_first = r->live_next;
	}
	if (r->live_next) {
		other = request_edit(m, r->live_next);
		if (!other)
			return ERR_NO_MEMORY;
		other->live_prev = r->live_prev;
	} else {
		g->live_last = r->live_prev;
	}
	r->live_next = r->live_prev = 0;
	return ERR_NONE;
}

static enum err leave_group(struct match *m, row_id group)
{
	struct group *g = group_edit(m, group);

	if (!g)
		return ERR_NO_MEMORY;
	return --g->requests ? ERR_NONE : state_remove(m->state, GROUPS, group);
}

/* ---- reservations ------------------------------------------------------- */

enum err match_reserve(struct match *m, row_id request, row_id quote,
		       struct unix_s valid_until, struct place turn)
{
	struct request *r = request_edit(m, request);
	struct quote *q = quote_edit(m, quote);
	struct generator *g = q ? generator_edit(m, q->generator) : NULL;
	struct globals *all = globals_edit(m);
	struct u256 penalty;

	if (!r || !g || !all)
		return ERR_NO_MEMORY;
	penalty = u256_from_u128(market_at(m, r->market)->penalty);
	if (u256_add(&g->reserved_stake, &g->reserved_stake, &penalty))
		return ERR_CONFLICT;	   /* more than there is stake */
	g->reserved_compute += q->compute; /* at most what is free */
	g->reserved++;
	q->reserved++;
	q->turn = turn;
	r->state = REQUEST_MATCHED;
	r->generator = q->generator;
	r->quote = quote;
	r->compute = q->compute;
	r->valid_until = valid_until;
	all->matched++;
	return r->group ? join_live(m, request) : ERR_NONE;
}

static enum err unlink_quote(struct match *m, row_id row)
{
	const struct quote *q = quote_at(m, row);
	struct quote *other;

	if (q->prev) {
		other = quote_edit(m, q->prev);
		if (!other)
			return ERR_NO_MEMORY;
		other->next = q->next;
	} else {
		struct market *market = market_edit(m, q->market);

		if (!market)
			return ERR_NO_MEMORY;
		market->quotes = q->next;
	}
	if (q->next) {
		other = quote_edit(m, q->next);
		if (!other)
			return ERR_NO_MEMORY;
		other->prev = q->prev;
	}
	return ERR_NONE;
}

enum err match_drop_quote(struct match *m, row_id row)
{
	enum err e = unlink_quote(m, row);

	return e ? e : state_remove(m->state, QUOTES, row);
}

/* The match holds nothing any more. The request's own fields stay. */
static enum err give_back(struct match *m, const struct request *r)
{
	struct quote *q = quote_edit(m, r->quote);
	struct generator *g = generator_edit(m, r->generator);
	struct globals *all = globals_edit(m);
	struct u256 penalty = u256_from_u128(market_at(m, r->market)->penalty);
	row_id quote = r->quote, generator = r->generator;
	enum err e = ERR_NONE;

	if (!q || !g || !all)
		return ERR_NO_MEMORY;
	if (u256_sub(&g->reserved_stake, &g->reserved_stake, &penalty))
		return ERR_CONFLICT;
	g->reserved_compute -= r->compute;
	g->reserved--;
	q->reserved--;
	all->matched--;
	if (q->gone && !q->reserved)
		e = match_drop_quote(m, quote);
	if (!e && g->gone && !g->reserved)
		e = state_remove(m->state, GENERATORS, generator);
	return e;
}

enum err match_release(struct match *m, row_id request)
{
	struct request *r = request_edit(m, request);
	enum err e;

	if (!r)
		return ERR_NO_MEMORY;
	e = give_back(m, r);
	if (!e && r->group)
		e = leave_live(m, request);
	r->state = REQUEST_OPEN;
	r->generator = r->quote = 0;
	r->compute = 0;
	r->valid_until = (struct unix_s){0};
	return e;
}

/* ---- the queue ---------------------------------------------------------- */

static enum err leave_queue(struct match *m, struct request *r)
{
	struct globals *all = globals_edit(m);
	struct request *other;

	if (!all)
		return ERR_NO_MEMORY;
	if (r->prev) {
		other = request_edit(m, r->prev);
		if (!other)
			return ERR_NO_MEMORY;
		other->next = r->next;
	} else {
		all->first = r->next;
	}
	if (r->next) {
		other = request_edit(m, r->next);
		if (!other)
			return ERR_NO_MEMORY;
		other->prev = r->prev;
	} else {
		all->last = r->prev;
	}
	r->next = r->prev = 0;
	all->open--;
	return ERR_NONE;
}

static enum err forget_cooling(struct match *m, struct request *r)
{
	enum err e = ERR_NONE;

	while (r->cooling && !e) {
		row_id row = r->cooling;

		r->cooling = cooling_at(m, row)->next;
		e = state_remove(m->state, COOLING, row);
	}
	return e;
}

enum err match_begin_task(struct match *m, row_id request, row_id generator)
{
	struct request *r = request_edit(m, request);
	struct generator *g;
	bool was_live;
	enum err e;

	if (!r)
		return ERR_NO_MEMORY;
	was_live = r->state == REQUEST_MATCHED;
	e = was_live ? give_back(m, r) : ERR_NONE;
	if (!e)
		e = leave_queue(m, r);
	if (!e)
		e = forget_cooling(m, r);
	if (e)
		return e;
	r->state = REQUEST_TASK;
	r->generator = generator;
	r->quote = 0;
	r->compute = 0;
	r->valid_until = (struct unix_s){0};
	/* Without a group nobody asks any more what became of it. */
	if (!r->group)
		return state_remove(m->state, REQUESTS, request);
	g = generator_edit(m, generator);
	if (!g)
		return ERR_NO_MEMORY;
	g->tasks++;
	return was_live ? ERR_NONE : join_live(m, request);
}

/* The task of @request, which is in a group, is over. */
static enum err end_task(struct match *m, row_id request)
{
	struct generator *g =
		generator_edit(m, request_at(m, request)->generator);

	if (!g)
		return ERR_NO_MEMORY;
	g->tasks--;
	return leave_live(m, request);
}

enum err match_forget_request(struct match *m, row_id request)
{
	struct request *r = request_edit(m, request);
	row_id group;
	enum err e = ERR_NONE;

	if (!r)
		return ERR_NO_MEMORY;
	if (r->state == REQUEST_MATCHED)
		e = match_release(m, request);
	else if (r->state == REQUEST_TASK)
		e = end_task(m, request);
	if (!e && r->state != REQUEST_TASK)
		e = leave_queue(m, r);
	if (!e)
		e = forget_cooling(m, r);
	group = r->group;
	if (!e)
		e = state_remove(m->state, REQUESTS, request);
	return e || !group ? e : leave_group(m, group);
}
