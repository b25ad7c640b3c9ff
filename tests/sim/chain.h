/* chain - blocks, a mempool, and a chain that changes its mind. */
#ifndef TESTS_SIM_CHAIN_H
#define TESTS_SIM_CHAIN_H

#include "common/evm.h"
#include "tests/sim/market.h"

enum { FINAL_DEPTH = 64, BLOCKS_MAX = 4096 };

/* A transaction: bytes that somebody of ours signed, or an act. */
struct sim_tx {
	struct hash32 hash;
	bool is_act, pooled;
	struct act act;
	unsigned from; /* enum account */
	uint64_t nonce, max_fee;
	struct buf data;
	uint64_t oldest;       /* block that had it; UINT64_MAX: none has */
	uint32_t checked;      /* bits of processes that may send it */
	struct sim_tx *next;   /* all there are, newest first */
	struct sim_tx *hashed; /* with the same beginning of the hash */
	struct sim_tx *beside; /* in the pool's list, */
	bool listed;	       /* of which it is a member */
};

struct mined {
	struct sim_tx *tx;
	bool success;
};

struct sim_block {
	uint64_t number, time, base_fee;
	struct hash32 hash, parent_hash;
	struct sim_block *parent;
	struct market_state state;
	struct m_log *logs;
	size_t logs_count;
	struct mined *txs;
	size_t txs_count;
	char *header;		 /* as JSON; made when asked for */
	struct evm_header *head; /* the same as heads.h gives it */
	struct sim_block *made;	 /* the one that was made before it */
};

void chain_begin(uint64_t checks_branch);

/* The newest block of the canonical chain; one of the branch of @head. */
struct sim_block *sim_head(void);
struct sim_block *sim_block_at(struct sim_block *head, uint64_t number);
/* Of those that were made when @head was. */
struct sim_block *sim_block_by_hash(struct sim_block *head,
				    const struct hash32 *hash);

/* Make one more; @seconds after the one before. */
void chain_mine(uint64_t seconds);
/* Everything that the pool has is in the next ones. */
void chain_be_kind(void);

/* Give up @depth blocks and make @length others. */
void chain_reorganise(unsigned depth, unsigned length);
uint64_t chain_reorganised(void); /* times so far */
/* How many blocks may be given up now. */
unsigned chain_unfinal(void);

void chain_act(const struct act *act);
void chain_drop_some(void); /* of the pool, for good */
/* Above what is being signed, and back. */
void chain_raise_fee(void);
void chain_lower_fee(void *unused);

/* What a node says to bytes that it is sent; NULL: it has taken them. */
const char *chain_take(struct bytes raw, struct hash32 *hash);

/* The block that has the transaction on the branch of @head; NULL: none. */
struct sim_block *chain_find(struct sim_block *head, const struct hash32 *hash,
			     bool *success);

uint64_t chain_taken(void); /* transactions of ours */

/* Of oracle.c: the current process may send what account @from signed; and
 * whether it was decided on a block that is one of @hashes, by number. */
void check_sent(unsigned from, const struct hash32 *hash);
bool check_is_of_branch(unsigned from, const struct hash32 *hash,
			const struct hash32 *hashes, uint64_t count);

void chain_forget(void);

#endif /* TESTS_SIM_CHAIN_H */
