/* From the book log: blocks, markets, generators and their quotes. */
#include "common/u256.h"
#include "services/webhook-gateway/view_impl.h"

/* ---- blocks ------------------------------------------------------------- */

enum err view_on_book_opened(struct view *v, struct sink *out,
			     const struct msg_book_opened *m)
{
	(void)v;
	(void)out;
	(void)m; /* the chain log says the same, and more */
	return ERR_NONE;
}

enum err view_on_block_closed(struct view *v, struct sink *out,
			      const struct msg_block_closed *m)
{
	(void)out;
	return view_close(v, READING_BOOK, &m->block);
}

enum err view_on_book_rolled_back(struct view *v, struct sink *out,
				  const struct msg_book_rolled_back *m)
{
	(void)out;
	return view_roll_back(v, READING_BOOK, &m->to);
}

/* ---- markets ------------------------------------------------------------ */

static row_id find_market(const struct view *v, uint64_t id)
{
	struct view_market probe = {.set.market_id = id};

	return view_shelf_find(v->shelves[MARKETS], MARKETS_BY_ID, &probe);
}

struct view_market *view_edit_market(struct view *v, uint64_t id)
{
	row_id row = find_market(v, id);

	return row ? view_shelf_edit(v->shelves[MARKETS], row) : NULL;
}

enum err view_on_market_set(struct view *v, struct sink *out,
			    const struct msg_market_set *m)
{
	struct view_market fresh = {.set = *m}, *market;

	(void)out;
	if (!find_market(v, m->market_id))
		return view_shelf_add(v->shelves[MARKETS], &fresh)
			       ? ERR_NONE
			       : ERR_NO_MEMORY;
	market = view_edit_market(v, m->market_id);
	if (!market)
		return ERR_NO_MEMORY;
	market->set = *m;
	return ERR_NONE;
}

/* Caps are of 128 bits: their sum can't overflow. */
static enum err count_escrow(struct view *v, const struct amount *cap,
			     enum view_state from, enum view_state to)
{
	struct view_totals *t = view_shelf_edit(v->shelves[TOTALS], v->totals);

	if (!t)
		return ERR_NO_MEMORY;
	if (to <= VIEW_ASSIGNED &&
	    amount_add(&t->escrow[to], &t->escrow[to], cap))
		return view_contradicted(v);
	if (from <= VIEW_ASSIGNED &&
	    amount_sub(&t->escrow[from], &t->escrow[from], cap))
		return view_contradicted(v);
	return ERR_NONE;
}

enum err view_count_request(struct view *v, const struct msg_request_record *r,
			    enum view_state from, enum view_state to)
{
	struct view_market *market = view_edit_market(v, r->market_id);

	if (!market)
		return view_contradicted(v);
	if (from < VIEW_STATES)
		market->states[from]--;
	market->states[to]++;
	return count_escrow(v, &r->max_price, from, to);
}

static enum err count_quote(struct view *v, uint64_t market_id, bool more)
{
	struct view_market *market = view_edit_market(v, market_id);

	if (!market)
		return view_contradicted(v);
	market->quotes += more ? 1 : (uint64_t)-1;
	return ERR_NONE;
}

/* ---- generators --------------------------------------------------------- */

row_id view_find_generator(const struct view *v, const struct address *who)
{
	struct view_generator probe = {.set.generator = *who};

	return view_shelf_find(v->shelves[GENERATORS], GENERATORS_BY_ADDRESS,
			       &probe);
}

enum err view_on_generator_set(struct view *v, struct sink *out,
			       const struct msg_generator_set *m)
{
	struct view_generator fresh = {.set = *m, .registered = true}, *g;
	row_id row = view_find_generator(v, &m->generator);

	(void)out;
	if (!row)
		return view_shelf_add(v->shelves[GENERATORS], &fresh)
			       ? ERR_NONE
			       : ERR_NO_MEMORY;
	g = view_shelf_edit(v->shelves[GENERATORS], row);
	if (!g)
		return ERR_NO_MEMORY;
	g->set = *m;
	g->registered = true;
	return ERR_NONE;
}

enum err view_on_generator_removed(struct view *v, struct sink *out,
				   const struct msg_generator_removed *m)
{
	row_id row = view_find_generator(v, &m->generator);
	struct view_generator *g;

	(void)out;
	if (!row)
		return view_contradicted(v);
	g = view_shelf_edit(v->shelves[GENERATORS], row);
	if (!g)
		return ERR_NO_MEMORY;
	g->registered = false;
	return ERR_NONE;
}

/* ---- quotes ------------------------------------------------------------- */

static row_id find_quote(const struct view *v, const struct address *generator,
			 uint64_t market_id)
{
	struct view_quote probe = {
		.set = {.generator = *generator, .market_id = market_id}};

	return view_shelf_find(v->shelves[QUOTES], QUOTES_BY_GENERATOR, &probe);
}

enum err view_on_quote_set(struct view *v, struct sink *out,
			   const struct msg_quote_set *m)
{
	struct view_quote fresh = {.set = *m}, *q;
	row_id row = find_quote(v, &m->generator, m->market_id);

	(void)out;
	if (!row)
		return view_shelf_add(v->shelves[QUOTES], &fresh)
			       ? count_quote(v, m->market_id, true)
			       : ERR_NO_MEMORY;
	q = view_shelf_edit(v->shelves[QUOTES], row);
	if (!q)
		return ERR_NO_MEMORY;
	q->set = *m;
	return view_shelf_done(v->shelves[QUOTES], row);
}

enum err view_on_quote_removed(struct view *v, struct sink *out,
			       const struct msg_quote_removed *m)
{
	row_id row = find_quote(v, &m->generator, m->market_id);
	enum err e;

	(void)out;
	if (!row)
		return view_contradicted(v);
	e = view_shelf_remove(v->shelves[QUOTES], row);
	return e ? e : count_quote(v, m->market_id, false);
}

enum err view_count_task(struct view *v, const struct address *generator,
			 uint64_t market_id, uint32_t tasks)
{
	row_id row = find_quote(v, generator, market_id);
	struct view_quote *q;

	if (!row)
		return view_contradicted(v);
	q = view_shelf_edit(v->shelves[QUOTES], row);
	if (!q)
		return ERR_NO_MEMORY;
	q->set.tasks = tasks;
	return view_shelf_done(v->shelves[QUOTES], row);
}

/* ---- what contradicts itself -------------------------------------------- */

static enum err suspend(struct view *v, uint64_t request_id,
			const struct address *generator, uint64_t market_id)
{
	static const struct address nobody;
	struct view_market *market;
	struct view_generator *g;
	row_id row;

	if (request_id)
		return view_suspend_request(v, request_id);
	if (address_eq(generator, &nobody)) {
		market = view_edit_market(v, market_id);
		if (market)
			market->suspended = true;
		return ERR_NONE; /* it may be of something never seen */
	}
	row = view_find_generator(v, generator);
	g = row ? view_shelf_edit(v->shelves[GENERATORS], row) : NULL;
	if (g)
		g->suspended = true;
	return ERR_NONE;
}

enum err view_on_suspended(struct view *v, struct sink *out,
			   const struct msg_suspended *m)
{
	(void)out;
	return suspend(v, m->request_id, &m->generator, m->market_id);
}

enum err view_on_match_suspended(struct view *v, struct sink *out,
				 const struct msg_match_suspended *m)
{
	(void)out;
	return suspend(v, m->request_id, &m->generator, m->market_id);
}
