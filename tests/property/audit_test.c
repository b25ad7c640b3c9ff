/* An audit of random markets, roll-backs included: it agrees with what the
 * services wrote, from the whole story and from what counts of it alone, and
 * finds any record that was changed. And the book as it was, from records
 * alone, is what the cores held.
 *
 *	audit_test [EVENTS [SEED]] */
#include "tests/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/kalypso/rederive.h"
#include "services/kalypso/standing.h"
#include "tests/property/market.h"

enum { EVENTS = 60000, EVENTS_EACH = 6000, CHANGES = 40 };

static uint64_t events_wanted = EVENTS, first_seed = 1;

/* ---- one audit ---------------------------------------------------------- */

static enum err audit(struct rederive *r, const struct rederive_config *config,
		      const struct market *m)
{
	struct branch chain;
	struct entry entry;
	enum err e = rederive_new(r, config);

	assert_err(e, ERR_NONE);
	assert_err(branch_open(&chain, market_log(m, 0), UINT64_MAX,
			       config->counts_only),
		   ERR_NONE);
	while (!e && branch_next(&chain, &entry))
		e = rederive_entry(r, &entry);
	branch_free(&chain);
	return e ? e : rederive_end(r);
}

static struct rederive_config config_of(const struct market *m)
{
	return (struct rederive_config){
		.rule = MARKET_RULE,
		.depth = MARKET_DEPTH,
		.given = {market_log(m, 0), market_log(m, 1), market_log(m, 2)},
		.closed = true};
}

/* Every record of all three logs was compared. In these histories other senders
 * give out tasks, too: those are found, and are no difference of the logs. */
static void check_agreement(const struct market *m, bool counts_only,
			    bool apart)
{
	struct rederive_config config = config_of(m);
	struct rederive r;

	config.counts_only = counts_only;
	config.apart = apart;
	assert_err(audit(&r, &config, m), ERR_NONE);
	assert_false(r.differs);
	for (unsigned i = 0; i < REDERIVE_LOGS; i++) {
		struct rederive_count c = rederive_count(&r, i);

		assert_int_equal(c.derived, c.compared);
		assert_true(c.derived <= market_log(m, i)->last);
		if (!counts_only)
			assert_int_equal(c.derived, market_log(m, i)->last);
	}
	assert_true(r.judge.tasks > r.judge.bad_tasks);
	assert_true(r.judge.bad_tasks > 0);
	assert_int_equal(r.first.kind, FINDING_TASK);
	rederive_free(&r);
}

/* ---- the book as it was ------------------------------------------------- */

static void check_standing(const struct market *m, const struct rederive *r)
{
	struct book_sizes book = book_sizes(r->book);
	struct match_sizes match = match_sizes(r->judge.match);
	struct standing s = {.markets = NULL};
	uint64_t open = 0, tasks = 0, in_hand = 0;

	assert_err(standing_fold(&s, market_log(m, 1), market_log(m, 2),
				 rederive_count(r, REDERIVE_BOOK).derived),
		   ERR_NONE);
	for (const struct standing_request *q = s.requests; q; q = q->hh.next) {
		tasks += q->is_task;
		open += !q->is_task;
		in_hand += standing_in_hand(&s, q);
	}
	assert_int_equal(HASH_COUNT(s.markets), book.markets);
	assert_int_equal(HASH_COUNT(s.generators), book.generators);
	assert_int_equal(HASH_COUNT(s.quotes), book.quotes);
	assert_int_equal(open, book.open);
	assert_int_equal(tasks, book.assigned);
	assert_int_equal(in_hand, match.matched);
	assert_int_equal(s.block.number, book.block.number);
	assert_memory_equal(&s.block.hash, &book.block.hash, 32);
	standing_free(&s);
}

/* At some marks, roll-backs among them: what the records say stands is what the
 * cores hold. */
static void check_replay(const struct market *m)
{
	struct rederive_config config = config_of(m);
	struct logfile_place at = logfile_begin(market_log(m, 0));
	struct rederive r;
	struct entry e;
	unsigned marks = 0;

	assert_err(rederive_new(&r, &config), ERR_NONE);
	while (logfile_next(&at, &e)) {
		assert_err(rederive_entry(&r, &e), ERR_NONE);
		if ((e.type == MSG_BLOCK_MARK && ++marks % 37 == 0) ||
		    (e.type == MSG_ROLLBACK && ++marks % 5 == 0))
			check_standing(m, &r);
	}
	rederive_free(&r);
}

/* ---- what was changed --------------------------------------------------- */

/* A copy of @log in which @change is done to entry @number, as a file. */
enum change { FLIP, DROP, CUT_SHORT, DOUBLE, CHANGES_END };

static void copy_changed(struct logfile *f, struct logfile_writer **w,
			 const struct logfile_log *log, enum change change,
			 uint64_t number)
{
	const struct logfile_origin origin = {.chain_id = 1};
	const char *name = log->name;
	struct logfile_place at = logfile_begin(log);
	struct logfile_flaw flaw;
	uint64_t next = 1;
	struct entry e;

	assert_err(logfile_create(w, NULL, &origin, &name, 1), ERR_NONE);
	while (logfile_next(&at, &e)) {
		uint8_t *body = malloc(e.body.size + 1);
		bool here = e.number == number;

		memcpy(body, e.body.data, e.body.size);
		if (here && change == FLIP)
			body[e.body.size - 1] ^= 1;
		if (here && change == CUT_SHORT)
			e.body.size--;
		e.body.data = body;
		if (!here || change != DROP)
			assert_err(logfile_put(*w, 0, next++, e.type, e.body),
				   ERR_NONE);
		if (here && change == DOUBLE)
			assert_err(logfile_put(*w, 0, next++, e.type, e.body),
				   ERR_NONE);
		free(body);
	}
	assert_err(logfile_finish(*w), ERR_NONE);
	assert_err(logfile_reopen(f, *w, &flaw), ERR_NONE);
}

/* Two records that are equal can change places without anybody noticing: the
 * one that is found may come later than the one that was changed. */
static void check_change(const struct market *m, unsigned log,
			 enum change change, uint64_t number)
{
	struct rederive_config config = config_of(m);
	struct logfile_writer *w;
	struct logfile f;
	struct rederive r;

	config.apart = number % 2;
	copy_changed(&f, &w, market_log(m, log), change, number);
	config.given[log] = &f.logs[0];
	if (change == DROP && number == market_log(m, log)->last) {
		assert_err(audit(&r, &config, m), ERR_NONE);
	} else {
		assert_err(audit(&r, &config, m), ERR_CONFLICT);
		assert_true(r.differs);
		if (r.first.kind != FINDING_TASK) {
			assert_int_equal(r.first.log, log);
			assert_true(r.first.number >= number);
			if (change == FLIP || change == CUT_SHORT)
				assert_int_equal(r.first.number, number);
		}
	}
	rederive_free(&r);
	logfile_close(&f);
	logfile_writer_free(&w);
}

/* ---- the property ------------------------------------------------------- */

static void audits_agree_and_find_every_change(void **state)
{
	uint64_t events = 0, rollbacks = 0, seed = first_seed;

	(void)state;
	for (; events < events_wanted; seed++) {
		struct market m;

		market_live(&m, seed, EVENTS_EACH);
		check_agreement(&m, false, false);
		check_agreement(&m, true, false);
		check_agreement(&m, false, true);
		check_replay(&m);
		for (unsigned i = 0; i < CHANGES / 10; i++) {
			unsigned log = (unsigned)((seed + i) % REDERIVE_LOGS);
			uint64_t last = market_log(&m, log)->last;

			check_change(&m, log, i % CHANGES_END,
				     1 + (seed * 7919 + i * 104729) % last);
		}
		events += EVENTS_EACH;
		rollbacks += m.rollbacks;
		market_end(&m);
	}
	print_message("%" PRIu64 " events, %" PRIu64 " roll-backs\n", events,
		      rollbacks);
	assert_true(rollbacks > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(audits_agree_and_find_every_change),
	};

	if (argc > 1)
		events_wanted = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
