/* Prefixes below 0x80 are data, below 0xc0 strings, above that lists. */
#include "common/rlp.h"

#include <string.h>

#include "common/u256.h"

enum { STRING = 0x80, LIST = 0xc0, SHORT_MAX = 55 };

/* ---- writing ------------------------------------------------------------ */

/* The prefix of @size bytes at the end of prefix[9]; its length is returned.
 * The minimal big-endian length stands behind a byte that says how long it
 * is. */
static size_t make_prefix(uint8_t prefix[9], uint8_t kind, size_t size)
{
	size_t at = 9;

	if (size <= SHORT_MAX) {
		prefix[--at] = (uint8_t)(kind + size);
		return 1;
	}
	for (; size > 0; size >>= 8)
		prefix[--at] = (uint8_t)size;
	size = 9 - at;
	prefix[--at] = (uint8_t)(kind + SHORT_MAX + size);
	return size + 1;
}

void rlp_put_bytes(struct buf *b, struct bytes v)
{
	uint8_t prefix[9];
	size_t size;

	if (v.size != 1 || v.data[0] >= STRING) {
		size = make_prefix(prefix, STRING, v.size);
		buf_put(b, prefix + sizeof prefix - size, size);
	}
	buf_put(b, v.data, v.size);
}

void rlp_put_u256(struct buf *b, const struct u256 *v)
{
	uint8_t be[32];
	size_t size = u256_to_be(be, v);

	rlp_put_bytes(b, (struct bytes){be, size});
}

void rlp_put_uint(struct buf *b, uint64_t v)
{
	const struct u256 wide = u256_from_u64(v);

	rlp_put_u256(b, &wide);
}

size_t rlp_list_begin(struct buf *b)
{
	return b->size;
}

/* The length is known only now: make room in front of the items. */
void rlp_list_end(struct buf *b, size_t begin)
{
	uint8_t prefix[9];
	size_t items, size;

	if (buf_failed(b))
		return;
	items = b->size - begin;
	size = make_prefix(prefix, LIST, items);
	if (!buf_extend(b, size))
		return;
	memmove(b->data + begin + size, b->data + begin, items);
	memcpy(b->data + begin, prefix + sizeof prefix - size, size);
}

/* ---- reading ------------------------------------------------------------ */

static void fail(struct rlp *r)
{
	if (!r->err)
		r->err = ERR_MALFORMED;
}

struct rlp rlp_read(struct bytes in)
{
	static const uint8_t nothing[1];

	return (struct rlp){.data = in.data ? in.data : nothing,
			    .size = in.size};
}

bool rlp_is_end(const struct rlp *r)
{
	return r->err || r->at == r->size;
}

/* The number in the next @size bytes; 0 if it has a zero in front or isn't
 * there. */
static uint64_t get_length(struct rlp *r, size_t size)
{
	const uint8_t *p = r->data + r->at;
	uint64_t v = 0;

	if (r->size - r->at < size || p[0] == 0)
		return 0;
	r->at += size;
	for (size_t i = 0; i < size; i++)
		v = v << 8 | p[i];
	return v;
}

/* Pass the prefix of an item of @kind; the size of what is behind it, which
 * is there. */
static size_t get_prefix(struct rlp *r, uint8_t kind)
{
	uint8_t first = r->data[r->at];
	uint64_t size = (uint64_t)first - kind;

	if (first < kind || size >= LIST - STRING) {
		fail(r);
		return 0;
	}
	r->at++;
	if (size > SHORT_MAX) {
		size = get_length(r, (size_t)size - SHORT_MAX);
		if (size <= SHORT_MAX)
			fail(r);
	}
	if (size > r->size - r->at)
		fail(r);
	return r->err ? 0 : (size_t)size;
}

/* The content of the next item, which has to be of @kind. */
static struct bytes next(struct rlp *r, uint8_t kind)
{
	struct bytes v = {r->data + r->at, 1};

	if (rlp_is_end(r)) {
		fail(r);
		return (struct bytes){r->data, 0};
	}
	if (kind == STRING && v.data[0] < STRING) {
		r->at++;
		return v;
	}
	v.size = get_prefix(r, kind);
	v.data = r->data + r->at;
	if (kind == STRING && v.size == 1 && v.data[0] < STRING)
		fail(r); /* needs no prefix */
	r->at += v.size;
	return r->err ? (struct bytes){r->data, 0} : v;
}

struct bytes rlp_get_bytes(struct rlp *r)
{
	return next(r, STRING);
}

struct u256 rlp_get_u256(struct rlp *r)
{
	struct bytes v = next(r, STRING);
	struct u256 out = U256_ZERO;

	if (v.size > 0 && v.data[0] == 0)
		fail(r);
	if (u256_from_be(&out, v.data, v.size))
		fail(r);
	return r->err ? U256_ZERO : out;
}

uint64_t rlp_get_uint(struct rlp *r)
{
	struct u256 wide = rlp_get_u256(r);
	uint64_t v = 0;

	if (u256_to_u64(&v, &wide))
		fail(r);
	return v;
}

struct rlp rlp_get_list(struct rlp *r)
{
	struct bytes items = next(r, LIST);

	return (struct rlp){
		.data = items.data, .size = items.size, .err = r->err};
}

void rlp_get_close(struct rlp *r, const struct rlp *list)
{
	if (rlp_read_end(list))
		fail(r);
}

enum err rlp_read_end(const struct rlp *r)
{
	if (r->err)
		return r->err;
	return r->at == r->size ? ERR_NONE : ERR_MALFORMED;
}
