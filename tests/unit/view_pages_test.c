/* What the gateway's read model promises: pages, and the logs beside the book.
 */
#include "tests/unit/view_fixture.h"

#include <stdio.h>

enum { DEPTH = 32, HISTORY = 20 };

static struct said s;

static int begin(void **state)
{
	(void)state;
	s = (struct said){.view = NULL};
	assert_err(view_new(&s.view, DEPTH, HISTORY), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	view_free(&s.view);
	return 0;
}

/* Market 1 with a quote of generator 7, in block 1. */
static void open_market(void)
{
	set_market(&s, 1);
	set_generator(&s, 7);
	set_quote(&s, 7, 1, 40, 30);
	close_block(&s, 0);
}

/* ---- pages -------------------------------------------------------------- */

/* All of @filter in pages of @size; the ids as text. */
static const char *ids_of(struct view_filter filter, size_t size)
{
	static char text[512];
	const struct view_request *page[16];
	size_t n, at = 0;

	text[0] = 0;
	do {
		n = view_requests(s.view, &filter, page, size,
				  &filter.before_id);
		for (size_t i = 0; i < n; i++)
			at += (size_t)snprintf(text + at, sizeof text - at,
					       "%s%d", at ? " " : "",
					       (int)page[i]->record.request_id);
	} while (filter.before_id);
	return text;
}

static void pages_hold_each_request_once_newest_first(void **state)
{
	struct address five = address_of(5), seven = address_of(7);

	(void)state;
	open_market();
	set_market(&s, 2);
	set_quote(&s, 7, 2, 40, 30);
	for (uint64_t id = 1; id <= 9; id++)
		open_request(&s, id, id % 3 ? 1 : 2, id % 2 ? 5 : 6);
	start_task(&s, 2, 1, 7);
	start_task(&s, 3, 2, 7);
	start_task(&s, 4, 1, 7);
	close_request(&s, 5, 1);
	close_block(&s, 0);
	end_task(&s, 4, 1, 7, OUTCOME_FULFILLED);
	close_block(&s, 0);
	for (size_t size = 1; size <= 10; size++) {
		const struct {
			struct view_filter filter;
			const char *want;
		} rows[] = {
			{{.states = 0}, "9 8 7 6 5 4 3 2 1"},
			{{.requester = &five}, "9 7 5 3 1"},
			{{.market_id = 2}, "9 6 3"},
			{{.requester = &five, .market_id = 2}, "9 3"},
			{{.states = 1 << VIEW_OPEN}, "9 8 7 6 1"},
			{{.states = 1 << VIEW_OPEN, .market_id = 2}, "9 6"},
			{{.states = 1 << VIEW_CANCELLED}, "5"},
			{{.states = 1 << VIEW_CANCELLED | 1 << VIEW_FULFILLED},
			 "5 4"},
			{{.tasks = true}, "4 3 2"},
			{{.tasks = true, .states = 1 << VIEW_ASSIGNED}, "3 2"},
			{{.tasks = true, .market_id = 2}, "3"},
			{{.generator = &seven}, "4 3 2"},
			{{.generator = &five}, ""},
			{{.overdue = true}, ""},
			{{.before_id = 4}, "3 2 1"},
			{{.states = 1 << VIEW_REJECTED}, ""},
		};

		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			assert_string_equal(ids_of(rows[i].filter, size),
					    rows[i].want);
	}
}

static void a_page_that_looks_for_few_among_many_ends(void **state)
{
	struct view_filter filter = {.states = 1 << VIEW_OPEN |
					       1 << VIEW_REJECTED,
				     .requester = NULL};
	struct address requester = address_of(5);
	const struct view_request *page[4];
	uint64_t next;

	(void)state;
	open_market();
	for (uint64_t id = 1; id <= 25000; id++)
		open_request(&s, id, 1, 5);
	close_block(&s, 0);
	filter.requester = &requester;
	filter.market_id = 2;
	assert_int_equal(view_requests(s.view, &filter, page, 4, &next), 0);
	assert_int_equal(next, 15001);
	filter.before_id = next;
	assert_int_equal(view_requests(s.view, &filter, page, 4, &next), 0);
	filter.before_id = next;
	assert_int_equal(view_requests(s.view, &filter, page, 4, &next), 0);
	assert_int_equal(next, 0);
}

static void open_requests_of_a_market_come_oldest_first(void **state)
{
	const struct view_request *r = NULL;

	(void)state;
	open_market();
	for (uint64_t id = 1; id <= 4; id++)
		open_request(&s, id, id == 3 ? 2 : 1, 5);
	start_task(&s, 2, 1, 7);
	close_block(&s, 0);
	r = view_open_request(s.view, 1, r);
	assert_int_equal(r->record.request_id, 1);
	r = view_open_request(s.view, 1, r);
	assert_int_equal(r->record.request_id, 4);
	assert_null(view_open_request(s.view, 1, r));
}

/* ---- the other logs ----------------------------------------------------- */

static void say_match(uint64_t id, uint64_t decision, uint64_t block)
{
	SAY(&s, LOGS_MATCH, match_made,
	    {.request_id = id,
	     .market_id = 1,
	     .generator = address_of(7),
	     .decision = decision,
	     .block = block_of(block, 0),
	     .price = units(40)});
}

static void close_round(uint64_t block)
{
	SAY(&s, LOGS_MATCH, round_closed, {.block = block_of(block, 0)});
}

static void the_newest_match_counts_until_it_is_rolled_back(void **state)
{
	(void)state;
	say_match(1, 1, 5);
	assert_null(view_match(s.view, 1));
	close_round(5);
	assert_int_equal(view_match(s.view, 1)->decision, 1);
	say_match(1, 2, 6);
	say_match(2, 3, 6);
	close_round(6);
	assert_int_equal(view_match(s.view, 1)->decision, 2);
	assert_int_equal(view_match_before(s.view, 0)->request_id, 2);
	assert_int_equal(view_match_before(s.view, 3)->request_id, 1);
	assert_null(view_match_before(s.view, 2));
	roll_back(&s, 1, 0); /* the book's roll-back is another log's */
	assert_int_equal(view_match(s.view, 1)->decision, 2);
	SAY(&s, LOGS_MATCH, round_rolled_back, {.to = block_of(5, 0)});
	assert_int_equal(view_match(s.view, 1)->decision, 1);
	assert_null(view_match(s.view, 2));
}

static void old_matches_make_room(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= HISTORY + 3; i++) {
		say_match(i, i, i);
		close_round(i);
	}
	assert_int_equal(view_sizes(s.view).matches, HISTORY);
	assert_null(view_match(s.view, 3));
	assert_non_null(view_match(s.view, 4));
}

static void sign(uint64_t id, uint32_t attempt, unsigned count,
		 const uint8_t *ids)
{
	uint8_t be[8 * 8] = {0};

	for (unsigned i = 0; i < count; i++)
		be[8 * i + 7] = ids[i];
	SAY(&s, LOGS_TASK, tx_signed,
	    {.id = hash_of(id),
	     .kind = 1,
	     .nonce = id,
	     .attempt = attempt,
	     .hash = hash_of(100 * id + attempt),
	     .subjects = {be, count}});
}

static void a_transaction_is_found_by_its_requests(void **state)
{
	const struct view_send *t;

	(void)state;
	sign(1, 1, 3, (const uint8_t[]){4, 5, 4}); /* one of them twice */
	sign(2, 1, 1, (const uint8_t[]){5});
	sign(1, 2, 3, (const uint8_t[]){4, 5, 4}); /* a higher fee */
	SAY(&s, LOGS_TASK, tx_mined,
	    {.id = hash_of(1),
	     .hash = hash_of(101),
	     .block = block_of(9, 0),
	     .success = true,
	     .gas_used = 5});
	t = view_send(s.view, 5, NULL);
	assert_int_equal(t->nonce, 2);
	assert_int_equal(t->state, VIEW_SIGNED);
	t = view_send(s.view, 5, t);
	assert_int_equal(t->nonce, 1);
	assert_int_equal(t->attempt, 2);
	assert_int_equal(t->state, VIEW_MINED);
	assert_memory_equal(&t->hash, &(struct hash32[]){hash_of(101)}[0], 32);
	assert_null(view_send(s.view, 5, t));
	assert_null(view_send(s.view, 4, view_send(s.view, 4, NULL)));
	assert_null(view_send(s.view, 6, NULL));
	SAY(&s, LOGS_TASK, tx_unmined, {.id = hash_of(1), .nonce = 1});
	assert_int_equal(t->state, VIEW_SIGNED);
	assert_int_equal(t->block.number, 0);
}

static void old_transactions_make_room(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= HISTORY + 2; i++)
		sign(i, 1, 2, (const uint8_t[]){1, (uint8_t)(i + 1)});
	assert_int_equal(view_sizes(s.view).sends, HISTORY);
	assert_null(view_send(s.view, 2, NULL));
	assert_null(view_send(s.view, 3, NULL));
	assert_non_null(view_send(s.view, 4, NULL));
	SAY(&s, LOGS_TASK, tx_mined, {.id = hash_of(1)}); /* forgotten */
}

static void the_chain_log_gives_metadata_and_roll_backs(void **state)
{
	static const uint8_t json[] = "{\"name\":\"sums\"}";
	const struct view_origin *o;

	(void)state;
	SAY(&s, LOGS_CHAIN, chain_opened, {.chain_id = 31337});
	SAY(&s, LOGS_CHAIN, market_created,
	    {.market_id = 1, .metadata = {json, sizeof json - 1}});
	SAY(&s, LOGS_CHAIN, block_mark, {.block = block_of(1, 0)});
	SAY(&s, LOGS_CHAIN, block_mark, {.block = block_of(2, 0)});
	o = view_origin(s.view, 1);
	assert_int_equal(o->metadata_size, sizeof json - 1);
	assert_memory_equal(o->metadata, json, sizeof json - 1);
	assert_int_equal(view_chain(s.view)->opened.chain_id, 31337);
	SAY(&s, LOGS_CHAIN, rollback,
	    {.to = block_of(1, 0), .from = block_of(2, 0)});
	assert_non_null(view_origin(s.view, 1));
	assert_int_equal(view_chain(s.view)->rollbacks, 1);
	assert_int_equal(view_log(s.view, LOGS_CHAIN)->block.number, 1);
	SAY(&s, LOGS_CHAIN, rollback,
	    {.to = block_of(0, 0), .from = block_of(1, 0)});
	assert_null(view_origin(s.view, 1));
}

static void metadata_that_is_too_long_is_not_kept(void **state)
{
	static uint8_t long_text[VIEW_METADATA_MAX + 1];

	(void)state;
	SAY(&s, LOGS_CHAIN, market_created,
	    {.market_id = 1, .metadata = {long_text, sizeof long_text}});
	SAY(&s, LOGS_CHAIN, block_mark, {.block = block_of(1, 0)});
	assert_int_equal(view_origin(s.view, 1)->metadata_size,
			 VIEW_METADATA_MAX + 1);
	assert_int_equal(view_origin(s.view, 1)->metadata[0], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_hold_each_request_once_newest_first),
		TEST(a_page_that_looks_for_few_among_many_ends),
		TEST(open_requests_of_a_market_come_oldest_first),
		TEST(the_newest_match_counts_until_it_is_rolled_back),
		TEST(old_matches_make_room),
		TEST(a_transaction_is_found_by_its_requests),
		TEST(old_transactions_make_room),
		TEST(the_chain_log_gives_metadata_and_roll_backs),
		TEST(metadata_that_is_too_long_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
