/* orderbook - keeps what is open, quoted, free and locked.
 *
 * Folds the chain log into the book log. Holds no key and talks to nobody but
 * Redis and the bus. Everything it knows is in book.h: read that next. */
#include "common/fold.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/trace.h"
#include "services/orderbook/book.h"

enum { DAY_S = 24 * 60 * 60, HISTORY_DAYS_MAX = 36500 };

struct options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "services/orderbook/config.def"
};

static const struct conf_row rows[] = {
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct options, name),                \
	 fallback, unit,	meaning},
#include "services/orderbook/config.def"
	{0}};

struct orderbook {
	struct options options;
	struct frame *frame;
	unsigned depth; /* blocks that can be undone */
	struct book *book;
	uint64_t block; /* the newest that is closed */
	struct fold *fold;
};

static struct metric open_requests =
	METRIC(GAUGE, "book_open_request", "requests that wait");
static struct metric assigned_requests =
	METRIC(GAUGE, "book_assigned_request", "requests with a task");
static struct metric quotes = METRIC(GAUGE, "book_quote", "standing quotes");
static struct metric suspended =
	METRIC(GAUGE, "book_suspended", "contradictions found so far");

static enum err save(void *arg, struct buf *out)
{
	return book_save(((struct orderbook *)arg)->book, out);
}

static enum err load(void *arg, struct bytes state)
{
	struct orderbook *self = arg;
	enum err e = book_load(self->book, state), again;

	if (!e)
		return ERR_NONE;
	book_free(&self->book); /* half full */
	again = book_new(&self->book, self->depth);
	return again ? again : e;
}

static enum err receive(void *arg, struct sink *out, uint16_t number,
			struct bytes body)
{
	struct orderbook *self = arg;
	uint64_t before = self->block;
	enum err e = book_receive(self->book, out, number, body);

	trace_note(number, body);
	if (!e && book_is_mark(number))
		self->block = book_sizes(self->book).block.number;
	if (number == MSG_ROLLBACK)
		frame_rolled_back(self->frame, before, self->block);
	if (!e && number == MSG_BLOCK_MARK) {
		struct book_sizes s = book_sizes(self->book);

		metric_set(&open_requests, (int64_t)s.open);
		metric_set(&assigned_requests, (int64_t)s.assigned);
		metric_set(&quotes, (int64_t)s.quotes);
		metric_set(&suspended, (int64_t)s.suspended);
	}
	return e;
}

static enum err prepare(void *arg)
{
	const struct orderbook *self = arg;

	if (self->options.history_days >= 1 &&
	    self->options.history_days <= HISTORY_DAYS_MAX)
		return ERR_NONE;
	log_error("config.range", "text=\"--history-days is 1 to 36500\"");
	return ERR_CONFIG;
}

static enum err start(struct frame *frame, void *arg)
{
	struct orderbook *self = arg;
	struct fold_core core = {.self = self,
				 .reads = "chain",
				 .receive = receive,
				 .is_mark = book_is_mark,
				 .save = save,
				 .load = load};
	enum err e;

	metric_register(&open_requests);
	metric_register(&assigned_requests);
	metric_register(&quotes);
	metric_register(&suspended);
	core.keep_s = (uint32_t)self->options.history_days * DAY_S;
	self->frame = frame;
	self->depth = (unsigned)frame->market.depth;
	book_free(&self->book);
	e = book_new(&self->book, self->depth);
	return e ? e : fold_new(&self->fold, frame, &core);
}

static void status(void *arg, struct status *out)
{
	struct orderbook *self = arg;
	struct book_sizes s = book_sizes(self->book);

	status_number(out, "block", s.block.number);
	fold_status(self->fold, out);
	status_number(out, "open", s.open);
	status_number(out, "assigned", s.assigned);
	status_number(out, "quotes", s.quotes);
	status_number(out, "suspended", s.suspended);
}

static void stop(void *arg)
{
	struct orderbook *self = arg;

	fold_snapshot(self->fold);
	fold_free(&self->fold);
	book_free(&self->book);
}

int main(int argc, char **argv)
{
	static struct orderbook self;
	static const struct service orderbook = {
		.name = "orderbook",
		.summary = "Keeps the market's book: what is open, quoted, "
			   "free and locked.",
		.options = rows,
		.options_offset = offsetof(struct orderbook, options),
		.market = true,
		.writes = "book",
		.prepare = prepare,
		.start = start,
		.status = status,
		.stop = stop,
	};

	return service_main(&orderbook, &self, argc, argv);
}
