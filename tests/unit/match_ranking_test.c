/* Rankings against a plain list: thousands of quotes that come, go, open, close
 * and take turns, in several markets, with many that are equal. */
#include "tests/dice.h"
#include "tests/test.h"

#include <stdlib.h>

#include "services/matcher/match_ranking.h"

enum { QUOTES = 6000, MARKETS = 3, STEPS = 60000 };

struct side {
	ranking_leaf leaf;
};

static struct quote {
	bool in, open;
	row_id market;
	struct rank rank;
} quotes[QUOTES + 1];

static uint64_t turns;

static void rank_of_quote(const void *arg, row_id quote, struct rank *out)
{
	(void)arg;
	*out = quotes[quote].rank;
}

/* ---- the plain list ----------------------------------------------------- */

static bool by_time;

static int compare(const struct rank *a, const struct rank *b)
{
	int price = a->price < b->price ? -1 : a->price > b->price;
	int time = a->time < b->time ? -1 : a->time > b->time;
	int first = by_time ? time : price, second = by_time ? price : time;

	return first ? first : second ? second : place_cmp(a->turn, b->turn);
}

static bool fits(const struct quote *q, row_id market, u128 limit)
{
	return q->in && q->open && q->market == market &&
	       (by_time ? q->rank.price : (u128)q->rank.time) <= limit;
}

/* The first that fits behind @after; 0: from the start. */
static row_id plain_next(row_id market, row_id after, u128 limit)
{
	row_id best = 0;

	for (row_id i = 1; i <= QUOTES; i++) {
		if (!fits(&quotes[i], market, limit) ||
		    (after &&
		     compare(&quotes[i].rank, &quotes[after].rank) <= 0))
			continue;
		if (!best || compare(&quotes[i].rank, &quotes[best].rank) < 0)
			best = i;
	}
	return best;
}

/* ---- both ---------------------------------------------------------------- */

static void new_terms(struct quote *q, uint64_t kinds)
{
	/* Prices above 64 bits, too. */
	q->rank.price = ((u128)draw(kinds) << 70) + draw(3);
	q->rank.time = (uint32_t)draw(kinds);
	q->rank.turn = (struct place){++turns, (uint32_t)draw(5)};
}

static void step(struct ranking *r, uint64_t kinds, unsigned grow)
{
	row_id row = (row_id)(1 + draw(QUOTES));
	struct quote *q = &quotes[row];

	if (!q->in) {
		if (draw(100) >= grow)
			return;
		new_terms(q, kinds);
		q->market = (row_id)(1 + draw(MARKETS));
		q->in = true;
		q->open = false;
		assert_err(ranking_add(r, q->market, row), ERR_NONE);
	}
	switch (draw(6)) {
	case 0:
		if (draw(100) < grow)
			break;
		ranking_remove(r, row);
		q->in = false;
		return;
	case 1: /* its turn is over */
		if (ranking_stays(r, row)) {
			q->rank.turn.block = ++turns;
			return;
		}
		ranking_remove(r, row);
		q->rank.turn.block = ++turns;
		assert_err(ranking_add(r, q->market, row), ERR_NONE);
		break;
	case 2:
		ranking_remove(r, row);
		new_terms(q, kinds);
		assert_err(ranking_add(r, q->market, row), ERR_NONE);
		break;
	default:
		q->open = !q->open;
	}
	ranking_set_open(r, row, q->open);
}

static void check(const struct ranking *r)
{
	row_id market = (row_id)(1 + draw(MARKETS)), row;
	u128 limit =
		by_time ? ((u128)draw(60) << 70) + draw(3) : (u128)draw(60);

	row = ranking_first(r, market, limit);
	assert_int_equal(row, plain_next(market, 0, limit));
	for (unsigned i = 0; row && i < 3; i++) {
		row_id next = ranking_next(r, row, limit);

		assert_int_equal(next, plain_next(market, row, limit));
		row = next;
	}
}

static void live(bool fastest, uint64_t kinds)
{
	struct pool places;
	struct ranking_config config = {
		.fastest = fastest, .of = rank_of_quote, .places = &places};
	struct ranking *r;

	memset(quotes, 0, sizeof quotes);
	by_time = fastest;
	pool_open(&places, sizeof(struct side));
	assert_true(pool_reach(&places, QUOTES + 1));
	assert_err(ranking_new(&r, &config), ERR_NONE);
	for (unsigned i = 0; i < STEPS; i++) {
		/* Up to all of them, then down to few. */
		step(r, kinds, i < STEPS / 2 ? 95 : 5);
		if (i % 97 == 0)
			check(r);
	}
	for (row_id i = 1; i <= QUOTES; i++)
		ranking_remove(r, i);
	for (row_id m = 1; m <= MARKETS; m++)
		assert_int_equal(ranking_first(r, m, ~(u128)0), 0);
	ranking_free(&r);
	pool_free(&places);
}

static void the_best_is_found_by_price(void **state)
{
	(void)state;
	live(false, 1000000);
	live(false, 8);
}

static void the_best_is_found_by_time(void **state)
{
	(void)state;
	live(true, 1000000);
	live(true, 8);
}

static void quotes_in_order_fill_their_leaves(void **state)
{
	struct pool places;
	struct ranking_config config = {.of = rank_of_quote, .places = &places};
	struct ranking *r;

	(void)state;
	memset(quotes, 0, sizeof quotes);
	by_time = false;
	pool_open(&places, sizeof(struct side));
	assert_true(pool_reach(&places, QUOTES + 1));
	assert_err(ranking_new(&r, &config), ERR_NONE);
	for (row_id i = 1; i <= QUOTES; i++) {
		quotes[i] =
			(struct quote){true, true, 1, {i, {i, 0}, QUOTES - i}};
		assert_err(ranking_add(r, 1, i), ERR_NONE);
		ranking_set_open(r, i, true);
	}
	for (row_id i = 1; i < QUOTES; i += 97)
		assert_int_equal(ranking_first(r, 1, QUOTES - i), i);
	assert_int_equal(ranking_first(r, 2, ~(u128)0), 0);
	ranking_free(&r);
	pool_free(&places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_is_found_by_price),
		cmocka_unit_test(the_best_is_found_by_time),
		cmocka_unit_test(quotes_in_order_fill_their_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
