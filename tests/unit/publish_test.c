/* Which matches go into which batch, and what of the chain log is handed on. */
#include <nettle/sha2.h>
#include <stdlib.h>

#include "services/task-publisher/publish.h"
#include "tests/unit/said.h"

enum { BATCHES_MAX = 16, ITEMS_MAX = 16 };

/* A copy of a batch that was given out. */
struct given {
	struct publish_batch batch;
	struct abi_assignment items[ITEMS_MAX];
};

static struct publish *publish;
static struct given given[BATCHES_MAX];
static size_t count;
static enum err batch_error;
static char chain[256]; /* what was handed on of the chain log */

static enum err on_batch(void *arg, const struct publish_batch *batch)
{
	struct given *g = &given[count++];

	assert_ptr_equal(arg, &publish);
	assert_true(batch->assignments_count <= ITEMS_MAX);
	g->batch = *batch;
	memcpy(g->items, batch->assignments,
	       batch->assignments_count * sizeof g->items[0]);
	return batch_error;
}

static void note(const char *what, uint64_t n)
{
	size_t size = strlen(chain);

	snprintf(chain + size, sizeof chain - size, "%s %llu;", what,
		 (unsigned long long)n);
}

static enum err on_opened(void *arg, const struct msg_chain_opened *m)
{
	(void)arg;
	note("opened", m->chain_id);
	return ERR_NONE;
}

static enum err on_block(void *arg, const struct msg_block_mark *m)
{
	(void)arg;
	note("block", m->block.number);
	return ERR_NONE;
}

static enum err on_rolled_back(void *arg, const struct block_ref *to)
{
	(void)arg;
	note("back", to->number);
	return ERR_NONE;
}

static enum err on_engine_key(void *arg, const struct msg_engine_key_set *m)
{
	(void)arg;
	note("key", m->until.v);
	return batch_error;
}

static void begin_with(size_t batch_max)
{
	struct publish_handlers handlers = {on_batch,	   on_opened,
					    on_block,	   on_rolled_back,
					    on_engine_key, &publish};

	count = 0;
	batch_error = ERR_NONE;
	*chain = 0;
	assert_err(publish_new(&publish, batch_max, &handlers), ERR_NONE);
}

static int begin(void **state)
{
	(void)state;
	begin_with(3);
	return 0;
}

static int end(void **state)
{
	(void)state;
	publish_free(&publish);
	publish_free(&publish); /* twice is once */
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static enum err tell_to(const struct wire_message *d, const void *m)
{
	return tell(publish_receive, publish, NULL, d, m);
}

#define ERR_OF(name, ...)                                                      \
	tell_to(&msg_##name##_wire, &(struct msg_##name)__VA_ARGS__)
#define TELL(name, ...) assert_err(ERR_OF(name, __VA_ARGS__), ERR_NONE)

/* Match number @n, of block @block. */
static struct msg_match_made match_of(uint64_t n, uint64_t block)
{
	return (struct msg_match_made){.request_id = 100 + n,
				       .market_id = 1,
				       .generator = address_of((uint8_t)n),
				       .decision = n,
				       .block = block_of(block, 0),
				       .price = units(1000 + n),
				       .response_time = (uint32_t)(10 + n),
				       .valid_until = {9000 + block},
				       .rule = 1,
				       .root = hash_of((uint8_t)(0x80 + n))};
}

/* The matches [@first, @last], made in block @block. */
static void matches(uint64_t first, uint64_t last, uint64_t block)
{
	for (uint64_t n = first; n <= last; n++) {
		struct msg_match_made m = match_of(n, block);

		assert_err(tell_to(&msg_match_made_wire, &m), ERR_NONE);
	}
}

static void close_round(uint32_t made, uint64_t block)
{
	TELL(round_closed, {.block = block_of(block, 0), .matches = made});
}

/* Batch @i holds the matches [@first, @last], made in block @block. */
static void assert_batch(size_t i, uint64_t first, uint64_t last,
			 uint64_t block)
{
	const struct given *g = &given[i];
	const struct abi_decision *d = &g->batch.decision;

	assert_int_equal(g->batch.assignments_count, last - first + 1);
	for (uint64_t n = first; n <= last; n++) {
		const struct abi_assignment *a = &g->items[n - first];
		struct msg_match_made m = match_of(n, block);

		assert_int_equal(a->request_id.limb[0], m.request_id);
		assert_memory_equal(&a->generator, &m.generator, 20);
		assert_memory_equal(&a->price, &m.price, 32);
		assert_int_equal(a->response_time, m.response_time);
		assert_int_equal(a->acl.size, 0);
	}
	assert_int_equal(d->batch, last);
	assert_int_equal(d->block_number, block);
	assert_memory_equal(&d->block_hash, block_of(block, 0).hash.bytes, 32);
	assert_int_equal(d->valid_until, 9000 + block);
	assert_memory_equal(&d->match_root, match_of(last, block).root.bytes,
			    32);
	assert_int_equal(g->batch.block.number, block);
}

/* ---- batches ------------------------------------------------------------ */

static void a_closed_round_is_given_out_in_order(void **state)
{
	(void)state;
	matches(1, 2, 7);
	assert_int_equal(count, 0);
	close_round(2, 7);
	assert_int_equal(count, 1);
	assert_batch(0, 1, 2, 7);
}

static void a_round_is_cut_into_batches(void **state)
{
	(void)state;
	matches(1, 7, 7);
	close_round(7, 7);
	assert_int_equal(count, 3);
	assert_batch(0, 1, 3, 7);
	assert_batch(1, 4, 6, 7);
	assert_batch(2, 7, 7, 7);
	matches(8, 10, 8); /* exactly one batch */
	close_round(3, 8);
	assert_int_equal(count, 4);
	assert_batch(3, 8, 10, 8);
}

static void rounds_are_of_any_size(void **state)
{
	(void)state;
	end(state);
	begin_with(16);
	matches(1, 200, 7);
	close_round(200, 7);
	assert_int_equal(count, 13);
	assert_batch(0, 1, 16, 7);
	assert_batch(12, 193, 200, 7);
}

static void a_round_without_matches_gives_nothing(void **state)
{
	(void)state;
	close_round(0, 7);
	assert_int_equal(count, 0);
}

static void matches_are_of_one_round_only(void **state)
{
	(void)state;
	matches(1, 1, 7);
	close_round(1, 7);
	matches(2, 2, 8);
	close_round(1, 8);
	assert_int_equal(count, 2);
	assert_batch(0, 1, 1, 7);
	assert_batch(1, 2, 2, 8);
}

static void a_round_that_was_joined_in_its_middle_is_left_out(void **state)
{
	(void)state;
	matches(5, 6, 7); /* of six: we began to read with the fifth */
	close_round(6, 7);
	assert_int_equal(count, 0);
	matches(7, 8, 8);
	close_round(2, 8);
	assert_int_equal(count, 1);
	assert_batch(0, 7, 8, 8);
}

static void a_roll_back_voids_what_was_gathered(void **state)
{
	(void)state;
	matches(1, 2, 7);
	TELL(round_rolled_back, {.to = block_of(6, 0)});
	matches(1, 1, 7);
	close_round(1, 7);
	assert_int_equal(count, 1);
	assert_batch(0, 1, 1, 7);
}

static void what_the_handler_returns_is_returned(void **state)
{
	(void)state;
	matches(1, 7, 7);
	batch_error = ERR_STORAGE;
	assert_err(
		ERR_OF(round_closed, {.block = block_of(7, 0), .matches = 7}),
		ERR_STORAGE);
	assert_int_equal(count, 1); /* and the rest isn't given */
	assert_err(ERR_OF(engine_key_set, {.until = {5}}), ERR_STORAGE);
}

static void the_newest_round_is_known(void **state)
{
	(void)state;
	assert_int_equal(publish_round(publish).number, 0);
	matches(1, 1, 7);
	assert_int_equal(publish_round(publish).number, 0); /* it is open */
	close_round(1, 7);
	assert_int_equal(publish_round(publish).number, 7);
	close_round(0, 8);
	assert_int_equal(publish_round(publish).number, 8);
	TELL(round_rolled_back, {.to = block_of(6, 0)});
	assert_int_equal(publish_round(publish).number, 6);
}

/* ---- contradictions ----------------------------------------------------- */

static void a_match_of_another_block_is_a_conflict(void **state)
{
	struct msg_match_made m = match_of(2, 8);

	(void)state;
	matches(1, 1, 7);
	assert_err(tell_to(&msg_match_made_wire, &m), ERR_CONFLICT);
}

static void a_round_of_another_block_is_a_conflict(void **state)
{
	(void)state;
	matches(1, 1, 7);
	assert_err(
		ERR_OF(round_closed, {.block = block_of(8, 0), .matches = 1}),
		ERR_CONFLICT);
	assert_int_equal(count, 0);
}

static void a_round_that_counts_otherwise_is_a_conflict(void **state)
{
	(void)state;
	matches(1, 1, 7);
	close_round(1, 7); /* from here on nothing is missing */
	matches(2, 2, 8);
	assert_err(
		ERR_OF(round_closed, {.block = block_of(8, 0), .matches = 2}),
		ERR_CONFLICT);
	end(state);
	begin(state);
	TELL(round_rolled_back, {.to = block_of(6, 0)}); /* nor from here */
	matches(1, 2, 7);
	assert_err(
		ERR_OF(round_closed, {.block = block_of(7, 0), .matches = 1}),
		ERR_CONFLICT);
	assert_int_equal(count, 0);
}

/* ---- ids ---------------------------------------------------------------- */

static void a_batch_has_an_id_of_its_number_and_block(void **state)
{
	uint8_t bytes[6 + 8 + 32] = "assign", want[32];
	struct sha256_ctx sha;
	struct hash32 id, other;

	(void)state;
	matches(1, 2, 7);
	close_round(2, 7);
	publish_batch_id(&id, &given[0].batch);
	bytes[13] = 2;
	memcpy(bytes + 14, block_of(7, 0).hash.bytes, 32);
	sha256_init(&sha);
	sha256_update(&sha, sizeof bytes, bytes);
	sha256_digest(&sha, 32, want);
	assert_memory_equal(id.bytes, want, 32);
	given[0].batch.decision.batch++;
	publish_batch_id(&other, &given[0].batch);
	assert_memory_not_equal(id.bytes, other.bytes, 32);
	given[0].batch.decision.batch--;
	given[0].batch.block.hash.bytes[0]++;
	publish_batch_id(&other, &given[0].batch);
	assert_memory_not_equal(id.bytes, other.bytes, 32);
}

/* ---- the chain log ------------------------------------------------------ */

static void the_chain_log_is_handed_on(void **state)
{
	(void)state;
	TELL(chain_opened, {.chain_id = 31337});
	TELL(block_mark, {.block = block_of(5, 0)});
	TELL(request_created, {.request_id = 1}); /* not for us */
	TELL(engine_key_set, {.until = {77}});
	TELL(rollback, {.to = block_of(4, 0), .from = block_of(5, 0)});
	assert_string_equal(chain, "opened 31337;block 5;key 77;back 4;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_closed_round_is_given_out_in_order),
		TEST(a_round_is_cut_into_batches),
		TEST(rounds_are_of_any_size),
		TEST(a_round_without_matches_gives_nothing),
		TEST(the_newest_round_is_known),
		TEST(matches_are_of_one_round_only),
		TEST(a_round_that_was_joined_in_its_middle_is_left_out),
		TEST(a_roll_back_voids_what_was_gathered),
		TEST(what_the_handler_returns_is_returned),
		TEST(a_match_of_another_block_is_a_conflict),
		TEST(a_round_of_another_block_is_a_conflict),
		TEST(a_round_that_counts_otherwise_is_a_conflict),
		TEST(a_batch_has_an_id_of_its_number_and_block),
		TEST(the_chain_log_is_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
