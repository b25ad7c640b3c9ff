/* The book's life, what it says in general, and its blocks. */
#include "services/orderbook/book.h"

#include <stdlib.h>
#include <string.h>

#include "services/orderbook/book_impl.h"

bool book_is_mark(uint16_t number)
{
	return number == MSG_BLOCK_MARK || number == MSG_ROLLBACK;
}

/* ---- life --------------------------------------------------------------- */

enum err book_new(struct book **out, unsigned depth)
{
	struct book *b = calloc(1, sizeof *b);
	enum err e;

	if (!b)
		return ERR_NO_MEMORY;
	e = state_new(&b->state, book_tables, TABLES_END, depth);
	if (e)
		book_free(&b);
	*out = b;
	return e;
}

void book_free(struct book **book)
{
	if (!*book)
		return;
	state_free(&(*book)->state);
	free(*book);
	*book = NULL;
}

struct book_sizes book_sizes(const struct book *b)
{
	struct book_sizes s = {
		.markets = state_count(b->state, MARKETS),
		.generators = state_count(b->state, GENERATORS),
		.quotes = state_count(b->state, QUOTES),
		.open = state_count(b->state, REQUESTS),
	};

	if (!globals(b))
		return s;
	s.assigned = globals(b)->assigned;
	s.open -= s.assigned;
	s.suspended = globals(b)->suspended;
	s.block = globals(b)->block;
	return s;
}

/* ---- saying ------------------------------------------------------------- */

/* Every delta counts towards its block. */
enum err book_count(struct book *b, enum err e)
{
	struct globals *g;

	if (e)
		return e;
	g = globals_edit(b);
	if (!g)
		return ERR_NO_MEMORY;
	g->entries++;
	return ERR_NONE;
}

enum err book_say_generator(struct book *b, struct sink *out, row_id row)
{
	return book_count(
		b, book_send_generator_set(out, &generator_at(b, row)->set));
}

enum err book_say_quote(struct book *b, struct sink *out, row_id row)
{
	return book_count(b, book_send_quote_set(out, &quote_at(b, row)->set));
}

static enum err suspend(struct book *b, struct sink *out, struct place at,
			const struct msg_suspended *what, const char *reason)
{
	struct msg_suspended m = *what;
	struct globals *g = globals_edit(b);

	if (!g)
		return ERR_NO_MEMORY;
	g->suspended++;
	m.at = at;
	m.reason = (struct bytes){(const uint8_t *)reason, strlen(reason)};
	return book_count(b, book_send_suspended(out, &m));
}

enum err book_suspend_request(struct book *b, struct sink *out, struct place at,
			      uint64_t id, const char *reason)
{
	struct msg_suspended m = {.request_id = id};

	return suspend(b, out, at, &m, reason);
}

enum err book_suspend_generator(struct book *b, struct sink *out,
				struct place at, const struct address *who,
				const char *reason)
{
	struct msg_suspended m = {.generator = *who};

	return suspend(b, out, at, &m, reason);
}

enum err book_suspend_market(struct book *b, struct sink *out, struct place at,
			     uint64_t id, const char *reason)
{
	struct msg_suspended m = {.market_id = id};

	return suspend(b, out, at, &m, reason);
}

/* ---- blocks ------------------------------------------------------------- */

enum err book_on_chain_opened(struct book *b, struct sink *out,
			      const struct msg_chain_opened *m)
{
	struct msg_book_opened opened = {.chain_id = m->chain_id,
					 .marketplace = m->marketplace};

	(void)b;
	return book_send_book_opened(out, &opened);
}

enum err book_on_block_mark(struct book *b, struct sink *out,
			    const struct msg_block_mark *m)
{
	struct globals *g = globals_edit(b);
	struct msg_block_closed closed = {.block = m->block};
	enum err e;

	if (!g)
		return ERR_NO_MEMORY;
	closed.entries = g->entries;
	g->entries = 0;
	g->block = m->block;
	e = state_close(b->state, m->block.number);
	return e ? e : book_send_block_closed(out, &closed);
}

enum err book_on_rollback(struct book *b, struct sink *out,
			  const struct msg_rollback *m)
{
	struct msg_book_rolled_back back = {.to = m->to};
	enum err e = state_roll_back(b->state, m->to.number);

	/* Undone to before the first block: the row of globals went, too. */
	if (!e && !state_count(b->state, GLOBALS))
		b->globals = 0;
	return e ? e : book_send_book_rolled_back(out, &back);
}
