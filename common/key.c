/* Files and text to keys; every copy of a secret lies in guarded memory. */
#include "common/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/private_file.h"

static bool is_given(const char *text)
{
	return text && text[0] != '\0';
}

/* ---- hex ---------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* @where names the source in @why. */
static enum err load_hex(struct secret_key **out, const char *text,
			 const char *where, struct key_why *why)
{
	char prefixed[HEX_ROOM(SECRET_SIZE)] = "0x";
	uint8_t secret[SECRET_SIZE];
	size_t size = strlen(text);
	enum err e = ERR_CONFIG;

	while (size > 0 && is_space(text[size - 1]))
		size--;
	for (; size > 0 && is_space(*text); size--)
		text++;
	if (size == 2 * SECRET_SIZE + 2 && text[0] == '0' && text[1] == 'x') {
		text += 2;
		size -= 2;
	}
	if (size == 2 * SECRET_SIZE) {
		memcpy(prefixed + 2, text, size);
		e = hex_decode(secret, sizeof secret, prefixed, size + 2);
		sodium_memzero(prefixed, sizeof prefixed);
	}
	if (e)
		return key_refuse(why, "%s is not 64 hex digits", where);
	e = secret_key_new(out, secret);
	sodium_memzero(secret, sizeof secret);
	if (e == ERR_RANGE)
		return key_refuse(why, "%s is not a private key of secp256k1",
				  where);
	return e;
}

/* ---- files -------------------------------------------------------------- */

/* Up to KEYSTORE_SIZE_MAX bytes, whatever comes in pieces. */
static enum err read_all(char *text, int fd, const char *path,
			 struct key_why *why)
{
	size_t size = 0;
	ssize_t n;

	while ((n = read(fd, text + size, KEYSTORE_SIZE_MAX + 1 - size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return key_refuse(why, "%s: %s", path, strerror(errno));
		size += (size_t)n;
		if (size > KEYSTORE_SIZE_MAX)
			return key_refuse(why, "%s is longer than %d bytes",
					  path, KEYSTORE_SIZE_MAX);
	}
	text[size] = '\0';
	if (strlen(text) != size)
		return key_refuse(why, "%s is not text", path);
	return ERR_NONE;
}

/* A file's text in memory that sodium_free() wipes; *text is NULL after an
 * error. */
static enum err read_file(char **text, const char *path, struct key_why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = ERR_NO_MEMORY;

	*text = NULL;
	if (fd < 0)
		return key_refuse(why, "%s: %s", path, strerror(errno));
	if (private_file_check(fd, path, why->text, sizeof why->text))
		e = ERR_CONFIG;
	else if (sodium_init() >= 0)
		*text = sodium_malloc(KEYSTORE_SIZE_MAX + 1);
	if (*text)
		e = read_all(*text, fd, path, why);
	close(fd);
	if (e) {
		sodium_free(*text);
		*text = NULL;
	}
	return e;
}

/* ---- keystores ---------------------------------------------------------- */

/* Say in @why which file its words are about. */
static void prefix(struct key_why *why, const char *path)
{
	struct key_why inner = *why;

	key_refuse(why, "%s: %s", path, inner.text);
}

static enum err open_keystore(struct secret_key **out, const char *json,
			      const struct key_source *source,
			      const char *password, struct key_why *why)
{
	struct keystore keystore;
	enum err e = keystore_parse(&keystore, json, strlen(json), why);

	if (!e)
		e = keystore_open(out, &keystore, password, why);
	if (e)
		prefix(why, source->path);
	return e;
}

static enum err load_keystore(struct secret_key **out, const char *json,
			      const struct key_source *source,
			      struct key_why *why)
{
	char *line;
	enum err e;

	if (is_given(source->password) == is_given(source->password_path))
		return key_refuse(why,
				  "%s is a keystore: give its password, or "
				  "the file that it is in",
				  source->path);
	if (is_given(source->password))
		return open_keystore(out, json, source, source->password, why);
	e = read_file(&line, source->password_path, why);
	if (e)
		return e;
	line[strcspn(line, "\r\n")] = '\0';
	e = open_keystore(out, json, source, line, why);
	sodium_free(line);
	return e;
}

/* ---- both --------------------------------------------------------------- */

enum err key_load(struct secret_key **out, const struct key_source *source,
		  struct key_why *why)
{
	char *text;
	enum err e;

	*out = NULL;
	why->text[0] = '\0';
	if (is_given(source->hex) == is_given(source->path))
		return key_refuse(why, "give a key, or the file that it is in");
	if (is_given(source->hex))
		return load_hex(out, source->hex, "the key", why);
	e = read_file(&text, source->path, why);
	if (e)
		return e;
	if (text[0] == '{')
		e = load_keystore(out, text, source, why);
	else
		e = load_hex(out, text, source->path, why);
	sodium_free(text);
	return e;
}

static bool write_all(int fd, struct bytes data)
{
	while (data.size > 0) {
		ssize_t n = write(fd, data.data, data.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data.data += n;
		data.size -= (size_t)n;
	}
	return fsync(fd) == 0;
}

static enum err write_file(const char *path, struct bytes data,
			   struct key_why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool written;

	if (fd < 0 && errno == EEXIST)
		return ERR_EXISTS;
	if (fd < 0)
		return key_refuse(why, "%s: %s", path, strerror(errno));
	written = write_all(fd, data);
	if (close(fd) == 0 && written)
		return ERR_NONE;
	key_refuse(why, "%s: %s", path, strerror(errno));
	unlink(path);
	return ERR_CONFIG;
}

enum err key_save(const char *path, const struct secret_key *key,
		  const char *password, unsigned log2_n, struct key_why *why)
{
	struct keystore keystore;
	struct buf json = {0};
	enum err e = keystore_seal(&keystore, key, password, log2_n);

	why->text[0] = '\0';
	if (e)
		return e;
	keystore_put_json(&json, &keystore);
	e = buf_err(&json);
	if (!e)
		e = write_file(path, buf_bytes(&json), why);
	buf_free(&json);
	return e;
}
