/* peers - how many connections each address has. */
#ifndef SERVICES_WEBHOOK_GATEWAY_PEERS_H
#define SERVICES_WEBHOOK_GATEWAY_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct peers;
struct peer;

/* At most @per_peer_max connections of one address, @all_max in all.
 * ERR_NO_MEMORY */
NODISCARD enum err peers_new(struct peers **out, unsigned per_peer_max,
			     unsigned all_max);
void peers_free(struct peers **peers);

/* Whether one more connection of @address (IPv4) would be too many; those of
 * one that stands for @many are only counted in all. */
bool peers_refuse(const struct peers *p, uint32_t address, bool many);

/* One more; give what is returned to peers_leave() when it ends. NULL if
 * memory ran out: it isn't counted then. */
struct peer *peers_enter(struct peers *p, uint32_t address);
void peers_leave(struct peers *p, struct peer *peer);

#endif /* SERVICES_WEBHOOK_GATEWAY_PEERS_H */
