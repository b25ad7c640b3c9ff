/* What the store promises, against a real Redis that the test starts. */
#include "tests/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/protocol.h"
#include "common/store.h"

static char folder[] = "/tmp/kalypso-store-XXXXXX";
static char url[64];
static pid_t server;
static struct store *store;

static void start_server(const char *fsync)
{
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* not to outlive us */
		assert_int_equal(chdir(folder), 0);
		execlp("redis-server", "redis-server", "--port", "0",
		       "--unixsocket", "redis.sock", "--appendonly", "yes",
		       "--appendfsync", fsync, "--save", "", "--loglevel",
		       "warning", "--logfile", "redis.log", (char *)NULL);
		_exit(127);
	}
}

static void stop_server(int signal_number)
{
	kill(server, signal_number);
	waitpid(server, NULL, 0);
}

/* A store whose server answers; bounded by 10 s of tries. */
static struct store *opened(void)
{
	struct store *s = NULL;
	enum err e = ERR_UNREACHABLE;

	assert_err(store_open(&s, url, "test", NULL, 2000), ERR_NONE);
	for (int i = 0; i < 1000 && e == ERR_UNREACHABLE; i++) {
		e = store_check(s);
		if (e)
			usleep(10000);
	}
	assert_err(e, ERR_NONE);
	return s;
}

static int begin(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(url, sizeof url, "unix:%s/redis.sock", folder);
	start_server("always");
	(void)state;
	store = opened();
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	store_close(&store);
	stop_server(SIGTERM);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

/* ---- a log of its own for each test ------------------------------------- */

static struct entry entries[STORE_ENTRIES_MAX];

static struct append two(const char *log, uint64_t first)
{
	entries[0] =
		(struct entry){first, 0x0101, {(const uint8_t *)"a\0b", 3}};
	entries[1] =
		(struct entry){first + 1, 0x0102, {(const uint8_t *)"cd", 2}};
	return (struct append){.service = log,
			       .instance = "a",
			       .token = 7,
			       .log = log,
			       .first = first,
			       .entries = entries,
			       .entries_count = 2,
			       .from = {0, 0},
			       .to = {5, 1}};
}

static struct append ready(struct store *s, const char *log)
{
	struct append a = two(log, 1);

	assert_err(store_epoch_begin(s, &a.epoch), ERR_NONE);
	assert_err(store_lease_take(s, log, "a", 7, 60000), ERR_NONE);
	return a;
}

static enum err count(void *arg, const struct entry *entry)
{
	(void)entry;
	++*(unsigned *)arg;
	return ERR_NONE;
}

static unsigned length(struct store *s, const char *log)
{
	unsigned n = 0;
	uint64_t next;

	assert_err(store_read(s, log, 1, 1000, &next, count, &n), ERR_NONE);
	return n;
}

static enum err check_two(void *arg, const struct entry *entry)
{
	unsigned *n = arg;

	assert_int_equal(entry->number, *n + 1);
	assert_int_equal(entry->type, *n ? 0x0102 : 0x0101);
	assert_int_equal(entry->body.size, *n ? 2 : 3);
	assert_memory_equal(entry->body.data, *n ? "cd" : "a\0b",
			    entry->body.size);
	++*n;
	return ERR_NONE;
}

static void what_is_appended_can_be_read(void **state)
{
	struct append a = ready(store, "one");
	struct cursor cursor;
	uint64_t next, last;
	unsigned n = 0;

	(void)state;
	assert_err(store_append(store, &a), ERR_NONE);
	assert_err(store_read(store, "one", 1, 100, &next, check_two, &n),
		   ERR_NONE);
	assert_int_equal(n, 2);
	assert_int_equal(next, 3);
	assert_err(store_last(store, "one", &last), ERR_NONE);
	assert_int_equal(last, 2);
	assert_err(store_cursor(store, "one", &cursor), ERR_NONE);
	assert_int_equal(cursor.input, 5);
	assert_int_equal(cursor.given, 1);
}

static void an_append_is_done_once(void **state)
{
	struct append a = ready(store, "once");

	(void)state;
	assert_err(store_append(store, &a), ERR_NONE);
	assert_err(store_append(store, &a), ERR_NONE);
	assert_int_equal(length(store, "once"), 2);
	entries[1].body.data = (const uint8_t *)"ce";
	assert_err(store_append(store, &a), ERR_CONFLICT);
	assert_int_equal(length(store, "once"), 2);
}

static void a_gap_is_a_conflict(void **state)
{
	struct append a = ready(store, "gap");

	(void)state;
	a.first = 2;
	assert_err(store_append(store, &a), ERR_CONFLICT);
	a.first = 1;
	a.from.given = 1;
	assert_err(store_append(store, &a), ERR_CONFLICT);
	assert_int_equal(length(store, "gap"), 0);
}

static void without_the_lease_nothing_is_written(void **state)
{
	struct append a = ready(store, "fence");

	(void)state;
	a.token = 8;
	assert_err(store_append(store, &a), ERR_FENCED);
	a.token = 7;
	assert_err(store_lease_renew(store, "fence", "a", 7, 0), ERR_NONE);
	assert_err(store_append(store, &a), ERR_FENCED);
	assert_int_equal(length(store, "fence"), 0);
}

static void another_epoch_writes_nothing(void **state)
{
	struct append a = ready(store, "epoch");
	uint64_t epoch, again;

	(void)state;
	assert_err(store_epoch(store, &epoch), ERR_NONE);
	assert_err(store_epoch_begin(store, &again), ERR_NONE);
	assert_true(epoch != 0 && epoch == again);
	a.epoch++;
	assert_err(store_append(store, &a), ERR_EPOCH);
	assert_int_equal(length(store, "epoch"), 0);
}

/* As another version would. */
static void note(const char *log, const char *value)
{
	char command[256];

	snprintf(command, sizeof command,
		 "redis-cli -s %s/redis.sock set 'kalypso:{test}:protocol:%s' "
		 "%s >/dev/null",
		 folder, log, value);
	assert_int_equal(system(command), 0);
}

static void what_a_newer_version_wrote_is_not_given(void **state)
{
	struct append a = ready(store, "mixed");
	struct store_protocol p;
	uint64_t next;
	unsigned n = 0;

	(void)state;
	assert_err(store_append(store, &a), ERR_NONE);
	assert_err(store_protocol(store, "mixed", &p), ERR_NONE);
	assert_int_equal(p.number, 0);
	assert_err(store_protocol_note(store, "mixed", false), ERR_NONE);
	assert_err(store_protocol(store, "mixed", &p), ERR_NONE);
	assert_int_equal(p.number, protocol_ours);
	assert_string_equal(p.version, protocol_version);
	assert_int_equal(length(store, "mixed"), 2);

	note("mixed", "7:9.9.9");
	assert_err(store_protocol(store, "mixed", &p), ERR_NONE);
	assert_int_equal(p.number, 7);
	assert_string_equal(p.version, "9.9.9");
	assert_err(store_read(store, "mixed", 1, 10, &next, count, &n),
		   ERR_NEWER);
	assert_int_equal(n, 0);
	assert_int_equal(next, 1);
	/* What it wrote stays: we can't have written all of it. */
	assert_err(store_protocol_note(store, "mixed", false), ERR_NONE);
	assert_err(store_read(store, "mixed", 1, 10, &next, count, &n),
		   ERR_NEWER);
	/* A log that begins anew is all ours. */
	assert_err(store_protocol_note(store, "mixed", true), ERR_NONE);
	assert_int_equal(length(store, "mixed"), 2);
	/* Older ones are read, and what isn't a number is none. */
	note("mixed", "0:0.0.1");
	assert_int_equal(length(store, "mixed"), 2);
	note("mixed", "nonsense");
	assert_int_equal(length(store, "mixed"), 2);
}

static void its_clock_can_be_asked(void **state)
{
	int64_t ms = 0;

	(void)state;
	assert_err(store_time(store, &ms), ERR_NONE);
	assert_true(llabs(ms - (int64_t)time(NULL) * 1000) < 60000);
}

static void one_instance_has_the_lease(void **state)
{
	(void)state;
	assert_err(store_lease_take(store, "lease", "a", 1, 60000), ERR_NONE);
	assert_err(store_lease_take(store, "lease", "b", 2, 60000), ERR_HELD);
	assert_err(store_lease_renew(store, "lease", "b", 2, 60000),
		   ERR_FENCED);
	assert_err(store_lease_renew(store, "lease", "a", 1, 60000), ERR_NONE);
	/* Another life of the same instance. */
	assert_err(store_lease_take(store, "lease", "a", 3, 60000), ERR_NONE);
	assert_err(store_lease_renew(store, "lease", "a", 1, 60000),
		   ERR_FENCED);
	assert_err(store_lease_renew(store, "lease", "a", 3, 0), ERR_NONE);
	assert_err(store_lease_take(store, "lease", "b", 2, 1), ERR_NONE);
	for (int i = 0; i < 1000; i++)
		if (!store_lease_take(store, "lease", "a", 4, 60000))
			return; /* b's ran out */
	fail_msg("a lease of a millisecond did not run out");
}

static void appends_under_way_keep_their_order(void **state)
{
	struct append a = ready(store, "pipe");

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct append next = two("pipe", 1 + 2 * i);

		next.epoch = a.epoch;
		next.from = (struct cursor){i, 0};
		next.to = (struct cursor){i + 1, 0};
		assert_err(store_append_send(store, &next), ERR_NONE);
	}
	assert_int_equal(store_append_pending(store), 10);
	for (unsigned i = 0; i < 10; i++)
		assert_err(store_append_wait(store), ERR_NONE);
	assert_int_equal(length(store, "pipe"), 20);
}

static void records_come_with_their_append(void **state)
{
	struct append a = ready(store, "record");
	struct record r = {"17", {(const uint8_t *)"seventeen", 9}, 1000};
	struct buf out = {0};

	(void)state;
	a.records = &r;
	a.records_count = 1;
	a.token = 1;
	assert_err(store_append(store, &a), ERR_FENCED);
	assert_err(store_record(store, "17", &out), ERR_NOT_FOUND);
	a.token = 7;
	assert_err(store_append(store, &a), ERR_NONE);
	assert_err(store_record(store, "17", &out), ERR_NONE);
	assert_string_equal(buf_text(&out), "seventeen");
	buf_free(&out);
}

/* Who may write as @service. */
static struct store_writer writer_of(const char *service)
{
	struct store_writer w = {service, "a", 7, 0};

	assert_err(store_epoch_begin(store, &w.epoch), ERR_NONE);
	assert_err(store_lease_take(store, service, "a", 7, 60000), ERR_NONE);
	return w;
}

static void snapshot_with(struct buf *state, uint8_t fill)
{
	for (int i = 0; i < 600000; i++)
		buf_put_u8(state, (uint8_t)(fill + i));
}

static void the_newest_whole_snapshot_is_read(void **state)
{
	struct store_writer w = writer_of("snap");
	struct snapshot in = {.input = 0}, out, newest, oldest;

	(void)state;
	assert_err(store_snapshot_read(store, "snap", w.epoch, &out),
		   ERR_NOT_FOUND);
	for (uint8_t i = 1; i <= 3; i++) {
		buf_clear(&in.state);
		snapshot_with(&in.state, i);
		in.input = 100u * i;
		in.output = 10u * i;
		assert_err(store_snapshot_write(store, &w, &in), ERR_NONE);
	}
	assert_err(store_snapshot_read(store, "snap", w.epoch + 1, &out),
		   ERR_NOT_FOUND);
	assert_err(
		store_snapshot_places(store, "snap", w.epoch, &newest, &oldest),
		ERR_NONE);
	assert_int_equal(newest.input, 300);
	assert_int_equal(oldest.input, 200);
	assert_int_equal(oldest.output, 20);
	assert_err(store_snapshot_read(store, "snap", w.epoch, &out), ERR_NONE);
	assert_int_equal(out.input, 300);
	assert_int_equal(out.output, 30);
	assert_int_equal(out.state.size, in.state.size);
	assert_memory_equal(out.state.data, in.state.data, in.state.size);
	buf_free(&in.state);
	buf_free(&out.state);
}

static void a_torn_snapshot_falls_back(void **state)
{
	struct store_writer w = writer_of("torn");
	struct snapshot in = {.input = 0}, out;
	char command[256];

	(void)state;
	for (uint8_t i = 1; i <= 2; i++) {
		buf_clear(&in.state);
		snapshot_with(&in.state, i);
		in.input = 100u * i;
		assert_err(store_snapshot_write(store, &w, &in), ERR_NONE);
	}
	/* Lose one piece of the newest. */
	snprintf(command, sizeof command,
		 "cd %s && id=$(redis-cli -s redis.sock hget "
		 "'kalypso:{test}:snapshot:torn' new | cut -d' ' -f1) && "
		 "redis-cli -s redis.sock hdel "
		 "\"kalypso:{test}:piece:torn:$id\" 1 > del",
		 folder);
	assert_int_equal(system(command), 0);
	assert_err(store_snapshot_read(store, "torn", w.epoch, &out), ERR_NONE);
	assert_int_equal(out.input, 100);
	buf_free(&in.state);
	buf_free(&out.state);
}

static void note_status(void *arg, const char *who, const char *const *pairs,
			size_t n)
{
	if (strcmp(who, "matcher:a") == 0 && n == 4 &&
	    strcmp(pairs[1], "leader") == 0)
		++*(unsigned *)arg;
}

static void status_is_read_back(void **state)
{
	static const char *const pairs[] = {"role", "leader", "block", "7"};
	unsigned found = 0;

	(void)state;
	assert_err(store_status_write(store, "matcher", "a", pairs, 4, 60000),
		   ERR_NONE);
	assert_err(store_status_read(store, note_status, &found), ERR_NONE);
	assert_int_equal(found, 1);
	assert_err(store_status_of(store, "matcher", "a", note_status, &found),
		   ERR_NONE);
	assert_int_equal(found, 2);
	assert_err(store_status_of(store, "matcher", "b", note_status, &found),
		   ERR_NONE);
	assert_int_equal(found, 2);
}

static void a_killed_server_loses_nothing(void **state)
{
	struct append a = ready(store, "kill");

	(void)state;
	assert_err(store_append(store, &a), ERR_NONE);
	stop_server(SIGKILL);
	assert_err(store_append(store, &a), ERR_UNREACHABLE);
	assert_err(store_append(store, &a), ERR_UNREACHABLE);
	start_server("always");
	store_close(&store);
	store = opened();
	assert_int_equal(length(store, "kill"), 2);
	assert_err(store_append(store, &a), ERR_NONE); /* a repeat */
	assert_int_equal(length(store, "kill"), 2);
}

static void a_server_that_may_forget_is_refused(void **state)
{
	enum err e = ERR_UNREACHABLE;
	uint64_t last;

	(void)state;
	stop_server(SIGTERM);
	assert_err(store_last(store, "kill", &last), ERR_UNREACHABLE);
	start_server("everysec");
	for (int i = 0; i < 1000 && e == ERR_UNREACHABLE; i++) {
		e = store_check(store);
		usleep(e == ERR_UNREACHABLE ? 10000 : 0);
	}
	assert_err(e, ERR_CONFIG);
}

/* ---- whole logs --------------------------------------------------------- */

static void import_two(struct store *s, const struct import *log)
{
	two(log->log, 1);
	assert_err(store_import_begin(s, log, 1), ERR_NONE);
	assert_err(store_import(s, log->log, entries, 2), ERR_NONE);
}

static void imported_logs_appear_at_once(void **state)
{
	const struct import log = {"copied", "copier", {7, 3}};
	struct cursor cursor;
	struct store *s;
	uint64_t epoch, last;

	(void)state;
	assert_err(store_open(&s, url, "copy", NULL, 2000), ERR_NONE);
	import_two(s, &log);
	import_two(s, &log); /* the first was interrupted */
	assert_err(store_import(s, "copied", entries, 2), ERR_CONFLICT);
	assert_int_equal(length(s, "copied"), 0);
	assert_err(store_epoch(s, &epoch), ERR_NONE);
	assert_int_equal(epoch, 0);
	assert_err(store_import_end(s, 99, &log, 1), ERR_NONE);
	assert_int_equal(length(s, "copied"), 2);
	assert_err(store_epoch(s, &epoch), ERR_NONE);
	assert_int_equal(epoch, 99);
	assert_err(store_end(s, "copied", "copier", &last, &cursor), ERR_NONE);
	assert_int_equal(last, 2);
	assert_int_equal(cursor.input, 7);
	assert_int_equal(cursor.given, 3);
	assert_err(store_import_begin(s, &log, 1), ERR_EXISTS);
	assert_err(store_import_end(s, 98, &log, 1), ERR_EXISTS);
	assert_err(store_end(s, "nothing", "nobody", &last, &cursor), ERR_NONE);
	assert_int_equal(last, 0);
	assert_int_equal(cursor.input, 0);
	store_close(&s);
}

static void a_user_has_a_name_at_a_socket_too(void **state)
{
	char command[256], at[160];
	struct store *s;

	(void)state;
	snprintf(command, sizeof command,
		 "redis-cli -s %s/redis.sock acl setuser somebody on '>secret' "
		 "allkeys +@all >/dev/null",
		 folder);
	assert_int_equal(system(command), 0);
	snprintf(at, sizeof at, "unix:somebody@%s/redis.sock", folder);
	assert_err(store_open(&s, at, "test", "secret", 2000), ERR_NONE);
	assert_err(store_check(s), ERR_NONE);
	store_close(&s);
	assert_err(store_open(&s, at, "test", "other", 2000), ERR_NONE);
	assert_err(store_check(s), ERR_CONFIG);
	store_close(&s);
}

static void an_at_behind_a_slash_is_the_paths(void **state)
{
	char command[256], at[160];
	struct store *s;

	(void)state;
	snprintf(command, sizeof command, "ln -s . %s/a@b", folder);
	assert_int_equal(system(command), 0);
	snprintf(at, sizeof at, "unix:%s/a@b/redis.sock", folder);
	assert_err(store_open(&s, at, "test", NULL, 2000), ERR_NONE);
	assert_err(store_check(s), ERR_NONE);
	store_close(&s);
}

static void bad_urls_are_refused(void **state)
{
	struct store *s;

	(void)state;
	assert_err(store_open(&s, "http://x", "test", NULL, 1), ERR_CONFIG);
	assert_err(store_open(&s, "redis://x:0", "test", NULL, 1), ERR_CONFIG);
	assert_err(store_open(&s, "redis://x:70000", "test", NULL, 1),
		   ERR_CONFIG);
	assert_err(store_open(&s, "unix:", "test", NULL, 1), ERR_CONFIG);
	assert_err(store_open(&s, "redis://x", "Te st", NULL, 1), ERR_CONFIG);
	assert_err(store_open(&s, "unix:user@", "test", NULL, 1), ERR_CONFIG);
	assert_err(store_open(&s, "redis://user@x:1", "test", NULL, 1),
		   ERR_NONE);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_appended_can_be_read),
		cmocka_unit_test(an_append_is_done_once),
		cmocka_unit_test(a_gap_is_a_conflict),
		cmocka_unit_test(without_the_lease_nothing_is_written),
		cmocka_unit_test(another_epoch_writes_nothing),
		cmocka_unit_test(what_a_newer_version_wrote_is_not_given),
		cmocka_unit_test(its_clock_can_be_asked),
		cmocka_unit_test(one_instance_has_the_lease),
		cmocka_unit_test(appends_under_way_keep_their_order),
		cmocka_unit_test(records_come_with_their_append),
		cmocka_unit_test(the_newest_whole_snapshot_is_read),
		cmocka_unit_test(a_torn_snapshot_falls_back),
		cmocka_unit_test(status_is_read_back),
		cmocka_unit_test(imported_logs_appear_at_once),
		cmocka_unit_test(a_user_has_a_name_at_a_socket_too),
		cmocka_unit_test(an_at_behind_a_slash_is_the_paths),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(a_killed_server_loses_nothing),
		cmocka_unit_test(a_server_that_may_forget_is_refused),
	};

	signal(SIGPIPE, SIG_IGN);
	log_open("store_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, begin, end);
}
