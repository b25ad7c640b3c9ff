/* world - what a seed decides: the clock, the dice, what happens next, and the
 * processes that it happens to.
 *
 * One run in one thread. Time is virtual and moves from event to event. A
 * process is a service's own main(), on a stack of its own: it runs until it
 * turns its loop, and from there on each of its timers and answers is an event
 * here. Killed, it goes on for the rest of its handler, but nothing that it
 * does has an effect any more: for everybody else it ended at that step. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/types.h"

/* ---- time and dice ------------------------------------------------------ */

uint64_t world_now_us(void);

/* Numbers drawn from here on follow from @salt and the run's seed alone. */
void world_throw(uint64_t salt);

/* Below @below; true in @per_mille of 1000 cases. */
uint64_t draw(uint64_t below);
bool chance(unsigned per_mille);

/* ---- events ------------------------------------------------------------- */

struct process;
struct world_event;
typedef void world_fn(void *arg);

/* Call @fn in @us microseconds, in process @p if it still lives its present
 * life then; NULL: in no process. */
struct world_event *world_after(uint64_t us, struct process *p, world_fn *fn,
				void *arg);

/* The event won't happen; clears the pointer. NULL is none. */
void world_cancel(struct world_event **event);

/* Let everything happen that is due within @us from now. */
void world_run(uint64_t us);

/* ---- processes ---------------------------------------------------------- */

/* A program: tests/sim/program_*.c, each of which includes a main.c. */
struct program {
	const char *name;
	int (*main)(int argc, char **argv);
	uint64_t self_size;
	/* Hash of its core's state, and what it has left to do; may be NULL. */
	bool (*hash)(void *self, struct hash32 *out); /* false: not yet */
	uint64_t (*unfinished)(void *self);	      /* transactions */
};

enum { PROCESSES_MAX = 16 };

struct process *process_new(const struct program *program, const char *instance,
			    char **argv);
void process_start(struct process *p);

/* As kill -9 does, now. */
void process_kill(struct process *p);
/* The same, at the @steps-th durable step from now. */
void process_kill_at(struct process *p, unsigned steps);
/* As SIGTERM does. */
void process_stop(struct process *p);
/* As SIGSTOP and, @us later, SIGCONT do. */
void process_pause(struct process *p, uint64_t us);

unsigned process_count(void);
struct process *process_at(unsigned i);
const struct program *process_program(const struct process *p);
const char *process_instance(const struct process *p);
bool process_is_up(const struct process *p);
void *process_self(const struct process *p); /* its struct; NULL if down */
unsigned process_lives(const struct process *p);

/* The one that runs just now; NULL: the test itself. */
struct process *process_current(void);

/* It was killed: nothing it does has an effect. */
bool process_is_dead(void);

/* It is about to make something durable, or has just done so: true if it is
 * killed here. */
bool process_dies(void);

/* Durable steps of all processes so far; at the @n-th somebody dies. */
uint64_t world_steps(void);
void world_kill_at(uint64_t n);

/* Killed and stopped processes aren't started again; those that are left are
 * stopped as by SIGTERM. Their memory is freed. */
void world_end(void);

/* ---- what is wrong ------------------------------------------------------ */

/* An oracle doesn't hold: say so and end the run with status RUN_WRONG. */
enum { RUN_WRONG = 9 };
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)))
__attribute__((noreturn));

struct world_options {
	uint64_t seed;
	bool verbose;	    /* every log line of the services to stdout */
	const char *folder; /* for state folders */
};
void world_begin(const struct world_options *options);

/* Log lines of the services with this event name so far. */
uint64_t world_logged(const char *event);

#endif /* TESTS_SIM_WORLD_H */
