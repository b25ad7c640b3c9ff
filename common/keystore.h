/* keystore - a private key under a password, as wallets keep it in a file.
 *
 * Source: Web3 Secret Storage Definition, version 3: a key is derived from the
 * password (scrypt or PBKDF2 with HMAC-SHA256), half of it encrypts the
 * private key (AES-128-CTR), the other half and the ciphertext make a
 * checksum (Keccak-256). */
#ifndef COMMON_KEYSTORE_H
#define COMMON_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/secp.h"
#include "common/types.h"

/* Which part of a key's source is wrong, and how; never any of its content.
 * "" after success. */
struct key_why {
	char text[256];
};

/* Say it, and return ERR_CONFIG. */
enum err key_refuse(struct key_why *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Longer files are refused; also what key files of other kinds may take. */
enum { KEYSTORE_SIZE_MAX = 16384 };

/* How hard guessing is made: the binary logarithm of scrypt's n. STRONG takes
 * a second and 256 MiB, as wallets do it. */
enum { KEYSTORE_LIGHT = 12, KEYSTORE_STRONG = 18 };

enum keystore_kdf { KEYSTORE_SCRYPT, KEYSTORE_PBKDF2 };

struct keystore {
	enum keystore_kdf kdf;
	uint64_t n;	     /* scrypt: a power of 2, up to 2^20 */
	uint64_t r, p;	     /* scrypt: up to 32, up to 16 */
	uint64_t iterations; /* PBKDF2: up to 10 million */
	uint8_t salt[64];
	size_t salt_size;
	uint8_t iv[16];
	uint8_t ciphertext[SECRET_SIZE];
	struct hash32 mac;
	bool has_address;
	struct address address; /* of the key, if the file says it */
};

/* Read @json, strictly: what isn't exactly as the definition has it, or would
 * take more than 1 GiB to open, is refused.
 * ERR_CONFIG  refused; *why says what; *out is all zeros */
NODISCARD enum err keystore_parse(struct keystore *out, const char *json,
				  size_t size, struct key_why *why);

/* The key inside. The caller owns *out. Takes as long as the parameters say.
 * ERR_CONFIG     the password is another one, or what is inside isn't a key,
 *                or not that of the address; *why says which; *out is NULL
 * ERR_NO_MEMORY  *out is NULL */
NODISCARD enum err keystore_open(struct secret_key **out,
				 const struct keystore *keystore,
				 const char *password, struct key_why *why);

/* Put @key under @password, with scrypt of n = 2^@log2_n (1 to 20, asserted)
 * and a random salt. ERR_NO_MEMORY: *out is all zeros. */
NODISCARD enum err keystore_seal(struct keystore *out,
				 const struct secret_key *key,
				 const char *password, unsigned log2_n);

/* Append the JSON, with a random id. For what keystore_seal() made. */
void keystore_put_json(struct buf *out, const struct keystore *keystore);

#endif /* COMMON_KEYSTORE_H */
