/* Who asks: its address, its share of the gateway, the name of its request. */
#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/map.h"
#include "services/webhook-gateway/forwarded.h"
#include "services/webhook-gateway/web_impl.h"

enum { FORWARDED_ROOM = 512, BYTES_OF_ONE = 64 * 1024 };

/* ---- addresses ---------------------------------------------------------- */

bool web_peer_address(lws_sockfd_type fd, uint32_t *address)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof peer;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) ||
	    peer.sin_family != AF_INET)
		return false;
	*address = peer.sin_addr.s_addr;
	return true;
}

bool web_is_proxy(const struct web *w, uint32_t address)
{
	return w->is.proxy_mask &&
	       (address & w->is.proxy_mask) == w->is.proxy_network;
}

/* What its proxy says, if it comes through one. */
static bool read_forwarded(struct lws *wsi, uint64_t *client)
{
	char list[FORWARDED_ROOM];

	return lws_hdr_copy(wsi, list, sizeof list, WSI_TOKEN_X_FORWARDED_FOR) >
		       0 &&
	       forwarded_client(list, client);
}

static uint64_t client_of(struct web *w, struct lws *wsi)
{
	uint32_t address = 0;
	uint64_t client;

	/* One that has gone already shares with others that have. */
	if (!web_peer_address(lws_get_socket_fd(wsi), &address))
		address = 0;
	if (web_is_proxy(w, address) && read_forwarded(wsi, &client))
		return client;
	return address;
}

/* ---- its share ---------------------------------------------------------- */

bool web_take_share(struct lws *wsi, struct session *s)
{
	struct web *w = web_of(wsi);

	if (!w->rates)
		return true;
	s->client = client_of(w, wsi);
	s->rate = rates_take(w->rates, s->client, metric_now_us());
	if (!s->rate.refused)
		return true;
	metric_add(&web_limited, 1);
	api_problem(&s->answer, 429, "Too many requests",
		    "more than %" PRIu64 " in %u seconds: come back in %u",
		    w->is.rate_limit, w->is.rate_window_s,
		    s->rate.retry_after_s);
	s->answer.retry_after_s = s->rate.retry_after_s;
	return false;
}

void web_charge_share(struct lws *wsi, struct session *s, size_t bytes)
{
	struct web *w = web_of(wsi);

	if (w->rates && bytes >= BYTES_OF_ONE)
		s->rate = rates_charge(w->rates, s->client,
				       bytes / BYTES_OF_ONE, metric_now_us());
}

/* ---- its request's name ------------------------------------------------- */

static bool is_sane(const char *id)
{
	for (const char *p = id; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.:", *p))
			return false;
	return *id;
}

void web_identify(struct lws *wsi, struct api_answer *a)
{
	static const char name[] = "x-request-id:";
	struct web *w = web_of(wsi);
	int size = lws_hdr_custom_length(wsi, name, sizeof name - 1);

	if (size > 0 && size < API_ID_ROOM &&
	    lws_hdr_custom_copy(wsi, a->id, sizeof a->id, name,
				sizeof name - 1) > 0 &&
	    is_sane(a->id))
		return;
	snprintf(a->id, sizeof a->id, "%016" PRIx64, map_hash_u64(w->ids++));
}
