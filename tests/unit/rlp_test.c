/* Promises of common/rlp.h, on the examples of the yellow paper's authors. */
#include "tests/dice.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/rlp.h"
#include "common/u256.h"

#define TEXT(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

static void assert_hex(struct buf *b, const char *want)
{
	struct buf text = {0};

	assert_err(buf_err(b), ERR_NONE);
	buf_put_hex(&text, b->data, b->size);
	assert_string_equal(buf_text(&text), want);
	buf_free(&text);
	buf_clear(b);
}

/* ---- writing ------------------------------------------------------------ */

static void strings_and_numbers_are_written(void **state)
{
	struct buf b = {0};

	(void)state;
	rlp_put_bytes(&b, TEXT("dog"));
	assert_hex(&b, "0x83646f67");
	rlp_put_bytes(&b, (struct bytes){NULL, 0});
	assert_hex(&b, "0x80");
	rlp_put_bytes(&b, TEXT("\x00"));
	assert_hex(&b, "0x00");
	rlp_put_bytes(&b, TEXT("\x7f"));
	assert_hex(&b, "0x7f");
	rlp_put_bytes(&b, TEXT("\x80"));
	assert_hex(&b, "0x8180");
	rlp_put_uint(&b, 0);
	assert_hex(&b, "0x80");
	rlp_put_uint(&b, 15);
	assert_hex(&b, "0x0f");
	rlp_put_uint(&b, 1024);
	assert_hex(&b, "0x820400");
	rlp_put_u256(&b, &U256_MAX);
	assert_hex(&b, "0xa0ffffffffffffffffffffffffffffffff"
		       "ffffffffffffffffffffffffffffffff");
	rlp_put_bytes(&b, TEXT("Lorem ipsum dolor sit amet, consectetur "
			       "adipisicing elit"));
	assert_hex(&b, "0xb8384c6f72656d20697073756d20646f6c6f722073697420616d"
		       "65742c20636f6e7365637465747572206164697069736963696e67"
		       "20656c6974");
	buf_free(&b);
}

static void lists_nest(void **state)
{
	struct buf b = {0};
	size_t outer = rlp_list_begin(&b), one, two, three;

	(void)state;
	rlp_list_end(&b, outer);
	assert_hex(&b, "0xc0");
	/* the set-theoretical three: [ [], [[]], [ [], [[]] ] ] */
	outer = rlp_list_begin(&b);
	one = rlp_list_begin(&b);
	rlp_list_end(&b, one);
	one = rlp_list_begin(&b);
	two = rlp_list_begin(&b);
	rlp_list_end(&b, two);
	rlp_list_end(&b, one);
	one = rlp_list_begin(&b);
	two = rlp_list_begin(&b);
	rlp_list_end(&b, two);
	two = rlp_list_begin(&b);
	three = rlp_list_begin(&b);
	rlp_list_end(&b, three);
	rlp_list_end(&b, two);
	rlp_list_end(&b, one);
	rlp_list_end(&b, outer);
	assert_hex(&b, "0xc7c0c1c0c3c0c1c0");
	outer = rlp_list_begin(&b);
	rlp_put_bytes(&b, TEXT("cat"));
	rlp_put_bytes(&b, TEXT("dog"));
	rlp_list_end(&b, outer);
	assert_hex(&b, "0xc88363617483646f67");
	buf_free(&b);
}

/* ---- both ways ---------------------------------------------------------- */

static void every_length_goes_both_ways(void **state)
{
	static const size_t sizes[] = {0,   1,	 2,   54,    55,    56,	  57,
				       255, 256, 257, 65535, 65536, 70000};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint8_t *data = malloc(sizes[i] + 1);
		struct rlp r, list;
		struct bytes v;
		size_t begin = rlp_list_begin(&b);

		memset(data, 0xdd, sizes[i] + 1);
		rlp_put_bytes(&b, (struct bytes){data, sizes[i]});
		rlp_put_uint(&b, i);
		rlp_list_end(&b, begin);
		r = rlp_read(buf_bytes(&b));
		list = rlp_get_list(&r);
		v = rlp_get_bytes(&list);
		assert_int_equal(v.size, sizes[i]);
		assert_memory_equal(v.data, data, sizes[i]);
		assert_false(rlp_is_end(&list));
		assert_int_equal(rlp_get_uint(&list), i);
		assert_true(rlp_is_end(&list));
		rlp_get_close(&r, &list);
		assert_err(rlp_read_end(&r), ERR_NONE);
		buf_clear(&b);
		free(data);
	}
	buf_free(&b);
}

static void numbers_go_both_ways(void **state)
{
	struct buf b = {0};

	(void)state;
	for (unsigned bit = 0; bit < 256; bit++) {
		struct u256 one = u256_from_u64(1), v = u256_shl(&one, bit);
		struct u256 back;
		struct rlp r;

		rlp_put_u256(&b, &v);
		r = rlp_read(buf_bytes(&b));
		back = rlp_get_u256(&r);
		assert_err(rlp_read_end(&r), ERR_NONE);
		assert_true(u256_eq(&v, &back));
		r = rlp_read(buf_bytes(&b));
		(void)rlp_get_uint(&r);
		assert_err(rlp_read_end(&r),
			   bit < 64 ? ERR_NONE : ERR_MALFORMED);
		buf_clear(&b);
	}
	buf_free(&b);
}

/* ---- refused ------------------------------------------------------------ */

/* Read everything there is, whatever it is, eight lists deep. */
static enum err read_all(struct rlp *r, int depth)
{
	while (!rlp_is_end(r)) {
		struct rlp list;

		if (depth == 0 || r->data[r->at] < 0xc0) {
			(void)rlp_get_bytes(r);
			continue;
		}
		list = rlp_get_list(r);
		(void)!read_all(&list, depth - 1);
		rlp_get_close(r, &list);
	}
	return rlp_read_end(r);
}

static enum err read_hex(const char *text)
{
	struct buf b = {0};
	struct rlp r;
	enum err e;

	assert_err(hex_decode_buf(&b, text, strlen(text)), ERR_NONE);
	r = rlp_read(buf_bytes(&b));
	e = read_all(&r, 8);
	buf_free(&b);
	return e;
}

#define ZEROS_8	 "0000000000000000"
#define ZEROS_56 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8

static void other_forms_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"0x8100", "a byte that is its own prefix"},
		{"0x817f", "the same"},
		{"0xb800", "long form of nothing"},
		{"0xb8370000000000000000000000000000000000000000000000000000000"
		 "0"
		 "000000000000000000000000000000000000000000000000000000",
		 "long form of 55 bytes"},
		{"0xb90038" ZEROS_56, "a zero in front of a length"},
		{"0xf90038" ZEROS_56, "the same of a list"},
		{"0xb9", "a length that isn't there"},
		{"0xb90101", "fewer bytes than the length says"},
		{"0x83646f", "the same, short"},
		{"0xbfffffffffffffffff", "2^64 - 1 bytes"},
		{"0xbf8000000000000000", "2^63 bytes"},
		{"0xc183", "a string longer than its list"},
		{"0xc2c3c0", "a list longer than its list"},
		{"0xf800", "long form of an empty list"},
		{"0xffffffffffffffffff", "a list of 2^64 - 1 bytes"},
	};

	(void)state;
	assert_err(read_hex("0x"), ERR_NONE);
	assert_err(read_hex("0xc7c0c1c0c3c0c1c0"), ERR_NONE);
	assert_err(read_hex("0xb838" ZEROS_56), ERR_NONE);
	assert_err(read_hex("0xf838" ZEROS_56), ERR_NONE);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (read_hex(rows[i].text) != ERR_MALFORMED)
			fail_msg("accepted: %s", rows[i].why);
}

static void scalars_have_no_zero_in_front(void **state)
{
	struct rlp r = rlp_read(TEXT("\x00"));

	(void)state;
	assert_int_equal(rlp_get_uint(&r), 0);
	assert_err(rlp_read_end(&r), ERR_MALFORMED);
	r = rlp_read(TEXT("\x82\x00\x01"));
	assert_int_equal(rlp_get_uint(&r), 0);
	assert_err(rlp_read_end(&r), ERR_MALFORMED);
}

static void a_string_is_no_list(void **state)
{
	struct rlp r = rlp_read(TEXT("\xc0")), list;

	(void)state;
	assert_int_equal(rlp_get_bytes(&r).size, 0);
	assert_err(rlp_read_end(&r), ERR_MALFORMED);
	r = rlp_read(TEXT("\x80"));
	list = rlp_get_list(&r);
	assert_true(rlp_is_end(&list));
	assert_err(rlp_read_end(&r), ERR_MALFORMED);
	r = rlp_read(TEXT("\x05"));
	list = rlp_get_list(&r);
	assert_err(rlp_read_end(&list), ERR_MALFORMED);
}

static void what_is_left_unread_is_an_error(void **state)
{
	struct rlp r = rlp_read(TEXT("\xc2\x01\x02")), list;

	(void)state;
	assert_err(rlp_read_end(&r), ERR_MALFORMED);
	list = rlp_get_list(&r);
	assert_int_equal(rlp_get_uint(&list), 1);
	rlp_get_close(&r, &list);
	assert_err(rlp_read_end(&r), ERR_MALFORMED);
	r = rlp_read(TEXT("\x01"));
	assert_int_equal(rlp_get_uint(&r), 1);
	assert_int_equal(rlp_get_uint(&r), 0); /* one too many */
	assert_err(rlp_read_end(&r), ERR_MALFORMED);
}

/* Noise, in memory that ends where it ends. */
static void noise_does_no_harm(void **state)
{
	(void)state;
	for (int round = 0; round < 50000; round++) {
		size_t size = (size_t)round % 40;
		uint8_t *noise = malloc(size ? size : 1);
		struct rlp r;

		for (size_t i = 0; i < size; i++) {
			noise[i] = (uint8_t)draw(256);
		}
		r = rlp_read((struct bytes){noise, size});
		(void)!read_all(&r, 8);
		free(noise);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_and_numbers_are_written),
		cmocka_unit_test(lists_nest),
		cmocka_unit_test(every_length_goes_both_ways),
		cmocka_unit_test(numbers_go_both_ways),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(scalars_have_no_zero_in_front),
		cmocka_unit_test(a_string_is_no_list),
		cmocka_unit_test(what_is_left_unread_is_an_error),
		cmocka_unit_test(noise_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
