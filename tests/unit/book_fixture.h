/* book_fixture - a book and the events of a small market told to it. */
#ifndef TESTS_UNIT_BOOK_FIXTURE_H
#define TESTS_UNIT_BOOK_FIXTURE_H

#include "services/orderbook/book.h"
#include "tests/unit/said.h"

enum { DEPTH = 16 };

/* The cast. */
enum { GENERATOR = 0x9e, OTHER = 0x9f, REQUESTER = 0x77 };

static struct said said;
static struct book *book;
static uint64_t block; /* the one that is open */
static uint32_t log_index;

static inline int begin_book(void **state)
{
	(void)state;
	said_begin(&said);
	block = 1;
	log_index = 0;
	assert_err(book_new(&book, DEPTH), ERR_NONE);
	return 0;
}

static inline int end_book(void **state)
{
	(void)state;
	book_free(&book);
	said_end(&said);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_book, end_book)

static inline enum err tell_to(struct book *b, const struct wire_message *d,
			       const void *m)
{
	return tell(book_receive, b, &said.sink, d, m);
}

#define TELL(name, ...)                                                        \
	assert_err(tell_to(book, &msg_##name##_wire,                           \
			   &(struct msg_##name)__VA_ARGS__),                   \
		   ERR_NONE)

/* ---- where and when ----------------------------------------------------- */

/* The place of the newest event, or of the next one. */
static inline struct place newest(void)
{
	return (struct place){block, log_index};
}

static inline struct place here(void)
{
	log_index++;
	return newest();
}

static inline struct unix_s now(void)
{
	return block_of(block, 0).time;
}

static inline struct hash32 tx(void)
{
	return hash_of((uint8_t)(0x40 + log_index));
}

/* ---- events ------------------------------------------------------------- */

static inline void open_log(void)
{
	TELL(chain_opened, {.chain_id = 31337, .marketplace = address_of(1)});
}

static inline void mark_on(uint8_t branch)
{
	TELL(block_mark, {.block = block_of(block, branch)});
	block++;
	log_index = 0;
}

static inline void mark(void)
{
	mark_on(0);
}

static inline void roll_back(uint64_t number)
{
	TELL(rollback, {.to = block_of(number, 0)});
	block = number + 1;
	log_index = 0;
}

static inline void create_market(uint64_t id, uint64_t penalty)
{
	TELL(market_created, {.at = here(),
			      .time = now(),
			      .tx = tx(),
			      .market_id = id,
			      .owner = address_of(0xa0),
			      .verifier = address_of(0xb0),
			      .penalty = units(penalty),
			      .metadata = bytes_of("{}")});
}

static inline void set_stake(uint8_t who, uint64_t stake, uint64_t locked,
			     uint64_t unstaking)
{
	TELL(stake_changed, {.at = here(),
			     .time = now(),
			     .generator = address_of(who),
			     .stake = units(stake),
			     .locked = units(locked),
			     .unstaking = units(unstaking)});
}

static inline void register_generator(uint8_t who, uint64_t compute,
				      uint64_t stake)
{
	TELL(generator_registered,
	     {.at = here(),
	      .time = now(),
	      .generator = address_of(who),
	      .reward_address = address_of((uint8_t)(who + 0x10)),
	      .compute = compute});
	set_stake(who, stake, 0, 0);
}

static inline void set_quote(uint8_t who, uint64_t market, uint64_t price,
			     uint32_t time, uint64_t compute)
{
	TELL(chain_quote_set, {.at = here(),
			       .time = now(),
			       .generator = address_of(who),
			       .market_id = market,
			       .price = units(price),
			       .response_time = time,
			       .compute_per_request = compute});
}

static inline void remove_quote(uint8_t who, uint64_t market)
{
	TELL(chain_quote_removed, {.at = here(),
				   .time = now(),
				   .generator = address_of(who),
				   .market_id = market,
				   .draining = true});
}

static inline void create_request(uint64_t id, uint64_t market)
{
	TELL(request_created, {.at = here(),
			       .time = now(),
			       .tx = tx(),
			       .request_id = id,
			       .market_id = market,
			       .requester = address_of(REQUESTER),
			       .payer = address_of(0x78),
			       .max_price = units(50),
			       .max_response_time = 60,
			       .expiry = {5000},
			       .preference = PREFERENCE_FASTEST,
			       .spread = 3,
			       .inputs = bytes_of("inputs")});
}

static inline void create_task(uint64_t id, uint64_t market, uint8_t who,
			       uint64_t compute)
{
	TELL(task_created, {.at = here(),
			    .time = now(),
			    .tx = tx(),
			    .request_id = id,
			    .market_id = market,
			    .generator = address_of(who),
			    .price = units(40),
			    .compute = compute,
			    .deadline = {now().v + 30}});
}

static inline void submit_proof(uint64_t id, uint8_t who)
{
	TELL(proof_submitted, {.at = here(),
			       .time = now(),
			       .tx = tx(),
			       .request_id = id,
			       .generator = address_of(who),
			       .paid = units(40),
			       .refund = units(10),
			       .proof = bytes_of("proof")});
}

static inline void slash(uint64_t id, uint8_t who, uint64_t penalty)
{
	TELL(task_slashed, {.at = here(),
			    .time = now(),
			    .tx = tx(),
			    .request_id = id,
			    .generator = address_of(who),
			    .slasher = address_of(0x55),
			    .penalty = units(penalty),
			    .refund = units(50)});
}

/* Market 1 with penalty 100, GENERATOR with compute 10, stake 1000 and a quote
 * of price 40, time 30, compute 2; block 1 is closed. */
static inline void open_market(void)
{
	open_log();
	create_market(1, 100);
	register_generator(GENERATOR, 10, 1000);
	set_quote(GENERATOR, 1, 40, 30, 2);
	mark();
	said_forget(&said);
}

/* ---- checks ------------------------------------------------------------- */

static inline struct hash32 hash_now(void)
{
	struct hash32 h;

	book_hash(book, &h);
	return h;
}

#define assert_same_hash(a, b)                                                 \
	do {                                                                   \
		struct hash32 a_ = (a), b_ = (b);                              \
                                                                               \
		assert_memory_equal(a_.bytes, b_.bytes, 32);                   \
	} while (0)

#define assert_other_hash(a, b)                                                \
	do {                                                                   \
		struct hash32 a_ = (a), b_ = (b);                              \
                                                                               \
		assert_memory_not_equal(a_.bytes, b_.bytes, 32);               \
	} while (0)

#endif /* TESTS_UNIT_BOOK_FIXTURE_H */
