/* logfile - logs in a file: to be kept, carried elsewhere, audited.
 *
 * docs/audit.md has the format, byte by byte: a header that says what the logs
 * are of, blocks of entries with a CRC-32C each, and a trailer with the file's
 * size and the SHA-256 of all that is before it. The same logs give the same
 * bytes. A file that is cut off, altered, or of another version is refused,
 * with the place where that shows.
 *
 * Files are mapped, not read: one that is changed while it is open can end the
 * process. */
#ifndef COMMON_LOGFILE_H
#define COMMON_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/store.h"

enum {
	LOGFILE_VERSION = 1,
	LOGFILE_LOGS_MAX = 8,
	LOGFILE_NAME_MAX = 32,
	LOGFILE_LOG_MAX = 16,
	LOGFILE_BLOCK_BYTES = 256 * 1024, /* of entries, unless one is larger */
};

/* Whose logs these are. */
struct logfile_origin {
	uint64_t chain_id;
	struct hash32 genesis;
	uint64_t start_block;
	struct address marketplace, registry, keys;
	uint64_t epoch; /* which life of the logs; 0: not from a Redis */
	char name[LOGFILE_NAME_MAX + 1]; /* the deployment's; "" likewise */
};

/* One of the logs in a file. */
struct logfile_log {
	char name[LOGFILE_LOG_MAX + 1];
	uint64_t first, last; /* numbers; last = first - 1: it is empty */
	struct cursor cursor; /* its writer's, as of the last entry */

	const uint8_t *at, *end; /* its blocks; for reading */
};

/* What is wrong with a file, and where. */
struct logfile_flaw {
	const char *what;	       /* static; a clause */
	uint64_t offset;	       /* of the first byte concerned */
	char log[LOGFILE_LOG_MAX + 1]; /* the log that is concerned, or "" */
	uint64_t number; /* its first entry that is concerned, or 0 */
};

/* ---- reading ------------------------------------------------------------ */

struct logfile {
	struct logfile_origin origin;
	struct logfile_log logs[LOGFILE_LOGS_MAX];
	unsigned logs_count;
	struct bytes all; /* the whole file */
	bool mapped;	  /* logfile_close() has something to do */
};

/* Map the file at @path and check everything but its SHA-256.
 * ERR_NOT_FOUND  it can't be opened; errno says why
 * ERR_MALFORMED  *flaw says what is wrong with it */
NODISCARD enum err logfile_open(struct logfile *f, const char *path,
				struct logfile_flaw *flaw);
void logfile_close(struct logfile *f);

/* The same of @all, which is borrowed while @f is used. */
NODISCARD enum err logfile_parse(struct logfile *f, struct bytes all,
				 struct logfile_flaw *flaw);

/* Whether the SHA-256 in the trailer is the file's: ERR_MALFORMED if not. Takes
 * time; any thread may ask. */
NODISCARD enum err logfile_check(const struct logfile *f,
				 struct logfile_flaw *flaw);

/* NULL: it isn't in the file. */
const struct logfile_log *logfile_find(const struct logfile *f,
				       const char *name);

/* Whether both are of one chain and the same contracts. */
bool logfile_same_chain(const struct logfile_origin *a,
			const struct logfile_origin *b);

/* A place in a log. Begin with logfile_begin(), then logfile_next() gives each
 * entry, whose body is the file's, and false after the last. The file has been
 * checked, so that nothing is checked here. */
struct logfile_place {
	const uint8_t *at, *block_end, *end;
	bool in_block;
	uint64_t next; /* number of the entry that is due */
};

struct logfile_place logfile_begin(const struct logfile_log *log);

/* For logfile_next(): step into the block that is due; false at the end. */
bool logfile_step(struct logfile_place *p);

static inline bool logfile_next(struct logfile_place *p, struct entry *out)
{
	const uint8_t *at;
	uint32_t size;

	if (p->at == p->block_end && !logfile_step(p))
		return false;
	at = p->at;
	memcpy(&size, at + 2, sizeof size);
	out->number = p->next++;
	out->type = (uint16_t)(at[0] << 8 | at[1]);
	out->body = (struct bytes){at + 6, __builtin_bswap32(size)};
	p->at = at + 6 + out->body.size;
	return true;
}

/* ---- writing ------------------------------------------------------------ */

struct logfile_writer;

/* Begin a file at @path, which appears there when it is finished; NULL: one
 * without a name (in $TMPDIR or /tmp), which is gone with its writer. @logs are
 * the names of its logs, @count of them, each at most LOGFILE_LOG_MAX bytes and
 * there once; all are empty so far and begin with entry 1.
 * ERR_STORAGE	it can't be written; errno says why
 * ERR_NO_MEMORY */
NODISCARD enum err logfile_create(struct logfile_writer **out, const char *path,
				  const struct logfile_origin *origin,
				  const char *const *logs, unsigned count);

/* What the header says of the writer of the @log-th log. */
void logfile_set_cursor(struct logfile_writer *w, unsigned log,
			struct cursor cursor);

/* The next entry of the @log-th log: logs come one after the other, entries by
 * their numbers.
 * ERR_RANGE	it isn't its turn, or larger than STORE_ENTRY_BYTES_MAX
 * ERR_STORAGE, ERR_NO_MEMORY */
NODISCARD enum err logfile_put(struct logfile_writer *w, unsigned log,
			       uint64_t number, uint16_t type,
			       struct bytes body);

/* Complete the file, make it durable and give it its name. ERR_STORAGE */
NODISCARD enum err logfile_finish(struct logfile_writer *w);

/* Open what was finished, also if it has no name. As logfile_open(). */
NODISCARD enum err logfile_reopen(struct logfile *f,
				  const struct logfile_writer *w,
				  struct logfile_flaw *flaw);

/* What was not finished is removed. */
void logfile_writer_free(struct logfile_writer **w);

#endif /* COMMON_LOGFILE_H */
