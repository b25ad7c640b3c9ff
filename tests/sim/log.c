/* common/log.h: lines are counted by their event, shown if somebody asks, and
 * looked through for what must not be. */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/world_impl.h"

enum { NAMES_MAX = 256 };

static struct {
	const char *name;
	uint64_t count;
} logged[NAMES_MAX];

void log_open(const char *service, enum log_level least, bool json)
{
	(void)service;
	(void)least;
	(void)json;
}

enum err log_level_parse(enum log_level *level, const char *text)
{
	(void)text;
	*level = LEVEL_INFO;
	return ERR_NONE;
}

bool log_shows(enum log_level level)
{
	(void)level;
	return world_is_verbose();
}

static bool has_rival(const struct process *p)
{
	for (unsigned i = 0; i < process_count(); i++)
		if (process_at(i) != p &&
		    process_program(process_at(i)) == process_program(p))
			return true;
	return false;
}

static void count_logged(const char *event)
{
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		if (!logged[i].name)
			logged[i].name = event;
		if (strcmp(logged[i].name, event) != 0)
			continue;
		logged[i].count++;
		return;
	}
}

uint64_t world_logged(const char *event)
{
	for (unsigned i = 0; i < NAMES_MAX && logged[i].name; i++)
		if (strcmp(logged[i].name, event) == 0)
			return logged[i].count;
	return 0;
}

static bool is_judged(const char *event)
{
	return strcmp(event, "service.stopping") == 0 ||
	       strcmp(event, "service.reloading") == 0 ||
	       strcmp(event, "tx.outsider") == 0;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	struct process *p = process_current();
	char text[1024];
	va_list args;

	if (process_is_dead())
		return;
	count_logged(event);
	if (!world_is_verbose() && !is_judged(event))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (world_is_verbose())
		printf("%10.3f %s %s.%s %s %s\n", (double)world_now_us() / 1e6,
		       levels[level], p ? process_program(p)->name : "-",
		       p ? process_instance(p) : "-", event, text);
	/* The store keeps what it acknowledged, and accounts are ours alone:
	 * to begin again, or an end for any other reason than somebody else's
	 * having the lease, or having had it, is a bug. */
	if (is_judged(event) && strcmp(event, "service.stopping") != 0)
		wrong("%s.%s: %s %s", process_program(p)->name,
		      process_instance(p), event, text);
	if (strcmp(event, "service.stopping") == 0 &&
	    !strstr(text, "err=FENCED") &&
	    !(strstr(text, "what=log.append err=CONFLICT") && has_rival(p)))
		wrong("%s.%s stops itself: %s", process_program(p)->name,
		      process_instance(p), text);
}
