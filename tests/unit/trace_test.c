/* The same id for whoever knows the request, and nobody else's. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "common/trace.h"

static const struct trace_origin origin = {
	31337, {{0x5f, 0xbd, 0xb2, 0x31, 0x56, 0x78, 0xaf, 0xec, 0xb3, 0x67,
		 0xf0, 0x32, 0xd9, 0x3f, 0x64, 0x2f, 0x64, 0x18, 0x0a, 0xa3}}};

/* python3 -c 'import hashlib;print(hashlib.sha256(b"kalypso trace"+
 * (31337).to_bytes(8,"big")+bytes.fromhex("5fbdb2315678afecb367f032d93f642f6418
 * 0aa3")+(7).to_bytes(8,"big")).hexdigest()[:48])' */
static const char of_7[] = "3f077642070f3869c78e06378cf80738";
static const char span_of_7[] = "9be98b5f1b351557";

static void it_follows_from_chain_contract_and_number(void **state)
{
	struct trace_origin other = origin;
	char id[TRACE_ROOM], another[TRACE_ROOM];

	(void)state;
	assert_string_equal(trace_make(id, &origin, 7), of_7);
	assert_string_not_equal(trace_make(another, &origin, 8), id);
	other.chain_id++;
	assert_string_not_equal(trace_make(another, &other, 7), id);
	other = origin;
	other.contract.bytes[19]++;
	assert_string_not_equal(trace_make(another, &other, 7), id);
}

static void before_the_origin_is_known_there_are_none(void **state)
{
	static const struct address before = {{1}};
	char id[TRACE_ROOM], parent[TRACE_PARENT_ROOM], want[TRACE_PARENT_ROOM];
	struct buf bytes = {0};

	(void)state;
	assert_string_equal(trace_id(id, 7), "");
	assert_string_equal(trace_parent(parent, 7), "");
	trace_put_origin(&bytes);
	assert_int_equal(bytes.size, 0);
	trace_open(origin.chain_id, &before);
	assert_string_not_equal(trace_id(id, 7), "");
	assert_string_not_equal(id, of_7);
	trace_open(origin.chain_id, &origin.contract); /* it began anew */
	trace_open(origin.chain_id, &origin.contract);
	assert_string_equal(trace_id(id, 7), of_7);
	snprintf(want, sizeof want, "00-%s-%s-01", of_7, span_of_7);
	assert_string_equal(trace_parent(parent, 7), want);
}

static void a_state_carries_the_origin_and_loses_it_again(void **state)
{
	struct buf bytes = {0};
	struct bytes rest;

	(void)state;
	buf_put_text(&bytes, "a state, not a short one: it has more than that");
	rest = trace_take_origin(buf_bytes(&bytes)); /* of an older version */
	assert_int_equal(rest.size, bytes.size);
	trace_put_origin(&bytes);
	assert_int_equal(bytes.size, rest.size + 36);
	assert_int_equal(trace_take_origin(buf_bytes(&bytes)).size, rest.size);
	bytes.size = 5;
	assert_int_equal(trace_take_origin(buf_bytes(&bytes)).size, 5);
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_follows_from_chain_contract_and_number),
		cmocka_unit_test(before_the_origin_is_known_there_are_none),
		cmocka_unit_test(a_state_carries_the_origin_and_loses_it_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
