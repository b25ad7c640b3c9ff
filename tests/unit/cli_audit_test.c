/* What an audit is made of: logs without what was rolled back, decisions by
 * number and by request, and what is found. Random histories are in
 * tests/property/audit_test.c. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "services/kalypso/rederive.h"

/* ---- logs of a few blocks ----------------------------------------------- */

static const struct logfile_origin origin = {.chain_id = 1};

struct made {
	struct logfile_writer *w;
	struct logfile f;
	uint64_t number;
	struct buf scratch;
};

static void begin(struct made *m, const char *log)
{
	*m = (struct made){.number = 0};
	assert_err(logfile_create(&m->w, NULL, &origin, &log, 1), ERR_NONE);
}

static void put(struct made *m, uint16_t type, const void *msg)
{
	buf_clear(&m->scratch);
	wire_encode(msg_describe(type), msg, &m->scratch);
	assert_err(
		logfile_put(m->w, 0, ++m->number, type, buf_bytes(&m->scratch)),
		ERR_NONE);
}

static void close_block(struct made *m, uint64_t number)
{
	struct msg_block_closed closed = {.block = {.number = number}};

	put(m, MSG_BLOCK_CLOSED, &closed);
}

static void roll_back(struct made *m, uint64_t to)
{
	struct msg_book_rolled_back back = {.to = {.number = to}};

	put(m, MSG_BOOK_ROLLED_BACK, &back);
}

static void change(struct made *m)
{
	struct msg_generator_removed removed = {.generator = {{1}}};

	put(m, MSG_GENERATOR_REMOVED, &removed);
}

static const struct logfile_log *log_of(struct made *m)
{
	struct logfile_flaw flaw;

	assert_err(logfile_finish(m->w), ERR_NONE);
	assert_err(logfile_reopen(&m->f, m->w, &flaw), ERR_NONE);
	return &m->f.logs[0];
}

static void end(struct made *m)
{
	logfile_close(&m->f);
	logfile_writer_free(&m->w);
	buf_free(&m->scratch);
}

/* ---- what counts -------------------------------------------------------- */

/* @want is the numbers that are left, 0 behind them. */
static void check_left(struct made *m, uint64_t until, const uint64_t *want)
{
	struct branch b;
	struct entry e;

	assert_err(branch_open(&b, &m->f.logs[0], until, true), ERR_NONE);
	for (; *want; want++) {
		assert_true(branch_next(&b, &e));
		assert_int_equal(e.number, *want);
	}
	assert_false(branch_next(&b, &e));
	branch_free(&b);
}

static void what_was_rolled_back_is_left_out(void **state)
{
	struct msg_book_opened opened = {.chain_id = 1};
	struct made m;

	(void)state;
	begin(&m, "book");
	put(&m, MSG_BOOK_OPENED, &opened); /* 1 */
	close_block(&m, 1);		   /* 2 */
	change(&m);			   /* 3 */
	close_block(&m, 2);		   /* 4 */
	close_block(&m, 3);		   /* 5 */
	roll_back(&m, 2);		   /* 6: takes 5 back */
	close_block(&m, 3);		   /* 7 */
	change(&m);			   /* 8: half a block */
	roll_back(&m, 3);		   /* 9: takes 8 back */
	roll_back(&m, 1);		   /* 10: takes all from 3 on back */
	close_block(&m, 2);		   /* 11 */
	change(&m);			   /* 12 */
	log_of(&m);
	check_left(&m, UINT64_MAX, (uint64_t[]){1, 2, 11, 12, 0});
	check_left(&m, 10, (uint64_t[]){1, 2, 0});
	check_left(&m, 9, (uint64_t[]){1, 2, 3, 4, 7, 0});
	check_left(&m, 8, (uint64_t[]){1, 2, 3, 4, 7, 8, 0});
	check_left(&m, 5, (uint64_t[]){1, 2, 3, 4, 5, 0});
	end(&m);
}

static void all_can_be_rolled_back_but_the_beginning(void **state)
{
	struct msg_book_opened opened = {.chain_id = 1};
	struct made m;

	(void)state;
	begin(&m, "book");
	put(&m, MSG_BOOK_OPENED, &opened);
	close_block(&m, 7);
	roll_back(&m, 6);
	close_block(&m, 7);
	log_of(&m);
	check_left(&m, UINT64_MAX, (uint64_t[]){1, 4, 0});
	end(&m);
}

static void a_roll_back_to_nowhere_is_an_error(void **state)
{
	struct msg_book_opened opened = {.chain_id = 1};
	struct branch b;
	struct made m;

	(void)state;
	begin(&m, "book");
	put(&m, MSG_BOOK_OPENED, &opened);
	close_block(&m, 1);
	close_block(&m, 3);
	roll_back(&m, 2);
	log_of(&m);
	assert_err(branch_open(&b, &m.f.logs[0], UINT64_MAX, true),
		   ERR_MALFORMED);
	branch_free(&b);
	end(&m);
}

/* ---- decisions ---------------------------------------------------------- */

static struct msg_match_made decision(uint64_t number, uint64_t request)
{
	return (struct msg_match_made){.decision = number,
				       .request_id = request,
				       .generator = {{(uint8_t)number}}};
}

static void the_newest_decision_about_a_request_is_found(void **state)
{
	enum { COUNT = 5000, REQUESTS = 700 };
	struct decided d = {.items = NULL};

	(void)state;
	assert_null(decided_of(&d, 1));
	for (uint64_t n = 1; n <= COUNT; n++) {
		struct msg_match_made m = decision(n, n % REQUESTS);

		assert_err(decided_add(&d, &m), ERR_NONE);
	}
	for (uint64_t r = 0; r < REQUESTS; r++) {
		const struct decision *x = decided_of(&d, r);

		assert_non_null(x);
		assert_int_equal(x->request_id, r);
		assert_true(decided_number(&d, x) > COUNT - REQUESTS);
	}
	/* Taken back, the ones before count again. */
	decided_cut(&d, 10);
	assert_int_equal(decided_number(&d, decided_of(&d, 7)), 7);
	assert_null(decided_of(&d, 11));
	assert_null(decided_at(&d, 11));
	assert_null(decided_at(&d, 0));
	decided_free(&d);
}

static void decisions_come_in_their_order(void **state)
{
	struct msg_match_made second = decision(2, 1);
	struct decided d = {.items = NULL};

	(void)state;
	assert_err(decided_add(&d, &second), ERR_RANGE);
	decided_free(&d);
}

/* ---- what is found ------------------------------------------------------ */

static void feed(struct rederive *r, uint16_t type, const void *msg)
{
	struct buf body = {0};
	struct entry e = {.number = r->chain_number + 1, .type = type};

	wire_encode(msg_describe(type), msg, &body);
	e.body = buf_bytes(&body);
	assert_err(rederive_entry(r, &e), ERR_NONE);
	buf_free(&body);
}

static void roots_and_tasks_without_decisions_are_found(void **state)
{
	const struct rederive_config config = {.rule = MATCH_RULE_DEFAULT,
					       .depth = 8};
	struct msg_chain_opened opened = {.chain_id = 1};
	struct msg_block_mark mark = {.block = {.number = 1}};
	struct msg_match_root_published root = {.batch = 1};
	struct msg_task_created task = {.request_id = 5};
	struct rederive r;

	(void)state;
	assert_err(rederive_new(&r, &config), ERR_NONE);
	feed(&r, MSG_CHAIN_OPENED, &opened);
	feed(&r, MSG_BLOCK_MARK, &mark);
	feed(&r, MSG_MATCH_ROOT_PUBLISHED, &root);
	feed(&r, MSG_TASK_CREATED, &task);
	assert_err(rederive_end(&r), ERR_NONE);
	assert_int_equal(r.judge.bad_roots, 1);
	assert_int_equal(r.judge.bad_tasks, 1);
	assert_int_equal(r.first.kind, FINDING_ROOT);
	assert_int_equal(r.first.decision, 0);
	assert_int_equal(r.first.number, 3);
	assert_int_equal(r.first.block, 2);
	rederive_free(&r);
}

static void a_record_too_many_is_found_where_logs_end_together(void **state)
{
	struct msg_chain_opened opened = {.chain_id = 1};
	struct msg_book_opened book = {.chain_id = 1};
	struct rederive_config config = {.rule = MATCH_RULE_DEFAULT,
					 .depth = 8};
	struct made m;

	(void)state;
	begin(&m, "book");
	put(&m, MSG_BOOK_OPENED, &book);
	change(&m);
	config.given[REDERIVE_BOOK] = log_of(&m);
	for (int closed = 0; closed < 2; closed++) {
		struct rederive r;

		config.closed = closed;
		assert_err(rederive_new(&r, &config), ERR_NONE);
		feed(&r, MSG_CHAIN_OPENED, &opened);
		assert_err(rederive_end(&r), closed ? ERR_CONFLICT : ERR_NONE);
		assert_int_equal(rederive_count(&r, REDERIVE_BOOK).compared, 1);
		assert_int_equal(rederive_count(&r, REDERIVE_BOOK).beyond, 1);
		assert_int_equal(r.first.kind,
				 closed ? FINDING_EXTRA : FINDING_NONE);
		rederive_free(&r);
	}
	end(&m);
}

static void an_entry_that_does_not_decode_is_passed_over(void **state)
{
	const struct rederive_config config = {.rule = MATCH_RULE_DEFAULT,
					       .depth = 8};
	const struct entry e = {
		.number = 1,
		.type = MSG_REQUEST_CREATED,
		.body = {(const uint8_t *)"?", 1},
	};
	struct rederive r;

	(void)state;
	assert_err(rederive_new(&r, &config), ERR_NONE);
	assert_err(rederive_entry(&r, &e), ERR_NONE);
	assert_int_equal(r.passed_over, 1);
	rederive_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_rolled_back_is_left_out),
		cmocka_unit_test(all_can_be_rolled_back_but_the_beginning),
		cmocka_unit_test(a_roll_back_to_nowhere_is_an_error),
		cmocka_unit_test(the_newest_decision_about_a_request_is_found),
		cmocka_unit_test(decisions_come_in_their_order),
		cmocka_unit_test(roots_and_tasks_without_decisions_are_found),
		cmocka_unit_test(
			a_record_too_many_is_found_where_logs_end_together),
		cmocka_unit_test(an_entry_that_does_not_decode_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
