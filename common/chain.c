/* One state machine: at rest, asking a header, or fetching ranges of blocks. */
#include "common/chain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/heads.h"
#include "common/log.h"
#include "common/metric.h"

enum {
	UNDER_WAY = 3,	    /* ranges */
	LOGS_WANTED = 2000, /* of one range; its size is steered there */
	SPAN_STEP = 4,	    /* blocks by which a range grows */
	RETRY_MS = 250,
	DOUBTS = 2, /* times that logs are asked for which a bloom promises */
};

static struct metric reorgs =
	METRIC(COUNTER, "chain_rolled_back_total", "re-organisations followed");
static struct metric refetched =
	METRIC(COUNTER, "chain_refetched_total",
	       "ranges asked for again: the answers did not fit together");
static struct metric head_number =
	METRIC(GAUGE, "chain_head_block", "newest block that the node told of");
static struct metric tip_number =
	METRIC(GAUGE, "chain_tip_block", "newest block that was dealt with");

/* Blocks [from, to] on their way. */
struct range {
	struct chain *chain;
	bool busy;	  /* in use */
	bool known;	  /* of one block, whose header we have: by its hash */
	unsigned missing; /* answers */
	bool failed;
	uint64_t from, to;
	struct evm_header *headers; /* to - from + 1 */
	size_t headers_room;
	struct evm_logs logs;
	unsigned doubts; /* times it was asked for again */
};

struct chain {
	struct chain_config config;
	struct address contracts[CHAIN_CONTRACTS_MAX];
	struct chain_handlers handlers;
	struct fork *fork;
	struct heads *heads;
	struct loop_timer *poll, *retry, *delay;
	struct evm_header late; /* what the delay is for */
	bool polling, asking, ended;
	bool has_head;
	struct evm_header head; /* where we are going */
	uint64_t newest;
	unsigned span; /* blocks of the next range */
	struct range ranges[UNDER_WAY];
	unsigned first, under_way; /* ranges[first] is the oldest */
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

/* ---- giving blocks ------------------------------------------------------ */

/* Logs of the range that belong to @header, from *at on. */
static size_t logs_of(const struct range *r, const struct evm_header *header,
		      size_t *at)
{
	size_t first = *at;

	while (*at < r->logs.count &&
	       r->logs.items[*at].block == header->block.number)
		++*at;
	return *at - first;
}

static bool is_ours(const struct chain *c, const struct address *a)
{
	for (size_t i = 0; i < c->config.contracts_count; i++)
		if (address_eq(a, &c->contracts[i]))
			return true;
	return false;
}

static bool bloom_promises(const struct chain *c, const struct evm_header *h)
{
	for (size_t i = 0; i < c->config.contracts_count; i++)
		if (evm_bloom_may_hold(h->bloom, &c->contracts[i]))
			return true;
	return false;
}

/* Whether the logs of the range are of its blocks and in order. */
static bool logs_fit(const struct range *r)
{
	const struct evm_log *before = NULL;

	for (size_t i = 0; i < r->logs.count; i++) {
		const struct evm_log *l = &r->logs.items[i];
		const struct evm_header *h;

		if (l->block < r->from || l->block > r->to ||
		    !is_ours(r->chain, &l->log.address))
			return false;
		h = &r->headers[l->block - r->from];
		if (!hash32_eq(&h->block.hash, &l->block_hash))
			return false;
		if (before &&
		    (before->block > l->block ||
		     (before->block == l->block && before->index >= l->index)))
			return false;
		before = l;
	}
	return true;
}

/* Whether a block has no logs although its bloom allows for some. It may well
 * be so: other contracts set the same bits. With a filter on topics the bloom
 * says nothing. */
static bool is_doubtful(const struct range *r)
{
	size_t at = 0;

	if (r->chain->config.topics)
		return false;
	for (uint64_t n = r->from; n <= r->to; n++) {
		const struct evm_header *h = &r->headers[n - r->from];

		if (logs_of(r, h, &at) == 0 && bloom_promises(r->chain, h))
			return true;
	}
	return false;
}

/* Hand over the blocks of @r; false if one doesn't extend the tip. */
static bool give(struct range *r)
{
	struct chain *c = r->chain;
	size_t at = 0;

	for (uint64_t n = r->from; n <= r->to && !c->ended; n++) {
		const struct evm_header *h = &r->headers[n - r->from];
		const struct evm_log *logs = r->logs.items + at;
		size_t count = logs_of(r, h, &at);
		uint64_t ask;
		enum err e;

		if (fork_offer(c->fork, &h->block, &h->parent, &ask) !=
		    FORK_EXTENDS) {
			c->head = *h; /* find out where it parts */
			return false;
		}
		e = c->handlers.block(c->handlers.arg, h, logs, count);
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

static void ask_range(struct range *r);

static bool all_quiet(const struct chain *c)
{
	for (unsigned i = 0; i < UNDER_WAY; i++)
		if (c->ranges[i].missing)
			return false;
	return true;
}

/* Let go of every range under way: answers still to come are ignored. */
static void drop_ranges(struct chain *c)
{
	for (unsigned i = 0; i < UNDER_WAY; i++)
		c->ranges[i].busy = false;
	c->under_way = 0;
}

/* Make the next range shorter or longer, towards LOGS_WANTED: longer step by
 * step, as a stretch without logs says nothing about the one that follows. */
static void steer(struct chain *c, const struct range *r)
{
	size_t blocks = r->to - r->from + 1;

	if (r->known)
		return;
	if (r->logs.count > LOGS_WANTED)
		c->span = (unsigned)(blocks * LOGS_WANTED / r->logs.count);
	else if (r->logs.count < LOGS_WANTED / 2 && blocks == c->span)
		c->span += SPAN_STEP;
	if (c->span < 1)
		c->span = 1;
	if (c->span > c->config.range_max)
		c->span = c->config.range_max;
}

static void shorten(struct chain *c)
{
	c->span = c->span > 1 ? c->span / 2 : 1;
}

static void refetch(struct chain *c)
{
	metric_add(&refetched, 1);
	drop_ranges(c);
	retry_later(c);
}

/* The oldest range is complete: give it, then look further. */
static void finish_oldest(struct chain *c)
{
	while (c->under_way && !c->ended) {
		struct range *r = &c->ranges[c->first];

		if (r->missing)
			return;
		if (r->failed || !logs_fit(r)) {
			refetch(c);
			return;
		}
		if (r->doubts < DOUBTS && is_doubtful(r)) {
			r->doubts++;
			metric_add(&refetched, 1);
			ask_range(r);
			return;
		}
		steer(c, r);
		if (!give(r)) {
			drop_ranges(c);
			break;
		}
		r->busy = false;
		c->first = (c->first + 1) % UNDER_WAY;
		c->under_way--;
		c->handlers.caught_up(c->handlers.arg);
	}
	if (!c->ended)
		advance(c);
}

static void answered(struct range *r, bool ok)
{
	r->failed = r->failed || !ok;
	if (--r->missing)
		return;
	if (r->busy)
		finish_oldest(r->chain);
	else if (!r->chain->ended && all_quiet(r->chain))
		advance(r->chain); /* it was dropped while under way */
}

static void on_logs(void *arg, const struct rpc_answer *a)
{
	struct range *r = arg;
	bool ok = !a->err && !evm_logs_parse(&r->logs, a->raw);

	if (ok && r->logs.refused) {
		log_info("chain.range_refused",
			 "blocks=%" PRIu64 " text=\"%s\"", r->to - r->from + 1,
			 r->logs.message);
		ok = false;
	}
	if (!ok)
		shorten(r->chain);
	answered(r, ok);
}

/* Whether @h is a header of the range that isn't there yet. */
static bool is_wanted(const struct range *r, const struct evm_header *h)
{
	static const struct hash32 none;
	uint64_t n = h->block.number;

	return n >= r->from && n <= r->to &&
	       hash32_eq(&r->headers[n - r->from].block.hash, &none);
}

/* One that came twice came in place of another. */
static void on_header(void *arg, const struct rpc_answer *a)
{
	struct range *r = arg;
	struct evm_header h;
	bool ok =
		!a->err && !evm_header_parse(&h, a->result) && is_wanted(r, &h);

	if (ok)
		r->headers[h.block.number - r->from] = h;
	answered(r, ok);
}

static json_t *filter(const struct range *r)
{
	const struct chain *c = r->chain;
	json_t *f = json_object(), *addresses = json_array();

	for (size_t i = 0; i < c->config.contracts_count; i++)
		json_array_append_new(addresses, evm_address(&c->contracts[i]));
	json_object_set_new(f, "address", addresses);
	if (r->known) {
		json_object_set_new(f, "blockHash",
				    evm_hash(&r->headers[0].block.hash));
	} else {
		json_object_set_new(f, "fromBlock", evm_quantity(r->from));
		json_object_set_new(f, "toBlock", evm_quantity(r->to));
	}
	if (c->config.topics)
		json_object_set(f, "topics", c->config.topics);
	return json_pack("[o]", f);
}

static void ask_range(struct range *r)
{
	struct rpc *rpc = r->chain->config.rpc;
	struct rpc_batch *b;

	r->failed = false;
	r->missing = 1 + (r->known ? 0 : (unsigned)(r->to - r->from + 1));
	rpc_call_raw(rpc, "eth_getLogs", filter(r), on_logs, r);
	if (r->known)
		return;
	memset(r->headers, 0, (r->to - r->from + 1) * sizeof *r->headers);
	b = rpc_batch_new(rpc);
	for (uint64_t n = r->from; n <= r->to; n++)
		rpc_batch_add(b, "eth_getBlockByNumber",
			      json_pack("[o,b]", evm_quantity(n), 0), on_header,
			      r);
	rpc_batch_send(b);
}

static struct range *new_range(struct chain *c, uint64_t from, uint64_t to)
{
	struct range *r = &c->ranges[(c->first + c->under_way) % UNDER_WAY];
	size_t blocks = to - from + 1;

	if (r->headers_room < blocks) {
		struct evm_header *grown =
			realloc(r->headers, blocks * sizeof *grown);

		if (!grown)
			return NULL;
		r->headers = grown;
		r->headers_room = blocks;
	}
	r->chain = c;
	r->busy = true;
	r->known = false;
	r->from = from;
	r->to = to;
	r->doubts = 0;
	c->under_way++;
	return r;
}

static const struct range *newest_range(const struct chain *c)
{
	return &c->ranges[(c->first + c->under_way - 1) % UNDER_WAY];
}

/* Keep UNDER_WAY ranges on their way to the head. */
static void fetch_ranges(struct chain *c)
{
	while (c->under_way < UNDER_WAY) {
		uint64_t from = fork_next(c->fork), to;
		struct range *r;

		if (c->under_way)
			from = newest_range(c)->to + 1;
		if (from > c->head.block.number)
			return;
		to = from + c->span - 1;
		if (to > c->head.block.number)
			to = c->head.block.number;
		r = new_range(c, from, to);
		if (!r) {
			retry_later(c);
			return;
		}
		ask_range(r);
	}
}

/* The head is the tip's child: its logs, if it can have any. */
static void fetch_head(struct chain *c)
{
	struct range *r =
		new_range(c, c->head.block.number, c->head.block.number);

	if (!r) {
		retry_later(c);
		return;
	}
	r->known = true;
	r->headers[0] = c->head;
	r->logs.count = 0;
	if (!bloom_promises(c, &c->head)) {
		r->missing = 1;
		r->failed = false;
		answered(r, true);
	} else {
		ask_range(r);
	}
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
		retry_later(c);
		return;
	}
	c->head = h;
	c->has_head = true;
	advance(c);
}

/* Go on with the header of block @n. */
static void ask_header(struct chain *c, uint64_t n)
{
	c->asking = true;
	rpc_call(c->config.rpc, "eth_getBlockByNumber",
		 json_pack("[o,b]", evm_quantity(n), 0), on_asked, c);
}

static void ask_newest(struct chain *c);

static void roll_back(struct chain *c, uint64_t number)
{
	struct block_ref to = *fork_at(c->fork, number);
	struct block_ref from = *fork_tip(c->fork);
	enum err e;

	log_info("chain.rolled_back", "from=%" PRIu64 " to=%" PRIu64,
		 from.number, to.number);
	metric_add(&reorgs, 1);
	e = c->handlers.rolled_back(c->handlers.arg, &to, &from);
	if (e) {
		end(c, e);
		return;
	}
	fork_pop_to(c->fork, number);
	c->has_head = false;
	ask_newest(c);
}

static void advance(struct chain *c)
{
	uint64_t n = 0;

	if (c->ended || c->asking || c->retry)
		return;
	if (c->under_way) {
		if (!c->ranges[c->first].known)
			fetch_ranges(c);
		return;
	}
	if (!c->has_head || !all_quiet(c))
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
		roll_back(c, n);
		break;
	case FORK_NOTHING:
		c->has_head = false;
		c->handlers.caught_up(c->handlers.arg);
		break;
	case FORK_LOST:
		end(c, ERR_FINALITY);
		break;
	}
}

/* ---- hearing of new heads ----------------------------------------------- */

static void take_head(struct chain *c, const struct evm_header *header)
{
	if (c->ended)
		return;
	c->newest = header->block.number;
	metric_set(&head_number, (int64_t)c->newest);
	/* While a branch is being searched for, the search goes on first; while
	 * ranges are under way the head may only move up. */
	if (c->asking || (c->under_way && c->has_head &&
			  header->block.number <= c->head.block.number))
		return;
	c->head = *header;
	c->has_head = true;
	advance(c);
}

static void on_delay(void *arg)
{
	struct chain *c = arg;

	c->delay = NULL;
	take_head(c, &c->late);
}

static void on_head(void *arg, const struct evm_header *header)
{
	struct chain *c = arg;

	if (!c->config.delay_ms) {
		take_head(c, header);
		return;
	}
	c->late = *header;
	if (!c->delay)
		c->delay = loop_timer(c->config.loop, c->config.delay_ms, true,
				      on_delay, c);
}

static void on_newest(void *arg, const struct rpc_answer *a)
{
	struct chain *c = arg;
	struct evm_header h;

	c->polling = false;
	if (!a->err && !evm_header_parse(&h, a->result))
		on_head(c, &h);
}

static void ask_newest(struct chain *c)
{
	if (c->polling || c->ended)
		return;
	c->polling = true;
	rpc_call(c->config.rpc, "eth_getBlockByNumber",
		 json_pack("[s,b]", "latest", 0), on_newest, c);
}

static void on_poll(void *arg)
{
	ask_newest(arg);
}

/* ---- life --------------------------------------------------------------- */

enum err chain_new(struct chain **out, const struct chain_config *config,
		   struct fork *fork, const struct chain_handlers *handlers)
{
	struct chain *c = calloc(1, sizeof *c);
	enum err e = ERR_NONE;

	if (!c)
		return ERR_NO_MEMORY;
	metric_register(&reorgs);
	metric_register(&refetched);
	metric_register(&head_number);
	metric_register(&tip_number);
	c->config = *config;
	memcpy(c->contracts, config->contracts,
	       config->contracts_count * sizeof c->contracts[0]);
	c->handlers = *handlers;
	c->fork = fork;
	c->span = config->range_max < SPAN_STEP ? config->range_max : SPAN_STEP;
	if (config->ws && *config->ws)
		e = heads_new(&c->heads, config->loop, config->ws, on_head, c);
	if (e) {
		chain_free(&c);
		return e;
	}
	c->poll = loop_timer(config->loop, config->poll_ms, false, on_poll, c);
	ask_newest(c);
	*out = c;
	return ERR_NONE;
}

void chain_free(struct chain **chain)
{
	struct chain *c = *chain;

	if (!c)
		return;
	heads_free(&c->heads);
	loop_timer_cancel(c->config.loop, &c->poll);
	loop_timer_cancel(c->config.loop, &c->retry);
	loop_timer_cancel(c->config.loop, &c->delay);
	for (unsigned i = 0; i < UNDER_WAY; i++) {
		free(c->ranges[i].headers);
		evm_logs_free(&c->ranges[i].logs);
	}
	free(c);
	*chain = NULL;
}

uint64_t chain_head(const struct chain *chain)
{
	return chain->newest;
}
