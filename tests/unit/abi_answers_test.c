/* Every answer that viem encodes is decoded, value by value; reverts as text.
 */
#include "tests/test.h"

#include "abi_market.h"
#include "tests/golden/filled.h"

/* ---- one decoder each --------------------------------------------------- */

static void create_market(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_create_market(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void create_request(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_create_request(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void create_requests(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_create_requests(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void create_request_for(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_create_request_for(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void cancel_requests(struct bytes data)
{
	struct abi_words v;

	assert_err(abi_result_cancel_requests(&v, data), ERR_NONE);
	assert_selectors(v, 1);
}

static void assign_tasks(struct bytes data)
{
	struct abi_words v;

	assert_err(abi_result_assign_tasks(&v, data), ERR_NONE);
	assert_selectors(v, 1);
}

static void submit_proofs(struct bytes data)
{
	struct abi_words v;

	assert_err(abi_result_submit_proofs(&v, data), ERR_NONE);
	assert_selectors(v, 1);
}

static void slash_many(struct bytes data)
{
	struct abi_words v;

	assert_err(abi_result_slash_many(&v, data), ERR_NONE);
	assert_selectors(v, 1);
}

static void request_of(struct bytes data)
{
	struct abi_request_view v;

	assert_err(abi_result_request_of(&v, data), ERR_NONE);
	assert_true(v.state == ABI_REQUEST_STATE_OPEN);
	assert_same(&v.market_id, &f.u256[2]);
	assert_same(&v.requester, &f.address[3]);
	assert_same(&v.refund_to, &f.address[4]);
	assert_same(&v.generator, &f.address[5]);
	assert_same(&v.max_price, &f.u128[6]);
	assert_same(&v.price, &f.u128[7]);
	assert_true(v.expiry == f.u64[8]);
	assert_true(v.deadline == f.u64[9]);
	assert_true(v.compute == f.u64[10]);
	assert_true(v.pool == f.u16[11]);
	assert_same(&v.inputs_hash, &f.hash[12]);
}

static void market_of(struct bytes data)
{
	struct abi_market_view v;

	assert_err(abi_result_market_of(&v, data), ERR_NONE);
	assert_same(&v.owner, &f.address[1]);
	assert_same(&v.verifier, &f.address[2]);
	assert_same(&v.penalty, &f.u128[3]);
	assert_true(v.max_input_bytes == f.u32[4]);
	assert_true(v.protocol == ABI_PROTOCOL_SEALED_BID);
	assert_true(v.auction_window == f.u32[6]);
	assert_true(v.active_from == f.u64[7]);
	assert_true(v.closed == false);
	assert_true(v.confidential == true);
	assert_true(v.disputable == false);
}

static void claimable(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_claimable(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void request_count(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_request_count(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void market_count(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_market_count(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void nonce_used(struct bytes data)
{
	bool v;

	assert_err(abi_result_nonce_used(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void batch_used(struct bytes data)
{
	bool v;

	assert_err(abi_result_batch_used(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void paused(struct bytes data)
{
	bool v;

	assert_err(abi_result_paused(&v, data), ERR_NONE);
	assert_true(v);
}

static void setting(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_setting(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void generator_of(struct bytes data)
{
	struct abi_generator_of_result v;

	assert_err(abi_result_generator_of(&v, data), ERR_NONE);
	assert_same(&v.reward_address, &f.address[1]);
	assert_same(&v.stake, &f.u256[2]);
	assert_same(&v.locked, &f.u256[3]);
	assert_same(&v.unstaking, &f.u256[4]);
	assert_true(v.compute == f.u64[5]);
	assert_true(v.compute_used == f.u64[6]);
}

static void quote_of(struct bytes data)
{
	struct abi_quote_of_result v;

	assert_err(abi_result_quote_of(&v, data), ERR_NONE);
	assert_same(&v.price, &f.u128[1]);
	assert_true(v.response_time == f.u32[2]);
	assert_true(v.compute_per_request == f.u64[3]);
	assert_true(v.active_tasks == f.u32[4]);
	assert_true(v.active == true);
}

static void payable_at(struct bytes data)
{
	uint64_t v;

	assert_err(abi_result_payable_at(&v, data), ERR_NONE);
	assert_true(v == f.u64[1]);
}

static void key_of(struct bytes data)
{
	struct abi_key_of_result v;

	assert_err(abi_result_key_of(&v, data), ERR_NONE);
	assert_same(&v.key, &f.address[1]);
	assert_same(&v.image, &f.hash[2]);
	assert_true(v.usable == true);
}

static void is_engine(struct bytes data)
{
	bool v;

	assert_err(abi_result_is_engine(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void is_key_revoked(struct bytes data)
{
	bool v;

	assert_err(abi_result_is_key_revoked(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void is_image_revoked(struct bytes data)
{
	bool v;

	assert_err(abi_result_is_image_revoked(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void encryption_key(struct bytes data)
{
	struct bytes v;

	assert_err(abi_result_encryption_key(&v, data), ERR_NONE);
	assert_bytes(v, 1);
}

static void verify(struct bytes data)
{
	bool v;

	assert_err(abi_result_verify(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void check_inputs(struct bytes data)
{
	bool v;

	assert_err(abi_result_check_inputs(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void check_sample(struct bytes data)
{
	bool v;

	assert_err(abi_result_check_sample(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void approve(struct bytes data)
{
	bool v;

	assert_err(abi_result_approve(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void allowance(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_allowance(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void balance_of(struct bytes data)
{
	struct u256 v;

	assert_err(abi_result_balance_of(&v, data), ERR_NONE);
	assert_same(&v, &f.u256[1]);
}

static void decimals(struct bytes data)
{
	uint8_t v;

	assert_err(abi_result_decimals(&v, data), ERR_NONE);
	assert_true(v == f.u8[1]);
}

static void symbol(struct bytes data)
{
	struct bytes v;

	assert_err(abi_result_symbol(&v, data), ERR_NONE);
	assert_bytes(v, 1);
}

static void name(struct bytes data)
{
	struct bytes v;

	assert_err(abi_result_name(&v, data), ERR_NONE);
	assert_bytes(v, 1);
}

static void transfer(struct bytes data)
{
	bool v;

	assert_err(abi_result_transfer(&v, data), ERR_NONE);
	assert_true(v == true);
}

static void registry(struct bytes data)
{
	struct address v;

	assert_err(abi_result_registry(&v, data), ERR_NONE);
	assert_same(&v, &f.address[1]);
}

static void key_registry(struct bytes data)
{
	struct address v;

	assert_err(abi_result_key_registry(&v, data), ERR_NONE);
	assert_same(&v, &f.address[1]);
}

static void payment_token(struct bytes data)
{
	struct address v;

	assert_err(abi_result_payment_token(&v, data), ERR_NONE);
	assert_same(&v, &f.address[1]);
}

static void stake_token(struct bytes data)
{
	struct address v;

	assert_err(abi_result_stake_token(&v, data), ERR_NONE);
	assert_same(&v, &f.address[1]);
}

static const struct {
	const char *name;
	void (*check)(struct bytes data);
} rows[] = {
	{"createMarket", create_market},
	{"createRequest", create_request},
	{"createRequests", create_requests},
	{"createRequestFor", create_request_for},
	{"cancelRequests", cancel_requests},
	{"assignTasks", assign_tasks},
	{"submitProofs", submit_proofs},
	{"slashMany", slash_many},
	{"requestOf", request_of},
	{"marketOf", market_of},
	{"claimable", claimable},
	{"requestCount", request_count},
	{"marketCount", market_count},
	{"nonceUsed", nonce_used},
	{"batchUsed", batch_used},
	{"registry", registry},
	{"keyRegistry", key_registry},
	{"paymentToken", payment_token},
	{"stakeToken", stake_token},
	{"paused", paused},
	{"setting", setting},
	{"generatorOf", generator_of},
	{"quoteOf", quote_of},
	{"payableAt", payable_at},
	{"keyOf", key_of},
	{"isEngine", is_engine},
	{"isKeyRevoked", is_key_revoked},
	{"isImageRevoked", is_image_revoked},
	{"encryptionKey", encryption_key},
	{"verify", verify},
	{"checkInputs", check_inputs},
	{"checkSample", check_sample},
	{"approve", approve},
	{"allowance", allowance},
	{"balanceOf", balance_of},
	{"decimals", decimals},
	{"symbol", symbol},
	{"name", name},
	{"transfer", transfer},
};

/* ---- promises ----------------------------------------------------------- */

static void every_answer_is_decoded(void **state)
{
	(void)state;
	assert_int_equal(sizeof rows / sizeof rows[0],
			 golden_rows(FILLED_PATH, "answer"));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf data =
			golden_column(FILLED_PATH, "answer", rows[i].name, 0);

		rows[i].check(buf_bytes(&data));
		buf_free(&data);
	}
}

static void no_answer_is_an_error(void **state)
{
	struct u256 amount = u256_from_u64(7);
	struct abi_generator_of_result generator;
	bool yes = true;

	(void)state;
	/* What a call to an address without code answers. */
	assert_err(abi_result_claimable(&amount, (struct bytes){NULL, 0}),
		   ERR_MALFORMED);
	assert_true(u256_is_zero(&amount));
	assert_err(abi_result_generator_of(&generator, f.bytes[3]),
		   ERR_MALFORMED);
	assert_err(abi_result_is_engine(&yes, (struct bytes){f.room[31], 32}),
		   ERR_MALFORMED);
	assert_false(yes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_is_decoded),
		cmocka_unit_test(no_answer_is_an_error),
	};

	return cmocka_run_group_tests(tests, filled_begin, NULL);
}
