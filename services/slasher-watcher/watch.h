/* watch - which deadlines have passed, and which requests have expired.
 *
 * Folds the chain log into two lists: tasks by deadline, open requests by
 * expiry. At a block, what is due can be asked for: a task whose deadline is
 * before the block's time, a request whose expiry is. Nothing is due before
 * its time, and what the chain has ended is in no list.
 *
 * Pure: no I/O, no clock. Handlers are declared in wire_watch.h; they return
 * ERR_NO_MEMORY or ERR_FINALITY; after an error the core must not be used. */
#ifndef SERVICES_SLASHER_WATCHER_WATCH_H
#define SERVICES_SLASHER_WATCHER_WATCH_H

#include "wire_watch.h"

struct watch;

/* ERR_NO_MEMORY */
NODISCARD enum err watch_new(struct watch **out, unsigned depth);
void watch_free(struct watch **watch);

bool watch_is_mark(uint16_t number);

/* What is due: request @request_id's task missed @since (its deadline), or the
 * request is open past it (its expiry). Earliest first. Return false to end. */
enum watch_kind { WATCH_OVERDUE, WATCH_EXPIRED };
typedef bool watch_fn(void *arg, uint64_t request_id, struct unix_s since);

/* Call @fn for everything of @kind that is due at the newest block. */
void watch_each_due(const struct watch *w, enum watch_kind kind, watch_fn *fn,
		    void *arg);

/* The same for whose deadline or expiry is from @from on and before @before. */
void watch_each_between(const struct watch *w, enum watch_kind kind,
			struct unix_s from, struct unix_s before, watch_fn *fn,
			void *arg);

/* Whether @request_id is in the list of @kind, with this deadline or expiry. */
bool watch_has(const struct watch *w, enum watch_kind kind, uint64_t request_id,
	       struct unix_s since);

struct watch_sizes {
	uint64_t open, tasks;
	struct block_ref block; /* the newest */
	struct amount base_fee; /* of it */
};
struct watch_sizes watch_sizes(const struct watch *w);

/* SHA-256 over everything that is watched. O(rows). */
void watch_hash(const struct watch *w, struct hash32 *out);

/* The state as bytes and back, into an empty one; between blocks only.
 * ERR_MALFORMED: not what watch_save() of this version made; it must not be
 * used then. */
NODISCARD enum err watch_save(struct watch *w, struct buf *out);
NODISCARD enum err watch_load(struct watch *w, struct bytes state);

#endif /* SERVICES_SLASHER_WATCHER_WATCH_H */
