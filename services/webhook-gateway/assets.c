/* A handful of files in memory. */
#include "services/webhook-gateway/assets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/crc32c.h"
#include "common/log.h"

enum { FILE_MAX = 1 << 20, PATH_ROOM = 512 };

#define SCRIPT(name)                                                           \
	{                                                                      \
		.path = "/" name ".js", .file = name ".js",                    \
		.type = "text/javascript; charset=utf-8"                       \
	}
#define STYLE(name)                                                            \
	{                                                                      \
		.path = "/" name ".css", .file = name ".css",                  \
		.type = "text/css; charset=utf-8"                              \
	}

static const struct asset list[] = {
	{.path = "/", .file = "index.html", .type = "text/html; charset=utf-8"},
	{.path = "/icon.svg", .file = "icon.svg", .type = "image/svg+xml"},
	STYLE("style"),
	STYLE("vendor/uPlot.min"),
	SCRIPT("vendor/uPlot.iife.min"),
	SCRIPT("app"),
	SCRIPT("ask"),
	SCRIPT("chain"),
	SCRIPT("chart"),
	SCRIPT("dom"),
	SCRIPT("feed"),
	SCRIPT("format"),
	SCRIPT("generator"),
	SCRIPT("generators"),
	SCRIPT("health"),
	SCRIPT("list"),
	SCRIPT("map"),
	SCRIPT("market"),
	SCRIPT("model"),
	SCRIPT("request"),
	SCRIPT("slashes"),
	SCRIPT("theme"),
	SCRIPT("view"),
	SCRIPT("why"),
};

enum { FILES = sizeof list / sizeof list[0] };

struct assets {
	bool none;
	struct asset files[FILES];
};

/* What is left of the room, given back. */
static void shrink(struct buf *b, size_t size)
{
	uint8_t *at = realloc(b->data, size);

	b->size = size;
	if (!at)
		return;
	b->data = at;
	b->room = size;
}

static void deflate_into(struct buf *out, const struct buf *content)
{
	z_stream z = {.next_in = content->data,
		      .avail_in = (uInt)content->size};
	uLong bound;

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 9,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	bound = deflateBound(&z, (uLong)content->size);
	z.next_out = buf_extend(out, bound);
	z.avail_out = (uInt)bound;
	if (z.next_out && deflate(&z, Z_FINISH) == Z_STREAM_END &&
	    z.total_out < content->size)
		shrink(out, z.total_out);
	else
		buf_free(out);
	deflateEnd(&z);
}

void asset_pack(struct asset *a)
{
	uint32_t crc = crc32c(0, a->content.data, a->content.size);

	deflate_into(&a->packed, &a->content);
	snprintf(a->etag, sizeof a->etag, "\"%08x-%zx\"", crc, a->content.size);
	snprintf(a->packed_etag, sizeof a->packed_etag, "\"%08x-%zx-gz\"", crc,
		 a->content.size);
}

static enum err read_file(struct asset *a, const char *folder)
{
	char path[PATH_ROOM];
	FILE *f;
	size_t n = 0;
	uint8_t *at;

	snprintf(path, sizeof path, "%s/%s", folder, a->file);
	f = fopen(path, "re");
	at = f ? buf_extend(&a->content, FILE_MAX) : NULL;
	if (at)
		n = fread(at, 1, FILE_MAX, f);
	if (!n || ferror(f)) {
		log_error("web.file",
			  "path=%s text=\"%s: give the folder of the page's "
			  "files with --web-dir, or --web-dir= for no page\"",
			  path, strerror(errno));
		if (f)
			fclose(f);
		return at || !f ? ERR_CONFIG : ERR_NO_MEMORY;
	}
	fclose(f);
	shrink(&a->content, n);
	asset_pack(a);
	return ERR_NONE;
}

enum err assets_new(struct assets **out, const char *folder)
{
	struct assets *a = calloc(1, sizeof *a);
	enum err e = ERR_NONE;

	if (!a)
		return ERR_NO_MEMORY;
	memcpy(a->files, list, sizeof list);
	a->none = !*folder;
	for (int i = 0; i < FILES && !e && !a->none; i++)
		e = read_file(&a->files[i], folder);
	if (e)
		assets_free(&a);
	*out = a;
	return e;
}

void assets_free(struct assets **assets)
{
	if (!*assets)
		return;
	for (int i = 0; i < FILES; i++) {
		buf_free(&(*assets)->files[i].content);
		buf_free(&(*assets)->files[i].packed);
	}
	free(*assets);
	*assets = NULL;
}

const struct asset *assets_find(const struct assets *a, const char *path)
{
	for (int i = 0; i < FILES && !a->none; i++)
		if (strcmp(a->files[i].path, path) == 0)
			return &a->files[i];
	return NULL;
}
