/* Headers, receipts and values, as jansson reads them; logs: evm_logs.c. */
#include "common/evm.h"

#include <inttypes.h>
#include <stdio.h>
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
	json = json_stringn_nocheck((const char *)text.data, text.size);
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

struct evm_bloom_bits evm_bloom_bits(const void *data, size_t size)
{
	struct evm_bloom_bits b;
	struct hash32 h;

	keccak256(&h, data, size);
	for (unsigned i = 0; i < 3; i++)
		b.bits[i] =
			(uint16_t)((h.bytes[2 * i] << 8 | h.bytes[2 * i + 1]) %
				   (8 * EVM_BLOOM_BYTES));
	return b;
}

bool evm_bloom_has(const uint8_t bloom[EVM_BLOOM_BYTES],
		   const struct evm_bloom_bits *b)
{
	for (unsigned i = 0; i < 3; i++)
		if (!(bloom[EVM_BLOOM_BYTES - 1 - b->bits[i] / 8] >>
			      b->bits[i] % 8 &
		      1))
			return false;
	return true;
}

bool evm_bloom_may_hold(const uint8_t bloom[EVM_BLOOM_BYTES],
			const struct address *contract)
{
	struct evm_bloom_bits b =
		evm_bloom_bits(contract->bytes, sizeof contract->bytes);

	return evm_bloom_has(bloom, &b);
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
