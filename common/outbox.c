/* A list of intents in the order of their nonces; few are alive at a time. */
#include "common/outbox.h"

#include <stdlib.h>

#include "common/u256.h"

enum {
	SETTLE_BLOCKS = 2, /* until a mined one's events have been seen */
	LOST_BLOCKS = 2,   /* until a nonce counts as somebody else's */
};

enum item_state { PLANNED, SIGNED, MINED };

struct item {
	struct hash32 id;
	uint8_t kind;
	enum item_state state;
	/* Until it is signed. */
	struct address to;
	struct buf data;
	uint64_t gas_limit;
	/* Always. */
	struct block_ref decided_on;
	struct unix_s valid_until;
	struct buf subjects; /* 8 bytes each, big-endian */
	/* Since it was signed. */
	uint64_t nonce;
	struct hash32 hash;
	struct buf raw;
	bool sent;
	uint64_t sent_at; /* number of the newest block then */
	bool overtaken; /* the account's nonce is higher, yet it isn't mined */
	uint64_t overtaken_at; /* number of the newest block then */
	/* Since it was mined. */
	struct block_ref mined;
	bool success;
	struct item *next;
};

struct outbox {
	struct outbox_config config;
	struct address sender;
	struct item *first; /* signed ones by nonce, then planned ones by age */
	uint64_t next_nonce;
	struct block_ref block;
	struct u256 base_fee;
	uint64_t reverted;
};

/* ---- items -------------------------------------------------------------- */

static void free_item(struct item *i)
{
	buf_free(&i->data);
	buf_free(&i->subjects);
	buf_free(&i->raw);
	free(i);
}

static struct item *find(const struct outbox *o, const struct hash32 *id)
{
	struct item *i = o->first;

	while (i && !hash32_eq(&i->id, id))
		i = i->next;
	return i;
}

static struct item *add(struct outbox *o)
{
	struct item *i = calloc(1, sizeof *i), **p = &o->first;

	if (!i)
		return NULL;
	while (*p)
		p = &(*p)->next;
	*p = i;
	return i;
}

/* Free every item that @gone says so of. */
static void sweep(struct outbox *o,
		  bool (*gone)(const struct outbox *, const struct item *))
{
	for (struct item **p = &o->first; *p;) {
		struct item *i = *p;

		if (gone(o, i)) {
			*p = i->next;
			free_item(i);
		} else {
			p = &i->next;
		}
	}
}

static bool is_over(const struct outbox *o, const struct item *i)
{
	if (i->state == MINED)
		return i->mined.number + o->config.final_depth <
		       o->block.number;
	return i->state == PLANNED && i->valid_until.v &&
	       i->valid_until.v <= o->block.time.v;
}

static void forget(struct outbox *o, struct item *i)
{
	struct item **p = &o->first;

	while (*p != i)
		p = &(*p)->next;
	*p = i->next;
	free_item(i);
}

/* A receipt tells of block @number. A journal may be long, and what is alive at
 * a time is little: what is final by then is forgotten, while it is written as
 * when it is read, so that both lead to the same. */
static void forget_final(struct outbox *o, uint64_t number)
{
	if (o->block.number >= number)
		return;
	o->block.number = number;
	sweep(o, is_over);
}

enum err outbox_new(struct outbox **out, const struct outbox_config *config)
{
	struct outbox *o = calloc(1, sizeof *o);

	if (!o)
		return ERR_NO_MEMORY;
	o->config = *config;
	secret_key_address(&o->sender, config->key);
	*out = o;
	return ERR_NONE;
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

/* ---- the journal given back --------------------------------------------- */

static enum err take_signed(struct outbox *o, const struct msg_tx_signed *m)
{
	struct item *i = find(o, &m->id);

	if (!address_eq(&m->sender, &o->sender))
		return ERR_CONFLICT; /* another key's journal */
	if (i && i->nonce > m->nonce)
		return ERR_CONFLICT;
	if (i && i->nonce < m->nonce) {
		/* It was done again: the first one was final, or its number
		 * was somebody else's. No entry tells either. */
		forget(o, i);
		i = NULL;
	}
	if (!i)
		i = add(o);
	if (!i)
		return ERR_NO_MEMORY;
	i->id = m->id;
	i->kind = m->kind;
	i->state = SIGNED;
	i->gas_limit = m->gas_limit;
	i->decided_on = m->decided_on;
	i->valid_until = m->valid_until;
	i->nonce = m->nonce;
	i->hash = m->hash;
	buf_clear(&i->raw);
	buf_put(&i->raw, m->raw.data, m->raw.size);
	buf_clear(&i->subjects);
	buf_put(&i->subjects, m->subjects.data, 8 * m->subjects.count);
	if (o->next_nonce <= m->nonce)
		o->next_nonce = m->nonce + 1;
	return buf_failed(&i->raw) || buf_failed(&i->subjects) ? ERR_NO_MEMORY
							       : ERR_NONE;
}

static enum err take_mined(struct outbox *o, const struct msg_tx_mined *m)
{
	struct item *i = find(o, &m->id);

	if (!i)
		return ERR_NONE; /* forgotten: it is final */
	i->state = MINED;
	i->mined = m->block;
	i->success = m->success;
	forget_final(o, m->block.number);
	return ERR_NONE;
}

static enum err take_unmined(struct outbox *o, const struct msg_tx_unmined *m)
{
	struct item *i = find(o, &m->id);

	if (!i)
		return ERR_CONFLICT;
	i->state = SIGNED;
	i->sent = false;
	return ERR_NONE;
}

enum err outbox_receive(struct outbox *o, uint16_t number, struct bytes body)
{
	enum err e;

	switch (number) {
	case MSG_TX_SIGNED: {
		struct msg_tx_signed m;

		e = msg_tx_signed_decode(&m, body);
		return e ? e : take_signed(o, &m);
	}
	case MSG_TX_MINED: {
		struct msg_tx_mined m;

		e = msg_tx_mined_decode(&m, body);
		return e ? e : take_mined(o, &m);
	}
	case MSG_TX_UNMINED: {
		struct msg_tx_unmined m;

		e = msg_tx_unmined_decode(&m, body);
		return e ? e : take_unmined(o, &m);
	}
	}
	return ERR_NONE;
}

void outbox_set_floor(struct outbox *o, uint64_t nonce)
{
	if (o->next_nonce < nonce)
		o->next_nonce = nonce;
}

/* ---- blocks ------------------------------------------------------------- */

void outbox_set_block(struct outbox *o, const struct block_ref *block,
		      const struct u256 *base_fee)
{
	o->block = *block;
	o->base_fee = *base_fee;
	sweep(o, is_over);
}

static struct item *find_attempt(const struct outbox *o,
				 const struct hash32 *hash)
{
	struct item *i = o->first;

	while (i && !(i->state != PLANNED && hash32_eq(&i->hash, hash)))
		i = i->next;
	return i;
}

bool outbox_id_of(const struct outbox *o, const struct hash32 *hash,
		  struct hash32 *id)
{
	const struct item *i = find_attempt(o, hash);

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
	struct item *i = find_attempt(o, &r->hash);

	if (!i ||
	    (i->state == MINED && hash32_eq(&i->mined.hash, &r->block.hash)))
		return ERR_NOT_FOUND;
	i->state = MINED;
	i->mined = r->block;
	i->success = r->success;
	o->reverted += !r->success;
	m.id = i->id;
	m.nonce = i->nonce;
	if (u256_mul(&m.fee_paid.v, &gas, &r->gas_price))
		m.fee_paid.v = U256_MAX;
	forget_final(o, r->block.number);
	return wire_send(out, &msg_tx_mined_wire, &m);
}

static enum err unmine(struct item *i, struct sink *out)
{
	struct msg_tx_unmined m = {.id = i->id, .nonce = i->nonce};

	i->state = SIGNED;
	i->sent = false;
	i->overtaken = false;
	return wire_send(out, &msg_tx_unmined_wire, &m);
}

enum err outbox_roll_back(struct outbox *o, struct sink *out, uint64_t number)
{
	enum err e = ERR_NONE;

	for (struct item *i = o->first; i && !e; i = i->next)
		if (i->state == MINED && i->mined.number > number)
			e = unmine(i, out);
	return e;
}

enum err outbox_not_mined(struct outbox *o, struct sink *out,
			  const struct hash32 *hash, uint64_t nonce, bool *lost)
{
	struct item *i = find_attempt(o, hash);

	*lost = false;
	if (!i)
		return ERR_NONE;
	if (i->state == MINED)
		return unmine(i, out);
	/* The two answers may be of different blocks: look again. */
	if (i->nonce >= nonce || !i->overtaken)
		i->overtaken_at = o->block.number;
	i->overtaken = i->nonce < nonce;
	*lost = i->overtaken &&
		i->overtaken_at + LOST_BLOCKS <= o->block.number;
	if (*lost)
		forget(o, i);
	return ERR_NONE;
}

/* ---- planning and signing ----------------------------------------------- */

static bool has_subject(const struct item *i, uint64_t subject)
{
	struct u64s all = {i->subjects.data, i->subjects.size / 8};

	for (size_t k = 0; k < all.count; k++)
		if (u64s_at(all, k) == subject)
			return true;
	return false;
}

bool outbox_is_about(const struct outbox *o, uint8_t kind, uint64_t subject)
{
	for (const struct item *i = o->first; i; i = i->next) {
		if (i->state == MINED &&
		    i->mined.number + SETTLE_BLOCKS < o->block.number)
			continue;
		if (i->kind == kind && has_subject(i, subject))
			return true;
	}
	return false;
}

enum err outbox_plan(struct outbox *o, const struct outbox_intent *intent)
{
	struct item *i;

	if (find(o, &intent->id))
		return ERR_EXISTS;
	if (intent->valid_until.v && intent->valid_until.v <= o->block.time.v)
		return ERR_EXPIRED;
	i = add(o);
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

/* Twice the base fee, so that it holds for six full blocks, and the tip. */
static void set_fees(const struct outbox *o, struct tx *tx)
{
	tx->max_fee = u256_shl(&o->base_fee, 1);
	if (u256_add(&tx->max_fee, &tx->max_fee, &o->config.tip) ||
	    u256_cmp(&tx->max_fee, &o->config.fee_cap) > 0)
		tx->max_fee = o->config.fee_cap;
	tx->max_priority_fee = o->config.tip;
	if (u256_cmp(&tx->max_priority_fee, &tx->max_fee) > 0)
		tx->max_priority_fee = tx->max_fee;
}

static enum err sign_one(struct outbox *o, struct item *i, struct sink *out)
{
	struct tx tx = {.chain_id = o->config.chain_id,
			.nonce = o->next_nonce,
			.gas = i->gas_limit,
			.to = i->to,
			.data = buf_bytes(&i->data)};
	struct msg_tx_signed m = {.id = i->id,
				  .kind = i->kind,
				  .sender = o->sender,
				  .nonce = o->next_nonce,
				  .attempt = 1,
				  .decided_on = i->decided_on,
				  .valid_until = i->valid_until,
				  .gas_limit = i->gas_limit};
	enum err e;

	set_fees(o, &tx);
	e = tx_sign(&i->raw, &i->hash, &tx, o->config.key);
	if (e)
		return e;
	i->state = SIGNED;
	i->nonce = o->next_nonce++;
	m.hash = i->hash;
	m.max_fee.v = tx.max_fee;
	m.tip.v = tx.max_priority_fee;
	m.subjects = (struct u64s){i->subjects.data, i->subjects.size / 8};
	m.raw = buf_bytes(&i->raw);
	buf_free(&i->data);
	return wire_send(out, &msg_tx_signed_wire, &m);
}

enum err outbox_sign(struct outbox *o, struct sink *out)
{
	uint64_t in_flight = outbox_sizes(o).in_flight;
	enum err e = ERR_NONE;

	for (struct item *i = o->first; i && !e; i = i->next) {
		if (i->state != PLANNED)
			continue;
		if (in_flight++ >= o->config.in_flight_max)
			break;
		e = sign_one(o, i, out);
	}
	return e;
}

/* ---- sending and watching ----------------------------------------------- */

void outbox_each_to_send(struct outbox *o, outbox_send_fn *fn, void *arg)
{
	for (struct item *i = o->first; i; i = i->next) {
		if (i->state != SIGNED ||
		    (i->sent &&
		     i->sent_at + o->config.resend_after > o->block.number))
			continue;
		if (!fn(arg, &i->id, &i->hash, buf_bytes(&i->raw)))
			continue;
		i->sent = true;
		i->sent_at = o->block.number;
	}
}

void outbox_send_again(struct outbox *o, const struct hash32 *id)
{
	struct item *i = find(o, id);

	if (i && i->state == SIGNED)
		i->sent = false;
}

void outbox_each_watched(const struct outbox *o, bool all, outbox_watch_fn *fn,
			 void *arg)
{
	for (const struct item *i = o->first; i; i = i->next)
		if (i->state == SIGNED || (all && i->state == MINED))
			fn(arg, &i->hash);
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

enum outbox_fate outbox_fate(const struct outbox *o, const struct hash32 *id)
{
	const struct item *i = find(o, id);

	if (!i)
		return OUTBOX_UNKNOWN;
	switch (i->state) {
	case PLANNED:
		return OUTBOX_PLANNED;
	case SIGNED:
		return OUTBOX_SIGNED;
	case MINED:
		return i->success ? OUTBOX_MINED : OUTBOX_REVERTED;
	}
	return OUTBOX_UNKNOWN;
}
