/* What a deployment is, was and costs, as people and programs read it. */
#include "services/kalypso/deploy.h"

#include <inttypes.h>

#include "common/hex.h"

static const struct cli_token ether = {.decimals = 18, .symbol = "ETH"};

static void say_address(json_t *to, const char *name, const struct address *a)
{
	char text[ADDRESS_ROOM];

	json_object_set_new(to, name, json_string(address_format(text, a)));
}

static void say_number(json_t *to, const char *name, uint64_t v)
{
	json_object_set_new(to, name, json_sprintf("%" PRIu64, v));
}

json_t *deploy_terms_json(const struct deploy_terms *t)
{
	json_t *out = json_object();

	say_address(out, "--admin", &t->admin);
	say_address(out, "--governor", &t->governor);
	say_address(out, "--guardian", &t->guardian);
	say_address(out, "--treasury", &t->treasury);
	say_number(out, "--development", !t->timelock);
	say_number(out, "--test-tokens", t->test_tokens);
	say_address(out, "--payment-token", &t->payment_token);
	say_address(out, "--stake-token", &t->stake_token);
	say_number(out, "--timelock-delay", t->timelock_delay);
	say_number(out, "--activation-delay", t->activation_delay);
	say_number(out, "--no-branch-check", !t->checks_branch);
	return out;
}

/* ---- the answer --------------------------------------------------------- */

static void put_addresses(json_t *to, const struct deploying *d)
{
	static const char *const names[] = {
		"ProofMarketplace", "GeneratorRegistry", "EntityKeyRegistry"};
	const struct deploy_plan *p = &d->plan;

	for (size_t i = 0; i < 3; i++)
		say_address(to, names[i], &p->proxy[i]);
	say_address(to, "PaymentToken", &p->payment);
	say_address(to, "StakeToken", &p->stake);
	if (d->terms.timelock)
		say_address(to, "TimelockController", &p->timelock);
}

json_t *deploy_addresses_json(const struct deploying *d)
{
	json_t *out = json_pack("{s:I, s:I}", "chainId",
				(json_int_t)d->cli->contracts.chain_id,
				"startBlock", (json_int_t)d->start);

	put_addresses(out, d);
	return out;
}

static void put_step(struct cli_out *o, const struct deploy_step *s,
		     const struct deploy_seen *seen)
{
	cli_begin(o, NULL);
	cli_put_text(o, "name", "Contract", s->name);
	cli_put_address(o, "address", "Address", &s->address);
	cli_put_id(o, "nonce", "Nonce", s->nonce);
	cli_put_bool(o, "deployed", "There", seen->done);
	cli_put_id(o, "gas", "Gas",
		   seen->mined ? seen->receipt.gas_used : seen->gas);
	if (seen->mined)
		cli_put_hash(o, "tx", NULL, &seen->receipt.tx);
	if (seen->mined)
		cli_put_id(o, "block", NULL, seen->receipt.block);
	cli_end(o);
}

static struct u256 paid(const struct deploying *d)
{
	struct u256 all = U256_ZERO;

	for (size_t i = 0; i < d->plan.count; i++) {
		const struct evm_receipt *r = &d->seen[i].receipt;
		struct u256 gas = u256_from_u64(r->gas_used);

		if (d->seen[i].mined && (u256_mul(&gas, &gas, &r->gas_price) ||
					 u256_add(&all, &all, &gas)))
			return U256_MAX;
	}
	return all;
}

void deploy_report(struct deploying *d, bool done)
{
	struct cli_out *o = d->cli->out;
	struct u256 spent = paid(d);
	json_t *addresses = json_object();

	put_addresses(addresses, d);
	cli_put_id(o, "chain_id", "Chain", d->cli->contracts.chain_id);
	cli_put_address(o, "deployer", "Deployer", &d->cli->account);
	cli_put_id(o, "start_block", "Start block", d->start);
	cli_put_amount(o, "paid", "Paid", &spent, &ether);
	if (!done) {
		cli_put_amount(o, "cost_at_most", "Left, at most", &d->cost,
			       &ether);
		cli_put_amount(o, "balance", "Balance", &d->balance, &ether);
	}
	cli_put_json(o, "addresses", addresses);
	cli_say(o, "%s", "");
	cli_begin_list(o, "steps", "nothing");
	for (size_t i = 0; i < d->plan.count; i++)
		put_step(o, &d->plan.steps[i], &d->seen[i]);
	cli_end(o);
	cli_say(o, "%s", "");
}
