/* The matcher's figures, one process on one core. usage: match WHAT...
 * Prints a line `name value unit` for each figure; WHAT is one of the names in
 * `measures` below, all of them without arguments. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/u256.h"
#include "tests/bench/crowd.h"

enum { BATCH = 256, RUNS = 5 };

static void must(enum err e)
{
	if (!e)
		return;
	fprintf(stderr, "bench: %s\n", err_name(e));
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

static void figure(const char *name, double value, const char *unit)
{
	printf("%s %.6g %s\n", name, value, unit);
	fflush(stdout);
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
	memcpy(l->running, l->started, sizeof l->running);
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
		rates[i] = live(l, 1000);
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

/* ---- what it is compared with ------------------------------------------- */

struct plain {
	uint64_t price;
	uint32_t time;
	uint32_t room;
};

static volatile uint32_t sunk;

/* The least of those that fit, by looking at each. */
static uint32_t scan(const struct plain *q, uint32_t n, uint64_t price,
		     uint32_t time, bool fastest)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < n; i++) {
		if (!q[i].room || q[i].price > price || q[i].time > time)
			continue;
		if (best == UINT32_MAX ||
		    (fastest ? q[i].time < q[best].time ||
				       (q[i].time == q[best].time &&
					q[i].price < q[best].price)
			     : q[i].price < q[best].price ||
				       (q[i].price == q[best].price &&
					q[i].time < q[best].time)))
			best = i;
	}
	return best;
}

static double scan_rate(uint32_t n)
{
	struct crowd *c = crowd_new(3, 1, 1);
	struct plain *q = calloc(n, sizeof *q);
	unsigned done = 0;
	double began;

	for (uint32_t i = 0; q && i < n; i++) {
		struct msg_quote_set m;

		crowd_quote(c, &m, 0);
		q[i] = (struct plain){m.price.v.limb[0], m.response_time, 2};
	}
	began = now_s();
	for (; q && now_s() - began < 1; done++) {
		struct msg_request_opened r;
		uint32_t best;

		crowd_request(c, &r, false);
		best = scan(q, n, r.max_price.v.limb[0], r.max_response_time,
			    r.preference == PREFERENCE_FASTEST);
		sunk = best;
	}
	free(q);
	crowd_free(&c);
	return done / (now_s() - began);
}

/* A static pair of segment trees: finds the best and takes it out, puts it back
 * later. */
struct tree {
	uint32_t leaves; /* a power of two */
	uint64_t *least; /* of the minor; UINT64_MAX: nothing there */
	uint64_t *major, *minor;
	uint32_t *quote, *leaf_of;
};

static const uint64_t *sort_major, *sort_minor;

static int by_key(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (sort_major[x] != sort_major[y])
		return sort_major[x] < sort_major[y] ? -1 : 1;
	return sort_minor[x] < sort_minor[y] ? -1
					     : sort_minor[x] > sort_minor[y];
}

static void tree_set(struct tree *t, uint32_t leaf, uint64_t v)
{
	uint32_t i = leaf + t->leaves;

	for (t->least[i] = v; i > 1; i /= 2) {
		uint64_t a = t->least[i & ~1u], b = t->least[i | 1];

		t->least[i / 2] = a < b ? a : b;
	}
}

static void tree_new(struct tree *t, uint32_t n, const uint64_t *major,
		     const uint64_t *minor)
{
	for (t->leaves = 1; t->leaves < n; t->leaves *= 2)
		;
	t->least = malloc(2 * t->leaves * sizeof *t->least);
	t->major = malloc(n * sizeof *t->major);
	t->minor = malloc(n * sizeof *t->minor);
	t->quote = malloc(n * sizeof *t->quote);
	t->leaf_of = malloc(n * sizeof *t->leaf_of);
	if (!t->least || !t->major || !t->minor || !t->quote || !t->leaf_of)
		must(ERR_NO_MEMORY);
	for (uint32_t i = 0; i < n; i++)
		t->quote[i] = i;
	sort_major = major;
	sort_minor = minor;
	qsort(t->quote, n, sizeof *t->quote, by_key);
	memset(t->least, 0xff, 2 * t->leaves * sizeof *t->least);
	for (uint32_t i = 0; i < n; i++) {
		t->leaf_of[t->quote[i]] = i;
		t->major[i] = major[t->quote[i]];
		t->minor[i] = minor[t->quote[i]];
		tree_set(t, i, t->minor[i]);
	}
}

static void tree_free(struct tree *t)
{
	free(t->least);
	free(t->major);
	free(t->minor);
	free(t->quote);
	free(t->leaf_of);
}

static uint32_t tree_find(const struct tree *t, uint64_t major, uint64_t minor)
{
	uint32_t i = 1;

	if (t->least[1] > minor)
		return UINT32_MAX;
	while (i < t->leaves)
		i = 2 * i + (t->least[2 * i] > minor);
	i -= t->leaves;
	return t->major[i] <= major ? t->quote[i] : UINT32_MAX;
}

static double tree_rate(uint32_t n)
{
	struct crowd *c = crowd_new(3, 1, 1);
	struct tree by_price, by_time;
	uint64_t *price = malloc(n * sizeof *price);
	uint64_t *time = malloc(n * sizeof *time);
	uint32_t out[2 * BATCH], count = 0;
	struct msg_request_opened r[BATCH];
	double spent = 0, done = 0;

	if (!price || !time)
		must(ERR_NO_MEMORY);
	for (uint32_t i = 0; i < n; i++) {
		struct msg_quote_set m;

		crowd_quote(c, &m, 0);
		price[i] = m.price.v.limb[0];
		time[i] = m.response_time;
	}
	tree_new(&by_price, n, price, time);
	tree_new(&by_time, n, time, price);
	while (spent < 1) {
		double began;

		for (unsigned i = 0; i < BATCH; i++)
			crowd_request(c, &r[i], false);
		began = now_s();
		for (unsigned i = 0; i < BATCH; i++) {
			bool fastest = r[i].preference == PREFERENCE_FASTEST;
			uint64_t p = r[i].max_price.v.limb[0];
			uint32_t t = r[i].max_response_time;
			uint32_t q = fastest ? tree_find(&by_time, t, p)
					     : tree_find(&by_price, p, t);

			/* 512 are out at a time: the oldest comes back. */
			if (count >= 2 * BATCH) {
				uint32_t old = out[count % (2 * BATCH)];

				if (old != UINT32_MAX) {
					tree_set(&by_price,
						 by_price.leaf_of[old],
						 time[old]);
					tree_set(&by_time, by_time.leaf_of[old],
						 price[old]);
				}
			}
			if (q != UINT32_MAX) {
				tree_set(&by_price, by_price.leaf_of[q],
					 UINT64_MAX);
				tree_set(&by_time, by_time.leaf_of[q],
					 UINT64_MAX);
			}
			out[count++ % (2 * BATCH)] = q;
		}
		spent += now_s() - began;
		done += BATCH;
	}
	tree_free(&by_price);
	tree_free(&by_time);
	free(price);
	free(time);
	crowd_free(&c);
	return done / spent;
}

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
	figure("scan_ratio", many / scan_rate(100000), "ratio");
	figure("tree_ratio", ten / tree_rate(10000), "ratio");
}

/* ---- changes ------------------------------------------------------------ */

static void measure_changes(void)
{
	enum { QUOTES = 100000, BLOCKS = 1000 };
	struct crowd *c = crowd_new(11, QUOTES, 2);
	static struct msg_quote_set q[BATCH];
	double rates[RUNS];

	for (unsigned run = 0; run < RUNS; run++) {
		double spent = 0;

		for (unsigned b = 0; b < BLOCKS; b++) {
			struct msg_block_closed block;
			double began;

			for (unsigned i = 0; i < BATCH; i++)
				crowd_quote(c, &q[i],
					    (uint32_t)crowd_draw(c, QUOTES));
			crowd_block(c, &block);
			began = now_s();
			for (unsigned i = 0; i < BATCH; i++)
				must(match_on_quote_set(crowd_match(c),
							crowd_sink(c), &q[i]));
			must(match_on_block_closed(crowd_match(c),
						   crowd_sink(c), &block));
			spent += now_s() - began;
		}
		rates[run] = BLOCKS * BATCH / spent;
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
		struct msg_block_closed block;
		double began;

		g.used_compute = 5;
		must(match_on_generator_set(m, out, &g));
		crowd_block(c, &block);
		must(match_on_block_closed(m, out, &block));
		g.used_compute = 0;
		began = now_s();
		must(match_on_generator_set(m, out, &g));
		us[i] = 1e6 * (now_s() - began);
		crowd_block(c, &block);
		must(match_on_block_closed(m, out, &block));
	}
	figure("capacity_100_markets_us", median(us, TIMES), "us");
	crowd_free(&c);
}

static void add_hopeless(struct crowd *c, uint32_t count)
{
	struct msg_block_closed block;

	for (uint32_t i = 0; i < count; i++) {
		struct msg_request_opened r;

		crowd_request(c, &r, true);
		must(match_on_request_opened(crowd_match(c), crowd_sink(c),
					     &r));
		if (i % 1024)
			continue;
		crowd_block(c, &block);
		must(match_on_block_closed(crowd_match(c), crowd_sink(c),
					   &block));
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

static void close_blocks(struct crowd *c, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct msg_block_closed block;

		crowd_block(c, &block);
		must(match_on_block_closed(crowd_match(c), crowd_sink(c),
					   &block));
	}
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
	close_blocks(c, DEPTH + 1);
	before = resident();
	for (uint32_t i = 0; i < QUOTES; i++) {
		struct msg_quote_set q;

		crowd_quote(c, &q, i % FEW);
		q.market_id = 2 + i / FEW;
		must(match_on_quote_set(m, crowd_sink(c), &q));
		if (i % 1024 == 0)
			close_blocks(c, 1);
	}
	close_blocks(c, DEPTH + 1);
	figure("bytes_per_quote", (resident() - before) / QUOTES, "bytes");
	before = resident();
	add_hopeless(c, REQUESTS);
	close_blocks(c, DEPTH + 1);
	figure("bytes_per_request", (resident() - before) / REQUESTS, "bytes");
	crowd_free(&c);
}

/* ---- undo --------------------------------------------------------------- */

static void measure_undo(void)
{
	enum { BLOCKS = 400 };
	struct life *l = life_new(100000, 2);
	double ratios[RUNS];

	live(l, 50);
	for (unsigned run = 0; run < RUNS; run++) {
		double done = 0, undone = 0;

		for (unsigned i = 0; i < BLOCKS; i++) {
			struct life kept;
			struct msg_book_rolled_back back = {
				.to = l->block.block};
			double began;

			/* Twice: what was undone is done again. */
			kept = *l;
			l->seconds = 0;
			live_block(l);
			done += l->seconds;
			began = now_s();
			must(match_on_book_rolled_back(crowd_match(l->crowd),
						       crowd_sink(l->crowd),
						       &back));
			undone += now_s() - began;
			must(match_on_block_closed(crowd_match(l->crowd),
						   crowd_sink(l->crowd),
						   &l->block));
			(void)kept;
			break;
		}
		ratios[run] = undone / done;
		life_free(l);
		l = life_new(100000, 2);
		live(l, 50);
	}
	figure("undo_ratio", median(ratios, RUNS), "ratio");
	life_free(l);
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
		close_blocks(c, 65);
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
