/* deploy - `kalypso deploy`: a market's contracts, put on a chain once,
 * however often it is cut short.
 *
 * deploy_plan.h says what is sent with which nonce. Before the first
 * transaction the plan is written to the state file, and before each its hash;
 * whoever begins again with that file looks what is on the chain and sends
 * only the rest, with the same nonces. So nothing is created twice, and nothing
 * that is paid for is lost:
 *
 *	options -> plan -> look (what is there?) -> estimate -> ask
 *	  -> state file -> per step: sign, note its hash, send, wait
 *	  -> confirmations -> look again -> read back -> addresses file
 *
 * The addresses file appears last, when everything has been read back: a file
 * that is there can be used. */
#ifndef SERVICES_KALYPSO_DEPLOY_H
#define SERVICES_KALYPSO_DEPLOY_H

#include "services/kalypso/deploy_plan.h"
#include "services/kalypso/send.h"

/* Transactions of one step that may become mined: the first, and those that
 * replaced it. */
enum { DEPLOY_SENT_MAX = 8 };

/* How far a step is. */
struct deploy_seen {
	bool done;    /* its contract is there, and is what it should be */
	bool other;   /* something else is there */
	uint64_t gas; /* limit; an estimate until it is sent */
	struct hash32 sent[DEPLOY_SENT_MAX];
	size_t sent_count;
	bool mined; /* what follows is there */
	struct evm_receipt receipt;
};

struct deploying {
	struct cli *cli;
	const char *out, *state_path;
	uint64_t confirmations;

	struct deploy_terms terms;
	struct deploy_bundle bundle;
	struct deploy_plan plan;
	struct deploy_seen seen[DEPLOY_STEPS_MAX];

	json_t *state;	  /* the state file; NULL before it is begun */
	json_t *said;	  /* the terms, as the state file has them */
	bool finished;	  /* by an earlier run: the addresses file is there */
	uint64_t start;	  /* no event of the contracts is older */
	bool has_genesis; /* some nodes don't know it */
	struct hash32 genesis;
	uint64_t mined, pending; /* nonces of the account */
	struct u256 balance;	 /* wei */
	struct u256 cost;	 /* wei: at most, of what is left */
};

/* ---- deploy_state.c: the state file ------------------------------------- */

/* Read it, if it is there, and hold it against chain, account and terms:
 * CLI_USAGE, told, if it is of another deployment. */
NODISCARD enum cli_exit deploy_state_read(struct deploying *d);

/* The nonce that the plan began with. */
uint64_t deploy_state_nonce(const struct deploying *d);

/* Whether the plan's code is still what it was; CLI_USAGE, told, if not. Takes
 * over the hashes of what was sent. */
NODISCARD enum cli_exit deploy_state_match(struct deploying *d);

/* Begin it. */
NODISCARD enum cli_exit deploy_state_begin(struct deploying *d);

/* Note that step @i is about to be sent as @tx. */
NODISCARD enum cli_exit deploy_state_sent(struct deploying *d, size_t i,
					  const struct hash32 *tx);

/* Write @json to @path: whole, or not at all. CLI_USAGE, told. */
NODISCARD enum cli_exit deploy_write(struct cli *cli, const char *path,
				     const json_t *json);

/* ---- deploy_look.c: what is on the chain -------------------------------- */

/* Fill in seen[] of @count steps from @first on, the account's nonces and
 * balance. CLI_UNREACHABLE isn't told. */
NODISCARD enum cli_exit deploy_look(struct deploying *d, size_t first,
				    size_t count);

/* The first step that isn't done; plan.count if all are. */
size_t deploy_next(const struct deploying *d);

/* CLI_OK if the steps that aren't done can still be sent. CLI_FAILED, told:
 * their nonces were used for something else, or they reverted. */
NODISCARD enum cli_exit deploy_check_nonces(struct deploying *d);

/* ---- deploy_price.c: what it will cost ---------------------------------- */

/* Try what is left on the newest block; fill seen[].gas and cost.
 * CLI_FAILED, told: it would revert. */
NODISCARD enum cli_exit deploy_estimate(struct deploying *d);

/* CLI_FAILED, told: the account can't pay for it. */
NODISCARD enum cli_exit deploy_check_funds(struct deploying *d);

/* ---- deploy_token.c: tokens are tried out ------------------------------- */

/* On a simulated state: what is sent has to arrive, and balances have to stay.
 * CLI_FAILED, told: they don't, or it can't be found out. */
NODISCARD enum cli_exit deploy_try_token(struct cli *cli, const char *option,
					 const struct address *token);

/* ---- deploy_send.c: one step -------------------------------------------- */

/* Send step @i and wait until it is there. CLI_TIMEOUT, told: not yet. */
NODISCARD enum cli_exit deploy_send(struct deploying *d, size_t i);

/* Wait until the last one has as many confirmations as are wanted. */
NODISCARD enum cli_exit deploy_confirm(struct deploying *d);

/* ---- deploy_check.c: reading back --------------------------------------- */

/* Ask the contracts for their parts, roles, settings; put each answer into the
 * output. CLI_FAILED, told: something isn't as it was wanted; of a deployment
 * that was finished before that is only noted, since governance may. */
NODISCARD enum cli_exit deploy_read_back(struct deploying *d);

/* ---- deploy_say.c: as it is told ---------------------------------------- */

/* As people know them from the command line: the state file keeps them, and
 * whoever goes on has to mean the same. The caller's. */
json_t *deploy_terms_json(const struct deploy_terms *t);

/* What --contracts of every service and command reads. The caller's. */
json_t *deploy_addresses_json(const struct deploying *d);

/* Put the deployment, step by step, into the output; unless it is @done, with
 * what it will cost. */
void deploy_report(struct deploying *d, bool done);

#endif /* SERVICES_KALYPSO_DEPLOY_H */
