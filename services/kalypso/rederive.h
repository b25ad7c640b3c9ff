/* rederive - book log and match log from the chain log, with the cores that the
 * services run, and a comparison with what others say that they are.
 *
 *	chain log ──► book.c ──► match.c
 *	    │            │          │
 *	 tasks, roots  book log  match log	compared byte by byte
 *
 * Also looked at is what the contracts did with the decisions: each root that a
 * batch published has to be the rule's after that decision, and each task that
 * was given out has to be one that the rule had decided on and that was still
 * valid. (The contracts can't check that: it is what an audit is for.)
 *
 * Pure: no I/O, no clock. */
#ifndef SERVICES_KALYPSO_REDERIVE_H
#define SERVICES_KALYPSO_REDERIVE_H

#include "services/kalypso/branch.h"
#include "services/kalypso/decided.h"
#include "services/matcher/match.h"
#include "services/orderbook/book.h"

enum rederive_log {
	REDERIVE_CHAIN, /* not derived: compared with another's */
	REDERIVE_BOOK,
	REDERIVE_MATCH,
	REDERIVE_LOGS
};
extern const char *const rederive_names[REDERIVE_LOGS];

struct rederive_config {
	struct match_rule rule;
	unsigned depth; /* blocks that can be rolled back */
	/* What is compared with; borrowed; NULL: nothing. */
	const struct logfile_log *given[REDERIVE_LOGS];
	/* Leave out what was rolled back in the given ones: the chain log that
	 * is put in has no roll-backs of its own. */
	bool counts_only;
	/* The given ones end where the chain log does: entries beyond what is
	 * derived are wrong, not just newer. */
	bool closed;
};

enum finding_kind {
	FINDING_NONE,
	FINDING_RECORD, /* a record is another one */
	FINDING_EXTRA,	/* a record that the chain doesn't give */
	FINDING_ROOT,	/* a published root isn't the rule's */
	FINDING_TASK,	/* a task that the rule didn't give */
};

struct finding {
	enum finding_kind kind;
	enum rederive_log log;
	uint64_t number;       /* of the entry in the log that was given, or of
				* the chain log's entry that tells */
	uint64_t chain_number; /* chain log entry that was being dealt with */
	uint64_t block;	       /* that it is of */
	/* The records, owned: what should be and what is. A type of 0: none. */
	uint16_t derived_type, given_type;
	struct buf derived, given;
	/* Of FINDING_ROOT and FINDING_TASK: what the rule decided; decision 0:
	 * nothing. */
	uint64_t decision;
	struct decision decided;
};

struct rederive_count {
	uint64_t derived;  /* records */
	uint64_t compared; /* with those that were given */
	uint64_t beyond;   /* that were given and that nothing is derived of */
};

struct rederive {
	struct rederive_config config;
	struct sink book_out, match_out;
	struct book *book;
	struct match *match;
	struct decided decided;
	struct branch given[REDERIVE_LOGS];
	bool ended[REDERIVE_LOGS]; /* the given one has no more */
	struct rederive_count counts[REDERIVE_LOGS];
	uint64_t chain_number, block; /* of the entry that is dealt with */
	struct block_ref tip;	      /* newest block closed */
	uint64_t roots, tasks;	      /* looked at */
	uint64_t bad_roots, bad_tasks;
	uint64_t passed_over; /* chain log entries that don't decode */
	struct finding first;
	bool differs; /* a record is another one: it ends here */
};

/* ERR_NO_MEMORY; ERR_MALFORMED: a given log can't be cut to what counts. In
 * any case rederive_free() is due. */
NODISCARD enum err rederive_new(struct rederive *r,
				const struct rederive_config *config);
void rederive_free(struct rederive *r);

/* Deal with the next entry of the chain log.
 * ERR_CONFLICT	  r->differs: a log is another one, r->first says how; else the
 *		  chain log contradicts itself
 * ERR_FINALITY	  a roll-back is deeper than config.depth
 * ERR_NO_MEMORY
 * After an error nothing may follow. */
NODISCARD enum err rederive_entry(struct rederive *r, const struct entry *e);

/* The chain log has ended. ERR_CONFLICT: as above */
NODISCARD enum err rederive_end(struct rederive *r);

#endif /* SERVICES_KALYPSO_REDERIVE_H */
