/* logs - the market's logs, in Redis and in files.
 *
 * What goes wrong is told (cli_fail()) with the file, the place in it, and what
 * to do. */
#ifndef SERVICES_KALYPSO_LOGS_H
#define SERVICES_KALYPSO_LOGS_H

#include "common/logfile.h"
#include "services/kalypso/session.h"

enum { CLI_LOGS = 5 };

/* In the order in which one follows from the other. */
struct cli_log {
	const char *name, *writer; /* the service that writes it */
};
extern const struct cli_log cli_logs[CLI_LOGS];

/* The log called @name; NULL: there is none. */
const struct cli_log *cli_find_log(const char *name);

/* The deployment's --name, or what it is otherwise. */
const char *cli_deployment(const struct cli *cli);

/* --redis and --name, not connected. */
NODISCARD enum cli_exit cli_new_store(struct cli *cli, struct store **out);

/* The same, connected. */
NODISCARD enum cli_exit cli_open_store(struct cli *cli, struct store **out);

/* @e of a store's call; ERR_NONE is CLI_OK. */
NODISCARD enum cli_exit cli_stored(struct cli *cli, enum err e);

/* Write the logs @names, @count of them, as they are now, to @path (NULL: a
 * file without a name). None of them is newer than what it follows from. The
 * caller frees *out, also after a failure. */
NODISCARD enum cli_exit cli_fetch_logs(struct cli *cli, struct store *store,
				       const char *const *names, unsigned count,
				       const char *path,
				       struct logfile_writer **out);

/* Open a file; its SHA-256 is checked by cli_check_file(). */
NODISCARD enum cli_exit cli_open_file(struct cli *cli, struct logfile *f,
				      const char *path);
NODISCARD enum cli_exit cli_check_file(struct cli *cli, const struct logfile *f,
				       const char *path);
NODISCARD enum cli_exit cli_flawed(struct cli *cli, const char *path,
				   const struct logfile_flaw *flaw);

/* @e of a writer's call for @path, NULL: one without a name. */
NODISCARD enum cli_exit cli_written(struct cli *cli, enum err e,
				    const char *path);

/* The first log file has to be of what the contracts file says, if one is
 * given. */
NODISCARD enum cli_exit cli_check_origin(struct cli *cli,
					 const struct logfile_origin *origin,
					 const char *path);

/* Whether SIGINT or SIGTERM came during work that doesn't turn the loop; told.
 */
NODISCARD enum cli_exit cli_poll_interrupt(struct cli *cli);

#endif /* SERVICES_KALYPSO_LOGS_H */
