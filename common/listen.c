/* guard.h knows what is public, the kernel what is ours. */
#include "common/listen.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stddef.h>

#include "common/guard.h"

static bool is_public(const struct guard *g, const struct sockaddr *address)
{
	return guard_judge(g, address) == GUARD_PUBLIC;
}

/* Whether a machine with these addresses is reached by a public one. */
static bool any_is_public(const struct guard *g)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all))
		return true; /* nobody knows */
	for (struct ifaddrs *a = all; a && !found; a = a->ifa_next)
		found = a->ifa_addr && a->ifa_addr->sa_family == AF_INET &&
			is_public(g, a->ifa_addr);
	freeifaddrs(all);
	return found;
}

bool listen_is_public(const char *host)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct guard *g = NULL;
	bool found;

	if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
		return false;
	if (guard_new(&g, ""))
		return true;
	found = at.sin_addr.s_addr == INADDR_ANY
			? any_is_public(g)
			: is_public(g, (const struct sockaddr *)&at);
	guard_free(&g);
	return found;
}
