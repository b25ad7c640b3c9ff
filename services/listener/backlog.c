/* One eth_getLogs at a time. */
#include "services/listener/backlog.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"

enum { RETRY_MS = 500 };

struct backlog {
	struct backlog_config config;
	struct loop_timer *retry;
	uint64_t next; /* block to go on with */
	uint64_t span; /* blocks of the next range */
	uint64_t to;   /* last block of the range under way */
	struct evm_logs logs;
};

static void ask(void *arg);

static void ask_again(struct backlog *b)
{
	b->span = b->span > 1 ? b->span / 2 : 1;
	b->retry = loop_timer(b->config.loop, RETRY_MS, true, ask, b);
}

/* Whether every log is of the range and of our contract. */
static bool logs_fit(const struct backlog *b)
{
	for (size_t i = 0; i < b->logs.count; i++) {
		const struct evm_log *l = &b->logs.items[i];

		if (l->block < b->next || l->block > b->to ||
		    !address_eq(&l->log.address, &b->config.contract))
			return false;
	}
	return true;
}

/* What is wrong with an answer; NULL: nothing. */
static const char *misfit(struct backlog *b, const struct rpc_answer *a)
{
	if (a->err)
		return a->message;
	if (!evm_logs_parse(&b->logs, a->raw) &&
	    (b->logs.refused || (b->logs.id == a->id && logs_fit(b))))
		return b->logs.refused ? b->logs.message : NULL;
	rpc_complain(b->config.rpc, a->node, PROVIDER_BROKEN,
		     "not an answer to eth_getLogs");
	return "not an answer to what was asked";
}

static void on_logs(void *arg, const struct rpc_answer *a)
{
	struct backlog *b = arg;
	const char *wrong = misfit(b, a);

	if (wrong) {
		log_info("backlog.retry",
			 "from=%" PRIu64 " blocks=%" PRIu64 " text=\"%s\"",
			 b->next, b->to - b->next + 1, wrong);
		ask_again(b);
		return;
	}
	for (size_t i = 0; i < b->logs.count; i++)
		b->config.log(b->config.arg, &b->logs.items[i]);
	b->next = b->to + 1;
	ask(b);
}

static void ask(void *arg)
{
	struct backlog *b = arg;
	const struct backlog_config *c = &b->config;

	b->retry = NULL;
	if (b->next > c->to) {
		c->done(c->arg);
		return;
	}
	b->to = c->to - b->next < b->span ? c->to : b->next + b->span - 1;
	rpc_call_raw(c->rpc, "eth_getLogs",
		     json_pack("[{s:o, s:o, s:o, s:O}]", "address",
			       evm_address(&c->contract), "fromBlock",
			       evm_quantity(b->next), "toBlock",
			       evm_quantity(b->to), "topics", c->topics),
		     on_logs, b);
}

enum err backlog_new(struct backlog **out, const struct backlog_config *config)
{
	struct backlog *b = calloc(1, sizeof *b);

	*out = b;
	if (!b)
		return ERR_NO_MEMORY;
	b->config = *config;
	b->next = config->from;
	b->span = config->range_max;
	b->retry = loop_timer(config->loop, 0, true, ask, b);
	return b->retry ? ERR_NONE : ERR_NO_MEMORY;
}

void backlog_free(struct backlog **backlog)
{
	struct backlog *b = *backlog;

	if (!b)
		return;
	loop_timer_cancel(b->config.loop, &b->retry);
	evm_logs_free(&b->logs);
	free(b);
	*backlog = NULL;
}
