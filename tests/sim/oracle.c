/* A fresh pipeline from genesis, and what it is compared with. */
#include "tests/sim/oracle.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/u256.h"
#include "services/chain-indexer/index.h"
#include "services/matcher/match.h"
#include "services/orderbook/book.h"
#include "services/slasher-watcher/watch.h"
#include "tests/sim/chain.h"
#include "tests/sim/store.h"
#include "tests/sim/tape.h"
#include "tests/sim/world.h"

enum { LATE_S = 30 }; /* after a deadline, a slash is missing */

/* The cores alone, fed with the canonical chain. */
struct fresh {
	struct sink chain, book_out, match_out;
	struct index *index;
	struct book *book;
	struct match *match;
	struct watch *watch;
	struct tape *chain_tape, *book_tape, *match_tape; /* what they said */
	/* Of each request: until when its newest match is valid. */
	uint64_t valid_until[REQUESTS + 1];
	uint64_t used[GENERATORS], locked[GENERATORS];
	uint64_t decisions;
};

#define FRESH(sink, member)                                                    \
	((struct fresh *)((char *)(sink)-offsetof(struct fresh, member)))

static void must(enum err e, const char *what)
{
	if (e)
		wrong("a fresh %s says %s", what, err_name(e));
}

/* ---- O2: one live decision for a request -------------------------------- */

static void on_match(struct fresh *f, const struct msg_match_made *m)
{
	uint64_t *until = &f->valid_until[m->request_id];

	f->decisions++;
	if (m->block.time.v <= *until)
		wrong("O2: request %" PRIu64 " is matched again in block "
		      "%" PRIu64 " while its match is valid",
		      m->request_id, m->block.number);
	*until = m->valid_until.v;
}

static enum err on_match_out(struct sink *sink, uint16_t number,
			     struct bytes body)
{
	struct fresh *f = FRESH(sink, match_out);
	struct msg_match_made made;

	tape_take(f->match_tape, number, body);
	if (number == MSG_MATCH_MADE && !msg_match_made_decode(&made, body))
		on_match(f, &made);
	return ERR_NONE;
}

/* ---- O6: what the book says is used and locked -------------------------- */

static void note(struct fresh *f, const struct address *generator,
		 uint64_t used, const struct amount *locked)
{
	for (unsigned i = 0; i < GENERATORS; i++) {
		struct address a = market_generator(i);

		if (!address_eq(&a, generator))
			continue;
		f->used[i] = used;
		f->locked[i] = locked->v.limb[0];
	}
}

static enum err on_book_out(struct sink *sink, uint16_t number,
			    struct bytes body)
{
	struct fresh *f = FRESH(sink, book_out);
	struct msg_generator_set g;
	struct msg_task_started s;
	struct msg_task_ended t;
	struct msg_assignment_refused r;

	tape_take(f->book_tape, number, body);
	if (number == MSG_GENERATOR_SET && !msg_generator_set_decode(&g, body))
		note(f, &g.generator, g.used_compute, &g.locked);
	if (number == MSG_TASK_STARTED && !msg_task_started_decode(&s, body))
		note(f, &s.generator, s.used_compute, &s.locked);
	if (number == MSG_TASK_ENDED && !msg_task_ended_decode(&t, body))
		note(f, &t.generator, t.used_compute, &t.locked);
	if (number == MSG_ASSIGNMENT_REFUSED &&
	    !msg_assignment_refused_decode(&r, body))
		f->valid_until[r.request_id] = 0;
	must(match_receive(f->match, &f->match_out, number, body), "matcher");
	return ERR_NONE;
}

static enum err on_chain_out(struct sink *sink, uint16_t number,
			     struct bytes body)
{
	struct fresh *f = FRESH(sink, chain);

	tape_take(f->chain_tape, number, body);
	must(book_receive(f->book, &f->book_out, number, body), "book");
	must(watch_receive(f->watch, NULL, number, body), "watch");
	return ERR_NONE;
}

/* ---- making it ---------------------------------------------------------- */

static void take_block(struct fresh *f, const struct sim_block *b)
{
	struct evm_header h = {
		.block = {b->number, b->hash, {b->time}},
		.parent = b->parent_hash,
		.base_fee = u256_from_u64(b->base_fee),
		.gas_limit = 30000000,
	};
	struct evm_log *logs = calloc(b->logs_count + 1, sizeof *logs);

	assert(logs);
	for (size_t i = 0; i < b->logs_count; i++) {
		logs[i] = (struct evm_log){.log = b->logs[i].log,
					   .block = b->number,
					   .block_hash = b->hash,
					   .tx = b->logs[i].tx,
					   .index = (uint32_t)i};
		logs[i].log.data = buf_bytes(&b->logs[i].data);
	}
	must(index_block(f->index, &f->chain, &h, logs, b->logs_count),
	     "indexer");
	free(logs);
}

static struct fresh *fresh_new(unsigned lifetime_s, unsigned depth)
{
	struct fresh *f = calloc(1, sizeof *f);
	struct index_config config = {.start_block = market_world.start_block,
				      .depth = depth};
	struct match_rule rule = MATCH_RULE_DEFAULT;
	struct msg_chain_opened opened = {
		.chain_id = market_world.chain_id,
		.genesis = sim_block_at(sim_head(), 0)->hash,
		.start_block = market_world.start_block,
		.marketplace = market_world.marketplace,
		.registry = market_world.registry,
		.keys = market_world.keys};

	assert(f);
	f->chain.put = on_chain_out;
	f->book_out.put = on_book_out;
	f->match_out.put = on_match_out;
	f->chain_tape = tape_new("chain");
	f->book_tape = tape_new("book");
	f->match_tape = tape_new("match");
	rule.lifetime_s = lifetime_s;
	must(index_new(&f->index, &config), "indexer");
	must(book_new(&f->book, depth), "book");
	must(match_new(&f->match, &rule, depth), "matcher");
	must(watch_new(&f->watch, depth), "watch");
	must(index_open(f->index, &f->chain, &opened), "indexer");
	for (uint64_t n = market_world.start_block; n <= sim_head()->number;
	     n++)
		take_block(f, sim_block_at(sim_head(), n));
	return f;
}

static void fresh_free(struct fresh *f)
{
	index_free(&f->index);
	book_free(&f->book);
	match_free(&f->match);
	watch_free(&f->watch);
	tape_free(&f->chain_tape);
	tape_free(&f->book_tape);
	tape_free(&f->match_tape);
	buf_free(&f->chain.scratch);
	buf_free(&f->book_out.scratch);
	buf_free(&f->match_out.scratch);
	free(f);
}

/* ---- O1: the same decisions and the same state -------------------------- */

static void same_state(const struct fresh *f, const struct process *p)
{
	const struct program *program = process_program(p);
	struct hash32 have, want;

	if (!process_is_up(p) || !program->hash ||
	    !program->hash(process_self(p), &have))
		return;
	if (strcmp(program->name, "orderbook") == 0)
		book_hash(f->book, &want);
	else if (strcmp(program->name, "matcher") == 0)
		match_hash(f->match, &want);
	else
		watch_hash(f->watch, &want);
	if (!hash32_eq(&have, &want))
		wrong("O1: the state of %s.%s isn't that of a fresh one",
		      program->name, process_instance(p));
}

/* What the logs say, log numbers and dead branches aside. */
static void same_logs(const struct fresh *f)
{
	const struct tape *wanted[] = {f->chain_tape, f->book_tape,
				       f->match_tape};
	static const char *const logs[] = {"chain", "book", "match"};

	for (unsigned i = 0; i < sizeof logs / sizeof logs[0]; i++) {
		struct tape *t = tape_of_store(logs[i]);

		tapes_compare(t, wanted[i]);
		tape_free(&t);
	}
}

/* ---- the others --------------------------------------------------------- */

static bool can_wait(const struct market_state *s, const struct m_request *r,
		     uint64_t now)
{
	return r->state != ABI_REQUEST_STATE_OPEN || r->spread ||
	       r->expiry < now || s->closed[r->market];
}

static void check_requests(void)
{
	const struct sim_block *head = sim_head();
	const struct market_state *s = &head->state;

	for (uint64_t id = 1; id <= s->requests_count; id++) {
		const struct m_request *r = &s->requests[id - 1];

		if (!can_wait(s, r, head->time))
			wrong("O2: request %" PRIu64 " waits, and there is "
			      "somebody for it",
			      id);
		if (r->state == ABI_REQUEST_STATE_ASSIGNED &&
		    r->deadline + LATE_S < head->time)
			wrong("O8: request %" PRIu64 " is overdue since "
			      "%" PRIu64 " s, and nobody slashes",
			      id, head->time - r->deadline);
	}
}

static void check_sums(const struct fresh *f)
{
	const struct market_state *s = &sim_head()->state;

	for (unsigned i = 0; i < GENERATORS; i++) {
		const struct m_generator *g = &s->generators[i];
		uint64_t used = 0, locked = 0;

		for (uint64_t k = 0; k < s->requests_count; k++) {
			const struct m_request *r = &s->requests[k];

			if (r->state != ABI_REQUEST_STATE_ASSIGNED ||
			    r->generator != i)
				continue;
			used += r->compute;
			locked += market_penalties[r->market];
		}
		if (used != g->used || locked != g->locked)
			wrong("O6: the contract's own sums of generator %u", i);
		if (g->registered &&
		    (used != f->used[i] || locked != f->locked[i]))
			wrong("O6: the book has %" PRIu64 " used, %" PRIu64
			      " locked of generator %u; the chain %" PRIu64
			      " and %" PRIu64,
			      f->used[i], f->locked[i], i, used, locked);
	}
}

static struct oracle_counts counts;

static void count(const struct fresh *f)
{
	const struct market_state *s = &sim_head()->state;

	counts.requests = s->requests_count;
	counts.decisions = f->decisions;
	for (uint64_t k = 0; k < s->requests_count; k++) {
		uint8_t state = s->requests[k].state;

		counts.assigned += state >= ABI_REQUEST_STATE_ASSIGNED &&
				   state <= ABI_REQUEST_STATE_SLASHED;
		counts.fulfilled += state == ABI_REQUEST_STATE_FULFILLED;
		counts.slashed += state == ABI_REQUEST_STATE_SLASHED;
		counts.cancelled += state == ABI_REQUEST_STATE_CANCELLED;
	}
}

struct oracle_counts oracle_counts(void)
{
	return counts;
}

void oracles_check(unsigned lifetime_s, unsigned depth)
{
	struct fresh *f = fresh_new(lifetime_s, depth);

	same_logs(f);
	for (unsigned i = 0; i < process_count(); i++)
		same_state(f, process_at(i));
	check_requests();
	check_sums(f);
	count(f);
	fresh_free(f);
}

/* ---- O3, while it runs -------------------------------------------------- */

static bool is_signed(const struct entry *e, const struct hash32 *hash,
		      struct msg_tx_signed *m)
{
	return e->type == MSG_TX_SIGNED && !msg_tx_signed_decode(m, e->body) &&
	       hash32_eq(&m->hash, hash);
}

static const char *const sender_logs[ACCOUNTS] = {"task", "slash", NULL};

static bool in_log(const char *log, const struct hash32 *hash,
		   struct msg_tx_signed *m)
{
	for (uint64_t n = store_log_size(log); n; n--) {
		struct entry e = store_log_entry(log, n);

		if (is_signed(&e, hash, m))
			return true;
	}
	return false;
}

static bool on_disk(const char *name, const struct hash32 *hash)
{
	struct msg_tx_signed m;

	for (uint64_t n = disk_size(name); n; n--) {
		struct entry e = disk_entry(name, n);

		if (is_signed(&e, hash, &m))
			return true;
	}
	return false;
}

void check_sent(unsigned from, const struct hash32 *hash)
{
	const struct process *p = process_current();
	struct msg_tx_signed m;
	char name[96];

	snprintf(name, sizeof name, "%s.%s/journal.db",
		 process_program(p)->name, process_instance(p));
	if (!on_disk(name, hash))
		wrong("O3: %s.%s sends what isn't in its journal",
		      process_program(p)->name, process_instance(p));
	if (sender_logs[from] && !in_log(sender_logs[from], hash, &m))
		wrong("O3: %s.%s sends what isn't in its log",
		      process_program(p)->name, process_instance(p));
}

bool check_is_of_branch(unsigned from, const struct hash32 *hash,
			const struct hash32 *hashes, uint64_t count)
{
	struct msg_tx_signed m;

	return sender_logs[from] && in_log(sender_logs[from], hash, &m) &&
	       m.decided_on.number < count &&
	       hash32_eq(&hashes[m.decided_on.number], &m.decided_on.hash);
}
