/* send_impl - the steps of one call, for plan.c, simulate.c and send.c only. */
#ifndef SERVICES_KALYPSO_SEND_IMPL_H
#define SERVICES_KALYPSO_SEND_IMPL_H

#include "services/kalypso/send.h"

/* Simulate @call on the newest block; call->answer is what it returns. Fills
 * call->gas if the node has told it. CLI_FAILED, told: it reverts. CLI_USAGE,
 * told: there is no contract. */
NODISCARD enum cli_exit cli_call_simulate(struct cli *cli,
					  struct cli_call *call);

/* Fill gas limit, nonce and fees; @ahead calls of the plan come before it, of
 * which with --dry-run none is mined. CLI_FAILED, told: the gas can't be paid,
 * or costs more than allowed. */
NODISCARD enum cli_exit cli_call_price(struct cli *cli, struct cli_call *call,
				       size_t ahead);

/* Sign, send, wait; fills mined, receipt and logs. */
NODISCARD enum cli_exit cli_call_send(struct cli *cli, struct cli_call *call);

#endif /* SERVICES_KALYPSO_SEND_IMPL_H */
