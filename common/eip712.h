/* eip712 - hashes of typed structured data, as wallets and contracts sign it.
 *
 * Source: EIP-712. A struct is hashed value by value, in its order: begin,
 * put each member, end. This is the runtime of the eip712_hash_...() functions
 * that protocol/gen/abigen.py writes; a signer needs those and, from here,
 * the domain and the digest. Nothing is allocated. */
#ifndef COMMON_EIP712_H
#define COMMON_EIP712_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/keccak.h"
#include "common/types.h"

/* The separator of the domain {name, version, chain id, contract}: which
 * program and deployment a signature is for. */
void eip712_domain(struct hash32 *out, const char *name, const char *version,
		   uint64_t chain_id, const struct address *contract);

/* What is signed: keccak256(0x1901 || domain || hash of the struct). */
void eip712_digest(struct hash32 *out, const struct hash32 *domain,
		   const struct hash32 *struct_hash);

/* ---- a struct or array in the making ------------------------------------ */

/* A value that its type can't hold is latched as ERR_RANGE. */
struct eip712 {
	struct keccak hash;
	enum err err;
};

/* hashStruct() starts with the type's hash; the array's hash has none. */
struct eip712 eip712_begin(const struct hash32 *type_hash);
struct eip712 eip712_begin_array(void);

void eip712_put_uint(struct eip712 *e, unsigned bits, uint64_t v);
void eip712_put_u256(struct eip712 *e, unsigned bits, const struct u256 *v);
void eip712_put_enum(struct eip712 *e, unsigned count, unsigned v);
void eip712_put_bool(struct eip712 *e, bool v);
void eip712_put_address(struct eip712 *e, const struct address *v);
void eip712_put_hash32(struct eip712 *e, const struct hash32 *v);

/* bytes or string: its hash. */
void eip712_put_bytes(struct eip712 *e, struct bytes v);

/* A member that is a struct or an array: its hash. Ends @inner. */
void eip712_put_inner(struct eip712 *e, struct eip712 *inner);

/* The hash, or ERR_RANGE and *out is unchanged. */
NODISCARD enum err eip712_end(struct eip712 *e, struct hash32 *out);

#endif /* COMMON_EIP712_H */
