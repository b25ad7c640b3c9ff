/* The whole matcher process: from book entries on its socket to match entries
 * durable and published. usage: process MATCHER
 *
 * Starts a Redis of its own (fsync always) and the program MATCHER, and is the
 * orderbook: appends entries that it worked out before, and rings. A second
 * process follows the match log. Prints `name value unit` lines. */
#include "tests/redis.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "common/bus.h"
#include "common/follow.h"
#include "common/metric.h"
#include "common/writer.h"
#include "tests/bench/crowd.h"

enum {
	QUOTES = 10000,
	FAST_BLOCKS = 1200,
	FAST_REQUESTS = 100, /* of a block */
	PACED_BLOCKS = 2500,
	PACED_REQUESTS = 3,
	PACED_US = 2000, /* from block to block: ten events in each */
	BLOCKS_MAX = 8192,
	TOKEN = 77,
};

/* Microseconds; by block. */
static struct times {
	_Atomic uint64_t rung[BLOCKS_MAX], heard[BLOCKS_MAX];
} * times;

static struct redis redis;
static char bus_at[128];
static const struct bus_config bus_config = {.at = bus_at, .instances = "a"};

/* ---- who hears the matches ---------------------------------------------- */

static enum err on_match(void *arg, const struct entry *entry)
{
	struct msg_round_closed m;

	(void)arg;
	if (entry->type == MSG_ROUND_CLOSED &&
	    !msg_round_closed_decode(&m, entry->body))
		times->heard[m.block.number % BLOCKS_MAX] = metric_now_us();
	return ERR_NONE;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void on_failed(void *arg, enum err e)
{
	(void)arg;
	fprintf(stderr, "bench: following: %s\n", err_name(e));
	exit(1);
}

static void hear(void)
{
	struct follow_source source = {.bus = &bus_config,
				       .log = "match",
				       .reader = "bench",
				       .epoch = redis.epoch};
	struct follow_handlers handlers = {on_match, nothing, on_failed, NULL};
	struct store *store;
	struct follow *follow;
	struct loop *loop;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	assert_err(loop_new(&loop), ERR_NONE);
	assert_err(store_open(&store, redis.url, "test", NULL, 2000), ERR_NONE);
	source.loop = loop;
	source.store = store;
	assert_err(follow_new(&follow, &source, 1, &handlers), ERR_NONE);
	loop_run(loop);
	exit(0);
}

/* ---- what the orderbook says -------------------------------------------- */

struct said {
	uint16_t number;
	size_t at, size;
};

static struct buf bodies;
static struct said *said;
static size_t said_count, said_room;

static void say(uint16_t number, const struct wire_message *d, const void *m)
{
	if (said_count == said_room) {
		said_room = said_room ? 2 * said_room : 1 << 16;
		said = realloc(said, said_room * sizeof *said);
		assert_non_null(said);
	}
	said[said_count].number = number;
	said[said_count].at = bodies.size;
	wire_encode(d, m, &bodies);
	said[said_count].size = bodies.size - said[said_count].at;
	said_count++;
}

#define SAY(NUMBER, name, m) say(MSG_##NUMBER, &msg_##name##_wire, m)

static void say_quotes(struct crowd *c)
{
	struct msg_market_set market = {.market_id = 1};

	SAY(MARKET_SET, market_set, &market);
	for (uint32_t i = 0; i < QUOTES; i++) {
		struct msg_quote_set q;
		struct msg_generator_set g;

		crowd_quote(c, &q, i);
		crowd_generator(c, &g, i);
		SAY(GENERATOR_SET, generator_set, &g);
		SAY(QUOTE_SET, quote_set, &q);
		assert_err(
			match_on_quote_set(crowd_match(c), crowd_sink(c), &q),
			ERR_NONE);
	}
}

/* One block: tasks of the matches before, their ends, and requests. */
static void say_block(struct crowd *c, unsigned requests)
{
	static struct msg_task_started started[CROWD_BATCH_MAX];
	struct msg_block_closed block;
	size_t tasks = crowd_matches(c);
	struct match *m = crowd_match(c);
	struct sink *out = crowd_sink(c);

	crowd_tasks(c, started);
	for (size_t i = 0; i < tasks; i++) {
		struct msg_task_ended ended;

		SAY(TASK_STARTED, task_started, &started[i]);
		assert_err(match_on_task_started(m, out, &started[i]),
			   ERR_NONE);
		crowd_end(c, &ended, &started[i]);
		SAY(TASK_ENDED, task_ended, &ended);
		assert_err(match_on_task_ended(m, out, &ended), ERR_NONE);
	}
	for (unsigned i = 0; i < requests; i++) {
		struct msg_request_opened r;

		crowd_request(c, &r, false);
		SAY(REQUEST_OPENED, request_opened, &r);
		assert_err(match_on_request_opened(m, out, &r), ERR_NONE);
	}
	crowd_block(c, &block);
	SAY(BLOCK_CLOSED, block_closed, &block);
	assert_err(match_on_block_closed(m, out, &block), ERR_NONE);
}

/* ---- saying it ---------------------------------------------------------- */

static struct writer *writer;
static size_t next; /* of what was said */

/* Entries up to the end of a block. */
static uint64_t put_block(void)
{
	struct msg_block_closed m;

	for (;;) {
		const struct said *s = &said[next++];
		struct bytes body = {bodies.data + s->at, s->size};

		assert_err(writer_put(writer, s->number, body, NULL), ERR_NONE);
		if (s->number != MSG_BLOCK_CLOSED)
			continue;
		assert_err(msg_block_closed_decode(&m, body), ERR_NONE);
		writer_answered(writer, m.block.number);
		return m.block.number;
	}
}

static void flush(uint64_t block)
{
	assert_err(writer_flush(writer), ERR_NONE);
	times->rung[block % BLOCKS_MAX] = metric_now_us();
}

static void wait_for(uint64_t block)
{
	for (unsigned i = 0; !times->heard[block % BLOCKS_MAX]; i++) {
		if (i == 60000) {
			fprintf(stderr, "bench: nothing heard of block %llu\n",
				(unsigned long long)block);
			exit(1);
		}
		usleep(1000);
	}
}

/* As fast as it goes, for as much as may be under way. */
static double run_fast(unsigned blocks)
{
	uint64_t began = metric_now_us(), block = 0;
	size_t first = next;

	for (unsigned i = 0; i < blocks; i++) {
		block = put_block();
		assert_err(writer_push(writer), ERR_NONE);
	}
	flush(block);
	wait_for(block);
	return (double)(next - first) * 1e6 /
	       (double)(times->heard[block % BLOCKS_MAX] - began);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void run_paced(unsigned blocks)
{
	uint64_t began = metric_now_us(), first = 0, block = 0;
	uint64_t *us = calloc(blocks, sizeof *us);
	size_t events = next;

	for (unsigned i = 0; i < blocks; i++) {
		uint64_t due = began + (uint64_t)i * PACED_US, now;

		block = put_block();
		first = first ? first : block;
		while ((now = metric_now_us()) < due)
			usleep((useconds_t)(due - now));
		flush(block);
	}
	events = next - events;
	fprintf(stderr, "paced: %.0f events/s\n",
		(double)events * 1e6 / (double)(metric_now_us() - began));
	wait_for(block);
	assert_non_null(us);
	for (unsigned i = 0; i < blocks; i++) {
		uint64_t rung = times->rung[(first + i) % BLOCKS_MAX];
		uint64_t heard = times->heard[(first + i) % BLOCKS_MAX];

		us[i] = heard > rung ? heard - rung : 0;
	}
	qsort(us, blocks, sizeof *us, by_value);
	printf("process_p50_ms %.3f ms\n", (double)us[blocks / 2] / 1e3);
	printf("process_p99_ms %.3f ms\n", (double)us[blocks * 99 / 100] / 1e3);
	free(us);
}

/* ---- in and out --------------------------------------------------------- */

static pid_t run_matcher(const char *program)
{
	char state[128], url[128], bus[160], log[128];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	snprintf(state, sizeof state, "--state-dir=%s", redis.folder);
	snprintf(url, sizeof url, "--redis=%s", redis.url);
	snprintf(bus, sizeof bus, "--bus=%s", bus_at);
	snprintf(log, sizeof log, "%s/matcher.log", redis.folder);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen(log, "w", stderr))
		_exit(127);
	execl(program, program, state, url, bus, "--name=test", (char *)NULL);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct writer_config config = {.service = "orderbook",
				       .instance = "a",
				       .log = "book",
				       .token = TOKEN};
	struct crowd *c = crowd_new(5, QUOTES, 2);
	struct bus_out *bus;
	pid_t matcher, hearer;

	if (argc != 2) {
		fprintf(stderr, "usage: process MATCHER\n");
		return 2;
	}
	times = mmap(NULL, sizeof *times, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(times != MAP_FAILED);
	say_quotes(c);
	for (unsigned i = 0; i < FAST_BLOCKS + 10; i++)
		say_block(c, FAST_REQUESTS);
	for (unsigned i = 0; i < PACED_BLOCKS; i++)
		say_block(c, PACED_REQUESTS);

	redis_start(&redis);
	snprintf(bus_at, sizeof bus_at, "ipc://%s/%%.bus", redis.folder);
	assert_err(bus_out_open(&bus, &bus_config, "orderbook", "a"), ERR_NONE);
	assert_err(
		store_lease_take(redis.store, "orderbook", "a", TOKEN, 600000),
		ERR_NONE);
	config.store = redis.store;
	config.epoch = redis.epoch;
	config.bus = bus;
	assert_err(writer_new(&writer, &config, 0), ERR_NONE);
	matcher = run_matcher(argv[1]);
	hearer = fork();
	if (hearer == 0)
		hear();
	run_fast(10); /* quotes, and everybody gets to know each other */
	printf("process_events_per_s %.0f 1/s\n", run_fast(FAST_BLOCKS));
	run_paced(PACED_BLOCKS);

	kill(hearer, SIGKILL);
	kill(matcher, SIGTERM);
	waitpid(hearer, NULL, 0);
	waitpid(matcher, NULL, 0);
	writer_free(&writer);
	bus_out_close(&bus);
	redis_stop(&redis);
	crowd_free(&c);
	return 0;
}
