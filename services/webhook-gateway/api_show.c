/* How markets, quotes, generators and requests look as JSON. */
#include <string.h>

#include <jansson.h>

#include "abi_market.h"
#include "common/trace.h"
#include "services/webhook-gateway/api_impl.h"

enum { SENDS_SHOWN_MAX = 16 };

/* Where and when something happened on the chain. */
static void show_event(struct doc *d, const char *key, struct place at,
		       struct unix_s time, const struct hash32 *tx)
{
	doc_object(d, key);
	doc_id(d, "block", at.block);
	doc_count(d, "index", at.index);
	doc_time(d, "time", time);
	doc_hash(d, "tx", tx);
	doc_end(d);
}

/* ---- markets ------------------------------------------------------------ */

/* The creator's JSON as it is, if it is an object; strangers wrote it. */
static void show_metadata(struct doc *d, const struct view_origin *o)
{
	json_error_t why;
	json_t *value = NULL;

	if (o && o->metadata_size <= VIEW_METADATA_MAX)
		value = json_loadb((const char *)o->metadata, o->metadata_size,
				   JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(value))
		doc_raw(d, "metadata",
			(struct bytes){o->metadata, o->metadata_size});
	else
		doc_null(d, "metadata");
	json_decref(value);
}

static void show_origin(struct doc *d, const struct view_origin *o)
{
	if (o) {
		doc_count(d, "max_input_bytes", o->max_input_bytes);
		doc_amount(d, "fee", &o->fee);
		show_event(d, "created", o->at, o->time, &o->tx);
	} else {
		doc_null(d, "max_input_bytes");
		doc_null(d, "fee");
		doc_null(d, "created");
	}
	show_metadata(d, o);
}

void show_market(struct doc *d, const struct view *v,
		 const struct view_market *m)
{
	const struct msg_market_set *s = &m->set;

	doc_object(d, NULL);
	doc_id(d, "market_id", s->market_id);
	doc_address(d, "owner", &s->owner);
	doc_address(d, "verifier", &s->verifier);
	doc_amount(d, "penalty", &s->penalty);
	doc_text(d, "protocol", protocol_name(s->protocol));
	doc_count(d, "auction_window", s->auction_window);
	doc_bool(d, "confidential", s->confidential);
	doc_bool(d, "closed", s->closed);
	doc_bool(d, "suspended", m->suspended);
	doc_time(d, "active_from", s->active_from);
	show_origin(d, view_origin(v, s->market_id));
	doc_count(d, "quotes", m->quotes);
	doc_object(d, "requests");
	for (int i = 0; i < VIEW_STATES; i++)
		doc_count(d, view_state_name(i), m->states[i]);
	doc_end(d);
	doc_end(d);
}

void show_quote(struct doc *d, const struct view *v, const struct view_quote *q)
{
	const struct msg_quote_set *s = &q->set;

	doc_object(d, NULL);
	doc_address(d, "generator", &s->generator);
	doc_id(d, "market_id", s->market_id);
	doc_amount(d, "price", &s->price);
	doc_count(d, "response_time", s->response_time);
	doc_id(d, "compute", s->compute);
	doc_count(d, "tasks", s->tasks);
	doc_bool(d, "draining", s->draining);
	doc_bool(d, "has_key", s->has_key);
	doc_bool(d, "available", view_is_available(v, q));
	doc_end(d);
}

/* ---- generators --------------------------------------------------------- */

static void show_record(struct doc *d, const struct view *v,
			const struct view_generator *g)
{
	doc_object(d, "record");
	doc_count(d, "running", g->running);
	doc_count(d, "overdue", view_overdue(v, &g->set.generator));
	doc_count(d, "fulfilled", g->fulfilled);
	doc_count(d, "invalid", g->invalid);
	doc_count(d, "slashed", g->slashed);
	doc_amount(d, "earned", &g->earned);
	if (g->fulfilled)
		doc_count(d, "mean_response_time", g->proving_s / g->fulfilled);
	else
		doc_null(d, "mean_response_time");
	doc_end(d);
}

void show_generator(struct doc *d, const struct view *v,
		    const struct view_generator *g)
{
	const struct msg_generator_set *s = &g->set;
	const struct view_quote *q = NULL;

	doc_object(d, NULL);
	doc_address(d, "generator", &s->generator);
	doc_bool(d, "registered", g->registered);
	doc_bool(d, "suspended", g->suspended);
	doc_address(d, "reward_address", &s->reward_address);
	doc_id(d, "compute", s->compute);
	doc_id(d, "used_compute", s->used_compute);
	doc_amount(d, "stake", &s->stake);
	doc_amount(d, "locked", &s->locked);
	doc_amount(d, "unstaking", &s->unstaking);
	doc_id(d, "registered_block", s->registered.block);
	show_record(d, v, g);
	doc_array(d, "quotes");
	while ((q = view_generator_quote(v, &s->generator, q)))
		show_quote(d, v, q);
	doc_end_array(d);
	doc_end(d);
}

/* ---- requests ----------------------------------------------------------- */

void show_match(struct doc *d, const struct msg_match_made *m)
{
	if (!m) {
		doc_null(d, "match");
		return;
	}
	doc_object(d, "match");
	doc_address(d, "generator", &m->generator);
	doc_amount(d, "price", &m->price);
	doc_count(d, "response_time", m->response_time);
	doc_id(d, "decision", m->decision);
	doc_block(d, "block", &m->block);
	doc_time(d, "valid_until", m->valid_until);
	doc_end(d);
}

static bool is_task(const struct view_request *r)
{
	return r->state >= VIEW_ASSIGNED && r->state <= VIEW_SLASHED;
}

static void show_assignment(struct doc *d, const struct view *v,
			    const struct view_request *r)
{
	const struct msg_request_record *s = &r->record;

	doc_address(d, "generator", &s->generator);
	doc_amount(d, "price", &s->price);
	doc_time(d, "deadline", s->deadline);
	doc_bool(d, "overdue", view_is_overdue(v, r));
	show_event(d, "assigned", s->assigned_at, s->assigned_time,
		   &s->assigned_tx);
}

void show_end(struct doc *d, const struct view_request *r)
{
	const struct msg_request_record *s = &r->record;

	if (r->state <= VIEW_ASSIGNED) {
		doc_null(d, "ended");
		return;
	}
	doc_object(d, "ended");
	doc_amount(d, "paid", &s->paid);
	doc_amount(d, "refund", &s->refund);
	doc_id(d, "block", s->ended_at.block);
	doc_count(d, "index", s->ended_at.index);
	doc_time(d, "time", s->ended_time);
	doc_hash(d, "tx", &s->ended_tx);
	doc_end(d);
}

void show_proof(struct doc *d, const struct view_request *r,
		const struct view_proof *p, const struct bytes *bytes)
{
	doc_object(d, "proof");
	if (bytes)
		doc_bytes(d, "bytes", *bytes);
	else
		doc_null(d, "bytes");
	if (p) {
		doc_count(d, "size", p->size);
		doc_count(d, "seq", p->seq);
	} else {
		doc_null(d, "size");
		doc_null(d, "seq");
	}
	doc_hash(d, "tx", &r->record.ended_tx);
	doc_end(d);
}

void show_task_of(struct doc *d, const struct view *v,
		  const struct view_request *r)
{
	if (!is_task(r)) {
		doc_null(d, "task");
		return;
	}
	doc_object(d, "task");
	show_assignment(d, v, r);
	doc_end(d);
}

void show_request(struct doc *d, const struct view *v,
		  const struct view_request *r)
{
	const struct msg_request_record *s = &r->record;
	struct unix_s now = view_log(v, LOGS_BOOK)->block.time;

	doc_id(d, "request_id", s->request_id);
	doc_id(d, "market_id", s->market_id);
	doc_text(d, "state", view_state_name(r->state));
	doc_bool(d, "expired", r->state == VIEW_OPEN && s->expiry.v <= now.v);
	doc_bool(d, "suspended", r->suspended);
	doc_address(d, "requester", &s->requester);
	doc_amount(d, "max_price", &s->max_price);
	doc_count(d, "max_response_time", s->max_response_time);
	doc_time(d, "expiry", s->expiry);
	doc_text(d, "preference", preference_name(s->preference));
	doc_id(d, "spread", s->spread);
	doc_hash(d, "inputs_hash", &s->inputs_hash);
	doc_count(d, "inputs_size", s->inputs_size);
	show_event(d, "created", s->arrived, s->time, &s->tx);
	show_match(d, view_match(v, s->request_id));
	show_task_of(d, v, r);
	show_end(d, r);
}

void show_task(struct doc *d, const struct view *v,
	       const struct view_request *r)
{
	doc_id(d, "request_id", r->record.request_id);
	doc_id(d, "market_id", r->record.market_id);
	doc_text(d, "state",
		 r->state == VIEW_ASSIGNED ? "running"
					   : view_state_name(r->state));
	show_assignment(d, v, r);
	show_end(d, r);
}

/* ---- one request in full ------------------------------------------------ */

static const char *kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[1] = "assign", "slash", "cancel_expired", "reject", "prove"};

	return kind && kind < sizeof names / sizeof names[0] ? names[kind]
							     : "other";
}

static void show_send(struct doc *d, const struct view_send *s)
{
	static const char *const states[] = {"signed", "mined", "reverted",
					     "cancelled"};

	doc_object(d, NULL);
	doc_text(d, "kind", kind_name(s->kind));
	doc_text(d, "state", states[s->state]);
	doc_hash(d, "tx", &s->hash);
	doc_address(d, "sender", &s->sender);
	doc_id(d, "nonce", s->nonce);
	doc_count(d, "attempt", s->attempt);
	doc_amount(d, "max_fee", &s->max_fee);
	doc_amount(d, "tip", &s->tip);
	doc_block(d, "decided_on", &s->decided_on);
	if (s->valid_until.v)
		doc_time(d, "valid_until", s->valid_until);
	else
		doc_null(d, "valid_until");
	if (s->state == VIEW_SIGNED) {
		doc_null(d, "mined");
	} else {
		doc_object(d, "mined");
		doc_object(d, "block"); /* its time isn't known here */
		doc_id(d, "number", s->block.number);
		doc_hash(d, "hash", &s->block.hash);
		doc_end(d);
		doc_id(d, "gas_used", s->gas_used);
		doc_amount(d, "fee_paid", &s->fee_paid);
		doc_end(d);
	}
	doc_end(d);
}

struct step {
	const char *what;
	uint64_t block;
	const struct unix_s *time; /* NULL: not known */
	const struct hash32 *tx;   /* NULL: there is none */
};

enum { STEPS_MAX = 5 };

static void add_step(struct step *steps, size_t *count, struct step step)
{
	size_t i = (*count)++;

	for (; i && steps[i - 1].block > step.block; i--)
		steps[i] = steps[i - 1];
	steps[i] = step;
}

static void show_step(struct doc *d, const struct step *s)
{
	doc_object(d, NULL);
	doc_text(d, "step", s->what);
	doc_id(d, "block", s->block);
	if (s->time)
		doc_time(d, "time", *s->time);
	else
		doc_null(d, "time");
	if (s->tx)
		doc_hash(d, "tx", s->tx);
	else
		doc_null(d, "tx");
	doc_end(d);
}

/* In order of block; of matches and refusals the newest alone is known. */
static void show_history(struct doc *d, const struct view *v,
			 const struct view_request *r)
{
	const struct msg_request_record *s = &r->record;
	const struct msg_match_made *m = view_match(v, s->request_id);
	struct step steps[STEPS_MAX];
	size_t count = 0;

	add_step(steps, &count,
		 (struct step){"opened", s->arrived.block, &s->time, &s->tx});
	if (m)
		add_step(steps, &count,
			 (struct step){"matched", m->block.number,
				       &m->block.time, NULL});
	if (r->refusals)
		add_step(steps, &count,
			 (struct step){"refused", r->refused_at.block, NULL,
				       NULL});
	if (is_task(r))
		add_step(steps, &count,
			 (struct step){"assigned", s->assigned_at.block,
				       &s->assigned_time, &s->assigned_tx});
	if (r->state > VIEW_ASSIGNED)
		add_step(steps, &count,
			 (struct step){view_state_name(r->state),
				       s->ended_at.block, &s->ended_time,
				       &s->ended_tx});
	doc_array(d, "history");
	for (size_t i = 0; i < count; i++)
		show_step(d, &steps[i]);
	doc_end_array(d);
}

static void show_refusals(struct doc *d, const struct view_request *r)
{
	const struct selector *reason = &r->refused_reason;

	if (!r->refusals) {
		doc_null(d, "refusals");
		return;
	}
	doc_object(d, "refusals");
	doc_count(d, "count", r->refusals);
	doc_address(d, "generator", &r->refused_generator);
	doc_selector(d, "reason", reason);
	doc_text(d, "reason_text", abi_error_text(reason->bytes));
	doc_id(d, "block", r->refused_at.block);
	doc_end(d);
}

void show_trace(struct doc *d, const struct view *v, uint64_t request_id)
{
	const struct msg_chain_opened *o = &view_chain(v)->opened;
	struct trace_origin origin = {o->chain_id, o->marketplace};
	char id[TRACE_ROOM];

	doc_text(d, "trace", trace_make(id, &origin, request_id));
}

void show_request_details(struct doc *d, const struct view *v,
			  const struct view_request *r)
{
	const struct view_send *s = NULL;

	show_trace(d, v, r->record.request_id);
	show_refusals(d, r);
	doc_array(d, "transactions");
	for (unsigned i = 0; i < SENDS_SHOWN_MAX; i++) {
		s = view_send(v, r->record.request_id, s);
		if (!s)
			break;
		show_send(d, s);
	}
	doc_end_array(d);
	show_history(d, v, r);
}
