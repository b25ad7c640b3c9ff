/* Promises of common/keccak.h. */
#include "tests/test.h"

#include <string.h>

#include "common/hex.h"
#include "common/keccak.h"

static void assert_hash(const void *data, size_t size, const char *want)
{
	struct hash32 h;
	char text[HASH32_ROOM];

	keccak256(&h, data, size);
	assert_string_equal(hash32_format(text, &h), want);
}

static void known_answers(void **state)
{
	(void)state;
	assert_err(keccak_self_test(), ERR_NONE);
	assert_hash(NULL, 0,
		    "0xc5d2460186f7233c927e7db2dcc703c0"
		    "e500b653ca82273b7bfad8045d85a470");
	assert_hash("abc", 3,
		    "0x4e03657aea45a94fc7d47ba826c8d667"
		    "c0d1e6e33a64a036ec44f58fa12d6c45");
	assert_hash("Transfer(address,address,uint256)", 33,
		    "0xddf252ad1be2c89b69c2b068fc378daa"
		    "952ba7f163c4a11628f55a4df523b3ef");
}

/* Every split of a message of every length around the block size. */
static void pieces_hash_as_the_whole(void **state)
{
	uint8_t data[300];
	struct hash32 whole, pieces;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7 + 3);
	for (size_t size = 0; size <= sizeof data; size++) {
		keccak256(&whole, data, size);
		for (size_t cut = 0; cut <= size; cut++) {
			struct keccak k;

			keccak_init(&k);
			keccak_update(&k, data, cut);
			keccak_update(&k, data + cut, size - cut);
			keccak_final(&k, &pieces);
			assert_memory_equal(&whole, &pieces, sizeof whole);
		}
	}
}

static void a_copy_goes_its_own_way(void **state)
{
	struct keccak a, b;
	struct hash32 got, want;

	(void)state;
	keccak_init(&a);
	keccak_update(&a, "a", 1);
	b = a;
	keccak_update(&a, "x", 1);
	keccak_update(&b, "bc", 2);
	keccak_final(&b, &got);
	keccak256(&want, "abc", 3);
	assert_memory_equal(&got, &want, sizeof got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(pieces_hash_as_the_whole),
		cmocka_unit_test(a_copy_goes_its_own_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
