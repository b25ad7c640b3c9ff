/* entry - a log's entry as the public sees it. */
#ifndef SERVICES_WEBHOOK_GATEWAY_ENTRY_H
#define SERVICES_WEBHOOK_GATEWAY_ENTRY_H

#include "common/store.h"
#include "services/webhook-gateway/logs.h"

/* Append {"log":NAME,"seq":NUMBER,"entry":{"type":…}} to @out.
 *
 * Two kinds of bytes are left out, and their size said instead: a request's
 * private inputs and their sealed key (confidential inputs are in the chain's
 * log for those whom it concerns), and the signed bytes of a transaction
 * (until it is mined they are its sender's business).
 *
 * What we can't read is {"type":"unknown","number":…}: it may be newer than
 * this program. Failure is latched in @out. */
void entry_json(struct buf *out, enum logs log, const struct entry *entry);

#endif /* SERVICES_WEBHOOK_GATEWAY_ENTRY_H */
