/* undo - what a core has to put back when blocks are rolled back.
 *
 * A core's state is rows in tables (table.h). Before a row changes for the
 * first time in a block, its bytes are kept here; undoing puts them back,
 * newest first. Records of a block are kept until `depth` newer blocks are
 * closed. Pure: no I/O, no clock. */
#ifndef COMMON_UNDO_H
#define COMMON_UNDO_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/types.h"

struct undo;

enum undo_kind {
	UNDO_ADDED,   /* the row was added: take it away */
	UNDO_EDITED,  /* it was changed: put its bytes back */
	UNDO_REMOVED, /* it was removed: add it again */
};

struct undo_record {
	uint8_t table; /* which of the core's tables */
	uint8_t kind;  /* enum undo_kind */
	uint32_t row;
	uint32_t size; /* of the bytes kept; 0 for UNDO_ADDED */
};

typedef void undo_fn(void *arg, const struct undo_record *record,
		     const void *bytes);

/* ERR_NO_MEMORY */
NODISCARD enum err undo_new(struct undo **out, unsigned depth);
void undo_free(struct undo **undo);

/* Keep @record and its bytes for the block that is open. */
NODISCARD enum err undo_keep(struct undo *u, const struct undo_record *record,
			     const void *bytes);

/* Changes with every block that is closed or undone: a row whose stamp this is
 * has been kept already. Never 0; to be read as long as @u lives. */
const uint32_t *undo_stamp(const struct undo *u);

/* The block that was open is @number; the next one is open now. */
NODISCARD enum err undo_close(struct undo *u, uint64_t number);

/* Call @fn for every record of the open block and of closed ones above
 * @number, newest first, and forget them.
 * ERR_FINALITY	blocks above @number were forgotten already; nothing changed */
NODISCARD enum err undo_to(struct undo *u, uint64_t number, undo_fn *fn,
			   void *arg);

/* Whether undo_to(@number) can succeed. */
bool undo_reaches(const struct undo *u, uint64_t number);

/* All of it as bytes and back, into an empty one. The open block has to be
 * empty: between blocks. ERR_MALFORMED: not what undo_save() made. */
void undo_save(const struct undo *u, struct buf *out);
struct scan;
NODISCARD enum err undo_load(struct undo *u, struct scan *in);

#endif /* COMMON_UNDO_H */
