/* hook_known - whose requests there are, and where in the chain log their
 * inputs and proofs are. Keeps the newest; of older ones those that aren't
 * over.
 */
#ifndef SERVICES_WEBHOOK_GATEWAY_HOOK_KNOWN_H
#define SERVICES_WEBHOOK_GATEWAY_HOOK_KNOWN_H

#include <uthash.h>

#include "common/store.h"
#include "common/types.h"

struct hook_request {
	uint64_t id;
	struct address requester;
	uint64_t created, ended; /* entries of the chain log; 0: not known */
	bool over;
	UT_hash_handle hh;
};

/* Begins as all zeros. */
struct hook_known {
	struct hook_request *requests;
	uint64_t newest;
};

/* A request that stood in the book before the chain log begins.
 * ERR_NO_MEMORY */
NODISCARD enum err hook_known_add(struct hook_known *known, uint64_t id,
				  const struct address *requester);

/* The next entry of the chain log. ERR_NO_MEMORY */
NODISCARD enum err hook_known_tell(struct hook_known *known,
				   const struct entry *entry);

/* NULL: it isn't known, or not any more. Borrowed until the next entry. */
const struct hook_request *hook_known_find(const struct hook_known *known,
					   uint64_t id);

void hook_known_free(struct hook_known *known);

#endif /* SERVICES_WEBHOOK_GATEWAY_HOOK_KNOWN_H */
