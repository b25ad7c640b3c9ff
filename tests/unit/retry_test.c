/* What task-publisher does about batches that reverted. Against a small node,
 * which simulates. */
#include "services/task-publisher/retry.h"
#include "tests/unit/small_node.h"

#include <signal.h>

#include "common/evm.h"
#include "common/log.h"

enum { WAIT_MS = 20000, ITEMS_MAX = 8, VALID_UNTIL = 1000 };

/* Why a contract leaves out a match, and why it refuses a batch. */
static const uint8_t not_open[] = {0x44, 0x25, 0xf6, 0x8e};
#define BRANCH_GONE "0x779a243d"

/* What the node says of a batch; its size is the gas that it is given. */
static struct {
	uint64_t works_with; /* matches at most; more run out of gas */
	uint64_t left_out;   /* place of a match, from 1; 0: none */
	bool refuses;	     /* with a reason */
} node;

static struct retry *retry;
static struct abi_assignment assignments[ITEMS_MAX];
static struct publish_decision decisions[ITEMS_MAX];
static char plans[512]; /* what is to be sent: "round/number:requests;" */

/* ---- the node ----------------------------------------------------------- */

static json_t *reasons_of(uint64_t count)
{
	struct buf out = {0};
	json_t *result;

	put_word(&out, 32);
	put_word(&out, count);
	for (uint64_t i = 1; i <= count; i++) {
		uint8_t word[32] = {0};

		if (i == node.left_out)
			memcpy(word, not_open, sizeof not_open);
		buf_put(&out, word, sizeof word);
	}
	result = evm_data(buf_bytes(&out));
	buf_free(&out);
	return result;
}

static json_t *answer_to(const json_t *request)
{
	json_t *id = json_object_get(request, "id");
	const json_t *call =
		json_array_get(json_object_get(request, "params"), 0);
	uint64_t count;

	assert_err(evm_u64_parse(&count, json_object_get(call, "gas")),
		   ERR_NONE);
	if (node.refuses)
		return json_pack("{s:O, s:{s:i, s:s, s:s}}", "id", id, "error",
				 "code", 3, "message", "execution reverted",
				 "data", BRANCH_GONE);
	if (count > node.works_with)
		return json_pack("{s:O, s:{s:i, s:s}}", "id", id, "error",
				 "code", -32000, "message", "out of gas");
	return json_pack("{s:O, s:o}", "id", id, "result", reasons_of(count));
}

/* ---- the publisher ------------------------------------------------------ */

static enum err encode(void *arg, const struct publish_batch *batch,
		       struct buf *call)
{
	(void)arg;
	buf_put_be64(call, batch->decision.batch);
	return ERR_NONE;
}

static uint64_t gas(void *arg, const struct publish_batch *batch)
{
	(void)arg;
	return batch->assignments_count;
}

static void plan(void *arg, const struct publish_batch *batch)
{
	size_t size = strlen(plans);

	(void)arg;
	size += (size_t)snprintf(plans + size, sizeof plans - size,
				 "%u/%llu:", batch->round,
				 (unsigned long long)batch->decision.batch);
	for (size_t i = 0; i < batch->assignments_count; i++)
		size += (size_t)snprintf(
			plans + size, sizeof plans - size, "%s%llu",
			i ? "," : "",
			(unsigned long long)batch->assignments[i]
				.request_id.limb[0]);
	snprintf(plans + size, sizeof plans - size, ";");
	assert_err(retry_note(retry, batch), ERR_NONE);
}

static int begin(void **state)
{
	struct retry_config tries = {
		.encode = encode, .gas = gas, .plan = plan};

	(void)state;
	node.works_with = ITEMS_MAX;
	node.left_out = 0;
	node.refuses = false;
	*plans = 0;
	for (uint64_t i = 0; i < ITEMS_MAX; i++) {
		assignments[i] =
			(struct abi_assignment){.request_id = {{101 + i}}};
		decisions[i] = (struct publish_decision){.number = 1 + i};
	}
	small_node_begin(answer_to);
	tries.rpc = rpc;
	assert_err(retry_new(&retry, &tries), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rpc_free(&rpc);
	retry_free(&retry);
	retry_free(&retry); /* twice is once */
	small_node_end();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static struct hash32 note(size_t count)
{
	struct publish_batch batch = {.decision.valid_until = VALID_UNTIL};
	struct hash32 id;

	publish_batch_make(&batch, assignments, decisions, count);
	assert_err(retry_note(retry, &batch), ERR_NONE);
	assert_err(retry_note(retry, &batch), ERR_NONE); /* twice is once */
	publish_batch_id(&id, &batch);
	return id;
}

static void stop_loop(void *arg)
{
	*(struct loop_timer **)arg = NULL;
	loop_stop(loop);
}

static void turn(unsigned ms)
{
	struct loop_timer *t = loop_timer(loop, ms, true, stop_loop, &t);

	loop_run(loop);
	loop_timer_cancel(loop, &t);
}

/* Let it turn until so much is to be sent. */
static void assert_plans(const char *wanted)
{
	for (int i = 0; i < WAIT_MS / 5 && strlen(plans) < strlen(wanted); i++)
		turn(5);
	assert_string_equal(plans, wanted);
}

/* Until the node was asked so often, and its answer was dealt with. */
static void until_asked(unsigned calls)
{
	for (int i = 0; i < WAIT_MS / 5 && small.calls < calls; i++)
		turn(5);
	turn(100);
	assert_int_equal(small.calls, calls);
}

/* ---- what becomes of it ------------------------------------------------- */

static void nothing_is_simulated_before_it_reverts(void **state)
{
	(void)state;
	note(3);
	retry_block(retry, (struct unix_s){1});
	turn(50);
	assert_int_equal(small.calls, 0);
}

static void what_would_work_now_is_sent_again_as_another_intent(void **state)
{
	struct hash32 id = note(3), other = {{1}};

	(void)state;
	retry_reverted(retry, &other); /* not one of ours */
	retry_reverted(retry, &id);
	retry_reverted(retry, &id); /* told twice */
	assert_plans("1/3:101,102,103;");
	assert_int_equal(small.calls, 1);
}

static void what_would_be_left_out_is_dropped_the_rest_goes_on(void **state)
{
	struct hash32 id = note(3);

	(void)state;
	node.left_out = 2;
	retry_reverted(retry, &id);
	assert_plans("1/3:101,103;");
}

/* Its number is of the newest match that is left. */
static void a_batch_without_its_last_has_another_number(void **state)
{
	struct hash32 id = note(3);

	(void)state;
	node.left_out = 3;
	retry_reverted(retry, &id);
	assert_plans("1/2:101,102;");
}

static void what_runs_out_of_gas_is_cut_until_it_works(void **state)
{
	struct hash32 id = note(5);

	(void)state;
	node.works_with = 2;
	retry_reverted(retry, &id);
	/* 2 and 3, then 1 and 2 of the 3. */
	for (int i = 0; i < WAIT_MS / 5 && strlen(plans) < 36; i++)
		turn(5);
	assert_non_null(strstr(plans, "2/2:101,102;"));
	assert_non_null(strstr(plans, "3/3:103;"));
	assert_non_null(strstr(plans, "3/5:104,105;"));
	assert_int_equal(strlen(plans), strlen("2/2:101,102;3/3:103;"
					       "3/5:104,105;"));
}

static void what_cant_be_cut_any_more_is_dropped(void **state)
{
	struct hash32 id = note(2);

	(void)state;
	node.works_with = 0;
	retry_reverted(retry, &id);
	until_asked(3); /* the whole, and each of the two */
	assert_string_equal(plans, "");
	retry_block(retry, (struct unix_s){2});
	turn(50);
	assert_int_equal(small.calls, 3);
}

static void a_reason_about_the_whole_ends_it(void **state)
{
	struct hash32 id = note(4);

	(void)state;
	node.refuses = true;
	retry_reverted(retry, &id);
	until_asked(1);
	retry_block(retry, (struct unix_s){2});
	turn(50);
	assert_int_equal(small.calls, 1);
	assert_string_equal(plans, "");
}

static void without_an_answer_it_is_asked_again(void **state)
{
	struct hash32 id = note(2);

	(void)state;
	small.broken = true;
	retry_reverted(retry, &id);
	until_asked(1);
	small.broken = false;
	retry_block(retry, (struct unix_s){2});
	assert_plans("1/2:101,102;");
}

static void what_it_is_too_late_for_is_forgotten(void **state)
{
	struct hash32 id = note(2);

	(void)state;
	retry_block(retry, (struct unix_s){VALID_UNTIL});
	retry_reverted(retry, &id);
	turn(50);
	assert_int_equal(small.calls, 0);
}

static void what_reverts_once_more_is_cut_once_more(void **state)
{
	struct publish_batch again = {.decision.valid_until = VALID_UNTIL,
				      .round = 1};
	struct hash32 id = note(2);

	(void)state;
	retry_reverted(retry, &id);
	assert_plans("1/2:101,102;");
	publish_batch_make(&again, assignments, decisions, 2);
	publish_batch_id(&id, &again);
	node.works_with = 1;
	retry_reverted(retry, &id);
	for (int i = 0; i < WAIT_MS / 5 && strlen(plans) < 28; i++)
		turn(5);
	assert_non_null(strstr(plans, "3/1:101;"));
	assert_non_null(strstr(plans, "3/2:102;"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_simulated_before_it_reverts),
		TEST(what_would_work_now_is_sent_again_as_another_intent),
		TEST(what_would_be_left_out_is_dropped_the_rest_goes_on),
		TEST(a_batch_without_its_last_has_another_number),
		TEST(what_runs_out_of_gas_is_cut_until_it_works),
		TEST(what_cant_be_cut_any_more_is_dropped),
		TEST(a_reason_about_the_whole_ends_it),
		TEST(without_an_answer_it_is_asked_again),
		TEST(what_it_is_too_late_for_is_forgotten),
		TEST(what_reverts_once_more_is_cut_once_more),
	};

	signal(SIGPIPE, SIG_IGN);
	log_open("retry_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
