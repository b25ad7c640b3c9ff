/* Initcode and its arguments, step by step. */
#include "services/kalypso/deploy_plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/abi.h"
#include "common/keccak.h"
#include "common/tx.h"
#include "common/u256.h"

enum { CORE = 3 }; /* marketplace, registry, keys */

/* ---- pieces of the ABI -------------------------------------------------- */

struct selector deploy_selector(const char *signature)
{
	struct selector out;
	struct hash32 hash;

	keccak256(&hash, signature, strlen(signature));
	memcpy(out.bytes, hash.bytes, sizeof out.bytes);
	return out;
}

struct hash32 deploy_role(const char *name)
{
	struct hash32 out = {{0}};

	if (*name)
		keccak256(&out, name, strlen(name));
	return out;
}

/* address[] of one. */
static void put_one(struct abi_writer *w, const struct address *a)
{
	struct hash32 word = {{0}};

	memcpy(word.bytes + sizeof word.bytes - sizeof a->bytes, a->bytes,
	       sizeof a->bytes);
	abi_put_words(w, (struct abi_words){&word, 1});
}

/* ---- steps -------------------------------------------------------------- */

struct maker {
	struct deploy_plan *plan;
	const struct deploy_terms *terms;
	const struct deploy_bundle *bundle;
	const struct address *from;
	uint64_t nonce;
	enum err err;
};

static struct deploy_step *add(struct maker *m, enum deploy_contract contract,
			       const char *name, const char *kind)
{
	struct deploy_step *s = &m->plan->steps[m->plan->count++];
	struct bytes code = buf_bytes(&m->bundle->code[contract].initcode);

	assert(m->plan->count <= DEPLOY_STEPS_MAX);
	snprintf(s->name, sizeof s->name, "%s%s", name, kind);
	s->contract = contract;
	s->nonce = m->nonce++;
	if (!m->err)
		m->err = tx_created(&s->address, m->from, s->nonce);
	buf_put(&s->initcode, code.data, code.size);
	return s;
}

static struct address make_token(struct maker *m, enum deploy_contract id,
				 const struct address *given)
{
	if (!m->terms->test_tokens)
		return *given;
	return add(m, id, deploy_contract_name(id), "")->address;
}

/* constructor(uint256 minDelay, address[] proposers, address[] executors,
 * address admin): whoever proposes also executes, and there is no admin of its
 * own: changes to the timelock pass through it. */
static void make_timelock(struct maker *m)
{
	const struct address nobody = {{0}};
	const struct u256 delay = u256_from_u64(m->terms->timelock_delay);
	struct deploy_step *s = add(m, DEPLOY_TIMELOCK,
				    deploy_contract_name(DEPLOY_TIMELOCK), "");
	struct abi_writer w = abi_write(&s->initcode, 4);

	abi_put_u256(&w, 256, &delay);
	put_one(&w, &m->terms->admin);
	put_one(&w, &m->terms->admin);
	abi_put_address(&w, &nobody);
	m->plan->timelock = s->address;
}

/* constructor(CoreAddresses), and the marketplace's bool checksBranch. */
static void make_code(struct maker *m, unsigned i)
{
	static const enum deploy_contract ids[CORE] = {
		DEPLOY_MARKETPLACE, DEPLOY_REGISTRY, DEPLOY_KEYS};
	const struct deploy_plan *p = m->plan;
	struct deploy_step *s =
		add(m, ids[i], deploy_contract_name(ids[i]), " code");
	bool flag = ids[i] == DEPLOY_MARKETPLACE;
	struct abi_writer w = abi_write(&s->initcode, flag ? 6 : 5);

	for (unsigned k = 0; k < CORE; k++)
		abi_put_address(&w, &p->proxy[k]);
	abi_put_address(&w, &p->payment);
	abi_put_address(&w, &p->stake);
	if (flag)
		abi_put_bool(&w, m->terms->checks_branch);
	m->plan->code[i] = s->address;
}

/* initialize(admin, governor, guardian[, treasury[, activationDelay]]) */
static void put_initialize(struct buf *out, const struct maker *m, unsigned i)
{
	static const struct {
		const char *signature;
		unsigned words;
	} rows[CORE] = {
		{"initialize(address,address,address,address,uint256)", 5},
		{"initialize(address,address,address,address)", 4},
		{"initialize(address,address,address)", 3}};
	struct selector selector = deploy_selector(rows[i].signature);
	const struct u256 delay = u256_from_u64(m->terms->activation_delay);
	struct abi_writer w =
		abi_write_call(out, selector.bytes, rows[i].words);

	abi_put_address(&w, &m->plan->admin);
	abi_put_address(&w, &m->terms->governor);
	abi_put_address(&w, &m->terms->guardian);
	if (rows[i].words > 3)
		abi_put_address(&w, &m->terms->treasury);
	if (rows[i].words > 4)
		abi_put_u256(&w, 256, &delay);
}

/* constructor(address implementation, bytes call) */
static void make_proxy(struct maker *m, unsigned i)
{
	const char *name = deploy_contract_name(
		(enum deploy_contract)(DEPLOY_MARKETPLACE + (int)i));
	struct deploy_step *s = add(m, DEPLOY_PROXY, name, "");
	struct abi_writer w = abi_write(&s->initcode, 2);
	struct buf call = {0};

	put_initialize(&call, m, i);
	if (!m->err)
		m->err = buf_err(&call);
	abi_put_address(&w, &m->plan->code[i]);
	abi_put_bytes(&w, buf_bytes(&call));
	buf_free(&call);
}

enum err deploy_plan_make(struct deploy_plan *out,
			  const struct deploy_terms *terms,
			  const struct deploy_bundle *bundle,
			  const struct address *from, uint64_t nonce)
{
	struct maker m = {out, terms, bundle, from, nonce, ERR_NONE};

	out->payment =
		make_token(&m, DEPLOY_PAYMENT_TOKEN, &terms->payment_token);
	out->stake = make_token(&m, DEPLOY_STAKE_TOKEN, &terms->stake_token);
	if (terms->timelock)
		make_timelock(&m);
	out->admin = terms->timelock ? out->timelock : terms->admin;
	for (unsigned i = 0; i < CORE && !m.err; i++)
		m.err = tx_created(&out->proxy[i], from, m.nonce + CORE + i);
	for (unsigned i = 0; i < CORE; i++)
		make_code(&m, i);
	for (unsigned i = 0; i < CORE; i++)
		make_proxy(&m, i);
	for (size_t i = 0; i < out->count && !m.err; i++)
		m.err = buf_err(&out->steps[i].initcode);
	return m.err;
}

void deploy_plan_free(struct deploy_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		buf_free(&plan->steps[i].initcode);
	plan->count = 0;
}
