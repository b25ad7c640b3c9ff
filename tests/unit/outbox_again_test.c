/* What an outbox signs under a nonce that it has signed under before, and when
 * it signs nothing at all. */
#include "tests/unit/outbox_fixture.h"

static struct fixture *f;

static int begin(void **state)
{
	(void)state;
	f = fixture_new();
	f->config.bump_after = 3;
	f->config.outsiders = OUTBOX_STOP;
	restart(f);
	f->block = 0;
	block(f);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fixture_free(f);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* ---- helpers ------------------------------------------------------------ */

static uint64_t low(const struct amount *a)
{
	assert_true(!(a->v.limb[1] | a->v.limb[2] | a->v.limb[3]));
	return a->v.limb[0];
}

static struct msg_tx_signed newest(void)
{
	struct msg_tx_signed m;

	assert_true(f->count && f->said[f->count - 1].number == MSG_TX_SIGNED);
	assert_err(msg_tx_signed_decode(&m,
					buf_bytes(&f->said[f->count - 1].body)),
		   ERR_NONE);
	return m;
}

static enum err plan(uint64_t id, uint64_t valid_until)
{
	static const uint8_t data[] = {1, 2, 3};
	struct outbox_intent intent = {.gas_limit = 90000,
				       .to = {{7}},
				       .data = {(uint8_t *)data, sizeof data},
				       .valid_until = {valid_until}};

	memcpy(intent.id.bytes, &id, sizeof id);
	return outbox_plan(f->o, &intent);
}

static struct hash32 id_of(uint64_t id)
{
	struct hash32 h = {{0}};

	memcpy(h.bytes, &id, sizeof id);
	return h;
}

static enum outbox_fate fate(uint64_t id)
{
	struct hash32 h = id_of(id);

	return outbox_fate(f->o, &h);
}

static bool count_send(void *arg, const struct hash32 *id,
		       const struct hash32 *hash, struct bytes raw)
{
	(void)id;
	(void)hash;
	(void)raw;
	++*(unsigned *)arg;
	return true;
}

static unsigned send_all(void)
{
	unsigned n = 0;

	outbox_each_to_send(f->o, count_send, &n);
	return n;
}

/* What a service does at a block; how many were signed. */
static size_t turn(void)
{
	size_t before = f->count;

	assert_err(outbox_sign(f->o, &f->sink), ERR_NONE);
	send_all();
	return f->count - before;
}

static void not_mined_yet(void *arg, const struct hash32 *hash)
{
	(void)arg;
	assert_false(not_mined(f, hash, 0));
}

static size_t blocks(unsigned n)
{
	size_t said = 0;

	while (n--) {
		block(f);
		outbox_each_watched(f->o, false, not_mined_yet, NULL);
		said += turn();
	}
	return said;
}

static void count_hash(void *arg, const struct hash32 *hash)
{
	(void)hash;
	++*(unsigned *)arg;
}

/* A round of questions begins; how many there are. */
static unsigned watched(void)
{
	unsigned n = 0;

	outbox_each_watched(f->o, false, count_hash, &n);
	return n;
}

static struct hash32 start_one(uint64_t valid_until)
{
	assert_err(plan(1, valid_until), ERR_NONE);
	assert_int_equal(turn(), 1);
	return newest().hash;
}

/* ---- bumps -------------------------------------------------------------- */

static void what_waits_is_signed_again_for_an_eighth_more(void **state)
{
	struct tx first, second;
	struct address from;
	struct hash32 hash;
	struct msg_tx_signed m;
	struct buf raw = {0};

	(void)state;
	f->config.tip = u256_from_u64(9);
	restart(f);
	block(f);
	start_one(0); /* 2 × 7 + 9 = 23 */
	m = newest();
	buf_put(&raw, m.raw.data, m.raw.size);
	f->base_fee = 1;
	assert_int_equal(blocks(2), 0);
	assert_int_equal(blocks(1), 1);
	m = newest();
	assert_int_equal(m.attempt, 2);
	assert_int_equal(low(&m.max_fee), 26); /* 25.875, rounded up */
	assert_int_equal(low(&m.tip), 11);     /* 10.125 */
	assert_false(m.cancel);
	assert_err(tx_decode(&first, &from, &hash, buf_bytes(&raw)), ERR_NONE);
	assert_err(tx_decode(&second, &from, &hash, m.raw), ERR_NONE);
	assert_int_equal(first.nonce, second.nonce);
	assert_int_equal(first.gas, second.gas);
	assert_true(address_eq(&first.to, &second.to));
	assert_int_equal(first.data.size, second.data.size);
	assert_memory_equal(first.data.data, second.data.data, first.data.size);
	assert_int_equal(watched(), 2);
	buf_free(&raw);
}

static void a_bump_offers_what_the_block_asks_for_if_that_is_more(void **state)
{
	(void)state;
	start_one(0);
	f->base_fee = 100;
	blocks(3);
	assert_int_equal(newest().attempt, 2);
	assert_int_equal(low(&(struct amount){newest().max_fee.v}), 202);
}

static void the_lowest_nonce_is_bumped_first(void **state)
{
	size_t at;

	(void)state;
	for (uint64_t id = 1; id <= 3; id++)
		assert_err(plan(id, 0), ERR_NONE);
	turn();
	at = f->count;
	assert_int_equal(blocks(3), 3);
	for (uint64_t n = 0; n < 3; n++) {
		struct msg_tx_signed m;

		assert_err(msg_tx_signed_decode(
				   &m, buf_bytes(&f->said[at + n].body)),
			   ERR_NONE);
		assert_int_equal(m.nonce, n);
		assert_int_equal(m.attempt, 2);
	}
}

static void what_was_never_sent_is_not_bumped(void **state)
{
	(void)state;
	assert_err(plan(1, 0), ERR_NONE);
	assert_err(outbox_sign(f->o, &f->sink), ERR_NONE);
	for (int i = 0; i < 9; i++) {
		block(f);
		assert_err(outbox_sign(f->o, &f->sink), ERR_NONE);
	}
	assert_int_equal(f->count, 1);
}

/* Its receipt may be there, and nobody has asked for it yet. */
static void what_was_not_asked_about_is_not_bumped(void **state)
{
	(void)state;
	start_one(0);
	for (int i = 0; i < 9; i++) {
		block(f);
		assert_int_equal(turn(), 0);
	}
	outbox_each_watched(f->o, false, not_mined_yet, NULL);
	assert_int_equal(turn(), 1);
}

static void a_node_that_wants_more_gets_it_at_the_next_block(void **state)
{
	struct hash32 hash = start_one(0), other = {{9}};

	(void)state;
	outbox_outbid(f->o, &other);
	assert_int_equal(blocks(1), 0);
	outbox_outbid(f->o, &hash);
	assert_int_equal(turn(), 1);
	outbox_outbid(f->o, &hash); /* an old attempt's answer */
	assert_int_equal(blocks(1), 0);
}

static void no_payload_is_offered_more_than_eight_ninths_of_the_cap(
	void **state)
{
	uint64_t fee = 0;

	(void)state;
	start_one(0);
	while (blocks(3)) {
		fee = newest().max_fee.v.limb[0];
		assert_true(fee <= 888);
	}
	assert_true(fee * 9 / 8 > 888 - 2); /* as far as it goes */
	assert_true(send_all() == 0 && fate(1) == OUTBOX_SIGNED);
	assert_int_equal(blocks(20), 0);
}

static void after_a_roll_back_it_is_sent_as_it_was_and_waits_again(void **state)
{
	(void)state;
	start_one(0);
	assert_int_equal(blocks(2), 0);
	f->block -= 2;
	assert_err(outbox_roll_back(f->o, &f->sink, f->block), ERR_NONE);
	assert_int_equal(send_all(), 1);
	assert_int_equal(blocks(4), 0);
	assert_int_equal(blocks(1), 1);
}

static void without_bump_after_nothing_is_bumped(void **state)
{
	(void)state;
	f->config.bump_after = 0;
	restart(f);
	block(f);
	start_one(0);
	assert_int_equal(blocks(30), 0);
}

static void an_older_attempt_may_be_mined(void **state)
{
	struct hash32 first = start_one(0), second;

	(void)state;
	blocks(3);
	second = newest().hash;
	mined(f, &first, f->block);
	assert_int_equal(fate(1), OUTBOX_MINED);
	assert_int_equal(watched(), 0);
	/* That the other attempt isn't there says nothing. */
	assert_false(not_mined(f, &second, 1));
	assert_int_equal(fate(1), OUTBOX_MINED);
	assert_false(not_mined(f, &first, 0));
	assert_int_equal(fate(1), OUTBOX_SIGNED);
	assert_int_equal(send_all(), 1); /* the newest */
	assert_int_equal(watched(), 2);
	mined(f, &second, f->block);
	assert_int_equal(fate(1), OUTBOX_MINED);
	restart(f);
	assert_int_equal(fate(1), OUTBOX_MINED);
}

static void after_a_restart_it_waits_as_long_again(void **state)
{
	(void)state;
	start_one(0);
	blocks(3);
	restart(f);
	block(f);
	assert_int_equal(turn(), 0);
	assert_int_equal(blocks(2), 0);
	assert_int_equal(blocks(1), 1);
	assert_int_equal(newest().attempt, 3);
}

/* ---- cancels ------------------------------------------------------------ */

static void what_it_is_too_late_for_is_cancelled(void **state)
{
	struct tx tx;
	struct address from;
	struct hash32 hash;
	struct msg_tx_signed m;

	(void)state;
	start_one(f->block + 2);
	assert_int_equal(blocks(1), 0);
	assert_int_equal(blocks(1), 1);
	m = newest();
	assert_true(m.cancel);
	assert_int_equal(m.attempt, 2);
	assert_int_equal(low(&m.max_fee), 17); /* 15 × 1.125, rounded up */
	assert_err(tx_decode(&tx, &from, &hash, m.raw), ERR_NONE);
	assert_int_equal(tx.nonce, 0);
	assert_int_equal(tx.gas, 21000);
	assert_int_equal(tx.data.size, 0);
	assert_true(u256_is_zero(&tx.value));
	assert_true(address_eq(&tx.to, outbox_sender(f->o)));
	assert_int_equal(watched(), 2);
}

static void a_cancel_is_bumped_too(void **state)
{
	(void)state;
	start_one(f->block + 1);
	blocks(1);
	assert_int_equal(blocks(3), 1);
	assert_true(newest().cancel);
	assert_int_equal(newest().attempt, 3);
	while (blocks(3))
		assert_true(newest().cancel);
}

static void a_cancel_has_room_below_the_cap(void **state)
{
	(void)state;
	f->base_fee = 600; /* the first attempt offers all it may */
	block(f);
	start_one(f->block + 1);
	assert_int_equal(blocks(1), 1);
	assert_true(newest().cancel);
	assert_true(newest().max_fee.v.limb[0] <= 1000);
}

static void either_of_a_payload_and_its_cancel_may_be_mined(void **state)
{
	for (int late = 0; late < 2; late++) {
		struct hash32 payload, cancel;

		if (late) {
			end(state);
			begin(state);
		}
		payload = start_one(f->block + 1);
		blocks(1);
		cancel = newest().hash;
		mined(f, late ? &cancel : &payload, f->block);
		assert_int_equal(fate(1),
				 late ? OUTBOX_CANCELLED : OUTBOX_MINED);
		restart(f);
		assert_int_equal(fate(1),
				 late ? OUTBOX_CANCELLED : OUTBOX_MINED);
		assert_int_equal(outbox_sizes(f->o).next_nonce, 1);
	}
}

static void a_cancel_says_that_it_is_one_and_holds_nothing_up(void **state)
{
	uint8_t subject[8] = {[7] = 5};
	struct outbox_intent i = {.gas_limit = 90000,
				  .kind = 2,
				  .valid_until = {f->block + 1},
				  .subjects = {subject, 1}};
	struct msg_tx_mined m;
	struct hash32 cancel;

	(void)state;
	assert_err(outbox_plan(f->o, &i), ERR_NONE);
	turn();
	blocks(1);
	assert_true(outbox_is_about(f->o, 2, 5)); /* either may be mined */
	cancel = newest().hash;
	mined(f, &cancel, f->block);
	assert_false(outbox_is_about(f->o, 2, 5));
	assert_err(
		msg_tx_mined_decode(&m, buf_bytes(&f->said[f->count - 1].body)),
		ERR_NONE);
	assert_true(m.cancel);
}

static void after_its_time_a_payload_is_not_sent(void **state)
{
	struct u256 poor = u256_from_u64(1);

	(void)state;
	f->config.min_balance = u256_from_u64(2);
	restart(f);
	block(f);
	start_one(f->block + 1);
	outbox_set_balance(f->o, &poor); /* so it can't be cancelled yet */
	for (int n = 0; n < 9; n++) {
		block(f);
		assert_int_equal(send_all(), 0);
	}
}

/* Its block went with a branch whose clock was ahead. */
static void a_cancelled_one_comes_back_as_its_cancel(void **state)
{
	struct hash32 payload = start_one(f->block + 2), cancel;

	(void)state;
	block(f);
	mined(f, &payload, f->block);
	blocks(2);
	assert_err(outbox_roll_back(f->o, &f->sink, f->block - 3), ERR_NONE);
	assert_int_equal(turn(), 1);
	cancel = newest().hash;
	assert_true(newest().cancel);
	mined(f, &cancel, f->block);
	assert_err(outbox_roll_back(f->o, &f->sink, f->block - 1), ERR_NONE);
	assert_int_equal(send_all(), 1);
	assert_int_equal(turn(), 0);
	restart(f);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
	assert_int_equal(watched(), 2);
}

/* ---- what holds it ------------------------------------------------------ */

static void a_base_fee_above_the_cap_holds_and_goes_on_by_itself(void **state)
{
	(void)state;
	start_one(0);
	assert_err(plan(2, 0), ERR_NONE);
	f->base_fee = 889;
	assert_int_equal(blocks(9), 0);
	assert_int_equal(outbox_hold(f->o), OUTBOX_HELD_FEE);
	f->base_fee = 888;
	assert_int_equal(blocks(1), 2); /* the bump, and the new one */
	assert_int_equal(outbox_hold(f->o), OUTBOX_FREE);
}

static void a_poor_account_is_held_until_it_is_funded(void **state)
{
	struct u256 enough = u256_from_u64(1000), less = u256_from_u64(999);

	(void)state;
	f->config.min_balance = enough;
	restart(f);
	block(f);
	start_one(0);
	outbox_set_balance(f->o, &less);
	assert_int_equal(outbox_hold(f->o), OUTBOX_HELD_POOR);
	assert_err(plan(2, 0), ERR_NONE);
	assert_int_equal(blocks(5), 0);
	outbox_set_balance(f->o, &enough);
	assert_int_equal(outbox_hold(f->o), OUTBOX_FREE);
	assert_int_equal(send_all(), 1); /* a node may have refused it */
	assert_int_equal(turn(), 1);
	assert_int_equal(blocks(3), 2); /* both wait from then on */
}

static struct hash32 lose_one(void)
{
	struct hash32 hash = start_one(0);

	for (int i = 0; i < 2; i++) {
		assert_false(not_mined(f, &hash, 1));
		block(f);
	}
	assert_true(not_mined(f, &hash, 1));
	return hash;
}

static void an_outsider_stops_everything(void **state)
{
	struct hash32 hash = lose_one();

	(void)state;
	assert_int_equal(outbox_hold(f->o), OUTBOX_HELD_OUTSIDER);
	assert_int_equal(outbox_stopped_at(f->o), 1);
	assert_false(not_mined(f, &hash, 1)); /* it is said once */
	assert_err(plan(2, 0), ERR_NONE);
	assert_int_equal(blocks(9), 0);
	assert_int_equal(send_all(), 0);
	restart(f);
	block(f);
	assert_err(plan(2, 0), ERR_NONE);
	assert_int_equal(blocks(9), 0);
	assert_int_equal(outbox_hold(f->o), OUTBOX_HELD_OUTSIDER);
}

static void an_operator_lets_it_go_on(void **state)
{
	(void)state;
	lose_one();
	f->config.adopt_nonce = 1;
	restart(f);
	block(f);
	turn();
	assert_int_equal(outbox_hold(f->o), OUTBOX_FREE);
	assert_int_equal(fate(1), OUTBOX_UNKNOWN);
	start_one(0); /* the same intent may come again */
	assert_int_equal(newest().nonce, 1);
	/* That is in the journal: the option isn't needed any more. */
	f->config.adopt_nonce = 0;
	restart(f);
	assert_int_equal(outbox_hold(f->o), OUTBOX_FREE);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
}

static void what_was_confirmed_before_does_not_confirm_the_next(void **state)
{
	(void)state;
	start_one(0);
	f->config.adopt_nonce = 1;
	restart(f);
	block(f);
	outbox_set_floor(f->o, 3);
	turn();
	assert_int_equal(outbox_hold(f->o), OUTBOX_HELD_OUTSIDER);
	assert_int_equal(outbox_stopped_at(f->o), 3);
	outbox_set_floor(f->o, 3); /* asked again */
	assert_int_equal(turn(), 0);
	f->config.adopt_nonce = 3;
	restart(f);
	block(f);
	outbox_set_floor(f->o, 3);
	turn();
	assert_int_equal(outbox_hold(f->o), OUTBOX_FREE);
	assert_int_equal(outbox_sizes(f->o).next_nonce, 3);
}

/* As after a backup was put back: the operator has looked, and what the journal
 * has of before turns out to be lost one by one, as the account goes on. */
static void what_was_confirmed_may_be_found_lost_later(void **state)
{
	struct hash32 hash = start_one(0);

	(void)state;
	f->config.adopt_nonce = 1;
	restart(f);
	block(f);
	outbox_set_floor(f->o, 1);
	for (int i = 0; i < 2; i++) {
		assert_false(not_mined(f, &hash, 4));
		block(f);
	}
	assert_true(not_mined(f, &hash, 4));
	assert_int_equal(outbox_hold(f->o), OUTBOX_FREE);
	assert_int_equal(fate(1), OUTBOX_UNKNOWN);
	start_one(0);
	assert_int_equal(outbox_hold(f->o), OUTBOX_FREE);
}

static void an_account_may_have_a_past(void **state)
{
	(void)state;
	outbox_set_floor(f->o, 5);
	outbox_set_floor(f->o, 6); /* still before the first of ours */
	start_one(0);
	assert_int_equal(newest().nonce, 6);
	assert_int_equal(outbox_hold(f->o), OUTBOX_FREE);
}

static void an_attempt_that_is_not_asked_about_may_be_mined(void **state)
{
	struct hash32 first = start_one(0), second;

	(void)state;
	blocks(3);
	second = newest().hash;
	for (int i = 0; i < 9; i++) {
		watched();
		assert_false(not_mined(f, &first, 1));
		block(f);
	}
	for (int i = 0; i < 2; i++) {
		watched();
		assert_false(not_mined(f, &second, 1));
		assert_false(not_mined(f, &first, 1));
		block(f);
	}
	watched();
	assert_false(not_mined(f, &second, 1));
	assert_true(not_mined(f, &first, 1));
}

/* ---- the rule, in the journal ------------------------------------------- */

static enum err give_back(const struct msg_tx_signed *m)
{
	struct buf bytes = {0};
	enum err e;

	wire_encode(&msg_tx_signed_wire, m, &bytes);
	restart(f);
	e = outbox_receive(f->o, MSG_TX_SIGNED, buf_bytes(&bytes));
	buf_free(&bytes);
	return e;
}

static struct msg_tx_signed signed_as(const struct tx *tx, struct buf *raw,
				      uint32_t attempt)
{
	struct msg_tx_signed m = newest();

	buf_clear(raw);
	assert_err(tx_sign(raw, &m.hash, tx, f->key), ERR_NONE);
	m.raw = buf_bytes(raw);
	m.attempt = attempt;
	return m;
}

static void a_nonce_is_signed_again_only_for_the_same_or_its_cancel(
	void **state)
{
	static const uint8_t data[] = {1, 2, 3}, other[] = {1, 2, 4};
	struct tx same = {.chain_id = 1,
			  .max_fee = {{100}},
			  .max_priority_fee = {{100}},
			  .gas = 90000,
			  .to = {{7}},
			  .data = {(uint8_t *)data, sizeof data}},
		  tx = same;
	struct buf raw = {0};
	struct msg_tx_signed m;

	(void)state;
	start_one(0);
	m = signed_as(&same, &raw, 2);
	assert_err(give_back(&m), ERR_NONE);
	m = signed_as(&same, &raw, 3); /* attempt 2 is missing */
	assert_err(give_back(&m), ERR_CONFLICT);
	tx.data.data = (uint8_t *)other;
	m = signed_as(&tx, &raw, 2);
	assert_err(give_back(&m), ERR_CONFLICT);
	m.cancel = true; /* it says so, but isn't */
	assert_err(give_back(&m), ERR_CONFLICT);
	tx = same;
	tx.max_fee.limb[0] = 15; /* not more than before */
	tx.max_priority_fee.limb[0] = 15;
	m = signed_as(&tx, &raw, 2);
	assert_err(give_back(&m), ERR_CONFLICT);
	tx = same;
	tx.to = *outbox_sender(f->o);
	tx.data.size = 0;
	m = signed_as(&tx, &raw, 2);
	m.cancel = true;
	assert_err(give_back(&m), ERR_NONE);
	m = signed_as(&same, &raw, 1); /* another intent */
	m.id.bytes[0]++;
	assert_err(give_back(&m), ERR_CONFLICT);
	buf_free(&raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_waits_is_signed_again_for_an_eighth_more),
		TEST(a_bump_offers_what_the_block_asks_for_if_that_is_more),
		TEST(the_lowest_nonce_is_bumped_first),
		TEST(what_was_never_sent_is_not_bumped),
		TEST(what_was_not_asked_about_is_not_bumped),
		TEST(a_node_that_wants_more_gets_it_at_the_next_block),
		TEST(no_payload_is_offered_more_than_eight_ninths_of_the_cap),
		TEST(after_a_roll_back_it_is_sent_as_it_was_and_waits_again),
		TEST(without_bump_after_nothing_is_bumped),
		TEST(an_older_attempt_may_be_mined),
		TEST(after_a_restart_it_waits_as_long_again),
		TEST(what_it_is_too_late_for_is_cancelled),
		TEST(a_cancel_is_bumped_too),
		TEST(a_cancel_has_room_below_the_cap),
		TEST(either_of_a_payload_and_its_cancel_may_be_mined),
		TEST(a_cancel_says_that_it_is_one_and_holds_nothing_up),
		TEST(after_its_time_a_payload_is_not_sent),
		TEST(a_cancelled_one_comes_back_as_its_cancel),
		TEST(a_base_fee_above_the_cap_holds_and_goes_on_by_itself),
		TEST(a_poor_account_is_held_until_it_is_funded),
		TEST(an_outsider_stops_everything),
		TEST(an_operator_lets_it_go_on),
		TEST(what_was_confirmed_before_does_not_confirm_the_next),
		TEST(what_was_confirmed_may_be_found_lost_later),
		TEST(an_account_may_have_a_past),
		TEST(an_attempt_that_is_not_asked_about_may_be_mined),
		TEST(a_nonce_is_signed_again_only_for_the_same_or_its_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
