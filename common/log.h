/* log - one line per event on stderr, for people or as JSON.
 *
 * Human:  2026-11-21T08:15:00.123Z info matcher match.made request=7 price=12
 * JSON:   {"time":"…","level":"info","service":"matcher","event":"match.made",
 *          "request":"7","price":"12"}
 *
 * A line with a pair request=NUMBER gets a pair trace=…, of common/trace.h, so
 * that one grep finds what every process did about a request.
 *
 * Safe to call from any thread. Control characters in values, and what isn't
 * UTF-8, are replaced by '?': nothing from outside can begin a line of its own,
 * or break the JSON. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

#include "common/err.h"

/* The level says who acts: error a person, now; warn nobody, but it should
 * not become usual; info nobody, it is the story of the run; debug nobody. */
enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

/* Name every following line after @service (borrowed, must stay alive), leave
 * out what is below @least. Without this call: "-", LEVEL_INFO, human. */
void log_open(const char *service, enum log_level least, bool json);

/* "debug", "info", "warn" or "error" to a level. ERR_MALFORMED: neither;
 * *level is as it was. */
NODISCARD enum err log_level_parse(enum log_level *level, const char *text);

/* Whether a line of @level would be written: for lines that are dear to make.
 */
bool log_shows(enum log_level level);

/* @event is a dotted constant ("match.made"); the rest is printf for
 * key=value pairs, values with spaces in double quotes. At most 2,000 bytes
 * of pairs are written. Never fails. */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(...) log_event(LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_event(LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_event(LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_event(LEVEL_ERROR, __VA_ARGS__)

#endif /* COMMON_LOG_H */
