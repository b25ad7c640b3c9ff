/* Calls made by abi_market.h, asked by node.h. */
#include "services/kalypso/views.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/gateway.h"
#include "services/kalypso/node.h"
#include "services/kalypso/text.h"

enum { SYMBOL_MAX = 20 };

/* ---- asking ------------------------------------------------------------- */

static enum cli_exit take_answer(struct cli *cli, struct cli_view *v,
				 const struct cli_question *q)
{
	char what[160];

	if (q->err) {
		snprintf(what, sizeof what, "%s", v->contract);
		return cli_refused(cli, what, q);
	}
	if (evm_bytes_parse(&v->answer, q->result))
		return cli_fail(cli, CLI_UNREACHABLE,
				"a node of --rpc %s doesn't answer eth_call "
				"like an Ethereum node: mend --rpc",
				cli->common.rpc);
	return CLI_OK;
}

enum cli_exit cli_views(struct cli *cli, struct cli_view *views, size_t count)
{
	struct cli_question *q = cli_alloc(count * sizeof *q);
	enum cli_exit x = CLI_OK;

	for (size_t i = 0; i < count && !x; i++) {
		q[i].method = "eth_call";
		q[i].params = cli_call_params(NULL, views[i].to,
					      buf_bytes(&views[i].call));
		if (buf_failed(&views[i].call))
			x = cli_fail(cli, CLI_FAILED, "%s: %s",
				     views[i].contract,
				     err_text(views[i].call.err));
	}
	if (!x)
		x = cli_ask_many(cli, q, count);
	for (size_t i = 0; i < count && !x; i++)
		x = take_answer(cli, &views[i], &q[i]);
	cli_questions_free(q, count);
	free(q);
	return x;
}

void cli_views_free(struct cli_view *views, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_free(&views[i].call);
		buf_free(&views[i].answer);
	}
}

enum cli_exit cli_decoded(struct cli *cli, const struct cli_view *v, enum err e)
{
	char at[ADDRESS_ROOM];

	if (!e)
		return CLI_OK;
	address_format(at, v->to);
	if (v->answer.size == 0)
		return cli_fail(cli, CLI_USAGE,
				"there is no contract at %s (%s) on the node "
				"%s: deploy, or mend --contracts or --rpc",
				at, v->contract, rpc_node(cli->rpc));
	return cli_fail(cli, CLI_USAGE,
			"the contract at %s isn't a %s of this version: mend "
			"--contracts, or use the kalypso of its version",
			at, v->contract);
}

/* One view whose call is in @v; @v->answer is there after CLI_OK. */
static enum cli_exit ask(struct cli *cli, struct cli_view *v, enum err made)
{
	if (made)
		return cli_fail(cli, CLI_FAILED, "%s: %s", v->contract,
				err_text(made));
	return cli_views(cli, v, 1);
}

static struct cli_view marketplace(struct cli *cli)
{
	return (struct cli_view){.to = &cli->contracts.marketplace,
				 .contract = "ProofMarketplace"};
}

static struct cli_view registry(struct cli *cli)
{
	return (struct cli_view){.to = &cli->contracts.registry,
				 .contract = "GeneratorRegistry"};
}

enum cli_exit cli_view_u256(struct cli *cli, struct u256 *out,
			    const struct address *to, const char *contract,
			    struct buf *call)
{
	struct cli_view v = {.to = to, .contract = contract, .call = *call};
	enum cli_exit x = ask(cli, &v, buf_err(call));

	*call = (struct buf){0};
	if (!x)
		x = cli_decoded(
			cli, &v,
			abi_result_claimable(out, buf_bytes(&v.answer)));
	cli_views_free(&v, 1);
	return x;
}

/* ---- the marketplace ---------------------------------------------------- */

enum cli_exit cli_view_request(struct cli *cli, struct abi_request_view *out,
			       uint64_t id)
{
	struct cli_view v = marketplace(cli);
	struct u256 wide = u256_from_u64(id);
	enum cli_exit x = ask(cli, &v, abi_call_request_of(&v.call, &wide));

	if (!x)
		x = cli_decoded(
			cli, &v,
			abi_result_request_of(out, buf_bytes(&v.answer)));
	if (!x && out->state == ABI_REQUEST_STATE_NONE)
		x = cli_fail_named(cli, CLI_NOT_FOUND, "RequestUnknown",
				   "there is no request %" PRIu64, id);
	cli_views_free(&v, 1);
	return x;
}

enum cli_exit cli_view_market(struct cli *cli, struct abi_market_view *out,
			      uint64_t id)
{
	static const struct address nobody;
	struct cli_view v = marketplace(cli);
	struct u256 wide = u256_from_u64(id);
	enum cli_exit x = ask(cli, &v, abi_call_market_of(&v.call, &wide));

	if (!x)
		x = cli_decoded(
			cli, &v,
			abi_result_market_of(out, buf_bytes(&v.answer)));
	if (!x && address_eq(&out->verifier, &nobody))
		x = cli_fail_named(cli, CLI_NOT_FOUND, "MarketUnknown",
				   "there is no market %" PRIu64
				   ": kalypso market list shows all",
				   id);
	cli_views_free(&v, 1);
	return x;
}

/* Counts are uint256 to the ABI and never that large. */
static enum cli_exit narrow(struct cli *cli, uint64_t *out,
			    const struct u256 *wide, const char *what)
{
	if (!u256_to_u64(out, wide))
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"%s of the contract at --contracts is absurd: mend "
			"--contracts",
			what);
}

enum cli_exit cli_view_market_count(struct cli *cli, uint64_t *out)
{
	struct buf call = {0};
	struct u256 wide;
	enum cli_exit x;

	if (abi_call_market_count(&call))
		buf_fail(&call, ERR_NO_MEMORY);
	x = cli_view_u256(cli, &wide, &cli->contracts.marketplace,
			  "ProofMarketplace", &call);
	return x ? x : narrow(cli, out, &wide, "marketCount");
}

enum cli_exit cli_view_setting(struct cli *cli, struct u256 *out,
			       const struct address *to, const char *contract,
			       const char *name)
{
	struct buf call = {0};
	struct hash32 word;

	if (cli_parse_setting(&word, name))
		return cli_fail(cli, CLI_USAGE, "'%s' is no setting", name);
	if (abi_call_setting(&call, &word))
		buf_fail(&call, ERR_NO_MEMORY);
	return cli_view_u256(cli, out, to, contract, &call);
}

enum cli_exit cli_view_claimable(struct cli *cli, struct u256 *out,
				 const struct address *to, const char *contract,
				 const struct address *account)
{
	struct buf call = {0};

	if (abi_call_claimable(&call, account))
		buf_fail(&call, ERR_NO_MEMORY);
	return cli_view_u256(cli, out, to, contract, &call);
}

/* ---- the registry ------------------------------------------------------- */

enum cli_exit cli_view_generator(struct cli *cli,
				 struct abi_generator_of_result *out,
				 const struct address *generator)
{
	struct cli_view v = registry(cli);
	enum cli_exit x =
		ask(cli, &v, abi_call_generator_of(&v.call, generator));

	if (!x)
		x = cli_decoded(
			cli, &v,
			abi_result_generator_of(out, buf_bytes(&v.answer)));
	cli_views_free(&v, 1);
	return x;
}

enum cli_exit cli_view_quote(struct cli *cli, struct abi_quote_of_result *out,
			     const struct address *generator, uint64_t market)
{
	struct cli_view v = registry(cli);
	struct u256 wide = u256_from_u64(market);
	enum cli_exit x =
		ask(cli, &v, abi_call_quote_of(&v.call, generator, &wide));

	if (!x)
		x = cli_decoded(cli, &v,
				abi_result_quote_of(out, buf_bytes(&v.answer)));
	cli_views_free(&v, 1);
	return x;
}

enum cli_exit cli_view_payable_at(struct cli *cli, uint64_t *out,
				  const struct address *generator)
{
	struct cli_view v = registry(cli);
	enum cli_exit x = ask(cli, &v, abi_call_payable_at(&v.call, generator));

	if (!x)
		x = cli_decoded(
			cli, &v,
			abi_result_payable_at(out, buf_bytes(&v.answer)));
	cli_views_free(&v, 1);
	return x;
}

/* ---- tokens ------------------------------------------------------------- */

enum cli_exit cli_view_balance(struct cli *cli, struct u256 *out,
			       const struct cli_token *token,
			       const struct address *account)
{
	struct buf call = {0};

	if (abi_call_balance_of(&call, account))
		buf_fail(&call, ERR_NO_MEMORY);
	return cli_view_u256(cli, out, &token->address, token->symbol, &call);
}

enum cli_exit cli_view_allowance(struct cli *cli, struct u256 *out,
				 const struct cli_token *token,
				 const struct address *owner,
				 const struct address *spender)
{
	struct buf call = {0};

	if (abi_call_allowance(&call, owner, spender))
		buf_fail(&call, ERR_NO_MEMORY);
	return cli_view_u256(cli, out, &token->address, token->symbol, &call);
}

static enum cli_exit take_token(struct cli *cli, struct cli_token *token,
				const struct cli_view *decimals,
				const struct cli_view *symbol)
{
	struct buf clean = {0};
	struct bytes text;
	uint8_t digits;
	enum cli_exit x = cli_decoded(
		cli, decimals,
		abi_result_decimals(&digits, buf_bytes(&decimals->answer)));

	if (!x)
		x = cli_decoded(
			cli, symbol,
			abi_result_symbol(&text, buf_bytes(&symbol->answer)));
	if (x)
		return x;
	if (digits > AMOUNT_DECIMALS_MAX)
		return cli_fail(cli, CLI_USAGE,
				"a token with %u decimals can't be used",
				digits);
	if (text.size > SYMBOL_MAX)
		text.size = SYMBOL_MAX;
	cli_put_clean(&clean, text);
	token->address = *decimals->to;
	token->decimals = digits;
	snprintf(token->symbol, sizeof token->symbol, "%s",
		 clean.size ? buf_text(&clean) : "tokens");
	buf_free(&clean);
	return CLI_OK;
}

/* Without a node: what the gateway says of a token. */
static void take_description(struct cli_token *token, const json_t *said)
{
	const char *symbol = json_string_value(json_object_get(said, "symbol"));
	json_int_t decimals =
		json_integer_value(json_object_get(said, "decimals"));
	struct buf clean = {0};

	if (symbol)
		cli_put_clean(&clean, (struct bytes){(const uint8_t *)symbol,
						     strlen(symbol)});
	token->decimals = decimals > 0 && decimals <= AMOUNT_DECIMALS_MAX
				  ? (unsigned)decimals
				  : 0;
	snprintf(token->symbol, sizeof token->symbol, "%s",
		 clean.size && clean.size <= SYMBOL_MAX ? buf_text(&clean)
							: "tokens");
	buf_free(&clean);
}

static enum cli_exit ask_gateway(struct cli *cli)
{
	json_t *said, *tokens;
	enum cli_exit x = cli_gateway_get(cli, &said, "chain");

	if (x)
		return x;
	tokens = json_object_get(said, "tokens");
	take_description(&cli->payment, json_object_get(tokens, "payment"));
	take_description(&cli->stake, json_object_get(tokens, "stake"));
	json_decref(said);
	return CLI_OK;
}

enum cli_exit cli_tokens(struct cli *cli)
{
	const struct address *payment = &cli->contracts.payment_token;
	const struct address *stake = &cli->contracts.stake_token;
	struct cli_view v[] = {{.to = payment, .contract = "PaymentToken"},
			       {.to = payment, .contract = "PaymentToken"},
			       {.to = stake, .contract = "StakeToken"},
			       {.to = stake, .contract = "StakeToken"}};
	enum cli_exit x = CLI_OK;

	if (*cli->payment.symbol)
		return CLI_OK;
	if (!cli->has_chain)
		return ask_gateway(cli);
	for (size_t i = 0; i < 4 && !x; i += 2)
		if (abi_call_decimals(&v[i].call) ||
		    abi_call_symbol(&v[i + 1].call))
			x = cli_fail(cli, CLI_FAILED, "out of memory");
	if (!x)
		x = cli_views(cli, v, 4);
	if (!x)
		x = take_token(cli, &cli->payment, &v[0], &v[1]);
	if (!x)
		x = take_token(cli, &cli->stake, &v[2], &v[3]);
	cli_views_free(v, 4);
	return x;
}

/* ---- what was typed ----------------------------------------------------- */

enum cli_exit cli_amount(struct cli *cli, struct u256 *out, const char *what,
			 const char *text, const struct cli_token *token)
{
	enum err e = cli_parse_amount(out, text, token->decimals);

	if (e == ERR_MALFORMED)
		return cli_fail(cli, CLI_USAGE,
				"%s '%s' is no amount: write tokens (1.25) or "
				"units (1250000u)",
				what, text);
	if (e || u256_bit_length(out) > 128)
		return cli_fail(cli, CLI_USAGE,
				"%s '%s': %s has %u decimals, and an amount "
				"fits 128 bits",
				what, text, token->symbol, token->decimals);
	return CLI_OK;
}

enum cli_exit cli_id(struct cli *cli, uint64_t *out, size_t i)
{
	if (!cli_parse_u64(out, cli->args.v[i]))
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE, "'%s' is no id: ids are 1, 2, 3 …",
			cli->args.v[i]);
}
