/* Any bytes as a file of logs: refused with a place that lies in it, or every
 * entry that the header promises, and then as logs to be cut to what counts.
 * Once as they are, once with right checksums. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/crc32c.h"
#include "common/logfile.h"
#include "services/kalypso/branch.h"

static void walk(const struct logfile *f, const struct logfile_log *log)
{
	struct logfile_place at = logfile_begin(log);
	const uint8_t *end = f->all.data + f->all.size;
	uint64_t next = log->first;
	struct entry e;

	while (logfile_next(&at, &e)) {
		fuzz_check(e.number == next++);
		fuzz_check(e.body.data + e.body.size <= end);
	}
	fuzz_check(next == log->last + 1);
	fuzz_check(!logfile_next(&at, &e));
}

/* Nothing comes twice, and nothing that wasn't there. */
static void read_branch(const struct logfile_log *log)
{
	uint64_t before = 0;
	struct branch b;
	struct entry e;

	if (!branch_open(&b, log, log->last, true))
		while (branch_next(&b, &e)) {
			fuzz_check(e.number > before && e.number <= log->last);
			before = e.number;
		}
	branch_free(&b);
}

static void read_file(struct bytes all)
{
	struct logfile_flaw flaw = {.what = NULL};
	struct logfile f;

	if (logfile_parse(&f, all, &flaw)) {
		fuzz_check(flaw.what != NULL && flaw.offset <= all.size);
		return;
	}
	for (unsigned i = 0; i < f.logs_count; i++) {
		walk(&f, &f.logs[i]);
		read_branch(&f.logs[i]);
	}
	if (logfile_check(&f, &flaw))
		fuzz_check(flaw.offset <= all.size);
}

/* ---- what a fuzzer can't guess ------------------------------------------ */

static size_t be32(const uint8_t *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	       p[3];
}

static void put_be32(uint8_t *p, size_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Make the checksums of header and blocks right, as far as there are any. */
static void mend(uint8_t *p, size_t size)
{
	size_t at = size >= 16 ? be32(p + 12) : size + 1;

	if (at < 4 || at > size)
		return;
	put_be32(p + at - 4, crc32c(0, p, at - 4));
	while (size - at >= 28 && memcmp(p + at, "ENTR", 4) == 0) {
		size_t bytes = be32(p + at + 20);

		if (bytes > size - at - 28)
			return;
		put_be32(p + at + 24 + bytes, crc32c(0, p + at, 24 + bytes));
		at += 28 + bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *mended = malloc(size ? size : 1);

	fuzz_check(mended != NULL);
	read_file((struct bytes){data, size});
	memcpy(mended, data, size);
	mend(mended, size);
	read_file((struct bytes){mended, size});
	free(mended);
	return 0;
}
