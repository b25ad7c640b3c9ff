/* Appending to the logs and reading them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/protocol.h"
#include "common/store_impl.h"

static void cursor_text(char out[2 * NUMBER_ROOM], struct cursor c)
{
	snprintf(out, 2 * NUMBER_ROOM, "%" PRIu64 ":%" PRIu64, c.input,
		 c.given);
}

const char *store_held(char out[KEY_ROOM], const char *instance, uint64_t token)
{
	snprintf(out, KEY_ROOM, "%s:%" PRIu64, instance, token);
	return out;
}

/* ---- append ------------------------------------------------------------- */

/* Texts that the command borrows while it is being sent. */
struct append_texts {
	char lease[KEY_ROOM], epoch[KEY_ROOM], log[KEY_ROOM], cursor[KEY_ROOM];
	char held[KEY_ROOM], from[2 * NUMBER_ROOM], to[2 * NUMBER_ROOM];
	char types[STORE_ENTRIES_MAX][8];
	char records[8][KEY_ROOM];
};

static void add_arguments(struct command *c, struct append_texts *t,
			  const struct append *a)
{
	store_held(t->held, a->instance, a->token);
	cursor_text(t->from, a->from);
	cursor_text(t->to, a->to);
	command_text(c, t->held);
	command_number(c, a->epoch);
	command_text(c, t->from);
	command_text(c, t->to);
	command_number(c, a->first);
	command_number(c, a->entries_count);
	for (size_t i = 0; i < a->entries_count; i++) {
		snprintf(t->types[i], sizeof t->types[i], "%u",
			 a->entries[i].type);
		command_text(c, t->types[i]);
		command_bytes(c, a->entries[i].body);
	}
	for (size_t i = 0; i < a->records_count; i++) {
		command_bytes(c, a->records[i].value);
		command_number(c, a->records[i].ttl_s);
	}
}

enum err store_append_send(struct store *s, const struct append *a)
{
	struct append_texts t;
	struct command c = {.count = 0};
	enum err e = store_connect(s);

	if (e)
		return e;
	if (a->entries_count > STORE_ENTRIES_MAX || a->records_count > 8 ||
	    store_append_pending(s) == STORE_UNDER_WAY_MAX)
		return ERR_RANGE;
	command_text(&c, "FCALL");
	command_text(&c, "kalypso_append");
	command_number(&c, 4 + a->records_count);
	command_text(&c, store_key(s, t.lease, "lease", a->service));
	command_text(&c, store_key(s, t.epoch, "epoch", ""));
	command_text(&c, store_key(s, t.log, "log", a->log));
	command_text(&c, store_key(s, t.cursor, "cursor", a->service));
	for (size_t i = 0; i < a->records_count; i++)
		command_text(&c, store_key(s, t.records[i], "closed",
					   a->records[i].key));
	add_arguments(&c, &t, a);
	/* hiredis copies the command, then we push it out at once. */
	if (redisAppendCommandArgv(s->redis, c.count, (const char **)c.argv,
				   c.sizes) != REDIS_OK) {
		store_drop(s);
		return ERR_UNREACHABLE;
	}
	s->pending++;
	for (int done = 0; !done;)
		if (redisBufferWrite(s->redis, &done) != REDIS_OK) {
			store_drop(s);
			return ERR_UNREACHABLE;
		}
	return ERR_NONE;
}

static enum err read_answer(struct store *s)
{
	void *r = NULL;
	enum err e;

	if (redisGetReply(s->redis, &r) != REDIS_OK) {
		log_warn("store.lost", "text=\"%s\"", s->redis->errstr);
		store_drop(s);
		return ERR_UNREACHABLE;
	}
	s->pending--;
	e = store_verdict(s, r);
	freeReplyObject(r);
	return e;
}

void store_read_early(struct store *s)
{
	while (s->redis && s->pending) {
		enum err e = read_answer(s);
		unsigned at =
			(s->early_first + s->early_count) % STORE_UNDER_WAY_MAX;

		if (!s->redis)
			return; /* all of them are unknown now */
		s->early[at] = e;
		s->early_count++;
	}
}

enum err store_append_wait(struct store *s)
{
	enum err e;

	if (!s->early_count)
		return s->redis && s->pending ? read_answer(s)
					      : ERR_UNREACHABLE;
	e = s->early[s->early_first];
	s->early_first = (s->early_first + 1) % STORE_UNDER_WAY_MAX;
	s->early_count--;
	return e;
}

unsigned store_append_pending(const struct store *s)
{
	return s->pending + s->early_count;
}

enum err store_append(struct store *s, const struct append *a)
{
	enum err e = store_append_send(s, a);

	return e ? e : store_append_wait(s);
}

/* ---- read --------------------------------------------------------------- */

static bool all_strings(const redisReply *r)
{
	for (size_t i = 0; i < r->elements; i++)
		if (r->element[i]->type != REDIS_REPLY_STRING)
			return false;
	return true;
}

/* [id, [t, TYPE, b, BODY]] */
static enum err parse_entry(const redisReply *r, struct entry *out)
{
	const redisReply *fields;
	char *end;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2)
		return ERR_CONFLICT;
	fields = r->element[1];
	if (r->element[0]->type != REDIS_REPLY_STRING ||
	    fields->type != REDIS_REPLY_ARRAY || fields->elements != 4 ||
	    !all_strings(fields))
		return ERR_CONFLICT;
	out->number = strtoull(r->element[0]->str, &end, 10);
	if (strcmp(end, "-0") != 0)
		return ERR_CONFLICT;
	out->type = (uint16_t)strtoul(fields->element[1]->str, NULL, 10);
	out->body.data = (const uint8_t *)fields->element[3]->str;
	out->body.size = (size_t)fields->element[3]->len;
	return ERR_NONE;
}

static redisReply *range(struct store *s, const char *log, uint64_t from,
			 unsigned max)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM], id[NUMBER_ROOM + 2];

	snprintf(id, sizeof id, "%" PRIu64 "-0", from);
	command_text(&c, "XRANGE");
	command_text(&c, store_key(s, key, "log", log));
	command_text(&c, id);
	command_text(&c, "+");
	command_text(&c, "COUNT");
	command_number(&c, max);
	return store_call(s, &c);
}

/* The log has nothing before entry @there, which isn't the one asked for. */
static enum err why_missing(struct store *s, const char *log, uint64_t there)
{
	uint64_t first;
	enum err e = store_first(s, log, &first);

	return e ? e : first >= there ? ERR_TRIMMED : ERR_CONFLICT;
}

/* Whether we can read what is in @log. */
static enum err check_protocol(struct store *s, const char *log)
{
	struct store_protocol p;
	enum err e = store_protocol(s, log, &p);

	return !e && p.number > protocol_ours ? ERR_NEWER : e;
}

enum err store_read(struct store *s, const char *log, uint64_t from,
		    unsigned max, uint64_t *next, store_entry_fn *fn, void *arg)
{
	redisReply *r = range(s, log, from, max);
	enum err e = ERR_NONE;

	*next = from;
	if (!r)
		return ERR_UNREACHABLE;
	s->reads++;
	if (r->type != REDIS_REPLY_ARRAY)
		e = ERR_CONFLICT;
	else if (r->elements) /* asked after it: what was noted before is seen
			       */
		e = check_protocol(s, log);
	for (size_t i = 0; !e && i < r->elements; i++) {
		struct entry entry;

		e = parse_entry(r->element[i], &entry);
		if (!e && entry.number != *next)
			e = i ? ERR_CONFLICT
			      : why_missing(s, log, entry.number);
		if (!e)
			e = fn(arg, &entry);
		if (!e)
			++*next;
	}
	freeReplyObject(r);
	return e;
}

static enum err find_end(struct store *s, const char *log, bool newest,
			 uint64_t *number)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];
	struct entry entry = {.number = 0};
	enum err e = ERR_NONE;
	redisReply *r;

	command_text(&c, newest ? "XREVRANGE" : "XRANGE");
	command_text(&c, store_key(s, key, "log", log));
	command_text(&c, newest ? "+" : "-");
	command_text(&c, newest ? "-" : "+");
	command_text(&c, "COUNT");
	command_text(&c, "1");
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	if (r->type != REDIS_REPLY_ARRAY)
		e = ERR_CONFLICT;
	else if (r->elements)
		e = parse_entry(r->element[0], &entry);
	*number = entry.number;
	freeReplyObject(r);
	return e;
}

enum err store_last(struct store *s, const char *log, uint64_t *number)
{
	return find_end(s, log, true, number);
}

enum err store_first(struct store *s, const char *log, uint64_t *number)
{
	return find_end(s, log, false, number);
}

enum err store_cursor(struct store *s, const char *service,
		      struct cursor *cursor)
{
	redisReply *r = store_get(s, "cursor", service);

	if (!r)
		return ERR_UNREACHABLE;
	*cursor = (struct cursor){0, 0};
	if (r->type == REDIS_REPLY_STRING) {
		char *end;

		cursor->input = strtoull(r->str, &end, 10);
		if (*end == ':')
			cursor->given = strtoull(end + 1, NULL, 10);
	}
	freeReplyObject(r);
	return ERR_NONE;
}

uint64_t store_reads(const struct store *s)
{
	return s->reads;
}
