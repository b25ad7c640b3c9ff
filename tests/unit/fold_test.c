/* What a fold promises: its log is a function of its input, whatever happens
 * to the process, and a snapshot shortens the way there. */
#include "tests/unit/frame_fixture.h"

#include "common/fold.h"
#include "common/scan.h"

enum { MARK = 0x0101, OTHER = 0x0102, BAD = 0x0103, SAID = 0x0201 };

/* ---- a core that counts ------------------------------------------------- */

struct counter {
	struct fold *fold;
	struct fold_core core;
	uint64_t sum;	  /* of all bodies */
	uint64_t version; /* of what it says: another program says other things
			   */
	bool unfit;	  /* it takes no snapshot */
	uint64_t tells;	  /* of the input with this value, once it has it */
	char stuck[96];	  /* while this file is there, save() hangs; "": none */
};

/* Every entry is answered with the sum so far; every third not at all, every
 * fourth twice. A mark keeps a record. */
static enum err receive(void *self, struct sink *out, uint16_t number,
			struct bytes body)
{
	struct counter *c = self;
	struct scan in = scan_begin(body);
	struct buf said = {0};
	uint64_t v = scan_be64(&in);
	enum err e = number == BAD ? ERR_RANGE : scan_done(&in);

	c->sum += v;
	if (v == c->tells)
		say("got %d\n", (int)v);
	buf_put_be64(&said, c->sum + c->version);
	if (!e && number == MARK)
		e = out->keep(out, "mark", buf_bytes(&said));
	if (!e && v % 3)
		e = out->put(out, SAID, buf_bytes(&said));
	if (!e && v % 4 == 0)
		e = out->put(out, SAID, buf_bytes(&said));
	buf_free(&said);
	return e;
}

static enum err receive_silently(void *self, struct sink *out, uint16_t number,
				 struct bytes body)
{
	struct counter *c = self;

	(void)out;
	(void)number;
	c->sum += body.size;
	return ERR_NONE;
}

static bool is_mark(uint16_t number)
{
	return number == MARK;
}

static enum err save(void *self, struct buf *out)
{
	const struct counter *c = self;

	while (*c->stuck && access(c->stuck, F_OK) == 0)
		usleep(10000);
	buf_put_be64(out, ((struct counter *)self)->sum);
	return buf_err(out);
}

static enum err load(void *self, struct bytes state)
{
	struct counter *c = self;
	struct scan in = scan_begin(state);

	if (c->unfit)
		return ERR_MALFORMED;
	c->sum = scan_be64(&in);
	say("loaded\n");
	return scan_done(&in);
}

static void settled(void *self)
{
	struct counter *c = self;

	say("settled %d\n", (int)fold_done(c->fold));
}

static enum err start(struct frame *frame, void *arg)
{
	struct counter *c = arg;

	c->core.self = c;
	return fold_new(&c->fold, frame, &c->core);
}

static void stop(void *arg)
{
	struct counter *c = arg;

	fold_snapshot(c->fold);
	fold_free(&c->fold);
	fold_free(&c->fold); /* twice is once */
}

static const struct service orderbook = {.name = "orderbook",
					 .summary = "Counts.",
					 .market = true,
					 .writes = "book",
					 .start = start,
					 .stop = stop};
static const struct service watcher = {.name = "slasher-watcher",
				       .summary = "Counts silently.",
				       .market = true,
				       .writes = "slash",
				       .journalled = true,
				       .start = start,
				       .stop = stop};

/* ---- its input, and what must come out ---------------------------------- */

static struct child child;
static struct counter counter;
static uint64_t inputs, sum, outputs;

static void append(uint16_t type)
{
	struct buf body = {0};

	buf_put_be64(&body, ++inputs);
	redis_append(&redis, "chain", inputs, type, buf_bytes(&body));
	buf_free(&body);
}

/* Blocks of ten entries, the last of which is a mark. */
static void append_blocks(int n)
{
	for (int i = 1; i <= 10 * n; i++)
		append(i % 10 ? OTHER : MARK);
}

/* How often input @v is answered. */
static uint64_t answers(uint64_t v)
{
	return (uint64_t)(v % 3 != 0) + (uint64_t)(v % 4 == 0);
}

static enum err check_output(void *arg, const struct entry *entry)
{
	struct scan in = scan_begin(entry->body);
	uint64_t *input = arg;

	while (outputs == 0) { /* the next input that says something */
		uint64_t v = ++*input;

		sum += v;
		outputs = answers(v);
	}
	outputs--;
	assert_int_equal(entry->type, SAID);
	assert_int_equal(scan_be64(&in), sum);
	assert_err(scan_done(&in), ERR_NONE);
	return ERR_NONE;
}

/* The log holds the answers to all of the input, once, and nothing else. */
static void assert_folded(void)
{
	uint64_t input = 0, next = 1, before;

	sum = outputs = 0;
	do {
		before = next;
		assert_err(store_read(redis.store, "book", next, 1000, &next,
				      check_output, &input),
			   ERR_NONE);
	} while (next != before);
	assert_int_equal(outputs, 0);
	while (input < inputs) /* what comes after says nothing */
		assert_int_equal(answers(++input), 0);
}

static void fold_all(const char *snapshot_every)
{
	char want[32];

	child_start(&child, &orderbook, &counter,
		    (const char *const[]){"--log-level=info", snapshot_every,
					  NULL});
	snprintf(want, sizeof want, "settled %d", (int)inputs);
	for (;;) {
		const char *line = child_line(&child);

		if (strcmp(line, want) == 0)
			break;
		assert_true(*line);
	}
}

static int begin(void **state)
{
	(void)state;
	redis_start(&redis);
	inputs = 0;
	counter = (struct counter){.core = {.reads = "chain",
					    .keep_s = 1000,
					    .receive = receive,
					    .is_mark = is_mark,
					    .save = save,
					    .load = load,
					    .settled = settled}};
	return 0;
}

static int end(void **state)
{
	(void)state;
	redis_stop(&redis);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* ---- promises ----------------------------------------------------------- */

static void the_log_is_a_function_of_the_input(void **state)
{
	struct cursor cursor;

	(void)state;
	append_blocks(3);
	fold_all("--snapshot-every=1000");
	assert_folded();
	assert_err(store_cursor(redis.store, "orderbook", &cursor), ERR_NONE);
	assert_int_equal(cursor.input, 30);
	assert_int_equal(cursor.given, 0);
	append_blocks(2);
	assert_child(&child, "settled 50");
	assert_folded();
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void a_half_block_waits_for_its_mark(void **state)
{
	uint64_t last;

	(void)state;
	counter.tells = 12;
	append_blocks(1);
	fold_all("--snapshot-every=1");
	append(OTHER); /* number 11 would say something */
	append(OTHER);
	assert_child(&child, "got 12");
	/* Nor is there a snapshot of what isn't in the log. */
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	inputs = 10;
	assert_folded();
	assert_err(store_last(redis.store, "book", &last), ERR_NONE);
	assert_int_equal(last, 9);
	inputs = 12;
	append(MARK);
	fold_all("--snapshot-every=1000");
	assert_folded();
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void a_record_carries_the_number_of_its_entry(void **state)
{
	struct buf out = {0};
	struct scan in;

	(void)state;
	append_blocks(1);
	fold_all("--snapshot-every=1000");
	assert_err(store_record(redis.store, "mark", &out), ERR_NONE);
	in = scan_begin(buf_bytes(&out));
	assert_int_equal(scan_be64(&in), 9); /* that came with it */
	assert_int_equal(scan_be64(&in), 55);
	buf_free(&out);
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void a_snapshot_shortens_the_way(void **state)
{
	struct snapshot s;

	(void)state;
	append_blocks(3);
	fold_all("--snapshot-every=20");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	assert_err(
		store_snapshot_read(redis.store, "orderbook", redis.epoch, &s),
		ERR_NONE);
	assert_int_equal(s.input, 30);
	buf_free(&s.state);
	append_blocks(1);
	child_start(&child, &orderbook, &counter,
		    (const char *const[]){"--log-level=info", NULL});
	assert_child(&child, "loaded");
	assert_child(&child, "settled 40");
	assert_folded();
	assert_true(child_logged(&child, "snapshot.loaded input=30"));
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void without_a_snapshot_that_fits_all_is_read_again(void **state)
{
	(void)state;
	append_blocks(3);
	fold_all("--snapshot-every=20");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	counter.unfit = true;
	append_blocks(1);
	fold_all("--snapshot-every=1000");
	assert_folded();
	assert_true(child_logged(&child, "snapshot.unfit"));
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void killed_at_any_time_nothing_is_lost_or_said_twice(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 6; round++) {
		append_blocks(4);
		child_start(&child, &orderbook, &counter,
			    (const char *const[]){"--snapshot-every=10", NULL});
		if (rand() % 2)
			child_line(&child);
		usleep((unsigned)rand() % 100000);
		child_end(&child, SIGKILL);
	}
	append(MARK); /* or nothing new might be left to settle */
	fold_all("--snapshot-every=10");
	assert_folded();
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void redis_may_go_and_come_back(void **state)
{
	(void)state;
	append_blocks(2);
	fold_all("--snapshot-every=10");
	redis_kill(&redis);
	redis_run(&redis);
	append_blocks(2);
	for (;;)
		if (strcmp(child_line(&child), "settled 40") == 0)
			break;
	/* What was read may still wait: it is tried again by itself. */
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	append_blocks(1);
	fold_all("--snapshot-every=10");
	assert_folded();
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

/* ---- snapshots by a copy of the process --------------------------------- */

/* Copies hang from now on. */
static void make_stuck(void)
{
	FILE *f;

	snprintf(counter.stuck, sizeof counter.stuck, "%s/stuck", redis.folder);
	f = fopen(counter.stuck, "w");
	assert_non_null(f);
	fclose(f);
}

/* The newest copy that the child told of. */
static pid_t copy_of(const struct child *c)
{
	char line[256];
	const char *at;
	pid_t copy = 0;
	FILE *f;

	wait_for_log(c, "snapshot.begun");
	f = fopen(c->log, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		at = strstr(line, " copy=");
		if (at)
			copy = (pid_t)atoi(at + 6);
	}
	fclose(f);
	return copy;
}

/* Whether it is a process still, and no zombie. */
static bool lives(pid_t pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(f);
	return state != 'Z' && state != 'X';
}

static bool has_snapshot(void)
{
	struct snapshot s;
	enum err e =
		store_snapshot_read(redis.store, "orderbook", redis.epoch, &s);

	buf_free(&s.state);
	return !e;
}

/* A child whose first snapshot doesn't end; the copy that writes it. */
static pid_t start_with_stuck_copy(void)
{
	make_stuck();
	append_blocks(1);
	child_start(&child, &orderbook, &counter,
		    (const char *const[]){"--snapshot-every=10",
					  "--log-level=info", NULL});
	assert_child(&child, "settled 10");
	return copy_of(&child);
}

static void a_copy_that_dies_changes_nothing_and_another_is_made(void **state)
{
	pid_t copy = start_with_stuck_copy();

	(void)state;
	assert_true(lives(copy));
	/* The process goes on, and makes no second one. */
	for (int i = 2; i <= 4; i++) {
		append_blocks(1);
		while (atoi(child_line(&child) + strlen("settled ")) < 10 * i)
			;
	}
	assert_int_equal(copy_of(&child), copy);
	assert_false(has_snapshot());
	assert_int_equal(unlink(counter.stuck), 0);
	kill(copy, SIGKILL);
	wait_for_log(&child, "snapshot.failed");
	for (int i = 0; i < 1500 && !has_snapshot(); i++) {
		append_blocks(1);
		usleep(10000);
	}
	assert_true(has_snapshot());
	assert_int_not_equal(copy_of(&child), copy);
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void a_copy_goes_with_its_process(void **state)
{
	pid_t copy = start_with_stuck_copy();

	(void)state;
	assert_int_equal(child_end(&child, SIGKILL), -1);
	for (int i = 0; i < 1000 && lives(copy); i++)
		usleep(10000);
	assert_false(lives(copy));
	assert_false(has_snapshot());
	/* It didn't keep the lock on the state folder, nor the lease. */
	assert_int_equal(unlink(counter.stuck), 0);
	child_start(&child, &orderbook, &counter,
		    (const char *const[]){"--snapshot-every=10", NULL});
	assert_child(&child, "settled 10");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

/* ---- what can not be ---------------------------------------------------- */

static void an_entry_that_can_not_be_ends_it(void **state)
{
	(void)state;
	append_blocks(1);
	append(BAD);
	child_start(&child, &orderbook, &counter, (const char *const[]){NULL});
	while (*child_line(&child))
		;
	assert_int_equal(child_end(&child, 0), EXIT_STOPPED);
	assert_true(child_logged(&child,
				 "log.contradiction log=chain number=11 "
				 "type=0x0103 err=RANGE"));
}

static void another_programs_answers_are_a_conflict(void **state)
{
	(void)state;
	append_blocks(2);
	fold_all("--snapshot-every=1000");
	assert_int_equal(child_end(&child, SIGKILL), -1);
	counter.version = 1;
	append_blocks(1);
	child_start(&child, &orderbook, &counter, (const char *const[]){NULL});
	while (*child_line(&child))
		;
	assert_int_equal(child_end(&child, 0), EXIT_STOPPED);
	assert_true(child_logged(&child, "log.contradicted log=book"));
	inputs = 20;
	assert_folded();
}

static void a_silent_core_has_snapshots_and_no_log(void **state)
{
	(void)state;
	counter.core.silent = true;
	counter.core.receive = receive_silently;
	append_blocks(2);
	child_start(&child, &watcher, &counter,
		    (const char *const[]){"--snapshot-every=5", NULL});
	assert_child(&child, "settled 20");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	append_blocks(1);
	child_start(&child, &watcher, &counter,
		    (const char *const[]){"--log-level=info", NULL});
	assert_child(&child, "loaded");
	assert_child(&child, "settled 30");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_is_a_function_of_the_input),
		TEST(a_half_block_waits_for_its_mark),
		TEST(a_record_carries_the_number_of_its_entry),
		TEST(a_snapshot_shortens_the_way),
		TEST(without_a_snapshot_that_fits_all_is_read_again),
		TEST(killed_at_any_time_nothing_is_lost_or_said_twice),
		TEST(redis_may_go_and_come_back),
		TEST(a_copy_that_dies_changes_nothing_and_another_is_made),
		TEST(a_copy_goes_with_its_process),
		TEST(an_entry_that_can_not_be_ends_it),
		TEST(another_programs_answers_are_a_conflict),
		TEST(a_silent_core_has_snapshots_and_no_log),
	};

	signal(SIGPIPE, SIG_IGN);
	log_open("fold_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
