/* key - a program's private key, from where its operator keeps it.
 *
 * Nothing here logs; what goes wrong is said in words that hold names of
 * files and members, never content. Copies made on the way are wiped. */
#ifndef COMMON_KEY_H
#define COMMON_KEY_H

#include "common/err.h"
#include "common/keystore.h"
#include "common/secp.h"

/* One of @hex and @path is given; a password, if any, in one of two ways.
 * What isn't given is NULL or "". */
struct key_source {
	const char *hex;  /* 64 digits, "0x" in front or not */
	const char *path; /* of a file with such text, or a v3 keystore */
	const char *password;
	const char *password_path; /* of a file; its first line counts */
};

/* Load a key. White space around hex text in a file is passed over; a file
 * that starts with "{" is a keystore. The caller owns *out, and wipes
 * source->hex and source->password when it can.
 *
 * ERR_CONFIG     no source or two, an unreadable file, one that others may read
 *                or write (private_file.h), a malformed or impossible key, a
 *                keystore without its password (see keystore.h); *why says
 *                which and where; *out is NULL
 * ERR_NO_MEMORY  *out is NULL */
NODISCARD enum err key_load(struct secret_key **out,
			    const struct key_source *source,
			    struct key_why *why);

/* Write @key under @password to a new file at @path that only its owner can
 * read, as a v3 keystore; see keystore_seal() for @log2_n.
 *
 * ERR_EXISTS     @path is there already; it wasn't touched
 * ERR_CONFIG     it can't be written; *why says why; no file is left
 * ERR_NO_MEMORY  no file is left */
NODISCARD enum err key_save(const char *path, const struct secret_key *key,
			    const char *password, unsigned log2_n,
			    struct key_why *why);

#endif /* COMMON_KEY_H */
