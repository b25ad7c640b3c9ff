/* From logs to the chain log: events by contract, what can't be read, marks. */
#include <nettle/sha2.h>

#include "abi_market.h"
#include "common/keccak.h"
#include "services/chain-indexer/index.h"
#include "tests/golden/golden.h"
#include "tests/unit/said.h"

#define GOLDEN "tests/golden/abi.txt"

enum { DEPTH = 16, START = 100, MARKETPLACE = 0xc1, REGISTRY, KEYS };

static struct said said;
static struct index *ix;
static enum err why; /* of the newest log that couldn't be read */
static unsigned complaints;

static void on_unreadable(void *arg, const struct evm_log *log, enum err e)
{
	(void)log;
	assert_ptr_equal(arg, &said);
	complaints++;
	why = e;
}

static const struct msg_chain_opened *wanted(void)
{
	static struct msg_chain_opened m;

	m = (struct msg_chain_opened){.chain_id = 31337,
				      .genesis = hash_of(9),
				      .start_block = START,
				      .marketplace = address_of(MARKETPLACE),
				      .registry = address_of(REGISTRY),
				      .keys = address_of(KEYS)};
	return &m;
}

static int begin(void **state)
{
	struct index_config config = {.start_block = START,
				      .depth = DEPTH,
				      .unreadable = on_unreadable,
				      .arg = &said};

	(void)state;
	said_begin(&said);
	complaints = 0;
	assert_err(index_new(&ix, &config), ERR_NONE);
	assert_err(index_open(ix, &said.sink, wanted()), ERR_NONE);
	assert_said(&said, &msg_chain_opened_wire, wanted());
	return 0;
}

static int end(void **state)
{
	(void)state;
	index_free(&ix);
	said_end(&said);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* ---- logs --------------------------------------------------------------- */

/* One log of abi.txt. */
struct golden_log {
	struct evm_log log;
	struct buf topics, data;
};

/* The id in topic or word @at, so that it fits into 64 bits: 0x01…01 to 1. */
static void shrink(uint8_t *at)
{
	memset(at, 0, 31);
}

static struct golden_log golden(const char *event, uint8_t contract)
{
	struct golden_log g = {.log = {.log = {.address = address_of(contract)},
				       .block = 200,
				       .tx = hash_of(0x77),
				       .index = 5}};

	g.data = golden_column(GOLDEN, "event", event, 0);
	g.topics = golden_column(GOLDEN, "event", event, 1);
	g.log.log.topics_count = (unsigned)(g.topics.size / 32);
	memcpy(g.log.log.topics, g.topics.data, g.topics.size);
	g.log.log.data = buf_bytes(&g.data);
	return g;
}

static void drop(struct golden_log *g)
{
	buf_free(&g->data);
	buf_free(&g->topics);
}

/* Block 200 with these logs. */
static enum err say(const struct evm_log *logs, size_t count)
{
	struct evm_header h = {.block = block_of(200, 0),
			       .parent = hash_of(8),
			       .base_fee = u256_from_u64(7),
			       .gas_limit = 30000000};

	return index_block(ix, &said.sink, &h, logs, count);
}

static void assert_mark(uint32_t events)
{
	SAID(&said, block_mark,
	     {.block = block_of(200, 0),
	      .parent = hash_of(8),
	      .base_fee = units(7),
	      .gas_limit = 30000000,
	      .events = events});
	assert_said_nothing(&said);
}

/* ---- events ------------------------------------------------------------- */

/* Every event, its contract (0: marketplace and registry both emit it), which
 * topics and words at the end of the data are ids, and its message. */
static const struct {
	const char *event;
	uint8_t contract;
	unsigned topics, words;
	uint16_t number;
} events[] = {
	{"MarketCreated", MARKETPLACE, 1, 0, MSG_MARKET_CREATED},
	{"MarketOwnerSet", MARKETPLACE, 1, 0, MSG_MARKET_OWNER_SET},
	{"MarketClosed", MARKETPLACE, 1, 0, MSG_MARKET_CLOSED},
	{"MarketImageSet", MARKETPLACE, 1, 0, MSG_MARKET_IMAGE_SET},
	{"RequestCreated", MARKETPLACE, 2, 0, MSG_REQUEST_CREATED},
	{"RequestCancelled", MARKETPLACE, 1, 0, MSG_REQUEST_CANCELLED},
	{"RequestRejected", MARKETPLACE, 1, 0, MSG_REQUEST_REJECTED},
	{"CancelSkipped", MARKETPLACE, 1, 0, MSG_CANCEL_SKIPPED},
	{"TaskCreated", MARKETPLACE, 3, 0, MSG_TASK_CREATED},
	{"AssignmentSkipped", MARKETPLACE, 1, 0, MSG_ASSIGNMENT_SKIPPED},
	{"MatchRootPublished", MARKETPLACE, 1, 2, MSG_MATCH_ROOT_PUBLISHED},
	{"ProofSubmitted", MARKETPLACE, 1, 0, MSG_PROOF_SUBMITTED},
	{"ProofSkipped", MARKETPLACE, 1, 0, MSG_PROOF_SKIPPED},
	{"InputsInvalidated", MARKETPLACE, 1, 0, MSG_INPUTS_INVALIDATED},
	{"TaskSlashed", MARKETPLACE, 1, 0, MSG_TASK_SLASHED},
	{"PenaltyPaid", MARKETPLACE, 1, 0, MSG_PENALTY_PAID},
	{"PenaltyVetoed", MARKETPLACE, 1, 0, MSG_PENALTY_VETOED},
	{"SlashSkipped", MARKETPLACE, 1, 0, MSG_SLASH_SKIPPED},
	{"NonceUsed", MARKETPLACE, 0, 0, MSG_NONCE_USED},
	{"SettingSet", 0, 0, 0, MSG_SETTING_SET},
	{"Withdrawn", 0, 0, 0, MSG_WITHDRAWN},
	{"GeneratorRegistered", REGISTRY, 0, 0, MSG_GENERATOR_REGISTERED},
	{"GeneratorDeregistered", REGISTRY, 0, 0, MSG_GENERATOR_DEREGISTERED},
	{"RewardAddressSet", REGISTRY, 0, 0, MSG_REWARD_ADDRESS_SET},
	{"StakeChanged", REGISTRY, 0, 0, MSG_STAKE_CHANGED},
	{"ComputeChanged", REGISTRY, 0, 0, MSG_COMPUTE_CHANGED},
	{"QuoteSet", REGISTRY, 2, 0, MSG_CHAIN_QUOTE_SET},
	{"QuoteRemoved", REGISTRY, 2, 0, MSG_CHAIN_QUOTE_REMOVED},
	{"EngineKeySet", KEYS, 0, 0, MSG_ENGINE_KEY_SET},
	{"KeyRegistered", KEYS, 2, 0, MSG_KEY_REGISTERED},
	{"KeyRemoved", KEYS, 2, 0, MSG_KEY_REMOVED},
	{"KeyRevoked", KEYS, 0, 0, MSG_KEY_REVOKED},
	{"ImageRevoked", KEYS, 0, 0, MSG_IMAGE_REVOKED},
};

enum { EVENTS = sizeof events / sizeof events[0] };

/* The topics of TaskCreated are id, address, id; of QuoteSet address, id; an
 * address doesn't mind. */
static struct golden_log event_log(size_t i, uint8_t contract)
{
	struct golden_log g = golden(events[i].event, contract);

	for (unsigned t = 1; t <= events[i].topics; t++)
		if (g.log.log.topics[t].bytes[0])
			shrink(g.log.log.topics[t].bytes);
	for (unsigned w = 1; w <= events[i].words; w++)
		shrink(g.data.data + g.data.size - 32ul * w);
	return g;
}

static void every_event_of_its_contract_is_its_message(void **state)
{
	(void)state;
	assert_int_equal(golden_rows(GOLDEN, "event"), EVENTS);
	for (size_t i = 0; i < EVENTS; i++)
		for (uint8_t c = MARKETPLACE; c <= KEYS; c++) {
			struct golden_log g = event_log(i, c);
			bool its = events[i].contract ? c == events[i].contract
						      : c != KEYS;
			uint16_t number = 0;

			assert_err(say(&g.log, 1), ERR_NONE);
			said_next(&said, &number);
			if (number !=
			    (its ? events[i].number : MSG_EVENT_UNREADABLE))
				fail_msg("%s of contract %#x: message %#x",
					 events[i].event, c, number);
			assert_mark(1);
			drop(&g);
		}
	assert_int_equal(index_events(ix) + index_unreadable(ix), 3 * EVENTS);
	assert_int_equal(complaints, index_unreadable(ix));
}

static struct amount repeated(uint8_t k, unsigned bytes)
{
	uint8_t be[32] = {0};

	memset(be + 32 - bytes, k, bytes);
	return (struct amount){u256_from_be32(be)};
}

static void an_event_keeps_every_value(void **state)
{
	struct golden_log g = event_log(8, MARKETPLACE); /* TaskCreated */
	uint8_t acl[40];

	(void)state;
	memset(acl, 8, sizeof acl);
	assert_err(say(&g.log, 1), ERR_NONE);
	SAID(&said, task_created,
	     {.at = {200, 5},
	      .time = block_of(200, 0).time,
	      .tx = hash_of(0x77),
	      .request_id = 1,
	      .generator = address_of(2),
	      .market_id = 3,
	      .price = repeated(4, 16),
	      .compute = 0x0505050505050505,
	      .pool = 0x0606,
	      .deadline = {0x0707070707070707},
	      .acl = {acl, 40}});
	assert_mark(1);
	drop(&g);
}

static void who_emitted_it_is_kept_where_two_may(void **state)
{
	struct golden_log g = golden("Withdrawn", REGISTRY);

	(void)state;
	assert_err(say(&g.log, 1), ERR_NONE);
	SAID(&said, withdrawn,
	     {.at = {200, 5},
	      .time = block_of(200, 0).time,
	      .tx = hash_of(0x77),
	      .contract = address_of(REGISTRY),
	      .account = address_of(1),
	      .amount = repeated(2, 32)});
	drop(&g);
}

/* ---- what can't be read ------------------------------------------------- */

static void assert_unreadable(const struct golden_log *g, enum err reason)
{
	struct msg_event_unreadable want = {.at = {200, 5},
					    .time = block_of(200, 0).time,
					    .tx = hash_of(0x77),
					    .contract = g->log.log.address};
	uint64_t before = index_unreadable(ix),
		 events_before = index_events(ix);
	struct sha256_ctx sha;

	sha256_init(&sha);
	for (unsigned i = 0; i < g->log.log.topics_count; i++)
		sha256_update(&sha, 32, g->log.log.topics[i].bytes);
	sha256_update(&sha, g->log.log.data.size, g->log.log.data.data);
	sha256_digest(&sha, 32, want.digest.bytes);
	if (g->log.log.topics_count)
		want.topic = g->log.log.topics[0];
	why = ERR_NONE;
	assert_err(say(&g->log, 1), ERR_NONE);
	assert_said(&said, &msg_event_unreadable_wire, &want);
	assert_mark(1);
	assert_err(why, reason);
	assert_int_equal(index_unreadable(ix), before + 1);
	assert_int_equal(index_events(ix), events_before);
}

static void what_cannot_be_read_is_said_so(void **state)
{
	struct golden_log g;

	(void)state;
	g = golden("TaskCreated", MARKETPLACE); /* ids beyond 64 bits */
	assert_unreadable(&g, ERR_RANGE);
	drop(&g);
	g = event_log(8, MARKETPLACE);
	g.log.log.data.size -= 32;
	assert_unreadable(&g, ERR_MALFORMED);
	g.log.log.data.size = 0;
	assert_unreadable(&g, ERR_MALFORMED);
	g.log.log.topics_count = 3;
	assert_unreadable(&g, ERR_MALFORMED);
	g.log.log.topics[0] = hash_of(1); /* no event of ours */
	assert_unreadable(&g, ERR_UNKNOWN_TYPE);
	g.log.log.topics_count = 0;
	assert_unreadable(&g, ERR_UNKNOWN_TYPE);
	drop(&g);
	g = event_log(28, 0x99); /* EngineKeySet of a stranger */
	assert_unreadable(&g, ERR_UNKNOWN_TYPE);
	drop(&g);
	g = event_log(8, MARKETPLACE); /* too large for the log */
	said.body_max = 145;
	assert_unreadable(&g, ERR_RANGE);
	said.body_max = 0;
	drop(&g);
}

static void what_cannot_be_read_leaves_the_rest_alone(void **state)
{
	struct golden_log a = event_log(8, MARKETPLACE),
			  b = golden("TaskCreated", MARKETPLACE),
			  c = event_log(26, REGISTRY);
	struct evm_log logs[] = {a.log, b.log, c.log};
	uint16_t number;

	(void)state;
	assert_err(say(logs, 3), ERR_NONE);
	said_next(&said, &number);
	assert_int_equal(number, MSG_TASK_CREATED);
	said_next(&said, &number);
	assert_int_equal(number, MSG_EVENT_UNREADABLE);
	said_next(&said, &number);
	assert_int_equal(number, MSG_CHAIN_QUOTE_SET);
	assert_mark(3);
	drop(&a);
	drop(&b);
	drop(&c);
}

static void housekeeping_is_left_out_and_not_counted(void **state)
{
	static const char *const names[] = {
		"Initialized(uint64)",
		"Upgraded(address)",
		"Paused(address)",
		"Unpaused(address)",
		"RoleGranted(bytes32,address,address)",
		"RoleRevoked(bytes32,address,address)",
		"RoleAdminChanged(bytes32,bytes32,bytes32)",
		"EIP712DomainChanged()"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct golden_log g = golden("MarketClosed", REGISTRY);

		keccak256(&g.log.log.topics[0], names[i], strlen(names[i]));
		assert_err(say(&g.log, 1), ERR_NONE);
		assert_mark(0);
		drop(&g);
	}
	assert_int_equal(index_events(ix) + index_unreadable(ix), 0);
}

static void what_the_sink_returns_is_returned(void **state)
{
	struct golden_log g = event_log(8, MARKETPLACE);

	(void)state;
	said.fails = ERR_FENCED;
	assert_err(say(&g.log, 1), ERR_FENCED);
	assert_err(say(NULL, 0), ERR_FENCED);
	drop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_event_of_its_contract_is_its_message),
		TEST(an_event_keeps_every_value),
		TEST(who_emitted_it_is_kept_where_two_may),
		TEST(what_cannot_be_read_is_said_so),
		TEST(what_cannot_be_read_leaves_the_rest_alone),
		TEST(housekeeping_is_left_out_and_not_counted),
		TEST(what_the_sink_returns_is_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
