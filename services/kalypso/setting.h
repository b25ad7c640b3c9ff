/* setting - numbers that governance may change, by name and kind.
 *
 * The kinds are the command line's: they say how a value is typed and shown.
 * The contracts know names and ranges; a name that isn't in our table is still
 * taken, as a whole number. */
#ifndef SERVICES_KALYPSO_SETTING_H
#define SERVICES_KALYPSO_SETTING_H

#include "services/kalypso/cli.h"

struct cli_fee_options {
	const char *per_byte, *creation;
};
struct cli_split_options {
	struct cli_number requester, bounty;
	const char *bounty_max;
};
struct cli_setting_options {
	const char *contract;
};

extern const struct cli_option cli_fee_rows[], cli_split_rows[],
	cli_setting_rows[];

enum cli_exit cli_setting_fee(struct cli *cli, const void *options);
enum cli_exit cli_setting_split(struct cli *cli, const void *options);
enum cli_exit cli_setting_run(struct cli *cli, const void *options);

#endif /* SERVICES_KALYPSO_SETTING_H */
