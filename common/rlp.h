/* rlp - Recursive Length Prefix: byte strings and lists of them.
 *
 * Source: yellow paper, appendix B. Both ways a list is walked item by item,
 * and failure is latched: in the buf that is written to (see buf.h), or in
 * the reader. */
#ifndef COMMON_RLP_H
#define COMMON_RLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/types.h"

/* ---- writing ------------------------------------------------------------ */

/* Append an item. Numbers are scalars: big-endian without zeros in front, so
 * that 0 is the empty string. */
void rlp_put_bytes(struct buf *b, struct bytes v);
void rlp_put_uint(struct buf *b, uint64_t v);
void rlp_put_u256(struct buf *b, const struct u256 *v);

/* A list is what is put between begin and end; lists nest. */
size_t rlp_list_begin(struct buf *b);
void rlp_list_end(struct buf *b, size_t begin);

/* ---- reading ------------------------------------------------------------
 *
 * Strict: only what the writer above makes is accepted. Refused as
 * ERR_MALFORMED are a length that leaves the input or that has a shorter
 * form, a scalar with zeros in front or too large for its type, a list where
 * a string is wanted or the other way, and bytes that nobody read. After an
 * error every get returns zeros. */

struct rlp {
	const uint8_t *data;
	size_t size, at;
	enum err err;
};

/* At the first item in @in, which stays borrowed. */
struct rlp rlp_read(struct bytes in);

/* Is there no further item? True after an error, too. */
bool rlp_is_end(const struct rlp *r);

/* A string, borrowed from the input. */
struct bytes rlp_get_bytes(struct rlp *r);

uint64_t rlp_get_uint(struct rlp *r);
struct u256 rlp_get_u256(struct rlp *r);

/* A list: read its items from the reader returned, to the end, then close
 * it. */
struct rlp rlp_get_list(struct rlp *r);
void rlp_get_close(struct rlp *r, const struct rlp *list);

/* The error that came first; if none did, ERR_MALFORMED unless everything
 * was read. */
NODISCARD enum err rlp_read_end(const struct rlp *r);

#endif /* COMMON_RLP_H */
