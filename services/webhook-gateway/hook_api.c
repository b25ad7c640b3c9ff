/* Routes, tokens, and one function call of Redis for each. */
#include "services/webhook-gateway/hook_api.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/sha256.h"
#include "common/store_ask.h"

enum {
	OVERLAP_S = 86400,
	OVERLAP_MAX_S = 7 * 86400,
	TESTS_MAX = HOOKS_WAITING_MAX + 32, /* waiting; tests come on top */
	ATTEMPTS = 100,
	ATTEMPTS_MAX = 1000,
};

/* A call being answered. */
struct call {
	const struct hook_api_config *api;
	const struct api_request *request;
	struct api_answer *answer;
	char id[64];	   /* of the path; "" if it has none */
	const char *token; /* of the request; "": none */
	struct hook hook;  /* the one of the path */
	struct buf record; /* and its record as it was */
};

/* ---- Redis -------------------------------------------------------------- */

/* What one call was answered: its first items. */
struct told {
	char word[24];
	uint64_t number;
	size_t count;
	struct buf text; /* the first item */
};

static void on_told(void *arg, size_t index, const struct bytes *items,
		    size_t count)
{
	struct told *t = arg;

	(void)index;
	t->count = count;
	if (!count || !items[0].data)
		return;
	told_text(t->word, sizeof t->word, &items[0]);
	buf_put(&t->text, items[0].data, items[0].size);
	if (count > 1)
		t->number = told_number(&items[1]);
}

static void no_store(struct call *c)
{
	api_problem(c->answer, 503, "Redis does not answer",
		    "%.96s needs it: try again in a second", c->request->path);
}

static bool ask_with(struct call *c, const struct store_ask *ask,
		     store_told *told, void *arg)
{
	enum err sent = store_ask_send(c->api->store, ask);
	enum err heard = store_ask_wait(c->api->store, told, arg);

	if (!sent && !heard)
		return true;
	no_store(c);
	return false;
}

static void begin_call(struct call *c, struct store_ask *ask,
		       const char *function, unsigned keys)
{
	static const char *const kinds[] = {"hooks", "hook", "hook_queue",
					    "hook_attempts", "hook_dead"};

	ask_begin_call(ask, function, keys);
	for (unsigned i = 0; i < keys; i++)
		ask_key(ask, c->api->store, kinds[i], c->hook.id);
}

/* Ask, and expect OK: else the answer is a problem. */
static bool change(struct call *c, const struct store_ask *ask,
		   struct told *told)
{
	bool ok = ask_with(c, ask, on_told, told);

	buf_free(&told->text);
	if (!ok)
		return false;
	hooks_changed(c->api->hooks);
	if (strcmp(told->word, "OK") == 0)
		return true;
	if (strcmp(told->word, "GONE") == 0)
		api_problem(c->answer, 404, "Not found",
			    "%.96s: it was deleted just now", c->request->path);
	else if (strcmp(told->word, "CHANGED") == 0)
		api_problem(c->answer, 409, "Changed meanwhile",
			    "%.96s: somebody else changed it at the same "
			    "time: look at it and try again",
			    c->request->path);
	else
		api_problem(c->answer, 503, "Full",
			    "%.96s: there are as many as this gateway allows",
			    c->request->path);
	return false;
}

/* ---- who may ------------------------------------------------------------ */

static const char *bearer(const struct api_request *r)
{
	const char *said = r->authorization;

	return said && strncasecmp(said, "Bearer ", 7) == 0 ? said + 7 : "";
}

static bool is_operator(const struct call *c)
{
	struct hash32 want;

	if (!c->api->token[0] || !c->token[0])
		return false;
	sha256_of(&want, c->api->token, strlen(c->api->token));
	return hook_token_fits(&want, c->token);
}

static void refuse(struct call *c, const char *whose)
{
	api_problem(c->answer, 401, "Unauthorized",
		    "%.96s needs %s: Authorization: Bearer TOKEN",
		    c->request->path, whose);
}

/* Load the hook of the path; whoever asks has to have its token, or, if
 * @operator_may, the operator's. */
static bool load(struct call *c, bool operator_may)
{
	struct told told = {.number = 0};
	struct store_ask ask;
	enum err e;

	ask_begin(&ask, "HGET");
	ask_key(&ask, c->api->store, "hooks", "");
	ask_text(&ask, c->id);
	if (strncmp(c->id, "wh_", 3) == 0 &&
	    !ask_with(c, &ask, on_told, &told)) {
		buf_free(&told.text);
		return false;
	}
	c->record = told.text;
	if (!told.text.size) {
		api_problem(c->answer, 404, "Not found",
			    "%.96s: there is no such webhook",
			    c->request->path);
		return false;
	}
	e = hook_load(&c->hook, c->id, buf_bytes(&c->record), c->api->seal);
	if (e) {
		api_problem(c->answer, 500, "Unreadable record",
			    "%.96s: its record can't be read (%s): its "
			    "operator has to look",
			    c->request->path, err_name(e));
		return false;
	}
	if (hook_token_fits(&c->hook.token, c->token) ||
	    (operator_may && is_operator(c)))
		return true;
	refuse(c, "the token that its registration was answered with");
	return false;
}

/* ---- answers ------------------------------------------------------------ */

static struct doc begin(struct call *c, unsigned status)
{
	struct doc d = {&c->answer->body, false};

	buf_clear(&c->answer->body);
	c->answer->status = status;
	c->answer->type = "application/json";
	c->answer->cache_control = "no-store";
	doc_object(&d, NULL);
	return d;
}

/* The row's fields that its owner sees. */
struct row {
	char state[16], why[HOOK_WHY_ROOM], holder[64];
	uint64_t next, sequence, delivered, failed, dropped, streak, ok_ms;
	uint64_t turned_ms, due_ms, waiting;
};

static void on_row(void *arg, size_t index, const struct bytes *items,
		   size_t count)
{
	struct row *r = arg;
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

static bool read_row(struct call *c, struct row *r)
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
		return ask_with(c, &queue, on_row, r);
	no_store(c);
	return false;
}

static void show_time(struct doc *d, const char *name, uint64_t ms)
{
	if (ms)
		doc_time(d, name, (struct unix_s){ms / 1000});
	else
		doc_null(d, name);
}

static void show(struct call *c, struct doc *d, const struct row *r)
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

/* Both keys' texts: what a receiver verifies with. */
static void show_secrets(struct doc *d, const struct hook *h)
{
	char text[HOOK_KEY_ROOM];

	hook_secret_text(text, &h->secret);
	doc_text(d, "secret", text);
	hook_public_text(text, &h->secret);
	doc_text(d, "public_key", text);
	sodium_memzero(text, sizeof text);
}

/* ---- calls -------------------------------------------------------------- */

static uint64_t now_s(void)
{
	return hooks_now_ms() / 1000;
}

static bool read_body(struct call *c, uint64_t *from)
{
	char why[HOOK_WHY_ROOM];

	if (!hook_read(&c->hook, from, c->request->body, why))
		return true;
	api_problem(c->answer, 400, "Bad webhook", "%s", why);
	return false;
}

/* What to begin with: where the book log ends, unless it was said. */
static bool find_start(struct call *c, uint64_t *from)
{
	uint64_t last;

	if (*from)
		return true;
	if (store_last(c->api->store, "book", &last)) {
		no_store(c);
		return false;
	}
	*from = last + 1;
	return true;
}

static void post_webhooks(struct call *c)
{
	struct row row = {.state = "unverified"};
	struct told told = {.number = 0};
	char token[HOOK_TOKEN_ROOM];
	uint64_t from = 0;
	struct store_ask ask;
	struct doc d;

	if (!c->api->open && !is_operator(c)) {
		refuse(c, "the token of this gateway's operator");
		return;
	}
	hook_new(&c->hook, token, now_s());
	if (!read_body(c, &from) || !find_start(c, &from))
		return;
	hook_save(&c->record, &c->hook, c->api->seal);
	begin_call(c, &ask, "kalypso_hook_add", 2);
	ask_text(&ask, c->hook.id);
	ask_bytes(&ask, buf_bytes(&c->record));
	ask_number(&ask, c->api->hooks_max);
	ask_number(&ask, c->api->epoch);
	ask_number(&ask, from);
	if (!change(c, &ask, &told))
		return;
	row.next = from;
	row.turned_ms = hooks_now_ms();
	d = begin(c, 201);
	show(c, &d, &row);
	doc_text(&d, "token", token);
	show_secrets(&d, &c->hook);
	doc_end(&d);
	sodium_memzero(token, sizeof token);
}

static void get_webhook(struct call *c)
{
	struct row row = {.next = 0};
	struct doc d;

	if (!load(c, true) || !read_row(c, &row))
		return;
	d = begin(c, 200);
	show(c, &d, &row);
	doc_end(&d);
}

/* Put c->hook in place of what it was. */
static bool replace(struct call *c, const char *state)
{
	struct told told = {.number = 0};
	struct buf record = {0};
	struct store_ask ask;
	bool ok;

	hook_save(&record, &c->hook, c->api->seal);
	begin_call(c, &ask, "kalypso_hook_replace", 2);
	ask_text(&ask, c->hook.id);
	ask_bytes(&ask, buf_bytes(&c->record));
	ask_bytes(&ask, buf_bytes(&record));
	ask_text(&ask, state);
	ok = change(c, &ask, &told);
	buf_free(&record);
	return ok;
}

/* Another URL has to answer a challenge first. */
static void patch_webhook(struct call *c)
{
	char url[POST_URL_MAX + 1];
	struct row row = {.next = 0};
	struct doc d;

	if (!load(c, false))
		return;
	memcpy(url, c->hook.url, sizeof url);
	if (!read_body(c, NULL) ||
	    !replace(c, strcmp(url, c->hook.url) != 0 ? "unverified" : "") ||
	    !read_row(c, &row))
		return;
	d = begin(c, 200);
	show(c, &d, &row);
	doc_end(&d);
}

static void delete_webhook(struct call *c)
{
	struct told told = {.number = 0};
	struct store_ask ask;

	if (!load(c, true))
		return;
	begin_call(c, &ask, "kalypso_hook_drop", 5);
	ask_text(&ask, c->hook.id);
	if (change(c, &ask, &told)) {
		c->answer->status = 204;
		c->answer->cache_control = "no-store";
	}
}

/* A number in the body, an object that has only that. An empty body leaves *out
 * as it is, if that is in the range. */
static bool read_number(struct call *c, const char *name, uint64_t min,
			uint64_t max, uint64_t *out)
{
	struct bytes body = c->request->body;
	json_t *root = json_loadb((const char *)body.data, body.size,
				  JSON_REJECT_DUPLICATES, NULL);
	const json_t *v = json_object_get(root, name);
	json_int_t number = json_integer_value(v);
	bool empty = !body.size ||
		     (json_is_object(root) && json_object_size(root) == 0);
	bool good = empty ? *out >= min
			  : json_object_size(root) == 1 && json_is_integer(v) &&
				    number >= 0 && (uint64_t)number >= min &&
				    (uint64_t)number <= max;

	if (good && !empty)
		*out = (uint64_t)number;
	json_decref(root);
	if (!good)
		api_problem(c->answer, 400, "Bad body",
			    "the body is {\"%s\": NUMBER}, from %" PRIu64
			    " to %" PRIu64,
			    name, min, max);
	return good;
}

static void post_rotate(struct call *c)
{
	uint64_t overlap = OVERLAP_S;
	struct doc d;

	if (!load(c, false) ||
	    !read_number(c, "overlap_s", 0, OVERLAP_MAX_S, &overlap))
		return;
	hook_rotate(&c->hook, now_s() + overlap);
	if (!replace(c, ""))
		return;
	d = begin(c, 200);
	show_secrets(&d, &c->hook);
	doc_time(&d, "old_until", (struct unix_s){c->hook.old_until});
	doc_end(&d);
}

/* test, replay, enable: *number is answered as @member. */
static void poke(struct call *c, const char *what, uint64_t number,
		 const char *member)
{
	struct told told = {.number = 0};
	struct store_ask ask;
	struct doc d;

	begin_call(c, &ask, "kalypso_hook_poke", 3);
	ask_text(&ask, c->hook.id);
	ask_text(&ask, what);
	ask_number(&ask, number);
	ask_number(&ask, TESTS_MAX);
	if (!change(c, &ask, &told))
		return;
	d = begin(c, 202);
	doc_text(&d, "id", c->hook.id);
	if (member)
		doc_count(&d, member, told.count > 1 ? told.number : number);
	doc_end(&d);
}

static void post_test(struct call *c)
{
	if (load(c, false))
		poke(c, "test", now_s(), "sequence");
}

static void post_enable(struct call *c)
{
	if (load(c, false))
		poke(c, "enable", 0, NULL);
}

static void post_replay(struct call *c)
{
	uint64_t from = 0, first, last;

	if (!load(c, false) || !read_number(c, "from", 1, UINT32_MAX, &from))
		return;
	if (store_first(c->api->store, "book", &first) ||
	    store_last(c->api->store, "book", &last)) {
		no_store(c);
		return;
	}
	if (from < first || from > last + 1)
		api_problem(c->answer, 409, "Not in the log",
			    "from is %" PRIu64 ", and the book log holds "
			    "entries %" PRIu64 " to %" PRIu64,
			    from, first, last);
	else
		poke(c, "replay", from, "from");
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
	uint64_t limit = ATTEMPTS;
	const char *arg = c->request->args_count ? c->request->args[0] : NULL;
	struct doc d;
	struct lines lines = {&d, dead};

	if (!load(c, false))
		return;
	if (arg)
		limit = strncmp(arg, "limit=", 6) == 0
				? strtoull(arg + 6, NULL, 10)
				: 0;
	if (c->request->args_count > 1 || limit < 1 || limit > ATTEMPTS_MAX) {
		api_problem(c->answer, 400, "Bad parameter",
			    "%.96s: limit is a number from 1 to %d, and there "
			    "is no other parameter",
			    c->request->path, ATTEMPTS_MAX);
		return;
	}
	d = begin(c, 200);
	doc_array(&d, member);
	ask_begin(&ask, "XREVRANGE");
	ask_key(&ask, c->api->store, kind, c->hook.id);
	ask_text(&ask, "+");
	ask_text(&ask, "-");
	ask_text(&ask, "COUNT");
	ask_number(&ask, limit);
	if (!ask_with(c, &ask, on_lines, &lines))
		return;
	doc_end_array(&d);
	doc_end(&d);
}

static void get_attempts(struct call *c)
{
	get_lines(c, "hook_attempts", "attempts", false);
}

static void get_dead_letters(struct call *c)
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

static void get_webhooks(struct call *c)
{
	struct store_ask ask;
	struct doc d;

	if (!is_operator(c)) {
		refuse(c, "the token of this gateway's operator");
		return;
	}
	d = begin(c, 200);
	doc_array(&d, "webhooks");
	ask_begin(&ask, "HKEYS");
	ask_key(&ask, c->api->store, "hooks", "");
	if (!ask_with(c, &ask, on_list, &d))
		return;
	doc_end_array(&d);
	doc_end(&d);
}

/* ---- routes ------------------------------------------------------------- */

static const struct route {
	const char *rest; /* of the path behind HOOK_API_PATH, * for an id */
	enum api_method method;
	void (*answer)(struct call *c);
} routes[] = {
	{"", API_POST, post_webhooks},
	{"", API_GET, get_webhooks},
	{"/*", API_GET, get_webhook},
	{"/*", API_PATCH, patch_webhook},
	{"/*", API_DELETE, delete_webhook},
	{"/*/rotate", API_POST, post_rotate},
	{"/*/test", API_POST, post_test},
	{"/*/enable", API_POST, post_enable},
	{"/*/replay", API_POST, post_replay},
	{"/*/attempts", API_GET, get_attempts},
	{"/*/dead-letters", API_GET, get_dead_letters},
};

bool hook_api_has(const char *path)
{
	size_t size = sizeof HOOK_API_PATH - 1;

	return strncmp(path, HOOK_API_PATH, size) == 0 &&
	       (!path[size] || path[size] == '/');
}

/* Whether @rest is that of @r; the id is copied. */
static bool fits(const struct route *r, const char *rest, char id[64])
{
	const char *pattern = r->rest;

	if (pattern[0] == '/' && pattern[1] == '*' && rest[0] == '/') {
		size_t size = strcspn(rest + 1, "/");

		if (!size || size >= 64)
			return false;
		memcpy(id, rest + 1, size);
		id[size] = 0;
		pattern += 2;
		rest += 1 + size;
	}
	return strcmp(pattern, rest) == 0;
}

void hook_api_answer(const struct hook_api_config *api,
		     const struct api_request *request,
		     struct api_answer *answer)
{
	const char *rest = request->path + sizeof HOOK_API_PATH - 1;
	struct call c = {.api = api,
			 .request = request,
			 .answer = answer,
			 .token = bearer(request)};
	enum api_method method =
		request->method == API_HEAD ? API_GET : request->method;
	bool known = false;

	buf_clear(&answer->body);
	*answer = (struct api_answer){.body = answer->body};
	if (request->id)
		snprintf(answer->id, sizeof answer->id, "%s", request->id);
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		if (!fits(&routes[i], rest, c.id))
			continue;
		known = true;
		if (routes[i].method != method)
			continue;
		routes[i].answer(&c);
		if (buf_failed(&answer->body))
			api_problem(answer, 503, "Out of memory", "try later");
		goto out;
	}
	if (!known)
		api_problem(answer, 404, "Not found",
			    "%.96s: there is nothing here", request->path);
	else if (request->method == API_OPTIONS)
		answer->status = 204;
	else
		api_problem(answer, 405, "Method not allowed",
			    "%.96s doesn't take this method", request->path);
	answer->allow = "GET, POST, PATCH, DELETE, OPTIONS";
out:
	buf_free(&c.record);
	sodium_memzero(&c.hook, sizeof c.hook);
}
