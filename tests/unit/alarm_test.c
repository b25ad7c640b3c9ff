/* What an alarm promises: when an episode begins, when it ends, and that it
 * begins once. */
#include "tests/test.h"

#include <string.h>

#include "common/alarm.h"

static struct alarm stuck = ALARM("test_stuck", "look at it");
static struct alarm other = ALARM("test_other", "at this, too");

static int begin(void **state)
{
	(void)state;
	stuck = (struct alarm)ALARM("test_stuck", "look at it");
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

/* At @now, @done of what was due is done; the limit is 4. */
static enum alarm_turn look(bool due, uint64_t done, uint64_t now)
{
	struct alarm_look l = {due, done, now, 4};

	return alarm_look(&stuck, &l);
}

static void it_begins_when_nothing_was_done_for_its_limit(void **state)
{
	(void)state;
	assert_int_equal(look(true, 7, 100), ALARM_SAME);
	assert_int_equal(look(true, 7, 103), ALARM_SAME);
	assert_int_equal(metric_value(&stuck.metric), 0);
	assert_int_equal(look(true, 7, 104), ALARM_BEGUN);
	assert_int_equal(metric_value(&stuck.metric), 1);
}

static void an_episode_begins_once(void **state)
{
	(void)state;
	assert_int_equal(look(true, 7, 100), ALARM_SAME);
	assert_int_equal(look(true, 7, 104), ALARM_BEGUN);
	for (uint64_t now = 105; now < 1000; now++)
		assert_int_equal(look(true, 7, now), ALARM_SAME);
}

static void whatever_is_done_begins_the_wait_anew(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 100; i++) /* every three, for ever */
		assert_int_equal(look(true, i, 100 + 3 * i), ALARM_SAME);
}

static void what_is_not_due_is_not_waited_for(void **state)
{
	(void)state;
	assert_int_equal(look(false, 7, 100), ALARM_SAME);
	assert_int_equal(look(false, 7, 200), ALARM_SAME);
	assert_int_equal(look(true, 7, 300), ALARM_SAME);
	assert_int_equal(look(true, 7, 303), ALARM_SAME);
	assert_int_equal(look(true, 7, 304), ALARM_BEGUN);
}

static void it_is_over_when_all_was_well_for_half_the_limit(void **state)
{
	(void)state;
	assert_int_equal(look(true, 7, 100), ALARM_SAME);
	assert_int_equal(look(true, 7, 104), ALARM_BEGUN);
	assert_int_equal(look(true, 8, 105), ALARM_SAME);
	assert_int_equal(metric_value(&stuck.metric), 1);
	assert_int_equal(look(true, 9, 106), ALARM_OVER);
	assert_int_equal(metric_value(&stuck.metric), 0);
	/* And may come again. */
	assert_int_equal(look(true, 9, 109), ALARM_SAME);
	assert_int_equal(look(true, 9, 110), ALARM_BEGUN);
	assert_int_equal(look(false, 9, 111), ALARM_SAME);
	assert_int_equal(look(false, 9, 112), ALARM_OVER);
}

static void one_step_between_two_stalls_does_not_end_it(void **state)
{
	(void)state;
	assert_int_equal(look(true, 7, 100), ALARM_SAME);
	assert_int_equal(look(true, 7, 104), ALARM_BEGUN);
	assert_int_equal(look(true, 8, 105), ALARM_SAME);
	assert_int_equal(look(true, 8, 109), ALARM_SAME); /* stalled again */
	assert_int_equal(look(true, 9, 110), ALARM_SAME);
	assert_int_equal(look(true, 10, 111), ALARM_OVER);
}

static void time_that_goes_back_begins_anew(void **state)
{
	(void)state;
	assert_int_equal(look(true, 7, 100), ALARM_SAME);
	assert_int_equal(look(true, 7, 50), ALARM_SAME);
	assert_int_equal(look(true, 7, 53), ALARM_SAME);
	assert_int_equal(look(true, 7, 54), ALARM_BEGUN);
	assert_int_equal(look(true, 7, 20), ALARM_SAME);
	assert_int_equal(look(true, 8, 21), ALARM_SAME);
	assert_int_equal(look(true, 9, 22), ALARM_OVER);
}

static void a_limit_of_0_is_never(void **state)
{
	struct alarm_look l = {true, 1, 0, 0};

	(void)state;
	for (; l.now < 1000; l.now++)
		assert_int_equal(alarm_look(&stuck, &l), ALARM_SAME);
	/* Turned off while it goes on. */
	assert_int_equal(look(true, 1, 1000), ALARM_BEGUN);
	l.limit = 0;
	assert_int_equal(alarm_look(&stuck, &l), ALARM_OVER);
}

static void those_that_go_on_are_shown(void **state)
{
	struct buf out = {0};
	struct alarm_look l = {true, 0, 0, 1};

	(void)state;
	alarm_register(&stuck);
	alarm_register(&other);
	alarm_register(&stuck);
	alarm_names(&out);
	assert_string_equal(buf_text(&out), "");
	for (l.now = 0; l.now < 2; l.now++)
		(void)alarm_look(&stuck, &l);
	alarm_names(&out);
	assert_string_equal(buf_text(&out), "test_stuck");
	for (l.now = 0; l.now < 2; l.now++)
		(void)alarm_look(&other, &l);
	buf_clear(&out);
	alarm_names(&out);
	assert_string_equal(buf_text(&out), "test_stuck test_other");
	buf_clear(&out);
	alarm_print(&out);
	assert_string_equal(buf_text(&out), "alarm test_stuck: look at it\n"
					    "alarm test_other: at this, too\n");
	buf_clear(&out);
	metric_print(&out);
	assert_non_null(strstr(buf_text(&out), "\nalarm_test_stuck 1\n"));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_begins_when_nothing_was_done_for_its_limit),
		TEST(an_episode_begins_once),
		TEST(whatever_is_done_begins_the_wait_anew),
		TEST(what_is_not_due_is_not_waited_for),
		TEST(it_is_over_when_all_was_well_for_half_the_limit),
		TEST(one_step_between_two_stalls_does_not_end_it),
		TEST(time_that_goes_back_begins_anew),
		TEST(a_limit_of_0_is_never),
		TEST(those_that_go_on_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
