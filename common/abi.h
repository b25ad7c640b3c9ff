/* abi - the Solidity contract ABI: words in heads, lengths and bytes in tails.
 *
 * Source: "Contract ABI Specification" of the Solidity documentation. This is
 * the runtime of the code that protocol/gen/abigen.py writes; few others need
 * more of it than struct abi_log.
 *
 * A tuple is a head, one word (32 bytes) for each static value and one for
 * the offset of each dynamic value, and then the tails of the dynamic ones. So
 * both ways a tuple is walked value by value, by the same sequence of calls:
 *
 *	struct abi_reader r = abi_read(in);	struct abi_writer w = ...
 *	x = abi_get_uint(&r, 64);		abi_put_uint(&w, 64, x);
 *	y = abi_get_bytes(&r);			abi_put_bytes(&w, y);
 *	return abi_read_end(&r);		return buf_err(out);
 */
#ifndef COMMON_ABI_H
#define COMMON_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/types.h"

enum { ABI_WORD = 32, ABI_SELECTOR = 4, ABI_TOPICS_MAX = 4 };

/* An array of static values, each a word as the ABI has it (numbers are
 * big-endian, addresses have 12 zero bytes in front). The words of bytes32[]
 * are the values. Borrowed from the input that was decoded, or from whoever
 * gives it to an encoder. */
struct abi_words {
	const struct hash32 *data;
	size_t count;
};

/* What a contract emitted. topics[0] is the hash of the event's signature. */
struct abi_log {
	struct address address; /* of the contract */
	unsigned topics_count;	/* at most ABI_TOPICS_MAX */
	struct hash32 topics[ABI_TOPICS_MAX];
	struct bytes data; /* borrowed */
};

/* ---- reading ------------------------------------------------------------
 *
 * Strict and bounded: input from a stranger gives an error, never a read
 * outside of it, and nothing is allocated. An error is latched: every get
 * returns zeros from there on and abi_read_end() returns the error. Refused
 * as ERR_MALFORMED are
 *   - a word, offset or length that leaves the input
 *   - set bits outside of an address, uintN, bool, bytesN or enum
 *   - padding of bytes that is missing or not zero
 *   - bytes behind the last value.
 * Tails may overlap or stand in any order: nothing depends on that. */

struct abi_reader {
	const uint8_t *data; /* what offsets count from */
	size_t size;	     /* up to the end of the whole input */
	size_t at;	     /* the next word of the head */
	size_t end;	     /* behind the farthest byte of a tail so far */
	enum err err;
};

/* At the first value of the tuple @in, which stays borrowed. */
struct abi_reader abi_read(struct bytes in);

/* The indexed values of a log whose topics[0] is @topic0 and that has @count
 * of them. Latched: ERR_UNKNOWN_TYPE for another topic, ERR_MALFORMED for
 * another count. Borrows @log. */
struct abi_reader abi_read_topics(const struct abi_log *log,
				  const struct hash32 *topic0, unsigned count);

/* The error that came first; if none did, ERR_MALFORMED unless everything
 * was read. */
NODISCARD enum err abi_read_end(const struct abi_reader *r);

/* uintN: @bits up to 64, or up to 256. */
uint64_t abi_get_uint(struct abi_reader *r, unsigned bits);
struct u256 abi_get_u256(struct abi_reader *r, unsigned bits);

/* An enum of @count values: 0 to @count - 1. */
unsigned abi_get_enum(struct abi_reader *r, unsigned count);

bool abi_get_bool(struct abi_reader *r);
struct address abi_get_address(struct abi_reader *r);
struct hash32 abi_get_hash32(struct abi_reader *r);
struct selector abi_get_selector(struct abi_reader *r);

/* bytes or string, borrowed from the input. Not checked for UTF-8. */
struct bytes abi_get_bytes(struct abi_reader *r);

/* An array of static values, borrowed from the input. The first @front and
 * last @back bytes of each word must be zero: 12 and 0 for address[]. */
struct abi_words abi_get_words(struct abi_reader *r, size_t front, size_t back);

/* A dynamic tuple: read it from the reader returned, then close that. */
struct abi_reader abi_get_tail(struct abi_reader *r);
void abi_get_close(struct abi_reader *r, const struct abi_reader *tail);

/* One word of struct abi_words, whose zeros have been checked. */
struct u256 abi_word_u256(const struct hash32 *word);
struct address abi_word_address(const struct hash32 *word);
struct selector abi_word_selector(const struct hash32 *word);

/* ---- writing ------------------------------------------------------------
 *
 * Into a buf, which latches failure: ERR_NO_MEMORY, and ERR_RANGE for a value
 * that its type can't hold (nothing is cut to fit). */

struct abi_writer {
	struct buf *out; /* borrowed until the tuple is written */
	size_t base;	 /* what offsets count from, in the buf */
	size_t at;	 /* the next word of the head, in the buf */
};

/* Begin a tuple with @words words of head at the end of @out. */
struct abi_writer abi_write(struct buf *out, size_t words);

/* The same behind the selector of a function. */
struct abi_writer abi_write_call(struct buf *out,
				 const uint8_t selector[ABI_SELECTOR],
				 size_t words);

void abi_put_uint(struct abi_writer *w, unsigned bits, uint64_t v);
void abi_put_u256(struct abi_writer *w, unsigned bits, const struct u256 *v);
void abi_put_enum(struct abi_writer *w, unsigned count, unsigned v);
void abi_put_bool(struct abi_writer *w, bool v);
void abi_put_address(struct abi_writer *w, const struct address *v);
void abi_put_hash32(struct abi_writer *w, const struct hash32 *v);
void abi_put_selector(struct abi_writer *w, const struct selector *v);
void abi_put_bytes(struct abi_writer *w, struct bytes v);
void abi_put_words(struct abi_writer *w, struct abi_words v);

/* A dynamic tuple with @words words of head: write it into the writer
 * returned, before the next value of @w. */
struct abi_writer abi_put_tail(struct abi_writer *w, size_t words);

/* An array of @count elements of @words words each: the words of a static
 * element, 1 for a dynamic one (its offset). The elements are written into
 * the writer returned, before the next value of @w. */
struct abi_writer abi_put_array(struct abi_writer *w, size_t count,
				size_t words);

/* ---- reverts ------------------------------------------------------------ */

/* The two errors that Solidity itself throws: Error(string), from require()
 * with a text, and Panic(uint256). @data includes the selector.
 *
 * ERR_UNKNOWN_TYPE  another selector, or none
 * ERR_MALFORMED     the selector, but not its arguments */
NODISCARD enum err abi_decode_error(struct bytes *message, struct bytes data);
NODISCARD enum err abi_decode_panic(struct u256 *code, struct bytes data);

/* What a panic's code means ("arithmetic overflow or underflow"); static,
 * never NULL. */
const char *abi_panic_text(const struct u256 *code);

/* Append to @out one line for a person about revert data that is one of
 * those two, empty, or unknown. The message of Error(string) is a stranger's:
 * of it at most 200 bytes are shown, those outside of printable ASCII as
 * "?". */
void abi_put_builtin_revert(struct buf *out, struct bytes data);

#endif /* COMMON_ABI_H */
