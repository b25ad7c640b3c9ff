/* Who a client is, what it may ask for, and what it is told of that. */
#include "tests/test.h"

#include "services/webhook-gateway/forwarded.h"
#include "services/webhook-gateway/rates.h"

enum { QUOTA = 10, WINDOW_S = 5, SECOND_US = 1000000 };

static struct rates *rates;
static uint64_t now_us;

static int begin(void **state)
{
	(void)state;
	now_us = 77 * (uint64_t)SECOND_US;
	assert_err(rates_new(&rates, QUOTA, WINDOW_S), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rates_free(&rates);
	return 0;
}

/* How many of @n in a row client @key gets. */
static unsigned ask(uint64_t key, unsigned n)
{
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++)
		got += !rates_take(rates, key, now_us).refused;
	return got;
}

static void the_whole_quota_may_be_had_at_once_and_no_more(void **state)
{
	(void)state;
	for (unsigned left = QUOTA; left-- > 0;) {
		struct rates_state s = rates_take(rates, 1, now_us);

		assert_false(s.refused);
		assert_int_equal(s.left, left);
	}
	assert_int_equal(ask(1, 100), 0);
}

static void who_is_refused_is_told_when_to_come_again(void **state)
{
	struct rates_state s;

	(void)state;
	ask(1, QUOTA);
	s = rates_take(rates, 1, now_us);
	assert_true(s.refused);
	assert_int_equal(s.left, 0);
	assert_int_equal(s.retry_after_s, 1); /* half a second, in fact */
	assert_int_equal(s.full_s, WINDOW_S);
	now_us += s.retry_after_s * (uint64_t)SECOND_US;
	assert_int_equal(ask(1, 100), 2);
}

static void a_quota_fills_up_evenly(void **state)
{
	(void)state;
	ask(1, QUOTA);
	now_us += 499999;
	assert_int_equal(ask(1, 100), 0);
	now_us += 1;
	assert_int_equal(ask(1, 100), 1);
	now_us += WINDOW_S * (uint64_t)SECOND_US;
	assert_int_equal(ask(1, 100), QUOTA);
	now_us += 100 * (uint64_t)WINDOW_S * SECOND_US;
	assert_int_equal(ask(1, 100), QUOTA);
}

static void clients_have_nothing_to_do_with_each_other(void **state)
{
	(void)state;
	ask(1, 100);
	for (uint64_t key = 2; key < 1000; key++)
		assert_int_equal(ask(key, 2), 2);
	assert_int_equal(ask(0, 100), QUOTA);
	assert_int_equal(ask(UINT64_MAX, 100), QUOTA);
	assert_int_equal(ask(1, 100), 0);
}

static void what_costs_more_is_charged_as_far_as_there_is_any(void **state)
{
	struct rates_state s;

	(void)state;
	ask(1, 1);
	s = rates_charge(rates, 1, 3, now_us);
	assert_int_equal(s.left, QUOTA - 4);
	assert_int_equal(s.full_s, 2);
	s = rates_charge(rates, 1, UINT64_MAX, now_us);
	assert_int_equal(s.left, 0);
	assert_int_equal(s.full_s, WINDOW_S);
	assert_int_equal(ask(1, 1), 0);
	now_us += WINDOW_S * (uint64_t)SECOND_US;
	assert_int_equal(ask(1, 100), QUOTA);
}

/* Far more clients than there is room for. */
static void a_crowd_takes_nothing_from_anybody(void **state)
{
	(void)state;
	for (uint64_t key = 0; key < 200000; key++)
		assert_int_equal(ask(key, 1), 1);
}

/* ---- who it is ---------------------------------------------------------- */

static void a_client_is_the_last_address_that_was_forwarded(void **state)
{
	static const struct {
		const char *list;
		uint64_t client; /* as bytes in memory; 0: none */
	} rows[] = {
		{"1.2.3.4", 0x04030201},
		{"9.9.9.9, 1.2.3.4", 0x04030201},
		{"x,1.2.3.4 ", 0x04030201},
		{"\t1.2.3.4\t", 0x04030201},
		{"102:304:506:708::1", 0x0807060504030201},
		{"102:304:506:708:ffff::", 0x0807060504030201},
		{"", 0},
		{",", 0},
		{"1.2.3.4,", 0},
		{"1.2.3", 0},
		{"1.2.3.4.5", 0},
		{"1.2.3.4 5.6.7.8", 0},
		{"1.2.3.4:80", 0},
		{"[::1]", 0},
		{"unknown", 0},
		{"102:304:506:708:102:304:506:708:102:304:506:708:9:a:b", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t client = 0;

		assert_int_equal(forwarded_client(rows[i].list, &client),
				 rows[i].client != 0);
		assert_true(client == rows[i].client);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_whole_quota_may_be_had_at_once_and_no_more),
		TEST(who_is_refused_is_told_when_to_come_again),
		TEST(a_quota_fills_up_evenly),
		TEST(clients_have_nothing_to_do_with_each_other),
		TEST(what_costs_more_is_charged_as_far_as_there_is_any),
		TEST(a_crowd_takes_nothing_from_anybody),
		TEST(a_client_is_the_last_address_that_was_forwarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
