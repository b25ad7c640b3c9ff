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
 * The match side (judge.h) can run in a thread of its own: what is found is the
 * same. No I/O, no clock. */
#ifndef SERVICES_KALYPSO_REDERIVE_H
#define SERVICES_KALYPSO_REDERIVE_H

#include "services/kalypso/finding.h"
#include "services/kalypso/judge.h"
#include "services/orderbook/book.h"

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
	bool apart; /* the match side has a thread */
};

struct rederive {
	struct rederive_config config;
	struct sink book_out;
	struct book *book;
	struct comparison chain_log, book_log;
	struct judge judge;
	struct relay *relay;	      /* to the judge */
	uint64_t chain_number, block; /* of the entry that is dealt with */
	struct block_ref tip;	      /* newest block closed */
	uint64_t passed_over;	      /* chain log entries that don't decode */

	/* From rederive_end(), or an error, on. */
	struct finding first;
	bool differs; /* a record is another one: it ended there */
};

/* ERR_NO_MEMORY; ERR_MALFORMED: a given log can't be cut to what counts. In
 * any case rederive_free() is due. */
NODISCARD enum err rederive_new(struct rederive *r,
				const struct rederive_config *config);
void rederive_free(struct rederive *r);

/* Deal with the next entry of the chain log. With a thread, what is wrong on
 * the match side may come to light some entries later.
 * ERR_CONFLICT	  r->differs: a log is another one, r->first says how; else the
 *		  chain log contradicts itself
 * ERR_FINALITY	  a roll-back is deeper than config.depth
 * ERR_NO_MEMORY
 * After an error nothing may follow. */
NODISCARD enum err rederive_entry(struct rederive *r, const struct entry *e);

/* The chain log has ended. Errors as above */
NODISCARD enum err rederive_end(struct rederive *r);

/* Valid from rederive_end(), or an error, on. */
struct rederive_count rederive_count(const struct rederive *r,
				     enum rederive_log log);

#endif /* SERVICES_KALYPSO_REDERIVE_H */
