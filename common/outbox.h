/* outbox - a transaction, once.
 *
 * Keeps what one account has sent and is about to send: nonces, fees, the
 * signed bytes, and what became of them. What it says (tx_*, in
 * protocol/messages/task.msg) is its journal, and it is what its journal leads
 * to: after a restart the entries are given back through outbox_receive(). The
 * life of an intent:
 *
 *	        plan            sign                sent, mined
 *	PLANNED ────► (nonce) ────► SIGNED ◄──────────────────► MINED ──► final
 *	   └ too late: dropped     │ ▲  ▲ unmined: its block is gone
 *	                           │ └──┘ bump: the same with a higher fee
 *	                           ├ too late: its cancel is signed; either of
 *	                           │ the two may be MINED
 *	                           └ its nonce is somebody else's: given up
 *
 * A nonce is never used for another payload: it is signed again only for the
 * same payload with a higher fee, or for its cancel, which does nothing. Bytes
 * are sent only after the caller has them in its journal and its log. Pure: no
 * I/O; signing and encoding are functions of what is given. */
#ifndef COMMON_OUTBOX_H
#define COMMON_OUTBOX_H

#include "common/secp.h"
#include "common/tx.h"
#include "msg.h"

struct outbox;

/* What to do when somebody else sends from the account. */
enum outbox_outsiders {
	OUTBOX_STOP,  /* sign and send nothing until an operator has looked */
	OUTBOX_YIELD, /* give up the nonce and go on with the next one */
};

struct outbox_config {
	uint64_t chain_id;
	const struct secret_key *key; /* borrowed */
	unsigned in_flight_max;	      /* signed and not yet mined */
	struct u256 tip;	      /* wei per gas, to the block's maker */
	/* Wei per gas, never more. Payloads offer 8/9 of it at most, so that a
	 * cancel, which has to offer an eighth more, always can. */
	struct u256 fee_cap;
	unsigned final_depth;  /* blocks after which a mined one is forgotten */
	unsigned resend_after; /* blocks without it being mined */
	unsigned bump_after;   /* the same, until it offers more; 0: never */
	struct u256 min_balance; /* wei; nothing is signed below it */
	enum outbox_outsiders outsiders;
	/* An operator has looked at how nonces below it were used. 0: no */
	uint64_t adopt_nonce;
};

/* What somebody wants done. */
struct outbox_intent {
	struct hash32 id; /* the same intent always has the same */
	uint8_t kind;	  /* as in tx_signed */
	struct address to;
	struct bytes data; /* of the call */
	uint64_t gas_limit;
	struct block_ref decided_on; /* zero: nothing in particular */
	struct unix_s valid_until;   /* 0: no end */
	struct u64s subjects;
};

/* ERR_NO_MEMORY */
NODISCARD enum err outbox_new(struct outbox **out,
			      const struct outbox_config *config);
void outbox_free(struct outbox **outbox);

/* The account that pays. */
const struct address *outbox_sender(const struct outbox *o);

/* Give back an entry of the journal. ERR_MALFORMED; ERR_CONFLICT: it does not
 * follow from those before it; ERR_NO_MEMORY */
NODISCARD enum err outbox_receive(struct outbox *o, uint16_t number,
				  struct bytes body);

/* The account's nonce on the chain: none below it is given out. If it is above
 * what was ever given out, somebody else sends from the account: unless it may
 * yield, the next outbox_sign() says tx_outsider, and it stops. */
void outbox_set_floor(struct outbox *o, uint64_t nonce);

/* What the account has, in wei. */
void outbox_set_balance(struct outbox *o, const struct u256 *balance);

/* The newest block and its base fee. Intents that it is too late for are
 * dropped; mined ones that are deep enough are forgotten, once it is too late
 * to plan them again. */
void outbox_set_block(struct outbox *o, const struct block_ref *block,
		      const struct u256 *base_fee);

/* Copy @intent, to be signed when there is room.
 * ERR_EXISTS	its id is known: it was planned before
 * ERR_EXPIRED	its valid_until is not later than the newest block
 * ERR_NO_MEMORY */
NODISCARD enum err outbox_plan(struct outbox *o,
			       const struct outbox_intent *intent);

/* Whether a transaction of @kind about @subject is on its way, or was mined so
 * lately that its events may not have been seen yet. */
bool outbox_is_about(const struct outbox *o, uint8_t kind, uint64_t subject);

/* Sign, lowest nonce first: the cancels of what it is too late for, what wasn't
 * mined when it was asked about bump_after blocks after it was sent (both fees
 * an eighth higher, or what the block asks for if that is more), then what is
 * planned while there is room. Says tx_signed for each. While something holds
 * it, less: see outbox_hold(). Returns what the sink returns, ERR_NO_MEMORY, or
 * ERR_CONFLICT: the journal holds bytes that are no transaction. */
NODISCARD enum err outbox_sign(struct outbox *o, struct sink *out);

/* Why it signs nothing new just now, the gravest reason first. */
enum outbox_hold {
	OUTBOX_FREE,
	OUTBOX_HELD_OUTSIDER, /* see outbox_outsiders; nothing is sent either */
	OUTBOX_HELD_POOR,     /* below min_balance */
	OUTBOX_HELD_FEE,      /* the base fee is above 8/9 of fee_cap */
};
enum outbox_hold outbox_hold(const struct outbox *o);

/* The account's nonce on the chain when it was stopped; 0 if it wasn't. What
 * adopt_nonce has to be to go on. */
uint64_t outbox_stopped_at(const struct outbox *o);

/* Call @fn for each transaction whose bytes should be sent now, lowest nonce
 * first: the newest attempt, if it was never sent, or isn't mined for a while.
 * A payload that it is too late for isn't sent any more. @fn says whether it
 * did. */
typedef bool outbox_send_fn(void *arg, const struct hash32 *id,
			    const struct hash32 *hash, struct bytes raw);
void outbox_each_to_send(struct outbox *o, outbox_send_fn *fn, void *arg);

/* Send it again at the next occasion: the node doesn't have it. */
void outbox_send_again(struct outbox *o, const struct hash32 *id);

/* A node wants a higher fee than the attempt @hash offers: if it is the newest,
 * it is bumped at the next block. */
void outbox_outbid(struct outbox *o, const struct hash32 *hash);

/* Call @fn for the hash of each attempt that may be mined and isn't known to
 * be; if @all, also of those that were mined and aren't final. What is answered
 * about them until the next call is of the block that is the newest now. */
typedef void outbox_watch_fn(void *arg, const struct hash32 *hash);
void outbox_each_watched(struct outbox *o, bool all, outbox_watch_fn *fn,
			 void *arg);

/* The attempt @hash is in a block: says tx_mined. ERR_NOT_FOUND: it isn't one
 * of ours, or known to be mined there; else what the sink returns. */
struct outbox_receipt {
	struct hash32 hash;
	struct block_ref block;
	bool success;
	uint64_t gas_used;
	struct u256 gas_price; /* wei, that was paid */
};
NODISCARD enum err outbox_mined(struct outbox *o, struct sink *out,
				const struct outbox_receipt *receipt);

/* The chain doesn't have the attempt @hash, while the nonce of the account is
 * @nonce. If it was mined, it no longer is: says tx_unmined. If no attempt of
 * its intent is there and its nonce is used up all the same, and was for a few
 * blocks, somebody else sends from this account: says tx_outsider, and *lost is
 * true; the intent is forgotten at once if it may yield, else with tx_adopted.
 * Else it is false, also for a hash that isn't one of ours. Returns what the
 * sink returns. */
NODISCARD enum err outbox_not_mined(struct outbox *o, struct sink *out,
				    const struct hash32 *hash, uint64_t nonce,
				    bool *lost);

/* Blocks above @number are gone: says tx_unmined for what was in them. All that
 * is under way is to be sent again, and waits from then on. */
NODISCARD enum err outbox_roll_back(struct outbox *o, struct sink *out,
				    uint64_t number);

struct outbox_sizes {
	uint64_t planned, in_flight, mined; /* mined and not yet final */
	uint64_t next_nonce;
	uint64_t reverted; /* mined without success, since the start */
};
struct outbox_sizes outbox_sizes(const struct outbox *o);

/* The intent that the attempt @hash is of; false if it isn't one of ours. */
bool outbox_id_of(const struct outbox *o, const struct hash32 *hash,
		  struct hash32 *id);

/* What the intent @id is and is about, borrowed until the next change; false if
 * it isn't known. */
bool outbox_intent_of(const struct outbox *o, const struct hash32 *id,
		      uint8_t *kind, struct u64s *subjects);

/* What became of the intent @id. */
enum outbox_fate {
	OUTBOX_UNKNOWN,
	OUTBOX_PLANNED,
	OUTBOX_SIGNED,
	OUTBOX_MINED,
	OUTBOX_REVERTED,
	OUTBOX_CANCELLED, /* its nonce went to its cancel */
};
enum outbox_fate outbox_fate(const struct outbox *o, const struct hash32 *id);

#endif /* COMMON_OUTBOX_H */
