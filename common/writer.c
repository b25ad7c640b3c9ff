/* A queue between a core and its log. */
#include "common/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"
#include "msg.h"

enum {
	UNDER_WAY_MAX = STORE_UNDER_WAY_MAX,
	RECORDS_MAX = 8, /* of one append */
	KEY_ROOM = 24,
};

static struct metric appended =
	METRIC(COUNTER, "log_appended_total", "entries appended to our log");
static struct metric append_time =
	METRIC(HISTOGRAM, "log_append_seconds",
	       "time from sending an append to its being durable");

static char written_log[40];
static struct metric written = METRIC_LABELLED(
	GAUGE, "log_written_entry", written_log,
	"number of the newest entry that is durable in our log");

/* One entry that waits. Its bytes are in the writer's buffer. */
struct waiting {
	size_t at, size;
	size_t record_at, record_size; /* size 0: no record */
	char record_key[KEY_ROOM];
	uint32_t record_ttl_s;
	uint16_t type;
	struct cursor after; /* once this entry is in the log */
};

/* An append that was sent and not yet answered. */
struct under_way {
	size_t count;
	uint64_t sent_us;
};

struct writer {
	struct writer_config config;
	uint64_t logged; /* number of the newest entry in the log */
	uint64_t put;	 /* number of the newest entry put */
	uint64_t held;	 /* entries up to this number were there before us */
	struct buf held_body; /* of entry `held` */
	uint16_t held_type;
	struct cursor cursor;  /* as it is in the store */
	struct cursor at;      /* as it is for the next entry put */
	struct waiting *queue; /* [first, last) waits */
	size_t first, last, room;
	size_t sent; /* entries from `first` on that are under way */
	bool tells;  /* somebody waits for what is written: it is told of */
	bool noted;  /* that this version writes to the log */
	bool unsure; /* the outcome of what was under way isn't known */
	struct buf bytes;
	struct under_way under_way[UNDER_WAY_MAX];
	unsigned under_way_count;
};

static enum err keep_held(void *arg, const struct entry *entry)
{
	struct writer *w = arg;

	w->held_type = entry->type;
	buf_put(&w->held_body, entry->body.data, entry->body.size);
	return buf_err(&w->held_body);
}

enum err writer_new(struct writer **out, const struct writer_config *config,
		    uint64_t after)
{
	struct writer *w = calloc(1, sizeof *w);
	uint64_t next;
	enum err e;

	if (!w)
		return ERR_NO_MEMORY;
	metric_register(&appended);
	metric_register(&append_time);
	snprintf(written_log, sizeof written_log, "log=\"%s\"", config->log);
	metric_register(&written);
	w->config = *config;
	w->put = after;
	e = store_last(config->store, config->log, &w->held);
	if (!e)
		e = store_cursor(config->store, config->service, &w->cursor);
	if (!e && w->held > after)
		e = store_read(config->store, config->log, w->held, 1, &next,
			       keep_held, w);
	if (!e && w->held < after)
		e = ERR_BEHIND;
	w->logged = w->held;
	metric_set(&written, (int64_t)w->logged);
	if (e)
		writer_free(&w);
	*out = w;
	return e;
}

void writer_free(struct writer **writer)
{
	struct writer *w = *writer;

	if (!w)
		return;
	buf_free(&w->bytes);
	buf_free(&w->held_body);
	free(w->queue);
	free(w);
	*writer = NULL;
}

/* ---- putting ------------------------------------------------------------ */

static enum err check_held(struct writer *w, uint16_t type, struct bytes body)
{
	if (w->put != w->held)
		return ERR_NONE;
	if (type == w->held_type && body.size == w->held_body.size &&
	    (!body.size ||
	     memcmp(body.data, w->held_body.data, body.size) == 0))
		return ERR_NONE;
	log_error("log.contradicted",
		  "log=%s number=%llu text=\"replaying the input gives another "
		  "entry than the log holds: was it written by another "
		  "version?\"",
		  w->config.log, (unsigned long long)w->put);
	return ERR_CONFLICT;
}

static struct waiting *enqueue(struct writer *w)
{
	if (w->last == w->room) {
		size_t room = w->room ? 2 * w->room : 64;
		struct waiting *grown = realloc(w->queue, room * sizeof *grown);

		if (!grown)
			return NULL;
		w->queue = grown;
		w->room = room;
	}
	return memset(&w->queue[w->last++], 0, sizeof *w->queue);
}

enum err writer_put(struct writer *w, uint16_t type, struct bytes body,
		    const struct record *record)
{
	struct waiting *e;

	if (body.size > STORE_ENTRY_BYTES_MAX)
		return ERR_RANGE;
	w->put++;
	w->at.given++;
	if (w->put <= w->held)
		return check_held(w, type, body);
	e = enqueue(w);
	if (!e)
		return ERR_NO_MEMORY;
	e->type = type;
	e->at = w->bytes.size;
	e->size = body.size;
	e->after = w->at;
	buf_put(&w->bytes, body.data, body.size);
	if (record) {
		e->record_at = w->bytes.size;
		e->record_size = record->value.size;
		e->record_ttl_s = record->ttl_s;
		strncpy(e->record_key, record->key, KEY_ROOM - 1);
		buf_put(&w->bytes, record->value.data, record->value.size);
	}
	return buf_err(&w->bytes);
}

void writer_answered(struct writer *w, uint64_t input)
{
	w->at = (struct cursor){input, 0};
	if (writer_waiting(w) > w->sent)
		w->queue[w->last - 1].after = w->at;
}

/* ---- appending ---------------------------------------------------------- */

/* How many entries from @first of the queue on fit into one append. */
static size_t fitting(const struct writer *w, size_t first)
{
	size_t n = 0, bytes = 0, records = 0;

	while (first + n < w->last && n < STORE_ENTRIES_MAX) {
		const struct waiting *e = &w->queue[first + n];

		bytes += e->size + e->record_size;
		records += e->record_size != 0;
		if (n && (bytes > STORE_BYTES_MAX || records > RECORDS_MAX))
			break;
		n++;
	}
	return n;
}

static struct cursor sent_cursor(const struct writer *w)
{
	return w->sent ? w->queue[w->first + w->sent - 1].after : w->cursor;
}

static enum err send_next(struct writer *w)
{
	struct entry entries[STORE_ENTRIES_MAX];
	struct record records[RECORDS_MAX];
	const struct waiting *next = &w->queue[w->first + w->sent];
	size_t n = fitting(w, w->first + w->sent), records_count = 0;
	struct under_way *u = &w->under_way[w->under_way_count];
	struct append a = {.service = w->config.service,
			   .instance = w->config.instance,
			   .token = w->config.token,
			   .epoch = w->config.epoch,
			   .log = w->config.log,
			   .from = sent_cursor(w),
			   .to = next[n - 1].after,
			   .entries = entries,
			   .entries_count = n,
			   .first = w->logged + w->sent + 1,
			   .records = records};
	enum err e = ERR_NONE;

	if (!w->noted)
		e = store_protocol_note(w->config.store, w->config.log,
					!w->logged);
	if (e)
		return e;
	w->noted = true;
	for (size_t i = 0; i < n; i++) {
		const struct waiting *q = &next[i];

		entries[i] = (struct entry){
			a.first + i, q->type, {w->bytes.data + q->at, q->size}};
		if (q->record_size)
			records[records_count++] = (struct record){
				q->record_key,
				{w->bytes.data + q->record_at, q->record_size},
				q->record_ttl_s};
	}
	a.records_count = records_count;
	e = store_append_send(w->config.store, &a);
	if (e)
		return e;
	*u = (struct under_way){n, metric_now_us()};
	w->under_way_count++;
	w->sent += n;
	return ERR_NONE;
}

static void ring(struct writer *w, size_t count)
{
	for (size_t i = 0; w->config.bus && i < count; i++) {
		const struct waiting *q = &w->queue[w->first + i];
		struct entry entry = {w->logged + i + 1,
				      q->type,
				      {w->bytes.data + q->at, q->size}};

		bus_ring(w->config.bus, w->config.epoch, &entry, i + 1 < count);
	}
}

/* Where the bytes of what waits begin. */
static size_t bytes_first(const struct writer *w)
{
	return w->first < w->last ? w->queue[w->first].at : w->bytes.size;
}

/* Close the gap in front of what waits once it is as long: a writer that
 * pushes for hours is never empty. */
static void let_go(struct writer *w)
{
	size_t gone = bytes_first(w), left = w->bytes.size - gone;

	if (w->first < w->last - w->first || gone < left)
		return;
	w->last -= w->first;
	memmove(w->queue, w->queue + w->first, w->last * sizeof *w->queue);
	w->first = 0;
	if (left)
		memmove(w->bytes.data, w->bytes.data + gone, left);
	w->bytes.size = left;
	for (size_t i = 0; i < w->last; i++) {
		w->queue[i].at -= gone;
		if (w->queue[i].record_size)
			w->queue[i].record_at -= gone;
	}
}

/* What was written about a request, for who follows it through the logs. */
static void tell(const struct writer *w, uint64_t number,
		 const struct waiting *q)
{
	struct bytes body = {w->bytes.data + q->at, q->size};
	uint64_t request;

	if (msg_request(q->type, body, &request))
		log_info("entry.written",
			 "log=%s entry=%" PRIu64 " message=%s request=%" PRIu64,
			 w->config.log, number, msg_name(q->type), request);
}

/* The first @count entries are durable: tell, and let go of them. */
static void settle(struct writer *w, size_t count)
{
	if (!count)
		return;
	metric_add(&appended, (int64_t)count);
	ring(w, count);
	for (size_t i = 0; w->tells && log_shows(LEVEL_INFO) && i < count; i++)
		tell(w, w->logged + i + 1, &w->queue[w->first + i]);
	w->cursor = w->queue[w->first + count - 1].after;
	w->logged += count;
	metric_set(&written, (int64_t)w->logged);
	w->first += count;
	let_go(w);
}

static enum err wait_oldest(struct writer *w)
{
	enum err e = store_append_wait(w->config.store);
	struct under_way u = w->under_way[0];

	if (e)
		return e;
	metric_observe_us(&append_time, metric_now_us() - u.sent_us);
	w->sent -= u.count;
	w->under_way_count--;
	memmove(w->under_way, w->under_way + 1, w->under_way_count * sizeof u);
	settle(w, u.count);
	return ERR_NONE;
}

static enum err compare(void *arg, const struct entry *entry)
{
	struct writer *w = arg;
	const struct waiting *q =
		&w->queue[w->first + (entry->number - w->logged) - 1];

	if (entry->type == q->type && entry->body.size == q->size &&
	    memcmp(entry->body.data, w->bytes.data + q->at, q->size) == 0)
		return ERR_NONE;
	return ERR_CONFLICT;
}

/* After a failure: how much of what was under way was done? */
static enum err find_out(struct writer *w)
{
	uint64_t last, next;
	enum err e;

	/* Answers still to come would be taken for those to what is sent
	 * next. What they say is in the log. */
	while (store_append_pending(w->config.store))
		if (store_append_wait(w->config.store) == ERR_UNREACHABLE)
			break;
	e = store_last(w->config.store, w->config.log, &last);
	w->sent = 0;
	w->under_way_count = 0;
	if (e)
		return e;
	if (last < w->logged)
		return ERR_BEHIND;
	if (last - w->logged > writer_waiting(w))
		return ERR_CONFLICT;
	if (last > w->logged)
		e = store_read(w->config.store, w->config.log, last, 1, &next,
			       compare, w);
	if (e)
		return e;
	settle(w, (size_t)(last - w->logged));
	w->unsure = false;
	return ERR_NONE;
}

/* Somebody else wrote, or the store forgot. */
static enum err why_conflict(const struct writer *w)
{
	uint64_t last;
	enum err e = store_last(w->config.store, w->config.log, &last);

	return e ? e : last < w->logged ? ERR_BEHIND : ERR_CONFLICT;
}

/* @wait: until everything is durable, or only while too much is under way. */
static enum err append(struct writer *w, bool wait)
{
	enum err e;

	w->tells = wait;
	/* Somebody else's call may have found the connection broken. */
	if (store_append_pending(w->config.store) != w->under_way_count)
		w->unsure = true;
	e = w->unsure ? find_out(w) : ERR_NONE;
	while (!e && w->first < w->last) {
		if (w->sent < writer_waiting(w) &&
		    w->under_way_count < UNDER_WAY_MAX)
			e = send_next(w);
		else if (wait || w->sent < writer_waiting(w))
			e = wait_oldest(w);
		else
			break;
	}
	if (e)
		w->unsure = true;
	return e == ERR_CONFLICT ? why_conflict(w) : e;
}

enum err writer_flush(struct writer *w)
{
	return append(w, true);
}

enum err writer_push(struct writer *w)
{
	return append(w, false);
}

size_t writer_waiting(const struct writer *w)
{
	return w->last - w->first;
}

size_t writer_waiting_bytes(const struct writer *w)
{
	return w->bytes.size - bytes_first(w);
}

uint64_t writer_put_number(const struct writer *w)
{
	return w->put;
}

enum err writer_check(const struct writer *w)
{
	uint64_t last;
	enum err e =
		w->unsure ? ERR_NONE
			  : store_last(w->config.store, w->config.log, &last);

	return !e && !w->unsure && last < w->logged ? ERR_BEHIND : e;
}

struct cursor writer_cursor(const struct writer *w)
{
	return w->cursor;
}

uint64_t writer_logged(const struct writer *w)
{
	return w->logged;
}

void writer_beat(struct writer *w)
{
	if (w->config.bus)
		bus_beat(w->config.bus, w->config.epoch, w->logged);
}
