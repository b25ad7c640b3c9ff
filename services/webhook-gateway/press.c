/* Snapshots from the view, counted by who still reads them. */
#include "services/webhook-gateway/press.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/crc32c.h"
#include "services/webhook-gateway/pack.h"
#include "services/webhook-gateway/rows.h"

enum { CHECKSUMS_KEPT = 16, PAGE = 256 };

struct press {
	const struct view *view;
	const struct tail *tail;
	struct print *prints;
	size_t bytes;
	struct {
		uint64_t market_id, seq;
		uint32_t sum;
	} checksums[CHECKSUMS_KEPT];
	unsigned checksums_at;
};

enum err press_new(struct press **out, const struct view *view,
		   const struct tail *tail)
{
	struct press *p = calloc(1, sizeof *p);

	*out = p;
	if (!p)
		return ERR_NO_MEMORY;
	p->view = view;
	p->tail = tail;
	return ERR_NONE;
}

static void drop(struct press *p, struct print **at)
{
	struct print *print = *at;

	*at = print->next;
	p->bytes -= print->text.size;
	buf_free(&print->text);
	free(print);
}

void press_free(struct press **press)
{
	struct press *p = *press;

	if (!p)
		return;
	while (p->prints)
		drop(p, &p->prints);
	free(p);
	*press = NULL;
}

/* ---- rows --------------------------------------------------------------- */

static void show_book(struct doc *d, const struct view *v, uint64_t market_id)
{
	const struct view_request *r = NULL;
	const struct view_quote *q = NULL;

	doc_array(d, "quotes");
	while ((q = view_market_quote(v, market_id, q)))
		row_quote(d, &q->set);
	doc_end_array(d);
	doc_array(d, "requests");
	while ((r = view_open_request(v, market_id, r)))
		row_order(d, &r->record);
	doc_end_array(d);
}

static void show_markets(struct doc *d, const struct view *v,
			 enum channel channel)
{
	const struct view_market *m;
	uint64_t after = 0;

	for (; (m = view_market_after(v, after)); after = m->set.market_id)
		if (channel == CHANNEL_STATS)
			row_stats(d, m);
		else
			row_market(d, &m->set);
}

static void show_generators(struct doc *d, const struct view *v)
{
	const struct view_generator *g;
	struct address after = {{0}};

	for (; (g = view_generator_after(v, &after)); after = g->set.generator)
		row_generator(d, g);
}

static void show_request(struct doc *d, enum channel channel,
			 const struct view_request *r)
{
	if (channel == CHANNEL_SLASHES)
		row_slash(d, &r->record);
	else if (channel == CHANNEL_TASKS)
		row_task(d, &r->record);
	else
		row_request(d, &r->record, r->state);
}

/* Requests by what they are now, newest first, @max at most. */
static void show_requests(struct doc *d, const struct view *v,
			  const struct filter *f, unsigned states, size_t max)
{
	struct view_filter wanted = {
		.requester = f->of_requester ? &f->requester : NULL,
		.generator = f->of_generator ? &f->generator : NULL,
		.market_id = f->market_id,
		.states = states};
	const struct view_request *page[PAGE];

	do {
		size_t count =
			view_requests(v, &wanted, page, max < PAGE ? max : PAGE,
				      &wanted.before_id);

		for (size_t i = 0; i < count; i++)
			show_request(d, f->channel, page[i]);
		max -= count;
	} while (max && wanted.before_id);
}

static void show_rows(struct doc *d, const struct view *v,
		      const struct filter *f)
{
	const struct view_log *chain = view_log(v, LOGS_CHAIN);

	if (f->channel == CHANNEL_BOOK) {
		show_book(d, v, f->market_id);
		return;
	}
	doc_array(d, channel_name(f->channel));
	switch (f->channel) {
	case CHANNEL_BLOCKS:
		if (chain->seq)
			row_block(d, &chain->block);
		break;
	case CHANNEL_MARKETS:
	case CHANNEL_STATS:
		show_markets(d, v, f->channel);
		break;
	case CHANNEL_GENERATORS:
		show_generators(d, v);
		break;
	case CHANNEL_REQUESTS:
		/* One at a time: each is in an order of its own. */
		show_requests(d, v, f, 1u << VIEW_OPEN, SIZE_MAX);
		show_requests(d, v, f, 1u << VIEW_ASSIGNED, SIZE_MAX);
		break;
	case CHANNEL_TASKS:
		show_requests(d, v, f, 1u << VIEW_ASSIGNED, SIZE_MAX);
		break;
	case CHANNEL_SLASHES:
		show_requests(d, v, f, 1u << VIEW_SLASHED, PRESS_SLASHES);
		break;
	case CHANNEL_BOOK:
	case CHANNELS:
		break;
	}
	doc_end_array(d);
}

static void show(struct press *p, struct buf *out, const struct filter *f)
{
	const struct view_log *log = view_log(p->view, channel_log(f->channel));
	struct doc d = {out, false};

	doc_object(&d, NULL);
	doc_text(&d, "channel", channel_name(f->channel));
	doc_count(&d, "seq", log->seq);
	if (log->seq)
		doc_block(&d, "block", &log->block);
	else
		doc_null(&d, "block");
	doc_object(&d, "rows");
	show_rows(&d, p->view, f);
	doc_end(&d);
	if (f->channel == CHANNEL_BOOK) {
		char sum[16];

		snprintf(sum, sizeof sum, "%08" PRIx32,
			 press_checksum(p, f->market_id));
		doc_text(&d, "checksum", sum);
	}
	doc_end(&d);
}

/* ---- snapshots ---------------------------------------------------------- */

static uint64_t seq_of(const struct press *p, const struct filter *f)
{
	return view_log(p->view, channel_log(f->channel))->seq;
}

/* What nobody reads any more and is of the past. */
static void forget(struct press *p)
{
	for (struct print **at = &p->prints; *at;)
		if (!(*at)->refs && (*at)->seq != seq_of(p, &(*at)->filter))
			drop(p, at);
		else
			at = &(*at)->next;
}

static struct print *find(struct press *p, const struct filter *f,
			  enum form form)
{
	bool is_tight = p->bytes > PRESS_BYTES_MAX / 2;

	for (struct print *x = p->prints; x; x = x->next)
		if (x->form == form && filter_eq(&x->filter, f) &&
		    (x->seq == seq_of(p, f) ||
		     (is_tight &&
		      x->seq + 1 >=
			      tail_oldest(p->tail, channel_log(f->channel)))))
			return x;
	return NULL;
}

static struct print *make(struct press *p, const struct filter *f,
			  enum form form)
{
	struct print *x = calloc(1, sizeof *x);
	struct buf json = {0};

	if (!x)
		return NULL;
	x->filter = *f;
	x->form = form;
	x->seq = seq_of(p, f);
	buf_put_zeros(&x->text, TAIL_HEADROOM);
	if (form == FORM_JSON) {
		show(p, &x->text, f);
	} else {
		show(p, &json, f);
		if (buf_failed(&json))
			buf_fail(&x->text, ERR_NO_MEMORY);
		else
			pack_json(&x->text, buf_bytes(&json));
		buf_free(&json);
	}
	if (buf_failed(&x->text)) {
		buf_free(&x->text);
		free(x);
		return NULL;
	}
	x->members = pack_members(x->text.data[TAIL_HEADROOM]);
	x->next = p->prints;
	p->prints = x;
	p->bytes += x->text.size;
	return x;
}

struct print *press_take(struct press *p, const struct filter *filter,
			 enum form form)
{
	struct print *x;

	forget(p);
	x = find(p, filter, form);
	if (!x && p->bytes < PRESS_BYTES_MAX)
		x = make(p, filter, form);
	if (x)
		x->refs++;
	return x;
}

void press_return(struct press *p, struct print *print)
{
	print->refs--;
	forget(p);
}

/* ---- checksums ---------------------------------------------------------- */

/* One line's values are the row's own texts. */
static void put_quote(struct doc *d, const struct msg_quote_set *q)
{
	doc_address(d, NULL, &q->generator);
	doc_amount(d, NULL, &q->price);
	doc_count(d, NULL, q->response_time);
	doc_id(d, NULL, q->compute);
	doc_count(d, NULL, q->tasks);
	doc_bool(d, NULL, q->draining);
	doc_bool(d, NULL, q->has_key);
}

static void put_order(struct doc *d, const struct msg_request_record *r)
{
	doc_id(d, NULL, r->request_id);
	doc_address(d, NULL, &r->requester);
	doc_amount(d, NULL, &r->max_price);
	doc_count(d, NULL, r->max_response_time);
	doc_time(d, NULL, r->expiry);
}

/* A list of JSON values as a line: quotes go, commas are spaces. */
static uint32_t add_line(uint32_t sum, char kind, struct buf *line)
{
	size_t size = 0;

	if (buf_failed(line))
		return sum;
	for (size_t i = 0; i < line->size; i++)
		if (line->data[i] != '"')
			line->data[size++] =
				line->data[i] == ',' ? ' ' : line->data[i];
	sum = crc32c(sum, (const char[]){kind, ' '}, 2);
	sum = crc32c(sum, line->data, size);
	buf_clear(line);
	return crc32c(sum, "\n", 1);
}

static uint32_t sum_book(const struct view *v, uint64_t market_id)
{
	const struct view_request *r = NULL;
	const struct view_quote *q = NULL;
	struct buf line = {0};
	uint32_t sum = 0;

	while ((q = view_market_quote(v, market_id, q))) {
		put_quote(&(struct doc){&line, false}, &q->set);
		sum = add_line(sum, 'q', &line);
	}
	while ((r = view_open_request(v, market_id, r))) {
		put_order(&(struct doc){&line, false}, &r->record);
		sum = add_line(sum, 'r', &line);
	}
	buf_free(&line);
	return sum;
}

uint32_t press_checksum(struct press *p, uint64_t market_id)
{
	uint64_t seq = view_log(p->view, LOGS_BOOK)->seq;
	unsigned at;

	for (unsigned i = 0; i < CHECKSUMS_KEPT; i++)
		if (p->checksums[i].market_id == market_id &&
		    p->checksums[i].seq == seq)
			return p->checksums[i].sum;
	at = p->checksums_at++ % CHECKSUMS_KEPT;
	p->checksums[at].market_id = market_id;
	p->checksums[at].seq = seq;
	p->checksums[at].sum = sum_book(p->view, market_id);
	return p->checksums[at].sum;
}
