/* shared - what the programs of the gateway's benchmark have in common: the
 * clock file, samples, and how nice they are. They end on any error. */
#ifndef TESTS_BENCH_GATEWAY_SHARED_H
#define TESTS_BENCH_GATEWAY_SHARED_H

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signal.h>
#include <time.h>
#include <unistd.h>

enum {
	STAMPS = 1 << 20, /* entries are told apart by their numbers */
	NICE = 10,	  /* the gateway's own priority */
};

/* A file that those who write entries and those who read them map: events
 * carry no time, and needn't. */
struct clock_file {
	_Atomic uint64_t put_us[STAMPS]; /* when entry n was handed to Redis, at
					    n % STAMPS */
	_Atomic uint64_t reached;	 /* that every client has */
};

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline struct clock_file *clock_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct clock_file *clock;

	if (fd < 0 || ftruncate(fd, sizeof *clock))
		die(path);
	clock = mmap(NULL, sizeof *clock, PROT_READ | PROT_WRITE, MAP_SHARED,
		     fd, 0);
	if (clock == MAP_FAILED)
		die(path);
	close(fd);
	return clock;
}

/* As nice as the gateway, so that none has an advantage; not to outlive who
 * started it; its lines are read as they come. */
static inline void begin_program(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setpriority(PRIO_PROCESS, 0, NICE))
		die("setpriority");
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
}

static inline void allow_files(size_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_max < count)
		die("the limit of descriptors");
	limit.rlim_cur = count;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("the limit of descriptors");
}

static inline unsigned long parse_count(const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n > max) {
		fprintf(stderr, "bench: %s is not a number up to %lu\n", text,
			max);
		exit(2);
	}
	return n;
}

/* A line of stdin, whole: they come one at a time. False at its end. */
enum { COMMAND_ROOM = 128 };
static inline bool read_command(char line[COMMAND_ROOM])
{
	ssize_t size = read(STDIN_FILENO, line, COMMAND_ROOM - 1);

	if (size <= 0)
		return false;
	line[size] = 0;
	return true;
}

/* ---- samples ------------------------------------------------------------ */

struct samples {
	uint32_t *us;
	size_t count, room;
};

static inline void sample(struct samples *s, uint64_t us)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 1 << 16;
		s->us = realloc(s->us, s->room * sizeof s->us[0]);
		if (!s->us)
			die("samples");
	}
	s->us[s->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static inline int sample_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Members of a JSON object, in milliseconds, with a comma behind each. */
static inline void print_samples(struct samples *s)
{
	static const struct {
		const char *name;
		double at;
	} quantiles[] = {{"p50_ms", 0.5}, {"p99_ms", 0.99}, {"max_ms", 1}};

	qsort(s->us, s->count, sizeof s->us[0], sample_order);
	for (size_t i = 0; i < 3 && s->count; i++) {
		size_t at = (size_t)(quantiles[i].at * (double)s->count);

		at = at < s->count ? at : s->count - 1;
		printf("\"%s\":%.3f,", quantiles[i].name, s->us[at] / 1e3);
	}
}

#endif /* TESTS_BENCH_GATEWAY_SHARED_H */
