/* deploy_plan - which transactions put a market's contracts on a chain, and
 * where each contract will be. No I/O.
 *
 * The deployer's next nonces decide the addresses, and the contracts have to
 * know of each other beforehand: the implementations carry the proxies'
 * addresses in their code. So the nonces are part of the plan: step i is sent
 * with the i-th of them, by whoever sends it how often, and happens once.
 *
 *	[PaymentToken, StakeToken]	with test tokens
 *	[TimelockController]		but in development
 *	ProofMarketplace, GeneratorRegistry, EntityKeyRegistry	implementations
 *	a proxy of each, initialised by its constructor: nobody comes between
 *
 * protocol/contracts/script/Deployment.sol does the same for tests in Solidity.
 */
#ifndef SERVICES_KALYPSO_DEPLOY_PLAN_H
#define SERVICES_KALYPSO_DEPLOY_PLAN_H

#include "protocol/deployment.h"
#include "services/kalypso/deploy_bundle.h"

/* What is decided by who deploys. */
struct deploy_terms {
	bool timelock;	    /* between admin and contracts */
	bool test_tokens;   /* the two below are made */
	bool checks_branch; /* off where BLOCKHASH isn't the chain's own */
	struct address admin, governor, guardian, treasury;
	struct address payment_token, stake_token;
	uint64_t timelock_delay, activation_delay; /* seconds */
};

enum { DEPLOY_STEPS_MAX = 9 };

struct deploy_step {
	char name[40];		       /* "ProofMarketplace code" */
	enum deploy_contract contract; /* whose code will be there */
	uint64_t nonce;
	struct address address;
	struct buf initcode; /* with its arguments */
};

struct deploy_plan {
	struct deploy_step steps[DEPLOY_STEPS_MAX];
	size_t count;
	struct address timelock;       /* zero without one */
	struct address admin;	       /* of the contracts */
	struct address code[3];	       /* implementations, as below */
	struct address proxy[3];       /* marketplace, registry, keys */
	struct address payment, stake; /* tokens */
};

/* Make the plan of @from, whose next nonce is @nonce, into @out, which is zero.
 * deploy_plan_free() is due in any case. ERR_NO_MEMORY */
NODISCARD enum err deploy_plan_make(struct deploy_plan *out,
				    const struct deploy_terms *terms,
				    const struct deploy_bundle *bundle,
				    const struct address *from, uint64_t nonce);
void deploy_plan_free(struct deploy_plan *plan);

/* ---- calls, for who makes or checks them -------------------------------- */

/* The selector of @signature, "hasRole(bytes32,address)". */
struct selector deploy_selector(const char *signature);

/* A role as contracts have it: keccak256 of its name; "" is
 * DEFAULT_ADMIN_ROLE, which is 0. */
struct hash32 deploy_role(const char *name);

#endif /* SERVICES_KALYPSO_DEPLOY_PLAN_H */
