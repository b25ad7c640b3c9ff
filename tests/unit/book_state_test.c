/* What the book does about contradictions, roll-backs and snapshots. */
#include "tests/unit/book_fixture.h"

/* ---- contradictions ----------------------------------------------------- */

/* Market 1; GENERATOR with request 1 as a task, request 2 open, request 3
 * ended; OTHER without a quote. */
static void a_busy_market(void)
{
	open_market();
	register_generator(OTHER, 8, 500);
	create_request(1, 1);
	create_request(2, 1);
	create_request(3, 1);
	create_task(1, 1, GENERATOR, 2);
	TELL(request_cancelled, {.at = here(), .request_id = 3});
	create_market(2, 7);
	mark();
	said_forget(&said);
}

/* That was a contradiction about (market, generator, request), of which 0
 * means none: it is said, counted, and nothing else. */
static void assert_suspended(const struct hash32 *before, uint64_t count,
			     uint64_t market, uint8_t who, uint64_t request)
{
	struct msg_suspended m;
	uint16_t number = 0;
	struct bytes body = said_next(&said, &number);

	assert_int_equal(number, MSG_SUSPENDED);
	assert_err(msg_suspended_decode(&m, body), ERR_NONE);
	assert_int_equal(m.market_id, market);
	assert_memory_equal(m.generator.bytes, address_of(who).bytes, 20);
	assert_int_equal(m.request_id, request);
	assert_true(m.reason.size > 0);
	assert_int_equal(place_cmp(m.at, newest()), 0);
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).suspended, count);
	assert_same_hash(hash_now(), *before);
}

#define CONTRADICTS(market, who, request, name, ...)                           \
	do {                                                                   \
		struct hash32 before_ = hash_now();                            \
		uint64_t count_ = book_sizes(book).suspended;                  \
                                                                               \
		TELL(name, __VA_ARGS__);                                       \
		assert_suspended(&before_, count_ + 1, market, who, request);  \
	} while (0)

static void a_market_is_created_once_before_it_changes(void **state)
{
	(void)state;
	a_busy_market();
	CONTRADICTS(1, 0, 0, market_created,
		    {.at = here(), .market_id = 1, .penalty = units(1)});
	CONTRADICTS(9, 0, 0, market_owner_set, {.at = here(), .market_id = 9});
	CONTRADICTS(9, 0, 0, market_closed, {.at = here(), .market_id = 9});
}

static void a_generator_is_registered_once_before_it_changes(void **state)
{
	struct address nobody = address_of(0x66);

	(void)state;
	a_busy_market();
	CONTRADICTS(0, GENERATOR, 0, generator_registered,
		    {.at = here(), .generator = address_of(GENERATOR)});
	CONTRADICTS(0, 0x66, 0, generator_deregistered,
		    {.at = here(), .generator = nobody});
	CONTRADICTS(0, 0x66, 0, reward_address_set,
		    {.at = here(), .generator = nobody});
	CONTRADICTS(0, 0x66, 0, stake_changed,
		    {.at = here(), .generator = nobody});
	CONTRADICTS(0, 0x66, 0, compute_changed,
		    {.at = here(), .generator = nobody});
}

static void a_quote_needs_generator_and_market(void **state)
{
	(void)state;
	a_busy_market();
	CONTRADICTS(
		0, 0x66, 0, chain_quote_set,
		{.at = here(), .generator = address_of(0x66), .market_id = 1});
	CONTRADICTS(
		0, OTHER, 0, chain_quote_set,
		{.at = here(), .generator = address_of(OTHER), .market_id = 9});
	CONTRADICTS(
		0, OTHER, 0, chain_quote_removed,
		{.at = here(), .generator = address_of(OTHER), .market_id = 1});
}

static void a_request_is_created_once_in_a_market(void **state)
{
	(void)state;
	a_busy_market();
	CONTRADICTS(0, 0, 2, request_created,
		    {.at = here(), .request_id = 2, .market_id = 1});
	CONTRADICTS(0, 0, 1, request_created,
		    {.at = here(), .request_id = 1, .market_id = 1});
	CONTRADICTS(0, 0, 5, request_created,
		    {.at = here(), .request_id = 5, .market_id = 9});
}

static void only_what_is_open_is_closed(void **state)
{
	(void)state;
	a_busy_market();
	for (uint64_t id = 1; id <= 4; id++) {
		if (id == 2)
			continue;
		CONTRADICTS(0, 0, id, request_cancelled,
			    {.at = here(), .request_id = id});
		CONTRADICTS(0, 0, id, request_rejected,
			    {.at = here(), .request_id = id});
	}
	assert_int_equal(said.keeps, 1); /* of request 3 */
}

static struct msg_task_created task_of(uint64_t id)
{
	return (struct msg_task_created){.at = here(),
					 .request_id = id,
					 .generator = address_of(GENERATOR),
					 .market_id = 1,
					 .price = units(1),
					 .compute = 1};
}

static void only_what_is_open_becomes_a_task(void **state)
{
	struct msg_task_created m;
	struct hash32 before;

	(void)state;
	a_busy_market();
	before = hash_now();
	m = task_of(1); /* it is one already */
	assert_err(tell_to(book, &msg_task_created_wire, &m), ERR_NONE);
	assert_suspended(&before, 1, 0, 0, 1);
	m = task_of(3); /* ended */
	assert_err(tell_to(book, &msg_task_created_wire, &m), ERR_NONE);
	assert_suspended(&before, 2, 0, 0, 3);
	m = task_of(2);
	m.market_id = 9;
	assert_err(tell_to(book, &msg_task_created_wire, &m), ERR_NONE);
	assert_suspended(&before, 3, 0, 0, 2);
	m = task_of(2);
	m.generator = address_of(0x66);
	assert_err(tell_to(book, &msg_task_created_wire, &m), ERR_NONE);
	assert_suspended(&before, 4, 0, 0, 2);
	m = task_of(2);
	m.market_id = 2; /* there is one, but the request is of another */
	assert_err(tell_to(book, &msg_task_created_wire, &m), ERR_NONE);
	assert_suspended(&before, 5, 0, 0, 2);
	m = task_of(2);
	m.compute = UINT64_MAX; /* with that of request 1 it overflows */
	assert_err(tell_to(book, &msg_task_created_wire, &m), ERR_NONE);
	assert_suspended(&before, 6, 0, GENERATOR, 0);
	m = task_of(2);
	assert_err(tell_to(book, &msg_task_created_wire, &m), ERR_NONE);
	assert_int_equal(book_sizes(book).suspended, 6);
}

static void only_a_task_is_ended_as_one(void **state)
{
	(void)state;
	a_busy_market();
	for (uint64_t id = 2; id <= 4; id++) {
		CONTRADICTS(0, 0, id, proof_submitted,
			    {.at = here(), .request_id = id});
		CONTRADICTS(0, 0, id, inputs_invalidated,
			    {.at = here(), .request_id = id});
		CONTRADICTS(0, 0, id, task_slashed,
			    {.at = here(), .request_id = id});
	}
}

static void totals_never_go_below_zero(void **state)
{
	(void)state;
	a_busy_market();
	/* The chain says that less is locked than the task holds. */
	set_stake(GENERATOR, 1000, 99, 0);
	said_forget(&said);
	CONTRADICTS(0, GENERATOR, 0, proof_submitted,
		    {.at = here(), .request_id = 1});
	set_stake(GENERATOR, 99, 100, 0);
	said_forget(&said);
	CONTRADICTS(0, GENERATOR, 0, task_slashed,
		    {.at = here(), .request_id = 1});
	assert_int_equal(book_sizes(book).assigned, 1);
}

static void a_contradiction_counts_in_its_block_and_is_undone(void **state)
{
	(void)state;
	a_busy_market();
	TELL(market_closed, {.at = here(), .market_id = 9});
	said_forget(&said);
	mark();
	SAID(&said, block_closed, {.block = block_of(3, 0), .entries = 1});
	assert_int_equal(book_sizes(book).suspended, 1);
	roll_back(2);
	assert_int_equal(book_sizes(book).suspended, 0);
}

/* ---- roll-backs --------------------------------------------------------- */

/* One block with a bit of everything. */
static void a_block_of_everything(void)
{
	register_generator(0x33, 4, 400);
	set_quote(0x33, 1, 30, 20, 1);
	set_quote(0x33, 2, 30, 20, 1);
	TELL(key_registered,
	     {.at = here(), .owner = address_of(0x33), .market_id = 2});
	TELL(key_registered,
	     {.at = here(), .owner = address_of(0x34), .market_id = 2});
	create_request(5, 2);
	create_task(5, 2, 0x33, 1);
	submit_proof(1, GENERATOR);
	remove_quote(GENERATOR, 1);
	TELL(request_rejected, {.at = here(), .request_id = 2});
	TELL(market_closed, {.at = here(), .market_id = 1});
	TELL(market_owner_set, {.at = here(), .market_id = 2});
	set_stake(OTHER, 0, 0, 0);
	TELL(generator_deregistered,
	     {.at = here(), .generator = address_of(OTHER)});
	set_stake(OTHER, 0, 0, 0);
	slash(5, 0x33, 7);
	TELL(compute_changed,
	     {.at = here(), .generator = address_of(0x33), .compute = 1});
}

static void a_roll_back_restores_and_the_branch_goes_on(void **state)
{
	struct hash32 before, after;

	(void)state;
	a_busy_market();
	before = hash_now();
	a_block_of_everything();
	mark();
	after = hash_now();
	assert_other_hash(before, after);
	mark();
	said_forget(&said);
	roll_back(2);
	SAID(&said, book_rolled_back, {.to = block_of(2, 0)});
	assert_said_nothing(&said);
	assert_same_hash(hash_now(), before);
	assert_int_equal(book_sizes(book).block.number, 2);
	assert_int_equal(book_sizes(book).suspended, 0);
	/* The other branch says the same: what comes is the same. */
	a_block_of_everything();
	mark_on(1);
	assert_same_hash(hash_now(), after);
	assert_int_equal(book_sizes(book).suspended, 0);
}

static void half_a_block_is_undone(void **state)
{
	struct hash32 before;

	(void)state;
	a_busy_market();
	before = hash_now();
	create_market(5, 1); /* a delta of a block that never came */
	a_block_of_everything();
	roll_back(2);
	assert_same_hash(hash_now(), before);
	said_forget(&said);
	create_market(5, 1);
	said_forget(&said);
	mark();
	SAID(&said, block_closed, {.block = block_of(3, 0), .entries = 1});
}

static void a_roll_back_may_go_before_the_first_block(void **state)
{
	struct hash32 empty, first;

	(void)state;
	open_log();
	empty = hash_now();
	create_market(1, 100);
	roll_back(0); /* with half a first block */
	assert_same_hash(hash_now(), empty);
	create_market(1, 100);
	mark();
	first = hash_now();
	create_market(2, 100);
	mark();
	roll_back(0); /* with whole ones */
	assert_same_hash(hash_now(), empty);
	assert_int_equal(book_sizes(book).markets, 0);
	assert_int_equal(book_sizes(book).block.number, 0);
	create_market(1, 100);
	said_forget(&said);
	mark();
	SAID(&said, block_closed, {.block = block_of(1, 0), .entries = 1});
	assert_same_hash(hash_now(), first);
}

static void a_roll_back_deeper_than_remembered_is_refused(void **state)
{
	struct msg_rollback deep = {.to = block_of(3, 0)};

	(void)state;
	open_market();
	for (unsigned i = 1; i < DEPTH + 4; i++)
		mark();
	/* Blocks 1 to 20 are closed; 5 to 20 can be undone. */
	assert_err(tell_to(book, &msg_rollback_wire, &deep), ERR_FINALITY);
	roll_back(4);
	assert_int_equal(book_sizes(book).block.number, 4);
}

/* ---- the hash ----------------------------------------------------------- */

static void the_hash_is_of_what_is_there_not_of_how_it_came(void **state)
{
	struct hash32 h;

	(void)state;
	open_market();
	register_generator(OTHER, 8, 500);
	set_quote(OTHER, 1, 1, 1, 1);
	remove_quote(OTHER, 1);
	h = hash_now();
	set_quote(OTHER, 1, 1, 1, 1);
	remove_quote(OTHER, 1);
	set_stake(OTHER, 1, 0, 0);
	set_stake(OTHER, 500, 0, 0);
	assert_same_hash(hash_now(), h);
}

static void the_hash_knows_what_each_task_holds(void **state)
{
	struct hash32 h;

	(void)state;
	open_market();
	create_request(1, 1);
	create_request(2, 1);
	mark();
	create_task(1, 1, GENERATOR, 1);
	create_task(2, 1, GENERATOR, 2);
	h = hash_now();
	roll_back(2);
	create_task(1, 1, GENERATOR, 2); /* the totals are the same */
	create_task(2, 1, GENERATOR, 1);
	assert_other_hash(hash_now(), h);
}

/* ---- a log that isn't one ----------------------------------------------- */

static void a_log_without_its_beginning_does_no_harm(void **state)
{
	(void)state;
	mark();
	SAID(&said, block_closed, {.block = block_of(1, 0)});
	create_market(1, 1);
	mark();
	open_log();
	open_log();
	assert_int_equal(book_sizes(book).block.number, 2);
}

/* ---- failing sinks ------------------------------------------------------ */

static void what_the_sink_returns_is_returned(void **state)
{
	struct msg_block_mark m = {.block = block_of(3, 0)};
	struct msg_market_created created = {.market_id = 5};

	(void)state;
	a_busy_market();
	said.fails = ERR_FENCED;
	assert_err(tell_to(book, &msg_market_created_wire, &created),
		   ERR_FENCED);
	assert_err(tell_to(book, &msg_block_mark_wire, &m), ERR_FENCED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_market_is_created_once_before_it_changes),
		TEST(a_generator_is_registered_once_before_it_changes),
		TEST(a_quote_needs_generator_and_market),
		TEST(a_request_is_created_once_in_a_market),
		TEST(only_what_is_open_is_closed),
		TEST(only_what_is_open_becomes_a_task),
		TEST(only_a_task_is_ended_as_one),
		TEST(totals_never_go_below_zero),
		TEST(a_contradiction_counts_in_its_block_and_is_undone),
		TEST(a_roll_back_restores_and_the_branch_goes_on),
		TEST(half_a_block_is_undone),
		TEST(a_roll_back_may_go_before_the_first_block),
		TEST(a_roll_back_deeper_than_remembered_is_refused),
		TEST(the_hash_is_of_what_is_there_not_of_how_it_came),
		TEST(the_hash_knows_what_each_task_holds),
		TEST(a_log_without_its_beginning_does_no_harm),
		TEST(what_the_sink_returns_is_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
