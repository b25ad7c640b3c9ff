/* Small answers by jansson; logs by lejp, as they can be hundreds of MB. */
#include "common/evm.h"

#include <inttypes.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/keccak.h"

/* ---- values ------------------------------------------------------------- */

enum err evm_u256_parse(struct u256 *out, const json_t *json)
{
	const char *text = json_string_value(json);

	if (!text ||
	    (text[0] == '0' && text[1] == 'x' && text[2] == '0' && text[3]))
		return ERR_MALFORMED;
	return u256_parse_hex(out, text);
}

enum err evm_u64_parse(uint64_t *out, const json_t *json)
{
	struct u256 v;
	enum err e = evm_u256_parse(&v, json);

	return e ? e : u256_to_u64(out, &v);
}

enum err evm_bytes_parse(struct buf *out, const json_t *json)
{
	if (!json_is_string(json))
		return ERR_MALFORMED;
	return hex_decode_buf(out, json_string_value(json),
			      json_string_length(json));
}

static enum err parse_fixed(uint8_t *out, size_t size, const json_t *json)
{
	if (!json_is_string(json))
		return ERR_MALFORMED;
	return hex_decode(out, size, json_string_value(json),
			  json_string_length(json));
}

enum err evm_hash_parse(struct hash32 *out, const json_t *json)
{
	return parse_fixed(out->bytes, sizeof out->bytes, json);
}

json_t *evm_quantity(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "0x%" PRIx64, v);
	return json_string(text);
}

json_t *evm_data(struct bytes b)
{
	struct buf text = {0};
	json_t *json;

	buf_put_hex(&text, b.data, b.size);
	json = json_stringn((const char *)text.data, text.size);
	buf_free(&text);
	return json;
}

json_t *evm_address(const struct address *a)
{
	return evm_data((struct bytes){a->bytes, sizeof a->bytes});
}

json_t *evm_hash(const struct hash32 *h)
{
	return evm_data((struct bytes){h->bytes, sizeof h->bytes});
}

/* ---- headers and receipts ----------------------------------------------- */

static const json_t *member(const json_t *json, const char *name)
{
	return json_object_get(json, name);
}

enum err evm_header_parse(struct evm_header *out, const json_t *json)
{
	const json_t *base_fee = member(json, "baseFeePerGas");
	enum err e = evm_u64_parse(&out->block.number, member(json, "number"));

	if (!e)
		e = evm_u64_parse(&out->block.time.v,
				  member(json, "timestamp"));
	if (!e)
		e = evm_hash_parse(&out->block.hash, member(json, "hash"));
	if (!e)
		e = evm_hash_parse(&out->parent, member(json, "parentHash"));
	if (!e)
		e = evm_u64_parse(&out->gas_limit, member(json, "gasLimit"));
	if (!e)
		e = parse_fixed(out->bloom, sizeof out->bloom,
				member(json, "logsBloom"));
	out->base_fee = U256_ZERO;
	if (!e && base_fee && !json_is_null(base_fee))
		e = evm_u256_parse(&out->base_fee, base_fee);
	return e == ERR_RANGE ? ERR_MALFORMED : e;
}

bool evm_bloom_may_hold(const uint8_t bloom[EVM_BLOOM_BYTES],
			const struct address *contract)
{
	struct hash32 h;

	keccak256(&h, contract->bytes, sizeof contract->bytes);
	for (unsigned i = 0; i < 6; i += 2) {
		unsigned bit = (unsigned)(h.bytes[i] << 8 | h.bytes[i + 1]) %
			       (8 * EVM_BLOOM_BYTES);

		if (!(bloom[EVM_BLOOM_BYTES - 1 - bit / 8] >> bit % 8 & 1))
			return false;
	}
	return true;
}

enum err evm_receipt_parse(struct evm_receipt *out, const json_t *json)
{
	uint64_t status = 0;
	enum err e;

	if (json_is_null(json))
		return ERR_NOT_FOUND;
	e = evm_hash_parse(&out->tx, member(json, "transactionHash"));
	if (!e)
		e = evm_hash_parse(&out->block_hash, member(json, "blockHash"));
	if (!e)
		e = evm_u64_parse(&out->block, member(json, "blockNumber"));
	if (!e)
		e = evm_u64_parse(&status, member(json, "status"));
	if (!e)
		e = evm_u64_parse(&out->gas_used, member(json, "gasUsed"));
	if (!e)
		e = evm_u256_parse(&out->gas_price,
				   member(json, "effectiveGasPrice"));
	out->success = status == 1;
	return e == ERR_RANGE ? ERR_MALFORMED : e;
}

/* ---- logs --------------------------------------------------------------- */

/* lejp matches the path of each member's name; values of an array keep the
 * match of the array's name. How deep they stand is counted here. */
enum path {
	PATH_ADDRESS = 1,
	PATH_TOPICS,
	PATH_DATA,
	PATH_BLOCK_HASH,
	PATH_BLOCK,
	PATH_TX,
	PATH_INDEX,
	PATH_REMOVED,
	PATH_RESULT,
	PATH_CODE,
	PATH_MESSAGE,
};

/* In the order of enum path. */
static const char *const paths[] = {
	"result[].address",
	"result[].topics",
	"result[].data",
	"result[].blockHash",
	"result[].blockNumber",
	"result[].transactionHash",
	"result[].logIndex",
	"result[].removed",
	"result",
	"error.code",
	"error.message",
};

enum {
	DEPTH_ROOT = 1,
	DEPTH_RESULT = 2,
	DEPTH_LOG = 3,
	DEPTH_TOPICS = 4,
	ALL_FIELDS = 0x7f, /* PATH_ADDRESS to PATH_INDEX */
	HALF_NONE = -1,
};

/* Where the parser is: in which log, which fields it has seen, and the digits
 * of a value that comes in chunks. */
struct logs_reader {
	struct evm_logs *out;
	struct evm_log *log; /* NULL outside of one */
	unsigned depth;	     /* arrays and objects that are open */
	unsigned seen;	     /* bits of enum path */
	uint8_t value[32];   /* of a value of fixed size, as bytes */
	size_t digits;	     /* read so far, "0x" not counted */
	size_t prefix;	     /* characters of "0x" read so far */
	size_t data_at;	     /* of this log in out->data */
	int half;	     /* high digit that waits for its low one */
	bool result;	     /* inside the array of logs */
	bool seen_result;    /* there was one */
	bool ended, bad;
};

static bool new_log(struct logs_reader *r)
{
	struct evm_logs *o = r->out;

	if (o->count == o->room) {
		size_t room = o->room ? 2 * o->room : 64;
		struct evm_log *grown = realloc(o->items, room * sizeof *grown);

		if (!grown)
			return false;
		o->items = grown;
		o->room = room;
	}
	r->log = memset(&o->items[o->count++], 0, sizeof *r->log);
	r->seen = 0;
	r->data_at = o->data.size;
	return true;
}

static bool take_byte(struct logs_reader *r, uint8_t path, uint8_t byte)
{
	if (path == PATH_DATA) {
		buf_put_u8(&r->out->data, byte);
		return true;
	}
	if (r->digits / 2 > sizeof r->value)
		return false;
	r->value[r->digits / 2 - 1] = byte;
	return true;
}

/* Data: pairs of digits become bytes. */
static bool take_pairs(struct logs_reader *r, uint8_t path, const char *p,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return false;
		r->digits++;
		if (r->half == HALF_NONE) {
			r->half = digit;
			continue;
		}
		if (!take_byte(r, path, (uint8_t)(r->half << 4 | digit)))
			return false;
		r->half = HALF_NONE;
	}
	return true;
}

/* Quantities: digits become a number, most significant first in value[0..8). */
static bool take_digits(struct logs_reader *r, const char *p, size_t n)
{
	uint64_t v;

	memcpy(&v, r->value, sizeof v);
	for (size_t i = 0; i < n; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0 || r->digits == 16 || (r->digits == 1 && v == 0))
			return false;
		v = v << 4 | (unsigned)digit;
		r->digits++;
	}
	memcpy(r->value, &v, sizeof v);
	return true;
}

static bool take_chunk(struct logs_reader *r, uint8_t path, const char *p,
		       size_t n)
{
	while (n && r->prefix < 2) {
		if (*p != "0x"[r->prefix])
			return false;
		r->prefix++;
		p++;
		n--;
	}
	if (path == PATH_BLOCK || path == PATH_INDEX)
		return take_digits(r, p, n);
	return take_pairs(r, path, p, n);
}

static bool fixed(struct logs_reader *r, uint8_t *to, size_t size)
{
	memcpy(to, r->value, size);
	return r->digits == 2 * size && r->half == HALF_NONE;
}

static bool end_value(struct logs_reader *r, uint8_t path)
{
	struct evm_log *l = r->log;
	uint64_t number;

	memcpy(&number, r->value, sizeof number);
	r->seen |= 1u << (path - 1);
	switch (path) {
	case PATH_ADDRESS:
		return fixed(r, l->log.address.bytes, 20);
	case PATH_TOPICS:
		if (l->log.topics_count == ABI_TOPICS_MAX)
			return false;
		return fixed(r, l->log.topics[l->log.topics_count++].bytes, 32);
	case PATH_DATA:
		l->log.data.size = r->out->data.size - r->data_at;
		return r->half == HALF_NONE && r->prefix == 2;
	case PATH_BLOCK_HASH:
		return fixed(r, l->block_hash.bytes, 32);
	case PATH_TX:
		return fixed(r, l->tx.bytes, 32);
	case PATH_BLOCK:
		l->block = number;
		return r->digits > 0;
	default: /* PATH_INDEX */
		l->index = (uint32_t)number;
		return r->digits > 0 && number <= UINT32_MAX;
	}
}

static void keep_message(struct evm_logs *o, const char *text, size_t size)
{
	size_t at = strlen(o->message), room = sizeof o->message - 1 - at;

	size = size < room ? size : room;
	memcpy(o->message + at, text, size);
	o->message[at + size] = 0;
}

static bool on_string(struct logs_reader *r, const struct lejp_ctx *c, bool end)
{
	uint8_t path = c->path_match;
	bool ok;

	if (path == PATH_MESSAGE)
		keep_message(r->out, c->buf, c->npos);
	if (!r->log || path < PATH_ADDRESS || path > PATH_INDEX)
		return true;
	if (r->depth != (path == PATH_TOPICS ? DEPTH_TOPICS : DEPTH_LOG))
		return false;
	ok = take_chunk(r, path, c->buf, c->npos);
	return ok && (!end || end_value(r, path));
}

static bool open_one(struct logs_reader *r, const struct lejp_ctx *c,
		     bool array)
{
	r->depth++;
	if (r->depth == DEPTH_RESULT && array && c->path_match == PATH_RESULT)
		r->result = true;
	if (r->depth == DEPTH_LOG && r->result && !array)
		return new_log(r);
	if (r->log && array && c->path_match == PATH_TOPICS)
		r->seen |= 1u << (PATH_TOPICS - 1);
	return true;
}

static bool close_one(struct logs_reader *r)
{
	bool ok = true;

	if (r->log && r->depth == DEPTH_LOG) {
		ok = r->seen == ALL_FIELDS;
		r->log = NULL;
	}
	r->result = r->result && r->depth > DEPTH_RESULT;
	r->ended = r->ended || r->depth == DEPTH_ROOT;
	r->depth--;
	return ok;
}

/* A value that is neither text, array nor object. */
static bool on_scalar(struct logs_reader *r, const struct lejp_ctx *c,
		      char reason)
{
	if (c->path_match == PATH_CODE && reason == LEJPCB_VAL_NUM_INT) {
		r->out->refused = true;
		r->out->code = atoll(c->buf);
	}
	if (!r->result)
		return true;
	return r->log &&
	       (c->path_match == PATH_REMOVED ? reason == LEJPCB_VAL_FALSE
					      : c->path_match == 0);
}

static signed char on_event(struct lejp_ctx *c, char reason)
{
	struct logs_reader *r = c->user;
	bool ok = true;

	switch (reason) {
	case LEJPCB_OBJECT_START:
	case LEJPCB_ARRAY_START:
		ok = open_one(r, c, reason == LEJPCB_ARRAY_START);
		break;
	case LEJPCB_OBJECT_END:
	case LEJPCB_ARRAY_END:
		r->seen_result = r->seen_result || r->result;
		ok = close_one(r);
		break;
	case LEJPCB_VAL_STR_START:
		memset(r->value, 0, sizeof r->value);
		r->digits = r->prefix = 0;
		r->half = HALF_NONE;
		break;
	case LEJPCB_VAL_STR_CHUNK:
	case LEJPCB_VAL_STR_END:
		ok = on_string(r, c, reason == LEJPCB_VAL_STR_END);
		break;
	case LEJPCB_VAL_TRUE:
	case LEJPCB_VAL_FALSE:
	case LEJPCB_VAL_NULL:
	case LEJPCB_VAL_NUM_INT:
	case LEJPCB_VAL_NUM_FLOAT:
		ok = on_scalar(r, c, reason);
		break;
	}
	r->bad = r->bad || !ok;
	return ok ? 0 : -1;
}

/* The data stands in one buffer, which moved while it grew. */
static void place_data(struct evm_logs *o)
{
	const uint8_t *at = o->data.data;

	for (size_t i = 0; i < o->count; i++) {
		o->items[i].log.data.data = at;
		at += o->items[i].log.data.size;
	}
}

enum err evm_logs_parse(struct evm_logs *out, struct bytes body)
{
	struct logs_reader r = {.out = out};
	struct lejp_ctx c;
	int rc;

	out->count = 0;
	out->refused = false;
	out->code = 0;
	out->message[0] = 0;
	buf_clear(&out->data);
	if (body.size > INT32_MAX)
		return ERR_MALFORMED;
	lejp_construct(&c, on_event, &r, paths, LWS_ARRAY_SIZE(paths));
	rc = lejp_parse(&c, body.data, (int)body.size);
	lejp_destruct(&c);
	if (buf_failed(&out->data))
		return ERR_NO_MEMORY;
	if (rc < 0 || r.bad || !r.ended || (!r.seen_result && !out->refused))
		return ERR_MALFORMED;
	place_data(out);
	return ERR_NONE;
}

void evm_logs_free(struct evm_logs *logs)
{
	free(logs->items);
	buf_free(&logs->data);
	*logs = (struct evm_logs){.items = NULL};
}
