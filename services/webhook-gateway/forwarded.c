/* The last element of X-Forwarded-For. */
#include "services/webhook-gateway/forwarded.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

bool forwarded_client(const char *list, uint64_t *client)
{
	const char *comma = strrchr(list, ',');
	const char *at = comma ? comma + 1 : list;
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;
	size_t size;

	at += strspn(at, " \t");
	size = strcspn(at, " \t");
	if (size >= sizeof text || at[size + strspn(at + size, " \t")])
		return false;
	memcpy(text, at, size);
	text[size] = 0;
	if (inet_pton(AF_INET, text, &four) == 1) {
		*client = four.s_addr;
		return true;
	}
	if (inet_pton(AF_INET6, text, &six) != 1)
		return false;
	memcpy(client, six.s6_addr, sizeof *client);
	return true;
}
