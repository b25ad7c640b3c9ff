/* Calls that only look: a webhook, the list of all, what was tried. */
#include <stdlib.h>
#include <string.h>

#include "services/webhook-gateway/hook_api_impl.h"

enum { LINES = 100, LINES_MAX = 1000 };

/* ---- a webhook ---------------------------------------------------------- */

static void on_row(void *arg, size_t index, const struct bytes *items,
		   size_t count)
{
	struct hook_row *r = arg;
	uint64_t *const numbers[] = {&r->next,	 &r->sequence,	&r->delivered,
				     &r->failed, &r->dropped,	&r->streak,
				     &r->ok_ms,	 &r->turned_ms, &r->due_ms};

	if (index == 1 && count) {
		r->waiting = told_number(&items[0]);
		return;
	}
	if (count < 12)
		return;
	told_text(r->state, sizeof r->state, &items[0]);
	told_text(r->why, sizeof r->why, &items[1]);
	told_text(r->holder, sizeof r->holder, &items[2]);
	r->holder[strcspn(r->holder, ":")] = 0;
	for (unsigned i = 0; i < 9; i++)
		*numbers[i] = told_number(&items[3 + i]);
}

bool hook_call_read_row(struct call *c, struct hook_row *r)
{
	static const char *const fields[] = {"state",  "why",	    "holder",
					     "next",   "sequence",  "delivered",
					     "failed", "dropped",   "streak",
					     "ok_ms",  "turned_ms", "due"};
	struct store *s = c->api->store;
	struct store_ask row, queue;

	ask_begin(&row, "HMGET");
	ask_key(&row, s, "hook", c->hook.id);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		ask_text(&row, fields[i]);
	ask_begin(&queue, "ZCARD");
	ask_key(&queue, s, "hook_queue", c->hook.id);
	if (!store_ask_send(s, &row))
		return hook_call_ask(c, &queue, on_row, r);
	hook_call_no_store(c);
	return false;
}

static void show_time(struct doc *d, const char *name, uint64_t ms)
{
	if (ms)
		doc_time(d, name, (struct unix_s){ms / 1000});
	else
		doc_null(d, name);
}

void hook_call_show(struct call *c, struct doc *d, const struct hook_row *r)
{
	bool retries = strcmp(r->state, "unverified") == 0;

	doc_object(d, "webhook");
	hook_show(d, &c->hook);
	doc_text(d, "state", r->state);
	if (r->why[0])
		doc_text(d, "why", r->why);
	else
		doc_null(d, "why");
	show_time(d, "since", r->turned_ms);
	show_time(d, "next_challenge", retries ? r->due_ms : 0);
	doc_count(d, "next", r->next);
	doc_count(d, "sequence", r->sequence);
	doc_count(d, "waiting", r->waiting);
	doc_count(d, "delivered", r->delivered);
	doc_count(d, "failed_attempts", r->failed);
	doc_count(d, "dead_letters", r->dropped);
	doc_count(d, "failures_in_a_row", r->streak);
	show_time(d, "last_success", r->ok_ms);
	doc_text(d, "gateway", r->holder);
	doc_end(d);
}

void get_webhook(struct call *c)
{
	struct hook_row row = {.next = 0};
	struct doc d;

	if (!hook_call_load(c, true) || !hook_call_read_row(c, &row))
		return;
	d = hook_call_begin(c, 200);
	hook_call_show(c, &d, &row);
	doc_end(&d);
}

/* ---- what was tried ----------------------------------------------------- */

struct lines {
	struct doc *d;
	bool dead;
};

/* SEQUENCE:SEQ:BLOCK:SUBJECT:TIME:ATTEMPTS:DUE_MS */
static void show_dead(struct doc *d, const char *item)
{
	uint64_t numbers[7] = {0};
	unsigned n = 0;

	for (char *end; n < 7; n++, item = end + 1) {
		numbers[n] = strtoull(item, &end, 10);
		if (*end != ':')
			break;
	}
	doc_object(d, NULL);
	doc_count(d, "sequence", numbers[0]);
	doc_count(d, "seq", numbers[1]);
	doc_time(d, "timestamp", (struct unix_s){numbers[4]});
	doc_count(d, "attempts", numbers[5]);
	doc_end(d);
}

/* Flat: id, name, value, id, … */
static void on_lines(void *arg, size_t index, const struct bytes *items,
		     size_t count)
{
	struct lines *l = arg;
	char text[160];

	(void)index;
	for (size_t i = 2; i < count; i += 3) {
		if (l->dead)
			show_dead(l->d,
				  told_text(text, sizeof text, &items[i]));
		else
			doc_raw(l->d, NULL, items[i]);
	}
}

static void get_lines(struct call *c, const char *kind, const char *member,
		      bool dead)
{
	struct store_ask ask;
	uint64_t limit = LINES;
	const char *arg = c->request->args_count ? c->request->args[0] : NULL;
	struct doc d;
	struct lines lines = {&d, dead};

	if (!hook_call_load(c, false))
		return;
	if (arg)
		limit = strncmp(arg, "limit=", 6) == 0
				? strtoull(arg + 6, NULL, 10)
				: 0;
	if (c->request->args_count > 1 || limit < 1 || limit > LINES_MAX) {
		api_problem(c->answer, 400, "Bad parameter",
			    "%.96s: limit is a number from 1 to %d, and there "
			    "is no other parameter",
			    c->request->path, LINES_MAX);
		return;
	}
	d = hook_call_begin(c, 200);
	doc_array(&d, member);
	ask_begin(&ask, "XREVRANGE");
	ask_key(&ask, c->api->store, kind, c->hook.id);
	ask_text(&ask, "+");
	ask_text(&ask, "-");
	ask_text(&ask, "COUNT");
	ask_number(&ask, limit);
	if (!hook_call_ask(c, &ask, on_lines, &lines))
		return;
	doc_end_array(&d);
	doc_end(&d);
}

void get_attempts(struct call *c)
{
	get_lines(c, "hook_attempts", "attempts", false);
}

void get_dead_letters(struct call *c)
{
	get_lines(c, "hook_dead", "dead_letters", true);
}

/* ---- the list, for the operator ----------------------------------------- */

static void on_list(void *arg, size_t index, const struct bytes *items,
		    size_t count)
{
	struct doc *d = arg;
	char id[HOOK_ID_ROOM];

	(void)index;
	for (size_t i = 0; i < count; i++)
		if (*told_text(id, sizeof id, &items[i]) && id[0] != '#')
			doc_text(d, NULL, id);
}

void get_webhooks(struct call *c)
{
	struct store_ask ask;
	struct doc d;

	if (!hook_call_is_operator(c)) {
		hook_call_refuse(c, "the token of this gateway's operator");
		return;
	}
	d = hook_call_begin(c, 200);
	doc_array(&d, "webhooks");
	ask_begin(&ask, "HKEYS");
	ask_key(&ask, c->api->store, "hooks", "");
	if (!hook_call_ask(c, &ask, on_list, &d))
		return;
	doc_end_array(&d);
	doc_end(&d);
}
