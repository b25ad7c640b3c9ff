/* Promises of common/secp.h; viem is the oracle (tests/golden/make-tx.mjs). */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "common/keccak.h"
#include "common/secp.h"
#include "tests/golden/golden.h"

static const char path[] = "tests/golden/tx.txt";

/* The order of the curve. */
static const uint8_t order[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
				0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
				0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};

static struct secret_key *key_of(struct buf secret)
{
	struct secret_key *key;

	assert_int_equal(secret.size, SECRET_SIZE);
	assert_err(secret_key_new(&key, secret.data), ERR_NONE);
	buf_free(&secret);
	return key;
}

static struct secret_key *key_of_byte(uint8_t last)
{
	uint8_t bytes[SECRET_SIZE] = {[31] = last};
	struct secret_key *key;

	assert_err(secret_key_new(&key, bytes), ERR_NONE);
	return key;
}

static struct hash32 hash_of(struct buf b)
{
	struct hash32 out;

	assert_int_equal(b.size, sizeof out);
	memcpy(&out, b.data, sizeof out);
	buf_free(&b);
	return out;
}

/* Sign one golden digest, and take the signature back to its address. */
static void check_row(const char *name)
{
	struct secret_key *key = key_of(golden_column(path, "sign", name, 0));
	struct hash32 digest = hash_of(golden_column(path, "sign", name, 2));
	struct signature signature, back;
	struct address address;
	uint8_t bytes[SIGNATURE_SIZE];

	secret_key_address(&address, key);
	assert_golden((struct bytes){address.bytes, sizeof address}, path,
		      "sign", name, 1);
	secp_sign(&signature, &digest, key);
	signature_to_bytes(bytes, &signature);
	assert_golden((struct bytes){bytes, sizeof bytes}, path, "sign", name,
		      3);
	memset(&address, 0, sizeof address);
	assert_err(secp_recover(&address, &digest, &signature), ERR_NONE);
	assert_golden((struct bytes){address.bytes, sizeof address}, path,
		      "sign", name, 1);
	assert_err(signature_from_bytes(&back, (struct bytes){bytes, 65}),
		   ERR_NONE);
	assert_memory_equal(&back, &signature, sizeof back);
	secret_key_free(&key);
	assert_null(key);
}

static void signatures_are_those_of_viem(void **state)
{
	(void)state;
	assert_int_equal(golden_rows(path, "sign"), 24);
	for (int i = 0; i < 24; i++) {
		char name[32];

		snprintf(name, sizeof name, "%d.%d", i / 4, i % 4);
		check_row(name);
	}
}

static void known_addresses(void **state)
{
	struct secret_key *key = key_of_byte(1);
	struct address address;
	char text[ADDRESS_ROOM];

	(void)state;
	secret_key_address(&address, key);
	assert_string_equal(address_format(text, &address),
			    "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
	secret_key_free(&key);
	secret_key_free(&key); /* NULL by now */
}

static void only_numbers_below_the_order_are_keys(void **state)
{
	uint8_t bytes[SECRET_SIZE] = {0};
	struct secret_key *key = (void *)bytes;

	(void)state;
	assert_err(secret_key_new(&key, bytes), ERR_RANGE);
	assert_null(key);
	memcpy(bytes, order, sizeof bytes);
	assert_err(secret_key_new(&key, bytes), ERR_RANGE);
	bytes[31]--;
	assert_err(secret_key_new(&key, bytes), ERR_NONE);
	assert_memory_equal(secret_key_bytes(key), bytes, sizeof bytes);
	secret_key_free(&key);
	memset(bytes, 0xff, sizeof bytes);
	assert_err(secret_key_new(&key, bytes), ERR_RANGE);
}

static void random_keys_differ_and_sign(void **state)
{
	struct address before = {{0}};

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct secret_key *key;
		struct signature signature;
		struct address address, signer;
		struct hash32 digest;

		assert_err(secret_key_random(&key), ERR_NONE);
		secret_key_address(&address, key);
		assert_false(address_eq(&address, &before));
		before = address;
		keccak256(&digest, &i, sizeof i);
		secp_sign(&signature, &digest, key);
		assert_true(signature.s.bytes[0] < 0x80);
		assert_err(secp_recover(&signer, &digest, &signature),
			   ERR_NONE);
		assert_true(address_eq(&signer, &address));
		signature.parity ^= 1;
		if (!secp_recover(&signer, &digest, &signature))
			assert_false(address_eq(&signer, &address));
		secret_key_free(&key);
	}
}

/* n - a, for a from 1 to n. */
static void negate(uint8_t a[32])
{
	int borrow = 0;

	for (int i = 31; i >= 0; i--) {
		int d = order[i] - a[i] - borrow;

		borrow = d < 0;
		a[i] = (uint8_t)d;
	}
}

static void the_other_form_of_a_signature_is_refused(void **state)
{
	struct secret_key *key = key_of_byte(7);
	struct hash32 digest = {{1}};
	struct signature signature;
	struct address signer = {{9}};

	(void)state;
	secp_sign(&signature, &digest, key);
	negate(signature.s.bytes);
	signature.parity ^= 1;
	assert_err(secp_recover(&signer, &digest, &signature), ERR_SIGNATURE);
	assert_int_equal(signer.bytes[0], 9);
	secret_key_free(&key);
}

static void numbers_out_of_range_are_no_signature(void **state)
{
	struct secret_key *key = key_of_byte(7);
	struct hash32 digest = {{1}};
	struct signature good, bad;
	struct address signer;

	(void)state;
	secp_sign(&good, &digest, key);
	bad = good;
	bad.parity = 2;
	assert_err(secp_recover(&signer, &digest, &bad), ERR_SIGNATURE);
	bad = good;
	memset(&bad.s, 0, sizeof bad.s);
	assert_err(secp_recover(&signer, &digest, &bad), ERR_SIGNATURE);
	bad = good;
	memset(&bad.r, 0, sizeof bad.r);
	assert_err(secp_recover(&signer, &digest, &bad), ERR_SIGNATURE);
	memset(&bad.r, 0xff, sizeof bad.r);
	assert_err(secp_recover(&signer, &digest, &bad), ERR_SIGNATURE);
	/* So small that r + n is an x as well: what 2 and 3 stand for. */
	for (uint8_t r = 1; r < 50; r++) {
		bad = (struct signature){
			.r = {{[31] = r}}, .s = {{[31] = 1}}, .parity = 2};
		assert_err(secp_recover(&signer, &digest, &bad), ERR_SIGNATURE);
	}
	secret_key_free(&key);
}

static void bytes_of_another_form_are_refused(void **state)
{
	uint8_t bytes[SIGNATURE_SIZE + 1] = {0};
	struct signature out;

	(void)state;
	for (size_t size = 0; size <= sizeof bytes; size++)
		assert_err(
			signature_from_bytes(&out, (struct bytes){bytes, size}),
			size == SIGNATURE_SIZE ? ERR_NONE : ERR_MALFORMED);
	for (int v = 0; v < 256; v++) {
		bytes[64] = (uint8_t)v;
		assert_err(
			signature_from_bytes(&out, (struct bytes){bytes, 65}),
			v <= 1 || v == 27 || v == 28 ? ERR_NONE
						     : ERR_MALFORMED);
	}
}

static void both_sides_find_the_same_point(void **state)
{
	struct secret_key *a = key_of_byte(200), *b = key_of_byte(3), *c;
	struct public_key pa, pb, ab, ba, product;
	uint8_t bytes[SECRET_SIZE] = {[30] = 2, [31] = 0x58}; /* 600 */

	(void)state;
	secret_key_public(&pa, a);
	secret_key_public(&pb, b);
	assert_err(secp_shared_point(&ab, a, &pb), ERR_NONE);
	assert_err(secp_shared_point(&ba, b, &pa), ERR_NONE);
	assert_memory_equal(&ab, &ba, sizeof ab);
	assert_err(secret_key_new(&c, bytes), ERR_NONE);
	secret_key_public(&product, c);
	assert_memory_equal(&ab, &product, sizeof ab);
	pb.bytes[64] ^= 1;
	assert_err(secp_shared_point(&ab, a, &pb), ERR_MALFORMED);
	assert_memory_equal(&ab, &ba, sizeof ab);
	secret_key_free(&a);
	secret_key_free(&b);
	secret_key_free(&c);
}

static void public_keys_are_points_in_two_forms(void **state)
{
	struct secret_key *key = key_of_byte(5);
	struct public_key whole, back;
	uint8_t bytes[PUBLIC_KEY_SIZE];

	(void)state;
	secret_key_public(&whole, key);
	memcpy(bytes, whole.bytes, sizeof bytes);
	assert_err(public_key_parse(&back, bytes, 65), ERR_NONE);
	assert_memory_equal(&back, &whole, sizeof back);
	bytes[0] = (uint8_t)(6 + bytes[64] % 2);
	assert_err(public_key_parse(&back, bytes, 65), ERR_MALFORMED);
	bytes[0] = (uint8_t)(2 + bytes[64] % 2);
	assert_err(public_key_parse(&back, bytes, 33), ERR_NONE);
	assert_memory_equal(&back, &whole, sizeof back);
	for (size_t size = 0; size < 33; size++)
		assert_err(public_key_parse(&back, bytes, size), ERR_MALFORMED);
	memset(bytes + 1, 0xff, 32);
	assert_err(public_key_parse(&back, bytes, 33), ERR_MALFORMED);
	secret_key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_those_of_viem),
		cmocka_unit_test(known_addresses),
		cmocka_unit_test(only_numbers_below_the_order_are_keys),
		cmocka_unit_test(random_keys_differ_and_sign),
		cmocka_unit_test(the_other_form_of_a_signature_is_refused),
		cmocka_unit_test(numbers_out_of_range_are_no_signature),
		cmocka_unit_test(bytes_of_another_form_are_refused),
		cmocka_unit_test(both_sides_find_the_same_point),
		cmocka_unit_test(public_keys_are_points_in_two_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
