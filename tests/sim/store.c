/* Logs, leases, cursors and snapshots of one deployment. */
#include "tests/sim/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quarantine.h"
#include "tests/sim/break.h"
#include "tests/sim/entries.h"
#include "tests/sim/world.h"

enum {
	LOGS = 8,
	SERVICES = 8,
	SNAPSHOTS = 2,
};

struct service_row {
	char name[NAME_ROOM];
	char holder[NAME_ROOM]; /* of the lease: instance */
	uint64_t token, until_us;
	struct cursor cursor;
	struct snapshot snapshots[SNAPSHOTS]; /* newest first */
	unsigned snapshots_count;
};

static struct {
	uint64_t epoch;
	struct entries logs[LOGS];
	struct service_row services[SERVICES];
	uint64_t down_until_us;
	uint64_t break_count; /* connections made before it are broken */
	struct store *first;
} db;

/* An append that was sent. */
struct under_way {
	struct append a;
	struct entry entries[STORE_ENTRIES_MAX];
	uint8_t *bytes;
	bool done;
	enum err verdict;
};

struct store {
	uint64_t connected; /* db.break_count then */
	struct under_way *under_way[STORE_UNDER_WAY_MAX];
	unsigned count;
	uint64_t reads;
	struct store *next, **link;
};

/* ---- rows --------------------------------------------------------------- */

static struct entries *log_of(const char *name)
{
	return entries_named(db.logs, LOGS, name);
}

static struct service_row *service_of(const char *name)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		if (!*db.services[i].name)
			snprintf(db.services[i].name, NAME_ROOM, "%s", name);
		if (strcmp(db.services[i].name, name) == 0)
			return &db.services[i];
	}
	abort();
}

uint64_t store_log_size(const char *log)
{
	return log_of(log)->count;
}

struct entry store_log_entry(const char *log, uint64_t number)
{
	return entries_at(log_of(log), number);
}

/* ---- appending ---------------------------------------------------------- */

static bool holds_lease(const char *service, const char *instance,
			uint64_t token)
{
	const struct service_row *s = service_of(service);

	return s->until_us > world_now_us() && s->token == token &&
	       strcmp(s->holder, instance) == 0;
}

static bool is_repeat(const struct append *a, const struct entries *l,
		      const struct cursor *now)
{
	const struct entry *last = &a->entries[a->entries_count - 1];
	const struct kept *k;

	if (now->input != a->to.input || now->given != a->to.given ||
	    l->count != a->first + a->entries_count - 1)
		return false;
	if (!a->entries_count)
		return true;
	k = &l->items[l->count - 1];
	return k->type == last->type && k->size == last->body.size &&
	       memcmp(k->data, last->body.data, k->size) == 0;
}

/* As kalypso_append of store.lua. */
static enum err append(const struct append *a)
{
	struct service_row *s = service_of(a->service);
	struct entries *l = log_of(a->log);
	bool holds = holds_lease(a->service, a->instance, a->token);

	if (!holds && broken != BREAK_FENCE)
		return ERR_FENCED;
	if (db.epoch != a->epoch)
		return ERR_EPOCH;
	if (is_repeat(a, l, &s->cursor))
		return ERR_NONE;
	if (l->count != a->first - 1 || s->cursor.input != a->from.input ||
	    s->cursor.given != a->from.given)
		return ERR_CONFLICT;
	if (!holds)
		wrong("R8: %s.%s appends to the %s log, and the lease is "
		      "another's",
		      a->service, a->instance, a->log);
	for (size_t i = 0; i < a->entries_count; i++)
		entries_add(l, a->entries[i].type, a->entries[i].body);
	s->cursor = a->to;
	return ERR_NONE;
}

static struct under_way *copy_append(const struct append *a)
{
	struct under_way *u = calloc(1, sizeof *u);
	size_t size = 0;

	assert(u && a->entries_count <= STORE_ENTRIES_MAX);
	for (size_t i = 0; i < a->entries_count; i++)
		size += a->entries[i].body.size;
	u->bytes = malloc(size + 1);
	assert(u->bytes);
	u->a = *a;
	u->a.entries = u->entries;
	size = 0;
	for (size_t i = 0; i < a->entries_count; i++) {
		struct bytes body = a->entries[i].body;

		if (body.size)
			memcpy(u->bytes + size, body.data, body.size);
		u->entries[i] = a->entries[i];
		u->entries[i].body.data = u->bytes + size;
		size += body.size;
	}
	return u;
}

static void free_under_way(struct under_way *u)
{
	free(u->bytes);
	free(u);
}

static void perform(struct store *s, unsigned i)
{
	struct under_way *u = s->under_way[i];
	const struct under_way *before = i ? s->under_way[i - 1] : NULL;

	if (u->done)
		return;
	u->done = true;
	u->verdict =
		before && before->verdict ? before->verdict : append(&u->a);
}

/* The connection is gone: a part of what was under way has been done. */
static void abandon(struct store *s)
{
	for (unsigned i = 0;
	     i < s->count && (s->under_way[i]->done || chance(500)); i++)
		perform(s, i);
	for (unsigned i = 0; i < s->count; i++)
		free_under_way(s->under_way[i]);
	s->count = 0;
}

void store_fault(uint64_t us)
{
	db.break_count++;
	db.down_until_us = world_now_us() + us;
	for (struct store *s = db.first; s; s = s->next)
		abandon(s);
}

/* Nobody there, or nobody here. */
static bool reach(struct store *s)
{
	if (process_is_dead() || world_now_us() < db.down_until_us)
		return false;
	s->connected = db.break_count;
	return true;
}

enum err store_append_send(struct store *s, const struct append *a)
{
	if (!reach(s) || s->count == STORE_UNDER_WAY_MAX)
		return ERR_UNREACHABLE;
	s->under_way[s->count++] = copy_append(a);
	if (chance(500))
		for (unsigned i = 0; i < s->count; i++)
			perform(s, i);
	return ERR_NONE;
}

enum err store_append_wait(struct store *s)
{
	struct under_way *u = s->under_way[0];
	enum err e;

	if (!s->count || !reach(s) || process_dies()) {
		abandon(s);
		return ERR_UNREACHABLE;
	}
	perform(s, 0);
	e = u->verdict;
	if (process_dies()) {
		abandon(s);
		return ERR_UNREACHABLE;
	}
	/* A failed one takes those behind it along. */
	for (unsigned i = 1; i < s->count && e; i++)
		perform(s, i);
	memmove(s->under_way, s->under_way + 1,
		--s->count * sizeof s->under_way[0]);
	free_under_way(u);
	return e;
}

enum err store_append(struct store *s, const struct append *a)
{
	enum err e = store_append_send(s, a);

	return e ? e : store_append_wait(s);
}

unsigned store_append_pending(const struct store *s)
{
	return s->count;
}

/* ---- connection, epoch, lease ------------------------------------------- */

enum err store_open(struct store **out, const char *url, const char *name,
		    const char *password, unsigned timeout_ms)
{
	struct store *s = calloc(1, sizeof *s);

	(void)url;
	(void)name;
	(void)password;
	(void)timeout_ms;
	assert(s);
	s->next = db.first;
	s->link = &db.first;
	if (s->next)
		s->next->link = &s->next;
	db.first = s;
	*out = s;
	return ERR_NONE;
}

void store_close(struct store **store)
{
	struct store *s = *store;

	if (!s)
		return;
	abandon(s);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	free(s);
	*store = NULL;
}

enum err store_check(struct store *s)
{
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

enum err store_epoch(struct store *s, uint64_t *epoch)
{
	*epoch = db.epoch;
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

/* It keeps what it acknowledged. */
enum err store_epoch_end(struct store *s, uint64_t epoch)
{
	(void)s;
	wrong("somebody ends life %" PRIu64 " of the logs", epoch);
}

enum err store_epoch_begin(struct store *s, uint64_t *epoch)
{
	if (!reach(s) || process_dies())
		return ERR_UNREACHABLE;
	if (!db.epoch)
		db.epoch = 1 + draw(1u << 30);
	*epoch = db.epoch;
	return process_dies() ? ERR_UNREACHABLE : ERR_NONE;
}

static bool is_free(const struct service_row *r, const char *instance,
		    uint64_t token, bool retake)
{
	return r->until_us <= world_now_us() ||
	       (strcmp(r->holder, instance) == 0 &&
		(retake || r->token == token));
}

static enum err lease(struct store *s, const char *service,
		      const char *instance, uint64_t token, unsigned ttl_ms,
		      bool retake)
{
	struct service_row *r = service_of(service);

	if (!reach(s) || (retake && process_dies()))
		return ERR_UNREACHABLE;
	if (!is_free(r, instance, token, retake))
		return retake ? ERR_HELD : ERR_FENCED;
	snprintf(r->holder, NAME_ROOM, "%s", instance);
	r->token = token;
	r->until_us = world_now_us() + 1000 * (uint64_t)ttl_ms;
	return retake && process_dies() ? ERR_UNREACHABLE : ERR_NONE;
}

enum err store_lease_take(struct store *s, const char *service,
			  const char *instance, uint64_t token, unsigned ttl_ms)
{
	return lease(s, service, instance, token, ttl_ms, true);
}

enum err store_lease_renew(struct store *s, const char *service,
			   const char *instance, uint64_t token,
			   unsigned ttl_ms)
{
	return lease(s, service, instance, token, ttl_ms, false);
}

enum err store_lease_holder(struct store *s, const char *service,
			    char out[STORE_INSTANCE_ROOM])
{
	const struct service_row *r = service_of(service);

	*out = 0;
	if (r->until_us > world_now_us())
		snprintf(out, STORE_INSTANCE_ROOM, "%.*s",
			 STORE_INSTANCE_ROOM - 1, r->holder);
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

/* ---- reading ------------------------------------------------------------ */

enum err store_read(struct store *s, const char *log, uint64_t from,
		    unsigned max, uint64_t *next, store_entry_fn *fn, void *arg)
{
	const struct entries *l = log_of(log);
	enum err e = ERR_NONE;

	s->reads++;
	*next = from;
	if (!reach(s))
		return ERR_UNREACHABLE;
	for (uint64_t n = from; n <= l->count && n - from < max && !e; n++) {
		struct entry entry = entries_at(l, n);

		e = fn(arg, &entry);
		if (!e)
			*next = n + 1;
	}
	return e;
}

enum err store_first(struct store *s, const char *log, uint64_t *number)
{
	*number = log_of(log)->count != 0;
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

enum err store_last(struct store *s, const char *log, uint64_t *number)
{
	if (!reach(s))
		return ERR_UNREACHABLE;
	*number = log_of(log)->count;
	return ERR_NONE;
}

/* All clocks are one. */
enum err store_time(struct store *s, int64_t *ms)
{
	(void)s;
	*ms = 0;
	return ERR_REFUSED;
}

/* Everybody is of one version. */
enum err store_protocol(struct store *s, const char *log,
			struct store_protocol *out)
{
	(void)s;
	(void)log;
	*out = (struct store_protocol){.number = 0};
	return ERR_NONE;
}

enum err store_protocol_note(struct store *s, const char *log, bool first)
{
	(void)s;
	(void)log;
	(void)first;
	return ERR_NONE;
}

enum err store_cursor(struct store *s, const char *service,
		      struct cursor *cursor)
{
	*cursor = service_of(service)->cursor;
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

uint64_t store_reads(const struct store *s)
{
	return s->reads;
}

uint64_t store_connections(const struct store *s)
{
	return s->connected;
}

/* ---- what of a log is kept: all of it ----------------------------------- */

const struct store_fold *store_fold(const char *service)
{
	(void)service;
	return NULL;
}

enum err store_register(struct store *s, const char *log, const char *service,
			uint64_t at)
{
	(void)log;
	(void)service;
	(void)at;
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

enum err store_trim(struct store *s, const struct store_writer *w,
		    const char *log, uint64_t keep, uint64_t *first,
		    store_struck_fn *struck, void *arg)
{
	(void)w;
	(void)keep;
	(void)struck;
	(void)arg;
	return store_first(s, log, first);
}

/* ---- snapshots ---------------------------------------------------------- */

static void copy_state(struct buf *out, const struct buf *in)
{
	*out = (struct buf){.data = NULL};
	buf_put(out, in->data, in->size);
	assert(!buf_failed(out));
}

enum err store_snapshot_write(struct store *s, const struct store_writer *w,
			      const struct snapshot *snapshot)
{
	struct service_row *r = service_of(w->service);

	if (!reach(s) || process_dies())
		return ERR_UNREACHABLE;
	if (!holds_lease(w->service, w->instance, w->token))
		return ERR_FENCED;
	if (w->epoch != db.epoch)
		return ERR_EPOCH;
	if (r->snapshots_count == SNAPSHOTS)
		buf_free(&r->snapshots[--r->snapshots_count].state);
	memmove(r->snapshots + 1, r->snapshots,
		r->snapshots_count++ * sizeof r->snapshots[0]);
	r->snapshots[0] = *snapshot;
	copy_state(&r->snapshots[0].state, &snapshot->state);
	return process_dies() ? ERR_UNREACHABLE : ERR_NONE;
}

/* Where number @i of them was taken, the newest being 0. */
static struct snapshot place(const struct service_row *r, unsigned i,
			     uint64_t epoch)
{
	const struct snapshot *at = &r->snapshots[i];

	return i < r->snapshots_count && at->epoch == epoch
		       ? (struct snapshot){epoch, at->input, at->output, {0}}
		       : (struct snapshot){.epoch = epoch};
}

enum err store_snapshot_places(struct store *s, const char *service,
			       uint64_t epoch, struct snapshot *newest,
			       struct snapshot *oldest)
{
	const struct service_row *r = service_of(service);

	*newest = place(r, 0, epoch);
	*oldest = place(r, 1, epoch);
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

/* Sometimes the newest is torn. */
enum err store_snapshot_read(struct store *s, const char *service,
			     uint64_t epoch, struct snapshot *out)
{
	const struct service_row *r = service_of(service);
	unsigned i = r->snapshots_count > 1 && chance(100) ? 1 : 0;

	*out = (struct snapshot){.epoch = epoch};
	if (!reach(s))
		return ERR_UNREACHABLE;
	if (!r->snapshots_count || r->snapshots[i].epoch != epoch)
		return ERR_NOT_FOUND;
	*out = r->snapshots[i];
	copy_state(&out->state, &r->snapshots[i].state);
	if (broken == BREAK_CURSOR)
		out->input++;
	return ERR_NONE;
}

/* ---- what people look at ------------------------------------------------ */

enum err quarantine_put(struct store *s, const char *service,
			const struct quarantine_item *item,
			const struct quarantine_limits *limits)
{
	(void)s;
	(void)limits;
	wrong("%s puts %s into the quarantine: %s", service, item->what,
	      item->reason);
}

enum err quarantine_count(struct store *s, const char *service, uint64_t *count)
{
	(void)service;
	*count = 0;
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

bool quarantine_can_retry(const char *service)
{
	return strcmp(service, "task-publisher") == 0;
}

enum err quarantine_retries(struct store *s, const char *service,
			    uint64_t *count)
{
	return quarantine_count(s, service, count);
}

enum err store_status_write(struct store *s, const char *service,
			    const char *instance, const char *const *pairs,
			    size_t pairs_count, unsigned ttl_ms)
{
	(void)service;
	(void)instance;
	(void)pairs;
	(void)pairs_count;
	(void)ttl_ms;
	return reach(s) ? ERR_NONE : ERR_UNREACHABLE;
}

void store_forget(void)
{
	for (unsigned i = 0; i < LOGS; i++)
		entries_free(&db.logs[i]);
	for (unsigned i = 0; i < SERVICES; i++)
		for (unsigned k = 0; k < db.services[i].snapshots_count; k++)
			buf_free(&db.services[i].snapshots[k].state);
}
