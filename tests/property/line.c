/* history -> book -> match, each the sink of the one before. */
#include "tests/property/line.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/property/oracle.h"

enum { DEPTH = 64, MATCHES_MAX = 256, MARKS_MAX = 1 << 16 };

const struct match_rule line_rule = {.lifetime_s = 6,
				     .task_limit = 4,
				     .spread_members = 3,
				     .cooling_max = 8};

struct line {
	struct sink chain, book_out, match_out; /* each first in its turn */
	struct book *book;
	struct match *match;
	struct oracle *oracle;
	struct history *history;
	uint64_t step, matches;
	bool shown;
	/* What the oracle expects of the round, and how much of it has come. */
	struct oracle_match wanted[MATCHES_MAX];
	size_t wanted_count, come;
	struct buf book_log; /* of the canonical chain: number, size, body */
	size_t marks[MARKS_MAX]; /* its size after each block */
};

#define LINE(sink, member)                                                     \
	((struct line *)((char *)(sink)-offsetof(struct line, member)))

static void wrong(const struct line *l, const char *what)
{
	printf("step %" PRIu64 ": %s\n", l->step, what);
	fflush(stdout);
	exit(LINE_WRONG);
}

static void show(const struct line *l, const char *log, uint16_t number,
		 struct bytes body)
{
	struct buf text = {0};
	union {
		uint8_t bytes[4096];
		max_align_t align;
	} m;

	if (!l->shown || wire_decode(msg_describe(number), &m, body))
		return;
	if (number == MSG_BLOCK_MARK &&
	    !((const struct msg_block_mark *)&m)->events)
		return;
	wire_json(msg_describe(number), &m, &text);
	printf("%s %s %.*s\n", log, msg_describe(number)->name, (int)text.size,
	       (const char *)text.data);
	buf_free(&text);
}

static enum err on_match_out(struct sink *sink, uint16_t number,
			     struct bytes body)
{
	struct line *l = LINE(sink, match_out);
	const struct oracle_match *w = &l->wanted[l->come];
	struct msg_match_made m;

	if (number != MSG_MATCH_MADE)
		return ERR_NONE;
	show(l, "match", number, body);
	if (msg_match_made_decode(&m, body))
		wrong(l, "a match that doesn't decode");
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
	struct msg_book_rolled_back back;
	struct msg_block_closed closed;
	enum err e;

	if (number == MSG_BOOK_ROLLED_BACK) {
		if (msg_book_rolled_back_decode(&back, body))
			wrong(l, "a roll-back that doesn't decode");
		l->book_log.size = l->marks[back.to.number % MARKS_MAX];
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
	if (number == MSG_BLOCK_CLOSED &&
	    !msg_block_closed_decode(&closed, body))
		l->marks[closed.block.number % MARKS_MAX] = l->book_log.size;
	return ERR_NONE;
}

static enum err on_chain(struct sink *sink, uint16_t number, struct bytes body)
{
	struct line *l = LINE(sink, chain);
	enum err e;

	show(l, "chain", number, body);
	e = book_receive(l->book, &l->book_out, number, body);
	if (e)
		wrong(l, err_name(e));
	if (book_sizes(l->book).suspended)
		wrong(l, "the book says that the chain contradicts itself");
	return ERR_NONE;
}

static void must(enum err e)
{
	if (e)
		abort();
}

struct line *line_new(const struct history_source *source)
{
	struct line *l = calloc(1, sizeof *l);

	if (!l)
		abort();
	l->chain.put = on_chain;
	l->book_out.put = on_book_out;
	l->match_out.put = on_match_out;
	must(book_new(&l->book, DEPTH));
	must(match_new(&l->match, &line_rule, DEPTH));
	l->oracle = oracle_new(line_rule.lifetime_s, line_rule.task_limit,
			       line_rule.spread_members, line_rule.cooling_max);
	l->history = history_new(source, &l->chain);
	return l;
}

void line_free(struct line *l)
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

void line_step(struct line *l)
{
	l->step++;
	history_step(l->history);
}

void line_show(struct line *l)
{
	l->shown = true;
}

const struct history *line_history(const struct line *l)
{
	return l->history;
}

uint64_t line_matches(const struct line *l)
{
	return l->matches;
}

/* ---- checks ------------------------------------------------------------- */

static enum err nowhere(struct sink *sink, uint16_t number, struct bytes body)
{
	(void)sink;
	(void)number;
	(void)body;
	return ERR_NONE;
}

static bool same_match(const struct match *a, const struct match *b)
{
	struct hash32 x, y;

	match_hash(a, &x);
	match_hash(b, &y);
	return hash32_eq(&x, &y);
}

void line_check_replay(struct line *l)
{
	struct sink out = {.put = nowhere};
	struct match *fresh;
	const uint8_t *p = l->book_log.data, *end = p + l->book_log.size;

	must(match_new(&fresh, &line_rule, DEPTH));
	while (p < end) {
		uint16_t number = (uint16_t)(p[0] << 8 | p[1]);
		size_t size = (size_t)p[2] << 24 | (size_t)p[3] << 16 |
			      (size_t)p[4] << 8 | p[5];

		must(match_receive(fresh, &out, number,
				   (struct bytes){p + 6, size}));
		p += 6 + size;
	}
	if (!same_match(l->match, fresh))
		wrong(l, "a replay ends in another state");
	match_free(&fresh);
	buf_free(&out.scratch);
}

static void check_match(struct line *l)
{
	struct buf bytes = {0};
	struct match *match;

	must(match_new(&match, &line_rule, DEPTH));
	must(match_save(l->match, &bytes));
	if (match_load(match, buf_bytes(&bytes)) ||
	    !same_match(l->match, match))
		wrong(l, "match is another after loading");
	match_free(&l->match);
	l->match = match;
	buf_free(&bytes);
}

static void check_book(struct line *l)
{
	struct buf bytes = {0};
	struct book *book;
	struct hash32 a, b;

	must(book_new(&book, DEPTH));
	must(book_save(l->book, &bytes));
	if (book_load(book, buf_bytes(&bytes)))
		wrong(l, "book doesn't load");
	book_hash(l->book, &a);
	book_hash(book, &b);
	if (!hash32_eq(&a, &b))
		wrong(l, "book is another after loading");
	book_free(&l->book);
	l->book = book;
	buf_free(&bytes);
}

void line_check_snapshot(struct line *l)
{
	check_match(l);
	check_book(l);
}
