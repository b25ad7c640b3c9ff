/* What an outbox promises of an intent, from its plan to its final block. */
#include "tests/unit/outbox_fixture.h"

static struct fixture *f;

static int begin(void **state)
{
	(void)state;
	f = fixture_new();
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

static struct outbox_intent intent_of(uint64_t id)
{
	struct outbox_intent i = {.gas_limit = 21000};

	memcpy(i.id.bytes, &id, sizeof id);
	return i;
}

static void plan(uint64_t id)
{
	struct outbox_intent i = intent_of(id);

	assert_err(outbox_plan(f->o, &i), ERR_NONE);
}

static enum outbox_fate fate(uint64_t id)
{
	struct outbox_intent i = intent_of(id);

	return outbox_fate(f->o, &i.id);
}

static void sign_all(void)
{
	assert_err(outbox_sign(f->o, &f->sink), ERR_NONE);
}

/* The n-th thing that was said, counted back from the newest, 0. */
static struct bytes said(size_t n, uint16_t number)
{
	assert_true(n < f->count);
	assert_int_equal(f->said[f->count - 1 - n].number, number);
	return buf_bytes(&f->said[f->count - 1 - n].body);
}

static struct msg_tx_signed newest_signed(size_t n)
{
	struct msg_tx_signed m;

	assert_err(msg_tx_signed_decode(&m, said(n, MSG_TX_SIGNED)), ERR_NONE);
	return m;
}

struct sends {
	unsigned count;
	bool refuse;
	struct hash32 hashes[16];
	struct buf raw; /* of all of them */
};

static bool note_send(void *arg, const struct hash32 *id,
		      const struct hash32 *hash, struct bytes raw)
{
	struct sends *s = arg;

	(void)id;
	s->hashes[s->count++] = *hash;
	buf_put(&s->raw, raw.data, raw.size);
	return !s->refuse;
}

static unsigned send_all(void)
{
	struct sends s = {.count = 0};

	outbox_each_to_send(f->o, note_send, &s);
	buf_free(&s.raw);
	return s.count;
}

static bool is_about(uint64_t subject)
{
	return outbox_is_about(f->o, 3, subject);
}

/* ---- planning ----------------------------------------------------------- */

static void an_intent_is_planned_once(void **state)
{
	struct outbox_intent i = intent_of(1);

	(void)state;
	assert_int_equal(fate(1), OUTBOX_UNKNOWN);
	plan(1);
	assert_int_equal(fate(1), OUTBOX_PLANNED);
	assert_err(outbox_plan(f->o, &i), ERR_EXISTS);
	sign_all();
	assert_err(outbox_plan(f->o, &i), ERR_EXISTS);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
	assert_int_equal(outbox_sizes(f->o).in_flight, 1);
}

static void what_it_is_too_late_for_is_not_planned(void **state)
{
	struct outbox_intent i = intent_of(1);

	(void)state;
	i.valid_until.v = f->block; /* which is the newest block's time */
	assert_err(outbox_plan(f->o, &i), ERR_EXPIRED);
	assert_int_equal(outbox_sizes(f->o).planned, 0);
	i.valid_until.v++;
	assert_err(outbox_plan(f->o, &i), ERR_NONE);
}

static void what_it_became_too_late_for_is_dropped(void **state)
{
	struct outbox_intent i = intent_of(1);

	(void)state;
	i.valid_until.v = f->block + 1;
	assert_err(outbox_plan(f->o, &i), ERR_NONE);
	block(f);
	assert_int_equal(fate(1), OUTBOX_UNKNOWN);
	sign_all();
	assert_int_equal(f->count, 0);
}

static void what_is_signed_is_never_dropped(void **state)
{
	struct outbox_intent i = intent_of(1);

	(void)state;
	i.valid_until.v = f->block + 1;
	assert_err(outbox_plan(f->o, &i), ERR_NONE);
	sign_all();
	block(f);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
}

/* ---- signing ------------------------------------------------------------ */

static void nonces_follow_each_other_in_the_order_of_plans(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= 3; id++)
		plan(id);
	sign_all();
	for (size_t n = 0; n < 3; n++) {
		struct msg_tx_signed m = newest_signed(2 - n);

		assert_int_equal(m.nonce, n);
		assert_int_equal(m.id.bytes[0], n + 1);
	}
	sign_all(); /* nothing is left */
	assert_int_equal(f->count, 3);
}

static void eight_are_in_flight_at_most(void **state)
{
	struct hash32 first;

	(void)state;
	for (uint64_t id = 1; id <= 10; id++)
		plan(id);
	sign_all();
	assert_int_equal(outbox_sizes(f->o).in_flight, 8);
	assert_int_equal(outbox_sizes(f->o).planned, 2);
	first = newest_signed(7).hash;
	mined(f, &first, f->block);
	sign_all();
	assert_int_equal(outbox_sizes(f->o).in_flight, 8);
	assert_int_equal(outbox_sizes(f->o).planned, 1);
	assert_int_equal(newest_signed(0).nonce, 8);
}

static void no_nonce_below_the_floor_is_given_out(void **state)
{
	(void)state;
	outbox_set_floor(f->o, 5);
	outbox_set_floor(f->o, 3); /* a floor only rises */
	plan(1);
	sign_all();
	assert_int_equal(newest_signed(0).nonce, 5);
}

static void fees_are_twice_the_base_fee_and_the_tip(void **state)
{
	struct msg_tx_signed m;
	struct tx tx;
	struct address from;
	struct hash32 hash;

	(void)state;
	plan(1);
	sign_all(); /* base fee 7, tip 1 */
	m = newest_signed(0);
	assert_true(u256_cmp(&m.max_fee.v, &(struct u256){{15}}) == 0);
	assert_true(u256_cmp(&m.tip.v, &(struct u256){{1}}) == 0);
	assert_err(tx_decode(&tx, &from, &hash, m.raw), ERR_NONE);
	assert_true(u256_cmp(&tx.max_fee, &m.max_fee.v) == 0);
	assert_true(hash32_eq(&hash, &m.hash));
	assert_true(address_eq(&from, outbox_sender(f->o)));
	assert_int_equal(tx.gas, 21000);
}

/* A cancel has to offer an eighth more: that much is left for it. */
static void fees_end_at_eight_ninths_of_the_cap(void **state)
{
	struct msg_tx_signed m;

	(void)state;
	f->base_fee = 600;
	block(f);
	plan(1);
	sign_all();
	m = newest_signed(0);
	assert_true(u256_cmp(&m.max_fee.v, &(struct u256){{888}}) == 0);
}

static enum err refuse(struct sink *sink, uint16_t number, struct bytes body)
{
	(void)sink;
	(void)number;
	(void)body;
	return ERR_STORAGE;
}

static void what_the_sink_returns_is_returned(void **state)
{
	struct sink bad = {.put = refuse};
	struct outbox_receipt r = {.success = true};

	(void)state;
	plan(1);
	assert_err(outbox_sign(f->o, &bad), ERR_STORAGE);
	buf_free(&bad.scratch);
	plan(2);
	sign_all();
	r.hash = newest_signed(0).hash;
	assert_err(outbox_mined(f->o, &bad, &r), ERR_STORAGE);
	buf_free(&bad.scratch);
}

/* ---- sending ------------------------------------------------------------ */

static void bytes_are_sent_once_then_again_after_some_blocks(void **state)
{
	(void)state;
	plan(1);
	plan(2);
	assert_int_equal(send_all(), 0); /* nothing is signed */
	sign_all();
	assert_int_equal(send_all(), 2);
	assert_int_equal(send_all(), 0);
	block(f);
	block(f);
	assert_int_equal(send_all(), 0);
	block(f); /* resend_after is 3 */
	assert_int_equal(send_all(), 2);
	assert_int_equal(send_all(), 0);
}

static void the_lowest_nonce_is_sent_first(void **state)
{
	struct sends s = {.count = 0};

	(void)state;
	for (uint64_t id = 1; id <= 3; id++)
		plan(id);
	sign_all();
	outbox_each_to_send(f->o, note_send, &s);
	assert_int_equal(s.count, 3);
	for (size_t n = 0; n < 3; n++) {
		struct msg_tx_signed m = newest_signed(2 - n);

		assert_true(hash32_eq(&s.hashes[n], &m.hash));
	}
	buf_free(&s.raw);
}

static void what_was_not_sent_is_tried_again(void **state)
{
	struct sends s = {.refuse = true};

	(void)state;
	plan(1);
	sign_all();
	outbox_each_to_send(f->o, note_send, &s);
	assert_int_equal(send_all(), 1);
	buf_free(&s.raw);
}

static void it_can_be_asked_to_send_again(void **state)
{
	struct outbox_intent i = intent_of(1), other = intent_of(2);

	(void)state;
	plan(1);
	outbox_send_again(f->o, &i.id); /* not signed: nothing to send */
	sign_all();
	assert_int_equal(send_all(), 1);
	outbox_send_again(f->o, &other.id);
	assert_int_equal(send_all(), 0);
	outbox_send_again(f->o, &i.id);
	assert_int_equal(send_all(), 1);
}

/* ---- mined -------------------------------------------------------------- */

static void a_mined_one_is_said_once_per_block(void **state)
{
	struct hash32 hash = sign(f, 1), other = {{9}}, id;
	struct outbox_receipt r = {.hash = hash,
				   .block = {.number = 3, .hash = {{3}}},
				   .gas_used = 50000,
				   .gas_price = {{8}}};
	struct msg_tx_mined m;

	(void)state;
	assert_err(outbox_mined(f->o, &f->sink, &r), ERR_NONE);
	assert_err(msg_tx_mined_decode(&m, said(0, MSG_TX_MINED)), ERR_NONE);
	assert_int_equal(m.nonce, 0);
	assert_int_equal(m.gas_used, 50000);
	assert_false(m.success);
	assert_true(u256_cmp(&m.fee_paid.v, &(struct u256){{400000}}) == 0);
	assert_int_equal(fate(1), OUTBOX_REVERTED);
	assert_int_equal(outbox_sizes(f->o).reverted, 1);

	assert_err(outbox_mined(f->o, &f->sink, &r), ERR_NOT_FOUND);
	r.block.hash.bytes[0] = 4; /* of another branch */
	r.success = true;
	assert_err(outbox_mined(f->o, &f->sink, &r), ERR_NONE);
	assert_int_equal(fate(1), OUTBOX_MINED);
	r.hash = other;
	assert_err(outbox_mined(f->o, &f->sink, &r), ERR_NOT_FOUND);
	assert_true(outbox_id_of(f->o, &hash, &id));
	assert_int_equal(id.bytes[0], 1);
	assert_false(outbox_id_of(f->o, &other, &id));
}

static void a_fee_that_does_not_fit_is_the_largest(void **state)
{
	struct outbox_receipt r = {
		.hash = sign(f, 1), .gas_used = 2, .gas_price = U256_MAX};
	struct msg_tx_mined m;

	(void)state;
	assert_err(outbox_mined(f->o, &f->sink, &r), ERR_NONE);
	assert_err(msg_tx_mined_decode(&m, said(0, MSG_TX_MINED)), ERR_NONE);
	assert_true(u256_cmp(&m.fee_paid.v, &U256_MAX) == 0);
}

static void what_was_mined_in_a_block_that_is_gone_is_sent_again(void **state)
{
	struct hash32 first = sign(f, 1), second = sign(f, 2);

	(void)state;
	send_all();
	mined(f, &first, 2);
	mined(f, &second, 3);
	assert_int_equal(send_all(), 0);
	assert_err(outbox_roll_back(f->o, &f->sink, 2), ERR_NONE);
	assert_int_equal(fate(1), OUTBOX_MINED);
	assert_int_equal(fate(2), OUTBOX_SIGNED);
	said(0, MSG_TX_UNMINED);
	assert_int_equal(send_all(), 1);
	said(0, MSG_TX_UNMINED);
	assert_int_equal(send_all(), 0);
	/* Another one: pools may have lost it once more. */
	assert_err(outbox_roll_back(f->o, &f->sink, 2), ERR_NONE);
	assert_int_equal(send_all(), 1);
}

static void what_is_final_is_forgotten(void **state)
{
	struct hash32 hash = sign(f, 1);

	(void)state;
	mined(f, &hash, f->block);
	for (int i = 0; i < DEPTH; i++)
		block(f);
	assert_int_equal(fate(1), OUTBOX_MINED);
	block(f);
	assert_int_equal(fate(1), OUTBOX_UNKNOWN);
}

/* Else a restart, which reads decisions again, would do it twice. */
static void what_is_final_is_kept_while_it_could_be_planned_again(void **state)
{
	struct outbox_intent i = intent_of(1);
	struct hash32 hash;

	(void)state;
	i.valid_until.v = f->block + DEPTH + 5;
	assert_err(outbox_plan(f->o, &i), ERR_NONE);
	sign_all();
	hash = newest_signed(0).hash;
	mined(f, &hash, f->block);
	for (int n = 0; n < DEPTH + 4; n++) {
		block(f);
		assert_err(outbox_plan(f->o, &i), ERR_EXISTS);
	}
	block(f);
	assert_int_equal(fate(1), OUTBOX_UNKNOWN);
	assert_err(outbox_plan(f->o, &i), ERR_EXPIRED);
}

static void it_is_about_a_subject_until_its_events_were_seen(void **state)
{
	uint8_t subjects[16] = {[7] = 41, [15] = 42};
	struct outbox_intent i = intent_of(1);
	struct hash32 hash;

	(void)state;
	i.kind = 3;
	i.subjects = (struct u64s){subjects, 2};
	assert_err(outbox_plan(f->o, &i), ERR_NONE);
	assert_true(is_about(41) && is_about(42));
	assert_false(is_about(43) || outbox_is_about(f->o, 2, 41));
	sign_all();
	hash = newest_signed(0).hash;
	assert_true(is_about(42));
	mined(f, &hash, f->block);
	block(f);
	block(f);
	assert_true(is_about(42));
	block(f);
	assert_false(is_about(42));
}

/* ---- the journal -------------------------------------------------------- */

static void a_restart_sends_the_same_bytes(void **state)
{
	struct sends before = {.count = 0}, after = {.count = 0};
	struct hash32 hash = sign(f, 1);

	(void)state;
	sign(f, 2);
	sign(f, 3);
	mined(f, &hash, 2);
	outbox_each_to_send(f->o, note_send, &before);
	restart(f);
	outbox_each_to_send(f->o, note_send, &after);
	assert_int_equal(after.count, 2);
	assert_int_equal(after.raw.size, before.raw.size);
	assert_memory_equal(after.raw.data, before.raw.data, after.raw.size);
	assert_int_equal(fate(1), OUTBOX_MINED);
	assert_int_equal(fate(3), OUTBOX_SIGNED);
	assert_int_equal(outbox_sizes(f->o).next_nonce, 3);
	buf_free(&before.raw);
	buf_free(&after.raw);
}

static void an_intent_that_is_done_twice_does_not_stop_a_restart(void **state)
{
	struct hash32 hash = sign(f, 1);

	(void)state;
	mined(f, &hash, f->block);
	for (int i = 0; i <= DEPTH; i++)
		block(f);
	assert_int_equal(fate(1),
			 OUTBOX_UNKNOWN); /* final: it may come again */
	sign(f, 1);
	restart(f);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
	assert_int_equal(outbox_sizes(f->o).next_nonce, 2);
}

static void an_intent_whose_number_was_lost_does_not_stop_a_restart(
	void **state)
{
	struct hash32 hash = sign(f, 1);

	(void)state;
	sign(f, 2);
	for (int i = 0; i < 2; i++) {
		assert_false(not_mined(f, &hash, 1));
		block(f);
	}
	assert_true(not_mined(f, &hash, 1));
	sign(f, 1);
	restart(f);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
	assert_int_equal(fate(2), OUTBOX_SIGNED);
	assert_int_equal(outbox_sizes(f->o).in_flight, 2);
	assert_int_equal(outbox_sizes(f->o).next_nonce, 3);
	assert_int_equal(send_all(), 2);
}

/* After a restart receipts come before the first block. */
static void what_a_newer_receipt_made_final_stays_so(void **state)
{
	struct hash32 first = sign(f, 1), second = sign(f, 2);

	(void)state;
	mined(f, &first, 5);
	restart(f);
	mined(f, &second, 5 + DEPTH + 1);
	assert_false(not_mined(f, &first, 0));
	restart(f);
	assert_int_equal(fate(2), OUTBOX_MINED);
}

static void another_accounts_journal_is_a_conflict(void **state)
{
	static const uint8_t secret[SECRET_SIZE] = {[31] = 2};
	struct secret_key *mine = f->key, *other;
	struct outbox *o;

	(void)state;
	sign(f, 1);
	assert_err(secret_key_new(&other, secret), ERR_NONE);
	f->key = other;
	o = open_outbox(f);
	f->key = mine;
	assert_err(outbox_receive(o, MSG_TX_SIGNED, said(0, MSG_TX_SIGNED)),
		   ERR_CONFLICT);
	outbox_free(&o);
	secret_key_free(&other);
}

static void a_lower_nonce_of_the_same_intent_is_a_conflict(void **state)
{
	struct msg_tx_signed m;
	struct buf bytes = {0};

	(void)state;
	outbox_set_floor(f->o, 3);
	sign(f, 1);
	m = newest_signed(0);
	m.nonce = 2;
	wire_encode(&msg_tx_signed_wire, &m, &bytes);
	restart(f);
	assert_err(outbox_receive(f->o, MSG_TX_SIGNED, buf_bytes(&bytes)),
		   ERR_CONFLICT);
	buf_free(&bytes);
}

static void what_is_no_journal_entry_is_refused_or_passed_over(void **state)
{
	struct bytes none = {NULL, 0};

	(void)state;
	assert_err(outbox_receive(f->o, MSG_TX_SIGNED, none), ERR_MALFORMED);
	assert_err(outbox_receive(f->o, MSG_TX_MINED, none), ERR_MALFORMED);
	assert_err(outbox_receive(f->o, MSG_TX_UNMINED, none), ERR_MALFORMED);
	assert_err(outbox_receive(f->o, 0x0999, none), ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_intent_is_planned_once),
		TEST(what_it_is_too_late_for_is_not_planned),
		TEST(what_it_became_too_late_for_is_dropped),
		TEST(what_is_signed_is_never_dropped),
		TEST(nonces_follow_each_other_in_the_order_of_plans),
		TEST(eight_are_in_flight_at_most),
		TEST(no_nonce_below_the_floor_is_given_out),
		TEST(fees_are_twice_the_base_fee_and_the_tip),
		TEST(fees_end_at_eight_ninths_of_the_cap),
		TEST(what_the_sink_returns_is_returned),
		TEST(bytes_are_sent_once_then_again_after_some_blocks),
		TEST(the_lowest_nonce_is_sent_first),
		TEST(what_was_not_sent_is_tried_again),
		TEST(it_can_be_asked_to_send_again),
		TEST(a_mined_one_is_said_once_per_block),
		TEST(a_fee_that_does_not_fit_is_the_largest),
		TEST(what_was_mined_in_a_block_that_is_gone_is_sent_again),
		TEST(what_is_final_is_forgotten),
		TEST(what_is_final_is_kept_while_it_could_be_planned_again),
		TEST(it_is_about_a_subject_until_its_events_were_seen),
		TEST(a_restart_sends_the_same_bytes),
		TEST(an_intent_that_is_done_twice_does_not_stop_a_restart),
		TEST(an_intent_whose_number_was_lost_does_not_stop_a_restart),
		TEST(what_a_newer_receipt_made_final_stays_so),
		TEST(another_accounts_journal_is_a_conflict),
		TEST(a_lower_nonce_of_the_same_intent_is_a_conflict),
		TEST(what_is_no_journal_entry_is_refused_or_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
