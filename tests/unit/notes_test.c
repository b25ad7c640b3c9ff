/* What slasher-watcher's notes promise: a set that remembers and can forget. */
#include "services/slasher-watcher/notes.h"

#include "tests/test.h"

static struct notes *notes;

static int begin(void **state)
{
	(void)state;
	assert_err(notes_new(&notes), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	notes_free(&notes);
	notes_free(&notes); /* twice is once */
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static struct note *find(enum note_kind kind, uint64_t id, uint64_t since)
{
	return notes_find(notes, kind, id, (struct unix_s){since});
}

static struct note *put(enum note_kind kind, uint64_t id, uint64_t since)
{
	struct note *n = notes_put(notes, kind, id, (struct unix_s){since});

	assert_non_null(n);
	return n;
}

static void a_note_is_of_a_kind_a_request_and_a_time(void **state)
{
	(void)state;
	put(NOTE_WARNED, 1, 100);
	assert_non_null(find(NOTE_WARNED, 1, 100));
	assert_null(find(NOTE_LATER_SLASH, 1, 100));
	assert_null(find(NOTE_WARNED, 2, 100));
	assert_null(find(NOTE_WARNED, 1, 101));
}

static void putting_twice_is_putting_once(void **state)
{
	(void)state;
	put(NOTE_LATER_SLASH, 1, 100)->not_before = 7;
	assert_int_equal(put(NOTE_LATER_SLASH, 1, 100)->not_before, 7);
	assert_int_equal(notes_count(notes), 1);
}

static bool is_odd(void *arg, const struct note *n)
{
	(void)arg;
	return n->request_id & 1;
}

static void a_sweep_takes_out_what_is_gone_and_nothing_else(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= 5000; id++)
		put(NOTE_WARNED, id, id / 3)->not_before = id;
	notes_sweep(notes, is_odd, NULL);
	assert_int_equal(notes_count(notes), 2500);
	for (uint64_t id = 1; id <= 5000; id++) {
		const struct note *n = find(NOTE_WARNED, id, id / 3);

		assert_int_equal(n == NULL, id & 1);
		if (n)
			assert_int_equal(n->not_before, id);
	}
	for (uint64_t id = 1; id <= 5000; id++)
		put(NOTE_WARNED, id, id / 3);
	assert_int_equal(notes_count(notes), 5000);
}

static void a_sweep_of_few_does_nothing(void **state)
{
	(void)state;
	put(NOTE_WARNED, 1, 1);
	notes_sweep(notes, is_odd, NULL);
	assert_int_equal(notes_count(notes), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_note_is_of_a_kind_a_request_and_a_time),
		TEST(putting_twice_is_putting_once),
		TEST(a_sweep_takes_out_what_is_gone_and_nothing_else),
		TEST(a_sweep_of_few_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
