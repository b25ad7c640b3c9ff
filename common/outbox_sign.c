/* What an outbox signs, for how much, and what holds it. */
#include "common/outbox_impl.h"
#include "common/u256.h"

enum { CANCEL_GAS = 21000 };

/* ---- fees --------------------------------------------------------------- */

static struct u256 larger(const struct u256 *a, const struct u256 *b)
{
	return u256_cmp(a, b) > 0 ? *a : *b;
}

static struct u256 sum(const struct u256 *a, const struct u256 *b)
{
	struct u256 out;

	return u256_add(&out, a, b) ? U256_MAX : out;
}

/* Twice the base fee, so that it holds for six full blocks, and @tip. */
static struct u256 asked_for(const struct outbox *o, const struct u256 *tip)
{
	struct u256 twice = sum(&o->base_fee, &o->base_fee);

	return sum(&twice, tip);
}

static void first_fees(const struct outbox *o, struct tx *tx)
{
	tx->max_fee = asked_for(o, &o->config.tip);
	if (u256_cmp(&tx->max_fee, &o->payload_cap) > 0)
		tx->max_fee = o->payload_cap;
	tx->max_priority_fee = o->config.tip;
	if (u256_cmp(&tx->max_priority_fee, &tx->max_fee) > 0)
		tx->max_priority_fee = tx->max_fee;
}

/* An eighth more, rounded up: what nodes want for a replacement is a tenth. */
static struct u256 raised(const struct u256 *fee)
{
	struct u256 seven = {{7}}, eighth = sum(fee, &seven);

	eighth = u256_shr(&eighth, 3);
	if (u256_is_zero(&eighth))
		eighth.limb[0] = 1;
	return sum(fee, &eighth);
}

/* The fees that replace the newest attempt of @i; false if they are above
 * @cap. */
static bool next_fees(const struct outbox *o, const struct item *i,
		      const struct u256 *cap, struct tx *tx)
{
	struct u256 tip = raised(&i->tip), least = raised(&i->max_fee), asked;

	tip = larger(&tip, &o->config.tip);
	least = larger(&least, &tip);
	if (u256_cmp(&least, cap) > 0)
		return false;
	asked = asked_for(o, &tip);
	tx->max_priority_fee = tip;
	tx->max_fee = u256_cmp(&asked, cap) > 0 ? *cap : larger(&least, &asked);
	return true;
}

bool outbox_can_cancel(const struct outbox *o, const struct item *i)
{
	struct tx tx;

	return next_fees(o, i, &o->config.fee_cap, &tx);
}

/* ---- what holds it ------------------------------------------------------ */

enum outbox_hold outbox_hold(const struct outbox *o)
{
	if (o->stopped || o->unsaid)
		return OUTBOX_HELD_OUTSIDER;
	if (o->poor)
		return OUTBOX_HELD_POOR;
	if (u256_cmp(&o->base_fee, &o->payload_cap) > 0)
		return OUTBOX_HELD_FEE;
	return OUTBOX_FREE;
}

uint64_t outbox_stopped_at(const struct outbox *o)
{
	return o->unsaid ? o->unsaid : o->stopped_at;
}

enum err outbox_adopt(struct outbox *o, struct sink *out)
{
	if (!o->stopped || (o->config.outsiders == OUTBOX_STOP &&
			    o->stopped_at > o->config.adopt_nonce))
		return ERR_NONE;
	return outbox_say_adopted(o, out);
}

static enum err settle_outsiders(struct outbox *o, struct sink *out)
{
	struct msg_tx_outsider m = {.account_nonce = o->unsaid};
	enum err e = ERR_NONE;

	if (o->unsaid)
		e = outbox_say_outsider(o, out, &m);
	o->unsaid = 0;
	return e ? e : outbox_adopt(o, out);
}

/* ---- signing ------------------------------------------------------------ */

static enum err sign_as(struct outbox *o, const struct item *i,
			const struct tx *tx, bool cancel, struct sink *out)
{
	struct msg_tx_signed m = {
		.id = i->id,
		.kind = i->kind,
		.sender = o->sender,
		.nonce = tx->nonce,
		.attempt = (uint32_t)i->attempts_count + 1,
		.decided_on = i->decided_on,
		.valid_until = i->valid_until,
		.max_fee = {tx->max_fee},
		.tip = {tx->max_priority_fee},
		.gas_limit = tx->gas,
		.subjects = {i->subjects.data, i->subjects.size / 8},
		.cancel = cancel};
	struct buf raw = {0};
	enum err e = tx_sign(&raw, &m.hash, tx, o->config.key);

	m.raw = buf_bytes(&raw);
	if (!e)
		e = outbox_say_signed(o, out, &m);
	buf_free(&raw);
	return e;
}

static enum err sign_first(struct outbox *o, struct item *i, struct sink *out)
{
	struct tx tx = {.chain_id = o->config.chain_id,
			.nonce = o->next_nonce,
			.gas = i->gas_limit,
			.to = i->to,
			.data = buf_bytes(&i->data)};

	first_fees(o, &tx);
	return sign_as(o, i, &tx, false, out);
}

static enum err sign_cancel(struct outbox *o, struct item *i, struct sink *out)
{
	struct tx tx = {.chain_id = o->config.chain_id,
			.nonce = i->nonce,
			.gas = CANCEL_GAS,
			.to = o->sender};

	return next_fees(o, i, &o->config.fee_cap, &tx)
		       ? sign_as(o, i, &tx, true, out)
		       : ERR_NONE;
}

static enum err sign_payload_again(struct outbox *o, struct item *i,
				   struct sink *out)
{
	struct address from;
	struct hash32 hash;
	struct tx tx;

	if (tx_decode(&tx, &from, &hash, buf_bytes(&i->raw)))
		return ERR_CONFLICT;
	return next_fees(o, i, &o->payload_cap, &tx)
		       ? sign_as(o, i, &tx, false, out)
		       : ERR_NONE;
}

/* Long enough, and no attempt was mined meanwhile: a receipt may be on its way
 * that nobody has asked for yet. */
static bool has_waited(const struct outbox *o, const struct item *i)
{
	unsigned blocks = i->outbid ? 1 : o->config.bump_after;

	for (size_t k = 0; k < i->attempts_count; k++)
		if (i->attempts[k].absent_at <= i->waits_since + blocks)
			return false;
	return o->has_block && i->sent && o->config.bump_after;
}

static enum err sign_again(struct outbox *o, struct item *i, struct sink *out)
{
	bool late = outbox_is_late(o, i), cancelling = outbox_is_cancelling(i);

	if (i->state != SIGNED)
		return ERR_NONE;
	if (late && !cancelling)
		return sign_cancel(o, i, out);
	if (!has_waited(o, i) || outbox_hold(o) == OUTBOX_HELD_FEE)
		return ERR_NONE;
	return cancelling ? sign_cancel(o, i, out)
			  : sign_payload_again(o, i, out);
}

enum err outbox_sign(struct outbox *o, struct sink *out)
{
	enum err e = settle_outsiders(o, out);
	enum outbox_hold hold = outbox_hold(o);
	uint64_t in_flight = 0;

	if (e || hold == OUTBOX_HELD_OUTSIDER || hold == OUTBOX_HELD_POOR)
		return e;
	for (struct item *i = o->first; i && !e; i = i->next) {
		in_flight += i->state == SIGNED;
		e = sign_again(o, i, out);
	}
	for (struct item *i = o->first; i && !e; i = i->next) {
		if (i->state != PLANNED)
			continue;
		if (hold || in_flight++ >= o->config.in_flight_max)
			break;
		e = sign_first(o, i, out);
	}
	return e;
}
