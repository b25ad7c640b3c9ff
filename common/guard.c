/* Prefixes of 128 bits; IPv4 addresses are those of ::ffff:0:0/96. */
#include "common/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { IPV4_AT = 12, IPV4_BITS = 96, ITEM_ROOM = 64 };

struct prefix {
	uint8_t bytes[16];
	unsigned bits;
};

struct guard {
	struct prefix *allowed;
	size_t count;
};

static bool covers(const struct prefix *p, const uint8_t a[16])
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (memcmp(p->bytes, a, whole) != 0)
		return false;
	return !rest || ((p->bytes[whole] ^ a[whole]) >> (8 - rest)) == 0;
}

/* Whether nothing is set behind the prefix. */
static bool is_clean(const struct prefix *p)
{
	for (unsigned bit = p->bits; bit < 128; bit++)
		if (p->bytes[bit / 8] >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static void map_ipv4(uint8_t out[16], const void *address)
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + IPV4_AT, address, 4);
}

static bool parse_address(struct prefix *p, const char *text, unsigned *bits)
{
	struct in_addr v4;

	*bits = 128;
	if (inet_pton(AF_INET6, text, p->bytes) == 1)
		return true;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return false;
	*bits = 32;
	map_ipv4(p->bytes, &v4);
	return true;
}

static bool parse_item(struct prefix *p, const char *item, size_t size)
{
	char text[ITEM_ROOM], *slash, *end;
	unsigned room;
	unsigned long bits;

	if (size >= sizeof text)
		return false;
	memcpy(text, item, size);
	text[size] = 0;
	slash = strchr(text, '/');
	if (!slash || !strchr("0123456789", slash[1]) || !slash[1])
		return false;
	*slash = 0;
	bits = strtoul(slash + 1, &end, 10);
	if (*end || !parse_address(p, text, &room) || bits > room)
		return false;
	p->bits = (unsigned)bits + (128 - room);
	return is_clean(p);
}

enum err guard_new(struct guard **out, const char *cidrs)
{
	struct guard *g = calloc(1, sizeof *g);
	size_t room = 1;

	*out = NULL;
	for (const char *c = cidrs; *c; c++)
		room += *c == ',';
	if (g)
		g->allowed = calloc(room, sizeof g->allowed[0]);
	if (!g || !g->allowed) {
		guard_free(&g);
		return ERR_NO_MEMORY;
	}
	for (const char *at = cidrs; *cidrs; at++) {
		size_t size = strcspn(at, ",");

		if (!parse_item(&g->allowed[g->count++], at, size)) {
			guard_free(&g);
			return ERR_MALFORMED;
		}
		at += size;
		if (!*at)
			break;
	}
	*out = g;
	return ERR_NONE;
}

void guard_free(struct guard **guard)
{
	if (!*guard)
		return;
	free((*guard)->allowed);
	free(*guard);
	*guard = NULL;
}

/* ---- what is public ----------------------------------------------------- */

#define V4(a, b, c, d, bits_)                                                  \
	{                                                                      \
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d},        \
			IPV4_BITS + (bits_)                                    \
	}

static const struct prefix special[] = {
	V4(0, 0, 0, 0, 8),	 /* this network */
	V4(10, 0, 0, 0, 8),	 /* private */
	V4(100, 64, 0, 0, 10),	 /* carriers' NAT */
	V4(127, 0, 0, 0, 8),	 /* loopback */
	V4(169, 254, 0, 0, 16),	 /* link-local, where clouds keep secrets */
	V4(172, 16, 0, 0, 12),	 /* private */
	V4(192, 0, 0, 0, 24),	 /* protocol assignments */
	V4(192, 0, 2, 0, 24),	 /* documentation */
	V4(192, 88, 99, 0, 24),	 /* 6to4 relays */
	V4(192, 168, 0, 0, 16),	 /* private */
	V4(198, 18, 0, 0, 15),	 /* benchmarks */
	V4(198, 51, 100, 0, 24), /* documentation */
	V4(203, 0, 113, 0, 24),	 /* documentation */
	V4(224, 0, 0, 0, 4),	 /* multicast */
	V4(240, 0, 0, 0, 4),	 /* reserved, broadcast */
	{{0x20, 0x01}, 23},	 /* Teredo and other assignments */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	{{0x20, 0x02}, 16},		/* 6to4: an IPv4 address inside */
	{{0x3f, 0xff}, 20},		/* documentation */
};
static const struct prefix ipv4 = V4(0, 0, 0, 0, 0);
static const struct prefix unicast = {{0x20}, 3};

static bool is_public(const uint8_t a[16])
{
	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
		if (covers(&special[i], a))
			return false;
	return covers(&ipv4, a) || covers(&unicast, a);
}

enum guard_verdict guard_judge(const struct guard *g,
			       const struct sockaddr *address)
{
	uint8_t a[16];

	if (address->sa_family == AF_INET)
		map_ipv4(a, &((const struct sockaddr_in *)address)->sin_addr);
	else if (address->sa_family == AF_INET6)
		memcpy(a, &((const struct sockaddr_in6 *)address)->sin6_addr,
		       sizeof a);
	else
		return GUARD_REFUSED;
	for (size_t i = 0; i < g->count; i++)
		if (covers(&g->allowed[i], a))
			return GUARD_ALLOWED;
	return is_public(a) ? GUARD_PUBLIC : GUARD_REFUSED;
}
