/* writer - a service's own log: what it says, numbered, appended, told.
 *
 * What is put gets the next number and waits; writer_flush() appends what
 * waits, durably, in calls of at most 256 entries or 256 KiB, several under
 * way at once, and rings the doorbell for what is in the log. Entries about a
 * request are logged then (entry.written), but for those of long runs.
 *
 * A service that starts again puts what it has put before. Numbers that the
 * log already holds are dropped; the newest of them must have the same bytes,
 * or the log isn't what this code makes of its input: ERR_CONFLICT. */
#ifndef COMMON_WRITER_H
#define COMMON_WRITER_H

#include "common/bus.h"
#include "common/store.h"

struct writer;

struct writer_config {
	struct store *store;
	struct bus_out *bus; /* NULL: no doorbells */
	const char *service, *instance, *log;
	uint64_t token, epoch;
};

/* Read where the log ends and where the cursor is. The first entry put will
 * be number @after + 1. Borrows what @config points at while it lives.
 * ERR_UNREACHABLE, ERR_NO_MEMORY
 * ERR_BEHIND	the log ends before @after */
NODISCARD enum err writer_new(struct writer **out,
			      const struct writer_config *config,
			      uint64_t after);
void writer_free(struct writer **writer);

/* Wait to be appended. @body is copied. @record (may be NULL; its key is
 * copied too) is written in the same step.
 * ERR_CONFLICT	the log holds something else under this number
 * ERR_NO_MEMORY, ERR_RANGE (larger than STORE_ENTRY_BYTES_MAX) */
NODISCARD enum err writer_put(struct writer *w, uint16_t type,
			      struct bytes body, const struct record *record);

/* Everything put so far answers input entries up to @input. */
void writer_answered(struct writer *w, uint64_t input);

/* Append what waits. ERR_UNREACHABLE: some of it may still wait; call again.
 * ERR_FENCED, ERR_CONFLICT: this process must stop; ERR_EPOCH, ERR_BEHIND (the
 * log ends before what was acknowledged): it must begin again. */
NODISCARD enum err writer_flush(struct writer *w);

/* The same, but as much as may be under way stays under way: for long runs of
 * entries that nobody waits for. */
NODISCARD enum err writer_push(struct writer *w);

/* Entries that wait; bytes that they take. */
size_t writer_waiting(const struct writer *w);
size_t writer_waiting_bytes(const struct writer *w);

/* Number of the newest entry put, and of the newest in the log. */
uint64_t writer_put_number(const struct writer *w);
uint64_t writer_logged(const struct writer *w);

/* Ask the store whether it still has what it acknowledged. ERR_BEHIND,
 * ERR_UNREACHABLE */
NODISCARD enum err writer_check(const struct writer *w);

/* How far it has answered its input, as the store has it. */
struct cursor writer_cursor(const struct writer *w);

/* Tell followers where the log ends; every BUS_HEARTBEAT_MS. */
void writer_beat(struct writer *w);

#endif /* COMMON_WRITER_H */
