/* common/saver.h without a fork: the state is taken at once, and written some
 * time later, or not. */
#include "common/saver.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/world.h"

enum { WRITE_US = 400 * 1000 };

struct saver {
	struct frame *frame;
	struct process *owner;
	struct snapshot at;	   /* that is being written */
	struct world_event *event; /* NULL: none is */
	uint64_t saved;
};

enum err saver_new(struct saver **out, struct frame *frame,
		   const struct snapshot *newest)
{
	struct saver *s = calloc(1, sizeof *s);

	assert(s);
	s->frame = frame;
	s->owner = process_current();
	s->saved = newest->input;
	*out = s;
	return ERR_NONE;
}

/* The copy is killed. */
static void abandon(struct saver *s)
{
	world_cancel(&s->event);
	buf_free(&s->at.state);
}

void saver_free(struct saver **saver)
{
	if (!*saver)
		return;
	abandon(*saver);
	free(*saver);
	*saver = NULL;
}

bool saver_is_ready(struct saver *s)
{
	return !s->event;
}

static void take(struct saver *s, const struct snapshot *at, saver_fn *save,
		 void *arg)
{
	s->at = (struct snapshot){at->epoch, at->input, at->output, {0}};
	if (save(arg, &s->at.state))
		abort();
}

static void write_out(void *arg)
{
	struct saver *s = arg;
	struct store_writer w = frame_writer(s->frame);

	s->event = NULL;
	if (!chance(50) && !store_snapshot_write(s->frame->store, &w, &s->at))
		s->saved = s->at.input;
	buf_free(&s->at.state);
}

void saver_begin(struct saver *s, const struct snapshot *at, saver_fn *save,
		 void *arg)
{
	take(s, at, save, arg);
	s->event = world_after(draw(WRITE_US), s->owner, write_out, s);
}

void saver_write_now(struct saver *s, const struct snapshot *at, saver_fn *save,
		     void *arg)
{
	abandon(s);
	take(s, at, save, arg);
	write_out(s);
}

uint64_t saver_saved(const struct saver *s)
{
	return s->saved;
}

void saver_status(const struct saver *s, struct status *out)
{
	status_number(out, "snapshot", s->saved);
}
