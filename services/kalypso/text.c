/* Strict in what is taken, short in what is shown. */
#include "services/kalypso/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- numbers ------------------------------------------------------------ */

/* The number at the start of @text; *end is behind it. */
static enum err read_digits(uint64_t *out, const char *text, const char **end)
{
	uint64_t v = 0;
	const char *p = text;

	for (; isdigit((unsigned char)*p); p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return ERR_RANGE;
		v = v * 10 + digit;
	}
	if (p == text)
		return ERR_MALFORMED;
	*end = p;
	*out = v;
	return ERR_NONE;
}

enum err cli_parse_u64(uint64_t *out, const char *text)
{
	const char *end;
	uint64_t v;
	enum err e = read_digits(&v, text, &end);

	if (e)
		return e;
	if (*end)
		return ERR_MALFORMED;
	*out = v;
	return ERR_NONE;
}

static uint64_t unit_seconds(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"", 1},
		     {"s", 1},
		     {"m", 60},
		     {"h", 60 * 60},
		     {"d", 24 * 60 * 60}};

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].seconds;
	return 0;
}

enum err cli_parse_seconds(uint64_t *out, const char *text)
{
	const char *unit;
	uint64_t v, scale;
	enum err e = read_digits(&v, text, &unit);

	if (e)
		return e;
	scale = unit_seconds(unit);
	if (!scale)
		return ERR_MALFORMED;
	if (v > UINT64_MAX / scale)
		return ERR_RANGE;
	*out = v * scale;
	return ERR_NONE;
}

enum err cli_parse_amount(struct u256 *out, const char *text, unsigned decimals)
{
	size_t size = strlen(text);
	char units[U256_DEC_ROOM];
	struct amount a;
	enum err e;

	if (size == 0 || text[size - 1] != 'u') {
		e = amount_parse(&a, text, decimals);
		if (!e)
			*out = a.v;
		return e;
	}
	if (size > sizeof units)
		return ERR_RANGE;
	memcpy(units, text, size - 1);
	units[size - 1] = 0;
	return u256_parse_dec(out, units);
}

enum err cli_parse_setting(struct hash32 *out, const char *name)
{
	size_t size = strlen(name);

	if (size == 0 || size > sizeof out->bytes)
		return ERR_MALFORMED;
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)name[i]))
			return ERR_MALFORMED;
	memset(out->bytes, 0, sizeof out->bytes);
	memcpy(out->bytes, name, size);
	return ERR_NONE;
}

/* ---- times -------------------------------------------------------------- */

char *cli_format_seconds(char text[CLI_SECONDS_ROOM], uint64_t s)
{
	uint64_t minutes = s / 60, hours = minutes / 60, days = hours / 24;
	int n;

	if (days)
		n = snprintf(text, CLI_SECONDS_ROOM, "%" PRIu64 " d", days);
	else if (hours)
		n = snprintf(text, CLI_SECONDS_ROOM, "%" PRIu64 " h", hours);
	else if (minutes)
		n = snprintf(text, CLI_SECONDS_ROOM, "%" PRIu64 " min",
			     minutes);
	else
		n = snprintf(text, CLI_SECONDS_ROOM, "%" PRIu64 " s", s);
	if (days && hours % 24)
		snprintf(text + n, CLI_SECONDS_ROOM - (size_t)n,
			 " %" PRIu64 " h", hours % 24);
	else if (!days && hours && minutes % 60)
		snprintf(text + n, CLI_SECONDS_ROOM - (size_t)n,
			 " %" PRIu64 " min", minutes % 60);
	else if (!hours && minutes && s % 60)
		snprintf(text + n, CLI_SECONDS_ROOM - (size_t)n,
			 " %" PRIu64 " s", s % 60);
	return text;
}

char *cli_format_time(char text[CLI_TIME_ROOM], struct unix_s time)
{
	const uint64_t end_of_9999 = 253402300799;
	time_t t = (time_t)time.v;
	struct tm tm;

	if (time.v > end_of_9999 || !gmtime_r(&t, &tm))
		snprintf(text, CLI_TIME_ROOM, "%" PRIu64, time.v);
	else
		strftime(text, CLI_TIME_ROOM, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

enum err cli_parse_time(struct unix_s *out, const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t t;

	if (!end || *end)
		return cli_parse_u64(&out->v, text);
	t = timegm(&tm);
	if (t < 0)
		return ERR_MALFORMED;
	out->v = (uint64_t)t;
	return ERR_NONE;
}

/* ---- strangers' words --------------------------------------------------- */

/* How many bytes of UTF-8 make one printable character at @p, of @size; 0 if
 * none (RFC 3629; C1 controls and surrogates are none). */
static size_t utf8_size(const uint8_t *p, size_t size)
{
	size_t more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
	uint32_t v;

	if (*p < 0x80)
		return *p >= 0x20 && *p != 0x7f;
	if (*p < 0xc2 || *p > 0xf4 || size <= more)
		return 0;
	v = *p & (0x3fu >> more);
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3fu);
	}
	if (v < 0xa0 || (more == 2 && v < 0x800) || (v >> 11) == 0x1b ||
	    (more == 3 && (v < 0x10000 || v > 0x10ffff)))
		return 0;
	/* What turns text around on a terminal isn't for display either. */
	if ((v >= 0x200e && v <= 0x200f) || (v >= 0x202a && v <= 0x202e) ||
	    (v >= 0x2066 && v <= 0x2069))
		return 0;
	return more + 1;
}

void cli_put_clean(struct buf *out, struct bytes in)
{
	while (in.size) {
		size_t n = utf8_size(in.data, in.size);

		if (n)
			buf_put(out, in.data, n);
		else
			buf_put_u8(out, '?');
		in.data += n ? n : 1;
		in.size -= n ? n : 1;
	}
}

size_t cli_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}
