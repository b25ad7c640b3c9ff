/* Every event that viem encodes is decoded, value by value. */
#include "tests/test.h"

#include "abi_market.h"
#include "common/keccak.h"
#include "tests/golden/filled.h"

/* ---- one decoder each --------------------------------------------------- */

static void market_created(const struct abi_log *log)
{
	struct abi_market_created v;

	assert_err(abi_decode_market_created(&v, log), ERR_NONE);
	assert_same(&v.market_id, &f.u256[1]);
	assert_same(&v.owner, &f.address[2]);
	assert_same(&v.params.verifier, &f.address[3]);
	assert_same(&v.params.penalty, &f.u128[4]);
	assert_true(v.params.max_input_bytes == f.u32[5]);
	assert_true(v.params.protocol == ABI_PROTOCOL_ORDER_BOOK);
	assert_true(v.params.auction_window == f.u32[7]);
	assert_hashes(v.params.prover_images, 8);
	assert_hashes(v.params.input_verifier_images, 10);
	assert_bytes(v.params.metadata, 12);
	assert_same(&v.fee, &f.u256[13]);
	assert_true(v.active_from == f.u64[14]);
}

static void market_owner_set(const struct abi_log *log)
{
	struct abi_market_owner_set v;

	assert_err(abi_decode_market_owner_set(&v, log), ERR_NONE);
	assert_same(&v.market_id, &f.u256[1]);
	assert_same(&v.owner, &f.address[2]);
}

static void market_closed(const struct abi_log *log)
{
	struct abi_market_closed v;

	assert_err(abi_decode_market_closed(&v, log), ERR_NONE);
	assert_same(&v.market_id, &f.u256[1]);
}

static void market_image_set(const struct abi_log *log)
{
	struct abi_market_image_set v;

	assert_err(abi_decode_market_image_set(&v, log), ERR_NONE);
	assert_same(&v.market_id, &f.u256[1]);
	assert_same(&v.image, &f.hash[2]);
	assert_true(v.kind == f.u8[3]);
	assert_true(v.allowed == false);
	assert_true(v.effective_from == f.u64[5]);
}

static void request_created(const struct abi_log *log)
{
	struct abi_request_created v;

	assert_err(abi_decode_request_created(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.market_id, &f.u256[2]);
	assert_same(&v.requester, &f.address[3]);
	assert_same(&v.payer, &f.address[4]);
	assert_same(&v.fee, &f.u256[5]);
	assert_same(&v.params.market_id, &f.u256[6]);
	assert_same(&v.params.max_price, &f.u128[7]);
	assert_true(v.params.max_response_time == f.u32[8]);
	assert_true(v.params.expiry == f.u64[9]);
	assert_true(v.params.preference == ABI_PREFERENCE_CHEAPEST);
	assert_same(&v.params.refund_to, &f.address[11]);
	assert_true(v.params.spread == f.u64[12]);
	assert_bytes(v.inputs, 13);
	assert_bytes(v.private_inputs, 14);
	assert_bytes(v.acl, 15);
}

static void request_cancelled(const struct abi_log *log)
{
	struct abi_request_cancelled v;

	assert_err(abi_decode_request_cancelled(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.refund, &f.u256[2]);
}

static void request_rejected(const struct abi_log *log)
{
	struct abi_request_rejected v;

	assert_err(abi_decode_request_rejected(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.refund, &f.u256[2]);
}

static void cancel_skipped(const struct abi_log *log)
{
	struct abi_cancel_skipped v;

	assert_err(abi_decode_cancel_skipped(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.reason, &f.selector[2]);
}

static void task_created(const struct abi_log *log)
{
	struct abi_task_created v;

	assert_err(abi_decode_task_created(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.generator, &f.address[2]);
	assert_same(&v.market_id, &f.u256[3]);
	assert_same(&v.price, &f.u128[4]);
	assert_true(v.compute == f.u64[5]);
	assert_true(v.pool == f.u16[6]);
	assert_true(v.deadline == f.u64[7]);
	assert_bytes(v.acl, 8);
}

static void assignment_skipped(const struct abi_log *log)
{
	struct abi_assignment_skipped v;

	assert_err(abi_decode_assignment_skipped(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.generator, &f.address[2]);
	assert_same(&v.reason, &f.selector[3]);
}

static void match_root_published(const struct abi_log *log)
{
	struct abi_match_root_published v;

	assert_err(abi_decode_match_root_published(&v, log), ERR_NONE);
	assert_same(&v.batch, &f.u256[1]);
	assert_same(&v.engine, &f.address[2]);
	assert_same(&v.match_root, &f.hash[3]);
	assert_true(v.block_number == f.u64[4]);
	assert_same(&v.block_hash, &f.hash[5]);
	assert_true(v.valid_until == f.u64[6]);
	assert_same(&v.assigned, &f.u256[7]);
	assert_same(&v.skipped, &f.u256[8]);
}

static void proof_submitted(const struct abi_log *log)
{
	struct abi_proof_submitted v;

	assert_err(abi_decode_proof_submitted(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.generator, &f.address[2]);
	assert_same(&v.paid, &f.u128[3]);
	assert_same(&v.refund, &f.u128[4]);
	assert_bytes(v.proof, 5);
}

static void proof_skipped(const struct abi_log *log)
{
	struct abi_proof_skipped v;

	assert_err(abi_decode_proof_skipped(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.reason, &f.selector[2]);
}

static void inputs_invalidated(const struct abi_log *log)
{
	struct abi_inputs_invalidated v;

	assert_err(abi_decode_inputs_invalidated(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.generator, &f.address[2]);
	assert_same(&v.paid, &f.u128[3]);
	assert_same(&v.refund, &f.u128[4]);
}

static void task_slashed(const struct abi_log *log)
{
	struct abi_task_slashed v;

	assert_err(abi_decode_task_slashed(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.generator, &f.address[2]);
	assert_same(&v.slasher, &f.address[3]);
	assert_true(v.pool == f.u16[4]);
	assert_same(&v.penalty, &f.u128[5]);
	assert_same(&v.refund, &f.u128[6]);
}

static void penalty_paid(const struct abi_log *log)
{
	struct abi_penalty_paid v;

	assert_err(abi_decode_penalty_paid(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.to_requester, &f.u128[2]);
	assert_same(&v.to_slasher, &f.u128[3]);
	assert_same(&v.to_treasury, &f.u128[4]);
}

static void penalty_vetoed(const struct abi_log *log)
{
	struct abi_penalty_vetoed v;

	assert_err(abi_decode_penalty_vetoed(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
}

static void slash_skipped(const struct abi_log *log)
{
	struct abi_slash_skipped v;

	assert_err(abi_decode_slash_skipped(&v, log), ERR_NONE);
	assert_same(&v.request_id, &f.u256[1]);
	assert_same(&v.reason, &f.selector[2]);
}

static void nonce_used(const struct abi_log *log)
{
	struct abi_nonce_used v;

	assert_err(abi_decode_nonce_used(&v, log), ERR_NONE);
	assert_same(&v.account, &f.address[1]);
	assert_same(&v.nonce, &f.u256[2]);
}

static void setting_set(const struct abi_log *log)
{
	struct abi_setting_set v;

	assert_err(abi_decode_setting_set(&v, log), ERR_NONE);
	assert_same(&v.name, &f.hash[1]);
	assert_same(&v.value, &f.u256[2]);
}

static void withdrawn(const struct abi_log *log)
{
	struct abi_withdrawn v;

	assert_err(abi_decode_withdrawn(&v, log), ERR_NONE);
	assert_same(&v.account, &f.address[1]);
	assert_same(&v.amount, &f.u256[2]);
}

static void generator_registered(const struct abi_log *log)
{
	struct abi_generator_registered v;

	assert_err(abi_decode_generator_registered(&v, log), ERR_NONE);
	assert_same(&v.generator, &f.address[1]);
	assert_same(&v.reward_address, &f.address[2]);
	assert_true(v.compute == f.u64[3]);
	assert_bytes(v.metadata, 4);
}

static void generator_deregistered(const struct abi_log *log)
{
	struct abi_generator_deregistered v;

	assert_err(abi_decode_generator_deregistered(&v, log), ERR_NONE);
	assert_same(&v.generator, &f.address[1]);
}

static void reward_address_set(const struct abi_log *log)
{
	struct abi_reward_address_set v;

	assert_err(abi_decode_reward_address_set(&v, log), ERR_NONE);
	assert_same(&v.generator, &f.address[1]);
	assert_same(&v.reward_address, &f.address[2]);
}

static void stake_changed(const struct abi_log *log)
{
	struct abi_stake_changed v;

	assert_err(abi_decode_stake_changed(&v, log), ERR_NONE);
	assert_same(&v.generator, &f.address[1]);
	assert_true(v.pool == f.u16[2]);
	assert_same(&v.stake, &f.u256[3]);
	assert_same(&v.locked, &f.u256[4]);
	assert_same(&v.unstaking, &f.u256[5]);
	assert_true(v.payable_at == f.u64[6]);
}

static void compute_changed(const struct abi_log *log)
{
	struct abi_compute_changed v;

	assert_err(abi_decode_compute_changed(&v, log), ERR_NONE);
	assert_same(&v.generator, &f.address[1]);
	assert_true(v.compute == f.u64[2]);
	assert_true(v.effective_from == f.u64[3]);
}

static void quote_set(const struct abi_log *log)
{
	struct abi_quote_set v;

	assert_err(abi_decode_quote_set(&v, log), ERR_NONE);
	assert_same(&v.generator, &f.address[1]);
	assert_same(&v.market_id, &f.u256[2]);
	assert_same(&v.price, &f.u128[3]);
	assert_true(v.response_time == f.u32[4]);
	assert_true(v.compute_per_request == f.u64[5]);
}

static void quote_removed(const struct abi_log *log)
{
	struct abi_quote_removed v;

	assert_err(abi_decode_quote_removed(&v, log), ERR_NONE);
	assert_same(&v.generator, &f.address[1]);
	assert_same(&v.market_id, &f.u256[2]);
	assert_true(v.draining == true);
}

static void engine_key_set(const struct abi_log *log)
{
	struct abi_engine_key_set v;

	assert_err(abi_decode_engine_key_set(&v, log), ERR_NONE);
	assert_same(&v.signer, &f.address[1]);
	assert_bytes(v.encryption_key, 2);
	assert_true(v.from == f.u64[3]);
	assert_true(v.until == f.u64[4]);
}

static void key_registered(const struct abi_log *log)
{
	struct abi_key_registered v;

	assert_err(abi_decode_key_registered(&v, log), ERR_NONE);
	assert_same(&v.owner, &f.address[1]);
	assert_same(&v.market_id, &f.u256[2]);
	assert_same(&v.key, &f.address[3]);
	assert_same(&v.image, &f.hash[4]);
	assert_true(v.kind == f.u8[5]);
	assert_bytes(v.public_key, 6);
}

static void key_removed(const struct abi_log *log)
{
	struct abi_key_removed v;

	assert_err(abi_decode_key_removed(&v, log), ERR_NONE);
	assert_same(&v.owner, &f.address[1]);
	assert_same(&v.market_id, &f.u256[2]);
	assert_same(&v.key, &f.address[3]);
}

static void key_revoked(const struct abi_log *log)
{
	struct abi_key_revoked v;

	assert_err(abi_decode_key_revoked(&v, log), ERR_NONE);
	assert_same(&v.key, &f.address[1]);
}

static void image_revoked(const struct abi_log *log)
{
	struct abi_image_revoked v;

	assert_err(abi_decode_image_revoked(&v, log), ERR_NONE);
	assert_same(&v.image, &f.hash[1]);
}

static const struct {
	const char *name;
	void (*check)(const struct abi_log *log);
} rows[] = {
	{"MarketCreated", market_created},
	{"MarketOwnerSet", market_owner_set},
	{"MarketClosed", market_closed},
	{"MarketImageSet", market_image_set},
	{"RequestCreated", request_created},
	{"RequestCancelled", request_cancelled},
	{"RequestRejected", request_rejected},
	{"CancelSkipped", cancel_skipped},
	{"TaskCreated", task_created},
	{"AssignmentSkipped", assignment_skipped},
	{"MatchRootPublished", match_root_published},
	{"ProofSubmitted", proof_submitted},
	{"ProofSkipped", proof_skipped},
	{"InputsInvalidated", inputs_invalidated},
	{"TaskSlashed", task_slashed},
	{"PenaltyPaid", penalty_paid},
	{"PenaltyVetoed", penalty_vetoed},
	{"SlashSkipped", slash_skipped},
	{"NonceUsed", nonce_used},
	{"SettingSet", setting_set},
	{"Withdrawn", withdrawn},
	{"GeneratorRegistered", generator_registered},
	{"GeneratorDeregistered", generator_deregistered},
	{"RewardAddressSet", reward_address_set},
	{"StakeChanged", stake_changed},
	{"ComputeChanged", compute_changed},
	{"QuoteSet", quote_set},
	{"QuoteRemoved", quote_removed},
	{"EngineKeySet", engine_key_set},
	{"KeyRegistered", key_registered},
	{"KeyRemoved", key_removed},
	{"KeyRevoked", key_revoked},
	{"ImageRevoked", image_revoked},
};

/* ---- promises ----------------------------------------------------------- */

static void every_event_is_decoded(void **state)
{
	(void)state;
	assert_int_equal(sizeof rows / sizeof rows[0], ABI_EVENTS);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf data;
		struct abi_log log = filled_log(rows[i].name, &data);

		rows[i].check(&log);
		buf_free(&data);
	}
}

static void an_event_is_known_by_the_hash_of_its_signature(void **state)
{
	struct hash32 topic;

	(void)state;
	for (unsigned i = 1; i <= ABI_EVENTS; i++) {
		const char *signature = abi_event_signature(i);
		const char *name = abi_event_name(i);

		keccak256(&topic, signature, strlen(signature));
		assert_same(&topic, abi_event_topic(i));
		assert_int_equal(abi_event_of_topic(&topic), i);
		assert_memory_equal(signature, name, strlen(name));
		topic.bytes[31] ^= 1;
		assert_int_equal(abi_event_of_topic(&topic), ABI_EVENT_UNKNOWN);
		topic.bytes[0] ^= 1;
		assert_int_equal(abi_event_of_topic(&topic), ABI_EVENT_UNKNOWN);
	}
}

static void an_event_belongs_to_its_emitters(void **state)
{
	(void)state;
	assert_true(abi_event_is_of(ABI_EVENT_REQUEST_CREATED,
				    ABI_CONTRACT_PROOF_MARKETPLACE));
	assert_false(abi_event_is_of(ABI_EVENT_REQUEST_CREATED,
				     ABI_CONTRACT_GENERATOR_REGISTRY));
	assert_true(abi_event_is_of(ABI_EVENT_WITHDRAWN,
				    ABI_CONTRACT_PROOF_MARKETPLACE));
	assert_true(abi_event_is_of(ABI_EVENT_WITHDRAWN,
				    ABI_CONTRACT_GENERATOR_REGISTRY));
	assert_false(abi_event_is_of(ABI_EVENT_WITHDRAWN,
				     ABI_CONTRACT_ENTITY_KEY_REGISTRY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_is_decoded),
		cmocka_unit_test(
			an_event_is_known_by_the_hash_of_its_signature),
		cmocka_unit_test(an_event_belongs_to_its_emitters),
	};

	return cmocka_run_group_tests(tests, filled_begin, NULL);
}
