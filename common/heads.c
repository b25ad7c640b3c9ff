/* libwebsockets owns the loop of a thread; a pipe leads to ours. */
#include "common/heads.h"

#include <czmq.h>
#include <libwebsockets.h>
#include <openssl/crypto.h>

#include "common/log.h"
#include "common/metric.h"

enum {
	MESSAGE_MAX = 256 * 1024, /* a header is about 2 KiB */
	RECONNECT_S = 1,
	PING_S = 10, /* idle connections are tested */
	FDS = 16,
};

static const char subscribe[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
				"\"eth_subscribe\",\"params\":[\"newHeads\"]}";

static struct metric told =
	METRIC(COUNTER, "head_told_total", "blocks that a node told us of");
static struct metric lost = METRIC(COUNTER, "head_connection_lost_total",
				   "times that a node's websocket closed");

struct heads {
	struct loop *loop;
	zactor_t *actor;
	heads_fn *fn;
	void *arg;

	/* Of the thread; the loop reads only what was there before it. */
	char *host, *path;
	int port;
	bool tls;
	zsock_t *pipe;
	struct lws_context *context;
	struct lws *wsi;
	lws_sorted_usec_list_t again;
	struct buf message;
	bool complained; /* that it can't be reached */
	bool subscribed; /* on this connection */
	_Atomic bool ending;
};

/* ---- the thread --------------------------------------------------------- */

static void connect_later(struct heads *h, lws_usec_t us);

static void connect_now(lws_sorted_usec_list_t *sul)
{
	struct heads *h = lws_container_of(sul, struct heads, again);
	struct lws_client_connect_info info = {
		.context = h->context,
		.address = h->host,
		.port = h->port,
		.path = h->path,
		.host = h->host,
		.origin = h->host,
		.ssl_connection = h->tls ? LCCSCF_USE_SSL : 0,
		.local_protocol_name = "heads",
		.pwsi = &h->wsi,
	};

	if (!lws_client_connect_via_info(&info))
		connect_later(h, RECONNECT_S * LWS_US_PER_SEC);
}

static void connect_later(struct heads *h, lws_usec_t us)
{
	h->wsi = NULL;
	if (!h->ending)
		lws_sul_schedule(h->context, 0, &h->again, connect_now, us);
}

/* Once per connection: libwebsockets may ask more than once. */
static int send_subscribe(struct heads *h, struct lws *wsi)
{
	uint8_t frame[LWS_PRE + sizeof subscribe];
	size_t size = sizeof subscribe - 1;

	if (h->subscribed)
		return 0;
	h->subscribed = true;
	memcpy(frame + LWS_PRE, subscribe, size);
	return lws_write(wsi, frame + LWS_PRE, size, LWS_WRITE_TEXT) ==
			       (int)size
		       ? 0
		       : -1;
}

static int receive(struct heads *h, struct lws *wsi, const void *data,
		   size_t size)
{
	zframe_t *frame;

	if (h->message.size + size > MESSAGE_MAX)
		return -1;
	buf_put(&h->message, data, size);
	if (!lws_is_final_fragment(wsi))
		return 0;
	frame = zframe_new(h->message.data, h->message.size);
	buf_clear(&h->message);
	/* A loop that is that far behind will ask for the head itself. */
	if (frame && zframe_send(&frame, h->pipe, ZFRAME_DONTWAIT))
		zframe_destroy(&frame);
	return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t size)
{
	struct heads *h = lws_context_user(lws_get_context(wsi));

	(void)user;
	switch ((int)reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		log_info("heads.connected", "host=%s port=%d", h->host,
			 h->port);
		h->complained = h->subscribed = false;
		buf_clear(&h->message);
		lws_callback_on_writable(wsi);
		break;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return send_subscribe(h, wsi);
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return receive(h, wsi, in, size);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (!h->complained)
			log_warn("heads.unreachable",
				 "host=%s port=%d text=\"%s: asking every poll "
				 "until it can be reached\"",
				 h->host, h->port,
				 in ? (const char *)in : "no answer");
		h->complained = true;
		connect_later(h, RECONNECT_S * LWS_US_PER_SEC);
		break;
	case LWS_CALLBACK_CLIENT_CLOSED:
		if (!h->ending)
			log_warn("heads.closed", "host=%s", h->host);
		metric_add(&lost, 1);
		connect_later(h, RECONNECT_S * LWS_US_PER_SEC);
		break;
	}
	return 0;
}

static void run(zsock_t *pipe, void *arg)
{
	static const struct lws_protocols protocols[] = {
		{.name = "heads",
		 .callback = on_event,
		 .rx_buffer_size = 16 * 1024},
		{0}};
	static const lws_retry_bo_t idle = {.secs_since_valid_ping = PING_S,
					    .secs_since_valid_hangup =
						    2 * PING_S};
	struct heads *h = arg;
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.user = h,
		.fd_limit_per_thread = FDS,
		.retry_and_idle_policy = &idle,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
	};

	lws_set_log_level(0, NULL);
	h->pipe = pipe;
	zsock_set_sndtimeo(pipe, 0);
	h->context = lws_create_context(&info);
	zsock_signal(pipe, 0);
	if (h->context) {
		connect_later(h, 1);
		while (!h->ending && lws_service(h->context, 0) >= 0)
			;
		lws_context_destroy(h->context);
	}
	buf_free(&h->message);
	while (!h->ending)
		zclock_sleep(10); /* zactor_destroy() must find us */
	/* It waits for us to say that we end, not for the thread to be gone: at
	 * its end the process would free the thread's OpenSSL state, too. */
	OPENSSL_thread_stop();
	zsock_set_sndtimeo(pipe, -1);
}

/* ---- the loop's side ---------------------------------------------------- */

static void take_message(struct heads *h, const void *data, size_t size)
{
	json_t *root = json_loadb(data, size, 0, NULL);
	const json_t *result =
		json_object_get(json_object_get(root, "params"), "result");
	struct evm_header header;

	if (result && !evm_header_parse(&header, result)) {
		metric_add(&told, 1);
		h->fn(h->arg, &header);
	} else if (json_object_get(root, "error")) {
		log_warn("heads.refused",
			 "host=%s text=\"the node takes no subscriptions; "
			 "falling back to asking\"",
			 h->host);
	}
	json_decref(root);
}

static void on_pipe(void *arg)
{
	struct heads *h = arg;
	zmq_msg_t msg;

	zmq_msg_init(&msg);
	if (zmq_msg_recv(&msg, zsock_resolve(h->actor), ZMQ_DONTWAIT) >= 0)
		take_message(h, zmq_msg_data(&msg), zmq_msg_size(&msg));
	zmq_msg_close(&msg);
}

static enum err parse_url(struct heads *h, const char *url)
{
	char *copy = strdup(url);
	const char *scheme, *host, *path;
	enum err e = ERR_NONE;

	if (!copy)
		return ERR_NO_MEMORY;
	if (lws_parse_uri(copy, &scheme, &host, &h->port, &path) ||
	    (strcmp(scheme, "ws") != 0 && strcmp(scheme, "wss") != 0)) {
		log_error("heads.url",
			  "url=\"%s\" text=\"a websocket's URL "
			  "begins with ws:// or wss://\"",
			  url);
		e = ERR_CONFIG;
	} else {
		h->tls = strcmp(scheme, "wss") == 0;
		h->host = strdup(host);
		h->path = malloc(strlen(path) + 2);
		if (h->path)
			sprintf(h->path, "/%s", path + (*path == '/'));
		e = h->host && h->path ? ERR_NONE : ERR_NO_MEMORY;
	}
	free(copy);
	return e;
}

enum err heads_new(struct heads **out, struct loop *loop, const char *url,
		   heads_fn *fn, void *arg)
{
	struct heads *h = calloc(1, sizeof *h);
	enum err e;

	if (!h)
		return ERR_NO_MEMORY;
	metric_register(&told);
	metric_register(&lost);
	h->loop = loop;
	h->fn = fn;
	h->arg = arg;
	e = parse_url(h, url);
	if (!e) {
		h->actor = zactor_new(run, h);
		e = h->actor ? ERR_NONE : ERR_NO_MEMORY;
	}
	if (e)
		heads_free(&h);
	else
		loop_socket(loop, h->actor, on_pipe, h);
	*out = h;
	return e;
}

void heads_free(struct heads **heads)
{
	struct heads *h = *heads;

	if (!h)
		return;
	h->ending = true;
	if (h->actor) {
		loop_socket(h->loop, h->actor, NULL, NULL);
		if (h->context)
			lws_cancel_service(h->context);
		zactor_destroy(&h->actor);
	}
	free(h->host);
	free(h->path);
	free(h);
	*heads = NULL;
}
