/* spans - how long requests take, how they end, what they hold, as metrics.
 *
 * By the times of blocks, from what the book log says while it is followed:
 * what a gateway reads at its start, or stands in one block, isn't counted. */
#ifndef SERVICES_WEBHOOK_GATEWAY_SPANS_H
#define SERVICES_WEBHOOK_GATEWAY_SPANS_H

#include "services/webhook-gateway/view.h"

/* Show request_assigned_seconds, request_ended_seconds, request_ended_total
 * and request_escrow_tokens. Not thread-safe: call it while starting. */
void spans_register(void);

/* The next @entry of the book log, which @view hasn't taken yet. */
void spans_note(const struct view *view, const struct entry *entry);

/* What is in escrow now; the payment token has so many @decimals. */
void spans_hold(const struct view *view, unsigned decimals);

#endif /* SERVICES_WEBHOOK_GATEWAY_SPANS_H */
