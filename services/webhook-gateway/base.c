/* Snapshots of those who wrote the logs, for who can't read them whole. */
#include "services/webhook-gateway/base.h"

#include <inttypes.h>

#include "common/log.h"
#include "common/trace.h"
#include "services/chain-indexer/index.h"

/* The first numbers there are; *whole: all logs that the view needs begin at
 * 1. */
static enum err find_firsts(struct base *b, struct store *store, bool *whole)
{
	*whole = true;
	for (int log = 0; log < LOGS_COUNT; log++) {
		enum err e = store_first(store, logs_name(log), &b->next[log]);

		if (e)
			return e;
		if (!b->next[log])
			b->next[log] = 1; /* it is empty */
		if (log <= LOGS_MATCH && b->next[log] > 1)
			*whole = false;
	}
	return ERR_NONE;
}

static enum err load_book(struct base *b, const struct snapshot *s,
			  unsigned depth)
{
	enum err e = book_new(&b->book, depth);

	if (!e)
		e = book_load(b->book, trace_take_origin(buf_bytes(&s->state)));
	b->number = s->output;
	return e;
}

static enum err load_opened(struct base *b, const struct snapshot *s,
			    unsigned depth)
{
	struct index_config config = {.depth = depth};
	struct index *index;
	enum err e = index_new(&index, &config);

	if (!e)
		e = index_load(index, buf_bytes(&s->state));
	if (!e)
		b->opened = *index_opened(index);
	index_free(&index);
	return e;
}

/* The logs have to go on where the snapshots lead. */
static enum err begin_at(struct base *b, const struct snapshot *book)
{
	if (b->next[LOGS_CHAIN] > book->input + 1 ||
	    b->next[LOGS_BOOK] > book->output + 1)
		return ERR_NOT_FOUND;
	b->next[LOGS_CHAIN] = book->input + 1;
	b->next[LOGS_BOOK] = book->output + 1;
	return ERR_NONE;
}

enum err base_find(struct base *b, struct store *store, uint64_t epoch,
		   unsigned depth)
{
	struct snapshot book = {.input = 0}, chain = {.input = 0};
	bool whole;
	enum err e;

	*b = (struct base){.book = NULL};
	e = find_firsts(b, store, &whole);
	if (e || whole)
		return e;
	e = store_snapshot_read(store, "orderbook", epoch, &book);
	if (!e)
		e = store_snapshot_read(store, "chain-indexer", epoch, &chain);
	if (!e)
		e = begin_at(b, &book);
	if (!e)
		e = load_book(b, &book, depth);
	if (!e)
		e = load_opened(b, &chain, depth);
	buf_free(&book.state);
	buf_free(&chain.state);
	if (!e || e == ERR_UNREACHABLE || e == ERR_NO_MEMORY)
		return e;
	log_warn("base.missing",
		 "err=%s text=\"the logs don't begin at 1, and no snapshot of "
		 "orderbook and chain-indexer leads to where they begin: "
		 "waiting for one\"",
		 err_name(e));
	return ERR_UNREACHABLE;
}

void base_free(struct base *b)
{
	book_free(&b->book);
}

/* ---- telling ------------------------------------------------------------ */

struct telling {
	struct sink sink; /* first */
	struct view *view;
	uint64_t number;
};

static enum err put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct telling *t = (struct telling *)sink;

	return view_base_take(t->view, t->number, number, body);
}

enum err base_tell(const struct base *b, struct view *view, unsigned depth)
{
	struct telling t = {.sink = {.put = put}, .number = b->number};
	struct block_ref block;
	struct buf opened = {0};
	enum err e;

	if (!b->book)
		return ERR_NONE;
	block = book_sizes(b->book).block;
	t.view = view;
	wire_encode(&msg_chain_opened_wire, &b->opened, &opened);
	e = buf_err(&opened);
	if (!e)
		e = view_base_take(view, 0, MSG_CHAIN_OPENED,
				   buf_bytes(&opened));
	if (!e)
		e = book_tell(b->book, &t.sink);
	if (!e)
		e = view_base_end(view, depth, &block);
	buf_free(&opened);
	buf_free(&t.sink.scratch);
	log_info("base.told",
		 "book=%" PRIu64 " block=%" PRIu64 " err=%s text=\"the logs "
		 "were trimmed: this gateway begins with orderbook's snapshot "
		 "and doesn't know what ended before; it answers no why\"",
		 b->number, block.number, err_name(e));
	return e;
}
