/* gateway - the market's HTTP API: what no contract keeps.
 *
 * protocol/http/gateway.openapi.yaml describes it. Answers are JSON; errors
 * are problem documents (RFC 9457), whose words are shown. */
#ifndef SERVICES_KALYPSO_GATEWAY_H
#define SERVICES_KALYPSO_GATEWAY_H

#include <jansson.h>

#include "services/kalypso/session.h"

/* GET --gateway's /v1/ and @format's path; the caller owns *out.
 * CLI_USAGE, told: no --gateway, or it can't be one
 * CLI_UNREACHABLE, told: no answer, or none that is one
 * CLI_NOT_FOUND, told: there is no such thing
 * CLI_FAILED, told: the gateway refuses; its words are shown */
NODISCARD enum cli_exit cli_gateway_get(struct cli *cli, json_t **out,
					const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same without a word, for what is nice to have. Only CLI_INTERRUPTED is
 * told. */
NODISCARD enum cli_exit cli_gateway_try(struct cli *cli, json_t **out,
					const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Members of an answer. What is missing or of another kind is 0. */
uint64_t cli_json_id(const json_t *object, const char *key);
uint64_t cli_json_time(const json_t *object, const char *key);
void cli_json_address(const json_t *object, const char *key,
		      struct address *out);
void cli_json_amount(const json_t *object, const char *key, struct u256 *out);
const char *cli_json_text(const json_t *object, const char *key);

#endif /* SERVICES_KALYPSO_GATEWAY_H */
