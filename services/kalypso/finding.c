/* Each record is compared in the moment in which it is made. */
#include "services/kalypso/finding.h"

void finding_free(struct finding *f)
{
	buf_free(&f->derived);
	buf_free(&f->given);
	*f = (struct finding){.kind = FINDING_NONE};
}

/* Of one chain log entry: the entry itself, what it says of decisions, the
 * book's records, the match log's. */
static int turn(const struct finding *f)
{
	if (f->kind == FINDING_ROOT || f->kind == FINDING_TASK)
		return 1;
	return f->log == REDERIVE_CHAIN ? 0 : f->log == REDERIVE_BOOK ? 2 : 3;
}

static bool is_before(const struct finding *a, const struct finding *b)
{
	if (a->chain_number != b->chain_number)
		return a->chain_number < b->chain_number;
	return turn(a) < turn(b);
}

void finding_merge(struct finding *f, struct finding *other)
{
	if (other->kind && (!f->kind || is_before(other, f))) {
		finding_free(f);
		*f = *other;
		*other = (struct finding){.kind = FINDING_NONE};
	}
	finding_free(other);
}

/* ---- comparing ---------------------------------------------------------- */

enum err comparison_new(struct comparison *c, enum rederive_log log,
			const struct logfile_log *given, bool counts_only)
{
	*c = (struct comparison){.log = log, .ended = !given};
	return given ? branch_open(&c->given, given, UINT64_MAX, counts_only)
		     : ERR_NONE;
}

void comparison_free(struct comparison *c)
{
	branch_free(&c->given);
}

static enum err differ(const struct comparison *c, struct finding *first,
		       const struct finding *found, const struct entry *given,
		       struct bytes derived)
{
	if (first->kind)
		return ERR_CONFLICT;
	*first = *found;
	first->log = c->log;
	first->number = given->number;
	first->given_type = given->type;
	buf_put(&first->given, given->body.data, given->body.size);
	buf_put(&first->derived, derived.data, derived.size);
	return ERR_CONFLICT;
}

enum err comparison_next(struct comparison *c, struct finding *first,
			 uint64_t chain_number, uint64_t block, uint16_t type,
			 struct bytes body)
{
	const struct finding found = {.kind = FINDING_RECORD,
				      .chain_number = chain_number,
				      .block = block,
				      .derived_type = type};
	struct entry given;

	c->count.derived++;
	if (c->ended)
		return ERR_NONE;
	if (!branch_next(&c->given, &given)) {
		c->ended = true;
		return ERR_NONE;
	}
	if (given.type != type || given.body.size != body.size ||
	    memcmp(given.body.data, body.data, body.size) != 0)
		return differ(c, first, &found, &given, body);
	c->count.compared++;
	return ERR_NONE;
}

enum err comparison_end(struct comparison *c, struct finding *first,
			uint64_t chain_number, uint64_t block, bool closed)
{
	static const struct bytes nothing;
	const struct finding found = {.kind = FINDING_EXTRA,
				      .chain_number = chain_number,
				      .block = block};
	struct entry given;

	if (c->ended)
		return ERR_NONE;
	while (branch_next(&c->given, &given)) {
		c->count.beyond++;
		if (closed)
			return differ(c, first, &found, &given, nothing);
	}
	return ERR_NONE;
}
