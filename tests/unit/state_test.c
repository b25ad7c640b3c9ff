/* What map, undo and state promise: found by key, undone by block, the same
 * after a snapshot, and nothing believed of one that isn't ours. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/map.h"
#include "common/scan.h"
#include "common/state.h"

enum { DEPTH = 4 };

/* ---- map ---------------------------------------------------------------- */

static bool is_key(const void *arg, uint32_t value, const void *key)
{
	return ((const uint64_t *)arg)[value] == *(const uint64_t *)key;
}

static void a_map_finds_what_it_holds_while_it_grows(void **state)
{
	enum { KEYS = 20000 };
	uint64_t *keys = calloc(KEYS + 1, sizeof *keys);
	struct map *m;

	(void)state;
	assert_err(map_new(&m, is_key, keys), ERR_NONE);
	for (uint32_t i = 1; i <= KEYS; i++) {
		keys[i] = i * UINT64_C(0x9e3779b97f4a7c15);
		assert_err(map_add(m, map_hash_u64(keys[i]), i), ERR_NONE);
		assert_int_equal(map_get(m, map_hash_u64(keys[1]), &keys[1]),
				 1);
	}
	for (uint32_t i = 1; i <= KEYS; i += 2)
		map_remove(m, map_hash_u64(keys[i]), i);
	assert_int_equal(map_count(m), KEYS / 2);
	for (uint32_t i = 1; i <= KEYS; i++)
		assert_int_equal(map_get(m, map_hash_u64(keys[i]), &keys[i]),
				 i % 2 ? 0 : i);
	for (uint32_t i = 1; i <= KEYS; i += 2) /* their places again */
		assert_err(map_add(m, map_hash_u64(keys[i]), i), ERR_NONE);
	for (uint32_t i = 1; i <= KEYS; i++)
		assert_int_equal(map_get(m, map_hash_u64(keys[i]), &keys[i]),
				 i);
	map_free(&m);
	map_free(&m);
	free(keys);
}

static void keys_of_one_hash_are_told_apart(void **state)
{
	uint64_t keys[] = {0, 10, 20, 30};
	struct map *m;

	(void)state;
	assert_err(map_new(&m, is_key, keys), ERR_NONE);
	for (uint32_t i = 1; i < 4; i++)
		assert_err(map_add(m, 5, i), ERR_NONE);
	map_remove(m, 5, 2);
	assert_int_equal(map_get(m, 5, &keys[1]), 1);
	assert_int_equal(map_get(m, 5, &keys[2]), 0);
	assert_int_equal(map_get(m, 5, &keys[3]), 3);
	assert_int_equal(map_get(m, 6, &keys[1]), 0);
	map_free(&m);
}

static void hashes_of_bytes_see_every_byte(void **state)
{
	uint8_t bytes[20] = {0};
	uint64_t before = map_hash_bytes(bytes, sizeof bytes);

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] = 1;
		assert_true(map_hash_bytes(bytes, sizeof bytes) != before);
		bytes[i] = 0;
	}
}

/* ---- state -------------------------------------------------------------- */

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

static int row_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

static const struct state_table tables[] = {
	{STATE_ROWS(struct row), row_hash, row_equal, NULL},
	{STATE_ROWS(struct row), NULL, NULL, row_compare},
};

static void describe(const void *core, row_id row, struct buf *out)
{
	buf_put(out, state_row(core, 0, row), sizeof(struct row));
}

static struct state *s;

static int begin(void **state)
{
	(void)state;
	assert_err(state_new(&s, tables, 2, DEPTH), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	state_free(&s);
	state_free(&s); /* twice is once */
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static row_id find(uint64_t key)
{
	return state_find(s, 0, map_hash_u64(key), &key);
}

static void add(uint64_t key, uint64_t value)
{
	assert_true(state_add(s, 0, &(struct row){key, value}) != 0);
	assert_true(state_add(s, 1, &(struct row){0, 1000 - value}) != 0);
}

static struct hash32 hash(const struct state *of)
{
	static state_describe *const describers[] = {describe, NULL};
	struct hash32 h;

	state_hash(of, describers, of, &h);
	return h;
}

static void assert_hash(const struct hash32 *want)
{
	struct hash32 h = hash(s);

	assert_memory_equal(h.bytes, want->bytes, sizeof h.bytes);
}

/* Block @n: a row more, one changed, one gone. */
static void change(uint64_t n)
{
	row_id row = find(1);
	struct row *r;

	add(100 + n, n);
	if (row) {
		r = state_edit(s, 0, row);
		r->value += n;
	}
	if (find(100 + n - 2))
		assert_err(state_remove(s, 0, find(100 + n - 2)), ERR_NONE);
	assert_err(state_close(s, n), ERR_NONE);
}

static void blocks_are_undone_newest_first(void **state)
{
	struct hash32 hashes[DEPTH + 1];

	(void)state;
	add(1, 500);
	assert_err(state_close(s, 0), ERR_NONE);
	hashes[0] = hash(s);
	for (uint64_t n = 1; n < DEPTH; n++) {
		change(n);
		hashes[n] = hash(s);
	}
	add(999, 400); /* of the block that is open: goes, too */
	for (uint64_t n = DEPTH - 1; n--;) {
		assert_err(state_roll_back(s, n), ERR_NONE);
		assert_hash(&hashes[n]);
	}
	assert_int_equal(find(999), 0);
	assert_int_equal(state_count(s, 0), 1);
	assert_int_equal(order_count(state_order(s, 1)), 1);
	for (uint64_t n = 1; n < DEPTH; n++) { /* and forth again */
		change(n);
		assert_hash(&hashes[n]);
	}
}

static void what_is_deeper_than_remembered_stays(void **state)
{
	struct hash32 before;

	(void)state;
	for (uint64_t n = 1; n <= DEPTH + 2; n++)
		change(n);
	before = hash(s);
	assert_err(state_roll_back(s, 1), ERR_FINALITY);
	assert_hash(&before);
	assert_err(state_roll_back(s, 2), ERR_NONE);
	assert_int_equal(find(103), 0);
	assert_true(find(102) != 0);
}

static void the_hash_does_not_depend_on_the_order(void **state)
{
	struct hash32 want;

	(void)state;
	for (uint64_t i = 1; i <= 50; i++)
		add(i, i);
	want = hash(s);
	end(state);
	begin(state);
	for (uint64_t i = 50; i >= 1; i--)
		add(i, i);
	assert_hash(&want);
	((struct row *)state_edit(s, 0, find(7)))->value++;
	{
		struct hash32 h = hash(s);

		assert_memory_not_equal(h.bytes, want.bytes, sizeof h.bytes);
	}
}

/* ---- snapshots ---------------------------------------------------------- */

static enum err load(struct bytes bytes, unsigned depth)
{
	struct scan in = scan_begin(bytes);
	enum err e;

	state_free(&s);
	assert_err(state_new(&s, tables, 2, depth), ERR_NONE);
	e = state_load(s, &in);
	return e ? e : scan_done(&in);
}

static void a_snapshot_is_the_state_and_its_past(void **state)
{
	struct buf bytes = {0}, again = {0};
	struct hash32 now, earlier;

	(void)state;
	add(1, 500);
	for (uint64_t n = 1; n <= 6; n++) {
		change(n);
		if (n == 4)
			earlier = hash(s);
	}
	now = hash(s);
	state_save(s, &bytes);
	assert_err(load(buf_bytes(&bytes), DEPTH), ERR_NONE);
	assert_hash(&now);
	state_save(s, &again);
	assert_int_equal(again.size, bytes.size);
	assert_memory_equal(again.data, bytes.data, bytes.size);
	assert_err(state_roll_back(s, 4), ERR_NONE);
	assert_hash(&earlier);
	assert_err(state_roll_back(s, 1), ERR_FINALITY);
	/* With less depth it forgets more. */
	assert_err(load(buf_bytes(&bytes), 2), ERR_NONE);
	assert_hash(&now);
	assert_err(state_roll_back(s, 3), ERR_FINALITY);
	assert_err(state_roll_back(s, 4), ERR_NONE);
	assert_hash(&earlier);
	buf_free(&bytes);
	buf_free(&again);
}

static void every_cut_of_a_snapshot_is_refused(void **state)
{
	struct buf bytes = {0};

	(void)state;
	add(1, 500);
	for (uint64_t n = 1; n <= 3; n++)
		change(n);
	state_save(s, &bytes);
	for (size_t n = 0; n < bytes.size; n++)
		assert_err(load((struct bytes){bytes.data, n}, DEPTH),
			   ERR_MALFORMED);
	buf_put_u8(&bytes, 0);
	assert_err(load(buf_bytes(&bytes), DEPTH), ERR_MALFORMED);
	buf_free(&bytes);
}

static void a_snapshot_of_other_tables_is_refused(void **state)
{
	static const struct state_table others[] = {
		{{.row_size = 64}, NULL, NULL, NULL},
		{{.row_size = 64}, NULL, NULL, NULL}};
	struct state *other;
	struct buf bytes = {0};
	struct scan in;

	(void)state;
	add(1, 500);
	assert_err(state_close(s, 1), ERR_NONE);
	state_save(s, &bytes);
	in = scan_begin(buf_bytes(&bytes));
	assert_err(state_new(&other, others, 2, DEPTH), ERR_NONE);
	assert_err(state_load(other, &in), ERR_MALFORMED);
	state_free(&other);
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_finds_what_it_holds_while_it_grows),
		cmocka_unit_test(keys_of_one_hash_are_told_apart),
		cmocka_unit_test(hashes_of_bytes_see_every_byte),
		TEST(blocks_are_undone_newest_first),
		TEST(what_is_deeper_than_remembered_stays),
		TEST(the_hash_does_not_depend_on_the_order),
		TEST(a_snapshot_is_the_state_and_its_past),
		TEST(every_cut_of_a_snapshot_is_refused),
		TEST(a_snapshot_of_other_tables_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
