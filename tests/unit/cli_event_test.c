/* Events as documents: each member has its form, and none is forgotten. */
#include "tests/test.h"

#include <string.h>

#include "services/kalypso/event.h"
#include "services/kalypso/request.h"

static const char *text_of(json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	assert_non_null(text);
	return text;
}

static void a_request_is_told(void **state)
{
	struct abi_event e = {.id = ABI_EVENT_REQUEST_CREATED};
	struct abi_request_created *r = &e.request_created;
	json_t *json;

	(void)state;
	r->request_id = u256_from_u64(7);
	r->market_id = U256_MAX;
	r->requester.bytes[19] = 0xaa;
	r->params.max_price = u256_from_u64(1250000);
	r->params.max_response_time = 60;
	r->params.expiry = 1795248000;
	r->params.spread = UINT64_MAX;
	json = cli_event_json(&e);
	assert_string_equal(text_of(json, "event"), "RequestCreated");
	assert_string_equal(text_of(json, "request_id"), "7");
	assert_int_equal(strlen(text_of(json, "market_id")), 78);
	assert_string_equal(text_of(json, "requester"),
			    "0x00000000000000000000000000000000000000AA");
	assert_string_equal(text_of(json, "max_price"), "1250000");
	assert_string_equal(text_of(json, "expiry"), "2026-11-21T08:00:00Z");
	assert_string_equal(text_of(json, "spread"), "18446744073709551615");
	assert_int_equal(
		json_integer_value(json_object_get(json, "max_response_time")),
		60);
	json_decref(json);
}

static void a_reason_and_a_setting_are_words(void **state)
{
	struct abi_event e = {.id = ABI_EVENT_CANCEL_SKIPPED};
	json_t *json;

	(void)state;
	json = cli_event_json(&e);
	assert_string_equal(text_of(json, "reason"), "unknown error");
	json_decref(json);

	e = (struct abi_event){.id = ABI_EVENT_SETTING_SET};
	memcpy(e.setting_set.name.bytes, "maxTime", 7);
	e.setting_set.value = u256_from_u64(86400);
	json = cli_event_json(&e);
	assert_string_equal(text_of(json, "name"), "maxTime");
	assert_string_equal(text_of(json, "value"), "86400");
	json_decref(json);

	/* All 32 bytes of it, and hostile. */
	memset(e.setting_set.name.bytes, 0x1b, 32);
	json = cli_event_json(&e);
	assert_string_equal(text_of(json, "name"),
			    "????????????????????????????????");
	json_decref(json);
}

static void time_zero_is_null(void **state)
{
	struct abi_event e = {.id = ABI_EVENT_STAKE_CHANGED};
	json_t *json = cli_event_json(&e);

	(void)state;
	assert_true(json_is_null(json_object_get(json, "payable_at")));
	assert_string_equal(text_of(json, "stake"), "0");
	json_decref(json);
}

/* What the commands send makes these; a script finds their members. */
static void whatever_we_cause_is_told(void **state)
{
	static const enum abi_event_id ours[] = {
		ABI_EVENT_MARKET_CREATED,
		ABI_EVENT_MARKET_CLOSED,
		ABI_EVENT_REQUEST_CREATED,
		ABI_EVENT_REQUEST_CANCELLED,
		ABI_EVENT_CANCEL_SKIPPED,
		ABI_EVENT_TASK_SLASHED,
		ABI_EVENT_PENALTY_PAID,
		ABI_EVENT_SLASH_SKIPPED,
		ABI_EVENT_SETTING_SET,
		ABI_EVENT_WITHDRAWN,
		ABI_EVENT_GENERATOR_REGISTERED,
		ABI_EVENT_GENERATOR_DEREGISTERED,
		ABI_EVENT_REWARD_ADDRESS_SET,
		ABI_EVENT_STAKE_CHANGED,
		ABI_EVENT_COMPUTE_CHANGED,
		ABI_EVENT_QUOTE_SET,
		ABI_EVENT_QUOTE_REMOVED,
		ABI_EVENT_ENGINE_KEY_SET,
	};

	(void)state;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		struct abi_event e = {.id = ours[i]};
		json_t *json = cli_event_json(&e);

		assert_true(json_object_size(json) > 1);
		json_decref(json);
	}
	/* Others are named, no more. */
	for (int id = 1; id <= ABI_EVENTS; id++) {
		struct abi_event e = {.id = (enum abi_event_id)id};
		json_t *json = cli_event_json(&e);

		assert_string_equal(text_of(json, "event"),
				    abi_event_name(e.id));
		json_decref(json);
	}
}

static void a_request_s_state_follows_from_time(void **state)
{
	struct abi_request_view v = {.state = ABI_REQUEST_STATE_OPEN,
				     .expiry = 100};

	(void)state;
	assert_string_equal(cli_request_state(&v, 100), "open");
	assert_string_equal(cli_request_state(&v, 101), "expired");
	v = (struct abi_request_view){.state = ABI_REQUEST_STATE_ASSIGNED,
				      .deadline = 100};
	assert_string_equal(cli_request_state(&v, 100), "assigned");
	assert_string_equal(cli_request_state(&v, 101), "overdue");
	v.state = ABI_REQUEST_STATE_FULFILLED;
	assert_string_equal(cli_request_state(&v, 101), "fulfilled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_told),
		cmocka_unit_test(a_reason_and_a_setting_are_words),
		cmocka_unit_test(time_zero_is_null),
		cmocka_unit_test(whatever_we_cause_is_told),
		cmocka_unit_test(a_request_s_state_follows_from_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
