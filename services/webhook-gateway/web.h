/* web - the thread that serves people: HTTP, websocket, the page.
 *
 * libwebsockets owns this thread's loop, and the thread owns the view, so
 * nothing of it needs a lock. What the logs say comes through a queue. */
#ifndef SERVICES_WEBHOOK_GATEWAY_WEB_H
#define SERVICES_WEBHOOK_GATEWAY_WEB_H

#include "services/webhook-gateway/api.h"
#include "services/webhook-gateway/base.h"
#include "services/webhook-gateway/hook_api.h"
#include "services/webhook-gateway/queue.h"

struct web;

struct web_config {
	const char *host; /* IPv4 */
	uint16_t port;	  /* 0: any free one */
	const char *web_dir;
	unsigned connections_max, clients_max, per_ip_max;
	unsigned header_bytes, header_timeout_s, idle_timeout_s,
		stall_timeout_s;
	/* Addresses of proxies whose X-Forwarded-For is believed, in network
	 * order; a mask of 0: there are none. */
	uint32_t proxy_network, proxy_mask;
	uint64_t rate_limit; /* of a client, in rate_window_s; 0: none */
	unsigned rate_window_s;
	unsigned depth, why_rounds;
	size_t history, window;
	unsigned patience_s;
	const struct base *base; /* what was before the logs begin; only for
				  * web_start() */
	struct store *store;	 /* of the web thread from now on */
	uint64_t epoch;
	const char *instances;
	struct api_token payment, stake;
	const struct hook_api_config *hook_api; /* NULL: no webhooks */
	/* Called in the web thread when it can't go on; it has ended then. */
	void (*failed)(void *arg, enum err e);
	void *arg;
};

/* Listen, and begin to serve what comes out of @queue. Borrows what @config
 * points at while it lives.
 * ERR_CONFIG	it can't listen, or a file of the page is missing; what to do
 *		was logged
 * ERR_NO_MEMORY */
NODISCARD enum err web_start(struct web **out, const struct web_config *config,
			     struct queue *queue);

/* End the thread and close every connection. */
void web_stop(struct web **web);

/* Something was put into a queue that had been empty. From any thread. */
void web_wake(struct web *web);

/* Everything that the logs held has been put into the queue. From any thread.
 */
void web_set_ready(struct web *web);

uint16_t web_port(const struct web *web);

/* For the status. From any thread. */
struct web_numbers {
	uint64_t block, clients, requests, contradictions;
	bool ready; /* what the logs held is shown */
	bool stuck; /* its thread hasn't turned for some seconds */
};
struct web_numbers web_numbers(const struct web *web);

#endif /* SERVICES_WEBHOOK_GATEWAY_WEB_H */
