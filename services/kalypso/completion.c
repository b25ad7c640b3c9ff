/* Completion for a shell: bash is the one there is. */
#include <stdio.h>
#include <string.h>

#include "services/kalypso/cli.h"
#include "services/kalypso/help.h"
#include "services/kalypso/session.h"

static enum cli_exit complete(struct cli *cli, const void *options)
{
	(void)options;
	if (strcmp(cli->args.v[0], "bash") != 0)
		return cli_fail(cli, CLI_USAGE,
				"there is completion for bash only, not for "
				"'%s'",
				cli->args.v[0]);
	cli_help_completion(stdout);
	cli->streaming = true;
	return CLI_OK;
}

/* clang-format off */
const struct cli_command cli_completion_commands[] = {
	{.noun = "completion", .args = "SHELL", .args_min = 1, .args_max = 1,
	 .summary = "completion for a shell, as a script of it",
	 .examples = "  eval \"$(kalypso completion bash)\"\n",
	 .run = complete},
	{0}};
/* clang-format on */
