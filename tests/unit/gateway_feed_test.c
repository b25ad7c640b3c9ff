/* What the feed promises each client, and the window and queue behind it. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "services/webhook-gateway/entry.h"
#include "services/webhook-gateway/feed.h"
#include "services/webhook-gateway/queue.h"

enum { WINDOW = 8, EPOCH = 77 };

static struct tail *tail;
static struct view *view;
static struct press *press;
static struct feed_world world;
static struct feed feed;

static int begin(void **state)
{
	(void)state;
	assert_err(tail_new(&tail, WINDOW), ERR_NONE);
	assert_err(view_new(&view, 4, 10), ERR_NONE);
	assert_err(press_new(&press, view, tail), ERR_NONE);
	world = (struct feed_world){tail, view, press, EPOCH, 4};
	feed = (struct feed){.subscribed = false};
	return 0;
}

static int end(void **state)
{
	(void)state;
	feed_free(&feed, &world);
	press_free(&press);
	tail_free(&tail);
	view_free(&view);
	return 0;
}

/* ---- helpers ------------------------------------------------------------ */

static void put(enum logs log, uint64_t number)
{
	struct msg_quote_removed m = {.market_id = number};
	struct entry entry = {.number = number, .type = MSG_QUOTE_REMOVED};
	struct buf bytes = {0};

	wire_encode(&msg_quote_removed_wire, &m, &bytes);
	entry.body = buf_bytes(&bytes);
	assert_err(tail_put(tail, log, &entry, view), ERR_NONE);
	buf_free(&bytes);
}

static const char *hear(const char *text)
{
	static char answer[512];

	feed_hear(&feed, &world, text, strlen(text));
	snprintf(answer, sizeof answer, "%.*s",
		 (int)(feed.answer.size - TAIL_HEADROOM),
		 (const char *)feed.answer.data + TAIL_HEADROOM);
	buf_free(&feed.answer);
	return answer;
}

/* What is sent from the window until there is nothing: "book3 chain1 …" */
static const char *take_all(void)
{
	static char text[256];
	size_t n = 0;
	enum logs log;

	text[0] = 0;
	while ((log = feed_due(&feed, tail)) < LOGS_COUNT) {
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%d",
				      n ? " " : "", logs_name(log),
				      (int)feed.next[log]);
		feed_sent(&feed, log);
	}
	return text;
}

/* ---- subscribing -------------------------------------------------------- */

static void an_id_is_given_back_as_it_was(void **state)
{
	static const char *const ids[] = {"-1", "9223372036854775807",
					  "\"caf\xc3\xa9\""};
	char message[80];

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		snprintf(message, sizeof message,
			 "{\"op\":\"subscribe\",\"id\":%s}", ids[i]);
		assert_non_null(strstr(hear(message), ids[i]));
	}
}

static void without_from_a_log_begins_with_its_next_entry(void **state)
{
	(void)state;
	put(LOGS_BOOK, 1);
	put(LOGS_BOOK, 2);
	put(LOGS_CHAIN, 1);
	assert_string_equal(
		hear("{\"op\":\"subscribe\",\"id\":3}"),
		"{\"op\":\"subscribed\",\"id\":3,\"epoch\":\"77\",\"logs\":{"
		"\"chain\":{\"next\":2},\"book\":{\"next\":3},"
		"\"match\":{\"next\":1},\"task\":{\"next\":1},"
		"\"slash\":{\"next\":1}}}");
	assert_string_equal(take_all(), "");
	put(LOGS_BOOK, 3);
	put(LOGS_CHAIN, 2);
	put(LOGS_BOOK, 4);
	assert_string_equal(take_all(), "book3 chain2 book4");
}

static void from_is_the_newest_number_that_the_client_has(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		put(LOGS_BOOK, i);
	assert_string_equal(
		hear("{\"op\":\"subscribe\",\"epoch\":\"77\",\"logs\":["
		     "\"book\"],\"from\":{\"book\":\"2\"}}"),
		"{\"op\":\"subscribed\",\"epoch\":\"77\",\"logs\":{\"book\":{"
		"\"next\":3}}}");
	put(LOGS_CHAIN, 1);
	put(LOGS_BOOK, 5);
	assert_string_equal(take_all(), "book3 book4 book5");
}

static void a_client_ahead_of_us_waits_and_gets_nothing_twice(void **state)
{
	(void)state;
	put(LOGS_BOOK, 1);
	hear("{\"op\":\"subscribe\",\"logs\":[\"book\"],\"from\":{\"book\":3}"
	     "}");
	for (uint64_t i = 2; i <= 5; i++)
		put(LOGS_BOOK, i);
	assert_string_equal(take_all(), "book4 book5");
}

static void subscribing_again_begins_anew(void **state)
{
	(void)state;
	put(LOGS_BOOK, 1);
	put(LOGS_CHAIN, 1);
	hear("{\"op\":\"subscribe\",\"from\":{\"book\":0}}");
	hear("{\"op\":\"subscribe\",\"logs\":[\"chain\"],\"from\":{\"chain\":"
	     "0}}");
	assert_string_equal(take_all(), "chain1");
}

static void what_is_not_of_the_protocol_ends_it(void **state)
{
	static const char *const rows[] = {
		"",
		"{",
		"[]",
		"3",
		"null",
		"{}",
		"{\"op\":\"hello\"}",
		"{\"op\":\"subscribe\",\"channels\":[]}",
		"{\"op\":\"subscribe\",\"op\":\"subscribe\"}",
		"{\"op\":\"subscribe\",\"logs\":[]}",
		"{\"op\":\"subscribe\",\"logs\":\"book\"}",
		"{\"op\":\"subscribe\",\"logs\":[\"books\"]}",
		"{\"op\":\"subscribe\",\"logs\":[1]}",
		"{\"op\":\"subscribe\",\"logs\":[\"book\"],\"from\":{\"chain\":"
		"1}}",
		"{\"op\":\"subscribe\",\"from\":[1]}",
		"{\"op\":\"subscribe\",\"from\":{\"book\":-1}}",
		"{\"op\":\"subscribe\",\"from\":{\"book\":1.5}}",
		"{\"op\":\"subscribe\",\"from\":{\"book\":\"1x\"}}",
		"{\"op\":\"subscribe\",\"from\":{\"book\":\"\"}}",
		"{\"op\":\"subscribe\",\"from\":{\"book\":"
		"\"18446744073709551615\"}}",
		"{\"op\":\"subscribe\",\"from\":{\"book\":"
		"\"99999999999999999999\"}}",
		"\xff\xfe",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		feed = (struct feed){.subscribed = false};
		hear(rows[i]);
		assert_int_equal(feed.close, FEED_BAD);
		assert_false(feed.subscribed);
	}
}

static void another_epoch_is_said(void **state)
{
	(void)state;
	hear("{\"op\":\"subscribe\",\"epoch\":\"78\"}");
	assert_int_equal(feed.close, FEED_EPOCH);
	feed.close = FEED_OPEN;
	hear("{\"op\":\"subscribe\",\"epoch\":77}");
	assert_int_equal(feed.close, FEED_OPEN);
}

/* ---- the window --------------------------------------------------------- */

static void the_window_holds_the_newest(void **state)
{
	(void)state;
	put(LOGS_CHAIN, 1);
	for (uint64_t i = 1; i <= WINDOW; i++)
		put(LOGS_BOOK, i);
	assert_int_equal(tail_oldest(tail, LOGS_CHAIN), 2);
	assert_int_equal(tail_newest(tail, LOGS_CHAIN), 1);
	assert_int_equal(tail_oldest(tail, LOGS_BOOK), 1);
	put(LOGS_CHAIN, 2);
	assert_int_equal(tail_oldest(tail, LOGS_CHAIN), 2);
	assert_int_equal(tail_oldest(tail, LOGS_BOOK), 2);
	assert_int_equal(tail_newest(tail, LOGS_BOOK), WINDOW);
}

static void a_number_left_out_begins_the_window_anew(void **state)
{
	(void)state;
	put(LOGS_BOOK, 1);
	put(LOGS_BOOK, 2);
	put(LOGS_BOOK, 4); /* 3 couldn't be read */
	assert_int_equal(tail_oldest(tail, LOGS_BOOK), 4);
	for (uint64_t i = 5; i < 4 + WINDOW; i++)
		put(LOGS_BOOK, i); /* 1 and 2 make room */
	assert_int_equal(tail_oldest(tail, LOGS_BOOK), 4);
	put(LOGS_BOOK, 4 + WINDOW);
	assert_int_equal(tail_oldest(tail, LOGS_BOOK), 5);
}

static void an_entry_is_rendered_once_for_all(void **state)
{
	static const char want[] = "{\"log\":\"book\",\"seq\":1,\"entry\":{"
				   "\"type\":\"quote_removed\",";
	struct bytes first, second;

	(void)state;
	put(LOGS_BOOK, 1);
	first = tail_text(tail, LOGS_BOOK, 1, FORM_JSON);
	second = tail_text(tail, LOGS_BOOK, 1, FORM_JSON);
	assert_ptr_equal(first.data, second.data);
	assert_memory_equal(first.data, want, sizeof want - 1);
}

static void what_is_older_than_the_window_is_missing(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= WINDOW + 3; i++)
		put(LOGS_BOOK, i);
	hear("{\"op\":\"subscribe\",\"from\":{\"book\":1,\"chain\":0}}");
	assert_int_equal(feed_missing(&feed, tail), LOGS_BOOK);
	put(LOGS_CHAIN, 1); /* live entries go on meanwhile */
	assert_string_equal(take_all(), "chain1");
	while (feed_missing(&feed, tail) == LOGS_BOOK)
		feed_sent(&feed, LOGS_BOOK); /* from Redis */
	assert_int_equal(feed.next[LOGS_BOOK], 5);
	assert_int_equal(feed_missing(&feed, tail), LOGS_COUNT);
	assert_string_equal(take_all(), "book5 book6 book7 book8 book9 book10 "
					"book11");
}

static void who_is_left_behind_for_too_long_is_lagging(void **state)
{
	(void)state;
	hear("{\"op\":\"subscribe\",\"logs\":[\"book\"]}");
	feed_watch(&feed, &world, 1000, 500);
	for (uint64_t i = 1; i <= WINDOW + 1; i++)
		put(LOGS_BOOK, i);
	feed_watch(&feed, &world, 2000, 500);
	assert_int_equal(feed.close, FEED_OPEN);
	feed_watch(&feed, &world, 2500, 500);
	assert_int_equal(feed.close, FEED_OPEN);
	feed_watch(&feed, &world, 2501, 500);
	assert_int_equal(feed.close, FEED_LAGGING);
	assert_false(feed.subscribed);
}

static void who_catches_up_in_time_is_not_lagging(void **state)
{
	(void)state;
	hear("{\"op\":\"subscribe\",\"logs\":[\"book\"]}");
	feed_watch(&feed, &world, 1000, 500);
	for (uint64_t i = 1; i <= WINDOW + 1; i++)
		put(LOGS_BOOK, i);
	feed_watch(&feed, &world, 2000, 500);
	feed_sent(&feed, LOGS_BOOK); /* from Redis */
	feed_watch(&feed, &world, 2400, 500);
	feed_watch(&feed, &world, 9000, 500);
	assert_int_equal(feed.close, FEED_OPEN);
}

static void reading_the_past_is_not_lagging_however_long_it_takes(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= WINDOW + 1; i++)
		put(LOGS_BOOK, i);
	hear("{\"op\":\"subscribe\",\"from\":{\"book\":0}}");
	feed_watch(&feed, &world, 1000, 500);
	feed_watch(&feed, &world, 90000, 500);
	assert_int_equal(feed.close, FEED_OPEN);
}

static void a_heartbeat_names_the_newest_of_its_logs(void **state)
{
	struct buf text = {0};

	(void)state;
	put(LOGS_BOOK, 9);
	hear("{\"op\":\"subscribe\",\"logs\":[\"book\",\"slash\"]}");
	feed_heartbeat(&feed, &world, &text);
	assert_string_equal(
		buf_text(&text),
		"{\"op\":\"heartbeat\",\"logs\":{\"book\":9,\"slash\":0}}");
	buf_free(&text);
}

/* ---- what the public sees ----------------------------------------------- */

static const char *shown(const struct wire_message *d, const void *m)
{
	static struct buf text;
	struct buf bytes = {0};
	struct entry entry = {.number = 5, .type = d->number};

	wire_encode(d, m, &bytes);
	entry.body = buf_bytes(&bytes);
	buf_free(&text);
	entry_json(&text, LOGS_CHAIN, &entry);
	buf_free(&bytes);
	return buf_text(&text);
}

static void confidential_bytes_are_withheld(void **state)
{
	static const uint8_t secret[] = {0xde, 0xad, 0xbe};
	struct msg_request_created created = {.request_id = 1,
					      .inputs = {secret, 1},
					      .private_inputs = {secret, 3},
					      .acl = {secret, 2}};
	struct msg_tx_signed tx = {.nonce = 1, .raw = {secret, 3}};
	const char *text = shown(&msg_request_created_wire, &created);

	(void)state;
	assert_null(strstr(text, "dead"));
	assert_non_null(strstr(text, "\"inputs\":\"0xde\""));
	assert_non_null(strstr(text, "\"private_inputs_size\":3"));
	assert_non_null(strstr(text, "\"acl_size\":2}}"));
	text = shown(&msg_tx_signed_wire, &tx);
	assert_null(strstr(text, "dead"));
	assert_non_null(strstr(text, "\"raw_size\":3}}"));
}

static void what_we_can_not_read_is_said_to_be_unknown(void **state)
{
	struct entry entry = {1, 0x02ff, {(const uint8_t *)"x", 1}};
	struct buf text = {0};

	(void)state;
	entry_json(&text, LOGS_BOOK, &entry);
	assert_string_equal(buf_text(&text),
			    "{\"log\":\"book\",\"seq\":1,\"entry\":{\"type\":"
			    "\"unknown\",\"number\":767}}");
	buf_free(&text);
}

/* ---- the queue ---------------------------------------------------------- */

static void the_queue_keeps_order_and_says_when_it_was_empty(void **state)
{
	struct entry entry = {1, 7, {(const uint8_t *)"ab", 2}};
	struct queue *q;
	struct queued *item;
	bool was_empty, more;

	(void)state;
	assert_err(queue_new(&q), ERR_NONE);
	for (uint64_t i = 1; i <= 5; i++) {
		entry.number = i;
		assert_err(queue_put(q, LOGS_BOOK, &entry, &was_empty),
			   ERR_NONE);
		assert_int_equal(was_empty, i == 1);
	}
	for (uint64_t i = 1; i <= 5;) {
		item = queue_take(q, 2, 1000, &more);
		assert_int_equal(more, i < 5);
		for (struct queued *next; item; item = next, i++) {
			next = item->next;
			assert_int_equal(item->entry.number, i);
			assert_memory_equal(item->entry.body.data, "ab", 2);
			free(item);
		}
	}
	assert_null(queue_take(q, 2, 1000, &more));
	assert_err(queue_put(q, LOGS_BOOK, &entry, &was_empty), ERR_NONE);
	assert_true(was_empty);
	queue_free(&q);
}

static void a_full_queue_takes_nothing_and_loses_nothing(void **state)
{
	static uint8_t large[1 << 20];
	struct entry entry = {1, 7, {large, sizeof large}};
	struct queue *q;
	struct queued *item;
	bool was_empty, more;
	size_t n = 0;
	enum err e;

	(void)state;
	assert_err(queue_new(&q), ERR_NONE);
	while (!(e = queue_put(q, LOGS_BOOK, &entry, &was_empty)))
		n++;
	assert_err(e, ERR_FULL);
	assert_int_equal(n, QUEUE_BYTES_MAX / sizeof large);
	assert_int_equal(queue_count(q), n);
	item = queue_take(q, 1, 1, &more);
	free(item);
	assert_err(queue_put(q, LOGS_BOOK, &entry, &was_empty), ERR_NONE);
	queue_free(&q);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_id_is_given_back_as_it_was),
		TEST(without_from_a_log_begins_with_its_next_entry),
		TEST(from_is_the_newest_number_that_the_client_has),
		TEST(a_client_ahead_of_us_waits_and_gets_nothing_twice),
		TEST(subscribing_again_begins_anew),
		TEST(what_is_not_of_the_protocol_ends_it),
		TEST(another_epoch_is_said),
		TEST(the_window_holds_the_newest),
		TEST(a_number_left_out_begins_the_window_anew),
		TEST(an_entry_is_rendered_once_for_all),
		TEST(what_is_older_than_the_window_is_missing),
		TEST(who_is_left_behind_for_too_long_is_lagging),
		TEST(who_catches_up_in_time_is_not_lagging),
		TEST(reading_the_past_is_not_lagging_however_long_it_takes),
		TEST(a_heartbeat_names_the_newest_of_its_logs),
		TEST(confidential_bytes_are_withheld),
		TEST(what_we_can_not_read_is_said_to_be_unknown),
		TEST(the_queue_keeps_order_and_says_when_it_was_empty),
		TEST(a_full_queue_takes_nothing_and_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
