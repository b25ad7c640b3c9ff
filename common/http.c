/* curl_multi driven by the loop's file descriptors and one timer. */
#include "common/http.h"

#include <stdlib.h>

#include "common/curl_call.h"

enum { CONNECTIONS_MAX = 16 };

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	struct http_call *calls;
};

struct http_call {
	struct http *http;
	struct curl_call curl;
	http_done *done; /* NULL: it was called */
	void *arg;
	struct http_call *next, **link;
};

static void free_call(struct http_call *c)
{
	if (c->link) {
		*c->link = c->next;
		if (c->next)
			c->next->link = c->link;
	}
	curl_multi_remove_handle(c->http->multi, c->curl.easy);
	curl_call_free(&c->curl);
	free(c);
}

/* ---- finishing ---------------------------------------------------------- */

static enum err class_of(const struct http_call *c, CURLcode code)
{
	long asked = 0;

	/* A server that doesn't speak HTTP is an unsupported protocol, too. */
	curl_easy_getinfo(c->curl.easy, CURLINFO_REQUEST_SIZE, &asked);
	switch (code) {
	case CURLE_OK:
		return ERR_NONE;
	case CURLE_WRITE_ERROR:
		return c->curl.too_large ? ERR_RANGE : ERR_NO_MEMORY;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return asked ? ERR_UNREACHABLE : ERR_CONFIG;
	default:
		return ERR_UNREACHABLE;
	}
}

static void finish(struct http_call *c, CURLcode code)
{
	struct curl_call_end end = curl_call_end(&c->curl, code);
	struct http_answer a = {.err = class_of(c, code),
				.status = end.status,
				.retry_after_s = end.retry_after_s,
				.body = end.body,
				.text = end.text};
	http_done *done;

	done = c->done;
	c->done = NULL; /* it is over: there is nothing to cancel */
	done(c->arg, &a);
	free_call(c);
}

static void finish_all(struct http *h)
{
	struct http_call *c;
	CURLcode code;

	while ((c = curl_call_next(h->multi, &code)))
		finish(c, code);
}

/* ---- curl and the loop -------------------------------------------------- */

static void on_fd(void *arg, int fd, int events)
{
	struct http *h = arg;
	int running, mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
			    (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(h->multi, fd, mask, &running);
	finish_all(h);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		     void *socket_arg)
{
	struct http *h = arg;
	int events = what == CURL_POLL_REMOVE ? 0
		     : what == CURL_POLL_IN   ? LOOP_READ
		     : what == CURL_POLL_OUT  ? LOOP_WRITE
					      : LOOP_READ | LOOP_WRITE;

	(void)easy;
	(void)socket_arg;
	loop_fd(h->loop, fd, events, on_fd, h);
	return 0;
}

static void on_timeout(void *arg)
{
	struct http *h = arg;
	int running;

	h->timer = NULL;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_all(h);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	loop_timer_cancel(h->loop, &h->timer);
	if (ms >= 0)
		h->timer =
			loop_timer(h->loop, (unsigned)ms, true, on_timeout, h);
	return 0;
}

void http_set_connections(struct http *http, unsigned per_server)
{
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
			  (long)per_server);
}

enum err http_new(struct http **out, struct loop *loop)
{
	static bool initialised;
	struct http *h = calloc(1, sizeof *h);

	if (!initialised)
		curl_global_init(CURL_GLOBAL_DEFAULT);
	initialised = true;
	if (!h)
		return ERR_NO_MEMORY;
	h->loop = loop;
	h->multi = curl_multi_init();
	if (!h->multi) {
		free(h);
		return ERR_NO_MEMORY;
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	http_set_connections(h, CONNECTIONS_MAX);
	*out = h;
	return ERR_NONE;
}

void http_free(struct http **http)
{
	struct http *h = *http;

	if (!h)
		return;
	while (h->calls)
		free_call(h->calls);
	curl_multi_cleanup(h->multi);
	loop_timer_cancel(h->loop, &h->timer);
	free(h);
	*http = NULL;
}

/* ---- sending ------------------------------------------------------------ */

static bool prepare(struct http_call *c, const struct http_request *r)
{
	struct curl_call_request request = {.url = r->url,
					    .headers = r->headers,
					    .headers_count = r->headers_count,
					    .body = r->body,
					    .timeout_ms = r->timeout_ms,
					    .connect_ms = CURL_CALL_CONNECT_MS,
					    .answer_max = r->answer_max};

	return curl_call_prepare(&c->curl, &request, c) &&
	       curl_multi_add_handle(c->http->multi, c->curl.easy) == CURLM_OK;
}

/* Let curl write the request at once: by its own timer it would begin a
 * millisecond later. What has ended already is told by that timer. */
static void begin(struct http *h)
{
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	if (!h->timer)
		h->timer = loop_timer(h->loop, 1, true, on_timeout, h);
}

struct http_call *http_send(struct http *http, const struct http_request *r,
			    http_done *done, void *arg)
{
	struct http_call *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->http = http;
	c->done = done;
	c->arg = arg;
	if (!prepare(c, r)) {
		free_call(c);
		return NULL;
	}
	c->next = http->calls;
	c->link = &http->calls;
	if (c->next)
		c->next->link = &c->next;
	http->calls = c;
	begin(http);
	return c;
}

void http_cancel(struct http_call *call)
{
	if (call && call->done)
		free_call(call);
}
