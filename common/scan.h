/* scan - read bytes that a buf was filled with, in order, never too far.
 *
 * The counterpart of buf_put_be64() and its kin, for snapshots. Once bytes are
 * missing, everything read is zero and scan_done() says so. */
#ifndef COMMON_SCAN_H
#define COMMON_SCAN_H

#include <stdbool.h>

#include "common/be.h"
#include "common/err.h"
#include "common/types.h"

struct scan {
	const uint8_t *at, *end;
	bool bad;
};

static inline struct scan scan_begin(struct bytes b)
{
	return (struct scan){b.data, b.data + b.size, false};
}

/* The next @size bytes, borrowed from the input; NULL if they are not there. */
static inline const uint8_t *scan_take(struct scan *s, size_t size)
{
	const uint8_t *p = s->at;

	if (s->bad || (size_t)(s->end - s->at) < size) {
		s->bad = true;
		return NULL;
	}
	s->at += size;
	return p;
}

static inline void scan_bytes(struct scan *s, void *out, size_t size)
{
	const uint8_t *p = scan_take(s, size);

	if (p)
		memcpy(out, p, size);
	else
		memset(out, 0, size);
}

static inline uint8_t scan_u8(struct scan *s)
{
	const uint8_t *p = scan_take(s, 1);

	return p ? *p : 0;
}

static inline uint16_t scan_be16(struct scan *s)
{
	const uint8_t *p = scan_take(s, 2);

	return p ? be16_at(p) : 0;
}

static inline uint32_t scan_be32(struct scan *s)
{
	const uint8_t *p = scan_take(s, 4);

	return p ? be32_at(p) : 0;
}

static inline uint64_t scan_be64(struct scan *s)
{
	const uint8_t *p = scan_take(s, 8);

	return p ? be64_at(p) : 0;
}

/* ERR_MALFORMED unless everything was there and nothing is left. */
NODISCARD static inline enum err scan_done(const struct scan *s)
{
	return s->bad || s->at != s->end ? ERR_MALFORMED : ERR_NONE;
}

#endif /* COMMON_SCAN_H */
