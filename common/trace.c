/* A hash, and what it is taken over. */
#include "common/trace.h"

#include <stdatomic.h>
#include <string.h>

#include "common/sha256.h"

static const char domain[] = "kalypso trace";
static const char hex_digits[] = "0123456789abcdef";

/* Behind a state: these bytes, then chain id and address. */
static const uint8_t mark[8] = "trace\0\0\1";
enum {
	ORIGIN_BYTES = sizeof mark + 8 + sizeof(struct address),
	TRACE_BYTES = 16,
	SPAN_BYTES = 8,
};

/* Others may be reading the one that isn't the newest. */
static struct trace_origin origins[2];
static _Atomic(const struct trace_origin *) newest;

static void put_be64(uint8_t out[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

static void put_hex(char *out, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		out[2 * i] = hex_digits[bytes[i] >> 4];
		out[2 * i + 1] = hex_digits[bytes[i] & 15];
	}
	out[2 * size] = 0;
}

static void hash(struct hash32 *out, const struct trace_origin *origin,
		 uint64_t subject)
{
	uint8_t number[8];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, domain, sizeof domain - 1);
	put_be64(number, origin->chain_id);
	sha256_update(&sha, number, sizeof number);
	sha256_update(&sha, origin->contract.bytes,
		      sizeof origin->contract.bytes);
	put_be64(number, subject);
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
	const struct trace_origin *now = atomic_load(&newest);
	struct trace_origin *next = &origins[now == &origins[0]];

	if (now && now->chain_id == chain_id &&
	    address_eq(&now->contract, contract))
		return;
	*next = (struct trace_origin){chain_id, *contract};
	atomic_store(&newest, next);
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
	char *p = out;

	*out = 0;
	if (!ours)
		return out;
	hash(&h, ours, subject);
	memcpy(p, "00-", 3);
	put_hex(p += 3, h.bytes, TRACE_BYTES);
	p[2 * TRACE_BYTES] = '-';
	put_hex(p += 2 * TRACE_BYTES + 1, h.bytes + TRACE_BYTES, SPAN_BYTES);
	memcpy(p + 2 * SPAN_BYTES, "-01", 4);
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
	uint64_t chain_id = 0;
	const uint8_t *p;

	if (state.size < ORIGIN_BYTES)
		return state;
	p = state.data + state.size - ORIGIN_BYTES;
	if (memcmp(p, mark, sizeof mark) != 0)
		return state;
	p += sizeof mark;
	for (int i = 0; i < 8; i++)
		chain_id = chain_id << 8 | *p++;
	memcpy(contract.bytes, p, sizeof contract.bytes);
	trace_open(chain_id, &contract);
	state.size -= ORIGIN_BYTES;
	return state;
}
