/* u256 - exact 256-bit unsigned arithmetic, and amounts of tokens as text.
 *
 * Nothing wraps: what does not fit is reported and changes nothing. Every
 * result may be one of the operands (u256_add(&a, &a, &b) is fine).
 *
 * Errors, wherever they are named below; *out is then as it was before:
 *   ERR_MALFORMED  the text is not a number in the form that was asked for
 *   ERR_RANGE      the number does not fit the type that was asked for
 *   ERR_OVERFLOW   the exact result is below 0 or above 2^256 - 1 */
#ifndef COMMON_U256_H
#define COMMON_U256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/types.h"

/* The one scalar that C11 has no name for. */
__extension__ typedef unsigned __int128 u128;

/* Room for the longest text of each kind, its NUL included. */
enum {
	U256_DEC_ROOM = 79,    /* 78 digits */
	U256_HEX_ROOM = 67,    /* 0x and 64 digits */
	AMOUNT_TEXT_ROOM = 80, /* 78 digits and a point */
};

/* More decimals than this and not one whole token fits into 256 bits. */
enum { AMOUNT_DECIMALS_MAX = 77 };

#define U256_ZERO ((struct u256){{0, 0, 0, 0}})
#define U256_MAX                                                               \
	((struct u256){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}})

/* ---- to and from other forms -------------------------------------------- */

static inline struct u256 u256_from_u64(uint64_t v)
{
	return (struct u256){{v, 0, 0, 0}};
}

static inline struct u256 u256_from_u128(u128 v)
{
	return (struct u256){{(uint64_t)v, (uint64_t)(v >> 64), 0, 0}};
}

/* ERR_RANGE if @a is above 2^64 - 1, or 2^128 - 1. */
NODISCARD enum err u256_to_u64(uint64_t *out, const struct u256 *a);
NODISCARD enum err u256_to_u128(u128 *out, const struct u256 *a);

/* 32 bytes, most significant first: the ABI's word. */
struct u256 u256_from_be32(const uint8_t be[32]);
void u256_to_be32(uint8_t be[32], const struct u256 *a);

/* Any number of bytes, most significant first; none is 0, zeros in front
 * are allowed. ERR_RANGE if @size is above 32. */
NODISCARD enum err u256_from_be(struct u256 *out, const uint8_t *be,
				size_t size);

/* The shortest big-endian form: as many bytes as are returned, from 0 (for
 * zero) to 32, at the start of @be. What RLP calls a scalar. */
size_t u256_to_be(uint8_t be[32], const struct u256 *a);

/* ---- comparison --------------------------------------------------------- */

static inline bool u256_is_zero(const struct u256 *a)
{
	return !(a->limb[0] | a->limb[1] | a->limb[2] | a->limb[3]);
}

static inline bool u256_eq(const struct u256 *a, const struct u256 *b)
{
	return !((a->limb[0] ^ b->limb[0]) | (a->limb[1] ^ b->limb[1]) |
		 (a->limb[2] ^ b->limb[2]) | (a->limb[3] ^ b->limb[3]));
}

/* Below, at or above 0 as @a is less than, equal to or greater than @b. */
static inline int u256_cmp(const struct u256 *a, const struct u256 *b)
{
	for (int i = 3; i >= 0; i--)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

/* How many bits @a needs: 0 for zero, at most 256. */
unsigned u256_bit_length(const struct u256 *a);

/* ---- arithmetic --------------------------------------------------------- */

/* ERR_OVERFLOW from the first three. */
NODISCARD enum err u256_add(struct u256 *out, const struct u256 *a,
			    const struct u256 *b);
NODISCARD enum err u256_sub(struct u256 *out, const struct u256 *a,
			    const struct u256 *b);
NODISCARD enum err u256_mul(struct u256 *out, const struct u256 *a,
			    const struct u256 *b);

/* @a = *quotient * @b + *remainder, *remainder < @b. The two results must
 * not be the same object. ERR_RANGE if @b is 0. */
NODISCARD enum err u256_divmod(struct u256 *quotient, struct u256 *remainder,
			       const struct u256 *a, const struct u256 *b);
NODISCARD enum err u256_divmod_u64(struct u256 *quotient, uint64_t *remainder,
				   const struct u256 *a, uint64_t b);

/* Bits that leave at either end are dropped; 256 or more leave 0. */
struct u256 u256_shl(const struct u256 *a, unsigned bits);
struct u256 u256_shr(const struct u256 *a, unsigned bits);

/* @a * @bps / 10,000, rounded down; the product is exact however large.
 * @bps may be above 10,000 (a fee raised by an eighth is 11,250).
 * ERR_OVERFLOW if the result does not fit. */
NODISCARD enum err u256_mul_bps(struct u256 *out, const struct u256 *a,
				uint32_t bps);

/* ---- text --------------------------------------------------------------- */

/* Digits only, no zero in front but in "0" itself.
 * ERR_MALFORMED, ERR_RANGE. */
NODISCARD enum err u256_parse_dec(struct u256 *out, const char *text);

/* "0x" and 1 to 64 hex digits of either case; zeros in front are allowed.
 * ERR_MALFORMED, ERR_RANGE (more than 64 digits). */
NODISCARD enum err u256_parse_hex(struct u256 *out, const char *text);

/* Without zeros in front: "0", "1000"; "0x0", "0x3e8". Both return @text. */
char *u256_format_dec(char text[U256_DEC_ROOM], const struct u256 *a);
char *u256_format_hex(char text[U256_HEX_ROOM], const struct u256 *a);

/* ---- amounts ------------------------------------------------------------ */

static inline int amount_cmp(const struct amount *a, const struct amount *b)
{
	return u256_cmp(&a->v, &b->v);
}

/* As u256_add and u256_sub. */
NODISCARD enum err amount_add(struct amount *out, const struct amount *a,
			      const struct amount *b);
NODISCARD enum err amount_sub(struct amount *out, const struct amount *a,
			      const struct amount *b);

/* Tokens as people write them, "3" or "1.25", to units of 10^-@decimals
 * tokens. Exact: "1.25" of a token with one decimal is refused, not rounded.
 * Digits stand on both sides of a point; no sign, exponent, space or
 * superfluous zero in front.
 *
 * ERR_MALFORMED  not such a text
 * ERR_RANGE      more digits behind the point than @decimals, more units
 *                than 256 bits hold, or @decimals above 77 */
NODISCARD enum err amount_parse(struct amount *out, const char *text,
				unsigned decimals);

/* The shortest text that amount_parse() takes back: no zeros at the end, no
 * point without digits behind it. Returns @text.
 * @decimals is at most AMOUNT_DECIMALS_MAX (asserted). */
char *amount_format(char text[AMOUNT_TEXT_ROOM], const struct amount *a,
		    unsigned decimals);

#endif /* COMMON_U256_H */
