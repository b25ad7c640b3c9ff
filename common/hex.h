/* hex - bytes, addresses and hashes as 0x text, read strictly.
 *
 * Read means: "0x", then two digits a byte, then the end; digits of either
 * case. Written means: "0x" and lower-case digits, but addresses carry the
 * checksum of EIP-55 in their case.
 *
 * The one error is ERR_MALFORMED: not such a text, or not of the size that
 * was asked for. Nothing is written then. */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/types.h"

/* Room for the text of @size bytes, its NUL included. */
#define HEX_ROOM(size) (2 * (size) + 3)

enum { ADDRESS_ROOM = HEX_ROOM(20), HASH32_ROOM = HEX_ROOM(32) };

/* The value of one hex digit; -1 if @c is none. */
int hex_digit(char c);

/* Exactly @size bytes from @text, whose length is @text_size. */
NODISCARD enum err hex_decode(uint8_t *out, size_t size, const char *text,
			      size_t text_size);

/* However many bytes @text holds, appended to @out.
 * The error that is latched in @out, if there is one (see buf.h). */
NODISCARD enum err hex_decode_buf(struct buf *out, const char *text,
				  size_t text_size);

/* Writes HEX_ROOM(@size) characters and returns @text. */
char *hex_encode(char *text, const uint8_t *data, size_t size);

/* All lower and all upper case is taken as it is; in mixed case each letter
 * must be what EIP-55 says: a mistyped address is refused. */
NODISCARD enum err address_parse(struct address *out, const char *text);
char *address_format(char text[ADDRESS_ROOM], const struct address *a);

NODISCARD enum err hash32_parse(struct hash32 *out, const char *text);
char *hash32_format(char text[HASH32_ROOM], const struct hash32 *h);

#endif /* COMMON_HEX_H */
