/* store - the durable logs, leases, cursors and snapshots, in Redis.
 *
 * Logs are the truth between services (docs/architecture.md): each is a Redis
 * stream whose entries are numbered 1, 2, 3 … without gaps and which one
 * writer appends to. protocol/messages/redis.def lists every key.
 *
 * Calls block for at most the time-out given to store_open(). After
 * ERR_UNREACHABLE the connection is closed and the next call opens another;
 * what was under way may or may not have happened, and every write is made so
 * that it can be repeated. Not thread-safe: one store per thread. SIGPIPE has
 * to be ignored (loop_new() does). */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/types.h"

struct store;

enum {
	STORE_ENTRIES_MAX = 256, /* of one append */
	STORE_BYTES_MAX =
		256 * 1024, /* of one append, unless one entry is larger */
	STORE_PIECE_BYTES = 256 * 1024,	 /* of a snapshot */
	STORE_ENTRY_BYTES_MAX = 1 << 20, /* larger entries are refused */
	STORE_UNDER_WAY_MAX = 16,	 /* appends sent and not waited for */
};

/* How far a writer has read its input: it has dealt with everything up to
 * entry @input, and of what it will say to the next one @given entries are in
 * its own log already. */
struct cursor {
	uint64_t input, given;
};

struct entry {
	uint64_t number; /* from 1 */
	uint16_t type;	 /* a message number */
	struct bytes body;
};

/* A value written together with the entries of an append. */
struct record {
	const char *key; /* what replaces % in the pattern of closed */
	struct bytes value;
	uint32_t ttl_s;
};

/* For @url: redis://[USER@]HOST[:PORT] or unix:[USER@]PATH. @name is the
 * deployment's, 1 to 32 of [a-z0-9-]; @password may be NULL or empty. All are
 * copied. Does not connect yet.
 * ERR_CONFIG	@url or @name is not of that form; what is wrong was logged
 * ERR_NO_MEMORY */
NODISCARD enum err store_open(struct store **out, const char *url,
			      const char *name, const char *password,
			      unsigned timeout_ms);
void store_close(struct store **store);

/* Connect, unless we are: check the server's settings, load our functions.
 * Every other call does this too, but gives ERR_UNREACHABLE for any failure.
 * ERR_UNREACHABLE	no answer; try again later
 * ERR_CONFIG		it answers, but it isn't Redis 7, or would lose what it
 *			acknowledged (append-only file off or not fsynced
 *			always, eviction on); what to do has been logged */
NODISCARD enum err store_check(struct store *s);

/* ---- epoch and lease ---------------------------------------------------- */

/* Which life of the logs this is. 0 if there is none yet. */
NODISCARD enum err store_epoch(struct store *s, uint64_t *epoch);

/* Begin a life, if there is none; @epoch is the one that holds then. Logs and
 * snapshots that are there live on under it, as far as each log is borne out
 * by the one that it follows from: an answer to what was lost is taken away
 * with the snapshots that know of it. If one of the folds (links.def) couldn't
 * go on with what is left, nothing of what follows from the chain lives on. */
NODISCARD enum err store_epoch_begin(struct store *s, uint64_t *epoch);

/* Life @epoch is over: the store isn't what it was. From now on every append is
 * ERR_EPOCH, until another one begins. Nothing happens if that isn't the life
 * it is. */
NODISCARD enum err store_epoch_end(struct store *s, uint64_t epoch);

/* Who may write for @service: this process, known by its @instance and the
 * random @token, for @ttl_ms from now. A lease that the same instance held
 * is taken over at once: the caller holds the lock on the instance's state
 * folder, so its predecessor is dead.
 * ERR_HELD	another instance has it */
NODISCARD enum err store_lease_take(struct store *s, const char *service,
				    const char *instance, uint64_t token,
				    unsigned ttl_ms);
/* Hold it for @ttl_ms more; 0 gives it up. One that ran out and that nobody
 * took since is ours again: the next append finds out what was written in
 * between. ERR_FENCED: it is somebody else's. */
NODISCARD enum err store_lease_renew(struct store *s, const char *service,
				     const char *instance, uint64_t token,
				     unsigned ttl_ms);

/* The instance that holds it; "" if none does. */
enum { STORE_INSTANCE_ROOM = 33 };
NODISCARD enum err store_lease_holder(struct store *s, const char *service,
				      char out[STORE_INSTANCE_ROOM]);

/* Who writes, by which lease, in which life of the logs. */
struct store_writer {
	const char *service, *instance;
	uint64_t token, epoch;
};

/* ---- append ------------------------------------------------------------- */

struct append {
	const char *service, *instance; /* who writes: its lease, its cursor */
	uint64_t token;
	uint64_t epoch;
	const char *log;
	struct cursor from, to;	     /* the writer's cursor before and after */
	const struct entry *entries; /* consecutive numbers */
	size_t entries_count; /* at most STORE_ENTRIES_MAX; 0 moves the cursor
			       */
	uint64_t first; /* number of the first entry, or of the next if none */
	const struct record *records;
	size_t records_count;
};

/* Append @a in one step: all of it, durably, or nothing. Doing it again does
 * nothing and is ERR_NONE.
 * ERR_FENCED	the lease is not this process's; nothing was written
 * ERR_EPOCH	the logs began another life; nothing was written
 * ERR_CONFLICT	log or cursor are not where @a starts; nothing was written
 * ERR_UNREACHABLE  unknown: ask again with the same @a */
NODISCARD enum err store_append(struct store *s, const struct append *a);

/* The same in two halves, so that up to STORE_UNDER_WAY_MAX are under way at
 * once: what append_wait() returns is about the oldest one not yet waited for.
 * An append whose predecessor failed fails too. store_append_pending() counts.
 * Other calls may come in between. */
NODISCARD enum err store_append_send(struct store *s, const struct append *a);
NODISCARD enum err store_append_wait(struct store *s);
unsigned store_append_pending(const struct store *s);

/* ---- read --------------------------------------------------------------- */

typedef enum err store_entry_fn(void *arg, const struct entry *entry);

/* Call @fn for up to @max entries of @log from number @from on, in order;
 * *next is the number after the last one given. Bodies live for the call.
 * ERR_TRIMMED	the log begins after @from; see store_first()
 * ERR_CONFLICT	a number is missing: the log was damaged
 * ERR_NEWER	a version wrote to it that we can't read; nothing was given
 * and whatever @fn returned that wasn't ERR_NONE, which ends the reading. */
NODISCARD enum err store_read(struct store *s, const char *log, uint64_t from,
			      unsigned max, uint64_t *next, store_entry_fn *fn,
			      void *arg);

/* What Redis' machine takes the time to be, in ms since 1970.
 * ERR_UNREACHABLE; ERR_REFUSED: this user may not ask */
NODISCARD enum err store_time(struct store *s, int64_t *ms);

/* The oldest entry's number and the newest's, 0 if there is none, and the
 * writer's cursor. */
NODISCARD enum err store_first(struct store *s, const char *log,
			       uint64_t *number);
NODISCARD enum err store_last(struct store *s, const char *log,
			      uint64_t *number);
/* Which is the newest version that wrote to @log: its protocol (protocol.h), 0
 * if nobody noted any, and its own number. */
struct store_protocol {
	uint64_t number;
	char version[32];
};
NODISCARD enum err store_protocol(struct store *s, const char *log,
				  struct store_protocol *out);

/* Note that we write to @log from now on, whose lease is ours. @first: there is
 * nothing in it. */
NODISCARD enum err store_protocol_note(struct store *s, const char *log,
				       bool first);

NODISCARD enum err store_cursor(struct store *s, const char *service,
				struct cursor *cursor);

/* How often store_read() was called since the process began. */
uint64_t store_reads(const struct store *s);

/* How often a connection was made: what Redis holds may be another past since
 * then. */
uint64_t store_connections(const struct store *s);

/* The record written under @key. ERR_NOT_FOUND */
NODISCARD enum err store_record(struct store *s, const char *key,
				struct buf *out);

/* ---- what is done once -------------------------------------------------- */

/* @key is somebody's for @ttl_s seconds, with @value.
 * ERR_EXISTS	it is somebody's already; its value was appended to @out */
NODISCARD enum err store_once_claim(struct store *s, const char *key,
				    struct bytes value, unsigned ttl_s,
				    struct buf *out);

/* Its value from now on, for @ttl_s seconds; or it is nobody's any more. */
NODISCARD enum err store_once_keep(struct store *s, const char *key,
				   struct bytes value, unsigned ttl_s);
NODISCARD enum err store_once_drop(struct store *s, const char *key);

/* ---- whole logs, for export and import ---------------------------------- */

/* Where @log ends, and its writer's cursor, as of the same moment. */
NODISCARD enum err store_end(struct store *s, const char *log,
			     const char *service, uint64_t *last,
			     struct cursor *cursor);

/* A log that is being imported. */
struct import {
	const char *log, *service; /* its writer */
	struct cursor cursor;	   /* the writer's, as of the last entry */
};

/* Begin anew: forget what an import that didn't end has left behind.
 * ERR_EXISTS	the deployment has logs */
NODISCARD enum err store_import_begin(struct store *s,
				      const struct import *logs, size_t count);

/* Add @count entries, at most STORE_ENTRIES_MAX, to a log that is being
 * imported. Nobody sees it yet. ERR_CONFLICT: they aren't the next ones, or
 * were added before an ERR_UNREACHABLE: begin anew */
NODISCARD enum err store_import(struct store *s, const char *log,
				const struct entry *entries, size_t count);

/* What was imported is the deployment's logs from now on, its life @epoch; in
 * one step. ERR_EXISTS: it has logs, or got some meanwhile */
NODISCARD enum err store_import_end(struct store *s, uint64_t epoch,
				    const struct import *logs, size_t count);

/* ---- what of a log is kept ---------------------------------------------- */

/* A service that keeps snapshots of what it makes of a log (links.def). */
struct store_fold {
	const char *service, *reads, *writes; /* NULL: its log isn't that */
};

/* NULL if @service is none. Static. */
const struct store_fold *store_fold(const char *service);

/* Register @service as a reader of @log who needs what comes after entry @at,
 * unless it is one; writing snapshots moves it on. */
NODISCARD enum err store_register(struct store *s, const char *log,
				  const char *service, uint64_t at);

typedef void store_struck_fn(void *arg, const char *service);

/* Let go of entries of @log, which @w writes, that aren't the newest @keep and
 * that no registered reader needs. Readers who need more than the newest 2 *
 * @keep are struck off: @struck is called. *first is the log's first entry now.
 * A bounded number goes at a time.
 * ERR_FENCED, ERR_EPOCH: nothing was done */
NODISCARD enum err store_trim(struct store *s, const struct store_writer *w,
			      const char *log, uint64_t keep, uint64_t *first,
			      store_struck_fn *struck, void *arg);

/* ---- snapshots ---------------------------------------------------------- */

/* A state that was reached by folding @input entries and saying @output. */
struct snapshot {
	uint64_t epoch, input, output;
	struct buf state; /* owned by whoever holds the snapshot */
};

/* Write @snapshot of the life @w->epoch in pieces, its manifest last; the two
 * newest are kept. A torn one goes by itself.
 * ERR_FENCED, ERR_EPOCH: it doesn't count, the others stand as they were
 * ERR_CONFLICT: pieces of it went, it doesn't count */
NODISCARD enum err store_snapshot_write(struct store *s,
					const struct store_writer *w,
					const struct snapshot *snapshot);

/* Where the newest snapshot of @epoch and the one before were taken; input and
 * output are 0 where there is none. Their states are empty. */
NODISCARD enum err store_snapshot_places(struct store *s, const char *service,
					 uint64_t epoch,
					 struct snapshot *newest,
					 struct snapshot *oldest);

/* The newest whole snapshot of @epoch; a torn one falls back to the one
 * before. ERR_NOT_FOUND: there is none. The caller frees out->state. */
NODISCARD enum err store_snapshot_read(struct store *s, const char *service,
				       uint64_t epoch, struct snapshot *out);

/* ---- what people look at ------------------------------------------------ */

/* Publish what this process is doing, for @ttl_ms: pairs of name and value,
 * @pairs_count in all, at most STORE_STATUS_MAX. */
enum { STORE_STATUS_MAX = 96 };
NODISCARD enum err store_status_write(struct store *s, const char *service,
				      const char *instance,
				      const char *const *pairs,
				      size_t pairs_count, unsigned ttl_ms);

typedef void store_status_fn(void *arg, const char *service_instance,
			     const char *const *pairs, size_t pairs_count);

/* Call @fn if that instance is alive. */
NODISCARD enum err store_status_of(struct store *s, const char *service,
				   const char *instance, store_status_fn *fn,
				   void *arg);

/* Call @fn for each instance of any service that is alive. Looks at every key
 * of the deployment: for people, not for every second. */
NODISCARD enum err store_status_read(struct store *s, store_status_fn *fn,
				     void *arg);

#endif /* COMMON_STORE_H */
