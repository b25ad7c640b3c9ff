/* view_fixture - a view, and logs said to it, for tests of the gateway. */
#ifndef TESTS_UNIT_VIEW_FIXTURE_H
#define TESTS_UNIT_VIEW_FIXTURE_H

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/u256.h"
#include "services/webhook-gateway/view.h"

struct said {
	struct view *view;
	/* Who hears each entry before and after the view; NULL: nobody. */
	void (*before)(struct said *s, enum logs log,
		       const struct entry *entry);
	void (*also)(struct said *s, enum logs log, const struct entry *entry);
	uint64_t numbers[LOGS_COUNT]; /* newest of each log */
	struct block_ref block;	      /* newest closed, of the book */
	uint32_t index;		      /* of events in the block to come */
};

static inline struct amount units(uint64_t v)
{
	return (struct amount){u256_from_u64(v)};
}

static inline struct address address_of(uint64_t v)
{
	struct address a = {{0}};

	for (unsigned i = 0; i < 8; i++)
		a.bytes[19 - i] = (uint8_t)(v >> 8 * i);
	return a;
}

static inline struct hash32 hash_of(uint64_t v)
{
	struct hash32 h = {{0}};

	for (unsigned i = 0; i < 8; i++)
		h.bytes[31 - i] = (uint8_t)(v >> 8 * i);
	return h;
}

/* Block @number of branch @branch. */
static inline struct block_ref block_of(uint64_t number, uint64_t branch)
{
	return (struct block_ref){
		number, hash_of(branch << 32 | number), {1000 + 10 * number}};
}

static inline enum err say_to(struct said *s, enum logs log, uint64_t number,
			      const struct wire_message *d, const void *m)
{
	struct buf bytes = {0};
	struct entry entry = {.number = number, .type = d->number};
	enum err e;

	wire_encode(d, m, &bytes);
	entry.body = buf_bytes(&bytes);
	if (s->before)
		s->before(s, log, &entry);
	e = view_take(s->view, log, &entry);
	if (s->also)
		s->also(s, log, &entry);
	buf_free(&bytes);
	return e;
}

#define SAY(s, log, name, ...)                                                 \
	do {                                                                   \
		struct msg_##name m_ = __VA_ARGS__;                            \
                                                                               \
		assert_err(say_to((s), log, ++(s)->numbers[log],               \
				  &msg_##name##_wire, &m_),                    \
			   ERR_NONE);                                          \
	} while (0)

static inline struct place here(struct said *s)
{
	return (struct place){s->block.number + 1, s->index++};
}

static inline struct unix_s now(const struct said *s)
{
	return block_of(s->block.number + 1, 0).time;
}

static inline void close_block(struct said *s, uint64_t branch)
{
	s->block = block_of(s->block.number + 1, branch);
	s->index = 0;
	SAY(s, LOGS_BOOK, block_closed, {.block = s->block});
}

static inline void roll_back(struct said *s, uint64_t number, uint64_t branch)
{
	s->block = block_of(number, branch);
	s->index = 0;
	SAY(s, LOGS_BOOK, book_rolled_back, {.to = s->block});
}

static inline void set_market(struct said *s, uint64_t id)
{
	SAY(s, LOGS_BOOK, market_set,
	    {.market_id = id,
	     .owner = address_of(0xa0),
	     .verifier = address_of(0xb0 + id),
	     .penalty = units(100),
	     .created = here(s)});
}

static inline void set_generator(struct said *s, uint64_t who)
{
	SAY(s, LOGS_BOOK, generator_set,
	    {.generator = address_of(who),
	     .reward_address = address_of(who + 0x1000),
	     .compute = 10,
	     .stake = units(1000),
	     .registered = here(s)});
}

static inline void set_quote(struct said *s, uint64_t who, uint64_t market,
			     uint64_t price, uint32_t response_time)
{
	SAY(s, LOGS_BOOK, quote_set,
	    {.generator = address_of(who),
	     .market_id = market,
	     .price = units(price),
	     .response_time = response_time,
	     .compute = 1,
	     .joined = here(s)});
}

static inline void open_request(struct said *s, uint64_t id, uint64_t market,
				uint64_t requester)
{
	SAY(s, LOGS_BOOK, request_opened,
	    {.request_id = id,
	     .market_id = market,
	     .requester = address_of(requester),
	     .max_price = units(50),
	     .max_response_time = 60,
	     .expiry = {now(s).v + 100},
	     .arrived = here(s),
	     .time = now(s),
	     .tx = hash_of(id),
	     .inputs_hash = hash_of(id + 1000),
	     .inputs_size = 64});
}

static inline void start_task(struct said *s, uint64_t id, uint64_t market,
			      uint64_t who)
{
	SAY(s, LOGS_BOOK, task_started,
	    {.request_id = id,
	     .market_id = market,
	     .generator = address_of(who),
	     .price = units(40),
	     .deadline = {now(s).v + 30},
	     .compute = 1,
	     .at = here(s),
	     .time = now(s),
	     .tx = hash_of(id + 2000),
	     .used_compute = 1,
	     .locked = units(100),
	     .tasks = 1});
}

static inline void end_task(struct said *s, uint64_t id, uint64_t market,
			    uint64_t who, enum outcome outcome)
{
	SAY(s, LOGS_BOOK, task_ended,
	    {.request_id = id,
	     .market_id = market,
	     .generator = address_of(who),
	     .outcome = outcome,
	     .paid = units(outcome == OUTCOME_SLASHED ? 0 : 40),
	     .refund = units(outcome == OUTCOME_SLASHED ? 50 : 10),
	     .at = here(s),
	     .time = now(s),
	     .tx = hash_of(id + 3000),
	     .stake = units(1000)});
}

static inline void close_request(struct said *s, uint64_t id, uint64_t market)
{
	SAY(s, LOGS_BOOK, request_closed,
	    {.request_id = id,
	     .market_id = market,
	     .outcome = OUTCOME_CANCELLED,
	     .at = here(s),
	     .time = now(s),
	     .tx = hash_of(id + 4000)});
}

#endif /* TESTS_UNIT_VIEW_FIXTURE_H */
