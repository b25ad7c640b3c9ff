/* finding - what an audit compares, and the first thing that it finds wrong. */
#ifndef SERVICES_KALYPSO_FINDING_H
#define SERVICES_KALYPSO_FINDING_H

#include "services/kalypso/branch.h"
#include "services/kalypso/decided.h"

enum rederive_log {
	REDERIVE_CHAIN, /* not derived: compared with another's */
	REDERIVE_BOOK,
	REDERIVE_MATCH,
	REDERIVE_LOGS
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

void finding_free(struct finding *f);

/* Take over @other if it comes before @f, in the order in which one thread
 * would have found them; else free it. */
void finding_merge(struct finding *f, struct finding *other);

struct rederive_count {
	uint64_t derived;  /* records */
	uint64_t compared; /* with those that were given */
	uint64_t beyond;   /* that were given and that nothing is derived of */
};

/* A log, derived record by record, and the one that was given. */
struct comparison {
	enum rederive_log log;
	struct branch given;
	bool ended; /* there is none, or it has no more */
	struct rederive_count count;
};

/* @given may be NULL. Errors as branch_open(); comparison_free() is due. */
NODISCARD enum err comparison_new(struct comparison *c, enum rederive_log log,
				  const struct logfile_log *given,
				  bool counts_only);
void comparison_free(struct comparison *c);

/* The next record is this one; @chain_number and @block for what is found.
 * ERR_CONFLICT: the given one isn't; *first says how, unless it says something
 * already. */
NODISCARD enum err comparison_next(struct comparison *c, struct finding *first,
				   uint64_t chain_number, uint64_t block,
				   uint16_t type, struct bytes body);

/* There are no more. ERR_CONFLICT: the given log has more, and @closed says
 * that this is wrong */
NODISCARD enum err comparison_end(struct comparison *c, struct finding *first,
				  uint64_t chain_number, uint64_t block,
				  bool closed);

#endif /* SERVICES_KALYPSO_FINDING_H */
