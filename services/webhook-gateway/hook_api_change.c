/* Calls that change webhooks: one function call of Redis for each. */
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "services/webhook-gateway/hook_api_impl.h"

enum {
	OVERLAP_S = 86400,
	OVERLAP_MAX_S = 7 * 86400,
	TESTS_MAX = HOOKS_WAITING_MAX + 32, /* waiting; tests come on top */
};

/* ---- asking Redis ------------------------------------------------------- */

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
		   struct hook_told *told)
{
	bool ok = hook_call_ask(c, ask, hook_call_told, told);

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
		hook_call_no_store(c);
		return false;
	}
	*from = last + 1;
	return true;
}

void post_webhooks(struct call *c)
{
	struct hook_row row = {.state = "unverified"};
	struct hook_told told = {.number = 0};
	char token[HOOK_TOKEN_ROOM];
	uint64_t from = 0;
	struct store_ask ask;
	struct doc d;

	if (!c->api->open && !hook_call_is_operator(c)) {
		hook_call_refuse(c, "the token of this gateway's operator");
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
	d = hook_call_begin(c, 201);
	hook_call_show(c, &d, &row);
	doc_text(&d, "token", token);
	show_secrets(&d, &c->hook);
	doc_end(&d);
	sodium_memzero(token, sizeof token);
}

/* Put c->hook in place of what it was. */
static bool replace(struct call *c, const char *state)
{
	struct hook_told told = {.number = 0};
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
void patch_webhook(struct call *c)
{
	char url[POST_URL_MAX + 1];
	struct hook_row row = {.next = 0};
	struct doc d;

	if (!hook_call_load(c, false))
		return;
	memcpy(url, c->hook.url, sizeof url);
	if (!read_body(c, NULL) ||
	    !replace(c, strcmp(url, c->hook.url) != 0 ? "unverified" : "") ||
	    !hook_call_read_row(c, &row))
		return;
	d = hook_call_begin(c, 200);
	hook_call_show(c, &d, &row);
	doc_end(&d);
}

void delete_webhook(struct call *c)
{
	struct hook_told told = {.number = 0};
	struct store_ask ask;

	if (!hook_call_load(c, true))
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

void post_rotate(struct call *c)
{
	uint64_t overlap = OVERLAP_S;
	struct doc d;

	if (!hook_call_load(c, false) ||
	    !read_number(c, "overlap_s", 0, OVERLAP_MAX_S, &overlap))
		return;
	hook_rotate(&c->hook, now_s() + overlap);
	if (!replace(c, ""))
		return;
	d = hook_call_begin(c, 200);
	show_secrets(&d, &c->hook);
	doc_time(&d, "old_until", (struct unix_s){c->hook.old_until});
	doc_end(&d);
}

/* test, replay, enable: *number is answered as @member. */
static void poke(struct call *c, const char *what, uint64_t number,
		 const char *member)
{
	struct hook_told told = {.number = 0};
	struct store_ask ask;
	struct doc d;

	begin_call(c, &ask, "kalypso_hook_poke", 3);
	ask_text(&ask, c->hook.id);
	ask_text(&ask, what);
	ask_number(&ask, number);
	ask_number(&ask, TESTS_MAX);
	if (!change(c, &ask, &told))
		return;
	d = hook_call_begin(c, 202);
	doc_text(&d, "id", c->hook.id);
	if (member)
		doc_count(&d, member, told.count > 1 ? told.number : number);
	doc_end(&d);
}

void post_test(struct call *c)
{
	if (hook_call_load(c, false))
		poke(c, "test", now_s(), "sequence");
}

void post_enable(struct call *c)
{
	if (hook_call_load(c, false))
		poke(c, "enable", 0, NULL);
}

void post_replay(struct call *c)
{
	uint64_t from = 0, first, last;

	if (!hook_call_load(c, false) ||
	    !read_number(c, "from", 1, UINT32_MAX, &from))
		return;
	if (store_first(c->api->store, "book", &first) ||
	    store_last(c->api->store, "book", &last)) {
		hook_call_no_store(c);
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
