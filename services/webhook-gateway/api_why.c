/* Why a request waits, and what a generator lost: the matcher's own tests. */
#include "common/u256.h"
#include "services/webhook-gateway/api_impl.h"

enum { PAGE = 100, PAGE_MAX = 1000 };

/* Whether the copy of the matcher can be asked; if not the answer says so. */
static bool call_why(struct call *c)
{
	const struct why *w = c->api->is.why;

	switch (why_state(w)) {
	case WHY_TRUE:
		return true;
	case WHY_BEHIND:
		api_problem(c->answer, 503, "Not yet",
			    "%.96s: the matcher has not begun its log yet",
			    c->request->path);
		break;
	case WHY_LOST:
		api_problem(c->answer, 503, "Why is not known",
			    "%.96s: this gateway's copy of the matcher does "
			    "not agree with the match log; its operator has "
			    "to look",
			    c->request->path);
		break;
	}
	return false;
}

/* ---- parts -------------------------------------------------------------- */

static void show_misses(struct doc *d, const uint64_t misses[MATCH_MISSES])
{
	doc_object(d, "misses");
	for (int i = 0; i < MATCH_MISSES; i++)
		doc_count(d, match_miss_name((enum match_miss)i), misses[i]);
	doc_end(d);
}

static void show_near(struct doc *d, const char *key,
		      const struct match_near *near)
{
	if (!near->there) {
		doc_null(d, key);
		return;
	}
	doc_object(d, key);
	doc_address(d, "generator", &near->offer.generator);
	doc_amount(d, "price", &near->offer.price);
	doc_count(d, "response_time", near->offer.response_time);
	doc_bool(d, "alone", near->alone);
	doc_end(d);
}

static void show_offer(struct doc *d, const char *key,
		       const struct match_offer *o)
{
	doc_object(d, key);
	doc_address(d, "generator", &o->generator);
	doc_amount(d, "price", &o->price);
	doc_count(d, "response_time", o->response_time);
	doc_object(d, "turn");
	doc_id(d, "block", o->turn.block);
	doc_text(d, "since", o->turn_was_match ? "matched" : "joined");
	doc_count(d, "index", o->turn.index);
	doc_end(d);
	doc_end(d);
}

/* ---- a request ---------------------------------------------------------- */

static void show_waits(struct doc *d, const struct match_why *w)
{
	doc_object(d, "waits");
	if (w->bar)
		doc_text(d, "bar", match_bar_name(w->bar));
	else
		doc_null(d, "bar");
	doc_count(d, "quotes", w->quotes);
	show_misses(d, w->misses);
	doc_count(d, "eligible", w->eligible);
	doc_object(d, "nearest");
	show_near(d, "price", &w->price);
	show_near(d, "time", &w->time);
	doc_end(d);
	doc_end(d);
}

/* NULL: the match log doesn't have it. */
static const struct msg_match_made *match_that_holds(const struct view *v,
						     uint64_t id,
						     const struct match_why *w)
{
	const struct msg_match_made *m = view_match(v, id);

	return m && address_eq(&m->generator, &w->generator) &&
			       m->valid_until.v == w->valid_until.v
		       ? m
		       : NULL;
}

/* The match that became a task; NULL: there is none, or it is too old, or
 * another sender than the engine assigned it. */
static const struct msg_match_made *match_of_task(const struct view *v,
						  const struct view_request *r)
{
	const struct msg_request_record *s = &r->record;
	const struct msg_match_made *m = view_match(v, s->request_id);

	return m && address_eq(&m->generator, &s->generator) &&
			       !amount_cmp(&m->price, &s->price)
		       ? m
		       : NULL;
}

/* @w is NULL unless the request is open, @m if no match made it what it is. */
static void answer_request_why(struct call *c, const struct view_request *r,
			       const struct match_why *w,
			       const struct msg_match_made *m)
{
	const struct msg_request_record *s = &r->record;
	struct doc *d = &c->doc;

	call_begin(c);
	doc_object(d, "why");
	doc_id(d, "request_id", s->request_id);
	show_trace(d, c->view, s->request_id);
	doc_id(d, "market_id", s->market_id);
	doc_text(d, "state",
		 w && w->matched ? "matched" : view_state_name(r->state));
	doc_amount(d, "max_price", &s->max_price);
	doc_count(d, "max_response_time", s->max_response_time);
	doc_text(d, "preference", preference_name(s->preference));
	if (w && !w->matched)
		show_waits(d, w);
	else
		doc_null(d, "waits");
	show_match(d, m);
	show_task_of(d, c->view, r);
	show_end(d, r);
	doc_end(d);
	call_end(c);
}

/* The copy decides when the book log has the block, and the matcher may be a
 * moment behind: no decision is told that isn't in its log. */
static void answer_open(struct call *c, const struct view_request *r)
{
	uint64_t id = r->record.request_id;
	const struct msg_match_made *m = NULL;
	struct match_why w;

	if (why_request(c->api->is.why, id, &w)) {
		api_problem(c->answer, 503, "Why is not known",
			    "%.96s: the logs contradict each other about it; "
			    "the gateway's operator has to look",
			    c->request->path);
		return;
	}
	if (w.matched)
		m = match_that_holds(c->view, id, &w);
	if (w.matched && !m)
		api_problem(c->answer, 503, "Not yet",
			    "%.96s: it has just been decided; the matcher's "
			    "log does not have it yet",
			    c->request->path);
	else
		answer_request_why(c, r, &w, m);
}

void get_request_why(struct call *c)
{
	struct view_request old;
	const struct view_request *r = call_find_request(c, &old);

	if (!r)
		return;
	if (r->state != VIEW_OPEN)
		answer_request_why(c, r, NULL, match_of_task(c->view, r));
	else if (call_why(c))
		answer_open(c, r);
}

/* ---- a generator -------------------------------------------------------- */

static void show_block(struct doc *d, const char *key,
		       const struct block_ref *b)
{
	if (b->time.v)
		doc_block(d, key, b);
	else
		doc_null(d, key);
}

static void show_loss(struct doc *d, const struct why_loss *l)
{
	doc_object(d, NULL);
	doc_id(d, "request_id", l->request_id);
	doc_id(d, "market_id", l->mine.market_id);
	doc_id(d, "decision", l->decision);
	doc_block(d, "block", &l->block);
	doc_text(d, "preference", preference_name(l->mine.preference));
	doc_text(d, "element", match_element_name(l->element));
	show_offer(d, "mine", &l->mine);
	show_offer(d, "theirs", &l->theirs);
	doc_end(d);
}

static void show_losses(struct doc *d, const struct why_losses *l,
			uint64_t limit)
{
	show_block(d, "from", &l->from);
	show_block(d, "to", &l->to);
	doc_count(d, "matches", l->matches);
	doc_count(d, "won", l->won);
	doc_count(d, "lost", l->lost);
	doc_count(d, "no_quote", l->no_quote);
	show_misses(d, l->misses);
	doc_array(d, "losses");
	for (uint64_t i = 0; i < limit && why_loss(l, i); i++)
		show_loss(d, why_loss(l, i));
	doc_end_array(d);
}

void get_generator_why(struct call *c)
{
	static struct why_losses losses;
	uint64_t market, limit;
	struct address who;

	if (!call_subject_address(c, &who) ||
	    !call_number(c, "market", 1, UINT64_MAX, 0, &market) ||
	    !call_number(c, "limit", 1, PAGE_MAX, PAGE, &limit))
		return;
	if (!view_generator(c->view, &who)) {
		call_not_found(c, "generator");
		return;
	}
	if (!call_why(c))
		return;
	if (why_generator(c->api->is.why, &who, market, &losses)) {
		api_problem(c->answer, 503, "Why is not known",
			    "%.96s: this gateway's copy of the matcher could "
			    "not go back; its operator has to look",
			    c->request->path);
		return;
	}
	call_begin(c);
	doc_object(&c->doc, "why");
	doc_address(&c->doc, "generator", &who);
	if (market)
		doc_id(&c->doc, "market_id", market);
	else
		doc_null(&c->doc, "market_id");
	show_losses(&c->doc, &losses, limit);
	doc_end(&c->doc);
	call_end(c);
}
