/* market - a market as the chain has it. */
#ifndef SERVICES_KALYPSO_MARKET_H
#define SERVICES_KALYPSO_MARKET_H

#include "abi_market.h"
#include "services/kalypso/session.h"

struct cli_market {
	uint64_t id;
	struct abi_market_view view;
	json_t *metadata; /* of MarketCreated; NULL: not JSON, or not found */
	bool counted;	  /* the gateway told what follows: */
	uint64_t quotes, open; /* in its book */
	bool coded;
	struct hash32 code_hash; /* Keccak-256 of the verifier's code */
};

/* Market @id, with its metadata and the hash of its verifier's code.
 * CLI_NOT_FOUND, told. cli_market_free() is due in any case. */
NODISCARD enum cli_exit cli_market_read(struct cli *cli, struct cli_market *out,
					uint64_t id);
void cli_market_free(struct cli_market *market);

/* Take the metadata from the event that made it. */
void cli_market_describe(struct cli_market *market,
			 const struct abi_market_created *created);

/* "active", "waiting" (not active yet) or "closed". */
const char *cli_market_state(const struct abi_market_view *view, uint64_t now);

/* Its name in the metadata, or "". */
const char *cli_market_name(const struct cli_market *market);

/* Put it into the current record. */
void cli_market_put(struct cli *cli, const struct cli_market *market);

/* ---- market_list.c ------------------------------------------------------ */

struct cli_market_list_options {
	bool all;
};
enum cli_exit cli_market_list(struct cli *cli, const void *options);

#endif /* SERVICES_KALYPSO_MARKET_H */
