/* deployment - where the contracts of a market are: the file that
 * `kalypso deploy` writes.
 *
 *	{"chainId": 31337, "startBlock": 1, "ProofMarketplace": "0x…",
 *	 "GeneratorRegistry": "0x…", "EntityKeyRegistry": "0x…",
 *	 "PaymentToken": "0x…", "StakeToken": "0x…"}
 *
 * Further members are ignored. */
#ifndef PROTOCOL_DEPLOYMENT_H
#define PROTOCOL_DEPLOYMENT_H

#include <jansson.h>

#include "common/err.h"
#include "common/types.h"

struct deployment {
	uint64_t chain_id;
	uint64_t start_block; /* no event of ours is older */
	struct address marketplace, registry, keys;
	struct address payment_token, stake_token;
};

/* Read what is JSON already. ERR_CONFIG: *member is missing or not of its kind;
 * *out is undefined. */
NODISCARD enum err deployment_parse(struct deployment *out, const json_t *root,
				    const char **member);

/* Read @path, for a service: its traces are of this marketplace from here on,
 * see common/trace.h. ERR_CONFIG: it can't be read or lacks something; what,
 * where and what to do has been logged. */
NODISCARD enum err deployment_read(struct deployment *out, const char *path);

#endif /* PROTOCOL_DEPLOYMENT_H */
