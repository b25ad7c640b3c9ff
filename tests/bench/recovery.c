/* How long services take to begin with a million entries behind them, and how
 * long they stand still for a snapshot of a million open requests; and what
 * memory these take.
 *
 *	recovery replay BIN-FOLDER
 *	recovery open BIN-FOLDER
 *
 * Starts a Redis of its own (fsync always), is chain-indexer itself, and runs
 * the programs. Prints `name value unit` lines. */
#include "tests/redis.h"

#include <inttypes.h>
#include <string.h>

#include "common/bus.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/writer.h"
#include "msg.h"
#include "tests/bench/figure.h"
#include "tests/property/market.h"

enum {
	ENTRIES = 1000000,
	TAIL = 100000, /* --snapshot-every */
	REQUESTS = 1000000,
	PER_BLOCK = 500,
	WATCHED = 100, /* blocks whose way is timed */
	WATCHED_US = 25000,
	SNAPSHOTS = 3,
	TOKEN = 77,
	WAIT_S = 60,
};

static struct redis redis;
static char bus_at[128];
static const char *programs;
static struct writer *writer;
static struct bus_out *bus;

/* ---- the programs ------------------------------------------------------- */

struct program {
	const char *name;
	pid_t pid;
	char log[160];
};

static void start_program(struct program *p, const char *name,
			  const char *snapshot_every)
{
	char path[512], state[128], url[128], at[160];
	bool pages = strcmp(name, "webhook-gateway") == 0;
	FILE *f;

	p->name = name;
	snprintf(p->log, sizeof p->log, "%s/%s.log", redis.folder, name);
	f = fopen(p->log, "w");
	if (!f)
		must(ERR_STORAGE);
	fclose(f);
	p->pid = fork();
	if (p->pid)
		return;
	snprintf(path, sizeof path, "%s/%s", programs, name);
	snprintf(state, sizeof state, "--state-dir=%s", redis.folder);
	snprintf(url, sizeof url, "--redis=%s", redis.url);
	snprintf(at, sizeof at, "--bus=%s", bus_at);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen(p->log, "w", stderr))
		_exit(127);
	execl(path, path, state, url, at, "--name=test", snapshot_every,
	      pages ? "--web-dir=" : NULL, (char *)NULL);
	_exit(127);
}

static void stop_program(struct program *p)
{
	kill(p->pid, SIGTERM);
	waitpid(p->pid, NULL, 0);
}

/* What its log says after @text, @nth times from 1; -1: not yet. */
static double said(const struct program *p, const char *text, unsigned nth)
{
	char line[1024];
	FILE *f = fopen(p->log, "r");
	double v = -1;

	while (f && nth && fgets(line, sizeof line, f)) {
		const char *at = strstr(line, text);

		if (at && --nth == 0)
			v = strtod(at + strlen(text), NULL);
	}
	if (f)
		fclose(f);
	return v;
}

static double wait_said(const struct program *p, const char *text, unsigned nth)
{
	double v = -1;

	for (unsigned i = 0; v < 0 && i < WAIT_S * 100; i++) {
		if (waitpid(p->pid, NULL, WNOHANG) == p->pid)
			break;
		v = said(p, text, nth);
		if (v < 0)
			usleep(10000);
	}
	if (v < 0) {
		fprintf(stderr, "bench: %s never said '%s'; its log is %s\n",
			p->name, text, p->log);
		exit(1);
	}
	return v;
}

/* Megabytes of 2^20 bytes that a process has in memory. */
static void weigh(const char *name, pid_t pid)
{
	char path[64], line[128], text[64];
	double kib = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtod(line + 6, NULL);
	if (f)
		fclose(f);
	if (kib < 0)
		must(ERR_STORAGE);
	snprintf(text, sizeof text, "%s_open_mib", name);
	figure(text, kib / 1024, "MiB");
}

static void time_start(const char *name, const char *what)
{
	struct program p;
	char text[64];

	snprintf(text, sizeof text, "%s_%s_s", name, what);
	start_program(&p, name, "--snapshot-every=100000");
	figure(text, wait_said(&p, "service.ready after_ms=", 1) / 1000, "s");
	stop_program(&p);
}

/* ---- the chain log ------------------------------------------------------ */

static void open_chain_log(void)
{
	struct writer_config config = {.service = "chain-indexer",
				       .instance = "a",
				       .log = "chain",
				       .token = TOKEN};
	static const struct bus_config bus_config = {.at = bus_at,
						     .instances = "a"};

	redis_start(&redis);
	snprintf(bus_at, sizeof bus_at, "ipc://%s/%%.bus", redis.folder);
	must(bus_out_open(&bus, &bus_config, "chain-indexer", "a"));
	must(store_lease_take(redis.store, "chain-indexer", "a", TOKEN,
			      3600000));
	config.store = redis.store;
	config.epoch = redis.epoch;
	config.bus = bus;
	must(writer_new(&writer, &config, 0));
}

static void say(uint16_t number, const struct wire_message *d, const void *m)
{
	static struct buf body;

	buf_clear(&body);
	wire_encode(d, m, &body);
	must(buf_err(&body));
	must(writer_put(writer, number, buf_bytes(&body), NULL));
}

/* ---- replay ------------------------------------------------------------- */

/* Entries of the market's chain log, up to a mark at or after @count. */
static void put_some(struct logfile_place *at, uint64_t count)
{
	uint64_t put = 0;
	struct entry e;

	while (logfile_next(at, &e)) {
		must(writer_put(writer, e.type, e.body, NULL));
		if (++put % 256 == 0)
			must(writer_push(writer));
		if (put >= count && e.type == MSG_BLOCK_MARK)
			break;
	}
	must(writer_flush(writer));
}

static void run_replay(void)
{
	struct market market;
	struct logfile_place at;

	market_live(&market, 7, ENTRIES + 2 * TAIL);
	at = logfile_begin(market_log(&market, 0));
	put_some(&at, ENTRIES);
	time_start("orderbook", "replay"); /* writes a snapshot at its end */
	time_start("matcher", "replay");
	put_some(&at, TAIL - 1000);
	time_start("orderbook", "ready");
	time_start("matcher", "ready");
	market_end(&market);
}

/* ---- a million open requests -------------------------------------------- */

static uint64_t block, request;

static void say_request(uint32_t index)
{
	struct msg_request_created m = {.at = {block + 1, index},
					.time = {1000000 + block},
					.request_id = ++request,
					.market_id = 1,
					.max_response_time = 1000,
					.expiry = {4000000000},
					.preference = PREFERENCE_CHEAPEST};

	memcpy(m.requester.bytes, &request, sizeof request);
	m.max_price.v.limb[0] = 1000 + request % 1000;
	say(MSG_REQUEST_CREATED, &msg_request_created_wire, &m);
}

static void say_block(unsigned requests)
{
	struct msg_block_mark m = {.gas_limit = 30000000};

	for (uint32_t i = 0; i < requests; i++)
		say_request(i);
	memcpy(m.parent.bytes, &block, sizeof block);
	block++;
	m.block.number = block;
	m.block.time.v = 1000000 + block;
	memcpy(m.block.hash.bytes, &block, sizeof block);
	say(MSG_BLOCK_MARK, &msg_block_mark_wire, &m);
	writer_answered(writer, block);
}

static void say_opening(void)
{
	struct msg_chain_opened opened = {.chain_id = 1, .start_block = 1};
	struct msg_market_created market = {
		.at = {1, 0}, .market_id = 1, .max_input_bytes = 1000};

	say(MSG_CHAIN_OPENED, &msg_chain_opened_wire, &opened);
	say(MSG_MARKET_CREATED, &msg_market_created_wire, &market);
}

static uint64_t last_of(const char *log)
{
	uint64_t last = 0;

	must(store_last(redis.store, log, &last));
	return last;
}

/* Milliseconds from a block's being in the chain log to @log's growing. */
static double time_block(const char *log)
{
	uint64_t before = last_of(log), began;

	say_block(5);
	must(writer_flush(writer));
	began = metric_now_us();
	while (last_of(log) == before)
		if (metric_now_us() - began > WAIT_S * 1000000ULL)
			must(ERR_UNREACHABLE);
	return (double)(metric_now_us() - began) / 1000;
}

/* Blocks while snapshots are written one after the other, and while none is:
 * the last wait of the service tells them apart. */
static void watch(const char *name, const char *log, bool snapshots)
{
	double ms[WATCHED];
	char text[64];
	struct program p;
	double worst = 0, bytes;

	start_program(&p, name,
		      snapshots ? "--snapshot-every=6"
				: "--snapshot-every=1000000000");
	wait_said(&p, "service.ready after_ms=", 1);
	for (unsigned i = 0; i < WATCHED; i++) {
		uint64_t began = metric_now_us(), took;

		ms[i] = time_block(log);
		took = metric_now_us() - began;
		if (took < WATCHED_US)
			usleep((useconds_t)(WATCHED_US - took));
	}
	qsort(ms, WATCHED, sizeof *ms, by_value);
	snprintf(text, sizeof text, "%s_block_%s_p50_ms", name,
		 snapshots ? "snapshot" : "plain");
	figure(text, ms[WATCHED / 2], "ms");
	snprintf(text, sizeof text, "%s_block_%s_p99_ms", name,
		 snapshots ? "snapshot" : "plain");
	figure(text, ms[WATCHED * 99 / 100], "ms");
	snprintf(text, sizeof text, "%s_block_%s_max_ms", name,
		 snapshots ? "snapshot" : "plain");
	figure(text, ms[WATCHED - 1], "ms");
	if (snapshots) {
		for (unsigned i = 1; i <= SNAPSHOTS; i++) {
			/* More blocks, until there are so many. */
			double us;

			while ((us = said(&p, "pause_us=", i)) < 0)
				time_block(log);
			worst = us > worst ? us : worst;
		}
		bytes = wait_said(&p, " bytes=", 1);
		snprintf(text, sizeof text, "%s_pause_ms", name);
		figure(text, worst / 1000, "ms");
		snprintf(text, sizeof text, "%s_snapshot_mb", name);
		figure(text, bytes / 1e6, "MB");
	}
	stop_program(&p);
}

static void weigh_all(void)
{
	static const char *const names[] = {"orderbook", "matcher",
					    "webhook-gateway"};
	struct program all[3];

	for (unsigned i = 0; i < 3; i++) {
		start_program(&all[i], names[i], "--snapshot-every=1000000000");
		wait_said(&all[i], "service.ready after_ms=", 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		weigh(names[i], all[i].pid);
		stop_program(&all[i]);
	}
	weigh("redis", redis.pid);
}

static void run_open(void)
{
	struct program book;

	say_opening();
	while (request < REQUESTS) {
		say_block(PER_BLOCK);
		must(writer_push(writer));
	}
	must(writer_flush(writer));
	weigh_all();
	watch("orderbook", "book", false);
	watch("orderbook", "book", true);
	start_program(&book, "orderbook", "--snapshot-every=1000000000");
	wait_said(&book, "service.ready after_ms=", 1);
	watch("matcher", "match", false);
	watch("matcher", "match", true);
	stop_program(&book);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: recovery replay|open BIN-FOLDER\n");
		return 2;
	}
	programs = argv[2];
	log_open("recovery", LEVEL_WARN, false);
	open_chain_log();
	if (strcmp(argv[1], "replay") == 0)
		run_replay();
	else
		run_open();
	writer_free(&writer);
	bus_out_close(&bus);
	redis_stop(&redis);
	return 0;
}
