/* The feed's small language, and who gets what next. */
#include "services/webhook-gateway/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/webhook-gateway/doc.h"

enum { ALL_LOGS = (1 << LOGS_COUNT) - 1 };

void feed_free(struct feed *f)
{
	buf_free(&f->answer);
}

static bool wants(const struct feed *f, enum logs log)
{
	return f->logs >> log & 1;
}

/* ---- answers ------------------------------------------------------------ */

static struct doc begin_answer(struct feed *f, const char *op)
{
	struct doc d = {&f->answer, false};

	buf_clear(&f->answer);
	buf_put_zeros(&f->answer, TAIL_HEADROOM);
	doc_object(&d, NULL);
	doc_text(&d, "op", op);
	return d;
}

void feed_end(struct feed *f, enum feed_close code, const char *why)
{
	struct doc d =
		begin_answer(f, code == FEED_LAGGING ? "lagging" : "error");

	doc_count(&d, "code", code);
	doc_text(&d, "text", why);
	doc_end(&d);
	f->close = code;
	f->subscribed = false;
}

/* ---- subscribing -------------------------------------------------------- */

/* A number, or a string of digits. */
static bool parse_number(const json_t *v, uint64_t *out)
{
	const char *text = json_string_value(v);
	char *end;

	if (json_is_integer(v)) {
		*out = (uint64_t)json_integer_value(v);
		return json_integer_value(v) >= 0;
	}
	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !*end && !errno;
}

static const char *parse_logs(struct feed *f, json_t *logs)
{
	json_t *name;
	size_t i;

	if (!logs)
		return NULL;
	if (!json_is_array(logs) || !json_array_size(logs))
		return "logs: a list of chain, book, match, task and slash, "
		       "or leave it out for all";
	f->logs = 0;
	json_array_foreach (logs, i, name) {
		const char *text = json_string_value(name);
		enum logs log = text ? logs_find(text) : LOGS_COUNT;

		if (log == LOGS_COUNT)
			return "logs: there are chain, book, match, task and "
			       "slash";
		f->logs |= 1u << log;
	}
	return NULL;
}

static const char *parse_from(struct feed *f, json_t *from)
{
	const char *name;
	json_t *v;

	if (!from)
		return NULL;
	if (!json_is_object(from))
		return "from: an object of logs and the newest number that "
		       "you have of each";
	json_object_foreach (from, name, v) {
		enum logs log = logs_find(name);
		uint64_t number;

		if (log == LOGS_COUNT || !wants(f, log))
			return "from: names a log that isn't in logs";
		if (!parse_number(v, &number) || number == UINT64_MAX)
			return "from: give the newest number that you have of "
			       "the log, 0 for all of it";
		f->next[log] = number + 1;
	}
	return NULL;
}

static bool knows_members(json_t *message)
{
	static const char *const known[] = {"op", "id", "epoch", "logs",
					    "from"};
	const char *name;
	json_t *v;

	json_object_foreach (message, name, v) {
		size_t i = 0;

		while (i < sizeof known / sizeof known[0] &&
		       strcmp(name, known[i]) != 0)
			i++;
		if (i == sizeof known / sizeof known[0])
			return false;
	}
	return true;
}

/* Read it into *f. NULL, or what is wrong with it. */
static const char *parse(struct feed *f, const struct tail *t, json_t *message)
{
	const char *op = json_string_value(json_object_get(message, "op"));
	const char *wrong;

	if (!op || strcmp(op, "subscribe") != 0)
		return "op: there is only subscribe";
	if (!knows_members(message))
		return "a subscription has op, id, epoch, logs and from, "
		       "nothing else";
	f->logs = ALL_LOGS;
	wrong = parse_logs(f, json_object_get(message, "logs"));
	for (int log = 0; log < LOGS_COUNT; log++)
		f->next[log] = tail_newest(t, log) + 1;
	return wrong ? wrong : parse_from(f, json_object_get(message, "from"));
}

static bool is_other_epoch(json_t *message, uint64_t epoch)
{
	json_t *said = json_object_get(message, "epoch");
	uint64_t number;

	return said && (!parse_number(said, &number) || number != epoch);
}

static void put_id(struct doc *d, json_t *message)
{
	json_t *id = json_object_get(message, "id");
	char number[24];
	int size;

	if (json_is_integer(id)) {
		size = snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
				json_integer_value(id));
		doc_raw(d, "id",
			(struct bytes){(uint8_t *)number, (size_t)size});
	} else if (json_is_string(id)) {
		doc_chars(d, "id", json_string_value(id),
			  json_string_length(id));
	}
}

static void welcome(struct feed *f, json_t *message, uint64_t epoch)
{
	struct doc d = begin_answer(f, "subscribed");

	put_id(&d, message);
	doc_id(&d, "epoch", epoch);
	doc_object(&d, "logs");
	for (int log = 0; log < LOGS_COUNT; log++) {
		if (!wants(f, log))
			continue;
		doc_object(&d, logs_name(log));
		doc_count(&d, "next", f->next[log]);
		doc_end(&d);
	}
	doc_end(&d);
	doc_end(&d);
	f->subscribed = true;
	f->reached = 0;
	f->behind_us = 0;
}

void feed_hear(struct feed *f, const struct tail *t, uint64_t epoch,
	       const char *text, size_t size)
{
	json_error_t why;
	json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	const char *wrong = json_is_object(message) ? parse(f, t, message)
						    : "it isn't a JSON object";

	if (wrong)
		feed_end(f, FEED_BAD, wrong);
	else if (is_other_epoch(message, epoch))
		feed_end(f, FEED_EPOCH,
			 "the logs began another life: forget what you have "
			 "and begin anew");
	else
		welcome(f, message, epoch);
	json_decref(message);
}

/* ---- what comes next ---------------------------------------------------- */

enum logs feed_due(const struct feed *f, const struct tail *t)
{
	enum logs first = LOGS_COUNT;
	uint64_t turn, first_turn = UINT64_MAX;

	for (int log = 0; log < LOGS_COUNT && f->subscribed; log++) {
		if (!wants(f, log) || f->next[log] < tail_oldest(t, log) ||
		    f->next[log] > tail_newest(t, log))
			continue;
		turn = tail_turn(t, log, f->next[log]);
		if (turn < first_turn) {
			first = log;
			first_turn = turn;
		}
	}
	return first;
}

/* Whether @log goes on with entries that the window doesn't hold. */
static bool is_missing(const struct feed *f, const struct tail *t,
		       enum logs log)
{
	return wants(f, log) && f->next[log] < tail_oldest(t, log) &&
	       f->next[log] <= tail_newest(t, log);
}

enum logs feed_missing(const struct feed *f, const struct tail *t)
{
	for (int log = 0; log < LOGS_COUNT && f->subscribed; log++)
		if (is_missing(f, t, log))
			return log;
	return LOGS_COUNT;
}

void feed_watch(struct feed *f, const struct tail *t, uint64_t now_us,
		uint64_t patience_us)
{
	bool behind = false;

	if (!f->subscribed)
		return;
	for (int log = 0; log < LOGS_COUNT; log++) {
		if (!is_missing(f, t, log))
			f->reached |= 1u << log;
		else if (f->reached >> log & 1)
			behind = true;
	}
	if (!behind)
		f->behind_us = 0;
	else if (!f->behind_us)
		f->behind_us = now_us;
	else if (now_us - f->behind_us > patience_us)
		feed_end(f, FEED_LAGGING,
			 "you read slower than the logs grow: connect again "
			 "with from, or ask for fewer logs");
}

void feed_heartbeat(const struct feed *f, const struct tail *t, struct buf *out)
{
	struct doc d = {out, false};

	doc_object(&d, NULL);
	doc_text(&d, "op", "heartbeat");
	doc_object(&d, "logs");
	for (int log = 0; log < LOGS_COUNT; log++)
		if (wants(f, log))
			doc_count(&d, logs_name(log), tail_newest(t, log));
	doc_end(&d);
	doc_end(&d);
}
