/* sha256 - SHA-256 (FIPS 180-4), for running hashes and state hashes. */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include <nettle/sha2.h>
/* nettle's names for its own functions are macros; these are ours here. */
#undef sha256_init
#undef sha256_update

#include "common/types.h"

/* A hash in the making. Flat: a copy goes its own way from there. */
struct sha256 {
	struct sha256_ctx nettle;
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t size);
/* Writes the hash; only init may follow. */
void sha256_final(struct sha256 *s, struct hash32 *out);

/* The hash of @size bytes that are all there. */
void sha256_of(struct hash32 *out, const void *data, size_t size);

#endif /* COMMON_SHA256_H */
