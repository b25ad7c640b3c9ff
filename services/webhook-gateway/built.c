/* Descriptions and documentation of the API, from memory. */
#include "services/webhook-gateway/built.h"

#include <string.h>

#include "api_files.h"

#define BUILT(at, kind, text)                                                  \
	{                                                                      \
		.path = at, .type = kind, .content = {                         \
			.data = (uint8_t *)text,                               \
			.size = sizeof text - 1                                \
		}                                                              \
	}

static struct asset files[] = {
	BUILT("/docs", "text/html; charset=utf-8", api_docs_html),
	BUILT("/docs.css", "text/css; charset=utf-8", api_docs_css),
	BUILT("/v1/openapi.yaml", "application/yaml", api_gateway_openapi_yaml),
	BUILT("/v1/webhooks.yaml", "application/yaml",
	      api_webhooks_openapi_yaml),
	BUILT("/v1/asyncapi.yaml", "application/yaml", api_feed_asyncapi_yaml),
};

const struct asset *built_find(const char *path)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct asset *a = &files[i];

		if (strcmp(a->path, path) != 0)
			continue;
		if (!*a->etag)
			asset_pack(a);
		return a;
	}
	return NULL;
}
