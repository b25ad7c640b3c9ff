/* evm - what an Ethereum node says, read strictly: headers, logs, receipts.
 *
 * Quantities are "0x" and hex digits without zeros in front, data is "0x" and
 * pairs of digits (Ethereum execution APIs, "Hex value encoding").
 *
 * Everywhere below ERR_MALFORMED means: it isn't of that form; *out is then
 * undefined. */
#ifndef COMMON_EVM_H
#define COMMON_EVM_H

#include <jansson.h>
#include <stdbool.h>

#include "common/abi.h"
#include "common/buf.h"
#include "common/types.h"
#include "common/u256.h"

enum { EVM_BLOOM_BYTES = 256 };

struct evm_header {
	struct block_ref block;
	struct hash32 parent;
	struct u256 base_fee; /* wei; 0 if the block has none */
	uint64_t gas_limit;
	uint8_t bloom[EVM_BLOOM_BYTES];
};

NODISCARD enum err evm_header_parse(struct evm_header *out, const json_t *json);

/* Whether the bloom filter allows for a log of @contract in the block. False
 * is certain (yellow paper, 4.4.3). */
bool evm_bloom_may_hold(const uint8_t bloom[EVM_BLOOM_BYTES],
			const struct address *contract);

/* The same for any bytes, once computed: the three bits that they set. */
struct evm_bloom_bits {
	uint16_t bits[3];
};
struct evm_bloom_bits evm_bloom_bits(const void *data, size_t size);
bool evm_bloom_has(const uint8_t bloom[EVM_BLOOM_BYTES],
		   const struct evm_bloom_bits *bits);

struct evm_log {
	struct abi_log log; /* its data is owned by the struct evm_logs */
	uint64_t block;
	struct hash32 block_hash, tx;
	uint32_t index; /* in the block */
};

/* The answer to an eth_getLogs. */
struct evm_logs {
	struct evm_log *items;
	size_t count, room;
	struct buf data;
	uint64_t id;	   /* of the answer; 0: none that is a number */
	bool refused;	   /* the node answered with an error */
	int64_t code;	   /* of the error */
	char message[160]; /* of the error */
};

/* Read the whole body of a JSON-RPC answer to eth_getLogs. @out is zero, or
 * was used before: its memory is used again. A log that was `removed` is
 * ERR_MALFORMED: nobody asked for it. ERR_NONE with out->refused set: the
 * node said no. */
NODISCARD enum err evm_logs_parse(struct evm_logs *out, struct bytes body);
void evm_logs_free(struct evm_logs *logs);

struct evm_receipt {
	struct hash32 tx, block_hash;
	uint64_t block;
	bool success;
	uint64_t gas_used;
	struct u256 gas_price; /* wei, that was paid */
};

/* JSON null (not mined) is ERR_NOT_FOUND. */
NODISCARD enum err evm_receipt_parse(struct evm_receipt *out,
				     const json_t *json);

/* "0x1f" to a number; ERR_RANGE if it doesn't fit. */
NODISCARD enum err evm_u64_parse(uint64_t *out, const json_t *json);
NODISCARD enum err evm_u256_parse(struct u256 *out, const json_t *json);

/* Bytes to @out. */
NODISCARD enum err evm_bytes_parse(struct buf *out, const json_t *json);
NODISCARD enum err evm_hash_parse(struct hash32 *out, const json_t *json);

/* New references: a quantity, data, an address. */
json_t *evm_quantity(uint64_t v);
json_t *evm_data(struct bytes b);
json_t *evm_address(const struct address *a);
json_t *evm_hash(const struct hash32 *h);

#endif /* COMMON_EVM_H */
