/* Markets: opened, listed, looked at, closed. */
#include "services/kalypso/market.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/evm.h"
#include "common/keccak.h"
#include "services/kalypso/input.h"
#include "services/kalypso/node.h"
#include "services/kalypso/send.h"
#include "services/kalypso/views.h"

enum { INPUT_BYTES = 4096, METADATA_MAX = 4096 };

/* ---- reading ------------------------------------------------------------ */

static const struct address nobody;

void cli_market_describe(struct cli_market *m,
			 const struct abi_market_created *created)
{
	struct bytes text = created->params.metadata;

	if (!m->metadata)
		m->metadata =
			json_loadb((const char *)text.data, text.size, 0, NULL);
}

static enum cli_exit on_created(void *arg, const struct abi_event *e,
				const struct evm_log *log)
{
	(void)log;
	if (e->id == ABI_EVENT_MARKET_CREATED)
		cli_market_describe(arg, &e->market_created);
	return CLI_OK;
}

static enum cli_exit read_code_hash(struct cli *cli, struct cli_market *m)
{
	struct cli_question q = {
		.method = "eth_getCode",
		.params = json_pack("[o,s]", evm_address(&m->view.verifier),
				    "latest")};
	struct buf code = {0};
	enum cli_exit x = cli_ask_many(cli, &q, 1);

	m->coded = !x && !q.err && !evm_bytes_parse(&code, q.result) &&
		   code.size > 0;
	if (m->coded)
		keccak256(&m->code_hash, code.data, code.size);
	cli_questions_free(&q, 1);
	buf_free(&code);
	return x;
}

enum cli_exit cli_market_read(struct cli *cli, struct cli_market *m,
			      uint64_t id)
{
	enum cli_exit x;

	*m = (struct cli_market){.id = id};
	x = cli_view_market(cli, &m->view, id);
	if (!x)
		x = cli_each_event(
			cli, &cli->contracts.marketplace,
			json_pack("[o,o]",
				  cli_event_topic(ABI_EVENT_MARKET_CREATED),
				  cli_id_topic(id)),
			cli->contracts.start_block, cli->head, on_created, m);
	return x ? x : read_code_hash(cli, m);
}

void cli_market_free(struct cli_market *m)
{
	json_decref(m->metadata);
	m->metadata = NULL;
}

const char *cli_market_state(const struct abi_market_view *v, uint64_t now)
{
	if (v->closed)
		return "closed";
	return v->active_from > now ? "waiting" : "active";
}

const char *cli_market_name(const struct cli_market *m)
{
	const char *name =
		json_string_value(json_object_get(m->metadata, "name"));

	return name ? name : "";
}

/* ---- saying ------------------------------------------------------------- */

static void put_owner(struct cli_out *o, const struct address *owner)
{
	if (!address_eq(owner, &nobody)) {
		cli_put_address(o, "owner", "Owner", owner);
		return;
	}
	cli_put_json(o, "owner", json_null());
	cli_put_text(o, NULL, "Owner", "nobody: frozen");
}

void cli_market_put(struct cli *cli, const struct cli_market *m)
{
	const struct abi_market_view *v = &m->view;
	struct cli_out *o = cli->out;

	cli_put_id(o, "market_id", "Market", m->id);
	cli_put_text(o, "name", "Name", cli_market_name(m));
	cli_put_text(o, "state", "State", cli_market_state(v, cli->now.v));
	put_owner(o, &v->owner);
	cli_put_address(o, "verifier", "Verifier", &v->verifier);
	if (m->coded)
		cli_put_hash(o, "verifier_code_hash", "Verifier's code",
			     &m->code_hash);
	else
		cli_put_json(o, "verifier_code_hash", json_null());
	cli_put_amount(o, "penalty", "Penalty", &v->penalty, &cli->stake);
	cli_put_number(o, "max_input_bytes", "Inputs at most",
		       v->max_input_bytes);
	cli_put_text(o, "protocol", "Protocol", abi_protocol_name(v->protocol));
	cli_put_seconds(o, "auction_window", NULL, v->auction_window);
	cli_put_time(o, "active_from", "Active from", v->active_from,
		     cli->now.v);
	cli_put_bool(o, "confidential", "Confidential", v->confidential);
	cli_put_bool(o, "disputable", NULL, v->disputable);
	cli_put_json(o, "metadata",
		     m->metadata ? json_incref(m->metadata) : json_null());
}

static enum cli_exit show(struct cli *cli, const void *options)
{
	struct cli_market m = {.id = 0};
	uint64_t id;
	enum cli_exit x = cli_id(cli, &id, 0);

	(void)options;
	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = cli_market_read(cli, &m, id);
	if (!x)
		cli_market_put(cli, &m);
	cli_market_free(&m);
	return x;
}

/* ---- opening ------------------------------------------------------------ */

struct create_options {
	struct cli_address verifier;
	struct cli_number max_input_bytes;
	const char *penalty, *name, *metadata;
};

static enum cli_exit make_metadata(struct cli *cli, struct buf *out,
				   const struct create_options *o)
{
	json_t *json;
	char *text;
	enum cli_exit x;

	if (!o->name == !o->metadata)
		return cli_fail(cli, CLI_USAGE,
				"give --name TEXT, or all of it with "
				"--metadata FILE");
	if (o->metadata) {
		x = cli_read_file(cli, out, o->metadata);
		if (x)
			return x;
		json = json_loadb((const char *)out->data, out->size,
				  JSON_REJECT_DUPLICATES, NULL);
	} else {
		json = json_pack("{s:s}", "name", o->name);
	}
	buf_clear(out);
	text = json_is_object(json) ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (text)
		buf_put_text(out, text);
	free(text);
	if (out->size && out->size <= METADATA_MAX)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"metadata is a JSON object of at most %d bytes, "
			"like {\"name\": \"…\"}",
			METADATA_MAX);
}

static enum cli_exit add_call(struct cli *cli, struct cli_plan *plan,
			      const struct create_options *o,
			      struct bytes metadata)
{
	const struct address *to = &cli->contracts.marketplace;
	struct abi_market_params p = {.verifier = o->verifier.v,
				      .max_input_bytes = INPUT_BYTES,
				      .protocol = ABI_PROTOCOL_ORDER_BOOK,
				      .metadata = metadata};
	struct cli_call *call;
	struct u256 fee;
	enum cli_exit x = cli_amount(cli, &p.penalty, "--penalty", o->penalty,
				     &cli->stake);

	if (o->max_input_bytes.given)
		p.max_input_bytes = o->max_input_bytes.v > UINT32_MAX
					    ? UINT32_MAX
					    : (uint32_t)o->max_input_bytes.v;
	if (!x)
		x = cli_view_setting(cli, &fee, to, "ProofMarketplace",
				     "creationFee");
	if (!x && !u256_is_zero(&fee))
		x = cli_plan_allow(cli, plan, &cli->payment, to, &fee);
	if (x)
		return x;
	call = cli_plan_add(plan, "createMarket", "ProofMarketplace", to);
	return cli_made(cli, call, abi_call_create_market(&call->data, &p));
}

static void put_created(struct cli *cli, const struct cli_plan *plan)
{
	const struct cli_call *call = &plan->calls[plan->count - 1];
	struct cli_out *o = cli->out;
	struct abi_event e;
	uint64_t id = 0;
	size_t at = 0;

	while (cli_next_event(cli, call, &at, &e)) {
		const struct abi_market_created *m = &e.market_created;

		if (e.id != ABI_EVENT_MARKET_CREATED ||
		    u256_to_u64(&id, &m->market_id))
			continue;
		cli_put_id(o, "market_id", "Market", id);
		cli_put_address(o, "owner", "Owner", &m->owner);
		cli_put_address(o, "verifier", "Verifier", &m->params.verifier);
		cli_put_amount(o, "penalty", "Penalty", &m->params.penalty,
			       &cli->stake);
		cli_put_amount(o, "fee", "Fee", &m->fee, &cli->payment);
		cli_put_time(o, "active_from", "Active from", m->active_from,
			     cli->now.v);
	}
}

static enum cli_exit create(struct cli *cli, const void *options)
{
	const struct create_options *o = options;
	struct cli_plan plan = {.count = 0};
	struct buf metadata = {0};
	enum cli_exit x = make_metadata(cli, &metadata, o);

	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = add_call(cli, &plan, o, buf_bytes(&metadata));
	buf_free(&metadata);
	return cli_plan_finish(cli, &plan, x, put_created);
}

/* ---- closing ------------------------------------------------------------ */

static void put_closed(struct cli *cli, const struct cli_plan *plan)
{
	struct abi_event e;
	uint64_t id;
	size_t at = 0;

	while (cli_next_event(cli, &plan->calls[0], &at, &e))
		if (e.id == ABI_EVENT_MARKET_CLOSED &&
		    !u256_to_u64(&id, &e.market_closed.market_id)) {
			cli_put_id(cli->out, "market_id", "Market", id);
			cli_put_text(cli->out, "state", "State", "closed");
		}
}

static enum cli_exit close_market(struct cli *cli, const void *options)
{
	struct cli_plan plan = {.count = 0};
	struct cli_call *call =
		cli_plan_add(&plan, "closeMarket", "ProofMarketplace",
			     &cli->contracts.marketplace);
	uint64_t id;
	struct u256 wide;
	enum cli_exit x = cli_id(cli, &id, 0);

	(void)options;
	if (!x) {
		wide = u256_from_u64(id);
		x = cli_made(cli, call,
			     abi_call_close_market(&call->data, &wide));
	}
	return cli_plan_finish(cli, &plan, x, put_closed);
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option create_rows[] = {
	CLI_OPTION(create_options, ADDRESS, verifier, "verifier", "ADDRESS", "the contract that accepts or refuses proofs", true),
	CLI_OPTION(create_options, TEXT, penalty, "penalty", "AMOUNT", "stake locked per task, and slashed when it is late", true),
	CLI_OPTION(create_options, NUMBER, max_input_bytes, "max-input-bytes", "N", "longest inputs of a request [4096]", false),
	CLI_OPTION(create_options, TEXT, name, "name", "TEXT", "name in the metadata", false),
	CLI_OPTION(create_options, TEXT, metadata, "metadata", "FILE", "all of the metadata: a JSON object", false),
	{0}};

static const struct cli_option list_rows[] = {
	CLI_OPTION(cli_market_list_options, FLAG, all, "all", NULL, "closed ones, too", false),
	{0}};

const struct cli_command cli_market_commands[] = {
	{.noun = "market", .verb = "create", .args = "",
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND | CLI_NEEDS_ALLOWANCE | CLI_NEEDS_PATIENCE,
	 .role = "requester",
	 .summary = "open a market for a circuit",
	 .more = "The verifier has to accept its own sample. The account becomes the market's owner. If governance has set a fee, it is approved and paid.",
	 .examples = "  kalypso market create --verifier=0x… --penalty=10 --name=\"range proof\"\n"
		     "  kalypso market create --verifier=0x… --penalty=10 --max-input-bytes=96 \\\n    --metadata=market.json\n",
	 .options = create_rows, .options_size = sizeof(struct create_options), .run = create},
	{.noun = "market", .verb = "list", .args = "",
	 .needs = CLI_USES_CHAIN | CLI_NEEDS_GATEWAY,
	 .summary = "all markets that aren't closed",
	 .more = "From the gateway, which also counts quotes and open requests, if there is one, else from the chain.",
	 .examples = "  kalypso market list\n  kalypso market list --all --json\n",
	 .options = list_rows, .options_size = sizeof(struct cli_market_list_options), .run = cli_market_list},
	{.noun = "market", .verb = "show", .args = "ID", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_CHAIN,
	 .summary = "a market, its verifier and the hash of the verifier's code",
	 .examples = "  kalypso market show 1\n",
	 .run = show},
	{.noun = "market", .verb = "close", .args = "ID", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND | CLI_NEEDS_PATIENCE,
	 .role = "requester",
	 .summary = "close a market for ever; its owner may",
	 .more = "No new requests, no new tasks; anyone may then cancel what is open. Running tasks go on.",
	 .examples = "  kalypso market close 1\n",
	 .run = close_market},
	{0}};
/* clang-format on */
