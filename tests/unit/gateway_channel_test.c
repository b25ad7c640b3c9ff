/* What a subscription to a channel promises: a client that does what it is told
 * has what a snapshot says, whatever the chain does and wherever it begins. */
#include "tests/unit/gateway_channel_fixture.h"

#include "common/crc32c.h"

static void a_block_is_shown_whole_or_not_at_all(void **state)
{
	struct client c = join("{\"op\":\"subscribe\",\"channels\":[{"
			       "\"name\":\"book\",\"market\":1}]}",
			       FORM_JSON);
	size_t before = json_array_size(c.said);

	(void)state;
	open_request(&s, 1, 1, 9);
	open_request(&s, 2, 2, 9);
	set_quote(&s, 8, 1, 30, 20);
	drain(&c);
	assert_int_equal(json_array_size(c.said), before);
	close_block(&s, 0);
	drain(&c);
	assert_int_equal(json_array_size(c.said), before + 2);
	assert_true(json_is_false(json_object_get(said(&c, 1), "last")));
	assert_true(json_is_true(json_object_get(said(&c, 0), "last")));
	assert_string_equal(text_of(said(&c, 1), "event"), "request_opened");
	assert_string_equal(text_of(said(&c, 0), "block"), "2");
	assert_string_equal(text_of(said(&c, 0), "confirmation"), "latest");
	leave(&c);
}

/* A market that lives at random. */
struct life {
	uint64_t dice;
	uint64_t ids;	  /* of requests so far */
	uint64_t running; /* the request whose task runs; 0: none */
	uint64_t touched; /* a request that ended or began in this block */
	unsigned events[8];
};

static uint64_t roll(struct life *l, uint64_t sides)
{
	l->dice = l->dice * 6364136223846793005u + 1442695040888963407u;
	return (l->dice >> 33) % sides;
}

/* An open request that the view has, and that nothing happened to in this
 * block; 0 if this one isn't. */
static uint64_t pick_open(struct life *l)
{
	uint64_t id = l->ids ? 1 + roll(l, l->ids) : 0;
	const struct view_request *r = view_request(s.view, id);

	return r && r->state == VIEW_OPEN && id != l->touched ? id : 0;
}

static void act(struct life *l)
{
	unsigned what = (unsigned)roll(l, 8);
	const struct view_request *r;
	uint64_t id;

	l->events[what]++;
	switch (what) {
	case 0:
		set_quote(&s, 8, 1 + roll(l, 2), 30 + roll(l, 50), 20);
		break;
	case 1:
	case 2:
	case 3:
		open_request(&s, ++l->ids, 1 + roll(l, 2), 9 + roll(l, 2));
		break;
	case 4:
		id = pick_open(l);
		if (l->running || !id)
			break;
		l->running = l->touched = id;
		start_task(&s, id, view_request(s.view, id)->record.market_id,
			   7);
		break;
	case 5:
		r = view_request(s.view, l->running);
		if (!r || r->state != VIEW_ASSIGNED)
			break;
		end_task(&s, l->running, r->record.market_id, 7,
			 roll(l, 2) ? OUTCOME_SLASHED : OUTCOME_FULFILLED);
		l->running = 0;
		break;
	case 6:
		id = pick_open(l);
		if (!id)
			break;
		l->touched = id;
		close_request(&s, id,
			      view_request(s.view, id)->record.market_id);
		break;
	default:
		set_generator(&s, 8);
		break;
	}
}

/* What the view says after a roll-back, or a block. */
static void look(struct life *l, bool rolled_back)
{
	l->touched = 0;
	if (!rolled_back)
		return;
	l->ids = view_requests_end(s.view);
	l->running = 0;
	for (uint64_t id = 1; id <= l->ids; id++) {
		const struct view_request *r = view_request(s.view, id);

		if (r && r->state == VIEW_ASSIGNED)
			l->running = id;
	}
}

static void snapshot_and_changes_are_what_a_later_snapshot_says(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct life l = {.dice = seed};
		uint64_t highest = 0;
		struct client c, packed;

		if (seed > 1) {
			end_with();
			begin(state);
		}
		set_quote(&s, 7, 2, 41, 30);
		close_block(&s, 0);
		c = join(all, FORM_JSON);
		packed = join(all, FORM_MSGPACK);
		for (unsigned block = 0; block < 60; block++) {
			uint64_t to = s.block.number - 1 - roll(&l, DEPTH - 1);
			bool back = s.block.number > DEPTH + 3 &&
				    to + DEPTH > highest && !roll(&l, 8);

			for (uint64_t n = roll(&l, 6); n; n--)
				act(&l);
			if (back)
				roll_back(&s, to, s.block.hash.bytes[27]);
			else
				close_block(&s, block);
			look(&l, back);
			if (highest < s.block.number)
				highest = s.block.number;
			if (roll(&l, 2))
				continue; /* it gets several at once */
			drain(&c);
			drain(&packed);
			assert_true(json_equal(c.said, packed.said));
			check_against_snapshot(&c);
		}
		for (unsigned i = 0; i < 8; i++)
			assert_true(l.events[i] > 3);
		assert_int_equal(view_sizes(s.view).contradictions, 0);
		leave(&packed);
		leave(&c);
	}
}

/* ---- going on ------------------------------------------------------------ */

static void from_any_number_on_the_same_follows(void **state)
{
	struct client steady = join_book("");
	size_t count;

	(void)state;
	blocks_of_requests(10, 1);
	close_request(&s, 3, 1);
	close_request(&s, 4, 1);
	close_block(&s, 0);
	drain(&steady);
	count = json_array_size(steady.said);
	for (size_t i = 1; i < count; i++) {
		char from[40];
		struct client c;

		snprintf(from, sizeof from, ",\"from\":%d",
			 (int)number_of(json_array_get(steady.said, i), "seq"));
		c = join_book(from);
		assert_true(json_is_true(json_object_get(
			json_array_get(
				json_object_get(json_array_get(c.said, 0),
						"subs"),
				0),
			"resumed")));
		assert_int_equal(json_array_size(c.said), count - i);
		for (size_t k = 1; k < count - i; k++)
			assert_true(
				json_equal(json_array_get(c.said, k),
					   json_array_get(steady.said, i + k)));
		leave(&c);
	}
	leave(&steady);
}

static void what_can_not_be_gone_on_from_says_why(void **state)
{
	static const struct {
		const char *more, *reason;
	} rows[] = {
		{"", "first"},
		{",\"from\":1", "window"},
		{",\"from\":\"0\"", "window"},
		{",\"from\":99999999", "ahead"},
	};
	struct client c;

	(void)state;
	blocks_of_requests(WINDOW, 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		c = join_book(rows[i].more);
		assert_string_equal(text_of(said(&c, 0), "reason"),
				    rows[i].reason);
		leave(&c);
	}
	c = join("{\"op\":\"subscribe\",\"epoch\":1,\"channels\":[{\"name\":"
		 "\"stats\",\"from\":500}]}",
		 FORM_JSON);
	assert_string_equal(text_of(said(&c, 0), "reason"), "epoch");
	leave(&c);
}

static void a_client_ahead_of_us_waits_and_goes_on(void **state)
{
	struct client c;
	char from[40];

	(void)state;
	blocks_of_requests(1, 1);
	snprintf(from, sizeof from, ",\"from\":%d",
		 (int)s.numbers[LOGS_BOOK] + 2);
	c = join_book(from);
	blocks_of_requests(2, 2); /* the first of them it has */
	drain(&c);
	assert_int_equal(json_array_size(c.said), 2);
	assert_string_equal(text_of(said(&c, 0), "event"), "request_opened");
	leave(&c);
}

/* ---- roll-backs ---------------------------------------------------------- */

static void a_roll_back_lists_what_it_undoes_and_nothing_else(void **state)
{
	struct client c = join_book(""), other;
	json_t *back, *undone;
	json_int_t first, second;

	(void)state;
	blocks_of_requests(2, 1); /* blocks 2 and 3 */
	drain(&c);
	first = number_of(said(&c, 0), "seq");
	roll_back(&s, 2, 0);
	blocks_of_requests(1, 2); /* another block 3 */
	drain(&c);
	second = number_of(said(&c, 0), "seq") - 1; /* its block's end */
	other = join("{\"op\":\"subscribe\",\"channels\":[{\"name\":"
		     "\"book\",\"market\":2}]}",
		     FORM_JSON);
	roll_back(&s, 2, 0);
	drain(&c);
	drain(&other);
	back = said(&c, 1);
	assert_string_equal(text_of(back, "op"), "rollback");
	undone = json_object_get(back, "undone");
	assert_int_equal(json_array_size(undone), 1);
	assert_int_equal(json_integer_value(json_array_get(undone, 0)), second);
	assert_true(second > first);
	assert_string_equal(text_of(said(&c, 0), "reason"), "rollback");
	/* Nothing of it was of that market: its rows stand. */
	assert_string_equal(text_of(said(&other, 0), "op"), "rollback");
	assert_int_equal(
		json_array_size(json_object_get(said(&other, 0), "undone")), 0);
	leave(&other);
	leave(&c);
}

static void what_was_rolled_back_before_it_was_complete_was_never_shown(
	void **state)
{
	struct client c = join_book("");
	size_t before = json_array_size(c.said);

	(void)state;
	open_request(&s, 1, 1, 9);
	roll_back(&s, 1, 0);
	drain(&c);
	assert_int_equal(json_array_size(c.said), before + 1);
	assert_string_equal(text_of(said(&c, 0), "op"), "rollback");
	assert_int_equal(
		json_array_size(json_object_get(said(&c, 0), "undone")), 0);
	leave(&c);
}

/* ---- who asks for whom --------------------------------------------------- */

static void a_filter_lets_through_what_it_names(void **state)
{
	struct client c = join(
		"{\"op\":\"subscribe\",\"channels\":[{\"name\":\"requests\","
		"\"requester\":"
		"\"0x0000000000000000000000000000000000000009\"},"
		"{\"name\":\"requests\",\"requester\":"
		"\"0x000000000000000000000000000000000000000a\","
		"\"market\":2},{\"name\":\"tasks\",\"generator\":"
		"\"0x0000000000000000000000000000000000000008\"}]}",
		FORM_JSON);
	size_t before = json_array_size(c.said);

	(void)state;
	open_request(&s, 1, 1, 9);
	open_request(&s, 2, 1, 10);
	open_request(&s, 3, 2, 10);
	/* Closed in the block that it was opened in: the view never had it. */
	close_request(&s, 1, 1);
	close_block(&s, 0);
	start_task(&s, 2, 1, 7);
	close_request(&s, 3, 2);
	close_block(&s, 0);
	drain(&c);
	assert_int_equal(json_array_size(c.said), before + 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(number_of(said(&c, i), "sub") < 3);
	assert_int_equal(
		json_object_size(json_object_get(
			json_object_get(c.subs[1], "rows"), "requests")),
		0);
	leave(&c);
}

/* ---- checksums ----------------------------------------------------------- */

static void a_checksum_is_that_of_the_documented_text(void **state)
{
	static const char text[] =
		"q 0x0000000000000000000000000000000000000008 9 20 1 0 false "
		"false\n"
		"q 0x0000000000000000000000000000000000000007 40 30 1 0 false "
		"false\n"
		"r 2 0x0000000000000000000000000000000000000009 50 60 "
		"1970-01-01T00:18:40Z\n"
		"r 10 0x0000000000000000000000000000000000000009 50 60 "
		"1970-01-01T00:18:40Z\n";
	struct client c = join_book("");
	char sum[16];

	(void)state;
	set_quote(&s, 8, 1, 9, 20);
	open_request(&s, 2, 1, 9);
	open_request(&s, 10, 1, 9);
	close_block(&s, 0);
	snprintf(sum, sizeof sum, "%08x", crc32c(0, text, sizeof text - 1));
	leave(&c);
	c = join_book("");
	assert_string_equal(text_of(said(&c, 0), "checksum"), sum);
	leave(&c);
}

static void every_hundred_changes_there_is_a_checksum(void **state)
{
	struct client c = join_book(""), late;
	unsigned sums = 0;

	(void)state;
	blocks_of_requests(99, 1);
	drain(&c);
	assert_string_equal(text_of(said(&c, 0), "op"), "change");
	for (uint64_t id = 100; id < 105; id++)
		open_request(&s, id, 1, 9);
	close_block(&s, 0);
	drain(&c);
	for (size_t i = 0; i < json_array_size(c.said); i++)
		sums += strcmp(text_of(said(&c, i), "op"), "checksum") == 0;
	assert_int_equal(sums, 1);
	late = join_book("");
	assert_string_equal(text_of(said(&c, 0), "checksum"),
			    text_of(said(&late, 0), "checksum"));
	assert_int_equal(number_of(said(&c, 0), "seq"),
			 number_of(said(&late, 0), "seq"));
	leave(&late);
	leave(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_block_is_shown_whole_or_not_at_all),
		TEST(snapshot_and_changes_are_what_a_later_snapshot_says),
		TEST(from_any_number_on_the_same_follows),
		TEST(what_can_not_be_gone_on_from_says_why),
		TEST(a_client_ahead_of_us_waits_and_goes_on),
		TEST(a_roll_back_lists_what_it_undoes_and_nothing_else),
		TEST(what_was_rolled_back_before_it_was_complete_was_never_shown),
		TEST(a_filter_lets_through_what_it_names),
		TEST(a_checksum_is_that_of_the_documented_text),
		TEST(every_hundred_changes_there_is_a_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
