/* Answers to ZAP's questions, in the service's own loop: a question waits for
 * its turn, as everything does. */
#include "common/bus_guard.h"

#include <czmq.h>

#include "common/log.h"
#include "common/metric.h"
#include "msg.h"

enum { TURN_MAX = 100, COMPLAIN_US = 10 * 1000 * 1000 };

static struct metric refused =
	METRIC(COUNTER, "bus_refused_total",
	       "connections to our bus with a key that may not hear us");

struct bus_guard {
	const struct bus_keys *keys;
	const char *service;
	zsock_t *socket;
	struct loop *loop;
	uint64_t complained_us;
};

enum err bus_guard_new(struct bus_guard **out, const struct bus_keys *keys,
		       const char *service)
{
	struct bus_guard *g = calloc(1, sizeof *g);

	if (!g)
		return ERR_NO_MEMORY;
	metric_register(&refused);
	*g = (struct bus_guard){
		.keys = keys, .service = service, .socket = zsock_new(ZMQ_REP)};
	if (!g->socket || zsock_bind(g->socket, "inproc://zeromq.zap.01") < 0) {
		log_error("bus.guard", "text=\"%s\"",
			  zmq_strerror(zmq_errno()));
		bus_guard_free(&g);
		return ERR_CONFIG;
	}
	*out = g;
	return ERR_NONE;
}

void bus_guard_free(struct bus_guard **guard)
{
	if (!*guard)
		return;
	bus_guard_watch(*guard, NULL);
	zsock_destroy(&(*guard)->socket);
	free(*guard);
	*guard = NULL;
}

void bus_guard_socket(void *zsock, const struct bus_keys *keys)
{
	zsock_set_curve_server(zsock, 1);
	zsock_set_curve_secretkey_bin(zsock, bus_keys_secret(keys));
	zsock_set_zap_domain(zsock, "kalypso");
	/* Without a guard libzmq would let in whoever knows our public key. */
	zsock_set_zap_enforce_domain(zsock, 1);
}

/* Told now and then: who isn't let in tries again every second. */
static void complain(struct bus_guard *g, const char *address,
		     const struct bus_key *whose, const uint8_t *public)
{
	uint64_t now = metric_now_us();
	char text[BUS_KEY_TEXT];

	metric_add(&refused, 1);
	if (g->complained_us && now - g->complained_us < COMPLAIN_US)
		return;
	g->complained_us = now;
	if (whose)
		log_warn("bus.refused",
			 "address=%s role=%s text=\"%s has nothing to hear "
			 "from %s: does it use another service's key?\"",
			 address, whose->role, whose->role, g->service);
	else
		log_warn("bus.refused",
			 "address=%s key=\"%s\" text=\"a key that isn't in "
			 "--bus-allow: copy its SERVICE.pub there, or find "
			 "out who that is\"",
			 address, bus_key_text(text, public));
}

static bool may_come(struct bus_guard *g, zmsg_t *question)
{
	/* version, id, domain, address, identity, mechanism, key */
	zframe_t *parts[7] = {zmsg_first(question)};
	const struct bus_key *whose;
	char address[64];

	for (int i = 1; i < 7; i++)
		parts[i] = parts[i - 1] ? zmsg_next(question) : NULL;
	if (!parts[6] || !zframe_streq(parts[5], "CURVE") ||
	    zframe_size(parts[6]) != BUS_KEY_SIZE)
		return false;
	whose = bus_keys_whose(g->keys, zframe_data(parts[6]));
	if (whose && msg_passes(g->service, whose->role))
		return true;
	snprintf(address, sizeof address, "%.*s", (int)zframe_size(parts[3]),
		 (const char *)zframe_data(parts[3]));
	complain(g, address, whose, zframe_data(parts[6]));
	return false;
}

/* 300: libzmq's client comes again after it, as soon as its key is in order.
 * After 400 it would never. */
static void answer(struct bus_guard *g, zmsg_t *question)
{
	bool welcome = may_come(g, question);
	zframe_t *version = zmsg_pop(question), *id = zmsg_pop(question);
	zmsg_t *m = zmsg_new();

	zmsg_append(m, &version);
	zmsg_append(m, &id);
	zmsg_addstr(m, welcome ? "200" : "300");
	zmsg_addstr(m, welcome ? "OK" : "not now");
	zmsg_addstr(m, "");
	zmsg_addstr(m, "");
	zmsg_send(&m, g->socket);
}

static void on_question(void *arg)
{
	struct bus_guard *g = arg;

	for (unsigned i = 0;
	     i < TURN_MAX && zsock_events(g->socket) & ZMQ_POLLIN; i++) {
		zmsg_t *question = zmsg_recv(g->socket);

		if (question && zmsg_size(question) >= 2)
			answer(g, question);
		zmsg_destroy(&question);
	}
}

void bus_guard_watch(struct bus_guard *guard, struct loop *loop)
{
	if (guard->loop)
		loop_socket(guard->loop, guard->socket, NULL, NULL);
	guard->loop = loop;
	if (loop)
		loop_socket(loop, guard->socket, on_question, guard);
}
