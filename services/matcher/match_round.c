/* What a round has to look at, in order of arrival. */
#include "services/matcher/match_index_impl.h"

static struct candidate *candidate(const struct pool *heap, uint32_t i)
{
	return pool_item(heap, i, sizeof(struct candidate));
}

static enum err heap_push(struct pool *heap, const struct candidate *c)
{
	uint32_t i = heap->count;

	if (!pool_grow(heap))
		return ERR_NO_MEMORY;
	for (; i && candidate(heap, (i - 1) / 2)->order > c->order;
	     i = (i - 1) / 2)
		*candidate(heap, i) = *candidate(heap, (i - 1) / 2);
	*candidate(heap, i) = *c;
	return ERR_NONE;
}

static struct candidate heap_pop(struct pool *heap)
{
	struct candidate first = *candidate(heap, 0);
	struct candidate last = *candidate(heap, --heap->count);
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < heap->count) {
		if (child + 1 < heap->count &&
		    candidate(heap, child + 1)->order <
			    candidate(heap, child)->order)
			child++;
		if (candidate(heap, child)->order >= last.order)
			break;
		*candidate(heap, i) = *candidate(heap, child);
		i = child;
	}
	if (heap->count)
		*candidate(heap, i) = last;
	return first;
}

/* The earliest request that @quote fits and that wasn't looked at. */
static enum err seek(struct match *m, row_id quote, uint64_t now)
{
	struct match_index *x = m->index;
	const struct quote *q = quote_at(m, quote);
	struct candidate c = {.quote = quote};

	if (!match_is_open_market(market_at(m, q->market)))
		return ERR_NONE;
	c.request = waiting_earliest(x->waiting, q->market, q->price,
				     q->response_time, now);
	if (!c.request)
		return ERR_NONE;
	c.order = request_at(m, c.request)->order;
	return heap_push(&x->heap, &c);
}

/* Most rounds have new requests only: they are in order. */
static bool in_order(const struct match *m)
{
	const struct pool *news = &m->index->news;
	uint64_t before = 0;

	for (uint32_t i = 0; i < news->count; i++) {
		uint64_t order;

		if (!has_mark(&m->index->requests, item(news, i), NEWS))
			return false;
		order = request_at(m, item(news, i))->order;
		if (order <= before)
			return false;
		before = order;
	}
	return true;
}

/* Rows may be there twice, or be another's by now. */
static enum err sort_news(struct match *m)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	for (uint32_t i = 0; i < x->news.count && !e; i++) {
		row_id row = item(&x->news, i);

		if (!has_mark(&x->requests, row, NEWS))
			continue;
		set_mark(&x->requests, row, NEWS, false);
		e = heap_push(
			&x->heap,
			&(struct candidate){request_at(m, row)->order, row, 0});
	}
	x->news.count = 0;
	return e;
}

enum err match_index_round(struct match *m, uint64_t now)
{
	struct match_index *x = m->index;
	enum err e = in_order(m) ? ERR_NONE : sort_news(m);

	x->next_news = 0;
	for (uint32_t i = 0; i < x->fresh.count && !e; i++) {
		row_id row = item(&x->fresh, i);

		if (!has_mark(&x->quotes, row, FRESH))
			continue;
		set_mark(&x->quotes, row, FRESH, false);
		if (has_mark(&x->quotes, row, OPEN))
			e = seek(m, row, now);
	}
	x->fresh.count = 0;
	return e;
}

/* The least of what is left: from the news, as far as they are in order, or
 * from the heap. */
static bool next_candidate(struct match *m, struct candidate *out)
{
	struct match_index *x = m->index;

	if (x->next_news < x->news.count) {
		row_id row = item(&x->news, x->next_news);

		if (!x->heap.count || candidate(&x->heap, 0)->order >=
					      request_at(m, row)->order) {
			x->next_news++;
			*out = (struct candidate){.request = row};
			return true;
		}
	}
	if (!x->heap.count)
		return false;
	*out = heap_pop(&x->heap);
	return true;
}

/* Nobody needs to find it any more in this round. Who can't be found needs no
 * mark. */
static enum err give(struct match_index *x, row_id request)
{
	if (!waiting_holds(x->waiting, request))
		return ERR_NONE;
	set_mark(&x->requests, request, GIVEN, true);
	waiting_remove(x->waiting, request);
	return push(&x->given, request);
}

enum err match_index_pop(struct match *m, uint64_t now, row_id *request)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	struct candidate c;

	*request = 0;
	while (!*request && !e && next_candidate(m, &c)) {
		bool given = has_mark(&x->requests, c.request, GIVEN);

		if (c.quote && !has_mark(&x->quotes, c.quote, OPEN))
			continue;
		if (!given) {
			*request = c.request;
			e = give(x, c.request);
			/* The quote comes again at once, if it is open then. */
			if (!e && c.quote)
				e = heap_push(&x->heap, &c);
		} else if (c.quote) {
			e = seek(m, c.quote, now);
		}
	}
	return e;
}

enum err match_index_wait(struct match *m, row_id request)
{
	return push(&m->index->aside, request);
}

enum err match_index_round_over(struct match *m)
{
	struct match_index *x = m->index;
	enum err e = ERR_NONE;

	for (uint32_t i = 0; i < x->aside.count && !e; i++) {
		row_id row = item(&x->aside, i);
		const struct request *r = request_at(m, row);

		if (!r->suspended)
			e = waiting_add(x->waiting, r->market, row);
	}
	x->aside.count = 0;
	clear(&x->news, &x->requests, NEWS);
	clear(&x->given, &x->requests, GIVEN);
	return e;
}
