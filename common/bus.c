/* ZeroMQ PUB and SUB with every limit set. */
#include "common/bus.h"

#include <czmq.h>

#include "common/be.h"
#include "common/bus_guard.h"
#include "common/crc32c.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/protocol.h"

enum {
	HEADER_BYTES = 24,
	FRAME_BYTES_MAX = HEADER_BYTES + STORE_ENTRY_BYTES_MAX,
	QUEUE_FRAMES = 10000, /* beyond it frames are lost, and read instead */
	DRAIN_MAX = 1000,     /* frames per turn of the loop */
	ALIVE_MS = 1000,
	DEAD_MS = 5000,
	SERVER_KEYS_MAX = 4, /* of one service at once */
	HANDSHAKE_MS = 5000, /* after it, who only connects is disconnected */
};

static struct metric bad_frames =
	METRIC(COUNTER, "bus_frame_rejected_total",
	       "frames with a wrong checksum, or not of our form");

struct bus_out {
	char endpoint[BUS_ENDPOINT_ROOM];
	const struct bus_config *config;
	zsock_t *socket;	 /* NULL: not bound at the moment */
	struct bus_guard *guard; /* NULL without CURVE */
};

/* One connection, and one key to expect there, is all that libzmq lets a socket
 * have of an address: while keys change there are several. */
struct ears {
	zsock_t *v[1 + SERVER_KEYS_MAX];
	unsigned count;
};

struct bus_in {
	struct loop *loop;
	const struct bus_config *config;
	const char *service;
	struct ears ears;
	bus_fn *fn;
	bus_drained_fn *drained;
	void *arg;
};

static uint32_t checksum(const uint8_t *frame, size_t size)
{
	uint32_t crc = crc32c(0, frame, 16);

	return crc32c(crc, frame + 20, size - 20);
}

static void set_limits(zsock_t *socket)
{
	zsock_set_linger(socket, 0);
	zsock_set_sndhwm(socket, QUEUE_FRAMES);
	zsock_set_rcvhwm(socket, QUEUE_FRAMES);
	zsock_set_maxmsgsize(socket, FRAME_BYTES_MAX);
	zsock_set_heartbeat_ivl(socket, ALIVE_MS);
	zsock_set_heartbeat_timeout(socket, DEAD_MS);
	zsock_set_handshake_ivl(socket, HANDSHAKE_MS);
	zsock_set_reconnect_ivl(socket, 50);
	zsock_set_reconnect_ivl_max(socket, 1000);
}

static bool is_guarded(const struct bus_config *c, const char *endpoint)
{
	return c->keys && strncmp(endpoint, "tcp://", 6) == 0;
}

/* ---- publishing --------------------------------------------------------- */

static zsock_t *bind_socket(const struct bus_out *o)
{
	zsock_t *socket = zsock_new(ZMQ_PUB);

	if (!socket)
		return NULL;
	set_limits(socket);
	if (o->guard)
		bus_guard_socket(socket, o->config->keys);
	if (zsock_bind(socket, "%s", o->endpoint) < 0)
		zsock_destroy(&socket);
	return socket;
}

enum err bus_out_open(struct bus_out **out, const struct bus_config *config,
		      const char *service, const char *instance)
{
	struct bus_out *o = calloc(1, sizeof *o);
	bool own = config->bind && *config->bind;
	enum err e = ERR_NONE;

	if (!o)
		return ERR_NO_MEMORY;
	o->config = config;
	bus_endpoint(o->endpoint, own ? config->bind : config->at, service,
		     instance);
	if (is_guarded(config, o->endpoint))
		e = bus_guard_new(&o->guard, config->keys, service);
	if (!e)
		o->socket = bind_socket(o);
	if (!e && !o->socket) {
		log_error("bus.bind",
			  "endpoint=%s text=\"%s: is the folder there, the "
			  "address this machine's own, as --bus-bind has to "
			  "be, and the port free?\"",
			  o->endpoint, zmq_strerror(zmq_errno()));
		e = ERR_CONFIG;
	}
	if (e)
		bus_out_close(&o);
	*out = o;
	return e;
}

void bus_out_close(struct bus_out **out)
{
	if (!*out)
		return;
	zsock_destroy(&(*out)->socket);
	bus_guard_free(&(*out)->guard);
	free(*out);
	*out = NULL;
}

void bus_out_watch(struct bus_out *out, struct loop *loop)
{
	if (out->guard)
		bus_guard_watch(out->guard, loop);
}

bool bus_out_renew(struct bus_out *out)
{
	if (!out->guard)
		return true;
	zsock_destroy(&out->socket);
	out->socket = bind_socket(out);
	return out->socket != NULL;
}

void bus_ring(struct bus_out *out, uint64_t epoch, const struct entry *entry,
	      bool more)
{
	int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
	size_t size = HEADER_BYTES + entry->body.size;
	zmq_msg_t msg;
	uint8_t *p;

	if (!out->socket || zmq_msg_init_size(&msg, size))
		return; /* as good as lost on the way */
	p = zmq_msg_data(&msg);
	be64_put(p, epoch);
	be64_put(p + 8, entry->number);
	be16_put(p + 20, entry->type);
	be16_put(p + 22, protocol_ours);
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
	if (be16_at(p + 22) > protocol_ours) {
		entry.type = 0;
		entry.body.size = 0;
	}
	in->fn(in->arg, be64_at(p), &entry);
}

static void drain(struct bus_in *in, zsock_t *socket)
{
	void *handle = zsock_resolve(socket);
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
}

static void on_readable(void *arg)
{
	struct bus_in *in = arg;

	for (unsigned i = 0; i < in->ears.count; i++)
		drain(in, in->ears.v[i]);
	in->drained(in->arg);
}

/* To all instances that are under CURVE and have @key; NULL: that are not. */
static zsock_t *connect_all(const struct bus_in *in, const struct bus_key *key)
{
	const struct bus_config *c = in->config;
	zsock_t *socket = zsock_new(ZMQ_SUB);
	char *list = strdup(c->instances), *rest = list, *one;

	if (socket) {
		set_limits(socket);
		zsock_set_subscribe(socket, "");
	}
	if (socket && key) {
		zsock_set_curve_publickey_bin(socket, bus_keys_public(c->keys));
		zsock_set_curve_secretkey_bin(socket, bus_keys_secret(c->keys));
		zsock_set_curve_serverkey_bin(socket, key->public);
	}
	while (socket && list && (one = strsep(&rest, ","))) {
		char endpoint[BUS_ENDPOINT_ROOM];

		bus_endpoint(endpoint, c->at, in->service, one);
		if (is_guarded(c, endpoint) == (key != NULL) &&
		    zsock_connect(socket, "%s", endpoint))
			log_error("bus.connect", "endpoint=%s text=\"%s\"",
				  endpoint, zmq_strerror(zmq_errno()));
	}
	free(list);
	return socket;
}

static void close_all(struct ears *ears)
{
	while (ears->count)
		zsock_destroy(&ears->v[--ears->count]);
}

static enum err open_all(struct ears *ears, const struct bus_in *in)
{
	const struct bus_keys *keys = in->config->keys;
	const struct bus_key *key = NULL;

	ears->count = 0;
	do {
		zsock_t *socket = connect_all(in, key);

		if (!socket) {
			close_all(ears);
			return ERR_NO_MEMORY;
		}
		ears->v[ears->count++] = socket;
		key = keys ? bus_keys_next(keys, in->service, key) : NULL;
	} while (key && ears->count <= SERVER_KEYS_MAX);
	return ERR_NONE;
}

static void watch_all(struct bus_in *in, loop_fn *fn)
{
	for (unsigned i = 0; i < in->ears.count; i++)
		loop_socket(in->loop, in->ears.v[i], fn, in);
}

enum err bus_in_open(struct bus_in **out, struct loop *loop,
		     const struct bus_config *config, const char *service,
		     bus_fn *fn, bus_drained_fn *drained, void *arg)
{
	struct bus_in *in = calloc(1, sizeof *in);
	enum err e;

	if (!in)
		return ERR_NO_MEMORY;
	metric_register(&bad_frames);
	*in = (struct bus_in){.loop = loop,
			      .config = config,
			      .service = service,
			      .fn = fn,
			      .drained = drained,
			      .arg = arg};
	e = open_all(&in->ears, in);
	if (e) {
		free(in);
		return e;
	}
	watch_all(in, on_readable);
	*out = in;
	return ERR_NONE;
}

enum err bus_in_renew(struct bus_in *in)
{
	struct ears others;
	enum err e = open_all(&others, in);

	if (e)
		return e;
	watch_all(in, NULL);
	close_all(&in->ears);
	in->ears = others;
	watch_all(in, on_readable);
	return ERR_NONE;
}

void bus_in_close(struct bus_in **in)
{
	if (!*in)
		return;
	watch_all(*in, NULL);
	close_all(&(*in)->ears);
	free(*in);
	*in = NULL;
}
