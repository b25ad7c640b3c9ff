/* Words to look for, most certain first. */
#include "common/refusal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TOO_MANY_REQUESTS = 429, BLOCKS_MAX = 10000000 };

static const struct {
	enum refusal refusal;
	const char *words;
} rows[] = {
	/* Too often. Before the others: "limit exceeded" is said of both. */
	{REFUSAL_LIMITED, "rate limit"},
	{REFUSAL_LIMITED, "rate-limit"},
	{REFUSAL_LIMITED, "request rate exceeded"},
	{REFUSAL_LIMITED, "too many requests"},
	{REFUSAL_LIMITED, "request count exceeded"},
	{REFUSAL_LIMITED, "request limit reached"},
	{REFUSAL_LIMITED, "requests per second"},
	{REFUSAL_LIMITED, "compute units per second"},
	{REFUSAL_LIMITED, "throughput"},
	{REFUSAL_LIMITED, "quota"},
	{REFUSAL_LIMITED, "capacity exceeded"},
	{REFUSAL_LIMITED, "no backend is currently healthy"},
	/* A block that isn't there (yet). */
	{REFUSAL_UNKNOWN, "unknown block"},
	{REFUSAL_UNKNOWN, "block not found"},
	{REFUSAL_UNKNOWN, "header not found"},
	{REFUSAL_UNKNOWN, "header for hash not found"},
	{REFUSAL_UNKNOWN, "blockoutofrange"},
	{REFUSAL_UNKNOWN, "cannot find block"},
	{REFUSAL_UNKNOWN, "could not find block"},
	{REFUSAL_UNKNOWN, "block range extends beyond current head"},
	{REFUSAL_UNKNOWN, "after last accepted block"},
	/* Of one answer. */
	{REFUSAL_TOO_MUCH, "query returned more than"},
	{REFUSAL_TOO_MUCH, "returns too many logs"},
	{REFUSAL_TOO_MUCH, "too many logs"},
	{REFUSAL_TOO_MUCH, "too many results"},
	{REFUSAL_TOO_MUCH, "max results"},
	{REFUSAL_TOO_MUCH, "logs matched by query exceeds"},
	{REFUSAL_TOO_MUCH, "response size"},
	{REFUSAL_TOO_MUCH, "response too large"},
	{REFUSAL_TOO_MUCH, "response is too big"},
	{REFUSAL_TOO_MUCH, "too much data"},
	{REFUSAL_TOO_MUCH, "result is too large"},
	{REFUSAL_TOO_MUCH, "query timeout"},
	{REFUSAL_TOO_MUCH, "query timed out"},
	{REFUSAL_TOO_MUCH, "request timed out"},
	{REFUSAL_TOO_MUCH, "execution timeout"},
	{REFUSAL_TOO_MUCH, "context deadline exceeded"},
	{REFUSAL_TOO_MUCH, "took too long"},
	/* Of one question. */
	{REFUSAL_TOO_MUCH, "block range"},
	{REFUSAL_TOO_MUCH, "blocks range"},
	{REFUSAL_TOO_MUCH, "range is too large"},
	{REFUSAL_TOO_MUCH, "range too large"},
	{REFUSAL_TOO_MUCH, "range is too wide"},
	{REFUSAL_TOO_MUCH, "range exceeds"},
	{REFUSAL_TOO_MUCH, "max range"},
	{REFUSAL_TOO_MUCH, "exceeds the range"},
	{REFUSAL_TOO_MUCH, "exceeds limit of"},
	{REFUSAL_TOO_MUCH, "range limit"},
	{REFUSAL_TOO_MUCH, "ranges over"},
	{REFUSAL_TOO_MUCH, "too many blocks"},
	{REFUSAL_TOO_MUCH, "blocks distance"},
	{REFUSAL_TOO_MUCH, "number of requested blocks"},
	{REFUSAL_TOO_MUCH, "limit the query to"},
	{REFUSAL_TOO_MUCH, "query must be smaller than size"},
	{REFUSAL_TOO_MUCH, "limited to"},
	{REFUSAL_TOO_MUCH, "limit exceeded"},
};

/* What stands before the most blocks that they take. */
static const char *const before_blocks[] = {
	"limited to a ",
	"limited to ",
	"up to a ",
	"max range: ",
	"maximum block range: ",
	"max block range ",
	"max block range = ",
	"maximum block range of ",
	"maximum is set to ",
	"number of requested blocks is ",
	"query to at most ",
	"blocks distance: ",
	"(maximum ",
	"range greater than ",
	"range exceeds ",
	"exceeds limit of ",
	"range limit ",
	"ranges over ",
	"smaller than size ",
	"max is ",
	"narrow your filter: ",
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "2000", "2,000", "2K", "10k"; 0 if it is none of these. */
static uint64_t read_count(const char *text)
{
	uint64_t n = 0;

	while ((is_digit(*text) || (*text == ',' && is_digit(text[1]))) &&
	       n < BLOCKS_MAX) {
		if (*text != ',')
			n = 10 * n + (uint64_t)(*text - '0');
		text++;
	}
	if (n && (*text == 'k' || *text == 'K'))
		n *= 1000;
	return n <= BLOCKS_MAX ? n : 0;
}

/* "[0x10, 0x1f]", a range that would do. */
static uint64_t read_range(const char *message)
{
	const char *from = strstr(message, "[0x"), *to;
	uint64_t a, b;

	if (!from)
		return 0;
	a = strtoull(from + 1, NULL, 16);
	to = strstr(from + 3, "0x");
	b = to ? strtoull(to, NULL, 16) : 0;
	return b >= a && b - a < BLOCKS_MAX ? b - a + 1 : 0;
}

static uint64_t most_blocks(const char *message)
{
	uint64_t n = read_range(message);

	/* A number of results isn't one of blocks. */
	for (size_t i = 0;
	     !n && i < sizeof before_blocks / sizeof before_blocks[0]; i++) {
		const char *at = strcasestr(message, before_blocks[i]);

		if (at && !strcasestr(message, "results") &&
		    !strcasestr(message, "too many logs"))
			n = read_count(at + strlen(before_blocks[i]));
	}
	return n;
}

enum refusal refusal_of(int64_t code, const char *message, uint64_t *blocks)
{
	*blocks = 0;
	if (code == TOO_MANY_REQUESTS)
		return REFUSAL_LIMITED;
	for (size_t i = 0; message && i < sizeof rows / sizeof rows[0]; i++)
		if (strcasestr(message, rows[i].words)) {
			if (rows[i].refusal == REFUSAL_TOO_MUCH)
				*blocks = most_blocks(message);
			return rows[i].refusal;
		}
	return REFUSAL_OTHER;
}
