/* wire - messages as msgpack arrays, read and written by their description.
 *
 * protocol/messages describes each message once; msggen.py makes a struct, a
 * table of its fields and a function that writes it, and this file carries any
 * message between struct, bytes and JSON by these. In bytes a message is one
 * msgpack array of its fields in order:
 *
 *	u8 u16 u32 u64, enums	unsigned integer
 *	unix_s			unsigned integer, seconds since 1970
 *	bool			true, false
 *	amount			unsigned integer below 2^64, else bin of 9 to 32
 *				bytes, big-endian, no zero in front
 *	address hash32 selector	bin of 20, 32, 4 bytes
 *	bytes, text		bin, str
 *	hash32s, u64s		bin of n × 32, n × 8 bytes (big-endian)
 *	place			array [block, index]
 *	block_ref		array [number, hash, time]
 *
 * https://github.com/msgpack/msgpack/blob/master/spec.md */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/types.h"

/* Views into a run of bytes that somebody else owns. */
struct hash32s {
	const uint8_t *data; /* count × 32 bytes */
	size_t count;
};

struct u64s {
	const uint8_t *data; /* count × 8 bytes, big-endian */
	size_t count;
};

/* @i < s.count */
struct hash32 hash32s_at(struct hash32s s, size_t i);
uint64_t u64s_at(struct u64s s, size_t i);

enum wire_type {
	WIRE_U8,
	WIRE_U16,
	WIRE_U32,
	WIRE_U64,
	WIRE_BOOL,
	WIRE_ENUM,
	WIRE_UNIX_S,
	WIRE_AMOUNT,
	WIRE_ADDRESS,
	WIRE_HASH32,
	WIRE_SELECTOR,
	WIRE_BYTES,
	WIRE_TEXT,
	WIRE_HASH32S,
	WIRE_U64S,
	WIRE_PLACE,
	WIRE_BLOCK_REF,
};

struct wire_field {
	const char *name;
	enum wire_type type;
	uint16_t offset;	   /* in the message's struct */
	uint16_t values_count;	   /* of an enum, else 0 */
	const char *const *values; /* of an enum, else NULL */
	uint64_t fallback;	   /* of a field that older bytes lack */
};

struct wire_message {
	const char *name;
	uint16_t number;
	uint16_t fields_count;
	uint16_t fields_min; /* in the first version that was published */
	size_t size;	     /* of the struct */
	const struct wire_field *fields;
	/* Write @m at @p (wire_put.h), and how much of that isn't in its
	 * struct; NULL for nothing. */
	uint8_t *(*put)(uint8_t *p, const void *m);
	size_t (*outside)(const void *m);
};

/* Append the bytes of @m, a struct of @d, to @out. Failure is latched there. */
void wire_encode(const struct wire_message *d, const void *m, struct buf *out);

/* Read @body into @m, a struct of @d. Fields beyond those we know are skipped,
 * fields that older bytes lack get their defaults. Views in @m point into
 * @body and live as long as it does.
 *
 * ERR_MALFORMED	not one array with every field of its type and range, or
 *			bytes follow it; *m is undefined */
NODISCARD enum err wire_decode(const struct wire_message *d, void *m,
			       struct bytes body);

/* Append @m as a JSON object to @out: "type" with the message's name, then its
 * fields; integers of 64 bits and more as decimal strings, times in RFC 3339,
 * bytes in hex. */
void wire_json(const struct wire_message *d, const void *m, struct buf *out);

/* Append @text as a JSON string, quotes included. Bytes that aren't UTF-8
 * become U+FFFD: what comes out is always text. */
void wire_json_text(struct buf *out, const char *text, size_t size);

/* Where a core puts what it has to say; what it returns, the core returns.
 * Bytes and texts are borrowed for the call. */
struct sink {
	enum err (*put)(struct sink *sink, uint16_t number, struct bytes body);
	/* Keep @value under @key for those who look it up later; it becomes
	 * visible together with what is put next. NULL: nobody looks. */
	enum err (*keep)(struct sink *sink, const char *key,
			 struct bytes value);
	struct buf scratch; /* of wire_send(); freed by the sink's owner */
};

/* Encode @m and put it. For generated code: use NOUN_send_MESSAGE(). */
NODISCARD enum err wire_send(struct sink *out, const struct wire_message *d,
			     const void *m);

#endif /* COMMON_WIRE_H */
