/* Settling missed deadlines. */
#include "services/kalypso/batch.h"
#include "services/kalypso/cli.h"

enum { REQUESTS_MAX = 256 };

static enum cli_exit slash(struct cli *cli, const void *options)
{
	static const struct cli_batch batch = {
		.one = "slash",
		.many = "slashMany",
		.done = "slashed",
		.bounty = true,
		.call_one = abi_call_slash,
		.call_many = abi_call_slash_many,
		.result_many = abi_result_slash_many,
	};

	(void)options;
	return cli_batch_run(cli, &batch);
}

/* clang-format off */
const struct cli_command cli_slash_commands[] = {
	{.noun = "slash", .args = "ID...", .args_min = 1, .args_max = REQUESTS_MAX,
	 .needs = CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND | CLI_NEEDS_PATIENCE,
	 .role = "requester",
	 .summary = "settle tasks whose deadline has passed without a proof",
	 .more = "Anyone may. The requester gets its cap back, and whoever slashes a bounty, unless it is the generator itself. Several go in one transaction; each has its own outcome.",
	 .examples = "  kalypso slash 7\n  kalypso slash 7 8 --json\n",
	 .run = slash},
	{0}};
/* clang-format on */
