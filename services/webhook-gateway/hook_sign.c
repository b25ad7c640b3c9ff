/* Standard Webhooks 1.0.0: what is signed is ID.TIMESTAMP.BODY. */
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "services/webhook-gateway/hook.h"

static void add(struct buf *out, const char *version, const uint8_t *signature,
		size_t size)
{
	char text[sodium_base64_ENCODED_LEN(crypto_sign_BYTES,
					    sodium_base64_VARIANT_ORIGINAL)];

	sodium_bin2base64(text, sizeof text, signature, size,
			  sodium_base64_VARIANT_ORIGINAL);
	buf_printf(out, "%s%s,%s", out->size ? " " : "", version, text);
}

static void add_hmac(struct buf *out, const struct hook_secret *s,
		     const char *head, struct bytes body)
{
	crypto_auth_hmacsha256_state state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256_init(&state, s->hmac, sizeof s->hmac);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)head,
				      strlen(head));
	crypto_auth_hmacsha256_update(&state, body.data, body.size);
	crypto_auth_hmacsha256_final(&state, mac);
	add(out, "v1", mac, sizeof mac);
}

static void add_ed25519(struct buf *out, const struct hook_secret *s,
			const char *head, struct bytes body)
{
	uint8_t public[crypto_sign_PUBLICKEYBYTES];
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t signature[crypto_sign_BYTES];
	struct buf whole = {0};

	buf_put_text(&whole, head);
	buf_put(&whole, body.data, body.size);
	if (buf_failed(&whole)) {
		buf_fail(out, ERR_NO_MEMORY);
	} else {
		crypto_sign_seed_keypair(public, secret, s->seed);
		crypto_sign_detached(signature, NULL, whole.data, whole.size,
				     secret);
		sodium_memzero(secret, sizeof secret);
		add(out, "v1a", signature, sizeof signature);
	}
	buf_free(&whole);
}

void hook_sign(struct buf *out, const struct hook *h, const char *id,
	       uint64_t now, struct bytes body)
{
	const struct hook_secret *secrets[2] = {&h->secret, &h->old};
	struct buf head = {0};

	buf_printf(&head, "%s.%" PRIu64 ".", id, now);
	for (unsigned i = 0; i < (now < h->old_until ? 2 : 1); i++) {
		if (h->v1)
			add_hmac(out, secrets[i], buf_text(&head), body);
		if (h->v1a)
			add_ed25519(out, secrets[i], buf_text(&head), body);
	}
	buf_free(&head);
}
