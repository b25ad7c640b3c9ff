/* saver - writes snapshots from a copy of the process, while it goes on.
 *
 * saver_begin() forks. The copy has the state as it was at that moment (pages
 * that change meanwhile are copied by the kernel, as they change), a connection
 * of its own to Redis, and nothing else of the process: every other descriptor
 * is closed, so it can't touch sockets, locks or journals. It ends without
 * running what is registered for an exit, and with the process, whatever ends
 * that. All that the loop waits for is the fork itself, and before it a while
 * of short steps that make it short.
 *
 * A copy that fails, is killed or takes longer than SAVER_PATIENCE_S has
 * changed nothing: what it wrote doesn't count without its manifest, and goes
 * by itself (store.h). saver_is_ready() says when to try again. */
#ifndef COMMON_SAVER_H
#define COMMON_SAVER_H

#include "common/frame.h"

struct saver;

enum {
	SAVER_PATIENCE_S = 300, /* then the copy is killed */
	SAVER_RETRY_S = 5,	/* after a failure */
};

/* The state as bytes; called in the copy. */
typedef enum err saver_fn(void *arg, struct buf *out);

/* ERR_NO_MEMORY. Borrows @frame. @newest is where the newest snapshot is that
 * there is; its state isn't looked at. */
NODISCARD enum err saver_new(struct saver **out, struct frame *frame,
			     const struct snapshot *newest);
/* Kills the copy, if one is at work. */
void saver_free(struct saver **saver);

/* Whether a snapshot may begin now: nobody is at work, nothing failed just now,
 * and the fork will be short (collapse.h). Sees to the last if it isn't so. */
bool saver_is_ready(struct saver *s);

/* Write the state that @save gives as the snapshot @at (its state is left
 * alone). Failures are logged and counted. After saver_is_ready(). */
void saver_begin(struct saver *s, const struct snapshot *at, saver_fn *save,
		 void *arg);

/* The same at once, in this process: for its end. */
void saver_write_now(struct saver *s, const struct snapshot *at, saver_fn *save,
		     void *arg);

/* Input entry that the newest whole snapshot is of; 0 if there is none. */
uint64_t saver_saved(const struct saver *s);

/* What `kalypso status` shows of it. */
void saver_status(const struct saver *s, struct status *out);

#endif /* COMMON_SAVER_H */
