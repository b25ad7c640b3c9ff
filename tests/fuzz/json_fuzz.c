/* Any bytes as JSON: what jansson's own parser says of them, so does ours, but
 * for how deep it goes; lone surrogates, which yajl replaces; form feeds and
 * vertical tabs, which are white space to yajl, and a NUL behind a number,
 * which is none to jansson. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/json.h"

static unsigned depth_of(const json_t *j)
{
	unsigned most = 0, depth;
	const char *name;
	json_t *item;
	size_t i;

	if (!json_is_object(j) && !json_is_array(j))
		return 0;
	json_array_foreach (j, i, item)
		if ((depth = depth_of(item)) > most)
			most = depth;
	json_object_foreach ((json_t *)j, name, item)
		if ((depth = depth_of(item)) > most)
			most = depth;
	return most + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *ours = json_read((struct bytes){data, size});
	json_t *theirs = json_loadb((const char *)data, size,
				    JSON_REJECT_DUPLICATES, NULL);

	if (ours && !theirs)
		fuzz_check(memmem(data, size, "\\u", 2) ||
			   memchr(data, '\f', size) ||
			   memchr(data, '\v', size));
	else if (theirs && !ours)
		fuzz_check(depth_of(theirs) > JSON_DEPTH_MAX ||
			   memchr(data, 0, size));
	else if (ours)
		fuzz_check(json_equal(ours, theirs));
	json_decref(ours);
	json_decref(theirs);
	return 0;
}
