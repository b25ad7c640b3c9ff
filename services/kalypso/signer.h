/* signer - whose account a command acts for, and the key that signs for it.
 *
 * One of, the first that is there:
 *	--keystore FILE, --from-env NAME, --as ROLE, or --from ADDRESS with
 *	--dry-run; two of them are a mistake
 *	$KALYPSO_KEY_FILE or $KALYPSO_KEY; both are a mistake
 *	the market file's account of the command's role
 * No key is ever an argument, printed, or logged. */
#ifndef SERVICES_KALYPSO_SIGNER_H
#define SERVICES_KALYPSO_SIGNER_H

#include "services/kalypso/session.h"

/* Fill cli->account and, unless --from names it, cli->key. Asks for a
 * keystore's password if it has to. Does nothing the second time. */
NODISCARD enum cli_exit cli_signer_load(struct cli *cli);
void cli_signer_free(struct cli *cli);

/* The address given as argument @i, or else the command's own account. */
NODISCARD enum cli_exit cli_whose(struct cli *cli, struct address *out,
				  size_t i);

/* The first line of --password-file, or what a person answers to @question;
 * asked twice if @twice. The caller frees *out with cli_password_free().
 * @why_not is what to do if nobody can be asked. */
NODISCARD enum cli_exit cli_password(struct cli *cli, char **out,
				     const char *question, bool twice);
void cli_password_free(char **password);

#endif /* SERVICES_KALYPSO_SIGNER_H */
