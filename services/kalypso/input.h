/* input - bytes that a user brings: in files, or typed as hex. */
#ifndef SERVICES_KALYPSO_INPUT_H
#define SERVICES_KALYPSO_INPUT_H

#include "common/buf.h"
#include "services/kalypso/session.h"

enum { CLI_FILE_MAX = 1 << 20 };

/* All of @path ("-": standard input), appended to @out. CLI_USAGE, told, if it
 * can't be read or is longer than CLI_FILE_MAX. */
NODISCARD enum cli_exit cli_read_file(struct cli *cli, struct buf *out,
				      const char *path);

/* The same, but a file that holds nothing but hex digits behind "0x" (white
 * space around them) means the bytes that they spell. */
NODISCARD enum cli_exit cli_read_bytes(struct cli *cli, struct buf *out,
				       const char *path);

/* @text, "0x…", given as @option. CLI_USAGE, told. */
NODISCARD enum cli_exit cli_read_hex(struct cli *cli, struct buf *out,
				     const char *option, const char *text);

/* Write @data to a new file @path, or over an old one. CLI_USAGE, told. */
NODISCARD enum cli_exit cli_write_file(struct cli *cli, const char *path,
				       struct bytes data);

#endif /* SERVICES_KALYPSO_INPUT_H */
