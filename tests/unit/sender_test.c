/* What a sender promises: journal, log, node, in that order; after a restart
 * the same bytes; nothing before the chain was asked. Against a small node, a
 * real Redis and real files. */
#include "tests/unit/sender_chain.h"

#include "common/journal.h"
#include "common/log.h"
#include "common/sender.h"

enum { WAIT_MS = 20000, DEPTH = 8 };

/* ---- the sender --------------------------------------------------------- */

static const struct service quiet = {.name = "listener"};
static const struct service writing = {
	.name = "task-publisher", .market = true, .writes = "task"};

static struct redis redis;
static struct frame frame;
static struct http *http;
static struct rpc *rpc;
static struct sender *sender;
static struct secret_key *key;
static unsigned readies, mines, failures, holds;
static enum outbox_outsiders outsiders;
static uint64_t adopt_nonce;
static unsigned said, bump_after;
static uint64_t block;

static void on_ready(void *arg)
{
	(void)arg;
	readies++;
}

static void on_mined(void *arg, const struct hash32 *id, enum outbox_fate fate)
{
	(void)arg;
	(void)id;
	mines++;
	failures += fate == OUTBOX_REVERTED;
}

static void on_held(void *arg)
{
	(void)arg;
	holds++;
}

static enum err on_said(void *arg, uint16_t number, struct bytes body)
{
	(void)arg;
	(void)body;
	said += number == MSG_DEADLINE_NEAR;
	return ERR_NONE;
}

static enum err open_sender(void)
{
	struct sender_config config = {.frame = &frame,
				       .rpc = rpc,
				       .chain_id = 31337,
				       .key = key,
				       .tip_wei = 1,
				       .fee_cap_wei = 1000,
				       .final_depth = DEPTH,
				       .bump_after = bump_after,
				       .min_balance_wei = 100,
				       .outsiders = outsiders,
				       .adopt_nonce = adopt_nonce,
				       .ready = on_ready,
				       .mined = on_mined,
				       .held = on_held,
				       .said = on_said};

	readies = mines = failures = holds = said = 0;
	return sender_new(&sender, &config);
}

static void make_rpc(void)
{
	char urls[128];
	struct rpc_config config = {.loop = frame.loop,
				    .http = http,
				    .urls = urls,
				    .timeout_ms = 5000};

	snprintf(urls, sizeof urls, "http://127.0.0.1:%d,http://127.0.0.1:%d",
		 nodes[0].port, nodes[1].port);
	assert_err(rpc_new(&rpc, &config), ERR_NONE);
}

/* The process ends and another one begins. */
static void close_sender(void)
{
	rpc_free(&rpc);
	sender_free(&sender);
	sender_free(&sender); /* twice is once */
	loop_timer_cancel(frame.loop, &frame.beats);
	loop_timer_cancel(frame.loop, &frame.retry);
	writer_free(&frame.writer);
	make_rpc();
}

static void restart(void)
{
	close_sender();
	assert_err(open_sender(), ERR_NONE);
}

static void begin_with(const struct service *service)
{
	static const uint8_t secret[SECRET_SIZE] = {[31] = 1};

	assert_err(secret_key_new(&key, secret), ERR_NONE);
	chain.count = 0;
	chain.nonce = 0;
	chain.balance = 1000;
	outsiders = OUTBOX_YIELD;
	adopt_nonce = 0;
	bump_after = 0;
	chain.broken = chain.early = false;
	chain.refusal = NULL;
	block = 0;
	frame = (struct frame){.service = service,
			       .options = {.instance = "a"},
			       .epoch = 0,
			       .token = 7};
	redis_start(&redis);
	frame.options.state_dir = redis.folder;
	{
		char folder[FRAME_PATH_ROOM], command[FRAME_PATH_ROOM + 16];

		snprintf(command, sizeof command, "mkdir %s",
			 frame_folder(&frame, folder));
		assert_int_equal(system(command), 0);
	}
	if (service->writes) {
		assert_err(
			store_open(&frame.store, redis.url, "test", NULL, 2000),
			ERR_NONE);
		assert_err(
			store_open(&chain.store, redis.url, "test", NULL, 2000),
			ERR_NONE);
		assert_err(store_lease_take(redis.store, service->name, "a", 7,
					    60000),
			   ERR_NONE);
		frame.epoch = redis.epoch;
	}
	for (int i = 0; i < NODES; i++)
		server_start(&nodes[i], answer, &nodes[i]);
	assert_err(loop_new(&frame.loop), ERR_NONE);
	assert_err(http_new(&http, frame.loop), ERR_NONE);
	make_rpc();
}

static int begin_quiet(void **state)
{
	(void)state;
	begin_with(&quiet);
	return 0;
}

static int begin_writing(void **state)
{
	(void)state;
	begin_with(&writing);
	return 0;
}

static int end(void **state)
{
	(void)state;
	close_sender();
	rpc_free(&rpc);
	http_free(&http);
	loop_free(&frame.loop);
	for (int i = 0; i < NODES; i++)
		server_stop(&nodes[i]);
	store_close(&frame.store);
	store_close(&chain.store);
	redis_stop(&redis);
	secret_key_free(&key);
	return 0;
}

#define QUIET(f)   cmocka_unit_test_setup_teardown(f, begin_quiet, end)
#define WRITING(f) cmocka_unit_test_setup_teardown(f, begin_writing, end)

/* ---- helpers ------------------------------------------------------------ */

static void stop_loop(void *arg)
{
	*(struct loop_timer **)arg = NULL;
	loop_stop(frame.loop);
}

static void run(unsigned ms)
{
	struct loop_timer *t = NULL;

	t = loop_timer(frame.loop, ms, true, stop_loop, &t);
	loop_run(frame.loop);
	loop_timer_cancel(frame.loop, &t);
}

/* Let it turn until @condition. */
#define UNTIL(condition)                                                       \
	do {                                                                   \
		for (int i_ = 0; i_ < WAIT_MS / 5 && !(condition); i_++)       \
			run(5);                                                \
		assert_true(condition);                                        \
	} while (0)

static void new_block(void)
{
	struct block_ref b = {block + 1, block_hash(block + 1), {block + 1}};
	struct u256 fee = u256_from_u64(7);

	block++;
	sender_on_block(sender, &b, &fee);
}

static struct outbox_intent intent_of(uint64_t id)
{
	struct outbox_intent i = {.gas_limit = 21000};

	memcpy(i.id.bytes, &id, sizeof id);
	return i;
}

static void plan(uint64_t id)
{
	struct outbox_intent i = intent_of(id);

	assert_err(sender_plan(sender, &i), ERR_NONE);
	sender_flush(sender);
}

static enum outbox_fate fate(uint64_t id)
{
	struct outbox_intent i = intent_of(id);

	return sender_fate(sender, &i.id);
}

static void begin_ready(void)
{
	assert_err(open_sender(), ERR_NONE);
	UNTIL(sender_is_ready(sender));
	new_block();
}

/* Both nodes have it. */
static void begin_with_one_sent(void)
{
	begin_ready();
	plan(1);
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
}

/* ---- beginning ---------------------------------------------------------- */

static void nothing_is_sent_before_the_chain_was_asked(void **state)
{
	(void)state;
	set_broken(true);
	set_nonce(5);
	assert_err(open_sender(), ERR_NONE);
	plan(1);
	UNTIL(nodes[0].requests + nodes[1].requests >= 2);
	assert_int_equal(readies, 0);
	assert_false(sender_is_ready(sender));
	assert_int_equal(fate(1), OUTBOX_PLANNED);
	set_broken(false);
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
	assert_int_equal(readies, 1);
	assert_int_equal(chain.txs[0].nonce, 5);
}

static void every_node_gets_it_once(void **state)
{
	(void)state;
	begin_ready();
	plan(1);
	plan(2);
	UNTIL(sent_times(1, 0) && sent_times(1, 1));
	assert_int_equal(sent_times(0, 0), 1);
	assert_int_equal(sent_times(0, 1), 1);
	assert_int_equal(fate(2), OUTBOX_SIGNED);
	assert_int_equal(sender_sizes(sender).in_flight, 2);
	assert_int_equal(readies, 1);
}

/* ---- mined -------------------------------------------------------------- */

static void what_is_mined_is_told_once(void **state)
{
	(void)state;
	begin_ready();
	plan(1);
	plan(2);
	UNTIL(sent_times(1, 0) && sent_times(1, 1));
	mine(0, 2, true);
	mine(1, 2, false);
	new_block();
	UNTIL(mines == 2);
	assert_int_equal(failures, 1);
	assert_int_equal(fate(1), OUTBOX_MINED);
	assert_int_equal(fate(2), OUTBOX_REVERTED);
	new_block();
	run(200); /* asked or not, it isn't told again */
	assert_int_equal(mines, 2);
}

static void a_receipt_of_another_branch_does_not_count(void **state)
{
	(void)state;
	begin_ready();
	new_block();
	plan(1);
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
	/* Our block 2 has another hash than the one that the receipt names. */
	{
		struct block_ref b = {3, {{0xcc}}, {3}};
		struct u256 fee = u256_from_u64(7);

		block = 3;
		sender_on_block(sender, &b, &fee);
	}
	mine(0, 3, true);
	run(300);
	assert_int_equal(mines, 0);
	sender_on_rollback(sender, 2);
	block = 2;
	new_block();
	UNTIL(mines == 1);
}

/* The node is ahead of us: its block may yet lose. */
static void a_receipt_of_a_block_to_come_waits_for_it(void **state)
{
	(void)state;
	begin_with_one_sent();
	mine(0, 3, true);
	new_block();
	run(300);
	assert_int_equal(mines, 0);
	new_block();
	UNTIL(mines == 1);
}

static void what_a_roll_back_took_out_is_sent_again(void **state)
{
	(void)state;
	begin_with_one_sent();
	mine(0, 2, true);
	new_block();
	UNTIL(mines == 1);
	mine(0, 0, false);
	sender_on_rollback(sender, 1);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
	UNTIL(sent_times(0, 0) == 2 && sent_times(0, 1) == 2);
	assert_int_equal(chain.count, 1); /* the same bytes */
}

static void a_number_that_was_used_by_another_is_given_up(void **state)
{
	(void)state;
	begin_with_one_sent();
	set_nonce(1);
	for (int i = 0; i < 500 && fate(1) != OUTBOX_UNKNOWN; i++) {
		new_block();
		run(120); /* so that receipts are asked for */
	}
	assert_int_equal(fate(1), OUTBOX_UNKNOWN);
	plan(1);
	UNTIL(sent_times(1, 0) > 0);
	assert_int_equal(chain.txs[1].nonce, 1);
	restart();
	UNTIL(sender_is_ready(sender));
	assert_int_equal(fate(1), OUTBOX_SIGNED);
}

static void what_a_node_refuses_is_tried_again(void **state)
{
	(void)state;
	bump_after = 2;
	begin_ready();
	chain.refusal = "txpool is full";
	plan(1);
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
	chain.refusal = NULL;
	new_block();
	new_block(); /* now it offers more */
	UNTIL(sent_times(1, 0) && sent_times(1, 1));
	assert_int_equal(chain.txs[1].nonce, chain.txs[0].nonce);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
}

static void what_is_underpriced_offers_more_at_the_next_block(void **state)
{
	(void)state;
	bump_after = 2;
	begin_ready();
	chain.refusal = "replacement transaction underpriced";
	plan(1);
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
	run(50); /* both answers */
	chain.refusal = NULL;
	new_block();
	UNTIL(sent_times(1, 0) && sent_times(1, 1));
	mine(0, 2, true); /* the first one, all the same */
	new_block();
	UNTIL(mines == 1);
	assert_int_equal(fate(1), OUTBOX_MINED);
	assert_int_equal(sender_sizes(sender).in_flight, 0);
}

static void set_balance(uint64_t wei)
{
	pthread_mutex_lock(&chain.lock);
	chain.balance = wei;
	pthread_mutex_unlock(&chain.lock);
}

static void a_poor_account_waits_until_it_is_funded(void **state)
{
	(void)state;
	set_balance(99);
	begin_ready();
	UNTIL(holds == 1);
	assert_true(*sender_held(sender));
	plan(1);
	new_block();
	run(300);
	assert_int_equal(chain.count, 0);
	set_balance(100);
	new_block();
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
	assert_int_equal(holds, 2);
	assert_string_equal(sender_held(sender), "");
}

static void an_outsider_stops_it_until_an_operator_has_looked(void **state)
{
	(void)state;
	outsiders = OUTBOX_STOP;
	begin_with_one_sent();
	set_nonce(2); /* ours, if it was, and another one */
	new_block();
	UNTIL(holds == 1);
	plan(2);
	run(100);
	assert_int_equal(chain.count, 1);
	restart();
	UNTIL(sender_is_ready(sender));
	UNTIL(holds == 1);
	plan(2);
	run(100);
	assert_int_equal(chain.count, 1);
	adopt_nonce = 2;
	restart();
	UNTIL(sender_is_ready(sender));
	assert_string_equal(sender_held(sender), "");
	plan(2);
	UNTIL(sent_times(1, 0) > 0);
	assert_int_equal(chain.txs[1].nonce, 2);
}

/* ---- again -------------------------------------------------------------- */

static void a_restart_sends_the_same_bytes_again(void **state)
{
	(void)state;
	bump_after = 2;
	begin_ready();
	plan(1);
	plan(2);
	UNTIL(sent_times(1, 0) && sent_times(1, 1));
	mine(0, 2, true); /* while nobody looks */
	restart();
	assert_int_equal(readies, 0);
	UNTIL(sent_times(1, 0) == 2 && sent_times(1, 1) == 2);
	assert_int_equal(sent_times(0, 0), 1);
	assert_int_equal(mines, 1);
	assert_int_equal(fate(1), OUTBOX_MINED);
	plan(3);
	UNTIL(sent_times(2, 0) > 0);
	assert_int_equal(chain.txs[2].nonce, 2);
	assert_int_equal(chain.count, 3);
}

/* No block was known that it could be held against; the chain log never had the
 * receipt's, so no roll-back tells of it. */
static void what_was_believed_at_the_start_is_asked_again(void **state)
{
	(void)state;
	begin_ready();
	plan(1);
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
	mine(0, 2, true);
	restart();
	UNTIL(mines == 1);
	mine(0, 0, false);
	set_nonce(0);
	new_block();
	UNTIL(fate(1) == OUTBOX_SIGNED);
	new_block();
	UNTIL(sent_times(0, 0) == 2);
}

static void another_accounts_journal_is_refused(void **state)
{
	static const uint8_t secret[SECRET_SIZE] = {[31] = 2};

	(void)state;
	begin_ready();
	plan(1);
	close_sender();
	secret_key_free(&key);
	assert_err(secret_key_new(&key, secret), ERR_NONE);
	assert_err(open_sender(), ERR_CONFLICT);
	assert_null(sender);
}

/* ---- the log ------------------------------------------------------------ */

static uint64_t logged(void)
{
	uint64_t last;

	assert_err(store_last(redis.store, "task", &last), ERR_NONE);
	return last;
}

static void it_is_in_the_log_before_a_node_has_it(void **state)
{
	(void)state;
	begin_ready();
	for (uint64_t id = 1; id <= 6; id++)
		plan(id);
	UNTIL(sent_times(5, 0) && sent_times(5, 1));
	assert_false(chain.early);
	assert_int_equal(logged(), 6);
	mine(0, 2, true);
	new_block();
	UNTIL(mines == 1);
	UNTIL(logged() == 7);
}

static void without_its_log_nothing_is_sent(void **state)
{
	(void)state;
	begin_ready();
	redis_kill(&redis);
	plan(1);
	run(50);
	assert_int_equal(sent_times(0, 0) + sent_times(0, 1), 0);
	assert_int_equal(fate(1), OUTBOX_SIGNED);
	assert_err(frame.fatal, ERR_NONE);
	redis_run(&redis);
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
	assert_int_equal(logged(), 1);
}

static void what_else_is_said_comes_back(void **state)
{
	struct msg_deadline_near m = {.request_id = 7};

	(void)state;
	begin_ready();
	assert_err(sender_say(sender, &msg_deadline_near_wire, &m), ERR_NONE);
	sender_flush(sender);
	plan(1);
	UNTIL(logged() == 2);
	assert_int_equal(said, 0);
	restart();
	assert_int_equal(said, 1);
}

static void remove_journal(void)
{
	char command[160];

	snprintf(command, sizeof command, "rm -f %s/task-publisher.a/journal*",
		 redis.folder);
	assert_int_equal(system(command), 0);
}

static void a_lost_disk_is_restored_from_the_log(void **state)
{
	(void)state;
	begin_ready();
	plan(1);
	plan(2);
	UNTIL(sent_times(1, 0) && sent_times(1, 1));
	close_sender();
	remove_journal();
	assert_err(open_sender(), ERR_NONE);
	UNTIL(sent_times(0, 0) == 2 && sent_times(1, 1) == 2);
	plan(3);
	UNTIL(sent_times(2, 0) > 0);
	assert_int_equal(chain.count, 3); /* nothing was signed anew */
	assert_int_equal(chain.txs[2].nonce, 2);
	assert_int_equal(logged(), 3);
}

static void a_log_that_lost_its_end_is_restored_from_the_journal(void **state)
{
	char command[256];

	(void)state;
	begin_ready();
	for (uint64_t id = 1; id <= 3; id++)
		plan(id);
	UNTIL(sent_times(2, 0) && sent_times(2, 1));
	close_sender();
	snprintf(command, sizeof command,
		 "cd %s && redis-cli -s redis.sock del "
		 "'kalypso:{test}:log:task' 'kalypso:{test}:cursor:"
		 "task-publisher' > del",
		 redis.folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(logged(), 0);
	assert_err(open_sender(), ERR_NONE);
	UNTIL(sent_times(0, 0) == 2 && sent_times(2, 1) == 2);
	assert_int_equal(logged(), 3);
	assert_int_equal(chain.count, 3);
	assert_false(chain.early);
}

static void a_log_of_another_journal_is_refused(void **state)
{
	char path[160];
	struct journal *j;

	(void)state;
	begin_ready();
	plan(1);
	plan(2);
	UNTIL(sent_times(1, 0) && sent_times(1, 1));
	close_sender();
	remove_journal();
	snprintf(path, sizeof path, "%s/task-publisher.a/journal.db",
		 redis.folder);
	assert_err(journal_open(&j, path), ERR_NONE);
	for (int i = 0; i < 2; i++)
		assert_err(journal_put(j, 0x0999, (struct bytes){NULL, 0}),
			   ERR_NONE);
	assert_err(journal_commit(j), ERR_NONE);
	journal_close(&j);
	assert_err(open_sender(), ERR_CONFLICT);
}

static void whoever_lost_the_lease_sends_nothing(void **state)
{
	(void)state;
	begin_ready();
	assert_err(store_lease_renew(redis.store, "task-publisher", "a", 7, 0),
		   ERR_NONE);
	assert_err(
		store_lease_take(redis.store, "task-publisher", "b", 8, 60000),
		ERR_NONE);
	plan(1);
	run(50);
	assert_err(frame.fatal, ERR_FENCED);
	assert_int_equal(chain.count, 0);
}

/* The store's lease goes from one instance to another. */
static void hand_lease(const char *from, uint64_t from_token, const char *to,
		       uint64_t to_token)
{
	assert_err(store_lease_renew(redis.store, "task-publisher", from,
				     from_token, 0),
		   ERR_NONE);
	assert_err(store_lease_take(redis.store, "task-publisher", to, to_token,
				    60000),
		   ERR_NONE);
}

/* What only its journal has was never sent, and its number is another's. */
static void what_the_log_did_not_take_any_more_is_forgotten(void **state)
{
	struct msg_tx_mined m = {.nonce = 5};
	struct buf body = {0};

	(void)state;
	begin_ready();
	hand_lease("a", 7, "b", 8);
	plan(1);
	run(50);
	assert_err(frame.fatal, ERR_FENCED);
	wire_encode(&msg_tx_mined_wire, &m, &body);
	redis_append(&redis, "task", 1, MSG_TX_MINED, buf_bytes(&body));
	buf_free(&body);
	hand_lease("b", 8, "a", 7);
	frame.fatal = ERR_NONE;
	restart();
	UNTIL(sender_is_ready(sender));
	assert_int_equal(fate(1), OUTBOX_UNKNOWN);
	assert_int_equal(chain.count, 0);
	new_block();
	plan(2);
	UNTIL(sent_times(0, 0) > 0);
	assert_int_equal(chain.txs[0].nonce, 0);
	assert_int_equal(logged(), 2);
	assert_err(frame.fatal, ERR_NONE);
}

/* Entries that the log let go of have nothing to be compared with. */
static void a_log_that_begins_later_is_joined_there(void **state)
{
	struct store_writer w = frame_writer(&frame);
	uint64_t first = 0;

	(void)state;
	begin_ready();
	for (uint64_t id = 1; id <= 3; id++)
		plan(id);
	UNTIL(sent_times(2, 0) > 0);
	w.epoch = frame.epoch;
	assert_err(store_trim(redis.store, &w, "task", 2, &first, NULL, NULL),
		   ERR_NONE);
	assert_int_equal(first, logged() - 1);
	restart();
	UNTIL(sender_is_ready(sender));
	plan(4);
	UNTIL(sent_times(3, 0) > 0);
	assert_int_equal(chain.txs[3].nonce, 3);
	assert_err(frame.fatal, ERR_NONE);
}

/* Another copy may have sent since: nobody is to be accused of it. */
static void whoever_lost_the_lease_tells_of_no_outsider(void **state)
{
	(void)state;
	outsiders = OUTBOX_STOP;
	begin_ready();
	plan(1);
	UNTIL(sent_times(0, 0) > 0);
	hand_lease("a", 7, "b", 8);
	set_nonce(5);
	for (int i = 0; i < 200 && !frame.fatal; i++) {
		new_block();
		run(20);
	}
	assert_err(frame.fatal, ERR_FENCED);
	assert_int_equal(holds, 0);
}

static void blocks_of_the_past_send_nothing_again(void **state)
{
	(void)state;
	begin_ready();
	plan(1);
	UNTIL(sent_times(0, 0) && sent_times(0, 1));
	for (uint64_t n = 1; n <= 10; n++) {
		struct block_ref b = {block + n, block_hash(block + n), {n}};

		sender_on_old_block(sender, &b);
	}
	run(100);
	assert_int_equal(sent_times(0, 0), 1);
	assert_int_equal(sent_times(0, 1), 1);
	block += 10;
	new_block();
	UNTIL(sent_times(0, 0) > 1 && sent_times(0, 1) > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUIET(nothing_is_sent_before_the_chain_was_asked),
		QUIET(every_node_gets_it_once),
		QUIET(blocks_of_the_past_send_nothing_again),
		QUIET(what_is_mined_is_told_once),
		QUIET(a_receipt_of_another_branch_does_not_count),
		QUIET(a_receipt_of_a_block_to_come_waits_for_it),
		QUIET(what_a_roll_back_took_out_is_sent_again),
		QUIET(a_number_that_was_used_by_another_is_given_up),
		QUIET(what_a_node_refuses_is_tried_again),
		QUIET(what_is_underpriced_offers_more_at_the_next_block),
		QUIET(a_poor_account_waits_until_it_is_funded),
		QUIET(an_outsider_stops_it_until_an_operator_has_looked),
		QUIET(a_restart_sends_the_same_bytes_again),
		QUIET(what_was_believed_at_the_start_is_asked_again),
		QUIET(another_accounts_journal_is_refused),
		WRITING(it_is_in_the_log_before_a_node_has_it),
		WRITING(without_its_log_nothing_is_sent),
		WRITING(what_else_is_said_comes_back),
		WRITING(a_lost_disk_is_restored_from_the_log),
		WRITING(a_log_that_lost_its_end_is_restored_from_the_journal),
		WRITING(a_log_of_another_journal_is_refused),
		WRITING(whoever_lost_the_lease_sends_nothing),
		WRITING(what_the_log_did_not_take_any_more_is_forgotten),
		WRITING(a_log_that_begins_later_is_joined_there),
		WRITING(whoever_lost_the_lease_tells_of_no_outsider),
	};

	signal(SIGPIPE, SIG_IGN);
	log_open("sender_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
