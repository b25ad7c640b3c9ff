/* Any bytes as a node's answer: each call is answered once.
 *
 * Input: how many calls there were (0: one, raw), a byte for the HTTP status,
 * the body. Who hears answers is static: this file is rpc.c and more. */
#include "common/rpc.c"

#include "tests/fuzz/fuzz.h"

enum { CALLS_MAX = 8 };

static void heard(void *arg, const struct rpc_answer *a)
{
	++*(unsigned *)arg;
	fuzz_check(a->err == ERR_NONE || a->err == ERR_REFUSED ||
		   a->err == ERR_UNREACHABLE);
	fuzz_check(a->err ? a->message != NULL : a->result || a->raw.data);
	(void)rpc_send_verdict(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned statuses[] = {200, 400, 404, 429, 500, 0};
	char name[] = "node";
	struct rpc rpc = {.urls = {name, name}, .count = 2};
	unsigned times[CALLS_MAX] = {0}, count;
	struct http_answer answer = {.text = "no"};
	struct rpc_batch *b;

	if (size < 2)
		return 0;
	count = data[0] % (CALLS_MAX + 1);
	b = rpc_batch_new(&rpc);
	b->raw = count == 0;
	for (unsigned i = 0; i < count || i == 0; i++)
		rpc_batch_add(b, "eth_x", NULL, heard, &times[i]);
	give_ids(b);
	answer.status = statuses[data[1] % 6];
	answer.err = answer.status ? ERR_NONE : ERR_UNREACHABLE;
	answer.body = (struct bytes){data + 2, size - 2};
	on_answer(b, &answer);
	for (unsigned i = 0; i < CALLS_MAX; i++)
		fuzz_check(times[i] == (i < count || i == 0));
	return 0;
}
