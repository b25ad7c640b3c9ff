/* Entries behind each other, and where each block ends. */
#include "tests/sim/tape.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "msg.h"
#include "tests/sim/chain.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

struct tape {
	const char *log;
	struct buf entries; /* type 2, size 4, body */
	size_t ends[BLOCKS_MAX];
	uint64_t newest;
	size_t first_end; /* of what comes before the first block */
};

struct tape *tape_new(const char *log)
{
	struct tape *t = calloc(1, sizeof *t);

	assert(t);
	t->log = log;
	return t;
}

void tape_free(struct tape **tape)
{
	buf_free(&(*tape)->entries);
	free(*tape);
	*tape = NULL;
}

/* The block that an entry closes, or goes back to; 0: neither. */
static uint64_t block_of(uint16_t type, struct bytes body, bool *back)
{
	union {
		struct msg_block_mark mark;
		struct msg_rollback rollback;
		struct msg_block_closed closed;
		struct msg_book_rolled_back book_back;
		struct msg_round_closed round;
		struct msg_round_rolled_back round_back;
	} m;

	*back = type == MSG_ROLLBACK || type == MSG_BOOK_ROLLED_BACK ||
		type == MSG_ROUND_ROLLED_BACK;
	if (type == MSG_BLOCK_MARK && !msg_block_mark_decode(&m.mark, body))
		return m.mark.block.number;
	if (type == MSG_ROLLBACK && !msg_rollback_decode(&m.rollback, body))
		return m.rollback.to.number;
	if (type == MSG_BLOCK_CLOSED &&
	    !msg_block_closed_decode(&m.closed, body))
		return m.closed.block.number;
	if (type == MSG_BOOK_ROLLED_BACK &&
	    !msg_book_rolled_back_decode(&m.book_back, body))
		return m.book_back.to.number;
	if (type == MSG_ROUND_CLOSED &&
	    !msg_round_closed_decode(&m.round, body))
		return m.round.block.number;
	if (type == MSG_ROUND_ROLLED_BACK &&
	    !msg_round_rolled_back_decode(&m.round_back, body))
		return m.round_back.to.number;
	return 0;
}

void tape_take(struct tape *t, uint16_t type, struct bytes body)
{
	bool back;
	uint64_t block = block_of(type, body, &back);

	if (back) {
		t->entries.size = block < market_world.start_block
					  ? t->first_end
					  : t->ends[block];
		t->newest = block;
		return;
	}
	buf_put_be16(&t->entries, type);
	buf_put_be32(&t->entries, (uint32_t)body.size);
	buf_put(&t->entries, body.data, body.size);
	assert(!buf_failed(&t->entries));
	if (block) {
		t->ends[block] = t->entries.size;
		t->newest = block;
	} else if (!t->first_end) {
		t->first_end = t->entries.size;
	}
}

struct tape *tape_of_store(const char *log)
{
	struct tape *t = tape_new(log);

	for (uint64_t n = 1; n <= store_log_size(log); n++) {
		struct entry e = store_log_entry(log, n);

		tape_take(t, e.type, e.body);
	}
	return t;
}

/* ---- comparing ---------------------------------------------------------- */

static size_t size_at(const struct tape *t, size_t at)
{
	const uint8_t *p = t->entries.data + at;

	if (at >= t->entries.size)
		return 0;
	return 6 + ((size_t)p[2] << 24 | (size_t)p[3] << 16 |
		    (size_t)p[4] << 8 | p[5]);
}

static void put_entry(struct buf *out, const struct tape *t, size_t at)
{
	const uint8_t *p = t->entries.data + at;
	uint16_t type;
	union {
		uint8_t bytes[4096];
		max_align_t align;
	} m;
	struct bytes body;

	if (!size_at(t, at)) {
		buf_put_text(out, "nothing");
		return;
	}
	type = (uint16_t)(p[0] << 8 | p[1]);
	body = (struct bytes){p + 6, size_at(t, at) - 6};
	buf_put_text(out, msg_describe(type)->name);
	buf_put_text(out, " ");
	if (!wire_decode(msg_describe(type), &m, body))
		wire_json(msg_describe(type), &m, out);
}

void tapes_compare(const struct tape *have, const struct tape *want)
{
	struct buf a = {0}, b = {0};
	size_t at = 0, size;

	while ((size = size_at(have, at)) && size == size_at(want, at) &&
	       memcmp(have->entries.data + at, want->entries.data + at, size) ==
		       0)
		at += size;
	if (!size && !size_at(want, at))
		return;
	put_entry(&a, have, at);
	put_entry(&b, want, at);
	wrong("O1: the %s log says %s, a fresh one %s", have->log, buf_text(&a),
	      buf_text(&b));
}
