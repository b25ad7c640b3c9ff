/* index - which blocks are canonical, and what our contracts said in them.
 *
 * Turns blocks into the entries of the chain log: for every block its events
 * in order, then one block_mark; for a re-organisation a rollback. Every event
 * has the form that protocol/messages/chain.msg gives it; what can't be read
 * becomes event_unreadable, and nothing else changes.
 *
 * The core folds its own log: what it has said tells where it is. */
#ifndef SERVICES_CHAIN_INDEXER_INDEX_H
#define SERVICES_CHAIN_INDEXER_INDEX_H

#include "common/evm.h"
#include "common/fork.h"
#include "wire_index.h"

struct index;

struct index_config {
	uint64_t start_block; /* the first block of an empty log */
	unsigned depth;	      /* blocks remembered for roll-backs */
	/* Told of every log that can't be read, with the reason. */
	void (*unreadable)(void *arg, const struct evm_log *log, enum err why);
	void *arg;
};

/* ERR_NO_MEMORY. Copies @config. */
NODISCARD enum err index_new(struct index **out,
			     const struct index_config *config);
void index_free(struct index **index);

/* The newest blocks; changed by index_on_block_mark() and index_on_rollback()
 * only, while the log is read, and by struct chain after that. */
struct fork *index_fork(struct index *index);

/* Begin the log as one of @wanted, if nothing has been said yet. Returns what
 * the sink does.
 * ERR_CONFLICT	the log is of another chain or of other contracts: see
 *		index_opened() */
NODISCARD enum err index_open(struct index *index, struct sink *out,
			      const struct msg_chain_opened *wanted);

/* What the log says it is of; all zero before it was begun. */
const struct msg_chain_opened *index_opened(const struct index *index);

/* Say block @header with its @logs, in order of index. Returns what the sink
 * does. */
NODISCARD enum err index_block(struct index *index, struct sink *out,
			       const struct evm_header *header,
			       const struct evm_log *logs, size_t logs_count);

/* Say that blocks above @to are gone. Returns what the sink does. */
NODISCARD enum err index_roll_back(struct index *index, struct sink *out,
				   const struct block_ref *to,
				   const struct block_ref *from);

/* The log ends with events that no mark follows: an append was cut off by the
 * end of the process. Say a rollback to the tip, so that nobody counts them;
 * the block comes again, or another one. Returns what the sink does. */
NODISCARD enum err index_drop_half(struct index *index, struct sink *out);

/* The newest block that is known to be final; number 0: none. Kept in the
 * state, not in the log: a start from a snapshot knows it again. */
void index_set_final(struct index *index, const struct block_ref *block);
const struct block_ref *index_final(const struct index *index);

/* How many logs were said, and how many could not be read. */
uint64_t index_events(const struct index *index);
uint64_t index_unreadable(const struct index *index);

/* The state as bytes and back. ERR_MALFORMED: not what index_save() made; the
 * index is then as it was. */
NODISCARD enum err index_save(struct index *index, struct buf *out);
NODISCARD enum err index_load(struct index *index, struct bytes state);

#endif /* SERVICES_CHAIN_INDEXER_INDEX_H */
