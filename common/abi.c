/* The walk over heads and tails; every offset and length is checked here. */
#include "common/abi.h"

#include <assert.h>
#include <string.h>

#include "common/u256.h"

/* ---- reading ------------------------------------------------------------ */

static const uint8_t zeros[ABI_WORD];

static void fail(struct abi_reader *r, enum err e)
{
	if (!r->err)
		r->err = e;
}

struct abi_reader abi_read(struct bytes in)
{
	/* Not NULL even for nothing: offsets are added to it. */
	return (struct abi_reader){.data = in.data ? in.data : zeros,
				   .size = in.size};
}

struct abi_reader abi_read_topics(const struct abi_log *log,
				  const struct hash32 *topic0, unsigned count)
{
	struct abi_reader r = {.data = log->topics[1].bytes,
			       .size = ABI_WORD * (size_t)count};

	if (log->topics_count == 0 || !hash32_eq(&log->topics[0], topic0))
		fail(&r, ERR_UNKNOWN_TYPE);
	else if (log->topics_count != count + 1)
		fail(&r, ERR_MALFORMED);
	return r;
}

enum err abi_read_end(const struct abi_reader *r)
{
	size_t end = r->at > r->end ? r->at : r->end;

	if (r->err)
		return r->err;
	return end == r->size ? ERR_NONE : ERR_MALFORMED;
}

static const uint8_t *next_word(struct abi_reader *r)
{
	const uint8_t *word = r->data + r->at;

	if (!r->err && r->size - r->at < ABI_WORD)
		fail(r, ERR_MALFORMED);
	if (r->err)
		return zeros;
	r->at += ABI_WORD;
	return word;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* A word whose first @front and last @back bytes have to be zero. */
static const uint8_t *next_part(struct abi_reader *r, size_t front, size_t back)
{
	const uint8_t *word = next_word(r);

	if (!is_zero(word, front) || !is_zero(word + ABI_WORD - back, back))
		fail(r, ERR_MALFORMED);
	return word;
}

struct u256 abi_get_u256(struct abi_reader *r, unsigned bits)
{
	struct u256 v = u256_from_be32(next_word(r));

	if (bits < 256 && u256_bit_length(&v) > bits) {
		fail(r, ERR_MALFORMED);
		return U256_ZERO;
	}
	return v;
}

uint64_t abi_get_uint(struct abi_reader *r, unsigned bits)
{
	assert(bits <= 64);
	return abi_get_u256(r, bits).limb[0];
}

unsigned abi_get_enum(struct abi_reader *r, unsigned count)
{
	unsigned v = (unsigned)abi_get_uint(r, 8);

	if (v >= count) {
		fail(r, ERR_MALFORMED);
		return 0;
	}
	return v;
}

bool abi_get_bool(struct abi_reader *r)
{
	return abi_get_uint(r, 1) != 0;
}

struct address abi_get_address(struct abi_reader *r)
{
	struct address v;
	const uint8_t *word = next_part(r, ABI_WORD - sizeof v.bytes, 0);

	memcpy(v.bytes, word + ABI_WORD - sizeof v.bytes, sizeof v.bytes);
	return v;
}

struct hash32 abi_get_hash32(struct abi_reader *r)
{
	struct hash32 v;

	memcpy(v.bytes, next_word(r), sizeof v.bytes);
	return v;
}

struct selector abi_get_selector(struct abi_reader *r)
{
	struct selector v;

	memcpy(v.bytes, next_part(r, 0, ABI_WORD - sizeof v.bytes),
	       sizeof v.bytes);
	return v;
}

/* A word that says where or how many: at most @most. */
static size_t get_size(struct abi_reader *r, size_t most)
{
	uint64_t v = abi_get_uint(r, 64);

	if (v > most) {
		fail(r, ERR_MALFORMED);
		return 0;
	}
	return (size_t)v;
}

struct abi_reader abi_get_tail(struct abi_reader *r)
{
	size_t offset = get_size(r, r->size);

	return (struct abi_reader){.data = r->data + offset,
				   .size = r->size - offset,
				   .err = r->err};
}

void abi_get_close(struct abi_reader *r, const struct abi_reader *tail)
{
	size_t end = (size_t)(tail->data - r->data) +
		     (tail->at > tail->end ? tail->at : tail->end);

	if (tail->err)
		fail(r, tail->err);
	else if (end > r->end)
		r->end = end;
}

struct bytes abi_get_bytes(struct abi_reader *r)
{
	struct abi_reader tail = abi_get_tail(r);
	size_t size = get_size(&tail, tail.size), padding = -size % ABI_WORD;
	size_t rest = tail.size - tail.at;
	struct bytes v = {tail.data + tail.at, size};

	if (size > rest || padding > rest - size)
		fail(&tail, ERR_MALFORMED);
	else if (!is_zero(v.data + size, padding))
		fail(&tail, ERR_MALFORMED);
	else
		tail.at += size + padding;
	abi_get_close(r, &tail);
	return r->err ? (struct bytes){NULL, 0} : v;
}

struct abi_words abi_get_words(struct abi_reader *r, size_t front, size_t back)
{
	struct abi_reader tail = abi_get_tail(r);
	size_t count = get_size(&tail, tail.size / ABI_WORD);
	/* Bytes of no alignment: any address will do for a struct of them. */
	struct abi_words v = {(const void *)(tail.data + tail.at), count};

	for (size_t i = 0; i < count && !tail.err; i++)
		next_part(&tail, front, back);
	abi_get_close(r, &tail);
	return r->err ? (struct abi_words){NULL, 0} : v;
}

struct u256 abi_word_u256(const struct hash32 *word)
{
	return u256_from_be32(word->bytes);
}

struct address abi_word_address(const struct hash32 *word)
{
	struct address v;

	memcpy(v.bytes, word->bytes + ABI_WORD - sizeof v.bytes,
	       sizeof v.bytes);
	return v;
}

struct selector abi_word_selector(const struct hash32 *word)
{
	struct selector v;

	memcpy(v.bytes, word->bytes, sizeof v.bytes);
	return v;
}

/* ---- writing ------------------------------------------------------------ */

struct abi_writer abi_write(struct buf *out, size_t words)
{
	size_t base = out->size;

	if (words > SIZE_MAX / ABI_WORD)
		buf_fail(out, ERR_NO_MEMORY);
	else
		buf_put_zeros(out, words * ABI_WORD);
	return (struct abi_writer){.out = out, .base = base, .at = base};
}

struct abi_writer abi_write_call(struct buf *out,
				 const uint8_t selector[ABI_SELECTOR],
				 size_t words)
{
	buf_put(out, selector, ABI_SELECTOR);
	return abi_write(out, words);
}

/* The next word of the head, which is zero; NULL once the buf has failed. */
static uint8_t *put_word(struct abi_writer *w)
{
	if (buf_failed(w->out))
		return NULL;
	assert(w->out->size - w->at >= ABI_WORD);
	w->at += ABI_WORD;
	return w->out->data + w->at - ABI_WORD;
}

void abi_put_u256(struct abi_writer *w, unsigned bits, const struct u256 *v)
{
	uint8_t *word = put_word(w);

	if (u256_bit_length(v) > bits)
		buf_fail(w->out, ERR_RANGE);
	else if (word)
		u256_to_be32(word, v);
}

void abi_put_uint(struct abi_writer *w, unsigned bits, uint64_t v)
{
	const struct u256 wide = u256_from_u64(v);

	abi_put_u256(w, bits, &wide);
}

void abi_put_enum(struct abi_writer *w, unsigned count, unsigned v)
{
	if (v >= count)
		buf_fail(w->out, ERR_RANGE);
	abi_put_uint(w, 8, v);
}

void abi_put_bool(struct abi_writer *w, bool v)
{
	abi_put_uint(w, 1, v);
}

/* @size bytes of the next word, from @from on. */
static void put_part(struct abi_writer *w, size_t from, const uint8_t *data,
		     size_t size)
{
	uint8_t *word = put_word(w);

	if (word)
		memcpy(word + from, data, size);
}

void abi_put_address(struct abi_writer *w, const struct address *v)
{
	put_part(w, ABI_WORD - sizeof v->bytes, v->bytes, sizeof v->bytes);
}

void abi_put_hash32(struct abi_writer *w, const struct hash32 *v)
{
	put_part(w, 0, v->bytes, sizeof v->bytes);
}

void abi_put_selector(struct abi_writer *w, const struct selector *v)
{
	put_part(w, 0, v->bytes, sizeof v->bytes);
}

/* The next value is at the end of the buf, counted from this tuple's base. */
static void put_offset(struct abi_writer *w)
{
	abi_put_uint(w, 64, w->out->size - w->base);
}

static void append_word(struct buf *out, uint64_t v)
{
	buf_put_zeros(out, ABI_WORD - sizeof v);
	buf_put_be64(out, v);
}

void abi_put_bytes(struct abi_writer *w, struct bytes v)
{
	put_offset(w);
	append_word(w->out, v.size);
	buf_put(w->out, v.data, v.size);
	buf_put_zeros(w->out, -v.size % ABI_WORD);
}

void abi_put_words(struct abi_writer *w, struct abi_words v)
{
	struct abi_writer array = abi_put_array(w, v.count, 1);

	for (size_t i = 0; i < v.count; i++)
		abi_put_hash32(&array, &v.data[i]);
}

struct abi_writer abi_put_tail(struct abi_writer *w, size_t words)
{
	put_offset(w);
	return abi_write(w->out, words);
}

struct abi_writer abi_put_array(struct abi_writer *w, size_t count,
				size_t words)
{
	put_offset(w);
	append_word(w->out, count);
	if (words > 0 && count > SIZE_MAX / ABI_WORD / words)
		buf_fail(w->out, ERR_NO_MEMORY);
	return abi_write(w->out, count * words);
}

/* ---- reverts ------------------------------------------------------------ */

/* At the arguments behind @selector. */
static struct abi_reader read_error(struct bytes data,
				    const uint8_t selector[ABI_SELECTOR])
{
	struct abi_reader r = abi_read((struct bytes){NULL, 0});

	if (data.size < ABI_SELECTOR ||
	    memcmp(data.data, selector, ABI_SELECTOR) != 0)
		fail(&r, ERR_UNKNOWN_TYPE);
	else
		r = abi_read((struct bytes){data.data + ABI_SELECTOR,
					    data.size - ABI_SELECTOR});
	return r;
}

enum err abi_decode_error(struct bytes *message, struct bytes data)
{
	static const uint8_t selector[] = {0x08, 0xc3, 0x79, 0xa0};
	struct abi_reader r = read_error(data, selector);
	struct bytes v = abi_get_bytes(&r);
	enum err e = abi_read_end(&r);

	if (!e)
		*message = v;
	return e;
}

enum err abi_decode_panic(struct u256 *code, struct bytes data)
{
	static const uint8_t selector[] = {0x4e, 0x48, 0x7b, 0x71};
	struct abi_reader r = read_error(data, selector);
	struct u256 v = abi_get_u256(&r, 256);
	enum err e = abi_read_end(&r);

	if (!e)
		*code = v;
	return e;
}

const char *abi_panic_text(const struct u256 *code)
{
	uint64_t v;

	if (u256_to_u64(&v, code))
		return "unknown panic";
	switch (v) {
	case 0x00:
		return "panic inserted by the compiler";
	case 0x01:
		return "assertion failed";
	case 0x11:
		return "arithmetic overflow or underflow";
	case 0x12:
		return "division by zero";
	case 0x21:
		return "value out of an enum's range";
	case 0x22:
		return "wrongly encoded bytes in storage";
	case 0x31:
		return "pop from an empty array";
	case 0x32:
		return "array index out of bounds";
	case 0x41:
		return "too much memory, or too large an array";
	case 0x51:
		return "call of an uninitialised function";
	}
	return "unknown panic";
}

static void put_printable(struct buf *out, struct bytes text)
{
	enum { SHOWN = 200 };

	for (size_t i = 0; i < text.size && i < SHOWN; i++) {
		bool printable = text.data[i] >= ' ' && text.data[i] <= '~';

		buf_put_u8(out, printable ? text.data[i] : '?');
	}
	if (text.size > SHOWN)
		buf_put_text(out, "...");
}

void abi_put_builtin_revert(struct buf *out, struct bytes data)
{
	struct bytes message;
	struct u256 code;
	char hex[U256_HEX_ROOM];

	if (!abi_decode_error(&message, data)) {
		put_printable(out, message);
	} else if (!abi_decode_panic(&code, data)) {
		buf_printf(out, "panic %s: %s", u256_format_hex(hex, &code),
			   abi_panic_text(&code));
	} else if (data.size < ABI_SELECTOR) {
		buf_put_text(out, "reverted without a reason");
	} else {
		buf_put_text(out, "unknown error ");
		buf_put_hex(out, data.data, ABI_SELECTOR);
	}
}
