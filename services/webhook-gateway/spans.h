/* spans - how long requests take, and how they end, as metrics.
 *
 * By the times of blocks, from what the book log says while it is followed:
 * what a gateway reads at its start, or stands in one block, isn't counted. */
#ifndef SERVICES_WEBHOOK_GATEWAY_SPANS_H
#define SERVICES_WEBHOOK_GATEWAY_SPANS_H

#include "services/webhook-gateway/view.h"

/* Show request_assigned_seconds, request_ended_seconds and
 * request_ended_total. Not thread-safe: call it while starting. */
void spans_register(void);

/* The next @entry of the book log, which @view hasn't taken yet. */
void spans_note(const struct view *view, const struct entry *entry);

#endif /* SERVICES_WEBHOOK_GATEWAY_SPANS_H */
