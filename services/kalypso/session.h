/* session - one command's life: where its market is, who it acts for, what it
 * has to say.
 *
 * main() opens a session before a command runs and closes it after: by then
 * the node has been reached and is of the right chain, if the command needs
 * one. Tokens and account are looked up when they are asked for. */
#ifndef SERVICES_KALYPSO_SESSION_H
#define SERVICES_KALYPSO_SESSION_H

#include "common/http.h"
#include "common/loop.h"
#include "common/rpc.h"
#include "common/secp.h"
#include "protocol/deployment.h"
#include "services/kalypso/args.h"
#include "services/kalypso/cli.h"
#include "services/kalypso/out.h"

struct cli {
	const struct cli_command *command;
	struct cli_common common;
	struct cli_args args;
	struct cli_out *out;
	json_t *market; /* the market file; NULL without one */

	bool has_chain; /* what follows is there, but for loop and http, which
			 * the gateway needs, too */
	struct deployment contracts;
	struct loop *loop;
	struct http *http;
	struct rpc *rpc;
	struct unix_s now; /* of the newest block, or ours if that is later */
	uint64_t head;	   /* number of that block */
	struct unix_s head_time;
	struct u256 base_fee;

	struct secret_key *key; /* see signer.h */
	bool has_account;
	struct address account;

	struct cli_token payment, stake; /* see views.h */
	bool failed;			 /* cli_fail() was called */
	bool streaming; /* what it had to say went to stdout as it came */
};

/* Read the market file, reach the node, check the chain. On failure it has
 * been told; cli_close() is due in any case. */
NODISCARD enum cli_exit cli_open(struct cli *cli);
void cli_close(struct cli *cli);

/* Tell why a command ends otherwise than CLI_OK: what, where and what to do, in
 * one line on stderr and as the document's "error". Returns @status. Further
 * calls say nothing. */
enum cli_exit cli_fail(struct cli *cli, enum cli_exit status,
		       const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, @name being that of a contract's error, for scripts. */
enum cli_exit cli_fail_named(struct cli *cli, enum cli_exit status,
			     const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Something to know on the way, on stderr. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fill in cli->contracts from --contracts or the market file; CLI_USAGE, told.
 */
NODISCARD enum cli_exit cli_read_contracts(struct cli *cli);

/* For commands with CLI_TAKES_CHAIN, once they know that they need the node:
 * what cli_open() does for CLI_NEEDS_CHAIN. */
NODISCARD enum cli_exit cli_open_chain(struct cli *cli);

/* Ask for the newest block: head, now and base_fee are as of it. */
NODISCARD enum cli_exit cli_look(struct cli *cli);

/* Turn the loop until *@done, or for @ms. CLI_INTERRUPTED has been told. */
NODISCARD enum cli_exit cli_turn(struct cli *cli, const bool *done);
NODISCARD enum cli_exit cli_sleep(struct cli *cli, unsigned ms);

#endif /* SERVICES_KALYPSO_SESSION_H */
