/* The book side: chain log in, book records compared and handed on. */
#include "services/kalypso/rederive.h"

const char *const rederive_names[REDERIVE_LOGS] = {"chain", "book", "match"};

/* ---- handing on --------------------------------------------------------- */

static enum err hand_on(struct rederive *r, enum judge_kind kind, uint16_t type,
			struct bytes body)
{
	const struct relay_record record = {.chain_number = r->chain_number,
					    .block = r->block,
					    .kind = kind,
					    .type = type,
					    .body = body};

	return relay_put(r->relay, &record);
}

static enum err on_book(struct sink *sink, uint16_t type, struct bytes body)
{
	struct rederive *r =
		(struct rederive *)((char *)sink -
				    offsetof(struct rederive, book_out));
	enum err e = comparison_next(&r->book_log, &r->first, r->chain_number,
				     r->block, type, body);

	return e ? e : hand_on(r, JUDGE_BOOK, type, body);
}

/* ---- life --------------------------------------------------------------- */

enum err rederive_new(struct rederive *r, const struct rederive_config *config)
{
	bool cut = config->counts_only;
	enum err e;

	*r = (struct rederive){.config = *config, .book_out = {.put = on_book}};
	e = judge_new(&r->judge, &config->rule, config->depth,
		      config->given[REDERIVE_MATCH], cut);
	if (!e)
		e = comparison_new(&r->chain_log, REDERIVE_CHAIN,
				   config->given[REDERIVE_CHAIN], cut);
	if (!e)
		e = comparison_new(&r->book_log, REDERIVE_BOOK,
				   config->given[REDERIVE_BOOK], cut);
	if (!e)
		e = book_new(&r->book, config->depth);
	return e ? e
		 : relay_new(&r->relay, judge_record, &r->judge, config->apart);
}

void rederive_free(struct rederive *r)
{
	relay_free(&r->relay); /* its thread uses the judge */
	judge_free(&r->judge);
	book_free(&r->book);
	comparison_free(&r->chain_log);
	comparison_free(&r->book_log);
	buf_free(&r->book_out.scratch);
	finding_free(&r->first);
}

/* The match side has dealt with everything: what it found counts if it comes
 * before what the book side found. */
static enum err settle(struct rederive *r, enum err ours)
{
	enum err theirs = relay_wait(r->relay);
	enum err e = ours ? ours : theirs;

	finding_merge(&r->first, &r->judge.first);
	r->differs = e == ERR_CONFLICT && r->first.kind != FINDING_NONE;
	return e;
}

/* ---- entries ------------------------------------------------------------ */

static enum err look_at(struct rederive *r, const struct entry *e)
{
	enum branch_mark mark;
	struct block_ref block;
	enum err err;

	switch (e->type) {
	case MSG_BLOCK_MARK:
	case MSG_ROLLBACK:
		err = branch_mark_of(&mark, &block, e);
		if (!err)
			r->tip = block;
		return err;
	case MSG_MATCH_ROOT_PUBLISHED:
	case MSG_TASK_CREATED:
		return hand_on(r, JUDGE_ACT, e->type, e->body);
	default:
		return ERR_NONE;
	}
}

/* An entry that doesn't decode has changed nothing, here as in the services,
 * which keep it in their quarantine. */
enum err rederive_entry(struct rederive *r, const struct entry *e)
{
	enum err err;

	r->chain_number = e->number;
	r->block = r->tip.number + 1;
	err = comparison_next(&r->chain_log, &r->first, e->number, r->block,
			      e->type, e->body);
	if (!err)
		err = look_at(r, e);
	if (!err)
		err = book_receive(r->book, &r->book_out, e->type, e->body);
	if (err == ERR_MALFORMED) {
		r->passed_over++;
		err = ERR_NONE;
	}
	return err ? settle(r, err) : ERR_NONE;
}

enum err rederive_end(struct rederive *r)
{
	bool closed = r->config.closed;
	enum err e = settle(r, ERR_NONE);

	if (!e)
		e = comparison_end(&r->chain_log, &r->first, r->chain_number,
				   r->block, closed);
	if (!e)
		e = comparison_end(&r->book_log, &r->first, r->chain_number,
				   r->block, closed);
	if (!e)
		e = comparison_end(&r->judge.match_log, &r->first,
				   r->chain_number, r->block, closed);
	r->differs = e == ERR_CONFLICT && r->first.kind != FINDING_NONE;
	return e;
}

struct rederive_count rederive_count(const struct rederive *r,
				     enum rederive_log log)
{
	switch (log) {
	case REDERIVE_CHAIN:
		return r->chain_log.count;
	case REDERIVE_BOOK:
		return r->book_log.count;
	default:
		return r->judge.match_log.count;
	}
}
