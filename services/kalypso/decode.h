/* decode - bytes that a service couldn't read, as this version reads them. */
#ifndef SERVICES_KALYPSO_DECODE_H
#define SERVICES_KALYPSO_DECODE_H

#include <jansson.h>

#include "common/quarantine.h"

enum { CLI_WHY_ROOM = 160 };

/* A message of @type; a new reference. On failure @why is a phrase for people,
 * and *out as it was.
 * ERR_UNKNOWN_TYPE, ERR_MALFORMED */
NODISCARD enum err cli_decode_entry(json_t **out, char why[CLI_WHY_ROOM],
				    uint16_t type, struct bytes body);

/* An event of the contracts, from its topics and its data. */
NODISCARD enum err cli_decode_event(json_t **out, char why[CLI_WHY_ROOM],
				    const struct quarantine_item *item);

#endif /* SERVICES_KALYPSO_DECODE_H */
