/* args - from argv and the environment to a command's options.
 *
 * An option counts as it is given: as a flag, else by its environment
 * variable. Text of argv stays borrowed. --help, --usage and misuse end the
 * process from here (0 and CLI_USAGE), as argp does. */
#ifndef SERVICES_KALYPSO_ARGS_H
#define SERVICES_KALYPSO_ARGS_H

#include "services/kalypso/cli.h"

struct cli_args {
	char **v;
	size_t count;
};

/* Read @argv, whose first words (@words of them: "kalypso", noun, verb) have
 * been understood. @options is the struct of command->options, all zeros. */
void cli_args_read(const struct cli_command *command, int words, int argc,
		   char **argv, struct cli_common *common, void *options,
		   struct cli_args *args);

/* Call @each for every option of @command, its own first. */
void cli_args_each(const struct cli_command *command,
		   void (*each)(void *arg, const struct cli_option *option),
		   void *arg);

/* Call @each for every group of common options that a command with @needs
 * takes, its title ("Where:") first; some have the same title. */
void cli_args_groups(unsigned needs,
		     void (*each)(void *arg, const char *title,
				  const struct cli_option *rows),
		     void *arg);

/* "request create", or "status". */
enum { CLI_COMMAND_ROOM = 64 };
char *cli_command_name(char out[CLI_COMMAND_ROOM],
		       const struct cli_command *command);

#endif /* SERVICES_KALYPSO_ARGS_H */
