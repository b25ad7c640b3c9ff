/* Reading: everything is checked once, in one pass; then entries are given
 * without looking twice. */
#include "common/logfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/be.h"
#include "common/crc32c.h"
#include "common/logfile_impl.h"
#include "common/scan.h"
#include "common/sha256.h"

static const char cut_off[] = "the file ends too early";
static const char altered[] = "the checksum says that it was altered";

/* Where in the file the reader is, and of what. */
struct reading {
	struct logfile *f;
	struct logfile_flaw *flaw;
	size_t at;
	unsigned log;  /* index of the one whose blocks are being read */
	uint64_t next; /* number of the entry that is due */
};

static enum err flawed(struct reading *r, const char *what, size_t offset)
{
	*r->flaw = (struct logfile_flaw){.what = what, .offset = offset};
	if (r->log < r->f->logs_count) {
		memcpy(r->flaw->log, r->f->logs[r->log].name,
		       sizeof r->flaw->log);
		r->flaw->number = r->next;
	}
	return ERR_MALFORMED;
}

/* ---- the header --------------------------------------------------------- */

/* A text that fills up @room bytes with zeros; false if more follows one. */
static bool take_name(struct scan *s, char *out, size_t room)
{
	size_t size;

	scan_bytes(s, out, room);
	out[room] = 0;
	size = strlen(out);
	for (size_t i = size; i < room; i++)
		if (out[i])
			return false;
	return true;
}

static bool take_log(struct scan *s, struct logfile_log *l)
{
	bool good = take_name(s, l->name, LOGFILE_LOG_MAX) && *l->name;

	l->first = scan_be64(s);
	l->last = scan_be64(s);
	l->cursor.input = scan_be64(s);
	l->cursor.given = scan_be64(s);
	return good && l->first && l->last >= l->first - 1 &&
	       l->last < UINT64_MAX;
}

static enum err take_header(struct reading *r, struct scan *s)
{
	struct logfile *f = r->f;
	struct logfile_origin *o = &f->origin;
	unsigned count;
	bool good;

	o->chain_id = scan_be64(s);
	scan_bytes(s, o->genesis.bytes, sizeof o->genesis.bytes);
	o->start_block = scan_be64(s);
	scan_bytes(s, o->marketplace.bytes, sizeof o->marketplace.bytes);
	scan_bytes(s, o->registry.bytes, sizeof o->registry.bytes);
	scan_bytes(s, o->keys.bytes, sizeof o->keys.bytes);
	o->epoch = scan_be64(s);
	good = take_name(s, o->name, LOGFILE_NAME_MAX);
	count = scan_be32(s);
	if (count > LOGFILE_LOGS_MAX)
		return flawed(r, "it names too many logs", HEADER_FIXED - 4);
	for (unsigned i = 0; i < count; i++) {
		good = take_log(s, &f->logs[i]) && good;
		for (unsigned k = 0; k < i; k++)
			good = good &&
			       strcmp(f->logs[k].name, f->logs[i].name) != 0;
	}
	if (scan_done(s) || !good)
		return flawed(r, "the header contradicts itself", MAGIC_BYTES);
	f->logs_count = count;
	return ERR_NONE;
}

/* Magic, version, size and checksum come first: what is wrong with a file that
 * isn't one of ours is said as such. */
static enum err check_header(struct reading *r)
{
	const uint8_t *p = r->f->all.data;
	size_t size = r->f->all.size, header;
	struct scan s;

	if (size < MAGIC_BYTES || memcmp(p, LOGFILE_MAGIC, MAGIC_BYTES) != 0)
		return flawed(r, "it is no file of kalypso export", 0);
	if (size < HEADER_FIXED + CRC_BYTES)
		return flawed(r, cut_off, size);
	if (be32_at(p + 8) != LOGFILE_VERSION)
		return flawed(r,
			      "it is of another version of the format (this "
			      "program reads version 1)",
			      8);
	header = be32_at(p + 12);
	if (header < HEADER_FIXED + CRC_BYTES ||
	    header > HEADER_FIXED + LOGFILE_LOGS_MAX * HEADER_LOG + CRC_BYTES)
		return flawed(r, "the header has no size that one has", 12);
	if (size < header)
		return flawed(r, cut_off, size);
	if (be32_at(p + header - CRC_BYTES) != crc32c(0, p, header - CRC_BYTES))
		return flawed(r, altered, 0);
	s = scan_begin((struct bytes){p + 16, header - CRC_BYTES - 16});
	r->at = header;
	return take_header(r, &s);
}

/* ---- blocks ------------------------------------------------------------- */

/* Every entry lies within the block, and nothing else. */
static enum err check_entries(struct reading *r, uint32_t count, uint32_t size)
{
	const uint8_t *p = r->f->all.data + r->at + BLOCK_HEAD;
	const uint8_t *end = p + size;

	for (; count; count--, r->next++) {
		size_t left = (size_t)(end - p);

		if (left < ENTRY_HEAD || left - ENTRY_HEAD < be32_at(p + 2))
			return flawed(r, "an entry is longer than its block",
				      (size_t)(p - r->f->all.data));
		p += ENTRY_HEAD + be32_at(p + 2);
	}
	if (p != end)
		return flawed(r, "a block is longer than its entries",
			      (size_t)(p - r->f->all.data));
	return ERR_NONE;
}

static enum err check_block(struct reading *r)
{
	const uint8_t *p = r->f->all.data + r->at;
	size_t left = r->f->all.size - r->at;
	const struct logfile_log *l = &r->f->logs[r->log];
	uint32_t count, size;

	if (left < BLOCK_HEAD)
		return flawed(r, cut_off, r->f->all.size);
	count = be32_at(p + 16);
	size = be32_at(p + 20);
	if (memcmp(p, LOGFILE_BLOCK, 4) != 0)
		return flawed(r, "no block of entries where one is due", r->at);
	if (size > PAYLOAD_MAX)
		return flawed(r, "a block is larger than blocks are", r->at);
	if (left - BLOCK_HEAD < size + CRC_BYTES)
		return flawed(r, cut_off, r->f->all.size);
	if (be32_at(p + BLOCK_HEAD + size) != crc32c(0, p, BLOCK_HEAD + size))
		return flawed(r, altered, r->at);
	if (be32_at(p + 4) != r->log || be64_at(p + 8) != r->next || !count ||
	    count - 1 > l->last - r->next)
		return flawed(r, "a block is not the one that is due", r->at);
	if (check_entries(r, count, size))
		return ERR_MALFORMED;
	r->at += BLOCK_HEAD + size + CRC_BYTES;
	return ERR_NONE;
}

static enum err check_log(struct reading *r)
{
	struct logfile_log *l = &r->f->logs[r->log];
	enum err e = ERR_NONE;

	l->at = r->f->all.data + r->at;
	r->next = l->first;
	while (!e && r->next <= l->last)
		e = check_block(r);
	l->end = r->f->all.data + r->at;
	return e;
}

static enum err check_trailer(struct reading *r)
{
	const uint8_t *p = r->f->all.data + r->at;
	size_t left = r->f->all.size - r->at;

	if (left < TRAILER_BYTES)
		return flawed(r, cut_off, r->f->all.size);
	if (memcmp(p, LOGFILE_TRAILER, 4) != 0)
		return flawed(r, "no trailer where it is due", r->at);
	if (left > TRAILER_BYTES)
		return flawed(r, "bytes follow after the trailer",
			      r->at + TRAILER_BYTES);
	if (be64_at(p + 4) != r->f->all.size)
		return flawed(r, "the trailer is of a file of another size",
			      r->at + 4);
	return ERR_NONE;
}

enum err logfile_parse(struct logfile *f, struct bytes all,
		       struct logfile_flaw *flaw)
{
	struct reading r = {.f = f, .flaw = flaw};
	enum err e;

	*f = (struct logfile){.all = all};
	e = check_header(&r);
	for (; !e && r.log < f->logs_count; r.log++)
		e = check_log(&r);
	return e ? e : check_trailer(&r);
}

/* ---- files -------------------------------------------------------------- */

/* An empty file can't be mapped; it is no file of ours either. */
static enum err map(struct bytes *out, int fd)
{
	struct stat st;
	void *p;

	*out = (struct bytes){NULL, 0};
	if (fstat(fd, &st))
		return ERR_NOT_FOUND;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return ERR_NONE;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return ERR_NOT_FOUND;
	*out = (struct bytes){p, (size_t)st.st_size};
	return ERR_NONE;
}

enum err logfile_open_fd(struct logfile *f, int fd, struct logfile_flaw *flaw)
{
	struct bytes all;
	enum err e = map(&all, fd);

	*f = (struct logfile){.mapped = false};
	if (e)
		return e;
	e = logfile_parse(f, all, flaw);
	f->mapped = all.size > 0;
	if (e)
		logfile_close(f);
	return e;
}

enum err logfile_open(struct logfile *f, const char *path,
		      struct logfile_flaw *flaw)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e;

	*f = (struct logfile){.mapped = false};
	if (fd < 0)
		return ERR_NOT_FOUND;
	e = logfile_open_fd(f, fd, flaw);
	close(fd);
	return e;
}

void logfile_close(struct logfile *f)
{
	if (f->mapped)
		munmap((void *)(uintptr_t)f->all.data, f->all.size);
	*f = (struct logfile){.mapped = false};
}

enum err logfile_check(const struct logfile *f, struct logfile_flaw *flaw)
{
	size_t before = f->all.size - TRAILER_BYTES;
	struct hash32 is;

	sha256_of(&is, f->all.data, before);
	if (memcmp(f->all.data + before + 12, is.bytes, sizeof is.bytes) == 0)
		return ERR_NONE;
	*flaw = (struct logfile_flaw){
		.what = "the SHA-256 at its end says that it was altered",
		.offset = before + 12};
	return ERR_MALFORMED;
}

/* ---- looking at it ------------------------------------------------------ */

const struct logfile_log *logfile_find(const struct logfile *f,
				       const char *name)
{
	for (unsigned i = 0; i < f->logs_count; i++)
		if (strcmp(f->logs[i].name, name) == 0)
			return &f->logs[i];
	return NULL;
}

bool logfile_same_chain(const struct logfile_origin *a,
			const struct logfile_origin *b)
{
	return a->chain_id == b->chain_id &&
	       hash32_eq(&a->genesis, &b->genesis) &&
	       a->start_block == b->start_block &&
	       address_eq(&a->marketplace, &b->marketplace) &&
	       address_eq(&a->registry, &b->registry) &&
	       address_eq(&a->keys, &b->keys);
}

struct logfile_place logfile_begin(const struct logfile_log *log)
{
	return (struct logfile_place){.at = log->at,
				      .block_end = log->at,
				      .end = log->end,
				      .next = log->first};
}

bool logfile_step(struct logfile_place *p)
{
	/* Behind the entries of a block is its checksum. */
	const uint8_t *at = p->at + (p->in_block ? CRC_BYTES : 0);

	if (at == p->end)
		return false;
	p->in_block = true;
	p->at = at + BLOCK_HEAD;
	p->block_end = p->at + be32_at(at + 20);
	return true;
}
