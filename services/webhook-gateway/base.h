/* base - where a gateway begins in logs that were trimmed.
 *
 * Logs that begin at 1 are read from there, and tell everything. If they don't
 * (--log-keep), the book comes from orderbook's newest snapshot, the chain's
 * identity from chain-indexer's, and the logs are read from these on: what
 * ended before is not known then, and the gateway says so. */
#ifndef SERVICES_WEBHOOK_GATEWAY_BASE_H
#define SERVICES_WEBHOOK_GATEWAY_BASE_H

#include "services/orderbook/book.h"
#include "services/webhook-gateway/view.h"

struct base {
	uint64_t next[LOGS_COUNT]; /* entries to read first */
	struct book *book;	   /* NULL: the logs tell everything */
	uint64_t number;	   /* entry of the book log that it is as of */
	struct msg_chain_opened opened;
};

/* Find out, for logs of life @epoch. base_free() is due in any case.
 * ERR_UNREACHABLE	Redis doesn't answer, or there is no snapshot yet from
 *			which the logs could be read on; that was logged */
NODISCARD enum err base_find(struct base *out, struct store *store,
			     uint64_t epoch, unsigned depth);
void base_free(struct base *b);

/* What was before, into the empty @view that can undo @depth blocks. */
NODISCARD enum err base_tell(const struct base *b, struct view *view,
			     unsigned depth);

#endif /* SERVICES_WEBHOOK_GATEWAY_BASE_H */
