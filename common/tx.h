/* tx - EIP-1559 transactions (type 2): made, signed, read back.
 *
 * Source: EIP-2718 and EIP-1559; EIP-2 and EIP-2681 for what is refused.
 * The access list is always empty. */
#ifndef COMMON_TX_H
#define COMMON_TX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/secp.h"
#include "common/types.h"

/* Fees are wei per unit of gas, @value is wei. */
struct tx {
	uint64_t chain_id; /* not 0: EIP-155 */
	uint64_t nonce;	   /* below 2^64 - 1: EIP-2681 */
	struct u256 max_priority_fee;
	struct u256 max_fee; /* at least max_priority_fee */
	uint64_t gas;
	bool creates; /* a contract: @data is its initcode, @to unused */
	struct address to;
	struct u256 value;
	struct bytes data; /* borrowed */
};

/* Sign @tx: append to @raw what eth_sendRawTransaction takes, and store its
 * hash. The same @tx and @key give the same bytes.
 *
 * ERR_RANGE      @tx breaks a rule above
 * ERR_NO_MEMORY  (or whatever else was latched in @raw before)
 * After an error nothing was appended and *hash is unchanged. */
NODISCARD enum err tx_sign(struct buf *raw, struct hash32 *hash,
			   const struct tx *tx, const struct secret_key *key);

/* Read @raw, and find who signed it. out->data is borrowed from @raw.
 *
 * ERR_UNKNOWN_TYPE  not of type 2; or with an access list, or that creates a
 *                   contract: nobody has a use for reading one
 * ERR_MALFORMED     of type 2, but not canonically encoded
 * ERR_RANGE         it breaks a rule above
 * ERR_SIGNATURE     nobody signed it (see secp_recover())
 * ERR_NO_MEMORY
 * After an error nothing is changed. */
NODISCARD enum err tx_decode(struct tx *out, struct address *from,
			     struct hash32 *hash, struct bytes raw);

/* Where the contract will be that @from creates with a transaction of @nonce
 * (yellow paper, section 7). ERR_NO_MEMORY */
NODISCARD enum err tx_created(struct address *out, const struct address *from,
			      uint64_t nonce);

#endif /* COMMON_TX_H */
