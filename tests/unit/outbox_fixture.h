/* outbox_fixture - an outbox and its journal, for tests of what it does. */
#ifndef TESTS_UNIT_OUTBOX_FIXTURE_H
#define TESTS_UNIT_OUTBOX_FIXTURE_H

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/outbox.h"
#include "common/u256.h"

enum { ENTRIES_MAX = 4096, DEPTH = 10 };

struct fixture {
	struct sink sink; /* first */
	struct secret_key *key;
	struct outbox_config config; /* without the key; of the next one */
	struct outbox *o;
	struct {
		uint16_t number;
		struct buf body;
	} said[ENTRIES_MAX];
	size_t count;
	uint64_t block, base_fee;
};

static inline enum err put(struct sink *sink, uint16_t number,
			   struct bytes body)
{
	struct fixture *f = (struct fixture *)sink;

	assert_true(f->count < ENTRIES_MAX);
	f->said[f->count].number = number;
	buf_put(&f->said[f->count++].body, body.data, body.size);
	return ERR_NONE;
}

static inline struct outbox *open_outbox(const struct fixture *f)
{
	struct outbox_config config = f->config;
	struct outbox *o;

	config.key = f->key;
	assert_err(outbox_new(&o, &config), ERR_NONE);
	return o;
}

static inline void block(struct fixture *f)
{
	struct block_ref b = {.number = ++f->block, .time = {f->block}};
	struct u256 base_fee = u256_from_u64(f->base_fee);

	outbox_set_block(f->o, &b, &base_fee);
}

static inline struct fixture *fixture_new(void)
{
	static const uint8_t secret[SECRET_SIZE] = {[31] = 1};
	struct fixture *f = calloc(1, sizeof *f);

	f->sink.put = put;
	f->config = (struct outbox_config){.chain_id = 1,
					   .in_flight_max = 8,
					   .tip = u256_from_u64(1),
					   .fee_cap = u256_from_u64(1000),
					   .final_depth = DEPTH,
					   .resend_after = 3,
					   .outsiders = OUTBOX_YIELD};
	assert_err(secret_key_new(&f->key, secret), ERR_NONE);
	f->base_fee = 7;
	f->o = open_outbox(f);
	block(f);
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	outbox_free(&f->o);
	for (size_t i = 0; i < f->count; i++)
		buf_free(&f->said[i].body);
	buf_free(&f->sink.scratch);
	secret_key_free(&f->key);
	free(f);
}

/* Read the journal in a new process. */
static inline void restart(struct fixture *f)
{
	outbox_free(&f->o);
	f->o = open_outbox(f);
	for (size_t i = 0; i < f->count; i++)
		assert_err(outbox_receive(f->o, f->said[i].number,
					  buf_bytes(&f->said[i].body)),
			   ERR_NONE);
}

/* Sign an intent; the hash of its transaction. */
static inline struct hash32 sign(struct fixture *f, uint64_t id)
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

static inline void mined(struct fixture *f, const struct hash32 *hash,
			 uint64_t number)
{
	struct outbox_receipt r = {
		.hash = *hash, .block = {.number = number}, .success = true};

	assert_err(outbox_mined(f->o, &f->sink, &r), ERR_NONE);
}

static inline bool not_mined(struct fixture *f, const struct hash32 *hash,
			     uint64_t nonce)
{
	bool lost;

	assert_err(outbox_not_mined(f->o, &f->sink, hash, nonce, &lost),
		   ERR_NONE);
	return lost;
}

#endif /* TESTS_UNIT_OUTBOX_FIXTURE_H */
