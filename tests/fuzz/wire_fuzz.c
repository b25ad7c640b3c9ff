/* Any bytes as a message: what decodes has one JSON form, before and after it
 * is encoded again.
 *
 * Input: one byte that names a message, then its body. */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <string.h>

#include "msg.h"
#include "services/webhook-gateway/entry.h"

union any {
	uint8_t bytes[4096];
	max_align_t align;
};

static void check_json(struct buf *text)
{
	json_t *root =
		json_loadb((const char *)text->data, text->size,
			   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	fuzz_check(json_is_object(root));
	json_decref(root);
}

static void show(struct buf *out, uint16_t number, struct bytes body)
{
	struct entry entry = {1, number, body};

	entry_json(out, LOGS_CHAIN, &entry);
	check_json(out);
	buf_clear(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_message *d;
	struct buf first = {0}, second = {0}, bytes = {0};
	struct bytes body;
	union any m;

	if (size == 0)
		return 0;
	d = msg_all[data[0] % msg_all_count];
	fuzz_check(d->size <= sizeof m);
	body = (struct bytes){data + 1, size - 1};
	show(&first, d->number, body);
	if (!wire_decode(d, &m, body)) {
		wire_json(d, &m, &first);
		check_json(&first);
		wire_encode(d, &m, &bytes);
		fuzz_check(!wire_decode(d, &m, buf_bytes(&bytes)));
		wire_json(d, &m, &second);
		fuzz_check(strcmp(buf_text(&first), buf_text(&second)) == 0);
	}
	buf_free(&first);
	buf_free(&second);
	buf_free(&bytes);
	return 0;
}
