/* hook_event - entries of the logs as hooks are told of them. Pure. */
#ifndef SERVICES_WEBHOOK_GATEWAY_HOOK_EVENT_H
#define SERVICES_WEBHOOK_GATEWAY_HOOK_EVENT_H

#include "services/webhook-gateway/hook_news.h"

/* What @entry of the book log is, if it is an event at all; requester, block
 * and time are not in it. */
bool hook_event_read(struct hook_event *out, const struct entry *entry);

/* If @entry ends a block: its number and time. */
bool hook_event_mark(const struct entry *entry, uint64_t *block,
		     uint64_t *time);

/* Append "type":…,"data":{…} for @entry, an event of @type. @created and
 * @ended are the entries of the chain log that placed and that ended its
 * request, for the payload and the proof; NULL if they aren't known. */
void hook_event_text(struct buf *out, enum hook_type type,
		     const struct entry *entry, const struct entry *created,
		     const struct entry *ended);

#endif /* SERVICES_WEBHOOK_GATEWAY_HOOK_EVENT_H */
