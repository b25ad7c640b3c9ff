/* Markets, generators and their quotes: what is offered. */
#include "common/u256.h"
#include "services/orderbook/book_impl.h"

/* ---- markets ------------------------------------------------------------ */

static enum err say_market(struct book *b, struct sink *out, row_id row)
{
	return book_count(b,
			  book_send_market_set(out, &market_at(b, row)->set));
}

enum err book_on_market_created(struct book *b, struct sink *out,
				const struct msg_market_created *m)
{
	struct market market = {
		.set = {
			.market_id = m->market_id,
			.owner = m->owner,
			.verifier = m->verifier,
			.penalty = m->penalty,
			.protocol = m->protocol,
			.auction_window = m->auction_window,
			.confidential = m->prover_images.count != 0,
			.active_from = m->active_from,
			.created = m->at,
		}};
	row_id row;

	if (book_find_market(b, m->market_id))
		return book_suspend_market(b, out, m->at, m->market_id,
					   "created twice");
	row = state_add(b->state, MARKETS, &market);
	return row ? say_market(b, out, row) : ERR_NO_MEMORY;
}

/* The market, to be changed; NULL with *e set if there is none. */
static struct market *edit_market(struct book *b, struct sink *out,
				  struct place at, uint64_t id, row_id *row,
				  enum err *e)
{
	struct market *m;

	*row = book_find_market(b, id);
	if (!*row) {
		*e = book_suspend_market(b, out, at, id,
					 "changed before created");
		return NULL;
	}
	m = market_edit(b, *row);
	*e = m ? ERR_NONE : ERR_NO_MEMORY;
	return m;
}

enum err book_on_market_owner_set(struct book *b, struct sink *out,
				  const struct msg_market_owner_set *m)
{
	enum err e;
	row_id row;
	struct market *market =
		edit_market(b, out, m->at, m->market_id, &row, &e);

	if (!market)
		return e;
	market->set.owner = m->owner;
	return say_market(b, out, row);
}

enum err book_on_market_closed(struct book *b, struct sink *out,
			       const struct msg_market_closed *m)
{
	enum err e;
	row_id row;
	struct market *market =
		edit_market(b, out, m->at, m->market_id, &row, &e);

	if (!market)
		return e;
	market->set.closed = true;
	return say_market(b, out, row);
}

/* ---- generators --------------------------------------------------------- */

enum err book_on_generator_registered(struct book *b, struct sink *out,
				      const struct msg_generator_registered *m)
{
	struct generator g = {.set = {
				      .generator = m->generator,
				      .reward_address = m->reward_address,
				      .compute = m->compute,
				      .registered = m->at,
			      }};
	row_id row;

	if (book_find_generator(b, &m->generator))
		return book_suspend_generator(b, out, m->at, &m->generator,
					      "registered twice");
	row = state_add(b->state, GENERATORS, &g);
	return row ? book_say_generator(b, out, row) : ERR_NO_MEMORY;
}

static struct generator *edit_generator(struct book *b, struct sink *out,
					struct place at,
					const struct address *who, row_id *row,
					enum err *e)
{
	struct generator *g;

	*row = book_find_generator(b, who);
	if (!*row) {
		*e = book_suspend_generator(b, out, at, who,
					    "changed before registered");
		return NULL;
	}
	g = generator_edit(b, *row);
	*e = g ? ERR_NONE : ERR_NO_MEMORY;
	return g;
}

enum err book_on_generator_deregistered(
	struct book *b, struct sink *out,
	const struct msg_generator_deregistered *m)
{
	enum err e;
	row_id row;
	struct generator *g =
		edit_generator(b, out, m->at, &m->generator, &row, &e);

	if (!g)
		return e;
	g->leaving = true;
	return ERR_NONE;
}

enum err book_on_reward_address_set(struct book *b, struct sink *out,
				    const struct msg_reward_address_set *m)
{
	enum err e;
	row_id row;
	struct generator *g =
		edit_generator(b, out, m->at, &m->generator, &row, &e);

	if (!g)
		return e;
	g->set.reward_address = m->reward_address;
	return book_say_generator(b, out, row);
}

static enum err remove_generator(struct book *b, struct sink *out, row_id row)
{
	struct msg_generator_removed m = {
		.generator = generator_at(b, row)->set.generator};
	enum err e = state_remove(b->state, GENERATORS, row);

	return e ? e : book_count(b, book_send_generator_removed(out, &m));
}

enum err book_on_stake_changed(struct book *b, struct sink *out,
			       const struct msg_stake_changed *m)
{
	enum err e;
	row_id row;
	struct generator *g;

	if (m->pool != 0)
		return ERR_NONE; /* only the registry's own token so far */
	g = edit_generator(b, out, m->at, &m->generator, &row, &e);
	if (!g)
		return e;
	g->set.stake = m->stake;
	g->set.locked = m->locked;
	g->set.unstaking = m->unstaking;
	if (g->leaving && u256_is_zero(&m->stake.v) && !g->quotes)
		return remove_generator(b, out, row);
	return book_say_generator(b, out, row);
}

enum err book_on_compute_changed(struct book *b, struct sink *out,
				 const struct msg_compute_changed *m)
{
	enum err e;
	row_id row;
	struct generator *g =
		edit_generator(b, out, m->at, &m->generator, &row, &e);

	if (!g)
		return e;
	/* At once, also downwards: the contract's grace is for matches that
	 * were made before. */
	g->set.compute = m->compute;
	return book_say_generator(b, out, row);
}

/* ---- quotes ------------------------------------------------------------- */

static enum err link_quote(struct book *b, row_id owner, row_id row)
{
	struct generator *g = generator_edit(b, owner);
	struct quote *q = quote_edit(b, row);
	struct quote *next;

	if (!g || !q)
		return ERR_NO_MEMORY;
	q->next = g->quotes;
	q->prev = 0;
	if (q->next) {
		next = quote_edit(b, q->next);
		if (!next)
			return ERR_NO_MEMORY;
		next->prev = row;
	}
	g->quotes = row;
	return ERR_NONE;
}

static enum err unlink_quote(struct book *b, row_id row)
{
	const struct quote *q = quote_at(b, row);
	struct quote *other;

	if (q->prev) {
		other = quote_edit(b, q->prev);
		if (!other)
			return ERR_NO_MEMORY;
		other->next = q->next;
	} else {
		struct generator *g = generator_edit(
			b, book_find_generator(b, &q->set.generator));

		if (!g)
			return ERR_NO_MEMORY;
		g->quotes = q->next;
	}
	if (q->next) {
		other = quote_edit(b, q->next);
		if (!other)
			return ERR_NO_MEMORY;
		other->prev = q->prev;
	}
	return ERR_NONE;
}

row_id book_add_quote(struct book *b, const struct msg_quote_set *set,
		      row_id owner)
{
	struct quote q = {.set = *set};
	row_id row;

	q.set.has_key = book_find_key(b, &set->generator, set->market_id);
	row = state_add(b->state, QUOTES, &q);
	return row && !link_quote(b, owner, row) ? row : 0;
}

enum err book_remove_quote(struct book *b, struct sink *out, row_id row)
{
	const struct msg_quote_set *set = &quote_at(b, row)->set;
	struct msg_quote_removed m = {.generator = set->generator,
				      .market_id = set->market_id};
	enum err e = unlink_quote(b, row);

	if (!e)
		e = state_remove(b->state, QUOTES, row);
	return e ? e : book_count(b, book_send_quote_removed(out, &m));
}

enum err book_on_chain_quote_set(struct book *b, struct sink *out,
				 const struct msg_chain_quote_set *m)
{
	row_id owner = book_find_generator(b, &m->generator);
	row_id row = book_find_quote(b, &m->generator, m->market_id);
	struct quote *q;

	if (!owner || !book_find_market(b, m->market_id))
		return book_suspend_generator(
			b, out, m->at, &m->generator,
			"quotes, but generator or market are "
			"not known");
	if (!row) {
		struct msg_quote_set set = {.generator = m->generator,
					    .market_id = m->market_id,
					    .joined = m->at};

		row = book_add_quote(b, &set, owner);
	}
	q = row ? quote_edit(b, row) : NULL;
	if (!q)
		return ERR_NO_MEMORY;
	if (q->set.draining) /* joined again */
		q->set.joined = m->at;
	q->set.draining = false;
	q->set.price = m->price;
	q->set.response_time = m->response_time;
	q->set.compute = m->compute_per_request;
	return book_say_quote(b, out, row);
}

enum err book_on_chain_quote_removed(struct book *b, struct sink *out,
				     const struct msg_chain_quote_removed *m)
{
	row_id row = book_find_quote(b, &m->generator, m->market_id);
	struct quote *q;

	if (!row)
		return book_suspend_generator(
			b, out, m->at, &m->generator,
			"leaves a market that it isn't in");
	if (!quote_at(b, row)->set.tasks)
		return book_remove_quote(b, out, row);
	q = quote_edit(b, row);
	if (!q)
		return ERR_NO_MEMORY;
	q->set.draining = true;
	return book_say_quote(b, out, row);
}

/* A key may be there before its owner joins the market, and when he left. */
static enum err keep_key(struct book *b, const struct address *owner,
			 uint64_t market_id, bool has_key)
{
	row_id row = book_find_key(b, owner, market_id);
	struct key key = {*owner, market_id};

	if (has_key && !row)
		return state_add(b->state, KEYS, &key) ? ERR_NONE
						       : ERR_NO_MEMORY;
	return !has_key && row ? state_remove(b->state, KEYS, row) : ERR_NONE;
}

static enum err set_key(struct book *b, struct sink *out,
			const struct address *owner, uint64_t market_id,
			bool has_key)
{
	row_id row = book_find_quote(b, owner, market_id);
	enum err e = keep_key(b, owner, market_id, has_key);
	struct quote *q;

	if (e || !row)
		return e;
	q = quote_edit(b, row);
	if (!q)
		return ERR_NO_MEMORY;
	q->set.has_key = has_key;
	return book_say_quote(b, out, row);
}

enum err book_on_key_registered(struct book *b, struct sink *out,
				const struct msg_key_registered *m)
{
	return set_key(b, out, &m->owner, m->market_id, true);
}

enum err book_on_key_removed(struct book *b, struct sink *out,
			     const struct msg_key_removed *m)
{
	return set_key(b, out, &m->owner, m->market_id, false);
}
