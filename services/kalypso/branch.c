/* Two passes: where blocks end and what is cut; then the entries in between. */
#include "services/kalypso/branch.h"

#include <stdlib.h>

#include "msg.h"

/* ---- marks -------------------------------------------------------------- */

/* One case for each log's two messages; both begin with the block. */
#define CLOSE(name, member)                                                    \
	{                                                                      \
		struct msg_##name m;                                           \
		enum err err_ = msg_##name##_decode(&m, e->body);              \
		*block = m.member;                                             \
		return err_;                                                   \
	}

enum err branch_mark_of(enum branch_mark *out, struct block_ref *block,
			const struct entry *e)
{
	*out = BRANCH_CLOSE;
	switch (e->type) {
	case MSG_BLOCK_MARK:
		CLOSE(block_mark, block)
	case MSG_BLOCK_CLOSED:
		CLOSE(block_closed, block)
	case MSG_ROUND_CLOSED:
		CLOSE(round_closed, block)
	default:
		break;
	}
	*out = BRANCH_BACK;
	switch (e->type) {
	case MSG_ROLLBACK:
		CLOSE(rollback, to)
	case MSG_BOOK_ROLLED_BACK:
		CLOSE(book_rolled_back, to)
	case MSG_ROUND_ROLLED_BACK:
		CLOSE(round_rolled_back, to)
	default:
		*out = BRANCH_NONE;
		return ERR_NONE;
	}
}

/* ---- what is cut -------------------------------------------------------- */

struct end {
	uint64_t block, number; /* of the entry that ends it */
};

struct ends {
	struct end *items;
	size_t count, room;
};

static bool grow(void **items, size_t *room, size_t count, size_t size)
{
	size_t wanted = *room ? 2 * *room : 256;
	void *grown;

	if (count < *room)
		return true;
	grown = realloc(*items, wanted * size);
	if (!grown)
		return false;
	*items = grown;
	*room = wanted;
	return true;
}

static enum err push_end(struct ends *ends, uint64_t block, uint64_t number)
{
	void *items = ends->items;
	bool good = grow(&items, &ends->room, ends->count, sizeof *ends->items);

	ends->items = items;
	if (!good)
		return ERR_NO_MEMORY;
	ends->items[ends->count++] = (struct end){block, number};
	return ERR_NONE;
}

/* The roll-back is entry @number. What was cut inside of the new cut is part of
 * it. */
static enum err cut(struct branch *b, struct ends *ends, uint64_t block,
		    uint64_t number)
{
	void *items = b->cuts;
	uint64_t from;
	bool good;

	while (ends->count > 1 && ends->items[ends->count - 1].block > block)
		ends->count--;
	if (ends->count > 1 && ends->items[ends->count - 1].block != block)
		return ERR_MALFORMED;
	from = ends->items[ends->count - 1].number + 1;
	while (b->cuts_count && b->cuts[b->cuts_count - 1].from >= from)
		b->cuts_count--;
	good = grow(&items, &b->cuts_room, b->cuts_count, sizeof *b->cuts);
	b->cuts = items;
	if (!good)
		return ERR_NO_MEMORY;
	b->cuts[b->cuts_count++] = (struct branch_cut){from, number};
	return ERR_NONE;
}

/* The first entry says what the log is of, or the rule: it is never undone. */
static enum err find_cuts(struct branch *b, const struct logfile_log *log)
{
	struct logfile_place at = logfile_begin(log);
	struct ends ends = {NULL, 0, 0};
	enum err e = push_end(&ends, 0, log->first);
	struct entry entry;

	while (!e && logfile_next(&at, &entry) && entry.number <= b->until) {
		struct block_ref block;
		enum branch_mark mark;

		e = branch_mark_of(&mark, &block, &entry);
		if (!e && mark == BRANCH_CLOSE)
			e = push_end(&ends, block.number, entry.number);
		else if (!e && mark == BRANCH_BACK)
			e = cut(b, &ends, block.number, entry.number);
	}
	free(ends.items);
	return e;
}

/* ---- reading ------------------------------------------------------------ */

enum err branch_open(struct branch *b, const struct logfile_log *log,
		     uint64_t until, bool counts_only)
{
	*b = (struct branch){.at = logfile_begin(log), .until = until};
	return counts_only ? find_cuts(b, log) : ERR_NONE;
}

void branch_free(struct branch *b)
{
	free(b->cuts);
	*b = (struct branch){.cuts = NULL};
}

static bool is_cut(struct branch *b, uint64_t number)
{
	while (b->cuts_passed < b->cuts_count &&
	       b->cuts[b->cuts_passed].to < number)
		b->cuts_passed++;
	return b->cuts_passed < b->cuts_count &&
	       b->cuts[b->cuts_passed].from <= number;
}

bool branch_next(struct branch *b, struct entry *out)
{
	while (logfile_next(&b->at, out) && out->number <= b->until)
		if (!is_cut(b, out->number))
			return true;
	return false;
}
