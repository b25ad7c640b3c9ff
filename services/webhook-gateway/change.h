/* change - an entry of a log as the change of a channel.
 *
 *	"channel":"book","seq":813,"block":"1562","event":"task_started",
 *	"set":{TABLE:[row, …]}		these rows are as follows, new or not
 *	"patch":{TABLE:[part, …]}	members of rows, for those that are
 *					there
 *	"gone":{TABLE:["key", …]}	these rows are no more
 *
 * to be done in this order; each of the three is left out if it is empty. A
 * row's key is its first member. The same from every gateway: it is a function
 * of the log alone. */
#ifndef SERVICES_WEBHOOK_GATEWAY_CHANGE_H
#define SERVICES_WEBHOOK_GATEWAY_CHANGE_H

#include "services/webhook-gateway/tail.h"

/* Append it to @out as an object. Its block is complete, and it is a change of
 * @channel. Failure is latched in @out. */
void change_json(struct buf *out, enum channel channel,
		 const struct tail_item *item);

#endif /* SERVICES_WEBHOOK_GATEWAY_CHANGE_H */
