/* From the book log: requests, their tasks, and how they end. */
#include "common/u256.h"
#include "services/webhook-gateway/view_impl.h"

static row_id find_request(const struct view *v, uint64_t id)
{
	struct view_request probe = {.record.request_id = id};

	return view_shelf_find(v->shelves[REQUESTS], REQUESTS_BY_ID, &probe);
}

static const struct view_request *request_at(const struct view *v, row_id row)
{
	return view_shelf_row(v->shelves[REQUESTS], row);
}

/* ---- open --------------------------------------------------------------- */

struct msg_request_record view_record_of(const struct msg_request_opened *m)
{
	return (struct msg_request_record){.request_id = m->request_id,
					   .market_id = m->market_id,
					   .requester = m->requester,
					   .max_price = m->max_price,
					   .max_response_time =
						   m->max_response_time,
					   .expiry = m->expiry,
					   .preference = m->preference,
					   .spread = m->spread,
					   .arrived = m->arrived,
					   .time = m->time,
					   .tx = m->tx,
					   .inputs_hash = m->inputs_hash,
					   .inputs_size = m->inputs_size};
}

enum err view_on_request_opened(struct view *v, struct sink *out,
				const struct msg_request_opened *m)
{
	struct view_request fresh = {.state = VIEW_OPEN,
				     .record = view_record_of(m)};
	struct view_totals *totals;

	(void)out;
	if (find_request(v, m->request_id))
		return view_contradicted(v);
	totals = view_shelf_edit(v->shelves[TOTALS], v->totals);
	if (!totals || !view_shelf_add(v->shelves[REQUESTS], &fresh))
		return ERR_NO_MEMORY;
	if (totals->requests_end < m->request_id)
		totals->requests_end = m->request_id;
	return view_count_request(v, &fresh.record, VIEW_STATES, VIEW_OPEN);
}

enum err view_suspend_request(struct view *v, uint64_t id)
{
	row_id row = find_request(v, id);
	struct view_request *r;

	if (!row)
		return ERR_NONE; /* it may never have been there */
	r = view_shelf_edit(v->shelves[REQUESTS], row);
	if (!r)
		return ERR_NO_MEMORY;
	r->suspended = true;
	return view_shelf_done(v->shelves[REQUESTS], row);
}

enum err view_on_assignment_refused(struct view *v, struct sink *out,
				    const struct msg_assignment_refused *m)
{
	row_id row = find_request(v, m->request_id);
	struct view_request *r;

	(void)out;
	if (!row)
		return ERR_NONE; /* refused because it isn't there any more */
	r = view_shelf_edit(v->shelves[REQUESTS], row);
	if (!r)
		return ERR_NO_MEMORY;
	r->refusals++;
	r->refused_generator = m->generator;
	r->refused_reason = m->reason;
	r->refused_at = m->at;
	return view_shelf_done(v->shelves[REQUESTS], row);
}

/* ---- the end ------------------------------------------------------------ */

struct ending {
	enum outcome outcome;
	const struct amount *paid, *refund; /* NULL: not said, it follows */
	struct place at;
	struct unix_s time;
	struct hash32 tx;
};

/* Those that ended long ago make room. */
static enum err forget_old(struct view *v)
{
	const struct view_shelf *s = v->shelves[REQUESTS];
	static const struct view_request first;
	enum err e = ERR_NONE;

	while (!e && view_shelf_count(s, REQUESTS_BY_END) > v->history) {
		const struct view_request *r =
			view_shelf_after(s, REQUESTS_BY_END, &first);

		e = view_shelf_remove(v->shelves[REQUESTS],
				      find_request(v, r->record.request_id));
	}
	return e;
}

static enum err end_request(struct view *v, row_id row,
			    const struct ending *end)
{
	struct view_request *r = view_shelf_edit(v->shelves[REQUESTS], row);
	enum view_state before;
	enum err e;

	if (!r)
		return ERR_NO_MEMORY;
	before = r->state;
	r->state = view_state_of(end->outcome);
	r->ended_seq = v->number;
	r->record.outcome = end->outcome;
	if (end->paid)
		r->record.paid = *end->paid;
	/* What ends without a task gives the whole cap back. */
	r->record.refund = end->refund ? *end->refund : r->record.max_price;
	r->record.ended_at = end->at;
	r->record.ended_time = end->time;
	r->record.ended_tx = end->tx;
	e = view_shelf_done(v->shelves[REQUESTS], row);
	if (!e)
		e = view_count_request(v, &r->record, before, r->state);
	if (!e)
		e = view_add_sample(v, r);
	return e ? e : forget_old(v);
}

enum err view_on_request_closed(struct view *v, struct sink *out,
				const struct msg_request_closed *m)
{
	row_id row = find_request(v, m->request_id);
	struct ending end = {.outcome = m->outcome,
			     .at = m->at,
			     .time = m->time,
			     .tx = m->tx};

	(void)out;
	if (!row || request_at(v, row)->state != VIEW_OPEN)
		return view_contradicted(v);
	return end_request(v, row, &end);
}

/* ---- tasks -------------------------------------------------------------- */

enum err view_on_task_started(struct view *v, struct sink *out,
			      const struct msg_task_started *m)
{
	row_id row = find_request(v, m->request_id);
	row_id owner = view_find_generator(v, &m->generator);
	struct view_generator *g;
	struct view_request *r;
	enum err e;

	(void)out;
	if (!row || request_at(v, row)->state != VIEW_OPEN || !owner)
		return view_contradicted(v);
	r = view_shelf_edit(v->shelves[REQUESTS], row);
	g = view_shelf_edit(v->shelves[GENERATORS], owner);
	if (!r || !g)
		return ERR_NO_MEMORY;
	r->state = VIEW_ASSIGNED;
	r->record.generator = m->generator;
	r->record.price = m->price;
	r->record.deadline = m->deadline;
	r->record.assigned_at = m->at;
	r->record.assigned_time = m->time;
	r->record.assigned_tx = m->tx;
	g->running++;
	g->set.used_compute = m->used_compute;
	g->set.locked = m->locked;
	e = view_shelf_done(v->shelves[REQUESTS], row);
	if (!e)
		e = view_count_request(v, &r->record, VIEW_OPEN, VIEW_ASSIGNED);
	return e ? e
		 : view_count_task(v, &m->generator, m->market_id, m->tasks);
}

/* What a generator's record gains by a task that ended. */
static void score(struct view_generator *g, const struct msg_task_ended *m,
		  struct unix_s started)
{
	g->running--;
	switch (view_state_of(m->outcome)) {
	case VIEW_FULFILLED:
		g->fulfilled++;
		if (m->time.v > started.v)
			g->proving_s += m->time.v - started.v;
		break;
	case VIEW_INVALID:
		g->invalid++;
		break;
	case VIEW_SLASHED:
		g->slashed++;
		break;
	case VIEW_OPEN:
	case VIEW_ASSIGNED:
	case VIEW_CANCELLED:
	case VIEW_REJECTED:
	case VIEW_STATES:
		break;
	}
	if (amount_add(&g->earned, &g->earned, &m->paid))
		g->earned.v = U256_MAX;
}

enum err view_on_task_ended(struct view *v, struct sink *out,
			    const struct msg_task_ended *m)
{
	row_id row = find_request(v, m->request_id);
	row_id owner = view_find_generator(v, &m->generator);
	struct view_generator *g;
	struct ending end = {.outcome = m->outcome,
			     .paid = &m->paid,
			     .refund = &m->refund,
			     .at = m->at,
			     .time = m->time,
			     .tx = m->tx};
	enum err e;

	(void)out;
	if (!row || request_at(v, row)->state != VIEW_ASSIGNED || !owner)
		return view_contradicted(v);
	g = view_shelf_edit(v->shelves[GENERATORS], owner);
	if (!g)
		return ERR_NO_MEMORY;
	score(g, m, request_at(v, row)->record.assigned_time);
	g->set.used_compute = m->used_compute;
	g->set.locked = m->locked;
	g->set.stake = m->stake;
	e = end_request(v, row, &end);
	return e ? e
		 : view_count_task(v, &m->generator, m->market_id, m->tasks);
}

enum err view_on_request_record(struct view *v, struct sink *out,
				const struct msg_request_record *m)
{
	(void)v;
	(void)out;
	(void)m; /* not in any log: read from Redis when somebody asks */
	return ERR_NONE;
}
