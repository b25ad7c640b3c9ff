/* Any path and parameters: an answer with a status, and JSON if it is ours.
 *
 * The path is also taken for an X-Forwarded-For.
 *
 * Input: a byte for the method, then lines: the path, If-None-Match, and
 * NAME=VALUE parameters. */
#include "tests/fuzz/fuzz.h"

#include "services/webhook-gateway/forwarded.h"
#include "tests/unit/gateway_fixture.h"

enum { LINES_MAX = 2 + API_ARGS_MAX };

static void make_market(void)
{
	begin_with(NULL);
	SAY(&s, LOGS_MATCH, rule_set,
	    {.version = MATCH_RULE_VERSION,
	     .match_lifetime = 30,
	     .task_limit = 100,
	     .spread_members = 8,
	     .cooling_max = 256});
	open_request(&s, 1, 1, 5); /* is matched; then the quote is too dear */
	close_block(&s, 0);
	set_quote(&s, 7, 1, 60, 30);
	open_request(&s, 2, 1, 5);
	for (uint64_t id = 2; id < 5; id++)
		set_market(&s, id);
	start_task(&s, 1, 1, 7); /* is proven */
	end_task(&s, 1, 1, 7, OUTCOME_FULFILLED);
	close_block(&s, 0);
	SAY(&s, LOGS_CHAIN, proof_submitted,
	    {.request_id = 1, .proof = {(const uint8_t *)"proof", 5}});
	SAY(&s, LOGS_CHAIN, block_mark, {.block = block_of(1, 0)});
}

static void check_answer(void)
{
	json_t *root;

	fuzz_check(answer.status >= 200 && answer.status < 600);
	if (!answer.body.size || !answer.type || !strstr(answer.type, "json"))
		return;
	root = json_loadb((const char *)answer.body.data, answer.body.size,
			  JSON_REJECT_DUPLICATES, NULL);
	fuzz_check(json_is_object(root));
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_request r = {.now_us = 1};
	char *lines[LINES_MAX] = {NULL}, *copy, *rest, *line;
	size_t n = 0;
	uint64_t client;

	if (!api)
		make_market();
	if (size == 0)
		return 0;
	r.method = (enum api_method)(data[0] % (API_OTHER + 1));
	copy = rest = strndup((const char *)data + 1, size - 1);
	while (n < LINES_MAX && (line = strsep(&rest, "\n")))
		lines[n++] = line;
	r.path = lines[0];
	r.id = "of a test";
	forwarded_client(r.path, &client);
	r.if_none_match = lines[1];
	for (size_t i = 2; i < n; i++)
		if (strchr(lines[i], '=') && strlen(lines[i]) < API_ARG_MAX)
			r.args[r.args_count++] = lines[i];
		else
			r.args_bad = true;
	api_answer(api, &r, &answer);
	check_answer();
	free(copy);
	return 0;
}
