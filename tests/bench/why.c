/* What a why costs in a large market. usage: why [QUOTES [WAITING [MATCHES]]]
 * Prints a line `name value unit` for each figure. MATCHES are made 20 to a
 * block, in front of WAITING requests that nothing can meet. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "services/webhook-gateway/why.h"
#include "tests/bench/crowd.h"
#include "tests/bench/figure.h"

enum { DEPTH = 256, PER_BLOCK = 20, WAITING_PER_BLOCK = 10000, RUNS = 21 };

static struct why *why;
static struct crowd *crowd;
static struct buf scratch;
static uint64_t numbers[LOGS_COUNT];

static void say(enum logs log, const struct wire_message *d, const void *m)
{
	struct entry entry = {.number = ++numbers[log], .type = d->number};

	buf_clear(&scratch);
	wire_encode(d, m, &scratch);
	must(buf_err(&scratch));
	entry.body = buf_bytes(&scratch);
	why_take(why, log, &entry);
}

static void close_block(void)
{
	struct msg_block_closed m;

	crowd_block(crowd, &m);
	say(LOGS_BOOK, &msg_block_closed_wire, &m);
}

static void open_market(uint32_t quotes)
{
	struct match_rule r = MATCH_RULE_DEFAULT;
	struct msg_rule_set rule = {MATCH_RULE_VERSION, 1u << 30, r.task_limit,
				    r.spread_members, r.cooling_max};
	struct msg_book_opened book = {.chain_id = 1};
	struct msg_market_set market = {.market_id = 1};
	struct msg_generator_set g;
	struct msg_quote_set q;

	say(LOGS_MATCH, &msg_rule_set_wire, &rule);
	say(LOGS_BOOK, &msg_book_opened_wire, &book);
	say(LOGS_BOOK, &msg_market_set_wire, &market);
	for (uint32_t i = 0; i < quotes; i++) {
		crowd_generator(crowd, &g, i);
		say(LOGS_BOOK, &msg_generator_set_wire, &g);
		crowd_quote(crowd, &q, i);
		say(LOGS_BOOK, &msg_quote_set_wire, &q);
	}
	close_block();
}

static void ask_for(uint64_t count, bool hopeless, uint64_t per_block)
{
	struct msg_request_opened m;

	for (uint64_t i = 1; i <= count; i++) {
		crowd_request(crowd, &m, hopeless);
		say(LOGS_BOOK, &msg_request_opened_wire, &m);
		if (i % per_block == 0)
			close_block();
	}
	close_block();
}

/* Median and slowest of RUNS. */
static void times(const char *name, double ms[RUNS])
{
	printf("%s.p50 %.3f ms\n", name, median(ms, RUNS));
	printf("%s.max %.3f ms\n", name, ms[RUNS - 1]);
}

static void measure(uint32_t quotes)
{
	static struct why_losses losses;
	double request[RUNS], generator[RUNS], began;
	struct msg_generator_set g;
	struct match_why answer;

	for (unsigned i = 0; i < RUNS; i++) {
		began = now_s();
		must(why_request(why, 1, &answer));
		request[i] = 1e3 * (now_s() - began);
		crowd_generator(crowd, &g, (uint32_t)crowd_draw(crowd, quotes));
		began = now_s();
		must(why_generator(why, &g.generator, 0, &losses));
		generator[i] = 1e3 * (now_s() - began);
	}
	printf("why.quotes %llu quotes\nwhy.matches %llu matches\n",
	       (unsigned long long)answer.quotes,
	       (unsigned long long)losses.matches);
	times("why.request", request);
	times("why.generator", generator);
}

int main(int argc, char **argv)
{
	uint32_t quotes = argc > 1 ? (uint32_t)atol(argv[1]) : 100000;
	uint64_t waiting = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
	uint64_t matches = argc > 3 ? strtoull(argv[3], NULL, 10) : 2000;

	must(why_new(&why, DEPTH, DEPTH));
	crowd = crowd_new(1, quotes, 100);
	open_market(quotes);
	ask_for(waiting, true, WAITING_PER_BLOCK);
	ask_for(matches, false, PER_BLOCK);
	if (why_state(why) != WHY_TRUE)
		must(ERR_CONFLICT);
	measure(quotes);
	crowd_free(&crowd);
	why_free(&why);
	buf_free(&scratch);
	return 0;
}
