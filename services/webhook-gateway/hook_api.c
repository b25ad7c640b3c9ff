/* Routes, tokens, and what every call asks of Redis. */
#include "services/webhook-gateway/hook_api.h"

#include <sodium.h>
#include <string.h>

#include "common/sha256.h"
#include "services/webhook-gateway/hook_api_impl.h"

/* ---- Redis -------------------------------------------------------------- */

void hook_call_told(void *arg, size_t index, const struct bytes *items,
		    size_t count)
{
	struct hook_told *t = arg;

	(void)index;
	t->count = count;
	if (!count || !items[0].data)
		return;
	told_text(t->word, sizeof t->word, &items[0]);
	buf_put(&t->text, items[0].data, items[0].size);
	if (count > 1)
		t->number = told_number(&items[1]);
}

void hook_call_no_store(struct call *c)
{
	api_problem(c->answer, 503, "Redis does not answer",
		    "%.96s needs it: try again in a second", c->request->path);
}

bool hook_call_ask(struct call *c, const struct store_ask *ask,
		   store_told *told, void *arg)
{
	enum err sent = store_ask_send(c->api->store, ask);
	enum err heard = store_ask_wait(c->api->store, told, arg);

	if (!sent && !heard)
		return true;
	hook_call_no_store(c);
	return false;
}

/* ---- who may ------------------------------------------------------------ */

static const char *bearer(const struct api_request *r)
{
	const char *said = r->authorization;

	return said && strncasecmp(said, "Bearer ", 7) == 0 ? said + 7 : "";
}

bool hook_call_is_operator(const struct call *c)
{
	struct hash32 want;

	if (!c->api->token[0] || !c->token[0])
		return false;
	sha256_of(&want, c->api->token, strlen(c->api->token));
	return hook_token_fits(&want, c->token);
}

void hook_call_refuse(struct call *c, const char *whose)
{
	api_problem(c->answer, 401, "Unauthorized",
		    "%.96s needs %s: Authorization: Bearer TOKEN",
		    c->request->path, whose);
}

bool hook_call_load(struct call *c, bool operator_may)
{
	struct hook_told told = {.number = 0};
	struct store_ask ask;
	enum err e;

	ask_begin(&ask, "HGET");
	ask_key(&ask, c->api->store, "hooks", "");
	ask_text(&ask, c->id);
	if (strncmp(c->id, "wh_", 3) == 0 &&
	    !hook_call_ask(c, &ask, hook_call_told, &told)) {
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
	    (operator_may && hook_call_is_operator(c)))
		return true;
	hook_call_refuse(c,
			 "the token that its registration was answered with");
	return false;
}

struct doc hook_call_begin(struct call *c, unsigned status)
{
	struct doc d = {&c->answer->body, false};

	buf_clear(&c->answer->body);
	c->answer->status = status;
	c->answer->type = "application/json";
	c->answer->cache_control = "no-store";
	doc_object(&d, NULL);
	return d;
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

	api_begin(answer, request);
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
