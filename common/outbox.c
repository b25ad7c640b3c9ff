/* A list of intents in the order of their nonces; few are alive at a time. */
#include "common/outbox_impl.h"

#include <stdlib.h>

#include "common/u256.h"

enum {
	SETTLE_BLOCKS = 2, /* until a mined one's events have been seen */
	LOST_BLOCKS = 2,   /* until a nonce counts as somebody else's */
};

/* ---- items -------------------------------------------------------------- */

static void free_item(struct item *i)
{
	buf_free(&i->data);
	buf_free(&i->subjects);
	buf_free(&i->raw);
	free(i->attempts);
	free(i);
}

struct item *outbox_find(const struct outbox *o, const struct hash32 *id)
{
	struct item *i = o->first;

	while (i && !hash32_eq(&i->id, id))
		i = i->next;
	return i;
}

struct item *outbox_add(struct outbox *o)
{
	struct item *i = calloc(1, sizeof *i), **p = &o->first;

	if (!i)
		return NULL;
	while (*p)
		p = &(*p)->next;
	*p = i;
	return i;
}

void outbox_forget(struct outbox *o, struct item *i)
{
	struct item **p = &o->first;

	while (*p != i)
		p = &(*p)->next;
	*p = i->next;
	free_item(i);
}

/* What is final is kept as long as it could be planned once more. */
static bool is_over(const struct outbox *o, const struct item *i)
{
	if (i->state == SIGNED)
		return false;
	if (i->valid_until.v && !outbox_is_late(o, i))
		return false;
	return i->state == MINED ? i->mined.number + o->config.final_depth <
					   o->block.number
				 : i->valid_until.v != 0;
}

static void sweep(struct outbox *o)
{
	struct item *next;

	for (struct item *i = o->first; i; i = next) {
		next = i->next;
		if (is_over(o, i))
			outbox_forget(o, i);
	}
}

void outbox_forget_final(struct outbox *o, const struct block_ref *block)
{
	if (o->block.number >= block->number)
		return;
	o->block.number = block->number;
	if (o->block.time.v < block->time.v)
		o->block.time = block->time;
	sweep(o);
}

enum err outbox_new(struct outbox **out, const struct outbox_config *config)
{
	struct outbox *o = calloc(1, sizeof *o);
	struct u256 ninth;
	uint64_t rest;
	enum err e;

	if (!o)
		return ERR_NO_MEMORY;
	o->config = *config;
	secret_key_address(&o->sender, config->key);
	/* 8/9 of the cap: a ninth, rounded up, is left for the cancel. */
	e = u256_divmod_u64(&ninth, &rest, &config->fee_cap, 9);
	if (!e && rest)
		e = u256_add(&ninth, &ninth, &(struct u256){{1}});
	if (!e)
		e = u256_sub(&o->payload_cap, &config->fee_cap, &ninth);
	if (e)
		outbox_free(&o);
	*out = o;
	return e;
}

void outbox_free(struct outbox **outbox)
{
	struct outbox *o = *outbox;

	if (!o)
		return;
	while (o->first) {
		struct item *i = o->first;

		o->first = i->next;
		free_item(i);
	}
	free(o);
	*outbox = NULL;
}

const struct address *outbox_sender(const struct outbox *o)
{
	return &o->sender;
}

/* ---- what the chain says ------------------------------------------------ */

void outbox_set_floor(struct outbox *o, uint64_t nonce)
{
	if (o->next_nonce >= nonce || outbox_stopped_at(o) >= nonce)
		return;
	if (o->begun && o->config.outsiders == OUTBOX_STOP &&
	    nonce > o->config.adopt_nonce)
		o->unsaid = nonce;
	else
		o->next_nonce = nonce;
}

void outbox_set_balance(struct outbox *o, const struct u256 *balance)
{
	bool poor = u256_cmp(balance, &o->config.min_balance) < 0;

	/* Nodes have refused meanwhile. */
	for (struct item *i = o->first; i && o->poor && !poor; i = i->next)
		i->sent = false;
	o->poor = poor;
}

void outbox_set_block(struct outbox *o, const struct block_ref *block,
		      const struct u256 *base_fee)
{
	/* What was sent before waits from now on. */
	for (struct item *i = o->first; i && !o->has_block; i = i->next)
		i->waits_since = block->number;
	o->has_block = true;
	o->block = *block;
	o->base_fee = *base_fee;
	sweep(o);
}

static struct item *find_attempt(const struct outbox *o,
				 const struct hash32 *hash, size_t *which)
{
	for (struct item *i = o->first; i; i = i->next)
		for (*which = 0; *which < i->attempts_count; ++*which)
			if (hash32_eq(&i->attempts[*which].hash, hash))
				return i;
	return NULL;
}

bool outbox_id_of(const struct outbox *o, const struct hash32 *hash,
		  struct hash32 *id)
{
	size_t which;
	const struct item *i = find_attempt(o, hash, &which);

	if (i)
		*id = i->id;
	return i != NULL;
}

enum err outbox_mined(struct outbox *o, struct sink *out,
		      const struct outbox_receipt *r)
{
	struct msg_tx_mined m = {.hash = r->hash,
				 .block = r->block,
				 .success = r->success,
				 .gas_used = r->gas_used};
	struct u256 gas = u256_from_u64(r->gas_used);
	size_t which;
	struct item *i = find_attempt(o, &r->hash, &which);

	if (!i || (i->state == MINED && i->mined_attempt == which &&
		   hash32_eq(&i->mined.hash, &r->block.hash)))
		return ERR_NOT_FOUND;
	o->reverted += !r->success;
	m.id = i->id;
	m.nonce = i->nonce;
	m.cancel = i->attempts[which].cancel;
	if (u256_mul(&m.fee_paid.v, &gas, &r->gas_price))
		m.fee_paid.v = U256_MAX;
	return outbox_say_mined(o, out, &m);
}

enum err outbox_roll_back(struct outbox *o, struct sink *out, uint64_t number)
{
	enum err e = ERR_NONE;

	for (struct item *i = o->first; i && !e; i = i->next) {
		if (i->state == MINED && i->mined.number > number)
			e = outbox_say_unmined(o, out, i);
		/* It may have been in one of them, and no pool has it now. */
		if (i->state == SIGNED && number < o->block.number)
			i->sent = false;
	}
	return e;
}

static bool all_absent(const struct outbox *o, const struct item *i)
{
	for (size_t k = 0; k < i->attempts_count; k++)
		if (i->attempts[k].absent_at != o->asked_at + 1)
			return false;
	return true;
}

/* Whether somebody else has used the nonce of @i. The answers about it and
 * about its attempts may be of different blocks: it has to stay so. */
static bool is_lost(const struct outbox *o, struct item *i, uint64_t nonce)
{
	if (i->nonce >= nonce || !o->has_block) {
		i->overtaken = false;
		return false;
	}
	if (!all_absent(o, i))
		return false;
	if (!i->overtaken)
		i->overtaken_at = o->block.number;
	i->overtaken = true;
	return !i->lost && i->overtaken_at + LOST_BLOCKS <= o->block.number;
}

enum err outbox_not_mined(struct outbox *o, struct sink *out,
			  const struct hash32 *hash, uint64_t nonce, bool *lost)
{
	struct msg_tx_outsider m = {.account_nonce = nonce};
	size_t which;
	struct item *i = find_attempt(o, hash, &which);
	enum err e;

	*lost = false;
	if (!i)
		return ERR_NONE;
	if (i->state == MINED)
		return which == i->mined_attempt ? outbox_say_unmined(o, out, i)
						 : ERR_NONE;
	i->attempts[which].absent_at = o->asked_at + 1;
	*lost = is_lost(o, i, nonce);
	if (!*lost)
		return ERR_NONE;
	/* How numbers below adopt_nonce were used has been looked at, those too
	 * whose loss is only noticed now. */
	if (i->nonce < o->config.adopt_nonce && nonce > o->config.adopt_nonce)
		m.account_nonce = o->config.adopt_nonce;
	m.id = i->id;
	e = outbox_say_outsider(o, out, &m);
	return e ? e : outbox_adopt(o, out);
}

/* ---- planning ------------------------------------------------------------ */

static bool has_subject(const struct item *i, uint64_t subject)
{
	struct u64s all = {i->subjects.data, i->subjects.size / 8};

	for (size_t k = 0; k < all.count; k++)
		if (u64s_at(all, k) == subject)
			return true;
	return false;
}

static bool is_done(const struct outbox *o, const struct item *i)
{
	return i->state == MINED &&
	       (i->attempts[i->mined_attempt].cancel ||
		i->mined.number + SETTLE_BLOCKS < o->block.number);
}

bool outbox_is_about(const struct outbox *o, uint8_t kind, uint64_t subject)
{
	for (const struct item *i = o->first; i; i = i->next)
		if (!is_done(o, i) && i->kind == kind &&
		    has_subject(i, subject))
			return true;
	return false;
}

enum err outbox_plan(struct outbox *o, const struct outbox_intent *intent)
{
	struct item *i;

	if (outbox_find(o, &intent->id))
		return ERR_EXISTS;
	if (intent->valid_until.v && intent->valid_until.v <= o->block.time.v)
		return ERR_EXPIRED;
	i = outbox_add(o);
	if (!i)
		return ERR_NO_MEMORY;
	i->id = intent->id;
	i->kind = intent->kind;
	i->state = PLANNED;
	i->to = intent->to;
	i->gas_limit = intent->gas_limit;
	i->decided_on = intent->decided_on;
	i->valid_until = intent->valid_until;
	buf_put(&i->data, intent->data.data, intent->data.size);
	buf_put(&i->subjects, intent->subjects.data,
		8 * intent->subjects.count);
	return buf_failed(&i->data) || buf_failed(&i->subjects) ? ERR_NO_MEMORY
								: ERR_NONE;
}

/* ---- sending and watching ----------------------------------------------- */

static bool is_to_send(const struct outbox *o, const struct item *i)
{
	if (i->state != SIGNED)
		return false;
	/* Without a cancel its nonce has to go somehow: better reverted than
	 * in the way of all that follow. */
	if (outbox_is_late(o, i) && !outbox_is_cancelling(i) &&
	    outbox_can_cancel(o, i))
		return false;
	return !i->sent ||
	       i->sent_at + o->config.resend_after <= o->block.number;
}

void outbox_each_to_send(struct outbox *o, outbox_send_fn *fn, void *arg)
{
	if (outbox_hold(o) == OUTBOX_HELD_OUTSIDER)
		return;
	for (struct item *i = o->first; i; i = i->next) {
		if (!is_to_send(o, i) ||
		    !fn(arg, &i->id, &i->attempts[i->attempts_count - 1].hash,
			buf_bytes(&i->raw)))
			continue;
		if (!i->sent)
			i->waits_since = o->block.number;
		i->sent = true;
		i->sent_at = o->block.number;
	}
}

void outbox_send_again(struct outbox *o, const struct hash32 *id)
{
	struct item *i = outbox_find(o, id);

	if (i && i->state == SIGNED)
		i->sent = false;
}

void outbox_outbid(struct outbox *o, const struct hash32 *hash)
{
	size_t which;
	struct item *i = find_attempt(o, hash, &which);

	if (i && which + 1 == i->attempts_count)
		i->outbid = true;
}

void outbox_each_watched(struct outbox *o, bool all, outbox_watch_fn *fn,
			 void *arg)
{
	o->asked_at = o->block.number;
	for (const struct item *i = o->first; i; i = i->next) {
		for (size_t k = 0; i->state == SIGNED && k < i->attempts_count;
		     k++)
			fn(arg, &i->attempts[k].hash);
		if (all && i->state == MINED)
			fn(arg, &i->attempts[i->mined_attempt].hash);
	}
}

struct outbox_sizes outbox_sizes(const struct outbox *o)
{
	struct outbox_sizes s = {.next_nonce = o->next_nonce,
				 .reverted = o->reverted};

	for (const struct item *i = o->first; i; i = i->next) {
		s.planned += i->state == PLANNED;
		s.in_flight += i->state == SIGNED;
		s.mined += i->state == MINED;
	}
	return s;
}

bool outbox_intent_of(const struct outbox *o, const struct hash32 *id,
		      uint8_t *kind, struct u64s *subjects)
{
	const struct item *i = outbox_find(o, id);

	if (!i)
		return false;
	*kind = i->kind;
	*subjects = (struct u64s){i->subjects.data, i->subjects.size / 8};
	return true;
}

enum outbox_fate outbox_fate(const struct outbox *o, const struct hash32 *id)
{
	const struct item *i = outbox_find(o, id);

	if (!i)
		return OUTBOX_UNKNOWN;
	switch (i->state) {
	case PLANNED:
		return OUTBOX_PLANNED;
	case SIGNED:
		return OUTBOX_SIGNED;
	case MINED:
		if (i->attempts[i->mined_attempt].cancel)
			return OUTBOX_CANCELLED;
		return i->success ? OUTBOX_MINED : OUTBOX_REVERTED;
	}
	return OUTBOX_UNKNOWN;
}
