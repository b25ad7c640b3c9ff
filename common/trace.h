/* trace - one id for everything that is done about one subject, a request.
 *
 * Derived, not carried: SHA-256 over "kalypso trace", the chain's id (8 bytes,
 * big-endian), the contract's address (20) and the subject's number (8). The
 * first 16 bytes are the trace id, the next 8 the id of its first span, as W3C
 * Trace Context has them (https://www.w3.org/TR/trace-context/). So every
 * service, every generator and anybody else comes to the same id without being
 * told, messages need no field for it, and a replay gives the same bytes.
 *
 * A process says once what its subjects are of; before that there are no ids.
 */
#ifndef COMMON_TRACE_H
#define COMMON_TRACE_H

#include <stdint.h>

#include "common/buf.h"
#include "common/types.h"

enum {
	TRACE_ROOM = 33,	/* 32 hex digits */
	TRACE_PARENT_ROOM = 56, /* 00-TRACE-SPAN-01 */
};

/* What subjects are of. */
struct trace_origin {
	uint64_t chain_id;
	struct address contract;
};

/* The trace id of @subject as hex digits. Returns @out. */
const char *trace_make(char out[TRACE_ROOM], const struct trace_origin *origin,
		       uint64_t subject);

/* From now on this process's subjects are of this contract on this chain: a
 * process is of one deployment, and only a development chain that begins anew
 * makes it another. This and the functions below may be called by any thread.
 */
void trace_open(uint64_t chain_id, const struct address *contract);

/* trace_open() if message @number is the one that opens a chain or book log. */
void trace_note(uint16_t number, struct bytes body);

/* trace_make() of our origin; "" before trace_open(). Returns @out. */
const char *trace_id(char out[TRACE_ROOM], uint64_t subject);

/* The value of a `traceparent` header: version 00, sampled. "" before
 * trace_open(). Returns @out. */
const char *trace_parent(char out[TRACE_PARENT_ROOM], uint64_t subject);

/* For who begins in the middle of a log, and isn't told again: append the
 * origin to the bytes of a state, nothing before trace_open(); and back:
 * returns @state without it, after trace_open() if it was there. */
void trace_put_origin(struct buf *state);
struct bytes trace_take_origin(struct bytes state);

#endif /* COMMON_TRACE_H */
