/* What is asked twice with one key is done once: with a real Redis. */
#include "tests/redis.h"
#include "tests/unit/gateway_fixture.h"

#include "services/webhook-gateway/once.h"

static struct redis redis;
static struct once once;
static char seen[512];
static unsigned done; /* how often it was carried out */

static struct api_request ask(const char *key, const char *text)
{
	return (struct api_request){
		.method = API_POST,
		.path = "/v1/webhooks",
		.authorization = "Bearer operator",
		.idempotency_key = key,
		.body = {(const uint8_t *)text, strlen(text)}};
}

/* As the web thread does; what is carried out answers @status. */
static unsigned carry_out(const struct api_request *r, unsigned status)
{
	buf_clear(&answer.body);
	answer = (struct api_answer){.body = answer.body};
	if (once_begin(&once, redis.store, r, &answer)) {
		done++;
		answer.status = status;
		answer.type = "application/json";
		buf_printf(&answer.body, "{\"secret\":\"s3cret-%u\"}", done);
		once_end(&once, redis.store, &answer);
	}
	snprintf(seen, sizeof seen, "%s", buf_text(&answer.body));
	return answer.status;
}

static int begin_anew(void **state)
{
	(void)state;
	done = 0;
	return 0;
}

static void without_a_key_everything_is_done_again(void **state)
{
	struct api_request r = ask(NULL, "{}");

	(void)state;
	assert_int_equal(carry_out(&r, 201), 201);
	assert_int_equal(carry_out(&r, 201), 201);
	assert_int_equal(done, 2);
}

static void the_same_again_is_answered_the_same(void **state)
{
	struct api_request r = ask("first", "{\"a\":1}");

	(void)state;
	assert_int_equal(carry_out(&r, 201), 201);
	assert_string_equal(seen, "{\"secret\":\"s3cret-1\"}");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(carry_out(&r, 201), 201);
		assert_string_equal(seen, "{\"secret\":\"s3cret-1\"}");
		assert_string_equal(answer.type, "application/json");
		assert_string_equal(answer.cache_control, "no-store");
	}
	assert_int_equal(done, 1);
}

static void a_key_belongs_to_one_request(void **state)
{
	struct api_request r = ask("second", "{\"a\":1}");
	struct api_request other = ask("second", "{\"a\":2}");

	(void)state;
	carry_out(&r, 200);
	assert_int_equal(carry_out(&other, 200), 422);
	other = r;
	other.args[other.args_count++] = "x=1";
	assert_int_equal(carry_out(&other, 200), 422);
	assert_int_equal(done, 1);
}

/* Another's key is another key. */
static void a_key_is_that_of_a_client_a_path_and_a_method(void **state)
{
	struct api_request r = ask("third", "{}"), other = r;

	(void)state;
	carry_out(&r, 200);
	other.authorization = "Bearer somebody";
	assert_int_equal(carry_out(&other, 200), 200);
	other.authorization = NULL;
	assert_int_equal(carry_out(&other, 200), 200);
	other = r;
	other.path = "/v1/webhooks/1/test";
	assert_int_equal(carry_out(&other, 200), 200);
	other = r;
	other.method = API_PATCH;
	assert_int_equal(carry_out(&other, 200), 200);
	assert_int_equal(done, 5);
}

static void what_failed_may_be_tried_again(void **state)
{
	struct api_request r = ask("fourth", "{}");

	(void)state;
	assert_int_equal(carry_out(&r, 503), 503);
	assert_int_equal(carry_out(&r, 400), 400);
	assert_int_equal(carry_out(&r, 200), 200);
	assert_int_equal(carry_out(&r, 200), 200);
	assert_int_equal(done, 3);
}

static void who_is_under_way_is_waited_for(void **state)
{
	struct api_request r = ask("fifth", "{}");
	struct once first;

	(void)state;
	assert_true(once_begin(&first, redis.store, &r, &answer));
	assert_int_equal(carry_out(&r, 200), 409);
	assert_int_equal(answer.retry_after_s, 1);
	answer.status = 500;
	once_end(&first, redis.store, &answer);
	assert_int_equal(carry_out(&r, 200), 200);
	assert_int_equal(done, 1);
}

static void a_key_has_so_many_visible_characters(void **state)
{
	char longest[ONCE_KEY_MAX + 2] = "";
	struct api_request r = ask(longest, "{}");

	(void)state;
	memset(longest, 'k', sizeof longest);
	longest[ONCE_KEY_MAX + 1] = 0;
	assert_int_equal(carry_out(&r, 200), 400);
	longest[ONCE_KEY_MAX] = 0;
	assert_int_equal(carry_out(&r, 200), 200);
	r.idempotency_key = "";
	assert_int_equal(carry_out(&r, 200), 400);
	r.idempotency_key = "a b";
	assert_int_equal(carry_out(&r, 200), 400);
	r.idempotency_key = "\xc3\xa4";
	assert_int_equal(carry_out(&r, 200), 400);
	assert_int_equal(done, 1);
}

static void reading_needs_none(void **state)
{
	struct api_request r = ask("sixth", "");

	(void)state;
	r.method = API_GET;
	carry_out(&r, 200);
	carry_out(&r, 200);
	r.method = API_DELETE;
	carry_out(&r, 200);
	assert_int_equal(done, 3);
}

/* Nothing that Redis has says what was asked or answered, or lets it be read:
 * and what was changed there is noticed. */
static void redis_has_nothing_to_read(void **state)
{
	struct api_request r = ask("seventh-key", "{\"a\":\"s3cret-body\"}");
	struct bytes none = {(const uint8_t *)"x", 1};
	struct buf kept = {0};
	char name[ONCE_NAME_ROOM];

	(void)state;
	carry_out(&r, 200);
	memcpy(name, once.name, sizeof name);
	assert_null(strstr(name, "seventh"));
	assert_err(store_once_claim(redis.store, name, none, 60, &kept),
		   ERR_EXISTS);
	assert_true(kept.size > 60);
	assert_null(memmem(kept.data, kept.size, "s3cret", 6));
	assert_null(memmem(kept.data, kept.size, "seventh", 7));
	kept.data[kept.size - 1] ^= 1;
	assert_err(store_once_keep(redis.store, name, buf_bytes(&kept), 60),
		   ERR_NONE);
	assert_int_equal(carry_out(&r, 200), 500);
	for (size_t size = 0; size < kept.size; size += 7) {
		assert_err(store_once_keep(
				   redis.store, name,
				   (struct bytes){kept.data, size ? size : 1},
				   60),
			   ERR_NONE);
		assert_true(carry_out(&r, 200) >= 400);
	}
	buf_free(&kept);
	assert_int_equal(done, 1);
}

static void without_redis_nothing_is_done(void **state)
{
	struct api_request r = ask("eighth", "{}");

	(void)state;
	assert_false(once_begin(&once, NULL, &r, &answer));
	assert_int_equal(answer.status, 503);
}

static int start_redis(void **state)
{
	(void)state;
	redis_start(&redis);
	return 0;
}

static int stop_redis(void **state)
{
	(void)state;
	buf_free(&answer.body);
	redis_stop(&redis);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, begin_anew)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_key_everything_is_done_again),
		TEST(the_same_again_is_answered_the_same),
		TEST(a_key_belongs_to_one_request),
		TEST(a_key_is_that_of_a_client_a_path_and_a_method),
		TEST(what_failed_may_be_tried_again),
		TEST(who_is_under_way_is_waited_for),
		TEST(a_key_has_so_many_visible_characters),
		TEST(reading_needs_none),
		TEST(redis_has_nothing_to_read),
		TEST(without_redis_nothing_is_done),
	};

	return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
