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
	UNDO_TOUCHED, /* its changeable part was: put that back */
	UNDO_REMOVED, /* it was removed: add it again */
};

struct undo_record {
	uint32_t row;
	uint16_t size; /* of the bytes kept; 0 for UNDO_ADDED */
	uint8_t table; /* which of the core's tables */
	uint8_t kind;  /* enum undo_kind */
};

typedef void undo_fn(void *arg, const struct undo_record *record,
		     const void *bytes);

/* ERR_NO_MEMORY */
NODISCARD enum err undo_new(struct undo **out, unsigned depth);
void undo_free(struct undo **undo);

/* Keep @record and its bytes for the block that is open. */
NODISCARD static inline enum err undo_keep(struct undo *u,
					   const struct undo_record *record,
					   const void *bytes);

/* An even number that changes with every block that is closed or undone: a row
 * that remembers it has been kept already. Never 0. */
static inline uint32_t undo_stamp(const struct undo *u);

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

/* An undo begins with this: every change of a row comes by. */
struct undo_head {
	uint8_t *next, *end; /* room for records */
	uint32_t stamp;
};

/* Room for @size bytes at next. ERR_NO_MEMORY */
NODISCARD enum err undo_make_room(struct undo *u, uint32_t size);

static inline uint32_t undo_padded(uint32_t size)
{
	return (size + 7) & ~7u;
}

static inline uint32_t undo_stamp(const struct undo *u)
{
	return ((const struct undo_head *)u)->stamp;
}

static inline enum err undo_keep(struct undo *u,
				 const struct undo_record *record,
				 const void *bytes)
{
	struct undo_head *h = (struct undo_head *)u;
	uint32_t size = undo_padded(record->size);
	uint32_t all = size + (uint32_t)sizeof *record;

	if ((size_t)(h->end - h->next) < all && undo_make_room(u, all))
		return ERR_NO_MEMORY;
	if (bytes) {
		/* No byte of a snapshot is left to chance. */
		memset(h->next + size - 8, 0, 8);
		memcpy(h->next, bytes, record->size);
	}
	memcpy(h->next + size, record, sizeof *record);
	h->next += all;
	return ERR_NONE;
}

#endif /* COMMON_UNDO_H */
