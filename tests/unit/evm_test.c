/* What nodes say, right and wrong. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/evm.h"

#define H1 "0x1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "0x2222222222222222222222222222222222222222222222222222222222222222"
#define A1 "0x00000000000000000000000000000000000000aa"

static const char two_logs[] =
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":["
	"{\"address\":\"" A1 "\",\"topics\":[\"" H1 "\",\"" H2 "\"],"
	"\"data\":\"0x0102ff\",\"blockHash\":\"" H2 "\","
	"\"blockNumber\":\"0x10\",\"blockTimestamp\":\"0x5\","
	"\"transactionHash\":\"" H1 "\",\"transactionIndex\":\"0x0\","
	"\"logIndex\":\"0x3\",\"removed\":false},"
	"{\"removed\":false,\"logIndex\":\"0x0\",\"topics\":[],"
	"\"data\":\"0x\",\"transactionHash\":\"" H2 "\","
	"\"blockNumber\":\"0xffffffffffffffff\",\"blockHash\":\"" H1 "\","
	"\"address\":\"" A1 "\"}]}";

static enum err parse(struct evm_logs *logs, const char *text)
{
	/* A copy without NUL, so that ASan sees a read too far. */
	size_t size = strlen(text);
	uint8_t *copy = malloc(size ? size : 1);
	enum err e;

	memcpy(copy, text, size);
	e = evm_logs_parse(logs, (struct bytes){copy, size});
	free(copy);
	return e;
}

static void logs_are_read(void **state)
{
	struct evm_logs l = {0};

	(void)state;
	assert_err(parse(&l, two_logs), ERR_NONE);
	assert_int_equal(l.count, 2);
	assert_int_equal(l.items[0].log.address.bytes[19], 0xaa);
	assert_int_equal(l.items[0].log.topics_count, 2);
	assert_int_equal(l.items[0].log.topics[1].bytes[31], 0x22);
	assert_int_equal(l.items[0].log.data.size, 3);
	assert_memory_equal(l.items[0].log.data.data, "\x01\x02\xff", 3);
	assert_int_equal(l.items[0].block, 16);
	assert_int_equal(l.items[0].index, 3);
	assert_int_equal(l.items[0].tx.bytes[0], 0x11);
	assert_int_equal(l.items[0].block_hash.bytes[0], 0x22);
	assert_int_equal(l.items[1].log.topics_count, 0);
	assert_int_equal(l.items[1].log.data.size, 0);
	assert_true(l.items[1].block == UINT64_MAX);
	/* Again, into the same memory. */
	assert_err(parse(&l, "{\"result\":[]}"), ERR_NONE);
	assert_int_equal(l.count, 0);
	evm_logs_free(&l);
}

static void long_data_comes_in_chunks(void **state)
{
	struct evm_logs l = {0};
	size_t size = 100001;
	char *text = malloc(2 * size + 2000), *p = text;

	(void)state;
	p += sprintf(p, "{\"result\":[{\"address\":\"" A1 "\",\"topics\":[],"
			"\"data\":\"0x");
	for (size_t i = 0; i < size; i++)
		p += sprintf(p, "%02x", (unsigned)(i * 7 & 0xff));
	sprintf(p, "\",\"blockHash\":\"" H2 "\",\"blockNumber\":\"0x0\","
		   "\"transactionHash\":\"" H1 "\",\"logIndex\":\"0x0\"}]}");
	assert_err(parse(&l, text), ERR_NONE);
	assert_int_equal(l.items[0].log.data.size, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(l.items[0].log.data.data[i], i * 7 & 0xff);
	evm_logs_free(&l);
	free(text);
}

static void a_refusal_is_told(void **state)
{
	struct evm_logs l = {0};

	(void)state;
	assert_err(parse(&l,
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":"
			 "-32005,\"message\":\"query returned more than "
			 "10000 results\"}}"),
		   ERR_NONE);
	assert_true(l.refused);
	assert_int_equal(l.code, -32005);
	assert_string_equal(l.message,
			    "query returned more than 10000 results");
	evm_logs_free(&l);
}

static void every_truncation_is_malformed(void **state)
{
	struct evm_logs l = {0};
	char text[sizeof two_logs];

	(void)state;
	for (size_t n = 0; n < strlen(two_logs); n++) {
		memcpy(text, two_logs, n);
		text[n] = 0;
		assert_err(parse(&l, text), ERR_MALFORMED);
	}
	evm_logs_free(&l);
}

/* Replace @from in two_logs by @to and expect ERR_MALFORMED. */
static void refused_with(const char *from, const char *to)
{
	struct evm_logs l = {0};
	const char *at = strstr(two_logs, from);
	char text[sizeof two_logs + 200];

	assert_non_null(at);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - two_logs), two_logs,
		 to, at + strlen(from));
	if (parse(&l, text) != ERR_MALFORMED)
		fail_msg("taken with %s for %s", to, from);
	evm_logs_free(&l);
}

static void what_is_not_a_log_is_malformed(void **state)
{
	(void)state;
	refused_with("\"removed\":false", "\"removed\":true");
	refused_with("\"0x10\"", "\"0x010\"");
	refused_with("\"0x10\"", "\"0x\"");
	refused_with("\"0x10\"", "\"10\"");
	refused_with("\"0x10\"", "\"0x10000000000000000\"");
	refused_with("\"0x3\"", "\"0x100000000\"");
	refused_with("0x0102ff", "0x0102f");
	refused_with("0x0102ff", "0x0102fg");
	refused_with("0x0102ff", "");
	refused_with(A1, "0xaa");
	refused_with("\"logIndex\":\"0x3\",", "");
	refused_with("\"data\":\"0x0102ff\",", "");
	refused_with("\"result\"", "\"results\"");
	refused_with("[\"" H1 "\",\"" H2 "\"]", "[\"" H1 "\",\"" H1 "\",\"" H1
						"\",\"" H1 "\",\"" H1 "\"]");
	refused_with(H1, "0x11");
}

static void garbage_is_malformed(void **state)
{
	static const char *const texts[] = {
		"",
		"null",
		"[]",
		"<html>502</html>",
		"{}",
		"{\"result\":null}",
		"{\"result\":{}}",
		"{\"result\":[",
		"{\"result\":[{}]}",
		"{\"result\":[null,{\"address\":1}]}",
		"\"x\"",
		"{\"error\":null}",
		"{\"id\":1}"};
	struct evm_logs l = {0};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (parse(&l, texts[i]) != ERR_MALFORMED)
			fail_msg("taken: %s", texts[i]);
	evm_logs_free(&l);
}

static json_t *header_json(const char *number)
{
	char bloom[2 * EVM_BLOOM_BYTES + 3] = "0x", text[2000];

	memset(bloom + 2, '0', 2 * EVM_BLOOM_BYTES);
	snprintf(text, sizeof text,
		 "{\"number\":%s,\"hash\":\"" H1 "\",\"parentHash\":\"" H2 "\","
		 "\"timestamp\":\"0x65\",\"gasLimit\":\"0x1c9c380\","
		 "\"baseFeePerGas\":\"0x7\",\"logsBloom\":\"%s\"}",
		 number, bloom);
	return json_loads(text, 0, NULL);
}

static void a_header_is_read(void **state)
{
	struct evm_header h;
	json_t *json = header_json("\"0x1f\"");

	(void)state;
	assert_err(evm_header_parse(&h, json), ERR_NONE);
	assert_int_equal(h.block.number, 31);
	assert_int_equal(h.block.time.v, 101);
	assert_int_equal(h.block.hash.bytes[5], 0x11);
	assert_int_equal(h.parent.bytes[5], 0x22);
	assert_int_equal(h.base_fee.limb[0], 7);
	assert_int_equal(h.gas_limit, 30000000);
	json_object_del(json, "baseFeePerGas");
	assert_err(evm_header_parse(&h, json), ERR_NONE);
	json_object_del(json, "logsBloom");
	assert_err(evm_header_parse(&h, json), ERR_MALFORMED);
	json_decref(json);
	json = header_json("31");
	assert_err(evm_header_parse(&h, json), ERR_MALFORMED);
	json_decref(json);
	assert_err(evm_header_parse(&h, NULL), ERR_MALFORMED);
}

static void a_bloom_that_lacks_a_bit_is_certain(void **state)
{
	uint8_t bloom[EVM_BLOOM_BYTES] = {0}, full[EVM_BLOOM_BYTES];
	struct address a = {{1}};
	unsigned set = 0;

	(void)state;
	memset(full, 0xff, sizeof full);
	assert_true(evm_bloom_may_hold(full, &a));
	assert_false(evm_bloom_may_hold(bloom, &a));
	/* Exactly the bits of the address are asked for. */
	for (unsigned i = 0; i < 8 * EVM_BLOOM_BYTES; i++) {
		full[i / 8] ^= (uint8_t)(1 << i % 8);
		if (!evm_bloom_may_hold(full, &a)) {
			bloom[i / 8] |= (uint8_t)(1 << i % 8);
			set++;
		}
		full[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_in_range(set, 1, 3);
	assert_true(evm_bloom_may_hold(bloom, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_are_read),
		cmocka_unit_test(long_data_comes_in_chunks),
		cmocka_unit_test(a_refusal_is_told),
		cmocka_unit_test(every_truncation_is_malformed),
		cmocka_unit_test(what_is_not_a_log_is_malformed),
		cmocka_unit_test(garbage_is_malformed),
		cmocka_unit_test(a_header_is_read),
		cmocka_unit_test(a_bloom_that_lacks_a_bit_is_certain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
