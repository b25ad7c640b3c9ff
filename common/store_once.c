/* Answers to what was asked before: claimed, kept, given up. */
#include "common/store_impl.h"

#include <string.h>

enum err store_once_claim(struct store *s, const char *key, struct bytes value,
			  unsigned ttl_s, struct buf *out)
{
	struct command c = {.count = 0};
	char name[KEY_ROOM];
	enum err e = ERR_NONE;
	redisReply *r;

	command_text(&c, "SET");
	command_text(&c, store_key(s, name, "once", key));
	command_bytes(&c, value);
	command_text(&c, "NX");
	command_text(&c, "GET"); /* with NX: of one that is there */
	command_text(&c, "EX");
	command_number(&c, ttl_s);
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_STRING) {
		buf_put(out, r->str, (size_t)r->len);
		e = buf_err(out) ? buf_err(out) : ERR_EXISTS;
	} else if (r->type != REDIS_REPLY_NIL) {
		e = ERR_UNREACHABLE;
	}
	freeReplyObject(r);
	return e;
}

enum err store_once_keep(struct store *s, const char *key, struct bytes value,
			 unsigned ttl_s)
{
	struct command c = {.count = 0};
	char name[KEY_ROOM];
	redisReply *r;
	bool done;

	command_text(&c, "SET");
	command_text(&c, store_key(s, name, "once", key));
	command_bytes(&c, value);
	command_text(&c, "EX");
	command_number(&c, ttl_s);
	r = store_call(s, &c);
	done = r && r->type == REDIS_REPLY_STATUS;
	freeReplyObject(r);
	return done ? ERR_NONE : ERR_UNREACHABLE;
}

enum err store_once_drop(struct store *s, const char *key)
{
	struct command c = {.count = 0};
	char name[KEY_ROOM];
	redisReply *r;
	bool done;

	command_text(&c, "DEL");
	command_text(&c, store_key(s, name, "once", key));
	r = store_call(s, &c);
	done = r && r->type == REDIS_REPLY_INTEGER;
	freeReplyObject(r);
	return done ? ERR_NONE : ERR_UNREACHABLE;
}
