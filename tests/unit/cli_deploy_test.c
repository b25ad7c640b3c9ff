/* A deployment's transactions are those of viem; code is known by what doesn't
 * change. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/keccak.h"
#include "services/kalypso/deploy_plan.h"

enum { CORE = 3 };

/* A bundle whose contracts are one byte each: their number and one. */
static void make_bundle(struct deploy_bundle *out)
{
	*out = (struct deploy_bundle){0};
	for (unsigned i = 0; i < DEPLOY_CONTRACTS; i++)
		buf_put_u8(&out->code[i].initcode, (uint8_t)(i + 1));
}

static struct address filled(uint8_t byte)
{
	struct address a;

	memset(a.bytes, byte, sizeof a.bytes);
	return a;
}

static struct address anvils_first(void)
{
	struct address a;

	assert_err(
		address_parse(&a, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
		ERR_NONE);
	return a;
}

static struct deploy_terms some_terms(void)
{
	return (struct deploy_terms){.timelock = true,
				     .checks_branch = true,
				     .admin = filled(1),
				     .governor = filled(2),
				     .guardian = filled(3),
				     .treasury = filled(4),
				     .payment_token = filled(5),
				     .stake_token = filled(6),
				     .timelock_delay = 10800,
				     .activation_delay = 7200};
}

/* Size and hash of each initcode, by viem's encodeAbiParameters() and
 * getContractAddress(). */
static void initcode_is_that_of_viem(void **state)
{
	static const struct {
		size_t size;
		const char *hash, *name;
	} want[] = {{257,
		     "0xca9f76b0ff001764102cb2f2a70cf7fefc32d7233e3716ebf1c0d24"
		     "4c120657e",
		     "TimelockController"},
		    {193,
		     "0x8c2b600a033755906a9f197fb5d6ef5d57c853c75eaab92866a9b49"
		     "4a6aee670",
		     "ProofMarketplace code"},
		    {161,
		     "0x4a5ba8d75027794c91cef18beecd5b26b5a0ce9052818a13afb177b"
		     "1adf490f9",
		     "GeneratorRegistry code"},
		    {161,
		     "0x8e5f424f68e1f729de8359ca6ad5d349c33ef0b3a1b4ef1b0f9dc5f"
		     "447f3c816",
		     "EntityKeyRegistry code"},
		    {289,
		     "0x8be307f42af3a05622c3fbc7df865c2afacbe66f689c7e182d4dec9"
		     "da867f62f",
		     "ProofMarketplace"},
		    {257,
		     "0x5e3af5bebdbbfaecdfc6b5ee9e99e9e46345bb9a66ea0e1bb4a4d8f"
		     "1c1f69a3e",
		     "GeneratorRegistry"},
		    {225,
		     "0xeb56c1fdc9b606851eb6214c3db677e12bc3e6e6308bfea370e7f7d"
		     "d694f6ee7",
		     "EntityKeyRegistry"}};
	const struct deploy_terms terms = some_terms();
	const struct address from = anvils_first();
	struct deploy_bundle bundle;
	struct deploy_plan plan = {.count = 0};

	(void)state;
	make_bundle(&bundle);
	assert_err(deploy_plan_make(&plan, &terms, &bundle, &from, 7),
		   ERR_NONE);
	assert_int_equal(plan.count, sizeof want / sizeof want[0]);
	for (size_t i = 0; i < plan.count; i++) {
		const struct deploy_step *s = &plan.steps[i];
		char text[HASH32_ROOM];
		struct hash32 hash;

		keccak256(&hash, s->initcode.data, s->initcode.size);
		assert_string_equal(s->name, want[i].name);
		assert_int_equal(s->nonce, 7 + i);
		assert_int_equal(s->initcode.size, want[i].size);
		assert_string_equal(hash32_format(text, &hash), want[i].hash);
	}
	assert_true(address_eq(&plan.admin, &plan.steps[0].address));
	for (size_t i = 0; i < CORE; i++) {
		assert_true(
			address_eq(&plan.code[i], &plan.steps[1 + i].address));
		assert_true(
			address_eq(&plan.proxy[i], &plan.steps[4 + i].address));
	}
	deploy_plan_free(&plan);
	deploy_bundle_free(&bundle);
}

static void in_development_tokens_are_made_and_nothing_is_locked(void **state)
{
	struct deploy_terms terms = some_terms();
	const struct address from = anvils_first();
	struct deploy_bundle bundle;
	struct deploy_plan plan = {.count = 0};

	(void)state;
	make_bundle(&bundle);
	terms.timelock = false;
	terms.test_tokens = true;
	assert_err(deploy_plan_make(&plan, &terms, &bundle, &from, 0),
		   ERR_NONE);
	assert_int_equal(plan.count, 8);
	assert_true(address_eq(&plan.payment, &plan.steps[0].address));
	assert_true(address_eq(&plan.stake, &plan.steps[1].address));
	assert_true(address_eq(&plan.admin, &terms.admin));
	for (size_t i = 0; i < CORE; i++)
		assert_true(
			address_eq(&plan.proxy[i], &plan.steps[5 + i].address));
	deploy_plan_free(&plan);
	deploy_bundle_free(&bundle);
}

/* ---- the bundle --------------------------------------------------------- */

/* What is wrong with a file of @text; NULL if nothing is. */
static const char *read_text(struct deploy_bundle *out, const char *text,
			     char why[DEPLOY_WHY_ROOM])
{
	char path[] = "/tmp/kalypso-bundle-XXXXXX";
	int fd = mkstemp(path);
	const char *wrong;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	*out = (struct deploy_bundle){0};
	wrong = deploy_bundle_read(out, path, why);
	unlink(path);
	return wrong;
}

#define EMPTY(name)                                                            \
	"\"" name                                                              \
	"\":{\"initcode\":\"0x01\",\"runtime\":\"0x02\",\"immutables\":[]}"
#define BUNDLE(marketplace)                                                                                                                                            \
	"{\"format\":1,\"contracts\":{" EMPTY("PaymentToken") "," EMPTY(                                                                                               \
		"Stak"                                                                                                                                                 \
		"eTok"                                                                                                                                                 \
		"en") "," EMPTY("TimelockController") "," EMPTY("GeneratorReg"                                                                                         \
								"istry") "," EMPTY("EntityKeyRegistry") "," EMPTY("ERC1967Proxy") ",\"ProofMarketplace\":" marketplace \
																  "}}"

static void code_is_known_whatever_its_immutables_are(void **state)
{
	static const char good[] =
		BUNDLE("{\"initcode\":\"0x01\",\"runtime\":\"0xaa0000bb00cc\","
		       "\"immutables\":[[1,2],[4,1]]}");
	static const struct {
		const char *code;
		size_t size;
		bool is;
	} rows[] = {{"\xaa\0\0\xbb\0\xcc", 6, true},
		    {"\xaa\x11\x22\xbb\x33\xcc", 6, true},
		    {"\xab\x11\x22\xbb\x33\xcc", 6, false},
		    {"\xaa\x11\x22\xbc\x33\xcc", 6, false},
		    {"\xaa\x11\x22\xbb\x33\xcd", 6, false},
		    {"\xaa\x11\x22\xbb\x33", 5, false},
		    {"\xaa\x11\x22\xbb\x33\xcc\xcc", 7, false},
		    {"", 0, false}};
	char why[DEPLOY_WHY_ROOM];
	struct deploy_bundle b;

	(void)state;
	assert_null(read_text(&b, good, why));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(
			deploy_is_code(
				&b.code[DEPLOY_MARKETPLACE],
				(struct bytes){(const uint8_t *)rows[i].code,
					       rows[i].size}),
			rows[i].is);
	deploy_bundle_free(&b);
}

static void a_bundle_is_read_strictly(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {{"", "expected near"},
		    {"[]", "no bundle of contracts"},
		    {"{\"format\":2}", "no bundle of contracts"},
		    {"{\"format\":1}", "PaymentToken is missing"},
		    {BUNDLE("{}"), "ProofMarketplace is missing"},
		    {BUNDLE("{\"initcode\":\"0x\",\"runtime\":\"0x02\","
			    "\"immutables\":[]}"),
		     "ProofMarketplace"},
		    {BUNDLE("{\"initcode\":\"0x0\",\"runtime\":\"0x02\","
			    "\"immutables\":[]}"),
		     "ProofMarketplace"},
		    {BUNDLE("{\"initcode\":\"0x01\",\"runtime\":7,"
			    "\"immutables\":[]}"),
		     "ProofMarketplace"},
		    {BUNDLE("{\"initcode\":\"0x01\",\"runtime\":\"0x0203\","
			    "\"immutables\":[[1,2]]}"),
		     "ProofMarketplace"},
		    {BUNDLE("{\"initcode\":\"0x01\",\"runtime\":\"0x0203\","
			    "\"immutables\":[[-1,1]]}"),
		     "ProofMarketplace"},
		    {BUNDLE("{\"initcode\":\"0x01\",\"runtime\":\"0x0203\","
			    "\"immutables\":[[0,0]]}"),
		     "ProofMarketplace"},
		    {BUNDLE("{\"initcode\":\"0x01\",\"runtime\":\"0x0203\","
			    "\"immutables\":[[0,2],[1,1]]}"),
		     "ProofMarketplace"},
		    {BUNDLE("{\"initcode\":\"0x01\",\"runtime\":\"0x0203\","
			    "\"immutables\":[[0]]}"),
		     "ProofMarketplace"},
		    {BUNDLE("{\"initcode\":\"0x01\",\"runtime\":\"0x0203\"}"),
		     "ProofMarketplace"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char why[DEPLOY_WHY_ROOM] = "";
		struct deploy_bundle b;
		const char *wrong = read_text(&b, rows[i].text, why);

		assert_non_null(wrong);
		if (i > 0)
			assert_non_null(strstr(wrong, rows[i].why));
		deploy_bundle_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initcode_is_that_of_viem),
		cmocka_unit_test(
			in_development_tokens_are_made_and_nothing_is_locked),
		cmocka_unit_test(code_is_known_whatever_its_immutables_are),
		cmocka_unit_test(a_bundle_is_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
