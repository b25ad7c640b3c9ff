/* Errors and enums of the contracts have names, and reverts a sentence. */
#include "tests/test.h"

#include "abi_market.h"
#include "tests/golden/filled.h"

static void assert_revert(struct bytes data, const char *want)
{
	struct buf out = {0};

	abi_put_revert(&out, data);
	assert_string_equal(buf_text(&out), want);
	buf_free(&out);
}

static void assert_golden_revert(const char *name, const char *want)
{
	struct buf data = golden_column(FILLED_PATH, "error", name, 0);

	assert_revert(buf_bytes(&data), want);
	buf_free(&data);
}

static void reverts_are_told_in_a_sentence(void **state)
{
	(void)state;
	assert_golden_revert("BranchGone",
			     "BranchGone: The block that was decided on isn't "
			     "in this chain, or is too old: decide again.");
	assert_golden_revert("ERC20InsufficientBalance",
			     "ERC20InsufficientBalance: The account holds less "
			     "than it was to pay: add funds, or lower the "
			     "amount.");
	assert_golden_revert("Error", "no ??? \"way\"?");
	assert_golden_revert("Panic",
			     "panic 0x11: arithmetic overflow or underflow");
	assert_revert((struct bytes){NULL, 0}, "reverted without a reason");
	assert_revert((struct bytes){(const uint8_t *)"\x01\x02\x03", 3},
		      "reverted without a reason");
	assert_revert(f.bytes[9], "unknown error 0x09090909");
	/* Error(string) cut off */
	assert_revert((struct bytes){(const uint8_t *)"\x08\xc3\x79\xa0", 4},
		      "unknown error 0x08c379a0");
}

static void every_error_has_its_selector_name_and_text(void **state)
{
	static const char *const names[] = {"MarketUnknown",
					    "GasTooLow",
					    "StakeShort",
					    "ZeroAddress",
					    "EnforcedPause",
					    "NotAvailable",
					    "AccessControlUnauthorizedAccount"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct buf data =
			golden_column(FILLED_PATH, "error", names[i], 0);

		assert_string_equal(abi_error_name(data.data), names[i]);
		assert_true(strlen(abi_error_text(data.data)) > 20);
		buf_free(&data);
	}
	assert_int_equal(abi_error_of_selector(f.selector[1].bytes),
			 ABI_ERROR_UNKNOWN);
	assert_string_equal(abi_error_name(f.selector[1].bytes),
			    "unknown error");
}

static void enums_have_names(void **state)
{
	(void)state;
	assert_string_equal(abi_protocol_name(ABI_PROTOCOL_ORDER_BOOK),
			    "order_book");
	assert_string_equal(abi_request_state_name(ABI_REQUEST_STATE_REJECTED),
			    "rejected");
	assert_string_equal(abi_request_state_name((enum abi_request_state)77),
			    "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reverts_are_told_in_a_sentence),
		cmocka_unit_test(every_error_has_its_selector_name_and_text),
		cmocka_unit_test(enums_have_names),
	};

	return cmocka_run_group_tests(tests, filled_begin, NULL);
}
