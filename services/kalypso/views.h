/* views - what the contracts say when they are asked, typed.
 *
 * Every function asks the newest block. On failure it has been told; an answer
 * of nothing means that there is no contract at the address, and says so. */
#ifndef SERVICES_KALYPSO_VIEWS_H
#define SERVICES_KALYPSO_VIEWS_H

#include "abi_market.h"
#include "services/kalypso/session.h"

/* One view, and its answer. */
struct cli_view {
	const struct address *to;
	const char *contract; /* its name, for people */
	struct buf call;
	struct buf answer;
};

/* Ask @count of them at once. They are zero but for to, contract and call;
 * cli_views_free() is due in any case. A revert is CLI_FAILED, told. */
NODISCARD enum cli_exit cli_views(struct cli *cli, struct cli_view *views,
				  size_t count);
void cli_views_free(struct cli_view *views, size_t count);

/* CLI_OK if @e is; else tell that @view's answer can't be one. */
NODISCARD enum cli_exit cli_decoded(struct cli *cli,
				    const struct cli_view *view, enum err e);

/* A view without arguments of its own kind: @call was made by an abi_call_…()
 * whose answer is one uint256. Takes the content of @call. */
NODISCARD enum cli_exit cli_view_u256(struct cli *cli, struct u256 *out,
				      const struct address *to,
				      const char *contract, struct buf *call);

/* CLI_NOT_FOUND, told: there is none. */
NODISCARD enum cli_exit cli_view_request(struct cli *cli,
					 struct abi_request_view *out,
					 uint64_t id);
NODISCARD enum cli_exit cli_view_market(struct cli *cli,
					struct abi_market_view *out,
					uint64_t id);

/* Zeros if there is none. */
NODISCARD enum cli_exit cli_view_generator(struct cli *cli,
					   struct abi_generator_of_result *out,
					   const struct address *generator);
NODISCARD enum cli_exit cli_view_quote(struct cli *cli,
				       struct abi_quote_of_result *out,
				       const struct address *generator,
				       uint64_t market);
NODISCARD enum cli_exit cli_view_payable_at(struct cli *cli, uint64_t *out,
					    const struct address *generator);

NODISCARD enum cli_exit cli_view_market_count(struct cli *cli, uint64_t *out);
NODISCARD enum cli_exit cli_view_setting(struct cli *cli, struct u256 *out,
					 const struct address *to,
					 const char *contract,
					 const char *name);

/* What @account holds, may take of @owner's, or could claim. */
NODISCARD enum cli_exit cli_view_balance(struct cli *cli, struct u256 *out,
					 const struct cli_token *token,
					 const struct address *account);
NODISCARD enum cli_exit cli_view_allowance(struct cli *cli, struct u256 *out,
					   const struct cli_token *token,
					   const struct address *owner,
					   const struct address *spender);
NODISCARD enum cli_exit cli_view_claimable(struct cli *cli, struct u256 *out,
					   const struct address *to,
					   const char *contract,
					   const struct address *account);

/* Look up symbol and decimals of cli->payment and cli->stake; once. */
NODISCARD enum cli_exit cli_tokens(struct cli *cli);

/* Tokens typed as option or argument @what ("--max-price"), to units that fit
 * 128 bits. CLI_USAGE, told. */
NODISCARD enum cli_exit cli_amount(struct cli *cli, struct u256 *out,
				   const char *what, const char *text,
				   const struct cli_token *token);

/* Argument @i as an id. CLI_USAGE, told. */
NODISCARD enum cli_exit cli_id(struct cli *cli, uint64_t *out, size_t i);

#endif /* SERVICES_KALYPSO_VIEWS_H */
