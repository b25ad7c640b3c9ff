/* Random histories of an outbox and a chain that drops, forgets, changes its
 * mind and lets others use the account: what must hold in all of them. A
 * failing seed is printed; OUTBOX_SEED=N runs it alone. */
#include "tests/unit/outbox_fixture.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	SEEDS = 60,
	STEPS = 250,
	INTENTS_MAX = 1024,
	TXS_MAX = 4096,
	NONCES_MAX = 1024,
	BLOCK_S = 2,
	VALID_S_MAX = 8 * BLOCK_S, /* what is final can't be valid any more */
	BACK_MAX = 6,
	CAP = 1000,
	CALM_ROUNDS = 120,
};

/* ---- the world ---------------------------------------------------------- */

/* A transaction that somebody has sent. */
struct known {
	struct hash32 hash;
	uint64_t nonce, intent, max_fee;
	bool cancel, outsider, in_pool;
	uint64_t block; /* 0: not mined */
};

struct planned {
	uint64_t valid_until;
};

/* What was signed under a nonce. */
struct used {
	uint64_t intent, max_fee, tip, attempts;
	struct tx payload;
	uint8_t data[8];
	bool cancelled;
};

static struct {
	struct sink sink; /* first: checks what is said, then keeps it */
	struct fixture *f;
	uint64_t random, seed;
	struct known txs[TXS_MAX];
	size_t txs_count;
	struct planned intents[INTENTS_MAX];
	size_t intents_count;
	struct used nonces[NONCES_MAX];
	uint64_t nonce;	  /* of the account, on the chain */
	uint64_t salt;	  /* of the branch */
	uint64_t highest; /* block that there ever was */
	uint64_t balance;
	uint64_t stopped_at; /* as was said; 0: it goes on */
} w;

static uint64_t below(uint64_t n)
{
	w.random = w.random * 6364136223846793005ull + 1442695040888963407ull;
	return (w.random >> 33) % n;
}

static uint64_t now(void)
{
	return w.f->block * BLOCK_S;
}

static uint64_t intent_of(const struct hash32 *id)
{
	uint64_t n;

	memcpy(&n, id->bytes, sizeof n);
	return n;
}

static struct known *find_tx(const struct hash32 *hash)
{
	for (size_t i = 0; i < w.txs_count; i++)
		if (hash32_eq(&w.txs[i].hash, hash))
			return &w.txs[i];
	return NULL;
}

/* ---- what is said ------------------------------------------------------- */

static void check_signed(const struct msg_tx_signed *m)
{
	struct used *u = &w.nonces[m->nonce];
	uint64_t max_fee = m->max_fee.v.limb[0], tip = m->tip.v.limb[0];
	struct address from;
	struct hash32 hash;
	struct tx tx;

	assert_int_equal(w.stopped_at, 0);
	assert_true(m->nonce < NONCES_MAX);
	assert_err(tx_decode(&tx, &from, &hash, m->raw), ERR_NONE);
	assert_int_equal(tx.nonce, m->nonce);
	assert_true(max_fee <= (m->cancel ? CAP : CAP * 8 / 9));
	assert_int_equal(m->attempt, u->attempts + 1);
	assert_true(m->cancel ? u->cancelled || m->valid_until.v <= now()
			      : m->valid_until.v > now());
	if (!u->attempts++) {
		assert_false(m->cancel);
		assert_true(outbox_sizes(w.f->o).in_flight < 8);
		u->intent = intent_of(&m->id);
		u->payload = tx;
		memcpy(u->data, tx.data.data, sizeof u->data);
	} else {
		assert_int_equal(u->intent, intent_of(&m->id));
		assert_true(8 * max_fee >= 9 * u->max_fee);
		assert_true(8 * tip >= 9 * u->tip);
		assert_true(m->cancel || !u->cancelled);
	}
	if (m->cancel) {
		assert_true(address_eq(&tx.to, &from) && !tx.data.size &&
			    u256_is_zero(&tx.value) && tx.gas == 21000);
		u->cancelled = true;
	} else {
		assert_true(address_eq(&tx.to, &u->payload.to));
		assert_int_equal(tx.gas, u->payload.gas);
		assert_int_equal(tx.data.size, sizeof u->data);
		assert_memory_equal(tx.data.data, u->data, sizeof u->data);
	}
	u->max_fee = max_fee;
	u->tip = tip;
}

static enum err check_put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct msg_tx_outsider stop;
	struct msg_tx_signed m;

	(void)sink;
	if (number == MSG_TX_SIGNED) {
		assert_err(msg_tx_signed_decode(&m, body), ERR_NONE);
		check_signed(&m);
	}
	if (number == MSG_TX_OUTSIDER) {
		assert_err(msg_tx_outsider_decode(&stop, body), ERR_NONE);
		if (w.stopped_at < stop.account_nonce)
			w.stopped_at = stop.account_nonce;
	}
	if (number == MSG_TX_ADOPTED)
		w.stopped_at = 0;
	return put(&w.f->sink, number, body);
}

/* ---- what the outbox is asked to do ------------------------------------- */

static void plan(uint64_t n)
{
	uint8_t data[8];
	struct outbox_intent i = {.gas_limit = 100000 + n,
				  .to = {{1}},
				  .data = {data, sizeof data},
				  .valid_until = {w.intents[n].valid_until}};

	memcpy(data, &n, sizeof data);
	memcpy(i.id.bytes, &n, sizeof n);
	(void)!outbox_plan(w.f->o, &i);
}

static void plan_new(void)
{
	if (w.intents_count == INTENTS_MAX)
		return;
	w.intents[w.intents_count].valid_until = now() + 1 + below(VALID_S_MAX);
	plan(w.intents_count++);
}

/* In the journal, in time unless it is a cancel, and not while stopped. */
static bool take(void *arg, const struct hash32 *id, const struct hash32 *hash,
		 struct bytes raw)
{
	struct known *k = find_tx(hash);
	struct address from;
	struct hash32 read;
	struct tx tx;

	(void)arg;
	assert_int_equal(w.stopped_at, 0);
	assert_err(tx_decode(&tx, &from, &read, raw), ERR_NONE);
	assert_true(hash32_eq(&read, hash));
	assert_true(w.nonces[tx.nonce].attempts);
	assert_true(!tx.data.size ||
		    w.intents[intent_of(id)].valid_until > now());
	if (below(4) == 0)
		return true; /* it never arrives */
	if (!k) {
		assert_true(w.txs_count < TXS_MAX);
		k = &w.txs[w.txs_count++];
		*k = (struct known){.hash = *hash,
				    .nonce = tx.nonce,
				    .intent = intent_of(id),
				    .max_fee = tx.max_fee.limb[0],
				    .cancel = !tx.data.size};
	}
	k->in_pool = true;
	return true;
}

static void flush(void)
{
	assert_err(outbox_sign(w.f->o, &w.sink), ERR_NONE);
	if (below(8))
		outbox_each_to_send(w.f->o, take, NULL);
}

struct hashes {
	struct hash32 items[NONCES_MAX];
	size_t count;
};

static void note(void *arg, const struct hash32 *hash)
{
	struct hashes *h = arg;

	h->items[h->count++] = *hash;
}

static struct hash32 block_hash(uint64_t number)
{
	struct hash32 h = {{0}};

	memcpy(h.bytes, &number, sizeof number);
	memcpy(h.bytes + 8, &w.salt, sizeof w.salt);
	return h;
}

static void mined_one(const struct known *k)
{
	struct outbox_receipt r = {
		.hash = k->hash,
		.block = {k->block, block_hash(k->block), {k->block * BLOCK_S}},
		.success =
			k->cancel ||
			k->block * BLOCK_S <= w.intents[k->intent].valid_until};
	enum err e = outbox_mined(w.f->o, &w.sink, &r);

	assert_true(!e || e == ERR_NOT_FOUND);
}

/* As sender_ask.c does. */
static void ask(bool all)
{
	static struct hashes h;
	struct u256 balance = u256_from_u64(w.balance);
	bool lost;

	h.count = 0;
	outbox_each_watched(w.f->o, all, note, &h);
	for (size_t i = 0; i < h.count; i++) {
		const struct known *k = find_tx(&h.items[i]);

		if (k && k->block)
			mined_one(k);
	}
	outbox_set_balance(w.f->o, &balance);
	outbox_set_floor(w.f->o, w.nonce);
	for (size_t i = 0; i < h.count; i++) {
		const struct known *k = find_tx(&h.items[i]);

		if (!k || !k->block)
			assert_err(outbox_not_mined(w.f->o, &w.sink,
						    &h.items[i], w.nonce,
						    &lost),
				   ERR_NONE);
	}
}

/* ---- what the chain does ------------------------------------------------ */

static struct known *next_in_pool(bool any_fee)
{
	struct known *found = NULL;

	for (size_t i = 0; i < w.txs_count; i++) {
		struct known *k = &w.txs[i];

		if (!k->in_pool || k->block || k->nonce != w.nonce ||
		    (!any_fee && k->max_fee < w.f->base_fee))
			continue;
		if (k->outsider)
			return k;
		if (!found || below(2))
			found = k;
	}
	return found;
}

static void new_block(void)
{
	struct block_ref b = {++w.f->block, block_hash(w.f->block), {now()}};
	struct u256 fee = u256_from_u64(w.f->base_fee);
	struct known *k;

	for (int i = 0; i < 10 && below(4) && (k = next_in_pool(false)); i++) {
		k->block = w.f->block;
		w.nonce++;
	}
	outbox_set_block(w.f->o, &b, &fee);
	if (w.highest < w.f->block)
		w.highest = w.f->block;
}

static void roll_back(void)
{
	uint64_t to = w.f->block - 1 - below(BACK_MAX);

	if (to + BACK_MAX < w.highest)
		return; /* the chain never goes behind what is final */
	for (size_t i = 0; i < w.txs_count; i++) {
		struct known *k = &w.txs[i];

		if (k->block <= to)
			continue;
		if (k->nonce < w.nonce)
			w.nonce = k->nonce;
		k->block = 0;
		k->in_pool = k->outsider || below(2);
	}
	w.f->block = to;
	w.salt++;
	assert_err(outbox_roll_back(w.f->o, &w.sink, to), ERR_NONE);
	new_block();
}

static void drop_pool(void)
{
	for (size_t i = 0; i < w.txs_count; i++)
		w.txs[i].in_pool &= w.txs[i].outsider;
}

static void outsider(void)
{
	struct known *k = &w.txs[w.txs_count];
	uint64_t tag = 0xabcdef;

	assert_true(w.txs_count++ < TXS_MAX);
	*k = (struct known){.nonce = w.nonce,
			    .max_fee = CAP,
			    .outsider = true,
			    .in_pool = true};
	memcpy(k->hash.bytes, &tag, sizeof tag);
	memcpy(k->hash.bytes + 8, &w.txs_count, sizeof w.txs_count);
}

/* ---- restarts ----------------------------------------------------------- */

/* Final by the highest block there ever was: one outbox may have seen it and
 * have forgotten, the other not. */
static bool is_old(uint64_t intent)
{
	if (w.intents[intent].valid_until > w.highest * BLOCK_S)
		return false;
	for (size_t i = 0; i < w.txs_count; i++)
		if (w.txs[i].block && !w.txs[i].outsider &&
		    w.txs[i].intent == intent &&
		    w.txs[i].block + DEPTH < w.highest)
			return true;
	return false;
}

/* What an outbox knows that its journal has to lead to, as bytes. */
static void describe(struct outbox *o, struct buf *out)
{
	static struct hashes h;

	h.count = 0;
	outbox_each_watched(o, false, note, &h);
	buf_printf(out, "%" PRIu64 " %" PRIu64 "\n", outbox_sizes(o).in_flight,
		   outbox_stopped_at(o));
	buf_put(out, h.items, h.count * sizeof h.items[0]);
	for (uint64_t n = 0; n < w.intents_count; n++) {
		struct hash32 id = {{0}};
		enum outbox_fate fate;

		memcpy(id.bytes, &n, sizeof n);
		fate = outbox_fate(o, &id);
		/* Nobody journals plans: they are made again. */
		if (fate == OUTBOX_PLANNED || is_old(n))
			fate = OUTBOX_UNKNOWN;
		buf_put_u8(out, (uint8_t)fate);
	}
}

static void reread(struct outbox **out)
{
	struct fixture *f = w.f;
	struct block_ref b = {f->block, block_hash(f->block), {now()}};
	struct u256 fee = u256_from_u64(f->base_fee);

	*out = open_outbox(f);
	for (size_t i = 0; i < f->count; i++)
		assert_err(outbox_receive(*out, f->said[i].number,
					  buf_bytes(&f->said[i].body)),
			   ERR_NONE);
	outbox_set_block(*out, &b, &fee);
}

/* The process dies, and another one begins. */
static void die(void)
{
	struct buf before = {0}, after = {0};
	struct outbox *next;

	reread(&next);
	if (outbox_stopped_at(w.f->o) == w.stopped_at) { /* it was said */
		describe(w.f->o, &before);
		describe(next, &after);
		assert_int_equal(before.size, after.size);
		assert_memory_equal(before.data, after.data, before.size);
	}
	outbox_free(&w.f->o);
	w.f->o = next;
	ask(true);
	/* They are read again. Of what was too late once, and isn't any more
	 * because the chain went back, the contract knows the number. */
	for (uint64_t n = 0; n < w.intents_count; n++)
		if (w.intents[n].valid_until > w.highest * BLOCK_S)
			plan(n);
	buf_free(&before);
	buf_free(&after);
}

static void adopt(void)
{
	w.f->config.adopt_nonce = outbox_stopped_at(w.f->o);
	die();
	w.f->config.adopt_nonce = 0;
}

/* ---- a history ---------------------------------------------------------- */

static void step(void)
{
	switch (below(24)) {
	case 0:
	case 1:
	case 2:
		plan_new();
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		flush();
		break;
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
		ask(false);
		break;
	case 12:
		roll_back();
		break;
	case 13:
		drop_pool();
		break;
	case 14:
		die();
		break;
	case 15:
		w.f->base_fee = below(8) ? 7 + below(40) : 500 + below(700);
		break;
	case 16:
		w.balance = below(3) ? 100 : 1;
		break;
	case 17:
		if (!below(4))
			outsider();
		break;
	case 18:
		if (outbox_stopped_at(w.f->o))
			adopt();
		break;
	default:
		new_block();
		flush();
		break;
	}
}

/* Everything is well again: whatever was signed ends. */
static void calm_down(void)
{
	w.f->base_fee = 7;
	w.balance = 100;
	for (int i = 0; i < CALM_ROUNDS; i++) {
		new_block();
		ask(true);
		if (outbox_stopped_at(w.f->o))
			adopt();
		flush();
	}
	assert_int_equal(outbox_sizes(w.f->o).in_flight, 0);
	assert_int_equal(outbox_sizes(w.f->o).planned, 0);
	assert_int_equal(outbox_sizes(w.f->o).next_nonce, w.nonce);
}

static void each_is_done_once(void)
{
	static unsigned done[INTENTS_MAX];
	uint64_t ours = 0;

	memset(done, 0, sizeof done);
	for (size_t i = 0; i < w.txs_count; i++) {
		const struct known *k = &w.txs[i];

		ours += k->block != 0;
		if (k->block && !k->outsider && !k->cancel &&
		    k->block * BLOCK_S <= w.intents[k->intent].valid_until)
			assert_true(++done[k->intent] == 1);
	}
	assert_int_equal(ours, w.nonce); /* no nonce without its transaction */
}

static void run(uint64_t seed)
{
	memset(&w, 0, sizeof w);
	w.seed = w.random = seed;
	w.sink.put = check_put;
	w.balance = 100;
	w.f = fixture_new();
	w.f->config.bump_after = 3;
	w.f->config.outsiders = seed % 3 ? OUTBOX_STOP : OUTBOX_YIELD;
	w.f->config.min_balance = u256_from_u64(10);
	outbox_free(&w.f->o);
	w.f->block = w.highest = 20;
	reread(&w.f->o);
	for (int i = 0; i < STEPS; i++)
		step();
	calm_down();
	each_is_done_once();
	buf_free(&w.sink.scratch);
	fixture_free(w.f);
}

static void what_must_hold_holds_in_all_histories(void **state)
{
	const char *one = getenv("OUTBOX_SEED");

	(void)state;
	for (uint64_t seed = 1; !one && seed <= SEEDS; seed++) {
		run(seed);
	}
	if (one)
		run(strtoull(one, NULL, 10));
}

static int say_seed(void **state)
{
	(void)state;
	printf("newest seed: %" PRIu64 "\n", w.seed);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_must_hold_holds_in_all_histories,
					  say_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
