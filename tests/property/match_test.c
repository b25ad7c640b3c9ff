/* The matcher against the plain procedure, on random histories with roll-backs;
 * and both cores against themselves: undone, saved, loaded, replayed.
 *
 *	match_test [EVENTS [SEED]]
 *
 * Each history has a process of its own, as many at once as there are
 * processors. One that shows something is made shorter as long as it still
 * does, and then printed: the acts that are left, and what they say. */
#include "tests/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/property/line.h"

enum { EVENTS = 150000, STEPS = 700 /* of one history */ };

static uint64_t events_wanted = EVENTS, first_seed = 1;

/* What histories found, shared with their processes. */
static struct counts {
	_Atomic uint64_t events, matches, rollbacks;
} * counts;

struct attempt {
	struct history_source source;
	uint64_t steps;
	bool quiet, shown;
};

/* ---- one history in one process ----------------------------------------- */

static void live(const struct attempt *a)
{
	struct line *l = line_new(&a->source);

	if (a->shown)
		line_show(l);
	for (uint64_t step = 1; step <= a->steps; step++) {
		line_step(l);
		if (step % 97 == 0)
			line_check_snapshot(l);
		if (step % 211 == 0)
			line_check_replay(l);
	}
	counts->events += history_events(line_history(l));
	counts->rollbacks += history_rollbacks(line_history(l));
	counts->matches += line_matches(l);
	line_free(l);
}

static pid_t begin(const struct attempt *a)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (a->quiet && !freopen("/dev/null", "w", stdout))
		abort();
	live(a);
	exit(0);
}

static bool fails(const struct attempt *a)
{
	int status;
	pid_t pid = begin(a);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status != 0;
}

/* ---- making it shorter -------------------------------------------------- */

static size_t count_acts(const struct attempt *a)
{
	struct line *l = line_new(&a->source);
	size_t acts;

	for (uint64_t step = 1; step < a->steps; step++)
		line_step(l);
	acts = history_acts(line_history(l));
	line_free(l);
	return acts + 64; /* and those of the last step */
}

static uint64_t first_failing_step(struct attempt a)
{
	uint64_t from = 1, to = a.steps;

	while (from < to) {
		a.steps = (from + to) / 2;
		if (fails(&a))
			to = a.steps;
		else
			from = a.steps + 1;
	}
	return to;
}

static void set_bits(uint8_t *bits, size_t from, size_t to, bool on)
{
	for (size_t i = from; i < to; i++)
		bits[i / 8] = (uint8_t)(on ? bits[i / 8] | 1 << i % 8
					   : bits[i / 8] & ~(1 << i % 8));
}

/* Leave out ever smaller runs of acts, as long as it fails without them. */
static void shrink(struct attempt *a)
{
	uint8_t *skip, *tried;
	size_t acts, size;

	a->quiet = true;
	a->steps = first_failing_step(*a);
	acts = count_acts(a);
	size = (acts + 7) / 8;
	skip = calloc(1, size);
	tried = malloc(size);
	assert_true(skip && tried);
	a->source.acts = acts;
	for (size_t run = acts / 2; run; run /= 2)
		for (size_t from = 0; from < acts; from += run) {
			size_t to = from + run < acts ? from + run : acts;

			memcpy(tried, skip, size);
			set_bits(tried, from, to, true);
			a->source.skip = tried;
			if (fails(a))
				memcpy(skip, tried, size);
		}
	a->source.skip = skip;
	free(tried);
}

static void report(struct attempt *a)
{
	print_message("seed %" PRIu64 " shows something; making it shorter\n",
		      a->source.seed);
	shrink(a);
	a->quiet = false;
	a->shown = true;
	fails(a);
	fail_msg("seed %" PRIu64 ", %" PRIu64 " steps", a->source.seed,
		 a->steps);
}

/* ---- all ---------------------------------------------------------------- */

static void histories_match_as_the_plain_procedure_does(void **state)
{
	long at_once = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t seed = first_seed, running = 0, failed = 0;
	struct {
		pid_t pid;
		uint64_t seed;
	} children[64] = {0};

	(void)state;
	at_once = at_once < 1 ? 1 : at_once > 64 ? 64 : at_once;
	while (running || (!failed && counts->events < events_wanted)) {
		struct attempt a = {
			.source.seed = seed, .steps = STEPS, .quiet = true};
		int status;
		pid_t pid;

		if (running < (uint64_t)at_once && !failed &&
		    counts->events < events_wanted) {
			unsigned i = 0;

			while (children[i].pid)
				i++;
			children[i].pid = begin(&a);
			children[i].seed = seed++;
			running++;
			continue;
		}
		pid = wait(&status);
		running--;
		for (unsigned i = 0; i < 64; i++) {
			if (children[i].pid != pid)
				continue;
			children[i].pid = 0;
			if (status && !failed)
				failed = children[i].seed;
		}
	}
	if (failed)
		report(&(struct attempt){.source.seed = failed,
					 .steps = STEPS});
	print_message("%" PRIu64 " events, %" PRIu64 " matches, %" PRIu64
		      " roll-backs in %" PRIu64 " histories\n",
		      counts->events, counts->matches, counts->rollbacks,
		      seed - first_seed);
	assert_true(counts->matches > counts->events / 50);
	assert_true(counts->rollbacks > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_match_as_the_plain_procedure_does),
	};

	if (argc > 1)
		events_wanted = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
