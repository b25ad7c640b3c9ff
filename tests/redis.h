/* redis - a real Redis of a test's own, and logs in it. */
#ifndef TESTS_REDIS_H
#define TESTS_REDIS_H

#include "tests/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/store.h"

struct redis {
	char folder[64], url[96];
	pid_t pid;
	struct store *store;
	uint64_t epoch;
};

/* Begin, or after redis_kill() go on. */
static inline void redis_run(struct redis *r)
{
	enum err e = ERR_UNREACHABLE;

	r->pid = fork();
	if (r->pid == 0) {
		sigset_t none;

		prctl(PR_SET_PDEATHSIG, SIGKILL); /* not to outlive us */
		sigemptyset(&none); /* a loop of ours blocks some */
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (chdir(r->folder) == 0)
			execlp("redis-server", "redis-server", "--port", "0",
			       "--unixsocket", "redis.sock", "--appendonly",
			       "yes", "--appendfsync", "always", "--save", "",
			       "--logfile", "redis.log", (char *)NULL);
		_exit(127);
	}
	if (!r->store)
		assert_err(store_open(&r->store, r->url, "test", NULL, 2000),
			   ERR_NONE);
	for (int i = 0; i < 1000 && e == ERR_UNREACHABLE; i++) {
		e = store_check(r->store);
		if (!e) /* it may take us for connected still */
			e = store_epoch_begin(r->store, &r->epoch);
		if (e)
			usleep(10000);
	}
	assert_err(e, ERR_NONE);
}

static inline void redis_start(struct redis *r)
{
	r->store = NULL;
	snprintf(r->folder, sizeof r->folder, "/tmp/kalypso-redis-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->url, sizeof r->url, "unix:%s/redis.sock", r->folder);
	redis_run(r);
}

static inline void redis_kill(struct redis *r)
{
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
}

static inline void redis_stop(struct redis *r)
{
	char command[96];

	store_close(&r->store);
	kill(r->pid, SIGTERM);
	waitpid(r->pid, NULL, 0);
	snprintf(command, sizeof command, "rm -rf %s", r->folder);
	assert_int_equal(system(command), 0);
}

/* Append one entry to @log, as number @number. */
static inline void redis_append(struct redis *r, const char *log,
				uint64_t number, uint16_t type,
				struct bytes body)
{
	struct entry entry = {number, type, body};
	struct append a = {.service = log,
			   .instance = "a",
			   .token = 7,
			   .epoch = r->epoch,
			   .log = log,
			   .first = number,
			   .entries = &entry,
			   .entries_count = 1,
			   .from = {number - 1, 0},
			   .to = {number, 0}};

	if (number == 1)
		a.from = (struct cursor){0, 0};
	assert_err(store_lease_take(r->store, log, "a", 7, 60000), ERR_NONE);
	assert_err(store_append(r->store, &a), ERR_NONE);
}

#endif /* TESTS_REDIS_H */
