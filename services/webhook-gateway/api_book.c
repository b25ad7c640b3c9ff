/* Markets, their books, and generators. */
#include <string.h>

#include "common/hex.h"
#include "services/webhook-gateway/api_impl.h"

enum { PAGE = 100, PAGE_MAX = 1000, BOOK_MAX = 10000 };

void get_markets(struct call *c)
{
	const struct view_market *m = NULL;
	uint64_t after, limit;

	if (!call_number(c, "after", 0, UINT64_MAX, 0, &after) ||
	    !call_number(c, "limit", 1, PAGE_MAX, PAGE, &limit))
		return;
	call_begin(c);
	doc_array(&c->doc, "markets");
	for (; limit; limit--) {
		m = view_market_after(c->view, after);
		if (!m)
			break;
		show_market(&c->doc, c->view, m);
		after = m->set.market_id;
	}
	doc_end_array(&c->doc);
	call_next(c, m && view_market_after(c->view, after) ? after : 0);
	call_end(c);
}

/* NULL: the answer says that there is none. */
static const struct view_market *find_market(struct call *c)
{
	const struct view_market *m;
	uint64_t id;

	if (!call_subject(c, &id))
		return NULL;
	m = view_market(c->view, id);
	if (!m)
		call_not_found(c, "market");
	return m;
}

void get_market(struct call *c)
{
	const struct view_market *m = find_market(c);

	if (!m)
		return;
	call_begin(c);
	doc_name(&c->doc, "market");
	show_market(&c->doc, c->view, m);
	call_end(c);
}

void get_book(struct call *c)
{
	const struct view_market *m = find_market(c);
	const struct view_quote *q = NULL;
	const struct view_request *r = NULL;
	uint64_t limit, id;

	if (!m || !call_number(c, "limit", 1, BOOK_MAX, PAGE_MAX, &limit))
		return;
	id = m->set.market_id;
	call_begin(c);
	doc_id(&c->doc, "market_id", id);
	doc_count(&c->doc, "quotes_total", m->quotes);
	doc_count(&c->doc, "requests_total", m->states[VIEW_OPEN]);
	doc_array(&c->doc, "quotes");
	for (uint64_t i = 0; i < limit; i++) {
		q = view_market_quote(c->view, id, q);
		if (!q)
			break;
		show_quote(&c->doc, c->view, q);
	}
	doc_end_array(&c->doc);
	doc_array(&c->doc, "requests");
	for (uint64_t i = 0; i < limit; i++) {
		r = view_open_request(c->view, id, r);
		if (!r)
			break;
		doc_object(&c->doc, NULL);
		show_request(&c->doc, c->view, r);
		doc_end(&c->doc);
	}
	doc_end_array(&c->doc);
	call_end(c);
}

void get_generators(struct call *c)
{
	const struct view_generator *g = NULL;
	struct address after;
	uint64_t limit;
	bool there;

	if (!call_address(c, "after", &after, &there) ||
	    !call_number(c, "limit", 1, PAGE_MAX, PAGE, &limit))
		return;
	if (!there)
		memset(&after, 0, sizeof after);
	call_begin(c);
	doc_array(&c->doc, "generators");
	for (; limit; limit--) {
		g = view_generator_after(c->view, &after);
		if (!g)
			break;
		show_generator(&c->doc, c->view, g);
		after = g->set.generator;
	}
	doc_end_array(&c->doc);
	if (g && view_generator_after(c->view, &after))
		doc_address(&c->doc, "next", &after);
	else
		doc_null(&c->doc, "next");
	call_end(c);
}

void get_generator(struct call *c)
{
	const struct view_generator *g;
	struct address who;

	if (!call_subject_address(c, &who))
		return;
	g = view_generator(c->view, &who);
	if (!g) {
		call_not_found(c, "generator");
		return;
	}
	call_begin(c);
	doc_name(&c->doc, "generator");
	show_generator(&c->doc, c->view, g);
	call_end(c);
}
