/* Members of the feed's rows, in order. */
#include "services/webhook-gateway/rows.h"

void row_event(struct doc *d, const char *key, struct place at,
	       struct unix_s time, const struct hash32 *tx)
{
	doc_object(d, key);
	doc_id(d, "block", at.block);
	doc_count(d, "index", at.index);
	doc_time(d, "time", time);
	doc_hash(d, "tx", tx);
	doc_end(d);
}

void row_block(struct doc *d, const struct block_ref *block)
{
	doc_block(d, NULL, block);
}

void row_market_terms(struct doc *d, const struct msg_market_set *m)
{
	doc_id(d, "market_id", m->market_id);
	doc_address(d, "owner", &m->owner);
	doc_address(d, "verifier", &m->verifier);
	doc_amount(d, "penalty", &m->penalty);
	doc_text(d, "protocol", protocol_name(m->protocol));
	doc_count(d, "auction_window", m->auction_window);
	doc_bool(d, "confidential", m->confidential);
	doc_bool(d, "closed", m->closed);
}

void row_market(struct doc *d, const struct msg_market_set *m)
{
	doc_object(d, NULL);
	row_market_terms(d, m);
	doc_time(d, "active_from", m->active_from);
	doc_end(d);
}

void row_quote_terms(struct doc *d, const struct msg_quote_set *q)
{
	doc_amount(d, "price", &q->price);
	doc_count(d, "response_time", q->response_time);
	doc_id(d, "compute", q->compute);
	doc_count(d, "tasks", q->tasks);
	doc_bool(d, "draining", q->draining);
	doc_bool(d, "has_key", q->has_key);
}

void row_quote(struct doc *d, const struct msg_quote_set *q)
{
	doc_object(d, NULL);
	doc_address(d, "generator", &q->generator);
	row_quote_terms(d, q);
	doc_end(d);
}

void row_wants(struct doc *d, const struct msg_request_record *r)
{
	doc_address(d, "requester", &r->requester);
	doc_amount(d, "max_price", &r->max_price);
	doc_count(d, "max_response_time", r->max_response_time);
	doc_time(d, "expiry", r->expiry);
	doc_text(d, "preference", preference_name(r->preference));
	doc_id(d, "spread", r->spread);
}

void row_order(struct doc *d, const struct msg_request_record *r)
{
	doc_object(d, NULL);
	doc_id(d, "request_id", r->request_id);
	row_wants(d, r);
	row_event(d, "created", r->arrived, r->time, &r->tx);
	doc_end(d);
}

void row_assignment(struct doc *d, const struct msg_request_record *r)
{
	doc_address(d, "generator", &r->generator);
	doc_amount(d, "price", &r->price);
	doc_time(d, "deadline", r->deadline);
	row_event(d, "assigned", r->assigned_at, r->assigned_time,
		  &r->assigned_tx);
}

void row_request(struct doc *d, const struct msg_request_record *r,
		 enum view_state state)
{
	doc_object(d, NULL);
	doc_id(d, "request_id", r->request_id);
	doc_id(d, "market_id", r->market_id);
	doc_text(d, "state", view_state_name(state));
	row_wants(d, r);
	row_event(d, "created", r->arrived, r->time, &r->tx);
	doc_hash(d, "inputs_hash", &r->inputs_hash);
	doc_count(d, "inputs_size", r->inputs_size);
	if (state == VIEW_ASSIGNED) {
		doc_object(d, "task");
		row_assignment(d, r);
		doc_end(d);
	} else {
		doc_null(d, "task");
	}
	doc_end(d);
}

void row_task(struct doc *d, const struct msg_request_record *r)
{
	doc_object(d, NULL);
	doc_id(d, "request_id", r->request_id);
	doc_id(d, "market_id", r->market_id);
	doc_text(d, "state", "running");
	row_assignment(d, r);
	doc_end(d);
}

void row_stake(struct doc *d, const struct msg_generator_set *s)
{
	doc_address(d, "reward_address", &s->reward_address);
	doc_id(d, "compute", s->compute);
	doc_id(d, "used_compute", s->used_compute);
	doc_amount(d, "stake", &s->stake);
	doc_amount(d, "locked", &s->locked);
	doc_amount(d, "unstaking", &s->unstaking);
}

void row_generator(struct doc *d, const struct view_generator *g)
{
	doc_object(d, NULL);
	doc_address(d, "generator", &g->set.generator);
	doc_bool(d, "registered", g->registered);
	row_stake(d, &g->set);
	doc_object(d, "record");
	doc_count(d, "running", g->running);
	doc_count(d, "fulfilled", g->fulfilled);
	doc_count(d, "invalid", g->invalid);
	doc_count(d, "slashed", g->slashed);
	doc_amount(d, "earned", &g->earned);
	doc_count(d, "proving_s", g->proving_s);
	doc_end(d);
	doc_end(d);
}

void row_slash(struct doc *d, const struct msg_request_record *r)
{
	doc_object(d, NULL);
	doc_id(d, "request_id", r->request_id);
	doc_id(d, "market_id", r->market_id);
	doc_address(d, "generator", &r->generator);
	doc_amount(d, "refund", &r->refund);
	row_event(d, "slashed", r->ended_at, r->ended_time, &r->ended_tx);
	doc_end(d);
}

void row_states(struct doc *d, const struct view_market *m)
{
	doc_count(d, "quotes", m->quotes);
	doc_object(d, "requests");
	for (int i = 0; i < VIEW_STATES; i++)
		doc_count(d, view_state_name(i), m->states[i]);
	doc_end(d);
}

void row_stats(struct doc *d, const struct view_market *m)
{
	doc_object(d, NULL);
	doc_id(d, "market_id", m->set.market_id);
	row_states(d, m);
	doc_end(d);
}
