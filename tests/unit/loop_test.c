/* What the loop promises: timers, descriptors, signals, and their ends. */
#include "tests/test.h"

#include <czmq.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/metric.h"

static struct loop *loop;
static struct loop_timer *timer, *other;
static int fds[2], more[2];
static unsigned count, count_other;

static int begin(void **state)
{
	(void)state;
	assert_err(loop_new(&loop), ERR_NONE);
	timer = other = NULL;
	count = count_other = 0;
	return pipe(fds) || pipe(more);
}

static int end(void **state)
{
	(void)state;
	loop_timer_cancel(loop, &timer);
	loop_timer_cancel(loop, &other);
	loop_free(&loop);
	loop_free(&loop); /* twice is once */
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(more[i]);
	}
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static void stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

/* ---- timers ------------------------------------------------------------- */

static void at_third(void *arg)
{
	assert_ptr_equal(arg, &count);
	if (++count == 3)
		loop_stop(loop);
}

static void a_timer_goes_on_until_it_is_cancelled(void **state)
{
	uint64_t began = metric_now_us();

	(void)state;
	timer = loop_timer(loop, 5, false, at_third, &count);
	assert_non_null(timer);
	loop_run(loop);
	assert_int_equal(count, 3);
	assert_true(metric_now_us() - began >= 14000);
	loop_timer_cancel(loop, &timer);
	assert_null(timer);
	loop_timer_cancel(loop, &timer); /* of nothing */
	other = loop_timer(loop, 15, true, stop, NULL);
	loop_run(loop);
	other = NULL;
	assert_int_equal(count, 3);
}

static void once_is_once(void *arg)
{
	++*(unsigned *)arg;
	timer = NULL; /* it is gone before its only call */
}

static void a_timer_for_once_is_gone_when_it_calls(void **state)
{
	(void)state;
	timer = loop_timer(loop, 1, true, once_is_once, &count);
	other = loop_timer(loop, 30, true, stop, NULL);
	loop_run(loop);
	other = NULL;
	assert_int_equal(count, 1);
}

static void begin_another(void *arg)
{
	timer = NULL;
	if (++count < 20) /* it takes the place of this one, at once */
		timer = loop_timer(loop, 1, true, begin_another, arg);
	else
		loop_stop(loop);
}

static void a_timer_may_begin_another(void **state)
{
	(void)state;
	timer = loop_timer(loop, 0, true, begin_another, NULL);
	loop_run(loop);
	assert_int_equal(count, 20);
}

static void cancel_other(void *arg)
{
	(void)arg;
	count++;
	loop_timer_cancel(loop, &other);
	loop_timer_cancel(loop, &timer); /* itself */
	timer = loop_timer(loop, 20, true, stop, NULL);
}

static void must_not_come(void *arg)
{
	(void)arg;
	count_other++;
}

/* Both are due in the same turn. */
static void what_was_cancelled_does_not_call(void **state)
{
	(void)state;
	timer = loop_timer(loop, 1, false, cancel_other, NULL);
	other = loop_timer(loop, 1, false, must_not_come, NULL);
	usleep(5000);
	loop_run(loop);
	timer = NULL;
	assert_int_equal(count, 1);
	assert_int_equal(count_other, 0);
}

/* ---- descriptors -------------------------------------------------------- */

static void on_readable(void *arg, int fd, int events)
{
	char c;

	assert_int_equal(events, LOOP_READ);
	assert_int_equal(read(fd, &c, 1), 1);
	if (++*(unsigned *)arg == 2)
		loop_stop(loop);
}

static void a_descriptor_calls_while_there_is_something_to_read(void **state)
{
	(void)state;
	loop_fd(loop, fds[0], LOOP_READ, on_readable, &count);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	loop_run(loop);
	assert_int_equal(count, 2);
	loop_fd(loop, fds[0], 0, NULL, NULL);
	assert_int_equal(write(fds[1], "c", 1), 1);
	timer = loop_timer(loop, 20, true, stop, NULL);
	loop_run(loop);
	timer = NULL;
	assert_int_equal(count, 2);
}

static void on_writable(void *arg, int fd, int events)
{
	(void)fd;
	assert_int_equal(events, LOOP_WRITE);
	++*(unsigned *)arg;
	loop_stop(loop);
}

static void what_is_watched_on_a_descriptor_is_replaced(void **state)
{
	(void)state;
	loop_fd(loop, fds[1], LOOP_READ, on_readable, &count_other);
	loop_fd(loop, fds[1], LOOP_WRITE, on_writable, &count);
	loop_run(loop);
	assert_int_equal(count, 1);
	assert_int_equal(count_other, 0);
}

/* Whoever comes first takes the other one out. */
static void on_either(void *arg, int fd, int events)
{
	int *mine = arg;

	(void)events;
	assert_true(fd == mine[0]);
	count++;
	loop_fd(loop, fds[0], 0, NULL, NULL);
	loop_fd(loop, more[0], 0, NULL, NULL);
	loop_stop(loop);
}

static void what_was_taken_out_does_not_call_in_the_same_turn(void **state)
{
	(void)state;
	loop_fd(loop, fds[0], LOOP_READ, on_either, fds);
	loop_fd(loop, more[0], LOOP_READ, on_either, more);
	assert_int_equal(write(fds[1], "a", 1), 1);
	assert_int_equal(write(more[1], "a", 1), 1);
	loop_run(loop);
	assert_int_equal(count, 1);
}

static void on_closed(void *arg, int fd, int events)
{
	char c;

	assert_true(events & LOOP_READ);
	assert_int_equal(read(fd, &c, 1), 0);
	++*(unsigned *)arg;
	loop_fd(loop, fd, 0, NULL, NULL);
	loop_stop(loop);
}

static void a_descriptor_whose_other_end_is_gone_is_readable(void **state)
{
	(void)state;
	loop_fd(loop, fds[0], LOOP_READ, on_closed, &count);
	close(fds[1]);
	fds[1] = -1;
	loop_run(loop);
	assert_int_equal(count, 1);
}

static void on_message(void *arg)
{
	char *text = zstr_recv(arg);

	assert_string_equal(text, "hello");
	zstr_free(&text);
	count++;
	loop_stop(loop);
}

static void a_socket_calls_when_a_message_is_there(void **state)
{
	zsock_t *in = zsock_new_pull("@inproc://loop-test");
	zsock_t *out = zsock_new_push(">inproc://loop-test");

	(void)state;
	loop_socket(loop, in, on_message, in);
	zstr_send(out, "hello");
	loop_run(loop);
	assert_int_equal(count, 1);
	loop_socket(loop, in, NULL, NULL);
	zstr_send(out, "again");
	timer = loop_timer(loop, 20, true, stop, NULL);
	loop_run(loop);
	timer = NULL;
	assert_int_equal(count, 1);
	zsock_destroy(&in);
	zsock_destroy(&out);
}

/* ---- ends --------------------------------------------------------------- */

static void raise_signal(void *arg)
{
	timer = NULL;
	kill(getpid(), *(int *)arg);
}

static void signals_end_it(void **state)
{
	int signals[] = {SIGTERM, SIGINT};

	(void)state;
	for (int i = 0; i < 2; i++) {
		timer = loop_timer(loop, 1, true, raise_signal, &signals[i]);
		loop_run(loop);
	}
}

static void a_signal_that_came_before_it_ran_ends_it(void **state)
{
	(void)state;
	kill(getpid(), SIGTERM);
	loop_run(loop);
}

static void a_closed_pipe_does_not_kill(void **state)
{
	(void)state;
	close(fds[0]);
	fds[0] = -1;
	assert_int_equal(write(fds[1], "a", 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_timer_goes_on_until_it_is_cancelled),
		TEST(a_timer_for_once_is_gone_when_it_calls),
		TEST(a_timer_may_begin_another),
		TEST(what_was_cancelled_does_not_call),
		TEST(a_descriptor_calls_while_there_is_something_to_read),
		TEST(what_is_watched_on_a_descriptor_is_replaced),
		TEST(what_was_taken_out_does_not_call_in_the_same_turn),
		TEST(a_descriptor_whose_other_end_is_gone_is_readable),
		TEST(a_socket_calls_when_a_message_is_there),
		TEST(signals_end_it),
		TEST(a_signal_that_came_before_it_ran_ends_it),
		TEST(a_closed_pipe_does_not_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
