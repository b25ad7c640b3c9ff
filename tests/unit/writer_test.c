/* What a writer promises of its log, against a real Redis that comes and goes.
 */
#include "tests/redis.h"

#include <string.h>

#include "common/log.h"
#include "common/writer.h"

static struct redis redis;
static struct store *store; /* the writer's: one that doesn't wait long */
static struct writer *w;
static char name[16]; /* of the log, and of its service: one for each test */

static struct writer_config config_of(void)
{
	return (struct writer_config){.store = store,
				      .service = name,
				      .instance = "a",
				      .log = name,
				      .token = 7,
				      .epoch = redis.epoch};
}

static enum err open_writer(uint64_t after)
{
	struct writer_config config = config_of();

	return writer_new(&w, &config, after);
}

static int begin(void **state)
{
	static unsigned tests;

	(void)state;
	snprintf(name, sizeof name, "log%u", tests++);
	assert_err(store_open(&store, redis.url, "test", NULL, 2000), ERR_NONE);
	assert_err(store_lease_take(store, name, "a", 7, 60000), ERR_NONE);
	assert_err(open_writer(0), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	writer_free(&w);
	writer_free(&w); /* twice is once */
	store_close(&store);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* ---- helpers ------------------------------------------------------------ */

/* Entry @n: its own number, and as many bytes more as asked for. */
static enum err put_sized(uint64_t n, size_t more)
{
	struct buf body = {0};
	enum err e;

	buf_put_be64(&body, n);
	buf_put_zeros(&body, more);
	e = writer_put(w, 0x0201, buf_bytes(&body), NULL);
	buf_free(&body);
	return e;
}

static void put(uint64_t first, uint64_t last)
{
	for (uint64_t n = first; n <= last; n++)
		assert_err(put_sized(n, 0), ERR_NONE);
}

static enum err check_entry(void *arg, const struct entry *entry)
{
	uint64_t *n = arg;
	struct buf want = {0};

	assert_int_equal(entry->number, ++*n);
	assert_int_equal(entry->type, 0x0201);
	buf_put_be64(&want, *n);
	assert_true(entry->body.size >= 8);
	assert_memory_equal(entry->body.data, want.data, 8);
	buf_free(&want);
	return ERR_NONE;
}

/* The log is entries 1 to @last, each what put() made. */
static void assert_log(uint64_t last)
{
	uint64_t n = 0, next = 1;

	while (next <= last) {
		uint64_t before = next;

		assert_err(store_read(redis.store, name, next, 1000, &next,
				      check_entry, &n),
			   ERR_NONE);
		if (next == before)
			break;
	}
	assert_int_equal(n, last);
	assert_err(store_last(redis.store, name, &n), ERR_NONE);
	assert_int_equal(n, last);
}

static void assert_cursor(uint64_t input, uint64_t given)
{
	struct cursor c;

	assert_err(store_cursor(redis.store, name, &c), ERR_NONE);
	assert_int_equal(c.input, input);
	assert_int_equal(c.given, given);
}

static void reopen(void)
{
	writer_free(&w);
	assert_err(open_writer(0), ERR_NONE);
}

/* ---- putting and appending ---------------------------------------------- */

static void what_is_put_waits_for_a_flush(void **state)
{
	(void)state;
	put(1, 3);
	assert_int_equal(writer_put_number(w), 3);
	assert_int_equal(writer_logged(w), 0);
	assert_int_equal(writer_waiting(w), 3);
	assert_int_equal(writer_waiting_bytes(w), 24);
	assert_log(0);
	assert_err(writer_flush(w), ERR_NONE);
	assert_int_equal(writer_logged(w), 3);
	assert_int_equal(writer_waiting(w), 0);
	assert_int_equal(writer_waiting_bytes(w), 0);
	assert_log(3);
	assert_err(writer_flush(w), ERR_NONE); /* of nothing */
}

static void the_cursor_says_how_far_the_input_is_answered(void **state)
{
	(void)state;
	put(1, 2);
	writer_answered(w, 10);
	put(3, 3);
	assert_err(writer_flush(w), ERR_NONE);
	assert_cursor(10, 1); /* one entry of the answer to input 11 */
	put(4, 4);
	writer_answered(w, 11);
	assert_err(writer_flush(w), ERR_NONE);
	assert_cursor(11, 0);
	writer_answered(w, 15); /* without a word */
	put(5, 5);
	assert_err(writer_flush(w), ERR_NONE);
	assert_cursor(15, 1);
	assert_log(5);
}

static void a_round_that_is_too_long_is_cut(void **state)
{
	(void)state;
	put(1, 2 * STORE_ENTRIES_MAX + 10);
	writer_answered(w, 1);
	assert_err(writer_flush(w), ERR_NONE);
	assert_log(2 * STORE_ENTRIES_MAX + 10);
	assert_cursor(1, 0);
}

static void large_entries_go_alone(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 4; n++)
		assert_err(put_sized(n, 200 * 1024), ERR_NONE);
	assert_err(put_sized(5, STORE_ENTRY_BYTES_MAX - 8), ERR_NONE);
	assert_err(put_sized(6, STORE_ENTRY_BYTES_MAX - 7), ERR_RANGE);
	assert_int_equal(writer_put_number(w), 5); /* nothing changed */
	assert_err(put_sized(6, 0), ERR_NONE);
	assert_err(writer_flush(w), ERR_NONE);
	assert_log(6);
}

static void empty_bodies_are_entries_too(void **state)
{
	struct bytes none = {NULL, 0};

	(void)state;
	assert_err(writer_put(w, 0x0201, none, NULL), ERR_NONE);
	assert_err(writer_flush(w), ERR_NONE);
	reopen();
	assert_err(writer_put(w, 0x0201, none, NULL), ERR_NONE);
	assert_int_equal(writer_waiting(w), 0);
}

static void a_record_comes_with_its_entry(void **state)
{
	char key[16] = "41", value[] = "of 41";
	struct record r = {key, {(uint8_t *)value, 5}, 1000};
	struct bytes body = {(const uint8_t *)"x", 1};
	struct buf out = {0};

	(void)state;
	assert_err(writer_put(w, 0x0201, body, &r), ERR_NONE);
	strcpy(key, "gone"); /* both are copied */
	strcpy(value, "gone!");
	assert_err(store_record(redis.store, "41", &out), ERR_NOT_FOUND);
	assert_err(writer_flush(w), ERR_NONE);
	assert_err(store_record(redis.store, "41", &out), ERR_NONE);
	assert_string_equal(buf_text(&out), "of 41");
	buf_free(&out);
}

static void many_records_are_cut_like_many_entries(void **state)
{
	struct bytes body = {(const uint8_t *)"x", 1};
	char key[16];
	struct record r = {key, {(const uint8_t *)"v", 1}, 1000};
	struct buf out = {0};

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof key, "many%d", i);
		assert_err(writer_put(w, 0x0201, body, &r), ERR_NONE);
	}
	assert_err(writer_flush(w), ERR_NONE);
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof key, "many%d", i);
		buf_clear(&out);
		assert_err(store_record(redis.store, key, &out), ERR_NONE);
	}
	buf_free(&out);
}

/* ---- many under way ----------------------------------------------------- */

static void a_push_does_not_wait_for_the_last_one(void **state)
{
	uint64_t all = 20 * STORE_ENTRIES_MAX;

	(void)state;
	put(1, all);
	writer_answered(w, 1);
	assert_err(writer_push(w), ERR_NONE);
	assert_true(writer_waiting(w) > 0);
	assert_true(writer_waiting(w) <=
		    STORE_UNDER_WAY_MAX * STORE_ENTRIES_MAX);
	assert_int_equal(writer_waiting_bytes(w), 8 * writer_waiting(w));
	assert_err(writer_flush(w), ERR_NONE);
	assert_int_equal(writer_logged(w), all);
	assert_log(all);
	assert_cursor(1, 0);
}

/* A long back-fill never waits for everything, and takes no more memory for
 * being long. */
static void what_waits_stays_small_while_pushing(void **state)
{
	uint64_t n = 0;

	(void)state;
	for (uint64_t round = 1; round <= 200; round++) {
		put(n + 1, n + STORE_ENTRIES_MAX);
		n += STORE_ENTRIES_MAX;
		writer_answered(w, round);
		assert_err(writer_push(w), ERR_NONE);
		assert_true(writer_waiting_bytes(w) <=
			    8 * (STORE_UNDER_WAY_MAX + 2) * STORE_ENTRIES_MAX);
	}
	assert_err(writer_flush(w), ERR_NONE);
	assert_log(n);
	assert_cursor(200, 0);
}

/* ---- again -------------------------------------------------------------- */

static void what_the_log_has_is_dropped(void **state)
{
	(void)state;
	put(1, 5);
	assert_err(writer_flush(w), ERR_NONE);
	reopen();
	assert_int_equal(writer_logged(w), 5);
	assert_int_equal(writer_put_number(w), 0);
	put(1, 7);
	assert_int_equal(writer_waiting(w), 2);
	assert_err(writer_flush(w), ERR_NONE);
	assert_log(7);
}

static void a_cut_round_is_resumed_exactly(void **state)
{
	(void)state;
	put(1, 3);
	assert_err(writer_flush(w), ERR_NONE);
	assert_cursor(0, 3);
	reopen(); /* the same input gives the same again, and the rest */
	put(1, 5);
	writer_answered(w, 1);
	assert_err(writer_flush(w), ERR_NONE);
	assert_log(5);
	assert_cursor(1, 0);
}

static void another_newest_entry_is_a_conflict(void **state)
{
	(void)state;
	put(1, 3);
	assert_err(writer_flush(w), ERR_NONE);
	reopen();
	put(1, 2);
	assert_err(put_sized(4, 0), ERR_CONFLICT);
	reopen();
	put(1, 2);
	assert_err(put_sized(3, 1), ERR_CONFLICT);
}

static void the_first_number_can_be_a_later_one(void **state)
{
	(void)state;
	put(1, 5);
	assert_err(writer_flush(w), ERR_NONE);
	writer_free(&w);
	assert_err(open_writer(4), ERR_NONE);
	put(5, 6);
	assert_err(writer_flush(w), ERR_NONE);
	assert_log(6);
	writer_free(&w);
	assert_err(open_writer(7), ERR_BEHIND); /* the log ends before */
	assert_null(w);
}

/* ---- no longer ours ----------------------------------------------------- */

static void without_the_lease_nothing_is_appended(void **state)
{
	struct store *s = redis.store;

	(void)state;
	put(1, 2);
	assert_err(writer_flush(w), ERR_NONE);
	assert_err(store_lease_renew(s, name, "a", 7, 0), ERR_NONE);
	assert_err(store_lease_take(s, name, "b", 8, 60000), ERR_NONE);
	put(3, 3);
	assert_err(writer_flush(w), ERR_FENCED);
	assert_err(writer_flush(w), ERR_FENCED); /* for good */
	assert_log(2);
}

/* Also if several appends were under way as it ran out. */
static void with_the_lease_again_it_goes_on(void **state)
{
	(void)state;
	put(1, 1);
	assert_err(writer_flush(w), ERR_NONE);
	assert_err(store_lease_renew(redis.store, name, "a", 7, 0), ERR_NONE);
	put(2, 2000);
	assert_err(writer_flush(w), ERR_FENCED);
	assert_err(store_lease_renew(redis.store, name, "a", 7, 60000),
		   ERR_NONE);
	assert_err(writer_flush(w), ERR_NONE);
	assert_log(2000);
}

/* What is under way goes with its connection, and a call that isn't the
 * writer's makes the next one. */
static void others_may_have_connected_again(void **state)
{
	char command[256];
	uint64_t epoch;

	(void)state;
	put(1, 10);
	assert_err(writer_flush(w), ERR_NONE);
	snprintf(command, sizeof command,
		 "cd %s && redis-cli -s redis.sock client pause 60000 write "
		 ">/dev/null",
		 redis.folder);
	assert_int_equal(system(command), 0);
	put(11, 20);
	assert_err(writer_push(w), ERR_NONE);
	snprintf(command, sizeof command,
		 "cd %s && redis-cli -s redis.sock client kill type normal "
		 ">/dev/null && redis-cli -s redis.sock client unpause "
		 ">/dev/null",
		 redis.folder);
	assert_int_equal(system(command), 0);
	/* The first call finds it broken. */
	while (store_epoch(store, &epoch) || store_epoch(redis.store, &epoch))
		;
	put(21, 30);
	assert_err(writer_push(w), ERR_NONE);
	assert_err(writer_flush(w), ERR_NONE);
	assert_log(30);
}

static void in_another_epoch_nothing_is_appended(void **state)
{
	struct writer_config config = config_of();

	(void)state;
	writer_free(&w);
	config.epoch++;
	assert_err(writer_new(&w, &config, 0), ERR_NONE);
	put(1, 1);
	assert_err(writer_flush(w), ERR_EPOCH);
	assert_log(0);
}

static void another_writers_entries_are_a_conflict(void **state)
{
	struct entry theirs = {3, 0x0201, {(const uint8_t *)"?", 1}};
	struct append a = {.service = name,
			   .instance = "a",
			   .token = 7,
			   .epoch = redis.epoch,
			   .log = name,
			   .from = {0, 2},
			   .to = {0, 3},
			   .entries = &theirs,
			   .entries_count = 1,
			   .first = 3};

	(void)state;
	put(1, 2);
	assert_err(writer_flush(w), ERR_NONE);
	assert_err(store_append(redis.store, &a), ERR_NONE);
	put(3, 3);
	assert_err(writer_flush(w), ERR_CONFLICT);
}

/* ---- Redis away --------------------------------------------------------- */

static enum err flush_until_there(void)
{
	enum err e = ERR_UNREACHABLE;

	for (int i = 0; i < 1000 && e == ERR_UNREACHABLE; i++) {
		e = writer_flush(w);
		if (e)
			usleep(10000);
	}
	return e;
}

static void a_killed_redis_gets_what_it_missed(void **state)
{
	(void)state;
	put(1, 3);
	assert_err(writer_flush(w), ERR_NONE);
	redis_kill(&redis);
	put(4, 6);
	writer_answered(w, 1);
	assert_err(writer_flush(w), ERR_UNREACHABLE);
	assert_int_equal(writer_waiting(w), 3);
	put(7, 7);
	redis_run(&redis);
	assert_err(flush_until_there(), ERR_NONE);
	assert_log(7);
	assert_cursor(1, 1);
}

/* It takes everything in, and answers only when nobody waits any more. */
static void what_a_slow_redis_did_is_not_done_again(void **state)
{
	(void)state;
	put(1, 2);
	assert_err(writer_flush(w), ERR_NONE);
	kill(redis.pid, SIGSTOP);
	put(3, 3 + 3 * STORE_ENTRIES_MAX);
	writer_answered(w, 1);
	assert_err(writer_flush(w), ERR_UNREACHABLE);
	writer_answered(w, 2);
	put(4 + 3 * STORE_ENTRIES_MAX, 5 + 3 * STORE_ENTRIES_MAX);
	writer_answered(w, 3);
	kill(redis.pid, SIGCONT);
	assert_err(flush_until_there(), ERR_NONE);
	assert_log(5 + 3 * STORE_ENTRIES_MAX);
	assert_cursor(3, 0);
	assert_int_equal(writer_waiting(w), 0);
}

static void a_redis_that_is_killed_while_pushing_has_all_once(void **state)
{
	uint64_t n = 0;

	(void)state;
	for (int round = 0; round < 3; round++) {
		put(n + 1, n + 8 * STORE_ENTRIES_MAX);
		n += 8 * STORE_ENTRIES_MAX;
		writer_answered(w, n);
		assert_err(writer_push(w), ERR_NONE);
		redis_kill(&redis);
		put(n + 1, n + 5);
		n += 5;
		writer_answered(w, n);
		assert_err(writer_push(w), ERR_UNREACHABLE);
		redis_run(&redis);
		assert_err(flush_until_there(), ERR_NONE);
		assert_int_equal(writer_logged(w), n);
	}
	assert_log(n);
	assert_cursor(n, 0);
}

/* ---- telling ------------------------------------------------------------ */

static struct ears {
	struct loop *loop;
	uint64_t heard, beats;
} ears;

static void hear(void *arg, uint64_t epoch, const struct entry *entry)
{
	(void)arg;
	assert_int_equal(epoch, redis.epoch);
	if (entry->type == 0)
		ears.beats = entry->number;
	else
		assert_int_equal(entry->number, ++ears.heard);
	/* Once a beat was heard, nothing more gets lost. */
	if (ears.beats && writer_put_number(w) == 0) {
		put(1, 5);
		assert_err(writer_flush(w), ERR_NONE);
	}
	if (ears.heard == 5)
		loop_stop(ears.loop);
}

static void drained(void *arg)
{
	(void)arg;
}

static void beat(void *arg)
{
	/* The log is empty: 0 would not be told from nothing heard. */
	bus_beat(arg, redis.epoch, 9);
	writer_beat(w);
}

static void followers_are_told_of_what_is_in_the_log(void **state)
{
	char at[128];
	struct bus_config bus = {.at = at, .instances = "a"};
	struct writer_config config = config_of();
	struct loop_timer *beats;
	struct bus_in *in;

	(void)state;
	snprintf(at, sizeof at, "ipc://%s/%%", redis.folder);
	assert_err(bus_out_open(&config.bus, &bus, name, "a"), ERR_NONE);
	writer_free(&w);
	assert_err(writer_new(&w, &config, 0), ERR_NONE);
	assert_err(loop_new(&ears.loop), ERR_NONE);
	assert_err(bus_in_open(&in, ears.loop, &bus, name, hear, drained, NULL),
		   ERR_NONE);
	beats = loop_timer(ears.loop, 5, false, beat, config.bus);
	loop_run(ears.loop);
	assert_int_equal(ears.heard, 5);
	loop_timer_cancel(ears.loop, &beats);
	bus_in_close(&in);
	loop_free(&ears.loop);
	writer_free(&w);
	bus_out_close(&config.bus);
}

static int begin_all(void **state)
{
	(void)state;
	redis_start(&redis);
	return 0;
}

static int end_all(void **state)
{
	(void)state;
	redis_stop(&redis);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_waits_for_a_flush),
		TEST(the_cursor_says_how_far_the_input_is_answered),
		TEST(a_round_that_is_too_long_is_cut),
		TEST(large_entries_go_alone),
		TEST(empty_bodies_are_entries_too),
		TEST(a_record_comes_with_its_entry),
		TEST(many_records_are_cut_like_many_entries),
		TEST(a_push_does_not_wait_for_the_last_one),
		TEST(what_waits_stays_small_while_pushing),
		TEST(what_the_log_has_is_dropped),
		TEST(a_cut_round_is_resumed_exactly),
		TEST(another_newest_entry_is_a_conflict),
		TEST(the_first_number_can_be_a_later_one),
		TEST(without_the_lease_nothing_is_appended),
		TEST(with_the_lease_again_it_goes_on),
		TEST(others_may_have_connected_again),
		TEST(in_another_epoch_nothing_is_appended),
		TEST(another_writers_entries_are_a_conflict),
		TEST(a_killed_redis_gets_what_it_missed),
		TEST(what_a_slow_redis_did_is_not_done_again),
		TEST(a_redis_that_is_killed_while_pushing_has_all_once),
		TEST(followers_are_told_of_what_is_in_the_log),
	};

	signal(SIGPIPE, SIG_IGN);
	log_open("writer_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
