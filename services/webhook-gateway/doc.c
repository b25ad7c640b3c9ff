/* Commas, quotes and the forms of our types. */
#include "services/webhook-gateway/doc.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/hex.h"
#include "common/u256.h"
#include "common/wire.h"

/* 10000-01-01: years of five digits are not RFC 3339. */
static const uint64_t year_10000 = 253402300800u;

/* A market's book has ten thousand rows of thirty members: this is what they
 * are made of, so it writes into the buf itself and doesn't use printf. */

static void put_number(struct buf *out, uint64_t v)
{
	char text[20], *at = text + sizeof text;

	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	buf_put(out, at, (size_t)(text + sizeof text - at));
}

/* Nothing in @text needs an escape. */
static void put_quoted(struct buf *out, const char *text, size_t size)
{
	uint8_t *at = buf_extend(out, size + 2);

	if (!at)
		return;
	at[0] = '"';
	memcpy(at + 1, text, size);
	at[size + 1] = '"';
}

/* What stands before a value. */
static void begin(struct doc *d, const char *key)
{
	if (d->more)
		buf_put_u8(d->out, ',');
	d->more = true;
	if (!key)
		return;
	put_quoted(d->out, key, strlen(key));
	buf_put_u8(d->out, ':');
}

static void plain(struct doc *d, const char *key, const char *text)
{
	begin(d, key);
	put_quoted(d->out, text, strlen(text));
}

static void open(struct doc *d, const char *key, char bracket)
{
	begin(d, key);
	buf_put_u8(d->out, (uint8_t)bracket);
	d->more = false;
}

static void close(struct doc *d, char bracket)
{
	buf_put_u8(d->out, (uint8_t)bracket);
	d->more = true;
}

void doc_object(struct doc *d, const char *key)
{
	open(d, key, '{');
}

void doc_array(struct doc *d, const char *key)
{
	open(d, key, '[');
}

void doc_end(struct doc *d)
{
	close(d, '}');
}

void doc_end_array(struct doc *d)
{
	close(d, ']');
}

void doc_name(struct doc *d, const char *key)
{
	begin(d, key);
	d->more = false;
}

void doc_null(struct doc *d, const char *key)
{
	begin(d, key);
	buf_put_text(d->out, "null");
}

void doc_bool(struct doc *d, const char *key, bool v)
{
	begin(d, key);
	buf_put_text(d->out, v ? "true" : "false");
}

void doc_count(struct doc *d, const char *key, uint64_t v)
{
	begin(d, key);
	put_number(d->out, v);
}

void doc_thousandths(struct doc *d, const char *key, uint64_t v)
{
	begin(d, key);
	buf_printf(d->out, "%" PRIu64 ".%03" PRIu64, v / 1000, v % 1000);
}

void doc_id(struct doc *d, const char *key, uint64_t v)
{
	begin(d, key);
	buf_put_u8(d->out, '"');
	put_number(d->out, v);
	buf_put_u8(d->out, '"');
}

void doc_text(struct doc *d, const char *key, const char *text)
{
	doc_chars(d, key, text, strlen(text));
}

void doc_chars(struct doc *d, const char *key, const void *text, size_t size)
{
	begin(d, key);
	wire_json_text(d->out, text, size);
}

static void put_digits(char *text, unsigned v, unsigned count)
{
	while (count--) {
		text[count] = (char)('0' + v % 10);
		v /= 10;
	}
}

void doc_time(struct doc *d, const char *key, struct unix_s t)
{
	time_t s = (time_t)t.v;
	struct tm tm;
	char text[] = "YYYY-MM-DDThh:mm:ssZ";

	if (t.v >= year_10000 || !gmtime_r(&s, &tm)) {
		doc_id(d, key, t.v);
		return;
	}
	put_digits(text, (unsigned)tm.tm_year + 1900, 4);
	put_digits(text + 5, (unsigned)tm.tm_mon + 1, 2);
	put_digits(text + 8, (unsigned)tm.tm_mday, 2);
	put_digits(text + 11, (unsigned)tm.tm_hour, 2);
	put_digits(text + 14, (unsigned)tm.tm_min, 2);
	put_digits(text + 17, (unsigned)tm.tm_sec, 2);
	plain(d, key, text);
}

void doc_amount(struct doc *d, const char *key, const struct amount *a)
{
	char text[U256_DEC_ROOM];
	uint64_t small;

	if (u256_to_u64(&small, &a->v))
		plain(d, key, u256_format_dec(text, &a->v));
	else
		doc_id(d, key, small);
}

void doc_address(struct doc *d, const char *key, const struct address *a)
{
	char text[ADDRESS_ROOM];

	plain(d, key, address_format(text, a));
}

void doc_hash(struct doc *d, const char *key, const struct hash32 *h)
{
	char text[HASH32_ROOM];

	plain(d, key, hash32_format(text, h));
}

void doc_bytes(struct doc *d, const char *key, struct bytes b)
{
	begin(d, key);
	buf_put_u8(d->out, '"');
	buf_put_hex(d->out, b.data, b.size);
	buf_put_u8(d->out, '"');
}

void doc_selector(struct doc *d, const char *key, const struct selector *s)
{
	char text[HEX_ROOM(sizeof s->bytes)];

	plain(d, key, hex_encode(text, s->bytes, sizeof s->bytes));
}

void doc_block(struct doc *d, const char *key, const struct block_ref *b)
{
	doc_object(d, key);
	doc_id(d, "number", b->number);
	doc_hash(d, "hash", &b->hash);
	doc_time(d, "time", b->time);
	doc_end(d);
}

void doc_raw(struct doc *d, const char *key, struct bytes json)
{
	begin(d, key);
	buf_put(d->out, json.data, json.size);
}
