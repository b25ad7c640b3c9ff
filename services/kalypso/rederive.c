/* Each record is compared in the moment in which it is made. */
#include "services/kalypso/rederive.h"

const char *const rederive_names[REDERIVE_LOGS] = {"chain", "book", "match"};

#define REDERIVE(sink, member)                                                 \
	((struct rederive *)((char *)(sink)-offsetof(struct rederive, member)))

/* ---- findings ----------------------------------------------------------- */

/* The first one is kept. */
static struct finding *find(struct rederive *r, enum finding_kind kind,
			    enum rederive_log log, uint64_t number)
{
	struct finding *f = &r->first;

	if (f->kind)
		return NULL;
	f->kind = kind;
	f->log = log;
	f->number = number;
	f->chain_number = r->chain_number;
	f->block = r->block;
	return f;
}

static void keep(uint16_t *type, struct buf *to, uint16_t from,
		 struct bytes body)
{
	*type = from;
	buf_put(to, body.data, body.size);
}

static enum err differ(struct rederive *r, enum finding_kind kind,
		       enum rederive_log log, const struct entry *given,
		       uint16_t type, struct bytes body)
{
	struct finding *f = find(r, kind, log, given->number);

	r->differs = true;
	if (f) {
		keep(&f->given_type, &f->given, given->type, given->body);
		keep(&f->derived_type, &f->derived, type, body);
	}
	return ERR_CONFLICT;
}

/* ---- records ------------------------------------------------------------ */

static enum err compare(struct rederive *r, enum rederive_log log,
			uint16_t type, struct bytes body)
{
	struct entry given;

	r->counts[log].derived++;
	if (r->ended[log])
		return ERR_NONE;
	if (!branch_next(&r->given[log], &given)) {
		r->ended[log] = true;
		return ERR_NONE;
	}
	if (given.type != type || given.body.size != body.size ||
	    memcmp(given.body.data, body.data, body.size) != 0)
		return differ(r, FINDING_RECORD, log, &given, type, body);
	r->counts[log].compared++;
	return ERR_NONE;
}

static enum err on_match(struct sink *sink, uint16_t type, struct bytes body)
{
	struct rederive *r = REDERIVE(sink, match_out);
	struct msg_round_rolled_back back;
	struct msg_match_made made;
	enum err e = ERR_NONE;

	if (type == MSG_MATCH_MADE) {
		e = msg_match_made_decode(&made, body);
		if (!e)
			e = decided_add(&r->decided, &made);
	} else if (type == MSG_ROUND_ROLLED_BACK) {
		e = msg_round_rolled_back_decode(&back, body);
		if (!e)
			decided_cut(&r->decided, back.decisions);
	}
	return e ? e : compare(r, REDERIVE_MATCH, type, body);
}

static enum err on_book(struct sink *sink, uint16_t type, struct bytes body)
{
	struct rederive *r = REDERIVE(sink, book_out);
	enum err e = compare(r, REDERIVE_BOOK, type, body);

	return e ? e : match_receive(r->match, &r->match_out, type, body);
}

/* ---- what the contracts did --------------------------------------------- */

static void find_act(struct rederive *r, enum finding_kind kind,
		     const struct entry *e, const struct decision *decided)
{
	struct finding *f = find(r, kind, REDERIVE_CHAIN, e->number);

	if (!f)
		return;
	keep(&f->given_type, &f->given, e->type, e->body);
	if (!decided)
		return;
	f->decision = decided_number(&r->decided, decided);
	f->decided = *decided;
}

static enum err check_root(struct rederive *r, const struct entry *e)
{
	struct msg_match_root_published m;
	const struct decision *decided;
	enum err err = msg_match_root_published_decode(&m, e->body);

	if (err)
		return err;
	r->roots++;
	decided = decided_at(&r->decided, m.batch);
	if (decided && hash32_eq(&decided->root, &m.match_root))
		return ERR_NONE;
	r->bad_roots++;
	find_act(r, FINDING_ROOT, e, decided);
	return ERR_NONE;
}

static enum err check_task(struct rederive *r, const struct entry *e)
{
	struct msg_task_created m;
	const struct decision *d;
	struct u256 price;
	enum err err = msg_task_created_decode(&m, e->body);

	if (err)
		return err;
	r->tasks++;
	d = decided_of(&r->decided, m.request_id);
	price = u256_from_u128(d ? d->price : 0);
	if (d && address_eq(&d->generator, &m.generator) &&
	    u256_eq(&price, &m.price.v) && d->valid_until >= m.time.v)
		return ERR_NONE;
	r->bad_tasks++;
	find_act(r, FINDING_TASK, e, d);
	return ERR_NONE;
}

/* ---- life --------------------------------------------------------------- */

enum err rederive_new(struct rederive *r, const struct rederive_config *config)
{
	enum err e;

	*r = (struct rederive){.config = *config,
			       .book_out = {.put = on_book},
			       .match_out = {.put = on_match}};
	e = book_new(&r->book, config->depth);
	if (!e)
		e = match_new(&r->match, &config->rule, config->depth);
	for (unsigned i = 0; i < REDERIVE_LOGS; i++) {
		r->ended[i] = !config->given[i];
		if (!e && config->given[i])
			e = branch_open(&r->given[i], config->given[i],
					UINT64_MAX, config->counts_only);
	}
	return e;
}

void rederive_free(struct rederive *r)
{
	book_free(&r->book);
	match_free(&r->match);
	decided_free(&r->decided);
	for (unsigned i = 0; i < REDERIVE_LOGS; i++)
		branch_free(&r->given[i]);
	buf_free(&r->book_out.scratch);
	buf_free(&r->match_out.scratch);
	buf_free(&r->first.derived);
	buf_free(&r->first.given);
}

/* An entry that doesn't decode has changed nothing, here as in the services,
 * which keep it in their quarantine. */
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
			r->block = block.number;
		if (!err)
			r->tip = block;
		return err;
	case MSG_MATCH_ROOT_PUBLISHED:
		return check_root(r, e);
	case MSG_TASK_CREATED:
		return check_task(r, e);
	default:
		return ERR_NONE;
	}
}

enum err rederive_entry(struct rederive *r, const struct entry *e)
{
	enum err err;

	r->chain_number = e->number;
	r->block = r->tip.number + 1;
	err = compare(r, REDERIVE_CHAIN, e->type, e->body);
	if (!err)
		err = look_at(r, e);
	if (!err)
		err = book_receive(r->book, &r->book_out, e->type, e->body);
	if (err != ERR_MALFORMED)
		return err;
	r->passed_over++;
	return ERR_NONE;
}

/* Entries of @log that are left. */
static enum err end_log(struct rederive *r, enum rederive_log log)
{
	static const struct bytes nothing;
	struct entry given;

	if (r->ended[log])
		return ERR_NONE;
	while (branch_next(&r->given[log], &given)) {
		r->counts[log].beyond++;
		if (r->config.closed)
			return differ(r, FINDING_EXTRA, log, &given, 0,
				      nothing);
	}
	return ERR_NONE;
}

enum err rederive_end(struct rederive *r)
{
	enum err e = ERR_NONE;

	for (unsigned i = 0; !e && i < REDERIVE_LOGS; i++)
		e = end_log(r, i);
	return e;
}
