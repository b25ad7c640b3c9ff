/* What slasher-watcher asks of the chain before it signs, and what it makes of
 * the answers. Against a small node. */
#include "services/slasher-watcher/verdict.h"
#include "tests/unit/small_node.h"

#include <signal.h>

#include "abi_market.h"
#include "common/evm.h"
#include "common/log.h"
#include "common/u256.h"

enum { WAIT_MS = 20000, NOW = 2000 };

/* What the node says. */
static struct {
	uint64_t states[8], until[8]; /* by request */
	uint64_t penalty, bounty_bps, bounty_max;
	bool no_settings, reverts;
	unsigned at_hash; /* calls about the block's hash */
} node;

static struct verdict_asker *asker;
static struct verdict_question answer;
static unsigned answers;

/* ---- the node ----------------------------------------------------------- */

static bool is_call(const struct buf *data, enum err e, struct buf *wanted)
{
	bool same = !e && data->size >= 4 &&
		    memcmp(data->data, wanted->data, 4) == 0;

	buf_free(wanted);
	return same;
}

static void put_request(struct buf *out, uint64_t id)
{
	bool slash = node.states[id] == ABI_REQUEST_STATE_ASSIGNED;

	put_word(out, node.states[id]);
	put_word(out, 1);
	for (int i = 0; i < 5; i++)
		put_word(out, 0);
	put_word(out, slash ? 0 : node.until[id]);
	put_word(out, slash ? node.until[id] : 0);
	for (int i = 0; i < 3; i++)
		put_word(out, 0);
}

static void put_market(struct buf *out)
{
	put_word(out, 0);
	put_word(out, 0);
	put_word(out, node.penalty);
	for (int i = 0; i < 7; i++)
		put_word(out, 0);
}

static void put_setting(struct buf *out, const struct buf *data)
{
	bool bps = strcmp((const char *)data->data + 4, "slashBountyBps") == 0;

	put_word(out, bps ? node.bounty_bps : node.bounty_max);
}

/* NULL: it is refused. */
static json_t *call(const json_t *params)
{
	const json_t *at = json_array_get(params, 1);
	struct u256 one = u256_from_u64(1);
	struct hash32 name = {{0}};
	struct buf data = {0}, out = {0}, w = {0};
	json_t *result = NULL;

	assert_err(evm_bytes_parse(
			   &data,
			   json_object_get(json_array_get(params, 0), "data")),
		   ERR_NONE);
	node.at_hash += json_object_get(at, "blockHash") != NULL;
	if (is_call(&data, abi_call_request_of(&w, &one), &w))
		put_request(&out, data.data[35]);
	else if (is_call(&data, abi_call_market_of(&w, &one), &w))
		put_market(&out);
	else if (is_call(&data, abi_call_setting(&w, &name), &w) &&
		 !node.no_settings)
		put_setting(&out, &data);
	else if (is_call(&data, abi_call_slash_many(&w, &one, 1), &w) &&
		 !node.reverts)
		put_word(&out, 0);
	if (out.size)
		result = evm_data(buf_bytes(&out));
	buf_free(&data);
	buf_free(&out);
	return result;
}

static json_t *answer_one(const json_t *request)
{
	json_t *id = json_object_get(request, "id");
	json_t *result = call(json_object_get(request, "params"));

	return result ? json_pack("{s:O, s:o}", "id", id, "result", result)
		      : json_pack("{s:O, s:{s:i, s:s}}", "id", id, "error",
				  "code", 3, "message", "execution reverted");
}

/* ---- asking ------------------------------------------------------------- */

static int begin(void **state)
{
	struct verdict_config asks = {.from = {{9}}};

	(void)state;
	memset(node.states, 0, sizeof node.states);
	node.no_settings = node.reverts = false;
	node.at_hash = answers = 0;
	for (int id = 1; id <= 4; id++) {
		node.states[id] = ABI_REQUEST_STATE_ASSIGNED;
		node.until[id] = NOW - 1;
	}
	node.penalty = 1000;
	node.bounty_bps = 1000; /* a tenth */
	node.bounty_max = 500;
	small_node_begin(answer_one);
	asks.rpc = rpc;
	assert_err(verdict_new(&asker, &asks), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rpc_free(&rpc);
	verdict_free(&asker);
	small_node_end();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static struct verdict_question question(size_t count)
{
	struct verdict_question q = {
		.slash = true,
		.at = {.number = 7, .hash = {{7}}, .time = {NOW}},
		.gas_price = u256_from_u64(2),
		.gas_base = 10,
		.gas_per_item = 40,
		.count = count,
	};

	for (size_t i = 0; i < count; i++)
		q.items[i] = (struct verdict_item){i + 1, {NOW - 1}, 0};
	return q;
}

static void on_done(void *arg, const struct verdict_question *q)
{
	(void)arg;
	answers++;
	answer = *q;
	loop_stop(loop);
}

static void on_late(void *arg)
{
	*(struct loop_timer **)arg = NULL;
	loop_stop(loop);
}

static enum verdict ask(const struct verdict_question *q)
{
	struct loop_timer *late = NULL;

	assert_err(verdict_ask(asker, q, on_done, NULL), ERR_NONE);
	assert_true(verdict_is_asking(asker));
	late = loop_timer(loop, WAIT_MS, true, on_late, &late);
	loop_run(loop);
	loop_timer_cancel(loop, &late);
	assert_int_equal(answers, 1);
	assert_false(verdict_is_asking(asker));
	answers = 0;
	return answer.items[0].verdict;
}

/* ---- whether the chain agrees ------------------------------------------- */

static void what_the_chain_says_too_is_agreed_on(void **state)
{
	struct verdict_question q = question(3);

	(void)state;
	assert_int_equal(ask(&q), VERDICT_AGREED);
	assert_int_equal(answer.items[2].verdict, VERDICT_AGREED);
	assert_int_equal(small.calls, 3);
	assert_int_equal(node.at_hash, 3); /* of that branch, no other */
}

static void what_the_chain_says_otherwise_is_not(void **state)
{
	struct verdict_question q = question(4);

	(void)state;
	node.states[1] = ABI_REQUEST_STATE_FULFILLED;
	node.until[2] = NOW;	 /* not past yet */
	node.until[3] = NOW - 2; /* another deadline */
	assert_int_equal(ask(&q), VERDICT_DISAGREED);
	assert_int_equal(answer.items[1].verdict, VERDICT_DISAGREED);
	assert_int_equal(answer.items[2].verdict, VERDICT_DISAGREED);
	assert_int_equal(answer.items[3].verdict, VERDICT_AGREED);
}

static void a_deadline_at_the_blocks_time_has_not_passed(void **state)
{
	struct verdict_question q = question(1);

	(void)state;
	q.items[0].since.v = node.until[1] = NOW;
	assert_int_equal(ask(&q), VERDICT_DISAGREED);
}

static void a_refund_wants_an_open_request(void **state)
{
	struct verdict_question q = question(2);

	(void)state;
	q.slash = false;
	q.profit = true; /* there is no bounty to weigh */
	node.states[1] = ABI_REQUEST_STATE_OPEN;
	assert_int_equal(ask(&q), VERDICT_AGREED);
	assert_int_equal(answer.items[1].verdict, VERDICT_DISAGREED);
}

static void without_an_answer_nothing_is_known(void **state)
{
	struct verdict_question q = question(2);

	(void)state;
	small.broken = true;
	assert_int_equal(ask(&q), VERDICT_UNKNOWN);
	assert_int_equal(answer.items[1].verdict, VERDICT_UNKNOWN);
}

/* ---- whether it pays ---------------------------------------------------- */

/* The penalty is 10^18 units, worth this; the bounty a tenth of it. */
static enum verdict pays(uint64_t worth_wei, size_t count)
{
	struct verdict_question q = question(count);

	q.profit = true;
	q.stake_worth_wei = worth_wei;
	node.penalty = 1000000000000000000u;
	node.bounty_max = UINT64_MAX;
	return ask(&q);
}

static void a_bounty_has_to_cover_its_gas(void **state)
{
	(void)state;
	/* Alone it costs (10 + 40) × 2. */
	assert_int_equal(pays(1000, 1), VERDICT_AGREED);
	assert_int_equal(pays(999, 1), VERDICT_UNPROFITABLE);
}

static void together_they_have_to_cover_the_transaction(void **state)
{
	(void)state;
	/* Each costs 80, the transaction 20 more: 90 twice is enough. */
	assert_int_equal(pays(900, 1), VERDICT_UNPROFITABLE);
	assert_int_equal(pays(900, 2), VERDICT_AGREED);
	assert_int_equal(pays(799, 4), VERDICT_UNPROFITABLE);
}

static void a_bounty_ends_at_its_maximum(void **state)
{
	struct verdict_question q = question(1);

	(void)state;
	q.profit = true;
	q.stake_worth_wei = 1000000000000000000u;  /* a unit is a wei */
	assert_int_equal(ask(&q), VERDICT_AGREED); /* 100 */
	node.bounty_max = 99;
	assert_int_equal(ask(&q), VERDICT_UNPROFITABLE);
}

static void an_unknown_bounty_is_asked_about_again(void **state)
{
	struct verdict_question q = question(1);

	(void)state;
	q.profit = true;
	node.no_settings = true;
	assert_int_equal(ask(&q), VERDICT_UNKNOWN);
}

/* ---- alone ------------------------------------------------------------ */

static void what_reverts_alone_is_impossible(void **state)
{
	struct verdict_question q = question(1);

	(void)state;
	q.alone = true;
	assert_int_equal(ask(&q), VERDICT_AGREED);
	node.reverts = true;
	assert_int_equal(ask(&q), VERDICT_IMPOSSIBLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_chain_says_too_is_agreed_on),
		TEST(what_the_chain_says_otherwise_is_not),
		TEST(a_deadline_at_the_blocks_time_has_not_passed),
		TEST(a_refund_wants_an_open_request),
		TEST(without_an_answer_nothing_is_known),
		TEST(a_bounty_has_to_cover_its_gas),
		TEST(together_they_have_to_cover_the_transaction),
		TEST(a_bounty_ends_at_its_maximum),
		TEST(an_unknown_bounty_is_asked_about_again),
		TEST(what_reverts_alone_is_impossible),
	};

	signal(SIGPIPE, SIG_IGN);
	log_open("verdict_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
