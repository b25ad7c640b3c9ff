/* Anything that a client of the feed may say: an answer, or its end. */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

#include "msg.h"
#include "services/webhook-gateway/feed.h"

enum { WINDOW = 4, EPOCH = 77, ENTRIES = 9 };

static struct tail *tail;

static void fill(void)
{
	struct msg_quote_removed m = {.market_id = 1};
	struct buf bytes = {0};

	wire_encode(&msg_quote_removed_wire, &m, &bytes);
	fuzz_check(!tail_new(&tail, WINDOW));
	for (uint64_t i = 0; i < ENTRIES; i++) {
		struct entry entry = {1 + i / 3, MSG_QUOTE_REMOVED,
				      buf_bytes(&bytes)};

		fuzz_check(!tail_put(tail, (enum logs)(i % 3), &entry));
	}
	buf_free(&bytes);
}

static void check_answer(struct feed *f)
{
	json_t *root;

	if (f->answer.size == 0)
		return;
	fuzz_check(f->answer.size > TAIL_HEADROOM);
	root = json_loadb((const char *)f->answer.data + TAIL_HEADROOM,
			  f->answer.size - TAIL_HEADROOM,
			  JSON_REJECT_DUPLICATES, NULL);
	fuzz_check(json_is_object(root));
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = {.subscribed = false};
	struct buf beat = {0};
	enum logs log;
	unsigned sent = 0;

	if (!tail)
		fill();
	feed_hear(&feed, &world, (const char *)data, size);
	check_answer(&feed);
	fuzz_check(feed.close || feed.subscribed);
	while (!feed.close && (log = feed_due(&feed, tail)) < LOGS_COUNT) {
		fuzz_check(tail_text(tail, log, feed.next[log]).size > 0);
		feed_sent(&feed, log);
		fuzz_check(++sent <= ENTRIES);
	}
	(void)feed_missing(&feed, tail);
	feed_watch(&feed, tail, 1000, 10);
	feed_watch(&feed, tail, 2000, 10);
	if (!feed.close)
		feed_heartbeat(&feed, tail, &beat);
	buf_free(&beat);
	feed_free(&feed);
	return 0;
}
