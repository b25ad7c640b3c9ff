/* ZeroMQ PUB and SUB with every limit set. */
#include "common/bus.h"

#include <czmq.h>

#include "common/be.h"
#include "common/crc32c.h"
#include "common/log.h"
#include "common/metric.h"

enum {
	HEADER_BYTES = 24,
	FRAME_BYTES_MAX = HEADER_BYTES + STORE_ENTRY_BYTES_MAX,
	QUEUE_FRAMES = 10000, /* beyond it frames are lost, and read instead */
	DRAIN_MAX = 1000,     /* frames per turn of the loop */
	ALIVE_MS = 1000,
	DEAD_MS = 5000,
};

static struct metric bad_frames =
	METRIC(COUNTER, "bus_frame_rejected_total",
	       "frames with a wrong checksum, or not of our form");

struct bus_out {
	zsock_t *socket;
};

struct bus_in {
	struct loop *loop;
	zsock_t *socket;
	bus_fn *fn;
	bus_drained_fn *drained;
	void *arg;
};

static uint32_t checksum(const uint8_t *frame, size_t size)
{
	uint32_t crc = crc32c(0, frame, 16);

	return crc32c(crc, frame + 20, size - 20);
}

void bus_endpoint(char out[BUS_ENDPOINT_ROOM], const char *at,
		  const char *service, const char *instance)
{
	const char *mark = strchr(at, '%');

	if (mark)
		snprintf(out, BUS_ENDPOINT_ROOM, "%.*s%s.%s%s",
			 (int)(mark - at), at, service, instance, mark + 1);
	else
		snprintf(out, BUS_ENDPOINT_ROOM, "%s", at);
}

static void set_limits(zsock_t *socket)
{
	zsock_set_linger(socket, 0);
	zsock_set_sndhwm(socket, QUEUE_FRAMES);
	zsock_set_rcvhwm(socket, QUEUE_FRAMES);
	zsock_set_maxmsgsize(socket, FRAME_BYTES_MAX);
	zsock_set_heartbeat_ivl(socket, ALIVE_MS);
	zsock_set_heartbeat_timeout(socket, DEAD_MS);
	zsock_set_reconnect_ivl(socket, 50);
	zsock_set_reconnect_ivl_max(socket, 1000);
}

/* ---- publishing --------------------------------------------------------- */

enum err bus_out_open(struct bus_out **out, const char *endpoint)
{
	struct bus_out *o = calloc(1, sizeof *o);

	if (!o)
		return ERR_NO_MEMORY;
	o->socket = zsock_new(ZMQ_PUB);
	if (!o->socket) {
		free(o);
		return ERR_NO_MEMORY;
	}
	set_limits(o->socket);
	if (zsock_bind(o->socket, "%s", endpoint) < 0) {
		log_error("bus.bind",
			  "endpoint=%s text=\"%s: is the folder "
			  "there, and the port free?\"",
			  endpoint, zmq_strerror(zmq_errno()));
		bus_out_close(&o);
		return ERR_CONFIG;
	}
	*out = o;
	return ERR_NONE;
}

void bus_out_close(struct bus_out **out)
{
	if (!*out)
		return;
	zsock_destroy(&(*out)->socket);
	free(*out);
	*out = NULL;
}

void bus_ring(struct bus_out *out, uint64_t epoch, const struct entry *entry,
	      bool more)
{
	int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
	size_t size = HEADER_BYTES + entry->body.size;
	zmq_msg_t msg;
	uint8_t *p;

	if (zmq_msg_init_size(&msg, size))
		return; /* as good as lost on the way */
	p = zmq_msg_data(&msg);
	be64_put(p, epoch);
	be64_put(p + 8, entry->number);
	be16_put(p + 20, entry->type);
	be16_put(p + 22, 0);
	if (entry->body.size)
		memcpy(p + HEADER_BYTES, entry->body.data, entry->body.size);
	be32_put(p + 16, checksum(p, size));
	if (zmq_msg_send(&msg, zsock_resolve(out->socket), flags) < 0)
		zmq_msg_close(&msg);
}

void bus_beat(struct bus_out *out, uint64_t epoch, uint64_t newest)
{
	bus_ring(out, epoch, &(struct entry){.number = newest}, false);
}

/* ---- following ---------------------------------------------------------- */

static void take_frame(struct bus_in *in, zmq_msg_t *msg)
{
	const uint8_t *p = zmq_msg_data(msg);
	size_t size = zmq_msg_size(msg);
	struct entry entry;

	if (size < HEADER_BYTES || checksum(p, size) != be32_at(p + 16)) {
		metric_add(&bad_frames, 1);
		return;
	}
	entry.number = be64_at(p + 8);
	entry.type = be16_at(p + 20);
	entry.body = (struct bytes){p + HEADER_BYTES, size - HEADER_BYTES};
	in->fn(in->arg, be64_at(p), &entry);
}

static void on_readable(void *arg)
{
	struct bus_in *in = arg;
	void *handle = zsock_resolve(in->socket);
	zmq_msg_t msg;

	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		zmq_msg_init(&msg);
		if (zmq_msg_recv(&msg, handle, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&msg);
			break;
		}
		take_frame(in, &msg);
		zmq_msg_close(&msg);
	}
	in->drained(in->arg);
}

static void connect_all(struct bus_in *in, const char *at, const char *service,
			const char *instances)
{
	char *list = strdup(instances), *rest = list, *one;

	while (list && (one = strsep(&rest, ","))) {
		char endpoint[BUS_ENDPOINT_ROOM];

		bus_endpoint(endpoint, at, service, one);
		if (zsock_connect(in->socket, "%s", endpoint))
			log_error("bus.connect", "endpoint=%s text=\"%s\"",
				  endpoint, zmq_strerror(zmq_errno()));
	}
	free(list);
}

enum err bus_in_open(struct bus_in **out, struct loop *loop, const char *at,
		     const char *service, const char *instances, bus_fn *fn,
		     bus_drained_fn *drained, void *arg)
{
	struct bus_in *in = calloc(1, sizeof *in);

	if (!in)
		return ERR_NO_MEMORY;
	metric_register(&bad_frames);
	*in = (struct bus_in){.loop = loop,
			      .fn = fn,
			      .drained = drained,
			      .arg = arg,
			      .socket = zsock_new(ZMQ_SUB)};
	if (!in->socket) {
		free(in);
		return ERR_NO_MEMORY;
	}
	set_limits(in->socket);
	zsock_set_subscribe(in->socket, "");
	connect_all(in, at, service, instances);
	loop_socket(loop, in->socket, on_readable, in);
	*out = in;
	return ERR_NONE;
}

void bus_in_close(struct bus_in **in)
{
	if (!*in)
		return;
	loop_socket((*in)->loop, (*in)->socket, NULL, NULL);
	zsock_destroy(&(*in)->socket);
	free(*in);
	*in = NULL;
}
