/* queue - entries on their way from the thread that follows the logs to the
 * one that serves people.
 *
 * Bounded: when the second thread doesn't keep up, the first is told that
 * there is no room and reads the logs no further. Nothing is lost. */
#ifndef SERVICES_WEBHOOK_GATEWAY_QUEUE_H
#define SERVICES_WEBHOOK_GATEWAY_QUEUE_H

#include "common/store.h"
#include "services/webhook-gateway/logs.h"

struct queue;

enum { QUEUE_ENTRIES_MAX = 65536, QUEUE_BYTES_MAX = 32 << 20 };

struct queued {
	struct queued *next;
	enum logs log;
	struct entry entry; /* its body lies behind it */
};

/* ERR_NO_MEMORY */
NODISCARD enum err queue_new(struct queue **out);
void queue_free(struct queue **queue);

/* Copy @entry of @log to the end. *was_empty: whoever takes has to be woken.
 * ERR_FULL, ERR_NO_MEMORY: nothing changed */
NODISCARD enum err queue_put(struct queue *q, enum logs log,
			     const struct entry *entry, bool *was_empty);

/* Take from the front: at most @entries_max, and no more after @bytes_max. The
 * caller frees each with free(). NULL: it is empty. *more: something is left.
 */
struct queued *queue_take(struct queue *q, size_t entries_max, size_t bytes_max,
			  bool *more);

/* Entries that wait. */
size_t queue_count(struct queue *q);

#endif /* SERVICES_WEBHOOK_GATEWAY_QUEUE_H */
