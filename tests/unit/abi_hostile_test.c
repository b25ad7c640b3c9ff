/* Logs that no contract of ours emitted are refused, and do no harm. */
#include "tests/test.h"

#include "abi_market.h"
#include "tests/golden/filled.h"

/* ---- all events --------------------------------------------------------- */

/* Decode a copy that ends where its memory ends, so that ASan sees a read
 * behind it. After an error nothing may be left in the result. */
static enum err decode_exactly(struct abi_log log, size_t size)
{
	static const struct abi_event nothing;
	struct abi_event event;
	uint8_t *copy = malloc(size ? size : 1);
	enum err e;

	assert_non_null(copy);
	if (size > 0)
		memcpy(copy, log.data.data, size);
	log.data = (struct bytes){size ? copy : NULL, size};
	e = abi_decode_event(&event, &log);
	if (e)
		assert_same(&event, &nothing);
	free(copy);
	return e;
}

static void every_prefix_and_every_longer_log_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= ABI_EVENTS; i++) {
		struct buf data;
		struct abi_log log = filled_log(abi_event_name(i), &data);
		size_t size = log.data.size;

		assert_err(decode_exactly(log, size), ERR_NONE);
		while (size-- > 0)
			assert_err(decode_exactly(log, size), ERR_MALFORMED);
		buf_put_zeros(&data, 32);
		log.data = buf_bytes(&data);
		assert_err(decode_exactly(log, data.size - 31), ERR_MALFORMED);
		assert_err(decode_exactly(log, data.size), ERR_MALFORMED);
		buf_free(&data);
	}
}

static void other_topics_are_refused(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= ABI_EVENTS; i++) {
		struct buf data;
		struct abi_log log = filled_log(abi_event_name(i), &data);
		const unsigned count = log.topics_count;

		for (unsigned n = 0; n <= ABI_TOPICS_MAX; n++) {
			log.topics_count = n;
			assert_err(decode_exactly(log, log.data.size),
				   n == 0	? ERR_UNKNOWN_TYPE
				   : n == count ? ERR_NONE
						: ERR_MALFORMED);
		}
		log.topics_count = count;
		log.topics[0].bytes[7] ^= 1;
		assert_err(decode_exactly(log, log.data.size),
			   ERR_UNKNOWN_TYPE);
		buf_free(&data);
	}
}

/* A flipped bit is another value or an error, never a read outside. */
static void flipped_bits_do_no_harm(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= ABI_EVENTS; i++) {
		struct buf data;
		struct abi_log log = filled_log(abi_event_name(i), &data);

		for (size_t bit = 0; bit < 8 * data.size; bit++) {
			data.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			(void)!decode_exactly(log, data.size);
			data.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		for (size_t bit = 256; bit < 256 * log.topics_count; bit++) {
			uint8_t *byte =
				&log.topics[bit / 256].bytes[bit / 8 % 32];

			*byte ^= (uint8_t)(1u << bit % 8);
			(void)!decode_exactly(log, data.size);
			*byte ^= (uint8_t)(1u << bit % 8);
		}
		buf_free(&data);
	}
}

/* Words that point or count, replaced by absurd ones: whatever stands in any
 * word, the decoder stays inside. */
static void absurd_words_do_no_harm(void **state)
{
	static const struct u256 words[] = {
		{{UINT64_MAX, 0, 0, 0}},
		{{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}},
		{{INT64_MAX, 0, 0, 0}},
		{{(uint64_t)INT64_MAX + 1, 0, 0, 0}},
		{{UINT64_MAX - 31, 0, 0, 0}},
		{{UINT64_MAX / 32, 0, 0, 0}},
		{{UINT32_MAX, 0, 0, 0}},
		{{0, 1, 0, 0}},
		{{0, 0, 0, 0}},
		{{1, 0, 0, 0}},
		{{32, 0, 0, 0}},
	};

	(void)state;
	for (unsigned i = 1; i <= ABI_EVENTS; i++) {
		struct buf data;
		struct abi_log log = filled_log(abi_event_name(i), &data);
		uint8_t kept[32];

		for (size_t at = 0; at < data.size; at += 32) {
			memcpy(kept, data.data + at, 32);
			for (size_t n = 0; n < sizeof words / sizeof words[0];
			     n++) {
				u256_to_be32(data.data + at, &words[n]);
				(void)!decode_exactly(log, data.size);
			}
			memcpy(data.data + at, kept, 32);
		}
		buf_free(&data);
	}
}

/* ---- one by one --------------------------------------------------------- */

/* Each of these words of an event may hold so much, and not one more. */
static void set_bits_outside_of_a_value_are_refused(void **state)
{
	static const struct {
		const char *name;
		size_t word; /* of the data */
		struct u256 most;
	} edges[] = {
		{"TaskCreated", 0, {{UINT64_MAX, UINT64_MAX, 0, 0}}},
		{"TaskCreated", 1, {{UINT64_MAX, 0, 0, 0}}},
		{"TaskCreated", 2, {{UINT16_MAX, 0, 0, 0}}},
		{"QuoteSet", 1, {{UINT32_MAX, 0, 0, 0}}},
		{"KeyRegistered", 1, {{UINT8_MAX, 0, 0, 0}}},
		{"QuoteRemoved", 0, {{1, 0, 0, 0}}},
		{"RequestCreated", 6, {{1, 0, 0, 0}}}, /* preference */
		{"RequestCreated",
		 0,
		 {{UINT64_MAX, UINT64_MAX, UINT32_MAX, 0}}}, /* payer */
	};

	(void)state;
	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
		const struct u256 one = u256_from_u64(1);
		struct u256 more;
		struct buf data;
		struct abi_log log = filled_log(edges[i].name, &data);

		u256_to_be32(data.data + 32 * edges[i].word, &edges[i].most);
		assert_err(decode_exactly(log, data.size), ERR_NONE);
		assert_err(u256_add(&more, &edges[i].most, &one), ERR_NONE);
		u256_to_be32(data.data + 32 * edges[i].word, &more);
		assert_err(decode_exactly(log, data.size), ERR_MALFORMED);
		buf_free(&data);
	}
}

static void bits_behind_bytes_are_refused(void **state)
{
	struct buf data;
	struct abi_log log = filled_log("CancelSkipped", &data);

	(void)state;
	data.data[4] = 1; /* a bytes4 has 28 zeros behind it */
	assert_err(decode_exactly(log, data.size), ERR_MALFORMED);
	buf_free(&data);
	log = filled_log("GeneratorRegistered", &data);
	data.data[data.size - 1] = 1; /* padding of bytes */
	assert_err(decode_exactly(log, data.size), ERR_MALFORMED);
	buf_free(&data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_prefix_and_every_longer_log_is_refused),
		cmocka_unit_test(other_topics_are_refused),
		cmocka_unit_test(flipped_bits_do_no_harm),
		cmocka_unit_test(absurd_words_do_no_harm),
		cmocka_unit_test(set_bits_outside_of_a_value_are_refused),
		cmocka_unit_test(bits_behind_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, filled_begin, NULL);
}
