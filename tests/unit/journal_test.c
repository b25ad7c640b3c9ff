/* What a journal promises: what was committed is there, whatever comes. */
#include "tests/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/journal.h"
#include "common/log.h"

static char folder[64], path[96];
static struct journal *j;

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/kalypso-journal-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/journal.db", folder);
	assert_err(journal_open(&j, path), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	char command[96];

	(void)state;
	journal_close(&j);
	journal_close(&j); /* twice is once */
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* ---- helpers ------------------------------------------------------------ */

static void put(const char *text)
{
	struct bytes body = {(const uint8_t *)text, strlen(text)};

	assert_err(journal_put(j, 0x0401, body), ERR_NONE);
}

static void commit(void)
{
	assert_err(journal_commit(j), ERR_NONE);
}

static void reopen(void)
{
	journal_close(&j);
	assert_err(journal_open(&j, path), ERR_NONE);
}

struct reader {
	char text[256];
	enum err at_third; /* returned there */
};

static enum err note(void *arg, const struct entry *entry)
{
	struct reader *r = arg;
	size_t n = strlen(r->text);

	assert_int_equal(entry->type, 0x0401);
	snprintf(r->text + n, sizeof r->text - n, "%d:%.*s ",
		 (int)entry->number, (int)entry->body.size,
		 entry->body.size ? (const char *)entry->body.data : "");
	return entry->number == 3 ? r->at_third : ERR_NONE;
}

static void assert_entries(uint64_t from, const char *want)
{
	struct reader r = {.text = ""};

	assert_err(journal_read(j, from, note, &r), ERR_NONE);
	assert_string_equal(r.text, want);
}

/* ---- entries ------------------------------------------------------------ */

static void entries_are_numbered_and_read_in_order(void **state)
{
	(void)state;
	assert_int_equal(journal_last(j), 0);
	assert_entries(1, "");
	put("a");
	put("");
	put("ccc");
	assert_int_equal(journal_last(j), 3);
	commit();
	commit(); /* of nothing */
	reopen();
	assert_int_equal(journal_last(j), 3);
	assert_entries(1, "1:a 2: 3:ccc ");
	assert_entries(3, "3:ccc ");
	assert_entries(4, "");
	put("d");
	commit();
	assert_entries(4, "4:d ");
}

static void bytes_of_any_kind_come_back(void **state)
{
	uint8_t bytes[] = {0, 1, '\'', 255, 0};
	struct bytes body = {bytes, sizeof bytes};
	struct buf large = {0};

	(void)state;
	buf_put_zeros(&large, 300000);
	assert_err(journal_put(j, 0x0401, body), ERR_NONE);
	assert_err(journal_put(j, 0x0401, buf_bytes(&large)), ERR_NONE);
	commit();
	reopen();
	assert_int_equal(journal_last(j), 2);
	buf_free(&large);
}

static void what_the_reader_returns_ends_the_reading(void **state)
{
	struct reader r = {.at_third = ERR_CONFLICT};

	(void)state;
	for (int i = 0; i < 5; i++)
		put("x");
	commit();
	assert_err(journal_read(j, 1, note, &r), ERR_CONFLICT);
	assert_string_equal(r.text, "1:x 2:x 3:x ");
	put("y"); /* and nothing is locked by it */
	commit();
}

static void what_was_not_committed_is_not_there(void **state)
{
	(void)state;
	put("a");
	commit();
	put("b");
	reopen();
	assert_int_equal(journal_last(j), 1);
	assert_entries(1, "1:a ");
	put("c");
	commit();
	assert_entries(1, "1:a 2:c ");
}

static void what_is_dropped_is_gone_with_the_commit(void **state)
{
	(void)state;
	put("a");
	put("b");
	put("c");
	commit();
	assert_err(journal_drop(j, 2), ERR_NONE);
	assert_int_equal(journal_last(j), 1);
	reopen(); /* without a commit */
	assert_entries(1, "1:a 2:b 3:c ");
	assert_err(journal_drop(j, 2), ERR_NONE);
	put("d");
	commit();
	assert_err(journal_drop(j, 3), ERR_NONE); /* of nothing */
	commit();
	reopen();
	assert_entries(1, "1:a 2:d ");
	assert_int_equal(journal_last(j), 2);
}

/* ---- killed ------------------------------------------------------------- */

/* Commit entries one by one, telling the number of each through @fd. */
static void write_until_killed(int fd)
{
	for (uint32_t n = 1;; n++) {
		put("entry");
		commit();
		if (write(fd, &n, sizeof n) != sizeof n)
			_exit(1);
		put("torn"); /* the next one is under way, always */
		if (journal_put(j, 0x0401, (struct bytes){NULL, 0}))
			_exit(1);
		commit();
		n += 2;
		if (write(fd, &n, sizeof n) != sizeof n)
			_exit(1);
	}
}

/* The child has said that it committed @n entries; more may have been. */
static uint32_t kill_after(unsigned rounds)
{
	uint32_t n = 0;
	int fds[2];
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	journal_close(&j);
	child = fork();
	if (child == 0) {
		if (journal_open(&j, path))
			_exit(1);
		write_until_killed(fds[1]);
	}
	close(fds[1]);
	while (rounds-- && read(fds[0], &n, sizeof n) == sizeof n)
		;
	kill(child, SIGKILL);
	while (read(fds[0], &n, sizeof n) == sizeof n)
		; /* said before it died */
	waitpid(child, NULL, 0);
	close(fds[0]);
	assert_err(journal_open(&j, path), ERR_NONE);
	return n;
}

static void a_kill_loses_nothing_that_was_committed(void **state)
{
	(void)state;
	for (unsigned rounds = 1; rounds <= 8; rounds++) {
		uint64_t before = journal_last(j);
		uint32_t told = kill_after(rounds);

		assert_true(told > 0);
		assert_true(journal_last(j) >= before + told);
		/* At most the one commit that wasn't told of. */
		assert_true(journal_last(j) <= before + told + 2);
	}
	put("after");
	commit();
}

/* ---- not ours ----------------------------------------------------------- */

static void two_processes_do_not_share_one(void **state)
{
	struct journal *second = NULL;
	pid_t child;
	int status;

	(void)state;
	put("a");
	commit();
	child = fork();
	if (child == 0)
		_exit(journal_open(&second, path) == ERR_STORAGE ? 0 : 1);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	put("b");
	commit();
}

static void overwrite(off_t at, const char *text)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	close(fd);
}

static void a_file_that_is_none_is_refused(void **state)
{
	(void)state;
	journal_close(&j);
	overwrite(0, "this is no database at all");
	assert_err(journal_open(&j, path), ERR_STORAGE);
	assert_null(j);
	assert_err(journal_open(&j, "/nowhere/journal.db"), ERR_STORAGE);
	assert_err(journal_open(&j, folder), ERR_STORAGE);
}

static void a_damaged_page_is_found_at_the_start_or_while_reading(void **state)
{
	struct reader r = {.text = ""};
	struct stat st;
	enum err e;

	(void)state;
	for (int i = 0; i < 2000; i++)
		put("an entry of some length, so that there are pages");
	commit();
	journal_close(&j); /* which writes them into the file itself */
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 4 * 4096);
	for (off_t at = 2 * 4096; at < st.st_size; at += 4096)
		overwrite(at, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
	e = journal_open(&j, path);
	if (!e) {
		r.at_third = ERR_NONE;
		e = journal_read(j, 1, note, &r);
	}
	assert_err(e, ERR_STORAGE);
}

/* Somebody edited it: what is missing can't be made up. */
static void a_missing_number_is_found(void **state)
{
	char command[256];

	(void)state;
	put("a");
	put("b");
	put("c");
	commit();
	journal_close(&j);
	snprintf(command, sizeof command,
		 "python3 -c 'import sqlite3; d = sqlite3.connect(\"%s\"); "
		 "d.execute(\"DELETE FROM entry WHERE number = 2\"); "
		 "d.commit()'",
		 path);
	assert_int_equal(system(command), 0);
	assert_err(journal_open(&j, path), ERR_STORAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entries_are_numbered_and_read_in_order),
		TEST(bytes_of_any_kind_come_back),
		TEST(what_the_reader_returns_ends_the_reading),
		TEST(what_was_not_committed_is_not_there),
		TEST(what_is_dropped_is_gone_with_the_commit),
		TEST(a_kill_loses_nothing_that_was_committed),
		TEST(two_processes_do_not_share_one),
		TEST(a_file_that_is_none_is_refused),
		TEST(a_damaged_page_is_found_at_the_start_or_while_reading),
		TEST(a_missing_number_is_found),
	};

	log_open("journal_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
