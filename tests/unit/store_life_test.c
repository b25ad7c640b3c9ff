/* Lives of the logs: what is borne out goes on, what isn't does not; and what
 * is trimmed, and for whom. */
#include "tests/redis.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"

enum { KEY_ROOM = 128, COMMAND_ROOM = 512 };

static struct redis redis;

/* Have redis-cli do it; a number that it answers. */
static long ask(const char *format, ...) __attribute__((format(printf, 1, 2)));

static long ask(const char *format, ...)
{
	char what[KEY_ROOM * 2], command[COMMAND_ROOM], answer[64] = "";
	va_list args;
	FILE *f;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	snprintf(command, sizeof command, "redis-cli -s %s/redis.sock %s",
		 redis.folder, what);
	f = popen(command, "r");
	assert_non_null(f);
	if (!fgets(answer, sizeof answer, f))
		answer[0] = 0;
	assert_int_equal(pclose(f), 0);
	return strtol(answer, NULL, 10);
}

static int begin(void **state)
{
	(void)state;
	ask("flushall");
	assert_err(store_epoch_begin(redis.store, &redis.epoch), ERR_NONE);
	return 0;
}

static int start(void **state)
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

/* ---- a pipeline --------------------------------------------------------- */

static struct store_writer writer_of(const char *service)
{
	assert_err(store_lease_take(redis.store, service, "a", 7, 60000),
		   ERR_NONE);
	return (struct store_writer){service, "a", 7, redis.epoch};
}

/* @service says entry @number of @log, in answer to entry @input. */
static void say(const char *service, const char *log, uint64_t number,
		uint64_t input)
{
	struct store_writer w = writer_of(service);
	struct entry entry = {number, 0x0101, {(const uint8_t *)"body", 4}};
	struct append a = {.service = service,
			   .instance = "a",
			   .token = 7,
			   .epoch = w.epoch,
			   .log = log,
			   .first = number,
			   .entries = &entry,
			   .entries_count = 1,
			   .to = {input, 0}};

	assert_err(store_cursor(redis.store, service, &a.from), ERR_NONE);
	assert_err(store_append(redis.store, &a), ERR_NONE);
}

/* Each entry of the chain log has one of the book log and of the match log. */
static void run(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++) {
		say("chain-indexer", "chain", i, 1000 + i);
		say("orderbook", "book", i, i);
		say("matcher", "match", i, i);
	}
}

static void save(const char *service, uint64_t input, uint64_t output)
{
	struct store_writer w = writer_of(service);
	struct snapshot s = {.input = input, .output = output};

	buf_put_be64(&s.state, input);
	assert_err(store_snapshot_write(redis.store, &w, &s), ERR_NONE);
	buf_free(&s.state);
}

static void save_all(uint64_t at)
{
	save("chain-indexer", 0, at);
	save("orderbook", at, at);
	save("matcher", at, at);
	save("slasher-watcher", at, 0);
}

/* The newest entries of @log go, as if they had never been acknowledged. */
static void lose(const char *log, uint64_t after, uint64_t last)
{
	for (uint64_t i = after + 1; i <= last; i++)
		assert_int_equal(ask("xdel 'kalypso:{test}:log:%s' %" PRIu64
				     "-0",
				     log, i),
				 1);
}

static void next_life(void)
{
	uint64_t before = redis.epoch;

	assert_err(store_epoch_end(redis.store, before), ERR_NONE);
	assert_err(store_epoch_begin(redis.store, &redis.epoch), ERR_NONE);
	assert_int_not_equal(redis.epoch, before);
}

static uint64_t last_of(const char *log)
{
	uint64_t last;

	assert_err(store_last(redis.store, log, &last), ERR_NONE);
	return last;
}

/* The input of the snapshot that @service would go on from; 0: none. */
static uint64_t saved(const char *service)
{
	struct snapshot s;
	enum err e = store_snapshot_read(redis.store, service, redis.epoch, &s);

	buf_free(&s.state);
	if (e == ERR_NOT_FOUND)
		return 0;
	assert_err(e, ERR_NONE);
	return s.input ? s.input : s.output;
}

/* ---- lives -------------------------------------------------------------- */

static void what_nobody_lost_lives_on(void **state)
{
	(void)state;
	run(1, 10);
	save_all(4);
	save_all(8);
	next_life();
	assert_int_equal(last_of("chain"), 10);
	assert_int_equal(last_of("match"), 10);
	assert_int_equal(saved("orderbook"), 8);
	assert_int_equal(saved("chain-indexer"), 8);
	run(11, 12); /* and goes on */
	assert_int_equal(last_of("match"), 12);
}

static void nobody_appends_between_two_lives(void **state)
{
	struct entry entry = {1, 0x0101, {(const uint8_t *)"body", 4}};
	struct append a = {.service = "orderbook",
			   .instance = "a",
			   .token = 7,
			   .epoch = redis.epoch,
			   .log = "book",
			   .first = 1,
			   .entries = &entry,
			   .entries_count = 1,
			   .to = {1, 0}};
	struct store_writer w = writer_of("orderbook");
	struct snapshot s = {.input = 1};
	uint64_t first;

	(void)state;
	assert_err(store_epoch_end(redis.store, redis.epoch), ERR_NONE);
	assert_err(store_append(redis.store, &a), ERR_EPOCH);
	assert_err(store_snapshot_write(redis.store, &w, &s), ERR_EPOCH);
	assert_err(store_trim(redis.store, &w, "book", 16, &first, NULL, NULL),
		   ERR_EPOCH);
	assert_err(store_epoch_begin(redis.store, &redis.epoch), ERR_NONE);
	assert_err(store_append(redis.store, &a), ERR_EPOCH); /* the old one */
}

static void an_empty_store_begins_with_nothing(void **state)
{
	(void)state;
	run(1, 5);
	save_all(3);
	ask("flushall");
	assert_err(store_epoch_begin(redis.store, &redis.epoch), ERR_NONE);
	assert_int_equal(last_of("chain"), 0);
	assert_int_equal(saved("orderbook"), 0);
	run(1, 5);
}

static void numbers_that_were_lost_can_be_given_again(void **state)
{
	(void)state;
	run(1, 10);
	for (const char *const *log =
		     (const char *const[]){"chain", "book", "match", NULL};
	     *log; log++)
		lose(*log, 7, 10);
	/* As a restored store would have them. */
	ask("set 'kalypso:{test}:cursor:orderbook' 7:0");
	ask("set 'kalypso:{test}:cursor:matcher' 7:0");
	next_life();
	run(8, 11);
	assert_int_equal(last_of("book"), 11);
}

static void answers_to_what_was_lost_go_with_it(void **state)
{
	struct cursor cursor;

	(void)state;
	run(1, 10);
	save_all(4);
	save_all(9);
	lose("chain", 6, 10);
	next_life();
	/* The book is as of the snapshot before the loss; what comes after is
	 * said again. */
	assert_int_equal(saved("orderbook"), 4);
	assert_int_equal(saved("slasher-watcher"), 4);
	assert_int_equal(last_of("book"), 4);
	assert_err(store_cursor(redis.store, "orderbook", &cursor), ERR_NONE);
	assert_int_equal(cursor.input, 4);
	assert_int_equal(saved("matcher"), 4);
	assert_int_equal(last_of("match"), 4);
	assert_int_equal(saved("chain-indexer"), 4);
	assert_int_equal(last_of("chain"), 6);
	for (uint64_t i = 5; i <= 6; i++) {
		say("orderbook", "book", i, i);
		say("matcher", "match", i, i);
	}
	run(7, 8);
}

static void without_a_snapshot_it_is_said_from_the_beginning(void **state)
{
	(void)state;
	run(1, 10);
	lose("chain", 6, 10);
	next_life();
	assert_int_equal(last_of("chain"), 6);
	assert_int_equal(last_of("book"), 0);
	assert_int_equal(last_of("match"), 0);
	say("orderbook", "book", 1, 1);
}

static void a_log_that_leads_nowhere_takes_everything_with_it(void **state)
{
	(void)state;
	run(1, 10);
	save("chain-indexer", 0, 8);
	save("orderbook", 8, 8);
	save("slasher-watcher", 8, 0);
	/* Nobody knows what the matcher's state was. */
	ask("xtrim 'kalypso:{test}:log:book' minid 6-0");
	next_life();
	for (const char *const *log =
		     (const char *const[]){"chain", "book", "match", NULL};
	     *log; log++)
		assert_int_equal(last_of(*log), 0);
	assert_int_equal(saved("orderbook"), 0);
	assert_int_equal(ask("exists 'kalypso:{test}:cursor:orderbook'"), 0);
	run(1, 3);
}

static void pieces_of_what_is_given_up_go(void **state)
{
	(void)state;
	run(1, 10);
	save_all(4);
	save_all(9);
	assert_int_equal(ask("eval \"return #redis.call('keys', "
			     "'kalypso:{test}:piece:*')\" 0"),
			 8);
	lose("chain", 6, 10);
	next_life();
	assert_int_equal(ask("eval \"return #redis.call('keys', "
			     "'kalypso:{test}:piece:*')\" 0"),
			 4);
}

/* ---- trimming ----------------------------------------------------------- */

static char struck[64];

static void note(void *arg, const char *service)
{
	(void)arg;
	snprintf(struck, sizeof struck, "%s", service);
}

static uint64_t trimmed(const char *service, const char *log, uint64_t keep)
{
	struct store_writer w = writer_of(service);
	uint64_t first;

	struck[0] = 0;
	assert_err(store_trim(redis.store, &w, log, keep, &first, note, NULL),
		   ERR_NONE);
	return first;
}

static enum err ignore(void *arg, const struct entry *entry)
{
	(void)arg;
	(void)entry;
	return ERR_NONE;
}

static void a_log_keeps_its_newest(void **state)
{
	uint64_t next;

	(void)state;
	run(1, 50);
	assert_int_equal(trimmed("orderbook", "book", 60), 1);
	assert_int_equal(trimmed("orderbook", "book", 20), 31);
	assert_int_equal(last_of("book"), 50);
	assert_err(store_read(redis.store, "book", 31, 9, &next, ignore, NULL),
		   ERR_NONE);
	assert_err(store_read(redis.store, "book", 30, 9, &next, ignore, NULL),
		   ERR_TRIMMED);
	run(51, 52); /* and goes on */
	assert_int_equal(trimmed("orderbook", "book", 20), 33);
}

static void what_a_reader_needs_stays(void **state)
{
	(void)state;
	run(1, 30);
	assert_err(store_register(redis.store, "book", "matcher", 0), ERR_NONE);
	assert_int_equal(trimmed("orderbook", "book", 20), 1);
	save("matcher", 9, 9);
	assert_int_equal(trimmed("orderbook", "book", 20),
			 1); /* the only one */
	save("matcher", 12, 12);
	assert_int_equal(trimmed("orderbook", "book", 20), 10);
	save("matcher", 29, 29);
	assert_int_equal(trimmed("orderbook", "book", 20), 11);
	assert_string_equal(struck, "");
}

static void who_comes_too_far_behind_is_struck_off(void **state)
{
	(void)state;
	run(1, 40);
	assert_err(store_register(redis.store, "book", "matcher", 0), ERR_NONE);
	assert_int_equal(trimmed("orderbook", "book", 20), 1);
	assert_string_equal(struck, "");
	run(41, 41);
	assert_int_equal(trimmed("orderbook", "book", 20), 22);
	assert_string_equal(struck, "matcher");
	assert_int_equal(trimmed("orderbook", "book", 20), 22);
	assert_string_equal(struck, ""); /* told once */
}

static void only_the_writer_trims(void **state)
{
	struct store_writer other = {"orderbook", "a", 8, redis.epoch};
	uint64_t first;

	(void)state;
	run(1, 40);
	assert_err(
		store_trim(redis.store, &other, "book", 16, &first, note, NULL),
		ERR_FENCED);
	assert_int_equal(trimmed("orderbook", "book", 40), 1);
}

static void a_hole_is_no_trimming(void **state)
{
	uint64_t next;

	(void)state;
	run(1, 9);
	ask("xdel 'kalypso:{test}:log:book' 5-0");
	assert_err(store_read(redis.store, "book", 5, 9, &next, ignore, NULL),
		   ERR_CONFLICT);
	assert_err(store_read(redis.store, "book", 3, 9, &next, ignore, NULL),
		   ERR_CONFLICT);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_nobody_lost_lives_on),
		TEST(nobody_appends_between_two_lives),
		TEST(an_empty_store_begins_with_nothing),
		TEST(numbers_that_were_lost_can_be_given_again),
		TEST(answers_to_what_was_lost_go_with_it),
		TEST(without_a_snapshot_it_is_said_from_the_beginning),
		TEST(a_log_that_leads_nowhere_takes_everything_with_it),
		TEST(pieces_of_what_is_given_up_go),
		TEST(a_log_keeps_its_newest),
		TEST(what_a_reader_needs_stays),
		TEST(who_comes_too_far_behind_is_struck_off),
		TEST(only_the_writer_trims),
		TEST(a_hole_is_no_trimming),
	};

	signal(SIGPIPE, SIG_IGN);
	log_open("store_life_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, start, end);
}
