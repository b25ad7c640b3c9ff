/* secp - keys and signatures on secp256k1, as Ethereum uses them.
 *
 * Source: SEC 2 for the curve, RFC 6979 for nonces (the same digest and key
 * give the same signature), yellow paper appendix F for addresses and
 * recovery, EIP-2 for s: low when we sign, refused when high. The library's
 * context is made and blinded with random numbers on first use, for all
 * threads. No other file calls the library. */
#ifndef COMMON_SECP_H
#define COMMON_SECP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/types.h"

enum { SECRET_SIZE = 32, PUBLIC_KEY_SIZE = 65, SIGNATURE_SIZE = 65 };

/* A valid private key, in memory of its own: never swapped or dumped if the
 * system allows that, between guard pages, read-only, wiped when freed. Its
 * bytes are not to be copied, logged or sent. */
struct secret_key;

/* 0x04, x and y, as curve and keystores have it: uncompressed. */
struct public_key {
	uint8_t bytes[PUBLIC_KEY_SIZE];
};

/* @parity is that of the nonce point's y: 0 or 1. */
struct signature {
	struct hash32 r, s;
	uint8_t parity;
};

/* ---- keys --------------------------------------------------------------- */

/* Copy @bytes, which the caller then wipes. The caller owns *out.
 * ERR_RANGE      0, or not below the order of the curve; *out is NULL
 * ERR_NO_MEMORY  *out is NULL */
NODISCARD enum err secret_key_new(struct secret_key **out,
				  const uint8_t bytes[SECRET_SIZE]);

/* A new key, of the system's random numbers. ERR_NO_MEMORY: *out is NULL. */
NODISCARD enum err secret_key_random(struct secret_key **out);

/* Wipe and free *key and set it to NULL. *key may be NULL. */
void secret_key_free(struct secret_key **key);

/* The SECRET_SIZE bytes, borrowed until the key is freed: for what has to
 * encrypt or derive from them. */
const uint8_t *secret_key_bytes(const struct secret_key *key);

void secret_key_public(struct public_key *out, const struct secret_key *key);
void secret_key_address(struct address *out, const struct secret_key *key);

/* A point of the curve from its 33 or 65 bytes (SEC 1, 2.3.4).
 * ERR_MALFORMED  another size or form, or no point; *out is unchanged */
NODISCARD enum err public_key_parse(struct public_key *out,
				    const uint8_t *bytes, size_t size);

/* The last 20 bytes of the hash of x and y. */
void public_key_address(struct address *out, const struct public_key *key);

/* The point that the owners of both keys can find: @theirs times @mine. The
 * whole of it, not a hash as the library's ECDH would give. It is a secret.
 * ERR_MALFORMED  @theirs is no point; *out is unchanged */
NODISCARD enum err secp_shared_point(struct public_key *out,
				     const struct secret_key *mine,
				     const struct public_key *theirs);

/* ---- signatures --------------------------------------------------------- */

void secp_sign(struct signature *out, const struct hash32 *digest,
	       const struct secret_key *key);

/* Who signed @digest.
 * ERR_SIGNATURE  nobody: r, s or parity is out of range, s is high, or no
 *                point fits; *out is unchanged */
NODISCARD enum err secp_recover(struct address *out,
				const struct hash32 *digest,
				const struct signature *signature);

/* r, s, and 27 + parity, as contracts take it. */
void signature_to_bytes(uint8_t out[SIGNATURE_SIZE],
			const struct signature *signature);

/* The same, also with 0 or 1 as its last byte. Whether r and s mean anything
 * is left to secp_recover().
 * ERR_MALFORMED  another size or last byte; *out is unchanged */
NODISCARD enum err signature_from_bytes(struct signature *out, struct bytes in);

#endif /* COMMON_SECP_H */
