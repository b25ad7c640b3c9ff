/* frame_fixture - services of a test's own, each in a process of its own, over
 * a real Redis; what they say comes back through a pipe. */
#ifndef TESTS_UNIT_FRAME_FIXTURE_H
#define TESTS_UNIT_FRAME_FIXTURE_H

#include "tests/redis.h"

#include <poll.h>
#include <string.h>

#include "common/frame.h"
#include "common/log.h"

enum { ARGS_MAX = 24, WAIT_MS = 20000 };

static struct redis redis;
static int say_fd = -1; /* in a child */

struct child {
	pid_t pid;
	int said;
	char log[96]; /* the file that its lines go to */
};

/* In a child: one line to the test. */
static inline void say(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static inline void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(say_fd, format, args);
	va_end(args);
}

/* Run @service with options for the test's Redis, then those of @args (which a
 * NULL ends; later ones win). */
static inline void child_start(struct child *c, const struct service *service,
			       void *self, const char *const *args)
{
	static unsigned children;
	char *argv[ARGS_MAX] = {(char *)(uintptr_t)service->name};
	char state[128], url[128], bus[128];
	int argc = 1, fds[2];

	snprintf(state, sizeof state, "--state-dir=%s/state", redis.folder);
	snprintf(url, sizeof url, "--redis=%s", redis.url);
	snprintf(bus, sizeof bus, "--bus=ipc://%s/%%", redis.folder);
	snprintf(c->log, sizeof c->log, "%s/child%u.log", redis.folder,
		 children++);
	argv[argc++] = state;
	if (service->market) {
		argv[argc++] = url;
		argv[argc++] = bus;
		argv[argc++] = (char *)(uintptr_t) "--name=test";
		argv[argc++] = (char *)(uintptr_t) "--redis-timeout=500";
	}
	while (*args && argc < ARGS_MAX - 1)
		argv[argc++] = (char *)(uintptr_t)*args++;
	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	c->pid = fork();
	if (c->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen(c->log, "w", stderr))
			_exit(99);
		close(fds[0]);
		say_fd = fds[1];
		exit(service_main(service, self, argc, argv));
	}
	close(fds[1]);
	c->said = fds[0];
}

/* The next line that it said; "" if it has ended. */
static inline const char *child_line(struct child *c)
{
	static char line[256];
	size_t n = 0;

	while (n < sizeof line - 1) {
		struct pollfd p = {c->said, POLLIN, 0};

		if (poll(&p, 1, WAIT_MS) != 1)
			fail_msg("nothing was said for %d ms", WAIT_MS);
		if (read(c->said, line + n, 1) != 1 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = 0;
	return line;
}

#define assert_child(c, want) assert_string_equal(child_line(c), want)

/* Its exit status; -1 if @signal_number ended it. */
static inline int child_end(struct child *c, int signal_number)
{
	int status;

	if (signal_number)
		kill(c->pid, signal_number);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	close(c->said);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether @text is among its log lines. */
static inline bool child_logged(const struct child *c, const char *text)
{
	static char all[65536];
	FILE *f = fopen(c->log, "r");

	if (!f)
		return false; /* it hasn't come that far */
	all[fread(all, 1, sizeof all - 1, f)] = 0;
	fclose(f);
	return strstr(all, text) != NULL;
}

static inline void wait_for_log(const struct child *c, const char *text)
{
	for (int i = 0; i < WAIT_MS / 10; i++) {
		if (child_logged(c, text))
			return;
		usleep(10000);
	}
	fail_msg("it never logged %s", text);
}

#endif /* TESTS_UNIT_FRAME_FIXTURE_H */
