/* crowd - a market's generators and requests at random, for the matcher's
 * benchmark: says entries of the book log, and keeps what it said for later. */
#ifndef TESTS_BENCH_CROWD_H
#define TESTS_BENCH_CROWD_H

#include "services/matcher/match.h"

enum { CROWD_BATCH_MAX = 4096 };

struct crowd;

/* @quotes generators with one quote each in market 1, of room for @tasks tasks
 * each; the same @seed gives the same crowd. Ends the program on any error. */
struct crowd *crowd_new(uint64_t seed, uint32_t quotes, uint32_t tasks);
void crowd_free(struct crowd **crowd);

struct match *crowd_match(struct crowd *c);
struct sink *crowd_sink(struct crowd *c);

/* A random number below @below, not 0. */
uint64_t crowd_draw(struct crowd *c, uint64_t below);

/* The next request; with caps that nothing can meet, or random ones. */
void crowd_request(struct crowd *c, struct msg_request_opened *out,
		   bool hopeless);

/* Generator @i as it began. */
void crowd_generator(struct crowd *c, struct msg_generator_set *out,
		     uint32_t i);

/* Another price and time for quote @i. */
void crowd_quote(struct crowd *c, struct msg_quote_set *out, uint32_t i);

/* The next block's end. */
void crowd_block(struct crowd *c, struct msg_block_closed *out);

/* End @count blocks. */
void crowd_close(struct crowd *c, unsigned count);

/* How many matches were made since crowd_tasks() was last called. */
size_t crowd_matches(const struct crowd *c);

/* What the chain says to them: a task each. @out has room for all. */
void crowd_tasks(struct crowd *c, struct msg_task_started *out);

/* The end of task @started. */
void crowd_end(struct crowd *c, struct msg_task_ended *out,
	       const struct msg_task_started *started);

#endif /* TESTS_BENCH_CROWD_H */
