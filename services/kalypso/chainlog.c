/* chain-indexer's core and chain client, into a file instead of a log. */
#include "services/kalypso/chainlog.h"

#include <inttypes.h>

#include "common/chain.h"
#include "services/chain-indexer/index.h"
#include "services/kalypso/logs.h"
#include "services/kalypso/node.h"
#include "services/kalypso/terminal.h"

enum { POLL_MS = 1000, RANGE_MAX = 1000, SHOWN_EVERY = 256 };

static const char *const names[] = {"chain"};

struct reading {
	struct sink sink; /* first: the core's sink is this */
	struct cli *cli;
	const struct chainlog_config *config;
	struct logfile_writer *writer;
	struct index *index;
	struct chain *chain;
	uint64_t number; /* of the newest entry */
	bool written_badly;
	enum err failed; /* why following has ended */
	bool done;	 /* all blocks are there, or it failed, or stalled */
	bool stalled;
	struct loop_timer *watchdog;
	uint64_t wound_at; /* newest entry when it was wound up */
};

static enum err sink_put(struct sink *sink, uint16_t type, struct bytes body)
{
	struct reading *r = (struct reading *)sink;
	enum err e = logfile_put(r->writer, 0, ++r->number, type, body);

	r->written_badly |= e != ERR_NONE;
	return e;
}

static void end(struct reading *r)
{
	r->done = true;
	loop_stop(r->cli->loop);
}

static void on_stall(void *arg)
{
	struct reading *r = arg;

	r->watchdog = NULL;
	r->stalled = true;
	end(r);
}

static void wind_watchdog(struct reading *r)
{
	r->wound_at = r->number;
	loop_timer_cancel(r->cli->loop, &r->watchdog);
	r->watchdog = loop_timer(r->cli->loop, r->config->stall_ms, true,
				 on_stall, r);
}

static enum err on_block(void *arg, const struct evm_header *header,
			 const struct evm_log *logs, size_t count)
{
	struct reading *r = arg;
	uint64_t n = header->block.number;
	enum err e;

	if (n > r->config->until)
		return ERR_NONE; /* of a range that went too far */
	e = index_block(r->index, &r->sink, header, logs, count);
	if (n % SHOWN_EVERY == 0)
		cli_progress("chain: block %" PRIu64 " of %" PRIu64, n,
			     r->config->until);
	if (n % SHOWN_EVERY == 0 || !r->watchdog)
		wind_watchdog(r);
	if (!e && n == r->config->until)
		end(r);
	return e;
}

static enum err on_rolled_back(void *arg, const struct block_ref *to,
			       const struct block_ref *from)
{
	struct reading *r = arg;

	return index_roll_back(r->index, &r->sink, to, from);
}

/* A node that has nothing new is heard from, too: only blocks count. */
static void on_caught_up(void *arg)
{
	struct reading *r = arg;

	if (!r->done && r->number != r->wound_at)
		wind_watchdog(r);
}

static void on_failed(void *arg, enum err e)
{
	struct reading *r = arg;

	r->failed = e;
	end(r);
}

/* ---- the beginning ------------------------------------------------------ */

static enum cli_exit ask_genesis(struct cli *cli, struct hash32 *out)
{
	struct cli_question q = {.method = "eth_getBlockByNumber",
				 .params = json_pack("[s,b]", "0x0", 0)};
	enum cli_exit x = cli_ask_many(cli, &q, 1);

	if (!x && evm_hash_parse(out, json_object_get(q.result, "hash")))
		x = cli_fail(cli, CLI_UNREACHABLE,
			     "%s doesn't know block 0: mend --rpc",
			     rpc_node(cli->rpc));
	cli_questions_free(&q, 1);
	return x;
}

static enum cli_exit open_log(struct reading *r)
{
	const struct deployment *d = &r->cli->contracts;
	struct index_config config = {.start_block = d->start_block,
				      .depth = r->config->depth};
	struct msg_chain_opened opened = {.chain_id = d->chain_id,
					  .start_block = d->start_block,
					  .marketplace = d->marketplace,
					  .registry = d->registry,
					  .keys = d->keys};
	struct logfile_origin origin = {.chain_id = d->chain_id,
					.start_block = d->start_block,
					.marketplace = d->marketplace,
					.registry = d->registry,
					.keys = d->keys};
	enum cli_exit x = ask_genesis(r->cli, &opened.genesis);
	enum err e;

	if (x)
		return x;
	origin.genesis = opened.genesis;
	e = logfile_create(&r->writer, r->config->path, &origin, names, 1);
	if (!e)
		e = index_new(&r->index, &config);
	if (!e)
		e = index_open(r->index, &r->sink, &opened);
	return cli_written(r->cli, e, r->config->path);
}

/* ---- the end ------------------------------------------------------------ */

static enum cli_exit conclude(struct reading *r)
{
	if (r->written_badly)
		return cli_written(r->cli, ERR_STORAGE, r->config->path);
	if (r->stalled)
		return cli_fail(r->cli, CLI_UNREACHABLE,
				"%s gives no blocks any more: mend --rpc, or "
				"give it more time with --timeout",
				rpc_node(r->cli->rpc));
	if (r->failed == ERR_FINALITY)
		return cli_fail(r->cli, CLI_FAILED,
				"the chain changed by more than %u blocks "
				"while it was read: again, please",
				r->config->depth);
	if (r->failed)
		return cli_fail(r->cli, CLI_FAILED,
				"the chain can't be "
				"read: %s",
				err_text(r->failed));
	return cli_written(r->cli, logfile_finish(r->writer), r->config->path);
}

static enum cli_exit follow(struct reading *r)
{
	const struct deployment *d = &r->cli->contracts;
	const struct address contracts[] = {d->marketplace, d->registry,
					    d->keys};
	struct chain_config config = {.loop = r->cli->loop,
				      .rpc = r->cli->rpc,
				      .poll_ms = POLL_MS,
				      .contracts = contracts,
				      .contracts_count = 3,
				      .range_max = RANGE_MAX};
	struct chain_handlers handlers = {.block = on_block,
					  .rolled_back = on_rolled_back,
					  .caught_up = on_caught_up,
					  .failed = on_failed,
					  .arg = r};
	enum cli_exit x;

	if (chain_new(&r->chain, &config, index_fork(r->index), &handlers))
		return cli_fail(r->cli, CLI_FAILED, "out of memory");
	wind_watchdog(r);
	x = cli_turn(r->cli, &r->done);
	loop_timer_cancel(r->cli->loop, &r->watchdog);
	cli_progress_clear();
	return x ? x : conclude(r);
}

enum cli_exit cli_read_chain(struct cli *cli,
			     const struct chainlog_config *config,
			     struct logfile_writer **out)
{
	struct reading r = {
		.sink = {.put = sink_put}, .cli = cli, .config = config};
	enum cli_exit x = open_log(&r);

	if (!x)
		x = follow(&r);
	/* Answers that are still to come go nowhere: the node isn't asked
	 * again. */
	rpc_free(&cli->rpc);
	cli->has_chain = false;
	chain_free(&r.chain);
	index_free(&r.index);
	buf_free(&r.sink.scratch);
	*out = r.writer;
	return x;
}
