/* bus_guard - who gets a connection to our bus: ZeroMQ's ZAP (RFC 27).
 *
 * libzmq asks the guard about every client that has proven a key. A process
 * has one guard at most. While nobody answers, nobody gets in. */
#ifndef COMMON_BUS_GUARD_H
#define COMMON_BUS_GUARD_H

#include "common/bus_keys.h"
#include "common/loop.h"

struct bus_guard;

/* Let in who hears @service, by @keys as they are when somebody comes; both
 * are borrowed. ERR_CONFIG: there is one already; it has been logged. */
NODISCARD enum err bus_guard_new(struct bus_guard **out,
				 const struct bus_keys *keys,
				 const char *service);
void bus_guard_free(struct bus_guard **guard);

/* Answer from @loop; NULL: not until another call. */
void bus_guard_watch(struct bus_guard *guard, struct loop *loop);

/* Have the socket (zsock_t *), not yet bound, prove our key and ask. */
void bus_guard_socket(void *zsock, const struct bus_keys *keys);

#endif /* COMMON_BUS_GUARD_H */
