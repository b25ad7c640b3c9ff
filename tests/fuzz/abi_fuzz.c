/* Logs, answers and reverts from a hostile node: values or an error.
 *
 * Input: one byte that names an event and how many topics, the topics behind
 * the first, then the data. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "abi_market.h"

static void read_log(enum abi_event_id id, const uint8_t *data, size_t size)
{
	struct abi_log log = {.topics_count = 4};
	struct abi_event event;

	log.topics[0] = *abi_event_topic(id);
	if (size < 96)
		return;
	memcpy(&log.topics[1], data, 96);
	log.data = (struct bytes){data + 96, size - 96};
	/* One of these counts is right. */
	for (; log.topics_count > 0; log.topics_count--)
		if (!abi_decode_event(&event, &log))
			fuzz_check(event.id == id);
}

static bool is_same(struct bytes a, struct bytes b)
{
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static struct bytes bytes_of(struct abi_words w)
{
	return (struct bytes){(const void *)w.data, w.count * ABI_WORD};
}

/* What is decoded can be encoded, and comes back the same. */
static void read_words(struct bytes in)
{
	struct abi_words words, again;
	struct buf out = {0};
	struct abi_writer w = abi_write(&out, 1);

	if (!abi_result_assign_tasks(&words, in)) {
		abi_put_words(&w, words);
		fuzz_check(!abi_result_assign_tasks(&again, buf_bytes(&out)));
		fuzz_check(is_same(bytes_of(words), bytes_of(again)));
	}
	buf_free(&out);
}

static void read_bytes(struct bytes in)
{
	struct bytes key, again;
	struct buf out = {0};
	struct abi_writer w = abi_write(&out, 1);

	if (!abi_result_encryption_key(&key, in)) {
		abi_put_bytes(&w, key);
		fuzz_check(!abi_result_encryption_key(&again, buf_bytes(&out)));
		fuzz_check(is_same(key, again));
	}
	buf_free(&out);
}

static void read_answers(struct bytes in)
{
	struct abi_request_view request;
	struct abi_generator_of_result generator;
	struct buf out = {0};

	(void)!abi_result_request_of(&request, in);
	(void)!abi_result_generator_of(&generator, in);
	read_words(in);
	read_bytes(in);
	abi_put_revert(&out, in);
	fuzz_check(out.size < 512);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	read_log(1 + data[0] % ABI_EVENTS, data + 1, size - 1);
	read_answers((struct bytes){data + 1, size - 1});
	return 0;
}
