/* How fast an audit is: chain events per second, from exported logs of a market
 * that lives at random, everything included: mapping, checksums, SHA-256, both
 * cores, every record of book and match log compared.
 *
 *	audit [EVENTS [OUT]]	prints {"name","value","unit"}; appends it to
 *OUT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "services/kalypso/rederive.h"
#include "tests/property/market.h"

enum { EVENTS = 1000000, RUNS = 3, SEED = 7 };

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum err e, const char *what)
{
	if (!e)
		return;
	fprintf(stderr, "audit: %s: %s\n", what, err_name(e));
	exit(1);
}

static void *check(void *arg)
{
	struct logfile *logs = arg;
	struct logfile_flaw flaw;

	for (unsigned i = 0; i < 3; i++)
		must(logfile_check(&logs[i], &flaw), "check");
	return NULL;
}

static void compare(const struct logfile *logs)
{
	struct rederive_config config = {
		.rule = MARKET_RULE,
		.depth = MARKET_DEPTH,
		.given = {NULL, &logs[1].logs[0], &logs[2].logs[0]},
		.closed = true,
		.apart = true};
	struct rederive r;
	struct branch chain;
	struct entry entry;
	enum err e;

	must(rederive_new(&r, &config), "new");
	must(branch_open(&chain, &logs[0].logs[0], UINT64_MAX, false), "open");
	for (e = ERR_NONE; !e && branch_next(&chain, &entry);)
		e = rederive_entry(&r, &entry);
	must(e ? e : rederive_end(&r), "compare");
	branch_free(&chain);
	rederive_free(&r);
}

/* As kalypso audit does it: the hashes in a thread of their own. */
static double run(const struct market *m)
{
	double began = seconds();
	struct logfile logs[3];
	struct logfile_flaw flaw;
	pthread_t hasher;

	for (unsigned i = 0; i < 3; i++)
		must(logfile_reopen(&logs[i], m->writers[i], &flaw), "open");
	if (pthread_create(&hasher, NULL, check, logs))
		must(ERR_NO_MEMORY, "thread");
	compare(logs);
	pthread_join(hasher, NULL);
	for (unsigned i = 0; i < 3; i++)
		logfile_close(&logs[i]);
	return seconds() - began;
}

int main(int argc, char **argv)
{
	uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : EVENTS;
	FILE *out = argc > 2 ? fopen(argv[2], "a") : NULL;
	double best = 0;
	struct market m;
	char line[128];

	market_live(&m, SEED, events);
	for (unsigned i = 0; i < RUNS; i++) {
		double took = run(&m);

		best = !best || took < best ? took : best;
	}
	snprintf(line, sizeof line,
		 "{\"name\":\"audit_events_per_s\",\"value\":%.0f,"
		 "\"unit\":\"1/s\"}\n",
		 (double)market_log(&m, 0)->last / best);
	fputs(line, stdout);
	if (out)
		fputs(line, out);
	if (out && fclose(out))
		return 1;
	market_end(&m);
	return argc > 2 && !out;
}
