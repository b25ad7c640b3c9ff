/* Files are read whole; they are small. */
#include "services/kalypso/input.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"

enum cli_exit cli_read_file(struct cli *cli, struct buf *out, const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	uint8_t chunk[4096];
	size_t n = 0;
	int bad, why = errno;

	while (f && out->size <= CLI_FILE_MAX &&
	       (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_put(out, chunk, n);
	bad = !f || ferror(f);
	if (f)
		why = errno;
	if (f && f != stdin)
		fclose(f);
	if (bad)
		return cli_fail(cli, CLI_USAGE, "%s: %s", path, strerror(why));
	if (out->size > CLI_FILE_MAX || buf_failed(out))
		return cli_fail(cli, CLI_USAGE, "%s is longer than %d bytes",
				path, CLI_FILE_MAX);
	return CLI_OK;
}

enum cli_exit cli_read_bytes(struct cli *cli, struct buf *out, const char *path)
{
	struct buf file = {0};
	enum cli_exit x = cli_read_file(cli, &file, path);
	const char *text = (const char *)file.data;
	size_t from = 0, to = file.size;

	while (from < to && isspace((unsigned char)text[from]))
		from++;
	while (to > from && isspace((unsigned char)text[to - 1]))
		to--;
	if (x || !text || hex_decode_buf(out, text + from, to - from))
		buf_put(out, file.data, x ? 0 : file.size);
	buf_free(&file);
	return x;
}

enum cli_exit cli_read_hex(struct cli *cli, struct buf *out, const char *option,
			   const char *text)
{
	if (!hex_decode_buf(out, text, strlen(text)))
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"%s: bytes are 0x and pairs of hex digits", option);
}

enum cli_exit cli_write_file(struct cli *cli, const char *path,
			     struct bytes data)
{
	FILE *f = fopen(path, "wb");
	bool good = f && fwrite(data.data, 1, data.size, f) == data.size;

	if (f && fclose(f))
		good = false;
	return good ? CLI_OK
		    : cli_fail(cli, CLI_USAGE, "%s: %s", path, strerror(errno));
}
