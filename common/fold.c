/* Snapshot, then the input log, entry by entry, into the service's own log. */
#include "common/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"

static struct metric folded = METRIC(COUNTER, "log_folded_total",
				     "entries of the input log dealt with");
static struct metric snapshots =
	METRIC(COUNTER, "snapshot_written_total", "snapshots written");

enum { KEY_ROOM = 24 };

struct fold {
	struct sink sink; /* first: the core's sink is this fold */
	struct frame *frame;
	struct fold_core core;
	struct follow *follow;
	uint64_t done;	    /* newest input entry dealt with */
	uint64_t saved;	    /* as of the newest snapshot */
	bool due;	    /* a mark has been passed since the last flush */
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
	f->due = f->due || f->core.is_mark(entry->type);
	metric_add(&folded, 1);
	return ERR_NONE;
}

/* What waits to be appended; a silent core has nothing. */
static size_t waiting(const struct fold *f)
{
	return f->core.silent ? 0 : writer_waiting(f->frame->writer);
}

static void on_caught_up(void *arg)
{
	struct fold *f = arg;

	if (!f->due && waiting(f) < STORE_ENTRIES_MAX)
		return;
	f->due = false;
	if (!f->core.silent)
		frame_flush(f->frame);
	if (f->core.settled)
		f->core.settled(f->core.self);
	if (f->done - f->saved >= f->frame->market.snapshot_every)
		fold_snapshot(f);
	if (!f->core.silent)
		frame_set_ready(f->frame, follow_is_live(f->follow),
				"catching up");
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
	e = f->core.load(f->core.self, buf_bytes(&from->state));
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
	metric_register(&snapshots);
	*f = (struct fold){.sink = {.put = sink_put, .keep = sink_keep},
			   .frame = frame,
			   .core = *core};
	h.arg = f;
	e = load(f, &from);
	f->done = f->saved = from.input;
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
	buf_free(&f->sink.scratch);
	buf_free(&f->value);
	free(f);
	*fold = NULL;
}

void fold_snapshot(struct fold *f)
{
	struct snapshot s = {.epoch = f->frame->epoch, .input = f->done};
	enum err e;

	/* What isn't in the log yet may never come to be there. */
	if (f->done == f->saved || waiting(f))
		return;
	s.output = f->core.silent ? 0 : writer_put_number(f->frame->writer);
	if (!f->core.silent && s.output < writer_logged(f->frame->writer))
		return; /* still replaying */
	e = f->core.save(f->core.self, &s.state);
	if (!e)
		e = store_snapshot_write(f->frame->store,
					 f->frame->service->name, &s);
	if (e) {
		log_warn("snapshot.failed", "err=%s", err_name(e));
	} else {
		log_info("snapshot.written", "input=%" PRIu64 " bytes=%zu",
			 s.input, s.state.size);
		metric_add(&snapshots, 1);
		f->saved = f->done;
	}
	buf_free(&s.state);
}

bool fold_is_live(const struct fold *f)
{
	return follow_is_live(f->follow);
}

uint64_t fold_done(const struct fold *f)
{
	return f->done;
}
