/* match - which generator gets which request.
 *
 * Folds the book log and decides at the end of every block: for each open,
 * unexpired request in order of arrival the best of its eligible quotes, if
 * there is one. docs/matching.md defines the rule; this is its version 1:
 *
 *	available  active, neither draining nor suspended, in an open market;
 *		   compute, stake and a task slot free, reservations counted;
 *		   in a confidential market with a key
 *	eligible   available, price and time within the request's caps, the
 *		   pair not cooling after a refusal, its generator without
 *		   another live request of the same requester and spread
 *	best	   least (price, time, turn) for `cheapest`, least (time,
 *		   price, turn) for `fastest`
 *
 * A match reserves until a block says otherwise:
 *
 *	 open ── match_made ──► matched ── task_started ──► task ── ended ──►
 *	  ▲                        │
 *	  └── refused, or a block past valid_until
 *
 * Pure: no I/O, no clock; the same log gives the same bytes. Handlers are
 * declared in wire_match.h; they return what the sink returns, ERR_NO_MEMORY,
 * ERR_CONFLICT (the log contradicts itself) or ERR_FINALITY; after an error
 * the core must not be used. */
#ifndef SERVICES_MATCHER_MATCH_H
#define SERVICES_MATCHER_MATCH_H

#include "wire_match.h"

struct match;

enum { MATCH_RULE_VERSION = 1, MATCH_TASK_LIMIT_MAX = 65535 };

/* Parameters of the rule; the defaults are those of rule version 1. */
struct match_rule {
	uint32_t lifetime_s; /* from a match's block to its valid_until */
	uint32_t task_limit; /* tasks of a generator in one market */
	uint32_t
		spread_members; /* live requests of a spread group that count */
	uint32_t cooling_max;	/* blocks that a refused pair rests at most */
};
#define MATCH_RULE_DEFAULT ((struct match_rule){30, 100, 8, 256})

/* An empty market under @rule that can undo @depth blocks.
 * ERR_NO_MEMORY; ERR_RANGE: a task_limit above MATCH_TASK_LIMIT_MAX */
NODISCARD enum err match_new(struct match **out, const struct match_rule *rule,
			     unsigned depth);
void match_free(struct match **match);

/* Whether readers of the book log may act once they have @number. */
bool match_is_mark(uint16_t number);

/* Call @fn for each match when it has been chosen and before it takes anything:
 * the rows are what they were for the choice. NULL ends it. */
typedef void match_decided_fn(void *arg, const struct match *match,
			      uint64_t request_id,
			      const struct address *generator);
void match_watch(struct match *match, match_decided_fn *fn, void *arg);

struct match_sizes {
	uint64_t quotes, waiting, matched;
	uint64_t decisions;	/* along the branch */
	struct block_ref block; /* the newest one decided on */
	struct hash32 root;	/* running hash of the decision records */
};
struct match_sizes match_sizes(const struct match *match);

/* SHA-256 over everything that decides, whatever the order it came in; log
 * positions and undo records left out. O(rows). */
void match_hash(const struct match *match, struct hash32 *out);

/* The running hash after @m: SHA-256 of the hash before it and of the decision
 * record, 140 bytes, integers big-endian:
 *	decision 8 | block number 8, hash 32, time 8 | request 32 | generator 20
 *	| price 16 | response time 4 | valid until 8 | rule 4
 * ERR_RANGE	the price doesn't fit into 16 bytes */
NODISCARD enum err match_root(struct hash32 *out, const struct hash32 *before,
			      const struct msg_match_made *m);

/* The state as bytes and back, into an empty one of the same rule. Between
 * blocks only. ERR_MALFORMED: not what match_save() of this version made, or
 * of another rule; it must not be used then. */
NODISCARD enum err match_save(struct match *match, struct buf *out);
NODISCARD enum err match_load(struct match *match, struct bytes state);

#endif /* SERVICES_MATCHER_MATCH_H */
