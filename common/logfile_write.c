/* Writing: blocks as they fill up; the header, which says how many entries
 * there are, and the trailer at the end. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/be.h"
#include "common/crc32c.h"
#include "common/logfile_impl.h"
#include "common/sha256.h"

struct logfile_writer {
	struct logfile_origin origin;
	struct logfile_log logs[LOGFILE_LOGS_MAX];
	unsigned logs_count;
	unsigned log;	      /* index of the one that is being written */
	struct buf block;     /* its head and entries so far; or nothing */
	uint32_t in_block;    /* entries */
	struct buf unwritten; /* blocks that the file doesn't have yet */
	uint64_t size;	      /* of the blocks that it has */
	char *path, *part;    /* NULL: no name */
	int fd;
	bool finished;
};

enum { WRITE_BYTES = 1 << 20 };

/* ---- bytes -------------------------------------------------------------- */

static enum err write_at(const struct logfile_writer *w, const uint8_t *p,
			 size_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pwrite(w->fd, p, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_STORAGE;
		p += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return ERR_NONE;
}

static size_t header_size(const struct logfile_writer *w)
{
	return HEADER_FIXED + w->logs_count * (size_t)HEADER_LOG + CRC_BYTES;
}

static void put_name(struct buf *out, const char *name, size_t room)
{
	size_t size = strlen(name);

	buf_put(out, name, size);
	buf_put_zeros(out, room - size);
}

static void put_header(struct buf *out, const struct logfile_writer *w)
{
	const struct logfile_origin *o = &w->origin;

	buf_put(out, LOGFILE_MAGIC, MAGIC_BYTES);
	buf_put_be32(out, LOGFILE_VERSION);
	buf_put_be32(out, (uint32_t)header_size(w));
	buf_put_be64(out, o->chain_id);
	buf_put(out, o->genesis.bytes, sizeof o->genesis.bytes);
	buf_put_be64(out, o->start_block);
	buf_put(out, o->marketplace.bytes, sizeof o->marketplace.bytes);
	buf_put(out, o->registry.bytes, sizeof o->registry.bytes);
	buf_put(out, o->keys.bytes, sizeof o->keys.bytes);
	buf_put_be64(out, o->epoch);
	put_name(out, o->name, LOGFILE_NAME_MAX);
	buf_put_be32(out, w->logs_count);
	for (unsigned i = 0; i < w->logs_count; i++) {
		const struct logfile_log *l = &w->logs[i];

		put_name(out, l->name, LOGFILE_LOG_MAX);
		buf_put_be64(out, l->first);
		buf_put_be64(out, l->last);
		buf_put_be64(out, l->cursor.input);
		buf_put_be64(out, l->cursor.given);
	}
	if (!buf_failed(out))
		buf_put_be32(out, crc32c(0, out->data, out->size));
}

static enum err write_blocks(struct logfile_writer *w, size_t at_least)
{
	enum err e = buf_err(&w->unwritten);

	if (e || w->unwritten.size < at_least)
		return e;
	e = write_at(w, w->unwritten.data, w->unwritten.size,
		     header_size(w) + w->size);
	w->size += w->unwritten.size;
	buf_clear(&w->unwritten);
	return e;
}

static enum err close_block(struct logfile_writer *w)
{
	struct buf *b = &w->block;

	if (!w->in_block)
		return ERR_NONE;
	if (buf_failed(b))
		return buf_err(b);
	be32_put(b->data + 16, w->in_block);
	be32_put(b->data + 20, (uint32_t)(b->size - BLOCK_HEAD));
	buf_put(&w->unwritten, b->data, b->size);
	buf_put_be32(&w->unwritten, crc32c(0, b->data, b->size));
	w->in_block = 0;
	return write_blocks(w, WRITE_BYTES);
}

static void open_block(struct logfile_writer *w, uint64_t number)
{
	buf_clear(&w->block);
	buf_put(&w->block, LOGFILE_BLOCK, 4);
	buf_put_be32(&w->block, w->log);
	buf_put_be64(&w->block, number);
	buf_put_zeros(&w->block, 8); /* entries and bytes, once known */
}

/* ---- logs --------------------------------------------------------------- */

void logfile_set_cursor(struct logfile_writer *w, unsigned log,
			struct cursor cursor)
{
	w->logs[log].cursor = cursor;
}

enum err logfile_put(struct logfile_writer *w, unsigned log, uint64_t number,
		     uint16_t type, struct bytes body)
{
	enum err e = ERR_NONE;

	if (log < w->log || log >= w->logs_count ||
	    number != w->logs[log].last + 1 ||
	    body.size > STORE_ENTRY_BYTES_MAX)
		return ERR_RANGE;
	if (w->in_block &&
	    (log != w->log ||
	     w->block.size - BLOCK_HEAD + ENTRY_HEAD + body.size >
		     LOGFILE_BLOCK_BYTES))
		e = close_block(w);
	w->log = log;
	if (!w->in_block)
		open_block(w, number);
	buf_put_be16(&w->block, type);
	buf_put_be32(&w->block, (uint32_t)body.size);
	buf_put(&w->block, body.data, body.size);
	w->in_block++;
	w->logs[log].last = number;
	return e ? e : buf_err(&w->block);
}

/* ---- both ends ---------------------------------------------------------- */

/* A file that is gone when it is closed, in $TMPDIR or /tmp. */
static int open_nameless(void)
{
	const char *folder = getenv("TMPDIR");
	char *path;
	int fd;

	if (asprintf(&path, "%s/kalypso-XXXXXX",
		     folder && *folder ? folder : "/tmp") < 0)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

/* The name is given at the end, so that what has it is whole. */
static enum err make_file(struct logfile_writer *w, const char *path)
{
	if (!path) {
		w->fd = open_nameless();
		return w->fd < 0 ? ERR_STORAGE : ERR_NONE;
	}
	w->path = strdup(path);
	if (!w->path || asprintf(&w->part, "%s.part", path) < 0)
		return ERR_NO_MEMORY;
	w->fd = open(w->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return w->fd < 0 ? ERR_STORAGE : ERR_NONE;
}

enum err logfile_create(struct logfile_writer **out, const char *path,
			const struct logfile_origin *origin,
			const char *const *logs, unsigned count)
{
	struct logfile_writer *w = calloc(1, sizeof *w);
	enum err e;

	if (!w)
		return ERR_NO_MEMORY;
	assert(count <= LOGFILE_LOGS_MAX);
	w->fd = -1;
	w->origin = *origin;
	w->logs_count = count;
	for (unsigned i = 0; i < count; i++) {
		snprintf(w->logs[i].name, sizeof w->logs[i].name, "%s",
			 logs[i]);
		w->logs[i].first = 1;
	}
	e = make_file(w, path);
	if (e) {
		int why = errno;

		logfile_writer_free(&w);
		errno = why;
	}
	*out = w;
	return e;
}

/* The hash is over bytes of which the first are written last: read them. */
static enum err hash_file(const struct logfile_writer *w, uint64_t size,
			  struct hash32 *out)
{
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, w->fd, 0);

	if (p == MAP_FAILED)
		return ERR_STORAGE;
	sha256_of(out, p, size);
	munmap(p, size);
	return ERR_NONE;
}

static enum err write_trailer(const struct logfile_writer *w)
{
	uint64_t size = header_size(w) + w->size;
	struct buf b = {0};
	struct hash32 hash;
	enum err e = hash_file(w, size, &hash);

	buf_put(&b, LOGFILE_TRAILER, 4);
	buf_put_be64(&b, size + TRAILER_BYTES);
	buf_put(&b, hash.bytes, sizeof hash.bytes);
	if (!e)
		e = buf_err(&b);
	if (!e)
		e = write_at(w, b.data, b.size, size);
	buf_free(&b);
	return e;
}

static enum err write_header(const struct logfile_writer *w)
{
	struct buf b = {0};
	enum err e;

	put_header(&b, w);
	e = buf_err(&b);
	if (!e)
		e = write_at(w, b.data, b.size, 0);
	buf_free(&b);
	return e;
}

enum err logfile_finish(struct logfile_writer *w)
{
	enum err e = close_block(w);

	if (!e)
		e = write_blocks(w, 0);
	if (!e)
		e = write_header(w);
	if (!e)
		e = write_trailer(w);
	if (!e && w->path &&
	    (fsync(w->fd) != 0 || rename(w->part, w->path) != 0))
		e = ERR_STORAGE;
	w->finished = !e;
	return e;
}

enum err logfile_reopen(struct logfile *f, const struct logfile_writer *w,
			struct logfile_flaw *flaw)
{
	return logfile_open_fd(f, w->fd, flaw);
}

void logfile_writer_free(struct logfile_writer **writer)
{
	struct logfile_writer *w = *writer;

	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	if (w->part && !w->finished)
		unlink(w->part);
	buf_free(&w->block);
	buf_free(&w->unwritten);
	free(w->path);
	free(w->part);
	free(w);
	*writer = NULL;
}
