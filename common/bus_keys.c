/* Files of keys, read with zconfig; a folder of them, read again and again. */
#include "common/bus_keys.h"

#include <czmq.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>

#include "common/log.h"
#include "common/private_file.h"
#include "msg.h"

enum { FILE_MAX_BYTES = 4096, PATH_ROOM = 512 };

struct bus_keys {
	const char *service, *file, *folder;
	struct bus_pair own;
	struct bus_key others[BUS_KEYS_MAX]; /* by name of the file */
	size_t count;
	bool complained;
};

static const char *const roles[] = {
#define SERVICE(folder, noun) folder,
#include "protocol/messages/links.def"
};
enum { ROLES = sizeof roles / sizeof roles[0] };

/* ---- one file ----------------------------------------------------------- */

static enum err refuse(char why[BUS_WHY_ROOM], const char *path,
		       const char *what)
{
	snprintf(why, BUS_WHY_ROOM, "%s: %s", path, what);
	return ERR_CONFIG;
}

const char *bus_key_text(char out[BUS_KEY_TEXT],
			 const uint8_t key[BUS_KEY_SIZE])
{
	return zmq_z85_encode(out, key, BUS_KEY_SIZE);
}

static bool decode(uint8_t out[BUS_KEY_SIZE], const char *text)
{
	return text && strlen(text) == BUS_KEY_TEXT - 1 &&
	       zmq_z85_decode(out, text);
}

/* Whether the public key is the secret one's. */
static bool belong(const struct bus_pair *pair)
{
	uint8_t public[BUS_KEY_SIZE];

	return crypto_scalarmult_base(public, pair->secret) == 0 &&
	       memcmp(public, pair->public, BUS_KEY_SIZE) == 0;
}

static enum err parse(struct bus_pair *out, const char *text, const char *path,
		      char why[BUS_WHY_ROOM])
{
	zconfig_t *tree = zconfig_str_load(text);
	const char *secret =
		tree ? zconfig_get(tree, "/curve/secret-key", NULL) : NULL;
	enum err e = ERR_NONE;

	out->has_secret = secret != NULL;
	if (!tree ||
	    !decode(out->public, zconfig_get(tree, "/curve/public-key", NULL)))
		e = refuse(
			why, path,
			"no public-key of 40 characters under curve: it is "
			"no key of the bus as 'kalypso keys make' writes it");
	else if (secret && !decode(out->secret, secret))
		e = refuse(why, path,
			   "its secret-key isn't 40 characters of "
			   "Z85: put the right file there");
	else if (secret && !belong(out))
		e = refuse(why, path,
			   "its public and its secret key don't belong "
			   "together: put the right file there");
	zconfig_destroy(&tree);
	return e;
}

/* Reads of a regular file are whole. */
static enum err read_text(char text[FILE_MAX_BYTES + 1], int fd,
			  const char *path, char why[BUS_WHY_ROOM])
{
	ssize_t n = read(fd, text, FILE_MAX_BYTES + 1);

	if (n < 0)
		return refuse(why, path, strerror(errno));
	if (n > FILE_MAX_BYTES || memchr(text, 0, (size_t)n))
		return refuse(why, path, "it is no key of the bus");
	text[n] = 0;
	return ERR_NONE;
}

enum err bus_pair_read(struct bus_pair *out, const char *path,
		       char why[BUS_WHY_ROOM])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[FILE_MAX_BYTES + 1];
	enum err e;

	memset(out, 0, sizeof *out);
	if (fd < 0)
		return refuse(why, path, strerror(errno));
	e = read_text(text, fd, path, why);
	if (!e)
		e = parse(out, text, path, why);
	if (!e && out->has_secret)
		e = private_file_check(fd, path, why, BUS_WHY_ROOM);
	close(fd);
	sodium_memzero(text, sizeof text);
	if (e)
		bus_pair_wipe(out);
	return e;
}

static enum err put(int fd, const struct bus_pair *pair, bool secret)
{
	char public[BUS_KEY_TEXT], private[BUS_KEY_TEXT], text[256];
	int n = snprintf(text, sizeof text, "curve\n    public-key = \"%s\"\n",
			 bus_key_text(public, pair->public));
	bool good;

	if (secret)
		n += snprintf(text + n, sizeof text - (size_t)n,
			      "    secret-key = \"%s\"\n",
			      bus_key_text(private, pair->secret));
	good = write(fd, text, (size_t)n) == n && fsync(fd) == 0;
	sodium_memzero(text, sizeof text);
	sodium_memzero(private, sizeof private);
	return good ? ERR_NONE : ERR_CONFIG;
}

enum err bus_pair_write(const struct bus_pair *pair, bool secret,
			const char *path, bool replace, char why[BUS_WHY_ROOM])
{
	char aside[PATH_ROOM];
	enum err e;
	int fd;

	snprintf(aside, sizeof aside, "%s.new", path);
	unlink(aside); /* of somebody who was interrupted */
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		  secret ? 0600 : 0644);
	if (fd < 0)
		return refuse(why, aside, strerror(errno));
	e = put(fd, pair, secret);
	if (!e && !secret && fchmod(fd, 0644)) /* whatever the umask */
		e = ERR_CONFIG;
	if (e)
		refuse(why, aside, strerror(errno));
	close(fd);
	if (!e && (replace ? rename(aside, path) : link(aside, path))) {
		e = errno == EEXIST ? ERR_EXISTS : ERR_CONFIG;
		refuse(why, path, strerror(errno));
	}
	if (e || !replace)
		unlink(aside);
	return e;
}

enum err bus_pair_make(struct bus_pair *out)
{
	char public[BUS_KEY_TEXT], secret[BUS_KEY_TEXT];
	bool made = zmq_curve_keypair(public, secret) == 0 &&
		    decode(out->public, public) && decode(out->secret, secret);

	out->has_secret = true;
	sodium_memzero(secret, sizeof secret);
	return made ? ERR_NONE : ERR_NO_MEMORY;
}

void bus_pair_wipe(struct bus_pair *pair)
{
	sodium_memzero(pair, sizeof *pair);
}

bool bus_key_role(char out[BUS_ROLE_ROOM], const char *name)
{
	size_t size = strcspn(name, "."), all = strlen(name);

	if (all < size + 4 || strcmp(name + all - 4, ".pub") != 0)
		return false;
	for (size_t i = 0; i < ROLES; i++)
		if (strlen(roles[i]) == size &&
		    memcmp(roles[i], name, size) == 0) {
			snprintf(out, BUS_ROLE_ROOM, "%s", roles[i]);
			return true;
		}
	return false;
}

/* ---- all that a service needs ------------------------------------------- */

static int is_key(const struct dirent *entry)
{
	char role[BUS_ROLE_ROOM];

	return bus_key_role(role, entry->d_name);
}

static enum err take(struct bus_keys *k, const char *name,
		     char why[BUS_WHY_ROOM])
{
	struct bus_key *key = &k->others[k->count];
	char path[PATH_ROOM];
	struct bus_pair pair;
	enum err e;

	snprintf(path, sizeof path, "%s/%s", k->folder, name);
	if (k->count == BUS_KEYS_MAX)
		return refuse(why, k->folder, "too many keys: remove old ones");
	e = bus_pair_read(&pair, path, why);
	if (!e && pair.has_secret)
		e = refuse(why, path,
			   "a secret key among the public ones: "
			   "remove it, and give its owner another");
	if (!e) {
		bus_key_role(key->role, name);
		memcpy(key->public, pair.public, BUS_KEY_SIZE);
		k->count++;
	}
	bus_pair_wipe(&pair);
	return e;
}

static enum err take_all(struct bus_keys *k, char why[BUS_WHY_ROOM])
{
	struct dirent **names;
	int n = scandir(k->folder, &names, is_key, alphasort);
	enum err e = ERR_NONE;

	if (n < 0)
		return refuse(why, k->folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (!e)
			e = take(k, names[i]->d_name, why);
		free(names[i]);
	}
	free(names);
	return e;
}

/* Whoever hears us or is heard needs a key, or the market is deaf in part. */
static enum err check_all(const struct bus_keys *k, char why[BUS_WHY_ROOM])
{
	const struct bus_key *own = bus_keys_whose(k, k->own.public);

	if (!own || strcmp(own->role, k->service) != 0) {
		snprintf(why, BUS_WHY_ROOM,
			 "%s: its public key is %s in %s: copy %s.pub there, "
			 "or name the right --bus-key-file",
			 k->file, own ? "another service's" : "not", k->folder,
			 k->service);
		return ERR_CONFIG;
	}
	for (size_t i = 0; i < ROLES; i++)
		if ((msg_passes(roles[i], k->service) ||
		     msg_passes(k->service, roles[i])) &&
		    !bus_keys_next(k, roles[i], NULL)) {
			snprintf(why, BUS_WHY_ROOM,
				 "%s: no key of %s: copy %s.pub there, as "
				 "'kalypso keys make' wrote it",
				 k->folder, roles[i], roles[i]);
			return ERR_CONFIG;
		}
	return ERR_NONE;
}

static enum err read_all(struct bus_keys *k, char why[BUS_WHY_ROOM])
{
	enum err e = bus_pair_read(&k->own, k->file, why);

	if (!e && !k->own.has_secret)
		e = refuse(why, k->file,
			   "no secret-key: --bus-key-file is "
			   "SERVICE.key, not SERVICE.pub");
	if (!e)
		e = take_all(k, why);
	return e ? e : check_all(k, why);
}

enum err bus_keys_open(struct bus_keys **out, const char *service,
		       const char *file, const char *folder)
{
	struct bus_keys *k = calloc(1, sizeof *k);
	char why[BUS_WHY_ROOM];
	enum err e;

	if (!k)
		return ERR_NO_MEMORY;
	*k = (struct bus_keys){
		.service = service, .file = file, .folder = folder};
	e = read_all(k, why);
	if (e) {
		log_error("bus.keys", "text=\"%s\"", why);
		bus_keys_close(&k);
		return e;
	}
	*out = k;
	return ERR_NONE;
}

void bus_keys_close(struct bus_keys **keys)
{
	if (!*keys)
		return;
	sodium_memzero(*keys, sizeof **keys);
	free(*keys);
	*keys = NULL;
}

static bool same(const struct bus_keys *a, const struct bus_keys *b)
{
	return memcmp(&a->own, &b->own, sizeof a->own) == 0 &&
	       a->count == b->count &&
	       memcmp(a->others, b->others, a->count * sizeof *a->others) == 0;
}

bool bus_keys_renewed(struct bus_keys *keys)
{
	struct bus_keys now = {.service = keys->service,
			       .file = keys->file,
			       .folder = keys->folder};
	char why[BUS_WHY_ROOM];
	bool renewed = false;

	if (read_all(&now, why)) {
		if (!keys->complained)
			log_error("bus.keys",
				  "text=\"%s; the keys before hold on\"", why);
		keys->complained = true;
	} else if (same(keys, &now)) {
		keys->complained = false;
	} else {
		*keys = now;
		renewed = true;
	}
	bus_pair_wipe(&now.own);
	return renewed;
}

const uint8_t *bus_keys_secret(const struct bus_keys *keys)
{
	return keys->own.secret;
}

const uint8_t *bus_keys_public(const struct bus_keys *keys)
{
	return keys->own.public;
}

const struct bus_key *bus_keys_next(const struct bus_keys *keys,
				    const char *role,
				    const struct bus_key *after)
{
	const struct bus_key *key = after ? after + 1 : keys->others;

	for (; key < keys->others + keys->count; key++)
		if (strcmp(key->role, role) == 0)
			return key;
	return NULL;
}

const struct bus_key *bus_keys_whose(const struct bus_keys *keys,
				     const uint8_t public[BUS_KEY_SIZE])
{
	for (size_t i = 0; i < keys->count; i++)
		if (memcmp(keys->others[i].public, public, BUS_KEY_SIZE) == 0)
			return &keys->others[i];
	return NULL;
}
