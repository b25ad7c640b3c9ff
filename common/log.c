/* One write(2) per line, so that threads and processes do not interleave. */
#include "common/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/trace.h"
#include "common/utf8.h"

/* In JSON a pair takes up to three times its bytes: "= " is ,"":"" there. */
enum {
	PAIRS_MAX = 2000,
	TRACE_PAIR_ROOM = TRACE_ROOM + 8,
	LINE_MAX_BYTES = 3 * (PAIRS_MAX + TRACE_PAIR_ROOM) + 256,
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *who = "-";
static enum log_level threshold = LEVEL_INFO;
static bool as_json;

void log_open(const char *service, enum log_level least, bool json)
{
	who = service;
	threshold = least;
	as_json = json;
}

enum err log_level_parse(enum log_level *level, const char *text)
{
	for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0];
	     i++)
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return ERR_NONE;
		}
	return ERR_MALFORMED;
}

struct line {
	char text[LINE_MAX_BYTES];
	size_t size;
};

static void put(struct line *l, const char *text, size_t size)
{
	size_t room = sizeof l->text - 1 - l->size; /* for the line feed */

	if (size > room)
		size = room;
	memcpy(l->text + l->size, text, size);
	l->size += size;
}

static void put_text(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

static void put_json_chars(struct line *l, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '"' || text[i] == '\\')
			put(l, "\\", 1);
		put(l, text + i, 1);
	}
}

static size_t value_size(const char *p, bool quoted)
{
	size_t n = 0;

	/* A quoted value ends at the quote that a space or the end follows. */
	while (p[n] &&
	       (quoted ? !(p[n] == '"' && (!p[n + 1] || p[n + 1] == ' '))
		       : p[n] != ' '))
		n++;
	return n;
}

/* The end of a pair request=NUMBER; NULL if @pairs has none. */
static char *find_request(char *pairs, uint64_t *request)
{
	static const char key[] = "request=";

	for (char *p = pairs; *p;) {
		size_t name = strcspn(p, "= ");
		char *value = p + name + (p[name] == '='), *end;
		bool quoted = *value == '"';
		size_t size = value_size(value + quoted, quoted);

		if (strncmp(p, key, sizeof key - 1) == 0 && *value >= '0' &&
		    *value <= '9') {
			*request = strtoull(value, &end, 10);
			if (end == value + size)
				return end;
		}
		p = value + quoted + size;
		p += quoted && *p;
		p += *p == ' ';
	}
	return NULL;
}

/* Right behind it: what follows may be cut. */
static void add_trace(char pairs[PAIRS_MAX + TRACE_PAIR_ROOM])
{
	char id[TRACE_ROOM], pair[TRACE_PAIR_ROOM];
	uint64_t request;
	char *at = find_request(pairs, &request);
	size_t size;

	if (!at || !*trace_id(id, request))
		return;
	size = (size_t)snprintf(pair, sizeof pair, " trace=%s", id);
	memmove(at + size, at, strlen(at) + 1);
	memcpy(at, pair, size);
}

static void put_json_pairs(struct line *l, const char *p)
{
	while (*p) {
		size_t key = strcspn(p, "= ");
		bool quoted;
		size_t size;

		if (p[key] != '=') { /* not a pair: skip the word */
			p += key + (p[key] == ' ');
			continue;
		}
		put_text(l, ",\"");
		put_json_chars(l, p, key);
		put_text(l, "\":\"");
		p += key + 1;
		quoted = *p == '"';
		p += quoted;
		size = value_size(p, quoted);
		put_json_chars(l, p, size);
		put_text(l, "\"");
		p += size;
		p += quoted && *p;
		p += *p == ' ';
	}
}

static void put_time(struct line *l)
{
	struct timespec ts;
	struct tm tm;
	char text[40], ms[8];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	put(l, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm));
	snprintf(ms, sizeof ms, ".%03dZ", (int)(ts.tv_nsec / 1000000));
	put_text(l, ms);
}

/* Only text, and none that could begin a line. */
static void clean(char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t n = utf8_size((unsigned char *)text, left);

		if (!n || (unsigned char)*text < ' ' || *text == 127) {
			*text = '?';
			n = 1;
		}
		text += n;
		left -= n;
	}
}

bool log_shows(enum log_level level)
{
	return level >= threshold;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char pairs[PAIRS_MAX + TRACE_PAIR_ROOM];
	struct line l = {.size = 0};
	va_list ap;

	if (!log_shows(level))
		return;
	va_start(ap, fmt);
	vsnprintf(pairs, PAIRS_MAX, fmt, ap);
	va_end(ap);
	clean(pairs);
	add_trace(pairs);

	put_text(&l, as_json ? "{\"time\":\"" : "");
	put_time(&l);
	put_text(&l, as_json ? "\",\"level\":\"" : " ");
	put_text(&l, level_names[level]);
	put_text(&l, as_json ? "\",\"service\":\"" : " ");
	put_text(&l, who);
	put_text(&l, as_json ? "\",\"event\":\"" : " ");
	put_text(&l, event);
	if (as_json) {
		put_text(&l, "\"");
		put_json_pairs(&l, pairs);
		put_text(&l, "}");
	} else if (*pairs) {
		put_text(&l, " ");
		put_text(&l, pairs);
	}
	l.text[l.size++] = '\n';
	/* Nobody to tell if stderr is gone. */
	if (write(STDERR_FILENO, l.text, l.size) < 0)
		return;
}
