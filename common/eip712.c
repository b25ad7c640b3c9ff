/* encodeData() of EIP-712, hashed as it is written. */
#include "common/eip712.h"

#include <string.h>

#include "common/u256.h"

struct eip712 eip712_begin(const struct hash32 *type_hash)
{
	struct eip712 e = eip712_begin_array();

	eip712_put_hash32(&e, type_hash);
	return e;
}

struct eip712 eip712_begin_array(void)
{
	struct eip712 e = {.err = ERR_NONE};

	keccak_init(&e.hash);
	return e;
}

void eip712_put_hash32(struct eip712 *e, const struct hash32 *v)
{
	keccak_update(&e->hash, v->bytes, sizeof v->bytes);
}

void eip712_put_u256(struct eip712 *e, unsigned bits, const struct u256 *v)
{
	struct hash32 word;

	if (u256_bit_length(v) > bits)
		e->err = ERR_RANGE;
	u256_to_be32(word.bytes, v);
	eip712_put_hash32(e, &word);
}

void eip712_put_uint(struct eip712 *e, unsigned bits, uint64_t v)
{
	const struct u256 wide = u256_from_u64(v);

	eip712_put_u256(e, bits, &wide);
}

void eip712_put_enum(struct eip712 *e, unsigned count, unsigned v)
{
	if (v >= count)
		e->err = ERR_RANGE;
	eip712_put_uint(e, 8, v);
}

void eip712_put_bool(struct eip712 *e, bool v)
{
	eip712_put_uint(e, 1, v);
}

void eip712_put_address(struct eip712 *e, const struct address *v)
{
	struct hash32 word = {{0}};

	memcpy(word.bytes + sizeof word.bytes - sizeof v->bytes, v->bytes,
	       sizeof v->bytes);
	eip712_put_hash32(e, &word);
}

void eip712_put_bytes(struct eip712 *e, struct bytes v)
{
	struct hash32 hash;

	keccak256(&hash, v.data, v.size);
	eip712_put_hash32(e, &hash);
}

void eip712_put_inner(struct eip712 *e, struct eip712 *inner)
{
	struct hash32 hash = {{0}};

	if (eip712_end(inner, &hash))
		e->err = ERR_RANGE;
	eip712_put_hash32(e, &hash);
}

enum err eip712_end(struct eip712 *e, struct hash32 *out)
{
	if (!e->err)
		keccak_final(&e->hash, out);
	return e->err;
}

static void put_text(struct eip712 *e, const char *text)
{
	eip712_put_bytes(e, (struct bytes){(const void *)text, strlen(text)});
}

void eip712_domain(struct hash32 *out, const char *name, const char *version,
		   uint64_t chain_id, const struct address *contract)
{
	static const char type[] =
		"EIP712Domain(string name,string version,uint256 chainId,"
		"address verifyingContract)";
	struct hash32 type_hash;
	struct eip712 e;

	keccak256(&type_hash, type, sizeof type - 1);
	e = eip712_begin(&type_hash);
	put_text(&e, name);
	put_text(&e, version);
	eip712_put_uint(&e, 256, chain_id);
	eip712_put_address(&e, contract);
	keccak_final(&e.hash, out);
}

void eip712_digest(struct hash32 *out, const struct hash32 *domain,
		   const struct hash32 *struct_hash)
{
	static const uint8_t prefix[] = {0x19, 0x01};
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, prefix, sizeof prefix);
	keccak_update(&k, domain->bytes, sizeof domain->bytes);
	keccak_update(&k, struct_hash->bytes, sizeof struct_hash->bytes);
	keccak_final(&k, out);
}
