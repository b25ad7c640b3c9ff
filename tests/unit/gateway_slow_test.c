/* What becomes of clients of channels who can't keep up or say too much, and
 * that what many get is made once. */
#include "tests/unit/gateway_channel_fixture.h"

/* ---- who can't keep up --------------------------------------------------- */

static void who_takes_nothing_is_conflated_then_closed(void **state)
{
	struct client c = join_book("");

	(void)state;
	feed_watch(&c.feed, &world, 1000, 500);
	blocks_of_requests(3, 1);
	feed_watch(&c.feed, &world, 2000, 500);
	feed_watch(&c.feed, &world, 2500, 500);
	assert_false(c.feed.conflated);
	feed_watch(&c.feed, &world, 2501, 500);
	assert_true(c.feed.conflated);
	feed_watch(&c.feed, &world, 3001, 500);
	assert_int_equal(c.feed.close, FEED_OPEN);
	feed_watch(&c.feed, &world, 3002, 500);
	assert_int_equal(c.feed.close, FEED_LAGGING);
	leave(&c);
}

static void a_conflated_client_has_what_there_is_and_is_in_step(void **state)
{
	struct client c = join_book("");

	(void)state;
	blocks_of_requests(WINDOW, 1); /* more than the window */
	drain(&c);
	assert_string_equal(text_of(said(&c, 1), "op"), "lagging");
	assert_int_equal(number_of(said(&c, 1), "prev"),
			 number_of(said(&c, 2), "seq"));
	assert_string_equal(text_of(said(&c, 0), "reason"), "lagging");
	assert_int_equal(
		json_object_size(json_object_get(
			json_object_get(c.subs[1], "rows"), "requests")),
		WINDOW);
	feed_watch(&c.feed, &world, 1000, 500);
	assert_false(c.feed.conflated);
	leave(&c);
}

static void all_subscriptions_are_left_behind_at_once(void **state)
{
	struct client c = join(all, FORM_JSON);

	(void)state;
	blocks_of_requests(WINDOW, 1);
	feed_watch(&c.feed, &world, 1000, 500);
	feed_watch(&c.feed, &world, 1001, 500);
	assert_int_equal(c.feed.close, FEED_OPEN);
	assert_int_equal(c.feed.conflations, 1);
	drain(&c);
	check_against_snapshot(&c);
	leave(&c);
}

static void who_is_left_behind_twice_is_closed(void **state)
{
	struct client c = join_book("");
	struct bytes text;

	(void)state;
	blocks_of_requests(WINDOW, 1);
	feed_watch(&c.feed, &world, 1000, 500);
	/* It takes what it is told, and the snapshot, and no more. */
	assert_int_equal(feed_next(&c.feed, &world, &text), FEED_SAID);
	buf_free(&c.feed.answer);
	assert_int_equal(feed_next(&c.feed, &world, &text), FEED_PRINT);
	feed_drop_print(&c.feed, &world);
	c.feed.moved = true;
	blocks_of_requests(WINDOW, WINDOW + 1);
	feed_watch(&c.feed, &world, 1001, 500);
	assert_int_equal(c.feed.close, FEED_LAGGING);
	leave(&c);
}

static void who_says_too_much_is_closed(void **state)
{
	struct client c = {.said = json_array()};
	const char *text = "{\"op\":\"subscribe\",\"logs\":[\"book\"]}";

	(void)state;
	for (int i = 0; i < FEED_SAID_MAX; i++)
		tell(&c, text);
	feed_watch(&c.feed, &world, 1, 1);
	for (int i = 0; i < FEED_SAID_PER_S; i++)
		tell(&c, text);
	feed_hear(&c.feed, &world, text, strlen(text));
	assert_int_equal(c.feed.close, FEED_STORM);
	leave(&c);
}

/* ---- what it costs ------------------------------------------------------- */

static void a_change_and_a_snapshot_are_rendered_once_for_all(void **state)
{
	struct client a = join_book(""), b = join_book("");
	struct print *first, *second;
	struct filter filter = {.channel = CHANNEL_BOOK, .market_id = 1};
	struct bytes x, y;

	(void)state;
	blocks_of_requests(1, 1);
	assert_int_equal(feed_next(&a.feed, &world, &x), FEED_TEXT);
	assert_int_equal(feed_next(&b.feed, &world, &y), FEED_TEXT);
	assert_ptr_equal(x.data + x.size, y.data + y.size);
	first = press_take(press, &filter, FORM_JSON);
	second = press_take(press, &filter, FORM_JSON);
	assert_ptr_equal(first, second);
	press_return(press, first);
	press_return(press, second);
	leave(&a);
	leave(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_takes_nothing_is_conflated_then_closed),
		TEST(a_conflated_client_has_what_there_is_and_is_in_step),
		TEST(all_subscriptions_are_left_behind_at_once),
		TEST(who_is_left_behind_twice_is_closed),
		TEST(who_says_too_much_is_closed),
		TEST(a_change_and_a_snapshot_are_rendered_once_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
