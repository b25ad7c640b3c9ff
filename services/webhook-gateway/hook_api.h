/* hook_api - what owners of webhooks ask for over HTTP: /v1/webhooks….
 *
 * Each call is one or two calls of Redis; the hooks' thread sees what has
 * changed. protocol/http/webhooks.openapi.yaml describes it for those who call
 * it. Belongs to the web thread, and uses its store. */
#ifndef SERVICES_WEBHOOK_GATEWAY_HOOK_API_H
#define SERVICES_WEBHOOK_GATEWAY_HOOK_API_H

#include "services/webhook-gateway/api.h"
#include "services/webhook-gateway/hooks.h"

struct hook_api_config {
	struct store *store;
	uint64_t epoch;
	const uint8_t *seal;
	const char *token; /* the operator's; "": nobody has it */
	bool open;	   /* anybody may register */
	unsigned hooks_max;
	struct hooks *hooks; /* told of changes */
};

#define HOOK_API_PATH "/v1/webhooks"

/* Whether @path is one of these. */
bool hook_api_has(const char *path);

/* Answer @request, whose path is one, into *answer; its body is emptied first.
 */
void hook_api_answer(const struct hook_api_config *api,
		     const struct api_request *request,
		     struct api_answer *answer);

#endif /* SERVICES_WEBHOOK_GATEWAY_HOOK_API_H */
