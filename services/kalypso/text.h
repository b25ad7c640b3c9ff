/* text - what people type and read: amounts, times, numbers, strangers' words.
 *
 * No I/O, no clock. Unless said otherwise ERR_MALFORMED means that the text
 * isn't of that form, ERR_RANGE that the number is too large; *out is then as
 * it was. */
#ifndef SERVICES_KALYPSO_TEXT_H
#define SERVICES_KALYPSO_TEXT_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/types.h"
#include "common/u256.h"

/* Room for what the two formatting functions of times write. */
enum { CLI_TIME_ROOM = 40, CLI_SECONDS_ROOM = 48 };

/* Decimal digits and nothing else. */
NODISCARD enum err cli_parse_u64(uint64_t *out, const char *text);

/* Seconds: a whole number, "s", "m", "h" or "d" behind it or not. */
NODISCARD enum err cli_parse_seconds(uint64_t *out, const char *text);

/* Tokens of @decimals decimals, "3" or "1.25"; or units, "1250000u".
 * ERR_RANGE also: more digits behind the point than the token has. */
NODISCARD enum err cli_parse_amount(struct u256 *out, const char *text,
				    unsigned decimals);

/* "45 s", "5 min", "2 h 5 min", "6 d 23 h": the two largest units. */
char *cli_format_seconds(char text[CLI_SECONDS_ROOM], uint64_t seconds);

/* RFC 3339, UTC: "2026-11-21T08:17:00Z". Times behind the year 9999 come as
 * their number. */
char *cli_format_time(char text[CLI_TIME_ROOM], struct unix_s time);

/* What cli_format_time() writes, back to its number. ERR_MALFORMED */
NODISCARD enum err cli_parse_time(struct unix_s *out, const char *text);

/* Append @in so that a terminal shows it and JSON takes it: control characters
 * and what isn't UTF-8 become "?". */
void cli_put_clean(struct buf *out, struct bytes in);

/* The columns that @text (valid UTF-8) takes: its characters are counted. */
size_t cli_width(const char *text);

/* The name of a setting, "maxTime", as the bytes32 that contracts have it.
 * ERR_MALFORMED  empty, longer than 32, or not letters and digits */
NODISCARD enum err cli_parse_setting(struct hash32 *out, const char *name);

#endif /* SERVICES_KALYPSO_TEXT_H */
