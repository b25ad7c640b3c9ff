/* Snapshot, then the input log, entry by entry, into the service's own log. */
#include "common/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"
#include "common/saver.h"
#include "common/trace.h"

static struct metric folded = METRIC(COUNTER, "log_folded_total",
				     "entries of the input log dealt with");
enum { KEY_ROOM = 24 };

struct fold {
	struct sink sink; /* first: the core's sink is this fold */
	struct frame *frame;
	struct fold_core core;
	struct follow *follow;
	struct saver *saver;
	uint64_t done;	    /* newest input entry dealt with */
	bool at_mark;	    /* entry `done` is one */
	bool due;	    /* a mark has been passed since the last flush */
	bool unsettled;	    /* … or since all that is there was dealt with */
	char key[KEY_ROOM]; /* of what is kept with the next put; "" if nothing
			     */
	struct buf value;
};

static enum err sink_put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct fold *f = (struct fold *)sink;
	struct record record = {f->key, buf_bytes(&f->value), f->core.keep_s};
	enum err e = writer_put(f->frame->writer, number, body,
				*f->key ? &record : NULL);

	*f->key = 0;
	return e;
}

static enum err sink_keep(struct sink *sink, const char *key,
			  struct bytes value)
{
	struct fold *f = (struct fold *)sink;

	snprintf(f->key, sizeof f->key, "%s", key);
	buf_clear(&f->value);
	/* Stamped with the entry that it comes with: a reader of the log knows
	 * whether it is older or newer than what he has. */
	buf_put_be64(&f->value, writer_put_number(f->frame->writer) + 1);
	buf_put(&f->value, value.data, value.size);
	return buf_err(&f->value);
}

/* What waits to be appended; a silent core has nothing. */
static size_t waiting(const struct fold *f)
{
	return f->core.silent ? 0 : writer_waiting(f->frame->writer);
}

/* Where a snapshot would be taken; false: there can't be one just now. */
static bool find_place(const struct fold *f, struct snapshot *at)
{
	const struct writer *w = f->frame->writer;

	*at = (struct snapshot){.epoch = f->frame->epoch, .input = f->done};
	/* Within a block there is no state; and what isn't in the log yet may
	 * never come to be there. */
	if (f->done == saver_saved(f->saver) || !f->at_mark || waiting(f))
		return false;
	if (f->core.silent)
		return true;
	at->output = writer_put_number(w);
	return at->output >= writer_logged(w); /* else still replaying */
}

/* With what its entries are of: the one that says it may be trimmed away. */
static enum err save(void *arg, struct buf *out)
{
	struct fold *f = arg;
	enum err e = f->core.save(f->core.self, out);

	if (e)
		return e;
	trace_put_origin(out);
	return buf_err(out);
}

static void snapshot_if_due(struct fold *f)
{
	struct snapshot at;

	if (f->done - saver_saved(f->saver) < f->frame->market.snapshot_every ||
	    !saver_is_ready(f->saver))
		return;
	if (waiting(f))
		frame_flush(f->frame);
	if (find_place(f, &at))
		saver_begin(f->saver, &at, save, f);
}

static enum err on_entry(void *arg, const struct entry *entry)
{
	struct fold *f = arg;
	enum err e = f->core.receive(f->core.self, &f->sink, entry->type,
				     entry->body);

	if (e == ERR_MALFORMED)
		return e;
	if (e) {
		log_error("log.contradiction",
			  "log=%s number=%" PRIu64 " type=0x%04x err=%s",
			  f->core.reads, entry->number, entry->type,
			  err_name(e));
		return ERR_CONFLICT;
	}
	f->done = entry->number;
	if (!f->core.silent)
		writer_answered(f->frame->writer, f->done);
	metric_add(&folded, 1);
	f->at_mark = f->core.is_mark(entry->type);
	f->due = f->due || f->at_mark;
	if (f->at_mark)
		snapshot_if_due(f);
	return ERR_NONE;
}

/* Far behind, nobody waits: go on while Redis writes. */
static void append(struct fold *f)
{
	if (f->core.silent)
		return;
	if (follow_is_live(f->follow))
		frame_flush(f->frame);
	else
		frame_push(f->frame);
}

static void on_caught_up(void *arg)
{
	struct fold *f = arg;

	if (f->due || waiting(f) >= STORE_ENTRIES_MAX) {
		f->due = false;
		f->unsettled = true;
		append(f);
	}
	if (!f->unsettled)
		return;
	f->unsettled = !follow_is_live(f->follow);
	if (f->core.settled)
		f->core.settled(f->core.self);
	if (!f->core.silent)
		frame_set_ready(f->frame, !f->unsettled, "catching up");
}

static void on_failed(void *arg, enum err e)
{
	struct fold *f = arg;

	frame_stop(f->frame, "follow.ended", e);
}

static const struct follow_handlers handlers = {
	.entry = on_entry, .caught_up = on_caught_up, .failed = on_failed};

/* The newest snapshot into the core; @from says where it leads. */
static enum err load(struct fold *f, struct snapshot *from)
{
	const char *service = f->frame->service->name;
	enum err e = store_snapshot_read(f->frame->store, service,
					 f->frame->epoch, from);

	if (e == ERR_NOT_FOUND)
		return ERR_NONE;
	if (e)
		return e;
	e = f->core.load(f->core.self,
			 trace_take_origin(buf_bytes(&from->state)));
	if (e) {
		log_warn(
			"snapshot.unfit",
			"err=%s text=\"another version wrote it; replaying the "
			"whole log\"",
			err_name(e));
		from->input = from->output = 0;
	} else {
		log_info("snapshot.loaded", "input=%" PRIu64 " bytes=%zu",
			 from->input, from->state.size);
	}
	buf_free(&from->state);
	return ERR_NONE;
}

/* Nobody is to take away what we need: the older snapshot's place, or that of
 * the only one, from now on. */
static enum err sign_up(struct fold *f)
{
	struct frame *frame = f->frame;
	const struct store_fold *is = store_fold(frame->service->name);
	struct snapshot newest, oldest;
	enum err e;

	if (!is)
		return ERR_NONE;
	e = store_snapshot_places(frame->store, is->service, frame->epoch,
				  &newest, &oldest);
	if (!e)
		e = store_register(frame->store, is->reads, is->service,
				   oldest.input);
	if (!e && is->writes)
		e = store_register(frame->store, is->writes, is->service,
				   oldest.output);
	return e;
}

/* Whether the input log goes on where @from leads. */
static enum err check_input(struct fold *f, const struct snapshot *from)
{
	struct frame *frame = f->frame;
	uint64_t first, last;
	enum err e = store_first(frame->store, f->core.reads, &first);

	if (!e)
		e = store_last(frame->store, f->core.reads, &last);
	if (e)
		return e;
	if (last < from->input)
		return ERR_BEHIND;
	if (first <= from->input + 1)
		return ERR_NONE;
	log_error("log.trimmed",
		  "log=%s first=%" PRIu64 " have=%" PRIu64 " text=\"older "
		  "entries of the log are gone, and there is no snapshot to "
		  "go on from: the logs are derived from the chain again\"",
		  f->core.reads, first, from->input);
	frame_end_epoch(frame);
	return ERR_TRIMMED;
}

enum err fold_new(struct fold **out, struct frame *frame,
		  const struct fold_core *core)
{
	struct fold *f = calloc(1, sizeof *f);
	struct follow_source source = frame_source(frame, core->reads);
	struct follow_handlers h = handlers;
	struct snapshot from = {.input = 0};
	enum err e;

	if (!f)
		return ERR_NO_MEMORY;
	metric_register(&folded);
	*f = (struct fold){.sink = {.put = sink_put, .keep = sink_keep},
			   .frame = frame,
			   .core = *core};
	h.arg = f;
	e = sign_up(f);
	if (!e)
		e = load(f, &from);
	f->done = from.input;
	/* There may be nothing after it: then it is all that there is. */
	f->at_mark = f->unsettled = from.input != 0;
	if (!e)
		e = check_input(f, &from);
	if (!e)
		e = saver_new(&f->saver, frame, &from);
	if (!e && !core->silent)
		e = frame_open_log(frame, from.output);
	if (!e && !core->silent)
		writer_answered(frame->writer, from.input);
	if (!e)
		e = follow_new(&f->follow, &source, from.input + 1, &h);
	if (e)
		fold_free(&f);
	*out = f;
	return e;
}

void fold_free(struct fold **fold)
{
	struct fold *f = *fold;

	if (!f)
		return;
	follow_free(&f->follow);
	saver_free(&f->saver);
	buf_free(&f->sink.scratch);
	buf_free(&f->value);
	free(f);
	*fold = NULL;
}

void fold_snapshot(struct fold *f)
{
	struct snapshot at;

	if (f && !f->frame->reloading && find_place(f, &at))
		saver_write_now(f->saver, &at, save, f);
}

void fold_status(const struct fold *f, struct status *out)
{
	status_number(out, "read", f->done);
	saver_status(f->saver, out);
}

bool fold_is_live(const struct fold *f)
{
	return follow_is_live(f->follow);
}

uint64_t fold_done(const struct fold *f)
{
	return f->done;
}
