/* Why, on random histories with roll-backs: every quote has its reason, no
 * request that waits is without one, a choice is the best of what was
 * eligible, and a core that goes back to look again ends where it was.
 *
 *	why_test [EVENTS [SEED]] */
#include "tests/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/u256.h"
#include "services/matcher/match.h"
#include "services/matcher/match_why.h"
#include "services/orderbook/book.h"
#include "tests/property/history.h"

enum {
	DEPTH = 64,
	EVENTS = 40000,
	STEPS = 700, /* of one history */
	QUOTES_MAX = 256,
};

static uint64_t events_wanted = EVENTS, first_seed = 1;

/* A quote as the book log has it. */
struct standing {
	struct address generator;
	uint64_t market;
};

/* What stands, kept here from the book log alone; as of each block, so that a
 * roll-back is a copy back. */
struct quotes {
	struct standing all[QUOTES_MAX];
	size_t count;
};

struct line {
	struct sink chain, book_out, match_out;
	struct book *book;
	struct match *match;
	struct history *history;
	struct quotes now, kept[DEPTH + 1];
	uint64_t requests_end; /* the highest id so far */
	struct buf book_log;   /* of the canonical chain: number, size, body */
	size_t marks[1 << 12]; /* its size after each block */
	uint64_t block, remembered; /* the newest; how many can be undone */
	bool again;		    /* it looks at what it has seen */
	uint64_t seed, step;
	uint64_t asked, waiting, decisions, offers, returns;
	uint64_t misses[MATCH_MISSES];
};

#define LINE(sink, member)                                                     \
	((struct line *)((char *)(sink)-offsetof(struct line, member)))

static void wrong(const struct line *l, const char *what)
{
	fail_msg("seed %" PRIu64 ", step %" PRIu64 ": %s", l->seed, l->step,
		 what);
}

/* ---- what stands -------------------------------------------------------- */

static struct standing *find(struct quotes *q, const struct address *who,
			     uint64_t market)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->all[i].market == market &&
		    address_eq(&q->all[i].generator, who))
			return &q->all[i];
	return NULL;
}

static void note_quote(struct line *l, struct bytes body)
{
	struct msg_quote_set m;

	assert_err(msg_quote_set_decode(&m, body), ERR_NONE);
	if (find(&l->now, &m.generator, m.market_id))
		return;
	assert_true(l->now.count < QUOTES_MAX);
	l->now.all[l->now.count++] =
		(struct standing){m.generator, m.market_id};
}

static void forget_quote(struct line *l, struct bytes body)
{
	struct msg_quote_removed m;
	struct standing *s;

	assert_err(msg_quote_removed_decode(&m, body), ERR_NONE);
	s = find(&l->now, &m.generator, m.market_id);
	assert_non_null(s);
	*s = l->now.all[--l->now.count];
}

static uint64_t standing_in(const struct line *l, uint64_t market)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->now.count; i++)
		n += l->now.all[i].market == market;
	return n;
}

/* ---- decisions ---------------------------------------------------------- */

/* <0 if @a is taken before @b: the key, written once more. */
static int key_cmp(enum preference p, const struct match_offer *a,
		   const struct match_offer *b)
{
	int price = u256_cmp(&a->price.v, &b->price.v);
	int time = a->response_time < b->response_time
			   ? -1
			   : a->response_time > b->response_time;
	int turn = a->turn.block < b->turn.block
			   ? -1
			   : a->turn.block > b->turn.block;

	if (!turn && a->turn_was_match != b->turn_was_match)
		turn = b->turn_was_match ? -1 : 1;
	if (!turn)
		turn = place_cmp(a->turn, b->turn);
	if (p == PREFERENCE_FASTEST)
		return time ? time : price ? price : turn;
	return price ? price : time ? time : turn;
}

static bool names_element(enum preference p, const struct match_offer *a,
			  const struct match_offer *b)
{
	bool price = !u256_eq(&a->price.v, &b->price.v);
	bool time = a->response_time != b->response_time;

	switch (match_element(a, b)) {
	case MATCH_BY_PRICE:
		return price && (p == PREFERENCE_CHEAPEST || !time);
	case MATCH_BY_TIME:
		return time && (p == PREFERENCE_FASTEST || !price);
	case MATCH_BY_TURN:
		return !price && !time;
	}
	return false;
}

static void on_decided(void *arg, const struct match *m, uint64_t request_id,
		       const struct address *generator)
{
	struct line *l = arg;
	struct match_offer best, other;
	struct match_why why;

	if (l->again)
		return;
	l->decisions++;
	if (match_offer(m, request_id, generator, &best) ||
	    best.miss != MATCH_MISSES)
		wrong(l, "a choice that isn't eligible");
	if (match_why(m, request_id, &why) || why.matched || why.bar ||
	    !why.eligible)
		wrong(l, "a choice where nothing was eligible");
	for (size_t i = 0; i < l->now.count; i++) {
		const struct standing *s = &l->now.all[i];

		if (s->market != best.market_id ||
		    address_eq(&s->generator, generator))
			continue;
		if (match_offer(m, request_id, &s->generator, &other))
			wrong(l, "a quote that stands has no offer");
		why.eligible -= other.miss == MATCH_MISSES;
		l->offers++;
		if (other.miss == MATCH_MISSES &&
		    key_cmp(why.preference, &best, &other) >= 0)
			wrong(l, "a choice that isn't the best");
		if (!names_element(why.preference, &best, &other))
			wrong(l, "another element decides");
	}
	if (why.eligible != 1)
		wrong(l, "more are eligible than there are");
}

/* ---- after a round ------------------------------------------------------ */

/* The nearest misses, looked for once more through the single offers. */
static void check_near(const struct line *l, uint64_t id,
		       const struct match_why *why)
{
	const struct match_offer *price = &why->price.offer;
	const struct match_offer *time = &why->time.offer;
	struct match_offer o;

	for (size_t i = 0; i < l->now.count; i++) {
		const struct standing *s = &l->now.all[i];
		bool dear, slow;

		if (s->market != why->market_id ||
		    match_offer(l->match, id, &s->generator, &o))
			continue;
		dear = u256_cmp(&o.price.v, &why->max_price.v) > 0;
		slow = o.response_time > why->max_response_time;
		if (dear && !slow && !why->price.there)
			wrong(l, "a miss in price isn't told");
		if (slow && !dear && !why->time.there)
			wrong(l, "a miss in time isn't told");
		if (dear && !slow && !why->price.alone &&
		    u256_cmp(&o.price.v, &price->price.v) < 0)
			wrong(l, "there is a nearer miss in price");
		if (slow && !dear && !why->time.alone &&
		    o.response_time < time->response_time)
			wrong(l, "there is a nearer miss in time");
	}
	if (why->price.there && price->miss != MATCH_MISS_PRICE)
		wrong(l, "the nearest miss in price is none");
	if (why->time.there && time->miss != MATCH_MISS_TIME)
		wrong(l, "the nearest miss in time is none");
}

static void check_request(struct line *l, uint64_t id)
{
	struct match_why why;
	uint64_t sum = 0;

	if (match_why(l->match, id, &why))
		return; /* a task, or over */
	l->asked++;
	if (why.matched)
		return;
	l->waiting++;
	for (int i = 0; i < MATCH_MISSES; i++) {
		sum += why.misses[i];
		l->misses[i] += why.misses[i];
	}
	if (why.quotes != standing_in(l, why.market_id))
		wrong(l, "not every quote of the market is counted");
	if (sum + why.eligible != why.quotes)
		wrong(l, "a quote isn't counted once");
	if (!why.bar && why.eligible)
		wrong(l, "a request waits without a reason");
	check_near(l, id, &why);
}

static void check_all(struct line *l)
{
	struct match_sizes sizes = match_sizes(l->match);
	uint64_t before = l->waiting;

	for (uint64_t id = 1; id <= l->requests_end; id++)
		check_request(l, id);
	if (l->waiting - before != sizes.waiting)
		wrong(l, "another number waits");
}

/* ---- the line: history -> book -> match --------------------------------- */

static enum err on_match_out(struct sink *sink, uint16_t number,
			     struct bytes body)
{
	struct line *l = LINE(sink, match_out);
	struct msg_match_made m;

	if (number != MSG_MATCH_MADE || l->again)
		return ERR_NONE;
	assert_err(msg_match_made_decode(&m, body), ERR_NONE);
	history_match(l->history, &m);
	return ERR_NONE;
}

static void follow_book(struct line *l, uint16_t number, struct bytes body)
{
	struct msg_request_opened opened;
	struct msg_book_rolled_back back;

	switch (number) {
	case MSG_QUOTE_SET:
		note_quote(l, body);
		break;
	case MSG_QUOTE_REMOVED:
		forget_quote(l, body);
		break;
	case MSG_REQUEST_OPENED:
		assert_err(msg_request_opened_decode(&opened, body), ERR_NONE);
		if (opened.request_id > l->requests_end)
			l->requests_end = opened.request_id;
		break;
	case MSG_BOOK_ROLLED_BACK:
		assert_err(msg_book_rolled_back_decode(&back, body), ERR_NONE);
		l->now = l->kept[back.to.number % (DEPTH + 1)];
		l->book_log.size = l->marks[back.to.number];
		l->remembered -= l->block - back.to.number;
		l->block = back.to.number;
		break;
	default:
		break;
	}
}

static void keep(struct line *l, uint16_t number, struct bytes body)
{
	buf_put_be16(&l->book_log, number);
	buf_put_be32(&l->book_log, (uint32_t)body.size);
	buf_put(&l->book_log, body.data, body.size);
}

static void note_block(struct line *l, uint64_t number)
{
	assert_true(number < sizeof l->marks / sizeof l->marks[0]);
	l->kept[number % (DEPTH + 1)] = l->now;
	l->marks[number] = l->book_log.size;
	l->block = number;
	if (l->remembered < DEPTH)
		l->remembered++;
}

/* ---- going back --------------------------------------------------------- */

static void undo_to(struct line *l, uint64_t number)
{
	struct msg_book_rolled_back back = {.to.number = number};
	struct buf bytes = {0};

	wire_encode(&msg_book_rolled_back_wire, &back, &bytes);
	if (match_receive(l->match, &l->match_out, MSG_BOOK_ROLLED_BACK,
			  buf_bytes(&bytes)))
		wrong(l, "it can't go back");
	buf_free(&bytes);
}

static void fold_from(struct line *l, uint64_t number)
{
	const uint8_t *p = l->book_log.data + l->marks[number];
	const uint8_t *end = l->book_log.data + l->marks[l->block];

	while (p < end) {
		size_t size = (size_t)p[4] << 8 | p[5];

		assert_int_equal(p[2] | p[3], 0);
		if (match_receive(l->match, &l->match_out,
				  (uint16_t)(p[0] << 8 | p[1]),
				  (struct bytes){p + 6, size}))
			wrong(l, "it can't come back");
		p += 6 + size;
	}
}

/* Some blocks undone and folded once more, as the gateway does it. Entries of
 * the block that is open would be lost: only at a mark. */
static void check_again(struct line *l)
{
	uint64_t blocks = 1 + l->step % 40, number;
	struct match_sizes a, b;
	struct hash32 before, after;

	if (l->remembered < blocks || l->marks[l->block] != l->book_log.size)
		return;
	number = l->block - blocks;
	match_hash(l->match, &before);
	a = match_sizes(l->match);
	l->again = true;
	undo_to(l, number);
	fold_from(l, number);
	l->again = false;
	match_hash(l->match, &after);
	b = match_sizes(l->match);
	if (!hash32_eq(&before, &after) || !hash32_eq(&a.root, &b.root) ||
	    a.decisions != b.decisions)
		wrong(l, "it has come back as another");
	l->returns++;
}

static enum err on_book_out(struct sink *sink, uint16_t number,
			    struct bytes body)
{
	struct line *l = LINE(sink, book_out);
	struct msg_block_closed closed;

	keep(l, number, body);
	follow_book(l, number, body);
	if (match_receive(l->match, &l->match_out, number, body))
		wrong(l, "the core failed");
	if (number == MSG_BLOCK_CLOSED) {
		assert_err(msg_block_closed_decode(&closed, body), ERR_NONE);
		note_block(l, closed.block.number);
	}
	if (!match_is_mark(number))
		return ERR_NONE;
	check_all(l);
	if (l->step % 7 == 0)
		check_again(l);
	return ERR_NONE;
}

static enum err on_chain(struct sink *sink, uint16_t number, struct bytes body)
{
	struct line *l = LINE(sink, chain);

	if (book_receive(l->book, &l->book_out, number, body))
		wrong(l, "the book failed");
	return ERR_NONE;
}

static struct line *open_line(uint64_t seed)
{
	/* So that matches lapse, and limits are reached. */
	struct match_rule rule = {.lifetime_s = 6,
				  .task_limit = 4,
				  .spread_members = 3,
				  .cooling_max = 8};
	struct line *l = calloc(1, sizeof *l);

	assert_non_null(l);
	l->seed = seed;
	l->chain.put = on_chain;
	l->book_out.put = on_book_out;
	l->match_out.put = on_match_out;
	assert_err(book_new(&l->book, DEPTH), ERR_NONE);
	assert_err(match_new(&l->match, &rule, DEPTH), ERR_NONE);
	match_watch(l->match, on_decided, l);
	l->history =
		history_new(&(struct history_source){.seed = seed}, &l->chain);
	return l;
}

static void close_line(struct line *l)
{
	book_free(&l->book);
	match_free(&l->match);
	history_free(l->history);
	buf_free(&l->chain.scratch);
	buf_free(&l->book_out.scratch);
	buf_free(&l->match_out.scratch);
	buf_free(&l->book_log);
	free(l);
}

static void every_quote_has_its_reason_and_every_choice_is_the_best(void **s)
{
	uint64_t events = 0, waiting = 0, decisions = 0, offers = 0;
	uint64_t returns = 0;
	uint64_t misses[MATCH_MISSES] = {0}, seed = first_seed;

	(void)s;
	for (; events < events_wanted; seed++) {
		struct line *l = open_line(seed);

		for (l->step = 1; l->step <= STEPS; l->step++)
			history_step(l->history);
		events += history_events(l->history);
		waiting += l->waiting;
		decisions += l->decisions;
		offers += l->offers;
		returns += l->returns;
		for (int i = 0; i < MATCH_MISSES; i++)
			misses[i] += l->misses[i];
		close_line(l);
	}
	print_message("%" PRIu64 " events, %" PRIu64 " whys, %" PRIu64
		      " decisions against %" PRIu64
		      " other quotes, gone back %" PRIu64 " times\n",
		      events, waiting, decisions, offers, returns);
	for (int i = 0; i < MATCH_MISSES; i++) {
		print_message("%s: %" PRIu64 "\n", match_miss_name(i),
			      misses[i]);
		assert_true(misses[i] > 0);
	}
	assert_true(decisions > events / 50);
	assert_true(returns > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_quote_has_its_reason_and_every_choice_is_the_best),
	};

	if (argc > 1)
		events_wanted = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
