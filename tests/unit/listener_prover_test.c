/* What a prover's answers mean, and where provers are. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/listener/prover.h"

static struct bytes bytes_of(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static enum prover_verdict read_body(struct buf *proof, unsigned status,
				     const char *body)
{
	struct http_answer a = {.status = status, .body = bytes_of(body)};
	char why[PROVER_WHY_ROOM] = "";
	enum prover_verdict v = prover_read(proof, why, &a);

	assert_int_equal(v == PROVER_PROOF, proof->size > 0);
	assert_int_equal(v == PROVER_PROOF, !*why);
	assert_null(strchr(why, '"'));
	return v;
}

static void answers_mean_what_the_api_says(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		enum prover_verdict verdict;
	} rows[] = {
		{200, "{\"proof\":[1,2,255,0]}", PROVER_PROOF},
		{200, "{\"proof\":\"0x0102ff00\"}", PROVER_PROOF},
		{200, "{\"proof\":\"0x0102FF00\",\"ms\":7}", PROVER_PROOF},
		{200, " {\"more\":{},\n\"proof\" : [1, 2, 255, 0] } ",
		 PROVER_PROOF},
		{200, "", PROVER_FAILED},
		{200, "null", PROVER_FAILED},
		{200, "[1,2]", PROVER_FAILED},
		{200, "{}", PROVER_FAILED},
		{200, "{\"proof\":null}", PROVER_FAILED},
		{200, "{\"proof\":[]}", PROVER_FAILED},
		{200, "{\"proof\":\"0x\"}", PROVER_FAILED},
		{200, "{\"proof\":\"0102\"}", PROVER_FAILED},
		{200, "{\"proof\":\"0x010\"}", PROVER_FAILED},
		{200, "{\"proof\":\"0xzz\"}", PROVER_FAILED},
		{200, "{\"proof\":[256]}", PROVER_FAILED},
		{200, "{\"proof\":[-1]}", PROVER_FAILED},
		{200, "{\"proof\":[1.0]}", PROVER_FAILED},
		{200, "{\"proof\":[\"1\"]}", PROVER_FAILED},
		{200, "{\"proof\":[true]}", PROVER_FAILED},
		{200, "{\"proof\":[[1]]}", PROVER_FAILED},
		{200, "{\"proof\":{\"0\":1}}", PROVER_FAILED},
		{200, "{\"proof\":7}", PROVER_FAILED},
		{200, "{\"proof\":[1,2]", PROVER_FAILED},
		{200, "{\"proof\":[1]}{\"proof\":[1]}", PROVER_FAILED},
		{200, "{\"proof\":[1],\"proof\":[2]}", PROVER_FAILED},
		{200, "{\"error\":\"invalid_inputs\"}", PROVER_FAILED},
		{200, "<html>\"200\"</html>", PROVER_FAILED},
		{422,
		 "{\"error\":\"invalid_inputs\",\"reason\":\"a \\\"b\\\"\"}",
		 PROVER_UNPROVABLE},
		{422, "{\"error\":\"invalid_inputs\"}", PROVER_UNPROVABLE},
		{422, "{\"error\":\"invalid_proof\"}", PROVER_FAILED},
		{422, "{\"error\":[\"invalid_inputs\"]}", PROVER_FAILED},
		{422, "\"invalid_inputs\"", PROVER_FAILED},
		{422, "{\"detail\":\"a framework's own\"}", PROVER_FAILED},
		{422, "", PROVER_FAILED},
		{422, "{\"proof\":[1]}", PROVER_FAILED},
		{500, "{\"error\":\"invalid_inputs\"}", PROVER_FAILED},
		{400, "{\"error\":\"invalid_inputs\"}", PROVER_FAILED},
		{201, "{\"proof\":[1]}", PROVER_FAILED},
		{302, "", PROVER_FAILED},
		{503, "{\"error\":\"busy\"}", PROVER_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf proof = {0};
		enum prover_verdict v =
			read_body(&proof, rows[i].status, rows[i].body);

		if (v != rows[i].verdict)
			fail_msg("%u %s: %d", rows[i].status, rows[i].body, v);
		if (v == PROVER_PROOF)
			assert_memory_equal(proof.data, "\1\2\377\0", 4);
		buf_free(&proof);
	}
}

static void what_never_came_is_a_failure(void **state)
{
	static const enum err errors[] = {ERR_UNREACHABLE, ERR_RANGE,
					  ERR_NO_MEMORY, ERR_CONFIG};
	struct buf proof = {0};
	char why[PROVER_WHY_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct http_answer a = {.err = errors[i],
					.status = 422,
					.text = "cut \"off\"",
					.body = bytes_of("{\"proof\":[1]}")};

		*why = 0;
		assert_int_equal(prover_read(&proof, why, &a), PROVER_FAILED);
		assert_true(*why);
		assert_int_equal(proof.size, 0);
	}
}

/* {"proof":[0,0,…]} of @size bytes. */
static enum prover_verdict read_zeros(struct buf *proof, size_t size)
{
	struct buf body = {0};
	struct http_answer a = {.status = 200};
	char why[PROVER_WHY_ROOM];
	enum prover_verdict v;

	buf_put_text(&body, "{\"proof\":[0");
	for (size_t i = 1; i < size; i++)
		buf_put_text(&body, ",0");
	buf_put_text(&body, "]}");
	a.body = buf_bytes(&body);
	v = prover_read(proof, why, &a);
	buf_free(&body);
	return v;
}

static void a_proof_has_to_fit_into_a_transaction(void **state)
{
	struct buf proof = {0};

	(void)state;
	assert_int_equal(read_zeros(&proof, PROVER_PROOF_MAX_BYTES),
			 PROVER_PROOF);
	assert_int_equal(proof.size, PROVER_PROOF_MAX_BYTES);
	buf_clear(&proof);
	assert_int_equal(read_zeros(&proof, PROVER_PROOF_MAX_BYTES + 1),
			 PROVER_FAILED);
	assert_int_equal(read_zeros(&proof, 7000000), PROVER_FAILED);
	buf_free(&proof);
}

static void a_question_is_the_input_payload(void **state)
{
	static const uint8_t inputs[] = {0, 7, 255};
	struct buf body = {0};

	(void)state;
	prover_question(&body, (struct bytes){inputs, sizeof inputs});
	assert_string_equal(buf_text(&body),
			    "{\"public\":[0,7,255],\"secrets\":null}");
	buf_clear(&body);
	prover_question(&body, (struct bytes){NULL, 0});
	assert_string_equal(buf_text(&body),
			    "{\"public\":[],\"secrets\":null}");
	buf_free(&body);
}

static void assert_url(const struct provers *p, uint64_t market_id,
		       const char *want)
{
	const char *url = provers_url(p, market_id);

	if (want)
		assert_string_equal(url, want);
	else
		assert_null(url);
}

static void markets_have_provers(void **state)
{
	struct provers *p;

	(void)state;
	assert_err(provers_new(&p, "1=http://a:1/x,20=https://b/"), ERR_NONE);
	assert_url(p, 1, "http://a:1/x/api/generateProof");
	assert_url(p, 20, "https://b/api/generateProof");
	assert_url(p, 2, NULL);
	provers_free(&p);
	assert_err(provers_new(&p, "http://c,7=http://d"), ERR_NONE);
	assert_url(p, 1, "http://c/api/generateProof");
	assert_url(p, 7, "http://d/api/generateProof");
	provers_free(&p);
}

static void a_list_that_is_none_is_refused(void **state)
{
	static const char *const rows[] = {"",
					   ",",
					   "ftp://a",
					   "1=",
					   "1=a:3000",
					   "0=http://a",
					   "-1=http://a",
					   "1http://a",
					   "1=http://a,1=http://b",
					   "1 =http://a",
					   "http://a,http://b",
					   "1=http://a,",
					   "99999999999999999999=http://a"};
	struct provers *p;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_err(provers_new(&p, rows[i]), ERR_CONFIG);
		assert_null(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_mean_what_the_api_says),
		cmocka_unit_test(what_never_came_is_a_failure),
		cmocka_unit_test(a_proof_has_to_fit_into_a_transaction),
		cmocka_unit_test(a_question_is_the_input_payload),
		cmocka_unit_test(markets_have_provers),
		cmocka_unit_test(a_list_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
