/* The thread: its context, its second, and what comes out of the queue. */
#include "services/webhook-gateway/web.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "common/log.h"
#include "services/webhook-gateway/spans.h"
#include "services/webhook-gateway/web_impl.h"

enum {
	BATCH_ENTRIES = 512, /* then clients are written to */
	BATCH_BYTES = 2 << 20,
	PING_S = 20,
	HANGUP_S = 30,
	STUCK_US = 10 * 1000 * 1000,
	/* A block comes as a burst on every log: that of the chain, then what
	 * each service makes of it. While they are at work they need the
	 * processor more than those who look on, and one batch costs less than
	 * five. */
	LINGER_US = 30 * 1000,
	FILES_OWN = 96, /* descriptors that aren't connections */
};

struct metric web_clients = METRIC(GAUGE, "feed_client", "feed clients");
struct metric web_frames =
	METRIC(COUNTER, "feed_frame_sent_total", "frames sent to feed clients");
struct metric web_lagging =
	METRIC(COUNTER, "feed_client_dropped_total",
	       "feed clients closed because they couldn't keep up");
struct metric web_conflated =
	METRIC(COUNTER, "feed_client_conflated_total",
	       "times that snapshots took the place of changes because a feed "
	       "client couldn't keep up");
struct metric web_refused =
	METRIC(COUNTER, "connection_refused_total",
	       "connections and upgrades refused by a limit");
struct metric web_limited =
	METRIC(COUNTER, "http_limited_total",
	       "requests refused because a client had used up its quota");
struct metric web_answered[6] = {
	METRIC(COUNTER, "http_answered_0xx_total", "answers that never were"),
	METRIC(COUNTER, "http_answered_1xx_total", "answers: upgraded"),
	METRIC(COUNTER, "http_answered_2xx_total", "answers: done"),
	METRIC(COUNTER, "http_answered_3xx_total", "answers: not changed"),
	METRIC(COUNTER, "http_answered_4xx_total", "answers: bad requests"),
	METRIC(COUNTER, "http_answered_5xx_total", "answers: not now"),
};
static struct metric folded =
	METRIC(COUNTER, "view_entry_folded_total", "entries taken by the view");
static struct metric handed =
	METRIC(HISTOGRAM, "view_batch_seconds",
	       "time to take what had come, before clients are served");

/* ---- what the logs say -------------------------------------------------- */

/* Without why the rest goes on: a person has to know. */
static void take_why(struct web *w, const struct queued *item)
{
	why_take(w->why, item->log, &item->entry);
	if (w->why_lost || why_state(w->why) != WHY_LOST)
		return;
	w->why_lost = true;
	log_error("why.lost",
		  "log=%s number=%" PRIu64 " text=\"the copy of the matcher "
		  "does not agree with the match log: is this gateway of the "
		  "matcher's version? Until it is started again no why is "
		  "answered\"",
		  logs_name(item->log), item->entry.number);
}

static enum err take(struct web *w, const struct queued *item)
{
	enum err e = tail_put(w->tail, item->log, &item->entry, w->view);

	if (!e && item->log == LOGS_BOOK && atomic_load(&w->ready))
		spans_note(w->view, &item->entry);
	if (!e)
		e = view_take(w->view, item->log, &item->entry);
	if (!e && item->log <= LOGS_BOOK &&
	    view_log(w->view, item->log)->seq == item->entry.number)
		e = tail_close(w->tail, item->log, w->view);
	if (!e)
		take_why(w, item);
	if (e == ERR_FINALITY && w->based)
		return ERR_TRIMMED; /* from a newer snapshot, then */
	if (e)
		log_error("log.unreadable",
			  "log=%s number=%" PRIu64 " type=0x%04x err=%s",
			  logs_name(item->log), item->entry.number,
			  item->entry.type, err_name(e));
	metric_add(&folded, 1);
	return e;
}

static void note_readiness(struct web *w, bool more)
{
	if (atomic_load(&w->ready) || more || !atomic_load(&w->caught_up))
		return;
	atomic_store(&w->ready, true);
	api_set_ready(w->api);
}

/* Take a batch out of the queue; whether something is left. */
static bool drain(struct web *w)
{
	uint64_t began = metric_now_us();
	bool caught_up = atomic_load(&w->caught_up), more;
	struct queued *item = queue_take(w->queue, BATCH_ENTRIES, BATCH_BYTES,
					 &more),
		      *next;
	bool any = item;

	for (; item; item = next) {
		next = item->next;
		if (!w->failed)
			w->failed = take(w, item);
		free(item);
	}
	atomic_store(&w->block, view_log(w->view, LOGS_BOOK)->block.number);
	atomic_store(&w->contradictions, view_sizes(w->view).contradictions +
						 (w->why_lost && !w->based));
	if (caught_up)
		note_readiness(w, more);
	if (any) {
		spans_hold(w->view, w->is.payment.decimals);
		metric_observe_us(&handed, metric_now_us() - began);
		web_feed_all(w);
	}
	return more;
}

static void drain_in(struct web *w, lws_usec_t pause_us);

static void on_due(lws_sorted_usec_list_t *due)
{
	struct web *w = lws_container_of(due, struct web, due);

	if (drain(w))
		drain_in(w, 1); /* after the clients' turn */
}

static void drain_in(struct web *w, lws_usec_t pause_us)
{
	if (lws_dll2_is_detached(&w->due.list))
		lws_sul_schedule(w->context, 0, &w->due, on_due, pause_us);
}

/* ---- connections -------------------------------------------------------- */

static int on_accepted(struct web *w, lws_sockfd_type fd)
{
	uint32_t address;

	if (!web_peer_address(fd, &address))
		return -1; /* it has gone already */
	if (!peers_refuse(w->peers, address, web_is_proxy(w, address)))
		return 0;
	metric_add(&web_refused, 1);
	return -1;
}

static void on_connected(struct web *w, struct lws *wsi)
{
	uint32_t address;

	if (web_peer_address(lws_get_socket_fd(wsi), &address))
		lws_set_opaque_user_data(wsi, peers_enter(w->peers, address));
}

static void on_gone(struct web *w, struct lws *wsi)
{
	struct peer *peer = lws_get_opaque_user_data(wsi);

	if (peer)
		peers_leave(w->peers, peer);
	lws_set_opaque_user_data(wsi, NULL);
}

static bool is_websocket(const struct session *s)
{
	return s && s->wsi;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *session, void *in, size_t len)
{
	struct web *w = web_of(wsi);

	switch ((int)reason) {
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
		drain_in(w, atomic_load(&w->ready) ? LINGER_US : 1);
		return 0;
	case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
		return on_accepted(w, (lws_sockfd_type)(intptr_t)in);
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		on_connected(w, wsi);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		on_gone(w, wsi);
		return 0;
	case LWS_CALLBACK_TIMER:
		if (!is_websocket(session))
			return web_on_http(wsi, reason, session, in, len);
		return web_on_feed(wsi, reason, session, in, len);
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_CLOSED:
		return web_on_feed(wsi, reason, session, in, len);
	case LWS_CALLBACK_RAW_ADOPT: /* CONNECT, or no HTTP at all */
	case LWS_CALLBACK_RAW_RX:
		return -1;
	default:
		return web_on_http(wsi, reason, session, in, len);
	}
}

static void on_tick(lws_sorted_usec_list_t *tick)
{
	struct web *w = lws_container_of(tick, struct web, tick);

	atomic_store(&w->turned_us, metric_now_us());
	web_feed_tick(w);
	lws_sul_schedule(w->context, 0, tick, on_tick, LWS_USEC_PER_SEC);
}

/* ---- life --------------------------------------------------------------- */

static void on_lws_line(int level, const char *line)
{
	(void)level;
	log_debug("web.library", "text=\"%.*s\"", (int)strcspn(line, "\n"),
		  line);
}

/* libwebsockets makes tables for as many descriptors as the process may have;
 * what the limit has to be is known here. */
static void limit_files(unsigned connections)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = (rlim_t)connections + FILES_OWN;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_warn("web.files", "text=\"can't set the limit of "
				      "descriptors\"");
}

static enum err listen_on(struct web *w)
{
	static const struct lws_protocols protocols[] = {
		{.name = WEB_JSON,
		 .callback = on_event,
		 .per_session_data_size = sizeof(struct session),
		 .rx_buffer_size = FEED_MESSAGE_MAX},
		{.name = WEB_MSGPACK,
		 .callback = on_event,
		 .per_session_data_size = sizeof(struct session),
		 .rx_buffer_size = FEED_MESSAGE_MAX},
		{.name = NULL}};
	static const lws_retry_bo_t idle = {.secs_since_valid_ping = PING_S,
					    .secs_since_valid_hangup =
						    HANGUP_S};
	struct lws_context_creation_info info = {
		.iface = w->is.host,
		.port = w->is.port,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6 |
			   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
		.gid = -1,
		.uid = -1,
		.max_http_header_data2 = w->is.header_bytes,
		.timeout_secs = w->is.header_timeout_s,
		.keepalive_timeout = (int)w->is.idle_timeout_s,
		.retry_and_idle_policy = &idle,
		.user = w,
		.vhost_name = "kalypso"};
	struct lws_vhost *vhost;

	lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_line);
	limit_files(w->is.connections_max);
	w->context = lws_create_context(&info);
	vhost = w->context ? lws_get_vhost_by_name(w->context, "kalypso")
			   : NULL;
	if (!vhost || lws_get_vhost_listen_port(vhost) <= 0) {
		log_error("web.failed",
			  "host=%s port=%u text=\"can't listen: give an "
			  "address of this machine with --listen-host, and a "
			  "free port with --listen-port, 0 for any\"",
			  w->is.host, w->is.port);
		return ERR_CONFIG;
	}
	w->port = (uint16_t)lws_get_vhost_listen_port(vhost);
	return ERR_NONE;
}

static void *run(void *arg)
{
	struct web *w = arg;

	lws_sul_schedule(w->context, 0, &w->tick, on_tick, LWS_USEC_PER_SEC);
	while (!atomic_load(&w->stopping) && !w->failed)
		if (lws_service(w->context, 0) < 0)
			w->failed = ERR_CONFIG;
	lws_sul_cancel(&w->tick);
	lws_sul_cancel(&w->due);
	if (w->failed)
		w->is.failed(w->is.arg, w->failed);
	return NULL;
}

static void register_metrics(void)
{
	metric_register(&web_clients);
	metric_register(&web_frames);
	metric_register(&web_lagging);
	metric_register(&web_conflated);
	metric_register(&web_refused);
	metric_register(&web_limited);
	for (unsigned i = 1; i < 6; i++)
		metric_register(&web_answered[i]);
	metric_register(&folded);
	metric_register(&handed);
}

static enum err build(struct web *w)
{
	struct api_config api = {.store = w->is.store,
				 .epoch = w->is.epoch,
				 .instances = w->is.instances,
				 .payment = w->is.payment,
				 .stake = w->is.stake};
	enum err e = view_new(&w->view, w->is.depth, w->is.history);

	if (!e)
		e = why_new(&w->why, w->is.depth, w->is.why_rounds);
	api.view = w->view;
	api.why = w->why;
	if (!e)
		e = base_tell(w->is.base, w->view, w->is.depth);
	if (!e && w->is.base->book) {
		why_give_up(w->why);
		w->why_lost = w->based = true;
	}
	if (!e)
		e = tail_new(&w->tail, w->is.window);
	if (!e)
		e = press_new(&w->press, w->view, w->tail);
	w->world = (struct feed_world){.tail = w->tail,
				       .view = w->view,
				       .press = w->press,
				       .epoch = w->is.epoch,
				       .depth = w->is.depth};
	if (!e)
		e = api_new(&w->api, &api);
	if (!e)
		e = assets_new(&w->assets, w->is.web_dir);
	if (!e)
		e = peers_new(&w->peers, w->is.per_ip_max,
			      w->is.connections_max);
	if (!e && w->is.rate_limit)
		e = rates_new(&w->rates, w->is.rate_limit, w->is.rate_window_s);
	if (!e && getrandom(&w->ids, sizeof w->ids, 0) != sizeof w->ids)
		e = ERR_NO_MEMORY;
	return e ? e : listen_on(w);
}

enum err web_start(struct web **out, const struct web_config *config,
		   struct queue *queue)
{
	struct web *w = calloc(1, sizeof *w);
	enum err e;

	if (!w)
		return ERR_NO_MEMORY;
	register_metrics();
	spans_register();
	w->is = *config;
	w->queue = queue;
	w->turned_us = metric_now_us();
	e = build(w);
	if (!e && pthread_create(&w->thread, NULL, run, w))
		e = ERR_NO_MEMORY;
	w->started = !e;
	if (e)
		web_stop(&w);
	*out = w;
	return e;
}

void web_stop(struct web **web)
{
	struct web *w = *web;

	if (!w)
		return;
	atomic_store(&w->stopping, true);
	if (w->started) {
		lws_cancel_service(w->context);
		pthread_join(w->thread, NULL);
	}
	if (w->context)
		lws_context_destroy(w->context);
	rates_free(&w->rates);
	peers_free(&w->peers);
	assets_free(&w->assets);
	api_free(&w->api);
	press_free(&w->press);
	tail_free(&w->tail);
	why_free(&w->why);
	view_free(&w->view);
	free(w);
	*web = NULL;
}

void web_wake(struct web *w)
{
	lws_cancel_service(w->context);
}

void web_set_ready(struct web *w)
{
	atomic_store(&w->caught_up, true);
	lws_cancel_service(w->context);
}

uint16_t web_port(const struct web *w)
{
	return w->port;
}

struct web_numbers web_numbers(const struct web *w)
{
	uint64_t requests = 0;

	for (unsigned i = 1; i < 6; i++)
		requests += (uint64_t)metric_value(&web_answered[i]);
	return (struct web_numbers){
		.block = atomic_load(&w->block),
		.clients = (uint64_t)metric_value(&web_clients),
		.requests = requests,
		.contradictions = atomic_load(&w->contradictions),
		.ready = atomic_load(&w->ready),
		.stuck = metric_now_us() - atomic_load(&w->turned_us) >
			 STUCK_US};
}
