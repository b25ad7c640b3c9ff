/* private_file - whether a file with a secret is one.
 *
 * The rule is the one that PostgreSQL has for its keys: a file of our own may
 * be read by nobody else; one of root's also by our group, since that is how
 * secrets are mounted into containers. */
#ifndef COMMON_PRIVATE_FILE_H
#define COMMON_PRIVATE_FILE_H

#include <stddef.h>

#include "common/err.h"

/* Look at the open file @fd, whose name for messages is @path.
 * ERR_CONFIG	somebody else may read or write it; @why says what to do */
NODISCARD enum err private_file_check(int fd, const char *path, char *why,
				      size_t why_room);

/* The text of the file @path, without white space at its end; the caller frees
 * it. NULL: it can't be read, is empty or larger than 64 KiB, or somebody else
 * may open it; @why says what to do. */
NODISCARD char *private_file_read(const char *path, char *why, size_t why_room);

#endif /* COMMON_PRIVATE_FILE_H */
