/* sender_impl - what the parts of a sender share. */
#ifndef COMMON_SENDER_IMPL_H
#define COMMON_SENDER_IMPL_H

#include "common/fork.h"
#include "common/journal.h"
#include "common/sender.h"

struct sender {
	struct sink sink; /* first: into the journal and the log */
	struct sender_config config;
	struct outbox *outbox;
	struct journal *journal;
	struct fork *blocks; /* canonical ones, to judge receipts by */
	bool doubts; /* a receipt couldn't be judged: ask about all again */
	struct sending *sendings; /* on their way to nodes */
	struct loop_timer *again, *receipts;
	uint64_t nonce;	       /* of the account, on the chain */
	struct u256 balance;   /* of it, in wei */
	enum outbox_hold hold; /* that was told of */
	/* What the chain is being asked about, all at once. */
	struct question *questions;
	size_t questions_count;
	uint64_t asked_at;	     /* number of the newest block then */
	size_t asking;		     /* answers that are missing */
	bool has_nonce, has_balance; /* they are among the answers */
	bool ready;
};

/* ---- sender.c ----------------------------------------------------------- */

/* Make durable what was said, in the journal and in the log at the same time,
 * then send. @e: of saying it. */
void sender_commit(struct sender *s, enum err e);
/* The chain has answered for the first time. */
void sender_begin(struct sender *s);

/* ---- sender_send.c ------------------------------------------------------ */

void sender_send_register(void);
/* Send what is signed, once it is in the log. */
void sender_send_ready(struct sender *s);
void sender_send_free(struct sender *s);

/* ---- sender_ask.c ------------------------------------------------------- */

void sender_ask_register(void);
/* What of ours is mined, and what nonce and balance the account has. @all: also
 * ask about what the journal says is mined. Not while answers are missing. */
void sender_ask(struct sender *s, bool all);

#endif /* COMMON_SENDER_IMPL_H */
