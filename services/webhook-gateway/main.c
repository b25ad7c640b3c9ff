/* webhook-gateway - tells people what the market knows.
 *
 * Follows every log and serves HTTP, a websocket feed and a page. Holds no key
 * of the chain, takes no lease, writes no log: nothing it does reaches the
 * book, a match or the chain, and any number of copies may run. It must never
 * show half a block, or leave a client of the feed with a gap. With --webhooks
 * it also keeps rows in Redis that are its own (redis.def: hooks, hook…), and
 * the key that signing secrets are sealed under; a secret is shown once, to
 * whom it belongs, and never logged.
 *
 * Two threads: this one follows the logs, the web thread serves (web.h), and a
 * queue lies between them. With --webhooks a third one delivers (hooks.h); it
 * reads the logs in Redis itself. Read view.h next, then web.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/listen.h"
#include "common/log.h"
#include "common/trace.h"
#include "msg.h"
#include "services/webhook-gateway/hooks.h"
#include "services/webhook-gateway/rates.h"
#include "services/webhook-gateway/web.h"

struct options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "services/webhook-gateway/config.def"
};

static const struct conf_row rows[] = {
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct options, name),                \
	 fallback, unit,	meaning},
#include "services/webhook-gateway/config.def"
	{0}};

struct gateway;

/* A log being followed. */
struct source {
	struct gateway *gateway;
	enum logs log;
	struct follow *follow;
	bool caught_up; /* once */
};

struct gateway {
	struct options options;
	struct frame *frame;
	struct store *store; /* of the web thread */
	struct queue *queue;
	struct web *web;
	struct hooks *hooks; /* NULL: no webhooks */
	struct hooks_config hooks_config;
	struct hook_api_config hook_api;
	uint8_t seal[HOOK_SEAL_SIZE];
	int failed; /* an eventfd: the web thread ended, because of this error
		     */
	bool based; /* it began with a snapshot */
	struct source sources[LOGS_COUNT];
};

/* ---- from the logs into the queue --------------------------------------- */

static enum err on_entry(void *arg, const struct entry *entry)
{
	struct source *s = arg;
	bool was_empty = false;
	enum err e;

	trace_note(entry->type, entry->body);
	/* Here it can still be asked for again: what came over the bus may not
	 * be what is in the log. */
	if (msg_check(entry->type, entry->body) == ERR_MALFORMED)
		return ERR_MALFORMED;
	e = queue_put(s->gateway->queue, s->log, entry, &was_empty);
	if (!e && was_empty)
		web_wake(s->gateway->web);
	if (!e && s->gateway->hooks &&
	    (entry->type == MSG_BLOCK_CLOSED ||
	     entry->type == MSG_BOOK_ROLLED_BACK))
		hooks_news(s->gateway->hooks);
	return e;
}

static void on_caught_up(void *arg)
{
	struct source *s = arg;
	struct gateway *self = s->gateway;
	struct web_numbers n;

	s->caught_up = s->caught_up || follow_is_live(s->follow);
	for (int log = 0; log < LOGS_COUNT; log++)
		if (!self->sources[log].caught_up)
			return;
	n = web_numbers(self->web);
	if (n.stuck)
		frame_set_ready(self->frame, false, "serving has stopped");
	else if (n.ready)
		frame_set_ready(self->frame, true, "");
	else if (!queue_count(self->queue))
		web_set_ready(self->web); /* this is called again and again */
}

static void on_failed(void *arg, enum err e)
{
	struct source *s = arg;

	frame_stop(s->gateway->frame, "follow.ended", e);
}

static enum err follow_logs(struct gateway *self, const struct base *base)
{
	enum err e = ERR_NONE;

	for (int log = 0; log < LOGS_COUNT && !e; log++) {
		struct source *s = &self->sources[log];
		struct follow_source source =
			frame_source(self->frame, logs_name(log));
		struct follow_handlers handlers = {on_entry, on_caught_up,
						   on_failed, s};

		*s = (struct source){.gateway = self, .log = log};
		e = follow_new(&s->follow, &source, base->next[log], &handlers);
	}
	return e;
}

/* ---- the web thread's end ----------------------------------------------- */

static void on_web_failed(void *arg, enum err e)
{
	struct gateway *self = arg;
	uint64_t number = (uint64_t)e;

	if (write(self->failed, &number, sizeof number) < 0)
		return; /* the process is going down already */
}

static void on_failure(void *arg, int fd, int events)
{
	struct gateway *self = arg;
	uint64_t number = ERR_NO_MEMORY;

	(void)events;
	if (read(fd, &number, sizeof number) < 0)
		return;
	frame_stop(self->frame, "web.ended", (enum err)number);
}

/* ---- life --------------------------------------------------------------- */

static enum err check_options(const struct options *o)
{
	struct in_addr address;

	if (inet_pton(AF_INET, o->listen_host, &address) != 1) {
		log_error("config.listen_host",
			  "host=\"%s\" text=\"it must be an IPv4 address, as "
			  "127.0.0.1 or 0.0.0.0\"",
			  o->listen_host);
		return ERR_CONFIG;
	}
	if (o->listen_port > 65535 || o->connections_max < 1 ||
	    o->connections_max > 100000 || o->clients_max > 100000 ||
	    o->per_ip_max < 1 || o->per_ip_max > 100000 ||
	    o->header_bytes < 1024 || o->header_bytes > 65535 ||
	    o->header_timeout < 1 || o->header_timeout > 600 ||
	    o->idle_timeout < 1 || o->idle_timeout > 3600 ||
	    o->stall_timeout < 1 || o->stall_timeout > 3600 ||
	    o->rate_limit > RATES_QUOTA_MAX || o->rate_window < 1 ||
	    o->rate_window > RATES_WINDOW_MAX_S || o->history > 1000000 ||
	    o->why_rounds < 1 || o->why_rounds > 100000 ||
	    o->feed_window < 16 || o->feed_window > 1000000 ||
	    o->feed_patience > 3600 || o->store_timeout < 10 ||
	    o->store_timeout > 10000 || o->payment_decimals > 77 ||
	    o->stake_decimals > 77) {
		log_error("config.range",
			  "text=\"--listen-port is at most 65535, "
			  "--connections-max, --clients-max and --per-ip-max "
			  "100000, --header-bytes 1024 to 65535, "
			  "--header-timeout 1 to 600, --idle-timeout and "
			  "--stall-timeout 1 to 3600, --rate-limit 1000000, "
			  "--rate-window 1 to 3600, --history 1000000, "
			  "--why-rounds 1 to 100000, --feed-window 16 to "
			  "1000000, --feed-patience 3600, --store-timeout 10 "
			  "to 10000, decimals 77\"");
		return ERR_CONFIG;
	}
	return ERR_NONE;
}

/* Which are all there, or none. */
static enum err check_hooks(struct gateway *self)
{
	const struct options *o = &self->options;
	struct hooks_config *c = &self->hooks_config;
	const char *wrong = NULL;

	if (!o->webhooks)
		return ERR_NONE;
	if (hook_seal_parse(self->seal, o->webhook_key))
		wrong = "--webhooks needs KALYPSO_WEBHOOK_KEY or "
			"KALYPSO_WEBHOOK_KEY_FILE: 64 hex digits";
	else if (hooks_schedule(c, o->webhook_retries))
		wrong = "--webhook-retries takes 1 to 16 numbers of seconds, "
			"with commas, each at most a week";
	else if (!o->webhook_open && strlen(o->webhook_token) < 16)
		wrong = "--webhooks needs KALYPSO_WEBHOOK_TOKEN_FILE, of 16 "
			"characters at least, or --webhook-open";
	else if (o->webhook_open && listen_is_public(o->listen_host))
		wrong = "--webhook-open lets anybody have us send to any "
			"public address, and --listen-host is one that "
			"strangers reach: set KALYPSO_WEBHOOK_TOKEN_FILE";
	else if (o->webhooks_max < 1 || o->webhooks_max > 2000 ||
		 o->webhook_timeout < 100 || o->webhook_timeout > 60000 ||
		 o->webhook_parallel < 1 ||
		 o->webhook_parallel > HOOKS_ONE_MAX ||
		 o->webhook_connections < 2 || o->webhook_connections > 4096 ||
		 o->webhook_attempts > 100000)
		wrong = "--webhooks-max is 1 to 2000, --webhook-timeout 100 to "
			"60000, --webhook-parallel 1 to 16, "
			"--webhook-connections 2 to 4096, --webhook-attempts "
			"at most 100000";
	if (wrong)
		log_error("config.webhooks", "text=\"%s\"", wrong);
	return wrong ? ERR_CONFIG : ERR_NONE;
}

static enum err start_hooks(struct gateway *self, const struct base *base)
{
	const struct options *o = &self->options;
	const struct market_options *m = &self->frame->market;
	struct hooks_config *c = &self->hooks_config;
	enum err e;

	if (!o->webhooks)
		return ERR_NONE;
	c->redis = m->redis;
	c->name = m->name;
	c->password = m->redis_password;
	c->store_timeout_ms = (unsigned)m->redis_timeout;
	c->instance = self->frame->options.instance;
	c->epoch = self->frame->epoch;
	c->seal = self->seal;
	c->allow = o->webhook_allow;
	c->timeout_ms = (unsigned)o->webhook_timeout;
	c->one_max = (unsigned)o->webhook_parallel;
	c->all_max = (unsigned)o->webhook_connections;
	c->kept_attempts = (unsigned)o->webhook_attempts;
	c->base = base;
	e = hooks_start(&self->hooks, c);
	self->hook_api =
		(struct hook_api_config){.store = self->store,
					 .epoch = self->frame->epoch,
					 .seal = self->seal,
					 .token = o->webhook_token,
					 .open = o->webhook_open,
					 .hooks_max = (unsigned)o->webhooks_max,
					 .hooks = self->hooks};
	hooks_use(self->store);
	return e;
}

/* "10.0.0.0/8", or an address alone. */
static bool read_network(const char *text, uint32_t *network, uint32_t *mask)
{
	char copy[32] = "", *slash, *end = NULL;
	struct in_addr address;
	unsigned long bits = 32;

	snprintf(copy, sizeof copy, "%s", text);
	slash = strchr(copy, '/');
	if (slash) {
		*slash = 0;
		bits = strtoul(slash + 1, &end, 10);
		if (!slash[1] || *end || bits < 1 || bits > 32)
			return false;
	}
	if (inet_pton(AF_INET, copy, &address) != 1)
		return false;
	*mask = htonl(UINT32_MAX << (32 - bits));
	*network = address.s_addr & *mask;
	return true;
}

static enum err read_proxy(const char *text, struct web_config *config)
{
	if (!*text ||
	    read_network(text, &config->proxy_network, &config->proxy_mask))
		return ERR_NONE;
	log_error("config.trusted_proxy",
		  "value=\"%s\" text=\"it must be an IPv4 address or network, "
		  "as 127.0.0.1 or 10.0.0.0/8\"",
		  text);
	return ERR_CONFIG;
}

static enum err start_web(struct gateway *self, const struct base *base)
{
	const struct options *o = &self->options;
	struct frame *f = self->frame;
	struct web_config config = {
		.host = o->listen_host,
		.port = (uint16_t)o->listen_port,
		.web_dir = o->web_dir,
		.connections_max = (unsigned)o->connections_max,
		.clients_max = (unsigned)o->clients_max,
		.per_ip_max = (unsigned)o->per_ip_max,
		.header_bytes = (unsigned)o->header_bytes,
		.header_timeout_s = (unsigned)o->header_timeout,
		.idle_timeout_s = (unsigned)o->idle_timeout,
		.stall_timeout_s = (unsigned)o->stall_timeout,
		.rate_limit = o->rate_limit,
		.rate_window_s = (unsigned)o->rate_window,
		.depth = (unsigned)f->market.depth,
		.why_rounds = (unsigned)o->why_rounds,
		.history = o->history,
		.window = o->feed_window,
		.patience_s = (unsigned)o->feed_patience,
		.base = base,
		.store = self->store,
		.epoch = f->epoch,
		.instances = f->market.instances,
		.payment = {(unsigned)o->payment_decimals, o->payment_symbol},
		.stake = {(unsigned)o->stake_decimals, o->stake_symbol},
		.hook_api = self->hooks ? &self->hook_api : NULL,
		.failed = on_web_failed,
		.arg = self};
	enum err e = read_proxy(o->trusted_proxy, &config);

	if (!e)
		e = web_start(&self->web, &config, self->queue);
	if (!e)
		log_info("gateway.listening", "host=%s port=%u", o->listen_host,
			 web_port(self->web));
	return e;
}

static void stop(void *arg)
{
	struct gateway *self = arg;

	for (int log = 0; log < LOGS_COUNT; log++)
		follow_free(&self->sources[log].follow);
	web_stop(&self->web);
	hooks_stop(&self->hooks);
	queue_free(&self->queue);
	store_close(&self->store);
	if (self->failed >= 0) {
		loop_fd(self->frame->loop, self->failed, 0, NULL, NULL);
		close(self->failed);
	}
	self->failed = -1;
}

static enum err prepare(void *arg)
{
	struct gateway *self = arg;
	enum err e = check_options(&self->options);

	return e ? e : check_hooks(self);
}

static enum err start(struct frame *frame, void *arg)
{
	struct gateway *self = arg;
	struct base base;
	enum err e;

	self->frame = frame;
	frame_set_ready(frame, false, "reading the logs");
	self->failed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e = self->failed < 0 ? ERR_NO_MEMORY : ERR_NONE;
	if (!e)
		e = store_open(&self->store, frame->market.redis,
			       frame->market.name, frame->market.redis_password,
			       (unsigned)self->options.store_timeout);
	if (!e)
		e = queue_new(&self->queue);
	if (!e)
		e = base_find(&base, frame->store, frame->epoch,
			      (unsigned)frame->market.depth);
	else
		base = (struct base){.book = NULL};
	if (!e)
		e = start_hooks(self, &base);
	if (!e)
		e = start_web(self, &base);
	if (!e) {
		loop_fd(frame->loop, self->failed, LOOP_READ, on_failure, self);
		e = follow_logs(self, &base);
	}
	self->based = base.book;
	base_free(&base);
	return e;
}

static void status(void *arg, struct status *out)
{
	struct gateway *self = arg;
	struct web_numbers n = web_numbers(self->web);

	status_number(out, "block", n.block);
	status_number(out, "queued", queue_count(self->queue));
	status_number(out, "clients", n.clients);
	status_number(out, "answered", n.requests);
	status_number(out, "contradictions", n.contradictions);
	if (self->hooks) {
		struct hooks_numbers h = hooks_numbers(self->hooks);

		status_number(out, "webhooks", h.hooks);
		status_number(out, "webhooks_held", h.held);
		status_number(out, "webhook_messages", h.waiting);
	}
	status_text(out, "history", self->based ? "from a snapshot" : "whole");
}

int main(int argc, char **argv)
{
	static struct gateway self;
	static const struct service gateway = {
		.name = "webhook-gateway",
		.summary = "Serves the market's HTTP API, its websocket feed "
			   "and a page that shows it live.",
		.options = rows,
		.options_offset = offsetof(struct gateway, options),
		.market = true,
		.comes_second = true,
		.prepare = prepare,
		.start = start,
		.status = status,
		.stop = stop,
	};

	return service_main(&gateway, &self, argc, argv);
}
