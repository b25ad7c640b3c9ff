/* assets - the files of the page, read once.
 *
 * A fixed list: nothing else in the folder can be asked for. */
#ifndef SERVICES_WEBHOOK_GATEWAY_ASSETS_H
#define SERVICES_WEBHOOK_GATEWAY_ASSETS_H

#include "common/buf.h"

struct asset {
	const char *path;	    /* "/app.js" */
	const char *file;	    /* its name in the folder */
	const char *type;	    /* of its content */
	struct buf content, packed; /* gzip; empty if it isn't shorter */
	char etag[32], packed_etag[32];
};

/* Fill the other members from @a->content. */
void asset_pack(struct asset *a);

struct assets;

/* Read them from @folder; without a folder ("") there are none.
 * ERR_CONFIG	a file can't be read; which, and what to do, was logged
 * ERR_NO_MEMORY */
NODISCARD enum err assets_new(struct assets **out, const char *folder);
void assets_free(struct assets **assets);

/* NULL: there is none. */
const struct asset *assets_find(const struct assets *assets, const char *path);

#endif /* SERVICES_WEBHOOK_GATEWAY_ASSETS_H */
