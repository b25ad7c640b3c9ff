/* JSON by jansson, scrypt by libsodium, PBKDF2 and AES by OpenSSL, bounds by
 * us. */
#include "common/keystore.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "common/keccak.h"

enum {
	DERIVED_SIZE = 32,
	SCRYPT_N_MAX = 1 << 20,
	SCRYPT_R_MAX = 32,
	SCRYPT_P_MAX = 16,
	SCRYPT_MEMORY_MAX = 1 << 30,
	ITERATIONS_MAX = 10000000,
};

enum err key_refuse(struct key_why *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof why->text, format, args);
	va_end(args);
	return ERR_CONFIG;
}

/* ---- parsing ------------------------------------------------------------ */

/* Hex of up to @room bytes, "0x" in front or not. The size, or 0 if @v isn't
 * that (nothing here may be empty). */
static size_t get_hex(uint8_t *out, size_t room, const json_t *v)
{
	char text[2 * 64 + 3] = "0x";
	size_t size = v && json_is_string(v) ? json_string_length(v) : 0;
	const char *digits = size > 0 ? json_string_value(v) : "";

	if (size >= 2 && digits[0] == '0' && digits[1] == 'x') {
		digits += 2;
		size -= 2;
	}
	if (size == 0 || size % 2 != 0 || size / 2 > room ||
	    size >= sizeof text - 2)
		return 0;
	memcpy(text + 2, digits, size);
	if (hex_decode(out, size / 2, text, size + 2))
		return 0;
	return size / 2;
}

/* A whole number from 1 to @most; 0 if @v isn't that. */
static uint64_t get_number(const json_t *v, uint64_t most)
{
	json_int_t n = v && json_is_integer(v) ? json_integer_value(v) : 0;

	return n > 0 && (uint64_t)n <= most ? (uint64_t)n : 0;
}

static bool is_text(const json_t *v, const char *want)
{
	return v && json_is_string(v) &&
	       strcmp(json_string_value(v), want) == 0;
}

static enum err parse_scrypt(struct keystore *out, const json_t *params,
			     struct key_why *why)
{
	out->kdf = KEYSTORE_SCRYPT;
	out->n = get_number(json_object_get(params, "n"), SCRYPT_N_MAX);
	out->r = get_number(json_object_get(params, "r"), SCRYPT_R_MAX);
	out->p = get_number(json_object_get(params, "p"), SCRYPT_P_MAX);
	if (out->n < 2 || (out->n & (out->n - 1)) != 0)
		return key_refuse(why,
				  "crypto.kdfparams.n is not a power of 2 "
				  "up to %d",
				  SCRYPT_N_MAX);
	if (out->r == 0 || out->p == 0)
		return key_refuse(why,
				  "crypto.kdfparams.r or p is not a number "
				  "up to %d and %d",
				  SCRYPT_R_MAX, SCRYPT_P_MAX);
	if (128 * out->n * out->r > SCRYPT_MEMORY_MAX)
		return key_refuse(why, "crypto.kdfparams would take more than "
				       "1 GiB");
	return ERR_NONE;
}

static enum err parse_pbkdf2(struct keystore *out, const json_t *params,
			     struct key_why *why)
{
	out->kdf = KEYSTORE_PBKDF2;
	out->iterations =
		get_number(json_object_get(params, "c"), ITERATIONS_MAX);
	if (out->iterations == 0)
		return key_refuse(why,
				  "crypto.kdfparams.c is not a number up "
				  "to %d",
				  ITERATIONS_MAX);
	if (!is_text(json_object_get(params, "prf"), "hmac-sha256"))
		return key_refuse(why,
				  "crypto.kdfparams.prf is not hmac-sha256");
	return ERR_NONE;
}

static enum err parse_kdf(struct keystore *out, const json_t *crypto,
			  struct key_why *why)
{
	const json_t *kdf = json_object_get(crypto, "kdf");
	const json_t *params = json_object_get(crypto, "kdfparams");

	out->salt_size = get_hex(out->salt, sizeof out->salt,
				 json_object_get(params, "salt"));
	if (out->salt_size == 0)
		return key_refuse(why,
				  "crypto.kdfparams.salt is not hex of up to "
				  "64 bytes");
	if (get_number(json_object_get(params, "dklen"), DERIVED_SIZE) !=
	    DERIVED_SIZE)
		return key_refuse(why, "crypto.kdfparams.dklen is not 32");
	if (is_text(kdf, "scrypt"))
		return parse_scrypt(out, params, why);
	if (is_text(kdf, "pbkdf2"))
		return parse_pbkdf2(out, params, why);
	return key_refuse(why, "crypto.kdf is not scrypt or pbkdf2");
}

static enum err parse_crypto(struct keystore *out, const json_t *crypto,
			     struct key_why *why)
{
	const json_t *params = json_object_get(crypto, "cipherparams");

	if (!is_text(json_object_get(crypto, "cipher"), "aes-128-ctr"))
		return key_refuse(why, "crypto.cipher is not aes-128-ctr");
	if (get_hex(out->iv, sizeof out->iv, json_object_get(params, "iv")) !=
	    sizeof out->iv)
		return key_refuse(why,
				  "crypto.cipherparams.iv is not hex of 16 "
				  "bytes");
	if (get_hex(out->ciphertext, sizeof out->ciphertext,
		    json_object_get(crypto, "ciphertext")) !=
	    sizeof out->ciphertext)
		return key_refuse(why,
				  "crypto.ciphertext is not hex of 32 bytes");
	if (get_hex(out->mac.bytes, sizeof out->mac.bytes,
		    json_object_get(crypto, "mac")) != sizeof out->mac.bytes)
		return key_refuse(why, "crypto.mac is not hex of 32 bytes");
	return parse_kdf(out, crypto, why);
}

static enum err parse_root(struct keystore *out, const json_t *root,
			   struct key_why *why)
{
	const json_t *crypto = json_object_get(root, "crypto");
	const json_t *address = json_object_get(root, "address");

	if (!crypto)
		crypto = json_object_get(root, "Crypto"); /* old wallets */
	if (get_number(json_object_get(root, "version"), 3) != 3)
		return key_refuse(why, "version is not 3");
	if (!json_is_object(crypto))
		return key_refuse(why, "there is no crypto");
	/* Some wallets leave it out, some write "" to hide whose key it is. */
	out->has_address = address && !is_text(address, "");
	if (out->has_address &&
	    get_hex(out->address.bytes, sizeof out->address.bytes, address) !=
		    sizeof out->address.bytes)
		return key_refuse(why, "address is not one");
	return parse_crypto(out, crypto, why);
}

enum err keystore_parse(struct keystore *out, const char *json, size_t size,
			struct key_why *why)
{
	json_error_t error;
	json_t *root = NULL;
	enum err e;

	*out = (struct keystore){.kdf = KEYSTORE_SCRYPT};
	why->text[0] = '\0';
	if (size <= KEYSTORE_SIZE_MAX)
		root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return key_refuse(why, "not JSON of up to %d bytes",
				  KEYSTORE_SIZE_MAX);
	e = parse_root(out, root, why);
	json_decref(root);
	if (e)
		*out = (struct keystore){.kdf = KEYSTORE_SCRYPT};
	return e;
}

/* ---- opening and sealing ------------------------------------------------ */

/* Bytes 0 to 15 encrypt, 16 to 31 go into the checksum. */
static enum err derive(uint8_t derived[DERIVED_SIZE], const struct keystore *k,
		       const char *password)
{
	int ok = 0;

	switch (k->kdf) {
	case KEYSTORE_SCRYPT:
		/* libsodium's: OpenSSL's refuses n = 2^18 with r = 1, which
		 * eth-account writes and which is in the definition. */
		ok = crypto_pwhash_scryptsalsa208sha256_ll(
			     (const uint8_t *)password, strlen(password),
			     k->salt, k->salt_size, k->n, (uint32_t)k->r,
			     (uint32_t)k->p, derived, DERIVED_SIZE) == 0;
		break;
	case KEYSTORE_PBKDF2:
		ok = PKCS5_PBKDF2_HMAC(password, (int)strlen(password), k->salt,
				       (int)k->salt_size, (int)k->iterations,
				       EVP_sha256(), DERIVED_SIZE, derived);
		break;
	}
	return ok == 1 ? ERR_NONE : ERR_NO_MEMORY;
}

static void checksum(struct hash32 *out, const uint8_t derived[DERIVED_SIZE],
		     const struct keystore *k)
{
	struct keccak hash;

	keccak_init(&hash);
	keccak_update(&hash, derived + 16, 16);
	keccak_update(&hash, k->ciphertext, sizeof k->ciphertext);
	keccak_final(&hash, out);
	sodium_memzero(&hash, sizeof hash);
}

/* Both ways: the cipher adds a stream. */
static enum err apply_cipher(uint8_t out[SECRET_SIZE],
			     const uint8_t in[SECRET_SIZE],
			     const uint8_t derived[DERIVED_SIZE],
			     const struct keystore *k)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int size = 0;
	int ok = ctx &&
		 EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, derived,
				    k->iv) == 1 &&
		 EVP_EncryptUpdate(ctx, out, &size, in, SECRET_SIZE) == 1 &&
		 size == SECRET_SIZE;

	EVP_CIPHER_CTX_free(ctx); /* wipes the key schedule */
	return ok ? ERR_NONE : ERR_NO_MEMORY;
}

/* The key, once the password is known to be right. */
static enum err unwrap(struct secret_key **out,
		       const uint8_t derived[DERIVED_SIZE],
		       const struct keystore *k, struct key_why *why)
{
	uint8_t secret[SECRET_SIZE];
	struct address address;
	enum err e = apply_cipher(secret, k->ciphertext, derived, k);

	if (!e)
		e = secret_key_new(out, secret);
	sodium_memzero(secret, sizeof secret);
	if (e == ERR_RANGE)
		return key_refuse(why, "what is inside is not a private key");
	if (e)
		return e;
	secret_key_address(&address, *out);
	if (k->has_address && !address_eq(&address, &k->address)) {
		secret_key_free(out);
		return key_refuse(why, "the key inside is not that of the "
				       "address");
	}
	return ERR_NONE;
}

enum err keystore_open(struct secret_key **out, const struct keystore *keystore,
		       const char *password, struct key_why *why)
{
	uint8_t derived[DERIVED_SIZE];
	struct hash32 mac;
	enum err e = derive(derived, keystore, password);

	*out = NULL;
	why->text[0] = '\0';
	if (e)
		return e;
	checksum(&mac, derived, keystore);
	if (sodium_memcmp(mac.bytes, keystore->mac.bytes, sizeof mac.bytes))
		e = key_refuse(why, "the password does not open it");
	else
		e = unwrap(out, derived, keystore, why);
	sodium_memzero(derived, sizeof derived);
	return e;
}

enum err keystore_seal(struct keystore *out, const struct secret_key *key,
		       const char *password, unsigned log2_n)
{
	uint8_t derived[DERIVED_SIZE];
	enum err e;

	assert(log2_n >= 1 && log2_n <= 20);
	*out = (struct keystore){.kdf = KEYSTORE_SCRYPT,
				 .n = UINT64_C(1) << log2_n,
				 .r = 8,
				 .p = 1,
				 .salt_size = 32,
				 .has_address = true};
	randombytes_buf(out->salt, out->salt_size);
	randombytes_buf(out->iv, sizeof out->iv);
	secret_key_address(&out->address, key);
	e = derive(derived, out, password);
	if (!e)
		e = apply_cipher(out->ciphertext, secret_key_bytes(key),
				 derived, out);
	if (!e)
		checksum(&out->mac, derived, out);
	sodium_memzero(derived, sizeof derived);
	if (e)
		*out = (struct keystore){.kdf = KEYSTORE_SCRYPT};
	return e;
}

/* ---- writing ------------------------------------------------------------ */

static void put_hex(struct buf *out, const char *name, const uint8_t *data,
		    size_t size, const char *behind)
{
	char text[HEX_ROOM(64)];

	buf_printf(out, "\"%s\":\"%s\"%s", name,
		   hex_encode(text, data, size) + 2, behind);
}

/* RFC 4122, 4.4: random but for version 4 and variant 10. */
static void put_id(struct buf *out)
{
	uint8_t id[16];
	char t[HEX_ROOM(sizeof id)];

	randombytes_buf(id, sizeof id);
	id[6] = (uint8_t)(0x40 | (id[6] & 0x0f));
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
	hex_encode(t, id, sizeof id);
	buf_printf(out, "\"id\":\"%.8s-%.4s-%.4s-%.4s-%.12s\"", t + 2, t + 10,
		   t + 14, t + 18, t + 22);
}

void keystore_put_json(struct buf *out, const struct keystore *k)
{
	assert(k->kdf == KEYSTORE_SCRYPT && k->has_address);
	buf_put_text(out, "{");
	put_hex(out, "address", k->address.bytes, sizeof k->address.bytes,
		",\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{");
	put_hex(out, "iv", k->iv, sizeof k->iv, "},");
	put_hex(out, "ciphertext", k->ciphertext, sizeof k->ciphertext,
		",\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":32,");
	buf_printf(out,
		   "\"n\":%" PRIu64 ",\"p\":%" PRIu64 ",\"r\":%" PRIu64 ",",
		   k->n, k->p, k->r);
	put_hex(out, "salt", k->salt, k->salt_size, "},");
	put_hex(out, "mac", k->mac.bytes, sizeof k->mac.bytes, "},");
	put_id(out);
	buf_put_text(out, ",\"version\":3}\n");
}
