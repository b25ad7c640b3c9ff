/* libsecp256k1 behind types of ours, and secrets in libsodium's memory. */
#include "common/secp.h"

#include <assert.h>
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_recovery.h>
#include <sodium.h>
#include <string.h>

#include "common/keccak.h"

struct secret_key {
	uint8_t bytes[SECRET_SIZE];
};

/* Blinding protects signing against whoever measures its time or power. */
static secp256k1_context *context;
static pthread_once_t context_made = PTHREAD_ONCE_INIT;

static void make_context(void)
{
	uint8_t seed[32];
	int ok = sodium_init();

	assert(ok >= 0);
	randombytes_buf(seed, sizeof seed);
	context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	ok = secp256k1_context_randomize(context, seed);
	assert(ok);
	sodium_memzero(seed, sizeof seed);
}

static const secp256k1_context *ctx(void)
{
	pthread_once(&context_made, make_context);
	return context;
}

/* ---- keys --------------------------------------------------------------- */

enum err secret_key_new(struct secret_key **out,
			const uint8_t bytes[SECRET_SIZE])
{
	struct secret_key *key;

	*out = NULL;
	if (!secp256k1_ec_seckey_verify(ctx(), bytes))
		return ERR_RANGE;
	key = sodium_malloc(sizeof *key);
	if (!key)
		return ERR_NO_MEMORY;
	memcpy(key->bytes, bytes, sizeof key->bytes);
	sodium_mprotect_readonly(key);
	*out = key;
	return ERR_NONE;
}

enum err secret_key_random(struct secret_key **out)
{
	uint8_t bytes[SECRET_SIZE];
	enum err e;

	ctx();
	do {
		randombytes_buf(bytes, sizeof bytes);
		e = secret_key_new(out, bytes);
	} while (e == ERR_RANGE);
	sodium_memzero(bytes, sizeof bytes);
	return e;
}

void secret_key_free(struct secret_key **key)
{
	sodium_free(*key);
	*key = NULL;
}

const uint8_t *secret_key_bytes(const struct secret_key *key)
{
	return key->bytes;
}

static void serialize(struct public_key *out, const secp256k1_pubkey *point)
{
	size_t size = sizeof out->bytes;

	secp256k1_ec_pubkey_serialize(ctx(), out->bytes, &size, point,
				      SECP256K1_EC_UNCOMPRESSED);
}

void secret_key_public(struct public_key *out, const struct secret_key *key)
{
	secp256k1_pubkey point;
	int ok = secp256k1_ec_pubkey_create(ctx(), &point, key->bytes);

	assert(ok);
	serialize(out, &point);
}

void secret_key_address(struct address *out, const struct secret_key *key)
{
	struct public_key public;

	secret_key_public(&public, key);
	public_key_address(out, &public);
}

enum err public_key_parse(struct public_key *out, const uint8_t *bytes,
			  size_t size)
{
	secp256k1_pubkey point;

	/* The library would take 0x06 and 0x07 ("hybrid") as well. */
	if (size == 0 || bytes[0] < 2 || bytes[0] > 4 ||
	    !secp256k1_ec_pubkey_parse(ctx(), &point, bytes, size))
		return ERR_MALFORMED;
	serialize(out, &point);
	return ERR_NONE;
}

void public_key_address(struct address *out, const struct public_key *key)
{
	struct hash32 hash;

	keccak256(&hash, key->bytes + 1, sizeof key->bytes - 1);
	memcpy(out->bytes, hash.bytes + 12, sizeof out->bytes);
}

static int keep_point(unsigned char *out, const unsigned char *x,
		      const unsigned char *y, void *data)
{
	(void)data;
	out[0] = 4;
	memcpy(out + 1, x, 32);
	memcpy(out + 33, y, 32);
	return 1;
}

enum err secp_shared_point(struct public_key *out,
			   const struct secret_key *mine,
			   const struct public_key *theirs)
{
	secp256k1_pubkey point;
	int ok;

	if (!secp256k1_ec_pubkey_parse(ctx(), &point, theirs->bytes,
				       sizeof theirs->bytes))
		return ERR_MALFORMED;
	ok = secp256k1_ecdh(ctx(), out->bytes, &point, mine->bytes, keep_point,
			    NULL);
	assert(ok);
	return ERR_NONE;
}

/* ---- signatures --------------------------------------------------------- */

void secp_sign(struct signature *out, const struct hash32 *digest,
	       const struct secret_key *key)
{
	secp256k1_ecdsa_recoverable_signature signature;
	uint8_t rs[64];
	int parity, ok;

	/* Only an invalid key can make this fail, and there is none. */
	ok = secp256k1_ecdsa_sign_recoverable(ctx(), &signature, digest->bytes,
					      key->bytes, NULL, NULL);
	assert(ok);
	secp256k1_ecdsa_recoverable_signature_serialize_compact(
		ctx(), rs, &parity, &signature);
	/* 2 and 3 would mean that r overflowed: nobody will ever see that. */
	assert(parity == 0 || parity == 1);
	memcpy(out->r.bytes, rs, 32);
	memcpy(out->s.bytes, rs + 32, 32);
	out->parity = (uint8_t)parity;
}

/* EIP-2: of s and n - s, which would both do, only the lower one is valid. */
static bool has_low_s(const uint8_t rs[64])
{
	secp256k1_ecdsa_signature plain;

	return secp256k1_ecdsa_signature_parse_compact(ctx(), &plain, rs) &&
	       !secp256k1_ecdsa_signature_normalize(ctx(), NULL, &plain);
}

enum err secp_recover(struct address *out, const struct hash32 *digest,
		      const struct signature *signature)
{
	secp256k1_ecdsa_recoverable_signature recoverable;
	secp256k1_pubkey point;
	struct public_key public;
	uint8_t rs[64];

	memcpy(rs, signature->r.bytes, 32);
	memcpy(rs + 32, signature->s.bytes, 32);
	if (signature->parity > 1 || !has_low_s(rs) ||
	    !secp256k1_ecdsa_recoverable_signature_parse_compact(
		    ctx(), &recoverable, rs, signature->parity) ||
	    !secp256k1_ecdsa_recover(ctx(), &point, &recoverable,
				     digest->bytes))
		return ERR_SIGNATURE;
	serialize(&public, &point);
	public_key_address(out, &public);
	return ERR_NONE;
}

void signature_to_bytes(uint8_t out[SIGNATURE_SIZE],
			const struct signature *signature)
{
	memcpy(out, signature->r.bytes, 32);
	memcpy(out + 32, signature->s.bytes, 32);
	out[64] = (uint8_t)(27 + signature->parity);
}

enum err signature_from_bytes(struct signature *out, struct bytes in)
{
	uint8_t v;

	if (in.size != SIGNATURE_SIZE)
		return ERR_MALFORMED;
	v = in.data[64] >= 27 ? (uint8_t)(in.data[64] - 27) : in.data[64];
	if (v > 1)
		return ERR_MALFORMED;
	memcpy(out->r.bytes, in.data, 32);
	memcpy(out->s.bytes, in.data + 32, 32);
	out->parity = v;
	return ERR_NONE;
}
