/* Every call of build/gen/abi_market.h makes the bytes that viem makes. */
#include "tests/test.h"

#include "abi_market.h"
#include "tests/golden/filled.h"

static struct buf out;
static int calls;

static void assert_call(const char *name, enum err e)
{
	assert_err(e, ERR_NONE);
	assert_golden(buf_bytes(&out), FILLED_PATH, "call", name, 0);
	buf_clear(&out);
	calls++;
}

static void calls_of_proof_marketplace(void **state)
{
	(void)state;
	{
		const struct abi_market_params p = {
			f.address[1],	 f.u128[2],
			f.u32[3],	 ABI_PROTOCOL_ORDER_BOOK,
			f.u32[5],	 {&f.hash[6], 2},
			{&f.hash[8], 2}, f.bytes[10]};

		assert_call("createMarket", abi_call_create_market(&out, &p));
	}
	assert_call("closeMarket", abi_call_close_market(&out, &f.u256[1]));
	assert_call("setMarketOwner",
		    abi_call_set_market_owner(&out, &f.u256[1], &f.address[2]));
	assert_call("setMarketImage",
		    abi_call_set_market_image(&out, &f.u256[1], &f.hash[2],
					      f.u8[3], false));
	{
		const struct abi_request_params r = {f.u256[1],
						     f.u128[2],
						     f.u32[3],
						     f.u64[4],
						     ABI_PREFERENCE_FASTEST,
						     f.address[6],
						     f.u64[7]};

		assert_call("createRequest",
			    abi_call_create_request(&out, &r, f.bytes[8],
						    f.bytes[9], f.bytes[10]));
	}
	{
		const struct abi_request_params r[] = {
			{f.u256[1], f.u128[2], f.u32[3], f.u64[4],
			 ABI_PREFERENCE_FASTEST, f.address[6], f.u64[7]},
			{f.u256[8], f.u128[9], f.u32[10], f.u64[11],
			 ABI_PREFERENCE_CHEAPEST, f.address[13], f.u64[14]}};
		const struct bytes inputs[] = {f.bytes[15], f.bytes[16]};
		const struct bytes private_inputs[] = {f.bytes[17],
						       f.bytes[18]};
		const struct bytes acls[] = {f.bytes[19], f.bytes[20]};

		assert_call("createRequests",
			    abi_call_create_requests(&out, r, 2, inputs, 2,
						     private_inputs, 2, acls,
						     2));
	}
	{
		const struct abi_request_params r = {f.u256[2],
						     f.u128[3],
						     f.u32[4],
						     f.u64[5],
						     ABI_PREFERENCE_CHEAPEST,
						     f.address[7],
						     f.u64[8]};

		assert_call("createRequestFor",
			    abi_call_create_request_for(
				    &out, &f.address[1], &r, f.bytes[9],
				    f.bytes[10], f.bytes[11], &f.u256[12],
				    f.bytes[13]));
	}
	assert_call("cancelRequest", abi_call_cancel_request(&out, &f.u256[1]));
	{
		const struct u256 request_ids[] = {f.u256[1], f.u256[2]};

		assert_call("cancelRequests",
			    abi_call_cancel_requests(&out, request_ids, 2));
	}
	assert_call("cancelRequestFor",
		    abi_call_cancel_request_for(&out, &f.u256[1], f.bytes[2]));
	{
		const struct u256 request_ids[] = {f.u256[1], f.u256[2]};

		assert_call("rejectRequests",
			    abi_call_reject_requests(&out, request_ids, 2,
						     f.bytes[3]));
	}
	assert_call("useNonce", abi_call_use_nonce(&out, &f.u256[1]));
	{
		const struct abi_assignment a[] = {
			{f.u256[1], f.address[2], f.u128[3], f.u32[4],
			 f.bytes[5]},
			{f.u256[6], f.address[7], f.u128[8], f.u32[9],
			 f.bytes[10]}};
		const struct abi_decision d = {f.u64[11], f.u64[12], f.hash[13],
					       f.u64[14], f.hash[15]};

		assert_call("assignTasks",
			    abi_call_assign_tasks(&out, a, 2, &d, f.bytes[16]));
	}
	assert_call("submitProof",
		    abi_call_submit_proof(&out, &f.u256[1], f.bytes[2],
					  f.bytes[3]));
	{
		const struct u256 request_ids[] = {f.u256[1], f.u256[2]};
		const struct bytes inputs[] = {f.bytes[3], f.bytes[4]};
		const struct bytes proofs[] = {f.bytes[5], f.bytes[6]};

		assert_call("submitProofs",
			    abi_call_submit_proofs(&out, request_ids, 2, inputs,
						   2, proofs, 2));
	}
	assert_call("submitInvalidInputs",
		    abi_call_submit_invalid_inputs(&out, &f.u256[1], f.bytes[2],
						   f.bytes[3]));
	assert_call("slash", abi_call_slash(&out, &f.u256[1]));
	{
		const struct u256 request_ids[] = {f.u256[1], f.u256[2]};

		assert_call("slashMany",
			    abi_call_slash_many(&out, request_ids, 2));
	}
	assert_call("withdraw", abi_call_withdraw(&out, &f.address[1]));
	assert_call("requestOf", abi_call_request_of(&out, &f.u256[1]));
	assert_call("marketOf", abi_call_market_of(&out, &f.u256[1]));
	assert_call("claimable", abi_call_claimable(&out, &f.address[1]));
	assert_call("requestCount", abi_call_request_count(&out));
	assert_call("marketCount", abi_call_market_count(&out));
	assert_call("nonceUsed",
		    abi_call_nonce_used(&out, &f.address[1], &f.u256[2]));
	assert_call("batchUsed", abi_call_batch_used(&out, &f.u256[1]));
	assert_call("registry", abi_call_registry(&out));
	assert_call("keyRegistry", abi_call_key_registry(&out));
	assert_call("paymentToken", abi_call_payment_token(&out));
	assert_call("stakeToken", abi_call_stake_token(&out));
	assert_call("pause", abi_call_pause(&out));
	assert_call("unpause", abi_call_unpause(&out));
	assert_call("paused", abi_call_paused(&out));
	assert_call("setSetting",
		    abi_call_set_setting(&out, &f.hash[1], &f.u256[2]));
	assert_call("setting", abi_call_setting(&out, &f.hash[1]));
}

static void calls_of_generator_registry(void **state)
{
	(void)state;
	assert_call("register", abi_call_register(&out, &f.address[1], f.u64[2],
						  f.bytes[3]));
	assert_call("stake", abi_call_stake(&out, &f.address[1], &f.u256[2]));
	assert_call("requestUnstake",
		    abi_call_request_unstake(&out, &f.u256[1]));
	assert_call("unstake", abi_call_unstake(&out));
	assert_call("setCompute", abi_call_set_compute(&out, f.u64[1]));
	assert_call("joinMarket",
		    abi_call_join_market(&out, &f.u256[1], &f.u128[2], f.u32[3],
					 f.u64[4]));
	assert_call("updateQuote",
		    abi_call_update_quote(&out, &f.u256[1], &f.u128[2],
					  f.u32[3], f.u64[4]));
	assert_call("leaveMarket", abi_call_leave_market(&out, &f.u256[1]));
	assert_call("setRewardAddress",
		    abi_call_set_reward_address(&out, &f.address[1]));
	assert_call("deregister", abi_call_deregister(&out));
	assert_call("generatorOf", abi_call_generator_of(&out, &f.address[1]));
	assert_call("quoteOf",
		    abi_call_quote_of(&out, &f.address[1], &f.u256[2]));
	assert_call("payableAt", abi_call_payable_at(&out, &f.address[1]));
}

static void calls_of_entity_key_registry(void **state)
{
	(void)state;
	assert_call("setEngineKey",
		    abi_call_set_engine_key(&out, &f.address[1], f.bytes[2],
					    f.u64[3], f.u64[4]));
	assert_call("registerKey",
		    abi_call_register_key(&out, &f.u256[1], f.bytes[2],
					  f.bytes[3], f.bytes[4]));
	assert_call("removeKey", abi_call_remove_key(&out, &f.u256[1]));
	assert_call("revokeKey", abi_call_revoke_key(&out, &f.address[1]));
	assert_call("revokeImage", abi_call_revoke_image(&out, &f.hash[1]));
	assert_call("keyOf", abi_call_key_of(&out, &f.address[1], &f.u256[2]));
	assert_call("isEngine", abi_call_is_engine(&out, &f.address[1]));
	assert_call("isKeyRevoked",
		    abi_call_is_key_revoked(&out, &f.address[1]));
	assert_call("isImageRevoked",
		    abi_call_is_image_revoked(&out, &f.hash[1]));
	assert_call("encryptionKey", abi_call_encryption_key(&out));
}

static void calls_of_i_proof_verifier(void **state)
{
	(void)state;
	assert_call("verify", abi_call_verify(&out, f.bytes[1], f.bytes[2]));
	assert_call("checkInputs", abi_call_check_inputs(&out, f.bytes[1]));
	assert_call("checkSample", abi_call_check_sample(&out));
}

static void calls_of_erc20(void **state)
{
	(void)state;
	assert_call("approve",
		    abi_call_approve(&out, &f.address[1], &f.u256[2]));
	assert_call("allowance",
		    abi_call_allowance(&out, &f.address[1], &f.address[2]));
	assert_call("balanceOf", abi_call_balance_of(&out, &f.address[1]));
	assert_call("decimals", abi_call_decimals(&out));
	assert_call("symbol", abi_call_symbol(&out));
	assert_call("name", abi_call_name(&out));
	assert_call("transfer",
		    abi_call_transfer(&out, &f.address[1], &f.u256[2]));
	assert_call("mint", abi_call_mint(&out, &f.address[1], &f.u256[2]));
}

static void no_call_was_left_out(void **state)
{
	(void)state;
	assert_int_equal(calls, golden_rows(FILLED_PATH, "call"));
}

static void a_call_is_appended(void **state)
{
	struct buf alone = {0};

	(void)state;
	assert_err(abi_call_set_engine_key(&alone, &f.address[1], f.bytes[2], 3,
					   4),
		   ERR_NONE);
	buf_put_text(&out, "before");
	assert_err(
		abi_call_set_engine_key(&out, &f.address[1], f.bytes[2], 3, 4),
		ERR_NONE);
	assert_int_equal(out.size, 6 + alone.size);
	assert_memory_equal(out.data, "before", 6);
	assert_memory_equal(out.data + 6, alone.data, alone.size);
	buf_clear(&out);
	buf_free(&alone);
}

static void empty_arrays_and_bytes_are_written(void **state)
{
	(void)state;
	assert_err(abi_call_submit_proofs(&out, NULL, 0, NULL, 0, NULL, 0),
		   ERR_NONE);
	assert_int_equal(out.size, 4 + 32 * 6);
	buf_clear(&out);
	assert_err(abi_call_check_inputs(&out, (struct bytes){NULL, 0}),
		   ERR_NONE);
	assert_int_equal(out.size, 4 + 32 * 2);
	buf_clear(&out);
}

static void a_value_too_large_for_its_type_is_refused(void **state)
{
	struct abi_assignment a = {.price = f.u128[1]};
	struct abi_decision d = {.batch = 1};
	struct abi_market_params p = {.protocol = ABI_PROTOCOL_SEALED_BID};

	(void)state;
	assert_err(abi_call_assign_tasks(&out, &a, 1, &d, f.bytes[1]),
		   ERR_NONE);
	a.price.limb[2] = 1;
	assert_err(abi_call_assign_tasks(&out, &a, 1, &d, f.bytes[1]),
		   ERR_RANGE);
	assert_int_equal(out.size, 0);
	buf_clear(&out);
	p.protocol = (enum abi_protocol)2;
	assert_err(abi_call_create_market(&out, &p), ERR_RANGE);
	buf_clear(&out);
}

static int end(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_of_proof_marketplace),
		cmocka_unit_test(calls_of_generator_registry),
		cmocka_unit_test(calls_of_entity_key_registry),
		cmocka_unit_test(calls_of_i_proof_verifier),
		cmocka_unit_test(calls_of_erc20),
		cmocka_unit_test(no_call_was_left_out),
		cmocka_unit_test(a_call_is_appended),
		cmocka_unit_test(empty_arrays_and_bytes_are_written),
		cmocka_unit_test(a_value_too_large_for_its_type_is_refused),
	};

	return cmocka_run_group_tests(tests, filled_begin, end);
}
