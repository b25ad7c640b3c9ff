/* A hash of each stretch finds where they part, then entry by entry. */
#include "common/rejoin.h"

#include <inttypes.h>

#include "common/log.h"
#include "common/sha256.h"
#include "msg.h"

enum { STRETCH = 1000 };

struct stretch {
	uint64_t to;
	struct sha256 sha;
};

static enum err add_entry(void *arg, const struct entry *e)
{
	struct stretch *s = arg;

	if (e->number > s->to)
		return ERR_EXISTS; /* that is all */
	sha256_update(&s->sha, &e->number, sizeof e->number);
	sha256_update(&s->sha, &e->type, sizeof e->type);
	sha256_update(&s->sha, &e->body.size, sizeof e->body.size);
	sha256_update(&s->sha, e->body.data, e->body.size);
	return ERR_NONE;
}

static enum err compare(struct journal *j, struct store *store, const char *log,
			uint64_t from, uint64_t to, bool *same)
{
	struct stretch a = {.to = to}, b = {.to = to};
	struct hash32 ours, theirs;
	uint64_t next;
	enum err e;

	sha256_init(&a.sha);
	sha256_init(&b.sha);
	e = journal_read(j, from, add_entry, &a);
	if (!e || e == ERR_EXISTS)
		e = store_read(store, log, from, (unsigned)(to - from + 1),
			       &next, add_entry, &b);
	sha256_final(&a.sha, &ours);
	sha256_final(&b.sha, &theirs);
	*same = hash32_eq(&ours, &theirs);
	return e;
}

/* *at: the first number under which they have different entries, or the first
 * that only one of them has. */
static enum err find_parting(struct journal *j, struct store *store,
			     const char *log, uint64_t first, uint64_t both,
			     uint64_t *at)
{
	uint64_t step = STRETCH;
	bool same;
	enum err e;

	for (*at = first; *at <= both; *at += same ? step : 0) {
		uint64_t to = both - *at < step ? both : *at + step - 1;

		e = compare(j, store, log, *at, to, &same);
		if (e)
			return e;
		if (!same && *at == to)
			return ERR_NONE;
		step = same ? to - *at + 1 : 1;
	}
	return ERR_NONE;
}

static enum err check_decodes(void *arg, const struct entry *e)
{
	(void)arg;
	return msg_describe(e->type) ? ERR_NONE : ERR_CONFLICT;
}

static enum err drop(struct journal *j, const char *log, uint64_t from)
{
	uint64_t last = journal_last(j);
	enum err e = journal_read(j, from, check_decodes, NULL);

	if (!e)
		e = journal_drop(j, from);
	if (!e)
		log_warn("journal.rejoined",
			 "log=%s from=%" PRIu64 " dropped=%" PRIu64
			 " text=\"the log has others: another copy had the "
			 "lease; nothing of what is dropped was sent\"",
			 log, from, last + 1 - from);
	return e;
}

static enum err copy_entry(void *arg, const struct entry *e)
{
	return journal_put(arg, e->type, e->body);
}

static enum err copy_rest(struct journal *j, struct store *store,
			  const char *log)
{
	uint64_t from = journal_last(j) + 1, next = from;
	enum err e;

	do {
		from = next;
		e = store_read(store, log, from, STRETCH, &next, copy_entry, j);
	} while (!e && next - from == STRETCH);
	return e ? e : journal_commit(j);
}

enum err rejoin(struct journal *j, struct store *store, const char *log)
{
	uint64_t first = 0, last = 0, at = 0, both;
	enum err e = store_first(store, log, &first);

	if (!e)
		e = store_last(store, log, &last);
	both = last < journal_last(j) ? last : journal_last(j);
	if (!e)
		e = find_parting(j, store, log, first ? first : 1, both, &at);
	if (!e && at <= both)
		e = drop(j, log, at);
	return e ? e : copy_rest(j, store, log);
}
