/* event - an event of the contracts as JSON, by the table in event.def. */
#ifndef SERVICES_KALYPSO_EVENT_H
#define SERVICES_KALYPSO_EVENT_H

#include <jansson.h>

#include "abi_market.h"

/* {"event": "RequestCreated", "request_id": "7", …}; inputs and proofs are left
 * out. Amounts, ids and the like are decimal strings, times RFC 3339. A new
 * reference. */
json_t *cli_event_json(const struct abi_event *event);

#endif /* SERVICES_KALYPSO_EVENT_H */
