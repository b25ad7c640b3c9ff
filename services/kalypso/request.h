/* request - asking for proofs: the part that other programs could call.
 *
 * Everything acts for cli->account and tells what goes wrong. */
#ifndef SERVICES_KALYPSO_REQUEST_H
#define SERVICES_KALYPSO_REQUEST_H

#include "abi_market.h"
#include "services/kalypso/send.h"
#include "services/kalypso/session.h"

/* Add to @plan what asks for @count proofs: an approval if it is needed, and
 * createRequest or createRequests. @params are as the contract takes them;
 * private inputs and keys for them are not sent. Borrows all. */
NODISCARD enum cli_exit cli_request_plan(
	struct cli *cli, struct cli_plan *plan,
	const struct abi_request_params *params, const struct bytes *inputs,
	size_t count);

/* The ids that the last call of a mined plan created, at most @room. Returns
 * how many. */
size_t cli_request_ids(const struct cli *cli, const struct cli_plan *plan,
		       uint64_t *ids, size_t room);

/* A request with what the chain's log adds to the contract's view. */
struct cli_request {
	uint64_t id;
	struct abi_request_view view;
	bool created; /* what follows was found in the log */
	struct abi_request_params params;
	struct buf inputs;
	bool proven;
	struct buf proof;
	struct u256 paid, refund; /* once it is over */
	struct {
		enum abi_event_id event;
		struct block_ref block; /* only the number, until asked for */
		struct hash32 tx;
	} steps[8];
	size_t steps_count;
};

/* CLI_NOT_FOUND, told: there is none. cli_request_free() is due in any case. */
NODISCARD enum cli_exit cli_request_read(struct cli *cli,
					 struct cli_request *out, uint64_t id);
void cli_request_free(struct cli_request *request);

/* "open", "expired", "assigned", "overdue", "fulfilled", "invalid", "slashed",
 * "cancelled" or "rejected": its state, and what follows from @now. */
const char *cli_request_state(const struct abi_request_view *view,
			      uint64_t now);

/* It never changes again. */
bool cli_request_is_over(const struct abi_request_view *view);

/* Wait until nothing more happens to any of @ids by itself: fulfilled, expired,
 * and so on; put a list "requests" into the answer. CLI_FAILED, told: one isn't
 * fulfilled. CLI_TIMEOUT, told: --timeout has passed. */
NODISCARD enum cli_exit cli_request_wait(struct cli *cli, const uint64_t *ids,
					 size_t count);

/* Put @request into the current record; labels only if @shown. */
void cli_request_put(struct cli *cli, const struct cli_request *request,
		     bool shown);

enum cli_exit cli_request_show_run(struct cli *cli, const void *options);
enum cli_exit cli_request_wait_run(struct cli *cli, const void *options);

struct cli_request_proof_options {
	const char *out;
	bool hex;
};
enum cli_exit cli_request_proof_run(struct cli *cli, const void *options);

#endif /* SERVICES_KALYPSO_REQUEST_H */
