/* What was deployed, asked for itself: parts, roles, settings, code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/abi.h"
#include "common/hex.h"
#include "services/kalypso/deploy.h"
#include "services/kalypso/node.h"

enum { CHECKS_MAX = 64, ARGS_MAX = 2, CORE = 3 };

/* Where a proxy keeps its implementation: ERC-1967. */
#define CODE_SLOT                                                              \
	"0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"

/* One question with one word for an answer. */
struct check {
	const char *contract;
	char what[120];
	struct address to;
	struct buf call; /* empty: CODE_SLOT is read */
	struct hash32 want;
};

struct checks {
	struct check v[CHECKS_MAX];
	size_t count;
};

/* ---- words -------------------------------------------------------------- */

static struct hash32 of_address(const struct address *a)
{
	struct hash32 word = {{0}};

	memcpy(word.bytes + 12, a->bytes, sizeof a->bytes);
	return word;
}

static struct hash32 of_number(uint64_t v)
{
	const struct u256 n = u256_from_u64(v);
	struct hash32 word;

	u256_to_be32(word.bytes, &n);
	return word;
}

/* A setting's name as bytes32: text, zeros behind it. */
static struct hash32 of_text(const char *text)
{
	struct hash32 word = {{0}};

	memcpy(word.bytes, text, strlen(text));
	return word;
}

/* ---- making the list ---------------------------------------------------- */

static struct check *add(struct checks *all, const char *contract,
			 const struct address *to, const char *what)
{
	struct check *c = &all->v[all->count++];

	c->contract = contract;
	c->to = *to;
	snprintf(c->what, sizeof c->what, "%s", what);
	return c;
}

static void want(struct checks *all, const char *contract,
		 const struct address *to, const char *what,
		 const char *signature, const struct hash32 args[ARGS_MAX],
		 size_t args_count, struct hash32 value)
{
	struct check *c = add(all, contract, to, what);
	struct selector s = deploy_selector(signature);

	buf_put(&c->call, s.bytes, sizeof s.bytes);
	for (size_t i = 0; i < args_count; i++)
		buf_put(&c->call, args[i].bytes, sizeof args[i].bytes);
	c->want = value;
}

static void want_role(struct checks *all, const char *contract,
		      const struct address *to, const char *role,
		      const struct address *who, bool has)
{
	const struct hash32 args[ARGS_MAX] = {
		deploy_role(*role == 'D' ? "" : role), of_address(who)};
	char at[ADDRESS_ROOM], what[100];

	snprintf(what, sizeof what, "%s%s %.10s…", has ? "" : "no ", role,
		 address_format(at, who));
	want(all, contract, to, what, "hasRole(bytes32,address)", args, 2,
	     of_number(has));
}

static void want_setting(struct checks *all, const char *contract,
			 const struct address *to, const char *name,
			 struct hash32 value)
{
	const struct hash32 args[ARGS_MAX] = {of_text(name)};

	want(all, contract, to, name, "setting(bytes32)", args, 1, value);
}

/* The addresses that each of the three carries in its code, and its roles. */
static void want_core(struct checks *all, const struct deploying *d, size_t i)
{
	const struct deploy_plan *p = &d->plan;
	const struct deploy_terms *t = &d->terms;
	const char *name = deploy_contract_name(
		(enum deploy_contract)(DEPLOY_MARKETPLACE + (int)i));
	const struct address *to = &p->proxy[i];
	const struct {
		const char *what, *signature;
		const struct address *is;
	} parts[] = {{"marketplace", "marketplace()", &p->proxy[0]},
		     {"registry", "registry()", &p->proxy[1]},
		     {"keyRegistry", "keyRegistry()", &p->proxy[2]},
		     {"paymentToken", "paymentToken()", &p->payment},
		     {"stakeToken", "stakeToken()", &p->stake}};

	add(all, name, to, "implementation")->want = of_address(&p->code[i]);
	for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
		want(all, name, to, parts[k].what, parts[k].signature, NULL, 0,
		     of_address(parts[k].is));
	want_role(all, name, to, "DEFAULT_ADMIN_ROLE", &p->admin, true);
	want_role(all, name, to, "GOVERNOR_ROLE", &t->governor, true);
	want_role(all, name, to, "GUARDIAN_ROLE", &t->guardian, true);
	if (!address_eq(&p->admin, &d->cli->account))
		want_role(all, name, to, "DEFAULT_ADMIN_ROLE", &d->cli->account,
			  false);
}

static void want_timelock(struct checks *all, const struct deploying *d)
{
	const char *name = deploy_contract_name(DEPLOY_TIMELOCK);
	const struct address *to = &d->plan.timelock;
	const struct address *admin = &d->terms.admin;

	want(all, name, to, "getMinDelay", "getMinDelay()", NULL, 0,
	     of_number(d->terms.timelock_delay));
	want_role(all, name, to, "PROPOSER_ROLE", admin, true);
	want_role(all, name, to, "EXECUTOR_ROLE", admin, true);
	want_role(all, name, to, "CANCELLER_ROLE", admin, true);
	want_role(all, name, to, "DEFAULT_ADMIN_ROLE", to, true);
	want_role(all, name, to, "DEFAULT_ADMIN_ROLE", &d->cli->account, false);
}

static void make_list(struct checks *all, const struct deploying *d)
{
	const struct deploy_plan *p = &d->plan;
	const char *market = deploy_contract_name(DEPLOY_MARKETPLACE);
	const char *registry = deploy_contract_name(DEPLOY_REGISTRY);

	for (size_t i = 0; i < CORE; i++)
		want_core(all, d, i);
	want(all, market, &p->proxy[0], "checksBranch", "checksBranch()", NULL,
	     0, of_number(d->terms.checks_branch));
	want_setting(all, market, &p->proxy[0], "treasury",
		     of_address(&d->terms.treasury));
	want_setting(all, market, &p->proxy[0], "activationDelay",
		     of_number(d->terms.activation_delay));
	want_setting(all, registry, &p->proxy[1], "treasury",
		     of_address(&d->terms.treasury));
	if (d->terms.timelock)
		want_timelock(all, d);
}

/* ---- asking ------------------------------------------------------------- */

static struct cli_question question(const struct check *c)
{
	if (c->call.size)
		return (struct cli_question){
			.method = "eth_call",
			.params = cli_call_params(NULL, &c->to,
						  buf_bytes(&c->call))};
	return (struct cli_question){.method = "eth_getStorageAt",
				     .params = json_pack("[o,s,s]",
							 evm_address(&c->to),
							 CODE_SLOT, "latest")};
}

static bool is_so(const struct check *c, const struct cli_question *q)
{
	struct buf said = {0};
	bool so = !q->err && !evm_bytes_parse(&said, q->result) &&
		  said.size == sizeof c->want.bytes &&
		  memcmp(said.data, c->want.bytes, said.size) == 0;

	buf_free(&said);
	return so;
}

/* What differs after it was once finished is governance's doing. */
static enum cli_exit differs(struct deploying *d, const struct check *c)
{
	if (d->finished) {
		cli_note("%s: %s was changed since it was deployed",
			 c->contract, c->what);
		return CLI_OK;
	}
	return cli_fail_named(
		d->cli, CLI_FAILED, "NotAsDeployed",
		"%s: %s isn't as it was deployed: somebody changed it "
		"meanwhile, or the node %s answers wrongly; compare with "
		"another node before anybody uses these contracts",
		c->contract, c->what, rpc_node(d->cli->rpc));
}

static enum cli_exit judge(struct deploying *d, const struct checks *all,
			   const struct cli_question *q)
{
	enum cli_exit x = CLI_OK;
	json_t *list = json_array();
	size_t good = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct check *c = &all->v[i];
		bool so = is_so(c, &q[i]);

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:b}", "contract",
						c->contract, "what", c->what,
						"ok", so));
		good += so;
		if (!so && !x)
			x = differs(d, c);
	}
	cli_put_json(d->cli->out, "checks", list);
	cli_say(d->cli->out,
		"Read back: %zu of %zu answers of the contracts (parts, roles, "
		"settings, implementations) are as deployed.",
		good, all->count);
	return x;
}

enum cli_exit deploy_read_back(struct deploying *d)
{
	struct checks *all = cli_alloc(sizeof *all);
	struct cli_question *q = cli_alloc(CHECKS_MAX * sizeof *q);
	enum cli_exit x;

	make_list(all, d);
	for (size_t i = 0; i < all->count; i++)
		q[i] = question(&all->v[i]);
	x = cli_ask_many(d->cli, q, all->count);
	if (!x)
		x = judge(d, all, q);
	cli_questions_free(q, all->count);
	for (size_t i = 0; i < all->count; i++)
		buf_free(&all->v[i].call);
	free(q);
	free(all);
	return x;
}
