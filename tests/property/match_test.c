/* The matcher against the plain procedure, on random histories with roll-backs;
 * and both cores against themselves: undone, saved, loaded, replayed.
 *
 *	match_test [EVENTS [SEED]]
 *
 * A failure names the seed and the step at which it showed. */
#include "tests/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/matcher/match.h"
#include "services/orderbook/book.h"
#include "tests/property/history.h"
#include "tests/property/oracle.h"

enum {
	DEPTH = 64,
	EVENTS = 150000,
	STEPS = 700, /* of one history */
	MATCHES_MAX = 256,
};

static uint64_t events_wanted = EVENTS, first_seed = 1;

/* ---- the line: history -> book -> match, with the oracle beside ---------- */

struct line {
	struct sink chain, book_out, match_out; /* each first in its turn */
	struct book *book;
	struct match *match;
	struct oracle *oracle;
	struct history *history;
	uint64_t seed, step, matches, spread_seen;
	/* What the oracle expects of the round, and how much of it has come. */
	struct oracle_match wanted[MATCHES_MAX];
	size_t wanted_count, come;
	/* The newest canonical root, made here from the records. */
	struct buf book_log;   /* of the canonical chain: number, size, body */
	size_t marks[1 << 16]; /* its size after each block */
	uint64_t block;
};

#define LINE(sink, member)                                                     \
	((struct line *)((char *)(sink)-offsetof(struct line, member)))

static void wrong(const struct line *l, const char *what)
{
	fail_msg("seed %" PRIu64 ", step %" PRIu64 ": %s", l->seed, l->step,
		 what);
}

static enum err on_match_out(struct sink *sink, uint16_t number,
			     struct bytes body)
{
	struct line *l = LINE(sink, match_out);
	const struct oracle_match *w = &l->wanted[l->come];
	struct msg_match_made m;

	if (number != MSG_MATCH_MADE)
		return ERR_NONE;
	assert_err(msg_match_made_decode(&m, body), ERR_NONE);
	if (l->come++ == l->wanted_count)
		wrong(l, "a match that should not be");
	if (m.request_id != w->request_id || m.decision != w->decision ||
	    !address_eq(&m.generator, &w->generator) ||
	    memcmp(&m.price, &w->price, sizeof m.price) != 0 ||
	    m.response_time != w->response_time ||
	    m.valid_until.v != w->valid_until)
		wrong(l, "another match than there should be");
	history_match(l->history, &m);
	l->matches++;
	return ERR_NONE;
}

static void keep(struct line *l, uint16_t number, struct bytes body)
{
	buf_put_be16(&l->book_log, number);
	buf_put_be32(&l->book_log, (uint32_t)body.size);
	buf_put(&l->book_log, body.data, body.size);
}

static enum err on_book_out(struct sink *sink, uint16_t number,
			    struct bytes body)
{
	struct line *l = LINE(sink, book_out);
	enum err e;

	if (number == MSG_BOOK_ROLLED_BACK) {
		struct msg_book_rolled_back m;

		assert_err(msg_book_rolled_back_decode(&m, body), ERR_NONE);
		l->book_log.size = l->marks[m.to.number];
	} else {
		keep(l, number, body);
	}
	oracle_receive(l->oracle, number, body, l->wanted, MATCHES_MAX,
		       &l->wanted_count);
	l->come = 0;
	e = match_receive(l->match, &l->match_out, number, body);
	if (e)
		wrong(l, err_name(e));
	if (l->come != l->wanted_count)
		wrong(l, "a match is missing");
	if (number == MSG_BLOCK_CLOSED) {
		struct msg_block_closed m;

		assert_err(msg_block_closed_decode(&m, body), ERR_NONE);
		l->block = m.block.number;
		l->marks[l->block] = l->book_log.size;
	}
	return ERR_NONE;
}

static enum err on_chain(struct sink *sink, uint16_t number, struct bytes body)
{
	struct line *l = LINE(sink, chain);
	enum err e = book_receive(l->book, &l->book_out, number, body);

	if (e)
		wrong(l, err_name(e));
	return ERR_NONE;
}

static struct line *open_line(uint64_t seed)
{
	struct match_rule rule = MATCH_RULE_DEFAULT;
	struct line *l = calloc(1, sizeof *l);

	assert_non_null(l);
	rule.lifetime_s = 6; /* so that matches lapse */
	rule.spread_members = 3;
	rule.cooling_max = 8;
	rule.task_limit = 4;
	l->seed = seed;
	l->chain.put = on_chain;
	l->book_out.put = on_book_out;
	l->match_out.put = on_match_out;
	assert_err(book_new(&l->book, DEPTH), ERR_NONE);
	assert_err(match_new(&l->match, &rule, DEPTH), ERR_NONE);
	l->oracle = oracle_new(rule.lifetime_s, rule.task_limit,
			       rule.spread_members, rule.cooling_max);
	l->history = history_new(seed, &l->chain);
	return l;
}

static void close_line(struct line *l)
{
	book_free(&l->book);
	match_free(&l->match);
	oracle_free(l->oracle);
	history_free(l->history);
	buf_free(&l->chain.scratch);
	buf_free(&l->book_out.scratch);
	buf_free(&l->match_out.scratch);
	buf_free(&l->book_log);
	free(l);
}

/* ---- checks at some steps ----------------------------------------------- */

static enum err nowhere(struct sink *sink, uint16_t number, struct bytes body)
{
	(void)sink;
	(void)number;
	(void)body;
	return ERR_NONE;
}

/* A fresh core that reads the canonical book log alone is in the same state. */
static void check_replay(struct line *l)
{
	struct match_rule rule = {6, 4, 3, 8};
	struct sink out = {.put = nowhere};
	struct match *fresh;
	struct hash32 a, b;
	const uint8_t *p = l->book_log.data, *end = p + l->book_log.size;

	assert_err(match_new(&fresh, &rule, DEPTH), ERR_NONE);
	while (p < end) {
		uint16_t number = (uint16_t)(p[0] << 8 | p[1]);
		size_t size = (size_t)p[2] << 24 | (size_t)p[3] << 16 |
			      (size_t)p[4] << 8 | p[5];

		assert_err(match_receive(fresh, &out, number,
					 (struct bytes){p + 6, size}),
			   ERR_NONE);
		p += 6 + size;
	}
	match_hash(l->match, &a);
	match_hash(fresh, &b);
	if (!hash32_eq(&a, &b))
		wrong(l, "a replay ends in another state");
	match_free(&fresh);
	buf_free(&out.scratch);
}

/* Saved and loaded, both cores are what they were and go on from there. */
static void check_snapshot(struct line *l)
{
	struct match_rule rule = {6, 4, 3, 8};
	struct buf bytes = {0};
	struct match *match;
	struct book *book;
	struct hash32 a, b;

	assert_err(match_new(&match, &rule, DEPTH), ERR_NONE);
	assert_err(match_save(l->match, &bytes), ERR_NONE);
	assert_err(match_load(match, buf_bytes(&bytes)), ERR_NONE);
	match_hash(l->match, &a);
	match_hash(match, &b);
	if (!hash32_eq(&a, &b))
		wrong(l, "match is another after loading");
	match_free(&l->match);
	l->match = match;

	buf_clear(&bytes);
	assert_err(book_new(&book, DEPTH), ERR_NONE);
	assert_err(book_save(l->book, &bytes), ERR_NONE);
	assert_err(book_load(book, buf_bytes(&bytes)), ERR_NONE);
	book_hash(l->book, &a);
	book_hash(book, &b);
	if (!hash32_eq(&a, &b))
		wrong(l, "book is another after loading");
	book_free(&l->book);
	l->book = book;
	buf_free(&bytes);
}

static void histories_match_as_the_plain_procedure_does(void **state)
{
	uint64_t events = 0, matches = 0, rollbacks = 0, seed = first_seed;

	(void)state;
	for (; events < events_wanted; seed++) {
		struct line *l = open_line(seed);

		for (l->step = 1; l->step <= STEPS; l->step++) {
			history_step(l->history);
			if (l->step % 97 == 0)
				check_snapshot(l);
			if (l->step % 211 == 0)
				check_replay(l);
		}
		if (book_sizes(l->book).suspended)
			wrong(l, "the book says that the chain contradicts "
				 "itself");
		events += history_events(l->history);
		rollbacks += history_rollbacks(l->history);
		matches += l->matches;
		close_line(l);
	}
	print_message("%" PRIu64 " events, %" PRIu64 " matches, %" PRIu64
		      " roll-backs in %" PRIu64 " histories\n",
		      events, matches, rollbacks, seed - first_seed);
	assert_true(matches > events / 50);
	assert_true(rollbacks > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_match_as_the_plain_procedure_does),
	};

	if (argc > 1)
		events_wanted = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
