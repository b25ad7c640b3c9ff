/* alarm - something that should happen and doesn't: when it began, and when it
 * is over.
 *
 * An alarm is a static variable, as a metric is. Whoever can see what should
 * move says about once a second what he sees; alarm_look() returns whether an
 * episode begins or ends by that. Telling people is frame_alarm()'s (frame.h).
 *
 *	        nothing done for limit, though due
 *	QUIET ──────────────────────────────────────► GOING ON
 *	      ◄──────────────────────────────────────
 *	        well for half the limit
 *
 * Time is what the caller counts in: blocks or milliseconds. Pure, but for the
 * list that alarm_register() keeps. */
#ifndef COMMON_ALARM_H
#define COMMON_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/metric.h"

struct alarm {
	const char *name;     /* journal_stuck */
	const char *event;    /* alarm.journal_stuck */
	const char *text;     /* what it is, and what to do: one line */
	struct metric metric; /* alarm_journal_stuck: 1 while it goes on */

	/* alarm.c's own */
	bool due, on; /* at the last look */
	uint64_t done;
	uint64_t since;	   /* the last thing was done, or it became due */
	uint64_t bad;	   /* the last look that found it stuck */
	uint64_t begun_us; /* frame_alarm()'s */
	struct alarm *next;
};

#define ALARM(name_, text_)                                                    \
	{                                                                      \
		.name = name_, .event = "alarm." name_, .text = text_,         \
		.metric = {                                                    \
			.name = "alarm_" name_,                                \
			.help = "1 while it goes on",                          \
			.kind = METRIC_GAUGE                                   \
		}                                                              \
	}

struct alarm_look {
	bool due;	/* there is something that should be done */
	uint64_t done;	/* changes whenever some of it was */
	uint64_t now;	/* blocks or ms; going back begins anew */
	uint64_t limit; /* without anything done; 0: this alarm is off */
};

enum alarm_turn { ALARM_SAME, ALARM_BEGUN, ALARM_OVER };

/* What this look changes. */
enum alarm_turn alarm_look(struct alarm *a, const struct alarm_look *look);

/* Show @a in what follows, and its metric; it must stay alive. Twice is once.
 * Not thread-safe: call it while starting. */
void alarm_register(struct alarm *a);

/* Append "name name" of those that go on; nothing if none does. */
void alarm_names(struct buf *out);

/* Append a line "alarm name: text" for each that goes on. From any thread. */
void alarm_print(struct buf *out);

#endif /* COMMON_ALARM_H */
