/* A hash, and what it is taken over. */
#include "common/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "common/be.h"
#include "common/hex.h"
#include "common/sha256.h"
#include "msg.h"

static const char domain[] = "kalypso trace";

/* Behind a state: these bytes, then chain id and address. */
static const uint8_t mark[8] = "trace\0\0\1";
enum {
	ORIGIN_BYTES = sizeof mark + 8 + sizeof(struct address),
	TRACE_BYTES = 16,
	SPAN_BYTES = 8,
};

/* Others may be reading the one that isn't the newest; whoever changes them
 * holds the mutex. */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static struct trace_origin origins[2];
static _Atomic(const struct trace_origin *) newest;

/* As trace ids are written: without 0x. */
static char *put_hex(char *out, const uint8_t *bytes, size_t size)
{
	char text[HEX_ROOM(TRACE_BYTES)];

	hex_encode(text, bytes, size);
	return stpcpy(out, text + 2);
}

static void hash(struct hash32 *out, const struct trace_origin *origin,
		 uint64_t subject)
{
	uint8_t number[8];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, domain, sizeof domain - 1);
	be64_put(number, origin->chain_id);
	sha256_update(&sha, number, sizeof number);
	sha256_update(&sha, origin->contract.bytes,
		      sizeof origin->contract.bytes);
	be64_put(number, subject);
	sha256_update(&sha, number, sizeof number);
	sha256_final(&sha, out);
}

const char *trace_make(char out[TRACE_ROOM], const struct trace_origin *origin,
		       uint64_t subject)
{
	struct hash32 h;

	hash(&h, origin, subject);
	put_hex(out, h.bytes, TRACE_BYTES);
	return out;
}

void trace_open(uint64_t chain_id, const struct address *contract)
{
	const struct trace_origin *now;
	struct trace_origin *next;

	pthread_mutex_lock(&opening);
	now = atomic_load(&newest);
	next = &origins[now == &origins[0]];
	if (!now || now->chain_id != chain_id ||
	    !address_eq(&now->contract, contract)) {
		*next = (struct trace_origin){chain_id, *contract};
		atomic_store(&newest, next);
	}
	pthread_mutex_unlock(&opening);
}

void trace_note(uint16_t number, struct bytes body)
{
	struct msg_chain_opened chain;
	struct msg_book_opened book;

	if (number == MSG_CHAIN_OPENED &&
	    !msg_chain_opened_decode(&chain, body))
		trace_open(chain.chain_id, &chain.marketplace);
	if (number == MSG_BOOK_OPENED && !msg_book_opened_decode(&book, body))
		trace_open(book.chain_id, &book.marketplace);
}

const char *trace_id(char out[TRACE_ROOM], uint64_t subject)
{
	const struct trace_origin *ours = atomic_load(&newest);

	*out = 0;
	return ours ? trace_make(out, ours, subject) : out;
}

const char *trace_parent(char out[TRACE_PARENT_ROOM], uint64_t subject)
{
	const struct trace_origin *ours = atomic_load(&newest);
	struct hash32 h;
	char *end;

	*out = 0;
	if (!ours)
		return out;
	hash(&h, ours, subject);
	end = put_hex(stpcpy(out, "00-"), h.bytes, TRACE_BYTES);
	end = put_hex(stpcpy(end, "-"), h.bytes + TRACE_BYTES, SPAN_BYTES);
	memcpy(end, "-01", 4);
	return out;
}

void trace_put_origin(struct buf *state)
{
	const struct trace_origin *ours = atomic_load(&newest);

	if (!ours)
		return;
	buf_put(state, mark, sizeof mark);
	buf_put_be64(state, ours->chain_id);
	buf_put(state, ours->contract.bytes, sizeof ours->contract.bytes);
}

struct bytes trace_take_origin(struct bytes state)
{
	struct address contract;
	const uint8_t *p;

	if (state.size < ORIGIN_BYTES)
		return state;
	p = state.data + state.size - ORIGIN_BYTES;
	if (memcmp(p, mark, sizeof mark) != 0)
		return state;
	p += sizeof mark;
	memcpy(contract.bytes, p + 8, sizeof contract.bytes);
	trace_open(be64_at(p), &contract);
	state.size -= ORIGIN_BYTES;
	return state;
}
