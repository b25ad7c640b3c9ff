/* rows - how rows of the feed's channels look: in snapshots and in changes.
 *
 * They are functions of the log that feeds the channel and of nothing else:
 * what other logs add (why a request waits, a market's metadata) is asked of
 * the API. */
#ifndef SERVICES_WEBHOOK_GATEWAY_ROWS_H
#define SERVICES_WEBHOOK_GATEWAY_ROWS_H

#include "services/webhook-gateway/doc.h"
#include "services/webhook-gateway/view.h"

void row_block(struct doc *d, const struct block_ref *block);
void row_market(struct doc *d, const struct msg_market_set *m);
void row_quote(struct doc *d, const struct msg_quote_set *q);
void row_order(struct doc *d, const struct msg_request_record *r);
void row_request(struct doc *d, const struct msg_request_record *r,
		 enum view_state state);
void row_task(struct doc *d, const struct msg_request_record *r);
void row_generator(struct doc *d, const struct view_generator *g);
void row_slash(struct doc *d, const struct msg_request_record *r);
void row_stats(struct doc *d, const struct view_market *m);

/* Where and when something happened, as member @key. */
void row_event(struct doc *d, const char *key, struct place at,
	       struct unix_s time, const struct hash32 *tx);

/* Members that rows and the API's answers share: of a task (who, for how much,
 * until when), a market, a quote, a generator, what a requester wants, and how
 * many quotes and requests a market has. */
void row_assignment(struct doc *d, const struct msg_request_record *r);
void row_market_terms(struct doc *d, const struct msg_market_set *m);
void row_quote_terms(struct doc *d, const struct msg_quote_set *q);
void row_stake(struct doc *d, const struct msg_generator_set *s);
void row_wants(struct doc *d, const struct msg_request_record *r);
void row_states(struct doc *d, const struct view_market *m);

#endif /* SERVICES_WEBHOOK_GATEWAY_ROWS_H */
