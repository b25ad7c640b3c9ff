/* outbox_impl - what the parts of an outbox share: its rows and their life. */
#ifndef COMMON_OUTBOX_IMPL_H
#define COMMON_OUTBOX_IMPL_H

#include "common/outbox.h"

enum item_state { PLANNED, SIGNED, MINED };

struct attempt {
	struct hash32 hash;
	bool cancel;
	uint64_t absent_at; /* block of which a node said so, + 1 */
};

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
	struct attempt *attempts; /* oldest first */
	size_t attempts_count, attempts_room;
	struct buf raw; /* the newest attempt, and its fees in wei per gas */
	struct u256 max_fee, tip;
	bool sent;
	uint64_t sent_at;     /* number of the newest block then */
	uint64_t waits_since; /* the same, when it was sent the first time */
	bool outbid;	      /* a node wants more */
	bool overtaken; /* the account's nonce is higher, yet it isn't mined */
	uint64_t overtaken_at; /* number of the newest block then */
	bool lost;	       /* its nonce is somebody else's */
	/* Since it was mined. */
	size_t mined_attempt;
	struct block_ref mined;
	bool success;
	struct item *next;
};

struct outbox {
	struct outbox_config config;
	struct u256 payload_cap; /* wei per gas, see config.fee_cap */
	struct address sender;
	struct item *first; /* signed ones by nonce, then planned ones by age */
	uint64_t next_nonce;
	bool begun; /* a nonce was given out */
	/* Somebody else sends from this account. */
	bool stopped;
	uint64_t stopped_at; /* nonce of the account then */
	uint64_t unsaid;     /* the same, but not said yet; 0: none */
	bool poor;
	bool has_block; /* a newest one was told since the start */
	struct block_ref block;
	struct u256 base_fee;
	uint64_t asked_at; /* number of the newest block then */
	uint64_t reverted;
};

/* ---- outbox.c: rows ------------------------------------------------------ */

struct item *outbox_find(const struct outbox *o, const struct hash32 *id);
/* NULL: no memory. */
struct item *outbox_add(struct outbox *o);
void outbox_forget(struct outbox *o, struct item *i);
/* A receipt tells of @block; its time may be 0, not known. A journal may be
 * long, and what is alive at a time is little: what is final by then is
 * forgotten, while it is written as when it is read, so that both lead to the
 * same. */
void outbox_forget_final(struct outbox *o, const struct block_ref *block);

static inline bool outbox_is_cancelling(const struct item *i)
{
	return i->attempts_count && i->attempts[i->attempts_count - 1].cancel;
}

/* The contract wouldn't take it in the next block. */
static inline bool outbox_is_late(const struct outbox *o, const struct item *i)
{
	return i->valid_until.v && i->valid_until.v <= o->block.time.v;
}

/* ---- outbox_journal.c: say it, and do what it leads to ------------------ */

NODISCARD enum err outbox_say_signed(struct outbox *o, struct sink *out,
				     const struct msg_tx_signed *m);
NODISCARD enum err outbox_say_mined(struct outbox *o, struct sink *out,
				    const struct msg_tx_mined *m);
NODISCARD enum err outbox_say_unmined(struct outbox *o, struct sink *out,
				      const struct item *i);
NODISCARD enum err outbox_say_outsider(struct outbox *o, struct sink *out,
				       const struct msg_tx_outsider *m);
NODISCARD enum err outbox_say_adopted(struct outbox *o, struct sink *out);

/* ---- outbox_sign.c ------------------------------------------------------ */

/* Whether its cancel can be paid for within the cap. */
bool outbox_can_cancel(const struct outbox *o, const struct item *i);
/* Say that it goes on, if it is stopped and may. */
NODISCARD enum err outbox_adopt(struct outbox *o, struct sink *out);

#endif /* COMMON_OUTBOX_IMPL_H */
