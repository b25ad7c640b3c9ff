/* What a message is in bytes: pinned by golden bytes that Python made. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/u256.h"
#include "msg.h"

#define GOLDEN "tests/golden/messages.txt"

static const struct wire_message *by_name(const char *name)
{
	for (size_t i = 0; i < msg_all_count; i++)
		if (strcmp(msg_all[i]->name, name) == 0)
			return msg_all[i];
	fail_msg("no message is called %s any more", name);
	return NULL;
}

/* Call @check for every line of the golden file; how many there were. */
static unsigned each_golden(void (*check)(const struct wire_message *,
					  struct bytes))
{
	FILE *f = fopen(GOLDEN, "r");
	char name[64], hex[8192];
	unsigned n = 0;
	int c;

	if (!f)
		fail_msg("can't open " GOLDEN ": run from the project's root");
	while ((c = getc(f)) == '#')
		while (c != '\n' && c != EOF)
			c = getc(f);
	ungetc(c, f);
	while (fscanf(f, "%63s %8191s", name, hex) == 2) {
		size_t size = strlen(hex) / 2;
		uint8_t *bytes = malloc(size);
		char text[8194] = "0x";

		strcat(text, hex);
		assert_err(hex_decode(bytes, size, text, strlen(text)),
			   ERR_NONE);
		check(by_name(name), (struct bytes){bytes, size});
		free(bytes);
		n++;
	}
	fclose(f);
	return n;
}

static void check_back(const struct wire_message *d, struct bytes bytes)
{
	void *m = malloc(d->size);
	struct buf again = {0};

	if (wire_decode(d, m, bytes))
		fail_msg("%s does not decode", d->name);
	wire_encode(d, m, &again);
	assert_int_equal(again.size, bytes.size);
	assert_memory_equal(again.data, bytes.data, bytes.size);
	buf_free(&again);
	free(m);
}

static void golden_bytes_decode_and_encode_back(void **state)
{
	(void)state;
	assert_true(each_golden(check_back) >= 3 * 40);
}

static void check_prefixes(const struct wire_message *d, struct bytes bytes)
{
	void *m = malloc(d->size);

	for (size_t n = 0; n < bytes.size; n++) {
		/* A copy of exactly n bytes, so that ASan sees a read too far.
		 */
		uint8_t *part = malloc(n ? n : 1);

		memcpy(part, bytes.data, n);
		assert_err(wire_decode(d, m, (struct bytes){part, n}),
			   ERR_MALFORMED);
		free(part);
	}
	free(m);
}

static void every_truncation_is_malformed(void **state)
{
	(void)state;
	assert_true(each_golden(check_prefixes) > 0);
}

static void check_flips(const struct wire_message *d, struct bytes bytes)
{
	void *m = malloc(d->size);
	uint8_t *copy = malloc(bytes.size);
	struct buf json = {0};

	for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
		memcpy(copy, bytes.data, bytes.size);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* What decodes must also print. */
		if (!wire_decode(d, m, (struct bytes){copy, bytes.size})) {
			wire_json(d, m, &json);
			assert_true(json.size > 2);
			buf_clear(&json);
		}
	}
	buf_free(&json);
	free(copy);
	free(m);
}

static void a_flipped_bit_is_an_error_or_another_value(void **state)
{
	(void)state;
	assert_true(each_golden(check_flips) > 0);
}

static void json_is_utf8_whatever_the_text_is(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{"plain", "\"plain\""},
		{"a\"\\\n\x7f", "\"a\\\"\\\\\\u000a\\u007f\""},
		{"\u00e9\u20ac\U0001f600", "\"\u00e9\u20ac\U0001f600\""},
		{"\xff", "\"\\ufffd\""},
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},	       /* cut short */
		{"\xc0\xaf", "\"\\ufffd\\ufffd\""},	       /* overlong */
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* surrogate */
		{"\xf4\x90\x80\x80",
		 "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* above 10ffff */
	};
	struct buf json = {0};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		buf_clear(&json);
		wire_json_text(&json, rows[i].text, strlen(rows[i].text));
		assert_string_equal(buf_text(&json), rows[i].json);
	}
	buf_free(&json);
}

static void bytes_behind_are_malformed(void **state)
{
	static const uint8_t two[] = {0x92, 0x01, 0xa0, 0x00};
	struct msg_quote_removed m;

	(void)state;
	assert_err(msg_quote_removed_decode(&m, (struct bytes){two, 4}),
		   ERR_MALFORMED);
}

/* A message with one old field and two that were added later. */
struct grown {
	uint32_t old, added;
	struct amount fee;
};

static const struct wire_field grown_fields[] = {
	{.name = "old",
	 .type = WIRE_U32,
	 .offset = offsetof(struct grown, old)},
	{.name = "added",
	 .type = WIRE_U32,
	 .fallback = 7,
	 .offset = offsetof(struct grown, added)},
	{.name = "fee",
	 .type = WIRE_AMOUNT,
	 .fallback = 9,
	 .offset = offsetof(struct grown, fee)},
};
static const struct wire_message grown_wire = {.name = "grown",
					       .fields_count = 3,
					       .fields_min = 1,
					       .size = sizeof(struct grown),
					       .fields = grown_fields};

static void older_bytes_get_defaults(void **state)
{
	static const uint8_t old[] = {0x91, 0x05};
	static const uint8_t empty[] = {0x90};
	struct grown m;

	(void)state;
	assert_err(wire_decode(&grown_wire, &m, (struct bytes){old, 2}),
		   ERR_NONE);
	assert_int_equal(m.old, 5);
	assert_int_equal(m.added, 7);
	assert_int_equal(m.fee.v.limb[0], 9);
	assert_err(wire_decode(&grown_wire, &m, (struct bytes){empty, 1}),
		   ERR_MALFORMED);
}

static void newer_bytes_lose_what_we_do_not_know(void **state)
{
	/* 5, 6, 1, then [["a", bin 2], true, "0123"] */
	static const uint8_t newer[] = {0x94, 5,    6,	  1,   0x93, 0x92,
					0xa1, 'a',  0xc4, 2,   0xff, 0xff,
					0xc3, 0xa4, '0',  '1', '2',  '3'};
	struct grown m;

	(void)state;
	assert_err(wire_decode(&grown_wire, &m,
			       (struct bytes){newer, sizeof newer}),
		   ERR_NONE);
	assert_int_equal(m.added, 6);
}

static void a_bomb_costs_nothing(void **state)
{
	/* An array that claims 2^32 - 1 items; nine nested ones. */
	static const uint8_t claims[] = {0x94, 5,   6,	 1,  0xdd,
					 255,  255, 255, 255};
	static const uint8_t nested[] = {0x94, 5,    6,	   1,	 0x91,
					 0x91, 0x91, 0x91, 0x91, 0x91,
					 0x91, 0x91, 0x91, 0x01};
	struct grown m;

	(void)state;
	assert_err(wire_decode(&grown_wire, &m,
			       (struct bytes){claims, sizeof claims}),
		   ERR_MALFORMED);
	assert_err(wire_decode(&grown_wire, &m,
			       (struct bytes){nested, sizeof nested}),
		   ERR_MALFORMED);
}

static void amounts_have_one_form(void **state)
{
	/* 1 as a bin, and 2^64 with a zero in front */
	static const uint8_t small[] = {0x93, 5, 6, 0xc4, 1, 1};
	static const uint8_t zero[] = {0x93, 5, 6, 0xc4, 10, 0, 1, 0,
				       0,    0, 0, 0,	 0,  0, 0};
	struct grown m;

	(void)state;
	assert_err(wire_decode(&grown_wire, &m,
			       (struct bytes){small, sizeof small}),
		   ERR_MALFORMED);
	assert_err(
		wire_decode(&grown_wire, &m, (struct bytes){zero, sizeof zero}),
		ERR_MALFORMED);
}

static void json_is_what_people_read(void **state)
{
	struct msg_match_made m = {
		.request_id = UINT64_MAX,
		.market_id = 1,
		.generator = {{0x5a, 0xae, 0xb6}},
		.decision = 3,
		.block = {12, {{0xab}}, {1700000000}},
		.price = {u256_from_u64(1000000000000000000)},
		.response_time = 60,
		.valid_until = {1700000030},
		.rule = 1};
	struct buf bytes = {0}, json = {0};

	(void)state;
	wire_encode(&msg_match_made_wire, &m, &bytes);
	assert_err(msg_json(&json, MSG_MATCH_MADE, buf_bytes(&bytes)),
		   ERR_NONE);
	assert_non_null(strstr(buf_text(&json),
			       "{\"type\":\"match_made\",\"request_id\":"
			       "\"18446744073709551615\","
			       "\"market_id\":\"1\",\"generator\":\"0x"));
	assert_non_null(strstr(
		buf_text(&json),
		"\"time\":\"2023-11-14T22:13:20Z\"},"
		"\"price\":\"1000000000000000000\",\"response_time\":60,"));
	assert_err(msg_json(&json, 0x7777, buf_bytes(&bytes)),
		   ERR_UNKNOWN_TYPE);
	assert_err(msg_check(MSG_MATCH_MADE, buf_bytes(&bytes)), ERR_NONE);
	assert_err(msg_check(0x7777, buf_bytes(&bytes)), ERR_UNKNOWN_TYPE);
	bytes.size--;
	assert_err(msg_check(MSG_MATCH_MADE, buf_bytes(&bytes)), ERR_MALFORMED);
	buf_free(&bytes);
	buf_free(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_bytes_decode_and_encode_back),
		cmocka_unit_test(every_truncation_is_malformed),
		cmocka_unit_test(a_flipped_bit_is_an_error_or_another_value),
		cmocka_unit_test(json_is_utf8_whatever_the_text_is),
		cmocka_unit_test(bytes_behind_are_malformed),
		cmocka_unit_test(older_bytes_get_defaults),
		cmocka_unit_test(newer_bytes_lose_what_we_do_not_know),
		cmocka_unit_test(a_bomb_costs_nothing),
		cmocka_unit_test(amounts_have_one_form),
		cmocka_unit_test(json_is_what_people_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
