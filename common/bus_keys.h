/* bus_keys - who may hear whom on the bus: CURVE keys, in files.
 *
 * Every service has a key of its own, the same for all its copies. The secret
 * one is in a file that only they have; the public ones of all services are in
 * a folder that everybody has:
 *
 *	public/SERVICE.pub		the one that it uses
 *	public/SERVICE.ANYTHING.pub	another of its keys, before or after it
 *
 * Who may subscribe to whom is no list of its own: a service may hear those
 * who say something to it in protocol/messages. A public key that isn't in
 * the folder is nobody's.
 *
 * The files are CURVE certificates as ZeroMQ's own tools write them, without
 * their comments:
 *
 *	curve
 *	    public-key = "40 characters"
 *	    secret-key = "40 characters"
 */
#ifndef COMMON_BUS_KEYS_H
#define COMMON_BUS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum {
	BUS_KEY_SIZE = 32,
	BUS_KEY_TEXT = 41, /* as text, with its end */
	BUS_KEYS_MAX = 64, /* public ones in a folder */
	BUS_ROLE_ROOM = 32,
};

struct bus_key {
	char role[BUS_ROLE_ROOM];
	uint8_t public[BUS_KEY_SIZE];
};

struct bus_keys;

/* Read @service's secret key from @file, and the public ones from @folder.
 * Texts are borrowed.
 *
 * ERR_CONFIG	a file isn't as it must be, the key's own public half isn't in
 *		the folder, or somebody whom the service hears or who hears it
 *		has none there; what, and what to do, has been logged */
NODISCARD enum err bus_keys_open(struct bus_keys **out, const char *service,
				 const char *file, const char *folder);
/* Wipes the secret. */
void bus_keys_close(struct bus_keys **keys);

/* Read the files again. True if anything is different now. While they aren't
 * as they must be, what was read before holds, and why is logged once. */
bool bus_keys_renewed(struct bus_keys *keys);

const uint8_t *bus_keys_secret(const struct bus_keys *keys);
const uint8_t *bus_keys_public(const struct bus_keys *keys);

/* The next public key of @role after @after, the first after NULL; NULL: there
 * is none any more. */
const struct bus_key *bus_keys_next(const struct bus_keys *keys,
				    const char *role,
				    const struct bus_key *after);

/* Whose public key it is; NULL if nobody's. */
const struct bus_key *bus_keys_whose(const struct bus_keys *keys,
				     const uint8_t public[BUS_KEY_SIZE]);

/* ---- files -------------------------------------------------------------- */

struct bus_pair {
	uint8_t public[BUS_KEY_SIZE], secret[BUS_KEY_SIZE];
	bool has_secret;
};

enum { BUS_WHY_ROOM = 1024 };

/* Read a file of a key; one with a secret may be read by its owner alone.
 * ERR_CONFIG	it can't be read, or isn't one: @why says it */
NODISCARD enum err bus_pair_read(struct bus_pair *out, const char *path,
				 char why[BUS_WHY_ROOM]);

/* Write @pair's secret and public half, 0600, or its public half alone, 0644.
 * The file is there as a whole or not at all.
 * ERR_EXISTS	there is one, and not @replace
 * ERR_CONFIG	it can't be written: @why says it */
NODISCARD enum err bus_pair_write(const struct bus_pair *pair, bool secret,
				  const char *path, bool replace,
				  char why[BUS_WHY_ROOM]);

/* A new one. ERR_NO_MEMORY: no random numbers, or libzmq has no CURVE. */
NODISCARD enum err bus_pair_make(struct bus_pair *out);
void bus_pair_wipe(struct bus_pair *pair);

/* A key as text: 40 characters of Z85. Returns @out. */
const char *bus_key_text(char out[BUS_KEY_TEXT],
			 const uint8_t key[BUS_KEY_SIZE]);

/* SERVICE of "SERVICE.pub" or "SERVICE.ANYTHING.pub", the last part of a path.
 * False: it isn't named like that, or there is no such service. */
bool bus_key_role(char out[BUS_ROLE_ROOM], const char *name);

#endif /* COMMON_BUS_KEYS_H */
