/* tail - the newest entries of all logs, for everybody who listens.
 *
 * One window for all clients of the feed: what each has still to get is a
 * number per log, not a queue, so a thousand clients cost no more memory than
 * one, and an entry is rendered once, when the first client needs it. Entries
 * that are older than the window are read from Redis. */
#ifndef SERVICES_WEBHOOK_GATEWAY_TAIL_H
#define SERVICES_WEBHOOK_GATEWAY_TAIL_H

#include "common/store.h"
#include "services/webhook-gateway/logs.h"

struct tail;

enum {
	TAIL_HEADROOM = 32, /* bytes before a text that its reader may use */
	TAIL_BYTES_MAX = 16 << 20,
};

/* A window of @entries_max entries, and of TAIL_BYTES_MAX. ERR_NO_MEMORY */
NODISCARD enum err tail_new(struct tail **out, size_t entries_max);
void tail_free(struct tail **tail);

/* Take the next entry of @log; the oldest make room. If numbers are left out,
 * the window of @log begins anew with it. ERR_NO_MEMORY */
NODISCARD enum err tail_put(struct tail *t, enum logs log,
			    const struct entry *entry);

/* Number of the newest entry of @log, 0 if none; and of the oldest in the
 * window, newest + 1 if none is. */
uint64_t tail_newest(const struct tail *t, enum logs log);
uint64_t tail_oldest(const struct tail *t, enum logs log);

/* When entry @number of @log came, compared with others; it is in the window.
 */
uint64_t tail_turn(const struct tail *t, enum logs log, uint64_t number);

/* Entry @number of @log as JSON (entry.h); it is in the window. Borrowed until
 * the next tail_put(); TAIL_HEADROOM bytes before it may be written to. Empty
 * if memory ran out. */
struct bytes tail_text(struct tail *t, enum logs log, uint64_t number);

#endif /* SERVICES_WEBHOOK_GATEWAY_TAIL_H */
