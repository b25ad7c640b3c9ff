/* 0x02 || rlp([chain id, nonce, fees, gas, to, value, data, [], signature]) */
#include "common/tx.h"

#include <string.h>

#include "common/keccak.h"
#include "common/rlp.h"
#include "common/u256.h"

enum { TYPE = 2 };

static enum err check(const struct tx *tx)
{
	if (tx->chain_id == 0 || tx->nonce == UINT64_MAX ||
	    u256_cmp(&tx->max_priority_fee, &tx->max_fee) > 0)
		return ERR_RANGE;
	return ERR_NONE;
}

/* The whole, or without @signature what is hashed for signing. */
static void put(struct buf *b, const struct tx *tx,
		const struct signature *signature)
{
	size_t list, access_list;

	buf_put_u8(b, TYPE);
	list = rlp_list_begin(b);
	rlp_put_uint(b, tx->chain_id);
	rlp_put_uint(b, tx->nonce);
	rlp_put_u256(b, &tx->max_priority_fee);
	rlp_put_u256(b, &tx->max_fee);
	rlp_put_uint(b, tx->gas);
	rlp_put_bytes(b, (struct bytes){tx->to.bytes,
					tx->creates ? 0 : sizeof tx->to.bytes});
	rlp_put_u256(b, &tx->value);
	rlp_put_bytes(b, tx->data);
	access_list = rlp_list_begin(b);
	rlp_list_end(b, access_list);
	if (signature) {
		struct u256 r = u256_from_be32(signature->r.bytes);
		struct u256 s = u256_from_be32(signature->s.bytes);

		rlp_put_uint(b, signature->parity);
		rlp_put_u256(b, &r);
		rlp_put_u256(b, &s);
	}
	rlp_list_end(b, list);
}

static enum err signing_hash(struct hash32 *out, const struct tx *tx)
{
	struct buf b = {0};
	enum err e;

	put(&b, tx, NULL);
	e = buf_err(&b);
	if (!e)
		keccak256(out, b.data, b.size);
	buf_free(&b);
	return e;
}

enum err tx_sign(struct buf *raw, struct hash32 *hash, const struct tx *tx,
		 const struct secret_key *key)
{
	struct signature signature;
	struct hash32 digest;
	size_t begin = raw->size;
	enum err e = check(tx);

	if (!e)
		e = signing_hash(&digest, tx);
	if (e)
		return e;
	secp_sign(&signature, &digest, key);
	put(raw, tx, &signature);
	e = buf_err(raw);
	if (!e)
		keccak256(hash, raw->data + begin, raw->size - begin);
	return e;
}

enum err tx_created(struct address *out, const struct address *from,
		    uint64_t nonce)
{
	struct hash32 hash;
	struct buf b = {0};
	size_t list = rlp_list_begin(&b);
	enum err e;

	rlp_put_bytes(&b, (struct bytes){from->bytes, sizeof from->bytes});
	rlp_put_uint(&b, nonce);
	rlp_list_end(&b, list);
	e = buf_err(&b);
	if (!e) {
		keccak256(&hash, b.data, b.size);
		memcpy(out->bytes, hash.bytes + 12, sizeof out->bytes);
	}
	buf_free(&b);
	return e;
}

/* The fields in front of the signature. */
static enum err get(struct tx *out, struct rlp *r)
{
	struct bytes to;
	struct rlp access_list;

	out->chain_id = rlp_get_uint(r);
	out->nonce = rlp_get_uint(r);
	out->max_priority_fee = rlp_get_u256(r);
	out->max_fee = rlp_get_u256(r);
	out->creates = false;
	out->gas = rlp_get_uint(r);
	to = rlp_get_bytes(r);
	out->value = rlp_get_u256(r);
	out->data = rlp_get_bytes(r);
	access_list = rlp_get_list(r);
	if (!r->err && (to.size == 0 || !rlp_is_end(&access_list)))
		return ERR_UNKNOWN_TYPE;
	if (r->err || to.size != sizeof out->to.bytes)
		return ERR_MALFORMED;
	memcpy(out->to.bytes, to.data, to.size);
	return ERR_NONE;
}

static enum err get_signature(struct signature *out, struct rlp *r)
{
	uint64_t parity = rlp_get_uint(r);
	struct u256 rs[2];

	rs[0] = rlp_get_u256(r);
	rs[1] = rlp_get_u256(r);
	if (rlp_read_end(r))
		return ERR_MALFORMED;
	if (parity > 1)
		return ERR_SIGNATURE;
	u256_to_be32(out->r.bytes, &rs[0]);
	u256_to_be32(out->s.bytes, &rs[1]);
	out->parity = (uint8_t)parity;
	return ERR_NONE;
}

static enum err read_all(struct tx *tx, struct signature *signature,
			 struct bytes raw)
{
	struct rlp r, list;
	enum err e;

	if (raw.size == 0 || raw.data[0] != TYPE)
		return ERR_UNKNOWN_TYPE;
	r = rlp_read((struct bytes){raw.data + 1, raw.size - 1});
	list = rlp_get_list(&r);
	if (rlp_read_end(&r))
		return ERR_MALFORMED;
	e = get(tx, &list);
	if (!e)
		e = get_signature(signature, &list);
	return e ? e : check(tx);
}

enum err tx_decode(struct tx *out, struct address *from, struct hash32 *hash,
		   struct bytes raw)
{
	struct tx tx;
	struct signature signature;
	struct hash32 digest;
	enum err e = read_all(&tx, &signature, raw);

	if (!e)
		e = signing_hash(&digest, &tx);
	if (!e)
		e = secp_recover(from, &digest, &signature);
	if (e)
		return e;
	keccak256(hash, raw.data, raw.size);
	*out = tx;
	return ERR_NONE;
}
