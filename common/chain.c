/* One state machine: at rest, asking a header, confirming, or fetching ranges
 * of blocks. */
#include "common/chain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/chain_impl.h"
#include "common/log.h"
#include "common/metric.h"

enum { RETRY_MS = 250 };

static struct metric reorgs =
	METRIC(COUNTER, "chain_rolled_back_total", "re-organisations followed");
static struct metric disagreeing =
	METRIC(GAUGE, "chain_disagreeing",
	       "1 while nodes say different things, with no majority");
void chain_end(struct chain *c, enum err e)
{
	c->ended = true;
	c->handlers.failed(c->handlers.arg, e);
}

static void on_retry(void *arg)
{
	struct chain *c = arg;

	c->retry = NULL;
	chain_advance(c);
}

void chain_retry_later(struct chain *c)
{
	if (!c->retry)
		c->retry =
			loop_timer(c->config.loop, RETRY_MS, true, on_retry, c);
}

/* Go where the next one says that the chain goes. */
void chain_forget_head(struct chain *c)
{
	c->has_head = false;
	news_ask(c->news);
}

/* ---- nodes that disagree ------------------------------------------------ */

void chain_show_split(uint64_t from, uint64_t to, const char *text)
{
	if (!metric_value(&disagreeing))
		log_error("chain.disagree",
			  "from=%" PRIu64 " to=%" PRIu64
			  " text=\"the nodes of --rpc say different things, "
			  "and no majority: waiting (%s)\"",
			  from, to, text);
	metric_set(&disagreeing, 1);
}

void chain_show_agreement(enum ballot_verdict v, uint64_t number)
{
	if (v == BALLOT_TAKEN && metric_value(&disagreeing)) {
		log_info("chain.agreed", "block=%" PRIu64, number);
		metric_set(&disagreeing, 0);
	}
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
		chain_end(c, ERR_FINALITY);
		return;
	}
	log_info("chain.rolled_back", "from=%" PRIu64 " to=%" PRIu64,
		 from.number, to.number);
	metric_add(&reorgs, 1);
	e = c->handlers.rolled_back(c->handlers.arg, &to, &from);
	if (e) {
		chain_end(c, e);
		return;
	}
	fork_pop_to(c->fork, number);
	chain_forget_head(c);
}

/* Most nodes say that the block above the common ancestor is @h. */
static void act_on(struct chain *c, const struct evm_header *h)
{
	const struct block_ref *ours = fork_at(c->fork, h->block.number);
	const struct block_ref *below =
		h->block.number ? fork_at(c->fork, h->block.number - 1) : NULL;

	if (ours && hash32_eq(&ours->hash, &h->block.hash)) {
		chain_forget_head(c); /* it was nothing */
	} else if (c->lost) {
		chain_end(c, ERR_FINALITY);
	} else if (below && hash32_eq(&below->hash, &h->parent)) {
		roll_back(c, below->number);
	} else {
		c->head = *h; /* they part further down */
		c->teller = (int)ballot_node(c->confirm);
		chain_advance(c);
	}
}

static void on_confirmed(void *arg, struct ballot *ballot,
			 enum ballot_verdict v)
{
	struct chain *c = arg;

	c->confirming = false;
	if (v == BALLOT_TAKEN || v == BALLOT_ALONE) {
		chain_show_agreement(v, ballot_fetch(ballot)->question.from);
		act_on(c, ballot_fetch(ballot)->headers);
		return;
	}
	if (v == BALLOT_SPLIT)
		chain_show_split(c->head.block.number, c->head.block.number,
				 ballot_text(ballot));
	chain_forget_head(c);
	chain_retry_later(c);
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

/* The branches part too deep. Before that is believed, the nodes prove that
 * they are of this chain: one of another may listen where ours did. */
static void part_below(struct chain *c)
{
	if (!c->proven_lost) {
		c->proven_lost = true;
		rpc_prove_again(c->config.rpc);
		chain_forget_head(c);
	} else if (has_several(c))
		confirm(c, fork_next(c->fork) - fork_count(c->fork), true);
	else
		chain_end(c, ERR_FINALITY);
}

/* ---- deciding what to do next ------------------------------------------- */

static void on_asked(void *arg, const struct rpc_answer *a)
{
	struct chain *c = arg;
	const struct providers *nodes = rpc_providers(c->config.rpc);
	bool trusted = providers_trusted(nodes, (unsigned)c->teller);
	struct evm_header h;

	c->asking = false;
	if (c->ended)
		return;
	if (!trusted || a->err || evm_header_parse(&h, a->result)) {
		if (!trusted || has_several(c))
			chain_forget_head(c); /* somebody else may know more */
		chain_retry_later(c);
		return;
	}
	c->head = h;
	c->has_head = true;
	chain_advance(c);
}

/* Go on with the header of block @n, by who told of the last one. */
static void ask_header(struct chain *c, uint64_t n)
{
	json_t *params = json_pack("[o,b]", evm_quantity(n), 0);

	c->asking = true;
	rpc_call_node(c->config.rpc, (unsigned)c->teller,
		      "eth_getBlockByNumber", params, on_asked, c);
}

void chain_advance(struct chain *c)
{
	uint64_t n = 0;

	if (c->ended || c->asking || c->confirming || c->retry)
		return;
	if (c->under_way) {
		if (!c->ranges[c->first].known)
			chain_fetch_ranges(c);
		return;
	}
	if (!c->has_head)
		return;
	switch (fork_offer(c->fork, &c->head.block, &c->head.parent, &n)) {
	case FORK_EXTENDS:
		chain_fetch_head(c);
		break;
	case FORK_ASK:
		if (n == fork_next(c->fork))
			chain_fetch_ranges(c);
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
	chain_advance(c);
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
	enum err e;

	c->ballots = (struct ballot_config){
		.loop = g->loop,
		.rpc = g->rpc,
		.filter = {c->contracts, g->contracts_count, g->topics},
		.wanted = g->agree,
		.strict = g->agree_strict,
		.patience_ms = g->patience_ms,
	};
	e = chain_ranges_new(c);
	if (e)
		return e;
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
	chain_ranges_free(c);
	ballot_free(&c->confirm);
	free(c);
	*chain = NULL;
}

uint64_t chain_head(const struct chain *chain)
{
	return news_newest(chain->news);
}
