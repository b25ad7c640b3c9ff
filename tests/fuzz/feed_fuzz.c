/* Anything that a client of the feed may say, line by line: an answer and what
 * follows from it, or its end. */
#include "tests/fuzz/feed_world.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = {.form = size % 2 ? FORM_MSGPACK : FORM_JSON};
	const uint8_t *at = data, *end = data + size, *line;

	fuzz_begin();
	do {
		line = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		if (!line)
			line = end;
		feed_hear(&feed, &fuzz_world, (const char *)at,
			  (size_t)(line - at));
		fuzz_answer(&feed);
		fuzz_drain(&feed);
		at = line + 1;
	} while (line < end && !feed.close);
	(void)feed_missing(&feed, fuzz_world.tail);
	feed_watch(&feed, &fuzz_world, 1000, 10);
	feed_watch(&feed, &fuzz_world, 2000, 10);
	feed_free(&feed, &fuzz_world);
	return 0;
}
