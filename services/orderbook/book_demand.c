/* Requests and their tasks: what is asked for, and who does it. */
#include <inttypes.h>
#include <stdio.h>

#include "common/keccak.h"
#include "common/u256.h"
#include "services/orderbook/book_impl.h"

/* ---- requests ----------------------------------------------------------- */

struct msg_request_opened book_opened_of(const struct msg_request_record *r)
{
	return (struct msg_request_opened){
		.request_id = r->request_id,
		.market_id = r->market_id,
		.requester = r->requester,
		.max_price = r->max_price,
		.max_response_time = r->max_response_time,
		.expiry = r->expiry,
		.preference = r->preference,
		.spread = r->spread,
		.arrived = r->arrived,
		.time = r->time,
		.tx = r->tx,
		.inputs_hash = r->inputs_hash,
		.inputs_size = r->inputs_size,
	};
}

enum err book_on_request_created(struct book *b, struct sink *out,
				 const struct msg_request_created *m)
{
	struct request r = {.record = {
				    .request_id = m->request_id,
				    .market_id = m->market_id,
				    .requester = m->requester,
				    .max_price = m->max_price,
				    .max_response_time = m->max_response_time,
				    .expiry = m->expiry,
				    .preference = m->preference,
				    .spread = m->spread,
				    .arrived = m->at,
				    .time = m->time,
				    .tx = m->tx,
				    .inputs_size = (uint32_t)m->inputs.size,
			    }};
	struct msg_request_opened opened;

	if (book_find_request(b, m->request_id) ||
	    !book_find_market(b, m->market_id))
		return book_suspend_request(b, out, m->at, m->request_id,
					    "created twice, or in no market");
	keccak256(&r.record.inputs_hash, m->inputs.data, m->inputs.size);
	if (!state_add(b->state, REQUESTS, &r))
		return ERR_NO_MEMORY;
	opened = book_opened_of(&r.record);
	return book_count(b, book_send_request_opened(out, &opened));
}

/* Where and how a request ended. */
struct ending {
	enum outcome outcome;
	struct place at;
	struct unix_s time;
	struct hash32 tx;
	struct amount paid, refund;
};

/* Keep what is known of the request and take it out of the book. The delta
 * that says so is to be put next. */
static enum err end_request(struct book *b, struct sink *out, row_id row,
			    const struct ending *ending)
{
	struct msg_request_record record = request_at(b, row)->record;
	struct buf bytes = {0};
	char key[24];
	enum err e = ERR_NONE;

	record.outcome = ending->outcome;
	record.ended_at = ending->at;
	record.ended_time = ending->time;
	record.ended_tx = ending->tx;
	record.paid = ending->paid;
	record.refund = ending->refund;
	if (out->keep) {
		snprintf(key, sizeof key, "%" PRIu64, record.request_id);
		wire_encode(&msg_request_record_wire, &record, &bytes);
		e = buf_err(&bytes);
		if (!e)
			e = out->keep(out, key, buf_bytes(&bytes));
		buf_free(&bytes);
	}
	return e ? e : state_remove(b->state, REQUESTS, row);
}

static enum err close_open(struct book *b, struct sink *out, uint64_t id,
			   const struct ending *ending)
{
	row_id row = book_find_request(b, id);
	struct msg_request_closed m;
	enum err e;

	if (!row || request_at(b, row)->assigned)
		return book_suspend_request(b, out, ending->at, id,
					    "ended, but isn't open");
	m = (struct msg_request_closed){
		.request_id = id,
		.market_id = request_at(b, row)->record.market_id,
		.outcome = ending->outcome,
		.at = ending->at,
		.time = ending->time,
		.tx = ending->tx,
	};
	e = end_request(b, out, row, ending);
	return e ? e : book_count(b, book_send_request_closed(out, &m));
}

enum err book_on_request_cancelled(struct book *b, struct sink *out,
				   const struct msg_request_cancelled *m)
{
	struct ending ending = {.outcome = OUTCOME_CANCELLED,
				.at = m->at,
				.time = m->time,
				.tx = m->tx,
				.refund = m->refund};

	return close_open(b, out, m->request_id, &ending);
}

enum err book_on_request_rejected(struct book *b, struct sink *out,
				  const struct msg_request_rejected *m)
{
	struct ending ending = {.outcome = OUTCOME_REJECTED,
				.at = m->at,
				.time = m->time,
				.tx = m->tx,
				.refund = m->refund};

	return close_open(b, out, m->request_id, &ending);
}

/* ---- tasks -------------------------------------------------------------- */

/* The quote that a task counts under. Within the grace after a generator left
 * the market there may be none: then one that takes nothing more. */
static row_id quote_for_task(struct book *b, struct sink *out,
			     const struct msg_task_created *m, row_id owner)
{
	row_id row = book_find_quote(b, &m->generator, m->market_id);
	struct msg_quote_set set = {.generator = m->generator,
				    .market_id = m->market_id,
				    .price = m->price,
				    .compute = m->compute,
				    .draining = true,
				    .joined = m->at};

	if (row)
		return row;
	row = book_add_quote(b, &set, owner);
	return row && !book_say_quote(b, out, row) ? row : 0;
}

/* What a task takes of its generator. ERR_OVERFLOW: the totals don't allow it;
 * nothing changed. */
static enum err take(struct msg_generator_set *g, uint64_t compute,
		     const struct amount *penalty)
{
	if (compute > UINT64_MAX - g->used_compute ||
	    amount_add(&g->locked, &g->locked, penalty))
		return ERR_OVERFLOW;
	g->used_compute += compute;
	return ERR_NONE;
}

/* What comes back when it ends. A slash takes the penalty out of the stake,
 * and what is under notice can't be more than what is left. ERR_OVERFLOW: the
 * totals don't allow it; *g is undefined. */
static enum err give_back(struct msg_generator_set *g, const struct request *r,
			  bool slashed)
{
	if (r->compute > g->used_compute ||
	    amount_sub(&g->locked, &g->locked, &r->penalty))
		return ERR_OVERFLOW;
	g->used_compute -= r->compute;
	if (slashed && amount_sub(&g->stake, &g->stake, &r->penalty))
		return ERR_OVERFLOW;
	if (amount_cmp(&g->unstaking, &g->stake) > 0)
		g->unstaking = g->stake;
	return ERR_NONE;
}

static enum err start_task(struct book *b, row_id row,
			   const struct msg_task_created *m,
			   const struct amount *penalty)
{
	struct request *r = request_edit(b, row);
	struct globals *all = globals_edit(b);

	if (!r || !all)
		return ERR_NO_MEMORY;
	all->assigned++;
	r->assigned = true;
	r->compute = m->compute;
	r->penalty = *penalty;
	r->record.generator = m->generator;
	r->record.price = m->price;
	r->record.deadline = m->deadline;
	r->record.assigned_at = m->at;
	r->record.assigned_time = m->time;
	r->record.assigned_tx = m->tx;
	return ERR_NONE;
}

enum err book_on_task_created(struct book *b, struct sink *out,
			      const struct msg_task_created *m)
{
	row_id row = book_find_request(b, m->request_id);
	row_id market = book_find_market(b, m->market_id);
	row_id owner = book_find_generator(b, &m->generator), quote;
	struct msg_task_started started;
	const struct amount *penalty;
	struct generator *g;
	struct quote *q;
	enum err e;

	if (!row || request_at(b, row)->assigned || !market || !owner ||
	    request_at(b, row)->record.market_id != m->market_id)
		return book_suspend_request(b, out, m->at, m->request_id,
					    "assigned, but isn't open in that "
					    "market, or its generator isn't "
					    "known");
	penalty = &market_at(b, market)->set.penalty;
	g = generator_edit(b, owner);
	if (!g)
		return ERR_NO_MEMORY;
	if (take(&g->set, m->compute, penalty))
		return book_suspend_generator(b, out, m->at, &m->generator,
					      "its totals overflow");
	quote = quote_for_task(b, out, m, owner);
	q = quote ? quote_edit(b, quote) : NULL;
	e = q ? start_task(b, row, m, penalty) : ERR_NO_MEMORY;
	if (e)
		return e;
	q->set.tasks++;
	started = (struct msg_task_started){
		.request_id = m->request_id,
		.market_id = m->market_id,
		.generator = m->generator,
		.price = m->price,
		.deadline = m->deadline,
		.compute = m->compute,
		.at = m->at,
		.time = m->time,
		.tx = m->tx,
		.used_compute = g->set.used_compute,
		.locked = g->set.locked,
		.tasks = q->set.tasks,
	};
	return book_count(b, book_send_task_started(out, &started));
}

/* The deltas of a task that ended: the request is still in the book. */
static enum err say_ended(struct book *b, struct sink *out, row_id row,
			  const struct ending *ending,
			  const struct msg_generator_set *g, row_id quote)
{
	const struct quote *q = quote_at(b, quote);
	struct msg_task_ended m = {
		.request_id = request_at(b, row)->record.request_id,
		.market_id = q->set.market_id,
		.generator = g->generator,
		.outcome = ending->outcome,
		.paid = ending->paid,
		.refund = ending->refund,
		.at = ending->at,
		.time = ending->time,
		.tx = ending->tx,
		.used_compute = g->used_compute,
		.locked = g->locked,
		.stake = g->stake,
		.tasks = q->set.tasks,
	};
	enum err e = end_request(b, out, row, ending);

	if (!e)
		e = book_count(b, book_send_task_ended(out, &m));
	if (!e && q->set.draining && !q->set.tasks)
		e = book_remove_quote(b, out, quote);
	return e;
}

static enum err end_task(struct book *b, struct sink *out, uint64_t id,
			 const struct ending *ending)
{
	row_id row = book_find_request(b, id), owner, quote;
	const struct request *r = row ? request_at(b, row) : NULL;
	struct msg_generator_set after;
	struct globals *all;
	struct generator *g;
	struct quote *q;

	if (!r || !r->assigned)
		return book_suspend_request(b, out, ending->at, id,
					    "ended, but isn't assigned");
	/* Neither can go while a task counts under it. */
	owner = book_find_generator(b, &r->record.generator);
	quote = book_find_quote(b, &r->record.generator, r->record.market_id);
	after = generator_at(b, owner)->set;
	if (give_back(&after, r, ending->outcome == OUTCOME_SLASHED))
		return book_suspend_generator(b, out, ending->at,
					      &after.generator,
					      "its totals go below zero");
	all = globals_edit(b);
	g = generator_edit(b, owner);
	q = quote_edit(b, quote);
	if (!all || !g || !q)
		return ERR_NO_MEMORY;
	all->assigned--;
	g->set = after;
	q->set.tasks--;
	return say_ended(b, out, row, ending, &after, quote);
}

enum err book_on_proof_submitted(struct book *b, struct sink *out,
				 const struct msg_proof_submitted *m)
{
	struct ending ending = {.outcome = OUTCOME_FULFILLED,
				.at = m->at,
				.time = m->time,
				.tx = m->tx,
				.paid = m->paid,
				.refund = m->refund};

	return end_task(b, out, m->request_id, &ending);
}

enum err book_on_inputs_invalidated(struct book *b, struct sink *out,
				    const struct msg_inputs_invalidated *m)
{
	struct ending ending = {.outcome = OUTCOME_INVALID,
				.at = m->at,
				.time = m->time,
				.tx = m->tx,
				.paid = m->paid,
				.refund = m->refund};

	return end_task(b, out, m->request_id, &ending);
}

enum err book_on_task_slashed(struct book *b, struct sink *out,
			      const struct msg_task_slashed *m)
{
	struct ending ending = {.outcome = OUTCOME_SLASHED,
				.at = m->at,
				.time = m->time,
				.tx = m->tx,
				.refund = m->refund};

	return end_task(b, out, m->request_id, &ending);
}

enum err book_on_assignment_skipped(struct book *b, struct sink *out,
				    const struct msg_assignment_skipped *m)
{
	struct msg_assignment_refused refused = {.request_id = m->request_id,
						 .generator = m->generator,
						 .reason = m->reason,
						 .at = m->at};

	return book_count(b, book_send_assignment_refused(out, &refused));
}
