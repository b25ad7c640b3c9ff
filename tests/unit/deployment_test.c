/* The file of addresses: what is taken, and which member is named. */
#include "tests/test.h"

#include "protocol/deployment.h"

#define A "\"0x00000000000000000000000000000000000000aa\""

static enum err parse(struct deployment *d, const char *text,
		      const char **member)
{
	json_t *root = json_loads(text, 0, NULL);
	enum err e;

	assert_non_null(root);
	e = deployment_parse(d, root, member);
	json_decref(root);
	return e;
}

static void a_deployment_is_read(void **state)
{
	struct deployment d;
	const char *member;

	(void)state;
	assert_err(parse(&d,
			 "{\"chainId\":31337,\"startBlock\":2,"
			 "\"ProofMarketplace\":" A ",\"GeneratorRegistry\":" A
			 ",\"EntityKeyRegistry\":" A ",\"PaymentToken\":" A
			 ",\"StakeToken\":" A ",\"more\":[]}",
			 &member),
		   ERR_NONE);
	assert_int_equal(d.chain_id, 31337);
	assert_int_equal(d.start_block, 2);
	assert_int_equal(d.stake_token.bytes[19], 0xaa);
}

static void the_wrong_member_is_named(void **state)
{
	static const struct {
		const char *text, *member;
	} rows[] = {
		{"{}", "chainId"},
		{"{\"chainId\":-1}", "chainId"},
		{"{\"chainId\":\"1\"}", "chainId"},
		{"{\"chainId\":1}", "startBlock"},
		{"{\"chainId\":1,\"startBlock\":0}", "ProofMarketplace"},
		{"{\"chainId\":1,\"startBlock\":0,\"ProofMarketplace\":\"0x\"}",
		 "ProofMarketplace"},
		{"{\"chainId\":1,\"startBlock\":0,\"ProofMarketplace\":" A "}",
		 "GeneratorRegistry"},
	};
	struct deployment d;
	const char *member;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_err(parse(&d, rows[i].text, &member), ERR_CONFIG);
		assert_string_equal(member, rows[i].member);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deployment_is_read),
		cmocka_unit_test(the_wrong_member_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
