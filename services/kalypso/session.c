/* Opened once, in the order in which mistakes are best told. */
#include "services/kalypso/session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/evm.h"
#include "common/log.h"
#include "services/kalypso/node.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/terminal.h"
#include "services/kalypso/text.h"

enum { RPC_TIMEOUT_MS = 20000 };

/* ---- what to say -------------------------------------------------------- */

static void tell(struct cli *cli, enum cli_exit status, const char *name,
		 const char *format, va_list args)
{
	struct buf clean = {0};
	char *text;

	if (cli->failed || vasprintf(&text, format, args) < 0)
		return;
	cli->failed = true;
	cli_put_clean(&clean, (struct bytes){(uint8_t *)text, strlen(text)});
	cli_progress_clear();
	fprintf(stderr, "kalypso: %s\n", buf_text(&clean));
	cli_put_error(cli->out, (int)status, name, text);
	buf_free(&clean);
	free(text);
}

enum cli_exit cli_fail(struct cli *cli, enum cli_exit status,
		       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(cli, status, NULL, format, args);
	va_end(args);
	return status;
}

enum cli_exit cli_fail_named(struct cli *cli, enum cli_exit status,
			     const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(cli, status, name, format, args);
	va_end(args);
	return status;
}

void cli_note(const char *format, ...)
{
	va_list args;

	cli_progress_clear();
	va_start(args, format);
	fputs("kalypso: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

/* ---- waiting ------------------------------------------------------------ */

enum cli_exit cli_turn(struct cli *cli, const bool *done)
{
	if (!*done)
		loop_run(cli->loop);
	return *done ? CLI_OK : cli_fail(cli, CLI_INTERRUPTED, "interrupted");
}

struct nap {
	struct loop *loop;
	bool over;
};

static void wake(void *arg)
{
	struct nap *nap = arg;

	nap->over = true;
	loop_stop(nap->loop);
}

enum cli_exit cli_sleep(struct cli *cli, unsigned ms)
{
	struct nap nap = {.loop = cli->loop};
	struct loop_timer *timer = loop_timer(cli->loop, ms, true, wake, &nap);
	enum cli_exit x;

	if (!timer)
		return cli_fail(cli, CLI_FAILED, "out of memory");
	x = cli_turn(cli, &nap.over);
	if (!nap.over)
		loop_timer_cancel(cli->loop, &timer);
	return x;
}

/* ---- where the market is ------------------------------------------------ */

static const char *market_text(const struct cli *cli, const char *name)
{
	return json_string_value(json_object_get(cli->market, name));
}

static enum cli_exit read_market_file(struct cli *cli)
{
	struct cli_common *c = &cli->common;
	json_error_t why;

	if (!c->market_file)
		return CLI_OK;
	cli->market =
		json_load_file(c->market_file, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(cli->market))
		return cli_fail(cli, CLI_USAGE,
				"market file %s: %s: name another with "
				"--market-file or $KALYPSO_MARKET",
				c->market_file,
				cli->market ? "not a JSON object" : why.text);
	if (!c->rpc)
		c->rpc = market_text(cli, "rpc");
	if (!c->gateway)
		c->gateway = market_text(cli, "gateway");
	if (!c->redis)
		c->redis = market_text(cli, "redis");
	if (!c->name)
		c->name = market_text(cli, "name");
	return CLI_OK;
}

/* The addresses are those of the file that `kalypso deploy` wrote, or such a
 * member "contracts" of the market file, whose chain id and first block may
 * stand outside of it. */
static json_t *load_contracts(const struct cli *cli, const char **where,
			      json_error_t *why)
{
	json_t *root;

	*where = cli->common.contracts;
	if (*where)
		return json_load_file(*where, JSON_REJECT_DUPLICATES, why);
	*where = cli->common.market_file;
	root = json_copy(json_object_get(cli->market, "contracts"));
	if (!root)
		return NULL;
	if (!json_object_get(root, "chainId"))
		json_object_set(root, "chainId",
				json_object_get(cli->market, "chainId"));
	if (!json_object_get(root, "startBlock"))
		json_object_set(root, "startBlock",
				json_object_get(cli->market, "startBlock"));
	return root;
}

enum cli_exit cli_read_contracts(struct cli *cli)
{
	json_error_t why = {.text = "no member \"contracts\""};
	const char *where, *member;
	json_t *root;
	enum err e;

	if (!cli->common.contracts && !cli->market)
		return cli_fail(
			cli, CLI_USAGE,
			"where are the contracts? Give --contracts "
			"FILE (`kalypso deploy` writes it) or --market-file "
			"FILE, or set $KALYPSO_CONTRACTS");
	root = load_contracts(cli, &where, &why);
	if (!root)
		return cli_fail(cli, CLI_USAGE,
				"contracts file %s: %s: give the one that "
				"`kalypso deploy` wrote with --contracts",
				where, why.text);
	e = deployment_parse(&cli->contracts, root, &member);
	json_decref(root);
	if (e)
		return cli_fail(
			cli, CLI_USAGE,
			"contracts file %s: %s is missing or not of "
			"its kind: give the file that `kalypso deploy` wrote "
			"with --contracts",
			where, member);
	return CLI_OK;
}

/* ---- the node ----------------------------------------------------------- */

static enum cli_exit check_urls(struct cli *cli)
{
	char *list, *rest, *url;
	unsigned count = 0;
	bool good = true;

	if (!cli->common.rpc)
		return cli_fail(cli, CLI_USAGE,
				"which node? Give --rpc URL, or set "
				"$KALYPSO_RPC or $KALYPSO_MARKET");
	list = rest = strdup(cli->common.rpc);
	while (list && good && (url = strsep(&rest, ","))) {
		good = strncmp(url, "http://", 7) == 0 ||
		       strncmp(url, "https://", 8) == 0;
		count++;
	}
	free(list);
	if (good && count <= RPC_NODES_MAX)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"--rpc '%s': a node's URL begins with http:// or "
			"https://; at most %d, with commas between them",
			cli->common.rpc, RPC_NODES_MAX);
}

static enum cli_exit reach_node(struct cli *cli)
{
	struct rpc_config config = {.timeout_ms = RPC_TIMEOUT_MS};
	enum cli_exit x = check_urls(cli);

	if (x)
		return x;
	config.loop = cli->loop;
	config.http = cli->http;
	config.urls = cli->common.rpc;
	if (rpc_new(&cli->rpc, &config))
		return cli_fail(cli, CLI_USAGE, "--rpc '%s' can't be used",
				cli->common.rpc);
	return CLI_OK;
}

static enum cli_exit not_a_node(struct cli *cli)
{
	return cli_fail(cli, CLI_UNREACHABLE,
			"%s doesn't answer like an Ethereum node: mend --rpc",
			rpc_node(cli->rpc));
}

enum cli_exit cli_look(struct cli *cli)
{
	struct cli_question q = {.method = "eth_getBlockByNumber",
				 .params = json_pack("[s,b]", "latest", 0)};
	uint64_t ours = (uint64_t)time(NULL);
	struct evm_header h;
	enum cli_exit x = cli_ask_many(cli, &q, 1);

	if (!x && evm_header_parse(&h, q.result))
		x = not_a_node(cli);
	cli_questions_free(&q, 1);
	if (x)
		return x;
	cli->head = h.block.number;
	cli->head_time = h.block.time;
	cli->base_fee = h.base_fee;
	/* A chain without traffic has an old head, a test's runs ahead. */
	cli->now.v = h.block.time.v > ours ? h.block.time.v : ours;
	return CLI_OK;
}

static enum cli_exit check_chain(struct cli *cli)
{
	struct cli_question q = {.method = "eth_chainId"};
	uint64_t id = 0;
	enum cli_exit x = cli_ask_many(cli, &q, 1);

	if (!x && evm_u64_parse(&id, q.result))
		x = not_a_node(cli);
	cli_questions_free(&q, 1);
	if (x || id == cli->contracts.chain_id)
		return x ? x : cli_look(cli);
	if (cli->command->needs & CLI_NEEDS_NODE) {
		cli->contracts.chain_id = id;
		return cli_look(cli);
	}
	return cli_fail(cli, CLI_USAGE,
			"the node %s is of chain %" PRIu64
			", the contracts are of chain %" PRIu64
			": mend --rpc or --contracts",
			rpc_node(cli->rpc), id, cli->contracts.chain_id);
}

/* ---- both ends ---------------------------------------------------------- */

enum cli_exit cli_open_chain(struct cli *cli)
{
	enum cli_exit x = CLI_OK;

	if (!(cli->command->needs & CLI_NEEDS_NODE))
		x = cli_read_contracts(cli);
	if (!x)
		x = reach_node(cli);
	if (!x)
		x = check_chain(cli);
	cli->has_chain = !x;
	return x;
}

/* Whether the command wants a chain, and one that it could do without is
 * named. */
static bool wants_chain(const struct cli *cli)
{
	const struct cli_common *c = &cli->common;

	if (cli->command->needs & (CLI_NEEDS_CHAIN | CLI_NEEDS_NODE))
		return true;
	return cli->command->needs & CLI_USES_CHAIN && c->rpc &&
	       (c->contracts || json_object_get(cli->market, "contracts"));
}

enum cli_exit cli_open(struct cli *cli)
{
	const unsigned online = CLI_NEEDS_CHAIN | CLI_USES_CHAIN |
				CLI_TAKES_CHAIN | CLI_NEEDS_NODE |
				CLI_NEEDS_GATEWAY | CLI_NEEDS_REDIS;
	enum cli_exit x;

	log_open("kalypso", LEVEL_ERROR, false);
	cli->out = cli_out_new(cli->common.json);
	x = read_market_file(cli);
	if (x || !(cli->command->needs & online))
		return x;
	if (loop_new(&cli->loop) || http_new(&cli->http, cli->loop))
		return cli_fail(cli, CLI_FAILED, "out of memory");
	return wants_chain(cli) ? cli_open_chain(cli) : CLI_OK;
}

void cli_close(struct cli *cli)
{
	cli_signer_free(cli);
	rpc_free(&cli->rpc);
	http_free(&cli->http);
	loop_free(&cli->loop);
	json_decref(cli->market);
	cli_out_free(&cli->out);
	free(cli->args.v);
}
