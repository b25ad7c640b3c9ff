/* Addresses of the bus: patterns, and whether they stay on this machine. */
#include "common/bus.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "msg.h"

static const char *const services[] = {
#define SERVICE(folder, noun) folder,
#include "protocol/messages/links.def"
};
enum { SERVICES = sizeof services / sizeof services[0] };

/* ---- patterns ----------------------------------------------------------- */

/* The address in "NAME=ADDRESS"; NULL: it is "ADDRESS". A path may have a '='.
 */
static const char *address_of(const char *item)
{
	const char *equals = strchr(item, '='), *scheme = strstr(item, "://");

	return equals && (!scheme || equals < scheme) ? equals + 1 : NULL;
}

static bool begins(const char *item, const char *name)
{
	size_t size = strlen(name);

	return strncmp(item, name, size) == 0 && item[size] == '=';
}

/* The pattern in @list that says the most about this copy; NULL: none does. */
static const char *pattern_for(char *list, const char *service,
			       const char *instance)
{
	const char *found = NULL;
	char name[BUS_ENDPOINT_ROOM], *item;
	unsigned best = 0;

	snprintf(name, sizeof name, "%s.%s", service, instance);
	while ((item = strsep(&list, ","))) {
		const char *address = address_of(item);
		unsigned fits = !address		? 1
				: begins(item, name)	? 3
				: begins(item, service) ? 2
							: 0;

		if (fits > best) {
			best = fits;
			found = address ? address : item;
		}
	}
	return found;
}

/* Append what @p stands for; returns what is behind it. */
static const char *put_next(struct buf *out, const char *p, const char *service,
			    const char *instance)
{
	if (*p != '%') {
		buf_put(out, p, 1);
		return p + 1;
	}
	if (p[1] == 's' || p[1] == 'i') {
		buf_printf(out, "%s", p[1] == 's' ? service : instance);
		return p + 2;
	}
	buf_printf(out, "%s.%s", service, instance);
	return p + 1;
}

void bus_endpoint(char out[BUS_ENDPOINT_ROOM], const char *at,
		  const char *service, const char *instance)
{
	char *list = strdup(at);
	const char *p = list ? pattern_for(list, service, instance) : NULL;
	struct buf made = {0};

	while (p && *p)
		p = put_next(&made, p, service, instance);
	out[0] = 0;
	if (!buf_err(&made) && made.size < BUS_ENDPOINT_ROOM)
		snprintf(out, BUS_ENDPOINT_ROOM, "%.*s", (int)made.size,
			 (const char *)made.data);
	buf_free(&made);
	free(list);
}

/* ---- what is allowed ---------------------------------------------------- */

/* Addresses, not names: a name may lead anywhere. */
static bool is_loopback(const char *host_and_port)
{
	size_t size = strcspn(host_and_port, ":;");
	char host[32];
	struct in_addr address;

	if (size >= sizeof host)
		return false;
	snprintf(host, sizeof host, "%.*s", (int)size, host_and_port);
	return inet_pton(AF_INET, host, &address) == 1 &&
	       ntohl(address.s_addr) >> 24 == 127;
}

static enum err refuse(const char *endpoint, const char *whose,
		       const char *text)
{
	log_error("bus.address", "endpoint=\"%s\" of=%s text=\"%s\"", endpoint,
		  whose, text);
	return ERR_CONFIG;
}

static enum err check_one(const struct bus_config *c, const char *at,
			  const char *service, const char *instance)
{
	char endpoint[BUS_ENDPOINT_ROOM], whose[BUS_ENDPOINT_ROOM];

	bus_endpoint(endpoint, at, service, instance);
	snprintf(whose, sizeof whose, "%s.%s", service, instance);
	if (!*endpoint)
		return refuse(at, whose,
			      "no address, or a longer one than there is: give "
			      "one with --bus, as tcp://%s-%i:7000 or "
			      "SERVICE=ADDRESS,SERVICE=ADDRESS");
	if (strncmp(endpoint, "ipc://", 6) == 0)
		return ERR_NONE;
	if (strncmp(endpoint, "tcp://", 6) != 0)
		return refuse(endpoint, whose,
			      "an address of the bus begins with ipc:// or "
			      "tcp://: mend --bus or --bus-bind");
	if (c->keys || c->open || is_loopback(endpoint + 6))
		return ERR_NONE;
	return refuse(endpoint, whose,
		      "whoever reaches this network could speak for a service: "
		      "make keys with 'kalypso keys make' and give "
		      "--bus-key-file and --bus-allow; or, if nobody else can "
		      "reach it, --bus-open");
}

/* Who says nothing to anybody needs no address. */
static bool speaks(const char *service)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (msg_passes(service, services[i]))
			return true;
	return false;
}

enum err bus_check(const struct bus_config *config, const char *service,
		   const char *instance)
{
	bool own = config->bind && *config->bind;
	enum err e = own ? check_one(config, config->bind, service, instance)
			 : ERR_NONE;

	for (size_t i = 0; i < SERVICES && !e; i++) {
		char *list = strdup(config->instances), *rest = list, *one;
		bool ours = strcmp(services[i], service) == 0;

		if (ours && !own && speaks(service))
			e = check_one(config, config->at, service, instance);
		while (list && !e && !ours &&
		       msg_passes(services[i], service) &&
		       (one = strsep(&rest, ",")))
			e = check_one(config, config->at, services[i], one);
		free(list);
	}
	return e;
}
