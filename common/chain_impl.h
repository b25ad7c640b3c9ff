/* What chain.c (where it goes) and chain_ranges.c (fetching and giving blocks)
 * share; nobody else includes it. */
#ifndef COMMON_CHAIN_IMPL_H
#define COMMON_CHAIN_IMPL_H

#include "common/ballot.h"
#include "common/chain.h"
#include "common/chain_news.h"
#include "common/span.h"

enum { CHAIN_UNDER_WAY = 3 /* ranges */ };

/* Blocks [from, to] on their way. */
struct range {
	struct chain *chain;
	struct ballot *ballot;
	bool known; /* one block, whose header we were told */
	bool done;  /* the ballot is over */
	enum ballot_verdict verdict;
	uint64_t from, to;
	struct evm_header header; /* if known */
};

struct chain {
	struct chain_config config;
	struct ballot_config ballots;
	struct address contracts[CHAIN_CONTRACTS_MAX];
	struct chain_handlers handlers;
	struct fork *fork;
	struct chain_news *news;
	struct loop_timer *retry;
	bool asking; /* for a header, on the way down to a common ancestor */
	bool confirming, ended;
	bool has_head;
	struct evm_header head; /* where we are going */
	int teller;		/* the node that told of it; -1: not known */
	struct span span;
	struct range ranges[CHAIN_UNDER_WAY];
	unsigned first, under_way; /* ranges[first] is the oldest */
	struct ballot *confirm;
	bool lost; /* what is confirmed: that the branches part too deep */
	bool proven_lost; /* the nodes have proven their chain since it was seen
			   */
	struct block_ref final; /* number 0: none is known */
};

/* ---- chain.c */

/* Following is over. */
void chain_end(struct chain *c, enum err e);
/* Do what comes next, if nothing is under way. */
void chain_advance(struct chain *c);
void chain_retry_later(struct chain *c);
/* Go where the next one says that the chain goes. */
void chain_forget_head(struct chain *c);

/* Nodes disagree about [from, to]: an alarm, once until they agree again. */
void chain_show_split(uint64_t from, uint64_t to, const char *text);
void chain_show_agreement(enum ballot_verdict verdict, uint64_t number);

/* ---- chain_ranges.c */

NODISCARD enum err chain_ranges_new(struct chain *c);
void chain_ranges_free(struct chain *c);

/* The head is the tip's child: its logs, if it can have any. */
void chain_fetch_head(struct chain *c);
/* Keep CHAIN_UNDER_WAY ranges on their way to the head. */
void chain_fetch_ranges(struct chain *c);

#endif /* COMMON_CHAIN_IMPL_H */
