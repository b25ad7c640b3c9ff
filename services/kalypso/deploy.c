/* The command: its options, and one step after the other. */
#include "services/kalypso/deploy.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hex.h"
#include "services/kalypso/node.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/terminal.h"
#include "services/kalypso/text.h"

enum {
	TIMELOCK_DELAY_S = 2 * 86400,
	ACTIVATION_DELAY_S = 86400,
	CONFIRMATIONS = 3,
};

struct deploy_options {
	const char *out, *state, *artifacts;
	struct cli_number chain_id, confirmations;
	struct cli_number timelock_delay, activation_delay;
	struct cli_address admin, governor, guardian, treasury;
	struct cli_address payment_token, stake_token;
	bool development, test_tokens, tokens_checked, no_branch_check;
};

/* ---- options ------------------------------------------------------------ */

static uint64_t number_or(const struct cli_number *n, uint64_t otherwise)
{
	return n->given ? n->v : otherwise;
}

static struct address address_or(const struct cli_address *a,
				 const struct address *otherwise)
{
	return a->given ? a->v : *otherwise;
}

static enum cli_exit check_chain_id(struct cli *cli,
				    const struct deploy_options *o)
{
	uint64_t is = cli->contracts.chain_id;

	if (!o->chain_id.given && o->development)
		return CLI_OK;
	if (!o->chain_id.given)
		return cli_fail(cli, CLI_USAGE,
				"the node %s is of chain %" PRIu64
				": if that is where the contracts belong, say "
				"so with --chain-id",
				rpc_node(cli->rpc), is);
	if (o->chain_id.v == is)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"the node %s is of chain %" PRIu64 ", not %" PRIu64
			": mend --rpc or --chain-id",
			rpc_node(cli->rpc), is, o->chain_id.v);
}

static enum cli_exit check_options(struct cli *cli,
				   const struct deploy_options *o)
{
	const struct {
		const char *name;
		const struct cli_address *v;
	} rows[] = {{"admin", &o->admin},
		    {"governor", &o->governor},
		    {"guardian", &o->guardian},
		    {"treasury", &o->treasury},
		    {"payment-token", &o->payment_token},
		    {"stake-token", &o->stake_token}};
	const struct address zero = {{0}};
	bool named = o->payment_token.given || o->stake_token.given;
	bool made = o->test_tokens || o->development;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].v->given && address_eq(&rows[i].v->v, &zero))
			return cli_fail(cli, CLI_USAGE,
					"--%s is the address 0: nobody has its "
					"key",
					rows[i].name);
	if (named && made)
		return cli_fail(cli, CLI_USAGE,
				"--payment-token and --stake-token, or test "
				"tokens (--test-tokens, --development): not "
				"both");
	if (!made && !(o->payment_token.given && o->stake_token.given))
		return cli_fail(cli, CLI_USAGE,
				"which tokens? Give --payment-token and "
				"--stake-token, or --test-tokens where no "
				"money is at stake");
	if (!o->development && !o->admin.given)
		return cli_fail(cli, CLI_USAGE,
				"who governs? Give --admin ADDRESS, whose "
				"proposals the timelock takes: a multisig that "
				"you can use; or --development");
	if (o->development && o->timelock_delay.given)
		return cli_fail(cli, CLI_USAGE,
				"--timelock-delay: with --development there is "
				"no timelock");
	return CLI_OK;
}

static void make_terms(struct deploying *d, const struct deploy_options *o)
{
	struct deploy_terms *t = &d->terms;

	t->timelock = !o->development;
	t->test_tokens = o->test_tokens || o->development;
	t->checks_branch = !o->no_branch_check;
	t->admin = address_or(&o->admin, &d->cli->account);
	t->governor = address_or(&o->governor, &t->admin);
	t->guardian = address_or(&o->guardian, &t->admin);
	t->treasury = address_or(&o->treasury, &t->admin);
	t->payment_token = o->payment_token.v;
	t->stake_token = o->stake_token.v;
	t->timelock_delay = number_or(&o->timelock_delay, TIMELOCK_DELAY_S);
	t->activation_delay = number_or(
		&o->activation_delay, o->development ? 0 : ACTIVATION_DELAY_S);
	d->confirmations = number_or(&o->confirmations,
				     o->development ? 1 : CONFIRMATIONS);
}

/* Where the bundle is if nobody says so: beside an installed program, or in
 * the tree that it was built in. */
static const char *find_artifacts(char out[PATH_MAX], const char *given)
{
	static const char *const places[] = {"../share/kalypso/contracts.json",
					     "contracts.json",
					     "../../contracts/contracts.json"};
	char exe[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *slash = n > 0 ? strrchr(exe, '/') : NULL;

	if (given)
		return given;
	if (slash)
		slash[1] = 0;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (snprintf(out, PATH_MAX, "%s%s", exe, places[i]) <
			    PATH_MAX &&
		    access(out, R_OK) == 0)
			return out;
	}
	return NULL;
}

static enum cli_exit read_bundle(struct deploying *d, const char *given)
{
	char room[PATH_MAX], why[DEPLOY_WHY_ROOM];
	const char *path = find_artifacts(room, given), *wrong;

	if (!path)
		return cli_fail(d->cli, CLI_USAGE,
				"the compiled contracts aren't beside the "
				"program: give their file, contracts.json of "
				"the release (in a source tree `make "
				"contracts` makes build/contracts/"
				"contracts.json), with --artifacts");
	wrong = deploy_bundle_read(&d->bundle, path, why);
	return wrong ? cli_fail(d->cli, CLI_USAGE,
				"--artifacts %s: %s: give contracts.json of "
				"this release",
				path, wrong)
		     : CLI_OK;
}

/* ---- where it stands ---------------------------------------------------- */

static enum cli_exit ask_genesis(struct deploying *d)
{
	struct cli_question q = {.method = "eth_getBlockByNumber",
				 .params = json_pack("[s,b]", "0x0", 0)};
	enum cli_exit x = cli_ask_many(d->cli, &q, 1);

	d->has_genesis =
		!x && !q.err &&
		!evm_hash_parse(&d->genesis, json_object_get(q.result, "hash"));
	cli_questions_free(&q, 1);
	return x;
}

/* The nonces that a new plan would take mustn't be under way already. */
static enum cli_exit check_quiet(struct deploying *d)
{
	char who[ADDRESS_ROOM];

	if (d->pending == d->mined)
		return CLI_OK;
	return cli_fail_named(
		d->cli, CLI_FAILED, "NonceTaken",
		"%s has %" PRIu64 " transactions waiting: wait until they are "
		"mined, or deploy from an account that nothing "
		"else uses",
		address_format(who, &d->cli->account), d->pending - d->mined);
}

/* CLI_UNREACHABLE of deploy_look(), told. */
static enum cli_exit look_at(struct deploying *d, size_t count)
{
	enum cli_exit x = deploy_look(d, 0, count);

	return x == CLI_UNREACHABLE
		       ? cli_fail(d->cli, x, "no node of --rpc %s answers",
				  d->cli->common.rpc)
		       : x;
}

static enum cli_exit make_plan(struct deploying *d)
{
	uint64_t nonce = d->mined;
	enum cli_exit x = CLI_OK;

	if (d->state)
		nonce = deploy_state_nonce(d);
	else
		x = check_quiet(d);
	if (x)
		return x;
	if (deploy_plan_make(&d->plan, &d->terms, &d->bundle, &d->cli->account,
			     nonce))
		return cli_fail(d->cli, CLI_FAILED, "out of memory");
	if (d->state)
		x = deploy_state_match(d);
	else
		d->start = d->cli->head;
	if (!x)
		x = look_at(d, d->plan.count);
	return x ? x : deploy_check_nonces(d);
}

/* ---- doing it ----------------------------------------------------------- */

static enum cli_exit check_code(struct cli *cli, const char *option,
				const struct address *token)
{
	struct cli_question q = {
		.method = "eth_getCode",
		.params = json_pack("[o,s]", evm_address(token), "latest")};
	enum cli_exit x = cli_ask_many(cli, &q, 1);
	char at[ADDRESS_ROOM];

	if (!x && (q.err || !q.result ||
		   strcmp(json_string_value(q.result) ?: "0x", "0x") == 0))
		x = cli_fail(cli, CLI_USAGE,
			     "%s: there is no contract at %s on chain %" PRIu64
			     ": mend it",
			     option, address_format(at, token),
			     cli->contracts.chain_id);
	cli_questions_free(&q, 1);
	return x;
}

static enum cli_exit check_tokens(struct deploying *d, bool checked)
{
	const struct deploy_terms *t = &d->terms;
	enum cli_exit x;

	if (t->test_tokens)
		return CLI_OK;
	x = check_code(d->cli, "--payment-token", &t->payment_token);
	if (!x)
		x = check_code(d->cli, "--stake-token", &t->stake_token);
	if (!x && !checked)
		x = deploy_try_token(d->cli, "--payment-token",
				     &t->payment_token);
	if (!x && !checked)
		x = deploy_try_token(d->cli, "--stake-token", &t->stake_token);
	return x;
}

static enum cli_exit may_begin(struct deploying *d)
{
	char question[160], cost[AMOUNT_TEXT_ROOM];
	size_t left = d->plan.count - deploy_next(d);

	if (d->cli->common.yes || !cli_can_ask())
		return CLI_OK;
	snprintf(question, sizeof question,
		 "Create %zu contracts on chain %" PRIu64
		 " for at most %.40s ETH?",
		 left, d->cli->contracts.chain_id,
		 amount_format(cost, &(struct amount){d->cost}, 18));
	return cli_ask_yes(question)
		       ? CLI_OK
		       : cli_fail(d->cli, CLI_INTERRUPTED, "nothing was sent");
}

static enum cli_exit send_all(struct deploying *d)
{
	enum cli_exit x = CLI_OK;

	if (!d->state)
		x = deploy_state_begin(d);
	while (!x && deploy_next(d) < d->plan.count)
		x = deploy_send(d, deploy_next(d));
	if (!x)
		x = deploy_confirm(d);
	if (!x)
		x = look_at(d, d->plan.count);
	if (!x && deploy_next(d) < d->plan.count)
		x = cli_fail(d->cli, CLI_FAILED,
			     "the chain was re-organised: %s isn't there any "
			     "more; run the same command again",
			     d->plan.steps[deploy_next(d)].name);
	return x;
}

static enum cli_exit finish(struct deploying *d)
{
	json_t *json = deploy_addresses_json(d);
	enum cli_exit x = deploy_read_back(d);

	if (!x && !d->finished && !d->cli->common.dry_run)
		x = deploy_write(d->cli, d->out, json);
	if (!x) {
		cli_put_text(d->cli->out, "out", NULL, d->out);
		cli_say(d->cli->out, "Addresses: %s", d->out);
	}
	json_decref(json);
	return x;
}

static enum cli_exit go(struct deploying *d, const struct deploy_options *o)
{
	bool all_there = deploy_next(d) == d->plan.count;
	bool dry = d->cli->common.dry_run;
	enum cli_exit x = CLI_OK;

	if (!all_there) {
		x = check_tokens(d, o->tokens_checked);
		if (!x)
			x = deploy_estimate(d);
		if (!x && dry)
			deploy_report(d, false);
		if (!x)
			x = deploy_check_funds(d);
		if (!x && !dry)
			x = may_begin(d);
	}
	if (x || (dry && !all_there))
		return x;
	x = send_all(d);
	if (!x)
		deploy_report(d, true);
	return x ? x : finish(d);
}

static enum cli_exit begin(struct deploying *d, const struct deploy_options *o)
{
	enum cli_exit x = check_options(d->cli, o);

	if (!x)
		x = check_chain_id(d->cli, o);
	if (!x)
		x = cli_signer_load(d->cli);
	if (!x)
		x = read_bundle(d, o->artifacts);
	if (!x)
		x = ask_genesis(d);
	if (x)
		return x;
	make_terms(d, o);
	d->said = deploy_terms_json(&d->terms);
	d->finished = access(d->out, F_OK) == 0;
	x = deploy_state_read(d);
	if (!x)
		x = look_at(d, 0);
	return x ? x : make_plan(d);
}

static enum cli_exit deploy(struct cli *cli, const void *options)
{
	const struct deploy_options *o = options;
	struct deploying *d = cli_alloc(sizeof *d);
	char state[PATH_MAX];
	enum cli_exit x;

	d->cli = cli;
	d->out = o->out;
	d->state_path = o->state ? o->state : state;
	snprintf(state, sizeof state, "%.4000s.state", o->out);
	x = begin(d, o);
	if (!x)
		x = go(d, o);
	if (x && d->state && (x == CLI_UNREACHABLE || x == CLI_INTERRUPTED))
		cli_note("%s knows how far it is: run the same command again "
			 "to go on",
			 d->state_path);
	deploy_plan_free(&d->plan);
	deploy_bundle_free(&d->bundle);
	json_decref(d->state);
	json_decref(d->said);
	free(d);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option rows[] = {
	CLI_OPTION(deploy_options, TEXT, out, "out", "FILE", "addresses of the contracts, for --contracts; written last", true),
	CLI_OPTION(deploy_options, TEXT, state, "state", "FILE", "how far it is [OUT.state]", false),
	{.name = "artifacts", .kind = CLI_TEXT, .offset = offsetof(struct deploy_options, artifacts), .arg = "FILE", .meaning = "the compiled contracts [contracts.json beside the program, or in ../share/kalypso]", .env = "KALYPSO_ARTIFACTS"},
	CLI_OPTION(deploy_options, NUMBER, chain_id, "chain-id", "ID", "the chain that is meant; needed but with --development", false),
	CLI_OPTION(deploy_options, ADDRESS, admin, "admin", "ADDRESS", "proposes upgrades and roles to the timelock, and executes them; needed but with --development", false),
	CLI_OPTION(deploy_options, ADDRESS, governor, "governor", "ADDRESS", "sets settings and engine keys [the admin]", false),
	CLI_OPTION(deploy_options, ADDRESS, guardian, "guardian", "ADDRESS", "may pause, and revoke keys [the admin]", false),
	CLI_OPTION(deploy_options, ADDRESS, treasury, "treasury", "ADDRESS", "gets fees, and its part of penalties [the admin]", false),
	CLI_OPTION(deploy_options, ADDRESS, payment_token, "payment-token", "ADDRESS", "ERC-20 that proofs are paid in", false),
	CLI_OPTION(deploy_options, ADDRESS, stake_token, "stake-token", "ADDRESS", "ERC-20 that generators stake", false),
	CLI_OPTION(deploy_options, FLAG, test_tokens, "test-tokens", NULL, "make both tokens; anybody may mint them", false),
	CLI_OPTION(deploy_options, FLAG, tokens_checked, "tokens-checked", NULL, "don't try the tokens out: somebody checked that they take no fee, don't rebase, call nobody", false),
	CLI_OPTION(deploy_options, SECONDS, timelock_delay, "timelock-delay", "TIME", "between a proposal and its execution [2d]", false),
	CLI_OPTION(deploy_options, SECONDS, activation_delay, "activation-delay", "TIME", "from a market's making to its first request [1d]", false),
	CLI_OPTION(deploy_options, FLAG, no_branch_check, "no-branch-check", NULL, "where BLOCKHASH isn't the chain's own: don't hold decisions against it", false),
	CLI_OPTION(deploy_options, FLAG, development, "development", NULL, "test tokens, no timelock, no delays; whoever isn't named is the deployer", false),
	CLI_OPTION(deploy_options, NUMBER, confirmations, "confirmations", "COUNT", "blocks, from the last contract's on [3; with --development 1]", false),
	{0}};

const struct cli_command cli_deploy_commands[] = {
	{.noun = "deploy", .args = "",
	 .needs = CLI_NEEDS_NODE | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND | CLI_NEEDS_PATIENCE,
	 .role = "deployer",
	 .summary = "put the contracts of a market on a chain",
	 .more = "With --dry-run it tells what would be sent, where each contract will be, and what it costs at most. Cut short, it goes on when the same command is given again: OUT.state knows what was sent, the chain knows what is there, and nothing is created twice. The deployer holds no role afterwards but those that it is named for. At the end the contracts are asked for their parts, roles and settings. A finished deployment is looked over once more. docs/deploying.md walks through all of it.",
	 .examples = "  kalypso deploy --development --out=contracts.json --rpc=http://127.0.0.1:8545\n"
		     "  kalypso deploy --chain-id=1 --admin=0x… --governor=0x… --payment-token=0x… --stake-token=0x… --out=contracts.json --keystore=deployer.json --dry-run\n",
	 .options = rows, .options_size = sizeof(struct deploy_options), .run = deploy},
	{0}};
/* clang-format on */
