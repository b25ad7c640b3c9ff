/* run - one seed: a market with all its services, lived through step by step.
 */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

/* FAULT(NAME, "name", what happens) */
#define FAULTS                                                                 \
	FAULT(KILL, "kill",                                                    \
	      "kill -9 of a process, at one of its durable steps")             \
	FAULT(STOP, "stop", "SIGTERM")                                         \
	FAULT(PAUSE, "pause", "SIGSTOP, also past the lease")                  \
	FAULT(STORE, "store", "Redis gone, appends under way lost or not")     \
	FAULT(BUS, "bus", "nobody hears a doorbell")                           \
	FAULT(NODE, "node", "a node silent, or behind")                        \
	FAULT(REORG, "reorg", "re-organisations, down to finality")            \
	FAULT(POOL, "pool", "transactions dropped from the mempool")           \
	FAULT(FEE, "fee", "the base fee rises above what was signed")

enum fault {
#define FAULT(name, text, meaning) FAULT_##name,
	FAULTS
#undef FAULT
		FAULTS_COUNT,
};

/* Name to enum fault; -1: there is none. */
int fault_by_name(const char *name);
const char *fault_name(unsigned fault);

struct run {
	uint64_t seed, steps;
	const uint8_t *skip; /* bits of steps that don't happen; NULL: none */
	unsigned without;    /* bits of enum fault that don't happen */
	uint64_t kill_at;    /* durable step at which somebody dies; 0: none */
	const char *folder;  /* for this run's files; exists */
	bool verbose;
};

/* What happened, added up. */
struct run_counts {
	uint64_t requests, decisions, assigned, fulfilled, slashed, cancelled;
	uint64_t transactions, lives, reorganisations, fenced, durable_steps;
	uint64_t blocks;
};

/* Live through it in this process; ends it with RUN_WRONG if an oracle
 * doesn't hold. */
void run_live(const struct run *run, struct run_counts *counts);

#endif /* TESTS_SIM_RUN_H */
