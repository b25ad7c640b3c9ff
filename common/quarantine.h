/* quarantine - what could not be read, kept with its bytes and the reason.
 *
 * One Redis stream per service, of a bounded number of items, each cut to a
 * bounded size. What is cut, or goes because others came, is still where it
 * came from: an entry in its log, an event on the chain. `kalypso quarantine`
 * is how people get at it. Errors are the store's. */
#ifndef COMMON_QUARANTINE_H
#define COMMON_QUARANTINE_H

#include "common/store.h"

/* Options of every service that keeps one (market.def). */
struct quarantine_limits {
	uint64_t items; /* the oldest go when there are more; at least 1 */
	uint64_t bytes; /* that are kept of each */
};

/* Where an item came from. */
struct quarantine_origin {
	const char *log; /* an entry of this log; "": an event of the chain */
	uint64_t epoch, number; /* of the entry */
	uint16_t type;		/* of the entry: a message number */
	unsigned topics; /* of the event: 32 bytes each, before its data */
};

struct quarantine_item {
	char id[48];		   /* the stream's: when it was kept */
	const char *what, *reason; /* for people; static or borrowed */
	struct quarantine_origin from;
	struct bytes body;
	uint64_t size; /* of the body before it was cut */
};

/* Keep @item; its id and size are filled in here. An entry that was kept
 * before, or dropped since, isn't kept again: a reader comes past it at each of
 * its starts. */
NODISCARD enum err quarantine_put(struct store *s, const char *service,
				  const struct quarantine_item *item,
				  const struct quarantine_limits *limits);

/* How many there are. */
NODISCARD enum err quarantine_count(struct store *s, const char *service,
				    uint64_t *count);

/* Call @fn for up to @max items, oldest first, beginning behind the one called
 * @after ("": with the oldest). What it is given lives for the call. */
typedef void quarantine_fn(void *arg, const struct quarantine_item *item);
NODISCARD enum err quarantine_each(struct store *s, const char *service,
				   const char *after, unsigned max,
				   quarantine_fn *fn, void *arg);

/* Call @fn for the item @id. ERR_NOT_FOUND, also for what is no id. */
NODISCARD enum err quarantine_get(struct store *s, const char *service,
				  const char *id, quarantine_fn *fn, void *arg);

/* Forget the item @id. ERR_NOT_FOUND */
NODISCARD enum err quarantine_drop(struct store *s, const char *service,
				   const char *id);

/* ---- again -------------------------------------------------------------- */

/* Whether @service can take an entry that it passed over. A fold can't: what
 * it has said since follows from its log without that entry, and a replay has
 * to say the same. Nor can chain-indexer: it reads events when it indexes their
 * block. task-publisher can: it begins again, and comes past the entry. */
bool quarantine_can_retry(const char *service);

/* Take @item, which is of a log, out of the quarantine, and let every copy of
 * @service begin again: it is back if it still can't be read. ERR_NOT_FOUND */
NODISCARD enum err quarantine_retry(struct store *s, const char *service,
				    const struct quarantine_item *item);

/* How often that was called for @service, ever: a copy that finds another
 * number than at its start begins again. */
NODISCARD enum err quarantine_retries(struct store *s, const char *service,
				      uint64_t *count);

#endif /* COMMON_QUARANTINE_H */
