/* Streams of fields: what, reason, where from, size, body. */
#include "common/quarantine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/store_impl.h"

enum { MARK_ROOM = 96, FIELDS_MAX = 32 };

/* An entry's name among those that were kept; "" for an event. */
static const char *mark_of(char out[MARK_ROOM],
			   const struct quarantine_origin *from)
{
	*out = 0;
	if (*from->log)
		snprintf(out, MARK_ROOM, "%" PRIu64 ":%.32s:%" PRIu64,
			 from->epoch, from->log, from->number);
	return out;
}

static void add_number(struct command *c, const char *name, uint64_t v)
{
	command_text(c, name);
	command_number(c, v);
}

static void add_text(struct command *c, const char *name, const char *text)
{
	command_text(c, name);
	command_text(c, text);
}

enum err quarantine_put(struct store *s, const char *service,
			const struct quarantine_item *item,
			const struct quarantine_limits *limits)
{
	const struct quarantine_origin *from = &item->from;
	struct bytes body = item->body;
	struct command c = {.count = 0};
	char key[KEY_ROOM], known[KEY_ROOM], mark[MARK_ROOM];
	redisReply *r;
	enum err e;

	if (body.size > limits->bytes)
		body.size = limits->bytes;
	add_text(&c, "FCALL", "kalypso_quarantine");
	command_text(&c, "2");
	command_text(&c, store_key(s, key, "quarantine", service));
	command_text(&c, store_key(s, known, "quarantined", service));
	command_number(&c, limits->items);
	command_text(&c, mark_of(mark, from));
	add_text(&c, "what", item->what);
	add_text(&c, "reason", item->reason);
	add_text(&c, "log", from->log);
	add_number(&c, "epoch", from->epoch);
	add_number(&c, "number", from->number);
	add_number(&c, "type", from->type);
	add_number(&c, "topics", from->topics);
	add_number(&c, "size", item->body.size);
	command_text(&c, "body");
	command_bytes(&c, body);
	r = store_call(s, &c);
	e = store_verdict(s, r);
	freeReplyObject(r);
	return e;
}

/* @c's answer, which is a number. */
static enum err count_of(struct store *s, const struct command *c,
			 uint64_t *count)
{
	redisReply *r = store_call(s, c);

	if (!r)
		return ERR_UNREACHABLE;
	*count = r->type == REDIS_REPLY_INTEGER	 ? (uint64_t)r->integer
		 : r->type == REDIS_REPLY_STRING ? strtoull(r->str, NULL, 10)
						 : 0;
	freeReplyObject(r);
	return ERR_NONE;
}

enum err quarantine_count(struct store *s, const char *service, uint64_t *count)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];

	command_text(&c, "XLEN");
	command_text(&c, store_key(s, key, "quarantine", service));
	return count_of(s, &c, count);
}

/* ---- reading ------------------------------------------------------------ */

static const redisReply *field(const redisReply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (strcmp(fields->element[i]->str, name) == 0)
			return fields->element[i + 1];
	return NULL;
}

static const char *text_of(const redisReply *fields, const char *name)
{
	const redisReply *r = field(fields, name);

	return r ? r->str : "";
}

static uint64_t number_of(const redisReply *fields, const char *name)
{
	return strtoull(text_of(fields, name), NULL, 10);
}

static bool is_item(const redisReply *r)
{
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
	    r->element[0]->type != REDIS_REPLY_STRING ||
	    r->element[1]->type != REDIS_REPLY_ARRAY ||
	    r->element[1]->elements > FIELDS_MAX)
		return false;
	for (size_t i = 0; i < r->element[1]->elements; i++)
		if (r->element[1]->element[i]->type != REDIS_REPLY_STRING)
			return false;
	return true;
}

static void give(const redisReply *r, quarantine_fn *fn, void *arg)
{
	const redisReply *fields = r->element[1];
	const redisReply *body = field(fields, "body");
	struct quarantine_item item = {
		.what = text_of(fields, "what"),
		.reason = text_of(fields, "reason"),
		.from = {.log = text_of(fields, "log"),
			 .epoch = number_of(fields, "epoch"),
			 .number = number_of(fields, "number"),
			 .type = (uint16_t)number_of(fields, "type"),
			 .topics = (unsigned)number_of(fields, "topics")},
		.size = number_of(fields, "size")};

	snprintf(item.id, sizeof item.id, "%s", r->element[0]->str);
	if (body)
		item.body = (struct bytes){(const uint8_t *)body->str,
					   (size_t)body->len};
	if (item.size < item.body.size)
		item.size = item.body.size;
	fn(arg, &item);
}

/* @from and @to as XRANGE has them. *given counts. */
static enum err range(struct store *s, const char *service, const char *from,
		      const char *to, unsigned max, quarantine_fn *fn,
		      void *arg, size_t *given)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];
	redisReply *r;

	*given = 0;
	command_text(&c, "XRANGE");
	command_text(&c, store_key(s, key, "quarantine", service));
	command_text(&c, from);
	command_text(&c, to);
	command_text(&c, "COUNT");
	command_number(&c, max);
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
		if (is_item(r->element[i])) {
			give(r->element[i], fn, arg);
			++*given;
		}
	freeReplyObject(r);
	return ERR_NONE;
}

enum err quarantine_each(struct store *s, const char *service,
			 const char *after, unsigned max, quarantine_fn *fn,
			 void *arg)
{
	char from[sizeof((struct quarantine_item *)NULL)->id + 1];
	size_t given;

	snprintf(from, sizeof from, "%s%s", *after ? "(" : "-", after);
	return range(s, service, from, "+", max, fn, arg, &given);
}

/* Digits, a hyphen, digits: nothing that a range would take for more. */
static bool is_id(const char *id)
{
	size_t n = strspn(id, "0123456789"), m;

	if (n == 0 || n > 20 || id[n] != '-')
		return false;
	m = strspn(id + n + 1, "0123456789");
	return m > 0 && m <= 20 && !id[n + 1 + m];
}

enum err quarantine_get(struct store *s, const char *service, const char *id,
			quarantine_fn *fn, void *arg)
{
	size_t given = 0;
	enum err e = ERR_NONE;

	if (is_id(id))
		e = range(s, service, id, id, 1, fn, arg, &given);
	return e || given ? e : ERR_NOT_FOUND;
}

enum err quarantine_drop(struct store *s, const char *service, const char *id)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];
	uint64_t count = 0;
	enum err e = ERR_NONE;

	command_text(&c, "XDEL");
	command_text(&c, store_key(s, key, "quarantine", service));
	command_text(&c, id);
	if (is_id(id))
		e = count_of(s, &c, &count);
	return e || count ? e : ERR_NOT_FOUND;
}

/* ---- again -------------------------------------------------------------- */

bool quarantine_can_retry(const char *service)
{
	return strcmp(service, "task-publisher") == 0;
}

enum err quarantine_retry(struct store *s, const char *service,
			  const struct quarantine_item *item)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM], known[KEY_ROOM], retries[KEY_ROOM];
	char mark[MARK_ROOM];
	uint64_t count = 0;
	enum err e;

	add_text(&c, "FCALL", "kalypso_quarantine_retry");
	command_text(&c, "3");
	command_text(&c, store_key(s, key, "quarantine", service));
	command_text(&c, store_key(s, known, "quarantined", service));
	command_text(&c, store_key(s, retries, "retries", service));
	command_text(&c, item->id);
	command_text(&c, mark_of(mark, &item->from));
	e = count_of(s, &c, &count);
	return e || count ? e : ERR_NOT_FOUND;
}

enum err quarantine_retries(struct store *s, const char *service,
			    uint64_t *count)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];

	command_text(&c, "GET");
	command_text(&c, store_key(s, key, "retries", service));
	return count_of(s, &c, count);
}
