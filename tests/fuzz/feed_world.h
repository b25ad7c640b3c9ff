/* feed_world - a small market for the fuzz targets of the feed, and what a
 * client gets of it. */
#ifndef TESTS_FUZZ_FEED_WORLD_H
#define TESTS_FUZZ_FEED_WORLD_H

#include "tests/fuzz/fuzz.h"

#include <jansson.h>

#include "common/u256.h"
#include "msg.h"
#include "services/webhook-gateway/feed.h"
#include "services/webhook-gateway/pack.h"

enum { FUZZ_WINDOW = 12, FUZZ_EPOCH = 77, FUZZ_MESSAGES_MAX = 1000 };

static struct feed_world fuzz_world;
static struct view *fuzz_view;
static uint64_t fuzz_numbers[LOGS_COUNT];

static inline void fuzz_say(enum logs log, const struct wire_message *d,
			    const void *m)
{
	struct entry entry = {.number = ++fuzz_numbers[log], .type = d->number};
	struct buf bytes = {0};

	wire_encode(d, m, &bytes);
	entry.body = buf_bytes(&bytes);
	fuzz_check(!tail_put(fuzz_world.tail, log, &entry, fuzz_view));
	fuzz_check(!view_take(fuzz_view, log, &entry));
	if (log <= LOGS_BOOK && view_log(fuzz_view, log)->seq == entry.number)
		fuzz_check(!tail_close(fuzz_world.tail, log, fuzz_view));
	buf_free(&bytes);
}

/* Once: blocks with a request and quotes, a roll-back, half a block. */
static inline void fuzz_begin(void)
{
	struct msg_market_set market = {.market_id = 1};
	struct msg_generator_set generator = {.compute = 9};
	struct msg_quote_set quote = {.market_id = 1, .compute = 1};

	if (fuzz_world.tail)
		return;
	fuzz_check(!view_new(&fuzz_view, 4, 4));
	fuzz_world.view = fuzz_view;
	fuzz_world.epoch = FUZZ_EPOCH;
	fuzz_world.depth = 4;
	fuzz_check(!tail_new(&fuzz_world.tail, FUZZ_WINDOW));
	fuzz_check(!press_new(&fuzz_world.press, fuzz_view, fuzz_world.tail));
	fuzz_say(LOGS_BOOK, &msg_market_set_wire, &market);
	fuzz_say(LOGS_BOOK, &msg_generator_set_wire, &generator);
	for (uint64_t n = 1; n <= 5; n++) {
		struct msg_request_opened opened = {.request_id = n,
						    .market_id = 1};
		struct msg_block_mark mark = {.block.number = n};
		struct msg_block_closed closed = {.block.number = n};

		quote.price = (struct amount){u256_from_u64(n)};
		fuzz_say(LOGS_CHAIN, &msg_block_mark_wire, &mark);
		fuzz_say(LOGS_BOOK, &msg_quote_set_wire, &quote);
		fuzz_say(LOGS_BOOK, &msg_request_opened_wire, &opened);
		if (n == 5)
			continue;
		fuzz_say(LOGS_BOOK, &msg_block_closed_wire, &closed);
		if (n == 3) {
			struct msg_book_rolled_back back = {.to.number = 2};

			fuzz_say(LOGS_BOOK, &msg_book_rolled_back_wire, &back);
		}
	}
}

static inline void fuzz_is_object(enum form form, struct bytes text)
{
	struct buf json = {0};
	json_t *root;

	if (form == FORM_MSGPACK) {
		fuzz_check(!pack_to_json(&json, text));
		text = buf_bytes(&json);
	}
	root = json_loadb((const char *)text.data, text.size,
			  JSON_REJECT_DUPLICATES, NULL);
	fuzz_check(json_is_object(root));
	json_decref(root);
	buf_free(&json);
}

static inline void fuzz_answer(struct feed *f)
{
	if (f->answer.size == 0)
		return;
	fuzz_check(f->answer.size > TAIL_HEADROOM);
	fuzz_is_object(FORM_JSON,
		       (struct bytes){f->answer.data + TAIL_HEADROOM,
				      f->answer.size - TAIL_HEADROOM});
	buf_free(&f->answer);
}

/* All that is due to a client, of logs and of channels. */
static inline void fuzz_drain(struct feed *f)
{
	struct buf beat = {0};
	struct bytes text;
	unsigned sent = 0;
	enum logs log;

	while (!f->close && (log = feed_due(f, fuzz_world.tail)) < LOGS_COUNT) {
		fuzz_check(
			tail_text(fuzz_world.tail, log, f->next[log], f->form)
				.size > 0);
		feed_sent(f, log);
		fuzz_check(++sent <= FUZZ_WINDOW);
	}
	while (!f->close) {
		enum feed_piece piece = feed_next(f, &fuzz_world, &text);

		if (piece == FEED_NOTHING)
			break;
		fuzz_check(piece != FEED_FAILED);
		if (piece == FEED_SAID)
			fuzz_answer(f);
		else
			fuzz_is_object(f->form, text);
		feed_drop_print(f, &fuzz_world);
		fuzz_check(++sent <= FUZZ_MESSAGES_MAX);
	}
	if (!f->close) {
		feed_heartbeat(f, &fuzz_world, &beat);
		fuzz_is_object(FORM_JSON, buf_bytes(&beat));
	}
	buf_free(&beat);
}

#endif /* TESTS_FUZZ_FEED_WORLD_H */
