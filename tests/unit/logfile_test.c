/* Logs in a file: what was written is read, and nothing else is. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/logfile.h"

static const struct logfile_origin origin = {
	.chain_id = 31337,
	.genesis = {{1, 2, 3}},
	.start_block = 7,
	.marketplace = {{4}},
	.registry = {{5}},
	.keys = {{6}},
	.epoch = 99,
	.name = "local",
};
static const char *const names[] = {"chain", "book", "match"};

static struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* A small file with two logs that have entries and one that has none. */
static struct logfile_writer *small(const char *path)
{
	struct logfile_writer *w;

	assert_err(logfile_create(&w, path, &origin, names, 3), ERR_NONE);
	assert_err(logfile_put(w, 0, 1, 0x0101, text("opened")), ERR_NONE);
	assert_err(logfile_put(w, 0, 2, 0x0102, text("")), ERR_NONE);
	assert_err(logfile_put(w, 1, 1, 0x0201, text("the book")), ERR_NONE);
	logfile_set_cursor(w, 1, (struct cursor){2, 1});
	assert_err(logfile_finish(w), ERR_NONE);
	return w;
}

/* The bytes of the small file; the caller frees them. */
static struct bytes small_bytes(void)
{
	struct logfile_writer *w = small(NULL);
	struct logfile_flaw flaw;
	struct logfile f;
	uint8_t *copy;
	size_t size;

	assert_err(logfile_reopen(&f, w, &flaw), ERR_NONE);
	size = f.all.size;
	copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, f.all.data, size);
	logfile_close(&f);
	logfile_writer_free(&w);
	return (struct bytes){copy, size};
}

/* As a reader sees it that trusts nothing. */
static enum err judge(struct bytes all, struct logfile_flaw *flaw)
{
	struct logfile f;
	enum err e;

	*flaw = (struct logfile_flaw){.what = ""};
	e = logfile_parse(&f, all, flaw);
	return e ? e : logfile_check(&f, flaw);
}

static void what_was_written_is_read(void **state)
{
	struct logfile_writer *w = small(NULL);
	struct logfile_place at;
	struct logfile_flaw flaw;
	struct logfile f;
	struct entry e;

	(void)state;
	assert_err(logfile_reopen(&f, w, &flaw), ERR_NONE);
	assert_err(logfile_check(&f, &flaw), ERR_NONE);
	assert_memory_equal(&f.origin, &origin, sizeof origin);
	assert_int_equal(f.logs_count, 3);
	at = logfile_begin(logfile_find(&f, "chain"));
	assert_true(logfile_next(&at, &e));
	assert_int_equal(e.number, 1);
	assert_int_equal(e.type, 0x0101);
	assert_int_equal(e.body.size, 6);
	assert_memory_equal(e.body.data, "opened", 6);
	assert_true(logfile_next(&at, &e));
	assert_int_equal(e.number, 2);
	assert_int_equal(e.body.size, 0);
	assert_false(logfile_next(&at, &e));
	assert_false(logfile_next(&at, &e));
	assert_int_equal(logfile_find(&f, "book")->last, 1);
	assert_int_equal(logfile_find(&f, "book")->cursor.input, 2);
	assert_int_equal(logfile_find(&f, "book")->cursor.given, 1);
	assert_int_equal(logfile_find(&f, "match")->last, 0);
	at = logfile_begin(logfile_find(&f, "match"));
	assert_false(logfile_next(&at, &e));
	assert_null(logfile_find(&f, "task"));
	logfile_close(&f);
	logfile_writer_free(&w);
}

static void many_entries_go_into_many_blocks(void **state)
{
	enum { COUNT = 5000, SIZE = 300 };
	static uint8_t large[STORE_ENTRY_BYTES_MAX];
	struct logfile_writer *w;
	struct logfile_flaw flaw;
	struct logfile_place at;
	struct logfile f;
	struct entry e;

	(void)state;
	assert_err(logfile_create(&w, NULL, &origin, names, 1), ERR_NONE);
	for (unsigned i = 1; i <= COUNT; i++) {
		large[0] = (uint8_t)i;
		assert_err(logfile_put(w, 0, i, (uint16_t)i,
				       (struct bytes){large, SIZE}),
			   ERR_NONE);
	}
	assert_err(logfile_put(w, 0, COUNT + 1, 7,
			       (struct bytes){large, sizeof large}),
		   ERR_NONE);
	assert_err(logfile_finish(w), ERR_NONE);
	assert_err(logfile_reopen(&f, w, &flaw), ERR_NONE);
	at = logfile_begin(&f.logs[0]);
	for (unsigned i = 1; i <= COUNT; i++) {
		assert_true(logfile_next(&at, &e));
		assert_int_equal(e.number, i);
		assert_int_equal(e.type, i);
		assert_int_equal(e.body.size, SIZE);
		assert_int_equal(e.body.data[0], (uint8_t)i);
	}
	assert_true(logfile_next(&at, &e));
	assert_int_equal(e.body.size, sizeof large);
	assert_false(logfile_next(&at, &e));
	logfile_close(&f);
	logfile_writer_free(&w);
}

static void entries_out_of_turn_are_refused(void **state)
{
	static uint8_t large[STORE_ENTRY_BYTES_MAX + 1];
	struct logfile_writer *w;

	(void)state;
	assert_err(logfile_create(&w, NULL, &origin, names, 2), ERR_NONE);
	assert_err(logfile_put(w, 0, 2, 1, text("")), ERR_RANGE);
	assert_err(logfile_put(w, 2, 1, 1, text("")), ERR_RANGE);
	assert_err(logfile_put(w, 1, 1, 1, text("")), ERR_NONE);
	assert_err(logfile_put(w, 1, 1, 1, text("")), ERR_RANGE);
	assert_err(logfile_put(w, 0, 1, 1, text("")), ERR_RANGE);
	assert_err(logfile_put(w, 1, 2, 1, (struct bytes){large, sizeof large}),
		   ERR_RANGE);
	logfile_writer_free(&w);
}

static void a_file_has_its_name_when_it_is_whole(void **state)
{
	char folder[] = "/tmp/kalypso-logfile-XXXXXX", path[64], part[80];
	struct logfile_writer *w;
	struct logfile_flaw flaw;
	struct logfile f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/a.logs", folder);
	snprintf(part, sizeof part, "%s.part", path);
	assert_err(logfile_create(&w, path, &origin, names, 1), ERR_NONE);
	assert_err(logfile_open(&f, path, &flaw), ERR_NOT_FOUND);
	assert_int_equal(access(part, F_OK), 0);
	logfile_writer_free(&w);
	assert_int_not_equal(access(part, F_OK), 0);
	w = small(path);
	logfile_writer_free(&w);
	assert_int_not_equal(access(part, F_OK), 0);
	assert_err(logfile_open(&f, path, &flaw), ERR_NONE);
	logfile_close(&f);
	unlink(path);
	assert_err(logfile_create(&w, "/nowhere/a.logs", &origin, names, 1),
		   ERR_STORAGE);
	rmdir(folder);
}

static void a_file_cut_off_anywhere_is_refused(void **state)
{
	struct bytes all = small_bytes();
	struct logfile_flaw flaw;

	(void)state;
	for (size_t size = 0; size < all.size; size++) {
		/* Of its own, so that the sanitizer sees a byte too far. */
		uint8_t *copy = malloc(size ? size : 1);

		memcpy(copy, all.data, size);
		assert_err(judge((struct bytes){copy, size}, &flaw),
			   ERR_MALFORMED);
		assert_true(*flaw.what && flaw.offset <= size);
		if (size >= 8)
			assert_string_equal(flaw.what,
					    "the file ends too early");
		free(copy);
	}
	free((void *)(uintptr_t)all.data);
}

static void any_bit_that_flips_is_noticed(void **state)
{
	struct bytes all = small_bytes();
	uint8_t *p = (uint8_t *)(uintptr_t)all.data;
	struct logfile_flaw flaw;

	(void)state;
	assert_err(judge(all, &flaw), ERR_NONE);
	for (size_t i = 0; i < all.size; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			p[i] ^= (uint8_t)(1u << bit);
			assert_err(judge(all, &flaw), ERR_MALFORMED);
			assert_true(*flaw.what && flaw.offset <= all.size);
			p[i] ^= (uint8_t)(1u << bit);
		}
	free(p);
}

static void bytes_behind_the_end_are_refused(void **state)
{
	struct bytes all = small_bytes();
	uint8_t *more = calloc(1, all.size + 1);
	struct logfile_flaw flaw;

	(void)state;
	memcpy(more, all.data, all.size);
	assert_err(judge((struct bytes){more, all.size + 1}, &flaw),
		   ERR_MALFORMED);
	assert_int_equal(flaw.offset, all.size);
	free(more);
	free((void *)(uintptr_t)all.data);
}

static void a_flaw_names_the_log_and_the_entry(void **state)
{
	struct bytes all = small_bytes();
	uint8_t *p = (uint8_t *)(uintptr_t)all.data;
	uint8_t *hit = memmem(p, all.size, "the book", 8);
	struct logfile_flaw flaw;

	(void)state;
	assert_non_null(hit);
	*hit = 'T';
	assert_err(judge(all, &flaw), ERR_MALFORMED);
	assert_string_equal(flaw.log, "book");
	assert_int_equal(flaw.number, 1);
	assert_true(flaw.offset < (size_t)(hit - p));
	free(p);
}

static void another_version_is_named_as_such(void **state)
{
	struct bytes all = small_bytes();
	struct logfile_flaw flaw;

	(void)state;
	((uint8_t *)(uintptr_t)all.data)[11] = 2;
	assert_err(judge(all, &flaw), ERR_MALFORMED);
	assert_non_null(strstr(flaw.what, "another version"));
	assert_int_equal(flaw.offset, 8);
	free((void *)(uintptr_t)all.data);
}

static void other_files_are_none_of_ours(void **state)
{
	struct logfile_flaw flaw;
	struct logfile f;

	(void)state;
	assert_err(judge(text("{\"some\": \"JSON\"}"), &flaw), ERR_MALFORMED);
	assert_non_null(strstr(flaw.what, "no file of kalypso export"));
	assert_err(logfile_open(&f, "/dev/null", &flaw), ERR_MALFORMED);
	assert_err(logfile_open(&f, "/nowhere", &flaw), ERR_NOT_FOUND);
}

static void chains_are_told_apart_by_everything_but_names(void **state)
{
	struct logfile_origin o = origin;

	(void)state;
	o.epoch = 1;
	strcpy(o.name, "other");
	assert_true(logfile_same_chain(&origin, &o));
	o = origin;
	o.chain_id++;
	assert_false(logfile_same_chain(&origin, &o));
	o = origin;
	o.genesis.bytes[31] = 1;
	assert_false(logfile_same_chain(&origin, &o));
	o = origin;
	o.start_block++;
	assert_false(logfile_same_chain(&origin, &o));
	o = origin;
	o.keys.bytes[19] = 1;
	assert_false(logfile_same_chain(&origin, &o));
	o = origin;
	o.registry.bytes[19] = 1;
	assert_false(logfile_same_chain(&origin, &o));
	o = origin;
	o.marketplace.bytes[19] = 1;
	assert_false(logfile_same_chain(&origin, &o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(many_entries_go_into_many_blocks),
		cmocka_unit_test(entries_out_of_turn_are_refused),
		cmocka_unit_test(a_file_has_its_name_when_it_is_whole),
		cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
		cmocka_unit_test(any_bit_that_flips_is_noticed),
		cmocka_unit_test(bytes_behind_the_end_are_refused),
		cmocka_unit_test(a_flaw_names_the_log_and_the_entry),
		cmocka_unit_test(another_version_is_named_as_such),
		cmocka_unit_test(other_files_are_none_of_ours),
		cmocka_unit_test(chains_are_told_apart_by_everything_but_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
