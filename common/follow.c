/* One position in a log, moved by doorbells and by reading. */
#include "common/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/crc32c.h"
#include "common/log.h"
#include "common/metric.h"

enum { READ_MAX = 1000, RETRY_MS = 100 };

static struct metric gaps =
	METRIC(COUNTER, "bus_gap_total",
	       "doorbells that were missed, found by a gap or a heartbeat");
static struct metric silences =
	METRIC(COUNTER, "bus_silence_total",
	       "times that nothing was heard for half a second");
static struct metric reads =
	METRIC(COUNTER, "log_read_total", "reads of a log's stream");
static struct metric unreadable = METRIC(COUNTER, "log_unreadable_total",
					 "entries of a log that don't decode");

/* How far each log was read; in the order of rows. */
static struct metric read_entries[] = {
#define LINK(name_, number, writer, meaning)                                   \
	METRIC_LABELLED(GAUGE, "log_read_entry", "log=\"" #name_ "\"",         \
			"number of the newest entry that was read of a log"),
#include "protocol/messages/links.def"
};

struct follow {
	struct follow_source source;
	struct follow_handlers handlers;
	struct metric *read_entry;
	struct bus_in *in;
	struct loop_timer *silence, *reading;
	uint64_t next; /* number of the next entry to give */
	uint32_t crc;  /* of the newest that was given, if there is one */
	bool has_crc;
	uint64_t connections; /* of the store, when it was read last */
	uint64_t heard_us;    /* something new, by doorbell or by reading */
	uint64_t spoken_us;   /* by its writer */
	struct follow *another;
	bool live, ended;
	bool more;	 /* the next read goes on where the last one ended */
	bool suspicious; /* silent at the last look; look once more */
};

static const struct {
	const char *log, *writer;
} rows[] = {
#define LINK(name, number, writer, meaning) {#name, writer},
#include "protocol/messages/links.def"
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* ROWS: there is no such log. */
static size_t row_of(const char *log)
{
	size_t i = 0;

	while (i < ROWS && strcmp(rows[i].log, log) != 0)
		i++;
	return i;
}

const char *follow_writer(const char *log)
{
	size_t i = row_of(log);

	return i < ROWS ? rows[i].writer : NULL;
}

static void end(struct follow *f, enum err e)
{
	f->ended = true;
	f->handlers.failed(f->handlers.arg, e);
}

static void pass(struct follow *f, const struct entry *entry)
{
	f->next = entry->number + 1;
	f->crc = crc32c(entry->type, entry->body.data, entry->body.size);
	f->has_crc = true;
	metric_set(f->read_entry, (int64_t)entry->number);
}

static enum err give(void *arg, const struct entry *entry)
{
	struct follow *f = arg;
	enum err e = f->handlers.entry(f->handlers.arg, entry);

	if (!e)
		pass(f, entry);
	return e;
}

/* Nobody of ours wrote it. What matters is that everybody passes over it. */
static enum err set_aside(struct follow *f, const struct entry *entry)
{
	const struct follow_source *s = &f->source;
	char what[64];
	struct quarantine_item item = {
		.what = what,
		.reason = err_text(ERR_MALFORMED),
		.from = {s->log, s->epoch, entry->number, entry->type, 0},
		.body = entry->body};
	enum err e;

	snprintf(what, sizeof what, "%s:%" PRIu64 " type 0x%04x", s->log,
		 entry->number, entry->type);
	log_error("log.unreadable",
		  "log=%s number=%" PRIu64 " type=0x%04x text=\"it doesn't "
		  "decode: kept in the quarantine, and passed over\"",
		  s->log, entry->number, entry->type);
	metric_add(&unreadable, 1);
	e = quarantine_put(s->store, s->reader, &item, &s->quarantine);
	if (!e)
		pass(f, entry);
	return e;
}

static enum err give_read(void *arg, const struct entry *entry)
{
	enum err e = give(arg, entry);

	return e == ERR_MALFORMED ? set_aside(arg, entry) : e;
}

/* ---- reading ------------------------------------------------------------ */

static void read_more(void *arg);

static void read_in(struct follow *f, unsigned ms)
{
	f->live = false;
	if (!f->reading && !f->ended)
		f->reading = loop_timer(f->source.loop, ms, true, read_more, f);
}

/* Not now, or not at all. */
static void settle(struct follow *f, enum err e)
{
	if (err_class(e) == ERR_CLASS_RETRY)
		read_in(f, RETRY_MS);
	else
		end(f, e);
}

static enum err compare(void *arg, const struct entry *entry)
{
	const struct follow *f = arg;

	return f->crc == crc32c(entry->type, entry->body.data, entry->body.size)
		       ? ERR_NONE
		       : ERR_BEHIND;
}

/* Whether the log still holds what was read from it: Redis may have been
 * emptied, or put back to what it was before that. */
static enum err look_back(struct follow *f)
{
	struct store *s = f->source.store;
	uint64_t next, last;
	enum err e;

	if (!f->has_crc)
		return ERR_NONE;
	e = store_read(s, f->source.log, f->next - 1, 1, &next, compare, f);
	if (e == ERR_TRIMMED)
		return ERR_NONE;
	if (!e && next < f->next)
		e = ERR_BEHIND;
	if (e != ERR_BEHIND)
		return e;
	if (store_last(s, f->source.log, &last))
		last = 0;
	log_error("log.behind",
		  "log=%s read=%" PRIu64 " last=%" PRIu64 " text=\"redis does "
		  "not hold what was read from it: it was emptied, or put back "
		  "to what it was before\"",
		  f->source.log, f->next - 1, last);
	return ERR_BEHIND;
}

/* Read one chunk; the loop turns between chunks. */
static void read_more(void *arg)
{
	struct follow *f = arg;
	uint64_t from = f->next, next;
	enum err e;

	f->reading = NULL; /* freed by its only call */
	if (f->ended)
		return;
	metric_add(&reads, 1);
	e = f->more ? ERR_NONE : look_back(f);
	f->more = false;
	if (!e)
		e = store_read(f->source.store, f->source.log, from, READ_MAX,
			       &next, give_read, f);
	if (e) {
		settle(f, e);
		return;
	}
	if (next - from == READ_MAX) {
		f->handlers.caught_up(f->handlers.arg);
		read_in(f, 1);
		f->more = true;
		return;
	}
	f->live = true;
	f->heard_us = metric_now_us();
	f->connections = store_connections(f->source.store);
	f->handlers.caught_up(f->handlers.arg);
}

/* ---- doorbells ---------------------------------------------------------- */

static void on_frame(void *arg, uint64_t epoch, const struct entry *entry)
{
	struct follow *f = arg;
	uint64_t newest = entry->number;

	if (f->ended)
		return;
	if (epoch != f->source.epoch) {
		uint64_t now;

		/* The store decides whether a new life has begun. */
		if (store_epoch(f->source.store, &now) == ERR_NONE &&
		    now != f->source.epoch)
			end(f, ERR_EPOCH);
		return;
	}
	f->heard_us = f->spoken_us = metric_now_us();
	if (!f->live)
		return; /* what we are reading will cover it */
	if (f->connections != store_connections(f->source.store)) {
		read_in(f, 0); /* and look back */
		return;
	}
	if (entry->type != 0 && newest == f->next) {
		enum err e = give(f, entry);

		if (e == ERR_MALFORMED)
			read_in(f, 0); /* is it so in the log, too? */
		else if (e)
			settle(f, e);
	} else if (newest >= f->next) {
		metric_add(&gaps, 1);
		read_in(f, 0);
	}
}

static void on_drained(void *arg)
{
	struct follow *f = arg;

	if (f->live && !f->ended)
		f->handlers.caught_up(f->handlers.arg);
}

static void on_silence(void *arg)
{
	struct follow *f = arg;

	if (!f->live || f->ended ||
	    metric_now_us() - f->heard_us < BUS_SILENCE_MS * 1000) {
		f->suspicious = false;
		return;
	}
	/* After a pause of our own the frames are there, but not read yet. */
	f->suspicious = !f->suspicious;
	if (f->suspicious)
		return;
	metric_add(&silences, 1);
	read_in(f, 0);
}

enum err follow_new(struct follow **out, const struct follow_source *source,
		    uint64_t from, const struct follow_handlers *handlers)
{
	struct follow *f = calloc(1, sizeof *f);
	enum err e;

	if (!f)
		return ERR_NO_MEMORY;
	metric_register(&gaps);
	metric_register(&silences);
	metric_register(&reads);
	metric_register(&unreadable);
	*f = (struct follow){.source = *source,
			     .handlers = *handlers,
			     .read_entry = &read_entries[row_of(source->log)],
			     .next = from,
			     .spoken_us = metric_now_us()};
	metric_register(f->read_entry);
	metric_set(f->read_entry, (int64_t)from - 1);
	/* Listen first: what comes while we read is then not missed twice. */
	e = bus_in_open(&f->in, source->loop, source->bus_at,
			follow_writer(source->log), source->instances, on_frame,
			on_drained, f);
	if (e) {
		free(f);
		return e;
	}
	f->silence = loop_timer(source->loop, BUS_SILENCE_MS / 4, false,
				on_silence, f);
	read_in(f, 0);
	if (source->all) {
		f->another = *source->all;
		*source->all = f;
	}
	*out = f;
	return ERR_NONE;
}

void follow_free(struct follow **follow)
{
	struct follow *f = *follow;

	if (!f)
		return;
	for (struct follow **p = f->source.all; p && *p; p = &(*p)->another)
		if (*p == f) {
			*p = f->another;
			break;
		}
	loop_timer_cancel(f->source.loop, &f->silence);
	loop_timer_cancel(f->source.loop, &f->reading);
	bus_in_close(&f->in);
	free(f);
	*follow = NULL;
}

uint64_t follow_given(const struct follow *follow)
{
	return follow->next - 1;
}

const char *follow_log(const struct follow *follow)
{
	return follow->source.log;
}

struct follow *follow_next(const struct follow *follow)
{
	return follow->another;
}

uint64_t follow_heard_us(const struct follow *follow)
{
	return follow->spoken_us;
}

bool follow_is_live(const struct follow *follow)
{
	return follow->live && !follow->ended;
}
