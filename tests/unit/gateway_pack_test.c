/* What pack.h promises: JSON as msgpack, as others write it, and back. */
#include "tests/test.h"

#include "services/webhook-gateway/pack.h"

/* Vectors of https://msgpack.org and @msgpack/msgpack. */
static void msgpack_is_what_others_write(void **state)
{
	static const struct {
		const char *json;
		const char *packed;
		size_t size;
	} rows[] = {
		{"{\"compact\":true,\"schema\":0}",
		 "\x82\xa7"
		 "compact\xc3\xa6"
		 "schema\x00",
		 18},
		{"[]", "\x90", 1},
		{"[null,false,127,128,65536]",
		 "\x95\xc0\xc2\x7f\xcc\x80\xce\x00\x01\x00\x00", 11},
		{"4294967296", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
		{"\"caf\xc3\xa9\"",
		 "\xa5"
		 "caf\xc3\xa9",
		 6},
		{"-7", "\xd3\xff\xff\xff\xff\xff\xff\xff\xf9", 9},
		{"18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
		 9},
		{"-9223372036854775808", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		 9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf packed = {0}, json = {0};

		pack_json(&packed, (struct bytes){(const uint8_t *)rows[i].json,
						  strlen(rows[i].json)});
		assert_int_equal(packed.size, rows[i].size);
		assert_memory_equal(packed.data, rows[i].packed, rows[i].size);
		assert_err(pack_to_json(&json, buf_bytes(&packed)), ERR_NONE);
		assert_string_equal(buf_text(&json), rows[i].json);
		buf_free(&packed);
		buf_free(&json);
	}
}

static void long_strings_lists_and_maps_have_wide_heads(void **state)
{
	static const size_t sizes[] = {15, 16, 31, 32, 255, 256, 65535, 65536};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (int kind = 0; kind < 3; kind++) {
			struct buf json = {0}, packed = {0}, back = {0};

			buf_put_text(&json, kind == 0	? "\""
					    : kind == 1 ? "["
							: "{");
			for (size_t n = 0; n < sizes[i]; n++)
				if (kind == 0)
					buf_put_u8(&json, 'x');
				else
					buf_printf(&json,
						   kind == 1 ? "%s%zu"
							     : "%s\"%zu\":0",
						   n ? "," : "", n);
			buf_put_text(&json, kind == 0	? "\""
					    : kind == 1 ? "]"
							: "}");
			pack_json(&packed, buf_bytes(&json));
			assert_err(pack_to_json(&back, buf_bytes(&packed)),
				   ERR_NONE);
			assert_int_equal(back.size, json.size);
			assert_memory_equal(back.data, json.data, json.size);
			buf_free(&json);
			buf_free(&packed);
			buf_free(&back);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(msgpack_is_what_others_write),
		cmocka_unit_test(long_strings_lists_and_maps_have_wide_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
