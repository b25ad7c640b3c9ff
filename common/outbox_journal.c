/* The entries of an outbox's journal: said and given back by the same code. */
#include <stdlib.h>

#include "common/outbox_impl.h"
#include "common/u256.h"

/* ---- signed -------------------------------------------------------------- */

static enum err add_attempt(struct item *i, const struct msg_tx_signed *m)
{
	size_t room = i->attempts_room ? 2 * i->attempts_room : 1;
	struct attempt *grown;

	if (i->attempts_count == i->attempts_room) {
		grown = realloc(i->attempts, room * sizeof *grown);
		if (!grown)
			return ERR_NO_MEMORY;
		i->attempts = grown;
		i->attempts_room = room;
	}
	i->attempts[i->attempts_count++] =
		(struct attempt){.hash = m->hash, .cancel = m->cancel};
	buf_clear(&i->raw);
	buf_put(&i->raw, m->raw.data, m->raw.size);
	i->max_fee = m->max_fee.v;
	i->tip = m->tip.v;
	i->sent = i->outbid = false;
	return buf_err(&i->raw);
}

/* What is signed first under a nonce. */
static enum err take_first(struct outbox *o, const struct msg_tx_signed *m,
			   struct item *i)
{
	if (m->attempt != 1 || m->cancel)
		return ERR_CONFLICT;
	for (const struct item *k = o->first; k; k = k->next)
		if (k->state != PLANNED && k->nonce == m->nonce)
			return ERR_CONFLICT; /* it is another payload's */
	if (!i) {
		i = outbox_add(o);
		if (!i)
			return ERR_NO_MEMORY;
		i->id = m->id;
		i->kind = m->kind;
		i->gas_limit = m->gas_limit;
		i->decided_on = m->decided_on;
		i->valid_until = m->valid_until;
		buf_put(&i->subjects, m->subjects.data, 8 * m->subjects.count);
	}
	i->state = SIGNED;
	i->nonce = m->nonce;
	buf_free(&i->data);
	if (o->next_nonce <= m->nonce)
		o->next_nonce = m->nonce + 1;
	o->begun = true;
	return buf_failed(&i->subjects) ? ERR_NO_MEMORY : add_attempt(i, m);
}

static bool is_cancel(const struct outbox *o, const struct tx *tx)
{
	return address_eq(&tx->to, &o->sender) && u256_is_zero(&tx->value) &&
	       !tx->data.size;
}

static bool same_payload(const struct tx *a, const struct tx *b)
{
	return a->gas == b->gas && address_eq(&a->to, &b->to) &&
	       u256_eq(&a->value, &b->value) && a->data.size == b->data.size &&
	       (!a->data.size ||
		memcmp(a->data.data, b->data.data, a->data.size) == 0);
}

/* The rule that everything hangs on: under a nonce that was used before, only
 * the same payload for more, or its cancel. */
static enum err take_again(struct outbox *o, const struct msg_tx_signed *m,
			   struct item *i)
{
	struct address from;
	struct hash32 hash;
	struct tx before, now;

	if (i->state != SIGNED || m->attempt != i->attempts_count + 1 ||
	    (outbox_is_cancelling(i) && !m->cancel) ||
	    tx_decode(&before, &from, &hash, buf_bytes(&i->raw)) ||
	    tx_decode(&now, &from, &hash, m->raw) || now.nonce != i->nonce ||
	    !address_eq(&from, &o->sender) || !hash32_eq(&hash, &m->hash) ||
	    u256_cmp(&now.max_fee, &before.max_fee) <= 0 ||
	    u256_cmp(&now.max_priority_fee, &before.max_priority_fee) <= 0 ||
	    !(m->cancel ? is_cancel(o, &now) : same_payload(&before, &now)))
		return ERR_CONFLICT;
	return add_attempt(i, m);
}

static enum err take_signed(struct outbox *o, const struct msg_tx_signed *m)
{
	struct item *i = outbox_find(o, &m->id);

	if (!address_eq(&m->sender, &o->sender))
		return ERR_CONFLICT; /* another key's journal */
	if (!i || i->state == PLANNED)
		return take_first(o, m, i);
	if (i->nonce == m->nonce)
		return take_again(o, m, i);
	if (i->nonce > m->nonce)
		return ERR_CONFLICT;
	/* It was done again: the first one was final. No entry tells. */
	outbox_forget(o, i);
	return take_first(o, m, NULL);
}

enum err outbox_say_signed(struct outbox *o, struct sink *out,
			   const struct msg_tx_signed *m)
{
	enum err e = wire_send(out, &msg_tx_signed_wire, m);

	return e ? e : take_signed(o, m);
}

/* ---- mined, and not any more -------------------------------------------- */

static enum err take_mined(struct outbox *o, const struct msg_tx_mined *m)
{
	struct item *i = outbox_find(o, &m->id);
	size_t k = 0;

	if (!i)
		return ERR_NONE; /* forgotten: it is final */
	while (k < i->attempts_count &&
	       !hash32_eq(&i->attempts[k].hash, &m->hash))
		k++;
	if (i->state == PLANNED || k == i->attempts_count)
		return ERR_CONFLICT;
	i->state = MINED;
	i->mined_attempt = k;
	i->mined = m->block;
	i->success = m->success;
	i->lost = i->overtaken = false;
	outbox_forget_final(o, &m->block);
	return ERR_NONE;
}

enum err outbox_say_mined(struct outbox *o, struct sink *out,
			  const struct msg_tx_mined *m)
{
	enum err e = wire_send(out, &msg_tx_mined_wire, m);

	return e ? e : take_mined(o, m);
}

static enum err take_unmined(struct outbox *o, const struct msg_tx_unmined *m)
{
	struct item *i = outbox_find(o, &m->id);

	if (!i || i->state == PLANNED)
		return ERR_CONFLICT;
	i->state = SIGNED;
	i->sent = i->overtaken = false;
	return ERR_NONE;
}

enum err outbox_say_unmined(struct outbox *o, struct sink *out,
			    const struct item *i)
{
	struct msg_tx_unmined m = {.id = i->id, .nonce = i->nonce};
	enum err e = wire_send(out, &msg_tx_unmined_wire, &m);

	return e ? e : take_unmined(o, &m);
}

/* ---- outsiders ---------------------------------------------------------- */

static enum err take_outsider(struct outbox *o, const struct msg_tx_outsider *m)
{
	struct item *i = outbox_find(o, &m->id);

	if (i && i->state == SIGNED)
		i->lost = true;
	o->stopped = true;
	if (o->stopped_at < m->account_nonce)
		o->stopped_at = m->account_nonce;
	return ERR_NONE;
}

enum err outbox_say_outsider(struct outbox *o, struct sink *out,
			     const struct msg_tx_outsider *m)
{
	enum err e = wire_send(out, &msg_tx_outsider_wire, m);

	return e ? e : take_outsider(o, m);
}

static enum err take_adopted(struct outbox *o, const struct msg_tx_adopted *m)
{
	struct item *i = o->first, *next;

	for (; i; i = next) {
		next = i->next;
		if (i->lost)
			outbox_forget(o, i);
	}
	if (o->next_nonce < m->account_nonce)
		o->next_nonce = m->account_nonce;
	o->stopped = false;
	o->stopped_at = o->unsaid = 0;
	return ERR_NONE;
}

enum err outbox_say_adopted(struct outbox *o, struct sink *out)
{
	struct msg_tx_adopted m = {.account_nonce = o->stopped_at};
	enum err e = wire_send(out, &msg_tx_adopted_wire, &m);

	return e ? e : take_adopted(o, &m);
}

/* ---- given back --------------------------------------------------------- */

#define TAKE(name)                                                             \
	do {                                                                   \
		struct msg_tx_##name m;                                        \
		enum err e = msg_tx_##name##_decode(&m, body);                 \
		return e ? e : take_##name(o, &m);                             \
	} while (0)

enum err outbox_receive(struct outbox *o, uint16_t number, struct bytes body)
{
	switch (number) {
	case MSG_TX_SIGNED:
		TAKE(signed);
	case MSG_TX_MINED:
		TAKE(mined);
	case MSG_TX_UNMINED:
		TAKE(unmined);
	case MSG_TX_OUTSIDER:
		TAKE(outsider);
	case MSG_TX_ADOPTED:
		TAKE(adopted);
	}
	return ERR_NONE;
}
