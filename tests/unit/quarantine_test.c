/* What the quarantine promises, on a real Redis: bytes and reason are kept, so
 * many and no more, an entry once, and people can get at them. */
#include "tests/redis.h"

#include <string.h>

#include "common/quarantine.h"

static struct redis redis;
static const struct quarantine_limits limits = {10, 16};

static const struct quarantine_item entry = {
	.what = "match:7 type 0x0302",
	.reason = "bytes do not decode",
	.from = {"match", 99, 7, 0x0302, 0},
	.body = {(const uint8_t *)"a\0b", 3}};
static const struct quarantine_item event = {
	.what = "block 3 log 1 tx 0x12",
	.reason = "type is not one we know",
	.from = {.log = "", .topics = 2},
	.body = {(const uint8_t *)"0123456789abcdefgh", 18}};

static struct quarantine_item seen[32]; /* texts of the newest only */
static uint8_t seen_body[32];
static char seen_what[64], seen_reason[64], seen_log[16];
static size_t seen_count;

static void see(void *arg, const struct quarantine_item *item)
{
	(void)arg;
	assert_true(seen_count < sizeof seen / sizeof seen[0]);
	seen[seen_count++] = *item;
	assert_true(item->body.size <= sizeof seen_body);
	memcpy(seen_body, item->body.data, item->body.size);
	snprintf(seen_what, sizeof seen_what, "%s", item->what);
	snprintf(seen_reason, sizeof seen_reason, "%s", item->reason);
	snprintf(seen_log, sizeof seen_log, "%s", item->from.log);
	seen[seen_count - 1].from.log = seen_log;
}

/* What the quarantine of @service holds, into seen[]. */
static size_t look(const char *service)
{
	uint64_t count;

	seen_count = 0;
	assert_err(quarantine_each(redis.store, service, "", 32, see, NULL),
		   ERR_NONE);
	assert_err(quarantine_count(redis.store, service, &count), ERR_NONE);
	assert_int_equal(count, seen_count);
	return seen_count;
}

static void keep(const char *service, const struct quarantine_item *item)
{
	assert_err(quarantine_put(redis.store, service, item, &limits),
		   ERR_NONE);
}

static void an_item_comes_back_as_it_was(void **state)
{
	(void)state;
	keep("one", &entry);
	assert_int_equal(look("one"), 1);
	assert_string_equal(seen_what, entry.what);
	assert_string_equal(seen_reason, entry.reason);
	assert_string_equal(seen_log, "match");
	assert_int_equal(seen[0].from.epoch, 99);
	assert_int_equal(seen[0].from.number, 7);
	assert_int_equal(seen[0].from.type, 0x0302);
	assert_int_equal(seen[0].size, 3);
	assert_int_equal(seen[0].body.size, 3);
	assert_memory_equal(seen_body, "a\0b", 3);
	seen_count = 0;
	assert_err(quarantine_get(redis.store, "one", seen[0].id, see, NULL),
		   ERR_NONE);
	assert_int_equal(seen_count, 1);
	assert_string_equal(seen_what, entry.what);
}

static void a_large_body_is_cut_and_its_size_told(void **state)
{
	(void)state;
	keep("large", &event);
	assert_int_equal(look("large"), 1);
	assert_int_equal(seen[0].size, 18);
	assert_int_equal(seen[0].body.size, limits.bytes);
	assert_memory_equal(seen_body, event.body.data, limits.bytes);
	assert_int_equal(seen[0].from.topics, 2);
	assert_string_equal(seen_log, "");
}

static void there_are_never_more_than_the_limit(void **state)
{
	struct quarantine_item item = entry;

	(void)state;
	for (uint64_t i = 0; i < 3 * limits.items; i++) {
		item.from.number = i;
		keep("many", &item);
	}
	assert_int_equal(look("many"), limits.items);
	assert_int_equal(seen[0].from.number, 2 * limits.items);
}

static void an_entry_is_kept_once(void **state)
{
	struct quarantine_item item = entry;

	(void)state;
	for (int i = 0; i < 3; i++)
		keep("once", &item);
	assert_int_equal(look("once"), 1);
	item.from.number++;
	keep("once", &item);
	item.from.epoch++; /* another life of the logs, another entry */
	keep("once", &item);
	assert_int_equal(look("once"), 3);
	for (int i = 0; i < 2; i++) /* an event has no number */
		keep("once", &event);
	assert_int_equal(look("once"), 5);
}

static void what_was_dropped_does_not_come_back(void **state)
{
	char id[sizeof seen[0].id];

	(void)state;
	keep("dropped", &entry);
	look("dropped");
	memcpy(id, seen[0].id, sizeof id);
	assert_err(quarantine_drop(redis.store, "dropped", id), ERR_NONE);
	assert_err(quarantine_drop(redis.store, "dropped", id), ERR_NOT_FOUND);
	assert_err(quarantine_get(redis.store, "dropped", id, see, NULL),
		   ERR_NOT_FOUND);
	keep("dropped", &entry);
	assert_int_equal(look("dropped"), 0);
}

static void what_is_read_again_may_come_back(void **state)
{
	uint64_t before, after;

	(void)state;
	keep("again", &entry);
	look("again");
	assert_err(quarantine_retries(redis.store, "again", &before), ERR_NONE);
	assert_err(quarantine_retry(redis.store, "again", &seen[0]), ERR_NONE);
	assert_err(quarantine_retries(redis.store, "again", &after), ERR_NONE);
	assert_int_equal(after, before + 1);
	assert_err(quarantine_retry(redis.store, "again", &seen[0]),
		   ERR_NOT_FOUND);
	assert_err(quarantine_retries(redis.store, "again", &after), ERR_NONE);
	assert_int_equal(after, before + 1);
	assert_int_equal(look("again"), 0);
	keep("again", &entry);
	assert_int_equal(look("again"), 1);
}

static void what_is_no_id_is_not_found(void **state)
{
	static const char *const ids[] = {"",	  "-",	      "+",    "1",
					  "1-",	  "(1-0",     "-1-0", "1-0 ",
					  "1-0x", "1763-00-0"};

	(void)state;
	keep("ids", &entry);
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		assert_err(
			quarantine_get(redis.store, "ids", ids[i], see, NULL),
			ERR_NOT_FOUND);
		assert_err(quarantine_drop(redis.store, "ids", ids[i]),
			   ERR_NOT_FOUND);
	}
	assert_int_equal(look("ids"), 1);
}

static void pages_follow_each_other(void **state)
{
	struct quarantine_item item = entry;
	char last[sizeof seen[0].id] = "";

	(void)state;
	for (uint64_t i = 0; i < 5; i++) {
		item.from.number = i;
		keep("pages", &item);
	}
	seen_count = 0;
	for (int i = 0; i < 3; i++) {
		assert_err(quarantine_each(redis.store, "pages", last, 2, see,
					   NULL),
			   ERR_NONE);
		memcpy(last, seen[seen_count - 1].id, sizeof last);
	}
	assert_int_equal(seen_count, 5);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(seen[i].from.number, i);
}

static int begin(void **state)
{
	(void)state;
	redis_start(&redis);
	return 0;
}

static int end(void **state)
{
	(void)state;
	redis_stop(&redis);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_comes_back_as_it_was),
		cmocka_unit_test(a_large_body_is_cut_and_its_size_told),
		cmocka_unit_test(there_are_never_more_than_the_limit),
		cmocka_unit_test(an_entry_is_kept_once),
		cmocka_unit_test(what_was_dropped_does_not_come_back),
		cmocka_unit_test(what_is_read_again_may_come_back),
		cmocka_unit_test(what_is_no_id_is_not_found),
		cmocka_unit_test(pages_follow_each_other),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
