/* Any binary message of a client of the feed: refused, or JSON that means the
 * same when it is carried over again; and then what it says. */
#include "tests/fuzz/feed_world.h"

#include <string.h>

static void check_again(struct bytes json)
{
	struct buf packed = {0}, again = {0};

	pack_json(&packed, json);
	fuzz_check(!buf_failed(&packed));
	fuzz_check(!pack_to_json(&again, buf_bytes(&packed)));
	fuzz_check(again.size == json.size);
	fuzz_check(memcmp(again.data, json.data, json.size) == 0);
	buf_free(&packed);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = {.form = FORM_MSGPACK};
	struct buf json = {0};
	json_t *root;

	fuzz_begin();
	if (pack_to_json(&json, (struct bytes){data, size})) {
		buf_free(&json);
		return 0;
	}
	/* What has a NUL or the same key twice is JSON, but nothing for us. */
	root = json_loadb((const char *)json.data, json.size,
			  JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	json_decref(root);
	check_again(buf_bytes(&json));
	feed_hear(&feed, &fuzz_world, (const char *)json.data, json.size);
	fuzz_answer(&feed);
	fuzz_drain(&feed);
	feed_free(&feed, &fuzz_world);
	buf_free(&json);
	return 0;
}
