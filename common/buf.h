/* buf - bytes that grow at the end; what every encoder writes into.
 *
 * A buf starts as {0} and is emptied by buf_free(). Failure is latched: once
 * memory ran out, or an encoder called buf_fail(), every put does nothing,
 * size is 0 and buf_err() says why, so it is checked once, at the end.
 *
 * What is put may not lie in the buf itself: growing moves it. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/types.h"

struct buf {
	uint8_t *data; /* owned; NULL while room is 0 */
	size_t size;   /* bytes in use */
	size_t room;   /* bytes allocated */
	enum err err;  /* the first failure since the last clear or free */
};

/* Release the memory; @b is {0} again, its failure forgotten. */
void buf_free(struct buf *b);

/* Forget the content and the failure, keep the memory. */
void buf_clear(struct buf *b);

static inline bool buf_failed(const struct buf *b)
{
	return b->err != ERR_NONE;
}

/* ERR_NO_MEMORY once a put has failed, what buf_fail() was told if that came
 * first, else ERR_NONE. */
NODISCARD enum err buf_err(const struct buf *b);

/* Latch @e (not ERR_NONE): what is being written can't be right. */
void buf_fail(struct buf *b, enum err e);

/* The content, borrowed until the next change of @b. */
struct bytes buf_bytes(const struct buf *b);

/* The content as a C string, borrowed until the next change of @b; the NUL
 * is not part of the size. "" when @b has failed. */
const char *buf_text(struct buf *b);

/* Append @size bytes for the caller to fill: at once, before the next call.
 * NULL if @b has failed. */
uint8_t *buf_extend(struct buf *b, size_t size);

/* Append. The integers are big-endian. */
void buf_put(struct buf *b, const void *data, size_t size);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_be16(struct buf *b, uint16_t v);
void buf_put_be32(struct buf *b, uint32_t v);
void buf_put_be64(struct buf *b, uint64_t v);

/* Append a C string without its NUL, or @size zero bytes. */
void buf_put_text(struct buf *b, const char *text);
void buf_put_zeros(struct buf *b, size_t size);

/* Append @data as lower-case hex digits, "0x" in front. */
void buf_put_hex(struct buf *b, const void *data, size_t size);

/* Append as printf writes, without the NUL. */
void buf_printf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* COMMON_BUF_H */
