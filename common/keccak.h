/* keccak - Keccak-256 as Ethereum uses it: the original padding, not SHA-3's.
 *
 * Yellow paper, appendix on notation ("KEC"); the permutation is nettle's.
 * Nothing here can fail. */
#ifndef COMMON_KECCAK_H
#define COMMON_KECCAK_H

#include <nettle/sha3.h>
#include <stddef.h>

#include "common/err.h"
#include "common/types.h"

/* A hash in the making. Flat: a copy goes its own way from there. */
struct keccak {
	struct sha3_256_ctx nettle;
};

/* The hash of @size bytes at once. @data may be NULL if @size is 0. */
void keccak256(struct hash32 *out, const void *data, size_t size);

/* The same in pieces: init, any number of updates, one final, after which
 * only init may follow. */
void keccak_init(struct keccak *k);
void keccak_update(struct keccak *k, const void *data, size_t size);
void keccak_final(struct keccak *k, struct hash32 *out);

/* Hash what is known. To be called once when a program starts: the padding
 * is ours and the permutation is another's, and a wrong hash would be signed.
 * ERR_CONFIG  this build or this nettle does not make Keccak-256 */
NODISCARD enum err keccak_self_test(void);

#endif /* COMMON_KECCAK_H */
