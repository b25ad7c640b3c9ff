/* Balances, withdrawals, new keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi_market.h"
#include "common/evm.h"
#include "common/hex.h"
#include "common/key.h"
#include "services/kalypso/node.h"
#include "services/kalypso/send.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/views.h"

static const struct cli_token ether = {.decimals = 18, .symbol = "ETH"};

/* ---- show --------------------------------------------------------------- */

/* What an account has in one token, and in the contract that holds it. */
struct purse {
	const struct cli_token *token;
	const struct address *contract;
	const char *name, *key;
	struct u256 balance, allowance, claimable;
};

static enum cli_exit look_into(struct cli *cli, struct purse *p,
			       const struct address *who)
{
	enum cli_exit x = cli_view_balance(cli, &p->balance, p->token, who);

	if (!x)
		x = cli_view_allowance(cli, &p->allowance, p->token, who,
				       p->contract);
	return x ? x
		 : cli_view_claimable(cli, &p->claimable, p->contract, p->name,
				      who);
}

static void put_purses(struct cli *cli, const struct purse *purses,
		       size_t count)
{
	struct cli_out *o = cli->out;

	cli_say(o, "%s", "");
	cli_begin_list(o, "tokens", NULL);
	for (size_t i = 0; i < count; i++) {
		const struct purse *p = &purses[i];

		cli_begin(o, NULL);
		cli_put_text(o, "use", "For", p->key);
		cli_put_text(o, "symbol", NULL, p->token->symbol);
		cli_put_number(o, "decimals", NULL, p->token->decimals);
		cli_put_address(o, "token", NULL, &p->token->address);
		cli_put_amount(o, "balance", "Balance", &p->balance, p->token);
		cli_put_amount(o, "claimable", "To withdraw", &p->claimable,
			       p->token);
		cli_put_amount(o, "allowance", "Allowance", &p->allowance,
			       p->token);
		cli_end(o);
	}
	cli_end(o);
}

static enum cli_exit read_ether(struct cli *cli, const struct address *who,
				struct u256 *balance, uint64_t *nonce)
{
	struct cli_question q[] = {
		{.method = "eth_getBalance",
		 .params = json_pack("[o,s]", evm_address(who), "latest")},
		{.method = "eth_getTransactionCount",
		 .params = json_pack("[o,s]", evm_address(who), "latest")},
	};
	enum cli_exit x = cli_ask_many(cli, q, 2);

	if (!x && (evm_u256_parse(balance, q[0].result) ||
		   evm_u64_parse(nonce, q[1].result)))
		x = cli_fail(cli, CLI_UNREACHABLE,
			     "the node %s doesn't answer like an Ethereum "
			     "node: mend --rpc",
			     rpc_node(cli->rpc));
	cli_questions_free(q, 2);
	return x;
}

static enum cli_exit show(struct cli *cli, const void *options)
{
	struct purse purses[] = {
		{.token = &cli->payment,
		 .contract = &cli->contracts.marketplace,
		 .name = "ProofMarketplace",
		 .key = "payment"},
		{.token = &cli->stake,
		 .contract = &cli->contracts.registry,
		 .name = "GeneratorRegistry",
		 .key = "stake"},
	};
	struct address who;
	struct u256 wei;
	uint64_t nonce;
	enum cli_exit x = cli_whose(cli, &who, 0);

	(void)options;
	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = read_ether(cli, &who, &wei, &nonce);
	for (size_t i = 0; i < 2 && !x; i++)
		x = look_into(cli, &purses[i], &who);
	if (x)
		return x;
	cli_put_address(cli->out, "account", "Account", &who);
	cli_put_amount(cli->out, "balance", "Balance", &wei, &ether);
	cli_put_id(cli->out, "nonce", "Transactions", nonce);
	put_purses(cli, purses, 2);
	return CLI_OK;
}

/* ---- withdraw ----------------------------------------------------------- */

struct withdraw_options {
	bool payment, stake;
};

/* Add the call if there is something; *due is what. */
static enum cli_exit add_withdrawal(struct cli *cli, struct cli_plan *plan,
				    const struct address *contract,
				    const char *name, const struct address *who)
{
	struct cli_call *call;
	struct u256 due;
	enum cli_exit x = cli_view_claimable(cli, &due, contract, name, who);

	if (x || u256_is_zero(&due))
		return x;
	call = cli_plan_add(plan, "withdraw", name, contract);
	return cli_made(cli, call, abi_call_withdraw(&call->data, who));
}

static void say_withdrawn(struct cli *cli, const struct cli_plan *plan)
{
	struct cli_out *o = cli->out;

	cli_begin_list(o, "withdrawn", NULL);
	for (size_t i = 0; i < plan->count; i++) {
		const struct cli_call *call = &plan->calls[i];
		bool stake = address_eq(&call->to, &cli->contracts.registry);
		struct abi_event e;
		size_t at = 0;

		while (cli_next_event(cli, call, &at, &e)) {
			if (e.id != ABI_EVENT_WITHDRAWN)
				continue;
			cli_begin(o, NULL);
			cli_put_address(o, "account", "Account",
					&e.withdrawn.account);
			cli_put_text(o, "use", NULL,
				     stake ? "stake" : "payment");
			cli_put_amount(o, "amount", "Withdrawn",
				       &e.withdrawn.amount,
				       stake ? &cli->stake : &cli->payment);
			cli_end(o);
		}
	}
	cli_end(o);
}

static enum cli_exit withdraw(struct cli *cli, const void *options)
{
	const struct withdraw_options *o = options;
	bool both = o->payment == o->stake;
	struct cli_plan plan = {.count = 0};
	struct address who;
	char text[ADDRESS_ROOM];
	enum cli_exit x = cli_whose(cli, &who, 0);

	if (!x)
		x = cli_tokens(cli);
	if (!x && (both || o->payment))
		x = add_withdrawal(cli, &plan, &cli->contracts.marketplace,
				   "ProofMarketplace", &who);
	if (!x && (both || o->stake))
		x = add_withdrawal(cli, &plan, &cli->contracts.registry,
				   "GeneratorRegistry", &who);
	if (!x && !plan.count)
		x = cli_fail_named(cli, CLI_FAILED, "NothingDue",
				   "%s has nothing to withdraw",
				   address_format(text, &who));
	return cli_plan_finish(cli, &plan, x, say_withdrawn);
}

/* ---- new ---------------------------------------------------------------- */

static enum cli_exit save(struct cli *cli, const struct secret_key *key,
			  const char *path, const char *password)
{
	struct key_why why;
	enum err e = key_save(path, key, password, KEYSTORE_STRONG, &why);

	if (e == ERR_EXISTS)
		return cli_fail(cli, CLI_USAGE,
				"%s is there already: name another file", path);
	if (e)
		return cli_fail(cli, CLI_USAGE, "%s",
				e == ERR_CONFIG ? why.text : err_text(e));
	return CLI_OK;
}

static enum cli_exit new_account(struct cli *cli, const void *options)
{
	const char *path = cli->args.v[0];
	struct secret_key *key = NULL;
	struct address address;
	char *password = NULL;
	enum cli_exit x =
		cli_password(cli, &password, "Password for the new key", true);

	(void)options;
	if (!x && secret_key_random(&key))
		x = cli_fail(cli, CLI_FAILED, "out of memory");
	if (!x)
		x = save(cli, key, path, password);
	if (!x) {
		secret_key_address(&address, key);
		cli_put_address(cli->out, "account", "Account", &address);
		cli_put_text(cli->out, "keystore", "Keystore", path);
	}
	secret_key_free(&key);
	cli_password_free(&password);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option withdraw_rows[] = {
	CLI_OPTION(withdraw_options, FLAG, payment, "payment", NULL, "only earnings and refunds, from the marketplace", false),
	CLI_OPTION(withdraw_options, FLAG, stake, "stake", NULL, "only bounties and parts of penalties, from the registry", false),
	{0}};

const struct cli_command cli_account_commands[] = {
	{.noun = "account", .verb = "show", .args = "[ADDRESS]", .args_max = 1,
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT, .role = "requester",
	 .summary = "what an account holds, and what it could withdraw",
	 .examples = "  kalypso account show\n  kalypso account show 0x… --json\n",
	 .run = show},
	{.noun = "account", .verb = "withdraw", .args = "[ADDRESS]", .args_max = 1,
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND | CLI_NEEDS_PATIENCE,
	 .role = "requester",
	 .summary = "have paid out what is owed: earnings, refunds, bounties",
	 .more = "Anyone may have it paid, to the account that it belongs to.",
	 .examples = "  kalypso account withdraw\n  kalypso account withdraw 0x… --payment\n",
	 .options = withdraw_rows, .options_size = sizeof(struct withdraw_options), .run = withdraw},
	{.noun = "account", .verb = "new", .args = "FILE", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_PASSWORD,
	 .summary = "make a key, and keep it under a password in a v3 keystore",
	 .examples = "  kalypso account new ~/kalypso.json\n  kalypso account new key.json --password-file=password.txt\n",
	 .run = new_account},
	{0}};
/* clang-format on */
