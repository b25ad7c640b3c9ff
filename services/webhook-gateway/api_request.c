/* Requests and tasks: lists from the view, single ones also from Redis. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "services/webhook-gateway/api_impl.h"

enum { PAGE = 100, PAGE_MAX = 1000, STAMP_BYTES = 8 };

enum {
	ENDED = 1 << VIEW_FULFILLED | 1 << VIEW_INVALID | 1 << VIEW_SLASHED |
		1 << VIEW_CANCELLED | 1 << VIEW_REJECTED
};

/* ---- filters ------------------------------------------------------------ */

static bool bad_state(struct call *c, const char *names)
{
	api_problem(c->answer, 400, "Bad parameter",
		    "%.96s: state is one of %s", c->request->path, names);
	return false;
}

static bool read_request_state(struct call *c, struct view_filter *f)
{
	const char *text = call_arg(c, "state");
	enum view_state state;

	if (!text)
		return true;
	state = view_state_find(text);
	if (state < VIEW_STATES)
		f->states = 1u << state;
	else if (strcmp(text, "closed") == 0)
		f->states = ENDED;
	else
		return bad_state(c, "open, assigned, closed, fulfilled, "
				    "invalid, slashed, cancelled, rejected");
	return true;
}

static bool read_task_state(struct call *c, struct view_filter *f)
{
	const char *text = call_arg(c, "state");
	enum view_state state;

	if (!text)
		return true;
	state = view_state_find(text);
	f->overdue = strcmp(text, "overdue") == 0;
	if (f->overdue || strcmp(text, "running") == 0)
		f->states = 1u << VIEW_ASSIGNED;
	else if (state > VIEW_ASSIGNED && state <= VIEW_SLASHED)
		f->states = 1u << state;
	else
		return bad_state(c, "running, overdue, fulfilled, invalid, "
				    "slashed");
	return true;
}

typedef void show_fn(struct doc *d, const struct view *v,
		     const struct view_request *r);

/* What market, after and limit say, and then the page. */
static void answer_page(struct call *c, struct view_filter *f, const char *key,
			show_fn *show)
{
	static const struct view_request *rows[PAGE_MAX];
	uint64_t limit, next;
	size_t count;

	if (!call_number(c, "market", 1, UINT64_MAX, 0, &f->market_id) ||
	    !call_number(c, "after", 1, UINT64_MAX, 0, &f->before_id) ||
	    !call_number(c, "limit", 1, PAGE_MAX, PAGE, &limit))
		return;
	count = view_requests(c->view, f, rows, limit, &next);
	call_begin(c);
	doc_array(&c->doc, key);
	for (size_t i = 0; i < count; i++) {
		doc_object(&c->doc, NULL);
		show(&c->doc, c->view, rows[i]);
		doc_end(&c->doc);
	}
	doc_end_array(&c->doc);
	call_next(c, next);
	call_end(c);
}

void get_requests(struct call *c)
{
	struct view_filter f = {.states = 0};
	struct address requester;
	bool there;

	if (!call_address(c, "requester", &requester, &there) ||
	    !read_request_state(c, &f))
		return;
	f.requester = there ? &requester : NULL;
	answer_page(c, &f, "requests", show_request);
}

void get_tasks(struct call *c)
{
	struct view_filter f = {.tasks = true};
	struct address generator;
	bool there;

	if (!call_address(c, "generator", &generator, &there) ||
	    !read_task_state(c, &f))
		return;
	f.generator = there ? &generator : NULL;
	answer_page(c, &f, "tasks", show_task);
}

/* ---- one ---------------------------------------------------------------- */

struct sought {
	uint64_t request_id;
	struct buf proof;
};

static enum err take_proof(void *arg, const struct entry *entry)
{
	struct sought *s = arg;
	struct msg_proof_submitted m;
	enum err e = entry->type == MSG_PROOF_SUBMITTED
			     ? msg_proof_submitted_decode(&m, entry->body)
			     : ERR_MALFORMED;

	if (!e && m.request_id != s->request_id)
		e = ERR_MALFORMED;
	if (!e)
		buf_put(&s->proof, m.proof.data, m.proof.size);
	return e ? e : buf_err(&s->proof);
}

/* One that is too large to be kept: from the log. Without it the rest is shown,
 * and the answer isn't to be kept. */
static bool fetch_proof(struct call *c, const struct view_proof *p,
			struct sought *out)
{
	struct api *a = c->api;
	uint64_t next;
	enum err e = ERR_UNREACHABLE;

	if (call_may_ask(c)) {
		e = store_read(a->is.store, logs_name(LOGS_CHAIN), p->seq, 1,
			       &next, take_proof, out);
		if (e == ERR_UNREACHABLE)
			a->store_lost_us = c->request->now_us;
	}
	if (!e)
		return true;
	c->answer->cache_control = "no-store";
	c->answer->etag[0] = 0;
	return false;
}

static void show_proof_of(struct call *c, const struct view_request *r)
{
	const struct view_proof *p = view_proof(c->view, r->record.request_id);
	struct sought sought = {.request_id = r->record.request_id};
	struct bytes bytes;
	bool there = p;

	if (r->state != VIEW_FULFILLED) {
		doc_null(&c->doc, "proof");
		return;
	}
	if (p && p->size <= VIEW_PROOF_MAX) {
		bytes = (struct bytes){p->bytes, p->size};
	} else if (p) {
		there = fetch_proof(c, p, &sought);
		bytes = buf_bytes(&sought.proof);
	}
	show_proof(&c->doc, r, p, there ? &bytes : NULL);
	buf_free(&sought.proof);
}

static void answer_request(struct call *c, const struct view_request *r)
{
	call_begin(c);
	doc_object(&c->doc, "request");
	show_request(&c->doc, c->view, r);
	show_proof_of(c, r);
	show_request_details(&c->doc, c->view, r);
	doc_end(&c->doc);
	call_end(c);
}

/* A record of one that ended long ago: a number of the book log, then the
 * message. It may be older or newer than the view; either way it is how the
 * request ended, for the view knows of no later life of it. */
static enum err read_record(struct call *c, uint64_t id,
			    struct view_request *out)
{
	struct buf bytes = {0};
	char key[24];
	enum err e;

	snprintf(key, sizeof key, "%" PRIu64, id);
	e = store_record(c->api->is.store, key, &bytes);
	if (!e && bytes.size < STAMP_BYTES)
		e = ERR_MALFORMED;
	if (!e)
		e = msg_request_record_decode(
			&out->record, (struct bytes){bytes.data + STAMP_BYTES,
						     bytes.size - STAMP_BYTES});
	if (!e)
		out->state = view_state_of(out->record.outcome);
	buf_free(&bytes);
	return e;
}

/* Of one that the view doesn't have any more. */
static const struct view_request *find_old(struct call *c, uint64_t id,
					   struct view_request *old)
{
	enum err e;

	if (!call_store(c))
		return NULL;
	*old = (struct view_request){.state = VIEW_REJECTED};
	e = read_record(c, id, old);
	if (!e)
		return old;
	if (e == ERR_NOT_FOUND)
		api_problem(c->answer, 404, "Forgotten",
			    "%.96s: it ended so long ago that its record is "
			    "gone; the chain has it",
			    c->request->path);
	else if (e == ERR_UNREACHABLE)
		call_store_failed(c, e);
	else
		api_problem(c->answer, 500, "Unreadable record",
			    "%.96s: its record does not decode; the chain has "
			    "it",
			    c->request->path);
	return NULL;
}

const struct view_request *call_find_request(struct call *c,
					     struct view_request *old)
{
	const struct view_request *r;
	uint64_t id;

	if (!call_subject(c, &id))
		return NULL;
	r = view_request(c->view, id);
	if (r)
		return r;
	if (id <= view_requests_end(c->view))
		return find_old(c, id, old);
	call_not_found(c, "request");
	return NULL;
}

void get_request(struct call *c)
{
	struct view_request old;
	const struct view_request *r = call_find_request(c, &old);

	if (r)
		answer_request(c, r);
}
