/* Any bytes as a node's answer: each call is answered once, by this node or by
 * the next, and what a refusal means is read without harm.
 *
 * Input: how many calls there were (0: one, raw), a byte for the HTTP status,
 * the body. The second node says the same. Who hears answers is static: this
 * file is rpc_call.c and more. */
#include "common/rpc_call.c"

#include "tests/fuzz/fuzz.h"

enum { CALLS_MAX = 8, NODES = 2 };

static void heard(void *arg, const struct rpc_answer *a)
{
	uint64_t most;

	++*(unsigned *)arg;
	fuzz_check(a->err == ERR_NONE || a->err == ERR_REFUSED ||
		   a->err == ERR_UNREACHABLE);
	fuzz_check(a->err ? a->message != NULL : a->result || a->raw.data);
	fuzz_check(a->node < NODES);
	(void)rpc_send_verdict(a);
	if (a->err == ERR_REFUSED)
		(void)refusal_of(a->code, a->message, &most);
}

/* As ask(), without a network. */
static void pretend_to_ask(struct rpc_batch *b, unsigned node)
{
	b->tried |= 1u << node;
	b->node = node;
	b->under_way = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned statuses[] = {200, 400, 404, 429, 500, 503, 0};
	struct rpc rpc = {.config = {.timeout_ms = 1000}};
	unsigned times[CALLS_MAX] = {0}, count;
	struct http_answer answer = {.text = "no"};
	struct rpc_batch *b;

	if (size < 2)
		return 0;
	log_open("fuzz", LEVEL_ERROR + 1, false);
	providers_init(&rpc.providers, NODES, 1);
	count = data[0] % (CALLS_MAX + 1);
	b = rpc_batch_new(&rpc);
	b->raw = count == 0;
	b->bound = true; /* nobody else is asked but by us */
	for (unsigned i = 0; i < count || i == 0; i++)
		rpc_batch_add(b, "eth_x", NULL, heard, &times[i]);
	give_ids(b);
	answer.status = statuses[data[1] % 7];
	answer.retry_after_s = data[1];
	answer.err = answer.status ? ERR_NONE : ERR_UNREACHABLE;
	answer.body = (struct bytes){data + 2, size - 2};
	pretend_to_ask(b, 0);
	on_answer(&b->attempts[0], &answer);
	for (unsigned i = 0; i < CALLS_MAX; i++)
		fuzz_check(times[i] == (i < count || i == 0));
	return 0;
}
