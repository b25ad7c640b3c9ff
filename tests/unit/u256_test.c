/* Promises of common/u256.h; GMP is the oracle of the random ones. */
#include "tests/test.h"

#include <gmp.h>
#include <stdlib.h>
#include <string.h>

#include "common/u256.h"

enum { ROUNDS = 20000 };

/* ---- numbers to test with ----------------------------------------------- */

static uint64_t seed;

static uint64_t next_u64(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Any length of bits, with runs of ones and zeros more often than chance. */
static struct u256 next_u256(void)
{
	struct u256 v;

	for (int i = 0; i < 4; i++)
		switch (next_u64() % 4) {
		case 0:
			v.limb[i] = 0;
			break;
		case 1:
			v.limb[i] = UINT64_MAX;
			break;
		default:
			v.limb[i] = next_u64();
		}
	return u256_shr(&v, (unsigned)(next_u64() % 257));
}

static void to_mpz(mpz_t out, const struct u256 *a)
{
	mpz_import(out, 4, -1, sizeof a->limb[0], 0, 0, a->limb);
}

static struct u256 from_mpz(const mpz_t a)
{
	struct u256 out = U256_ZERO;

	mpz_export(out.limb, NULL, -1, sizeof out.limb[0], 0, 0, a);
	return out;
}

static bool fits(const mpz_t a)
{
	return mpz_sgn(a) >= 0 && mpz_sizeinbase(a, 2) <= 256;
}

static void assert_u256(const struct u256 *got, const struct u256 *want)
{
	char a[U256_HEX_ROOM], b[U256_HEX_ROOM];

	assert_string_equal(u256_format_hex(a, got), u256_format_hex(b, want));
}

static void assert_result(enum err e, const struct u256 *got, const mpz_t want)
{
	struct u256 w;

	assert_err(e, fits(want) ? ERR_NONE : ERR_OVERFLOW);
	if (e)
		return;
	w = from_mpz(want);
	assert_u256(got, &w);
}

/* ---- against the oracle ------------------------------------------------- */

static void sums_and_products_are_exact_or_refused(void **state)
{
	mpz_t a, b, r;

	(void)state;
	seed = 1;
	mpz_inits(a, b, r, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		struct u256 x = next_u256(), y = next_u256(), out = U256_ZERO;
		enum err e;

		to_mpz(a, &x);
		to_mpz(b, &y);
		mpz_add(r, a, b);
		e = u256_add(&out, &x, &y);
		assert_result(e, &out, r);
		mpz_sub(r, a, b);
		e = u256_sub(&out, &x, &y);
		assert_result(e, &out, r);
		mpz_mul(r, a, b);
		e = u256_mul(&out, &x, &y);
		assert_result(e, &out, r);
		assert_int_equal(u256_cmp(&x, &y) < 0, mpz_cmp(a, b) < 0);
		assert_int_equal(u256_eq(&x, &y), mpz_cmp(a, b) == 0);
	}
	mpz_clears(a, b, r, NULL);
}

static void quotients_and_remainders_are_exact(void **state)
{
	mpz_t a, b, q, r;

	(void)state;
	seed = 2;
	mpz_inits(a, b, q, r, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		struct u256 x = next_u256(), y = next_u256(), got_q, got_r;
		uint64_t small = next_u64() >> next_u64() % 64, rest;

		if (u256_is_zero(&y))
			continue;
		to_mpz(a, &x);
		to_mpz(b, &y);
		mpz_tdiv_qr(q, r, a, b);
		assert_err(u256_divmod(&got_q, &got_r, &x, &y), ERR_NONE);
		assert_result(ERR_NONE, &got_q, q);
		assert_result(ERR_NONE, &got_r, r);
		if (small == 0)
			continue;
		assert_err(u256_divmod_u64(&got_q, &rest, &x, small), ERR_NONE);
		mpz_set_ui(b, small);
		mpz_tdiv_qr(q, r, a, b);
		assert_result(ERR_NONE, &got_q, q);
		assert_true(rest == mpz_get_ui(r));
	}
	mpz_clears(a, b, q, r, NULL);
}

static void shifts_drop_what_leaves(void **state)
{
	mpz_t a, r;

	(void)state;
	seed = 3;
	mpz_inits(a, r, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		struct u256 x = next_u256(), out;
		unsigned bits = (unsigned)(next_u64() % 300);

		to_mpz(a, &x);
		mpz_mul_2exp(r, a, bits);
		mpz_tdiv_r_2exp(r, r, 256);
		out = u256_shl(&x, bits);
		assert_result(ERR_NONE, &out, r);
		mpz_tdiv_q_2exp(r, a, bits);
		out = u256_shr(&x, bits);
		assert_result(ERR_NONE, &out, r);
		assert_int_equal(u256_bit_length(&x),
				 u256_is_zero(&x) ? 0 : mpz_sizeinbase(a, 2));
	}
	mpz_clears(a, r, NULL);
}

static void basis_points_round_down_once(void **state)
{
	mpz_t a;

	(void)state;
	seed = 4;
	mpz_init(a);
	for (int i = 0; i < ROUNDS; i++) {
		struct u256 x = next_u256(), out;
		uint32_t bps = (uint32_t)next_u64() >> next_u64() % 32;
		enum err e = u256_mul_bps(&out, &x, bps);

		to_mpz(a, &x);
		mpz_mul_ui(a, a, bps);
		mpz_tdiv_q_ui(a, a, 10000);
		assert_result(e, &out, a);
	}
	mpz_clear(a);
}

static void text_goes_both_ways(void **state)
{
	char *want, dec[U256_DEC_ROOM], hex[U256_HEX_ROOM];
	mpz_t a;

	(void)state;
	seed = 5;
	mpz_init(a);
	for (int i = 0; i < ROUNDS; i++) {
		struct u256 x = next_u256(), back;

		to_mpz(a, &x);
		want = mpz_get_str(NULL, 10, a);
		assert_string_equal(u256_format_dec(dec, &x), want);
		free(want);
		want = mpz_get_str(NULL, 16, a);
		assert_string_equal(u256_format_hex(hex, &x) + 2, want);
		free(want);
		assert_err(u256_parse_dec(&back, dec), ERR_NONE);
		assert_u256(&back, &x);
		assert_err(u256_parse_hex(&back, hex), ERR_NONE);
		assert_u256(&back, &x);
	}
	mpz_clear(a);
}

static void bytes_go_both_ways(void **state)
{
	(void)state;
	seed = 6;
	for (int i = 0; i < ROUNDS; i++) {
		struct u256 x = next_u256(), back;
		uint8_t word[32], least[32];
		size_t size = u256_to_be(least, &x);

		u256_to_be32(word, &x);
		back = u256_from_be32(word);
		assert_u256(&back, &x);
		assert_true(size == 0 || least[0] != 0);
		assert_memory_equal(word + 32 - size, least, size);
		assert_err(u256_from_be(&back, least, size), ERR_NONE);
		assert_u256(&back, &x);
	}
}

static void amounts_go_both_ways(void **state)
{
	char text[AMOUNT_TEXT_ROOM];

	(void)state;
	seed = 7;
	for (int i = 0; i < ROUNDS; i++) {
		struct amount a = {next_u256()}, back;
		unsigned decimals =
			(unsigned)(next_u64() % (AMOUNT_DECIMALS_MAX + 1));

		amount_format(text, &a, decimals);
		assert_err(amount_parse(&back, text, decimals), ERR_NONE);
		assert_u256(&back.v, &a.v);
	}
}

/* ---- one by one --------------------------------------------------------- */

static void a_result_may_be_an_operand(void **state)
{
	struct u256 a = u256_from_u64(7), b = u256_from_u64(2), r;

	(void)state;
	assert_err(u256_add(&a, &a, &a), ERR_NONE);
	assert_int_equal(a.limb[0], 14);
	assert_err(u256_mul(&a, &a, &a), ERR_NONE);
	assert_int_equal(a.limb[0], 196);
	assert_err(u256_divmod(&a, &b, &a, &b), ERR_NONE);
	assert_int_equal(a.limb[0], 98);
	assert_int_equal(b.limb[0], 0);
	a = U256_MAX;
	assert_err(u256_divmod(&a, &r, &a, &a), ERR_NONE);
	assert_int_equal(a.limb[0], 1);
	assert_true(u256_is_zero(&r));
}

static void what_does_not_fit_changes_nothing(void **state)
{
	const struct u256 max = U256_MAX, one = u256_from_u64(1);
	struct u256 out = u256_from_u64(5), rest = out;
	uint64_t small = 5;
	u128 wide = 5;

	(void)state;
	assert_err(u256_add(&out, &max, &one), ERR_OVERFLOW);
	assert_err(u256_sub(&out, &one, &max), ERR_OVERFLOW);
	assert_err(u256_mul(&out, &max, &max), ERR_OVERFLOW);
	assert_err(u256_mul_bps(&out, &max, 10001), ERR_OVERFLOW);
	assert_err(u256_divmod(&out, &rest, &max, &U256_ZERO), ERR_RANGE);
	assert_err(u256_divmod_u64(&out, &small, &max, 0), ERR_RANGE);
	assert_err(u256_to_u64(&small, &max), ERR_RANGE);
	assert_err(u256_to_u128(&wide, &max), ERR_RANGE);
	assert_err(u256_from_be(&out, (const uint8_t[33]){0}, 33), ERR_RANGE);
	assert_err(u256_parse_dec(&out, "-1"), ERR_MALFORMED);
	assert_err(u256_parse_hex(&out, "0x"), ERR_MALFORMED);
	assert_int_equal(out.limb[0], 5);
	assert_int_equal(rest.limb[0], 5);
	assert_int_equal(small, 5);
	assert_true(wide == 5);
}

static void narrower_integers_are_checked_at_their_edge(void **state)
{
	struct u256 a = u256_from_u64(UINT64_MAX), one = u256_from_u64(1);
	uint64_t small;
	u128 wide;

	(void)state;
	assert_err(u256_to_u64(&small, &a), ERR_NONE);
	assert_true(small == UINT64_MAX);
	assert_err(u256_add(&a, &a, &one), ERR_NONE);
	assert_err(u256_to_u64(&small, &a), ERR_RANGE);
	assert_err(u256_to_u128(&wide, &a), ERR_NONE);
	assert_true(wide == (u128)1 << 64);
	a = u256_from_u128(~(u128)0);
	assert_err(u256_to_u128(&wide, &a), ERR_NONE);
	assert_true(wide == ~(u128)0);
	assert_err(u256_add(&a, &a, &one), ERR_NONE);
	assert_err(u256_to_u128(&wide, &a), ERR_RANGE);
}

static void decimal_text_is_strict(void **state)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"", ERR_MALFORMED},
		{"0", ERR_NONE},
		{"00", ERR_MALFORMED},
		{"01", ERR_MALFORMED},
		{"+1", ERR_MALFORMED},
		{" 1", ERR_MALFORMED},
		{"1 ", ERR_MALFORMED},
		{"1e3", ERR_MALFORMED},
		{"0x1", ERR_MALFORMED},
		/* 2^256 - 1, 2^256, and longer still */
		{"115792089237316195423570985008687907853"
		 "269984665640564039457584007913129639935",
		 ERR_NONE},
		{"115792089237316195423570985008687907853"
		 "269984665640564039457584007913129639936",
		 ERR_RANGE},
		{"999999999999999999999999999999999999999999"
		 "999999999999999999999999999999999999999999",
		 ERR_RANGE},
		{"999999999999999999999999999999999999999999"
		 "999999999999999999999999999999999999999999x",
		 ERR_MALFORMED},
	};
	struct u256 v;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_err(u256_parse_dec(&v, rows[i].text), rows[i].want);
}

static void hex_text_is_strict(void **state)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"", ERR_MALFORMED},
		{"0", ERR_MALFORMED},
		{"0x", ERR_MALFORMED},
		{"0X1", ERR_MALFORMED},
		{"1", ERR_MALFORMED},
		{"0x0", ERR_NONE},
		{"0xdeadBEEF", ERR_NONE},
		{"0x0001", ERR_NONE},
		{"0x1g", ERR_MALFORMED},
		{"0x 1", ERR_MALFORMED},
		{"-0x1", ERR_MALFORMED},
		{"0xffffffffffffffffffffffffffffffff"
		 "ffffffffffffffffffffffffffffffff",
		 ERR_NONE},
		{"0x0ffffffffffffffffffffffffffffffff"
		 "ffffffffffffffffffffffffffffffff",
		 ERR_RANGE},
	};
	struct u256 v;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_err(u256_parse_hex(&v, rows[i].text), rows[i].want);
}

static void token_text_is_exact(void **state)
{
	static const struct {
		const char *text;
		unsigned decimals;
		const char *units; /* NULL: refused with */
		enum err want;
	} rows[] = {
		{"1.25", 18, "1250000000000000000", ERR_NONE},
		{"0", 18, "0", ERR_NONE},
		{"0.000000000000000001", 18, "1", ERR_NONE},
		{"7", 0, "7", ERR_NONE},
		{"1.25", 2, "125", ERR_NONE},
		{"1.25", 1, NULL, ERR_RANGE},
		{"1.20", 1, NULL, ERR_RANGE},
		{"1.0", 0, NULL, ERR_RANGE},
		{"1.", 18, NULL, ERR_MALFORMED},
		{".5", 18, NULL, ERR_MALFORMED},
		{"", 18, NULL, ERR_MALFORMED},
		{".", 18, NULL, ERR_MALFORMED},
		{"01.5", 18, NULL, ERR_MALFORMED},
		{"1.2.3", 18, NULL, ERR_MALFORMED},
		{"1,5", 18, NULL, ERR_MALFORMED},
		{"-1", 18, NULL, ERR_MALFORMED},
		{"1e18", 18, NULL, ERR_MALFORMED},
		{"1", 77,
		 "1000000000000000000000000000000000000000000000000000"
		 "00000000000000000000000000",
		 ERR_NONE},
		{"2", 77, NULL, ERR_RANGE},
		{"0", 78, NULL, ERR_RANGE},
	};
	char dec[U256_DEC_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct amount a = {U256_ZERO};

		assert_err(amount_parse(&a, rows[i].text, rows[i].decimals),
			   rows[i].want);
		if (rows[i].units)
			assert_string_equal(u256_format_dec(dec, &a.v),
					    rows[i].units);
	}
}

static void token_text_is_as_short_as_it_can_be(void **state)
{
	static const struct {
		uint64_t units;
		unsigned decimals;
		const char *text;
	} rows[] = {
		{0, 18, "0"},
		{0, 0, "0"},
		{7, 0, "7"},
		{100, 0, "100"},
		{1000000000000000000, 18, "1"},
		{1250000000000000000, 18, "1.25"},
		{1, 18, "0.000000000000000001"},
		{10, 18, "0.00000000000000001"},
		{10050, 2, "100.5"},
		{1, 77,
		 "0.0000000000000000000000000000000000000000000000000000"
		 "0000000000000000000000001"},
	};
	char text[AMOUNT_TEXT_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct amount a = {u256_from_u64(rows[i].units)};

		assert_string_equal(amount_format(text, &a, rows[i].decimals),
				    rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_and_products_are_exact_or_refused),
		cmocka_unit_test(quotients_and_remainders_are_exact),
		cmocka_unit_test(shifts_drop_what_leaves),
		cmocka_unit_test(basis_points_round_down_once),
		cmocka_unit_test(text_goes_both_ways),
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(amounts_go_both_ways),
		cmocka_unit_test(a_result_may_be_an_operand),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
		cmocka_unit_test(narrower_integers_are_checked_at_their_edge),
		cmocka_unit_test(decimal_text_is_strict),
		cmocka_unit_test(hex_text_is_strict),
		cmocka_unit_test(token_text_is_exact),
		cmocka_unit_test(token_text_is_as_short_as_it_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
