/* once - what is asked twice with one Idempotency-Key is done once.
 *
 * Follows draft-ietf-httpapi-idempotency-key-header-07. The answer to a request
 * that changed something (2xx) is kept in Redis for a day, for all gateways;
 * who asks the same again is given it and nothing is done. Any other answer is
 * not kept: it may be tried again. A request whose gateway died in the middle
 * is taken for under way for ONCE_CLAIM_S.
 *
 * An answer may hold a secret that is shown once. It is sealed with a key that
 * is made of the client's own Idempotency-Key, its Authorization, the method
 * and the path; Redis has neither these nor the key, only another half of the
 * same hash as a name. So a client's keys have to be as hard to guess as the
 * draft wants them (a UUID, say), and nobody meets those of another token. */
#ifndef SERVICES_WEBHOOK_GATEWAY_ONCE_H
#define SERVICES_WEBHOOK_GATEWAY_ONCE_H

#include "services/webhook-gateway/api.h"

enum {
	ONCE_KEY_MAX = 128, /* bytes, visible ASCII */
	ONCE_CLAIM_S = 60,
	ONCE_KEPT_S = 24 * 3600,
	ONCE_NAME_ROOM = 65,
	ONCE_SECRET_BYTES = 32,
};

/* A request between once_begin() and once_end(). */
struct once {
	bool claimed;
	char name[ONCE_NAME_ROOM];
	uint8_t secret[ONCE_SECRET_BYTES], asked[ONCE_SECRET_BYTES];
};

/* Whether @request is to be carried out: it has no key, or a new one. If not,
 * *answer is the one that was kept, or a problem: 400 the key isn't one, 409
 * the first of its kind is still under way, 422 its key belongs to another
 * request, 503 Redis doesn't answer. */
NODISCARD bool once_begin(struct once *o, struct store *store,
			  const struct api_request *request,
			  struct api_answer *answer);

/* It was carried out, with @answer. */
void once_end(struct once *o, struct store *store,
	      const struct api_answer *answer);

#endif /* SERVICES_WEBHOOK_GATEWAY_ONCE_H */
