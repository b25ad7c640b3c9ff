/* press - snapshots of channels and checksums of books, made once for all who
 * want them.
 *
 *	"channel":"book","seq":812,"block":{…},"rows":{TABLE:[row, …]},
 *	"checksum":"89abcdef"			(of a book)
 *
 * Made of the view, so at the end of a block: a snapshot with the changes of
 * higher numbers is what a later snapshot says.
 *
 * Whoever is slow to take his keeps it alive; all that is alive has at most
 * PRESS_BYTES_MAX. Near that, a snapshot that is there already is given again
 * if what came after it is still in the window. */
#ifndef SERVICES_WEBHOOK_GATEWAY_PRESS_H
#define SERVICES_WEBHOOK_GATEWAY_PRESS_H

#include "services/webhook-gateway/tail.h"

struct press;

enum { PRESS_BYTES_MAX = 64 << 20, PRESS_SLASHES = 100 };

/* Borrows @view and @tail while it lives. ERR_NO_MEMORY */
NODISCARD enum err press_new(struct press **out, const struct view *view,
			     const struct tail *tail);
void press_free(struct press **press);

/* A snapshot; read it, and give it back. */
struct print {
	struct print *next;
	struct filter filter;
	enum form form;
	uint64_t seq; /* that it is good for */
	unsigned refs, members;
	struct buf text; /* TAIL_HEADROOM bytes, that its readers may write
			    to, then as tail_change() gives it, with one byte
			    in front */
};

/* Of what @filter wants. NULL: there is no room just now, or no memory. */
struct print *press_take(struct press *p, const struct filter *filter,
			 enum form form);
void press_return(struct press *p, struct print *print);

/* CRC-32C of a market's book as of the view's newest block: of its rows, line
 * by line, the values as in a snapshot, with one space between them and a
 * newline behind each line:
 *
 *	q GENERATOR PRICE RESPONSE_TIME COMPUTE TASKS DRAINING HAS_KEY
 *	r REQUEST_ID REQUESTER MAX_PRICE MAX_RESPONSE_TIME EXPIRY
 *
 * quotes first, by price, response_time and generator, then requests by id. */
uint32_t press_checksum(struct press *p, uint64_t market_id);

#endif /* SERVICES_WEBHOOK_GATEWAY_PRESS_H */
