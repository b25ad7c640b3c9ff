/* send_impl - the steps of one call: for plan.c, simulate.c and send.c, and for
 * deploy_send.c, which has to remember what it sent. */
#ifndef SERVICES_KALYPSO_SEND_IMPL_H
#define SERVICES_KALYPSO_SEND_IMPL_H

#include "services/kalypso/node.h"
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

/* Fill call->tip and max_fee from --tip and --max-fee, or the base fee @base
 * and the node's @advice, its answer to eth_maxPriorityFeePerGas. CLI_FAILED,
 * told: gas costs more than allowed. */
NODISCARD enum cli_exit cli_call_fees(struct cli *cli, struct cli_call *call,
				      const struct u256 *base,
				      const struct cli_question *advice);

/* Sign the priced @call: append to @raw, fill receipt.tx. */
NODISCARD enum cli_exit cli_call_sign(struct cli *cli, struct cli_call *call,
				      struct buf *raw);

/* Give @raw to the node; CLI_OK also if it knows it already. */
NODISCARD enum cli_exit cli_call_submit(struct cli *cli, struct cli_call *call,
					struct bytes raw);

/* Tell why @call, mined and reverted, did so. Returns CLI_FAILED. */
enum cli_exit cli_call_reverted(struct cli *cli, const struct cli_call *call);

/* Sign, send, wait; fills mined, receipt and logs. */
NODISCARD enum cli_exit cli_call_send(struct cli *cli, struct cli_call *call);

#endif /* SERVICES_KALYPSO_SEND_IMPL_H */
