/* One state machine: at rest, asking a header, confirming, or fetching ranges
 * of blocks. */
#include "common/chain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/ballot.h"
#include "common/chain_news.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/span.h"

enum {
	UNDER_WAY = 3, /* ranges */
	RETRY_MS = 250,
};

static struct metric reorgs =
	METRIC(COUNTER, "chain_rolled_back_total", "re-organisations followed");
static struct metric disagreeing =
	METRIC(GAUGE, "chain_disagreeing",
	       "1 while nodes say different things, with no majority");
static struct metric tip_number =
	METRIC(GAUGE, "chain_tip_block", "newest block that was dealt with");

/* Blocks [from, to] on their way. */
struct range {
	struct chain *chain;
	struct ballot *ballot;
	bool known; /* one block, whose header we were told */
	bool done;  /* the ballot is over */
	enum ballot_verdict verdict;
	uint64_t from, to;
	struct evm_header header; /* if known */
};

struct chain {
	struct chain_config config;
	struct ballot_config ballots;
	struct address contracts[CHAIN_CONTRACTS_MAX];
	struct chain_handlers handlers;
	struct fork *fork;
	struct chain_news *news;
	struct loop_timer *retry;
	bool asking; /* for a header, on the way down to a common ancestor */
	bool confirming, ended;
	bool has_head;
	struct evm_header head; /* where we are going */
	int teller;		/* the node that told of it; -1: not known */
	struct span span;
	struct range ranges[UNDER_WAY];
	unsigned first, under_way; /* ranges[first] is the oldest */
	struct ballot *confirm;
	bool lost; /* what is confirmed: that the branches part too deep */
	struct block_ref final; /* number 0: none is known */
};

static void advance(struct chain *c);

static void end(struct chain *c, enum err e)
{
	c->ended = true;
	c->handlers.failed(c->handlers.arg, e);
}

static void on_retry(void *arg)
{
	struct chain *c = arg;

	c->retry = NULL;
	advance(c);
}

static void retry_later(struct chain *c)
{
	if (!c->retry)
		c->retry =
			loop_timer(c->config.loop, RETRY_MS, true, on_retry, c);
}

/* Go where the next one says that the chain goes. */
static void forget_head(struct chain *c)
{
	c->has_head = false;
	news_ask(c->news);
}

/* ---- nodes that disagree ------------------------------------------------ */

static void show_split(struct chain *c, uint64_t from, uint64_t to,
		       const char *text)
{
	if (!metric_value(&disagreeing))
		log_error("chain.disagree",
			  "from=%" PRIu64 " to=%" PRIu64
			  " text=\"the nodes of --rpc say different things, "
			  "and no majority: waiting (%s)\"",
			  from, to, text);
	metric_set(&disagreeing, 1);
	(void)c;
}

static void show_agreement(enum ballot_verdict v, uint64_t number)
{
	if (v == BALLOT_TAKEN && metric_value(&disagreeing)) {
		log_info("chain.agreed", "block=%" PRIu64, number);
		metric_set(&disagreeing, 0);
	}
}

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
	static const struct evm_logs no_logs;
	struct chain *c = r->chain;
	const struct fetch *f = ballot_fetch(r->ballot);
	const struct evm_header *headers = f ? f->headers : &r->header;
	const struct evm_logs *logs = f ? &f->logs : &no_logs;
	size_t at = 0;

	for (uint64_t n = r->from; n <= r->to && !c->ended; n++) {
		const struct evm_header *h = &headers[n - r->from];
		const struct evm_log *first = logs->items + at;
		size_t count = logs_of(logs, n, &at);
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
			end(c, e);
			return false;
		}
		fork_push(c->fork, &h->block);
		metric_set(&tip_number, (int64_t)n);
	}
	return !c->ended;
}

/* ---- fetching ranges ---------------------------------------------------- */

/* Let go of every range under way. */
static void drop_ranges(struct chain *c)
{
	for (unsigned i = 0; i < UNDER_WAY; i++)
		ballot_drop(c->ranges[i].ballot);
	c->under_way = 0;
}

static void refetch(struct chain *c)
{
	drop_ranges(c);
	retry_later(c);
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
		show_split(c, r->from, r->to, ballot_text(r->ballot));
		refetch(c);
		return false;
	case BALLOT_NONE:
		forget_head(c);
		refetch(c);
		return false;
	case BALLOT_TAKEN:
	case BALLOT_ALONE:
		break;
	}
	show_agreement(r->verdict, r->to);
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
		c->first = (c->first + 1) % UNDER_WAY;
		c->under_way--;
		c->handlers.caught_up(c->handlers.arg);
	}
	if (!c->ended)
		advance(c);
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
	struct range *r = &c->ranges[(c->first + c->under_way) % UNDER_WAY];
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
	return &c->ranges[(c->first + c->under_way - 1) % UNDER_WAY];
}

/* Keep UNDER_WAY ranges on their way to the head. */
static void fetch_ranges(struct chain *c)
{
	while (c->under_way < UNDER_WAY && !c->retry && !c->ended) {
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
static void fetch_head(struct chain *c)
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

/* ---- rolling back ------------------------------------------------------- */

static void roll_back(struct chain *c, uint64_t number)
{
	struct block_ref to = *fork_at(c->fork, number);
	struct block_ref from = *fork_tip(c->fork);
	enum err e;

	if (number < c->final.number) {
		log_error("chain.finalized",
			  "block=%" PRIu64 " common=%" PRIu64
			  " text=\"the chain changed below a block that the "
			  "nodes had called final\"",
			  c->final.number, number);
		end(c, ERR_FINALITY);
		return;
	}
	log_info("chain.rolled_back", "from=%" PRIu64 " to=%" PRIu64,
		 from.number, to.number);
	metric_add(&reorgs, 1);
	e = c->handlers.rolled_back(c->handlers.arg, &to, &from);
	if (e) {
		end(c, e);
		return;
	}
	fork_pop_to(c->fork, number);
	forget_head(c);
}

/* Most nodes say that the block above the common ancestor is @h. */
static void act_on(struct chain *c, const struct evm_header *h)
{
	const struct block_ref *ours = fork_at(c->fork, h->block.number);
	const struct block_ref *below =
		h->block.number ? fork_at(c->fork, h->block.number - 1) : NULL;

	if (ours && hash32_eq(&ours->hash, &h->block.hash)) {
		forget_head(c); /* it was nothing */
	} else if (c->lost) {
		end(c, ERR_FINALITY);
	} else if (below && hash32_eq(&below->hash, &h->parent)) {
		roll_back(c, below->number);
	} else {
		c->head = *h; /* they part further down */
		c->teller = (int)ballot_node(c->confirm);
		advance(c);
	}
}

static void on_confirmed(void *arg, struct ballot *ballot,
			 enum ballot_verdict v)
{
	struct chain *c = arg;

	c->confirming = false;
	if (v == BALLOT_TAKEN || v == BALLOT_ALONE) {
		show_agreement(v, ballot_fetch(ballot)->question.from);
		act_on(c, ballot_fetch(ballot)->headers);
		return;
	}
	if (v == BALLOT_SPLIT)
		show_split(c, c->head.block.number, c->head.block.number,
			   ballot_text(ballot));
	forget_head(c);
	retry_later(c);
}

/* Ask for block @n of who has to agree before anything is given up. */
static void confirm(struct chain *c, uint64_t n, bool lost)
{
	struct fetch_question q = {.from = n, .to = n, .headers_only = true};

	c->lost = lost;
	c->confirming = true;
	ballot_begin(c->confirm, &q, -1);
}

static bool has_several(const struct chain *c)
{
	return rpc_nodes(c->config.rpc) > 1;
}

static void part_at(struct chain *c, uint64_t ancestor)
{
	if (has_several(c))
		confirm(c, ancestor + 1, false);
	else
		roll_back(c, ancestor);
}

static void part_below(struct chain *c)
{
	if (has_several(c))
		confirm(c, fork_next(c->fork) - fork_count(c->fork), true);
	else
		end(c, ERR_FINALITY);
}

/* ---- deciding what to do next ------------------------------------------- */

static void on_asked(void *arg, const struct rpc_answer *a)
{
	struct chain *c = arg;
	struct evm_header h;

	c->asking = false;
	if (c->ended)
		return;
	if (a->err || evm_header_parse(&h, a->result)) {
		if (has_several(c))
			forget_head(c); /* somebody else may know more */
		retry_later(c);
		return;
	}
	c->head = h;
	c->has_head = true;
	advance(c);
}

/* Go on with the header of block @n, by who told of the last one. */
static void ask_header(struct chain *c, uint64_t n)
{
	json_t *params = json_pack("[o,b]", evm_quantity(n), 0);

	c->asking = true;
	rpc_call_node(c->config.rpc, (unsigned)c->teller,
		      "eth_getBlockByNumber", params, on_asked, c);
}

static void advance(struct chain *c)
{
	uint64_t n = 0;

	if (c->ended || c->asking || c->confirming || c->retry)
		return;
	if (c->under_way) {
		if (!c->ranges[c->first].known)
			fetch_ranges(c);
		return;
	}
	if (!c->has_head)
		return;
	switch (fork_offer(c->fork, &c->head.block, &c->head.parent, &n)) {
	case FORK_EXTENDS:
		fetch_head(c);
		break;
	case FORK_ASK:
		if (n == fork_next(c->fork))
			fetch_ranges(c);
		else
			ask_header(c, n);
		break;
	case FORK_ROLL_BACK:
		part_at(c, n);
		break;
	case FORK_NOTHING:
		c->has_head = false;
		c->handlers.caught_up(c->handlers.arg);
		break;
	case FORK_LOST:
		part_below(c);
		break;
	}
}

/* ---- hearing of new heads ----------------------------------------------- */

/* Of several nodes, one that is behind, ahead of all others, or was
 * contradicted doesn't lead while another can. */
static bool can_lead(const struct chain *c, uint64_t number, unsigned node)
{
	const struct providers *p = rpc_providers(c->config.rpc);
	const struct block_ref *tip = fork_tip(c->fork);
	uint64_t now = rpc_now_ms(), height = providers_height(p);

	for (unsigned i = 0; i < p->count; i++) {
		if (i == node || !providers_promising(p, i, now) ||
		    providers_doubted(p, i, now) || !p->list[i].head)
			continue;
		if (!providers_promising(p, node, now) ||
		    providers_doubted(p, node, now) ||
		    number > height + PROVIDERS_LAG_MAX)
			return false;
		if (tip && number <= tip->number && p->list[i].head > number)
			return false;
	}
	return true;
}

static void on_head(void *arg, const struct evm_header *header, unsigned node)
{
	struct chain *c = arg;

	if (c->ended || !can_lead(c, header->block.number, node))
		return;
	/* While a branch is being searched for, the search goes on first; while
	 * ranges are under way the head may only move up. */
	if (c->asking || c->confirming ||
	    (c->under_way && c->has_head &&
	     header->block.number <= c->head.block.number))
		return;
	c->head = *header;
	c->teller = (int)node;
	c->has_head = true;
	advance(c);
}

static void on_final(void *arg, const struct block_ref *block)
{
	struct chain *c = arg;

	c->final = *block;
	if (c->handlers.final)
		c->handlers.final(c->handlers.arg, block);
}

/* ---- life --------------------------------------------------------------- */

static enum err make_ballots(struct chain *c)
{
	const struct chain_config *g = &c->config;

	c->ballots = (struct ballot_config){
		.loop = g->loop,
		.rpc = g->rpc,
		.filter = {c->contracts, g->contracts_count, g->topics},
		.wanted = g->agree,
		.strict = g->agree_strict,
		.patience_ms = g->patience_ms,
	};
	for (unsigned i = 0; i < UNDER_WAY; i++) {
		struct range *r = &c->ranges[i];

		r->chain = c;
		r->ballot = ballot_new(&c->ballots, on_ballot, r);
		if (!r->ballot)
			return ERR_NO_MEMORY;
	}
	c->confirm = ballot_new(&c->ballots, on_confirmed, c);
	return c->confirm ? ERR_NONE : ERR_NO_MEMORY;
}

enum err chain_new(struct chain **out, const struct chain_config *config,
		   struct fork *fork, const struct chain_handlers *handlers)
{
	struct chain *c = calloc(1, sizeof *c);
	struct chain_news_handlers news = {on_head, on_final, c};
	enum err e;

	if (!c)
		return ERR_NO_MEMORY;
	metric_register(&reorgs);
	metric_register(&disagreeing);
	metric_register(&tip_number);
	c->config = *config;
	if (!c->config.agree)
		c->config.agree = CHAIN_AGREE;
	if (!c->config.patience_ms)
		c->config.patience_ms = RPC_PATIENCE_MS;
	memcpy(c->contracts, config->contracts,
	       config->contracts_count * sizeof c->contracts[0]);
	c->handlers = *handlers;
	c->fork = fork;
	c->final = config->final;
	c->teller = -1;
	span_init(&c->span, config->range_max);
	e = make_ballots(c);
	if (!e)
		e = news_new(&c->news, &c->config, fork, &news);
	if (e)
		chain_free(&c);
	*out = c;
	return e;
}

void chain_free(struct chain **chain)
{
	struct chain *c = *chain;

	if (!c)
		return;
	news_free(&c->news);
	loop_timer_cancel(c->config.loop, &c->retry);
	for (unsigned i = 0; i < UNDER_WAY; i++)
		ballot_free(&c->ranges[i].ballot);
	ballot_free(&c->confirm);
	free(c);
	*chain = NULL;
}

uint64_t chain_head(const struct chain *chain)
{
	return news_newest(chain->news);
}
