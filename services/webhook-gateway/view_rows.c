/* The book's rows: their keys and the orders they stand in. */
#include "common/u256.h"
#include "services/webhook-gateway/view_impl.h"

/* ---- markets and generators --------------------------------------------- */

static int market_by_id(const void *a, const void *b)
{
	const struct view_market *x = a, *y = b;

	return compare_u64(x->set.market_id, y->set.market_id);
}

static int generator_by_address(const void *a, const void *b)
{
	const struct view_generator *x = a, *y = b;

	return compare_address(&x->set.generator, &y->set.generator);
}

/* ---- quotes ------------------------------------------------------------- */

static int quote_by_generator(const void *a, const void *b)
{
	const struct msg_quote_set *x = &((const struct view_quote *)a)->set;
	const struct msg_quote_set *y = &((const struct view_quote *)b)->set;
	int c = compare_address(&x->generator, &y->generator);

	return c ? c : compare_u64(x->market_id, y->market_id);
}

static int quote_by_price(const void *a, const void *b)
{
	const struct msg_quote_set *x = &((const struct view_quote *)a)->set;
	const struct msg_quote_set *y = &((const struct view_quote *)b)->set;
	int c = compare_u64(x->market_id, y->market_id);

	if (!c)
		c = u256_cmp(&x->price.v, &y->price.v);
	if (!c)
		c = compare_u64(x->response_time, y->response_time);
	return c ? c : compare_address(&x->generator, &y->generator);
}

/* ---- requests ----------------------------------------------------------- */

static bool is_open(const void *row)
{
	return ((const struct view_request *)row)->state == VIEW_OPEN;
}

static bool is_task(const void *row)
{
	const struct view_request *r = row;

	return r->state >= VIEW_ASSIGNED && r->state <= VIEW_SLASHED;
}

static bool has_ended(const void *row)
{
	return ((const struct view_request *)row)->state > VIEW_ASSIGNED;
}

static int request_by_id(const void *a, const void *b)
{
	const struct view_request *x = a, *y = b;

	return compare_u64(x->record.request_id, y->record.request_id);
}

static int request_by_requester(const void *a, const void *b)
{
	const struct view_request *x = a, *y = b;
	int c = compare_address(&x->record.requester, &y->record.requester);

	return c ? c : request_by_id(a, b);
}

static int request_by_market(const void *a, const void *b)
{
	const struct view_request *x = a, *y = b;
	int c = compare_u64(x->record.market_id, y->record.market_id);

	return c ? c : request_by_id(a, b);
}

static int request_by_state(const void *a, const void *b)
{
	const struct view_request *x = a, *y = b;
	int c = compare_u64(x->state, y->state);

	return c ? c : request_by_id(a, b);
}

static int request_by_generator(const void *a, const void *b)
{
	const struct view_request *x = a, *y = b;
	int c = compare_address(&x->record.generator, &y->record.generator);

	return c ? c : request_by_id(a, b);
}

static int request_by_end(const void *a, const void *b)
{
	const struct view_request *x = a, *y = b;

	return compare_u64(x->ended_seq, y->ended_seq);
}

static bool runs(const void *row)
{
	return ((const struct view_request *)row)->state == VIEW_ASSIGNED;
}

static int request_by_deadline(const void *a, const void *b)
{
	const struct view_request *x = a, *y = b;
	int c = compare_address(&x->record.generator, &y->record.generator);

	if (!c)
		c = compare_u64(x->record.deadline.v, y->record.deadline.v);
	return c ? c : request_by_id(a, b);
}

/* ---- samples ------------------------------------------------------------ */

static int sample_by_market(const void *a, const void *b)
{
	const struct view_sample *x = a, *y = b;
	int c = compare_u64(x->market_id, y->market_id);

	return c ? c : compare_u64(x->ended_seq, y->ended_seq);
}

const struct view_shelf_kind view_book_kinds[TOTALS + 1] = {
	[MARKETS] = {sizeof(struct view_market), 1, {{market_by_id, NULL, 0}}},
	[GENERATORS] = {sizeof(struct view_generator),
			1,
			{{generator_by_address, NULL, false}}},
	[QUOTES] = {sizeof(struct view_quote),
		    2,
		    {[QUOTES_BY_GENERATOR] = {quote_by_generator, NULL, false},
		     [QUOTES_BY_PRICE] = {quote_by_price, NULL, true}}},
	[REQUESTS] = {sizeof(struct view_request),
		      9,
		      {[REQUESTS_BY_ID] = {request_by_id, NULL, false},
		       [REQUESTS_BY_REQUESTER] = {request_by_requester, NULL,
						  false},
		       [REQUESTS_BY_MARKET] = {request_by_market, NULL, false},
		       [REQUESTS_BY_STATE] = {request_by_state, NULL, true},
		       [REQUESTS_OPEN] = {request_by_market, is_open, true},
		       [REQUESTS_TASKS] = {request_by_id, is_task, true},
		       [REQUESTS_BY_GENERATOR] = {request_by_generator, is_task,
						  true},
		       [REQUESTS_BY_END] = {request_by_end, has_ended, true},
		       [REQUESTS_DUE] = {request_by_deadline, runs, true}}},
	[SAMPLES] = {sizeof(struct view_sample),
		     1,
		     {[SAMPLES_BY_MARKET] = {sample_by_market, NULL, false}}},
	[TOTALS] = {sizeof(struct view_totals), 0, {{NULL, NULL, false}}},
};
