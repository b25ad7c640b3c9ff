/* A websocket and a question for each node. */
#include "common/chain_news.h"

#include <stdlib.h>
#include <string.h>

#include "common/heads.h"
#include "common/log.h"
#include "common/metric.h"

enum { FINAL_EVERY = 8 /* polls */ };

static struct metric head_number =
	METRIC(GAUGE, "chain_head_block", "newest block that nodes told of");
static struct metric final_number =
	METRIC(GAUGE, "chain_final_block", "newest block called final");

/* One node. */
struct source {
	struct chain_news *news;
	unsigned node;
	struct heads *heads; /* NULL: it has no websocket */
	bool asking;	     /* for its newest block */
	bool asking_final;
	bool no_final; /* it doesn't know the word */
};

struct chain_news {
	struct chain_config config;
	struct chain_news_handlers handlers;
	const struct fork *fork;
	struct loop_timer *poll, *delay;
	struct evm_header late; /* what the delay is for */
	unsigned late_node;
	unsigned polls;
	uint64_t newest, final;
	unsigned count;
	struct source sources[RPC_NODES_MAX];
};

/* ---- heads -------------------------------------------------------------- */

static void on_delay(void *arg)
{
	struct chain_news *n = arg;

	n->delay = NULL;
	n->handlers.head(n->handlers.arg, &n->late, n->late_node);
}

static void on_head(void *arg, const struct evm_header *header)
{
	struct source *s = arg;
	struct chain_news *n = s->news;

	/* A websocket comes back before its node has proven what it is. */
	if (!providers_trusted(rpc_providers(n->config.rpc), s->node))
		return;
	rpc_told_head(n->config.rpc, s->node, header->block.number);
	n->newest = providers_height(rpc_providers(n->config.rpc));
	metric_set(&head_number, (int64_t)n->newest);
	if (!n->config.delay_ms) {
		n->handlers.head(n->handlers.arg, header, s->node);
		return;
	}
	n->late = *header;
	n->late_node = s->node;
	if (!n->delay)
		n->delay = loop_timer(n->config.loop, n->config.delay_ms, true,
				      on_delay, n);
}

static void on_newest(void *arg, const struct rpc_answer *a)
{
	struct source *s = arg;
	struct evm_header h;

	s->asking = false;
	if (a->err)
		return;
	if (evm_header_parse(&h, a->result))
		rpc_complain(s->news->config.rpc, s->node, PROVIDER_BROKEN,
			     "its newest block is none");
	else
		on_head(s, &h);
}

void news_ask(struct chain_news *n)
{
	const struct providers *p = rpc_providers(n->config.rpc);

	for (unsigned i = 0; i < n->count; i++) {
		struct source *s = &n->sources[i];

		if (s->asking || !providers_fit(p, i, rpc_now_ms()))
			continue;
		s->asking = true;
		rpc_call_node(n->config.rpc, i, "eth_getBlockByNumber",
			      json_pack("[s,b]", "latest", 0), on_newest, s);
	}
}

uint64_t news_newest(const struct chain_news *n)
{
	return n->newest;
}

/* ---- finality ----------------------------------------------------------- */

static void on_final(void *arg, const struct rpc_answer *a)
{
	struct source *s = arg;
	struct chain_news *n = s->news;
	struct rpc *rpc = n->config.rpc;
	const struct block_ref *ours;
	struct evm_header h;
	uint64_t final;

	s->asking_final = false;
	s->no_final = a->err == ERR_REFUSED;
	if (a->err || evm_header_parse(&h, a->result))
		return;
	ours = fork_at(n->fork, h.block.number);
	if (!ours || !hash32_eq(&ours->hash, &h.block.hash))
		return; /* of a block that we don't have: says nothing here */
	rpc_told_final(rpc, s->node, h.block.number);
	final = providers_final(rpc_providers(rpc), n->config.agree);
	ours = fork_at(n->fork, final);
	if (final <= n->final || !ours)
		return;
	n->final = final;
	metric_set(&final_number, (int64_t) final);
	n->handlers.final(n->handlers.arg, ours);
}

static void ask_final(struct chain_news *n)
{
	const struct providers *p = rpc_providers(n->config.rpc);

	for (unsigned i = 0; i < n->count; i++) {
		struct source *s = &n->sources[i];

		if (s->asking_final || s->no_final ||
		    !providers_fit(p, i, rpc_now_ms()))
			continue;
		s->asking_final = true;
		rpc_call_node(n->config.rpc, i, "eth_getBlockByNumber",
			      json_pack("[s,b]", "finalized", 0), on_final, s);
	}
}

static void on_poll(void *arg)
{
	struct chain_news *n = arg;

	news_ask(n);
	if (n->polls++ % FINAL_EVERY == 0)
		ask_final(n);
}

/* ---- life --------------------------------------------------------------- */

static enum err open_sockets(struct chain_news *n)
{
	char *list = strdup(n->config.ws ? n->config.ws : "");
	char *rest = list, *url;
	enum err e = list ? ERR_NONE : ERR_NO_MEMORY;

	for (unsigned i = 0; !e && (url = strsep(&rest, ",")); i++) {
		if (i >= n->count) {
			log_error("heads.url",
				  "text=\"there are more websockets in --ws "
				  "than nodes in --rpc: the first belongs to "
				  "the first\"");
			e = ERR_CONFIG;
		} else if (*url) {
			e = heads_new(&n->sources[i].heads, n->config.loop, url,
				      on_head, &n->sources[i]);
		}
	}
	free(list);
	return e;
}

enum err news_new(struct chain_news **out, const struct chain_config *config,
		  const struct fork *fork,
		  const struct chain_news_handlers *handlers)
{
	struct chain_news *n = calloc(1, sizeof *n);
	enum err e;

	*out = NULL;
	if (!n)
		return ERR_NO_MEMORY;
	metric_register(&head_number);
	metric_register(&final_number);
	n->config = *config;
	n->handlers = *handlers;
	n->fork = fork;
	n->final = config->final.number;
	n->count = rpc_nodes(config->rpc);
	for (unsigned i = 0; i < n->count; i++)
		n->sources[i] = (struct source){.news = n, .node = i};
	e = open_sockets(n);
	if (e) {
		news_free(&n);
		return e;
	}
	n->poll = loop_timer(config->loop, config->poll_ms, false, on_poll, n);
	news_ask(n);
	*out = n;
	return ERR_NONE;
}

void news_free(struct chain_news **news)
{
	struct chain_news *n = *news;

	if (!n)
		return;
	for (unsigned i = 0; i < n->count; i++)
		heads_free(&n->sources[i].heads);
	loop_timer_cancel(n->config.loop, &n->poll);
	loop_timer_cancel(n->config.loop, &n->delay);
	free(n);
	*news = NULL;
}
