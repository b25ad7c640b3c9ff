/* deploy_bundle - the compiled contracts, from the file that
 * protocol/contracts/tools/bundle.mjs made of them. No network. */
#ifndef SERVICES_KALYPSO_DEPLOY_BUNDLE_H
#define SERVICES_KALYPSO_DEPLOY_BUNDLE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/types.h"

enum deploy_contract {
	DEPLOY_PAYMENT_TOKEN,
	DEPLOY_STAKE_TOKEN,
	DEPLOY_TIMELOCK,
	DEPLOY_MARKETPLACE,
	DEPLOY_REGISTRY,
	DEPLOY_KEYS,
	DEPLOY_PROXY,
	DEPLOY_CONTRACTS
};

/* The most immutables' places that a contract of ours may have. */
enum { DEPLOY_HOLES_MAX = 64 };

struct deploy_code {
	struct buf initcode; /* without constructor arguments */
	struct buf runtime;  /* immutables are zeros */
	struct {
		size_t at, size;
	} holes[DEPLOY_HOLES_MAX];
	size_t holes_count;
};

struct deploy_bundle {
	struct deploy_code code[DEPLOY_CONTRACTS];
};

/* "ProofMarketplace": what the file and people call it. */
const char *deploy_contract_name(enum deploy_contract id);

/* Read @path into @out, which is zero. NULL, or what is wrong with it, in
 * @why. deploy_bundle_free() is due in any case. */
enum { DEPLOY_WHY_ROOM = 256 };
const char *deploy_bundle_read(struct deploy_bundle *out, const char *path,
			       char why[DEPLOY_WHY_ROOM]);
void deploy_bundle_free(struct deploy_bundle *bundle);

/* Whether @code, as a node has it, is @contract's, whatever its immutables. */
bool deploy_is_code(const struct deploy_code *contract, struct bytes code);

#endif /* SERVICES_KALYPSO_DEPLOY_BUNDLE_H */
