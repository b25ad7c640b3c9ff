/* built - files that the program has in itself: what describes the API, and the
 * page that protocol/gen/apidocs.py makes of it. */
#ifndef SERVICES_WEBHOOK_GATEWAY_BUILT_H
#define SERVICES_WEBHOOK_GATEWAY_BUILT_H

#include "services/webhook-gateway/assets.h"

/* NULL: there is none. Static. Not thread-safe. */
const struct asset *built_find(const char *path);

#endif /* SERVICES_WEBHOOK_GATEWAY_BUILT_H */
