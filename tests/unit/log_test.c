/* What a log line looks like, whatever is in it. */
#include "tests/test.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/trace.h"

static int file, before;

/* From here on stderr is a file. */
static int begin(void **state)
{
	char path[] = "/tmp/kalypso-log-XXXXXX";

	(void)state;
	file = mkstemp(path);
	unlink(path);
	before = dup(STDERR_FILENO);
	dup2(file, STDERR_FILENO);
	return file < 0 ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	dup2(before, STDERR_FILENO);
	close(before);
	close(file);
	log_open("-", LEVEL_INFO, false);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* What was written since the last call. */
static const char *taken(void)
{
	static char text[100000];
	off_t size = lseek(file, 0, SEEK_END);

	assert_true((size_t)size < sizeof text);
	assert_int_equal(pread(file, text, (size_t)size, 0), size);
	text[size] = 0;
	assert_int_equal(ftruncate(file, 0), 0);
	lseek(file, 0, SEEK_SET);
	return text;
}

/* The line without its time, which has the form that it should have. */
static const char *untimed(const char *line)
{
	int year, month, day, hour, minute, second, ms, n = 0;

	assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year,
				&month, &day, &hour, &minute, &second, &ms, &n),
			 7);
	assert_int_equal(n, 25);
	return line + n;
}

static json_t *json_line(void)
{
	const char *line = taken();
	json_error_t why;
	json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, &why);

	if (!root)
		fail_msg("%s in %s", why.text, line);
	assert_int_equal(line[strlen(line) - 1], '\n');
	return root;
}

static void assert_value(const char *pairs, const char *key, const char *want)
{
	json_t *root;

	log_info("test.event", "%s", pairs);
	root = json_line();
	assert_string_equal(json_string_value(json_object_get(root, key)),
			    want);
	json_decref(root);
}

/* ---- for people --------------------------------------------------------- */

static void a_line_is_time_level_service_event_pairs(void **state)
{
	(void)state;
	log_open("matcher", LEVEL_DEBUG, false);
	log_info("match.made", "request=%d price=%s", 7, "12");
	assert_string_equal(untimed(taken()),
			    "info matcher match.made request=7 price=12\n");
	log_debug("a.b", "%s", "");
	assert_string_equal(untimed(taken()), "debug matcher a.b\n");
	log_warn("a.b", "c=%d", 1);
	assert_string_equal(untimed(taken()), "warn matcher a.b c=1\n");
	log_error("a.b", "c=\"%s\"", "d e");
	assert_string_equal(untimed(taken()), "error matcher a.b c=\"d e\"\n");
}

/* Last: from here on all such lines have one. */
static void a_line_about_a_request_has_its_trace(void **state)
{
	static const struct address contract = {{0xab, 0xcd}};
	char id[TRACE_ROOM], want[200], text[3000];
	json_t *root;

	(void)state;
	log_open("x", LEVEL_INFO, false);
	log_info("a.b", "request=%d", 7);
	assert_string_equal(untimed(taken()), "info x a.b request=7\n");
	trace_open(31337, &contract);
	trace_id(id, 7);
	snprintf(want, sizeof want,
		 "info x a.b market=1 request=7 trace=%s to=\"c d\"\n", id);
	log_info("a.b", "market=1 request=%d to=\"%s\"", 7, "c d");
	assert_string_equal(untimed(taken()), want);
	/* What strangers wrote is no pair of ours, nor is what isn't a number.
	 */
	log_info("a.b", "text=\"no request=9 here\" request=7b request=");
	assert_null(strstr(taken(), "trace="));
	log_info("a.b", "first_request=7");
	assert_null(strstr(taken(), "trace="));
	/* One that is cut, as JSON. */
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = 0;
	log_open("x", LEVEL_INFO, true);
	log_info("a.b", "request=7 text=\"%s\"", text);
	root = json_line();
	assert_string_equal(json_string_value(json_object_get(root, "trace")),
			    id);
	json_decref(root);
}

static void what_is_below_the_least_level_is_left_out(void **state)
{
	(void)state;
	log_open("x", LEVEL_WARN, false);
	log_debug("a", "%s", "");
	log_info("a", "%s", "");
	assert_string_equal(taken(), "");
	log_warn("a", "%s", "");
	log_error("b", "%s", "");
	assert_non_null(strstr(taken(), "warn x a\n"));
}

static void nothing_from_outside_begins_a_line(void **state)
{
	(void)state;
	log_open("x", LEVEL_INFO, false);
	log_info("a.b", "text=\"%s\"", "one\ntwo\r\t\x1b[31m\x7f");
	assert_string_equal(untimed(taken()),
			    "info x a.b text=\"one?two???[31m?\"\n");
}

static void a_long_line_is_cut_and_ends(void **state)
{
	char *text = calloc(1, 10001);
	const char *line;

	(void)state;
	memset(text, 'a', 10000);
	log_open("x", LEVEL_INFO, false);
	log_info("a.b", "text=%s", text);
	line = taken();
	assert_true(strlen(line) > 2000 && strlen(line) < 2100);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	free(text);
}

static void levels_are_read_by_name(void **state)
{
	enum log_level level = LEVEL_WARN;

	(void)state;
	assert_err(log_level_parse(&level, "trace"), ERR_MALFORMED);
	assert_err(log_level_parse(&level, ""), ERR_MALFORMED);
	assert_int_equal(level, LEVEL_WARN);
	assert_err(log_level_parse(&level, "debug"), ERR_NONE);
	assert_int_equal(level, LEVEL_DEBUG);
	assert_err(log_level_parse(&level, "error"), ERR_NONE);
	assert_int_equal(level, LEVEL_ERROR);
}

/* ---- for machines ------------------------------------------------------- */

static void json_has_a_member_for_each_pair(void **state)
{
	json_t *root;

	(void)state;
	log_open("matcher", LEVEL_INFO, true);
	log_warn("match.made",
		 "request=7 text=\"a b\" empty= none=\"\" last=x");
	root = json_line();
	json_object_del(root, "time");
	{
		char *text = json_dumps(root, JSON_COMPACT);

		assert_string_equal(
			text, "{\"level\":\"warn\",\"service\":\"matcher\","
			      "\"event\":\"match.made\",\"request\":\"7\","
			      "\"text\":\"a b\",\"empty\":\"\",\"none\":\"\","
			      "\"last\":\"x\"}");
		free(text);
	}
	json_decref(root);
}

static void json_stays_json_whatever_the_value(void **state)
{
	(void)state;
	log_open("x", LEVEL_INFO, true);
	assert_value("text=\"say \\ and \"so\"\"", "text", "say \\ and \"so\"");
	assert_value("a=b=c", "a", "b=c");
	assert_value("word a=1", "a", "1");
	assert_value("a=\"unended", "a", "unended");
	assert_value("text=\"one\ntwo\"", "text", "one?two");
	assert_value("text=gr\xc3\xbc\xc3\x9f", "text", "gr\xc3\xbc\xc3\x9f");
}

/* A node or a prover may say anything, and a long value may end anywhere. */
static void json_stays_json_if_the_value_is_no_text(void **state)
{
	char *text = calloc(1, 4001);

	(void)state;
	log_open("x", LEVEL_INFO, true);
	assert_value("a=\xff\xfe b=1", "b", "1");
	assert_value("a=\xc3", "a", "?");
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(text + i, "\xc3\xbc", 2);
	log_info("a.b", "text=%s", text);
	json_decref(json_line());
	log_info("a.b", "text=a%s", text);
	json_decref(json_line());
	memset(text, '"', 4000);
	log_info("a.b", "text=%s", text);
	json_decref(json_line());
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(text + i, "= ", 2);
	log_info("a.b", "%s", text);
	assert_non_null(strstr(taken(), "}\n"));
	free(text);
}

/* ---- threads ------------------------------------------------------------ */

enum { THREADS = 4, LINES = 100 };

static void *write_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_info("thread.line", "text=%s", (const char *)arg);
	return NULL;
}

static void lines_of_threads_stay_whole(void **state)
{
	char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	pthread_t threads[THREADS];
	char *rest, *line;
	unsigned n = 0;

	(void)state;
	log_open("x", LEVEL_INFO, false);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, write_lines, text),
			0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	rest = strdup(taken());
	for (char *p = rest; (line = strsep(&p, "\n")) && *line; n++)
		assert_memory_equal(untimed(line), "info x thread.line text=a",
				    25);
	free(rest);
	assert_int_equal(n, THREADS * LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_time_level_service_event_pairs),
		TEST(what_is_below_the_least_level_is_left_out),
		TEST(nothing_from_outside_begins_a_line),
		TEST(a_long_line_is_cut_and_ends),
		TEST(levels_are_read_by_name),
		TEST(json_has_a_member_for_each_pair),
		TEST(json_stays_json_whatever_the_value),
		TEST(json_stays_json_if_the_value_is_no_text),
		TEST(lines_of_threads_stay_whole),
		TEST(a_line_about_a_request_has_its_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
