/* A connection to Redis: who we are there, its settings, our functions. */
#include "common/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "common/log.h"
#include "common/store_impl.h"
#include "common/version.h"
#include "store_lua.h"

static enum err authenticate(struct store *s)
{
	struct command c = {.count = 0};
	redisReply *r;
	enum err e;

	if (!s->password)
		return ERR_NONE;
	command_text(&c, "AUTH");
	if (s->user)
		command_text(&c, s->user);
	command_text(&c, s->password);
	r = store_call(s, &c);
	e = !r				   ? ERR_UNREACHABLE
	    : r->type == REDIS_REPLY_ERROR ? ERR_CONFIG
					   : ERR_NONE;
	if (e == ERR_CONFIG)
		log_error("store.refused",
			  "user=%s text=\"redis refused the password: give "
			  "this user's with KALYPSO_REDIS_PASSWORD_FILE\"",
			  s->user ? s->user : "default");
	freeReplyObject(r);
	return e;
}

static enum err check_setting(struct store *s, const char *name,
			      const char *want, const char *why)
{
	struct command c = {.count = 0};
	redisReply *r;
	enum err e = ERR_NONE;

	command_text(&c, "CONFIG");
	command_text(&c, "GET");
	command_text(&c, name);
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_ERROR && strncmp(r->str, "NOAUTH", 6) == 0) {
		log_error("store.refused", "text=\"redis wants a password: set "
					   "KALYPSO_REDIS_PASSWORD_FILE\"");
		e = ERR_CONFIG;
	} else if (r->type == REDIS_REPLY_ERROR) {
		/* Managed servers hide CONFIG: say so and trust. */
		log_warn("store.unchecked", "setting=%s reply=\"%s\"", name,
			 r->str);
	} else if (r->elements != 2 || strcmp(r->element[1]->str, want) != 0) {
		log_error("store.setting",
			  "setting=%s is=%s text=\"%s: set it with "
			  "'redis-cli config set %s %s' and in redis.conf\"",
			  name, r->elements == 2 ? r->element[1]->str : "?",
			  why, name, want);
		e = ERR_CONFIG;
	}
	freeReplyObject(r);
	return e;
}

/* What is acknowledged has to be on disk, and stay there. */
static enum err check_settings(struct store *s)
{
	enum err e = check_setting(s, "appendonly", "yes",
				   "redis forgets everything when it stops");

	if (!e)
		e = check_setting(s, "appendfsync", "always",
				  "redis acknowledges what isn't on disk");
	if (!e)
		e = check_setting(s, "maxmemory-policy", "noeviction",
				  "redis deletes entries when memory is short");
	return e;
}

/* The text of the library in an answer to FUNCTION LIST WITHCODE; NULL. */
static const char *code_in(const redisReply *r)
{
	const redisReply *fields =
		r->type == REDIS_REPLY_ARRAY && r->elements == 1 ? r->element[0]
								 : NULL;

	if (!fields || fields->type != REDIS_REPLY_ARRAY)
		return NULL;
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (fields->element[i]->type == REDIS_REPLY_STRING &&
		    fields->element[i + 1]->type == REDIS_REPLY_STRING &&
		    strcmp(fields->element[i]->str, "library_code") == 0)
			return fields->element[i + 1]->str;
	return NULL;
}

/* Whether Redis has the very same library. */
static enum err has_functions(struct store *s, const char *library, bool *has)
{
	static const char before[] = "#!lua name=";
	struct command c = {.count = 0};
	const char *name = library + sizeof before - 1, *code;
	redisReply *r;

	command_text(&c, "FUNCTION");
	command_text(&c, "LIST");
	command_text(&c, "LIBRARYNAME");
	command_bytes(
		&c, (struct bytes){(const uint8_t *)name, strcspn(name, "\n")});
	command_text(&c, "WITHCODE");
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	code = code_in(r);
	*has = code && strcmp(code, library) == 0;
	freeReplyObject(r);
	return ERR_NONE;
}

/* A user that may not load them is content with what an administrator has. */
static enum err load_functions(struct store *s, const char *library)
{
	struct command c = {.count = 0};
	redisReply *r;
	bool has = false;
	enum err e = has_functions(s, library, &has);

	if (e || has)
		return e;
	command_text(&c, "FUNCTION");
	command_text(&c, "LOAD");
	command_text(&c, "REPLACE");
	command_text(&c, library);
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_ERROR && strncmp(r->str, "NOPERM", 6) == 0) {
		log_error("store.functions",
			  "version=" KALYPSO_VERSION " text=\"redis lacks the "
			  "functions of this version, or has another one's, "
			  "and this user may not load them: 'kalypso redis "
			  "load' of this version does\"");
		e = ERR_CONFIG;
	} else if (r->type == REDIS_REPLY_ERROR) {
		log_error("store.functions",
			  "reply=\"%s\" text=\"redis 7 or newer is needed\"",
			  r->str);
		e = ERR_CONFIG;
	}
	freeReplyObject(r);
	return e;
}

enum err store_connect(struct store *s)
{
	struct timeval limit = {s->timeout_ms / 1000,
				(suseconds_t)(s->timeout_ms % 1000) * 1000};
	enum err e;

	if (s->redis)
		return ERR_NONE;
	s->redis = s->path ? redisConnectUnixWithTimeout(s->path, limit)
			   : redisConnectWithTimeout(s->host, s->port, limit);
	if (!s->redis)
		return ERR_NO_MEMORY;
	if (s->redis->err || redisSetTimeout(s->redis, limit) != REDIS_OK) {
		log_debug("store.unreachable", "text=\"%s\"", s->redis->errstr);
		store_drop(s);
		return ERR_UNREACHABLE;
	}
	e = authenticate(s);
	if (!e)
		e = check_settings(s);
	if (!e)
		e = load_functions(s, store_lua);
	if (!e && s->library)
		e = load_functions(s, s->library);
	if (e)
		store_drop(s);
	else
		s->connections++;
	return e;
}

enum err store_check(struct store *s)
{
	return store_connect(s);
}

uint64_t store_connections(const struct store *s)
{
	return s->connections;
}
