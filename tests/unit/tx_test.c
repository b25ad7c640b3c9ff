/* Promises of common/tx.h; viem and cast are the oracles. */
#include "tests/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/keccak.h"
#include "common/rlp.h"
#include "common/tx.h"
#include "common/u256.h"
#include "tests/golden/golden.h"

static const char path[] = "tests/golden/tx.txt";

/* Columns of a row. */
enum { SECRET, CHAIN, NONCE, PRIORITY, MAX_FEE, GAS, TO, VALUE, DATA, RAW };

static struct u256 number(const char *name, int column)
{
	struct buf b = golden_column(path, "tx", name, column);
	struct u256 out;

	assert_err(u256_from_be(&out, b.data, b.size), ERR_NONE);
	buf_free(&b);
	return out;
}

/* The transaction of a row; its data is owned by @data. */
static struct tx golden_tx(const char *name, struct buf *data)
{
	struct buf to = golden_column(path, "tx", name, TO);
	struct tx tx = {
		.chain_id = number(name, CHAIN).limb[0],
		.nonce = number(name, NONCE).limb[0],
		.max_priority_fee = number(name, PRIORITY),
		.max_fee = number(name, MAX_FEE),
		.gas = number(name, GAS).limb[0],
		.value = number(name, VALUE),
	};

	memcpy(tx.to.bytes, to.data, sizeof tx.to.bytes);
	buf_free(&to);
	*data = golden_column(path, "tx", name, DATA);
	tx.data = buf_bytes(data);
	return tx;
}

static struct secret_key *golden_key(const char *name)
{
	struct buf secret = golden_column(path, "tx", name, SECRET);
	struct secret_key *key;

	assert_err(secret_key_new(&key, secret.data), ERR_NONE);
	buf_free(&secret);
	return key;
}

static void assert_same_tx(const struct tx *a, const struct tx *b)
{
	assert_true(a->chain_id == b->chain_id && a->nonce == b->nonce &&
		    a->gas == b->gas);
	assert_true(u256_eq(&a->max_priority_fee, &b->max_priority_fee));
	assert_true(u256_eq(&a->max_fee, &b->max_fee));
	assert_true(u256_eq(&a->value, &b->value));
	assert_true(address_eq(&a->to, &b->to));
	assert_int_equal(a->data.size, b->data.size);
	assert_memory_equal(a->data.data, b->data.data, a->data.size);
}

static void check_row(const char *name)
{
	struct secret_key *key = golden_key(name);
	struct buf data, raw = {0};
	struct tx tx = golden_tx(name, &data), back;
	struct address want, from;
	struct hash32 hash, again;

	assert_err(tx_sign(&raw, &hash, &tx, key), ERR_NONE);
	assert_golden(buf_bytes(&raw), path, "tx", name, RAW);
	assert_golden((struct bytes){hash.bytes, sizeof hash}, path, "tx", name,
		      RAW + 1);
	assert_err(tx_decode(&back, &from, &again, buf_bytes(&raw)), ERR_NONE);
	assert_same_tx(&back, &tx);
	assert_true(hash32_eq(&again, &hash));
	secret_key_address(&want, key);
	assert_true(address_eq(&from, &want));
	secret_key_free(&key);
	buf_free(&data);
	buf_free(&raw);
}

static void transactions_are_those_of_viem_and_cast(void **state)
{
	int rows = golden_rows(path, "tx");

	(void)state;
	assert_true(rows > 10);
	for (int i = 0; i < rows; i++) {
		char name[16];

		snprintf(name, sizeof name, "%d", i);
		check_row(name);
	}
}

/* Decode a copy that ends where its memory ends. */
static enum err decode_exactly(const uint8_t *raw, size_t size,
			       struct address *from)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct hash32 hash;
	struct tx tx;
	enum err e;

	if (size > 0)
		memcpy(copy, raw, size);
	e = tx_decode(&tx, from, &hash, (struct bytes){copy, size});
	free(copy);
	return e;
}

static void every_prefix_and_every_longer_one_is_refused(void **state)
{
	struct buf raw = golden_column(path, "tx", "6", RAW);
	struct address from;
	size_t size = raw.size;

	(void)state;
	assert_err(decode_exactly(raw.data, size, &from), ERR_NONE);
	while (size-- > 1)
		assert_err(decode_exactly(raw.data, size, &from),
			   ERR_MALFORMED);
	assert_err(decode_exactly(raw.data, 0, &from), ERR_UNKNOWN_TYPE);
	buf_put_u8(&raw, 0);
	assert_err(decode_exactly(raw.data, raw.size, &from), ERR_MALFORMED);
	buf_free(&raw);
}

/* A flipped bit is an error or somebody else's transaction. */
static void no_flipped_bit_keeps_the_sender(void **state)
{
	struct buf raw = golden_column(path, "tx", "4", RAW);
	struct address from, other;

	(void)state;
	assert_err(decode_exactly(raw.data, raw.size, &from), ERR_NONE);
	for (size_t bit = 0; bit < 8 * raw.size; bit++) {
		raw.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (!decode_exactly(raw.data, raw.size, &other))
			assert_false(address_eq(&other, &from));
		raw.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	buf_free(&raw);
}

static void rules_are_held_both_ways(void **state)
{
	struct secret_key *key = golden_key("0");
	struct tx good = {.chain_id = 1, .max_fee = u256_from_u64(5)}, bad;
	struct hash32 hash = {{7}};
	struct buf raw = {0};

	(void)state;
	assert_err(tx_sign(&raw, &hash, &good, key), ERR_NONE);
	buf_clear(&raw);
	hash = (struct hash32){{7}};
	bad = good;
	bad.chain_id = 0;
	assert_err(tx_sign(&raw, &hash, &bad, key), ERR_RANGE);
	bad = good;
	bad.nonce = UINT64_MAX;
	assert_err(tx_sign(&raw, &hash, &bad, key), ERR_RANGE);
	bad = good;
	bad.max_priority_fee = u256_from_u64(6);
	assert_err(tx_sign(&raw, &hash, &bad, key), ERR_RANGE);
	assert_int_equal(raw.size, 0);
	assert_int_equal(hash.bytes[0], 7);
	buf_free(&raw);
	secret_key_free(&key);
}

/* A hand-made type 2: @to_size bytes of to, an access list of one item if
 * @listed, @priority above or below a fee of 5. */
static struct buf made(size_t to_size, bool listed, uint64_t priority,
		       uint64_t parity)
{
	static const uint8_t filler[40] = {[39] = 1};
	struct buf b = {0};
	size_t list, access;

	buf_put_u8(&b, 2);
	list = rlp_list_begin(&b);
	rlp_put_uint(&b, 1);
	rlp_put_uint(&b, 0);
	rlp_put_uint(&b, priority);
	rlp_put_uint(&b, 5);
	rlp_put_uint(&b, 21000);
	rlp_put_bytes(&b, (struct bytes){filler, to_size});
	rlp_put_uint(&b, 0);
	rlp_put_bytes(&b, (struct bytes){NULL, 0});
	access = rlp_list_begin(&b);
	if (listed)
		rlp_put_uint(&b, 0);
	rlp_list_end(&b, access);
	rlp_put_uint(&b, parity);
	rlp_put_uint(&b, 1);
	rlp_put_uint(&b, 1);
	rlp_list_end(&b, list);
	return b;
}

static void assert_decodes(struct buf b, enum err want)
{
	struct address from;

	assert_err(decode_exactly(b.data, b.size, &from), want);
	buf_free(&b);
}

static void other_kinds_of_transactions_are_refused(void **state)
{
	struct buf legacy = made(20, false, 0, 0);

	(void)state;
	assert_decodes(made(20, false, 0, 0), ERR_NONE);
	assert_decodes(made(0, false, 0, 0), ERR_UNKNOWN_TYPE);
	assert_decodes(made(20, true, 0, 0), ERR_UNKNOWN_TYPE);
	assert_decodes(made(19, false, 0, 0), ERR_MALFORMED);
	assert_decodes(made(21, false, 0, 0), ERR_MALFORMED);
	assert_decodes(made(20, false, 6, 0), ERR_RANGE);
	assert_decodes(made(20, false, 0, 2), ERR_SIGNATURE);
	legacy.data[0] = 1;
	assert_decodes(legacy, ERR_UNKNOWN_TYPE);
}

static void a_creation_is_that_of_viem(void **state)
{
	static const char want[] =
		"0x02f86283aa36a782012c843b9aca008506fc23ac008359ea058080856000"
		"6000f3c001a09010a55b661ddaf7b7d155600fc7391d6a4b68dd99f06f37ea"
		"0f0c16da8d180da02863d036394e2e51165bc400d0c19d539111ded017100d"
		"d2c7c08980060651a9";
	static const char anvils_first[] = "0xac0974bec39a17e36ba4a6b4d238ff944"
					   "bacb478cbed5efcae784d7bf4f2ff80";
	const struct tx tx = {.chain_id = 11155111,
			      .nonce = 300,
			      .max_priority_fee = u256_from_u64(1000000000),
			      .max_fee = u256_from_u64(30000000000),
			      .gas = 5892613,
			      .creates = true,
			      .to = {{7}}, /* isn't looked at */
			      .data = {(const uint8_t *)"\x60\0\x60\0\xf3", 5}};
	struct secret_key *key;
	struct buf raw = {0}, text = {0};
	struct hash32 secret, hash;
	struct address from;

	(void)state;
	assert_err(hash32_parse(&secret, anvils_first), ERR_NONE);
	assert_err(secret_key_new(&key, secret.bytes), ERR_NONE);
	assert_err(tx_sign(&raw, &hash, &tx, key), ERR_NONE);
	buf_put_hex(&text, raw.data, raw.size);
	assert_string_equal(buf_text(&text), want);
	assert_err(decode_exactly(raw.data, raw.size, &from), ERR_UNKNOWN_TYPE);
	secret_key_free(&key);
	buf_free(&raw);
	buf_free(&text);
}

static void created_contracts_are_where_viem_says(void **state)
{
	static const struct {
		uint64_t nonce;
		const char *at;
	} rows[] = {
		{0, "0x5FbDB2315678afecb367f032d93F642f64180aa3"},
		{1, "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"},
		{127, "0x5fc748f1FEb28d7b76fa1c6B07D8ba2d5535177c"},
		{128, "0xB82008565FdC7e44609fA118A4a681E92581e680"},
		{256, "0x3C1Cb427D20F15563aDa8C249E71db76d7183B6c"},
		{65536, "0x8b73289dC76eeFAC19923eEab5C59314AA981d01"},
		{UINT64_MAX - 1, "0x91d657e4bB26C1bF384bB8CCCF4987730c38048d"}};
	struct address from, at;
	char text[ADDRESS_ROOM];

	(void)state;
	assert_err(address_parse(&from,
				 "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
		   ERR_NONE);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_err(tx_created(&at, &from, rows[i].nonce), ERR_NONE);
		assert_string_equal(address_format(text, &at), rows[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transactions_are_those_of_viem_and_cast),
		cmocka_unit_test(every_prefix_and_every_longer_one_is_refused),
		cmocka_unit_test(no_flipped_bit_keeps_the_sender),
		cmocka_unit_test(rules_are_held_both_ways),
		cmocka_unit_test(other_kinds_of_transactions_are_refused),
		cmocka_unit_test(a_creation_is_that_of_viem),
		cmocka_unit_test(created_contracts_are_where_viem_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
