/* What hook.h, hook_event.h and hooks_schedule() promise. */
#include "tests/test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "services/webhook-gateway/hook_event.h"
#include "services/webhook-gateway/hooks.h"
#include "tests/unit/view_fixture.h"

static const uint8_t seal[HOOK_SEAL_SIZE] = {1, 2, 3};

static struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct hook new_hook(const char *body)
{
	char token[HOOK_TOKEN_ROOM], why[HOOK_WHY_ROOM];
	struct hook hook;

	hook_new(&hook, token, 1000);
	assert_err(hook_read(&hook, NULL, text(body), why), ERR_NONE);
	assert_true(hook_token_fits(&hook.token, token));
	token[10] ^= 1;
	assert_false(hook_token_fits(&hook.token, token));
	assert_false(hook_token_fits(&hook.token, ""));
	return hook;
}

/* ---- signing ------------------------------------------------------------ */

/* The test vector of github.com/standard-webhooks/standard-webhooks. */
static void a_signature_is_that_of_the_published_vector(void **state)
{
	struct hook hook = {.v1 = true};
	struct buf out = {0};
	size_t size;

	(void)state;
	assert_int_equal(
		sodium_base642bin(hook.secret.hmac, sizeof hook.secret.hmac,
				  "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 32, NULL,
				  &size, NULL, sodium_base64_VARIANT_ORIGINAL),
		0);
	assert_int_equal(size, 24); /* HMAC fills a key up with zeros */
	hook_sign(&out, &hook, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
		  text("{\"test\": 2432232314}"));
	assert_string_equal(buf_text(&out),
			    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	buf_free(&out);
}

static bool verifies(const struct hook *hook, const char *signature,
		     const char *content)
{
	uint8_t public[crypto_sign_PUBLICKEYBYTES];
	uint8_t bytes[crypto_sign_BYTES];
	char key[HOOK_KEY_ROOM];
	size_t size;

	hook_public_text(key, &hook->secret);
	assert_memory_equal(key, "whpk_", 5);
	assert_int_equal(sodium_base642bin(public, sizeof public, key + 5,
					   strlen(key + 5), NULL, &size, NULL,
					   sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_memory_equal(signature, "v1a,", 4);
	assert_int_equal(sodium_base642bin(bytes, sizeof bytes, signature + 4,
					   strlen(signature + 4), NULL, &size,
					   NULL,
					   sodium_base64_VARIANT_ORIGINAL),
			 0);
	return crypto_sign_verify_detached(bytes, (const uint8_t *)content,
					   strlen(content), public) == 0;
}

static void an_ed25519_signature_is_of_id_time_and_body(void **state)
{
	struct hook hook =
		new_hook("{\"url\":\"https://a.example\",\"signatures\":"
			 "[\"v1a\"]}");
	struct buf out = {0};

	(void)state;
	hook_sign(&out, &hook, "id", 77, text("body"));
	assert_true(verifies(&hook, buf_text(&out), "id.77.body"));
	assert_false(verifies(&hook, buf_text(&out), "id.78.body"));
	buf_free(&out);
}

static void the_old_secret_signs_until_its_time_is_over(void **state)
{
	struct hook hook =
		new_hook("{\"url\":\"https://a.example\",\"signatures\":"
			 "[\"v1\",\"v1a\"]}");
	struct buf before = {0}, both = {0}, after = {0};

	(void)state;
	hook_sign(&before, &hook, "id", 77, text("body"));
	hook_rotate(&hook, 100);
	hook_sign(&both, &hook, "id", 77, text("body"));
	hook_sign(&after, &hook, "id", 100, text("body"));
	assert_non_null(strstr(buf_text(&both), buf_text(&before)));
	assert_null(strstr(buf_text(&after), buf_text(&before)));
	assert_int_equal(both.size, 2 * before.size + 1);
	assert_int_equal(after.size, before.size);
	buf_free(&before);
	buf_free(&both);
	buf_free(&after);
}

/* ---- records ------------------------------------------------------------ */

static void a_record_is_what_was_saved(void **state)
{
	struct hook hook = new_hook(
		"{\"url\":\"https://a.example/x\",\"events\":[\"task.*\","
		"\"market.updated\"],\"market\":\"7\",\"requester\":"
		"\"0x00000000000000000000000000000000000000aa\","
		"\"description\":\"\\u00e4 \\\"b\\\"\"}");
	struct hook loaded;
	struct buf record = {0};

	(void)state;
	hook_rotate(&hook, 5000);
	hook_save(&record, &hook, seal);
	assert_true(record.size < HOOK_RECORD_MAX);
	assert_err(hook_load(&loaded, hook.id, buf_bytes(&record), seal),
		   ERR_NONE);
	assert_string_equal(loaded.url, hook.url);
	assert_string_equal(loaded.text, hook.text);
	assert_int_equal(loaded.types, hook.types);
	assert_int_equal(loaded.market_id, 7);
	assert_true(loaded.has_requester && !loaded.has_generator);
	assert_memory_equal(&loaded.secret, &hook.secret, sizeof hook.secret);
	assert_memory_equal(&loaded.old, &hook.old, sizeof hook.old);
	assert_int_equal(loaded.old_until, 5000);
	assert_int_equal(loaded.created, 1000);
	assert_memory_equal(&loaded.token, &hook.token, sizeof hook.token);
	buf_free(&record);
}

static void secrets_are_sealed_and_bound_to_their_hook(void **state)
{
	const uint8_t other[HOOK_SEAL_SIZE] = {9};
	struct hook hook = new_hook("{\"url\":\"https://a.example\"}"), loaded;
	struct buf record = {0};
	char secret[HOOK_KEY_ROOM], id[HOOK_ID_ROOM], *at;

	(void)state;
	hook_save(&record, &hook, seal);
	hook_secret_text(secret, &hook.secret);
	assert_null(strstr(buf_text(&record), secret + 6));
	assert_err(hook_load(&loaded, hook.id, buf_bytes(&record), other),
		   ERR_SIGNATURE);
	/* Another hook's record with these secrets. */
	strcpy(id, hook.id);
	id[5] = id[5] == '0' ? '1' : '0';
	at = strstr((char *)record.data, hook.id);
	memcpy(at, id, strlen(id));
	assert_err(hook_load(&loaded, id, buf_bytes(&record), seal),
		   ERR_SIGNATURE);
	assert_err(hook_load(&loaded, hook.id, buf_bytes(&record), seal),
		   ERR_MALFORMED);
	buf_free(&record);
}

static void a_seal_is_64_hex_digits(void **state)
{
	uint8_t key[HOOK_SEAL_SIZE];
	char digits[67] = "0x";

	(void)state;
	memset(digits + 2, 'a', 64);
	assert_err(hook_seal_parse(key, digits), ERR_NONE);
	assert_err(hook_seal_parse(key, digits + 2), ERR_NONE);
	assert_int_equal(key[31], 0xaa);
	assert_err(hook_seal_parse(key, digits + 3), ERR_MALFORMED);
	assert_err(hook_seal_parse(key, ""), ERR_MALFORMED);
	digits[20] = 'g';
	assert_err(hook_seal_parse(key, digits), ERR_MALFORMED);
}

static void a_schedule_is_seconds_with_commas(void **state)
{
	static const char *const bad[] = {
		"",	 ",",
		"1,",	 "1,,2",
		"-1",	 " 1",
		"1 ",	 "604801",
		"1,2,x", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"};
	struct hooks_config config = {.retries_count = 0};

	(void)state;
	assert_err(hooks_schedule(&config, "5,300,0,604800"), ERR_NONE);
	assert_int_equal(config.retries_count, 4);
	assert_int_equal(config.retries_s[1], 300);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (hooks_schedule(&config, bad[i]) != ERR_MALFORMED)
			fail_msg("\"%s\" is taken", bad[i]);
}

/* ---- events ------------------------------------------------------------- */

static struct hook_event event_of(const struct wire_message *d, const void *m)
{
	struct buf bytes = {0};
	struct entry entry = {.number = 9, .type = d->number};
	struct hook_event e;

	wire_encode(d, m, &bytes);
	entry.body = buf_bytes(&bytes);
	assert_true(hook_event_read(&e, &entry));
	assert_int_equal(e.seq, 9);
	buf_free(&bytes);
	return e;
}

static void events_of_one_request_have_one_subject(void **state)
{
	struct msg_request_opened opened = {.request_id = 5, .market_id = 2};
	struct msg_task_started started = {.request_id = 5, .market_id = 2};
	struct msg_task_ended ended = {
		.request_id = 5, .market_id = 2, .outcome = OUTCOME_SLASHED};
	struct msg_book_rolled_back back = {.to = {.number = 1}};
	struct hook_event a = event_of(&msg_request_opened_wire, &opened);
	struct hook_event b = event_of(&msg_task_started_wire, &started);
	struct hook_event c = event_of(&msg_task_ended_wire, &ended);
	struct hook_event d = event_of(&msg_book_rolled_back_wire, &back);

	(void)state;
	assert_true(a.subject == b.subject && b.subject == c.subject);
	assert_int_equal(c.type, HOOK_TASK_SLASHED);
	assert_int_equal(d.subject, 0);
	opened.request_id = 6;
	assert_true(event_of(&msg_request_opened_wire, &opened).subject !=
		    a.subject);
}

static void a_hook_wants_what_its_filters_name(void **state)
{
	struct hook hook = {.types = 1u << HOOK_TASK_ASSIGNED};
	struct hook_event e = {.type = HOOK_TASK_ASSIGNED, .market_id = 2};

	(void)state;
	assert_true(hook_wants(&hook, &e));
	hook.market_id = 3;
	assert_false(hook_wants(&hook, &e));
	hook.market_id = 2;
	hook.has_generator = true;
	hook.generator = address_of(7);
	assert_false(hook_wants(&hook, &e));
	e.has_generator = true;
	e.generator = address_of(8);
	assert_false(hook_wants(&hook, &e));
	e.generator = address_of(7);
	assert_true(hook_wants(&hook, &e));
	e.type = HOOK_TASK_SLASHED;
	assert_false(hook_wants(&hook, &e));
	e = (struct hook_event){.type = HOOK_CHAIN_ROLLED_BACK};
	assert_true(hook_wants(&hook, &e)); /* whatever it filters */
}

static void sealed_inputs_are_not_passed_on(void **state)
{
	struct msg_task_started started = {.request_id = 5};
	struct msg_request_created created = {
		.request_id = 5, .inputs = text("\1\2"), .acl = text("k")};
	struct buf a = {0}, b = {0}, out = {0};
	struct entry entry = {1, MSG_TASK_STARTED, {NULL, 0}};
	struct entry chain = {1, MSG_REQUEST_CREATED, {NULL, 0}};

	(void)state;
	wire_encode(&msg_task_started_wire, &started, &a);
	wire_encode(&msg_request_created_wire, &created, &b);
	entry.body = buf_bytes(&a);
	chain.body = buf_bytes(&b);
	hook_event_text(&out, HOOK_TASK_ASSIGNED, &entry, &chain, NULL);
	assert_non_null(strstr(buf_text(&out), "\"payload\":{\"public\":"
					       "\"0x0102\",\"secrets\":null}"));
	buf_clear(&out);
	buf_free(&b);
	created.private_inputs = text("sealed");
	wire_encode(&msg_request_created_wire, &created, &b);
	chain.body = buf_bytes(&b);
	hook_event_text(&out, HOOK_TASK_ASSIGNED, &entry, &chain, NULL);
	assert_non_null(strstr(buf_text(&out), "\"payload\":null"));
	buf_clear(&out);
	hook_event_text(&out, HOOK_TASK_ASSIGNED, &entry, NULL, NULL);
	assert_non_null(strstr(buf_text(&out), "\"payload\":null"));
	buf_free(&a);
	buf_free(&b);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_that_of_the_published_vector),
		cmocka_unit_test(an_ed25519_signature_is_of_id_time_and_body),
		cmocka_unit_test(the_old_secret_signs_until_its_time_is_over),
		cmocka_unit_test(a_record_is_what_was_saved),
		cmocka_unit_test(secrets_are_sealed_and_bound_to_their_hook),
		cmocka_unit_test(a_seal_is_64_hex_digits),
		cmocka_unit_test(a_schedule_is_seconds_with_commas),
		cmocka_unit_test(events_of_one_request_have_one_subject),
		cmocka_unit_test(a_hook_wants_what_its_filters_name),
		cmocka_unit_test(sealed_inputs_are_not_passed_on),
	};

	assert_true(sodium_init() >= 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
