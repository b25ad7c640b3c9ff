/* What the book says of markets, generators and quotes: every delta, exactly.
 */
#include "tests/unit/book_fixture.h"

/* ---- blocks ------------------------------------------------------------- */

static void the_log_begins_with_its_deployment(void **state)
{
	(void)state;
	open_log();
	SAID(&said, book_opened,
	     {.chain_id = 31337, .marketplace = address_of(1)});
	assert_said_nothing(&said);
}

static void a_mark_closes_the_block_and_counts_its_deltas(void **state)
{
	(void)state;
	open_log();
	said_forget(&said);
	mark();
	SAID(&said, block_closed, {.block = block_of(1, 0), .entries = 0});
	create_market(1, 100);
	create_market(2, 100);
	said_forget(&said);
	mark();
	SAID(&said, block_closed, {.block = block_of(2, 0), .entries = 2});
	mark();
	SAID(&said, block_closed, {.block = block_of(3, 0), .entries = 0});
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).block.number, 3);
}

static void marks_are_block_marks_and_roll_backs(void **state)
{
	(void)state;
	for (size_t i = 0; i < msg_all_count; i++) {
		uint16_t n = msg_all[i]->number;

		assert_int_equal(book_is_mark(n),
				 n == MSG_BLOCK_MARK || n == MSG_ROLLBACK);
	}
}

static void messages_for_others_change_nothing(void **state)
{
	struct hash32 before;

	(void)state;
	open_market();
	before = hash_now();
	TELL(match_root_published, {.at = here(), .batch = 1});
	TELL(withdrawn, {.at = here(), .amount = units(1)});
	TELL(event_unreadable, {.at = here()});
	assert_said_nothing(&said);
	assert_same_hash(hash_now(), before);
}

/* ---- markets ------------------------------------------------------------ */

static struct msg_market_set market_two(void)
{
	return (struct msg_market_set){.market_id = 2,
				       .owner = address_of(0xa0),
				       .verifier = address_of(0xb0),
				       .penalty = units(77),
				       .protocol = PROTOCOL_SEALED_BID,
				       .auction_window = 60,
				       .confidential = true,
				       .active_from = {1234},
				       .created = newest()};
}

static struct msg_market_created creation_of_two(void)
{
	static const struct hash32 images[2] = {{{1}}, {{2}}};

	return (struct msg_market_created){
		.at = here(),
		.time = now(),
		.market_id = 2,
		.owner = address_of(0xa0),
		.verifier = address_of(0xb0),
		.penalty = units(77),
		.max_input_bytes = 100,
		.protocol = PROTOCOL_SEALED_BID,
		.auction_window = 60,
		.prover_images = {images[0].bytes, 2},
		.metadata = bytes_of("{}"),
		.fee = units(5),
		.active_from = {1234}};
}

static void a_market_is_said_whole(void **state)
{
	struct msg_market_created m;
	struct msg_market_set want;

	(void)state;
	open_market();
	m = creation_of_two();
	want = market_two();
	assert_err(tell_to(book, &msg_market_created_wire, &m), ERR_NONE);
	assert_said(&said, &msg_market_set_wire, &want);
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).markets, 2);
}

static void a_market_without_prover_images_is_public(void **state)
{
	struct msg_market_created m;
	struct msg_market_set want;

	(void)state;
	open_market();
	m = creation_of_two();
	m.input_verifier_images = m.prover_images;
	m.prover_images.count = 0;
	want = market_two();
	want.confidential = false;
	assert_err(tell_to(book, &msg_market_created_wire, &m), ERR_NONE);
	assert_said(&said, &msg_market_set_wire, &want);
}

static void a_market_changes_hands_and_closes(void **state)
{
	struct msg_market_created m;
	struct msg_market_set want;

	(void)state;
	open_market();
	m = creation_of_two();
	want = market_two();
	assert_err(tell_to(book, &msg_market_created_wire, &m), ERR_NONE);
	said_forget(&said);

	TELL(market_owner_set,
	     {.at = here(), .market_id = 2, .owner = address_of(0xa7)});
	want.owner = address_of(0xa7);
	assert_said(&said, &msg_market_set_wire, &want);
	TELL(market_owner_set, {.at = here(), .market_id = 2});
	want.owner = address_of(0);
	assert_said(&said, &msg_market_set_wire, &want);
	TELL(market_closed, {.at = here(), .market_id = 2});
	want.closed = true;
	assert_said(&said, &msg_market_set_wire, &want);
	assert_said_nothing(&said);
}

/* ---- generators --------------------------------------------------------- */

static void a_generator_is_said_whole_at_every_change(void **state)
{
	struct msg_generator_set want = {.generator = address_of(OTHER),
					 .reward_address = address_of(0xee),
					 .compute = 8};

	(void)state;
	open_market();
	TELL(generator_registered, {.at = here(),
				    .generator = address_of(OTHER),
				    .reward_address = address_of(0xee),
				    .compute = 8,
				    .metadata = bytes_of("{}")});
	want.registered = newest();
	assert_said(&said, &msg_generator_set_wire, &want);

	set_stake(OTHER, 500, 7, 20);
	want.stake = units(500);
	want.locked = units(7);
	want.unstaking = units(20);
	assert_said(&said, &msg_generator_set_wire, &want);

	TELL(reward_address_set, {.at = here(),
				  .generator = address_of(OTHER),
				  .reward_address = address_of(0xef)});
	want.reward_address = address_of(0xef);
	assert_said(&said, &msg_generator_set_wire, &want);

	/* Down at once, whatever the contract's grace. */
	TELL(compute_changed, {.at = here(),
			       .generator = address_of(OTHER),
			       .compute = 3,
			       .effective_from = {99999}});
	want.compute = 3;
	assert_said(&said, &msg_generator_set_wire, &want);
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).generators, 2);
}

static void stake_of_other_pools_is_not_counted(void **state)
{
	struct hash32 before;

	(void)state;
	open_market();
	before = hash_now();
	TELL(stake_changed, {.at = here(),
			     .generator = address_of(GENERATOR),
			     .pool = 1,
			     .stake = units(9)});
	assert_said_nothing(&said);
	assert_same_hash(hash_now(), before);
}

static void leaving_alone_says_nothing(void **state)
{
	(void)state;
	open_market();
	TELL(generator_deregistered,
	     {.at = here(), .generator = address_of(GENERATOR)});
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).generators, 1);
}

static void a_record_ends_when_one_who_leaves_was_paid(void **state)
{
	(void)state;
	open_market();
	remove_quote(GENERATOR, 1);
	said_forget(&said);
	/* Without stake, but not leaving: it stays. */
	set_stake(GENERATOR, 0, 0, 0);
	set_stake(GENERATOR, 10, 0, 0);
	assert_int_equal(book_sizes(book).generators, 1);
	said_forget(&said);

	TELL(generator_deregistered,
	     {.at = here(), .generator = address_of(GENERATOR)});
	set_stake(GENERATOR, 10, 0, 10);
	SAID(&said, generator_set,
	     {.generator = address_of(GENERATOR),
	      .reward_address = address_of(GENERATOR + 0x10),
	      .compute = 10,
	      .stake = units(10),
	      .unstaking = units(10),
	      .registered = {1, 2}});
	set_stake(GENERATOR, 0, 0, 0);
	SAID(&said, generator_removed, {.generator = address_of(GENERATOR)});
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).generators, 0);
	/* He may come again. */
	register_generator(GENERATOR, 1, 0);
	assert_int_equal(book_sizes(book).generators, 1);
	assert_int_equal(book_sizes(book).suspended, 0);
}

/* ---- quotes ------------------------------------------------------------- */

static struct msg_quote_set quote_of(uint8_t who)
{
	return (struct msg_quote_set){.generator = address_of(who),
				      .market_id = 1,
				      .price = units(41),
				      .response_time = 31,
				      .compute = 3,
				      .joined = newest()};
}

static void a_quote_is_said_whole_and_keeps_its_place(void **state)
{
	struct msg_quote_set want;

	(void)state;
	open_market();
	register_generator(OTHER, 8, 500);
	said_forget(&said);
	set_quote(OTHER, 1, 41, 31, 3);
	want = quote_of(OTHER);
	assert_said(&said, &msg_quote_set_wire, &want);

	set_quote(OTHER, 1, 39, 29, 1); /* joined stays */
	want.price = units(39);
	want.response_time = 29;
	want.compute = 1;
	assert_said(&said, &msg_quote_set_wire, &want);
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).quotes, 2);
}

static void a_quote_without_tasks_goes_at_once(void **state)
{
	(void)state;
	open_market();
	remove_quote(GENERATOR, 1);
	SAID(&said, quote_removed,
	     {.generator = address_of(GENERATOR), .market_id = 1});
	assert_said_nothing(&said);
	assert_int_equal(book_sizes(book).quotes, 0);
	/* And may come again, at the back. */
	set_quote(GENERATOR, 1, 41, 31, 3);
	SAID(&said, quote_set,
	     {.generator = address_of(GENERATOR),
	      .market_id = 1,
	      .price = units(41),
	      .response_time = 31,
	      .compute = 3,
	      .joined = newest()});
}

static void each_quote_of_a_generator_goes_alone(void **state)
{
	(void)state;
	open_market();
	create_market(2, 1);
	create_market(3, 1);
	set_quote(GENERATOR, 2, 1, 1, 1);
	set_quote(GENERATOR, 3, 1, 1, 1);
	/* From the middle, the front and the back of its list. */
	remove_quote(GENERATOR, 2);
	remove_quote(GENERATOR, 3);
	set_quote(GENERATOR, 2, 1, 1, 1);
	remove_quote(GENERATOR, 1);
	said_forget(&said);
	set_stake(GENERATOR, 5, 0, 5);
	TELL(generator_deregistered,
	     {.at = here(), .generator = address_of(GENERATOR)});
	set_stake(GENERATOR, 0, 0, 0); /* one quote is left: it stays */
	assert_int_equal(book_sizes(book).generators, 1);
	remove_quote(GENERATOR, 2);
	said_forget(&said);
	set_stake(GENERATOR, 0, 0, 0);
	SAID(&said, generator_removed, {.generator = address_of(GENERATOR)});
	assert_int_equal(book_sizes(book).quotes, 0);
}

/* ---- keys --------------------------------------------------------------- */

static void key(uint8_t who, uint64_t market, bool there)
{
	if (there)
		TELL(key_registered, {.at = here(),
				      .owner = address_of(who),
				      .market_id = market,
				      .key = address_of(0x11),
				      .image = hash_of(0x12),
				      .public_key = bytes_of("k")});
	else
		TELL(key_removed, {.at = here(),
				   .owner = address_of(who),
				   .market_id = market,
				   .key = address_of(0x11)});
}

static void a_key_shows_in_its_quote(void **state)
{
	struct msg_quote_set want;

	(void)state;
	open_market();
	register_generator(OTHER, 8, 500);
	set_quote(OTHER, 1, 41, 31, 3);
	want = quote_of(OTHER);
	said_forget(&said);
	key(OTHER, 1, true);
	want.has_key = true;
	assert_said(&said, &msg_quote_set_wire, &want);
	set_quote(OTHER, 1, 41, 31, 3); /* changing terms keeps it */
	assert_said(&said, &msg_quote_set_wire, &want);
	key(OTHER, 1, false);
	want.has_key = false;
	assert_said(&said, &msg_quote_set_wire, &want);
	assert_said_nothing(&said);
}

static void a_key_from_before_the_quote_counts(void **state)
{
	struct msg_quote_set want;

	(void)state;
	open_market();
	key(OTHER, 1, true); /* said when there is a quote */
	assert_said_nothing(&said);
	register_generator(OTHER, 8, 500);
	said_forget(&said);
	set_quote(OTHER, 1, 41, 31, 3);
	want = quote_of(OTHER);
	want.has_key = true;
	assert_said(&said, &msg_quote_set_wire, &want);

	/* It stays while the generator is away. */
	remove_quote(OTHER, 1);
	said_forget(&said);
	set_quote(OTHER, 1, 41, 31, 3);
	want.joined = newest();
	assert_said(&said, &msg_quote_set_wire, &want);

	/* Another market, another owner: not theirs. */
	create_market(2, 1);
	said_forget(&said);
	set_quote(OTHER, 2, 41, 31, 3);
	want = quote_of(OTHER);
	want.market_id = 2;
	assert_said(&said, &msg_quote_set_wire, &want);
	key(GENERATOR, 2, true);
	assert_said_nothing(&said);
}

static void a_key_taken_back_before_the_quote_does_not_count(void **state)
{
	struct msg_quote_set want;

	(void)state;
	open_market();
	register_generator(OTHER, 8, 500);
	key(OTHER, 1, true);
	key(OTHER, 1, false);
	key(OTHER, 1, false); /* twice is once */
	said_forget(&said);
	set_quote(OTHER, 1, 41, 31, 3);
	want = quote_of(OTHER);
	assert_said(&said, &msg_quote_set_wire, &want);
	assert_int_equal(book_sizes(book).suspended, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_begins_with_its_deployment),
		TEST(a_mark_closes_the_block_and_counts_its_deltas),
		TEST(marks_are_block_marks_and_roll_backs),
		TEST(messages_for_others_change_nothing),
		TEST(a_market_is_said_whole),
		TEST(a_market_without_prover_images_is_public),
		TEST(a_market_changes_hands_and_closes),
		TEST(a_generator_is_said_whole_at_every_change),
		TEST(stake_of_other_pools_is_not_counted),
		TEST(leaving_alone_says_nothing),
		TEST(a_record_ends_when_one_who_leaves_was_paid),
		TEST(a_quote_is_said_whole_and_keeps_its_place),
		TEST(a_quote_without_tasks_goes_at_once),
		TEST(each_quote_of_a_generator_goes_alone),
		TEST(a_key_shows_in_its_quote),
		TEST(a_key_from_before_the_quote_counts),
		TEST(a_key_taken_back_before_the_quote_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
