/* The market behind the gateway's benchmark: a Redis of its own (fsync always)
 * and the logs that a gateway follows, written as the services would.
 * usage: logs CLOCK-FILE
 *
 * Says where Redis and the doorbells are, then does what stdin says, a line at
 * a time, and answers each with `ok N`:
 *
 *	open COUNT		requests that stay open; N is the newest id
 *	pace RATE SECONDS	so many book entries a second
 *	fan COUNT AHEAD		COUNT of them as fast as it goes, but never more
 *				than AHEAD before what every client has
 *
 * Of the last two, N is the number of the newest entry that tells a client of
 * anything. At its end nothing of it is left. */
#include "tests/redis.h"

#include <poll.h>

#include "common/bus.h"
#include "common/metric.h"
#include "common/writer.h"
#include "msg.h"
#include "tests/bench/crowd.h"
#include "tests/bench/figure.h"
#include "tests/bench/gateway/shared.h"

enum {
	TOKEN = 77,
	QUOTES = 100,
	REQUESTERS = 50,
	OPEN_PER_BLOCK = 500,
	PER_BLOCK = 10, /* entries of the book log, its mark among them */
	LEASE_MS = 3600000,
};

enum { CHAIN, BOOK, MATCH, TASK, SLASH, LOGS };

static struct log {
	const char *service, *name;
	struct store *store;
	struct bus_out *bus;
	struct writer *writer;
} logs[LOGS] = {[CHAIN] = {"chain-indexer", "chain"},
		[BOOK] = {"orderbook", "book"},
		[MATCH] = {"matcher", "match"},
		[TASK] = {"task-publisher", "task"},
		[SLASH] = {"slasher-watcher", "slash"}};

static struct redis redis;
static struct clock_file *shared;
static struct crowd *crowd;
static struct msg_block_closed block; /* the newest */
static uint64_t beaten_us;
static uint64_t passing;     /* the request that comes and goes; 0: none */
static uint64_t told_number; /* newest entry that is not a mark */

/* ---- the logs ----------------------------------------------------------- */

static void open_log(struct log *l, const struct bus_config *bus_config)
{
	struct writer_config config = {.service = l->service,
				       .instance = "a",
				       .log = l->name,
				       .token = TOKEN,
				       .epoch = redis.epoch};

	must(bus_out_open(&l->bus, bus_config, l->service, "a"));
	must(store_open(&l->store, redis.url, "test", NULL, 2000));
	must(store_lease_take(l->store, l->service, "a", TOKEN, LEASE_MS));
	config.store = l->store;
	config.bus = l->bus;
	must(writer_new(&l->writer, &config, 0));
}

static void beat(void)
{
	uint64_t now = metric_now_us();

	if (now - beaten_us < BUS_HEARTBEAT_MS * 1000)
		return;
	beaten_us = now;
	for (int i = 0; i < LOGS; i++)
		writer_beat(logs[i].writer);
}

static void say(int log, const struct wire_message *d, const void *m)
{
	static struct buf body;

	buf_clear(&body);
	wire_encode(d, m, &body);
	must(buf_err(&body));
	must(writer_put(logs[log].writer, d->number, buf_bytes(&body), NULL));
}

static void flush(void)
{
	uint64_t now = metric_now_us();
	uint64_t newest = writer_put_number(logs[BOOK].writer);

	for (uint64_t n = writer_logged(logs[BOOK].writer) + 1; n <= newest;
	     n++)
		shared->put_us[n % STAMPS] = now;
	for (int i = CHAIN; i <= MATCH; i++) {
		writer_answered(logs[i].writer, block.block.number);
		must(writer_flush(logs[i].writer));
	}
	beat();
}

/* ---- the market --------------------------------------------------------- */

static void close_block(void)
{
	struct msg_block_mark mark = {.gas_limit = 30000000};
	struct msg_round_closed round = {.matches = 0};

	mark.parent = block.block.hash;
	crowd_block(crowd, &block);
	mark.block = round.block = block.block;
	say(CHAIN, &msg_block_mark_wire, &mark);
	say(BOOK, &msg_block_closed_wire, &block);
	say(MATCH, &msg_round_closed_wire, &round);
}

/* Nothing can meet its caps. */
static uint64_t open_request(void)
{
	struct msg_request_opened m;

	crowd_request(crowd, &m, true);
	m.requester.bytes[0] = 0xcc;
	m.requester.bytes[19] = (uint8_t)(m.request_id % REQUESTERS);
	m.time.v = block.block.time.v + 1;
	m.inputs_size = 64;
	memcpy(m.tx.bytes, &m.request_id, sizeof m.request_id);
	memcpy(m.inputs_hash.bytes, &m.request_id, sizeof m.request_id);
	say(BOOK, &msg_request_opened_wire, &m);
	return m.request_id;
}

/* A request comes, or the one before is cancelled. */
static void say_event(uint32_t index)
{
	struct msg_request_closed m = {.request_id = passing,
				       .market_id = 1,
				       .outcome = OUTCOME_CANCELLED,
				       .at = {block.block.number + 1, index},
				       .time = {block.block.time.v + 1}};

	if (!passing) {
		passing = open_request();
		return;
	}
	memcpy(m.tx.bytes, &passing, sizeof passing);
	say(BOOK, &msg_request_closed_wire, &m);
	passing = 0;
}

static void say_block(void)
{
	for (uint32_t i = 0; i < PER_BLOCK - 1; i++)
		say_event(i);
	told_number = writer_put_number(logs[BOOK].writer);
	close_block();
}

static void open_market(void)
{
	struct match_rule r = MATCH_RULE_DEFAULT;
	struct msg_chain_opened chain = {.chain_id = 31337, .start_block = 1};
	struct msg_market_created created = {
		.at = {1, 0}, .market_id = 1, .max_input_bytes = 1000};
	struct msg_book_opened book = {.chain_id = 31337};
	struct msg_market_set market = {.market_id = 1};
	struct msg_rule_set rule = {MATCH_RULE_VERSION, 1u << 30, r.task_limit,
				    r.spread_members, r.cooling_max};

	say(CHAIN, &msg_chain_opened_wire, &chain);
	say(CHAIN, &msg_market_created_wire, &created);
	say(BOOK, &msg_book_opened_wire, &book);
	say(BOOK, &msg_market_set_wire, &market);
	say(MATCH, &msg_rule_set_wire, &rule);
	for (uint32_t i = 0; i < QUOTES; i++) {
		struct msg_generator_set g;
		struct msg_quote_set q;

		crowd_generator(crowd, &g, i);
		say(BOOK, &msg_generator_set_wire, &g);
		crowd_quote(crowd, &q, i);
		say(BOOK, &msg_quote_set_wire, &q);
	}
	close_block();
	flush();
}

/* ---- commands ----------------------------------------------------------- */

static uint64_t open_requests(unsigned long count)
{
	uint64_t id = 0;

	for (unsigned long i = 1; i <= count; i++) {
		id = open_request();
		if (i % OPEN_PER_BLOCK && i < count)
			continue;
		close_block();
		flush();
	}
	return id;
}

static void wait_until(uint64_t due_us)
{
	uint64_t now;

	while ((now = metric_now_us()) < due_us) {
		uint64_t us = due_us - now;

		usleep((useconds_t)(us < 20000 ? us : 20000));
		beat();
	}
}

static uint64_t pace(unsigned long rate, unsigned long seconds)
{
	uint64_t began = metric_now_us();
	unsigned long blocks = rate * seconds / PER_BLOCK;

	for (unsigned long i = 0; i < blocks; i++) {
		wait_until(began + i * 1000000 * PER_BLOCK / rate);
		say_block();
		flush();
	}
	return told_number;
}

/* Whoever said what to do has gone. */
static bool is_abandoned(void)
{
	struct pollfd in = {.fd = STDIN_FILENO};

	return poll(&in, 1, 0) > 0 && in.revents & POLLHUP;
}

static uint64_t fan(unsigned long count, unsigned long ahead)
{
	struct log *book = &logs[BOOK];
	uint64_t first = writer_put_number(book->writer), said;

	for (said = 0; said < count; said += PER_BLOCK) {
		while (said > ahead && !is_abandoned() &&
		       shared->reached + ahead < first + said)
			wait_until(metric_now_us() + 500);
		say_block();
		flush();
	}
	return told_number;
}

static uint64_t obey(const char *line)
{
	unsigned long a, b;

	if (sscanf(line, "open %lu", &a) == 1)
		return open_requests(a);
	if (sscanf(line, "pace %lu %lu", &a, &b) == 2 && a)
		return pace(a, b);
	if (sscanf(line, "fan %lu %lu", &a, &b) == 2)
		return fan(a, b);
	fprintf(stderr, "bench: logs doesn't know %s", line);
	exit(2);
}

/* One at a time: the next is said when this one was answered. */
static bool next_command(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[128];
	ssize_t size;

	while (poll(&in, 1, BUS_HEARTBEAT_MS) == 0)
		beat();
	size = read(STDIN_FILENO, line, sizeof line - 1);
	if (size <= 0)
		return false;
	line[size] = 0;
	printf("ok %" PRIu64 "\n", obey(line));
	return true;
}

int main(int argc, char **argv)
{
	char bus_at[128];
	struct bus_config bus_config = {.at = bus_at, .instances = "a"};

	if (argc != 2) {
		fprintf(stderr, "usage: logs CLOCK-FILE\n");
		return 2;
	}
	begin_program();
	shared = clock_open(argv[1]);
	crowd = crowd_new(5, QUOTES, 2);
	redis_start(&redis);
	snprintf(bus_at, sizeof bus_at, "ipc://%s/%%.bus", redis.folder);
	for (int i = 0; i < LOGS; i++)
		open_log(&logs[i], &bus_config);
	open_market();
	printf("%s %s\n", redis.url, bus_at);
	while (next_command())
		;
	for (int i = 0; i < LOGS; i++) {
		writer_free(&logs[i].writer);
		bus_out_close(&logs[i].bus);
		store_close(&logs[i].store);
	}
	redis_stop(&redis);
	crowd_free(&crowd);
	return 0;
}
