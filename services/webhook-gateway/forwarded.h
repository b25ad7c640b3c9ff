/* forwarded - who a proxy says is asking. */
#ifndef SERVICES_WEBHOOK_GATEWAY_FORWARDED_H
#define SERVICES_WEBHOOK_GATEWAY_FORWARDED_H

#include <stdbool.h>
#include <stdint.h>

/* The client that the last address of an X-Forwarded-For names: that is the one
 * which our own proxy wrote, those before it are the client's to invent. IPv4
 * addresses count whole, in network order; of IPv6 the first half, for the
 * other is the client's to choose. false: it is no address. */
bool forwarded_client(const char *list, uint64_t *client);

#endif /* SERVICES_WEBHOOK_GATEWAY_FORWARDED_H */
