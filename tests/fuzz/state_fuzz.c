/* Any bytes as a snapshot: loaded, and then as good as any state, or refused.
 *
 * Input: one byte, odd for the indexer's state, even for tables, undo records
 * and their order; then the snapshot. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/map.h"
#include "common/scan.h"
#include "common/state.h"
#include "services/chain-indexer/index.h"

struct row {
	uint64_t key, value;
};

static uint64_t row_hash(const void *row)
{
	return map_hash_u64(((const struct row *)row)->key);
}

static bool row_equal(const void *row, const void *key)
{
	return ((const struct row *)row)->key == *(const uint64_t *)key;
}

static const struct state_table tables[] = {
	{STATE_ROWS(struct row), row_hash, row_equal, NULL},
	{STATE_ROWS(struct row), NULL, NULL, NULL},
};

static void describe(const void *core, row_id row, struct buf *out)
{
	buf_put(out, state_row(core, 0, row), sizeof(struct row));
}

/* What was loaded can be changed, saved and undone. */
static void use(struct state *s)
{
	static state_describe *const describers[] = {describe, NULL};
	const struct row fresh = {0xfffffffffffffff1, 2};
	struct hash32 hash, before;
	struct buf out = {0};

	state_save(s, &out);
	state_hash(s, describers, s, &before);
	fuzz_check(state_add(s, 1, &fresh) != 0);
	for (row_id row = state_next(s, 0, 0); row;
	     row = state_next(s, 0, row)) {
		struct row *r = state_edit(s, 0, row);

		r->value++;
	}
	fuzz_check(!state_close(s, UINT64_MAX));
	if (!state_roll_back(s, UINT64_MAX - 1)) {
		state_hash(s, describers, s, &hash);
		fuzz_check(hash32_eq(&hash, &before));
	}
	(void)!state_roll_back(s, 0);
	buf_free(&out);
}

static void load_index(struct bytes in)
{
	struct index_config config = {.start_block = 1, .depth = 16};
	struct index *index;
	struct buf out = {0};

	fuzz_check(!index_new(&index, &config));
	if (!index_load(index, in))
		fuzz_check(!index_save(index, &out));
	index_free(&index);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data + 1, size - 1};
	struct scan scan;
	struct state *s;

	if (size == 0)
		return 0;
	if (data[0] & 1) {
		load_index(in);
		return 0;
	}
	scan = scan_begin(in);
	fuzz_check(!state_new(&s, tables, 2, 4));
	if (!state_load(s, &scan) && !scan_done(&scan))
		use(s);
	state_free(&s);
	return 0;
}
