/* Ranges of blocks: fetched side by side, given one after the other. */
#include "common/chain_impl.h"
#include "common/metric.h"

static struct metric tip_number =
	METRIC(GAUGE, "chain_tip_block", "newest block that was dealt with");

static struct metric tip_time =
	METRIC(GAUGE, "chain_tip_timestamp_seconds",
	       "time of that block, in seconds since 1970");

/* ---- giving blocks ------------------------------------------------------ */

/* How many logs from *at on are of block @n. */
static size_t logs_of(const struct evm_logs *logs, uint64_t n, size_t *at)
{
	size_t first = *at;

	while (*at < logs->count && logs->items[*at].block == n)
		++*at;
	return *at - first;
}

/* Hand over the blocks of @r; false if one doesn't extend the tip. */
static bool give(struct range *r)
{
	struct chain *c = r->chain;
	const struct fetch *f = ballot_fetch(r->ballot);
	size_t at = 0;

	for (uint64_t n = r->from; n <= r->to && !c->ended; n++) {
		const struct evm_header *h = &f->headers[n - r->from];
		const struct evm_log *first = f->logs.items + at;
		size_t count = logs_of(&f->logs, n, &at);
		uint64_t ask;
		enum err e;

		if (fork_offer(c->fork, &h->block, &h->parent, &ask) !=
		    FORK_EXTENDS) {
			c->head = *h; /* find out where it parts */
			c->teller = (int)ballot_node(r->ballot);
			return false;
		}
		e = c->handlers.block(c->handlers.arg, h, first, count);
		if (e) {
			chain_end(c, e);
			return false;
		}
		fork_push(c->fork, &h->block);
		c->proven_lost = false;
		metric_set(&tip_number, (int64_t)n);
		metric_set(&tip_time, (int64_t)h->block.time.v);
	}
	return !c->ended;
}

/* ---- fetching ranges ---------------------------------------------------- */

/* Let go of every range under way. */
static void drop_ranges(struct chain *c)
{
	for (unsigned i = 0; i < CHAIN_UNDER_WAY; i++)
		ballot_drop(c->ranges[i].ballot);
	c->under_way = 0;
}

static void refetch(struct chain *c)
{
	drop_ranges(c);
	chain_retry_later(c);
}

/* The header that we were told of isn't the one that most nodes have. */
static bool is_another(const struct range *r)
{
	const struct evm_header *said = ballot_fetch(r->ballot)->headers;

	return r->known && !hash32_eq(&said->block.hash, &r->header.block.hash);
}

/* Give what @r brought, if anything; false if what comes after it has to be
 * asked for anew. */
static bool finish(struct range *r)
{
	struct chain *c = r->chain;
	uint64_t blocks = r->to - r->from + 1;

	switch (r->verdict) {
	case BALLOT_TOO_MUCH:
		span_refused(&c->span, blocks, ballot_most(r->ballot));
		drop_ranges(c);
		return false;
	case BALLOT_SPLIT:
		chain_show_split(r->from, r->to, ballot_text(r->ballot));
		refetch(c);
		return false;
	case BALLOT_NONE:
		chain_forget_head(c);
		refetch(c);
		return false;
	case BALLOT_TAKEN:
	case BALLOT_ALONE:
		break;
	}
	chain_show_agreement(r->verdict, r->to);
	if (is_another(r)) {
		c->head = *ballot_fetch(r->ballot)->headers;
		c->teller = (int)ballot_node(r->ballot);
		drop_ranges(c);
		return false;
	}
	if (!r->known)
		span_given(&c->span, blocks,
			   ballot_fetch(r->ballot)->logs.count);
	if (!give(r)) {
		drop_ranges(c);
		return false;
	}
	return true;
}

/* The oldest range may be complete: give it, then look further. */
static void finish_oldest(struct chain *c)
{
	while (c->under_way && !c->ended) {
		struct range *r = &c->ranges[c->first];

		if (!r->done)
			return;
		if (!finish(r))
			break;
		c->first = (c->first + 1) % CHAIN_UNDER_WAY;
		c->under_way--;
		c->handlers.caught_up(c->handlers.arg);
	}
	if (!c->ended)
		chain_advance(c);
}

static void on_ballot(void *arg, struct ballot *ballot, enum ballot_verdict v)
{
	struct range *r = arg;

	(void)ballot;
	r->done = true;
	r->verdict = v;
	finish_oldest(r->chain);
}

static void begin_range(struct chain *c, uint64_t from, uint64_t to)
{
	struct range *r =
		&c->ranges[(c->first + c->under_way) % CHAIN_UNDER_WAY];
	struct fetch_question q = {.from = from, .to = to};

	r->done = false;
	r->known = false;
	r->from = from;
	r->to = to;
	c->under_way++;
	ballot_begin(r->ballot, &q, -1);
}

static const struct range *newest_range(const struct chain *c)
{
	return &c->ranges[(c->first + c->under_way - 1) % CHAIN_UNDER_WAY];
}

/* Keep CHAIN_UNDER_WAY ranges on their way to the head. */
void chain_fetch_ranges(struct chain *c)
{
	while (c->under_way < CHAIN_UNDER_WAY && !c->retry && !c->ended) {
		uint64_t from = fork_next(c->fork), to;

		if (c->under_way)
			from = newest_range(c)->to + 1;
		if (!c->has_head || from > c->head.block.number)
			return;
		to = from + c->span.blocks - 1;
		if (to > c->head.block.number)
			to = c->head.block.number;
		begin_range(c, from, to);
	}
}

/* The head is the tip's child: its logs, if it can have any. */
void chain_fetch_head(struct chain *c)
{
	struct range *r = &c->ranges[c->first];
	struct fetch_question q = {.from = c->head.block.number,
				   .to = c->head.block.number,
				   .told = true,
				   .header = c->head};

	r->done = false;
	r->known = true;
	r->from = r->to = q.from;
	r->header = c->head;
	c->under_way = 1;
	ballot_begin(r->ballot, &q, c->teller);
}

/* ---- life --------------------------------------------------------------- */

enum err chain_ranges_new(struct chain *c)
{
	metric_register(&tip_number);
	metric_register(&tip_time);
	span_init(&c->span, c->config.range_max);
	for (unsigned i = 0; i < CHAIN_UNDER_WAY; i++) {
		struct range *r = &c->ranges[i];

		r->chain = c;
		r->ballot = ballot_new(&c->ballots, on_ballot, r);
		if (!r->ballot)
			return ERR_NO_MEMORY;
	}
	return ERR_NONE;
}

void chain_ranges_free(struct chain *c)
{
	for (unsigned i = 0; i < CHAIN_UNDER_WAY; i++)
		ballot_free(&c->ranges[i].ballot);
}
