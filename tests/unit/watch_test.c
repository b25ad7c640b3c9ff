/* What slasher-watcher's list promises: what is due, none before its time. */
#include "services/slasher-watcher/watch.h"
#include "tests/unit/said.h"

enum { DEPTH = 16, DUE_MAX = 32 };

static struct said said;
static struct watch *watch;
static uint64_t block;

static int begin(void **state)
{
	(void)state;
	said_begin(&said);
	block = 1;
	assert_err(watch_new(&watch, DEPTH), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	watch_free(&watch);
	assert_said_nothing(&said); /* it never says anything */
	said_end(&said);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static enum err tell_to(struct watch *w, const struct wire_message *d,
			const void *m)
{
	return tell(watch_receive, w, &said.sink, d, m);
}

#define TELL(name, ...)                                                        \
	assert_err(tell_to(watch, &msg_##name##_wire,                          \
			   &(struct msg_##name)__VA_ARGS__),                   \
		   ERR_NONE)

static void mark_at(uint64_t time)
{
	struct block_ref b = block_of(block++, 0);

	b.time.v = time;
	TELL(block_mark, {.block = b, .base_fee = units(7)});
}

static void request(uint64_t id, uint64_t expiry)
{
	TELL(request_created,
	     {.request_id = id, .market_id = 1, .expiry = {expiry}});
}

static void task(uint64_t id, uint64_t deadline)
{
	TELL(task_created,
	     {.request_id = id, .market_id = 1, .deadline = {deadline}});
}

struct due {
	char text[256];
	size_t size;
	unsigned left; /* how many are wanted */
};

static bool note(void *arg, uint64_t request_id, struct unix_s since)
{
	struct due *d = arg;

	d->size += (size_t)snprintf(d->text + d->size, sizeof d->text - d->size,
				    "%s%llu@%llu", d->size ? " " : "",
				    (unsigned long long)request_id,
				    (unsigned long long)since.v);
	return --d->left;
}

/* What is due, as "ID@SINCE ID@SINCE". */
static const char *due(enum watch_kind kind, unsigned most)
{
	static struct due d;

	d = (struct due){.left = most};
	watch_each_due(watch, kind, note, &d);
	return d.text;
}

#define assert_due(overdue, expired)                                           \
	do {                                                                   \
		assert_string_equal(due(WATCH_OVERDUE, DUE_MAX), overdue);     \
		assert_string_equal(due(WATCH_EXPIRED, DUE_MAX), expired);     \
	} while (0)

/* ---- when --------------------------------------------------------------- */

static void nothing_is_due_before_its_time(void **state)
{
	(void)state;
	TELL(chain_opened, {.chain_id = 1});
	request(1, 1000);
	request(2, 5000);
	task(2, 1000);
	assert_due("", "");
	mark_at(999);
	assert_due("", "");
	mark_at(1000); /* the last second in which both are in time */
	assert_due("", "");
	mark_at(1001);
	assert_due("2@1000", "1@1000");
	mark_at(9999);
	assert_due("2@1000", "1@1000");
}

static const char *between(uint64_t from, uint64_t before)
{
	static struct due d;

	d = (struct due){.left = DUE_MAX};
	watch_each_between(watch, WATCH_OVERDUE, (struct unix_s){from},
			   (struct unix_s){before}, note, &d);
	return d.text;
}

static void what_comes_near_can_be_asked_for(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= 4; id++) {
		request(id, 5000);
		task(id, 1000 + id);
	}
	mark_at(900);
	assert_string_equal(between(1002, 1004), "2@1002 3@1003");
	assert_string_equal(between(0, 1001), "");
	assert_string_equal(between(1004, 9999), "4@1004");
	assert_string_equal(between(1005, 9999), "");
	assert_true(watch_has(watch, WATCH_OVERDUE, 3, (struct unix_s){1003}));
	assert_false(watch_has(watch, WATCH_OVERDUE, 3, (struct unix_s){1004}));
	assert_false(watch_has(watch, WATCH_EXPIRED, 3, (struct unix_s){1003}));
}

static void the_newest_block_alone_says_what_time_it_is(void **state)
{
	(void)state;
	request(1, 1000);
	assert_due("", ""); /* before any block */
	mark_at(2000);
	request(2, 500); /* of the block that is open */
	assert_due("", "2@500 1@1000");
	mark_at(400); /* a block may be older than its parent */
	assert_due("", "");
}

static void the_earliest_comes_first_then_the_lowest_id(void **state)
{
	(void)state;
	request(5, 30);
	request(4, 10);
	request(9, 20);
	request(3, 20);
	request(1, 20);
	request(0, 5);
	for (uint64_t id = 11; id <= 13; id++) {
		request(id, 99);
		task(id, 40 - id);
	}
	mark_at(50);
	assert_due("13@27 12@28 11@29", "0@5 4@10 1@20 3@20 9@20 5@30");
}

static void whoever_asks_may_end_it(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= 5; id++)
		request(id, 10 + id);
	mark_at(100);
	assert_string_equal(due(WATCH_EXPIRED, 2), "1@11 2@12");
	assert_string_equal(due(WATCH_EXPIRED, 1), "1@11");
}

/* ---- what the chain ended ----------------------------------------------- */

static void what_has_ended_is_in_no_list(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= 7; id++)
		request(id, 1000);
	for (uint64_t id = 3; id <= 6; id++)
		task(id, 1000);
	assert_int_equal(watch_sizes(watch).open, 3);
	assert_int_equal(watch_sizes(watch).tasks, 4);
	TELL(request_cancelled, {.request_id = 1});
	TELL(request_rejected, {.request_id = 2});
	TELL(proof_submitted, {.request_id = 3});
	TELL(inputs_invalidated, {.request_id = 4});
	TELL(task_slashed, {.request_id = 5});
	mark_at(2000);
	assert_due("6@1000", "7@1000");
	assert_int_equal(watch_sizes(watch).open, 1);
	assert_int_equal(watch_sizes(watch).tasks, 1);
}

static void contradictions_change_nothing(void **state)
{
	(void)state;
	request(1, 10);
	request(1, 20);
	TELL(proof_submitted, {.request_id = 1}); /* it isn't a task */
	TELL(request_cancelled, {.request_id = 9});
	task(2, 30); /* never heard of: true all the same */
	task(2, 40);
	mark_at(100);
	assert_due("2@30", "1@10");
}

static void sizes_tell_of_the_newest_block(void **state)
{
	struct watch_sizes s = watch_sizes(watch);

	(void)state;
	assert_int_equal(s.block.number, 0);
	mark_at(1234);
	s = watch_sizes(watch);
	assert_int_equal(s.block.number, 1);
	assert_int_equal(s.block.time.v, 1234);
	assert_int_equal(s.base_fee.v.limb[0], 7);
}

static void marks_are_block_marks_and_roll_backs(void **state)
{
	(void)state;
	for (size_t i = 0; i < msg_all_count; i++) {
		uint16_t n = msg_all[i]->number;

		assert_int_equal(watch_is_mark(n),
				 n == MSG_BLOCK_MARK || n == MSG_ROLLBACK);
	}
}

/* ---- roll-backs and snapshots ------------------------------------------- */

static struct hash32 hash_now(void)
{
	struct hash32 h;

	watch_hash(watch, &h);
	return h;
}

static void some_history(void)
{
	request(1, 1000);
	request(2, 1000);
	request(3, 500);
	mark_at(100);
	task(1, 300);
	mark_at(110);
}

static void more_of_it(void)
{
	TELL(proof_submitted, {.request_id = 1});
	task(2, 200);
	TELL(request_cancelled, {.request_id = 3});
	request(4, 105);
	mark_at(600);
}

static void a_roll_back_restores(void **state)
{
	struct hash32 before, after;

	(void)state;
	some_history();
	before = hash_now();
	more_of_it();
	after = hash_now();
	assert_memory_not_equal(before.bytes, after.bytes, 32);
	assert_due("2@200", "4@105");
	TELL(rollback, {.to = block_of(2, 0)});
	assert_memory_equal(hash_now().bytes, before.bytes, 32);
	assert_int_equal(watch_sizes(watch).block.time.v, 110);
	assert_due("", "");
	block = 3;
	request(7, 1); /* half a block, undone too */
	TELL(rollback, {.to = block_of(2, 0)});
	assert_memory_equal(hash_now().bytes, before.bytes, 32);
	more_of_it();
	assert_memory_equal(hash_now().bytes, after.bytes, 32);
}

static void a_roll_back_goes_no_deeper_than_remembered(void **state)
{
	struct msg_rollback m = {.to = block_of(1, 0)};

	(void)state;
	some_history();
	for (unsigned i = 0; i < DEPTH; i++)
		mark_at(200 + i); /* block 18 is the newest */
	assert_err(tell_to(watch, &msg_rollback_wire, &m), ERR_FINALITY);
	m.to.number = 2;
	assert_err(tell_to(watch, &msg_rollback_wire, &m), ERR_NONE);
}

static struct watch *loaded(struct bytes state)
{
	struct watch *w;

	assert_err(watch_new(&w, DEPTH), ERR_NONE);
	assert_err(watch_load(w, state), ERR_NONE);
	return w;
}

static void what_is_loaded_goes_on_as_the_original(void **state)
{
	struct buf bytes = {0};
	struct watch *original = watch;
	struct hash32 h;

	(void)state;
	some_history();
	assert_err(watch_save(watch, &bytes), ERR_NONE);
	more_of_it();
	h = hash_now();
	watch = loaded(buf_bytes(&bytes));
	watch_free(&original);
	block = 3;
	more_of_it();
	assert_memory_equal(hash_now().bytes, h.bytes, 32);
	assert_due("2@200", "4@105");
	TELL(rollback, {.to = block_of(1, 0)});
	assert_int_equal(watch_sizes(watch).open, 3);
	buf_free(&bytes);
}

static void what_was_rolled_back_to_nothing_can_be_saved(void **state)
{
	struct buf bytes = {0};
	struct watch *original = watch;

	(void)state;
	TELL(chain_opened, {.chain_id = 1});
	some_history();
	TELL(rollback, {.to = block_of(0, 0)});
	assert_int_equal(watch_sizes(watch).open, 0);
	assert_int_equal(watch_sizes(watch).block.number, 0);
	assert_err(watch_save(watch, &bytes), ERR_NONE);
	watch = loaded(buf_bytes(&bytes));
	watch_free(&original);
	block = 1;
	some_history();
	assert_int_equal(watch_sizes(watch).tasks, 1);
	buf_free(&bytes);
}

static void assert_refused(struct bytes state)
{
	struct watch *w;

	assert_err(watch_new(&w, DEPTH), ERR_NONE);
	assert_err(watch_load(w, state), ERR_MALFORMED);
	watch_free(&w);
}

static void a_torn_or_foreign_snapshot_is_refused(void **state)
{
	struct buf bytes = {0};

	(void)state;
	some_history();
	assert_err(watch_save(watch, &bytes), ERR_NONE);
	for (size_t size = 0; size < bytes.size; size += size < 256 ? 1 : 113)
		assert_refused((struct bytes){bytes.data, size});
	buf_put_u8(&bytes, 0);
	assert_refused(buf_bytes(&bytes));
	bytes.size--;
	bytes.data[3]++; /* another version's */
	assert_refused(buf_bytes(&bytes));
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_due_before_its_time),
		TEST(what_comes_near_can_be_asked_for),
		TEST(the_newest_block_alone_says_what_time_it_is),
		TEST(the_earliest_comes_first_then_the_lowest_id),
		TEST(whoever_asks_may_end_it),
		TEST(what_has_ended_is_in_no_list),
		TEST(contradictions_change_nothing),
		TEST(sizes_tell_of_the_newest_block),
		TEST(marks_are_block_marks_and_roll_backs),
		TEST(a_roll_back_restores),
		TEST(a_roll_back_goes_no_deeper_than_remembered),
		TEST(what_is_loaded_goes_on_as_the_original),
		TEST(what_was_rolled_back_to_nothing_can_be_saved),
		TEST(a_torn_or_foreign_snapshot_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
