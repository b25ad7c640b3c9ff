/* Writes a book log for benchmarks of webhooks: blocks of new requests.
 *
 * usage: hook_log REDIS FIRST-BLOCK BLOCKS REQUESTS PAUSE-MS
 * Appends BLOCKS blocks with REQUESTS each, with a pause between; `spread` of a
 * request is the time of writing in microseconds. Prints the newest entry. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/store.h"
#include "common/u256.h"
#include "msg.h"

static struct store *store;
static uint64_t epoch, next;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void must(enum err e, const char *what)
{
	if (!e)
		return;
	fprintf(stderr, "%s: %s\n", what, err_name(e));
	exit(1);
}

static void append(const struct wire_message *d, const void *m)
{
	struct buf body = {0};
	struct entry entry = {.number = next, .type = d->number};
	struct append a = {.service = "orderbook",
			   .instance = "bench",
			   .token = 7,
			   .epoch = epoch,
			   .log = "book",
			   .first = next,
			   .entries = &entry,
			   .entries_count = 1,
			   .from = {next - 1, 0},
			   .to = {next, 0}};

	wire_encode(d, m, &body);
	entry.body = buf_bytes(&body);
	if (store_append_pending(store) == STORE_UNDER_WAY_MAX)
		must(store_append_wait(store), "append");
	must(store_append_send(store, &a), "append");
	next++;
	buf_free(&body);
}

static void write_block(uint64_t number, uint64_t requests)
{
	struct msg_block_closed closed = {
		.block = {.number = number, .time = {now_us() / 1000000}},
		.entries = (uint32_t)requests};

	for (uint64_t i = 0; i < requests; i++) {
		struct msg_request_opened m = {
			.request_id = next,
			.market_id = 1,
			.max_price = {u256_from_u64(5)},
			.max_response_time = 60,
			.expiry = {now_us() / 1000000 + 3600},
			.spread = now_us(),
			.arrived = {number, (uint32_t)i},
			.time = closed.block.time};

		append(&msg_request_opened_wire, &m);
	}
	append(&msg_block_closed_wire, &closed);
	while (store_append_pending(store))
		must(store_append_wait(store), "append");
}

static void begin(void)
{
	struct msg_book_opened opened = {.chain_id = 1};
	struct msg_market_set market = {.market_id = 1};

	append(&msg_book_opened_wire, &opened);
	append(&msg_market_set_wire, &market);
}

int main(int argc, char **argv)
{
	uint64_t n[4];

	if (argc != 6)
		return 2;
	for (int i = 0; i < 4; i++)
		n[i] = strtoull(argv[2 + i], NULL, 10);
	must(store_open(&store, argv[1], "local", NULL, 5000), "open");
	must(store_epoch_begin(store, &epoch), "epoch");
	must(store_lease_take(store, "orderbook", "bench", 7, 3600 * 1000),
	     "lease");
	must(store_last(store, "book", &next), "last");
	if (!next++)
		begin();
	for (uint64_t i = 0; i < n[1]; i++) {
		write_block(n[0] + i, n[2]);
		usleep((unsigned)n[3] * 1000);
	}
	printf("%" PRIu64 "\n", next - 1);
	store_close(&store);
	return 0;
}
