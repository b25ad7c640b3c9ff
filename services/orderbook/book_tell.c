/* The book, told to somebody who begins in the middle of its log. */
#include "services/orderbook/book_impl.h"

#define EACH_ROW(row, b, T)                                                    \
	for (row_id row = state_next((b)->state, T, 0); row;                   \
	     row = state_next((b)->state, T, row))

static enum err tell_supply(const struct book *b, struct sink *out)
{
	enum err e = ERR_NONE;

	EACH_ROW(row, b, MARKETS)
	{
		e = book_send_market_set(out, &market_at(b, row)->set);
		if (e)
			return e;
	}
	EACH_ROW(row, b, GENERATORS)
	{
		e = book_send_generator_set(out, &generator_at(b, row)->set);
		if (e)
			return e;
	}
	EACH_ROW(row, b, QUOTES)
	{
		e = book_send_quote_set(out, &quote_at(b, row)->set);
		if (e)
			return e;
	}
	return e;
}

static enum err tell_task(const struct book *b, struct sink *out,
			  const struct request *r)
{
	const struct msg_request_record *is = &r->record;
	row_id owner = book_find_generator(b, &is->generator);
	row_id quote = book_find_quote(b, &is->generator, is->market_id);
	struct msg_task_started m = {.request_id = is->request_id,
				     .market_id = is->market_id,
				     .generator = is->generator,
				     .price = is->price,
				     .deadline = is->deadline,
				     .compute = r->compute,
				     .at = is->assigned_at,
				     .time = is->assigned_time,
				     .tx = is->assigned_tx};

	if (owner) {
		m.used_compute = generator_at(b, owner)->set.used_compute;
		m.locked = generator_at(b, owner)->set.locked;
	}
	if (quote)
		m.tasks = quote_at(b, quote)->set.tasks;
	return book_send_task_started(out, &m);
}

enum err book_tell(const struct book *b, struct sink *out)
{
	enum err e = tell_supply(b, out);

	if (e)
		return e;
	EACH_ROW(row, b, REQUESTS)
	{
		const struct request *r = request_at(b, row);
		struct msg_request_opened opened = book_opened_of(&r->record);

		e = book_send_request_opened(out, &opened);
		if (!e && r->assigned)
			e = tell_task(b, out, r);
		if (e)
			return e;
	}
	return ERR_NONE;
}
