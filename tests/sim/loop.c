/* common/loop.h on virtual time: timers are events of the world. */
#include "common/loop.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/sim/world_impl.h"

struct loop_timer {
	struct loop *loop;
	unsigned ms;
	bool once;
	loop_fn *fn;
	void *arg;
	struct world_event *event;
	struct loop_timer *next, **link;
};

struct loop {
	struct process *owner;
	bool stopped;
	struct loop_timer *timers;
};

bool loop_is_stopped(const struct loop *l)
{
	return l->stopped;
}

enum err loop_new(struct loop **out)
{
	struct loop *l = calloc(1, sizeof *l);

	if (!l)
		return ERR_NO_MEMORY;
	l->owner = process_current();
	process_set_loop(l->owner, l);
	*out = l;
	return ERR_NONE;
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	if (!l)
		return;
	while (l->timers) {
		struct loop_timer *t = l->timers;

		loop_timer_cancel(l, &t);
	}
	if (process_loop(l->owner) == l)
		process_set_loop(l->owner, NULL);
	free(l);
	*loop = NULL;
}

void loop_run(struct loop *l)
{
	if (!l->stopped)
		process_yield(l->owner);
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

static void free_timer(struct loop_timer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	free(t);
}

static void on_timer(void *arg)
{
	struct loop_timer *t = arg;
	loop_fn *fn = t->fn;
	void *with = t->arg;

	t->event = NULL;
	if (t->once)
		free_timer(t);
	else
		t->event = world_after(1000 * (uint64_t)t->ms, t->loop->owner,
				       on_timer, t);
	fn(with);
}

struct loop_timer *loop_timer(struct loop *l, unsigned ms, bool once,
			      loop_fn *fn, void *arg)
{
	struct loop_timer *t = calloc(1, sizeof *t);

	assert(t);
	*t = (struct loop_timer){l,   ms,   once,      fn,
				 arg, NULL, l->timers, &l->timers};
	if (t->next)
		t->next->link = &t->next;
	l->timers = t;
	t->event = world_after(1000 * (uint64_t)ms, l->owner, on_timer, t);
	return t;
}

void loop_timer_cancel(struct loop *l, struct loop_timer **timer)
{
	struct loop_timer *t = *timer;

	(void)l;
	if (!t)
		return;
	world_cancel(&t->event);
	free_timer(t);
	*timer = NULL;
}
