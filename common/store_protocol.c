/* PROTOCOL:VERSION beside each log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/protocol.h"
#include "common/store_impl.h"

enum err store_protocol(struct store *s, const char *log,
			struct store_protocol *out)
{
	redisReply *r = store_get(s, "protocol", log);
	char *colon = NULL;

	*out = (struct store_protocol){.number = 0};
	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_STRING)
		out->number = strtoull(r->str, &colon, 10);
	if (colon && *colon == ':')
		snprintf(out->version, sizeof out->version, "%s", colon + 1);
	freeReplyObject(r);
	return ERR_NONE;
}

static enum err set(struct store *s, const char *log)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM], value[80];
	redisReply *r;

	snprintf(value, sizeof value, "%u:%s", (unsigned)protocol_ours,
		 protocol_version);
	command_text(&c, "SET");
	command_text(&c, store_key(s, key, "protocol", log));
	command_text(&c, value);
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	if (r->type == REDIS_REPLY_ERROR)
		log_error("store.refused",
			  "reply=\"%s\" text=\"this user of redis may not note "
			  "which version writes the log: make the users anew "
			  "with 'kalypso redis users'\"",
			  r->str);
	freeReplyObject(r);
	return ERR_NONE;
}

enum err store_protocol_note(struct store *s, const char *log, bool first)
{
	struct store_protocol has;
	enum err e = store_protocol(s, log, &has);

	if (e || has.number == protocol_ours ||
	    (has.number > protocol_ours && !first))
		return e;
	return set(s, log);
}
