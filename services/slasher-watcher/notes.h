/* notes - what the shell remembers of single deadlines and expiries.
 *
 * A set, with a little on each: what was said already (the journal tells after
 * a restart), and what is put off for some blocks. */
#ifndef SERVICES_SLASHER_WATCHER_NOTES_H
#define SERVICES_SLASHER_WATCHER_NOTES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/types.h"

enum note_kind {
	NOTE_WARNED,	      /* deadline_near was said */
	NOTE_SHADOWED_SLASH,  /* slash_shadowed was */
	NOTE_SHADOWED_REFUND, /* the same, of a refund */
	NOTE_LATER_SLASH,     /* not now: see not_before */
	NOTE_LATER_REFUND,
};

struct note {
	enum note_kind kind;
	uint64_t request_id;
	struct unix_s since;
	uint64_t not_before; /* number of a block */
	bool alone;	     /* only by itself: a batch with it reverted */
};

struct notes;

/* ERR_NO_MEMORY */
NODISCARD enum err notes_new(struct notes **out);
void notes_free(struct notes **notes);

/* NULL if there is none. Notes move when others are added or swept. */
struct note *notes_find(const struct notes *n, enum note_kind kind,
			uint64_t request_id, struct unix_s since);

/* The note, added if it isn't there; NULL: no memory. */
struct note *notes_put(struct notes *n, enum note_kind kind,
		       uint64_t request_id, struct unix_s since);

/* Take out those that @gone says so of; does little unless many were added
 * since the last time. */
void notes_sweep(struct notes *n,
		 bool (*gone)(void *arg, const struct note *note), void *arg);

size_t notes_count(const struct notes *n);

#endif /* SERVICES_SLASHER_WATCHER_NOTES_H */
