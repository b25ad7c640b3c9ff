/* status_service - one copy of a service, as `kalypso status` shows it. */
#ifndef SERVICES_KALYPSO_STATUS_SERVICE_H
#define SERVICES_KALYPSO_STATUS_SERVICE_H

#include "services/kalypso/logs.h"

/* What copies are compared with. */
struct status_logs {
	uint64_t block;		   /* the newest */
	uint64_t newest[CLI_LOGS]; /* entry of each log; 0: not known */
};

/* A row. @service is of the form that the gateway has it in: what is no member
 * of its own is in "details". */
void cli_put_service(struct cli *cli, const json_t *service,
		     const struct status_logs *logs);

#endif /* SERVICES_KALYPSO_STATUS_SERVICE_H */
