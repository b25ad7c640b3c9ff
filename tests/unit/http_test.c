/* What an HTTP call promises, against a small server that misbehaves. */
#include "tests/server.h"

#include "common/http.h"

static struct loop *loop;
static struct http *http;
static struct server server;

/* What is answered to GET /NAME. */
static enum server_then answer(void *arg, const struct server_request *r,
			       struct buf *out)
{
	static const char large[100000];
	char name[32] = "";

	(void)arg;
	sscanf(r->head, "%*s /%31s", name);
	if (strcmp(name, "hang") == 0)
		return SERVER_HANG;
	if (strcmp(name, "close") == 0)
		return SERVER_CLOSE;
	if (strcmp(name, "half") == 0) {
		buf_put_text(out, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
				  "\r\nhalf");
		return SERVER_CLOSE;
	}
	if (strcmp(name, "garbage") == 0) {
		buf_put_text(out, "\1\2\3 nonsense\r\n\r\n");
		return SERVER_CLOSE;
	}
	if (strcmp(name, "large") == 0)
		server_respond(out, "200 OK", "", large, sizeof large);
	else if (strcmp(name, "busy") == 0)
		server_respond(out, "429 Too Many Requests",
			       "Retry-After: 7\r\n", "slow", 4);
	else if (strcmp(name, "elsewhere") == 0)
		server_respond(out, "302 Found", "Location: /ok\r\n", "", 0);
	else if (strcmp(name, "chunks") == 0)
		buf_put_text(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				  "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"
				  "\r\n");
	else if (strcmp(name, "echo") == 0)
		server_respond(out, "200 OK", "", r->body, r->body_size);
	else if (strcmp(name, "head") == 0)
		server_respond(out, "200 OK", "", r->head, strlen(r->head));
	else
		server_respond(out, "200 OK", "", "fine", 4);
	return SERVER_KEEP;
}

static int begin(void **state)
{
	(void)state;
	assert_err(loop_new(&loop), ERR_NONE);
	assert_err(http_new(&http, loop), ERR_NONE);
	server_start(&server, answer, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	http_free(&http);
	http_free(&http); /* twice is once */
	loop_free(&loop);
	server_stop(&server);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* ---- one call ----------------------------------------------------------- */

struct heard {
	unsigned times, waiting; /* stop when none is waited for */
	enum err err;
	unsigned status;
	uint64_t retry_after_s;
	char body[1024], text[256];
	size_t size;
};

static struct heard heard;

static void done(void *arg, const struct http_answer *a)
{
	struct heard *h = arg;

	h->times++;
	h->err = a->err;
	h->status = a->status;
	h->retry_after_s = a->retry_after_s;
	h->size = a->body.size;
	snprintf(h->text, sizeof h->text, "%s", a->text);
	snprintf(h->body, sizeof h->body, "%.*s",
		 (int)(a->body.size < 1000 ? a->body.size : 1000),
		 a->body.size ? (const char *)a->body.data : "");
	if (--h->waiting == 0)
		loop_stop(loop);
}

static struct http_call *send_to(const char *url, const struct bytes *body)
{
	static const char *const headers[] = {"X-Token: abc"};
	struct http_request r = {.url = url,
				 .headers = headers,
				 .headers_count = 1,
				 .body = body,
				 .timeout_ms = 5000,
				 .answer_max = 50000};
	struct http_call *c;

	if (strstr(url, "/hang"))
		r.timeout_ms = 50;
	heard.waiting++;
	c = http_send(http, &r, done, &heard);
	assert_non_null(c);
	return c;
}

static const char *url_of(const char *name)
{
	static char url[128];

	snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", server.port, name);
	return url;
}

static void call(const char *url, const struct bytes *body)
{
	unsigned before;

	heard = (struct heard){.times = 0};
	send_to(url, body);
	before = heard.times;
	assert_int_equal(before, 0); /* never from http_send() */
	loop_run(loop);
	assert_int_equal(heard.times, 1);
}

static void an_answer_has_status_and_body(void **state)
{
	(void)state;
	call(url_of("ok"), NULL);
	assert_err(heard.err, ERR_NONE);
	assert_int_equal(heard.status, 200);
	assert_string_equal(heard.body, "fine");
	call(url_of("chunks"), NULL);
	assert_string_equal(heard.body, "abcde");
	call(url_of("busy"), NULL);
	assert_err(heard.err, ERR_NONE);
	assert_int_equal(heard.status, 429);
	assert_int_equal(heard.retry_after_s, 7);
	assert_string_equal(heard.body, "slow");
}

static void a_body_is_posted_as_json(void **state)
{
	struct bytes body = {(const uint8_t *)"{\"a\":1}", 7};
	struct bytes none = {NULL, 0};
	struct buf large = {0};

	(void)state;
	call(url_of("echo"), &body);
	assert_string_equal(heard.body, "{\"a\":1}");
	call(url_of("head"), &body);
	assert_memory_equal(heard.body, "POST /head HTTP/1.1\r\n", 21);
	assert_non_null(
		strstr(heard.body, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(heard.body, "X-Token: abc"));
	call(url_of("head"), &none); /* nor does it read from stdin */
	assert_non_null(strstr(heard.body, "Content-Length: 0"));
	buf_put_zeros(&large, 45000);
	body = buf_bytes(&large);
	call(url_of("echo"), &body);
	assert_int_equal(heard.size, 45000);
	buf_free(&large);
}

static void a_get_has_no_body(void **state)
{
	(void)state;
	call(url_of("head"), NULL);
	assert_memory_equal(heard.body, "GET /head HTTP/1.1\r\n", 20);
	assert_null(strstr(heard.body, "Content-"));
	assert_null(strstr(heard.body, "Accept-Encoding"));
}

static void a_redirect_is_not_followed(void **state)
{
	(void)state;
	call(url_of("elsewhere"), NULL);
	assert_err(heard.err, ERR_NONE);
	assert_int_equal(heard.status, 302);
}

/* ---- what goes wrong ---------------------------------------------------- */

static void an_answer_that_is_too_large_is_not_kept(void **state)
{
	(void)state;
	call(url_of("large"), NULL);
	assert_err(heard.err, ERR_RANGE);
	assert_true(heard.size <= 50000);
}

static void what_is_no_answer_is_unreachable(void **state)
{
	static const char *const names[] = {"close", "half", "garbage", "hang"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		call(url_of(names[i]), NULL);
		assert_err(heard.err, ERR_UNREACHABLE);
		assert_true(*heard.text);
	}
	call(url_of("ok"), NULL); /* and it goes on */
	assert_err(heard.err, ERR_NONE);
	server_stop(&server);
	call(url_of("ok"), NULL);
	assert_err(heard.err, ERR_UNREACHABLE);
}

static void a_url_that_is_none_is_a_matter_of_configuration(void **state)
{
	(void)state;
	call("ftp://127.0.0.1/x", NULL);
	assert_err(heard.err, ERR_CONFIG);
	call("file:///etc/passwd", NULL);
	assert_err(heard.err, ERR_CONFIG);
	call("http://127.0.0.1:99999/", NULL);
	assert_err(heard.err, ERR_CONFIG);
	call("", NULL);
	assert_err(heard.err, ERR_CONFIG);
}

static void no_proxy_is_asked(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	call(url_of("ok"), NULL);
	unsetenv("http_proxy");
	assert_err(heard.err, ERR_NONE);
}

/* ---- many --------------------------------------------------------------- */

static void connections_are_kept(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		call(url_of("ok"), NULL);
	assert_int_equal(server.accepted, 1);
	assert_int_equal(server.requests, 5);
}

static void many_calls_share_few_connections(void **state)
{
	(void)state;
	http_set_connections(http, 2);
	heard = (struct heard){.times = 0};
	for (int i = 0; i < 20; i++)
		send_to(url_of("ok"), NULL);
	loop_run(loop);
	assert_int_equal(heard.times, 20);
	assert_int_equal(server.requests, 20);
	assert_true(server.accepted <= 2);
}

/* The connections are all taken: the time of those that wait runs, too. */
static void those_that_wait_time_out_as_well(void **state)
{
	(void)state;
	http_set_connections(http, 1);
	heard = (struct heard){.times = 0};
	for (int i = 0; i < 3; i++)
		send_to(url_of("hang"), NULL);
	loop_run(loop);
	assert_int_equal(heard.times, 3);
	assert_err(heard.err, ERR_UNREACHABLE);
}

static struct http_call *victim;

static void cancel_victim(void *arg, const struct http_answer *a)
{
	done(arg, a);
	http_cancel(victim);
	http_cancel(NULL);
}

static void what_was_cancelled_is_not_heard_of(void **state)
{
	struct http_request r = {
		.url = url_of("ok"), .timeout_ms = 5000, .answer_max = 100};
	struct heard other = {.waiting = 9};

	(void)state;
	heard = (struct heard){.waiting = 1};
	victim = http_send(http, &r, done, &other);
	assert_non_null(victim);
	http_cancel(victim);
	r.url = url_of("hang"); /* and from the done() of another */
	victim = http_send(http, &r, done, &other);
	r.url = url_of("ok");
	assert_non_null(http_send(http, &r, cancel_victim, &heard));
	loop_run(loop);
	call(url_of("ok"), NULL);
	assert_int_equal(other.times, 0);
}

static void cancel_itself(void *arg, const struct http_answer *a)
{
	done(arg, a);
	http_cancel(victim); /* it is over: nothing happens */
}

static void a_call_may_cancel_itself_in_its_own_done(void **state)
{
	struct http_request r = {
		.url = url_of("ok"), .timeout_ms = 5000, .answer_max = 100};

	(void)state;
	heard = (struct heard){.waiting = 1};
	victim = http_send(http, &r, cancel_itself, &heard);
	loop_run(loop);
	assert_int_equal(heard.times, 1);
}

/* So that a prover need not go on. */
static void cancelling_closes_the_connection(void **state)
{
	struct http_request r = {
		.url = url_of("hang"), .timeout_ms = 60000, .answer_max = 100};

	(void)state;
	victim = http_send(http, &r, done, &heard);
	for (int i = 0; i < 500 && !server.requests; i++)
		call(url_of("ok"), NULL);
	assert_true(server.requests > 0);
	http_cancel(victim);
	http_free(&http);
	for (int i = 0; i < 5000 && server.open; i++)
		usleep(1000);
	assert_int_equal(server.open, 0);
}

static void freeing_drops_what_is_under_way(void **state)
{
	(void)state;
	heard = (struct heard){.times = 0};
	for (int i = 0; i < 5; i++)
		send_to(url_of(i % 2 ? "hang" : "ok"), NULL);
	http_free(&http);
	assert_int_equal(heard.times, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_has_status_and_body),
		TEST(a_body_is_posted_as_json),
		TEST(a_get_has_no_body),
		TEST(a_redirect_is_not_followed),
		TEST(an_answer_that_is_too_large_is_not_kept),
		TEST(what_is_no_answer_is_unreachable),
		TEST(a_url_that_is_none_is_a_matter_of_configuration),
		TEST(no_proxy_is_asked),
		TEST(connections_are_kept),
		TEST(many_calls_share_few_connections),
		TEST(those_that_wait_time_out_as_well),
		TEST(what_was_cancelled_is_not_heard_of),
		TEST(a_call_may_cancel_itself_in_its_own_done),
		TEST(cancelling_closes_the_connection),
		TEST(freeing_drops_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
