/* The requests that wait, against a plain list: thousands that come and go,
 * with caps near each other and far apart, expired ones among them. */
#include "tests/dice.h"
#include "tests/test.h"

#include <stdlib.h>

#include "services/matcher/match_waiting.h"

enum { REQUESTS = 5000, MARKETS = 3, STEPS = 50000 };

static struct request {
	row_id market; /* 0: it isn't in */
	struct wish wish;
} requests[REQUESTS + 1];

static uint64_t orders;

static void wish_of_request(const void *arg, row_id request, struct wish *out)
{
	(void)arg;
	*out = requests[request].wish;
}

static row_id plain_earliest(row_id market, u128 price, uint32_t time,
			     uint64_t now)
{
	row_id best = 0;

	for (row_id i = 1; i <= REQUESTS; i++) {
		const struct wish *w = &requests[i].wish;

		if (requests[i].market == market && w->price >= price &&
		    w->time >= time && w->expiry > now &&
		    (!best || w->order < requests[best].wish.order))
			best = i;
	}
	return best;
}

/* Of all sizes: few that are equal, neighbours beyond 64 bits, anything. */
static u128 some_price(void)
{
	switch (draw(4)) {
	case 0:
		return draw(4);
	case 1:
		return ((u128)1 << 100) + draw(8);
	case 2:
		return (u128)draw(UINT64_MAX) << draw(64);
	default:
		return 1000000 + draw(1000);
	}
}

static uint32_t some_time(void)
{
	return draw(50) ? (uint32_t)draw(5000) : UINT32_MAX - (uint32_t)draw(2);
}

static void step(struct waiting *w, unsigned grow)
{
	row_id row = (row_id)(1 + draw(REQUESTS));
	struct request *r = &requests[row];

	assert_int_equal(waiting_holds(w, row), r->market != 0);
	if (r->market) {
		if (draw(100) < grow)
			return;
		waiting_remove(w, row);
		r->market = 0;
	} else if (draw(100) < grow) {
		r->wish = (struct wish){some_price(), some_time(),
					draw(20) ? 1000 + draw(100) : 5,
					++orders};
		/* Some come back to an earlier place. */
		if (draw(10) == 0)
			r->wish.order = UINT64_MAX / 2 + orders;
		r->market = (row_id)(1 + draw(MARKETS));
		assert_err(waiting_add(w, r->market, row), ERR_NONE);
	}
}

static void the_earliest_that_fits_is_found(void **state)
{
	struct waiting *w;

	(void)state;
	assert_err(waiting_new(&w, wish_of_request, NULL), ERR_NONE);
	for (unsigned i = 0; i < STEPS; i++) {
		step(w, i < STEPS / 2 ? 95 : 10);
		if (i % 29 == 0) {
			row_id market = (row_id)(1 + draw(MARKETS));
			u128 price = some_price();
			uint32_t time = some_time();
			uint64_t now = 990 + draw(120);

			assert_int_equal(
				waiting_earliest(w, market, price, time, now),
				plain_earliest(market, price, time, now));
		}
	}
	for (row_id i = 1; i <= REQUESTS; i++)
		waiting_remove(w, i);
	assert_int_equal(waiting_earliest(w, 1, 0, 0, 0), 0);
	waiting_free(&w);
}

static void expired_ones_are_passed_over(void **state)
{
	struct waiting *w;

	(void)state;
	memset(requests, 0, sizeof requests);
	assert_err(waiting_new(&w, wish_of_request, NULL), ERR_NONE);
	for (row_id i = 1; i <= 100; i++) {
		requests[i] = (struct request){1, {50, 60, 1000 + i, i}};
		assert_err(waiting_add(w, 1, i), ERR_NONE);
	}
	assert_int_equal(waiting_earliest(w, 1, 50, 60, 1000), 1);
	assert_int_equal(waiting_earliest(w, 1, 50, 60, 1050), 51);
	assert_int_equal(waiting_earliest(w, 1, 50, 60, 1100), 0);
	assert_int_equal(waiting_earliest(w, 1, 51, 60, 1000), 0);
	assert_int_equal(waiting_earliest(w, 1, 50, 61, 1000), 0);
	assert_int_equal(waiting_earliest(w, 2, 50, 60, 1000), 0);
	waiting_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earliest_that_fits_is_found),
		cmocka_unit_test(expired_ones_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
