/* The matcher against the plain procedure, on histories that the input draws:
 * every match, every state after loading and after a replay. */
#include "tests/fuzz/fuzz.h"

#include "tests/property/line.h"

enum { STEPS_MAX = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct history_source source = {.bytes = {data, size}};
	struct line *l;

	if (!size)
		return 0;
	l = line_new(&source);
	for (unsigned i = 1; i <= STEPS_MAX && !history_ended(line_history(l));
	     i++) {
		line_step(l);
		if (i % 50 == 0)
			line_check_snapshot(l);
	}
	line_check_replay(l);
	line_free(l);
	return 0;
}
