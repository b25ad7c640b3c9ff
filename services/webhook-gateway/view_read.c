/* What is asked of the book: single rows, lists, and pages of requests. */
#include "common/u256.h"
#include "services/webhook-gateway/view_impl.h"

/* A page that looks for few among many stops here and says where to go on. */
enum { LOOKED_AT_MAX = 10000 };

static const char *const state_names[VIEW_STATES] = {
	"open",	   "assigned",	"fulfilled", "invalid",
	"slashed", "cancelled", "rejected",
};

const char *view_state_name(enum view_state state)
{
	return state_names[state];
}

enum view_state view_state_find(const char *name)
{
	enum view_state s = VIEW_OPEN;

	while (s < VIEW_STATES && strcmp(state_names[s], name) != 0)
		s++;
	return s;
}

enum view_state view_state_of(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_FULFILLED:
		return VIEW_FULFILLED;
	case OUTCOME_INVALID:
		return VIEW_INVALID;
	case OUTCOME_SLASHED:
		return VIEW_SLASHED;
	case OUTCOME_CANCELLED:
		return VIEW_CANCELLED;
	case OUTCOME_REJECTED:
	case OUTCOME_COUNT:
		break;
	}
	return VIEW_REJECTED;
}

/* ---- markets, generators, quotes ---------------------------------------- */

const struct view_market *view_market(const struct view *v, uint64_t id)
{
	struct view_market probe = {.set.market_id = id};

	return view_shelf_at(v->shelves[MARKETS], MARKETS_BY_ID, &probe);
}

const struct view_market *view_market_after(const struct view *v, uint64_t id)
{
	struct view_market probe = {.set.market_id = id};

	return view_shelf_after(v->shelves[MARKETS], MARKETS_BY_ID, &probe);
}

const struct view_generator *view_generator(const struct view *v,
					    const struct address *who)
{
	row_id row = view_find_generator(v, who);

	return row ? view_shelf_row(v->shelves[GENERATORS], row) : NULL;
}

const struct view_generator *view_generator_after(const struct view *v,
						  const struct address *who)
{
	struct view_generator probe = {.registered = false};

	if (who)
		probe.set.generator = *who;
	return view_shelf_after(v->shelves[GENERATORS], GENERATORS_BY_ADDRESS,
				&probe);
}

const struct view_quote *view_market_quote(const struct view *v,
					   uint64_t market_id,
					   const struct view_quote *after)
{
	struct view_quote probe = {.set.market_id = market_id};
	const struct view_quote *q = view_shelf_after(
		v->shelves[QUOTES], QUOTES_BY_PRICE, after ? after : &probe);

	return q && q->set.market_id == market_id ? q : NULL;
}

const struct view_quote *view_generator_quote(const struct view *v,
					      const struct address *who,
					      const struct view_quote *after)
{
	struct view_quote probe = {.set.generator = *who};
	const struct view_quote *q =
		view_shelf_after(v->shelves[QUOTES], QUOTES_BY_GENERATOR,
				 after ? after : &probe);

	return q && address_eq(&q->set.generator, who) ? q : NULL;
}

static bool has_stake(const struct msg_generator_set *g,
		      const struct amount *penalty)
{
	struct amount left = g->stake;

	return !amount_sub(&left, &left, &g->unstaking) &&
	       !amount_sub(&left, &left, &g->locked) &&
	       amount_cmp(&left, penalty) >= 0;
}

bool view_is_available(const struct view *v, const struct view_quote *q)
{
	const struct view_market *m = view_market(v, q->set.market_id);
	const struct view_generator *g = view_generator(v, &q->set.generator);

	return m && g && g->registered && !m->suspended && !g->suspended &&
	       !m->set.closed && !q->set.draining &&
	       (!m->set.confidential || q->set.has_key) &&
	       g->set.used_compute <= g->set.compute &&
	       q->set.compute <= g->set.compute - g->set.used_compute &&
	       has_stake(&g->set, &m->set.penalty) &&
	       (!v->chain.rule.task_limit ||
		q->set.tasks < v->chain.rule.task_limit);
}

/* ---- requests ----------------------------------------------------------- */

const struct view_request *view_request(const struct view *v, uint64_t id)
{
	struct view_request probe = {.record.request_id = id};

	return view_shelf_at(v->shelves[REQUESTS], REQUESTS_BY_ID, &probe);
}

uint64_t view_requests_end(const struct view *v)
{
	const struct view_totals *t =
		view_shelf_row(v->shelves[TOTALS], v->totals);

	return t->requests_end;
}

const struct amount *view_escrow(const struct view *v, enum view_state state)
{
	const struct view_totals *t =
		view_shelf_row(v->shelves[TOTALS], v->totals);

	return &t->escrow[state];
}

const struct view_request *view_open_request(const struct view *v,
					     uint64_t market_id,
					     const struct view_request *after)
{
	struct view_request probe = {.record.market_id = market_id};
	const struct view_request *r = view_shelf_after(
		v->shelves[REQUESTS], REQUESTS_OPEN, after ? after : &probe);

	return r && r->record.market_id == market_id ? r : NULL;
}

bool view_is_overdue(const struct view *v, const struct view_request *r)
{
	return r->state == VIEW_ASSIGNED &&
	       r->record.deadline.v < v->logs[LOGS_BOOK].block.time.v;
}

uint64_t view_overdue(const struct view *v, const struct address *generator)
{
	struct view_request probe = {.record.generator = *generator};
	const struct view_request *r = &probe;
	uint64_t count = 0;

	while ((r = view_shelf_after(v->shelves[REQUESTS], REQUESTS_DUE, r)) &&
	       address_eq(&r->record.generator, generator) &&
	       view_is_overdue(v, r))
		count++;
	return count;
}

static bool one_bit(unsigned mask)
{
	return mask && !(mask & (mask - 1));
}

/* The order that has the fewest rows besides those wanted, and in @probe what
 * is the same in all of them. */
static unsigned choose_order(const struct view_filter *f,
			     struct view_request *probe)
{
	if (f->requester) {
		probe->record.requester = *f->requester;
		return REQUESTS_BY_REQUESTER;
	}
	if (f->generator) {
		probe->record.generator = *f->generator;
		return REQUESTS_BY_GENERATOR;
	}
	if (one_bit(f->states)) {
		probe->state = (enum view_state)__builtin_ctz(f->states);
		return REQUESTS_BY_STATE;
	}
	if (f->tasks)
		return REQUESTS_TASKS;
	if (f->market_id) {
		probe->record.market_id = f->market_id;
		return REQUESTS_BY_MARKET;
	}
	return REQUESTS_BY_ID;
}

/* Whether @r is still within what @order was chosen for. */
static bool in_range(unsigned order, const struct view_filter *f,
		     const struct view_request *r)
{
	switch (order) {
	case REQUESTS_BY_REQUESTER:
		return address_eq(&r->record.requester, f->requester);
	case REQUESTS_BY_GENERATOR:
		return address_eq(&r->record.generator, f->generator);
	case REQUESTS_BY_STATE:
		return f->states >> r->state & 1;
	case REQUESTS_BY_MARKET:
		return r->record.market_id == f->market_id;
	default:
		return true;
	}
}

static bool is_wanted(const struct view *v, const struct view_filter *f,
		      const struct view_request *r)
{
	return (!f->requester ||
		address_eq(&r->record.requester, f->requester)) &&
	       (!f->generator ||
		address_eq(&r->record.generator, f->generator)) &&
	       (!f->market_id || r->record.market_id == f->market_id) &&
	       (!f->states || f->states >> r->state & 1) &&
	       (!f->tasks ||
		(r->state >= VIEW_ASSIGNED && r->state <= VIEW_SLASHED)) &&
	       (!f->overdue || view_is_overdue(v, r));
}

size_t view_requests(const struct view *v, const struct view_filter *f,
		     const struct view_request **out, size_t max,
		     uint64_t *next)
{
	struct view_request probe = {.state = VIEW_OPEN};
	unsigned order = choose_order(f, &probe);
	const struct view_request *r;
	size_t count = 0;

	probe.record.request_id = f->before_id ? f->before_id : UINT64_MAX;
	*next = 0;
	for (unsigned looked = 0;; looked++) {
		r = view_shelf_before(v->shelves[REQUESTS], order, &probe);
		if (!r || !in_range(order, f, r))
			return count;
		if (count == max || looked == LOOKED_AT_MAX)
			break;
		if (is_wanted(v, f, r))
			out[count++] = r;
		probe = *r;
	}
	*next = r->record.request_id + 1;
	return count;
}
