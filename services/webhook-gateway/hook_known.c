/* A hash of requests, pruned as new ones come. */
#include "services/webhook-gateway/hook_known.h"

#include <stdlib.h>

#include "msg.h"

enum { KEPT = 200 * 1000 }; /* of which all that are over may go */

static struct hook_request *find(const struct hook_known *known, uint64_t id)
{
	struct hook_request *r;

	HASH_FIND(hh, known->requests, &id, sizeof id, r);
	return r;
}

const struct hook_request *hook_known_find(const struct hook_known *known,
					   uint64_t id)
{
	return find(known, id);
}

static void forget(struct hook_known *known, struct hook_request *r)
{
	HASH_DEL(known->requests, r);
	free(r);
}

void hook_known_free(struct hook_known *known)
{
	struct hook_request *r, *next;

	HASH_ITER (hh, known->requests, r, next)
		forget(known, r);
}

static struct hook_request *add(struct hook_known *known, uint64_t id,
				const struct address *requester)
{
	struct hook_request *r = find(known, id);

	if (!r) {
		r = calloc(1, sizeof *r);
		if (!r)
			return NULL;
		r->id = id;
		HASH_ADD(hh, known->requests, id, sizeof r->id, r);
		if (id > known->newest)
			known->newest = id;
	}
	r->requester = *requester;
	return r;
}

enum err hook_known_add(struct hook_known *known, uint64_t id,
			const struct address *requester)
{
	return add(known, id, requester) ? ERR_NONE : ERR_NO_MEMORY;
}

/* Old ones that are over may go; those that aren't go when they are. */
static void prune(struct hook_known *known, uint64_t id)
{
	struct hook_request *r = NULL;

	if (known->newest <= KEPT)
		return;
	if (id + KEPT <= known->newest)
		r = find(known, id);
	else if (id > KEPT)
		r = find(known, id - KEPT);
	if (r && r->over)
		forget(known, r);
}

static enum err note_created(struct hook_known *known,
			     const struct entry *entry)
{
	struct msg_request_created m;
	struct hook_request *r;

	if (msg_request_created_decode(&m, entry->body))
		return ERR_NONE;
	r = add(known, m.request_id, &m.requester);
	if (!r)
		return ERR_NO_MEMORY;
	r->created = entry->number;
	r->over = false;
	prune(known, m.request_id);
	return ERR_NONE;
}

static void note_over(struct hook_known *known, uint64_t id, uint64_t number)
{
	struct hook_request *r = find(known, id);

	if (!r)
		return;
	r->over = true;
	r->ended = number;
	prune(known, id);
}

/* Messages that end a request, each with its id. */
#define ENDS(X)                                                                \
	X(PROOF_SUBMITTED, proof_submitted)                                    \
	X(INPUTS_INVALIDATED, inputs_invalidated)                              \
	X(TASK_SLASHED, task_slashed)                                          \
	X(REQUEST_CANCELLED, request_cancelled)                                \
	X(REQUEST_REJECTED, request_rejected)

enum err hook_known_tell(struct hook_known *known, const struct entry *entry)
{
	switch (entry->type) {
	case MSG_REQUEST_CREATED:
		return note_created(known, entry);
#define X(NAME, name)                                                          \
	case MSG_##NAME: {                                                     \
		struct msg_##name m;                                           \
                                                                               \
		if (!msg_##name##_decode(&m, entry->body))                     \
			note_over(known, m.request_id, entry->number);         \
		return ERR_NONE;                                               \
	}
		ENDS(X)
#undef X
	default:
		return ERR_NONE;
	}
}
