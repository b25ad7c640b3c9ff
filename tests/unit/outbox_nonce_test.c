/* What an outbox does about numbers that the chain has other news of. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/outbox.h"
#include "common/u256.h"

enum { ENTRIES_MAX = 4096, DEPTH = 10 };

struct fixture {
	struct sink sink; /* first */
	struct secret_key *key;
	struct outbox *o;
	struct {
		uint16_t number;
		struct buf body;
	} said[ENTRIES_MAX];
	size_t count;
	uint64_t block;
};

static enum err put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct fixture *f = (struct fixture *)sink;

	assert_true(f->count < ENTRIES_MAX);
	f->said[f->count].number = number;
	buf_put(&f->said[f->count++].body, body.data, body.size);
	return ERR_NONE;
}

static struct outbox *open_outbox(const struct fixture *f)
{
	struct outbox_config config = {.chain_id = 1,
				       .key = f->key,
				       .in_flight_max = 8,
				       .tip = u256_from_u64(1),
				       .fee_cap = u256_from_u64(1000),
				       .final_depth = DEPTH,
				       .resend_after = 3};
	struct outbox *o;

	assert_err(outbox_new(&o, &config), ERR_NONE);
	return o;
}

static void block(struct fixture *f)
{
	struct block_ref b = {.number = ++f->block, .time = {f->block}};
	struct u256 base_fee = u256_from_u64(7);

	outbox_set_block(f->o, &b, &base_fee);
}

static struct fixture *fixture_new(void)
{
	static const uint8_t secret[SECRET_SIZE] = {[31] = 1};
	struct fixture *f = calloc(1, sizeof *f);

	f->sink.put = put;
	assert_err(secret_key_new(&f->key, secret), ERR_NONE);
	f->o = open_outbox(f);
	block(f);
	return f;
}

static void fixture_free(struct fixture *f)
{
	outbox_free(&f->o);
	for (size_t i = 0; i < f->count; i++)
		buf_free(&f->said[i].body);
	buf_free(&f->sink.scratch);
	secret_key_free(&f->key);
	free(f);
}

/* Read the journal in a new process. */
static void restart(struct fixture *f)
{
	outbox_free(&f->o);
	f->o = open_outbox(f);
	for (size_t i = 0; i < f->count; i++)
		assert_err(outbox_receive(f->o, f->said[i].number,
					  buf_bytes(&f->said[i].body)),
			   ERR_NONE);
}

/* Sign an intent; the hash of its transaction. */
static struct hash32 sign(struct fixture *f, uint64_t id)
{
	struct outbox_intent intent = {.gas_limit = 21000};
	struct msg_tx_signed m;

	memcpy(intent.id.bytes, &id, sizeof id);
	assert_err(outbox_plan(f->o, &intent), ERR_NONE);
	assert_err(outbox_sign(f->o, &f->sink), ERR_NONE);
	assert_err(msg_tx_signed_decode(&m,
					buf_bytes(&f->said[f->count - 1].body)),
		   ERR_NONE);
	return m.hash;
}

static void mined(struct fixture *f, const struct hash32 *hash, uint64_t number)
{
	struct outbox_receipt r = {
		.hash = *hash, .block = {.number = number}, .success = true};

	assert_err(outbox_mined(f->o, &f->sink, &r), ERR_NONE);
}

static bool not_mined(struct fixture *f, const struct hash32 *hash,
		      uint64_t nonce)
{
	bool lost;

	assert_err(outbox_not_mined(f->o, &f->sink, hash, nonce, &lost),
		   ERR_NONE);
	return lost;
}

static void a_number_that_somebody_else_used_is_given_up(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1);

	(void)state;
	assert_false(not_mined(f, &hash, 1));
	block(f);
	assert_false(not_mined(f, &hash, 1));
	block(f);
	assert_true(not_mined(f, &hash, 1));
	assert_int_equal(outbox_sizes(f->o).in_flight, 0);
	outbox_set_floor(f->o, 1);
	hash = sign(f, 1); /* the same intent may come again */
	assert_int_equal(outbox_sizes(f->o).next_nonce, 2);
	fixture_free(f);
}

static void a_number_that_is_still_to_come_is_kept(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1);

	(void)state;
	for (int i = 0; i < 10; i++) {
		block(f);
		assert_false(not_mined(f, &hash, 0));
	}
	assert_int_equal(outbox_sizes(f->o).in_flight, 1);
	fixture_free(f);
}

static void one_answer_out_of_step_gives_nothing_up(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1);

	(void)state;
	for (int i = 0; i < 10; i++) {
		block(f);
		assert_false(not_mined(f, &hash, i % 2 ? 1 : 0));
	}
	fixture_free(f);
}

static void what_was_mined_and_is_not_is_sent_again(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1), other = {{7}};

	(void)state;
	mined(f, &hash, 2);
	restart(f);
	assert_int_equal(outbox_sizes(f->o).mined, 1);
	assert_false(not_mined(f, &other, 9));
	assert_false(not_mined(f, &hash, 0));
	assert_int_equal(outbox_sizes(f->o).mined, 0);
	assert_int_equal(outbox_sizes(f->o).in_flight, 1);
	assert_int_equal(f->said[f->count - 1].number, MSG_TX_UNMINED);
	fixture_free(f);
}

struct watched {
	unsigned count;
};

static void count_watched(void *arg, const struct hash32 *hash)
{
	(void)hash;
	((struct watched *)arg)->count++;
}

static void what_was_mined_is_watched_if_asked_for(void **state)
{
	struct fixture *f = fixture_new();
	struct hash32 hash = sign(f, 1);
	struct watched some = {0}, all = {0};

	(void)state;
	sign(f, 2);
	mined(f, &hash, 2);
	outbox_each_watched(f->o, false, count_watched, &some);
	outbox_each_watched(f->o, true, count_watched, &all);
	assert_int_equal(some.count, 1);
	assert_int_equal(all.count, 2);
	fixture_free(f);
}

/* Else reading it would take the square of its length. */
static void of_a_long_journal_little_is_alive(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		struct hash32 hash = sign(f, i);

		mined(f, &hash, f->block);
		block(f);
	}
	restart(f);
	assert_int_equal(outbox_sizes(f->o).mined, DEPTH + 1);
	assert_int_equal(outbox_sizes(f->o).next_nonce, 1000);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_that_somebody_else_used_is_given_up),
		cmocka_unit_test(a_number_that_is_still_to_come_is_kept),
		cmocka_unit_test(one_answer_out_of_step_gives_nothing_up),
		cmocka_unit_test(what_was_mined_and_is_not_is_sent_again),
		cmocka_unit_test(what_was_mined_is_watched_if_asked_for),
		cmocka_unit_test(of_a_long_journal_little_is_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
