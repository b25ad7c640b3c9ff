/* Every block ever made is kept until the end: nodes may be behind. */
#include "tests/sim/chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/keccak.h"
#include "common/tx.h"
#include "common/u256.h"
#include "tests/sim/world.h"

enum { LAZY_PER_MILLE = 150, HASHED = 1024, READY_MAX = 1024 };

static const uint64_t base_fee_wei = 1000000000;

static struct {
	struct sim_block *main[BLOCKS_MAX]; /* canonical, by number */
	struct hash32 hashes[BLOCKS_MAX];
	struct sim_block *head, *newest_made;
	struct sim_tx *txs;
	struct sim_tx *pool;		/* and some that no longer are in it */
	struct sim_tx *by_hash[HASHED]; /* lists; those with bytes */
	struct sim_tx *used[ACCOUNTS][BLOCKS_MAX]; /* first payload of each */
	uint64_t highest, salt, fee, reorganised, branch_gone_until, taken;
	bool checks_branch, kind;
} chain;

struct sim_block *sim_head(void)
{
	return chain.head;
}

static bool is_main(const struct sim_block *b)
{
	return b->number <= chain.head->number && chain.main[b->number] == b;
}

struct sim_block *sim_block_at(struct sim_block *head, uint64_t number)
{
	struct sim_block *b = head;

	if (number > head->number)
		return NULL;
	while (b->number > number && !is_main(b))
		b = b->parent;
	return b->number == number ? b : chain.main[number];
}

struct sim_block *sim_block_by_hash(struct sim_block *head,
				    const struct hash32 *hash)
{
	struct sim_block *b = head;

	while (b && !hash32_eq(&b->hash, hash))
		b = b->made;
	return b;
}

/* ---- making blocks ------------------------------------------------------ */

static struct sim_block *block_on(struct sim_block *parent, uint64_t seconds)
{
	struct sim_block *b = malloc(sizeof *b);
	uint64_t parts[2];

	assert(b);
	b->parent = parent;
	b->number = parent ? parent->number + 1 : 0;
	assert(b->number < BLOCKS_MAX);
	b->time = (parent ? parent->time : 1700000000) + seconds;
	b->base_fee = chain.fee;
	b->logs = NULL;
	b->txs = NULL;
	b->logs_count = b->txs_count = 0;
	b->header = NULL;
	b->head = NULL;
	b->made = chain.newest_made;
	chain.newest_made = b;
	if (parent) {
		market_copy(&b->state, &parent->state);
		b->parent_hash = parent->hash;
	} else {
		memset(&b->state, 0, sizeof b->state);
		memset(&b->parent_hash, 0, sizeof b->parent_hash);
	}
	parts[0] = b->number;
	parts[1] = ++chain.salt;
	keccak256(&b->hash, parts, sizeof parts);
	return b;
}

static void set_head(struct sim_block *b)
{
	chain.head = b;
	for (; b && chain.main[b->number] != b; b = b->parent) {
		chain.main[b->number] = b;
		chain.hashes[b->number] = b->hash;
	}
	if (chain.head->number > chain.highest)
		chain.highest = chain.head->number;
}

/* Late, or decided on a branch that is gone: nobody could have known. */
static bool is_explained(const struct making *m, const struct sim_tx *t,
			 const char *why)
{
	bool gone = chain.reorganised &&
		    (!chain.checks_branch ||
		     !check_is_of_branch(t->from, &t->hash, chain.hashes,
					 m->number));

	if (strcmp(why, "SignatureExpired") == 0)
		return true;
	if (strcmp(why, "BranchGone") == 0 ||
	    strcmp(why, "BatchAlreadyUsed") == 0)
		return gone;
	/* A proof that comes alone reverts, too late or on another branch. */
	return t->from == PROVER_ACCOUNT &&
	       (strcmp(why, "DeadlinePassed") == 0 ||
		strcmp(why, "RequestNotAssigned") == 0 ||
		(chain.reorganised && (strcmp(why, "RequestUnknown") == 0 ||
				       strcmp(why, "InputsMismatch") == 0)));
}

/* A slash that is decided on this branch has its deadline behind it. */
static void check_slashes(const struct making *m, const struct sim_tx *t,
			  size_t from)
{
	struct selector early = market_error("DeadlineNotPassed");

	for (size_t i = from; i < m->logs_count; i++) {
		const struct m_log *l = &m->logs[i];

		if (hash32_eq(&l->log.topics[0],
			      abi_event_topic(ABI_EVENT_SLASH_SKIPPED)) &&
		    memcmp(l->data.data, early.bytes, sizeof early.bytes) ==
			    0 &&
		    check_is_of_branch(t->from, &t->hash, chain.hashes,
				       m->number))
			wrong("O8: a slash before the deadline, in block "
			      "%" PRIu64,
			      m->number);
	}
}

static bool execute(struct making *m, struct sim_tx *t)
{
	size_t from = m->logs_count;
	const char *why;

	m->tx = t->hash;
	if (t->is_act) {
		market_act(m, &t->act);
		return true;
	}
	m->state->nonces[t->from]++;
	if (market_call(m, t->from, buf_bytes(&t->data), &why)) {
		check_slashes(m, t, from);
		return true;
	}
	if (!is_explained(m, t, why))
		wrong("O3: transaction %" PRIu64 " of account %u reverts in "
		      "block %" PRIu64 ": %s",
		      t->nonce, t->from, m->number, why);
	return false;
}

static bool is_ready(const struct sim_block *b, const struct sim_tx *t)
{
	return t->is_act || (t->nonce == b->state.nonces[t->from] &&
			     t->max_fee >= b->base_fee);
}

static void put_into_pool(struct sim_tx *t)
{
	t->pooled = true;
	if (t->listed)
		return;
	t->listed = true;
	t->beside = chain.pool;
	chain.pool = t;
}

static void tidy_pool(void)
{
	for (struct sim_tx **p = &chain.pool; *p;) {
		struct sim_tx *t = *p;

		if (t->pooled) {
			p = &t->beside;
		} else {
			*p = t->beside;
			t->listed = false;
		}
	}
}

/* The pool's oldest first; what is lazy waits for another block. */
static void fill(struct sim_block *b)
{
	struct sim_tx *ready[READY_MAX];
	struct making m = {.state = &b->state,
			   .number = b->number,
			   .time = b->time,
			   .hashes = chain.hashes,
			   .checks_branch = chain.checks_branch};
	size_t count = 0;
	bool again = true;

	tidy_pool();
	for (struct sim_tx *t = chain.pool; t && count < READY_MAX;
	     t = t->beside)
		if (t->pooled && (chain.kind || !chance(LAZY_PER_MILLE)))
			ready[count++] = t;
	b->txs = calloc(count + 1, sizeof *b->txs);
	assert(b->txs);
	while (again) {
		again = false;
		for (size_t i = count; i-- > 0;) {
			struct sim_tx *t = ready[i];

			if (!t->pooled || !is_ready(b, t))
				continue;
			t->pooled = false;
			if (b->number < t->oldest)
				t->oldest = b->number;
			b->txs[b->txs_count++] =
				(struct mined){t, execute(&m, t)};
			again = true;
		}
	}
	b->logs = m.logs;
	b->logs_count = m.logs_count;
	for (struct sim_tx *t = chain.pool; t; t = t->beside)
		if (t->pooled && !t->is_act &&
		    t->nonce < b->state.nonces[t->from])
			t->pooled = false; /* another one has its nonce */
}

void chain_mine(uint64_t seconds)
{
	struct sim_block *b = block_on(chain.head, seconds);

	fill(b);
	set_head(b);
}

void chain_be_kind(void)
{
	chain.kind = true;
	chain.fee = base_fee_wei;
}

unsigned chain_unfinal(void)
{
	uint64_t floor =
		chain.highest > FINAL_DEPTH ? chain.highest - FINAL_DEPTH : 1;

	return chain.head->number > floor
		       ? (unsigned)(chain.head->number - floor)
		       : 0;
}

/* What a block had goes back to the pool, all of it, some of it or nothing. */
static void give_up(struct sim_block *b, unsigned per_mille)
{
	for (size_t i = b->txs_count; i-- > 0;) {
		struct sim_tx *t = b->txs[i].tx;

		if (chance(per_mille))
			put_into_pool(t);
	}
}

void chain_reorganise(unsigned depth, unsigned length)
{
	static const unsigned back[] = {0, 600, 1000};
	unsigned per_mille = back[draw(3)];
	struct sim_block *to = chain.head;

	while (depth--) {
		give_up(to, per_mille);
		to = to->parent;
	}
	/* Those that remain in the pool may be of nonces to come. */
	chain.reorganised++;
	set_head(to);
	while (length--)
		chain_mine(1 + draw(4));
}

uint64_t chain_reorganised(void)
{
	return chain.reorganised;
}

/* ---- the pool ----------------------------------------------------------- */

static struct sim_tx *add_tx(const struct sim_tx *like)
{
	struct sim_tx *t = malloc(sizeof *t);

	assert(t);
	*t = *like;
	t->oldest = UINT64_MAX;
	t->next = chain.txs;
	chain.txs = t;
	return t;
}

void chain_act(const struct act *act)
{
	struct sim_tx t = {.is_act = true, .act = *act};
	uint64_t salt = ++chain.salt;

	keccak256(&t.hash, &salt, sizeof salt);
	put_into_pool(add_tx(&t));
}

void chain_drop_some(void)
{
	for (struct sim_tx *t = chain.pool; t; t = t->beside)
		if (t->pooled && !t->is_act && chance(500))
			t->pooled = false;
}

void chain_raise_fee(void)
{
	chain.fee = 3 * base_fee_wei + base_fee_wei / 2;
}

void chain_lower_fee(void *unused)
{
	(void)unused;
	chain.fee = base_fee_wei;
}

static struct sim_tx **list_of(const struct hash32 *hash)
{
	return &chain.by_hash[(hash->bytes[0] << 8 | hash->bytes[1]) % HASHED];
}

static struct sim_tx *find_tx(const struct hash32 *hash)
{
	struct sim_tx *t = *list_of(hash);

	while (t && !hash32_eq(&t->hash, hash))
		t = t->hashed;
	return t;
}

static unsigned account_of(const struct address *a)
{
	for (unsigned i = 0; i < ACCOUNTS; i++)
		if (address_eq(a, &market_world.accounts[i]))
			return i;
	wrong("a transaction of an account that is nobody's");
}

static bool is_cancel(const struct sim_tx *t)
{
	return t->data.size == 0;
}

/* One payload for each nonce, whatever the fee, or its cancel. */
static void check_payload(struct sim_tx *t)
{
	struct sim_tx **first = &chain.used[t->from][t->nonce % BLOCKS_MAX];

	if (!*first || is_cancel(*first)) {
		*first = t;
		return;
	}
	if (is_cancel(t))
		return;
	if ((*first)->data.size != t->data.size ||
	    memcmp((*first)->data.data, t->data.data, t->data.size) != 0)
		wrong("O3: nonce %" PRIu64 " of account %u is signed for two "
		      "payloads, %02x%02x… and %02x%02x…",
		      t->nonce, t->from, (*first)->hash.bytes[0],
		      (*first)->hash.bytes[1], t->hash.bytes[0],
		      t->hash.bytes[1]);
}

static struct sim_tx *rival_of(const struct sim_tx *x)
{
	struct sim_tx *t = chain.pool;

	while (t && (t == x || !t->pooled || t->is_act || t->from != x->from ||
		     t->nonce != x->nonce))
		t = t->beside;
	return t;
}

static const char *enter_pool(struct sim_tx *t)
{
	struct sim_tx *rival;

	if (t->nonce < chain.head->state.nonces[t->from])
		return "nonce too low";
	if (t->pooled)
		return "already known";
	rival = rival_of(t);
	if (rival && t->max_fee < rival->max_fee + rival->max_fee / 10)
		return "replacement transaction underpriced";
	if (rival)
		rival->pooled = false;
	put_into_pool(t);
	return NULL;
}

static uint32_t process_bit(void)
{
	for (unsigned i = 0; i < process_count(); i++)
		if (process_at(i) == process_current())
			return 1u << i;
	return 0;
}

const char *chain_take(struct bytes raw, struct hash32 *hash)
{
	struct sim_tx fresh = {.is_act = false}, *t;
	struct address from;
	struct tx tx;

	keccak256(hash, raw.data, raw.size);
	t = find_tx(hash);
	if (!t) {
		if (tx_decode(&tx, &from, &fresh.hash, raw) ||
		    tx.chain_id != market_world.chain_id)
			wrong("a transaction that is none");
		fresh.from = account_of(&from);
		fresh.nonce = tx.nonce;
		fresh.max_fee = tx.max_fee.limb[0];
		buf_put(&fresh.data, tx.data.data, tx.data.size);
		t = add_tx(&fresh);
		t->hashed = *list_of(hash);
		*list_of(hash) = t;
		chain.taken++;
		check_payload(t);
	}
	if (!(t->checked & process_bit())) {
		check_sent(t->from, hash);
		t->checked |= process_bit();
	}
	return enter_pool(t);
}

uint64_t chain_taken(void)
{
	return chain.taken;
}

struct sim_block *chain_find(struct sim_block *head, const struct hash32 *hash,
			     bool *success)
{
	const struct sim_tx *t = find_tx(hash);

	if (!t)
		return NULL;
	for (struct sim_block *b = head; b && b->number >= t->oldest;
	     b = b->parent)
		for (size_t i = 0; i < b->txs_count; i++)
			if (b->txs[i].tx == t) {
				*success = b->txs[i].success;
				return b;
			}
	return NULL;
}

/* ---- life --------------------------------------------------------------- */

void chain_begin(uint64_t checks_branch)
{
	chain.checks_branch = checks_branch;
	chain.fee = base_fee_wei;
	set_head(block_on(NULL, 0));
}

void chain_forget(void)
{
	while (chain.newest_made) {
		struct sim_block *b = chain.newest_made;

		chain.newest_made = b->made;
		market_free_logs(b->logs, b->logs_count);
		free(b->txs);
		free(b->header);
		free(b->head);
		free(b);
	}
	while (chain.txs) {
		struct sim_tx *t = chain.txs;

		chain.txs = t->next;
		buf_free(&t->data);
		free(t);
	}
}
