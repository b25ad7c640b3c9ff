/* How much is asked for at once, and what a refusal of it means: span.h and
 * refusal.h. */
#include "tests/test.h"

#include <inttypes.h>

#include "common/refusal.h"
#include "common/span.h"

/* As the providers write them. */
static void refusals_of_every_provider_are_understood(void **state)
{
	static const struct {
		int64_t code;
		const char *message;
		enum refusal refusal;
		uint64_t blocks;
	} rows[] = {
		/* Infura */
		{-32005,
		 "query returned more than 10000 results. Try with this block "
		 "range [0xBDE5F8, 0xBDE5FF].",
		 REFUSAL_TOO_MUCH, 8},
		{-32602, "range 1000000 exceeds limit of 10000",
		 REFUSAL_TOO_MUCH, 10000},
		{-32005, "project ID request rate exceeded", REFUSAL_LIMITED,
		 0},
		{-32005, "daily request count exceeded, request rate limited",
		 REFUSAL_LIMITED, 0},
		{-32005, "query timeout exceeded", REFUSAL_TOO_MUCH, 0},
		/* Alchemy */
		{-32602,
		 "Log response size exceeded. You can make eth_getLogs "
		 "requests with up to a 2K block range and no limit on the "
		 "response size, or you can request any block range with a "
		 "cap of 10K logs in the response. Based on your parameters "
		 "and the response size limit, this block range should work: "
		 "[0x0, 0xff]",
		 REFUSAL_TOO_MUCH, 256},
		{-32602,
		 "Log response size exceeded. You can make eth_getLogs "
		 "requests with up to a 2K block range",
		 REFUSAL_TOO_MUCH, 2000},
		{429,
		 "Your app has exceeded its compute units per second capacity",
		 REFUSAL_LIMITED, 0},
		/* QuickNode, 1RPC, Blast */
		{-32614, "eth_getLogs is limited to a 10,000 range",
		 REFUSAL_TOO_MUCH, 10000},
		{-32007, "50/second request limit reached", REFUSAL_LIMITED, 0},
		{-32600,
		 "block range exceeds the range allowed for your plan (501 > "
		 "500)",
		 REFUSAL_TOO_MUCH, 0},
		/* Ankr */
		{-32600, "block range is too wide", REFUSAL_TOO_MUCH, 0},
		{-32602,
		 "query exceeds max results 20000, retry with the range "
		 "23879634-23879696",
		 REFUSAL_TOO_MUCH, 0},
		/* BlockPI */
		{-32602,
		 "eth_getLogs is limited to 1024 block range. Please "
		 "check the parameter requirements",
		 REFUSAL_TOO_MUCH, 1024},
		/* Cloudflare */
		{-32047,
		 "Invalid eth_getLogs request. 'fromBlock'-'toBlock' "
		 "range too large. Max range: 800",
		 REFUSAL_TOO_MUCH, 800},
		/* thirdweb */
		{-32005, "Maximum allowed number of requested blocks is 1000",
		 REFUSAL_TOO_MUCH, 1000},
		/* Chainstack */
		{-32602, "Block range limit exceeded.", REFUSAL_TOO_MUCH, 0},
		/* dRPC */
		{35, "ranges over 10000 blocks are not supported on freetier",
		 REFUSAL_TOO_MUCH, 10000},
		/* Tenderly puts this into `data`; some repeat it */
		{-32602, "range 9009594 is bigger than range limit 2000",
		 REFUSAL_TOO_MUCH, 2000},
		/* PublicNode, Coinbase, merkle */
		{-32701, "exceed maximum block range: 50000", REFUSAL_TOO_MUCH,
		 50000},
		{-32011, "please limit the query to at most 1000 blocks",
		 REFUSAL_TOO_MUCH, 1000},
		{-32603, "eth_getLogs range is too large, max is 1k blocks",
		 REFUSAL_TOO_MUCH, 1000},
		/* proxyd of the OP stack */
		{-32020, "backend response too large", REFUSAL_TOO_MUCH, 0},
		{-32011, "no backend is currently healthy to serve traffic",
		 REFUSAL_LIMITED, 0},
		/* erigon, cdk-erigon, nitro, avalanchego, harmony */
		{-32000,
		 "query block range exceeds server limit, narrow your "
		 "filter: 1000",
		 REFUSAL_TOO_MUCH, 1000},
		{-32000,
		 "query returns too many logs, narrow your filter: "
		 "20000",
		 REFUSAL_TOO_MUCH, 0},
		{-32005, "block range too large, max range: 2000",
		 REFUSAL_TOO_MUCH, 2000},
		{-32000, "logs matched by query exceeds limit of 10000",
		 REFUSAL_TOO_MUCH, 10000},
		{-32000,
		 "requested too many blocks from 1 to 5000, maximum is "
		 "set to 2048",
		 REFUSAL_TOO_MUCH, 2048},
		{-32000, "query must be smaller than size 1024",
		 REFUSAL_TOO_MUCH, 1024},
		{-32000,
		 "block range is larger than max block range, block "
		 "range = 5120, max block range = 5000",
		 REFUSAL_TOO_MUCH, 5000},
		/* geth */
		{-32000, "unknown block", REFUSAL_UNKNOWN, 0},
		{-32002, "request timed out", REFUSAL_TOO_MUCH, 0},
		{-32003, "response too large", REFUSAL_TOO_MUCH, 0},
		/* anvil */
		{-32602,
		 "BlockOutOfRangeError: block height is 0 but "
		 "requested was 80",
		 REFUSAL_UNKNOWN, 0},
		/* in general */
		{-32005, "limit exceeded", REFUSAL_TOO_MUCH, 0},
		{429, NULL, REFUSAL_LIMITED, 0},
		{-32029, "Too many requests", REFUSAL_LIMITED, 0},
		{-32601, "the method does not exist", REFUSAL_OTHER, 0},
		{-32000, "", REFUSAL_OTHER, 0},
		{0, NULL, REFUSAL_OTHER, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t blocks = 1;

		if (refusal_of(rows[i].code, rows[i].message, &blocks) !=
			    rows[i].refusal ||
		    blocks != rows[i].blocks)
			fail_msg("%s: %d, %" PRIu64, rows[i].message,
				 refusal_of(rows[i].code, rows[i].message,
					    &blocks),
				 blocks);
	}
}

/* Numbers in it are the node's, too. */
static void numbers_that_can_not_be_are_none(void **state)
{
	static const char *const rows[] = {
		"Max range: 99999999999999999999999999",
		"limited to a banana range",
		"block range [0xffffffffffffffffffff, 0x1]",
		"block range [0x5, ",
		"block range [0x5",
		"block range [0x0, 0xffffffffffffffff]",
		"block range limited to 0",
	};
	uint64_t blocks;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(refusal_of(-32005, rows[i], &blocks),
				 REFUSAL_TOO_MUCH);
		assert_int_equal(blocks, 0);
	}
}

static void a_span_grows_to_its_bound_and_by_what_it_brings(void **state)
{
	struct span s;

	(void)state;
	span_init(&s, 10);
	assert_int_equal(s.blocks, 4);
	span_given(&s, 4, 0);
	assert_int_equal(s.blocks, 8);
	span_given(&s, 3, 0); /* a short one at the end says nothing */
	assert_int_equal(s.blocks, 8);
	span_given(&s, 8, SPAN_LOGS_WANTED);
	assert_int_equal(s.blocks, 8);
	span_given(&s, 8, 0);
	span_given(&s, 10, 0);
	assert_int_equal(s.blocks, 10);
	span_given(&s, 10, 2 * SPAN_LOGS_WANTED);
	assert_int_equal(s.blocks, 5);
	span_given(&s, 5, 1000 * SPAN_LOGS_WANTED);
	assert_int_equal(s.blocks, 1);
	span_init(&s, 1);
	assert_int_equal(s.blocks, 1);
}

static void a_span_halves_when_refused_and_grows_again_in_time(void **state)
{
	struct span s;

	(void)state;
	span_init(&s, 100);
	while (s.blocks < 100)
		span_given(&s, s.blocks, 0);
	span_refused(&s, 100, 0);
	assert_int_equal(s.blocks, 50);
	span_refused(&s, 50, 20); /* it says how much */
	assert_int_equal(s.blocks, 20);
	span_refused(&s, 20, 500); /* that can't be it */
	assert_int_equal(s.blocks, 10);
	for (int i = 0; i < SPAN_TRUST - 1; i++) {
		span_given(&s, s.blocks, 0);
		assert_int_equal(s.blocks, 10);
	}
	span_given(&s, s.blocks, 0);
	assert_true(s.blocks > 10 && s.blocks <= 20);
	for (int i = 0; i < 5 * SPAN_TRUST; i++)
		span_given(&s, s.blocks, 0);
	assert_int_equal(s.blocks, 100);
	for (int i = 0; i < 20; i++)
		span_refused(&s, s.blocks, 0);
	assert_int_equal(s.blocks, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_of_every_provider_are_understood),
		cmocka_unit_test(numbers_that_can_not_be_are_none),
		cmocka_unit_test(
			a_span_grows_to_its_bound_and_by_what_it_brings),
		cmocka_unit_test(
			a_span_halves_when_refused_and_grows_again_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
