/* ballot - blocks and logs that enough nodes say are there.
 *
 * Puts a question to as many nodes as have to agree, at the same time, and to
 * others when one fails, lags or says something else (agree.h has the rule).
 * With one node it is a fetch and nothing more. */
#ifndef COMMON_BALLOT_H
#define COMMON_BALLOT_H

#include "common/agree.h"
#include "common/fetch.h"
#include "common/loop.h"

struct ballot_config {
	struct loop *loop;
	struct rpc *rpc;
	struct fetch_filter filter;
	unsigned wanted; /* nodes that must say the same */
	bool strict;	 /* never take the word of fewer */
	unsigned patience_ms;
};

enum ballot_verdict {
	BALLOT_TAKEN,	 /* ballot_fetch() has it */
	BALLOT_ALONE,	 /* the same, though fewer than wanted said it */
	BALLOT_TOO_MUCH, /* `most` blocks would do; 0: it didn't say */
	BALLOT_SPLIT,	 /* nodes disagree, and there is no majority */
	BALLOT_NONE,	 /* nobody has it */
};

struct ballot;
typedef void ballot_done(void *arg, struct ballot *ballot,
			 enum ballot_verdict verdict);

/* NULL if memory ran out. Borrows @config. */
struct ballot *ballot_new(const struct ballot_config *config, ballot_done *done,
			  void *arg);
void ballot_free(struct ballot **ballot);

/* Put @question to the nodes; @teller told of the header in it, or is -1.
 * done() hears the verdict once, maybe before this returns. What was under way
 * is dropped. */
void ballot_begin(struct ballot *ballot, const struct fetch_question *question,
		  int teller);

/* Forget it: done() isn't called. */
void ballot_drop(struct ballot *ballot);

/* What counts, and the node that said it. */
const struct fetch *ballot_fetch(const struct ballot *ballot);
unsigned ballot_node(const struct ballot *ballot);
uint64_t ballot_most(const struct ballot *ballot);

/* After BALLOT_SPLIT: who said what, for people. */
const char *ballot_text(const struct ballot *ballot);

#endif /* COMMON_BALLOT_H */
