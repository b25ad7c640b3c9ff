/* What the gateway knows: the commands come with it. */
#include "services/kalypso/cli.h"

const struct cli_command cli_status_commands[] = {{0}};
