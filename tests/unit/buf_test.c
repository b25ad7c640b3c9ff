/* What buf, scan, err and types promise: bytes in, bytes out, no further. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/scan.h"
#include "common/utf8.h"

/* ---- buf ---------------------------------------------------------------- */

static void everything_is_appended_in_order(void **state)
{
	static const uint8_t want[] = "\x01\x02\x03\x04\x05\x06\x07"
				      "\0\0\0\0\0\0\0\x08text\0\0"
				      "0xff00n=7";
	struct buf b = {0};

	(void)state;
	buf_put_u8(&b, 1);
	buf_put_be16(&b, 0x0203);
	buf_put_be32(&b, 0x04050607);
	buf_put_be64(&b, 8);
	buf_put_text(&b, "text");
	buf_put_zeros(&b, 2);
	buf_put_hex(&b, "\xff\0", 2);
	buf_printf(&b, "n=%d", 7);
	buf_put(&b, NULL, 0);
	assert_int_equal(b.size, sizeof want - 1);
	assert_memory_equal(b.data, want, b.size);
	assert_string_equal(buf_text(&b) + 27, "n=7"); /* a NUL behind it */
	assert_int_equal(b.size, sizeof want - 1);
	assert_err(buf_err(&b), ERR_NONE);
	buf_clear(&b);
	assert_int_equal(b.size, 0);
	assert_string_equal(buf_text(&b), "");
	buf_free(&b);
	assert_null(b.data);
	buf_free(&b);
}

static void it_grows_byte_by_byte_or_at_once(void **state)
{
	struct buf b = {0};
	uint8_t *at;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		buf_put_u8(&b, (uint8_t)i);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(b.data[i], i & 255);
	at = buf_extend(&b, 1000000);
	assert_ptr_equal(at, b.data + 5000);
	memset(at, 7, 1000000);
	assert_int_equal(b.size, 1005000);
	assert_non_null(buf_extend(&b, 0));
	buf_free(&b);
}

static void the_first_failure_stays(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put_text(&b, "before");
	buf_fail(&b, ERR_RANGE);
	buf_fail(&b, ERR_OVERFLOW);
	buf_put_text(&b, "after");
	buf_printf(&b, "%d", 1);
	buf_put_hex(&b, "x", 1);
	assert_null(buf_extend(&b, 1));
	assert_true(buf_failed(&b));
	assert_err(buf_err(&b), ERR_RANGE);
	assert_int_equal(b.size, 0);
	assert_string_equal(buf_text(&b), "");
	buf_clear(&b);
	assert_err(buf_err(&b), ERR_NONE);
	buf_put_text(&b, "again");
	assert_string_equal(buf_text(&b), "again");
	buf_free(&b);
}

static void what_can_not_be_had_is_no_memory(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put_hex(&b, NULL, SIZE_MAX - 1);
	assert_err(buf_err(&b), ERR_NO_MEMORY);
	buf_clear(&b);
	assert_null(buf_extend(&b, SIZE_MAX));
	assert_err(buf_err(&b), ERR_NO_MEMORY);
	buf_free(&b);
}

/* ---- scan --------------------------------------------------------------- */

static void what_a_buf_was_filled_with_is_read_back(void **state)
{
	struct buf b = {0};
	struct scan s;
	uint8_t two[2];

	(void)state;
	buf_put_u8(&b, 200);
	buf_put_be32(&b, 0xfffffffe);
	buf_put_be64(&b, UINT64_MAX - 1);
	buf_put_be16(&b, 0xabcd);
	buf_put_text(&b, "xy");
	s = scan_begin(buf_bytes(&b));
	assert_int_equal(scan_u8(&s), 200);
	assert_int_equal(scan_be32(&s), 0xfffffffe);
	assert_true(scan_be64(&s) == UINT64_MAX - 1);
	assert_int_equal(scan_be16(&s), 0xabcd);
	assert_err(scan_done(&s), ERR_MALFORMED); /* something is left */
	scan_bytes(&s, two, 2);
	assert_memory_equal(two, "xy", 2);
	assert_err(scan_done(&s), ERR_NONE);
	buf_free(&b);
}

static void what_is_missing_is_zero_for_good(void **state)
{
	uint8_t *three = malloc(3); /* exactly: ASan sees a read too far */
	uint8_t out[2] = {9, 9};
	struct scan s = scan_begin((struct bytes){three, 3});

	(void)state;
	memset(three, 1, 3);
	assert_int_equal(scan_be32(&s), 0);
	assert_true(s.bad);
	assert_int_equal(scan_u8(&s), 0); /* though one would be there */
	scan_bytes(&s, out, 2);
	assert_int_equal(out[0] + out[1], 0);
	assert_null(scan_take(&s, 0));
	assert_null(scan_take(&s, SIZE_MAX));
	assert_err(scan_done(&s), ERR_MALFORMED);
	free(three);
}

/* ---- err and types ------------------------------------------------------ */

static void every_error_has_a_name_a_text_and_a_class(void **state)
{
	(void)state;
#define ERR(name, class, text)                                                 \
	assert_string_equal(err_name(ERR_##name), #name);                      \
	assert_string_equal(err_text(ERR_##name), text);                       \
	assert_int_equal(err_class(ERR_##name), ERR_CLASS_##class);
#include "common/err.def"
	assert_string_equal(err_name((enum err)1000), "UNKNOWN");
	assert_string_equal(err_text((enum err)1000), "unknown error");
	assert_int_equal(err_class((enum err)1000), ERR_CLASS_STOP);
}

static void places_are_in_order_of_block_then_index(void **state)
{
	struct place a = {1, 9}, b = {2, 0}, c = {2, 1};

	(void)state;
	assert_true(place_cmp(a, b) < 0 && place_cmp(b, c) < 0);
	assert_true(place_cmp(c, a) > 0 && place_cmp(c, b) > 0);
	assert_int_equal(place_cmp(b, b), 0);
}

/* ---- utf8 --------------------------------------------------------------- */

static void text_is_what_rfc_3629_says(void **state)
{
	static const struct {
		const char *bytes;
		size_t size, want;
	} rows[] = {
		{"a", 1, 1},
		{"\x7f", 1, 1},
		{"\xc2\x80", 2, 2},
		{"\xc1\xbf", 2, 0}, /* overlong */
		{"\x80", 1, 0},
		{"\xc3", 1, 0}, /* cut */
		{"\xe0\xa0\x80", 3, 3},
		{"\xe0\x9f\xbf", 3, 0},
		{"\xed\x9f\xbf", 3, 3},
		{"\xed\xa0\x80", 3, 0},
		{"\xf0\x90\x80\x80", 4, 4},
		{"\xf0\x8f\xbf\xbf", 4, 0},
		{"\xf4\x8f\xbf\xbf", 4, 4},
		{"\xf4\x90\x80\x80", 4, 0},
		{"\xf5\x80\x80\x80", 4, 0},
		{"\xe2\x28\xa1", 3, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(utf8_size((const unsigned char *)rows[i].bytes,
					   rows[i].size),
				 rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_appended_in_order),
		cmocka_unit_test(it_grows_byte_by_byte_or_at_once),
		cmocka_unit_test(the_first_failure_stays),
		cmocka_unit_test(what_can_not_be_had_is_no_memory),
		cmocka_unit_test(what_a_buf_was_filled_with_is_read_back),
		cmocka_unit_test(what_is_missing_is_zero_for_good),
		cmocka_unit_test(every_error_has_a_name_a_text_and_a_class),
		cmocka_unit_test(places_are_in_order_of_block_then_index),
		cmocka_unit_test(text_is_what_rfc_3629_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
