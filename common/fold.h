/* fold - runs a core that is a function of one log.
 *
 * The newest snapshot, the rest of the input log, and the core is where it was
 * (docs/architecture.md, R4). What it says goes into the service's own log,
 * numbered by it: after a restart the same is said again, and dropped as far
 * as the log has it. Appends wait for a mark (the end of a block), so that a
 * block costs one append. */
#ifndef COMMON_FOLD_H
#define COMMON_FOLD_H

#include "common/frame.h"
#include "common/wire.h"

struct fold_core {
	void *self;
	const char *reads; /* its input log */
	uint32_t keep_s;   /* how long what sink->keep() is given is kept */
	bool silent;	   /* it says nothing: the service's log is not its */
	/* Deal with one entry; what is to be said goes to @out. An error ends
	 * the service: an entry of our own logs is never skipped. */
	enum err (*receive)(void *self, struct sink *out, uint16_t number,
			    struct bytes body);
	/* Whether readers may act once @number is in the input: a block mark,
	 * a roll-back. */
	bool (*is_mark)(uint16_t number);
	/* The state as bytes, undo records included, and back. load() gets
	 * only what save() of the same program version made. */
	enum err (*save)(void *self, struct buf *out);
	enum err (*load)(void *self, struct bytes state);
	/* Everything that is there for now was dealt with, a mark among it.
	 * May be NULL. */
	void (*settled)(void *self);
};

struct fold;

/* Load the newest snapshot that fits and go on from there. Borrows @frame;
 * copies @core. Every market.snapshot_every entries another snapshot is written
 * (saver.h).
 * ERR_UNREACHABLE, ERR_NO_MEMORY
 * ERR_BEHIND	a log ends before the snapshot's place in it
 * ERR_TRIMMED	the input log begins after the snapshot's place in it: this
 *		life of the logs has to end, and frame_stop() will see to it */
NODISCARD enum err fold_new(struct fold **out, struct frame *frame,
			    const struct fold_core *core);
void fold_free(struct fold **fold);

/* At the end of the process: write a snapshot now, unless nothing changed, or
 * the service begins again. Errors are logged. NULL is nothing to do. */
void fold_snapshot(struct fold *fold);

/* What `kalypso status` shows: how far it has read, and its snapshots. */
void fold_status(const struct fold *fold, struct status *out);

/* Whether the newest of the input is known. */
bool fold_is_live(const struct fold *fold);

/* Number of the newest input entry dealt with. */
uint64_t fold_done(const struct fold *fold);

#endif /* COMMON_FOLD_H */
