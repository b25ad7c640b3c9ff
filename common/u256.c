/* 256-bit arithmetic on four 64-bit limbs, through 128-bit products. */
#include "common/u256.h"

#include <assert.h>
#include <string.h>

#include "common/be.h"
#include "common/hex.h"

/* ---- to and from other forms -------------------------------------------- */

enum err u256_to_u64(uint64_t *out, const struct u256 *a)
{
	if (a->limb[1] | a->limb[2] | a->limb[3])
		return ERR_RANGE;
	*out = a->limb[0];
	return ERR_NONE;
}

enum err u256_to_u128(u128 *out, const struct u256 *a)
{
	if (a->limb[2] | a->limb[3])
		return ERR_RANGE;
	*out = (u128)a->limb[1] << 64 | a->limb[0];
	return ERR_NONE;
}

struct u256 u256_from_be32(const uint8_t be[32])
{
	return (struct u256){{
		be64_at(be + 24),
		be64_at(be + 16),
		be64_at(be + 8),
		be64_at(be),
	}};
}

void u256_to_be32(uint8_t be[32], const struct u256 *a)
{
	for (int i = 0; i < 4; i++)
		be64_put(be + 8 * i, a->limb[3 - i]);
}

enum err u256_from_be(struct u256 *out, const uint8_t *be, size_t size)
{
	uint8_t word[32] = {0};

	if (size > sizeof word)
		return ERR_RANGE;
	if (size > 0)
		memcpy(word + sizeof word - size, be, size);
	*out = u256_from_be32(word);
	return ERR_NONE;
}

size_t u256_to_be(uint8_t be[32], const struct u256 *a)
{
	size_t size = (u256_bit_length(a) + 7) / 8;
	uint8_t word[32];

	u256_to_be32(word, a);
	memcpy(be, word + sizeof word - size, size);
	return size;
}

unsigned u256_bit_length(const struct u256 *a)
{
	for (unsigned i = 4; i-- > 0;)
		if (a->limb[i])
			return 64 * i + 64 -
			       (unsigned)__builtin_clzll(a->limb[i]);
	return 0;
}

/* ---- arithmetic --------------------------------------------------------- */

enum err u256_add(struct u256 *out, const struct u256 *a, const struct u256 *b)
{
	struct u256 sum;
	u128 carry = 0;

	for (int i = 0; i < 4; i++) {
		carry += (u128)a->limb[i] + b->limb[i];
		sum.limb[i] = (uint64_t)carry;
		carry >>= 64;
	}
	if (carry)
		return ERR_OVERFLOW;
	*out = sum;
	return ERR_NONE;
}

static struct u256 sub_wrapping(const struct u256 *a, const struct u256 *b)
{
	struct u256 difference;
	unsigned borrow = 0;

	for (int i = 0; i < 4; i++) {
		u128 d = (u128)a->limb[i] - b->limb[i] - borrow;

		difference.limb[i] = (uint64_t)d;
		borrow = d >> 64 ? 1 : 0;
	}
	return difference;
}

enum err u256_sub(struct u256 *out, const struct u256 *a, const struct u256 *b)
{
	if (u256_cmp(a, b) < 0)
		return ERR_OVERFLOW;
	*out = sub_wrapping(a, b);
	return ERR_NONE;
}

/* a * b, and what stands above 2^256 in *carry. */
static struct u256 mul_u64(const struct u256 *a, uint64_t b, uint64_t *carry)
{
	struct u256 product;
	u128 sum = 0;

	for (int i = 0; i < 4; i++) {
		sum += (u128)a->limb[i] * b;
		product.limb[i] = (uint64_t)sum;
		sum >>= 64;
	}
	*carry = (uint64_t)sum;
	return product;
}

enum err u256_mul(struct u256 *out, const struct u256 *a, const struct u256 *b)
{
	uint64_t product[8] = {0};

	for (int i = 0; i < 4; i++) {
		u128 carry = 0;

		for (int j = 0; j < 4; j++) {
			carry += (u128)a->limb[i] * b->limb[j] + product[i + j];
			product[i + j] = (uint64_t)carry;
			carry >>= 64;
		}
		product[i + 4] = (uint64_t)carry;
	}
	if (product[4] | product[5] | product[6] | product[7])
		return ERR_OVERFLOW;
	memcpy(out->limb, product, sizeof out->limb);
	return ERR_NONE;
}

/* (top * 2^256 + a) / b for top < b, so that the quotient fits. */
static struct u256 div_wide_u64(uint64_t top, const struct u256 *a, uint64_t b,
				uint64_t *remainder)
{
	struct u256 quotient;
	u128 rest = top;

	for (int i = 3; i >= 0; i--) {
		rest = rest << 64 | a->limb[i];
		quotient.limb[i] = (uint64_t)(rest / b);
		rest %= b;
	}
	*remainder = (uint64_t)rest;
	return quotient;
}

enum err u256_divmod_u64(struct u256 *quotient, uint64_t *remainder,
			 const struct u256 *a, uint64_t b)
{
	if (b == 0)
		return ERR_RANGE;
	*quotient = div_wide_u64(0, a, b, remainder);
	return ERR_NONE;
}

/* Long division, one bit at a time: a divisor above 64 bits is rare here. The
 * rest is at most as long as what was taken of a, so no shift overflows. */
static void divide_bits(struct u256 *quotient, struct u256 *remainder,
			struct u256 a, struct u256 b)
{
	struct u256 q = U256_ZERO, rest = U256_ZERO;

	for (unsigned i = u256_bit_length(&a); i-- > 0;) {
		rest = u256_shl(&rest, 1);
		rest.limb[0] |= a.limb[i / 64] >> i % 64 & 1;
		if (u256_cmp(&rest, &b) >= 0) {
			rest = sub_wrapping(&rest, &b);
			q.limb[i / 64] |= UINT64_C(1) << i % 64;
		}
	}
	*quotient = q;
	*remainder = rest;
}

enum err u256_divmod(struct u256 *quotient, struct u256 *remainder,
		     const struct u256 *a, const struct u256 *b)
{
	if (u256_is_zero(b))
		return ERR_RANGE;
	if (u256_bit_length(b) <= 64) {
		uint64_t rest;

		*quotient = div_wide_u64(0, a, b->limb[0], &rest);
		*remainder = u256_from_u64(rest);
	} else {
		divide_bits(quotient, remainder, *a, *b);
	}
	return ERR_NONE;
}

struct u256 u256_shl(const struct u256 *a, unsigned bits)
{
	struct u256 out = U256_ZERO;
	unsigned limbs = bits / 64, rest = bits % 64;

	for (unsigned i = limbs; i < 4; i++) {
		out.limb[i] = a->limb[i - limbs] << rest;
		if (rest > 0 && i > limbs)
			out.limb[i] |= a->limb[i - limbs - 1] >> (64 - rest);
	}
	return out;
}

struct u256 u256_shr(const struct u256 *a, unsigned bits)
{
	struct u256 out = U256_ZERO;
	unsigned limbs = bits / 64, rest = bits % 64;

	for (unsigned i = 0; i + limbs < 4; i++) {
		out.limb[i] = a->limb[i + limbs] >> rest;
		if (rest > 0 && i + limbs < 3)
			out.limb[i] |= a->limb[i + limbs + 1] << (64 - rest);
	}
	return out;
}

enum err u256_mul_bps(struct u256 *out, const struct u256 *a, uint32_t bps)
{
	const uint64_t whole = 10000;
	uint64_t top, rest;
	struct u256 product = mul_u64(a, bps, &top);

	if (top >= whole)
		return ERR_OVERFLOW;
	*out = div_wide_u64(top, &product, whole, &rest);
	return ERR_NONE;
}

/* ---- text --------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* *v = *v * 10 + digit */
static enum err append_digit(struct u256 *v, char digit)
{
	uint64_t carry;
	struct u256 sum = mul_u64(v, 10, &carry);
	struct u256 low = u256_from_u64((uint64_t)(digit - '0'));

	if (carry || u256_add(&sum, &sum, &low))
		return ERR_RANGE;
	*v = sum;
	return ERR_NONE;
}

/* Append a run of digits to *v; *text then points behind the run. The run is
 * read to its end even when it is too large: what comes after it decides
 * between ERR_MALFORMED and ERR_RANGE. */
static enum err append_digits(struct u256 *v, const char **text)
{
	enum err e = ERR_NONE;

	for (; is_digit(**text); (*text)++)
		if (!e)
			e = append_digit(v, **text);
	return e;
}

static bool has_superfluous_zero(const char *text)
{
	return text[0] == '0' && is_digit(text[1]);
}

enum err u256_parse_dec(struct u256 *out, const char *text)
{
	struct u256 v = U256_ZERO;
	const char *end = text;
	enum err e = append_digits(&v, &end);

	if (end == text || *end != '\0' || has_superfluous_zero(text))
		return ERR_MALFORMED;
	if (!e)
		*out = v;
	return e;
}

enum err u256_parse_hex(struct u256 *out, const char *text)
{
	struct u256 v = U256_ZERO;
	size_t digits = 0;

	if (text[0] != '0' || text[1] != 'x' || text[2] == '\0')
		return ERR_MALFORMED;
	for (const char *p = text + 2; *p; p++, digits++) {
		int digit = hex_digit(*p);

		if (digit < 0)
			return ERR_MALFORMED;
		v = u256_shl(&v, 4);
		v.limb[0] |= (uint64_t)digit;
	}
	if (digits > 64)
		return ERR_RANGE;
	*out = v;
	return ERR_NONE;
}

/* Digits of @a at the end of text[0..room), at least @least of them; the
 * first one's index is returned. */
static size_t format_digits(char *text, size_t room, struct u256 a,
			    size_t least)
{
	size_t at = room;

	while (!u256_is_zero(&a) || room - at < least) {
		uint64_t digit;

		a = div_wide_u64(0, &a, 10, &digit);
		text[--at] = (char)('0' + digit);
	}
	return at;
}

char *u256_format_dec(char text[U256_DEC_ROOM], const struct u256 *a)
{
	char digits[U256_DEC_ROOM - 1];
	size_t at = format_digits(digits, sizeof digits, *a, 1);

	memcpy(text, digits + at, sizeof digits - at);
	text[sizeof digits - at] = '\0';
	return text;
}

char *u256_format_hex(char text[U256_HEX_ROOM], const struct u256 *a)
{
	static const char digits[] = "0123456789abcdef";
	unsigned bits = u256_bit_length(a);
	unsigned count = bits ? (bits + 3) / 4 : 1;

	text[0] = '0';
	text[1] = 'x';
	for (unsigned i = 0; i < count; i++) {
		unsigned shift = 4 * (count - 1 - i);

		text[2 + i] = digits[a->limb[shift / 64] >> shift % 64 & 15];
	}
	text[2 + count] = '\0';
	return text;
}

/* ---- amounts ------------------------------------------------------------ */

enum err amount_add(struct amount *out, const struct amount *a,
		    const struct amount *b)
{
	return u256_add(&out->v, &a->v, &b->v);
}

enum err amount_sub(struct amount *out, const struct amount *a,
		    const struct amount *b)
{
	return u256_sub(&out->v, &a->v, &b->v);
}

enum err amount_parse(struct amount *out, const char *text, unsigned decimals)
{
	struct u256 v = U256_ZERO;
	const char *at = text, *point = NULL;
	enum err whole = append_digits(&v, &at), fraction = ERR_NONE;
	size_t behind = 0;

	if (at == text || has_superfluous_zero(text))
		return ERR_MALFORMED;
	if (*at == '.') {
		point = at++;
		fraction = append_digits(&v, &at);
		behind = (size_t)(at - point - 1);
	}
	if (*at != '\0' || (point && behind == 0))
		return ERR_MALFORMED;
	if (whole || fraction || behind > decimals ||
	    decimals > AMOUNT_DECIMALS_MAX)
		return ERR_RANGE;
	for (; behind < decimals; behind++)
		if (append_digit(&v, '0'))
			return ERR_RANGE;
	out->v = v;
	return ERR_NONE;
}

char *amount_format(char text[AMOUNT_TEXT_ROOM], const struct amount *a,
		    unsigned decimals)
{
	char digits[AMOUNT_TEXT_ROOM];
	size_t at, whole, behind = decimals;

	assert(decimals <= AMOUNT_DECIMALS_MAX);
	at = format_digits(digits, sizeof digits, a->v, decimals + 1);
	whole = sizeof digits - decimals - at;
	memcpy(text, digits + at, whole);
	while (behind > 0 && digits[at + whole + behind - 1] == '0')
		behind--;
	if (behind > 0) {
		text[whole] = '.';
		memcpy(text + whole + 1, digits + at + whole, behind);
		behind++;
	}
	text[whole + behind] = '\0';
	return text;
}
