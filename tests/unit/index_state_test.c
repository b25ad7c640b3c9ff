/* Where the chain log stands: its beginning, roll-backs, half blocks,
 * snapshots; the index is what its own log leads to. */
#include "services/chain-indexer/index.h"
#include "tests/unit/said.h"

enum { DEPTH = 16, START = 100 };

static struct said said;
static struct index *ix;

static struct index *fresh(void)
{
	struct index_config config = {.start_block = START, .depth = DEPTH};
	struct index *out;

	assert_err(index_new(&out, &config), ERR_NONE);
	return out;
}

static int begin(void **state)
{
	(void)state;
	said_begin(&said);
	ix = fresh();
	return 0;
}

static int end(void **state)
{
	(void)state;
	index_free(&ix);
	said_end(&said);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static struct msg_chain_opened deployment(void)
{
	return (struct msg_chain_opened){.chain_id = 31337,
					 .genesis = hash_of(9),
					 .start_block = START,
					 .marketplace = address_of(1),
					 .registry = address_of(2),
					 .keys = address_of(3)};
}

static enum err tell_to(struct index *to, const struct wire_message *d,
			const void *m)
{
	return tell(index_receive, to, &said.sink, d, m);
}

#define ERR_OF(name, ...)                                                      \
	tell_to(ix, &msg_##name##_wire, &(struct msg_##name)__VA_ARGS__)
#define TELL(name, ...) assert_err(ERR_OF(name, __VA_ARGS__), ERR_NONE)

static void open_log(void)
{
	struct msg_chain_opened m = deployment();

	assert_err(tell_to(ix, &msg_chain_opened_wire, &m), ERR_NONE);
}

/* The log has blocks [@first, @last] of branch @branch. */
static void marks(uint64_t first, uint64_t last, uint8_t branch)
{
	for (uint64_t n = first; n <= last; n++)
		TELL(block_mark, {.block = block_of(n, branch)});
}

static uint64_t tip(void)
{
	const struct block_ref *b = fork_tip(index_fork(ix));

	return b ? b->number : 0;
}

/* ---- the beginning ------------------------------------------------------ */

static void the_log_begins_with_what_it_is_of(void **state)
{
	struct msg_chain_opened m = deployment();

	(void)state;
	assert_int_equal(index_opened(ix)->chain_id, 0);
	assert_err(index_open(ix, &said.sink, &m), ERR_NONE);
	assert_said(&said, &msg_chain_opened_wire, &m);
	assert_err(index_open(ix, &said.sink, &m), ERR_NONE);
	assert_said_nothing(&said);
	assert_int_equal(index_opened(ix)->chain_id, 31337);
}

static void another_deployment_is_a_conflict(void **state)
{
	(void)state;
	open_log();
	for (unsigned i = 0; i < 6; i++) {
		struct msg_chain_opened m = deployment();

		switch (i) {
		case 0:
			m.chain_id++;
			break;
		case 1:
			m.genesis.bytes[31]++;
			break;
		case 2:
			m.start_block++;
			break;
		case 3:
			m.marketplace.bytes[19]++;
			break;
		case 4:
			m.registry.bytes[19]++;
			break;
		case 5:
			m.keys.bytes[19]++;
			break;
		}
		assert_err(index_open(ix, &said.sink, &m), ERR_CONFLICT);
	}
	assert_said_nothing(&said);
}

static void an_empty_log_begins_at_the_start_block(void **state)
{
	(void)state;
	assert_int_equal(fork_next(index_fork(ix)), START);
	assert_null(fork_tip(index_fork(ix)));
}

/* ---- reading its own log ------------------------------------------------ */

static void marks_move_the_tip(void **state)
{
	(void)state;
	open_log();
	marks(START, START + 3, 0);
	assert_int_equal(tip(), START + 3);
	assert_memory_equal(fork_tip(index_fork(ix))->hash.bytes,
			    block_of(START + 3, 0).hash.bytes, 32);
	TELL(request_cancelled, {.request_id = 1}); /* an event: no matter */
	assert_int_equal(tip(), START + 3);
}

static void a_roll_back_moves_it_back(void **state)
{
	(void)state;
	open_log();
	marks(START, START + 3, 0);
	TELL(rollback, {.to = block_of(START + 1, 0)});
	assert_int_equal(tip(), START + 1);
	marks(START + 2, START + 5, 1);
	assert_int_equal(tip(), START + 5);
	assert_memory_equal(fork_at(index_fork(ix), START + 2)->hash.bytes,
			    block_of(START + 2, 1).hash.bytes, 32);
}

static void a_log_with_a_gap_is_a_conflict(void **state)
{
	(void)state;
	open_log();
	marks(START, START + 3, 0);
	assert_err(ERR_OF(block_mark, {.block = block_of(START + 5, 0)}),
		   ERR_CONFLICT);
	assert_err(ERR_OF(block_mark, {.block = block_of(START + 3, 0)}),
		   ERR_CONFLICT);
	assert_err(ERR_OF(rollback, {.to = block_of(START - 1, 0)}),
		   ERR_CONFLICT);
	assert_err(ERR_OF(rollback, {.to = block_of(START + 4, 0)}),
		   ERR_CONFLICT);
	assert_int_equal(tip(), START + 3);
}

static void what_is_said_of_a_roll_back_leads_there(void **state)
{
	struct block_ref to = block_of(START + 1, 0),
			 from = block_of(START + 3, 0);

	(void)state;
	open_log();
	marks(START, START + 3, 0);
	assert_err(index_roll_back(ix, &said.sink, &to, &from), ERR_NONE);
	SAID(&said, rollback, {.to = to, .from = from});
	assert_said_nothing(&said);
	assert_int_equal(tip(), START + 3); /* struct chain moves it */
	said.fails = ERR_FENCED;
	assert_err(index_roll_back(ix, &said.sink, &to, &from), ERR_FENCED);
}

/* ---- half a block ------------------------------------------------------- */

static void half_a_block_is_dropped_by_a_roll_back_to_the_tip(void **state)
{
	struct block_ref at = block_of(START + 3, 0);

	(void)state;
	open_log();
	marks(START, START + 3, 0);
	assert_err(index_drop_half(ix, &said.sink), ERR_NONE);
	SAID(&said, rollback, {.to = at, .from = at});
	TELL(rollback, {.to = at, .from = at}); /* as it is read again */
	assert_int_equal(tip(), START + 3);
	marks(START + 4, START + 4, 0);
}

static void half_a_first_block_is_dropped_too(void **state)
{
	struct block_ref before = {.number = START - 1};

	(void)state;
	open_log();
	assert_err(index_drop_half(ix, &said.sink), ERR_NONE);
	SAID(&said, rollback, {.to = before, .from = before});
	TELL(rollback, {.to = before, .from = before});
	assert_int_equal(fork_next(index_fork(ix)), START);
	marks(START, START, 0);
	assert_int_equal(tip(), START);
}

/* ---- snapshots ---------------------------------------------------------- */

static void what_is_loaded_is_what_was_saved(void **state)
{
	struct buf bytes = {0}, again = {0};
	struct index *copy;

	(void)state;
	open_log();
	marks(START, START + 20, 0); /* more than are remembered */
	assert_err(index_save(ix, &bytes), ERR_NONE);
	copy = fresh();
	assert_err(index_load(copy, buf_bytes(&bytes)), ERR_NONE);
	index_free(&ix);
	ix = copy;
	assert_int_equal(tip(), START + 20);
	assert_int_equal(fork_count(index_fork(ix)), DEPTH);
	assert_memory_equal(fork_at(index_fork(ix), START + 5)->hash.bytes,
			    block_of(START + 5, 0).hash.bytes, 32);
	assert_int_equal(index_opened(ix)->chain_id, 31337);
	assert_err(index_save(ix, &again), ERR_NONE);
	assert_int_equal(bytes.size, again.size);
	assert_memory_equal(bytes.data, again.data, bytes.size);
	marks(START + 21, START + 22, 0);
	TELL(rollback, {.to = block_of(START + 8, 0)});
	buf_free(&bytes);
	buf_free(&again);
}

static void counters_are_in_the_snapshot(void **state)
{
	struct evm_log log = {.log = {.address = address_of(1)}, .block = 1};
	struct evm_header header = {.block = block_of(START, 0)};
	struct buf bytes = {0};
	struct index *copy = fresh();

	(void)state;
	open_log();
	assert_err(index_block(ix, &said.sink, &header, &log, 1), ERR_NONE);
	assert_int_equal(index_unreadable(ix), 1);
	assert_err(index_save(ix, &bytes), ERR_NONE);
	assert_err(index_load(copy, buf_bytes(&bytes)), ERR_NONE);
	assert_int_equal(index_unreadable(copy), 1);
	assert_int_equal(index_events(copy), 0);
	index_free(&copy);
	buf_free(&bytes);
}

/* Refused, and the index is as it was. */
static void assert_refused(struct bytes state)
{
	assert_err(index_load(ix, state), ERR_MALFORMED);
	assert_int_equal(tip(), START + 1);
	assert_int_equal(index_opened(ix)->chain_id, 31337);
}

static void a_torn_or_foreign_snapshot_is_refused(void **state)
{
	struct index *other = ix;
	struct buf bytes = {0};

	(void)state;
	open_log();
	marks(START, START + 7, 0);
	assert_err(index_save(ix, &bytes), ERR_NONE);
	ix = fresh();
	open_log();
	marks(START, START + 1, 0);
	for (size_t size = 0; size < bytes.size; size++)
		assert_refused((struct bytes){bytes.data, size});
	buf_put_u8(&bytes, 0);
	assert_refused(buf_bytes(&bytes));
	bytes.size--;
	bytes.data[3]++; /* another version's */
	assert_refused(buf_bytes(&bytes));
	bytes.data[3]--;
	bytes.data[bytes.size - 48 - 41]++; /* a block twice, one missing */
	assert_refused(buf_bytes(&bytes));
	index_free(&other);
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_begins_with_what_it_is_of),
		TEST(another_deployment_is_a_conflict),
		TEST(an_empty_log_begins_at_the_start_block),
		TEST(marks_move_the_tip),
		TEST(a_roll_back_moves_it_back),
		TEST(a_log_with_a_gap_is_a_conflict),
		TEST(what_is_said_of_a_roll_back_leads_there),
		TEST(half_a_block_is_dropped_by_a_roll_back_to_the_tip),
		TEST(half_a_first_block_is_dropped_too),
		TEST(what_is_loaded_is_what_was_saved),
		TEST(counters_are_in_the_snapshot),
		TEST(a_torn_or_foreign_snapshot_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
