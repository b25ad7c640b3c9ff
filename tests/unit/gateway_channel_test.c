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
	assert_err(view_new(&s.view, DEPTH, 10), ERR_NONE);
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
			json_t *first = json_object_iter_value(
				json_object_iter(row));
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
		assert_int_equal(number_of(m, "prev"),
				 number_of(*sub, "prev"));
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
	json_t *m = parse(FORM_JSON,
			  (struct bytes){a->data + TAIL_HEADROOM,
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

/* Something that can happen; block by block, and back again. */
static void act(uint64_t *dice, uint64_t *ids, uint64_t *running)
{
	uint64_t r = *dice = *dice * 6364136223846793005u + 1442695040888963407u;
	uint64_t id = *ids;

	r >>= 33;
	switch (r % 7) {
	case 0:
		set_quote(&s, 7 + r / 7 % 2, 1 + r / 14 % 2, 30 + r % 50, 20);
		break;
	case 1:
	case 2:
	case 3:
		open_request(&s, ++*ids, 1 + r / 7 % 2, 9 + r / 14 % 2);
		break;
	case 4:
		if (!*running && id && view_request(s.view, id) &&
		    view_request(s.view, id)->state == VIEW_OPEN)
			start_task(&s, *running = id,
				   view_request(s.view, id)->record.market_id,
				   7);
		break;
	case 5:
		if (*running && view_request(s.view, *running) &&
		    view_request(s.view, *running)->state == VIEW_ASSIGNED) {
			end_task(&s, *running,
				 view_request(s.view, *running)
					 ->record.market_id,
				 7,
				 r / 7 % 2 ? OUTCOME_SLASHED
					   : OUTCOME_FULFILLED);
			*running = 0;
		}
		break;
	default:
		set_generator(&s, 7 + r / 7 % 2);
		break;
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
		uint64_t dice = seed, ids = 0, running = 0;
		struct client c, packed;

		if (seed > 1) {
			end_with();
			begin(state);
		}
		set_quote(&s, 7, 2, 41, 30);
		close_block(&s, 0);
		c = join(all, FORM_JSON);
		packed = join(all, FORM_MSGPACK);
		for (unsigned block = 0; block < 40; block++) {
			for (unsigned i = 0; i < (dice >> 40) % 6; i++)
				act(&dice, &ids, &running);
			if (dice >> 20 & 7 || s.block.number < DEPTH + 3)
				close_block(&s, block);
			else {
				roll_back(&s, s.block.number - 1 -
						      (dice >> 24) % (DEPTH - 1),
					  s.block.hash.bytes[27]);
				running = 0;
				ids = view_requests_end(s.view);
			}
			if (dice >> 28 & 1)
				continue; /* it gets several at once */
			drain(&c);
			drain(&packed);
			assert_true(json_equal(c.said, packed.said));
			check_against_snapshot(&c);
		}
		leave(&packed);
		leave(&c);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_block_is_shown_whole_or_not_at_all),
		TEST(snapshot_and_changes_are_what_a_later_snapshot_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
