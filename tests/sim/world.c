/* Events in a heap; processes as coroutines. */
#include "tests/sim/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <ucontext.h>

#include "common/frame.h"
#include "tests/sim/world_impl.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

enum {
	STACK_BYTES = 1 << 20,
	RESTART_US = 200 * 1000, /* and as much again, by the dice */
	ARGS_MAX = 24,
};

struct world_event {
	uint64_t at_us, order;
	struct process *process;
	unsigned life;
	world_fn *fn; /* NULL: cancelled */
	void *arg;
};

struct process {
	const struct program *program;
	char instance[8];
	char *argv[ARGS_MAX];
	int argc;
	ucontext_t context;
	void *stack;
	void *self;
	struct loop *loop;
	unsigned life;
	bool up, dead, finished, stopping;
	unsigned fuse; /* durable steps until it dies; 0: it doesn't */
	uint64_t paused_until_us;
	int status;
	void *fake_stack; /* AddressSanitizer's */
};

static struct {
	struct world_options options;
	uint64_t now_us, order, dice, steps, kill_at;
	struct world_event **heap;
	size_t count, room;
	struct process processes[PROCESSES_MAX];
	unsigned processes_count;
	struct process *current;
	ucontext_t scheduler;
	const void *stack_bottom; /* of the scheduler, for the sanitizer */
	size_t stack_size;
	bool ending;
} world = {.now_us = 1000000};

/* ---- time and dice ------------------------------------------------------ */

uint64_t world_now_us(void)
{
	return world.now_us;
}

uint64_t __wrap_metric_now_us(void);
uint64_t __wrap_metric_now_us(void)
{
	return world.now_us;
}

void world_throw(uint64_t salt)
{
	uint64_t v = world.options.seed * 0x9e3779b97f4a7c15u + salt;

	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	world.dice = v ^ v >> 31;
}

uint64_t draw(uint64_t below)
{
	world.dice = world.dice * 6364136223846793005u + 1442695040888963407u;
	return (world.dice >> 33) % below;
}

bool chance(unsigned per_mille)
{
	return draw(1000) < per_mille;
}

ssize_t __wrap_getrandom(void *out, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t size, unsigned flags)
{
	uint8_t *bytes = out;

	(void)flags;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)draw(256);
	return (ssize_t)size;
}

/* A service's nice value would be the simulator's. */
int __wrap_setpriority(int which, int who, int value);
int __wrap_setpriority(int which, int who, int value)
{
	(void)which;
	(void)who;
	(void)value;
	return 0;
}

/* ---- events ------------------------------------------------------------- */

static bool before(const struct world_event *a, const struct world_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void push(struct world_event *e)
{
	size_t i = world.count++;

	if (world.count > world.room) {
		world.room = world.room ? 2 * world.room : 256;
		world.heap = realloc(world.heap,
				     world.room * sizeof(struct world_event *));
		assert(world.heap);
	}
	while (i && before(e, world.heap[(i - 1) / 2])) {
		world.heap[i] = world.heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	world.heap[i] = e;
}

static struct world_event *pop(void)
{
	struct world_event *first = world.heap[0];
	struct world_event *last = world.heap[--world.count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < world.count) {
		if (child + 1 < world.count &&
		    before(world.heap[child + 1], world.heap[child]))
			child++;
		if (before(last, world.heap[child]))
			break;
		world.heap[i] = world.heap[child];
		i = child;
	}
	world.heap[i] = last;
	return first;
}

struct world_event *world_after(uint64_t us, struct process *p, world_fn *fn,
				void *arg)
{
	struct world_event *e = malloc(sizeof *e);

	assert(e);
	*e = (struct world_event){
		world.now_us + us, world.order++, p, p ? p->life : 0, fn, arg};
	push(e);
	return e;
}

void world_cancel(struct world_event **event)
{
	if (*event)
		(*event)->fn = NULL;
	*event = NULL;
}

static void settle_process(struct process *p);

static void happen(struct world_event *e)
{
	struct process *p = e->process;

	if (p && p->paused_until_us > world.now_us) {
		e->at_us = p->paused_until_us;
		push(e);
		return;
	}
	world.current = p;
	if (e->fn && (!p || (p->up && p->life == e->life)))
		e->fn(e->arg);
	free(e);
	world.current = NULL;
	if (p)
		settle_process(p);
}

void world_run(uint64_t us)
{
	uint64_t until = world.now_us + us;

	while (world.count && world.heap[0]->at_us <= until) {
		struct world_event *e = pop();

		if (e->at_us > world.now_us)
			world.now_us = e->at_us;
		happen(e);
	}
	world.now_us = until;
}

/* ---- stacks ------------------------------------------------------------- */

#ifdef __SANITIZE_ADDRESS__
static void leaving(void **save, const void *bottom, size_t size)
{
	__sanitizer_start_switch_fiber(save, bottom, size);
}
static void arrived(void *save, const void **bottom, size_t *size)
{
	__sanitizer_finish_switch_fiber(save, bottom, size);
}
#else
static void leaving(void **save, const void *bottom, size_t size)
{
	(void)save;
	(void)bottom;
	(void)size;
}
static void arrived(void *save, const void **bottom, size_t *size)
{
	(void)save;
	(void)bottom;
	(void)size;
}
#endif

/* Run the process on its own stack until it turns its loop or ends. */
static void enter(struct process *p)
{
	void *mine = NULL;

	world.current = p;
	leaving(&mine, p->stack, STACK_BYTES);
	swapcontext(&world.scheduler, &p->context);
	arrived(mine, NULL, NULL);
	world.current = NULL;
}

void process_yield(struct process *p)
{
	leaving(&p->fake_stack, world.stack_bottom, world.stack_size);
	swapcontext(&p->context, &world.scheduler);
	arrived(p->fake_stack, &world.stack_bottom, &world.stack_size);
}

static void run_main(void)
{
	struct process *p = world.current;

	arrived(NULL, &world.stack_bottom, &world.stack_size);
	p->status = p->program->main(p->argc, p->argv);
	p->finished = true;
	leaving(NULL, world.stack_bottom, world.stack_size);
}

/* The service's struct is a static variable of its main(): here each life has
 * one of its own. */
int __real_service_main(const struct service *service, void *self, int argc,
			char **argv);
int __wrap_service_main(const struct service *service, void *self, int argc,
			char **argv);
int __wrap_service_main(const struct service *service, void *self, int argc,
			char **argv)
{
	struct process *p = world.current;

	(void)self;
	p->self = calloc(1, p->program->self_size);
	assert(p->self);
	return __real_service_main(service, p->self, argc, argv);
}

/* ---- processes ---------------------------------------------------------- */

struct process *process_new(const struct program *program, const char *instance,
			    char **argv)
{
	struct process *p = &world.processes[world.processes_count++];

	assert(world.processes_count <= PROCESSES_MAX);
	p->program = program;
	snprintf(p->instance, sizeof p->instance, "%s", instance);
	while (argv[p->argc]) {
		assert(p->argc < ARGS_MAX - 1);
		p->argv[p->argc] = argv[p->argc];
		p->argc++;
	}
	p->stack = malloc(STACK_BYTES);
	assert(p->stack);
	return p;
}

static void start_again(void *arg)
{
	struct process *p = arg;

	if (!p->up && !world.ending)
		process_start(p);
}

/* What no supervisor would help against, or what must never be. */
static void judge_exit(const struct process *p)
{
	if (p->dead || p->status == EXIT_OK)
		return;
	if (p->status == EXIT_CONFIG)
		wrong("%s.%s says that it can't run like this",
		      p->program->name, p->instance);
}

static void ended(struct process *p)
{
	p->up = false;
	p->fuse = 0;
	free(p->self);
	p->self = NULL;
	judge_exit(p);
	if (!world.ending)
		world_after(RESTART_US + draw(RESTART_US), NULL, start_again,
			    p);
}

void process_start(struct process *p)
{
	p->life++;
	p->up = true;
	p->dead = p->finished = p->stopping = false;
	p->loop = NULL;
	p->paused_until_us = 0;
	p->fake_stack = NULL;
	getcontext(&p->context);
	p->context.uc_stack.ss_sp = p->stack;
	p->context.uc_stack.ss_size = STACK_BYTES;
	p->context.uc_link = &world.scheduler;
	makecontext(&p->context, run_main, 0);
	enter(p);
	if (p->finished)
		ended(p);
	else
		settle_process(p);
}

/* After a handler: it may have left its loop, or died. */
static void settle_process(struct process *p)
{
	if (!p->up || !p->loop || (!loop_is_stopped(p->loop) && !p->dead))
		return;
	loop_stop(p->loop);
	enter(p); /* loop_run() returns, and main() after it */
	assert(p->finished);
	ended(p);
}

void process_kill(struct process *p)
{
	if (!p->up)
		return;
	p->dead = true;
	settle_process(p);
}

void process_kill_at(struct process *p, unsigned steps)
{
	p->fuse = steps;
}

void process_stop(struct process *p)
{
	if (!p->up)
		return;
	loop_stop(p->loop);
	settle_process(p);
}

void process_pause(struct process *p, uint64_t us)
{
	p->paused_until_us = world.now_us + us;
}

unsigned process_count(void)
{
	return world.processes_count;
}

struct process *process_at(unsigned i)
{
	return &world.processes[i];
}

const struct program *process_program(const struct process *p)
{
	return p->program;
}

const char *process_instance(const struct process *p)
{
	return p->instance;
}

bool process_is_up(const struct process *p)
{
	return p->up;
}

void *process_self(const struct process *p)
{
	return p->self;
}

unsigned process_lives(const struct process *p)
{
	return p->life;
}

struct process *process_current(void)
{
	return world.current;
}

bool process_is_dead(void)
{
	return world.current && world.current->dead;
}

bool process_dies(void)
{
	struct process *p = world.current;

	if (!p || p->dead)
		return p != NULL;
	world.steps++;
	if (world.steps == world.kill_at || (p->fuse && --p->fuse == 0))
		p->dead = true;
	return p->dead;
}

uint64_t world_steps(void)
{
	return world.steps;
}

void world_kill_at(uint64_t n)
{
	world.kill_at = n;
}

void world_end(void)
{
	world.ending = true;
	for (unsigned i = 0; i < world.processes_count; i++) {
		process_stop(&world.processes[i]);
		free(world.processes[i].stack);
	}
	while (world.count)
		free(pop());
	free(world.heap);
}

void process_set_loop(struct process *p, struct loop *loop)
{
	p->loop = loop;
}

struct loop *process_loop(const struct process *p)
{
	return p->loop;
}

bool world_is_verbose(void)
{
	return world.options.verbose;
}

/* ---- the rest ----------------------------------------------------------- */

void wrong(const char *format, ...)
{
	va_list args;

	printf("%10.3f seed %" PRIu64 ": ", (double)world.now_us / 1e6,
	       world.options.seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_Exit(RUN_WRONG);
}

void world_begin(const struct world_options *options)
{
	world.options = *options;
	world_throw(0);
}
