/* What a subscription to a channel promises: a client that does what it is told
 * has what a snapshot says, whatever the chain does and wherever it begins. */
#include "tests/unit/view_fixture.h"

#include <jansson.h>
#include <stdio.h>

#include "common/crc32c.h"
#include "services/webhook-gateway/feed.h"
#include "services/webhook-gateway/pack.h"

enum { WINDOW = 256, EPOCH = 77, DEPTH = 4, SUBS = 8 };

static struct said s;
static struct tail *tail;
static struct press *press;
static struct feed_world world;

/* ---- logs into view and window, as the web thread does it ---------------- */

static void hear(struct said *said, enum logs log, const struct entry *entry)
{
	assert_err(tail_put(tail, log, entry, said->view), ERR_NONE);
}

static void close_if_marked(struct said *said, enum logs log,
			    const struct entry *entry)
{
	if (view_log(said->view, log)->seq == entry->number)
		assert_err(tail_close(tail, log, said->view), ERR_NONE);
}

static void begin_with(size_t window)
{
	s = (struct said){.before = hear, .also = close_if_marked};
	assert_err(view_new(&s.view, DEPTH, 1000), ERR_NONE);
	assert_err(tail_new(&tail, window), ERR_NONE);
	assert_err(press_new(&press, s.view, tail), ERR_NONE);
	world = (struct feed_world){tail, s.view, press, EPOCH, DEPTH};
}

static void end_with(void)
{
	press_free(&press);
	tail_free(&tail);
	view_free(&s.view);
}

static int begin(void **state)
{
	(void)state;
	begin_with(WINDOW);
	set_market(&s, 1);
	set_market(&s, 2);
	set_generator(&s, 7);
	set_generator(&s, 8);
	set_quote(&s, 7, 1, 40, 30);
	close_block(&s, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	end_with();
	return 0;
}

/* ---- a client ------------------------------------------------------------ */

struct client {
	struct feed feed;
	json_t *subs[64]; /* by number: {"rows", "prev", "whole", "channel"} */
	json_t *said;	  /* all messages, in order */
};

static void do_rows(json_t *sub, json_t *tables, bool patch)
{
	json_t *rows, *row, *table, *old;
	const char *name;
	size_t i;

	json_object_foreach (tables, name, rows) {
		table = json_object_get(json_object_get(sub, "rows"), name);
		assert_non_null(table);
		json_array_foreach (rows, i, row) {
			json_t *first =
				json_object_iter_value(json_object_iter(row));
			const char *key = json_string_value(first);

			old = json_object_get(table, key);
			if (!patch)
				json_object_set(table, key, row);
			else if (old)
				json_object_update(old, row);
		}
	}
}

static void drop_rows(json_t *sub, json_t *tables)
{
	json_t *keys, *key;
	const char *name;
	size_t i;

	json_object_foreach (tables, name, keys)
		json_array_foreach (keys, i, key)
			json_object_del(
				json_object_get(json_object_get(sub, "rows"),
						name),
				json_string_value(key));
}

static json_t *keyed(json_t *tables)
{
	json_t *all = json_object(), *rows, *row;
	const char *name;
	size_t i;

	json_object_foreach (tables, name, rows) {
		json_t *table = json_object();

		json_array_foreach (rows, i, row)
			json_object_set(
				table,
				json_string_value(json_object_iter_value(
					json_object_iter(row))),
				row);
		json_object_set_new(all, name, table);
	}
	return all;
}

static const char *text_of(json_t *m, const char *name)
{
	return json_string_value(json_object_get(m, name));
}

static json_int_t number_of(json_t *m, const char *name)
{
	return json_integer_value(json_object_get(m, name));
}

static void take(struct client *c, json_t *m)
{
	const char *op = text_of(m, "op");
	json_t **sub = &c->subs[number_of(m, "sub")];

	json_array_append(c->said, m);
	if (strcmp(op, "snapshot") == 0) {
		json_decref(*sub);
		*sub = json_object();
		json_object_set_new(*sub, "rows",
				    keyed(json_object_get(m, "rows")));
		json_object_set(*sub, "prev", json_object_get(m, "seq"));
	} else if (strcmp(op, "change") == 0 || strcmp(op, "rollback") == 0) {
		if (!*sub) /* it goes on with what it has, which is nothing */
			*sub = json_pack("{s:{s:{},s:{}},s:O}", "rows",
					 "quotes", "requests", "prev",
					 json_object_get(m, "prev"));
		assert_int_equal(number_of(m, "prev"), number_of(*sub, "prev"));
		assert_true(number_of(m, "seq") > number_of(m, "prev"));
		json_object_set(*sub, "prev", json_object_get(m, "seq"));
		do_rows(*sub, json_object_get(m, "set"), false);
		do_rows(*sub, json_object_get(m, "patch"), true);
		drop_rows(*sub, json_object_get(m, "gone"));
		json_object_set(*sub, "whole", json_object_get(m, "last"));
	}
}

static json_t *parse(enum form form, struct bytes text)
{
	struct buf json = {0};
	json_t *m;

	if (form == FORM_MSGPACK) {
		assert_err(pack_to_json(&json, text), ERR_NONE);
		text = buf_bytes(&json);
	}
	m = json_loadb((const char *)text.data, text.size,
		       JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_object(m));
	buf_free(&json);
	return m;
}

/* What it was answered last. */
static json_t *answer(struct client *c)
{
	struct buf *a = &c->feed.answer;
	json_t *m = parse(FORM_JSON, (struct bytes){a->data + TAIL_HEADROOM,
						    a->size - TAIL_HEADROOM});

	buf_free(a);
	return m;
}

static void drain(struct client *c)
{
	for (;;) {
		struct bytes text;
		json_t *m;

		switch (feed_next(&c->feed, &world, &text)) {
		case FEED_NOTHING:
			assert_false(feed_has_more(&c->feed, &world));
			return;
		case FEED_SAID:
			m = answer(c);
			break;
		case FEED_PRINT:
		case FEED_TEXT:
			m = parse(c->feed.form, text);
			break;
		case FEED_FAILED:
		default:
			fail();
			return;
		}
		feed_drop_print(&c->feed, &world);
		take(c, m);
		json_decref(m);
	}
}

static void tell(struct client *c, const char *text)
{
	json_t *m;

	feed_hear(&c->feed, &world, text, strlen(text));
	assert_int_equal(c->feed.close, FEED_OPEN);
	m = answer(c);
	json_array_append_new(c->said, m);
}

static void leave(struct client *c)
{
	feed_free(&c->feed, &world);
	for (size_t i = 0; i < sizeof c->subs / sizeof c->subs[0]; i++)
		json_decref(c->subs[i]);
	json_decref(c->said);
}

static const char all[] =
	"{\"op\":\"subscribe\",\"channels\":[{\"name\":\"blocks\"},"
	"{\"name\":\"markets\"},{\"name\":\"book\",\"market\":\"1\"},"
	"{\"name\":\"requests\"},{\"name\":\"tasks\"},"
	"{\"name\":\"generators\"},{\"name\":\"slashes\"},"
	"{\"name\":\"stats\"}]}";

static struct client join(const char *text, enum form form)
{
	struct client c = {.feed = {.form = form}, .said = json_array()};

	tell(&c, text);
	drain(&c);
	return c;
}

/* The @i-th newest message. */
static json_t *said(const struct client *c, size_t i)
{
	return json_array_get(c->said, json_array_size(c->said) - 1 - i);
}

/* ---- the promises -------------------------------------------------------- */

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

static void check_against_snapshot(const struct client *c)
{
	struct client fresh = join(all, FORM_JSON);

	for (int i = 1; i <= SUBS; i++) {
		json_t *kept = json_object_get(c->subs[i], "rows");
		json_t *there = json_object_get(fresh.subs[i], "rows");

		if (i == 1)
			continue; /* of blocks a snapshot has the newest */
		if (!json_equal(kept, there)) {
			print_error("%d kept  %s\nthere %s\n", i,
				    json_dumps(kept, JSON_SORT_KEYS),
				    json_dumps(there, JSON_SORT_KEYS));
			fail();
		}
	}
	leave(&fresh);
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

static const char book[] = "{\"op\":\"subscribe\",\"channels\":[{\"name\":"
			   "\"book\",\"market\":1%s}]}";

static struct client join_book(const char *more)
{
	char text[160];

	snprintf(text, sizeof text, book, more);
	return join(text, FORM_JSON);
}

static void blocks_of_requests(unsigned count, uint64_t first)
{
	for (uint64_t id = first; id < first + count; id++) {
		open_request(&s, id, 1, 9);
		close_block(&s, 0);
	}
}

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

/* ---- msgpack ------------------------------------------------------------- */

/* Vectors of https://msgpack.org and @msgpack/msgpack. */
static void msgpack_is_what_others_write(void **state)
{
	static const struct {
		const char *json;
		const char *packed;
		size_t size;
	} rows[] = {
		{"{\"compact\":true,\"schema\":0}",
		 "\x82\xa7"
		 "compact\xc3\xa6"
		 "schema\x00",
		 18},
		{"[]", "\x90", 1},
		{"[null,false,127,128,65536]",
		 "\x95\xc0\xc2\x7f\xcc\x80\xce\x00\x01\x00\x00", 11},
		{"4294967296", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
		{"\"caf\xc3\xa9\"",
		 "\xa5"
		 "caf\xc3\xa9",
		 6},
		{"-7", "\xd3\xff\xff\xff\xff\xff\xff\xff\xf9", 9},
		{"18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
		 9},
		{"-9223372036854775808", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		 9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf packed = {0}, json = {0};

		pack_json(&packed, (struct bytes){(const uint8_t *)rows[i].json,
						  strlen(rows[i].json)});
		assert_int_equal(packed.size, rows[i].size);
		assert_memory_equal(packed.data, rows[i].packed, rows[i].size);
		assert_err(pack_to_json(&json, buf_bytes(&packed)), ERR_NONE);
		assert_string_equal(buf_text(&json), rows[i].json);
		buf_free(&packed);
		buf_free(&json);
	}
}

static void long_strings_lists_and_maps_have_wide_heads(void **state)
{
	static const size_t sizes[] = {15, 16, 31, 32, 255, 256, 65535, 65536};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (int kind = 0; kind < 3; kind++) {
			struct buf json = {0}, packed = {0}, back = {0};

			buf_put_text(&json, kind == 0	? "\""
					    : kind == 1 ? "["
							: "{");
			for (size_t n = 0; n < sizes[i]; n++)
				if (kind == 0)
					buf_put_u8(&json, 'x');
				else
					buf_printf(&json,
						   kind == 1 ? "%s%zu"
							     : "%s\"%zu\":0",
						   n ? "," : "", n);
			buf_put_text(&json, kind == 0	? "\""
					    : kind == 1 ? "]"
							: "}");
			pack_json(&packed, buf_bytes(&json));
			assert_err(pack_to_json(&back, buf_bytes(&packed)),
				   ERR_NONE);
			assert_int_equal(back.size, json.size);
			assert_memory_equal(back.data, json.data, json.size);
			buf_free(&json);
			buf_free(&packed);
			buf_free(&back);
		}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
		TEST(who_takes_nothing_is_conflated_then_closed),
		TEST(a_conflated_client_has_what_there_is_and_is_in_step),
		TEST(all_subscriptions_are_left_behind_at_once),
		TEST(who_is_left_behind_twice_is_closed),
		TEST(who_says_too_much_is_closed),
		TEST(a_change_and_a_snapshot_are_rendered_once_for_all),
		TEST(msgpack_is_what_others_write),
		TEST(long_strings_lists_and_maps_have_wide_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
