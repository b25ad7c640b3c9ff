/* What guard.h promises: which addresses may be connected to. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/guard.h"

static enum guard_verdict judge(const char *cidrs, const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const struct sockaddr *a = (const struct sockaddr *)&v4;
	enum guard_verdict verdict;
	struct guard *g;

	if (inet_pton(AF_INET, text, &v4.sin_addr) != 1) {
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		a = (const struct sockaddr *)&v6;
	}
	assert_err(guard_new(&g, cidrs), ERR_NONE);
	verdict = guard_judge(g, a);
	guard_free(&g);
	return verdict;
}

static void only_public_addresses_are_public(void **state)
{
	static const char *const refused[] = {"0.0.0.0",
					      "10.0.0.1",
					      "100.64.0.1",
					      "100.127.255.255",
					      "127.0.0.1",
					      "127.255.255.255",
					      "169.254.169.254",
					      "172.16.0.1",
					      "172.31.255.255",
					      "192.0.0.8",
					      "192.0.2.1",
					      "192.88.99.1",
					      "192.168.1.1",
					      "198.18.0.1",
					      "198.19.255.255",
					      "198.51.100.7",
					      "203.0.113.9",
					      "224.0.0.1",
					      "255.255.255.255",
					      "::",
					      "::1",
					      "::ffff:10.0.0.1",
					      "::ffff:127.0.0.1",
					      "::7f00:1",
					      "64:ff9b::7f00:1",
					      "fc00::1",
					      "fd12::1",
					      "fe80::1",
					      "fec0::1",
					      "ff02::1",
					      "100::1",
					      "2001::1",
					      "2001:db8::1",
					      "2002:7f00:1::1",
					      "3fff::1",
					      "4000::1"};
	static const char *const public[] = {
		"1.1.1.1",	  "9.255.255.255",	  "11.0.0.0",
		"100.63.255.255", "100.128.0.0",	  "172.15.255.255",
		"172.32.0.0",	  "192.167.255.255",	  "223.255.255.255",
		"2606:4700::1",	  "2001:4860:4860::8888", "::ffff:8.8.8.8",
		"2a00::1"};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (judge("", refused[i]) != GUARD_REFUSED)
			fail_msg("%s isn't refused", refused[i]);
	for (size_t i = 0; i < sizeof public / sizeof public[0]; i++)
		if (judge("", public[i]) != GUARD_PUBLIC)
			fail_msg("%s isn't public", public[i]);
}

static void what_a_cidr_covers_is_allowed_and_nothing_else(void **state)
{
	const char *cidrs = "127.0.0.1/32,10.1.0.0/16,fd00::/8,::1/128";

	(void)state;
	assert_int_equal(judge(cidrs, "127.0.0.1"), GUARD_ALLOWED);
	assert_int_equal(judge(cidrs, "::ffff:127.0.0.1"), GUARD_ALLOWED);
	assert_int_equal(judge(cidrs, "127.0.0.2"), GUARD_REFUSED);
	assert_int_equal(judge(cidrs, "10.1.255.255"), GUARD_ALLOWED);
	assert_int_equal(judge(cidrs, "10.2.0.0"), GUARD_REFUSED);
	assert_int_equal(judge(cidrs, "fdff::1"), GUARD_ALLOWED);
	assert_int_equal(judge(cidrs, "fc00::1"), GUARD_REFUSED);
	assert_int_equal(judge(cidrs, "::1"), GUARD_ALLOWED);
	assert_int_equal(judge(cidrs, "1.1.1.1"), GUARD_PUBLIC);
	assert_int_equal(judge("0.0.0.0/0", "192.168.0.1"), GUARD_ALLOWED);
	assert_int_equal(judge("0.0.0.0/0", "::1"), GUARD_REFUSED);
	assert_int_equal(judge("::/0", "192.168.0.1"), GUARD_ALLOWED);
}

static void what_is_no_cidr_is_refused(void **state)
{
	static const char *const bad[] = {
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.1/8",
		"10.0.0.0/-1",
		"10.0.0.0/8x",
		"a/8",
		"/8",
		"10.0.0.0/8,",
		",10.0.0.0/8",
		"10.0.0.0/ 8",
		"fd00::/129",
		"10.0.0.0/8 ,::",
		"fd00::1/8",
		"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8",
		"10.0.0.0/99999999999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct guard *g;

		if (guard_new(&g, bad[i]) != ERR_MALFORMED)
			fail_msg("%s is taken", bad[i]);
		assert_null(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_public_addresses_are_public),
		cmocka_unit_test(
			what_a_cidr_covers_is_allowed_and_nothing_else),
		cmocka_unit_test(what_is_no_cidr_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
