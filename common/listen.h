/* listen - whether an address to listen on is seen from outside. */
#ifndef COMMON_LISTEN_H
#define COMMON_LISTEN_H

#include <stdbool.h>

/* Whether strangers may reach what listens on @host, an IPv4 address: it is a
 * public one, or it is 0.0.0.0 and one of this machine's is. Machines behind a
 * router, containers and pods have none, and what isn't an address is not
 * public either. */
bool listen_is_public(const char *host);

#endif /* COMMON_LISTEN_H */
