/* Registrations read strictly, records with their secrets sealed. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "common/sha256.h"
#include "services/webhook-gateway/hook.h"

enum {
	NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	SEALED = NONCE + sizeof(struct hook_secret) + TAG,
	SEALED_ROOM = HEX_ROOM(SEALED),
};

static const char *const type_names[] = {
#define X(name, text) text,
	HOOK_TYPES(X)
#undef X
};

const char *hook_type_name(enum hook_type type)
{
	if (type < HOOK_TYPES_COUNT)
		return type_names[type];
	return type == HOOK_TEST	? "webhook.test"
	       : type == HOOK_CHALLENGE ? "webhook.challenge"
					: "webhook.disabled";
}

/* ---- what somebody asks for --------------------------------------------- */

static enum err refuse(char why[HOOK_WHY_ROOM], const char *member,
		       const char *text)
{
	snprintf(why, HOOK_WHY_ROOM, "%.40s: %s", member, text);
	return ERR_MALFORMED;
}

/* A decimal number in a string, or a number. */
static bool read_number(const json_t *v, uint64_t *out)
{
	const char *text = json_string_value(v);

	if (json_is_integer(v) && json_integer_value(v) >= 0) {
		*out = (uint64_t)json_integer_value(v);
		return true;
	}
	if (!text || !*text || strlen(text) > 18 ||
	    text[strspn(text, "0123456789")])
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

/* "task.*" and "*" are all that begin so. */
static bool add_types(uint32_t *types, const char *pattern)
{
	size_t size = strlen(pattern);
	bool star = size && pattern[size - 1] == '*', any = false;

	if (star && size > 1 && pattern[size - 2] != '.')
		return false;
	for (unsigned i = 0; i < HOOK_TYPES_COUNT; i++)
		if (star ? strncmp(type_names[i], pattern, size - 1) == 0
			 : strcmp(type_names[i], pattern) == 0) {
			*types |= 1u << i;
			any = true;
		}
	return any;
}

static enum err read_types(struct hook *h, const json_t *v, char *why)
{
	size_t i;
	const json_t *item;

	if (!json_is_array(v) || !json_array_size(v) || json_array_size(v) > 64)
		return refuse(why, "events", "a list of 1 to 64 event types");
	h->types = 0;
	json_array_foreach (v, i, item)
		if (!json_is_string(item) ||
		    !add_types(&h->types, json_string_value(item)))
			return refuse(why, "events",
				      "one of them is no event type: see "
				      "docs/webhooks.md");
	return ERR_NONE;
}

static enum err read_signatures(struct hook *h, const json_t *v, char *why)
{
	size_t i;
	const json_t *item;

	h->v1 = h->v1a = false;
	json_array_foreach (v, i, item) {
		const char *text = json_string_value(item);

		if (text && strcmp(text, "v1") == 0)
			h->v1 = true;
		else if (text && strcmp(text, "v1a") == 0)
			h->v1a = true;
		else
			return refuse(why, "signatures",
				      "a list of \"v1\" and \"v1a\"");
	}
	if (!h->v1 && !h->v1a)
		return refuse(why, "signatures",
			      "a list of \"v1\" and \"v1a\"");
	return ERR_NONE;
}

/* null: any. */
static enum err read_who(bool *has, struct address *who, const char *member,
			 const json_t *v, char *why)
{
	*has = !json_is_null(v);
	if (*has &&
	    (!json_is_string(v) || address_parse(who, json_string_value(v))))
		return refuse(why, member,
			      "an address, in lower case or with the checksum "
			      "of EIP-55, or null");
	return ERR_NONE;
}

static enum err read_text(char *out, size_t max, const char *member,
			  const json_t *v, char *why)
{
	size_t size = json_string_length(v);

	if (!json_is_string(v) || size > max ||
	    strlen(json_string_value(v)) != size) {
		snprintf(why, HOOK_WHY_ROOM, "%s: a text of at most %zu bytes",
			 member, max);
		return ERR_MALFORMED;
	}
	memcpy(out, json_string_value(v), size + 1);
	return ERR_NONE;
}

static enum err read_url(struct hook *h, const json_t *v, char *why)
{
	enum err e = read_text(h->url, POST_URL_MAX, "url", v, why);
	const char *problem = e ? NULL : post_url_problem(h->url);

	return problem ? refuse(why, "url", problem) : e;
}

static enum err read_member(struct hook *h, uint64_t *from, const char *name,
			    const json_t *v, char *why)
{
	if (strcmp(name, "url") == 0)
		return read_url(h, v, why);
	if (strcmp(name, "events") == 0)
		return read_types(h, v, why);
	if (strcmp(name, "signatures") == 0)
		return read_signatures(h, v, why);
	if (strcmp(name, "description") == 0)
		return read_text(h->text, HOOK_TEXT_MAX, name, v, why);
	if (strcmp(name, "requester") == 0)
		return read_who(&h->has_requester, &h->requester, name, v, why);
	if (strcmp(name, "generator") == 0)
		return read_who(&h->has_generator, &h->generator, name, v, why);
	if (strcmp(name, "market") == 0) {
		h->market_id = 0;
		if (json_is_null(v) ||
		    (read_number(v, &h->market_id) && h->market_id))
			return ERR_NONE;
		return refuse(why, name, "a market's id from 1, or null");
	}
	if (from && strcmp(name, "from") == 0) {
		if (read_number(v, from) && *from)
			return ERR_NONE;
		return refuse(why, name, "a number of the book log, from 1");
	}
	return refuse(why, name, "there is no such member");
}

enum err hook_read(struct hook *hook, uint64_t *from, struct bytes body,
		   char why[HOOK_WHY_ROOM])
{
	json_error_t wrong;
	json_t *root = json_loadb((const char *)body.data, body.size,
				  JSON_REJECT_DUPLICATES, &wrong),
	       *v;
	const char *name;
	enum err e = ERR_NONE;

	if (!json_is_object(root)) {
		json_decref(root);
		return refuse(why, "the body",
			      "a JSON object without doubled members");
	}
	json_object_foreach (root, name, v) {
		e = read_member(hook, from, name, v, why);
		if (e)
			break;
	}
	json_decref(root);
	if (!e && !hook->url[0])
		return refuse(why, "url", "it is missing");
	return e;
}

/* ---- making and changing ------------------------------------------------ */

static void hex_text(char *out, const uint8_t *bytes, size_t size)
{
	sodium_bin2hex(out, 2 * size + 1, bytes, size);
}

static void new_secret(struct hook_secret *s)
{
	randombytes_buf(s->hmac, sizeof s->hmac);
	randombytes_buf(s->seed, sizeof s->seed);
}

void hook_new(struct hook *h, char token[HOOK_TOKEN_ROOM], uint64_t now)
{
	uint8_t id[12], secret[32];

	*h = (struct hook){.v1 = true,
			   .types = (1u << HOOK_TYPES_COUNT) - 1,
			   .created = now};
	randombytes_buf(id, sizeof id);
	memcpy(h->id, "wh_", 3);
	hex_text(h->id + 3, id, sizeof id);
	randombytes_buf(secret, sizeof secret);
	memcpy(token, "kwt_", 4);
	hex_text(token + 4, secret, sizeof secret);
	sodium_memzero(secret, sizeof secret);
	sha256_of(&h->token, token, strlen(token));
	new_secret(&h->secret);
}

void hook_rotate(struct hook *h, uint64_t until)
{
	h->old = h->secret;
	h->old_until = until;
	new_secret(&h->secret);
}

bool hook_token_fits(const struct hash32 *hash, const char *text)
{
	struct hash32 is;

	sha256_of(&is, text, strlen(text));
	return sodium_memcmp(&is, hash, sizeof is) == 0;
}

void hook_secret_text(char out[HOOK_KEY_ROOM], const struct hook_secret *s)
{
	memcpy(out, "whsec_", 6);
	sodium_bin2base64(out + 6, HOOK_KEY_ROOM - 6, s->hmac, sizeof s->hmac,
			  sodium_base64_VARIANT_ORIGINAL);
}

void hook_public_text(char out[HOOK_KEY_ROOM], const struct hook_secret *s)
{
	uint8_t public[crypto_sign_PUBLICKEYBYTES];
	uint8_t secret[crypto_sign_SECRETKEYBYTES];

	crypto_sign_seed_keypair(public, secret, s->seed);
	sodium_memzero(secret, sizeof secret);
	memcpy(out, "whpk_", 5);
	sodium_bin2base64(out + 5, HOOK_KEY_ROOM - 5, public, sizeof public,
			  sodium_base64_VARIANT_ORIGINAL);
}

void hook_show(struct doc *d, const struct hook *h)
{
	doc_text(d, "id", h->id);
	doc_text(d, "url", h->url);
	doc_text(d, "description", h->text);
	doc_array(d, "events");
	for (unsigned i = 0; i < HOOK_TYPES_COUNT; i++)
		if (h->types >> i & 1)
			doc_text(d, NULL, type_names[i]);
	doc_end_array(d);
	doc_array(d, "signatures");
	if (h->v1)
		doc_text(d, NULL, "v1");
	if (h->v1a)
		doc_text(d, NULL, "v1a");
	doc_end_array(d);
	if (h->market_id)
		doc_id(d, "market", h->market_id);
	else
		doc_null(d, "market");
	if (h->has_requester)
		doc_address(d, "requester", &h->requester);
	else
		doc_null(d, "requester");
	if (h->has_generator)
		doc_address(d, "generator", &h->generator);
	else
		doc_null(d, "generator");
	doc_time(d, "created", (struct unix_s){h->created});
}

/* ---- records ------------------------------------------------------------ */

enum err hook_seal_parse(uint8_t key[HOOK_SEAL_SIZE], const char *text)
{
	size_t size = 0;
	const char *end;

	if (text[0] == '0' && text[1] == 'x')
		text += 2;
	if (sodium_hex2bin(key, HOOK_SEAL_SIZE, text, strlen(text), NULL, &size,
			   &end) ||
	    *end || size != HOOK_SEAL_SIZE)
		return ERR_MALFORMED;
	return ERR_NONE;
}

static void seal(char out[SEALED_ROOM], const struct hook *h,
		 const struct hook_secret *s, const uint8_t *key)
{
	uint8_t bytes[SEALED];

	randombytes_buf(bytes, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		bytes + NONCE, NULL, (const uint8_t *)s, sizeof *s,
		(const uint8_t *)h->id, strlen(h->id), NULL, bytes, key);
	hex_encode(out, bytes, sizeof bytes);
}

static enum err unseal(struct hook_secret *s, const struct hook *h,
		       const json_t *text, const uint8_t *key)
{
	uint8_t bytes[SEALED];

	if (!json_is_string(text) ||
	    hex_decode(bytes, sizeof bytes, json_string_value(text),
		       json_string_length(text)))
		return ERR_MALFORMED;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    (uint8_t *)s, NULL, NULL, bytes + NONCE,
		    sizeof bytes - NONCE, (const uint8_t *)h->id, strlen(h->id),
		    bytes, key))
		return ERR_SIGNATURE;
	return ERR_NONE;
}

/* What hook_read() reads is written as hook_show() does. */
void hook_save(struct buf *out, const struct hook *h,
	       const uint8_t key[HOOK_SEAL_SIZE])
{
	struct doc d = {out, false};
	char sealed[SEALED_ROOM];

	doc_object(&d, NULL);
	hook_show(&d, h);
	doc_count(&d, "created_s", h->created);
	doc_hash(&d, "token", &h->token);
	seal(sealed, h, &h->secret, key);
	doc_text(&d, "sealed", sealed);
	seal(sealed, h, &h->old, key);
	doc_text(&d, "old", sealed);
	doc_count(&d, "old_until", h->old_until);
	doc_end(&d);
}

static enum err load_own(struct hook *h, json_t *root, const uint8_t *key)
{
	const json_t *token = json_object_get(root, "token");
	enum err e = ERR_NONE;

	if (!read_number(json_object_get(root, "created_s"), &h->created) ||
	    !read_number(json_object_get(root, "old_until"), &h->old_until) ||
	    !json_is_string(token) ||
	    hash32_parse(&h->token, json_string_value(token)))
		e = ERR_MALFORMED;
	if (!e)
		e = unseal(&h->secret, h, json_object_get(root, "sealed"), key);
	if (!e)
		e = unseal(&h->old, h, json_object_get(root, "old"), key);
	return e;
}

enum err hook_load(struct hook *h, const char *id, struct bytes record,
		   const uint8_t key[HOOK_SEAL_SIZE])
{
	static const char *const own[] = {"id",	      "created", "created_s",
					  "token",    "sealed",	 "old",
					  "old_until"};
	char why[HOOK_WHY_ROOM];
	const json_t *v;
	const char *name;
	enum err e = ERR_NONE;
	json_t *root = json_loadb((const char *)record.data, record.size,
				  JSON_REJECT_DUPLICATES, NULL);

	*h = (struct hook){.created = 0};
	v = json_object_get(root, "id");
	if (!json_is_string(v) || strcmp(json_string_value(v), id) != 0 ||
	    strlen(id) >= sizeof h->id) {
		json_decref(root);
		return ERR_MALFORMED;
	}
	strcpy(h->id, id);
	e = load_own(h, root, key);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		json_object_del(root, own[i]);
	json_object_foreach (root, name, v)
		if (!e)
			e = read_member(h, NULL, name, v, why);
	json_decref(root);
	return !e && !h->url[0] ? ERR_MALFORMED : e;
}
