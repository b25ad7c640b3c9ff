/* Both ways by the table of a message's fields: no byte from outside ever
 * decides how much memory is taken. */
#include "common/wire.h"

#include <inttypes.h>
#include <time.h>

#include "common/be.h"
#include "common/hex.h"
#include "common/u256.h"
#include "common/utf8.h"
#include "common/wire_put.h"

struct hash32 hash32s_at(struct hash32s s, size_t i)
{
	struct hash32 h;

	memcpy(h.bytes, s.data + 32 * i, sizeof h.bytes);
	return h;
}

uint64_t u64s_at(struct u64s s, size_t i)
{
	return be64_at(s.data + 8 * i);
}

/* ---- encoding ----------------------------------------------------------- */

/* Room is made for a message once, then written through a pointer: most of what
 * a decision costs beside its hash would be spent here otherwise. */
void wire_encode(const struct wire_message *d, const void *m, struct buf *out)
{
	size_t most =
		WIRE_ARRAY_HEAD + (size_t)WIRE_FIELD_MAX * d->fields_count;
	uint8_t *p = buf_extend(out, most + (d->outside ? d->outside(m) : 0));

	if (p)
		out->size = (size_t)(d->put(p, m) - out->data);
}

enum err wire_send(struct sink *out, const struct wire_message *d,
		   const void *m)
{
	buf_clear(&out->scratch);
	wire_encode(d, m, &out->scratch);
	if (buf_failed(&out->scratch))
		return ERR_NO_MEMORY;
	return out->put(out, d->number, buf_bytes(&out->scratch));
}

/* ---- decoding ----------------------------------------------------------- */

/* What is left to read. Once @bad, every read gives zero and stays bad. */
struct reader {
	const uint8_t *p, *end;
	bool bad;
};

static const uint8_t *take(struct reader *r, size_t size)
{
	const uint8_t *p = r->p;

	if (r->bad || (size_t)(r->end - r->p) < size) {
		r->bad = true;
		return NULL;
	}
	r->p += size;
	return p;
}

static uint64_t take_be(struct reader *r, unsigned size)
{
	const uint8_t *p = take(r, size);

	if (!p)
		return 0;
	switch (size) {
	case 1:
		return *p;
	case 2:
		return be16_at(p);
	case 4:
		return be32_at(p);
	default:
		return be64_at(p);
	}
}

static uint8_t take_tag(struct reader *r)
{
	return (uint8_t)take_be(r, 1);
}

static uint64_t read_uint_of(struct reader *r, uint8_t tag)
{
	if (tag < 0x80)
		return tag;
	if (tag >= 0xcc && tag <= 0xcf)
		return take_be(r, 1u << (tag - 0xcc));
	r->bad = true;
	return 0;
}

static uint64_t read_uint(struct reader *r, uint64_t max)
{
	uint64_t v = read_uint_of(r, take_tag(r));

	if (v > max)
		r->bad = true;
	return v;
}

static struct bytes read_bin_of(struct reader *r, uint8_t tag)
{
	struct bytes b = {NULL, 0};

	if (tag < 0xc4 || tag > 0xc6) {
		r->bad = true;
		return b;
	}
	b.size = take_be(r, 1u << (tag - 0xc4));
	b.data = take(r, b.size);
	return b;
}

static struct bytes read_bin(struct reader *r)
{
	return read_bin_of(r, take_tag(r));
}

static struct bytes read_str(struct reader *r)
{
	uint8_t tag = take_tag(r);
	struct bytes b = {NULL, 0};

	if (tag >= 0xa0 && tag <= 0xbf)
		b.size = tag & 0x1f;
	else if (tag >= 0xd9 && tag <= 0xdb)
		b.size = take_be(r, 1u << (tag - 0xd9));
	else
		r->bad = true;
	b.data = take(r, b.size);
	return b;
}

static void read_fixed(struct reader *r, void *out, size_t size)
{
	struct bytes b = read_bin(r);

	if (r->bad || b.size != size)
		r->bad = true;
	else
		memcpy(out, b.data, size);
}

static void read_amount(struct reader *r, struct u256 *out)
{
	uint8_t tag = take_tag(r);
	struct bytes b;

	if (tag < 0x80 || tag >= 0xcc) {
		*out = u256_from_u64(read_uint_of(r, tag));
		return;
	}
	b = read_bin_of(r, tag);
	if (r->bad || b.size < 9 || b.size > 32 || b.data[0] == 0 ||
	    u256_from_be(out, b.data, b.size))
		r->bad = true;
}

static void read_array(struct reader *r, unsigned size)
{
	if (take_tag(r) != (0x90 | size))
		r->bad = true;
}

static size_t read_units(struct reader *r, const uint8_t **data, size_t unit)
{
	struct bytes b = read_bin(r);

	if (b.size % unit)
		r->bad = true;
	*data = b.data;
	return b.size / unit;
}

static void read_field(struct reader *r, const struct wire_field *f, void *at)
{
	switch (f->type) {
	case WIRE_U8:
		*(uint8_t *)at = (uint8_t)read_uint(r, UINT8_MAX);
		break;
	case WIRE_U16:
		*(uint16_t *)at = (uint16_t)read_uint(r, UINT16_MAX);
		break;
	case WIRE_U32:
		*(uint32_t *)at = (uint32_t)read_uint(r, UINT32_MAX);
		break;
	case WIRE_ENUM:
		*(uint32_t *)at = (uint32_t)read_uint(r, f->values_count - 1u);
		break;
	case WIRE_U64:
	case WIRE_UNIX_S:
		*(uint64_t *)at = read_uint(r, UINT64_MAX);
		break;
	case WIRE_BOOL: {
		uint8_t tag = take_tag(r);

		if (tag != 0xc2 && tag != 0xc3)
			r->bad = true;
		*(bool *)at = tag == 0xc3;
		break;
	}
	case WIRE_AMOUNT:
		read_amount(r, at);
		break;
	case WIRE_ADDRESS:
		read_fixed(r, at, sizeof(struct address));
		break;
	case WIRE_HASH32:
		read_fixed(r, at, sizeof(struct hash32));
		break;
	case WIRE_SELECTOR:
		read_fixed(r, at, sizeof(struct selector));
		break;
	case WIRE_BYTES:
		*(struct bytes *)at = read_bin(r);
		break;
	case WIRE_TEXT:
		*(struct bytes *)at = read_str(r);
		break;
	case WIRE_HASH32S: {
		struct hash32s *s = at;

		s->count = read_units(r, &s->data, 32);
		break;
	}
	case WIRE_U64S: {
		struct u64s *s = at;

		s->count = read_units(r, &s->data, 8);
		break;
	}
	case WIRE_PLACE: {
		struct place *p = at;

		read_array(r, 2);
		p->block = read_uint(r, UINT64_MAX);
		p->index = (uint32_t)read_uint(r, UINT32_MAX);
		break;
	}
	case WIRE_BLOCK_REF: {
		struct block_ref *b = at;

		read_array(r, 3);
		b->number = read_uint(r, UINT64_MAX);
		read_fixed(r, b->hash.bytes, sizeof b->hash.bytes);
		b->time.v = read_uint(r, UINT64_MAX);
		break;
	}
	}
}

/* A field that older bytes lack. Only plain numbers have defaults other than
 * "all zero", which is what the rest gets. */
static void set_fallback(const struct wire_field *f, void *at)
{
	switch (f->type) {
	case WIRE_U8:
		*(uint8_t *)at = (uint8_t)f->fallback;
		break;
	case WIRE_U16:
		*(uint16_t *)at = (uint16_t)f->fallback;
		break;
	case WIRE_U32:
	case WIRE_ENUM:
		*(uint32_t *)at = (uint32_t)f->fallback;
		break;
	case WIRE_U64:
	case WIRE_UNIX_S:
		*(uint64_t *)at = f->fallback;
		break;
	case WIRE_BOOL:
		*(bool *)at = f->fallback != 0;
		break;
	case WIRE_AMOUNT:
		*(struct u256 *)at = u256_from_u64(f->fallback);
		break;
	case WIRE_ADDRESS:
	case WIRE_HASH32:
	case WIRE_SELECTOR:
	case WIRE_BYTES:
	case WIRE_TEXT:
	case WIRE_HASH32S:
	case WIRE_U64S:
	case WIRE_PLACE:
	case WIRE_BLOCK_REF:
		break;
	}
}

/* Step over one value of any kind; @depth more levels may open. */
static void skip(struct reader *r, unsigned depth)
{
	uint8_t tag = take_tag(r);
	uint64_t items = 0;

	if (r->bad)
		return;
	if (tag <= 0x7f || tag >= 0xe0 || (tag >= 0xc2 && tag <= 0xc3) ||
	    tag == 0xc0)
		return;
	if (tag >= 0xa0 && tag <= 0xbf)
		take(r, tag & 0x1f);
	else if (tag >= 0xc4 && tag <= 0xc6)
		take(r, take_be(r, 1u << (tag - 0xc4)));
	else if (tag >= 0xcc && tag <= 0xcf)
		take(r, 1u << (tag - 0xcc));
	else if (tag >= 0xd9 && tag <= 0xdb)
		take(r, take_be(r, 1u << (tag - 0xd9)));
	else if ((tag & 0xf0) == 0x90)
		items = tag & 0x0f;
	else if (tag == 0xdc || tag == 0xdd)
		items = take_be(r, tag == 0xdc ? 2 : 4);
	else
		r->bad = true; /* nothing we ever write */
	if (items && depth == 0)
		r->bad = true;
	while (items-- && !r->bad)
		skip(r, depth - 1);
}

static unsigned read_count(struct reader *r)
{
	uint8_t tag = take_tag(r);

	if ((tag & 0xf0) == 0x90)
		return tag & 0x0f;
	if (tag == 0xdc)
		return (unsigned)take_be(r, 2);
	r->bad = true;
	return 0;
}

enum err wire_decode(const struct wire_message *d, void *m, struct bytes body)
{
	struct reader r = {body.data, body.data + body.size, body.size == 0};
	unsigned count = read_count(&r);

	if (count < d->fields_min)
		r.bad = true;
	memset(m, 0, d->size);
	for (unsigned i = 0; i < d->fields_count && !r.bad; i++) {
		void *at = (char *)m + d->fields[i].offset;

		if (i < count)
			read_field(&r, &d->fields[i], at);
		else
			set_fallback(&d->fields[i], at);
	}
	for (unsigned i = d->fields_count; i < count && !r.bad; i++)
		skip(&r, 7);
	return r.bad || r.p != r.end ? ERR_MALFORMED : ERR_NONE;
}

/* ---- JSON --------------------------------------------------------------- */

void wire_json_text(struct buf *out, const char *text, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;

	buf_put_u8(out, '"');
	for (size_t i = 0, n; i < size; i += n ? n : 1) {
		n = utf8_size(p + i, size - i);
		if (!n)
			buf_put_text(out, "\\ufffd");
		else if (p[i] == '"' || p[i] == '\\')
			buf_printf(out, "\\%c", p[i]);
		else if (p[i] < ' ' || p[i] == 127)
			buf_printf(out, "\\u%04x", p[i]);
		else
			buf_put(out, p + i, n);
	}
	buf_put_u8(out, '"');
}

static void json_time(struct buf *out, struct unix_s t)
{
	time_t s = (time_t)t.v;
	struct tm tm;
	char text[40];

	/* Years of five digits are not RFC 3339: give the seconds. */
	if (t.v < 253402300800u && gmtime_r(&s, &tm) &&
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf_printf(out, "\"%s\"", text);
	else
		buf_printf(out, "\"%" PRIu64 "\"", t.v);
}

static void json_hex(struct buf *out, const void *data, size_t size)
{
	buf_put_u8(out, '"');
	buf_put_hex(out, data, size);
	buf_put_u8(out, '"');
}

static void json_amount(struct buf *out, const struct u256 *v)
{
	char text[U256_DEC_ROOM];

	buf_printf(out, "\"%s\"", u256_format_dec(text, v));
}

static void json_field(struct buf *out, const struct wire_field *f,
		       const void *at)
{
	char text[ADDRESS_ROOM];

	switch (f->type) {
	case WIRE_U8:
		buf_printf(out, "%u", *(const uint8_t *)at);
		break;
	case WIRE_U16:
		buf_printf(out, "%u", *(const uint16_t *)at);
		break;
	case WIRE_U32:
		buf_printf(out, "%" PRIu32, *(const uint32_t *)at);
		break;
	case WIRE_ENUM:
		buf_printf(out, "\"%s\"", f->values[*(const uint32_t *)at]);
		break;
	case WIRE_U64:
		buf_printf(out, "\"%" PRIu64 "\"", *(const uint64_t *)at);
		break;
	case WIRE_UNIX_S:
		json_time(out, *(const struct unix_s *)at);
		break;
	case WIRE_BOOL:
		buf_put_text(out, *(const bool *)at ? "true" : "false");
		break;
	case WIRE_AMOUNT:
		json_amount(out, at);
		break;
	case WIRE_ADDRESS:
		buf_printf(out, "\"%s\"", address_format(text, at));
		break;
	case WIRE_HASH32:
		json_hex(out, at, sizeof(struct hash32));
		break;
	case WIRE_SELECTOR:
		json_hex(out, at, sizeof(struct selector));
		break;
	case WIRE_BYTES: {
		const struct bytes *b = at;

		json_hex(out, b->data, b->size);
		break;
	}
	case WIRE_TEXT: {
		const struct bytes *b = at;

		wire_json_text(out, (const char *)b->data, b->size);
		break;
	}
	case WIRE_HASH32S: {
		const struct hash32s *s = at;

		buf_put_u8(out, '[');
		for (size_t i = 0; i < s->count; i++) {
			buf_put_text(out, i ? "," : "");
			json_hex(out, s->data + 32 * i, 32);
		}
		buf_put_u8(out, ']');
		break;
	}
	case WIRE_U64S: {
		const struct u64s *s = at;

		buf_put_u8(out, '[');
		for (size_t i = 0; i < s->count; i++)
			buf_printf(out, "%s\"%" PRIu64 "\"", i ? "," : "",
				   u64s_at(*s, i));
		buf_put_u8(out, ']');
		break;
	}
	case WIRE_PLACE: {
		const struct place *p = at;

		buf_printf(out, "{\"block\":\"%" PRIu64 "\",\"index\":%u}",
			   p->block, p->index);
		break;
	}
	case WIRE_BLOCK_REF: {
		const struct block_ref *b = at;

		buf_printf(out,
			   "{\"number\":\"%" PRIu64 "\",\"hash\":", b->number);
		json_hex(out, b->hash.bytes, sizeof b->hash.bytes);
		buf_put_text(out, ",\"time\":");
		json_time(out, b->time);
		buf_put_u8(out, '}');
		break;
	}
	}
}

void wire_json(const struct wire_message *d, const void *m, struct buf *out)
{
	buf_printf(out, "{\"type\":\"%s\"", d->name);
	for (unsigned i = 0; i < d->fields_count; i++) {
		buf_printf(out, ",\"%s\":", d->fields[i].name);
		json_field(out, &d->fields[i],
			   (const char *)m + d->fields[i].offset);
	}
	buf_put_u8(out, '}');
}
