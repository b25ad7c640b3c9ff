/* What people do, what goes wrong, and a while without either at the end. */
#include "tests/sim/run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/bus.h"
#include "tests/sim/cast.h"
#include "tests/sim/chain.h"
#include "tests/sim/node.h"
#include "tests/sim/oracle.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

enum {
	GAP_US = 120 * 1000, /* between steps, at most */
	CALM_BLOCKS = 90,
	LAST_BLOCKS = 30, /* of the calm: nothing may be left to do once */
	CALM_GAP_US = 400 * 1000,
};

static const char *const fault_names[] = {
#define FAULT(name, text, meaning) text,
	FAULTS
#undef FAULT
};

int fault_by_name(const char *name)
{
	for (int i = 0; i < FAULTS_COUNT; i++)
		if (strcmp(fault_names[i], name) == 0)
			return i;
	return -1;
}

const char *fault_name(unsigned fault)
{
	return fault_names[fault];
}

/* ---- people ------------------------------------------------------------- */

static uint64_t some_request(void)
{
	uint64_t count = sim_head()->state.requests_count;

	return count ? count - draw(count < 24 ? count : 24) : 0;
}

/* One that waits for its proof, if there is one. */
static uint64_t some_task(void)
{
	const struct market_state *s = &sim_head()->state;
	uint64_t id = some_request();

	for (unsigned i = 0; i < 24 && id; i++, id--)
		if (s->requests[id - 1].state == ABI_REQUEST_STATE_ASSIGNED)
			return id;
	return 0;
}

static void quote_act(struct act *a)
{
	a->deed = DEED_QUOTE;
	a->a = 10 + draw(4);
	a->b = 20 + draw(4);
	a->c = draw(3);
}

/* A block that takes more than one append, and sometimes doesn't get them. */
static void crowd_act(bool may_kill)
{
	if (may_kill && chance(500))
		process_kill_at(process_at(0), 1 + (unsigned)draw(8));
	for (uint64_t n = 200 + draw(500); n; n--)
		chain_act(&(struct act){.deed = DEED_STAKE,
					.who = (unsigned)draw(RESCUER)});
}

static void people_act(bool may_kill)
{
	struct act a = {.who = (unsigned)draw(RESCUER),
			.market = (unsigned)draw(MARKETS)};
	unsigned what = (unsigned)draw(100);

	if (what < 3) {
		a.deed = DEED_REGISTER;
		a.a = draw(6);
		a.b = 10 + draw(40);
	} else if (what < 8) {
		a.deed = chance(600) ? DEED_STAKE : DEED_NOTICE;
		a.a = draw(20);
	} else if (what < 10) {
		a.deed = DEED_UNSTAKE;
	} else if (what < 14) {
		a.deed = DEED_COMPUTE;
		a.a = draw(5);
	} else if (what < 15) {
		a.deed = DEED_DEREGISTER;
	} else if (what < 25) {
		quote_act(&a);
	} else if (what < 27) {
		a.deed = DEED_LEAVE;
	} else if (what < 30) {
		a.deed = DEED_KEY;
		a.market = MARKETS - 1;
	} else if (what < 70) {
		a.deed = DEED_REQUEST;
		a.who = (unsigned)draw(2);
		a.a = 9 + draw(5);
		a.b = 19 + draw(5);
		a.c = draw(90);
		a.d = draw(1u << 20);
	} else if (what < 73) {
		a.deed = DEED_CANCEL;
		a.a = some_request();
	} else if (what < 94) {
		a.deed = chance(900) ? DEED_PROVE : DEED_INVALIDATE;
		a.a = some_task();
	} else if (what < 99) {
		a.deed = DEED_ASSIGN;
		a.a = some_request();
	} else if (chance(400)) {
		crowd_act(may_kill);
		return;
	} else if (chance(100)) {
		a.deed = DEED_CLOSE;
		a.market = 1;
	} else {
		return;
	}
	chain_act(&a);
}

static void first_acts(void)
{
	chain_act(&(struct act){.deed = DEED_ENGINE_KEY});
	for (unsigned m = 0; m < MARKETS; m++)
		chain_act(&(struct act){.deed = DEED_MARKET, .market = m});
	chain_mine(2);
	for (unsigned i = 0; i < RESCUER; i++)
		chain_act(&(struct act){.deed = DEED_REGISTER,
					.who = i,
					.a = 2 + draw(5),
					.b = 20 + draw(40)});
	chain_mine(2);
	for (unsigned i = 0; i < RESCUER; i++) {
		struct act a = {.who = i, .market = i % MARKETS};

		quote_act(&a);
		chain_act(&a);
		a.market = (i + 1) % MARKETS;
		chain_act(&a);
	}
	chain_mine(2);
}

/* Somebody who can do everything: whoever waits now, waits for no reason. */
static void call_rescuer(void)
{
	struct act a = {.deed = DEED_REGISTER,
			.who = RESCUER,
			.a = 1 << 20,
			.b = 1 << 20};

	chain_act(&a);
	chain_mine(1);
	for (a.market = 0; a.market < MARKETS; a.market++) {
		a.deed = DEED_QUOTE;
		a.a = a.b = a.c = 1;
		a.b = 15;
		chain_act(&a);
	}
	a.deed = DEED_KEY;
	a.market = MARKETS - 1;
	chain_act(&a);
	chain_mine(1);
}

/* ---- faults ------------------------------------------------------------- */

static struct process *some_process(void)
{
	return process_at((unsigned)draw(process_count()));
}

/* Mostly short, sometimes long. */
static uint64_t some_time(uint64_t short_ms, uint64_t long_ms)
{
	return 1000 * (chance(800) ? draw(short_ms) : draw(long_ms));
}

static void reorganise(void)
{
	unsigned most = chain_unfinal(), depth, length;

	if (most < 2)
		return;
	if (most > 6 && !chance(150))
		most = 6;
	depth = 1 + (unsigned)draw(most);
	length = depth + 1 - (unsigned)draw(3);
	chain_reorganise(depth, length ? length : 1);
	node_new_head();
}

static void do_fault(enum fault fault)
{
	switch (fault) {
	case FAULT_KILL:
		if (chance(300))
			process_kill(some_process());
		else
			process_kill_at(some_process(), 1 + (unsigned)draw(12));
		break;
	case FAULT_STOP:
		process_stop(some_process());
		break;
	case FAULT_PAUSE:
		process_pause(some_process(), some_time(300, 6000));
		break;
	case FAULT_STORE:
		store_fault(chance(500) ? 0 : some_time(500, 4000));
		break;
	case FAULT_BUS:
		bus_cut(some_time(1000, 5000));
		break;
	case FAULT_NODE:
		if (chance(500))
			node_silence((unsigned)draw(NODES),
				     some_time(500, 5000));
		else
			node_freeze((unsigned)draw(NODES),
				    some_time(500, 3000));
		break;
	case FAULT_REORG:
		reorganise();
		break;
	case FAULT_POOL:
		chain_drop_some();
		break;
	case FAULT_FEE:
		chain_raise_fee();
		world_after(some_time(1000, 8000), NULL, chain_lower_fee, NULL);
		break;
	case FAULTS_COUNT:
		break;
	}
}

/* In per mille of the steps. */
static const unsigned shares[FAULTS_COUNT] = {
	[FAULT_KILL] = 25,  [FAULT_STOP] = 5, [FAULT_PAUSE] = 10,
	[FAULT_STORE] = 12, [FAULT_BUS] = 8,  [FAULT_NODE] = 12,
	[FAULT_REORG] = 20, [FAULT_POOL] = 8, [FAULT_FEE] = 6,
};

static void step(const struct run *run)
{
	unsigned what = (unsigned)draw(1000);

	for (unsigned i = 0; i < FAULTS_COUNT; i++) {
		if (what < shares[i]) {
			if (!(run->without >> i & 1))
				do_fault((enum fault)i);
			return;
		}
		what -= shares[i];
	}
	if (what < 300) {
		chain_mine(chance(950) ? 1 + draw(3) : 20);
		node_new_head();
	} else {
		people_act(!(run->without >> FAULT_KILL & 1));
	}
}

/* ---- life --------------------------------------------------------------- */

static uint64_t unfinished(void)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < process_count(); i++) {
		const struct process *p = process_at(i);

		if (process_is_up(p) && process_program(p)->unfinished)
			all += process_program(p)->unfinished(process_self(p));
	}
	return all;
}

/* Nothing goes wrong any more: everything must come to its end. */
static void calm(void)
{
	uint64_t least = UINT64_MAX, left;

	world_throw(1);
	node_be_kind();
	chain_be_kind();
	store_fault(0);
	for (unsigned i = 0; i < process_count(); i++)
		process_kill_at(process_at(i), 0);
	world_run(8 * 1000000);
	call_rescuer();
	for (unsigned i = 0; i < CALM_BLOCKS; i++) {
		chain_mine(1);
		node_new_head();
		world_run(CALM_GAP_US);
		left = unfinished();
		if (i + LAST_BLOCKS >= CALM_BLOCKS && left < least)
			least = left;
	}
	if (least)
		wrong("O3: %" PRIu64 " transactions are never done with",
		      least);
	world_run(3 * 1000000);
}

static bool skipped(const struct run *run, uint64_t i)
{
	return run->skip && run->skip[i / 8] >> i % 8 & 1;
}

static void count(struct run_counts *c)
{
	struct oracle_counts o = oracle_counts();

	c->requests += o.requests;
	c->decisions += o.decisions;
	c->assigned += o.assigned;
	c->fulfilled += o.fulfilled;
	c->slashed += o.slashed;
	c->cancelled += o.cancelled;
	c->transactions += chain_taken();
	c->reorganisations += chain_reorganised();
	c->fenced += world_logged("service.stopping");
	c->durable_steps += world_steps();
	c->blocks += sim_head()->number;
	for (unsigned i = 0; i < process_count(); i++)
		c->lives += process_lives(process_at(i));
}

void run_live(const struct run *run, struct run_counts *counts)
{
	world_begin(&(struct world_options){.seed = run->seed,
					    .verbose = run->verbose,
					    .folder = run->folder});
	cast_make(run->folder);
	chain_begin(chance(750));
	first_acts();
	world_kill_at(run->kill_at);
	cast_start(run->folder);
	for (uint64_t i = 0; i < run->steps; i++) {
		uint64_t gap;

		world_throw(2 * i + 2);
		gap = draw(GAP_US);
		if (!skipped(run, i))
			step(run);
		world_throw(2 * i + 3);
		world_run(gap);
	}
	calm();
	oracles_check(CAST_LIFETIME_S, CAST_DEPTH);
	count(counts);
	world_end();
	chain_forget();
	store_forget();
	disk_forget();
}
