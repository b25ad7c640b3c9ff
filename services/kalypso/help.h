/* help - what there is: for people, for bash, for docs/cli.md. */
#ifndef SERVICES_KALYPSO_HELP_H
#define SERVICES_KALYPSO_HELP_H

#include <stdio.h>

#include "services/kalypso/cli.h"

/* All nouns, or @noun's commands. */
void cli_help(FILE *to, const struct cli_noun *noun);

/* Markdown of every command with its options, for docs/cli.md. */
void cli_help_markdown(FILE *to);

/* A script for bash. */
void cli_help_completion(FILE *to);

#endif /* SERVICES_KALYPSO_HELP_H */
