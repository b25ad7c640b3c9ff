/* Book and match log, interleaved as they were written. */
#include "services/kalypso/branch.h"
#include "services/kalypso/standing.h"

/* Blocks ended or taken back in @log up to entry @until. */
static enum err count_marks(uint64_t *out, const struct logfile_log *log,
			    uint64_t until)
{
	struct logfile_place at = logfile_begin(log);
	enum branch_mark mark;
	struct block_ref block;
	enum err e = ERR_NONE;
	struct entry entry;

	*out = 0;
	while (!e && logfile_next(&at, &entry) && entry.number <= until) {
		e = branch_mark_of(&mark, &block, &entry);
		*out += !e && mark != BRANCH_NONE;
	}
	return e;
}

/* The matcher says one mark for each that it reads: the entry of the match log
 * with the @marks-th. */
static enum err find_mark(uint64_t *out, const struct logfile_log *log,
			  uint64_t marks)
{
	struct logfile_place at = logfile_begin(log);
	enum branch_mark mark;
	struct block_ref block;
	enum err e = ERR_NONE;
	struct entry entry;

	*out = 0;
	while (!e && marks && logfile_next(&at, &entry)) {
		e = branch_mark_of(&mark, &block, &entry);
		marks -= !e && mark != BRANCH_NONE;
		*out = entry.number;
	}
	return e;
}

/* The matches of a round stand in the book once its block is closed. */
static enum err take_round(struct standing *s, struct branch *match)
{
	struct entry e;
	enum err err = ERR_NONE;

	do {
		if (!branch_next(match, &e))
			return ERR_NONE;
		err = standing_match(s, &e);
	} while (!err && e.type != MSG_ROUND_CLOSED);
	return err;
}

static enum err fold(struct standing *s, struct branch *book,
		     struct branch *match)
{
	enum err err = ERR_NONE;
	struct entry e;

	while (!err && branch_next(book, &e)) {
		err = standing_book(s, &e);
		if (!err && match && e.type == MSG_BLOCK_CLOSED)
			err = take_round(s, match);
	}
	return err;
}

enum err standing_fold(struct standing *s, const struct logfile_log *book,
		       const struct logfile_log *match, uint64_t until)
{
	struct branch book_branch, match_branch = {.cuts = NULL};
	uint64_t marks = 0, last = 0;
	enum err e = branch_open(&book_branch, book, until, true);

	if (!e && match)
		e = count_marks(&marks, book, until);
	if (!e && match)
		e = find_mark(&last, match, marks);
	if (!e && match)
		e = branch_open(&match_branch, match, last, true);
	if (!e)
		e = fold(s, &book_branch, match ? &match_branch : NULL);
	branch_free(&book_branch);
	branch_free(&match_branch);
	if (!e)
		standing_sort(s);
	return e;
}
