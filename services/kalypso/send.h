/* send - transactions: simulated, priced, signed, sent, waited for.
 *
 * A plan is a few calls that belong together, each building on the one before
 * (approve, then createRequest). They are simulated as a whole before the
 * first is sent, so that an approval isn't paid for in vain; and each again
 * right before it is signed. With --dry-run it ends there.
 *
 *	struct cli_plan plan = {0};
 *	x = cli_plan_allow(cli, &plan, …);		approve, if it is short
 *	if (!x) {
 *		struct cli_call *call = cli_plan_add(&plan, …);
 *		x = cli_made(cli, call, abi_call_create_request(&call->data,
 *…));
 *	}
 *	if (!x)
 *		x = cli_plan_run(cli, &plan);
 *	… look at events, say what came of it …
 *	cli_plan_report(cli, &plan);
 *	cli_plan_free(&plan);
 *
 * EIP-1559; the nonce counts what is pending. Fees: the tip is the node's
 * advice, at most 10 gwei, or --tip; the most per gas is twice the base fee and
 * the tip, at most 500 gwei, or --max-fee. */
#ifndef SERVICES_KALYPSO_SEND_H
#define SERVICES_KALYPSO_SEND_H

#include "abi_market.h"
#include "common/evm.h"
#include "services/kalypso/session.h"

enum { CLI_CALLS_MAX = 4 };

struct cli_call {
	const char *what;     /* "createRequest" */
	const char *contract; /* "ProofMarketplace" */
	struct address to;
	bool creates; /* a contract, of the initcode @data; @to is unused */
	struct buf data;
	struct buf note; /* to be told before it is sent; may be empty */

	struct buf answer; /* of the simulation */
	bool priced;	   /* what follows is there */
	uint64_t gas;	   /* limit; with --dry-run 0 if nobody knows */
	uint64_t nonce;
	struct u256 max_fee, tip; /* wei per gas */

	bool mined; /* what follows is there; never with --dry-run */
	struct evm_receipt receipt;
	struct evm_logs logs;
};

struct cli_plan {
	struct cli_call calls[CLI_CALLS_MAX];
	size_t count;
};

/* Another call; @what and @contract are constants. */
struct cli_call *cli_plan_add(struct cli_plan *plan, const char *what,
			      const char *contract, const struct address *to);

/* CLI_OK if the call's data was made; else tell what is out of range. */
NODISCARD enum cli_exit cli_made(struct cli *cli, const struct cli_call *call,
				 enum err e);

/* Add approve if @spender may take less than @amount of the account's @token;
 * CLI_FAILED, told, if the account holds less, or with --no-approve. */
NODISCARD enum cli_exit cli_plan_allow(struct cli *cli, struct cli_plan *plan,
				       const struct cli_token *token,
				       const struct address *spender,
				       const struct u256 *amount);

/* Simulate all of it: calls[]->answer is what each returns, if the node can
 * simulate several; the first one's is always there. CLI_FAILED, told: one of
 * them reverts. */
NODISCARD enum cli_exit cli_plan_simulate(struct cli *cli,
					  struct cli_plan *plan);

/* cli_plan_simulate(), and send one after the other. CLI_FAILED, told: one was
 * refused or reverted; those before it are mined. CLI_TIMEOUT, told with its
 * hash: one isn't mined. */
NODISCARD enum cli_exit cli_plan_run(struct cli *cli, struct cli_plan *plan);

/* The events of our contracts in @call's receipt, one after the other: *at
 * starts at 0. False: no more. @event is borrowed from @call. */
bool cli_next_event(const struct cli *cli, const struct cli_call *call,
		    size_t *at, struct abi_event *event);

/* Put the transactions (and their events, for scripts) into the answer: what
 * was sent, or would be. Always the last thing that a command says. */
void cli_plan_report(struct cli *cli, const struct cli_plan *plan);

void cli_plan_free(struct cli_plan *plan);

/* The usual end of a command, for a plan that was made with outcome @x: run
 * it, let @say (may be NULL) say what came of it, report, free. */
typedef void cli_say_fn(struct cli *cli, const struct cli_plan *plan);
NODISCARD enum cli_exit cli_plan_finish(struct cli *cli, struct cli_plan *plan,
					enum cli_exit x, cli_say_fn *say);

#endif /* SERVICES_KALYPSO_SEND_H */
