/* Promises of common/json.h. */
#include "tests/test.h"

#include <string.h>

#include "common/buf.h"
#include "common/json.h"

static json_t *read_text(const char *text)
{
	return json_read((struct bytes){(const uint8_t *)text, strlen(text)});
}

static void what_jansson_reads_is_read_the_same(void **state)
{
	static const char *const texts[] = {
		"{}",
		" [ ] ",
		"[null,true,false,0,-0,-1,12345678901234567]",
		"[9223372036854775807,-9223372036854775808]",
		"[1.5,-2e3,1E-2,0.0]",
		"{\"a\":{\"b\":[{\"c\":\"d\"},[]]},\"\":1,\"\\u0061b\":2}",
		"[\"\",\"\\n\\t\\\"\\\\\\/\",\"\\u20ac\\ud83d\\ude00\",\"€\"]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		json_t *ours = read_text(texts[i]);
		json_t *theirs =
			json_loads(texts[i], JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(ours);
		assert_true(json_equal(ours, theirs));
		json_decref(ours);
		json_decref(theirs);
	}
}

static void what_is_no_json_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"1",
		"\"a\"",
		"null",
		"[",
		"[1,]",
		"{\"a\"}",
		"{\"a\":}",
		"{a:1}",
		"[1]]",
		"[1]\"a",
		"[1] x",
		"[01]",
		"['a']",
		"[nul]",
		"[1e999]",
		"[\"\xff\"]",
		"[\"a\nb\"]",
		"[\"\\u0000\"]",
		"[+1]",
		"[\"\\x\"]",
		"[1.]",
		"{\"a\":1,\"a\":2}",
		"[9223372036854775808]",
		"{\"a\\u0000b\":1}",
		"[-9223372036854775809]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (read_text(texts[i]))
			fail_msg("read: %s", texts[i]);
}

static void nests(size_t depth, bool is_read)
{
	struct buf text = {0};
	json_t *json;

	for (size_t i = 0; i < depth; i++)
		buf_put_u8(&text, '[');
	for (size_t i = 0; i < depth; i++)
		buf_put_u8(&text, ']');
	json = json_read(buf_bytes(&text));
	assert_int_equal(json != NULL, is_read);
	json_decref(json);
	buf_free(&text);
}

static void it_goes_as_deep_as_it_says(void **state)
{
	(void)state;
	nests(JSON_DEPTH_MAX, true);
	nests(JSON_DEPTH_MAX + 1, false);
	nests(100 * JSON_DEPTH_MAX, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_jansson_reads_is_read_the_same),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(it_goes_as_deep_as_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
