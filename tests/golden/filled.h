/* filled - the sample values of abi.txt: every byte of the k-th value is k; and
 * checks for them.
 *
 * make-abi.mjs says how the values of an item are counted. */
#ifndef TESTS_GOLDEN_FILLED_H
#define TESTS_GOLDEN_FILLED_H

#include <string.h>

#include "tests/test.h"

#include "common/abi.h"
#include "common/types.h"
#include "common/u256.h"
#include "tests/golden/golden.h"

#define FILLED_PATH "tests/golden/abi.txt"

enum { FILLED = 32 };

static struct filled {
	uint8_t u8[FILLED];
	uint16_t u16[FILLED];
	uint32_t u32[FILLED];
	uint64_t u64[FILLED];
	struct u256 u128[FILLED], u256[FILLED];
	struct address address[FILLED];
	struct hash32 hash[FILLED];
	struct selector selector[FILLED];
	struct bytes bytes[FILLED]; /* 5 k bytes */
	uint8_t room[FILLED][5 * FILLED];
} f;

/* A group's setup. */
static inline int filled_begin(void **state)
{
	(void)state;
	for (unsigned k = 0; k < FILLED; k++) {
		f.u8[k] = (uint8_t)k;
		f.u16[k] = (uint16_t)(k * 0x0101u);
		f.u32[k] = k * 0x01010101u;
		f.u64[k] = k * UINT64_C(0x0101010101010101);
		f.u128[k] = (struct u256){{f.u64[k], f.u64[k], 0, 0}};
		for (unsigned i = 0; i < 4; i++)
			f.u256[k].limb[i] = f.u64[k];
		memset(&f.address[k], (int)k, sizeof f.address[k]);
		memset(&f.hash[k], (int)k, sizeof f.hash[k]);
		memset(&f.selector[k], (int)k, sizeof f.selector[k]);
		memset(f.room[k], (int)k, 5ul * k);
		f.bytes[k] = (struct bytes){f.room[k], 5ul * k};
	}
	return 0;
}

/* For what has no padding. */
#define assert_same(got, want) assert_memory_equal(got, want, sizeof *(want))

static inline void assert_bytes(struct bytes got, unsigned k)
{
	assert_int_equal(got.size, 5 * k);
	assert_memory_equal(got.data, f.bytes[k].data, 5 * k);
}

/* Two elements, k and k + 1. */
static inline void assert_hashes(struct abi_words got, unsigned k)
{
	assert_int_equal(got.count, 2);
	assert_same(&got.data[0], &f.hash[k]);
	assert_same(&got.data[1], &f.hash[k + 1]);
}

static inline void assert_selectors(struct abi_words got, unsigned k)
{
	assert_int_equal(got.count, 2);
	for (unsigned i = 0; i < 2; i++) {
		struct selector s = abi_word_selector(&got.data[i]);

		assert_same(&s, &f.selector[k + i]);
	}
}

/* The log of an event in abi.txt; its data is owned by @data. */
static inline struct abi_log filled_log(const char *name, struct buf *data)
{
	struct buf topics = golden_column(FILLED_PATH, "event", name, 1);
	struct abi_log log = {.topics_count = (unsigned)topics.size / 32};

	assert_true(topics.size <= sizeof log.topics);
	memcpy(log.topics, topics.data, topics.size);
	buf_free(&topics);
	*data = golden_column(FILLED_PATH, "event", name, 0);
	log.data = buf_bytes(data);
	return log;
}

#endif /* TESTS_GOLDEN_FILLED_H */
