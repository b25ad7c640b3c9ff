/* curl_multi on an epoll of its own, with handles that are used again. */
#include "common/post.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/curl_call.h"
#include "common/metric.h"

enum {
	NAME_S = 4, /* addresses of names are asked for again */
	HEADERS_MAX = 32 * 1024,
	KEPT_CALLS_MAX = 512,
	EVENTS = 128, /* looked at in one step */
};

struct call {
	struct post *post;
	struct curl_call curl;
	size_t headers_size;
	bool headers_too_large, refused, plain;
	char address[POST_ADDRESS_ROOM];
	post_done *done;
	void *arg;
	struct call *next, **link; /* under way; next only: kept */
};

struct post {
	CURLM *multi;
	int epoll, wake; /* an eventfd */
	uint64_t due_us; /* when curl wants to be called, whatever happens */
	const struct guard *guard;
	struct call *calls, *kept;
	unsigned kept_count;
};

/* ---- calls -------------------------------------------------------------- */

static void free_call(struct call *c)
{
	curl_call_free(&c->curl);
	free(c);
}

static void unlink_call(struct call *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	curl_multi_remove_handle(c->post->multi, c->curl.easy);
}

/* Done with: to be used again, without what was asked and answered. */
static void keep_call(struct call *c)
{
	struct post *p = c->post;

	if (p->kept_count == KEPT_CALLS_MAX) {
		free_call(c);
		return;
	}
	curl_call_clear(&c->curl);
	*c = (struct call){.post = p, .curl = c->curl, .next = p->kept};
	p->kept = c;
	p->kept_count++;
}

static struct call *get_call(struct post *p)
{
	struct call *c = p->kept;

	if (c) {
		p->kept = c->next;
		p->kept_count--;
		return c;
	}
	c = calloc(1, sizeof *c);
	if (c)
		c->post = p;
	return c;
}

/* ---- what curl asks of us ----------------------------------------------- */

static void write_address(char out[POST_ADDRESS_ROOM], const struct sockaddr *a)
{
	const void *bytes =
		a->sa_family == AF_INET
			? (const void *)&((const struct sockaddr_in *)a)
				  ->sin_addr
			: (const void *)&((const struct sockaddr_in6 *)a)
				  ->sin6_addr;

	if (!inet_ntop(a->sa_family, bytes, out, POST_ADDRESS_ROOM))
		out[0] = 0;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose,
			     struct curl_sockaddr *address)
{
	struct call *c = arg;
	enum guard_verdict verdict =
		guard_judge(c->post->guard, &address->addr);

	(void)purpose;
	write_address(c->address, &address->addr);
	c->refused = verdict == GUARD_REFUSED ||
		     (c->plain && verdict != GUARD_ALLOWED);
	if (c->refused)
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		      address->protocol);
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct call *c = arg;

	(void)data;
	size *= count;
	c->headers_size += size;
	c->headers_too_large = c->headers_size > HEADERS_MAX;
	return c->headers_too_large ? 0 : size;
}

/* ---- life --------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		     void *known)
{
	struct post *p = arg;
	struct epoll_event e = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	e.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
		   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	if (!known || epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &e))
		epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
	curl_multi_assign(p->multi, fd, p);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct post *p = arg;

	(void)multi;
	p->due_us = ms < 0 ? UINT64_MAX : metric_now_us() + (uint64_t)ms * 1000;
	return 0;
}

enum err post_new(struct post **out, const struct guard *guard,
		  unsigned connections)
{
	struct post *p = calloc(1, sizeof *p);
	struct epoll_event e = {.events = EPOLLIN};

	*out = p;
	if (!p)
		return ERR_NO_MEMORY;
	p->guard = guard;
	p->due_us = UINT64_MAX;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->wake = e.data.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->multi = curl_multi_init();
	if (p->epoll < 0 || p->wake < 0 || !p->multi ||
	    epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->wake, &e)) {
		post_free(out);
		return ERR_NO_MEMORY;
	}
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)connections);
	curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return ERR_NONE;
}

void post_free(struct post **post)
{
	struct post *p = *post;

	if (!p)
		return;
	while (p->calls) {
		struct call *c = p->calls;

		unlink_call(c);
		free_call(c);
	}
	while (p->kept) {
		struct call *c = p->kept;

		p->kept = c->next;
		free_call(c);
	}
	if (p->multi)
		curl_multi_cleanup(p->multi);
	if (p->wake >= 0)
		close(p->wake);
	if (p->epoll >= 0)
		close(p->epoll);
	free(p);
	*post = NULL;
}

/* ---- URLs --------------------------------------------------------------- */

static const char *judge_url(CURLU *u)
{
	static const CURLUPart none[] = {CURLUPART_USER, CURLUPART_PASSWORD,
					 CURLUPART_FRAGMENT};
	char *text = NULL;
	const char *why = NULL;

	if (curl_url_get(u, CURLUPART_SCHEME, &text, 0) ||
	    (strcmp(text, "https") != 0 && strcmp(text, "http") != 0))
		why = "it begins with https:// or http://";
	curl_free(text);
	for (size_t i = 0; i < sizeof none / sizeof none[0] && !why; i++) {
		text = NULL;
		if (!curl_url_get(u, none[i], &text, 0))
			why = "it has no user, password or fragment";
		curl_free(text);
	}
	text = NULL;
	if (!why && (curl_url_get(u, CURLUPART_HOST, &text, 0) || !*text))
		why = "it names a host";
	curl_free(text);
	return why;
}

const char *post_url_problem(const char *url)
{
	CURLU *u;
	const char *why = "it is an absolute URL";

	if (strlen(url) > POST_URL_MAX)
		return "it has at most 1024 characters";
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~')
			return "it is made of visible ASCII characters";
	u = curl_url();
	if (u && !curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME))
		why = judge_url(u);
	curl_url_cleanup(u);
	return why;
}

/* ---- sending ------------------------------------------------------------ */

static void set_options(struct call *c)
{
	CURL *easy = c->curl.easy;

	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAME_S);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
}

static bool prepare(struct call *c, const struct post_request *r)
{
	struct curl_call_request request = {.url = r->url,
					    .headers = r->headers,
					    .headers_count = r->headers_count,
					    .body = &r->body,
					    .timeout_ms = r->timeout_ms,
					    .connect_ms = CURL_CALL_CONNECT_MS,
					    .answer_max = r->answer_max};

	if (r->timeout_ms < request.connect_ms)
		request.connect_ms = r->timeout_ms;
	c->plain = strncasecmp(r->url, "https:", 6) != 0;
	if (!curl_call_add_header(&c->curl, "Accept:") ||
	    !curl_call_prepare(&c->curl, &request, c))
		return false;
	set_options(c);
	return curl_multi_add_handle(c->post->multi, c->curl.easy) == CURLM_OK;
}

enum err post_send(struct post *p, const struct post_request *r,
		   post_done *done, void *arg)
{
	struct call *c = get_call(p);

	if (!c)
		return ERR_NO_MEMORY;
	c->done = done;
	c->arg = arg;
	if (!prepare(c, r)) {
		free_call(c);
		return ERR_NO_MEMORY;
	}
	c->next = p->calls;
	c->link = &p->calls;
	if (c->next)
		c->next->link = &c->next;
	p->calls = c;
	return ERR_NONE;
}

/* ---- answers ------------------------------------------------------------ */

static enum err error_of(const struct call *c, CURLcode code)
{
	if (code == CURLE_OK)
		return ERR_NONE;
	if (c->refused)
		return ERR_REFUSED;
	return c->curl.too_large || c->headers_too_large ? ERR_RANGE
							 : ERR_UNREACHABLE;
}

static const char *text_of(const struct call *c, enum err e, const char *text)
{
	if (e == ERR_REFUSED)
		return c->plain ? "plain http goes only to addresses that the "
				  "operator allowed"
				: "the address isn't public";
	return e == ERR_RANGE ? "the answer is too long" : text;
}

static void finish(struct call *c, CURLcode code)
{
	struct curl_call_end end = curl_call_end(&c->curl, code);
	struct post_answer a = {.err = error_of(c, code),
				.status = end.status,
				.retry_after_s = end.retry_after_s,
				.body = end.body};
	curl_off_t took_us = 0;
	char *address = NULL;

	a.text = text_of(c, a.err, end.text);
	curl_easy_getinfo(c->curl.easy, CURLINFO_TOTAL_TIME_T, &took_us);
	curl_easy_getinfo(c->curl.easy, CURLINFO_PRIMARY_IP, &address);
	a.took_ms = (unsigned)(took_us / 1000);
	/* Of a connection that was used again, curl knows it. */
	snprintf(a.address, sizeof a.address, "%s",
		 *c->address || !address ? c->address : address);
	unlink_call(c);
	c->done(c->arg, &a);
	keep_call(c);
}

/* Finish what has ended; whether anything has. */
static bool finish_all(struct post *p)
{
	bool any = false;
	struct call *c;
	CURLcode code;

	while ((c = curl_call_next(p->multi, &code))) {
		finish(c, code);
		any = true;
	}
	return any;
}

/* Whether it was somebody's wake. */
static bool on_ready(struct post *p, const struct epoll_event *e)
{
	uint64_t count;
	int running;
	int mask = (e->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		   (e->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (e->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

	if (e->data.fd == p->wake)
		return read(p->wake, &count, sizeof count) > 0;
	curl_multi_socket_action(p->multi, e->data.fd, mask, &running);
	return false;
}

/* Go on with what can, after at most @wait_ms; whether a call ended, or
 * somebody woke us. */
static bool step(struct post *p, unsigned wait_ms)
{
	struct epoll_event events[EVENTS];
	uint64_t now = metric_now_us();
	bool woken = false;
	int running, n;

	if (p->due_us <= now)
		wait_ms = 0;
	else if (p->due_us - now < (uint64_t)wait_ms * 1000)
		wait_ms = (unsigned)((p->due_us - now) / 1000 + 1);
	n = epoll_wait(p->epoll, events, EVENTS, (int)wait_ms);
	if (p->due_us <= metric_now_us()) {
		p->due_us = UINT64_MAX; /* curl says if there is more */
		curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0,
					 &running);
	}
	for (int i = 0; i < n; i++)
		woken = on_ready(p, &events[i]) || woken;
	return finish_all(p) || woken;
}

void post_turn(struct post *p, unsigned wait_ms)
{
	if (!step(p, 0))
		step(p, wait_ms);
}

void post_wake(struct post *p)
{
	uint64_t one = 1;

	if (write(p->wake, &one, sizeof one) < 0)
		return; /* it is awake already */
}
