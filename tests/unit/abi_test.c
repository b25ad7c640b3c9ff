/* Promises of common/abi.h, on the examples of the ABI specification. */
#include "tests/dice.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/abi.h"
#include "common/hex.h"
#include "common/u256.h"

#define TEXT(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

/* "Use of Dynamic Types": f(uint256,uint32[],bytes10,bytes) with
 * (0x123, [0x456, 0x789], "1234567890", "Hello, world!"). */
static const char f_text[] =
	"0x8be65246"
	"0000000000000000000000000000000000000000000000000000000000000123"
	"0000000000000000000000000000000000000000000000000000000000000080"
	"3132333435363738393000000000000000000000000000000000000000000000"
	"00000000000000000000000000000000000000000000000000000000000000e0"
	"0000000000000000000000000000000000000000000000000000000000000002"
	"0000000000000000000000000000000000000000000000000000000000000456"
	"0000000000000000000000000000000000000000000000000000000000000789"
	"000000000000000000000000000000000000000000000000000000000000000d"
	"48656c6c6f2c20776f726c642100000000000000000000000000000000000000";

/* The same section: g(uint256[][],string[]) with
 * ([[1, 2], [3]], ["one", "two", "three"]). */
static const char g_text[] =
	"0x2289b18c"
	"0000000000000000000000000000000000000000000000000000000000000040"
	"0000000000000000000000000000000000000000000000000000000000000140"
	"0000000000000000000000000000000000000000000000000000000000000002"
	"0000000000000000000000000000000000000000000000000000000000000040"
	"00000000000000000000000000000000000000000000000000000000000000a0"
	"0000000000000000000000000000000000000000000000000000000000000002"
	"0000000000000000000000000000000000000000000000000000000000000001"
	"0000000000000000000000000000000000000000000000000000000000000002"
	"0000000000000000000000000000000000000000000000000000000000000001"
	"0000000000000000000000000000000000000000000000000000000000000003"
	"0000000000000000000000000000000000000000000000000000000000000003"
	"0000000000000000000000000000000000000000000000000000000000000060"
	"00000000000000000000000000000000000000000000000000000000000000a0"
	"00000000000000000000000000000000000000000000000000000000000000e0"
	"0000000000000000000000000000000000000000000000000000000000000003"
	"6f6e650000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000000000000000000000000000000000003"
	"74776f0000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000000000000000000000000000000000005"
	"7468726565000000000000000000000000000000000000000000000000000000";

static void assert_text(struct buf *b, const char *want)
{
	struct buf text = {0};

	assert_err(buf_err(b), ERR_NONE);
	buf_put_hex(&text, b->data, b->size);
	assert_string_equal(buf_text(&text), want);
	buf_free(&text);
	buf_free(b);
}

static void heads_and_tails_are_written(void **state)
{
	static const uint8_t selector[] = {0x8b, 0xe6, 0x52, 0x46};
	const struct hash32 ten = {"1234567890"};
	struct buf b = {0};
	struct abi_writer w = abi_write_call(&b, selector, 4), array;

	(void)state;
	abi_put_uint(&w, 64, 0x123);
	array = abi_put_array(&w, 2, 1);
	abi_put_uint(&array, 32, 0x456);
	abi_put_uint(&array, 32, 0x789);
	abi_put_hash32(&w, &ten);
	abi_put_bytes(&w, TEXT("Hello, world!"));
	assert_text(&b, f_text);
}

static void arrays_nest(void **state)
{
	static const uint8_t selector[] = {0x22, 0x89, 0xb1, 0x8c};
	struct buf b = {0};
	struct abi_writer w = abi_write_call(&b, selector, 2), outer, inner;

	(void)state;
	outer = abi_put_array(&w, 2, 1);
	inner = abi_put_array(&outer, 2, 1);
	abi_put_uint(&inner, 64, 1);
	abi_put_uint(&inner, 64, 2);
	inner = abi_put_array(&outer, 1, 1);
	abi_put_uint(&inner, 64, 3);
	outer = abi_put_array(&w, 3, 1);
	abi_put_bytes(&outer, TEXT("one"));
	abi_put_bytes(&outer, TEXT("two"));
	abi_put_bytes(&outer, TEXT("three"));
	assert_text(&b, g_text);
}

static struct buf arguments(const char *text)
{
	struct buf b = {0};

	assert_err(hex_decode_buf(&b, text, strlen(text)), ERR_NONE);
	memmove(b.data, b.data + 4, b.size - 4);
	b.size -= 4;
	return b;
}

static void heads_and_tails_are_read(void **state)
{
	struct buf b = arguments(f_text);
	struct abi_reader r = abi_read(buf_bytes(&b));
	struct abi_words words;
	struct hash32 ten;
	struct bytes text;

	(void)state;
	assert_int_equal(abi_get_uint(&r, 64), 0x123);
	words = abi_get_words(&r, 28, 0);
	ten = abi_get_hash32(&r);
	text = abi_get_bytes(&r);
	assert_err(abi_read_end(&r), ERR_NONE);
	assert_int_equal(words.count, 2);
	assert_int_equal(abi_word_u256(&words.data[0]).limb[0], 0x456);
	assert_int_equal(abi_word_u256(&words.data[1]).limb[0], 0x789);
	assert_memory_equal(ten.bytes, "1234567890", 11);
	assert_int_equal(text.size, 13);
	assert_memory_equal(text.data, "Hello, world!", 13);
	/* borrowed, not copied */
	assert_true(text.data > b.data && text.data < b.data + b.size);
	buf_free(&b);
}

static void an_error_stays_and_the_rest_is_zero(void **state)
{
	struct buf b = arguments(f_text);
	struct abi_reader r = abi_read(buf_bytes(&b));

	(void)state;
	assert_int_equal(abi_get_uint(&r, 8), 0); /* 0x123 */
	assert_int_equal(abi_get_words(&r, 0, 0).count, 0);
	assert_null(abi_get_bytes(&r).data);
	assert_err(abi_read_end(&r), ERR_MALFORMED);
	buf_free(&b);
}

static void what_is_left_unread_is_an_error(void **state)
{
	struct buf b = arguments(f_text);
	struct abi_reader r = abi_read(buf_bytes(&b));

	(void)state;
	abi_get_uint(&r, 64);
	abi_get_words(&r, 0, 0);
	assert_err(abi_read_end(&r), ERR_MALFORMED);
	buf_free(&b);
	r = abi_read((struct bytes){NULL, 0});
	assert_err(abi_read_end(&r), ERR_NONE);
	abi_get_hash32(&r);
	assert_err(abi_read_end(&r), ERR_MALFORMED);
}

/* An array that says it is long costs nothing: it is refused by what is
 * there, before it is looked at. */
static void a_claimed_length_is_compared_first(void **state)
{
	uint8_t input[96] = {[31] = 32};
	struct abi_reader r;

	(void)state;
	for (unsigned count = 0; count < 256; count++) {
		input[63] = (uint8_t)count;
		r = abi_read((struct bytes){input, sizeof input});
		abi_get_words(&r, 0, 0);
		assert_err(abi_read_end(&r),
			   count == 1 ? ERR_NONE : ERR_MALFORMED);
		r = abi_read((struct bytes){input, sizeof input});
		abi_get_bytes(&r);
		assert_err(abi_read_end(&r),
			   count > 0 && count <= 32 ? ERR_NONE : ERR_MALFORMED);
	}
	for (size_t i = 32; i < 63; i++) {
		memset(input + 32, 0, 32);
		input[i] = 0xff;
		r = abi_read((struct bytes){input, sizeof input});
		abi_get_words(&r, 0, 0);
		assert_err(abi_read_end(&r), ERR_MALFORMED);
	}
}

static void a_value_that_does_not_fit_fails_the_buf(void **state)
{
	struct buf b = {0};
	struct abi_writer w = abi_write(&b, 2);
	const struct u256 large = U256_MAX;

	(void)state;
	abi_put_u256(&w, 256, &large);
	assert_err(buf_err(&b), ERR_NONE);
	abi_put_u256(&w, 128, &large);
	assert_err(buf_err(&b), ERR_RANGE);
	abi_put_bytes(&w, TEXT("ignored"));
	assert_int_equal(b.size, 0);
	buf_clear(&b);
	w = abi_write(&b, 1);
	abi_put_enum(&w, 2, 2);
	assert_err(buf_err(&b), ERR_RANGE);
	buf_clear(&b);
	w = abi_write(&b, SIZE_MAX / 2);
	assert_err(buf_err(&b), ERR_NO_MEMORY);
	buf_clear(&b);
	w = abi_write(&b, 1);
	abi_put_array(&w, SIZE_MAX / 4, 7);
	assert_err(buf_err(&b), ERR_NO_MEMORY);
	buf_free(&b);
}

static void every_panic_has_a_text(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 300; i++) {
		struct u256 code = u256_from_u64(i);

		assert_true(strlen(abi_panic_text(&code)) > 4);
	}
	assert_string_equal(abi_panic_text(&U256_MAX), "unknown panic");
}

/* An array of tuples over bytes, which no contract of ours emits, read from
 * noise: values or an error. */
static void noise_does_no_harm(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t noise[192];
		size_t size = (size_t)round % (sizeof noise + 1);
		uint8_t *exact = malloc(size ? size : 1);
		struct abi_reader r, tail;

		assert_non_null(exact);
		for (size_t i = 0; i < sizeof noise; i++) {
			/* small words, as offsets are */
			noise[i] = i % 32 == 31 ? (uint8_t)draw(128) : 0;
		}
		memcpy(exact, noise, size);
		r = abi_read((struct bytes){exact, size});
		tail = abi_get_tail(&r);
		abi_get_words(&tail, 12, 0);
		abi_get_bytes(&tail);
		abi_get_close(&r, &tail);
		abi_get_bool(&r);
		(void)!abi_read_end(&r);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_and_tails_are_written),
		cmocka_unit_test(arrays_nest),
		cmocka_unit_test(heads_and_tails_are_read),
		cmocka_unit_test(an_error_stays_and_the_rest_is_zero),
		cmocka_unit_test(what_is_left_unread_is_an_error),
		cmocka_unit_test(a_claimed_length_is_compared_first),
		cmocka_unit_test(a_value_that_does_not_fit_fails_the_buf),
		cmocka_unit_test(every_panic_has_a_text),
		cmocka_unit_test(noise_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
