/* Growth by doubling, and a failure that stays until the buf is cleared. */
#include "common/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "common/hex.h"

enum { ROOM_FIRST = 256 };

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
	b->size = 0;
	b->err = ERR_NONE;
}

enum err buf_err(const struct buf *b)
{
	return b->err;
}

struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){b->data, b->size};
}

void buf_fail(struct buf *b, enum err e)
{
	assert(e != ERR_NONE);
	if (!b->err)
		b->err = e;
	b->size = 0;
}

/* Make room for @more bytes behind the content. */
static bool reserve(struct buf *b, size_t more)
{
	size_t room = b->room ? b->room : ROOM_FIRST;
	uint8_t *data;

	if (b->err)
		return false;
	if (more <= b->room - b->size)
		return true;
	while (room - b->size < more && room <= SIZE_MAX / 2)
		room *= 2;
	data = room - b->size < more ? NULL : realloc(b->data, room);
	if (!data) {
		buf_fail(b, ERR_NO_MEMORY);
		return false;
	}
	b->data = data;
	b->room = room;
	return true;
}

const char *buf_text(struct buf *b)
{
	if (!reserve(b, 1))
		return "";
	b->data[b->size] = '\0';
	return (const char *)b->data;
}

uint8_t *buf_extend(struct buf *b, size_t size)
{
	uint8_t *at;

	if (!reserve(b, size ? size : 1))
		return NULL;
	at = b->data + b->size;
	b->size += size;
	return at;
}

void buf_put(struct buf *b, const void *data, size_t size)
{
	uint8_t *at = buf_extend(b, size);

	if (at && size > 0)
		memcpy(at, data, size);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_put_be16(struct buf *b, uint16_t v)
{
	uint8_t *at = buf_extend(b, sizeof v);

	if (at)
		be16_put(at, v);
}

void buf_put_be32(struct buf *b, uint32_t v)
{
	uint8_t *at = buf_extend(b, sizeof v);

	if (at)
		be32_put(at, v);
}

void buf_put_be64(struct buf *b, uint64_t v)
{
	uint8_t *at = buf_extend(b, sizeof v);

	if (at)
		be64_put(at, v);
}

void buf_put_text(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_put_zeros(struct buf *b, size_t size)
{
	uint8_t *at = buf_extend(b, size);

	if (at)
		memset(at, 0, size);
}

void buf_put_hex(struct buf *b, const void *data, size_t size)
{
	/* hex_encode() ends with a NUL, which is room but not content. */
	if (size > (SIZE_MAX - 3) / 2) {
		buf_fail(b, ERR_NO_MEMORY);
	} else if (reserve(b, HEX_ROOM(size))) {
		hex_encode((char *)b->data + b->size, data, size);
		b->size += HEX_ROOM(size) - 1;
	}
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(size >= 0);
	if (!reserve(b, (size_t)size + 1))
		return;
	va_start(args, format);
	vsnprintf((char *)b->data + b->size, (size_t)size + 1, format, args);
	va_end(args);
	b->size += (size_t)size;
}
