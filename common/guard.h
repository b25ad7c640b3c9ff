/* guard - which addresses a stranger may make us connect to.
 *
 * Whoever gives us a URL could mean a machine that only we reach. So the
 * address that a connection is about to be made to is looked at, whatever name
 * led there. Public is what IANA's special-purpose registries (RFC 6890) don't
 * keep for something else; of IPv6 only global unicast (2000::/3) without what
 * embeds an IPv4 address or is meant for documentation. */
#ifndef COMMON_GUARD_H
#define COMMON_GUARD_H

#include <sys/socket.h>

#include "common/err.h"

struct guard;

/* Besides public addresses, allow those in @cidrs: comma-separated,
 * "10.1.0.0/16,fd00::/8,127.0.0.1/32"; "" for none.
 * ERR_MALFORMED	an item isn't ADDRESS/BITS, or has bits set behind its
 *			prefix; *out is NULL
 * ERR_NO_MEMORY */
NODISCARD enum err guard_new(struct guard **out, const char *cidrs);
void guard_free(struct guard **guard);

enum guard_verdict {
	GUARD_REFUSED,
	GUARD_PUBLIC,
	GUARD_ALLOWED, /* by one of the CIDRs */
};

/* An IPv4 address that is written as IPv6 (::ffff:0:0/96) counts as IPv4. Of
 * any other family than these two: refused. */
enum guard_verdict guard_judge(const struct guard *g,
			       const struct sockaddr *address);

#endif /* COMMON_GUARD_H */
