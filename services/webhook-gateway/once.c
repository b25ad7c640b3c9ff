/* Names, seals, and what Redis is told of a request. */
#include "services/webhook-gateway/once.h"

#include <sodium.h>
#include <string.h>

#include "common/be.h"
#include "common/log.h"

/* What is kept: a hash of what was asked; then, once it is known, a nonce and
 * the sealed answer: its status, and its body, which is JSON. */
enum {
	HASH = crypto_generichash_BYTES,
	NONCE = crypto_secretbox_NONCEBYTES,
	TAG = crypto_secretbox_MACBYTES,
	STATUS = 2,
};

_Static_assert(ONCE_SECRET_BYTES == crypto_secretbox_KEYBYTES &&
		       (int)ONCE_SECRET_BYTES == (int)HASH,
	       "one size for all");

static void add(crypto_generichash_state *h, const void *data, size_t size)
{
	uint8_t length[8];

	be64_put(length, size);
	crypto_generichash_update(h, length, sizeof length);
	crypto_generichash_update(h, data, size);
}

static void add_text(crypto_generichash_state *h, const char *text)
{
	add(h, text ? text : "", text ? strlen(text) : 0);
}

/* Who knows one half of the hash doesn't know the other. */
static void name_it(struct once *o, const struct api_request *r)
{
	uint8_t hash[2 * ONCE_SECRET_BYTES], method = (uint8_t)r->method;
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, sizeof hash);
	add_text(&h, "kalypso idempotency 1");
	add(&h, &method, 1);
	add_text(&h, r->path);
	add_text(&h, r->authorization);
	add_text(&h, r->idempotency_key);
	crypto_generichash_final(&h, hash, sizeof hash);
	sodium_bin2hex(o->name, sizeof o->name, hash, ONCE_SECRET_BYTES);
	memcpy(o->secret, hash + ONCE_SECRET_BYTES, ONCE_SECRET_BYTES);
	sodium_memzero(hash, sizeof hash);

	crypto_generichash_init(&h, NULL, 0, HASH);
	for (size_t i = 0; i < r->args_count; i++)
		add_text(&h, r->args[i]);
	add(&h, r->body.data, r->body.size);
	crypto_generichash_final(&h, o->asked, HASH);
}

static bool is_sane(const char *key)
{
	for (const char *p = key; *p; p++)
		if (*p < '!' || *p > '~')
			return false;
	return *key && strlen(key) <= ONCE_KEY_MAX;
}

/* ---- the answer that was kept ------------------------------------------- */

static bool unseal(const struct once *o, struct bytes kept,
		   struct api_answer *answer)
{
	const uint8_t *nonce = kept.data + HASH, *box = nonce + NONCE;
	struct buf plain = {0};
	uint8_t *at;
	bool good;

	if (kept.size < HASH + NONCE + TAG + STATUS)
		return false;
	at = buf_extend(&plain, kept.size - HASH - NONCE - TAG);
	good = at &&
	       !crypto_secretbox_open_easy(at, box, kept.size - HASH - NONCE,
					   nonce, o->secret);
	if (good) {
		answer->status = (unsigned)(at[0] << 8 | at[1]);
		answer->type = plain.size > STATUS ? "application/json" : NULL;
		answer->cache_control = "no-store";
		buf_clear(&answer->body);
		buf_put(&answer->body, at + STATUS, plain.size - STATUS);
		good = !buf_failed(&answer->body);
	}
	if (at)
		sodium_memzero(at, plain.size);
	buf_free(&plain);
	return good;
}

/* It was asked before. */
static void answer_again(const struct once *o, struct bytes kept,
			 struct api_answer *answer)
{
	if (kept.size < HASH || memcmp(kept.data, o->asked, HASH) != 0) {
		api_problem(answer, 422, "Idempotency key reused",
			    "this key came with another request: take a new "
			    "one for each");
	} else if (kept.size == HASH) {
		api_problem(answer, 409, "Still under way",
			    "the first request with this key isn't answered "
			    "yet: ask again in a second");
		answer->retry_after_s = 1;
	} else if (!unseal(o, kept, answer)) {
		api_problem(answer, 500, "Unreadable record",
			    "what was answered to this key doesn't decode: see "
			    "what became of it before you try with another");
	}
}

bool once_begin(struct once *o, struct store *store,
		const struct api_request *r, struct api_answer *answer)
{
	struct buf kept = {0};
	enum err e = ERR_UNREACHABLE;

	*o = (struct once){.claimed = false};
	if (!r->idempotency_key ||
	    (r->method != API_POST && r->method != API_PATCH))
		return true;
	if (!is_sane(r->idempotency_key)) {
		api_problem(answer, 400, "Bad idempotency key",
			    "it has 1 to %d visible characters of ASCII",
			    ONCE_KEY_MAX);
		return false;
	}
	name_it(o, r);
	if (store && sodium_init() >= 0)
		e = store_once_claim(store, o->name,
				     (struct bytes){o->asked, HASH},
				     ONCE_CLAIM_S, &kept);
	if (e == ERR_EXISTS)
		answer_again(o, buf_bytes(&kept), answer);
	else if (e)
		api_problem(answer, 503, "Redis does not answer",
			    "without it nobody knows whether this was done "
			    "before: nothing was done now");
	buf_free(&kept);
	o->claimed = !e;
	if (e)
		sodium_memzero(o->secret, sizeof o->secret);
	return !e;
}

/* ---- the answer to be kept ---------------------------------------------- */

static enum err keep(const struct once *o, struct store *store,
		     const struct api_answer *answer)
{
	struct buf plain = {0}, value = {0};
	uint8_t *box = NULL;
	enum err e;

	buf_put_be16(&plain, (uint16_t)answer->status);
	buf_put(&plain, answer->body.data, answer->body.size);
	buf_put(&value, o->asked, HASH);
	box = buf_extend(&value, NONCE + TAG + plain.size);
	e = buf_err(&plain) ? buf_err(&plain) : buf_err(&value);
	if (!e) {
		randombytes_buf(box, NONCE);
		crypto_secretbox_easy(box + NONCE, plain.data, plain.size, box,
				      o->secret);
		e = store_once_keep(store, o->name, buf_bytes(&value),
				    ONCE_KEPT_S);
	}
	if (plain.data)
		sodium_memzero(plain.data, plain.size);
	buf_free(&plain);
	buf_free(&value);
	return e;
}

void once_end(struct once *o, struct store *store,
	      const struct api_answer *answer)
{
	bool done = answer->status >= 200 && answer->status < 300;

	if (!o->claimed)
		return;
	/* If it can't be told, the claim stands until it is forgotten. */
	if (done ? keep(o, store, answer) : store_once_drop(store, o->name))
		log_warn("once.untold",
			 "http_request=%s status=%u text=\"Redis does not "
			 "answer: "
			 "with the same Idempotency-Key this stays under way "
			 "for a minute, and may then be done again\"",
			 answer->id, answer->status);
	sodium_memzero(o->secret, sizeof o->secret);
	o->claimed = false;
}
