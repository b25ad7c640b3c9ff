/* logfile_impl - the layout that reader and writer share; nobody else includes
 * it. docs/audit.md describes it. */
#ifndef COMMON_LOGFILE_IMPL_H
#define COMMON_LOGFILE_IMPL_H

#include "common/logfile.h"

/* Not ASCII, so no text; both line ends, so that a transfer which mends them
 * shows; the end of text files of old. */
#define LOGFILE_MAGIC	"\x89KALY\r\n\x1a"
#define LOGFILE_BLOCK	"ENTR"
#define LOGFILE_TRAILER "DONE"

enum {
	MAGIC_BYTES = 8,
	HEADER_FIXED = 168, /* before the logs */
	HEADER_LOG = 48,    /* each */
	CRC_BYTES = 4,
	BLOCK_HEAD = 24,
	ENTRY_HEAD = 6,
	TRAILER_BYTES = 4 + 8 + 32,
	PAYLOAD_MAX = LOGFILE_BLOCK_BYTES + STORE_ENTRY_BYTES_MAX,
};

/* logfile_open() of an open file, which stays the caller's. */
NODISCARD enum err logfile_open_fd(struct logfile *f, int fd,
				   struct logfile_flaw *flaw);

#endif /* COMMON_LOGFILE_IMPL_H */
