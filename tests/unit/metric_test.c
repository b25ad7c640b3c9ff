/* What Prometheus is told. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "common/metric.h"
#include "common/process.h"

static struct metric counted = METRIC(COUNTER, "test_done_total", "done");
static struct metric spent = METRIC(SECONDS, "test_cpu_seconds_total", "used");
static struct metric quick = METRIC(HISTOGRAM, "test_quick_seconds", "quick");
static struct metric slow = METRIC(SPANS, "test_slow_seconds", "slow");
static struct metric a = METRIC_LABELLED(GAUGE, "test_row", "of=\"a\"", "rows");
static struct metric real = METRIC(REAL, "test_held_tokens", "held");
static struct metric b = METRIC_LABELLED(GAUGE, "test_row", "of=\"b\"", "rows");

static struct buf text;

static const char *printed(void)
{
	buf_clear(&text);
	metric_print(&text);
	return buf_text(&text);
}

/* The value behind @name in what is printed. */
static double value_of(const char *name)
{
	const char *at = strstr(printed(), name);
	double value;

	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(name), " %lf", &value), 1);
	return value;
}

static void a_name_is_described_once(void **state)
{
	(void)state;
	metric_register(&a);
	metric_register(&counted);
	metric_register(&b);
	metric_set(&a, 1);
	metric_set(&b, 2);
	metric_add(&counted, 3);
	assert_string_equal(printed(), "# HELP test_row rows\n"
				       "# TYPE test_row gauge\n"
				       "test_row{of=\"a\"} 1\n"
				       "test_row{of=\"b\"} 2\n"
				       "# HELP test_done_total done\n"
				       "# TYPE test_done_total counter\n"
				       "test_done_total 3\n");
}

static void seconds_are_shown_as_such(void **state)
{
	(void)state;
	metric_register(&spent);
	metric_set(&spent, 1250000);
	assert_non_null(strstr(printed(),
			       "# TYPE test_cpu_seconds_total counter\n"
			       "test_cpu_seconds_total 1.250000\n"));
}

static void a_real_one_keeps_its_digits(void **state)
{
	(void)state;
	metric_register(&real);
	assert_true(value_of("\ntest_held_tokens") == 0);
	metric_set_real(&real, 1234567890.125);
	assert_non_null(strstr(printed(), "# TYPE test_held_tokens gauge\n"
					  "test_held_tokens 1234567890.125\n"));
}

static void each_histogram_has_bounds_for_what_it_counts(void **state)
{
	(void)state;
	metric_register(&quick);
	metric_register(&slow);
	metric_observe_us(&quick, 300);
	metric_observe_us(&slow, 90 * 1000000);
	assert_true(value_of("test_quick_seconds_bucket{le=\"0.00025\"}") == 0);
	assert_true(value_of("test_quick_seconds_bucket{le=\"0.0005\"}") == 1);
	assert_true(value_of("test_slow_seconds_bucket{le=\"60\"}") == 0);
	assert_true(value_of("test_slow_seconds_bucket{le=\"120\"}") == 1);
	assert_true(value_of("test_slow_seconds_bucket{le=\"3600\"}") == 1);
	assert_true(value_of("test_slow_seconds_bucket{le=\"+Inf\"}") == 1);
	assert_true(value_of("test_slow_seconds_sum") == 90);
}

static void a_process_measures_itself(void **state)
{
	double before;

	(void)state;
	process_register();
	process_measure();
	assert_true(value_of("\nprocess_resident_memory_bytes") > 1 << 20);
	assert_true(value_of("\nprocess_cpu_seconds_total") > 0);
	assert_true(value_of("\nprocess_start_time_seconds") > 1.7e9);
	before = value_of("\nprocess_open_fds");
	assert_non_null(freopen("/dev/null", "r", stdin));
	assert_non_null(tmpfile());
	process_measure();
	assert_true(value_of("\nprocess_open_fds") == before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_described_once),
		cmocka_unit_test(seconds_are_shown_as_such),
		cmocka_unit_test(a_real_one_keeps_its_digits),
		cmocka_unit_test(each_histogram_has_bounds_for_what_it_counts),
		cmocka_unit_test(a_process_measures_itself),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&text);
	return failed;
}
