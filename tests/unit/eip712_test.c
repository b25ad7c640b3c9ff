/* Hashes of typed data are those that viem makes: EIP-712. */
#include "tests/test.h"

#include "abi_market.h"
#include "common/eip712.h"
#include "tests/golden/filled.h"

/* The domain of the golden file: chain 31337, a contract of 0xcc bytes. */
static struct hash32 domain(void)
{
	struct address contract;
	struct hash32 out;

	memset(&contract, 0xcc, sizeof contract);
	abi_domain(&out, 31337, &contract);
	return out;
}

static struct hash32 hash;

/* hash is the struct's hash; its digest has to be right as well. */
static void assert_typed(const char *name, enum err e)
{
	const struct hash32 d = domain();
	struct hash32 digest;

	assert_err(e, ERR_NONE);
	assert_golden((struct bytes){hash.bytes, sizeof hash}, FILLED_PATH,
		      "typed", name, 0);
	eip712_digest(&digest, &d, &hash);
	assert_golden((struct bytes){digest.bytes, sizeof digest}, FILLED_PATH,
		      "typed", name, 1);
}

static void the_domain_is_kalypso(void **state)
{
	const struct hash32 d = domain();

	(void)state;
	assert_golden((struct bytes){d.bytes, sizeof d}, FILLED_PATH, "domain",
		      "Kalypso", 0);
}

static void structs_hash_as_wallets_hash_them(void **state)
{
	(void)state;
	{
		const struct abi_assignment assignments[] = {
			{f.u256[1], f.address[2], f.u128[3], f.u32[4],
			 f.bytes[5]},
			{f.u256[6], f.address[7], f.u128[8], f.u32[9],
			 f.bytes[10]}};
		const struct abi_decision decision = {f.u64[11], f.u64[12],
						      f.hash[13], f.u64[14],
						      f.hash[15]};

		assert_typed("Assignments",
			     eip712_hash_assignments(&hash, assignments, 2,
						     &decision));
	}
	{
		const struct abi_request_params params = {
			f.u256[2],
			f.u128[3],
			f.u32[4],
			f.u64[5],
			ABI_PREFERENCE_CHEAPEST,
			f.address[7],
			f.u64[8]};

		assert_typed("CreateRequest",
			     eip712_hash_create_request(
				     &hash, &f.address[1], &params, f.bytes[9],
				     f.bytes[10], f.bytes[11], &f.u256[12]));
	}
	assert_typed("CancelRequest",
		     eip712_hash_cancel_request(&hash, &f.u256[1], &f.hash[2]));
	{
		const struct u256 request_ids[] = {f.u256[1], f.u256[2]};

		assert_typed("RejectRequests", eip712_hash_reject_requests(
						       &hash, request_ids, 2));
	}
	assert_typed("RegisterKey",
		     eip712_hash_register_key(&hash, &f.address[1], &f.u256[2],
					      f.bytes[3]));
	assert_typed("InvalidInputs",
		     eip712_hash_invalid_inputs(&hash, &f.u256[1], &f.hash[2],
						&f.hash[3]));
	assert_typed("Attestation",
		     eip712_hash_attestation(&hash, f.bytes[1], f.bytes[2],
					     f.bytes[3], f.bytes[4], f.u64[5]));
	assert_typed("VerifiedProof",
		     eip712_hash_verified_proof(&hash, &f.hash[1], &f.hash[2]));
}

static void empty_members_hash_too(void **state)
{
	struct abi_decision d = {.batch = 1};
	struct hash32 first, second;

	(void)state;
	assert_err(eip712_hash_assignments(&first, NULL, 0, &d), ERR_NONE);
	d.batch = 2;
	assert_err(eip712_hash_assignments(&second, NULL, 0, &d), ERR_NONE);
	assert_false(hash32_eq(&first, &second));
	assert_err(eip712_hash_register_key(&first, &f.address[1], &f.u256[2],
					    (struct bytes){NULL, 0}),
		   ERR_NONE);
}

static void a_value_too_large_for_its_type_has_no_hash(void **state)
{
	struct abi_assignment a = {.price = {{0, 0, 1, 0}}};
	struct abi_decision d = {.batch = 1};
	struct abi_request_params p = {.preference = (enum abi_preference)2};
	struct hash32 out = f.hash[5];

	(void)state;
	assert_err(eip712_hash_assignments(&out, &a, 1, &d), ERR_RANGE);
	assert_err(eip712_hash_create_request(&out, &f.address[1], &p,
					      f.bytes[1], f.bytes[2],
					      f.bytes[3], &f.u256[4]),
		   ERR_RANGE);
	assert_same(&out, &f.hash[5]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_domain_is_kalypso),
		cmocka_unit_test(structs_hash_as_wallets_hash_them),
		cmocka_unit_test(empty_members_hash_too),
		cmocka_unit_test(a_value_too_large_for_its_type_has_no_hash),
	};

	return cmocka_run_group_tests(tests, filled_begin, NULL);
}
