/* tail - the newest entries of all logs, for everybody who listens.
 *
 * One window for all clients of the feed: what each has still to get is a
 * number per subscription, not a queue, so a thousand clients cost no more
 * memory than one, and an entry is rendered once for each form in which
 * somebody wants it, when the first client needs it.
 *
 * Who wants the logs gets entries as they come; those that are older than the
 * window are read from Redis. Who wants channels gets what is up to the newest
 * mark: tail_close() says that there is one. */
#ifndef SERVICES_WEBHOOK_GATEWAY_TAIL_H
#define SERVICES_WEBHOOK_GATEWAY_TAIL_H

#include "services/webhook-gateway/channel.h"

struct tail;

enum {
	TAIL_HEADROOM = 192, /* bytes before a text that its reader may use */
	TAIL_BYTES_MAX = 32 << 20,
};

/* How what is sent is written: the sub-protocols. */
enum form { FORM_JSON, FORM_MSGPACK, FORMS };

/* Rows as they are at the end of the block of an entry that changed them. */
struct tail_rows {
	bool has_market, has_generator;
	struct view_market market;
	struct view_generator generator;
};

/* An entry in the window. */
struct tail_item {
	enum logs log;
	struct entry entry; /* its body is the tail's */
	struct topic topic;
	uint64_t block;		/* that it belongs to; 0 before tail_close() */
	struct tail_rows *rows; /* NULL if it needs none */
	struct tail_text *texts;
	uint64_t turn;
};

/* A window of @entries_max entries, and of TAIL_BYTES_MAX. ERR_NO_MEMORY */
NODISCARD enum err tail_new(struct tail **out, size_t entries_max);
void tail_free(struct tail **tail);

/* Take the next entry of @log; the oldest make room. If numbers are left out,
 * the window of @log begins anew with it. @view is as it was before it took the
 * block that the entry is of. ERR_NO_MEMORY */
NODISCARD enum err tail_put(struct tail *t, enum logs log,
			    const struct entry *entry, const struct view *view);

/* The newest entry of @log was a mark, and @view has taken what it completes:
 * entries since the mark before it are of its block, and keep the rows that
 * they changed. ERR_NO_MEMORY */
NODISCARD enum err tail_close(struct tail *t, enum logs log,
			      const struct view *view);

/* Number of the newest entry of @log, 0 if none; and of the oldest in the
 * window, newest + 1 if none is. */
uint64_t tail_newest(const struct tail *t, enum logs log);
uint64_t tail_oldest(const struct tail *t, enum logs log);

/* Entry @number of @log; it is in the window. Borrowed until the next
 * tail_put(). */
const struct tail_item *tail_item(const struct tail *t, enum logs log,
				  uint64_t number);

/* When entry @number of @log came, compared with others; it is in the window.
 */
uint64_t tail_turn(const struct tail *t, enum logs log, uint64_t number);

/* Entry @number of @log whole (entry.h); it is in the window. Borrowed until
 * the next tail_put(); TAIL_HEADROOM bytes before it may be written to. Empty
 * if memory ran out. */
struct bytes tail_text(struct tail *t, enum logs log, uint64_t number,
		       enum form form);

/* The same entry as a change of @channel (change.h): the members of an object
 * and what ends it, to be written behind the beginning of that object;
 * *members says how many there are. */
struct bytes tail_change(struct tail *t, enum logs log, uint64_t number,
			 enum channel channel, enum form form,
			 unsigned *members);

#endif /* SERVICES_WEBHOOK_GATEWAY_TAIL_H */
