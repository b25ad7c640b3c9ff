/* match_fixture - a matcher and the deltas of a small market told to it. */
#ifndef TESTS_UNIT_MATCH_FIXTURE_H
#define TESTS_UNIT_MATCH_FIXTURE_H

#include "services/matcher/match.h"
#include "tests/unit/said.h"

enum { DEPTH = 16, PENALTY = 100 };

/* The cast. */
enum { A = 0xa1, B = 0xb1, C = 0xc1 };

static struct said said;
static struct match *match;
static uint64_t block; /* the one that is open; its time is in block_of() */
static uint32_t log_index;

static inline void begin_with(const struct match_rule *rule)
{
	said_begin(&said);
	said.sink.keep = NULL;
	block = 1;
	log_index = 0;
	assert_err(match_new(&match, rule, DEPTH), ERR_NONE);
}

static inline int begin_match(void **state)
{
	struct match_rule rule = MATCH_RULE_DEFAULT;

	(void)state;
	begin_with(&rule);
	return 0;
}

static inline int end_match(void **state)
{
	(void)state;
	match_free(&match);
	said_end(&said);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_match, end_match)

static inline enum err tell_to(struct match *m, const struct wire_message *d,
			       const void *message)
{
	return tell(match_receive, m, &said.sink, d, message);
}

#define ERR_OF(name, ...)                                                      \
	tell_to(match, &msg_##name##_wire, &(struct msg_##name)__VA_ARGS__)
#define TELL(name, ...) assert_err(ERR_OF(name, __VA_ARGS__), ERR_NONE)

static inline struct place here(void)
{
	return (struct place){block, ++log_index};
}

/* ---- deltas ------------------------------------------------------------- */

static inline void open_log(void)
{
	TELL(book_opened, {.chain_id = 31337, .marketplace = address_of(1)});
	said_forget(&said);
}

static inline struct msg_market_set market_of(uint64_t id)
{
	return (struct msg_market_set){.market_id = id,
				       .owner = address_of(1),
				       .verifier = address_of(2),
				       .penalty = units(PENALTY),
				       .created = here()};
}

static inline void tell_market(struct msg_market_set m)
{
	assert_err(tell_to(match, &msg_market_set_wire, &m), ERR_NONE);
}

static inline struct msg_generator_set generator_of(uint8_t who)
{
	return (struct msg_generator_set){.generator = address_of(who),
					  .reward_address = address_of(who),
					  .compute = 1000,
					  .stake = units(100000),
					  .registered = here()};
}

static inline void tell_generator(struct msg_generator_set g)
{
	assert_err(tell_to(match, &msg_generator_set_wire, &g), ERR_NONE);
}

static inline struct msg_quote_set quote_of(uint8_t who, uint64_t price,
					    uint32_t time)
{
	return (struct msg_quote_set){.generator = address_of(who),
				      .market_id = 1,
				      .price = units(price),
				      .response_time = time,
				      .compute = 1,
				      .joined = here()};
}

static inline void tell_quote(struct msg_quote_set q)
{
	assert_err(tell_to(match, &msg_quote_set_wire, &q), ERR_NONE);
}

/* A generator with room for anything, and a quote in market 1. */
static inline void supply(uint8_t who, uint64_t price, uint32_t time)
{
	tell_generator(generator_of(who));
	tell_quote(quote_of(who, price, time));
}

static inline struct msg_request_opened request_of(uint64_t id)
{
	return (struct msg_request_opened){.request_id = id,
					   .market_id = 1,
					   .requester = address_of(0x77),
					   .max_price = units(50),
					   .max_response_time = 60,
					   .expiry = {100000},
					   .arrived = here()};
}

static inline void tell_request(struct msg_request_opened r)
{
	assert_err(tell_to(match, &msg_request_opened_wire, &r), ERR_NONE);
}

static inline void request(uint64_t id)
{
	tell_request(request_of(id));
}

static inline void request_of_group(uint64_t id, uint64_t spread)
{
	struct msg_request_opened r = request_of(id);

	r.spread = spread;
	tell_request(r);
}

static inline void start_task(uint64_t id, uint8_t who, uint32_t tasks)
{
	TELL(task_started, {.request_id = id,
			    .market_id = 1,
			    .generator = address_of(who),
			    .price = units(40),
			    .compute = 1,
			    .at = here(),
			    .used_compute = tasks,
			    .locked = units(tasks * PENALTY),
			    .tasks = tasks});
}

static inline void end_task(uint64_t id, uint8_t who, uint32_t tasks)
{
	TELL(task_ended, {.request_id = id,
			  .market_id = 1,
			  .generator = address_of(who),
			  .outcome = OUTCOME_FULFILLED,
			  .at = here(),
			  .used_compute = tasks,
			  .locked = units(tasks * PENALTY),
			  .stake = units(100000),
			  .tasks = tasks});
}

static inline void refuse(uint64_t id, uint8_t who)
{
	TELL(assignment_refused,
	     {.request_id = id, .generator = address_of(who), .at = here()});
}

static inline void cancel(uint64_t id)
{
	TELL(request_closed, {.request_id = id,
			      .market_id = 1,
			      .outcome = OUTCOME_CANCELLED,
			      .at = here()});
}

/* ---- rounds ------------------------------------------------------------- */

static inline void close_on(uint8_t branch)
{
	said_forget(&said);
	TELL(block_closed, {.block = block_of(block, branch)});
	block++;
	log_index = 0;
}

static inline void close_block(void)
{
	close_on(0);
}

/* As the block after the last one, but at @time. */
static inline void close_at(uint64_t time)
{
	struct block_ref b = block_of(block, 0);

	b.time.v = time;
	said_forget(&said);
	TELL(block_closed, {.block = b});
	block++;
	log_index = 0;
}

static inline void roll_back(uint64_t number)
{
	said_forget(&said);
	TELL(book_rolled_back, {.to = block_of(number, 0)});
	block = number + 1;
	log_index = 0;
}

/* The round that was closed last, as "ID:WHO ID:WHO" in the order in which it
 * was decided; WHO is a, b or c. */
static inline const char *pairs(void)
{
	static char text[512];
	uint16_t number = 0;
	struct msg_match_made m;
	struct bytes body;
	size_t n = 0;

	*text = 0;
	while ((body = said_next(&said, &number)).data) {
		if (number != MSG_MATCH_MADE)
			break;
		assert_err(msg_match_made_decode(&m, body), ERR_NONE);
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%llu:%c",
				      n ? " " : "",
				      (unsigned long long)m.request_id,
				      'a' + (m.generator.bytes[0] - A) / 0x10);
	}
	assert_int_equal(number, MSG_ROUND_CLOSED);
	return text;
}

#define assert_pairs(want) assert_string_equal(pairs(), want)

static inline struct hash32 hash_now(void)
{
	struct hash32 h;

	match_hash(match, &h);
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

#endif /* TESTS_UNIT_MATCH_FIXTURE_H */
