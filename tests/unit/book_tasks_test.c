/* What the book says of requests and tasks, what it keeps of those that ended,
 * and what tasks take of their generators. */
#include "common/keccak.h"
#include "tests/unit/book_fixture.h"

/* ---- requests ----------------------------------------------------------- */

static struct hash32 inputs_hash(void)
{
	struct hash32 h;

	keccak256(&h, "inputs", 6);
	return h;
}

static struct msg_request_opened opened(uint64_t id)
{
	return (struct msg_request_opened){.request_id = id,
					   .market_id = 1,
					   .requester = address_of(REQUESTER),
					   .max_price = units(50),
					   .max_response_time = 60,
					   .expiry = {5000},
					   .preference = PREFERENCE_FASTEST,
					   .spread = 3,
					   .arrived = newest(),
					   .time = now(),
					   .tx = tx(),
					   .inputs_hash = inputs_hash(),
					   .inputs_size = 6};
}

/* The record of it while nothing has become of it. */
static struct msg_request_record record(uint64_t id)
{
	struct msg_request_opened o = opened(id);

	return (struct msg_request_record){.request_id = id,
					   .market_id = 1,
					   .requester = o.requester,
					   .max_price = o.max_price,
					   .max_response_time =
						   o.max_response_time,
					   .expiry = o.expiry,
					   .preference = o.preference,
					   .spread = o.spread,
					   .arrived = o.arrived,
					   .time = o.time,
					   .tx = o.tx,
					   .inputs_hash = o.inputs_hash,
					   .inputs_size = o.inputs_size};
}

static void ended(struct msg_request_record *r, enum outcome outcome,
		  uint64_t paid, uint64_t refund)
{
	r->outcome = outcome;
	r->paid = units(paid);
	r->refund = units(refund);
	r->ended_at = newest();
	r->ended_time = now();
	r->ended_tx = tx();
}

static void assigned(struct msg_request_record *r)
{
	r->generator = address_of(GENERATOR);
	r->price = units(40);
	r->deadline.v = now().v + 30;
	r->assigned_at = newest();
	r->assigned_time = now();
	r->assigned_tx = tx();
}

/* The newest record that was kept is @want, under its number. */
static void assert_kept(const struct msg_request_record *want)
{
	struct buf a = {0}, b = {0};
	char key[24];

	snprintf(key, sizeof key, "%llu", (unsigned long long)want->request_id);
	assert_string_equal(said.key, key);
	said_json(&a, MSG_REQUEST_RECORD, buf_bytes(&said.kept));
	wire_json(&msg_request_record_wire, want, &b);
	assert_string_equal(buf_text(&a), buf_text(&b));
	buf_free(&a);
	buf_free(&b);
}

static void a_request_that_is_created_is_open(void **state)
{
	struct msg_request_opened want;

	(void)state;
	open_market();
	create_request(7, 1);
	want = opened(7);
	assert_said(&said, &msg_request_opened_wire, &want);
	assert_said_nothing(&said);
	assert_int_equal(said.keeps, 0);
	assert_int_equal(book_sizes(book).open, 1);
	assert_int_equal(book_sizes(book).assigned, 0);
}

static void a_request_can_be_taken_back(void **state)
{
	struct msg_request_record r;

	(void)state;
	open_market();
	create_request(7, 1);
	r = record(7);
	mark();
	said_forget(&said);
	TELL(request_cancelled, {.at = here(),
				 .time = now(),
				 .tx = tx(),
				 .request_id = 7,
				 .refund = units(50)});
	SAID(&said, request_closed,
	     {.request_id = 7,
	      .market_id = 1,
	      .outcome = OUTCOME_CANCELLED,
	      .at = newest(),
	      .time = now(),
	      .tx = tx()});
	assert_said_nothing(&said);
	ended(&r, OUTCOME_CANCELLED, 0, 50);
	assert_kept(&r);
	assert_int_equal(book_sizes(book).open, 0);
}

static void a_request_can_be_rejected(void **state)
{
	struct msg_request_record r;

	(void)state;
	open_market();
	create_request(7, 1);
	r = record(7);
	said_forget(&said);
	TELL(request_rejected, {.at = here(),
				.time = now(),
				.tx = tx(),
				.request_id = 7,
				.refund = units(50)});
	SAID(&said, request_closed,
	     {.request_id = 7,
	      .market_id = 1,
	      .outcome = OUTCOME_REJECTED,
	      .at = newest(),
	      .time = now(),
	      .tx = tx()});
	assert_said_nothing(&said);
	ended(&r, OUTCOME_REJECTED, 0, 50);
	assert_kept(&r);
}

static void without_anybody_who_keeps_records_all_goes_on(void **state)
{
	(void)state;
	open_market();
	said.sink.keep = NULL;
	create_request(7, 1);
	create_task(7, 1, GENERATOR, 2);
	submit_proof(7, GENERATOR);
	create_request(8, 1);
	TELL(request_cancelled, {.at = here(), .request_id = 8});
	assert_int_equal(said.keeps, 0);
	assert_int_equal(book_sizes(book).open, 0);
}

/* ---- tasks -------------------------------------------------------------- */

static struct msg_task_started started(uint64_t id)
{
	return (struct msg_task_started){.request_id = id,
					 .market_id = 1,
					 .generator = address_of(GENERATOR),
					 .price = units(40),
					 .deadline = {now().v + 30},
					 .compute = 2,
					 .at = newest(),
					 .time = now(),
					 .tx = tx(),
					 .used_compute = 2,
					 .locked = units(100),
					 .tasks = 1};
}

static struct msg_task_ended end_of(uint64_t id, enum outcome outcome,
				    uint64_t paid, uint64_t refund)
{
	return (struct msg_task_ended){.request_id = id,
				       .market_id = 1,
				       .generator = address_of(GENERATOR),
				       .outcome = outcome,
				       .paid = units(paid),
				       .refund = units(refund),
				       .at = newest(),
				       .time = now(),
				       .tx = tx(),
				       .stake = units(1000)};
}

static void a_task_begins(void **state)
{
	struct msg_task_started want;

	(void)state;
	open_market();
	create_request(7, 1);
	mark();
	said_forget(&said);
	create_task(7, 1, GENERATOR, 2);
	want = started(7);
	assert_said(&said, &msg_task_started_wire, &want);
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).open, 0);
	assert_int_equal(book_sizes(book).assigned, 1);
}

static void totals_add_up_over_tasks(void **state)
{
	struct msg_task_started want;
	struct msg_task_ended end;

	(void)state;
	open_market();
	create_request(7, 1);
	create_request(8, 1);
	create_task(7, 1, GENERATOR, 2);
	said_forget(&said);
	create_task(8, 1, GENERATOR, 3);
	want = started(8);
	want.compute = 3;
	want.used_compute = 5;
	want.locked = units(200);
	want.tasks = 2;
	assert_said(&said, &msg_task_started_wire, &want);
	submit_proof(7, GENERATOR);
	end = end_of(7, OUTCOME_FULFILLED, 40, 10);
	end.used_compute = 3;
	end.locked = units(100);
	end.tasks = 1;
	assert_said(&said, &msg_task_ended_wire, &end);
	submit_proof(8, GENERATOR);
	end = end_of(8, OUTCOME_FULFILLED, 40, 10);
	assert_said(&said, &msg_task_ended_wire, &end);
	assert_said_nothing(&said);
}

/* Each way a task can end: what is said, and what is kept. */
static void check_ending(void (*end)(void), enum outcome outcome, uint64_t paid,
			 uint64_t refund, uint64_t stake)
{
	struct msg_request_record r;
	struct msg_task_ended want;

	open_market();
	create_request(7, 1);
	r = record(7);
	mark();
	create_task(7, 1, GENERATOR, 2);
	assigned(&r);
	mark();
	said_forget(&said);
	end();
	want = end_of(7, outcome, paid, refund);
	want.stake = units(stake);
	assert_said(&said, &msg_task_ended_wire, &want);
	assert_said_nothing(&said);
	ended(&r, outcome, paid, refund);
	assert_kept(&r);
	assert_int_equal(said.keeps, 1);
	assert_int_equal(book_sizes(book).assigned, 0);
	assert_int_equal(book_sizes(book).open, 0);
}

static void prove_it(void)
{
	submit_proof(7, GENERATOR);
}

static void invalidate_it(void)
{
	TELL(inputs_invalidated, {.at = here(),
				  .time = now(),
				  .tx = tx(),
				  .request_id = 7,
				  .generator = address_of(GENERATOR),
				  .paid = units(40),
				  .refund = units(10)});
}

static void slash_it(void)
{
	slash(7, GENERATOR, 100);
}

static void a_proof_ends_a_task(void **state)
{
	(void)state;
	check_ending(prove_it, OUTCOME_FULFILLED, 40, 10, 1000);
}

static void invalid_inputs_end_a_task(void **state)
{
	(void)state;
	check_ending(invalidate_it, OUTCOME_INVALID, 40, 10, 1000);
}

static void a_slash_ends_a_task_and_takes_stake(void **state)
{
	(void)state;
	check_ending(slash_it, OUTCOME_SLASHED, 0, 50, 900);
}

static void what_is_under_notice_is_never_more_than_the_stake(void **state)
{
	struct msg_generator_set want;

	(void)state;
	open_market();
	create_request(7, 1);
	create_request(8, 1);
	create_task(7, 1, GENERATOR, 2);
	create_task(8, 1, GENERATOR, 2);
	set_stake(GENERATOR, 1000, 200, 950);
	slash(7, GENERATOR, 100);
	said_forget(&said);
	/* Any change says the generator whole. */
	TELL(reward_address_set, {.at = here(),
				  .generator = address_of(GENERATOR),
				  .reward_address = address_of(0xef)});
	want = (struct msg_generator_set){.generator = address_of(GENERATOR),
					  .reward_address = address_of(0xef),
					  .compute = 10,
					  .used_compute = 2,
					  .stake = units(900),
					  .locked = units(100),
					  .unstaking = units(900),
					  .registered = {1, 2}};
	assert_said(&said, &msg_generator_set_wire, &want);
	/* A proof takes nothing from it. */
	submit_proof(8, GENERATOR);
	said_forget(&said);
	TELL(reward_address_set, {.at = here(),
				  .generator = address_of(GENERATOR),
				  .reward_address = address_of(0xef)});
	want.used_compute = 0;
	want.locked = units(0);
	assert_said(&said, &msg_generator_set_wire, &want);
}

static void a_refusal_is_handed_on(void **state)
{
	struct hash32 before;

	(void)state;
	open_market();
	create_request(7, 1);
	said_forget(&said);
	before = hash_now();
	TELL(assignment_skipped, {.at = here(),
				  .request_id = 7,
				  .generator = address_of(GENERATOR),
				  .reason = {{1, 2, 3, 4}}});
	SAID(&said, assignment_refused,
	     {.request_id = 7,
	      .generator = address_of(GENERATOR),
	      .reason = {{1, 2, 3, 4}},
	      .at = newest()});
	assert_said_nothing(&said);
	assert_same_hash(hash_now(), before);
}

/* ---- leaving with tasks ------------------------------------------------- */

static void a_quote_with_tasks_drains(void **state)
{
	struct msg_quote_set draining;
	struct msg_task_ended want;

	(void)state;
	open_market();
	draining = (struct msg_quote_set){.generator = address_of(GENERATOR),
					  .market_id = 1,
					  .price = units(40),
					  .response_time = 30,
					  .compute = 2,
					  .draining = true,
					  .tasks = 2,
					  .joined = {1, 4}};
	create_request(7, 1);
	create_request(8, 1);
	create_task(7, 1, GENERATOR, 2);
	create_task(8, 1, GENERATOR, 2);
	said_forget(&said);
	remove_quote(GENERATOR, 1);
	assert_said(&said, &msg_quote_set_wire, &draining);
	submit_proof(7, GENERATOR);
	want = end_of(7, OUTCOME_FULFILLED, 40, 10);
	want.used_compute = 2;
	want.locked = units(100);
	want.tasks = 1;
	assert_said(&said, &msg_task_ended_wire, &want);
	assert_said_nothing(&said);
	submit_proof(8, GENERATOR);
	want = end_of(8, OUTCOME_FULFILLED, 40, 10);
	assert_said(&said, &msg_task_ended_wire, &want);
	SAID(&said, quote_removed,
	     {.generator = address_of(GENERATOR), .market_id = 1});
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).quotes, 0);
}

static void joining_again_begins_a_new_place(void **state)
{
	(void)state;
	open_market();
	create_request(7, 1);
	create_task(7, 1, GENERATOR, 2);
	remove_quote(GENERATOR, 1);
	said_forget(&said);
	set_quote(GENERATOR, 1, 35, 25, 1);
	SAID(&said, quote_set,
	     {.generator = address_of(GENERATOR),
	      .market_id = 1,
	      .price = units(35),
	      .response_time = 25,
	      .compute = 1,
	      .tasks = 1,
	      .joined = newest()});
	submit_proof(7, GENERATOR);
	assert_int_equal(book_sizes(book).quotes, 1);
}

static void a_task_within_the_grace_after_leaving_counts(void **state)
{
	struct msg_task_started want;
	struct place at;

	(void)state;
	open_market();
	create_request(7, 1);
	remove_quote(GENERATOR, 1);
	said_forget(&said);
	create_task(7, 1, GENERATOR, 2);
	at = newest();
	SAID(&said, quote_set,
	     {.generator = address_of(GENERATOR),
	      .market_id = 1,
	      .price = units(40),
	      .compute = 2,
	      .draining = true,
	      .joined = at});
	want = started(7);
	assert_said(&said, &msg_task_started_wire, &want);
	submit_proof(7, GENERATOR);
	said_next(&said, &(uint16_t){0}); /* task_ended, as ever */
	SAID(&said, quote_removed,
	     {.generator = address_of(GENERATOR), .market_id = 1});
	assert_said_nothing(&said);
}

static void a_slash_in_the_grace_can_end_a_record(void **state)
{
	(void)state;
	open_market();
	set_stake(GENERATOR, 100, 0, 0);
	create_request(7, 1);
	remove_quote(GENERATOR, 1);
	TELL(generator_deregistered,
	     {.at = here(), .generator = address_of(GENERATOR)});
	set_stake(GENERATOR, 100, 0, 100);
	create_task(7, 1, GENERATOR, 2);
	slash(7, GENERATOR, 100);
	assert_int_equal(book_sizes(book).generators, 1);
	said_forget(&said);
	set_stake(GENERATOR, 0, 0, 0); /* what unstake() says then */
	SAID(&said, generator_removed, {.generator = address_of(GENERATOR)});
	assert_int_equal(book_sizes(book).suspended, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_that_is_created_is_open),
		TEST(a_request_can_be_taken_back),
		TEST(a_request_can_be_rejected),
		TEST(without_anybody_who_keeps_records_all_goes_on),
		TEST(a_task_begins),
		TEST(totals_add_up_over_tasks),
		TEST(a_proof_ends_a_task),
		TEST(invalid_inputs_end_a_task),
		TEST(a_slash_ends_a_task_and_takes_stake),
		TEST(what_is_under_notice_is_never_more_than_the_stake),
		TEST(a_refusal_is_handed_on),
		TEST(a_quote_with_tasks_drains),
		TEST(joining_again_begins_a_new_place),
		TEST(a_task_within_the_grace_after_leaving_counts),
		TEST(a_slash_in_the_grace_can_end_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
