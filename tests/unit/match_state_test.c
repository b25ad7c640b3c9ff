/* Decision records and their root, roll-backs, snapshots, contradictions. */
#include <nettle/sha2.h>

#include "tests/unit/match_fixture.h"

static void begin_market(void)
{
	open_log();
	tell_market(market_of(1));
	supply(A, 40, 30);
	supply(B, 40, 30);
}

/* ---- the rule and the records ------------------------------------------- */

static void the_log_begins_with_the_rule(void **state)
{
	struct match_rule rule = {31, 99, 7, 255};

	end_match(state);
	begin_with(&rule);
	TELL(book_opened, {.chain_id = 1});
	SAID(&said, rule_set,
	     {.version = MATCH_RULE_VERSION,
	      .match_lifetime = 31,
	      .task_limit = 99,
	      .spread_members = 7,
	      .cooling_max = 255});
	assert_said_nothing(&said);
}

static void every_parameter_of_the_rule_counts(void **state)
{
	struct match_rule rule = {.lifetime_s = 5,
				  .task_limit = 3,
				  .spread_members = 1,
				  .cooling_max = 3};

	end_match(state);
	begin_with(&rule);
	begin_market();
	TELL(quote_removed, {.generator = address_of(B), .market_id = 1});
	for (uint64_t id = 1; id <= 4; id++)
		request(id);
	close_block();
	assert_pairs("1:a 2:a 3:a"); /* task_limit */
	refuse(1, A);
	close_at(1016); /* lifetime_s: all are void; 1 is cooling */
	assert_pairs("2:a 3:a 4:a");
	refuse(2, A);
	refuse(2, A);
	refuse(3, A);
	refuse(4, A);
	close_at(1017); /* block 3 */
	assert_pairs("");
	close_at(1018);
	assert_pairs("1:a");
	close_at(1019); /* block 5: after 1 refusal 2 blocks */
	assert_pairs("3:a 4:a");
	close_at(1030); /* block 6: after 2 refusals 3 blocks, not 4 */
	assert_pairs("1:a 2:a 3:a");
}

static void one_member_of_a_group_counts_if_the_rule_says_so(void **state)
{
	struct match_rule rule = MATCH_RULE_DEFAULT;

	end_match(state);
	rule.spread_members = 1;
	begin_with(&rule);
	begin_market();
	for (uint64_t id = 1; id <= 4; id++)
		request_of_group(id, 7);
	close_block();
	assert_pairs("1:a 2:b 3:b 4:b");
}

/* What match.h says of the record, written down by other means. */
static void root_by_hand(uint8_t root[32], const struct msg_match_made *m)
{
	uint8_t record[140] = {0}, *p = record;
	struct sha256_ctx sha;
	uint64_t numbers[] = {m->decision, m->block.number};

	for (unsigned i = 0; i < 2; i++)
		for (int shift = 56; shift >= 0; shift -= 8)
			*p++ = (uint8_t)(numbers[i] >> shift);
	memcpy(p, m->block.hash.bytes, 32);
	p += 32;
	for (int shift = 56; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(m->block.time.v >> shift);
	p += 24;
	for (int shift = 56; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(m->request_id >> shift);
	memcpy(p, m->generator.bytes, 20);
	p += 20;
	for (int limb = 1; limb >= 0; limb--)
		for (int shift = 56; shift >= 0; shift -= 8)
			*p++ = (uint8_t)(m->price.v.limb[limb] >> shift);
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(m->response_time >> shift);
	for (int shift = 56; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(m->valid_until.v >> shift);
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(m->rule >> shift);
	assert_int_equal(p - record, 140);
	sha256_init(&sha);
	sha256_update(&sha, 32, root);
	sha256_update(&sha, sizeof record, record);
	sha256_digest(&sha, 32, root);
}

static void the_root_is_sha256_over_the_documented_140_bytes(void **state)
{
	uint8_t root[32] = {0};
	uint64_t decisions = 0;

	(void)state;
	begin_market();
	for (uint64_t round = 0; round < 3; round++) {
		uint16_t number;
		struct msg_match_made m;
		struct msg_round_closed closed;
		struct bytes body;

		request(round * 2 + 1);
		request(round * 2 + 2);
		close_block();
		for (unsigned i = 0; i < 2; i++) {
			body = said_next(&said, &number);
			assert_int_equal(number, MSG_MATCH_MADE);
			assert_err(msg_match_made_decode(&m, body), ERR_NONE);
			assert_int_equal(m.decision, ++decisions);
			root_by_hand(root, &m);
			assert_memory_equal(m.root.bytes, root, 32);
		}
		body = said_next(&said, &number);
		assert_int_equal(number, MSG_ROUND_CLOSED);
		assert_err(msg_round_closed_decode(&closed, body), ERR_NONE);
		assert_int_equal(closed.decisions, decisions);
		assert_int_equal(closed.matches, 2);
		assert_memory_equal(closed.root.bytes, root, 32);
		assert_memory_equal(match_sizes(match).root.bytes, root, 32);
	}
}

static void every_field_of_the_record_is_in_the_root(void **state)
{
	struct msg_match_made m = {.request_id = UINT64_MAX - 1,
				   .generator = address_of(3),
				   .decision = UINT64_MAX - 2,
				   .block = {UINT64_MAX - 3, {{4}}, {5}},
				   .price = {{{6, UINT64_MAX, 0, 0}}},
				   .response_time = UINT32_MAX,
				   .valid_until = {UINT64_MAX},
				   .rule = 7};
	struct hash32 before = {{9}}, out;
	uint8_t root[32];

	(void)state;
	assert_err(match_root(&out, &before, &m), ERR_NONE);
	memcpy(root, before.bytes, 32);
	root_by_hand(root, &m);
	assert_memory_equal(out.bytes, root, 32);
	m.price.v.limb[2] = 1;
	assert_err(match_root(&out, &before, &m), ERR_RANGE);
}

static void a_round_without_matches_keeps_the_root(void **state)
{
	(void)state;
	begin_market();
	close_block();
	SAID(&said, round_closed, {.block = block_of(1, 0)});
	assert_said_nothing(&said);
}

static void marks_are_closed_blocks_and_roll_backs(void **state)
{
	(void)state;
	for (size_t i = 0; i < msg_all_count; i++) {
		uint16_t n = msg_all[i]->number;

		assert_int_equal(match_is_mark(n),
				 n == MSG_BLOCK_CLOSED ||
					 n == MSG_BOOK_ROLLED_BACK);
	}
}

/* ---- roll-backs --------------------------------------------------------- */

/* Blocks 1 to 3; with matches, tasks, refusals, groups. */
static void some_history(void)
{
	begin_market();
	request_of_group(1, 7);
	request_of_group(2, 7);
	request(3);
	request(4);
	close_block();
	start_task(1, A, 1);
	refuse(3, A);
	request_of_group(5, 7);
	close_block();
	end_task(1, A, 0);
	request(6);
	close_block();
}

/* A block that touches everything. */
static void more_of_it(void)
{
	struct msg_generator_set g = generator_of(C);

	tell_market(market_of(2));
	TELL(quote_removed, {.generator = address_of(A), .market_id = 1});
	TELL(generator_removed, {.generator = address_of(A)});
	g.compute = 1;
	tell_generator(g);
	tell_quote(quote_of(C, 39, 29));
	start_task(2, B, 1);
	cancel(4);
	refuse(6, B);
	request_of_group(7, 7);
	request(8);
	TELL(suspended, {.request_id = 5, .at = here()});
	close_block();
}

static void a_roll_back_restores_and_the_branch_goes_on(void **state)
{
	struct hash32 before, after;
	struct match_sizes was, is;

	(void)state;
	some_history();
	before = hash_now();
	was = match_sizes(match);
	more_of_it();
	after = hash_now();
	assert_other_hash(before, after);
	close_block();
	roll_back(3);
	SAID(&said, round_rolled_back,
	     {.to = block_of(3, 0),
	      .decisions = was.decisions,
	      .root = was.root});
	assert_said_nothing(&said);
	assert_same_hash(hash_now(), before);
	is = match_sizes(match);
	assert_memory_equal(&is, &was, sizeof is);
	more_of_it();
	assert_same_hash(hash_now(), after);
}

static void half_a_block_is_undone(void **state)
{
	struct hash32 before;

	(void)state;
	some_history();
	before = hash_now();
	start_task(2, B, 1);
	request(9);
	cancel(4);
	roll_back(3);
	assert_same_hash(hash_now(), before);
}

static void a_roll_back_may_go_before_the_first_block(void **state)
{
	struct match_sizes s;

	(void)state;
	some_history();
	roll_back(0);
	SAID(&said, round_rolled_back, {.to = block_of(0, 0)});
	s = match_sizes(match);
	assert_int_equal(s.quotes + s.waiting + s.matched + s.decisions, 0);
	tell_market(market_of(1));
	supply(A, 40, 30);
	request(1);
	close_block();
	assert_pairs("1:a");
	assert_int_equal(match_sizes(match).decisions, 1);
}

static void a_roll_back_deeper_than_remembered_is_refused(void **state)
{
	(void)state;
	some_history();
	for (unsigned i = 3; i < DEPTH + 4; i++)
		close_block();
	assert_err(ERR_OF(book_rolled_back, {.to = block_of(3, 0)}),
		   ERR_FINALITY);
	roll_back(4);
	assert_int_equal(match_sizes(match).block.number, 4);
}

/* ---- snapshots ---------------------------------------------------------- */

/* More of it, then another branch from block 2 on. */
static void go_on(void)
{
	more_of_it();
	roll_back(2);
	end_task(1, A, 0);
	request(6);
	more_of_it();
}

static void what_is_loaded_goes_on_as_the_original(void **state)
{
	struct match_rule rule = MATCH_RULE_DEFAULT;
	struct buf bytes = {0}, again = {0};
	struct match *original;
	struct hash32 h;

	(void)state;
	some_history();
	assert_err(match_save(match, &bytes), ERR_NONE);
	original = match;
	assert_err(match_new(&match, &rule, DEPTH), ERR_NONE);
	assert_err(match_load(match, buf_bytes(&bytes)), ERR_NONE);
	match_hash(original, &h);
	assert_same_hash(hash_now(), h);
	assert_err(match_save(match, &again), ERR_NONE);
	assert_memory_equal(bytes.data, again.data, bytes.size);
	assert_int_equal(bytes.size, again.size);
	go_on();
	h = hash_now();
	match_free(&match);
	match = original;
	block = 4;
	log_index = 0;
	go_on();
	assert_same_hash(hash_now(), h);
	buf_free(&bytes);
	buf_free(&again);
}

static void assert_refused(struct bytes state, const struct match_rule *rule)
{
	struct match *m;

	assert_err(match_new(&m, rule, DEPTH), ERR_NONE);
	assert_err(match_load(m, state), ERR_MALFORMED);
	match_free(&m);
}

static void a_torn_or_foreign_snapshot_is_refused(void **state)
{
	struct match_rule rule = MATCH_RULE_DEFAULT, other = rule;
	struct buf bytes = {0};

	(void)state;
	some_history();
	assert_err(match_save(match, &bytes), ERR_NONE);
	for (size_t size = 0; size < bytes.size; size += size < 256 ? 1 : 113)
		assert_refused((struct bytes){bytes.data, size}, &rule);
	other.lifetime_s++;
	assert_refused(buf_bytes(&bytes), &other);
	buf_put_u8(&bytes, 0);
	assert_refused(buf_bytes(&bytes), &rule);
	bytes.size--;
	bytes.data[3]++;
	assert_refused(buf_bytes(&bytes), &rule);
	buf_free(&bytes);
}

static void what_was_rolled_back_to_nothing_can_be_saved(void **state)
{
	struct match_rule rule = MATCH_RULE_DEFAULT;
	struct buf bytes = {0};
	uint64_t decisions;

	(void)state;
	some_history();
	decisions = match_sizes(match).decisions;
	roll_back(0);
	assert_err(match_save(match, &bytes), ERR_NONE);
	match_free(&match);
	assert_err(match_new(&match, &rule, DEPTH), ERR_NONE);
	assert_err(match_load(match, buf_bytes(&bytes)), ERR_NONE);
	some_history();
	assert_int_equal(match_sizes(match).decisions, decisions);
	buf_free(&bytes);
}

/* ---- a log that contradicts itself -------------------------------------- */

/* The match log says of whom, and why. */
static void assert_suspended(uint64_t request, uint8_t generator,
			     const char *reason)
{
	struct msg_match_suspended m = {.request_id = request,
					.reason = bytes_of(reason),
					.after = match_sizes(match).block};

	if (generator)
		m.generator = address_of(generator);
	assert_said(&said, &msg_match_suspended_wire, &m);
}

#define SUSPENDS(request, generator, reason, name, ...)                        \
	do {                                                                   \
		said_forget(&said);                                            \
		TELL(name, __VA_ARGS__);                                       \
		assert_suspended(request, generator, reason);                  \
	} while (0)

static void what_contradicts_itself_is_suspended(void **state)
{
	static const struct u256 huge = {{0, 0, 1, 0}};
	struct msg_generator_set g;
	struct msg_market_set k;

	(void)state;
	begin_market();
	request_of_group(1, 7);
	close_block();
	start_task(1, A, 1);
	close_block();
	SUSPENDS(0, C, "it quotes and had never come", quote_set,
		 {.generator = address_of(C), .market_id = 1});
	SUSPENDS(0, A, "it quotes in an unknown market", quote_set,
		 {.generator = address_of(A), .market_id = 9});
	SUSPENDS(0, C, "a quote was removed that it didn't have", quote_removed,
		 {.generator = address_of(C), .market_id = 1});
	SUSPENDS(0, 0xd1, "it was removed and had never come",
		 generator_removed, {.generator = address_of(0xd1)});
	SUSPENDS(0, B, "it was removed and has quotes or tasks",
		 generator_removed, {.generator = address_of(B)});
	SUSPENDS(1, 0, "it came twice", request_opened,
		 {.request_id = 1, .market_id = 1});
	SUSPENDS(2, 0, "it came to an unknown market", request_opened,
		 {.request_id = 2, .market_id = 9});
	SUSPENDS(3, 0, "its price cap has more than 128 bits", request_opened,
		 {.request_id = 3, .market_id = 1, .max_price = {huge}});
	SUSPENDS(9, 0, "it was closed and wasn't open", request_closed,
		 {.request_id = 9});
	SUSPENDS(9, 0, "it became a task and wasn't open", task_started,
		 {.request_id = 9, .market_id = 1, .generator = address_of(A)});
	SUSPENDS(1, 0, "it became a task twice", task_started,
		 {.request_id = 1, .market_id = 1, .generator = address_of(A)});
	SUSPENDS(0, A, "a task of it ended and it has no quote", task_ended,
		 {.request_id = 1, .market_id = 9, .generator = address_of(A)});
	request(4);
	SUSPENDS(4, 0, "a task of it ended and it had none", task_ended,
		 {.request_id = 4, .market_id = 1, .generator = address_of(A)});
	SUSPENDS(0, B, "a price has more than 128 bits", quote_set,
		 {.generator = address_of(B),
		  .market_id = 1,
		  .price = {huge},
		  .joined = here()});
	g = generator_of(B);
	g.stake.v = huge;
	said_forget(&said);
	assert_err(tell_to(match, &msg_generator_set_wire, &g), ERR_NONE);
	assert_suspended(0, B, "a stake has more than 128 bits");
	k = market_of(1);
	k.penalty.v = huge;
	said_forget(&said);
	assert_err(tell_to(match, &msg_market_set_wire, &k), ERR_NONE);
	SAID(&said, match_suspended,
	     {.market_id = 1,
	      .reason = bytes_of("its penalty has more than 128 bits"),
	      .after = match_sizes(match).block});
	assert_int_equal(match_sizes(match).suspended, 16);
}

/* Its row is still there for the match's sake, and goes with it. */
static void a_task_of_a_generator_that_left_contradicts(void **state)
{
	(void)state;
	begin_market();
	request(1);
	close_block();
	TELL(quote_removed, {.generator = address_of(A), .market_id = 1});
	TELL(generator_removed, {.generator = address_of(A)});
	SUSPENDS(0, A, "it has a task and no quote", task_started,
		 {.request_id = 1, .market_id = 1, .generator = address_of(A)});
	TELL(request_closed, {.request_id = 1});
	close_block();
	assert_int_equal(match_sizes(match).matched, 0);
}

static void who_is_suspended_gets_nothing_and_others_go_on(void **state)
{
	(void)state;
	tell_market(market_of(1));
	supply(A, 40, 30);
	supply(B, 41, 30);
	close_block();
	TELL(generator_removed, {.generator = address_of(A)});
	request(1);
	close_block();
	assert_pairs("1:b");
	/* A contradiction is undone with its block. */
	roll_back(1);
	assert_int_equal(match_sizes(match).suspended, 0);
	request(2);
	close_block();
	assert_pairs("2:a");
}

static void a_log_without_its_beginning_does_no_harm(void **state)
{
	(void)state;
	tell_market(market_of(1));
	supply(A, 40, 30);
	request(1);
	close_block();
	assert_pairs("1:a");
	roll_back(0);
	roll_back(0);
	open_log();
	open_log();
}

static void what_the_sink_returns_is_returned(void **state)
{
	(void)state;
	begin_market();
	request(1);
	said.fails = ERR_FENCED;
	assert_err(ERR_OF(block_closed, {.block = block_of(1, 0)}), ERR_FENCED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_begins_with_the_rule),
		TEST(every_parameter_of_the_rule_counts),
		TEST(one_member_of_a_group_counts_if_the_rule_says_so),
		TEST(the_root_is_sha256_over_the_documented_140_bytes),
		TEST(every_field_of_the_record_is_in_the_root),
		TEST(a_round_without_matches_keeps_the_root),
		TEST(marks_are_closed_blocks_and_roll_backs),
		TEST(a_roll_back_restores_and_the_branch_goes_on),
		TEST(half_a_block_is_undone),
		TEST(a_roll_back_may_go_before_the_first_block),
		TEST(a_roll_back_deeper_than_remembered_is_refused),
		TEST(what_is_loaded_goes_on_as_the_original),
		TEST(a_torn_or_foreign_snapshot_is_refused),
		TEST(what_was_rolled_back_to_nothing_can_be_saved),
		TEST(what_contradicts_itself_is_suspended),
		TEST(a_task_of_a_generator_that_left_contradicts),
		TEST(who_is_suspended_gets_nothing_and_others_go_on),
		TEST(a_log_without_its_beginning_does_no_harm),
		TEST(what_the_sink_returns_is_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
