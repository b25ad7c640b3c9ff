/* The feed's small language: what a client says, and what it is answered. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "services/webhook-gateway/feed_impl.h"

enum {
	ALL_LOGS = (1 << LOGS_COUNT) - 1,
	/* A gateway may be behind another one, but not so far. */
	AHEAD_MAX = 65536,
};

/* ---- values ------------------------------------------------------------- */

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

/* Whether @object has no members but those of @known. */
static bool has_only(json_t *object, const char *const *known)
{
	const char *name;
	json_t *v;

	json_object_foreach (object, name, v) {
		size_t i = 0;

		while (known[i] && strcmp(name, known[i]) != 0)
			i++;
		if (!known[i])
			return false;
	}
	return true;
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

/* ---- logs --------------------------------------------------------------- */

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

		if (log == LOGS_COUNT || !feed_wants(f, log))
			return "from: names a log that isn't in logs";
		if (!parse_number(v, &number) || number == UINT64_MAX)
			return "from: give the newest number that you have of "
			       "the log, 0 for all of it";
		f->next[log] = number + 1;
	}
	return NULL;
}

static void welcome_logs(struct feed *f, json_t *message, uint64_t epoch)
{
	struct doc d = feed_begin_answer(f, "subscribed");

	put_id(&d, message);
	doc_id(&d, "epoch", epoch);
	doc_object(&d, "logs");
	for (int log = 0; log < LOGS_COUNT; log++) {
		if (!feed_wants(f, log))
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

static const char *subscribe_to_logs(struct feed *f, const struct feed_world *w,
				     json_t *message)
{
	static const char *const known[] = {"op",   "id",   "epoch",
					    "logs", "from", NULL};
	const char *wrong;

	if (!has_only(message, known))
		return "a subscription has op, id, epoch, and channels, or "
		       "logs and from; nothing else";
	if (f->subs_count)
		return "this connection is for channels: take another for "
		       "logs";
	f->logs = ALL_LOGS;
	wrong = parse_logs(f, json_object_get(message, "logs"));
	for (int log = 0; log < LOGS_COUNT; log++)
		f->next[log] = tail_newest(w->tail, log) + 1;
	if (!wrong)
		wrong = parse_from(f, json_object_get(message, "from"));
	if (wrong)
		return wrong;
	if (is_other_epoch(message, w->epoch))
		feed_end(f, FEED_EPOCH,
			 "the logs began another life: forget what you have "
			 "and begin anew");
	else
		welcome_logs(f, message, w->epoch);
	return NULL;
}

/* ---- channels ----------------------------------------------------------- */

/* What each channel can be narrowed down to. */
static const struct {
	bool market, requester, generator;
} filters[CHANNELS] = {
	[CHANNEL_BOOK] = {.market = true},
	[CHANNEL_REQUESTS] = {.market = true, .requester = true},
	[CHANNEL_TASKS] = {.market = true, .generator = true},
};

static const char *parse_address(struct address *out, bool *there, json_t *v,
				 bool allowed)
{
	const char *text = json_string_value(v);

	*there = v;
	if (!v)
		return NULL;
	if (!allowed)
		return "channels: requests have a requester, tasks a "
		       "generator, the others neither";
	if (!text || address_parse(out, text))
		return "channels: an address is 0x and 40 hex digits, in lower "
		       "case or with the checksum of EIP-55";
	return NULL;
}

static const char *parse_filter(struct filter *out, json_t *v)
{
	const char *name = json_string_value(json_object_get(v, "name"));
	json_t *market = json_object_get(v, "market");
	const char *wrong;

	*out = (struct filter){.channel = name ? channel_find(name) : CHANNELS};
	if (out->channel == CHANNELS)
		return "channels: there are blocks, markets, book, requests, "
		       "tasks, generators, slashes and stats";
	if (market && !filters[out->channel].market)
		return "channels: book, requests and tasks have a market, the "
		       "others don't";
	if (market &&
	    (!parse_number(market, &out->market_id) || !out->market_id))
		return "channels: market is an id, a number from 1";
	if (!market && out->channel == CHANNEL_BOOK)
		return "channels: book needs its market";
	wrong = parse_address(&out->requester, &out->of_requester,
			      json_object_get(v, "requester"),
			      filters[out->channel].requester);
	return wrong ? wrong
		     : parse_address(&out->generator, &out->of_generator,
				     json_object_get(v, "generator"),
				     filters[out->channel].generator);
}

/* Where it begins: after @from, if all that it missed is in the window. */
static void place(struct feed_sub *s, const struct feed_world *w, uint64_t from,
		  bool is_epoch)
{
	enum logs log = channel_log(s->filter.channel);
	uint64_t shown = feed_shown(w, log);

	if (!is_epoch)
		s->reason = FEED_OLD_EPOCH;
	else if (from > shown && from - shown > AHEAD_MAX)
		s->reason = FEED_AHEAD;
	else if (from < shown && from + 1 < tail_oldest(w->tail, log))
		s->reason = FEED_WINDOW;
	s->prev = from;
	s->next = from + 1;
}

static const char *parse_channel(struct feed_sub *s, const struct feed_world *w,
				 json_t *v, bool is_epoch)
{
	static const char *const known[] = {"name",	 "market", "requester",
					    "generator", "from",   NULL};
	json_t *from = json_object_get(v, "from");
	const char *wrong;
	uint64_t number;

	if (!json_is_object(v) || !has_only(v, known))
		return "channels: each has a name, and, where they apply, "
		       "market, requester, generator and from";
	wrong = parse_filter(&s->filter, v);
	if (wrong)
		return wrong;
	if (!from)
		s->reason = FEED_FIRST;
	else if (parse_number(from, &number))
		place(s, w, number, is_epoch);
	else
		return "channels: from is the newest number that you have";
	return NULL;
}

static void show_sub(struct doc *d, const struct feed_sub *s)
{
	const struct filter *filter = &s->filter;

	doc_object(d, NULL);
	doc_count(d, "sub", s->number);
	doc_text(d, "channel", channel_name(filter->channel));
	if (filter->market_id)
		doc_id(d, "market", filter->market_id);
	if (filter->of_requester)
		doc_address(d, "requester", &filter->requester);
	if (filter->of_generator)
		doc_address(d, "generator", &filter->generator);
	doc_text(d, "log", logs_name(channel_log(filter->channel)));
	doc_bool(d, "resumed", !s->reason);
	doc_end(d);
}

static void welcome_channels(struct feed *f, json_t *message, uint64_t epoch,
			     unsigned first)
{
	struct doc d = feed_begin_answer(f, "subscribed");

	put_id(&d, message);
	doc_id(&d, "epoch", epoch);
	doc_array(&d, "subs");
	for (unsigned i = first; i < f->subs_count; i++)
		show_sub(&d, &f->subs[i]);
	doc_end_array(&d);
	doc_end(&d);
}

static const char *subscribe_to_channels(struct feed *f,
					 const struct feed_world *w,
					 json_t *message)
{
	static const char *const known[] = {"op", "id", "epoch", "channels",
					    NULL};
	json_t *channels = json_object_get(message, "channels"), *v;
	bool is_epoch = !is_other_epoch(message, w->epoch);
	size_t count = json_array_size(channels), i;
	unsigned first = f->subs_count;
	struct feed_sub *subs;

	if (!has_only(message, known))
		return "a subscription to channels has op, id, epoch and "
		       "channels, nothing else";
	if (f->subscribed)
		return "this connection is for logs: take another for "
		       "channels";
	if (!count || count + first > FEED_SUBS_MAX)
		return "channels: a list; a connection has at most 16 "
		       "subscriptions";
	subs = realloc(f->subs, (first + count) * sizeof *subs);
	if (!subs)
		return "there is no memory for it: try again later";
	f->subs = subs;
	json_array_foreach (channels, i, v) {
		struct feed_sub *s = &subs[first + i];
		const char *wrong;

		*s = (struct feed_sub){.number = ++f->subs_last};
		wrong = parse_channel(s, w, v, is_epoch);
		if (wrong)
			return wrong;
	}
	f->subs_count = first + (unsigned)count;
	f->beat = true; /* so that it soon has a number to go on from */
	welcome_channels(f, message, w->epoch, first);
	return NULL;
}

static bool remove_sub(struct feed *f, uint64_t number)
{
	unsigned at = 0;

	while (at < f->subs_count && f->subs[at].number != number)
		at++;
	if (at == f->subs_count)
		return false;
	memmove(&f->subs[at], &f->subs[at + 1],
		(--f->subs_count - at) * sizeof f->subs[0]);
	return true;
}

static const char *unsubscribe(struct feed *f, json_t *message)
{
	static const char *const known[] = {"op", "id", "subs", NULL};
	json_t *subs = json_object_get(message, "subs"), *v;
	struct doc d;
	size_t i;

	if (!has_only(message, known) || !json_array_size(subs))
		return "unsubscribe has op, id, and in subs the numbers of "
		       "subscriptions";
	json_array_foreach (subs, i, v) {
		uint64_t number;

		if (!parse_number(v, &number) || !remove_sub(f, number))
			return "subs: numbers of subscriptions of this "
			       "connection, as their answer gave them";
	}
	d = feed_begin_answer(f, "unsubscribed");
	put_id(&d, message);
	doc_array(&d, "subs");
	json_array_foreach (subs, i, v) {
		uint64_t number;

		if (parse_number(v, &number))
			doc_count(&d, NULL, number);
	}
	doc_end_array(&d);
	doc_end(&d);
	return NULL;
}

/* ---- what it says ------------------------------------------------------- */

/* Do it. NULL, or what is wrong with it. */
static const char *obey(struct feed *f, const struct feed_world *w,
			json_t *message)
{
	const char *op = json_string_value(json_object_get(message, "op"));

	if (!json_is_object(message))
		return "it isn't a JSON object";
	if (op && strcmp(op, "unsubscribe") == 0)
		return unsubscribe(f, message);
	if (!op || strcmp(op, "subscribe") != 0)
		return "op: there are subscribe and unsubscribe";
	return json_object_get(message, "channels")
		       ? subscribe_to_channels(f, w, message)
		       : subscribe_to_logs(f, w, message);
}

void feed_hear(struct feed *f, const struct feed_world *w, const char *text,
	       size_t size)
{
	json_error_t why;
	const char *wrong;
	json_t *message;

	if (++f->said > FEED_SAID_MAX) {
		feed_end(f, FEED_STORM,
			 "at most 40 messages at once, and then 4 a second");
		return;
	}
	message = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	wrong = obey(f, w, message);
	if (wrong)
		feed_end(f, FEED_BAD, wrong);
	json_decref(message);
}
