/* Hex text both ways, and the checksum that addresses hide in their case. */
#include "common/hex.h"

#include <stdbool.h>
#include <string.h>

#include "common/keccak.h"

/* One more than the digit's value, so that 0 says "no digit". A table since
 * event data is decoded here, by the hundred megabytes when indexing starts. */
static const uint8_t values[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static const char digits[] = "0123456789abcdef";

int hex_digit(char c)
{
	return values[(uint8_t)c] - 1;
}

static bool has_prefix(const char *text, size_t size)
{
	return size >= 2 && text[0] == '0' && text[1] == 'x';
}

/* Decode 2 * @size characters; false if one of them is no digit. */
static bool decode_digits(uint8_t *out, size_t size, const char *text)
{
	const uint8_t *c = (const uint8_t *)text;
	unsigned good = 1;

	for (size_t i = 0; i < size; i++, c += 2) {
		unsigned high = values[c[0]], low = values[c[1]];

		good &= (high != 0) & (low != 0);
		out[i] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	return good;
}

static bool are_digits(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (hex_digit(text[i]) < 0)
			return false;
	return true;
}

enum err hex_decode(uint8_t *out, size_t size, const char *text,
		    size_t text_size)
{
	if (!has_prefix(text, text_size) || text_size % 2 != 0 ||
	    (text_size - 2) / 2 != size || !are_digits(text + 2, 2 * size))
		return ERR_MALFORMED;
	decode_digits(out, size, text + 2);
	return ERR_NONE;
}

enum err hex_decode_buf(struct buf *out, const char *text, size_t text_size)
{
	size_t size;
	uint8_t *at;

	if (!has_prefix(text, text_size) || text_size % 2 != 0)
		return ERR_MALFORMED;
	size = (text_size - 2) / 2;
	at = buf_extend(out, size);
	if (!at)
		return buf_err(out);
	if (!decode_digits(at, size, text + 2)) {
		out->size -= size;
		return ERR_MALFORMED;
	}
	return ERR_NONE;
}

char *hex_encode(char *text, const uint8_t *data, size_t size)
{
	text[0] = '0';
	text[1] = 'x';
	for (size_t i = 0; i < size; i++) {
		text[2 + 2 * i] = digits[data[i] >> 4];
		text[3 + 2 * i] = digits[data[i] & 15];
	}
	text[2 + 2 * size] = '\0';
	return text;
}

/* EIP-55: a letter is upper case where the hash of the lower-case digits,
 * taken as text without 0x, has a nibble of 8 or more. */
char *address_format(char text[ADDRESS_ROOM], const struct address *a)
{
	struct hash32 hash;

	hex_encode(text, a->bytes, sizeof a->bytes);
	keccak256(&hash, text + 2, 40);
	for (size_t i = 0; i < 40; i++) {
		unsigned nibble = hash.bytes[i / 2] >> (i % 2 ? 0 : 4) & 15;

		if (text[2 + i] >= 'a' && nibble >= 8)
			text[2 + i] = (char)(text[2 + i] - 'a' + 'A');
	}
	return text;
}

static bool has_mixed_case(const char *text)
{
	bool lower = strpbrk(text, "abcdef") != NULL;
	bool upper = strpbrk(text, "ABCDEF") != NULL;

	return lower && upper;
}

enum err address_parse(struct address *out, const char *text)
{
	struct address a;
	char checked[ADDRESS_ROOM];

	if (hex_decode(a.bytes, sizeof a.bytes, text, strlen(text)))
		return ERR_MALFORMED;
	if (has_mixed_case(text + 2) &&
	    strcmp(address_format(checked, &a), text) != 0)
		return ERR_MALFORMED;
	*out = a;
	return ERR_NONE;
}

enum err hash32_parse(struct hash32 *out, const char *text)
{
	return hex_decode(out->bytes, sizeof out->bytes, text, strlen(text));
}

char *hash32_format(char text[HASH32_ROOM], const struct hash32 *h)
{
	return hex_encode(text, h->bytes, sizeof h->bytes);
}
