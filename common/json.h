/* JSON from others as jansson's values, read by yajl: several times as fast as
 * jansson's own parser (docs/decisions/2026-11-21-parsers.md). */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <jansson.h>

#include "common/types.h"

enum { JSON_DEPTH_MAX = 256 };

/* An object or an array; the caller's, who lets go of it with json_decref().
 *
 * NULL: @text isn't one of them (RFC 8259), or isn't UTF-8, or goes on behind
 * it, or nests deeper than JSON_DEPTH_MAX; a name stands twice in an object; a
 * name or a string holds U+0000; a whole number doesn't fit 64 bits, another
 * one a double; or memory ran out. Laxer than the RFC in two things: a lone
 * surrogate is read as '?', form feeds and vertical tabs are white space. */
json_t *json_read(struct bytes text);

#endif /* COMMON_JSON_H */
