/* The book as a snapshot: what is loaded is what was saved, or it is refused.
 */
#include "services/matcher/match.h"
#include "services/slasher-watcher/watch.h"
#include "tests/unit/book_fixture.h"

static struct book *loaded(struct bytes state, unsigned depth)
{
	struct book *b;

	assert_err(book_new(&b, depth), ERR_NONE);
	assert_err(book_load(b, state), ERR_NONE);
	return b;
}

/* Whether @state is refused, without harm. */
static void assert_refused(struct bytes state)
{
	struct book *b;

	assert_err(book_new(&b, DEPTH), ERR_NONE);
	assert_err(book_load(b, state), ERR_MALFORMED);
	book_free(&b);
}

/* A market with a task and an open request over several blocks. */
static void some_history(void)
{
	open_market();
	create_request(1, 1);
	mark();
	create_task(1, 1, GENERATOR, 2);
	register_generator(OTHER, 8, 500);
	set_quote(OTHER, 1, 41, 31, 3);
	mark();
	create_request(2, 1);
	TELL(market_closed, {.at = here(), .market_id = 9}); /* suspended */
	mark();
	remove_quote(OTHER, 1); /* a row that is free */
	mark();
}

static void what_is_loaded_is_what_was_saved(void **state)
{
	struct buf bytes = {0}, again = {0};
	struct book *copy;
	struct hash32 h;
	struct book_sizes a, b;

	(void)state;
	some_history();
	assert_err(book_save(book, &bytes), ERR_NONE);
	copy = loaded(buf_bytes(&bytes), DEPTH);
	book_hash(copy, &h);
	assert_same_hash(h, hash_now());
	a = book_sizes(book);
	b = book_sizes(copy);
	assert_memory_equal(&a, &b, sizeof a);
	assert_err(book_save(copy, &again), ERR_NONE);
	assert_int_equal(bytes.size, again.size);
	assert_memory_equal(bytes.data, again.data, bytes.size);
	book_free(&copy);
	buf_free(&bytes);
	buf_free(&again);
}

/* What is said by @b from here on. */
static void go_on(struct book *b, struct said *out)
{
	struct book *mine = book;
	struct said before = said;
	uint64_t at = block;

	book = b;
	said_begin(&said);
	submit_proof(1, GENERATOR);
	create_task(2, 1, GENERATOR, 1);
	mark();
	roll_back(2);
	create_request(2, 1);
	mark();
	TELL(market_closed, {.at = here(), .market_id = 9});
	mark();
	*out = said;
	said = before;
	book = mine;
	block = at;
	log_index = 0;
}

static void the_copy_goes_on_as_the_original(void **state)
{
	struct buf bytes = {0};
	struct said a, b;
	struct book *copy;
	struct hash32 h;

	(void)state;
	some_history();
	assert_err(book_save(book, &bytes), ERR_NONE);
	copy = loaded(buf_bytes(&bytes), DEPTH);
	go_on(book, &a);
	go_on(copy, &b);
	assert_int_equal(a.bytes.size, b.bytes.size);
	assert_memory_equal(a.bytes.data, b.bytes.data, a.bytes.size);
	book_hash(copy, &h);
	assert_same_hash(h, hash_now());
	said_end(&a);
	said_end(&b);
	book_free(&copy);
	buf_free(&bytes);
}

static void a_copy_of_less_depth_undoes_less(void **state)
{
	struct msg_rollback m = {.to = block_of(2, 0)};
	struct buf bytes = {0};
	struct book *copy;

	(void)state;
	some_history(); /* 5 blocks */
	assert_err(book_save(book, &bytes), ERR_NONE);
	copy = loaded(buf_bytes(&bytes), 2);
	assert_err(tell_to(copy, &msg_rollback_wire, &m), ERR_FINALITY);
	m.to = block_of(3, 0);
	assert_err(tell_to(copy, &msg_rollback_wire, &m), ERR_NONE);
	roll_back(3);
	book_free(&copy);
	buf_free(&bytes);
}

static void an_empty_book_can_be_saved(void **state)
{
	struct buf bytes = {0};
	struct book *copy;

	(void)state;
	assert_err(book_save(book, &bytes), ERR_NONE);
	copy = loaded(buf_bytes(&bytes), DEPTH);
	book_free(&copy);
	open_log();
	mark();
	roll_back(0);
	buf_clear(&bytes);
	assert_err(book_save(book, &bytes), ERR_NONE);
	copy = loaded(buf_bytes(&bytes), DEPTH);
	book_free(&book);
	book = copy;
	create_market(1, 1);
	mark();
	assert_int_equal(book_sizes(book).block.number, 1);
	buf_free(&bytes);
}

static void a_torn_snapshot_is_refused(void **state)
{
	struct buf bytes = {0};

	(void)state;
	some_history();
	assert_err(book_save(book, &bytes), ERR_NONE);
	for (size_t size = 0; size < bytes.size; size += size < 256 ? 1 : 113)
		assert_refused((struct bytes){bytes.data, size});
	assert_refused((struct bytes){bytes.data, bytes.size - 1});
	buf_put_u8(&bytes, 0); /* one too many */
	assert_refused(buf_bytes(&bytes));
	buf_free(&bytes);
}

static void another_versions_snapshot_is_refused(void **state)
{
	struct buf bytes = {0};

	(void)state;
	some_history();
	assert_err(book_save(book, &bytes), ERR_NONE);
	bytes.data[3]++;
	assert_refused(buf_bytes(&bytes));
	buf_free(&bytes);
}

static void another_cores_snapshot_is_refused(void **state)
{
	struct match_rule rule = MATCH_RULE_DEFAULT;
	struct buf bytes = {0};
	struct match *match;
	struct watch *watch;

	(void)state;
	assert_err(match_new(&match, &rule, DEPTH), ERR_NONE);
	assert_err(match_save(match, &bytes), ERR_NONE);
	assert_refused(buf_bytes(&bytes));
	match_free(&match);
	buf_clear(&bytes);
	assert_err(watch_new(&watch, DEPTH), ERR_NONE);
	assert_err(watch_save(watch, &bytes), ERR_NONE);
	assert_refused(buf_bytes(&bytes));
	watch_free(&watch);
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_loaded_is_what_was_saved),
		TEST(the_copy_goes_on_as_the_original),
		TEST(a_copy_of_less_depth_undoes_less),
		TEST(an_empty_book_can_be_saved),
		TEST(a_torn_snapshot_is_refused),
		TEST(another_versions_snapshot_is_refused),
		TEST(another_cores_snapshot_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
