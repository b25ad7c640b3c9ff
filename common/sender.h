/* sender - sends what an outbox holds: journal, log, then the nodes.
 *
 * The shell around outbox.h for one account of one process. The order is
 * always: signed bytes into the journal on disk, then by a fenced append into
 * the service's log (if it has one), then to every node. The log is numbered
 * by the journal; at the start either restores the other, and where they part
 * the log is right (rejoin.h). Nothing is sent before the chain was asked about
 * what the journal says is under way. After each block the nodes are asked what
 * was mined and what the account has; no question stands between a plan and its
 * sending. */
#ifndef COMMON_SENDER_H
#define COMMON_SENDER_H

#include "common/frame.h"
#include "common/outbox.h"
#include "common/rpc.h"

struct sender;

struct sender_config {
	struct frame *frame; /* with service->writes: entries go there, too */
	struct rpc *rpc;
	uint64_t chain_id;
	const struct secret_key *key;  /* borrowed */
	uint64_t tip_wei, fee_cap_wei; /* per gas */
	unsigned final_depth;	       /* blocks */
	/* As in outbox.h. */
	unsigned bump_after;
	uint64_t min_balance_wei;
	enum outbox_outsiders outsiders;
	uint64_t adopt_nonce;
	/* Told when the account is ready to send: once. */
	void (*ready)(void *arg);
	/* An intent's transaction is in a block, @fate is OUTBOX_MINED,
	 * _REVERTED or _CANCELLED; its block may go again. */
	void (*mined)(void *arg, const struct hash32 *id,
		      enum outbox_fate fate);
	/* Something holds new transactions, or no longer does: see
	 * sender_held(). It was logged. */
	void (*held)(void *arg);
	/* An entry of the journal that the sender doesn't know, from before the
	 * start: what sender_say() said. */
	enum err (*said)(void *arg, uint16_t number, struct bytes body);
	void *arg;
};

/* Open the journal in the frame's folder, bring it and the log to the same
 * end, and begin to ask the chain.
 * ERR_STORAGE, ERR_UNREACHABLE, ERR_NO_MEMORY
 * ERR_CONFLICT	journal and log contradict each other, or the journal is of
 *		another account; it was logged */
NODISCARD enum err sender_new(struct sender **out,
			      const struct sender_config *config);
/* After rpc_free(): answers under way would come to it. */
void sender_free(struct sender **sender);

/* As outbox_plan(). To be followed by sender_flush(). */
NODISCARD enum err sender_plan(struct sender *s,
			       const struct outbox_intent *intent);
enum outbox_fate sender_fate(const struct sender *s, const struct hash32 *id);
bool sender_intent_of(const struct sender *s, const struct hash32 *id,
		      uint8_t *kind, struct u64s *subjects);
bool sender_is_about(const struct sender *s, uint8_t kind, uint64_t subject);

/* Say something else in the journal and in the log, beside transactions. To be
 * followed by sender_flush(). ERR_STORAGE, ERR_NO_MEMORY: the process must
 * stop. */
NODISCARD enum err sender_say(struct sender *s, const struct wire_message *kind,
			      const void *message);

/* Sign what there is room for, make it durable, send it. */
void sender_flush(struct sender *s);

/* The chain has a new block, or gave some up. Asks what was mined; sends again
 * what isn't for some blocks. */
void sender_on_block(struct sender *s, const struct block_ref *block,
		     const struct u256 *base_fee);
void sender_on_rollback(struct sender *s, uint64_t number);

/* The chain had this block, and has others since: receipts are judged by it,
 * and nothing more. To be called where sender_on_block() isn't, while a log is
 * read that is not yet at its end: else what is under way would be sent again
 * at every other block of the past. */
void sender_on_old_block(struct sender *s, const struct block_ref *block);

const struct address *sender_address(const struct sender *s);
struct outbox_sizes sender_sizes(const struct sender *s);
bool sender_is_ready(const struct sender *s);
/* What holds new transactions, for people: "poor" and so on; "" if nothing. */
const char *sender_held(const struct sender *s);

/* The alarm journal_stuck: something waits, and for @limit blocks up to @block
 * none was mined. Register while starting, look about once a second, at blocks
 * as they come. */
void sender_watch_register(void);
void sender_watch(const struct sender *s, uint64_t block, uint64_t limit);

#endif /* COMMON_SENDER_H */
