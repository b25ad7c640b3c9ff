/* rejoin - a journal and the log that repeats it, brought to the same end.
 *
 * What the log has and the journal lacks is copied: the disk was lost, or
 * another copy of the service was at work. Where the two part, the log is
 * right: a leader that lost its lease had put entries into its journal that
 * its log didn't take any more, and nobody acts on what isn't in the log. What
 * the journal has behind the log's end stays, for the log to be continued, and
 * what it has from before the log's first entry, which the log let go of. */
#ifndef COMMON_REJOIN_H
#define COMMON_REJOIN_H

#include "common/journal.h"

/* Bring @j to the end of @log. Entries of the journal that the log contradicts
 * are dropped, if each of them decodes: else it is something else's journal.
 * ERR_CONFLICT		it is; nothing changed
 * ERR_TRIMMED		the journal ends before the log's first entry; nothing
 *			changed
 * ERR_UNREACHABLE, ERR_STORAGE	maybe not all of it was done; it can be
 *			repeated */
NODISCARD enum err rejoin(struct journal *j, struct store *store,
			  const char *log);

#endif /* COMMON_REJOIN_H */
