/* admin - the port where an operator looks: is it alive, is it ready, numbers.
 *
 *	GET /livez	200 while the loop turns: 503 if it has not for 10 s
 *	GET /readyz	200 once the service does its work; 503 and why not;
 *			behind it a line for each alarm that goes on
 *	GET /availablez	200 also while it stands by, and would do the work if
 *			the copy that does it went away; else as /readyz
 *	GET /metrics	Prometheus text format
 *
 * Served by a thread of its own (libmicrohttpd), so that a busy or stuck loop
 * is seen as what it is. */
#ifndef COMMON_ADMIN_H
#define COMMON_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct admin;

/* Listen on @host (an IPv4 address) and @port; 0 picks a free port.
 * ERR_CONFIG	the address can't be bound; why has been logged
 * ERR_NO_MEMORY */
NODISCARD enum err admin_open(struct admin **out, const char *host,
			      uint16_t port);
void admin_close(struct admin **admin);

/* The port that was bound. */
uint16_t admin_port(const struct admin *admin);

/* The loop turned just now. Call it at least once a second. */
void admin_beat(struct admin *admin);

/* @why (borrowed, a constant) is shown while not ready. Ends a standby. */
void admin_set_ready(struct admin *admin, bool ready, const char *why);

/* All that is missing is the lease, which another copy holds: not ready, but
 * available. @why as above. */
void admin_set_standby(struct admin *admin, const char *why);

#endif /* COMMON_ADMIN_H */
