/* Numbers of generators lie in their addresses, so that they are found. */
#include "tests/bench/crowd.h"

#include "common/u256.h"
#include "tests/bench/figure.h"

enum { STAKE = 1000000, PENALTY = 1 };

struct member {
	uint64_t used;
	uint64_t locked;
	uint32_t tasks;
};

struct crowd {
	struct match *match;
	struct sink sink;
	uint64_t dice, block, time, next_request;
	uint32_t index; /* of the next log in the block */
	uint32_t quotes, tasks;
	struct member *members;
	struct buf made; /* bodies of match_made, each behind its size */
	size_t made_count;
};

static enum err put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct crowd *c =
		(struct crowd *)((char *)sink - offsetof(struct crowd, sink));

	if (number != MSG_MATCH_MADE)
		return ERR_NONE;
	buf_put_be32(&c->made, (uint32_t)body.size);
	buf_put(&c->made, body.data, body.size);
	c->made_count++;
	return buf_err(&c->made);
}

static struct address address_of(uint32_t i)
{
	struct address a = {{0xaa}};

	memcpy(a.bytes + 16, &i, sizeof i);
	return a;
}

static uint32_t member_of(const struct address *a)
{
	uint32_t i;

	memcpy(&i, a->bytes + 16, sizeof i);
	return i;
}

static struct amount amount(uint64_t v)
{
	return (struct amount){u256_from_u64(v)};
}

uint64_t crowd_draw(struct crowd *c, uint64_t below)
{
	c->dice ^= c->dice << 13;
	c->dice ^= c->dice >> 7;
	c->dice ^= c->dice << 17;
	return (c->dice >> 11) % below;
}

static struct place here(struct crowd *c)
{
	return (struct place){c->block + 1, c->index++};
}

/* One to two tokens, a minute to an hour. */
static uint64_t some_price(struct crowd *c)
{
	return 1000000000000000000u + crowd_draw(c, 1000000000000000000u);
}

static uint32_t some_time(struct crowd *c)
{
	return (uint32_t)(60 + crowd_draw(c, 3541));
}

void crowd_quote(struct crowd *c, struct msg_quote_set *out, uint32_t i)
{
	*out = (struct msg_quote_set){.generator = address_of(i),
				      .market_id = 1,
				      .price = amount(some_price(c)),
				      .response_time = some_time(c),
				      .compute = 1,
				      .tasks = c->members[i].tasks,
				      .joined = here(c)};
}

void crowd_generator(struct crowd *c, struct msg_generator_set *out, uint32_t i)
{
	*out = (struct msg_generator_set){.generator = address_of(i),
					  .compute = c->tasks,
					  .stake = amount(STAKE)};
}

static void say_member(struct crowd *c, uint32_t i)
{
	struct msg_generator_set g;
	struct msg_quote_set q;

	crowd_generator(c, &g, i);
	crowd_quote(c, &q, i);
	must(match_on_generator_set(c->match, &c->sink, &g));
	must(match_on_quote_set(c->match, &c->sink, &q));
}

struct crowd *crowd_new(uint64_t seed, uint32_t quotes, uint32_t tasks)
{
	struct match_rule rule = MATCH_RULE_DEFAULT;
	struct crowd *c = calloc(1, sizeof *c);
	struct msg_market_set market = {.market_id = 1,
					.penalty = amount(PENALTY)};

	if (c)
		c->members = calloc(quotes + 1, sizeof c->members[0]);
	if (!c || !c->members)
		must(ERR_NO_MEMORY);
	c->dice = seed * 0x9e3779b97f4a7c15u | 1;
	c->time = 1000000;
	c->next_request = 1;
	c->quotes = quotes;
	c->tasks = tasks;
	c->sink.put = put;
	rule.task_limit = MATCH_TASK_LIMIT_MAX;
	must(match_new(&c->match, &rule, 64));
	must(match_on_market_set(c->match, &c->sink, &market));
	for (uint32_t i = 0; i < quotes; i++) {
		say_member(c, i);
		if (i % 4096 == 0)
			crowd_close(c, 1);
	}
	return c;
}

void crowd_free(struct crowd **crowd)
{
	struct crowd *c = *crowd;

	match_free(&c->match);
	buf_free(&c->sink.scratch);
	buf_free(&c->made);
	free(c->members);
	free(c);
	*crowd = NULL;
}

struct match *crowd_match(struct crowd *c)
{
	return c->match;
}

struct sink *crowd_sink(struct crowd *c)
{
	return &c->sink;
}

void crowd_request(struct crowd *c, struct msg_request_opened *out,
		   bool hopeless)
{
	bool high = crowd_draw(c, 2);

	*out = (struct msg_request_opened){
		.request_id = c->next_request++,
		.market_id = 1,
		.expiry = {c->time + 1000000},
		.preference = crowd_draw(c, 2) ? PREFERENCE_FASTEST
					       : PREFERENCE_CHEAPEST,
		.arrived = here(c),
	};
	if (hopeless) {
		/* Dear but in no time, or cheap in a long time. */
		out->max_price =
			amount(high ? some_price(c) * 2 : some_price(c) / 2);
		out->max_response_time =
			high ? (uint32_t)crowd_draw(c, 60) : 2 * some_time(c);
	} else {
		/* Half of the quotes fit, or more. */
		bool fastest = out->preference == PREFERENCE_FASTEST;

		out->max_price = amount(
			fastest ? 1500000000000000000u +
					  crowd_draw(c, 500000000000000000u)
				: 2000000000000000000u);
		out->max_response_time =
			fastest ? 3600 : (uint32_t)(1800 + crowd_draw(c, 1801));
	}
}

void crowd_block(struct crowd *c, struct msg_block_closed *out)
{
	c->block++;
	c->time++;
	c->index = 0;
	*out = (struct msg_block_closed){
		.block = {.number = c->block, .time = {c->time}}};
	memcpy(out->block.hash.bytes, &c->block, sizeof c->block);
}

void crowd_close(struct crowd *c, unsigned count)
{
	while (count--) {
		struct msg_block_closed b;

		crowd_block(c, &b);
		must(match_on_block_closed(c->match, &c->sink, &b));
	}
}

size_t crowd_matches(const struct crowd *c)
{
	return c->made_count;
}

void crowd_tasks(struct crowd *c, struct msg_task_started *out)
{
	const uint8_t *p = c->made.data;

	for (size_t i = 0; i < c->made_count; i++) {
		struct msg_match_made m;
		size_t size = (size_t)p[2] << 8 | p[3];
		struct member *who;

		must(msg_match_made_decode(&m, (struct bytes){p + 4, size}));
		p += 4 + size;
		who = &c->members[member_of(&m.generator)];
		who->used++;
		who->locked += PENALTY;
		who->tasks++;
		out[i] =
			(struct msg_task_started){.request_id = m.request_id,
						  .market_id = 1,
						  .generator = m.generator,
						  .price = m.price,
						  .compute = 1,
						  .at = here(c),
						  .used_compute = who->used,
						  .locked = amount(who->locked),
						  .tasks = who->tasks};
	}
	buf_clear(&c->made);
	c->made_count = 0;
}

void crowd_end(struct crowd *c, struct msg_task_ended *out,
	       const struct msg_task_started *started)
{
	struct member *who = &c->members[member_of(&started->generator)];

	who->used--;
	who->locked -= PENALTY;
	who->tasks--;
	*out = (struct msg_task_ended){.request_id = started->request_id,
				       .market_id = 1,
				       .generator = started->generator,
				       .outcome = OUTCOME_FULFILLED,
				       .at = here(c),
				       .used_compute = who->used,
				       .locked = amount(who->locked),
				       .stake = amount(STAKE),
				       .tasks = who->tasks};
}
