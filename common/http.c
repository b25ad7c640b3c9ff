/* curl_multi driven by the loop's file descriptors and one timer. */
#include "common/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum { CONNECT_MS = 5000, CONNECTIONS_MAX = 16 };

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	struct http_call *calls;
};

struct http_call {
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body, answer;
	size_t answer_max;
	bool too_large;
	char error[CURL_ERROR_SIZE];
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
	curl_multi_remove_handle(c->http->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	buf_free(&c->body);
	buf_free(&c->answer);
	free(c);
}

/* ---- finishing ---------------------------------------------------------- */

static enum err class_of(const struct http_call *c, CURLcode code)
{
	long asked = 0;

	/* A server that doesn't speak HTTP is an unsupported protocol, too. */
	curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &asked);
	switch (code) {
	case CURLE_OK:
		return ERR_NONE;
	case CURLE_WRITE_ERROR:
		return c->too_large ? ERR_RANGE : ERR_NO_MEMORY;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return asked ? ERR_UNREACHABLE : ERR_CONFIG;
	default:
		return ERR_UNREACHABLE;
	}
}

static void finish(struct http_call *c, CURLcode code)
{
	struct http_answer a = {.err = class_of(c, code),
				.body = buf_bytes(&c->answer),
				.text = *c->error ? c->error
						  : curl_easy_strerror(code)};
	curl_off_t after = 0;
	long status = 0;
	http_done *done;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	a.status = (unsigned)status;
	a.retry_after_s = after > 0 ? (uint64_t)after : 0;
	done = c->done;
	c->done = NULL; /* it is over: there is nothing to cancel */
	done(c->arg, &a);
	free_call(c);
}

static void finish_all(struct http *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left))) {
		struct http_call *c = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &c);
		finish(c, code);
	}
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

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *c = arg;

	size *= count;
	c->too_large = size > c->answer_max - c->answer.size;
	if (c->too_large)
		return 0; /* ends the call; see class_of() */
	buf_put(&c->answer, data, size);
	return buf_failed(&c->answer) ? 0 : size;
}

static bool add_headers(struct http_call *c, const struct http_request *r)
{
	for (size_t i = 0; i < r->headers_count; i++) {
		struct curl_slist *grown =
			curl_slist_append(c->headers, r->headers[i]);

		if (!grown)
			return false;
		c->headers = grown;
	}
	return true;
}

static void set_options(struct http_call *c, const struct http_request *r)
{
	curl_easy_setopt(c->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	if (r->body) {
		curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)c->body.size);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS,
				 (const char *)c->body.data);
	}
}

static bool prepare(struct http_call *c, const struct http_request *r)
{
	static const char *const json[] = {"Content-Type: application/json",
					   "Expect:"};
	struct http_request own = {.headers = json, .headers_count = 2};

	if (r->body)
		buf_put(&c->body, r->body->data, r->body->size);
	c->easy = curl_easy_init();
	if (!c->easy || buf_failed(&c->body) || !add_headers(c, r) ||
	    (r->body && !add_headers(c, &own)))
		return false;
	set_options(c, r);
	return curl_multi_add_handle(c->http->multi, c->easy) == CURLM_OK;
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
	c->answer_max = r->answer_max;
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
