/* judge - the match side of an audit: what the rule gives for a book log, and
 * what was made of it.
 *
 * Reads the records of the book log and, at their place between them, what the
 * contracts did: published roots, tasks. Keeps the first thing that is wrong.
 *
 * Pure: no I/O, no clock. */
#ifndef SERVICES_KALYPSO_JUDGE_H
#define SERVICES_KALYPSO_JUDGE_H

#include "services/kalypso/branch.h"
#include "services/kalypso/decided.h"
#include "services/kalypso/finding.h"
#include "services/kalypso/relay.h"
#include "services/matcher/match.h"

struct judge {
	struct sink out;
	struct match *match;
	struct decided decided;
	struct comparison match_log;
	uint64_t chain_number, block; /* of what is dealt with */
	uint64_t roots, tasks;	      /* looked at */
	uint64_t bad_roots, bad_tasks;
	struct finding first;
};

enum judge_kind {
	JUDGE_BOOK, /* a record of the book log */
	JUDGE_ACT,  /* an entry of the chain log: a root, a task */
};

/* @given may be NULL: there is no match log to compare with. Errors as
 * branch_open() and match_new(); judge_free() is due in any case. */
NODISCARD enum err judge_new(struct judge *j, const struct match_rule *rule,
			     unsigned depth, const struct logfile_log *given,
			     bool counts_only);
void judge_free(struct judge *j);

/* A relay_fn; @arg is the judge. ERR_CONFLICT: the match log differs (first
 * says how), or the book log contradicts itself; ERR_FINALITY, ERR_NO_MEMORY */
NODISCARD enum err judge_record(void *arg, const struct relay_record *record);

#endif /* SERVICES_KALYPSO_JUDGE_H */
