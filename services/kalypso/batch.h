/* batch - calls that take one request or many, and settle each on its own:
 * cancelling, slashing. */
#ifndef SERVICES_KALYPSO_BATCH_H
#define SERVICES_KALYPSO_BATCH_H

#include "abi_market.h"
#include "services/kalypso/session.h"

struct cli_batch {
	const char *one, *many; /* names of the calls */
	const char *done;	/* what an item is then: "cancelled" */
	bool bounty;		/* whoever sends may earn something */
	enum err (*call_one)(struct buf *out, const struct u256 *id);
	enum err (*call_many)(struct buf *out, const struct u256 *ids,
			      size_t count);
	enum err (*result_many)(struct abi_words *out, struct bytes data);
};

/* Do it to the requests that the arguments name, each id once. If the
 * simulation finds that none can be, nothing is sent. CLI_FAILED, told: some
 * weren't. */
NODISCARD enum cli_exit cli_batch_run(struct cli *cli,
				      const struct cli_batch *batch);

#endif /* SERVICES_KALYPSO_BATCH_H */
