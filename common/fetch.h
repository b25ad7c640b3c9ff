/* fetch - what one node says of some blocks: their headers and our logs.
 *
 * Asks for both at once and takes nothing that doesn't fit together: each
 * header is asked for and follows the one before it, each log is of one of our
 * contracts, of the block that it came with, in order, and its block's bloom
 * filter allows for it. A block without logs whose bloom allows for some is
 * asked for again, a few times. What can't be is counted against the node. */
#ifndef COMMON_FETCH_H
#define COMMON_FETCH_H

#include "common/evm.h"
#include "common/rpc.h"

/* Whose logs; borrowed for as long as fetches use it. */
struct fetch_filter {
	const struct address *contracts;
	size_t contracts_count;
	json_t *topics; /* for eth_getLogs; NULL: all */
};

struct fetch_question {
	uint64_t from, to;
	/* Of one block, whose header somebody told of; if `heard` it was this
	 * node, and its header isn't asked for. Without `told`, logs come by
	 * number. */
	bool told, heard;
	struct evm_header header;
	bool headers_only;
};

enum fetch_verdict {
	FETCH_SAID,	/* headers, logs, digest */
	FETCH_LACKS,	/* it hasn't got all of them (yet) */
	FETCH_TOO_MUCH, /* ask for fewer blocks: at most `most`, if not 0 */
	FETCH_FAILED,
};

struct fetch;
typedef void fetch_done(void *arg, struct fetch *fetch,
			enum fetch_verdict verdict);

enum { FETCH_BITS_KEPT = 32 };

struct fetch_bits {
	size_t size;
	uint8_t data[32];
	struct evm_bloom_bits bits;
};

struct fetch {
	/* What it says, until the next fetch_begin(). */
	struct fetch_question question;
	struct evm_header *headers; /* to - from + 1 */
	struct evm_logs logs;
	struct hash32 digest; /* of both; with several nodes only */
	uint64_t most;

	/* fetch.c's own */
	struct rpc *rpc;
	const struct fetch_filter *filter;
	unsigned node;
	fetch_done *done;
	void *arg;
	size_t headers_room;
	unsigned missing; /* answers */
	unsigned doubts;  /* times that logs were asked for again */
	bool failed, lacks, too_much, no_logs;
	struct fetch_bits kept[FETCH_BITS_KEPT];
};

/* NULL if memory ran out. Borrows all. */
struct fetch *fetch_new(struct rpc *rpc, unsigned node,
			const struct fetch_filter *filter, fetch_done *done,
			void *arg);
/* Drops it first. */
void fetch_free(struct fetch **fetch);

/* Ask @question; done() hears the verdict once, maybe before this returns. To
 * be called when nothing is under way. */
void fetch_begin(struct fetch *fetch, const struct fetch_question *question);

/* Forget what is under way: done() isn't called. */
void fetch_drop(struct fetch *fetch);

/* Whether the header's bloom allows for logs of one of the contracts. */
bool fetch_bloom_promises(const struct fetch_filter *filter,
			  const struct evm_header *header);

#endif /* COMMON_FETCH_H */
