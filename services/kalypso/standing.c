/* One row each; a record of the log replaces what it is about. */
#include "services/kalypso/standing.h"

#include "services/kalypso/out.h"

/* ---- rows --------------------------------------------------------------- */

static struct standing_market *find_market(struct standing *s, uint64_t id)
{
	struct standing_market *row;

	HASH_FIND(hh, s->markets, &id, sizeof id, row);
	return row;
}

static struct standing_generator *find_generator(struct standing *s,
						 const struct address *who)
{
	struct standing_generator *row;

	HASH_FIND(hh, s->generators, who->bytes, sizeof who->bytes, row);
	return row;
}

static struct standing_quote *find_quote(struct standing *s,
					 const struct address *generator,
					 uint64_t market_id)
{
	struct standing_key key = {.market_id = market_id,
				   .generator = *generator};
	struct standing_quote *row;

	HASH_FIND(hh, s->quotes, &key, sizeof key, row);
	return row;
}

static struct standing_request *find_request(struct standing *s, uint64_t id)
{
	struct standing_request *row;

	HASH_FIND(hh, s->requests, &id, sizeof id, row);
	return row;
}

/* ---- what a record does ------------------------------------------------- */

static void set_market(struct standing *s, const struct msg_market_set *m)
{
	struct standing_market *row = find_market(s, m->market_id);

	if (row) {
		row->set = *m;
		return;
	}
	row = cli_alloc(sizeof *row);
	row->set = *m;
	HASH_ADD(hh, s->markets, set.market_id, sizeof row->set.market_id, row);
}

static void set_generator(struct standing *s, const struct msg_generator_set *m)
{
	struct standing_generator *row = find_generator(s, &m->generator);

	if (row) {
		row->set = *m;
		return;
	}
	row = cli_alloc(sizeof *row);
	row->set = *m;
	HASH_ADD(hh, s->generators, set.generator, sizeof row->set.generator,
		 row);
}

static void remove_generator(struct standing *s, const struct address *who)
{
	struct standing_generator *row = find_generator(s, who);

	if (!row)
		return;
	HASH_DELETE(hh, s->generators, row);
	free(row);
}

static void set_quote(struct standing *s, const struct msg_quote_set *m)
{
	struct standing_quote *row = find_quote(s, &m->generator, m->market_id);

	if (row) {
		row->set = *m;
		return;
	}
	row = cli_alloc(sizeof *row);
	row->key.market_id = m->market_id;
	row->key.generator = m->generator;
	row->set = *m;
	HASH_ADD(hh, s->quotes, key, sizeof row->key, row);
}

static void remove_quote(struct standing *s, const struct msg_quote_removed *m)
{
	struct standing_quote *row = find_quote(s, &m->generator, m->market_id);

	if (!row)
		return;
	HASH_DELETE(hh, s->quotes, row);
	free(row);
}

static void open_request(struct standing *s, const struct msg_request_opened *m)
{
	struct standing_request *row = find_request(s, m->request_id);

	if (row)
		return;
	row = cli_alloc(sizeof *row);
	row->opened = *m;
	HASH_ADD(hh, s->requests, opened.request_id,
		 sizeof row->opened.request_id, row);
}

static void remove_request(struct standing *s, uint64_t id)
{
	struct standing_request *row = find_request(s, id);

	if (!row)
		return;
	HASH_DELETE(hh, s->requests, row);
	free(row);
}

/* Records of tasks carry the totals after them. */
static void set_totals(struct standing *s, const struct address *who,
		       uint64_t market_id, uint64_t used_compute,
		       const struct amount *locked, uint32_t tasks)
{
	struct standing_generator *g = find_generator(s, who);
	struct standing_quote *q = find_quote(s, who, market_id);

	if (g) {
		g->set.used_compute = used_compute;
		g->set.locked = *locked;
	}
	if (q)
		q->set.tasks = tasks;
}

static void start_task(struct standing *s, const struct msg_task_started *m)
{
	struct standing_request *row = find_request(s, m->request_id);

	set_totals(s, &m->generator, m->market_id, m->used_compute, &m->locked,
		   m->tasks);
	if (!row)
		return;
	row->is_task = true;
	row->task = *m;
}

static void end_task(struct standing *s, const struct msg_task_ended *m)
{
	struct standing_generator *g = find_generator(s, &m->generator);

	set_totals(s, &m->generator, m->market_id, m->used_compute, &m->locked,
		   m->tasks);
	if (g)
		g->set.stake = m->stake;
	remove_request(s, m->request_id);
}

static void refuse(struct standing *s, const struct msg_assignment_refused *m)
{
	struct standing_request *row = find_request(s, m->request_id);

	if (row && row->was_matched &&
	    address_eq(&row->match.generator, &m->generator))
		row->refused = true;
}

static void suspend(struct standing *s, const struct msg_suspended *m)
{
	struct standing_request *r = find_request(s, m->request_id);
	struct standing_generator *g = find_generator(s, &m->generator);
	struct standing_market *k = find_market(s, m->market_id);

	if (r)
		r->suspended = true;
	else if (g)
		g->suspended = true;
	else if (k)
		k->suspended = true;
}

/* ---- logs --------------------------------------------------------------- */

/* Decode @e as one message and do @act with it. */
#define CASE(NUMBER, name, act)                                                \
	case NUMBER: {                                                         \
		struct msg_##name m;                                           \
		enum err err = msg_##name##_decode(&m, e->body);               \
                                                                               \
		if (!err)                                                      \
			act;                                                   \
		return err;                                                    \
	}

enum err standing_book(struct standing *s, const struct entry *e)
{
	s->half = e->type != MSG_BLOCK_CLOSED && e->type != MSG_BOOK_OPENED;
	switch (e->type) {
		CASE(MSG_BOOK_OPENED, book_opened, s->opened = m)
		CASE(MSG_BLOCK_CLOSED, block_closed, s->block = m.block)
		CASE(MSG_MARKET_SET, market_set, set_market(s, &m))
		CASE(MSG_GENERATOR_SET, generator_set, set_generator(s, &m))
		CASE(MSG_GENERATOR_REMOVED, generator_removed,
		     remove_generator(s, &m.generator))
		CASE(MSG_QUOTE_SET, quote_set, set_quote(s, &m))
		CASE(MSG_QUOTE_REMOVED, quote_removed, remove_quote(s, &m))
		CASE(MSG_REQUEST_OPENED, request_opened, open_request(s, &m))
		CASE(MSG_REQUEST_CLOSED, request_closed,
		     remove_request(s, m.request_id))
		CASE(MSG_TASK_STARTED, task_started, start_task(s, &m))
		CASE(MSG_TASK_ENDED, task_ended, end_task(s, &m))
		CASE(MSG_ASSIGNMENT_REFUSED, assignment_refused, refuse(s, &m))
		CASE(MSG_SUSPENDED, suspended, suspend(s, &m))
	default:
		return ERR_NONE;
	}
}

static void match(struct standing *s, const struct msg_match_made *m)
{
	struct standing_request *row = find_request(s, m->request_id);

	if (!row)
		return;
	row->was_matched = true;
	row->refused = false;
	row->match = *m;
}

enum err standing_match(struct standing *s, const struct entry *e)
{
	switch (e->type) {
		CASE(MSG_MATCH_MADE, match_made, match(s, &m))
	default:
		return ERR_NONE;
	}
}

/* ---- looking at it ------------------------------------------------------ */

bool standing_in_hand(const struct standing *s,
		      const struct standing_request *r)
{
	return r->was_matched && !r->refused && !r->is_task &&
	       r->match.valid_until.v >= s->block.time.v;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_id(const struct standing_market *a,
		 const struct standing_market *b)
{
	return compare(a->set.market_id, b->set.market_id);
}

static int by_address(const struct standing_generator *a,
		      const struct standing_generator *b)
{
	return memcmp(&a->set.generator, &b->set.generator,
		      sizeof a->set.generator);
}

static int by_market(const struct standing_quote *a,
		     const struct standing_quote *b)
{
	int d = compare(a->key.market_id, b->key.market_id);

	return d ? d
		 : memcmp(&a->key.generator, &b->key.generator,
			  sizeof a->key.generator);
}

static int by_arrival(const struct standing_request *a,
		      const struct standing_request *b)
{
	return place_cmp(a->opened.arrived, b->opened.arrived);
}

void standing_sort(struct standing *s)
{
	HASH_SORT(s->markets, by_id);
	HASH_SORT(s->generators, by_address);
	HASH_SORT(s->quotes, by_market);
	HASH_SORT(s->requests, by_arrival);
}

#define FREE_ALL(type, head)                                                   \
	do {                                                                   \
		struct type *row, *next;                                       \
                                                                               \
		HASH_ITER (hh, head, row, next) {                              \
			HASH_DELETE(hh, head, row);                            \
			free(row);                                             \
		}                                                              \
	} while (0)

void standing_free(struct standing *s)
{
	FREE_ALL(standing_market, s->markets);
	FREE_ALL(standing_generator, s->generators);
	FREE_ALL(standing_quote, s->quotes);
	FREE_ALL(standing_request, s->requests);
}
