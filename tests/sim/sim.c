/* Lives through seeds, several at once; what fails is made shorter and printed
 * as the command that repeats it.
 *
 *	sim [--seeds=N] [--first=S] [--steps=N] [--report=FILE]
 *	sim --seed=S [--steps=N] [--skip=3,7-9] [--without=kill,bus] [--verbose]
 *	sim --seed=S --kill-at=N	somebody dies at the N-th durable step
 *	sim --seed=S --kill-at=all	one run for each N that there is
 *	sim --broken=NAME		broken on purpose: 0 if a seed notices
 *	sim --list			the ways to break it, and the faults */
#include <assert.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/break.h"
#include "tests/sim/run.h"
#include "tests/sim/world.h"

enum {
	JOBS_MAX = 64,
	SHRINK_S = 60,
	FAILED_MAX = 1000,
	PROGRESS_S = 10,
	RUN_S = 300
};

static struct options {
	uint64_t first, seeds, steps, kill_at;
	bool one, kill_all, verbose;
	unsigned without;
	const char *skip, *report;
} options = {.first = 1, .seeds = 1000, .steps = 2000};

static struct run_counts *counts; /* shared with the runs' processes */
static char folder[64];		  /* one folder in it for each job */

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- one run in one process --------------------------------------------- */

static void add_counts(const struct run_counts *c)
{
	const uint64_t *from = (const uint64_t *)c;
	_Atomic uint64_t *to = (_Atomic uint64_t *)counts;

	for (size_t i = 0; i < sizeof *c / sizeof *from; i++)
		to[i] += from[i];
}

static pid_t begin(const struct run *run, unsigned job, bool quiet)
{
	struct run_counts c = {0};
	struct run with = *run;
	char own[96];
	pid_t pid;

	fflush(stdout);
	pid = fork();
	assert(pid >= 0);
	if (pid)
		return pid;
	snprintf(own, sizeof own, "%s/%u", folder, job);
	mkdir(own, 0700);
	with.folder = own;
	if (quiet && (!freopen("/dev/null", "w", stdout) ||
		      !freopen("/dev/null", "w", stderr)))
		abort();
	alarm(RUN_S); /* one that doesn't end has failed, too */
	run_live(&with, &c);
	add_counts(&c);
	exit(0);
}

static bool fails(const struct run *run, bool quiet)
{
	int status;
	pid_t pid = begin(run, 0, quiet);

	if (waitpid(pid, &status, 0) != pid)
		abort();
	return status != 0;
}

/* ---- steps that are left out: "3,7-9" ----------------------------------- */

static uint8_t *read_skip(const char *text, uint64_t steps)
{
	uint8_t *bits = calloc(1, steps / 8 + 1);

	assert(bits);
	while (text && *text) {
		char *end;
		uint64_t from = strtoull(text, &end, 10), to = from;

		if (*end == '-')
			to = strtoull(end + 1, &end, 10);
		for (uint64_t i = from; i <= to && i < steps; i++)
			bits[i / 8] |= (uint8_t)(1 << i % 8);
		text = *end == ',' ? end + 1 : "";
	}
	return bits;
}

static void print_skip(const uint8_t *bits, uint64_t steps)
{
	const char *before = " --skip=";

	for (uint64_t i = 0; bits && i < steps; i++) {
		uint64_t from = i;

		if (!(bits[i / 8] >> i % 8 & 1))
			continue;
		while (i + 1 < steps && bits[(i + 1) / 8] >> (i + 1) % 8 & 1)
			i++;
		printf(from == i ? "%s%" PRIu64 : "%s%" PRIu64 "-%" PRIu64,
		       before, from, i);
		before = ",";
	}
}

static void print_command(const struct run *run)
{
	const char *before = " --without=";

	printf("build/sim/sim --seed=%" PRIu64 " --steps=%" PRIu64, run->seed,
	       run->steps);
	for (unsigned i = 0; i < FAULTS_COUNT; i++)
		if (run->without >> i & 1) {
			printf("%s%s", before, fault_name(i));
			before = ",";
		}
	print_skip(run->skip, run->steps);
	if (run->kill_at)
		printf(" --kill-at=%" PRIu64, run->kill_at);
	printf("\n");
}

/* ---- making it shorter -------------------------------------------------- */

/* Which kinds of faults does it take? */
static void shrink_faults(struct run *run, double until_s)
{
	for (unsigned i = 0; i < FAULTS_COUNT && now_s() < until_s; i++) {
		run->without |= 1u << i;
		if (!fails(run, true))
			run->without &= ~(1u << i);
	}
}

/* It need not fail with any number of steps above the least. */
static void shrink_steps(struct run *run, double until_s)
{
	for (uint64_t by = run->steps / 2; by && now_s() < until_s;) {
		struct run fewer = *run;

		fewer.steps -= by;
		if (fewer.steps && fails(&fewer, true))
			*run = fewer;
		else
			by /= 2;
		if (by >= run->steps)
			by = run->steps / 2;
	}
}

/* Leave out ever smaller stretches, as long as it fails without them. */
static void shrink_acts(struct run *run, double until_s)
{
	size_t size = run->steps / 8 + 1;
	uint8_t *skip = calloc(1, size), *tried = malloc(size);

	assert(skip && tried);
	run->skip = tried;
	for (uint64_t part = run->steps / 2; part; part /= 2)
		for (uint64_t from = 0; from < run->steps && now_s() < until_s;
		     from += part) {
			memcpy(tried, skip, size);
			for (uint64_t i = from;
			     i < from + part && i < run->steps; i++)
				tried[i / 8] |= (uint8_t)(1 << i % 8);
			if (fails(run, true))
				memcpy(skip, tried, size);
		}
	free(tried);
	run->skip = skip; /* the process ends soon */
}

static void report_failed(struct run run)
{
	double until_s = now_s() + SHRINK_S;

	printf("seed %" PRIu64 " fails; making it shorter\n", run.seed);
	if (!fails(&run, true)) {
		printf("it doesn't when it is alone: no seed decides it\n");
		return;
	}
	shrink_faults(&run, until_s);
	shrink_steps(&run, until_s);
	shrink_acts(&run, until_s);
	fails(&run, false);
	printf("again with: ");
	print_command(&run);
}

/* ---- many --------------------------------------------------------------- */

static struct run run_of(uint64_t seed)
{
	return (struct run){.seed = seed,
			    .steps = options.steps,
			    .without = options.without,
			    .kill_at = options.kill_at};
}

struct campaign {
	uint64_t done, failed_count, failed[FAILED_MAX];
	double began_s, told_s;
};

static void progress(struct campaign *c)
{
	if (now_s() - c->told_s < PROGRESS_S)
		return;
	c->told_s = now_s();
	printf("%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed, %.0f s\n",
	       c->done, options.seeds, c->failed_count, c->told_s - c->began_s);
	fflush(stdout);
}

/* Numbers from 0; @run_at says what each is. @stop_early: one that fails is
 * enough. */
static void live_all(struct campaign *c, uint64_t count, bool stop_early,
		     struct run (*run_at)(uint64_t i))
{
	long at_once = sysconf(_SC_NPROCESSORS_ONLN);
	struct {
		pid_t pid;
		uint64_t i;
	} jobs[JOBS_MAX] = {0};
	uint64_t next = 0, running = 0;

	at_once = at_once < 1 ? 1 : at_once > JOBS_MAX ? JOBS_MAX : at_once;
	c->began_s = c->told_s = now_s();
	while (running || (next < count && !(stop_early && c->failed_count))) {
		int status;
		pid_t pid;
		unsigned j = 0;

		if (running < (uint64_t)at_once && next < count &&
		    !(stop_early && c->failed_count)) {
			struct run run = run_at(next);

			while (jobs[j].pid)
				j++;
			jobs[j].i = next++;
			jobs[j].pid = begin(&run, j, true);
			running++;
			continue;
		}
		pid = wait(&status);
		while (jobs[j].pid != pid)
			j++;
		jobs[j].pid = 0;
		running--;
		c->done++;
		if (status && c->failed_count < FAILED_MAX)
			c->failed[c->failed_count++] = jobs[j].i;
		progress(c);
	}
}

static struct run seed_at(uint64_t i)
{
	return run_of(options.first + i);
}

static void write_report(const struct campaign *c, double seconds)
{
	FILE *f = options.report ? fopen(options.report, "w") : NULL;

	if (!f)
		return;
	fprintf(f,
		"{\"seeds\": %" PRIu64 ", \"steps\": %" PRIu64
		", \"failed\": [",
		c->done, options.steps);
	for (uint64_t i = 0; i < c->failed_count; i++)
		fprintf(f, i ? ", %" PRIu64 : "%" PRIu64,
			options.first + c->failed[i]);
	fprintf(f, "], \"seconds\": %.1f}\n", seconds);
	fclose(f);
}

static void print_counts(const struct campaign *c)
{
	printf("%" PRIu64 " seeds of %" PRIu64 " steps: %" PRIu64
	       " blocks, %" PRIu64 " re-organisations, %" PRIu64
	       " processes, %" PRIu64 " fenced, %" PRIu64
	       " durable steps, %" PRIu64 " transactions, %" PRIu64
	       " requests, %" PRIu64 " decisions, %" PRIu64
	       " assigned, %" PRIu64 " proven, %" PRIu64 " slashed\n",
	       c->done, options.steps, counts->blocks, counts->reorganisations,
	       counts->lives, counts->fenced, counts->durable_steps,
	       counts->transactions, counts->requests, counts->decisions,
	       counts->assigned, counts->fulfilled, counts->slashed);
}

static int live_seeds(void)
{
	struct campaign c = {0};
	double seconds;

	live_all(&c, options.seeds, false, seed_at);
	seconds = now_s() - c.began_s;
	print_counts(&c);
	write_report(&c, seconds);
	printf("%" PRIu64 " failed, %.1f s\n", c.failed_count, seconds);
	if (c.failed_count)
		report_failed(seed_at(c.failed[0]));
	return c.failed_count != 0;
}

/* ---- every durable step ------------------------------------------------- */

static struct run kill_at(uint64_t i)
{
	struct run run = run_of(options.first);

	run.kill_at = i + 1;
	return run;
}

static int live_kills(void)
{
	struct campaign c = {0};
	struct run run = run_of(options.first);

	if (fails(&run, true)) {
		report_failed(run);
		return 1;
	}
	options.seeds = counts->durable_steps;
	live_all(&c, options.seeds, false, kill_at);
	printf("seed %" PRIu64 ": somebody died at each of %" PRIu64
	       " durable steps, %" PRIu64 " failed\n",
	       options.first, options.seeds, c.failed_count);
	if (c.failed_count)
		report_failed(kill_at(c.failed[0]));
	return c.failed_count != 0;
}

/* ---- the command line --------------------------------------------------- */

static int live_one(void)
{
	struct run run = run_of(options.first);
	uint8_t *skip = read_skip(options.skip, run.steps);
	bool failed;

	run.skip = skip;
	run.verbose = options.verbose;
	failed = fails(&run, false);
	if (!failed)
		print_counts(&(struct campaign){.done = 1});
	free(skip);
	return failed;
}

static int live_broken(void)
{
	struct campaign c = {0};

	live_all(&c, options.seeds, true, seed_at);
	if (!c.failed_count) {
		printf("%" PRIu64 " seeds don't notice it\n", c.done);
		return 1;
	}
	options.first += c.failed[0];
	printf("noticed by seed %" PRIu64 ", after %" PRIu64 " seeds: ",
	       options.first, c.done);
	live_one();
	return 0;
}

static unsigned read_faults(const char *text)
{
	char *copy = strdup(text), *rest = copy, *name;
	unsigned bits = 0;

	while ((name = strsep(&rest, ","))) {
		int fault = fault_by_name(name);

		if (fault < 0) {
			fprintf(stderr, "sim: %s is no fault: --list\n", name);
			exit(2);
		}
		bits |= 1u << fault;
	}
	free(copy);
	return bits;
}

static int list(void)
{
#define BREAK(NAME, text, meaning) printf("broken   %-10s %s\n", text, meaning);
	BREAKS
#undef BREAK
#define FAULT(NAME, text, meaning) printf("fault    %-10s %s\n", text, meaning);
	FAULTS
#undef FAULT
	return 0;
}

static bool read_option(const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t size = value ? (size_t)(value - arg) : strlen(arg);

#define IS(text) (size == strlen(text) && strncmp(arg, text, size) == 0)
	if (IS("--verbose")) {
		options.verbose = true;
		return true;
	}
	if (!value++)
		return false;
	if (IS("--seed")) {
		options.one = true;
		options.first = strtoull(value, NULL, 10);
	} else if (IS("--seeds")) {
		options.seeds = strtoull(value, NULL, 10);
	} else if (IS("--first")) {
		options.first = strtoull(value, NULL, 10);
	} else if (IS("--steps")) {
		options.steps = strtoull(value, NULL, 10);
	} else if (IS("--skip")) {
		options.skip = value;
	} else if (IS("--without")) {
		options.without = read_faults(value);
	} else if (IS("--report")) {
		options.report = value;
	} else if (IS("--broken")) {
		return break_by_name(value);
	} else if (IS("--kill-at")) {
		options.kill_all = strcmp(value, "all") == 0;
		options.kill_at = strtoull(value, NULL, 10);
	} else {
		return false;
	}
#undef IS
	return true;
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* JSON makes and frees millions of small objects: what the allocator keeps at
 * hand, made larger, saves a seventh of the time. It is read as a program
 * begins. */
static void enlarge_caches(char **argv)
{
	if (setenv("GLIBC_TUNABLES",
		   "glibc.malloc.tcache_count=2000:"
		   "glibc.malloc.top_pad=67108864:"
		   "glibc.malloc.trim_threshold=1000000000",
		   0) == 0 &&
	    setenv("KALYPSO_SIM", "begun", 0) == 0)
		execv("/proc/self/exe", argv); /* else it goes on as it is */
}

int main(int argc, char **argv)
{
	int status;

	if (!getenv("KALYPSO_SIM"))
		enlarge_caches(argv);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0)
			return list();
		if (!read_option(argv[i])) {
			fprintf(stderr,
				"sim: %s: no such option; see "
				"tests/sim/sim.c\n",
				argv[i]);
			return 2;
		}
	}
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(folder, sizeof folder, "/tmp/kalypso-sim.XXXXXX");
	if (counts == MAP_FAILED || !mkdtemp(folder))
		return 2;
	status = options.kill_all			   ? live_kills()
		 : broken != BREAK_NOTHING && !options.one ? live_broken()
		 : options.one				   ? live_one()
							   : live_seeds();
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return status;
}
