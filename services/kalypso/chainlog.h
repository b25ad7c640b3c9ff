/* chainlog - the chain log that a node gives, without Redis: what chain-indexer
 * would have written of it, into a file. */
#ifndef SERVICES_KALYPSO_CHAINLOG_H
#define SERVICES_KALYPSO_CHAINLOG_H

#include "common/logfile.h"
#include "services/kalypso/session.h"

struct chainlog_config {
	uint64_t until;	   /* the last block */
	const char *path;  /* NULL: a file without a name */
	unsigned depth;	   /* blocks that may be rolled back meanwhile */
	unsigned stall_ms; /* without a new block for so long: give up */
};

/* Read the chain of @cli's contracts from its node, up to config->until, which
 * is there. The caller frees *out, also after a failure.
 * CLI_UNREACHABLE, told: the node stopped answering */
NODISCARD enum cli_exit cli_read_chain(struct cli *cli,
				       const struct chainlog_config *config,
				       struct logfile_writer **out);

#endif /* SERVICES_KALYPSO_CHAINLOG_H */
