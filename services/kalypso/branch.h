/* branch - a log without what was rolled back in it.
 *
 * A log tells its whole story, also what the chain took back. Who compares it
 * with another that has seen another story of the same chain reads only what
 * counts at the end: entries up to a roll-back are left out back to the end of
 * the block that it goes to, and the roll-back itself. */
#ifndef SERVICES_KALYPSO_BRANCH_H
#define SERVICES_KALYPSO_BRANCH_H

#include "common/logfile.h"

struct branch_cut {
	uint64_t from, to; /* numbers of entries that don't count */
};

struct branch {
	struct logfile_place at;
	uint64_t until;
	struct branch_cut *cuts; /* in order, apart from each other */
	size_t cuts_count, cuts_room, cuts_passed;
};

/* Read @log from its beginning up to entry @until, all of it or what counts
 * only. The log is borrowed; branch_free() is due in any case. ERR_NO_MEMORY
 * ERR_MALFORMED	a mark that doesn't decode, or a roll-back to a block
 *			that isn't there */
NODISCARD enum err branch_open(struct branch *b, const struct logfile_log *log,
			       uint64_t until, bool counts_only);
void branch_free(struct branch *b);

/* False: there is none any more. */
bool branch_next(struct branch *b, struct entry *out);

/* Whether @e ends a block or takes blocks back, in a chain, book or match log,
 * and which is the newest block after it. ERR_MALFORMED */
enum branch_mark { BRANCH_NONE, BRANCH_CLOSE, BRANCH_BACK };
NODISCARD enum err branch_mark_of(enum branch_mark *out,
				  struct block_ref *block,
				  const struct entry *e);

#endif /* SERVICES_KALYPSO_BRANCH_H */
