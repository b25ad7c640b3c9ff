/* Rows, their undo, and maps to them, against a plain model. */
#include "tests/dice.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/map.h"
#include "common/scan.h"
#include "common/table.h"

enum { KEYS = 500, BLOCKS = 400, DEPTH = 32, OPS = 60 };

struct row {
	uint64_t key, value;
};

struct core {
	struct undo *undo;
	struct table *table;
	struct map *map;
};

static bool has_key(const void *arg, uint32_t value, const void *key)
{
	const struct core *c = arg;

	return ((const struct row *)table_row(c->table, value))->key ==
	       *(const uint64_t *)key;
}

static uint64_t hash_of(const struct core *c, row_id row)
{
	return map_hash_u64(
		((const struct row *)table_row(c->table, row))->key);
}

static void detach(void *arg, row_id row, const void *next)
{
	struct core *c = arg;

	(void)next;
	map_remove(c->map, hash_of(c, row), row);
}

static void attach(void *arg, row_id row, bool came)
{
	struct core *c = arg;

	(void)came;
	assert_err(map_add(c->map, hash_of(c, row), row), ERR_NONE);
}

static void open_core(struct core *c)
{
	struct table_hooks hooks = {detach, attach, c};

	assert_err(undo_new(&c->undo, DEPTH), ERR_NONE);
	assert_err(
		table_new(&c->table, 3,
			  &(struct table_shape){.row_size = sizeof(struct row)},
			  c->undo, &hooks),
		ERR_NONE);
	assert_err(map_new(&c->map, has_key, c), ERR_NONE);
}

static void close_core(struct core *c)
{
	table_free(&c->table);
	map_free(&c->map);
	undo_free(&c->undo);
}

static row_id find(const struct core *c, uint64_t key)
{
	return map_get(c->map, map_hash_u64(key), &key);
}

/* ---- the model: an array of values by key, 0 is none; a copy per block --- */

static uint64_t model[BLOCKS + 1][KEYS];

static void check(const struct core *c, const uint64_t *now)
{
	size_t n = 0;

	for (uint64_t k = 0; k < KEYS; k++) {
		row_id row = find(c, k);

		assert_int_equal(row != 0, now[k] != 0);
		if (row)
			assert_int_equal(
				((const struct row *)table_row(c->table, row))
					->value,
				now[k]);
		n += now[k] != 0;
	}
	assert_int_equal(table_count(c->table), n);
	assert_int_equal(map_count(c->map), n);
}

static void change(struct core *c, uint64_t *now)
{
	uint64_t k = draw(KEYS), v = 1 + draw(1000);
	row_id row = find(c, k);

	if (!row) {
		row = table_add(c->table, &(struct row){k, v});
		attach(c, row, true);
		now[k] = v;
	} else if (draw(3) == 0) {
		detach(c, row, NULL);
		assert_err(table_remove(c->table, row), ERR_NONE);
		now[k] = 0;
	} else {
		((struct row *)table_edit(c->table, row))->value = v;
		now[k] = v;
	}
}

static void undo_one(void *arg, const struct undo_record *r, const void *bytes)
{
	struct core *c = arg;

	assert_int_equal(r->table, 3);
	table_undo(c->table, r, bytes);
}

static void undo_puts_back_what_was(void **state)
{
	struct core c;
	uint64_t now[KEYS] = {0};
	uint64_t height = 0, rolled = 0;

	(void)state;
	open_core(&c);
	memset(model, 0, sizeof model);
	while (height < BLOCKS) {
		uint64_t depth = draw(height < DEPTH ? height + 1 : DEPTH + 1);

		for (unsigned i = (unsigned)draw(OPS); i; i--)
			change(&c, now);
		if (draw(5) == 0 && undo_reaches(c.undo, height - depth)) {
			/* with half a block open */
			assert_err(
				undo_to(c.undo, height - depth, undo_one, &c),
				ERR_NONE);
			height -= depth;
			rolled++;
			memcpy(now, model[height], sizeof now);
			check(&c, now);
			continue;
		}
		memcpy(model[++height], now, sizeof now);
		assert_err(undo_close(c.undo, height), ERR_NONE);
	}
	check(&c, now);
	assert_true(rolled > 10);
	close_core(&c);
}

static void what_is_forgotten_can_not_be_undone(void **state)
{
	struct core c;
	uint64_t now[KEYS] = {0};

	(void)state;
	open_core(&c);
	for (uint64_t n = 1; n <= DEPTH + 5; n++) {
		change(&c, now);
		assert_err(undo_close(c.undo, n), ERR_NONE);
	}
	assert_true(undo_reaches(c.undo, 5));
	assert_false(undo_reaches(c.undo, 4));
	assert_err(undo_to(c.undo, 4, undo_one, &c), ERR_FINALITY);
	check(&c, now);
	assert_err(undo_to(c.undo, 5, undo_one, &c), ERR_NONE);
	close_core(&c);
}

static void a_snapshot_holds_rows_and_undo(void **state)
{
	struct core a, b;
	uint64_t now[KEYS] = {0};
	struct buf bytes = {0}, again = {0};
	struct scan in;

	(void)state;
	open_core(&a);
	for (uint64_t n = 1; n <= 100; n++) {
		for (int i = 0; i < 20; i++)
			change(&a, now);
		memcpy(model[n], now, sizeof now);
		assert_err(undo_close(a.undo, n), ERR_NONE);
	}
	undo_save(a.undo, &bytes);
	table_save(a.table, &bytes);
	open_core(&b);
	in = scan_begin(buf_bytes(&bytes));
	assert_err(undo_load(b.undo, &in), ERR_NONE);
	assert_err(table_load(b.table, &in), ERR_NONE);
	assert_err(scan_done(&in), ERR_NONE);
	check(&b, now);
	assert_err(undo_to(b.undo, 80, undo_one, &b), ERR_NONE);
	check(&b, model[80]);
	/* And the same bytes come out of what was loaded. */
	assert_err(undo_to(a.undo, 80, undo_one, &a), ERR_NONE);
	buf_clear(&bytes);
	undo_save(a.undo, &bytes);
	table_save(a.table, &bytes);
	undo_save(b.undo, &again);
	table_save(b.table, &again);
	assert_int_equal(bytes.size, again.size);
	assert_memory_equal(bytes.data, again.data, bytes.size);
	buf_free(&bytes);
	buf_free(&again);
	close_core(&a);
	close_core(&b);
}

static void a_torn_snapshot_is_malformed(void **state)
{
	struct core a;
	uint64_t now[KEYS] = {0};
	struct buf bytes = {0};

	(void)state;
	open_core(&a);
	for (uint64_t n = 1; n <= 3; n++) {
		change(&a, now);
		assert_err(undo_close(a.undo, n), ERR_NONE);
	}
	undo_save(a.undo, &bytes);
	table_save(a.table, &bytes);
	for (size_t size = 0; size < bytes.size; size++) {
		struct scan in = scan_begin((struct bytes){bytes.data, size});
		struct core b;
		enum err e;

		open_core(&b);
		e = undo_load(b.undo, &in);
		if (!e)
			e = table_load(b.table, &in);
		assert_err(e, ERR_MALFORMED);
		close_core(&b);
	}
	buf_free(&bytes);
	close_core(&a);
}

/* ---- a part of a row ---------------------------------------------------- */

struct wide {
	uint64_t rest;
	uint32_t touched[3];
	uint32_t more;
};

static struct table *wide;

static void nothing_before(void *arg, row_id row, const void *next)
{
	(void)arg;
	(void)row;
	(void)next;
}

static void nothing_after(void *arg, row_id row, bool came)
{
	(void)arg;
	(void)row;
	(void)came;
}

static void undo_wide(void *arg, const struct undo_record *r, const void *bytes)
{
	(void)arg;
	table_undo(wide, r, bytes);
}

/* Whichever of the two comes first in a block, and if one comes alone. */
static void what_is_touched_is_put_back(void **state)
{
	const struct table_shape shape = {
		.row_size = sizeof(struct wide),
		.touched_at = offsetof(struct wide, touched),
		.touched_size = sizeof(((struct wide *)0)->touched)};
	const struct table_hooks hooks = {nothing_before, nothing_after, NULL};
	struct wide before[BLOCKS], *w;
	struct undo *undo;
	uint64_t height = 0, undone = 0;
	row_id row;

	(void)state;
	assert_err(undo_new(&undo, DEPTH), ERR_NONE);
	assert_err(table_new(&wide, 0, &shape, undo, &hooks), ERR_NONE);
	row = table_add(wide, &(struct wide){1, {2, 3, 4}, 5});
	assert_err(undo_close(undo, 0), ERR_NONE);
	while (height + 1 < BLOCKS) {
		before[height] = *(const struct wide *)table_row(wide, row);
		for (uint64_t i = draw(4); i; i--) {
			if (draw(2)) {
				w = table_touch(wide, row);
				w->touched[draw(3)] = (uint32_t)draw(1000);
			} else {
				w = table_edit(wide, row);
				w->rest = draw(1000);
				w->touched[2]++;
				w->more++;
			}
		}
		if (draw(3)) {
			assert_err(undo_close(undo, ++height), ERR_NONE);
			continue;
		}
		if (height && draw(2) && undo_reaches(undo, height - 1))
			height--;
		assert_err(undo_to(undo, height, undo_wide, NULL), ERR_NONE);
		assert_memory_equal(table_row(wide, row), &before[height],
				    sizeof before[0]);
		undone++;
	}
	assert_true(undone > BLOCKS / 10);
	table_free(&wide);
	undo_free(&undo);
}

static bool same(const void *arg, uint32_t value, const void *key)
{
	(void)arg;
	return value == *(const uint32_t *)key;
}

static void a_map_finds_what_it_holds(void **state)
{
	enum { N = 200000 };
	struct map *m;

	(void)state;
	assert_err(map_new(&m, same, NULL), ERR_NONE);
	for (uint32_t i = 1; i <= N; i++)
		assert_err(map_add(m, map_hash_u64(i), i), ERR_NONE);
	for (uint32_t i = 1; i <= N; i += 3)
		map_remove(m, map_hash_u64(i), i);
	for (uint32_t i = 1; i <= N; i++)
		assert_int_equal(map_get(m, map_hash_u64(i), &i),
				 i % 3 == 1 ? 0 : i);
	map_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undo_puts_back_what_was),
		cmocka_unit_test(what_is_forgotten_can_not_be_undone),
		cmocka_unit_test(a_snapshot_holds_rows_and_undo),
		cmocka_unit_test(a_torn_snapshot_is_malformed),
		cmocka_unit_test(what_is_touched_is_put_back),
		cmocka_unit_test(a_map_finds_what_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
