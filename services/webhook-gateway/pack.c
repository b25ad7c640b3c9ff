/* A reader of each that writes the other, without a tree between them. */
#include "services/webhook-gateway/pack.h"

#include <inttypes.h>
#include <string.h>

#include "common/scan.h"
#include "common/utf8.h"
#include "common/wire.h"

enum { JSON_DEPTH_MAX = 16 };

/* First bytes of msgpack. */
enum {
	FIXMAP = 0x80,
	FIXARRAY = 0x90,
	FIXSTR = 0xa0,
	NIL = 0xc0,
	NO = 0xc2,
	YES = 0xc3,
	U8 = 0xcc,
	U16,
	U32,
	U64,
	I8,
	I16,
	I32,
	I64,
	STR8 = 0xd9,
	STR16,
	STR32,
	ARRAY16,
	ARRAY32,
	MAP16,
	MAP32,
	NEGATIVE = 0xe0,
};

/* ---- JSON to msgpack ---------------------------------------------------- */

struct reader {
	const uint8_t *at, *end;
	struct buf *out;
	unsigned depth;
};

static void fail(struct reader *r)
{
	if (!buf_failed(r->out))
		buf_fail(r->out, ERR_MALFORMED);
	r->at = r->end;
}

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != (uint8_t)c)
		return false;
	r->at++;
	return true;
}

/* Make what stands at @at in the buf begin with @head instead of one byte. */
static void replace_head(struct buf *b, size_t at, const uint8_t *head,
			 size_t size)
{
	size_t tail = b->size - at - 1;

	if (!buf_extend(b, size - 1))
		return;
	memmove(b->data + at + size, b->data + at + 1, tail);
	memcpy(b->data + at, head, size);
}

/* How many or how long is known at the end only: one byte is there for it. */
static void set_head(struct buf *b, size_t at, uint8_t fix, uint32_t fix_max,
		     uint8_t wide, uint32_t count)
{
	uint8_t head[5] = {(uint8_t)(wide + 1), (uint8_t)(count >> 24),
			   (uint8_t)(count >> 16), (uint8_t)(count >> 8),
			   (uint8_t)count};

	if (buf_failed(b))
		return;
	if (count <= fix_max) {
		b->data[at] = (uint8_t)(fix | count);
	} else if (count <= UINT16_MAX) {
		head[2] = wide;
		replace_head(b, at, head + 2, 3);
	} else {
		replace_head(b, at, head, 5);
	}
}

static unsigned hex_digit(struct reader *r)
{
	uint8_t c = r->at < r->end ? *r->at++ : 0;

	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10u;
	fail(r);
	return 0;
}

/* What we write behind a backslash: itself, or \u and a code below U+10000
 * that is no surrogate. */
static void read_escape(struct reader *r)
{
	unsigned code = 0;

	if (take(r, 'u')) {
		for (int i = 0; i < 4; i++)
			code = code << 4 | hex_digit(r);
		if (code >= 0x800) {
			buf_put_u8(r->out, (uint8_t)(0xe0 | code >> 12));
			buf_put_u8(r->out, (uint8_t)(0x80 | (code >> 6 & 63)));
			buf_put_u8(r->out, (uint8_t)(0x80 | (code & 63)));
		} else if (code >= 0x80) {
			buf_put_u8(r->out, (uint8_t)(0xc0 | code >> 6));
			buf_put_u8(r->out, (uint8_t)(0x80 | (code & 63)));
		} else {
			buf_put_u8(r->out, (uint8_t)code);
		}
	} else if (take(r, 'n')) {
		buf_put_u8(r->out, '\n');
	} else if (take(r, 't')) {
		buf_put_u8(r->out, '\t');
	} else if (take(r, 'r')) {
		buf_put_u8(r->out, '\r');
	} else if (take(r, 'b')) {
		buf_put_u8(r->out, '\b');
	} else if (take(r, 'f')) {
		buf_put_u8(r->out, '\f');
	} else if (r->at < r->end) {
		buf_put_u8(r->out, *r->at++);
	} else {
		fail(r);
	}
}

static void read_string(struct reader *r)
{
	size_t at = r->out->size, size;
	const uint8_t *plain;

	buf_put_u8(r->out, 0);
	while (r->at < r->end && *r->at != '"') {
		for (plain = r->at;
		     r->at < r->end && *r->at != '"' && *r->at != '\\'; r->at++)
			continue;
		buf_put(r->out, plain, (size_t)(r->at - plain));
		if (take(r, '\\'))
			read_escape(r);
	}
	if (!take(r, '"'))
		fail(r);
	if (buf_failed(r->out))
		return;
	size = r->out->size - at - 1;
	if (size <= 31)
		r->out->data[at] = (uint8_t)(FIXSTR | size);
	else if (size <= UINT8_MAX)
		replace_head(r->out, at, (const uint8_t[]){STR8, (uint8_t)size},
			     2);
	else if (size <= UINT32_MAX)
		set_head(r->out, at, 0, 0, STR16, (uint32_t)size);
	else
		fail(r);
}

static void put_number(struct buf *out, uint8_t first, uint64_t v)
{
	if (v <= UINT8_MAX) {
		buf_put_u8(out, first);
		buf_put_u8(out, (uint8_t)v);
	} else if (v <= UINT16_MAX) {
		buf_put_u8(out, (uint8_t)(first + 1));
		buf_put_be16(out, (uint16_t)v);
	} else if (v <= UINT32_MAX) {
		buf_put_u8(out, (uint8_t)(first + 2));
		buf_put_be32(out, (uint32_t)v);
	} else {
		buf_put_u8(out, (uint8_t)(first + 3));
		buf_put_be64(out, v);
	}
}

static void read_number(struct reader *r)
{
	bool negative = take(r, '-');
	const uint8_t *first = r->at;
	uint64_t v = 0;

	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
		uint64_t digit = (uint64_t)(*r->at - '0');

		if (v > (UINT64_MAX - digit) / 10) {
			fail(r);
			return;
		}
		v = 10 * v + digit;
	}
	if (r->at == first || (negative && v > (uint64_t)INT64_MAX + 1)) {
		fail(r);
	} else if (negative) {
		buf_put_u8(r->out, I64);
		buf_put_be64(r->out, 0 - v);
	} else if (v < 0x80) {
		buf_put_u8(r->out, (uint8_t)v);
	} else {
		put_number(r->out, U8, v);
	}
}

static void read_value(struct reader *r);

static void read_list(struct reader *r, char end, bool is_map)
{
	size_t at = r->out->size;
	uint32_t count = 0;

	buf_put_u8(r->out, 0);
	if (++r->depth > JSON_DEPTH_MAX)
		fail(r);
	while (!buf_failed(r->out) && !take(r, end)) {
		if (count && !take(r, ','))
			fail(r);
		if (is_map && take(r, '"')) {
			read_string(r);
			if (!take(r, ':'))
				fail(r);
		} else if (is_map) {
			fail(r);
		}
		read_value(r);
		count++;
	}
	r->depth--;
	set_head(r->out, at, is_map ? FIXMAP : FIXARRAY, 15,
		 is_map ? MAP16 : ARRAY16, count);
}

static bool take_word(struct reader *r, const char *word, uint8_t code)
{
	size_t size = strlen(word);

	if ((size_t)(r->end - r->at) < size || memcmp(r->at, word, size) != 0)
		return false;
	r->at += size;
	buf_put_u8(r->out, code);
	return true;
}

static void read_value(struct reader *r)
{
	if (buf_failed(r->out))
		return;
	if (take(r, '{'))
		read_list(r, '}', true);
	else if (take(r, '['))
		read_list(r, ']', false);
	else if (take(r, '"'))
		read_string(r);
	else if (!take_word(r, "true", YES) && !take_word(r, "false", NO) &&
		 !take_word(r, "null", NIL))
		read_number(r);
}

void pack_json(struct buf *out, struct bytes json)
{
	struct reader r = {json.data, json.data + json.size, out, 0};

	read_value(&r);
	if (r.at != r.end)
		fail(&r);
}

/* ---- msgpack to JSON ---------------------------------------------------- */

static enum err unpack(struct buf *out, struct scan *in, unsigned depth);

static enum err unpack_text(struct buf *out, struct scan *in, size_t size)
{
	const uint8_t *text = scan_take(in, size);

	if (!text)
		return ERR_MALFORMED;
	for (size_t i = 0, n; i < size; i += n) {
		n = utf8_size(text + i, size - i);
		if (!n)
			return ERR_MALFORMED;
	}
	wire_json_text(out, (const char *)text, size);
	return buf_err(out);
}

/* Each item has a byte at least: what is longer than the rest of the message
 * ends with it. */
static enum err unpack_list(struct buf *out, struct scan *in, size_t count,
			    unsigned depth, bool is_map)
{
	enum err e = depth < PACK_DEPTH_MAX ? ERR_NONE : ERR_MALFORMED;

	buf_put_u8(out, is_map ? '{' : '[');
	for (size_t i = 0; i < count && !e; i++) {
		if (i)
			buf_put_u8(out, ',');
		if (is_map) {
			size_t at = out->size;

			e = unpack(out, in, depth + 1);
			if (!e && out->data[at] != '"')
				e = ERR_MALFORMED;
			buf_put_u8(out, ':');
		}
		if (!e)
			e = unpack(out, in, depth + 1);
	}
	buf_put_u8(out, is_map ? '}' : ']');
	return e;
}

static enum err unpack_signed(struct buf *out, struct scan *in, uint8_t first)
{
	int64_t v = first == I8	   ? (int8_t)scan_u8(in)
		    : first == I16 ? (int16_t)scan_be16(in)
		    : first == I32 ? (int32_t)scan_be32(in)
				   : (int64_t)scan_be64(in);

	buf_printf(out, "%" PRId64, v);
	return in->bad ? ERR_MALFORMED : buf_err(out);
}

static enum err unpack_unsigned(struct buf *out, struct scan *in, uint8_t first)
{
	uint64_t v = first == U8    ? scan_u8(in)
		     : first == U16 ? scan_be16(in)
		     : first == U32 ? scan_be32(in)
				    : scan_be64(in);

	buf_printf(out, "%" PRIu64, v);
	return in->bad ? ERR_MALFORMED : buf_err(out);
}

static enum err unpack(struct buf *out, struct scan *in, unsigned depth)
{
	uint8_t first = scan_u8(in);

	if (in->bad)
		return ERR_MALFORMED;
	if (first < FIXMAP || first >= NEGATIVE) {
		buf_printf(out, "%d", (int8_t)first);
		return buf_err(out);
	}
	if (first < FIXARRAY)
		return unpack_list(out, in, first & 15, depth, true);
	if (first < FIXSTR)
		return unpack_list(out, in, first & 15, depth, false);
	if (first < NIL)
		return unpack_text(out, in, first & 31);
	switch (first) {
	case NIL:
		buf_put_text(out, "null");
		return buf_err(out);
	case NO:
	case YES:
		buf_put_text(out, first == YES ? "true" : "false");
		return buf_err(out);
	case U8:
	case U16:
	case U32:
	case U64:
		return unpack_unsigned(out, in, first);
	case I8:
	case I16:
	case I32:
	case I64:
		return unpack_signed(out, in, first);
	case STR8:
		return unpack_text(out, in, scan_u8(in));
	case STR16:
		return unpack_text(out, in, scan_be16(in));
	case STR32:
		return unpack_text(out, in, scan_be32(in));
	case ARRAY16:
		return unpack_list(out, in, scan_be16(in), depth, false);
	case ARRAY32:
		return unpack_list(out, in, scan_be32(in), depth, false);
	case MAP16:
		return unpack_list(out, in, scan_be16(in), depth, true);
	case MAP32:
		return unpack_list(out, in, scan_be32(in), depth, true);
	default: /* bin, ext, float: nothing that we are told is one */
		return ERR_MALFORMED;
	}
}

enum err pack_to_json(struct buf *out, struct bytes packed)
{
	struct scan in = scan_begin(packed);
	enum err e = unpack(out, &in, 0);

	return e ? e : in.at == in.end ? buf_err(out) : ERR_MALFORMED;
}
