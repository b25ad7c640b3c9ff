/* Promises of common/hex.h and common/buf.h. */
#include "tests/test.h"

#include <stdbool.h>
#include <string.h>

#include "common/buf.h"
#include "common/hex.h"

/* ---- hex ---------------------------------------------------------------- */

static void bytes_go_both_ways(void **state)
{
	uint8_t data[256], back[256];
	char text[HEX_ROOM(sizeof data)];

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)i;
	for (size_t size = 0; size <= sizeof data; size++) {
		hex_encode(text, data, size);
		assert_int_equal(strlen(text), 2 + 2 * size);
		assert_err(hex_decode(back, size, text, strlen(text)),
			   ERR_NONE);
		assert_memory_equal(back, data, size);
	}
	assert_memory_equal(text, "0x000102", 8);
}

static void every_character_but_a_digit_is_refused(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[] = {'0', 'x', 'a', (char)c};
		bool digit = c && strchr("0123456789abcdefABCDEF", c);
		uint8_t out = 0x77;

		assert_err(hex_decode(&out, 1, text, sizeof text),
			   digit ? ERR_NONE : ERR_MALFORMED);
		if (!digit)
			assert_int_equal(out, 0x77);
		assert_int_equal(hex_digit((char)c) >= 0, digit);
	}
}

static void other_sizes_and_forms_are_refused(void **state)
{
	static const char *const texts[] = {
		"",	"0",	  "0x",	   "0x1",     "0x123",	"0x123456",
		"1234", "0X1234", "x1234", "0x1234 ", " 0x1234"};
	uint8_t out[2];
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_err(hex_decode(out, 2, texts[i], strlen(texts[i])),
			   ERR_MALFORMED);
	assert_err(hex_decode_buf(&b, "0x123", 5), ERR_MALFORMED);
	assert_err(hex_decode_buf(&b, "0x12zz", 6), ERR_MALFORMED);
	assert_int_equal(b.size, 0);
	buf_free(&b);
}

static void text_of_unknown_size_is_appended(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put_u8(&b, 0xff);
	assert_err(hex_decode_buf(&b, "0x", 2), ERR_NONE);
	assert_err(hex_decode_buf(&b, "0x0102aB", 8), ERR_NONE);
	assert_int_equal(b.size, 4);
	assert_memory_equal(b.data, "\xff\x01\x02\xab", 4);
	buf_free(&b);
}

/* The examples of EIP-55. */
static void addresses_carry_their_checksum(void **state)
{
	static const char *const texts[] = {
		"0x52908400098527886E0F7030069857D2E4169EE7",
		"0x8617E340B3D01FA5F11F306F4090FD50E238070D",
		"0xde709f2102306220921060314715629080e2fb77",
		"0x27b1fdb04752bbc536007a920d24acb045561c26",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
		"0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	};
	char text[ADDRESS_ROOM];
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_err(address_parse(&a, texts[i]), ERR_NONE);
		assert_string_equal(address_format(text, &a), texts[i]);
	}
}

static void a_wrong_checksum_is_refused(void **state)
{
	const char *good = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
	struct address a;

	(void)state;
	for (size_t i = 2; i < 42; i++) {
		char text[ADDRESS_ROOM];

		strcpy(text, good);
		if (text[i] < 'A')
			continue;
		text[i] ^= 'a' ^ 'A';
		assert_err(address_parse(&a, text), ERR_MALFORMED);
	}
}

static void one_case_alone_is_no_checksum(void **state)
{
	struct address lower, upper;

	(void)state;
	assert_err(address_parse(&lower, "0x5aaeb6053f3e94c9b9a0"
					 "9f33669435e7ef1beaed"),
		   ERR_NONE);
	assert_err(address_parse(&upper, "0x5AAEB6053F3E94C9B9A0"
					 "9F33669435E7EF1BEAED"),
		   ERR_NONE);
	assert_true(address_eq(&lower, &upper));
	assert_err(address_parse(&lower, "0x5aaeb6053f3e94c9b9a0"
					 "9f33669435e7ef1bea"),
		   ERR_MALFORMED);
}

static void hashes_go_both_ways(void **state)
{
	const char *text = "0xc5d2460186f7233c927e7db2dcc703c0"
			   "e500b653ca82273b7bfad8045d85a470";
	char back[HASH32_ROOM];
	struct hash32 h;

	(void)state;
	assert_err(hash32_parse(&h, text), ERR_NONE);
	assert_string_equal(hash32_format(back, &h), text);
	assert_err(hash32_parse(&h, "0x00"), ERR_MALFORMED);
}

/* ---- buf ---------------------------------------------------------------- */

static void what_is_put_stands_in_order(void **state)
{
	static const uint8_t want[] = "\x01\x02\x03\x04\x05\x06\x07\x08\x09"
				      "\x0a\x0b\x0c\x0d\x0e\x0f"
				      "text\0\0\0"
				      "0x00ff7 of 9";
	struct buf b = {0};

	(void)state;
	buf_put_u8(&b, 1);
	buf_put_be16(&b, 0x0203);
	buf_put_be32(&b, 0x04050607);
	buf_put_be64(&b, 0x08090a0b0c0d0e0f);
	buf_put_text(&b, "text");
	buf_put_zeros(&b, 3);
	buf_put(&b, NULL, 0);
	buf_put_hex(&b, "\x00\xff", 2);
	buf_printf(&b, "%d of %s", 7, "9");
	assert_err(buf_err(&b), ERR_NONE);
	assert_int_equal(buf_bytes(&b).size, sizeof want - 1);
	assert_memory_equal(buf_bytes(&b).data, want, sizeof want - 1);
	assert_string_equal(buf_text(&b) + 15, "text");
	assert_int_equal(b.size, sizeof want - 1);
	buf_free(&b);
	assert_null(b.data);
}

static void growing_keeps_the_content(void **state)
{
	struct buf b = {0};

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		buf_put_be32(&b, i);
	assert_int_equal(b.size, 400000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(b.data[4 * i + 1] << 16 |
					 b.data[4 * i + 2] << 8 |
					 b.data[4 * i + 3],
				 i);
	buf_clear(&b);
	assert_int_equal(b.size, 0);
	assert_true(b.room >= 400000);
	buf_free(&b);
}

static void a_failure_stays_until_cleared(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put_u8(&b, 1);
	assert_null(buf_extend(&b, SIZE_MAX / 2 + 2));
	assert_true(buf_failed(&b));
	buf_put_u8(&b, 2);
	buf_put_text(&b, "more");
	buf_put_hex(&b, "m", 1);
	buf_printf(&b, "more");
	assert_int_equal(b.size, 0);
	assert_string_equal(buf_text(&b), "");
	assert_err(buf_err(&b), ERR_NO_MEMORY);
	assert_err(hex_decode_buf(&b, "0x00", 4), ERR_NO_MEMORY);
	buf_fail(&b, ERR_RANGE);
	assert_err(buf_err(&b), ERR_NO_MEMORY);
	buf_clear(&b);
	buf_fail(&b, ERR_RANGE);
	assert_null(buf_extend(&b, 1));
	assert_err(buf_err(&b), ERR_RANGE);
	buf_clear(&b);
	buf_put_u8(&b, 3);
	assert_err(buf_err(&b), ERR_NONE);
	assert_int_equal(b.size, 1);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(every_character_but_a_digit_is_refused),
		cmocka_unit_test(other_sizes_and_forms_are_refused),
		cmocka_unit_test(text_of_unknown_size_is_appended),
		cmocka_unit_test(addresses_carry_their_checksum),
		cmocka_unit_test(a_wrong_checksum_is_refused),
		cmocka_unit_test(one_case_alone_is_no_checksum),
		cmocka_unit_test(hashes_go_both_ways),
		cmocka_unit_test(what_is_put_stands_in_order),
		cmocka_unit_test(growing_keeps_the_content),
		cmocka_unit_test(a_failure_stays_until_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
