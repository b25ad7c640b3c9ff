/* gateway_channel_fixture - a feed over a view, and a client that does what it
 * is told. */
#ifndef TESTS_UNIT_GATEWAY_CHANNEL_FIXTURE_H
#define TESTS_UNIT_GATEWAY_CHANNEL_FIXTURE_H

#include "tests/unit/view_fixture.h"

#include <jansson.h>
#include <stdio.h>

#include "services/webhook-gateway/feed.h"
#include "services/webhook-gateway/pack.h"

enum { WINDOW = 256, EPOCH = 77, DEPTH = 4, SUBS = 8 };

static struct said s;
static struct tail *tail;
static struct press *press;
static struct feed_world world;

/* ---- logs into view and window, as the web thread does it ---------------- */

static inline void hear(struct said *said, enum logs log,
			const struct entry *entry)
{
	assert_err(tail_put(tail, log, entry, said->view), ERR_NONE);
}

static inline void close_if_marked(struct said *said, enum logs log,
				   const struct entry *entry)
{
	if (view_log(said->view, log)->seq == entry->number)
		assert_err(tail_close(tail, log, said->view), ERR_NONE);
}

static inline void begin_with(size_t window)
{
	s = (struct said){.before = hear, .also = close_if_marked};
	assert_err(view_new(&s.view, DEPTH, 1000), ERR_NONE);
	assert_err(tail_new(&tail, window), ERR_NONE);
	assert_err(press_new(&press, s.view, tail), ERR_NONE);
	world = (struct feed_world){tail, s.view, press, EPOCH, DEPTH};
}

static inline void end_with(void)
{
	press_free(&press);
	tail_free(&tail);
	view_free(&s.view);
}

static inline int begin(void **state)
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

static inline int end(void **state)
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

static inline void do_rows(json_t *sub, json_t *tables, bool patch)
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

static inline void drop_rows(json_t *sub, json_t *tables)
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

static inline json_t *keyed(json_t *tables)
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

static inline json_int_t number_of(json_t *m, const char *name)
{
	return json_integer_value(json_object_get(m, name));
}

static inline void take(struct client *c, json_t *m)
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

static inline json_t *parse(enum form form, struct bytes text)
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
static inline json_t *answer(struct client *c)
{
	struct buf *a = &c->feed.answer;
	json_t *m = parse(FORM_JSON, (struct bytes){a->data + TAIL_HEADROOM,
						    a->size - TAIL_HEADROOM});

	buf_free(a);
	return m;
}

static inline void drain(struct client *c)
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

static inline void tell(struct client *c, const char *text)
{
	json_t *m;

	feed_hear(&c->feed, &world, text, strlen(text));
	assert_int_equal(c->feed.close, FEED_OPEN);
	m = answer(c);
	json_array_append_new(c->said, m);
}

static inline void leave(struct client *c)
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

static inline struct client join(const char *text, enum form form)
{
	struct client c = {.feed = {.form = form}, .said = json_array()};

	tell(&c, text);
	drain(&c);
	return c;
}

/* The @i-th newest message. */
static inline json_t *said(const struct client *c, size_t i)
{
	return json_array_get(c->said, json_array_size(c->said) - 1 - i);
}

static const char book[] = "{\"op\":\"subscribe\",\"channels\":[{\"name\":"
			   "\"book\",\"market\":1%s}]}";

static inline struct client join_book(const char *more)
{
	char text[160];

	snprintf(text, sizeof text, book, more);
	return join(text, FORM_JSON);
}

static inline void blocks_of_requests(unsigned count, uint64_t first)
{
	for (uint64_t id = first; id < first + count; id++) {
		open_request(&s, id, 1, 9);
		close_block(&s, 0);
	}
}

static inline void check_against_snapshot(const struct client *c)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif /* TESTS_UNIT_GATEWAY_CHANNEL_FIXTURE_H */
