/* libmicrohttpd in its own thread; it reads a handful of atomics. */
#include "common/admin.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/alarm.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/process.h"
#include "common/version.h"

enum { STUCK_US = 10 * 1000 * 1000, CONNECTIONS_MAX = 16, IDLE_S = 10 };

struct admin {
	struct MHD_Daemon *daemon;
	uint16_t port;
	_Atomic uint64_t beat_us;
	_Atomic bool ready;
	_Atomic(const char *) why;
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status,
			      struct buf *body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		body->size, body->data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ok = MHD_NO;

	if (r) {
		MHD_add_response_header(r, "Content-Type",
					"text/plain; version=0.0.4");
		ok = MHD_queue_response(c, status, r);
		MHD_destroy_response(r);
	}
	buf_free(body);
	return ok;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct admin *a = arg;
	struct buf body = {0};
	unsigned status = MHD_HTTP_OK;

	(void)version;
	(void)upload;
	(void)state;
	*upload_size = 0;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
		buf_printf(&body, "only GET\n");
	} else if (strcmp(url, "/livez") == 0) {
		if (metric_now_us() - a->beat_us > STUCK_US)
			status = MHD_HTTP_SERVICE_UNAVAILABLE;
		buf_printf(&body, "%s " KALYPSO_VERSION "\n",
			   status == MHD_HTTP_OK ? "live" : "stuck");
	} else if (strcmp(url, "/readyz") == 0) {
		if (!a->ready)
			status = MHD_HTTP_SERVICE_UNAVAILABLE;
		buf_printf(&body, "%s\n", a->ready ? "ready" : a->why);
		alarm_print(&body);
	} else if (strcmp(url, "/metrics") == 0) {
		process_measure();
		metric_print(&body);
	} else {
		status = MHD_HTTP_NOT_FOUND;
		buf_printf(&body, "there are /livez, /readyz and /metrics\n");
	}
	return answer(c, status, &body);
}

enum err admin_open(struct admin **out, const char *host, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	struct admin *a = calloc(1, sizeof *a);
	const union MHD_DaemonInfo *info;

	if (!a)
		return ERR_NO_MEMORY;
	a->beat_us = metric_now_us();
	a->why = "starting";
	process_register();
	if (inet_pton(AF_INET, host, &at.sin_addr) == 1)
		a->daemon = MHD_start_daemon(
			MHD_USE_INTERNAL_POLLING_THREAD, port, NULL, NULL,
			on_request, a, MHD_OPTION_SOCK_ADDR, &at,
			MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384,
			MHD_OPTION_END);
	info = a->daemon ? MHD_get_daemon_info(a->daemon,
					       MHD_DAEMON_INFO_BIND_PORT)
			 : NULL;
	if (!info) {
		log_error("admin.failed",
			  "host=%s port=%u text=\"can't listen: give a free "
			  "port with --admin-port, 0 for any\"",
			  host, port);
		free(a);
		return ERR_CONFIG;
	}
	a->port = info->port;
	*out = a;
	return ERR_NONE;
}

void admin_close(struct admin **admin)
{
	if (!*admin)
		return;
	MHD_stop_daemon((*admin)->daemon);
	free(*admin);
	*admin = NULL;
}

uint16_t admin_port(const struct admin *admin)
{
	return admin->port;
}

void admin_beat(struct admin *admin)
{
	admin->beat_us = metric_now_us();
}

void admin_set_ready(struct admin *admin, bool ready, const char *why)
{
	admin->why = why;
	admin->ready = ready;
}
