/* history -> book -> match, and each of what they say into a file. */
#include "tests/property/market.h"

#include <assert.h>

#include "services/orderbook/book.h"
#include "tests/property/history.h"

static const char *const names[] = {"chain", "book", "match"};

struct line {
	struct sink sinks[3]; /* chain, book, match: where they say it */
	struct market *market;
	struct history *history;
	struct book *book;
	struct match *match;
	uint64_t said[3];
};

static void keep(struct line *l, unsigned i, uint16_t number, struct bytes body)
{
	enum err e = logfile_put(l->market->writers[i], 0, ++l->said[i], number,
				 body);

	assert(!e);
}

static enum err on_match(struct sink *sink, uint16_t number, struct bytes body)
{
	struct line *l = (struct line *)(sink - 2);
	struct msg_match_made m;
	enum err e = ERR_NONE;

	keep(l, 2, number, body);
	if (number != MSG_MATCH_MADE)
		return e;
	e = msg_match_made_decode(&m, body);
	history_match(l->history, &m);
	l->market->matches++;
	return e;
}

static enum err on_book(struct sink *sink, uint16_t number, struct bytes body)
{
	struct line *l = (struct line *)(sink - 1);

	keep(l, 1, number, body);
	return match_receive(l->match, &l->sinks[2], number, body);
}

static enum err on_chain(struct sink *sink, uint16_t number, struct bytes body)
{
	struct line *l = (struct line *)sink;

	keep(l, 0, number, body);
	return book_receive(l->book, &l->sinks[1], number, body);
}

static void close_files(struct market *m)
{
	struct logfile_flaw flaw;
	enum err e = ERR_NONE;

	for (unsigned i = 0; i < 3; i++) {
		e = logfile_finish(m->writers[i]);
		assert(!e);
		e = logfile_reopen(&m->logs[i], m->writers[i], &flaw);
		assert(!e);
	}
}

void market_live(struct market *m, uint64_t seed, uint64_t events)
{
	struct line l = {.sinks = {{.put = on_chain},
				   {.put = on_book},
				   {.put = on_match}},
			 .market = m};
	const struct logfile_origin origin = {.chain_id = 1};
	enum err e = ERR_NONE;

	*m = (struct market){.matches = 0};
	for (unsigned i = 0; i < 3 && !e; i++)
		e = logfile_create(&m->writers[i], NULL, &origin, &names[i], 1);
	if (!e)
		e = book_new(&l.book, MARKET_DEPTH);
	if (!e)
		e = match_new(&l.match, &MARKET_RULE, MARKET_DEPTH);
	assert(!e);
	l.history = history_new(&(struct history_source){.seed = seed},
				&l.sinks[0]);
	while (l.said[0] < events)
		history_step(l.history);
	m->rollbacks = history_rollbacks(l.history);
	close_files(m);
	history_free(l.history);
	book_free(&l.book);
	match_free(&l.match);
	for (unsigned i = 0; i < 3; i++)
		buf_free(&l.sinks[i].scratch);
}

void market_end(struct market *m)
{
	for (unsigned i = 0; i < 3; i++) {
		logfile_close(&m->logs[i]);
		logfile_writer_free(&m->writers[i]);
	}
}

const struct logfile_log *market_log(const struct market *m, unsigned i)
{
	return &m->logs[i].logs[0];
}
