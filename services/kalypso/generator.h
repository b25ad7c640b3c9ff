/* generator - parts of `kalypso generator` that lie in files of their own. */
#ifndef SERVICES_KALYPSO_GENERATOR_H
#define SERVICES_KALYPSO_GENERATOR_H

#include "services/kalypso/send.h"
#include "services/kalypso/session.h"

/* A call of the registry, to be made into its data. */
struct cli_call *cli_registry_call(struct cli *cli, struct cli_plan *plan,
				   const char *what);

/* ---- quote.c: join, quote, leave ---------------------------------------- */

struct cli_quote_options {
	const char *price, *code_hash;
	struct cli_number response_time, compute;
};
enum cli_exit cli_quote_join(struct cli *cli, const void *options);
enum cli_exit cli_quote_change(struct cli *cli, const void *options);
enum cli_exit cli_quote_leave(struct cli *cli, const void *options);

/* ---- generator_show.c --------------------------------------------------- */

enum cli_exit cli_generator_show(struct cli *cli, const void *options);

#endif /* SERVICES_KALYPSO_GENERATOR_H */
