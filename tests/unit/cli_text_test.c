/* What people type is read strictly; what they see is short and harmless. */
#include "tests/test.h"

#include <string.h>

#include "services/kalypso/text.h"

static void seconds_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} rows[] = {{"0", 0},	  {"90", 90},
		    {"90s", 90},  {"5m", 300},
		    {"2h", 7200}, {"7d", 604800},
		    {"007", 7},	  {"213503982334601d", 18446744073709526400u}};
	static const char *const wrong[] = {"",	   "s",	  "-1",	 "1.5h", "1w",
					    " 1",  "1 ",  "1hm", "1 h",	 "0x1",
					    "1h1", "+1s", "h1"};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_err(cli_parse_seconds(&v, rows[i].text), ERR_NONE);
		assert_true(v == rows[i].seconds);
	}
	v = 42;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_err(cli_parse_seconds(&v, wrong[i]), ERR_MALFORMED);
	assert_err(cli_parse_seconds(&v, "18446744073709551616"), ERR_RANGE);
	assert_err(cli_parse_seconds(&v, "213503982334602d"), ERR_RANGE);
	assert_true(v == 42);
}

static void numbers_are_digits(void **state)
{
	uint64_t v = 42;

	(void)state;
	assert_err(cli_parse_u64(&v, ""), ERR_MALFORMED);
	assert_err(cli_parse_u64(&v, "-1"), ERR_MALFORMED);
	assert_err(cli_parse_u64(&v, "1x"), ERR_MALFORMED);
	assert_err(cli_parse_u64(&v, "18446744073709551616"), ERR_RANGE);
	assert_true(v == 42);
	assert_err(cli_parse_u64(&v, "18446744073709551615"), ERR_NONE);
	assert_true(v == UINT64_MAX);
}

static void assert_amount(const char *text, unsigned decimals, const char *want)
{
	char units[U256_DEC_ROOM];
	struct u256 v;

	assert_err(cli_parse_amount(&v, text, decimals), ERR_NONE);
	assert_string_equal(u256_format_dec(units, &v), want);
}

static void amounts_are_tokens_or_units(void **state)
{
	static const char *const wrong[] = {"",	   "u",	   "1.u", "-1u", "1uu",
					    "01u", "1.5u", ".5",  "1.",	 "1e3",
					    "1,5", " 1",   "1 u", "0x1"};
	struct u256 v = u256_from_u64(42), same = v;

	(void)state;
	assert_amount("1.25", 6, "1250000");
	assert_amount("3", 18, "3000000000000000000");
	assert_amount("1250000u", 6, "1250000");
	assert_amount("0u", 6, "0");
	assert_amount("0.000001", 6, "1");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_err(cli_parse_amount(&v, wrong[i], 6), ERR_MALFORMED);
	assert_err(cli_parse_amount(&v, "0.0000001", 6), ERR_RANGE);
	assert_err(cli_parse_amount(
			   &v,
			   "1157920892373161954235709850086879078532699846656"
			   "40564039457584007913129639936u",
			   6),
		   ERR_RANGE);
	assert_err(cli_parse_amount(
			   &v,
			   "9999999999999999999999999999999999999999999999999"
			   "99999999999999999999999999999999999999999u",
			   6),
		   ERR_RANGE);
	assert_true(u256_eq(&v, &same));
}

static void times_are_short(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{0, "0 s"},	      {59, "59 s"},
		{60, "1 min"},	      {90, "1 min 30 s"},
		{300, "5 min"},	      {3600, "1 h"},
		{3601, "1 h"},	      {7500, "2 h 5 min"},
		{86400, "1 d"},	      {90000, "1 d 1 h"},
		{604799, "6 d 23 h"}, {UINT64_MAX, "213503982334601 d 7 h"},
	};
	char text[CLI_SECONDS_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(cli_format_seconds(text, rows[i].seconds),
				    rows[i].text);
}

static void moments_go_both_ways(void **state)
{
	char text[CLI_TIME_ROOM];
	struct unix_s t = {0};

	(void)state;
	assert_string_equal(cli_format_time(text, (struct unix_s){1795248000}),
			    "2026-11-21T08:00:00Z");
	assert_err(cli_parse_time(&t, text), ERR_NONE);
	assert_true(t.v == 1795248000);
	assert_string_equal(
		cli_format_time(text, (struct unix_s){253402300800}),
		"253402300800");
	assert_err(cli_parse_time(&t, text), ERR_NONE);
	assert_true(t.v == 253402300800);
	cli_format_time(text, (struct unix_s){UINT64_MAX});
	assert_string_equal(text, "18446744073709551615");
	assert_err(cli_parse_time(&t, "2026-11-21"), ERR_MALFORMED);
	assert_err(cli_parse_time(&t, "2026-11-21T08:00:00+01:00"),
		   ERR_MALFORMED);
	assert_err(cli_parse_time(&t, "1969-12-31T23:59:59Z"), ERR_MALFORMED);
	assert_err(cli_parse_time(&t, ""), ERR_MALFORMED);
}

static void assert_clean(const char *text, const char *want)
{
	struct buf out = {0};

	cli_put_clean(&out,
		      (struct bytes){(const uint8_t *)text, strlen(text)});
	assert_string_equal(buf_text(&out), want);
	buf_free(&out);
}

static void strangers_words_do_no_harm(void **state)
{
	(void)state;
	assert_clean("plain text", "plain text");
	assert_clean("Zürich €5 𝄞", "Zürich €5 𝄞");
	assert_clean("\033[2J\a\r\n\t\x7f", "?[2J?????");
	assert_clean("\xc2\x9b"
		     "31m",
		     "??31m"); /* a C1 control */
	assert_clean("\xff\xc0\xaf\xed\xa0\x80", "??????");
	assert_clean("\xf4\x90\x80\x80", "????"); /* above U+10FFFF */
	assert_clean("\xe0\x80\xaf\xf0\x80\x80\xaf", "???????");
	assert_clean("cut \xe2\x82", "cut ??");
	assert_clean("\xe2\x80\xae"
		     "txt.exe",
		     "???txt.exe"); /* turned around */
	assert_clean("", "");
}

static void columns_count_characters(void **state)
{
	(void)state;
	assert_int_equal(cli_width(""), 0);
	assert_int_equal(cli_width("abc"), 3);
	assert_int_equal(cli_width("Zürich €"), 8);
}

static void settings_are_words_in_a_bytes32(void **state)
{
	struct hash32 word;

	(void)state;
	assert_err(cli_parse_setting(&word, "maxTime"), ERR_NONE);
	assert_memory_equal(word.bytes, "maxTime\0\0\0", 10);
	assert_int_equal(word.bytes[31], 0);
	assert_err(cli_parse_setting(&word, ""), ERR_MALFORMED);
	assert_err(cli_parse_setting(&word, "max-time"), ERR_MALFORMED);
	assert_err(
		cli_parse_setting(&word, "a23456789012345678901234567890123"),
		ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_have_units),
		cmocka_unit_test(numbers_are_digits),
		cmocka_unit_test(amounts_are_tokens_or_units),
		cmocka_unit_test(times_are_short),
		cmocka_unit_test(moments_go_both_ways),
		cmocka_unit_test(strangers_words_do_no_harm),
		cmocka_unit_test(columns_count_characters),
		cmocka_unit_test(settings_are_words_in_a_bytes32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
