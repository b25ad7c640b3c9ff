/* What post.h promises, against a real server. */
#include "tests/server.h"

#include "common/metric.h"
#include "common/post.h"

static struct server server;
static struct guard *guard;
static struct post *post;
static struct post_answer got;
static char got_text[200];
static unsigned answers;

static enum server_then answer(void *arg, const struct server_request *r,
			       struct buf *out)
{
	static char large[8192];

	(void)arg;
	if (strstr(r->head, "/hang"))
		return SERVER_HANG;
	memset(large, 'x', sizeof large);
	if (strstr(r->head, "/large"))
		server_respond(out, "200 OK", "", large, sizeof large);
	else if (strstr(r->head, "/away"))
		server_respond(out, "302 Found", "Location: /here\r\n", "", 0);
	else if (strstr(r->head, "/later"))
		server_respond(out, "503 Later", "Retry-After: 315360000\r\n",
			       "", 0);
	else
		server_respond(out, "200 OK", "", r->body, r->body_size);
	return SERVER_KEEP;
}

static void on_answer(void *arg, const struct post_answer *a)
{
	(void)arg;
	got = *a;
	snprintf(got_text, sizeof got_text, "%s|%.*s", a->err ? a->text : "",
		 (int)a->body.size, (const char *)a->body.data);
	answers++;
}

static void begin_with(const char *cidrs)
{
	server_start(&server, answer, NULL);
	assert_err(guard_new(&guard, cidrs), ERR_NONE);
	assert_err(post_new(&post, guard, 4), ERR_NONE);
	answers = 0;
}

static void end_all(void)
{
	post_free(&post);
	guard_free(&guard);
	server_stop(&server);
}

/* Post "hello" to @scheme://127.0.0.1:PORT@path and wait for the answer. */
static void ask(const char *scheme, const char *path)
{
	static const char *const headers[] = {"X-Test: yes"};
	char url[128];
	struct post_request r = {.url = url,
				 .headers = headers,
				 .headers_count = 1,
				 .body = {(const uint8_t *)"hello", 5},
				 .timeout_ms = 500,
				 .answer_max = 4096};
	unsigned before = answers;

	snprintf(url, sizeof url, "%s://127.0.0.1:%d%s", scheme, server.port,
		 path);
	assert_null(post_url_problem(url));
	assert_err(post_send(post, &r, on_answer, NULL), ERR_NONE);
	while (answers == before)
		post_turn(post, 1000);
	assert_int_equal(answers, before + 1);
}

static void an_answer_comes_and_the_connection_is_kept(void **state)
{
	(void)state;
	begin_with("127.0.0.1/32");
	for (int i = 0; i < 3; i++) {
		ask("http", "/");
		assert_err(got.err, ERR_NONE);
		assert_int_equal(got.status, 200);
		assert_string_equal(got_text, "|hello");
		assert_string_equal(got.address, "127.0.0.1");
	}
	assert_int_equal(atomic_load(&server.accepted), 1);
	end_all();
}

static void no_connection_is_made_to_a_refused_address(void **state)
{
	(void)state;
	begin_with("10.0.0.0/8");
	ask("http", "/");
	assert_err(got.err, ERR_REFUSED);
	ask("https", "/");
	assert_err(got.err, ERR_REFUSED);
	assert_int_equal(atomic_load(&server.accepted), 0);
	end_all();
}

static void a_redirect_is_an_answer_and_is_not_followed(void **state)
{
	(void)state;
	begin_with("127.0.0.1/32");
	ask("http", "/away");
	assert_err(got.err, ERR_NONE);
	assert_int_equal(got.status, 302);
	assert_int_equal(atomic_load(&server.requests), 1);
	end_all();
}

static void what_is_too_long_or_too_late_is_an_error(void **state)
{
	(void)state;
	begin_with("127.0.0.1/32");
	ask("http", "/large");
	assert_err(got.err, ERR_RANGE);
	ask("http", "/hang");
	assert_err(got.err, ERR_UNREACHABLE);
	ask("http", "/later");
	assert_int_equal(got.status, 503);
	assert_true(got.retry_after_s > 0);
	server_stop(&server);
	ask("http", "/");
	assert_err(got.err, ERR_UNREACHABLE);
	end_all();
}

static void *wake(void *arg)
{
	post_wake(arg);
	return NULL;
}

static void waiting_ends_when_somebody_wakes_it(void **state)
{
	uint64_t began = metric_now_us();
	pthread_t thread;

	(void)state;
	begin_with("");
	assert_int_equal(pthread_create(&thread, NULL, wake, post), 0);
	post_turn(post, 60000); /* woken during it, or before */
	assert_true(metric_now_us() - began < 50u * 1000 * 1000);
	pthread_join(thread, NULL);
	end_all();
}

static void what_is_under_way_is_dropped_with_it(void **state)
{
	struct post_request r = {.url = "http://127.0.0.1:1/",
				 .timeout_ms = 500};

	(void)state;
	begin_with("127.0.0.1/32");
	assert_err(post_send(post, &r, on_answer, NULL), ERR_NONE);
	post_free(&post);
	assert_int_equal(answers, 0);
	end_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_and_the_connection_is_kept),
		cmocka_unit_test(no_connection_is_made_to_a_refused_address),
		cmocka_unit_test(a_redirect_is_an_answer_and_is_not_followed),
		cmocka_unit_test(what_is_too_long_or_too_late_is_an_error),
		cmocka_unit_test(waiting_ends_when_somebody_wakes_it),
		cmocka_unit_test(what_is_under_way_is_dropped_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
