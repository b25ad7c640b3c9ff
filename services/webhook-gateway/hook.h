/* hook - what a webhook is: where to, about what, signed how.
 *
 * docs/webhooks.md says what its owner sees of it. A hook's record is kept in
 * Redis (redis.def: hooks) as JSON; its signing secrets in it are sealed under
 * the operator's key, bound to its id, and of its management token there is
 * only a hash. Where it is in the log is another row's business
 * (hook_store.h). */
#ifndef SERVICES_WEBHOOK_GATEWAY_HOOK_H
#define SERVICES_WEBHOOK_GATEWAY_HOOK_H

#include <jansson.h>

#include "common/post.h"
#include "common/types.h"
#include "services/webhook-gateway/doc.h"

/* What a hook can be told. */
#define HOOK_TYPES(X)                                                          \
	X(REQUEST_OPENED, "request.opened")                                    \
	X(REQUEST_CANCELLED, "request.cancelled")                              \
	X(REQUEST_REJECTED, "request.rejected")                                \
	X(TASK_ASSIGNED, "task.assigned")                                      \
	X(TASK_FULFILLED, "task.fulfilled")                                    \
	X(TASK_INVALID, "task.invalid")                                        \
	X(TASK_SLASHED, "task.slashed")                                        \
	X(MARKET_UPDATED, "market.updated")                                    \
	X(QUOTE_UPDATED, "quote.updated")                                      \
	X(QUOTE_REMOVED, "quote.removed")                                      \
	X(GENERATOR_UPDATED, "generator.updated")                              \
	X(GENERATOR_REMOVED, "generator.removed")                              \
	X(CHAIN_ROLLED_BACK, "chain.rolled_back")

enum hook_type {
#define X(name, text) HOOK_##name,
	HOOK_TYPES(X)
#undef X
		HOOK_TYPES_COUNT,
	HOOK_TEST,
	HOOK_CHALLENGE,
	HOOK_DISABLED,
};

/* "request.opened" and so on. Static. */
const char *hook_type_name(enum hook_type type);

enum {
	HOOK_ID_ROOM = 28, /* "wh_" and 24 hex digits */
	HOOK_SECRET_SIZE = 32,
	HOOK_TOKEN_ROOM = 4 + 64 + 1, /* "kwt_" and hex digits */
	HOOK_TEXT_MAX = 200,	      /* of a description */
	HOOK_RECORD_MAX = 4096,
	HOOK_WHY_ROOM = 200,
};

/* What a message is signed with, as docs/webhooks.md has it. */
struct hook_secret {
	uint8_t hmac[HOOK_SECRET_SIZE]; /* v1 */
	uint8_t seed[HOOK_SECRET_SIZE]; /* v1a: of an ed25519 key */
};

struct hook {
	char id[HOOK_ID_ROOM];
	char url[POST_URL_MAX + 1], text[HOOK_TEXT_MAX + 1];
	uint32_t types; /* a bit for each */
	bool has_requester, has_generator;
	struct address requester, generator;
	uint64_t market_id; /* 0: any */
	bool v1, v1a;	    /* which signatures; one at least */
	struct hook_secret secret, old;
	uint64_t old_until;  /* unix s; `old` signs, too, until then */
	struct hash32 token; /* SHA-256 of it */
	uint64_t created;    /* unix s */
};

/* ---- making and changing ------------------------------------------------ */

/* What somebody asks for, @body as JSON, into @hook: members that aren't there
 * leave it as it was. @from gets the entry of the book log to begin with, if
 * that is said and @from isn't NULL.
 * ERR_MALFORMED	@why says what is wrong, for people; @hook is in pieces
 */
NODISCARD enum err hook_read(struct hook *hook, uint64_t *from,
			     struct bytes body, char why[HOOK_WHY_ROOM]);

/* A hook for all events that signs v1, with an id, secrets and token of its
 * own; its URL is empty. @token gets the token's text. */
void hook_new(struct hook *hook, char token[HOOK_TOKEN_ROOM], uint64_t now);

/* New secrets; those of now sign, too, until @until. */
void hook_rotate(struct hook *hook, uint64_t until);

/* Whether @text is the token whose SHA-256 is @hash; takes as long for each. */
bool hook_token_fits(const struct hash32 *hash, const char *text);

/* The members that its owner may see, into the open object of @d. */
void hook_show(struct doc *d, const struct hook *hook);

/* The texts that receivers verify with: "whsec_…" and "whpk_…". */
enum { HOOK_KEY_ROOM = 64 };
void hook_secret_text(char out[HOOK_KEY_ROOM], const struct hook_secret *s);
void hook_public_text(char out[HOOK_KEY_ROOM], const struct hook_secret *s);

/* ---- records ------------------------------------------------------------ */

enum { HOOK_SEAL_SIZE = 32 };

/* The key that secrets are sealed under: 64 hex digits, 0x in front or not.
 * ERR_MALFORMED */
NODISCARD enum err hook_seal_parse(uint8_t key[HOOK_SEAL_SIZE],
				   const char *text);

/* The record of @hook, appended to @out. */
void hook_save(struct buf *out, const struct hook *hook,
	       const uint8_t seal[HOOK_SEAL_SIZE]);

/* And back.
 * ERR_MALFORMED	it isn't one, or not of this id
 * ERR_SIGNATURE	its secrets were sealed under another key */
NODISCARD enum err hook_load(struct hook *hook, const char *id,
			     struct bytes record,
			     const uint8_t seal[HOOK_SEAL_SIZE]);

/* ---- signing ------------------------------------------------------------ */

/* The value of webhook-signature (Standard Webhooks 1.0.0) for @body: "v1,…"
 * and "v1a,…" as the hook wants, of the old secret, too, if it counts at @now.
 */
void hook_sign(struct buf *out, const struct hook *hook, const char *id,
	       uint64_t now, struct bytes body);

#endif /* SERVICES_WEBHOOK_GATEWAY_HOOK_H */
