/* The matcher's figures, one process on one core. usage: match WHAT...
 * Prints a line `name value unit` for each figure; WHAT is one of the names in
 * `measures` below, all of them without arguments. */
#include <sched.h>
#include <unistd.h>

#include "common/u256.h"
#include "tests/bench/crowd.h"
#include "tests/bench/figure.h"
#include "tests/bench/rivals.h"

enum { BATCH = 256, RUNS = 5 };

/* Of a run; BLOCKS=20 is enough to count instructions. */
static unsigned blocks(void)
{
	const char *count = getenv("BLOCKS");

	return count ? (unsigned)atoi(count) : 1000;
}

/* ---- decisions ---------------------------------------------------------- */

/* Requests come, are matched, become tasks and end: BATCH of each per block, so
 * that 2 BATCH are in flight. */
struct life {
	struct crowd *crowd;
	struct msg_request_opened opened[BATCH];
	struct msg_task_started started[CROWD_BATCH_MAX];
	struct msg_task_started running[CROWD_BATCH_MAX];
	struct msg_task_ended ended[CROWD_BATCH_MAX];
	struct msg_block_closed block;
	size_t started_count, running_count;
	size_t decisions, events;
	double seconds;
	double parts[4]; /* of them: opened, closed, started, ended */
};

static double part(struct life *l, unsigned i, double began)
{
	double now = now_s();

	l->parts[i] += now - began;
	return now;
}

static void live_block(struct life *l)
{
	struct match *m = crowd_match(l->crowd);
	struct sink *out = crowd_sink(l->crowd);
	double began, at;

	l->started_count = crowd_matches(l->crowd);
	crowd_tasks(l->crowd, l->started);
	for (size_t i = 0; i < l->running_count; i++)
		crowd_end(l->crowd, &l->ended[i], &l->running[i]);
	for (size_t i = 0; i < BATCH; i++)
		crowd_request(l->crowd, &l->opened[i], false);
	crowd_block(l->crowd, &l->block);

	at = began = now_s();
	for (size_t i = 0; i < l->started_count; i++)
		must(match_on_task_started(m, out, &l->started[i]));
	at = part(l, 2, at);
	for (size_t i = 0; i < l->running_count; i++)
		must(match_on_task_ended(m, out, &l->ended[i]));
	at = part(l, 3, at);
	for (size_t i = 0; i < BATCH; i++)
		must(match_on_request_opened(m, out, &l->opened[i]));
	at = part(l, 0, at);
	must(match_on_block_closed(m, out, &l->block));
	part(l, 1, at);
	l->seconds += now_s() - began;

	l->events += l->started_count + l->running_count + BATCH + 1;
	l->decisions += crowd_matches(l->crowd);
	memcpy(l->running, l->started, l->started_count * sizeof l->started[0]);
	l->running_count = l->started_count;
}

static struct life *life_new(uint32_t quotes, uint32_t tasks)
{
	struct life *l = calloc(1, sizeof *l);

	if (!l)
		must(ERR_NO_MEMORY);
	l->crowd = crowd_new(7, quotes, tasks);
	return l;
}

static void life_free(struct life *l)
{
	crowd_free(&l->crowd);
	free(l);
}

/* Decisions a second over a second or so. */
static double live(struct life *l, unsigned blocks)
{
	for (unsigned i = 0; i < blocks / 10; i++)
		live_block(l);
	l->decisions = l->events = 0;
	l->seconds = 0;
	memset(l->parts, 0, sizeof l->parts);
	for (unsigned i = 0; i < blocks; i++)
		live_block(l);
	return (double)l->decisions / l->seconds;
}

static double decisions_at(uint32_t quotes)
{
	double rates[RUNS];
	struct life *l = life_new(quotes, quotes < 1000 ? 2000 / quotes : 2);

	for (unsigned i = 0; i < RUNS; i++) {
		rates[i] = live(l, blocks());
		if (getenv("PARTS"))
			fprintf(stderr,
				"%u quotes, ns each: opened %.0f, closed %.0f, "
				"started %.0f, ended %.0f\n",
				quotes,
				1e9 * l->parts[0] / (double)l->decisions,
				1e9 * l->parts[1] / (double)l->decisions,
				1e9 * l->parts[2] / (double)l->decisions,
				1e9 * l->parts[3] / (double)l->decisions);
	}
	life_free(l);
	return median(rates, RUNS);
}

/* ---- rates -------------------------------------------------------------- */

/* For a profile: one size, for as long as it takes. */
static void measure_profile(void)
{
	const char *quotes = getenv("QUOTES");

	figure("decisions",
	       decisions_at(quotes ? (uint32_t)atoi(quotes) : 1000), "1/s");
}

static void measure_decisions(void)
{
	double few = decisions_at(10), some = decisions_at(1000);
	double ten = decisions_at(10000), many = decisions_at(100000);
	double least = few < some ? few : some, most = few > some ? few : some;

	least = many < least ? many : least;
	most = many > most ? many : most;
	figure("decisions_per_s", many, "1/s");
	figure("decisions_per_s_10", few, "1/s");
	figure("decisions_per_s_1000", some, "1/s");
	figure("decisions_per_s_10000", ten, "1/s");
	figure("flatness", least / most, "ratio");
	figure("scan_ratio", many / rival_scan(100000), "ratio");
	figure("tree_ratio", ten / rival_trees(10000), "ratio");
}

/* ---- changes ------------------------------------------------------------ */

static void measure_changes(void)
{
	enum { QUOTES = 100000 };
	struct crowd *c = crowd_new(11, QUOTES, 2);
	static struct msg_quote_set q[BATCH];
	double rates[RUNS];

	for (unsigned run = 0; run < RUNS; run++) {
		double spent = 0;

		for (unsigned b = 0; b < blocks(); b++) {
			double began;

			for (unsigned i = 0; i < BATCH; i++)
				crowd_quote(c, &q[i],
					    (uint32_t)crowd_draw(c, QUOTES));
			began = now_s();
			for (unsigned i = 0; i < BATCH; i++)
				must(match_on_quote_set(crowd_match(c),
							crowd_sink(c), &q[i]));
			crowd_close(c, 1);
			spent += now_s() - began;
		}
		rates[run] = blocks() * BATCH / spent;
	}
	figure("quote_changes_per_s", median(rates, RUNS), "1/s");
	crowd_free(&c);
}

static void measure_capacity(void)
{
	enum { MARKETS = 100, OTHERS = 10000, TIMES = 2000 };
	struct crowd *c = crowd_new(13, OTHERS, 2);
	struct match *m = crowd_match(c);
	struct sink *out = crowd_sink(c);
	struct msg_generator_set g = {.generator = {{1}},
				      .compute = 5,
				      .stake = {u256_from_u64(1000)}};
	static double us[TIMES];

	/* Each market has a hundred other quotes. */
	must(match_on_generator_set(m, out, &g));
	for (uint32_t k = 1; k <= MARKETS; k++) {
		struct msg_market_set market = {.market_id = k + 1,
						.penalty = {u256_from_u64(1)}};
		struct msg_quote_set q;

		must(match_on_market_set(m, out, &market));
		for (uint32_t i = 0; i <= 100; i++) {
			crowd_quote(c, &q, (k * 100 + i) % OTHERS);
			q.market_id = k + 1;
			if (i == 100)
				q.generator = g.generator;
			must(match_on_quote_set(m, out, &q));
		}
	}
	for (unsigned i = 0; i < TIMES; i++) {
		double began;

		g.used_compute = 5;
		must(match_on_generator_set(m, out, &g));
		crowd_close(c, 1);
		g.used_compute = 0;
		began = now_s();
		must(match_on_generator_set(m, out, &g));
		us[i] = 1e6 * (now_s() - began);
		crowd_close(c, 1);
	}
	figure("capacity_100_markets_us", median(us, TIMES), "us");
	crowd_free(&c);
}

static void add_hopeless(struct crowd *c, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct msg_request_opened r;

		crowd_request(c, &r, true);
		must(match_on_request_opened(crowd_match(c), crowd_sink(c),
					     &r));
		if (i % 1024 == 0)
			crowd_close(c, 1);
	}
}

static void measure_hopeless(void)
{
	enum { BLOCKS = 500, HOPELESS = 1000000 };
	struct life *without = life_new(100000, 2);
	struct life *with = life_new(100000, 2);
	double ratios[RUNS];

	add_hopeless(with->crowd, HOPELESS);
	for (unsigned run = 0; run < RUNS; run++) {
		live(without, BLOCKS);
		live(with, BLOCKS);
		ratios[run] = ((double)with->events / with->seconds) /
			      ((double)without->events / without->seconds);
	}
	figure("hopeless_ratio", median(ratios, RUNS), "ratio");
	life_free(with);
	life_free(without);
}

/* ---- memory ------------------------------------------------------------- */

static double resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size = 0, pages = 0;

	if (!f || fscanf(f, "%ld %ld", &size, &pages) != 2)
		must(ERR_STORAGE);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void measure_memory(void)
{
	enum { REQUESTS = 1000000, QUOTES = 1000000, FEW = 10000, DEPTH = 64 };
	struct crowd *c = crowd_new(17, FEW, 1);
	struct match *m = crowd_match(c);
	double before;

	/* The generators first: what a quote costs comes on top. */
	for (uint32_t k = 0; k < QUOTES / FEW; k++) {
		struct msg_market_set market = {.market_id = 2 + k,
						.penalty = {u256_from_u64(1)}};

		must(match_on_market_set(m, crowd_sink(c), &market));
	}
	crowd_close(c, DEPTH + 1);
	before = resident();
	for (uint32_t i = 0; i < QUOTES; i++) {
		struct msg_quote_set q;

		crowd_quote(c, &q, i % FEW);
		q.market_id = 2 + i / FEW;
		must(match_on_quote_set(m, crowd_sink(c), &q));
		if (i % 1024 == 0)
			crowd_close(c, 1);
	}
	crowd_close(c, DEPTH + 1);
	figure("bytes_per_quote", (resident() - before) / QUOTES, "bytes");
	before = resident();
	add_hopeless(c, REQUESTS);
	crowd_close(c, DEPTH + 1);
	figure("bytes_per_request", (resident() - before) / REQUESTS, "bytes");
	crowd_free(&c);
}

/* ---- undo --------------------------------------------------------------- */

static void measure_undo(void)
{
	double ratios[RUNS];

	for (unsigned run = 0; run < RUNS; run++) {
		struct life *l = life_new(100000, 2);
		struct msg_book_rolled_back back;
		double began;

		live(l, 50);
		back = (struct msg_book_rolled_back){.to = l->block.block};
		l->seconds = 0;
		live_block(l);
		began = now_s();
		must(match_on_book_rolled_back(crowd_match(l->crowd),
					       crowd_sink(l->crowd), &back));
		ratios[run] = (now_s() - began) / l->seconds;
		life_free(l);
	}
	figure("undo_ratio", median(ratios, RUNS), "ratio");
}

/* ---- the slowest event -------------------------------------------------- */

static void measure_worst(void)
{
	/* The same events three times: what the machine does in between hits
	 * others each time, what the matcher does hits the same. */
	enum {
		EVENTS = 10000000,
		REPEATS = 3,
		QUOTES = 1000000,
		PER_BLOCK = 1
	};
	float *us = malloc(EVENTS * sizeof *us);
	float worst = 0;
	double *sample;

	if (!us)
		must(ERR_NO_MEMORY);
	for (unsigned run = 0; run < REPEATS; run++) {
		struct crowd *c = crowd_new(19, QUOTES, 1);
		static struct msg_task_started started[CROWD_BATCH_MAX];
		struct match *m = crowd_match(c);
		struct sink *out = crowd_sink(c);

		add_hopeless(c, 1000000);
		crowd_close(c, 65);
		for (uint32_t i = 0; i < EVENTS;) {
			struct msg_block_closed block;
			size_t tasks = crowd_matches(c);

#define EVENT(call)                                                            \
	do {                                                                   \
		double began_ = now_s();                                       \
		must(call);                                                    \
		if (i < EVENTS) {                                              \
			float took_ = (float)(1e6 * (now_s() - began_));       \
			us[i] = run && us[i] < took_ ? us[i] : took_;          \
			i++;                                                   \
		}                                                              \
	} while (0)
			crowd_tasks(c, started);
			for (size_t k = 0; k < tasks; k++) {
				struct msg_task_ended ended;

				EVENT(match_on_task_started(m, out,
							    &started[k]));
				crowd_end(c, &ended, &started[k]);
				EVENT(match_on_task_ended(m, out, &ended));
			}
			for (unsigned k = 0; k < PER_BLOCK; k++) {
				if (crowd_draw(c, 3)) {
					struct msg_request_opened r;

					crowd_request(c, &r,
						      crowd_draw(c, 4) == 0);
					EVENT(match_on_request_opened(m, out,
								      &r));
				} else {
					struct msg_quote_set q;

					crowd_quote(c, &q,
						    (uint32_t)crowd_draw(
							    c, QUOTES));
					EVENT(match_on_quote_set(m, out, &q));
				}
			}
			crowd_block(c, &block);
			EVENT(match_on_block_closed(m, out, &block));
#undef EVENT
		}
		crowd_free(&c);
	}
	sample = malloc(EVENTS / 10 * sizeof *sample);
	if (!sample)
		must(ERR_NO_MEMORY);
	for (uint32_t i = 0; i < EVENTS; i++) {
		worst = us[i] > worst ? us[i] : worst;
		if (i % 10 == 0)
			sample[i / 10] = us[i];
	}
	figure("worst_event_us", worst, "us");
	figure("worst_over_median", worst / median(sample, EVENTS / 10),
	       "ratio");
	free(sample);
	free(us);
}

/* ---- in and out --------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void);
} measures[] = {
	{"decisions", measure_decisions}, {"changes", measure_changes},
	{"capacity", measure_capacity},	  {"hopeless", measure_hopeless},
	{"undo", measure_undo},		  {"worst", measure_worst},
	{"memory", measure_memory},	  {"profile", measure_profile},
};

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof set, &set))
		perror("bench: not pinned");
}

int main(int argc, char **argv)
{
	pin();
	for (size_t k = 0; k < sizeof measures / sizeof measures[0]; k++) {
		bool wanted = argc == 1 && measures[k].run != measure_profile;

		for (int i = 1; i < argc; i++)
			wanted |= strcmp(argv[i], measures[k].name) == 0;
		if (wanted)
			measures[k].run();
	}
	return 0;
}
