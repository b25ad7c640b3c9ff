/* What following a log promises, against a real Redis. */
#include "tests/redis.h"

#include "common/bus.h"
#include "common/follow.h"

enum { ENTRIES = 5 };

static struct redis redis;

struct reader {
	struct loop *loop;
	struct bus_out *bus; /* that tells of one entry more; may be NULL */
	uint64_t given[32];
	uint64_t last;
	unsigned count, refuse; /* how often `refused` is refused */
	uint64_t refused;
	unsigned calls; /* of on_caught_up() */
	enum err refusal, failed;
};

static enum err on_entry(void *arg, const struct entry *entry)
{
	struct reader *r = arg;

	if (entry->number == r->refused && r->refuse) {
		r->refuse--;
		return r->refusal;
	}
	r->given[r->count++] = entry->number;
	if (entry->number == r->last)
		loop_stop(r->loop);
	return ERR_NONE;
}

static void on_beat(void *arg)
{
	struct reader *r = arg;

	bus_beat(r->bus, redis.epoch, ENTRIES);
}

/* Everything is read, and heartbeats are heard: what comes now is told by the
 * doorbell. */
static void on_caught_up(void *arg)
{
	static const struct bytes body = {(const uint8_t *)"x", 1};
	struct reader *r = arg;
	struct entry entry = {r->last, 0x0201, body};

	if (!r->bus || ++r->calls != 4)
		return;
	redis_append(&redis, "book", r->last, 0x0201, body);
	bus_ring(r->bus, redis.epoch, &entry, false);
}

static void on_failed(void *arg, enum err e)
{
	struct reader *r = arg;

	r->failed = e;
	loop_stop(r->loop);
}

static void read_all(struct reader *r)
{
	char at[128];
	struct bus_config bus = {.at = at, .instances = "a"};
	struct follow_source source = {.store = redis.store,
				       .quarantine = {10, 1024},
				       .bus = &bus,
				       .log = "book",
				       .reader = "matcher",
				       .epoch = redis.epoch};
	struct follow_handlers handlers = {on_entry, on_caught_up, on_failed,
					   r};
	struct loop_timer *beats = NULL;
	struct follow *f;

	snprintf(at, sizeof at, "ipc://%s/%%", redis.folder);
	assert_err(loop_new(&r->loop), ERR_NONE);
	source.loop = r->loop;
	assert_err(follow_new(&f, &source, 1, &handlers), ERR_NONE);
	if (r->bus)
		beats = loop_timer(r->loop, 10, false, on_beat, r);
	loop_run(r->loop);
	loop_timer_cancel(r->loop, &beats);
	follow_free(&f);
	loop_free(&r->loop);
}

static int begin(void **state)
{
	(void)state;
	redis_start(&redis);
	for (uint64_t i = 1; i <= ENTRIES; i++)
		redis_append(&redis, "book", i, 0x0201,
			     (struct bytes){(const uint8_t *)"x", 1});
	return 0;
}

static int end(void **state)
{
	(void)state;
	redis_stop(&redis);
	return 0;
}

static void assert_all_once(const struct reader *r)
{
	assert_int_equal(r->count, r->last);
	for (unsigned i = 0; i < r->last; i++)
		assert_int_equal(r->given[i], i + 1);
}

static void every_entry_is_given_once_in_order(void **state)
{
	struct reader r = {.last = ENTRIES};

	(void)state;
	read_all(&r);
	assert_all_once(&r);
}

static void what_was_refused_for_now_is_given_again_before_the_rest(
	void **state)
{
	struct reader r = {.last = ENTRIES,
			   .refused = 3,
			   .refuse = 3,
			   .refusal = ERR_FULL};

	(void)state;
	read_all(&r);
	assert_all_once(&r);
	assert_int_equal(r.refuse, 0);
}

static void any_other_error_ends_it(void **state)
{
	struct reader r = {.last = ENTRIES,
			   .refused = 3,
			   .refuse = 1,
			   .refusal = ERR_CONFLICT};

	(void)state;
	read_all(&r);
	assert_int_equal(r.count, 2);
	assert_err(r.failed, ERR_CONFLICT);
}

static uint64_t quarantined(void)
{
	uint64_t count;

	assert_err(quarantine_count(redis.store, "matcher", &count), ERR_NONE);
	return count;
}

static void what_does_not_decode_is_set_aside_and_passed_over(void **state)
{
	struct reader r = {.last = ENTRIES,
			   .refused = 3,
			   .refuse = 1,
			   .refusal = ERR_MALFORMED};

	(void)state;
	assert_int_equal(quarantined(), 0);
	read_all(&r);
	assert_err(r.failed, ERR_NONE);
	assert_int_equal(r.count, ENTRIES - 1);
	assert_int_equal(r.given[1], 2);
	assert_int_equal(r.given[2], 4);
	assert_int_equal(quarantined(), 1);
}

static void listen_and_read_all(struct reader *r)
{
	char at[128];
	struct bus_config bus = {.at = at, .instances = "a"};

	snprintf(at, sizeof at, "ipc://%s/%%", redis.folder);
	assert_err(bus_out_open(&r->bus, &bus, "orderbook", "a"), ERR_NONE);
	read_all(r);
	bus_out_close(&r->bus);
	assert_all_once(r);
	assert_int_equal(r->refuse, 0);
}

static void a_doorbell_that_does_not_decode_sends_to_the_log(void **state)
{
	struct reader r = {.last = ENTRIES + 2,
			   .refused = ENTRIES + 2,
			   .refuse = 1,
			   .refusal = ERR_MALFORMED};

	(void)state;
	listen_and_read_all(&r);
	assert_int_equal(quarantined(), 1); /* as before */
}

static void what_a_doorbell_brought_and_was_refused_is_read_later(void **state)
{
	struct reader r = {.last = ENTRIES + 1,
			   .refused = ENTRIES + 1,
			   .refuse = 2,
			   .refusal = ERR_FULL};

	(void)state;
	listen_and_read_all(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_is_given_once_in_order),
		cmocka_unit_test(
			what_was_refused_for_now_is_given_again_before_the_rest),
		cmocka_unit_test(any_other_error_ends_it),
		cmocka_unit_test(
			what_does_not_decode_is_set_aside_and_passed_over),
		cmocka_unit_test(
			what_a_doorbell_brought_and_was_refused_is_read_later),
		cmocka_unit_test(
			a_doorbell_that_does_not_decode_sends_to_the_log),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
