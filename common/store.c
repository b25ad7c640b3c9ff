/* Keys, commands, and small records in Redis. */
#include "common/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/store_impl.h"

/* ---- keys and commands -------------------------------------------------- */

const char *store_key(const struct store *s, char out[KEY_ROOM],
		      const char *kind, const char *arg)
{
	static const struct {
		const char *kind, *pattern;
	} rows[] = {
#define KEY(kind, pattern, type, writer, meaning) {#kind, pattern},
#include "protocol/messages/redis.def"
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].kind, kind) != 0)
			continue;
		for (const char *p = rows[i].pattern; *p; p++)
			if (strncmp(p, "{NAME}", 6) == 0) {
				n += (size_t)snprintf(out + n, KEY_ROOM - n,
						      "{%s}", s->name);
				p += 5;
			} else if (*p == '%') {
				n += (size_t)snprintf(out + n, KEY_ROOM - n,
						      "%.96s", arg);
			} else {
				out[n++] = *p;
			}
	}
	out[n] = 0;
	return out;
}

void command_bytes(struct command *c, struct bytes b)
{
	c->argv[c->count] = b.data ? (const char *)b.data : "";
	c->sizes[c->count++] = b.size;
}

void command_text(struct command *c, const char *text)
{
	c->argv[c->count] = text;
	c->sizes[c->count++] = strlen(text);
}

void command_number(struct command *c, uint64_t v)
{
	char *text = c->numbers[c->numbers_count++];

	snprintf(text, NUMBER_ROOM, "%" PRIu64, v);
	command_text(c, text);
}

/* ---- connection --------------------------------------------------------- */

static char *copy(const char *from, size_t size)
{
	return size ? strndup(from, size) : NULL;
}

/* [USER@]HOST[:PORT] */
static enum err parse_redis_url(struct store *s, const char *rest)
{
	const char *at = strchr(rest, '@');
	size_t size;

	if (at) {
		s->user = copy(rest, (size_t)(at - rest));
		rest = at + 1;
	}
	size = strcspn(rest, ":/");
	s->host = copy(rest, size);
	s->port = 6379;
	if (rest[size] == ':') {
		char *end;
		unsigned long port = strtoul(rest + size + 1, &end, 10);

		if (port == 0 || port > 65535 || (*end && *end != '/'))
			return ERR_CONFIG;
		s->port = (int)port;
	}
	return s->host ? ERR_NONE : ERR_CONFIG;
}

/* [USER@]PATH; an @ behind a slash is the path's. */
static enum err parse_unix_url(struct store *s, const char *rest)
{
	size_t size = strcspn(rest, "@/");

	if (rest[size] == '@') {
		s->user = copy(rest, size);
		rest += size + 1;
	}
	if (!*rest)
		return ERR_CONFIG;
	s->path = strdup(rest);
	return s->path ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err parse_url(struct store *s, const char *url)
{
	if (strncmp(url, "unix:", 5) == 0)
		return parse_unix_url(s, url + 5);
	if (strncmp(url, "redis://", 8) == 0)
		return parse_redis_url(s, url + 8);
	return ERR_CONFIG;
}

enum err store_open(struct store **out, const char *url, const char *name,
		    const char *password, unsigned timeout_ms)
{
	struct store *s = calloc(1, sizeof *s);
	size_t size = strlen(name);
	enum err e;

	if (!s)
		return ERR_NO_MEMORY;
	s->timeout_ms = timeout_ms;
	if (size == 0 || size >= sizeof s->name ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != size) {
		log_error("store.name",
			  "name=\"%s\" text=\"a deployment's name "
			  "is 1 to 32 of a-z, 0-9 and -\"",
			  name);
		store_close(&s);
		return ERR_CONFIG;
	}
	memcpy(s->name, name, size + 1);
	if (password && *password)
		s->password = strdup(password);
	e = parse_url(s, url);
	if (e) {
		log_error("store.url",
			  "redis=\"%s\" text=\"it must be "
			  "redis://[USER@]HOST[:PORT] or "
			  "unix:[USER@]PATH\"",
			  url);
		store_close(&s);
		return e;
	}
	*out = s;
	return ERR_NONE;
}

void store_close(struct store **store)
{
	struct store *s = *store;

	if (!s)
		return;
	store_drop(s);
	free(s->host);
	free(s->path);
	free(s->user);
	free(s->password);
	free(s);
	*store = NULL;
}

void store_drop(struct store *s)
{
	if (s->redis)
		redisFree(s->redis);
	s->redis = NULL;
	s->pending = s->early_count = 0;
}

/* An answer that says "not now", of a server that is loading, blocked by a
 * script, a replica, or out of memory. */
static bool says_later(const redisReply *r)
{
	static const char *const words[] = {
		"LOADING",     "BUSY ",	     "READONLY", "MASTERDOWN", "OOM",
		"CLUSTERDOWN", "NOREPLICAS", "MISCONF",	 "TRYAGAIN"};

	if (r->type != REDIS_REPLY_ERROR)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strncmp(r->str, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

redisReply *store_call(struct store *s, const struct command *c)
{
	redisReply *r;

	if (store_connect(s))
		return NULL;
	store_read_early(s);
	if (!s->redis)
		return NULL;
	r = redisCommandArgv(s->redis, c->count, (const char **)c->argv,
			     c->sizes);
	if (!r) {
		log_warn("store.lost", "text=\"%s\"", s->redis->errstr);
		store_drop(s);
		return NULL;
	}
	if (says_later(r)) {
		log_warn("store.later", "reply=\"%s\"", r->str);
		freeReplyObject(r);
		return NULL;
	}
	return r;
}

redisReply *store_get(struct store *s, const char *kind, const char *of)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];

	command_text(&c, "GET");
	command_text(&c, store_key(s, key, kind, of));
	return store_call(s, &c);
}

enum err store_do(struct store *s, const struct command *c)
{
	redisReply *r = store_call(s, c);
	enum err e = store_verdict(s, r);

	freeReplyObject(r);
	return e;
}

enum err store_verdict(struct store *s, const redisReply *r)
{
	static const struct {
		const char *word;
		enum err e;
	} rows[] = {{"OK", ERR_NONE},	    {"REPEAT", ERR_NONE},
		    {"FENCED", ERR_FENCED}, {"LOST", ERR_FENCED},
		    {"EPOCH", ERR_EPOCH},   {"CONFLICT", ERR_CONFLICT},
		    {"EXISTS", ERR_EXISTS}};

	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_STATUS)
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			if (strcmp(r->str, rows[i].word) == 0)
				return rows[i].e;
	log_error("store.answer", "type=%d reply=\"%s\"", r->type,
		  r->str ? r->str : "");
	store_drop(s);
	return ERR_UNREACHABLE;
}

enum err store_time(struct store *s, int64_t *ms)
{
	struct command c = {.count = 0};
	enum err e = ERR_REFUSED;
	redisReply *r;

	command_text(&c, "TIME");
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[0]->type == REDIS_REPLY_STRING &&
	    r->element[1]->type == REDIS_REPLY_STRING) {
		*ms = strtoll(r->element[0]->str, NULL, 10) * 1000 +
		      strtoll(r->element[1]->str, NULL, 10) / 1000;
		e = ERR_NONE;
	}
	freeReplyObject(r);
	return e;
}

/* ---- small records ------------------------------------------------------ */

enum err store_record(struct store *s, const char *key, struct buf *out)
{
	redisReply *r = store_get(s, "closed", key);
	enum err e = ERR_NOT_FOUND;

	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_STRING) {
		buf_put(out, r->str, (size_t)r->len);
		e = buf_err(out);
	}
	freeReplyObject(r);
	return e;
}

enum err store_status_write(struct store *s, const char *service,
			    const char *instance, const char *const *pairs,
			    size_t pairs_count, unsigned ttl_ms)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM], arg[96];
	redisReply *r;
	enum err e;

	snprintf(arg, sizeof arg, "%s:%s", service, instance);
	command_text(&c, "FCALL");
	command_text(&c, "kalypso_status");
	command_text(&c, "1");
	command_text(&c, store_key(s, key, "status", arg));
	command_number(&c, ttl_ms);
	for (size_t i = 0; i < pairs_count; i++)
		command_text(&c, pairs[i]);
	r = store_call(s, &c);
	e = store_verdict(s, r);
	freeReplyObject(r);
	return e;
}

static enum err give_status(struct store *s, const char *key, size_t prefix,
			    store_status_fn *fn, void *arg)
{
	const char *pairs[STORE_STATUS_MAX];
	struct command c = {.count = 0};
	size_t n = 0;
	redisReply *r;

	command_text(&c, "HGETALL");
	command_text(&c, key);
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_ARRAY)
		for (; n < r->elements && n < STORE_STATUS_MAX; n++)
			pairs[n] = r->element[n]->str;
	if (n)
		fn(arg, key + prefix, pairs, n);
	freeReplyObject(r);
	return ERR_NONE;
}

enum err store_status_of(struct store *s, const char *service,
			 const char *instance, store_status_fn *fn, void *arg)
{
	char key[KEY_ROOM], name[96];

	snprintf(name, sizeof name, "%s:%s", service, instance);
	store_key(s, key, "status", name);
	return give_status(s, key, strlen(key) - strlen(name), fn, arg);
}

enum err store_status_read(struct store *s, store_status_fn *fn, void *arg)
{
	char pattern[KEY_ROOM], at[NUMBER_ROOM] = "0";
	enum err e = ERR_NONE;

	store_key(s, pattern, "status", "*");
	do {
		struct command c = {.count = 0};
		redisReply *r;

		command_text(&c, "SCAN");
		command_text(&c, at);
		command_text(&c, "MATCH");
		command_text(&c, pattern);
		command_text(&c, "COUNT");
		command_text(&c, "1000");
		r = store_call(s, &c);
		if (!r)
			return ERR_UNREACHABLE;
		if (r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
			freeReplyObject(r);
			return ERR_UNREACHABLE;
		}
		snprintf(at, sizeof at, "%s", r->element[0]->str);
		for (size_t i = 0; i < r->element[1]->elements && !e; i++)
			e = give_status(s, r->element[1]->element[i]->str,
					strlen(pattern) - 1, fn, arg);
		freeReplyObject(r);
	} while (!e && strcmp(at, "0") != 0);
	return e;
}
