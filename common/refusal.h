/* refusal - what a node's "no" to a question means.
 *
 * JSON-RPC has no codes for it that all agree on (EIP-1474 has -32005, "limit
 * exceeded", for everything), so this reads what the providers write: Infura,
 * Alchemy, QuickNode, Ankr, Chainstack, BlockPI, Cloudflare, Blast, dRPC,
 * Tenderly, PublicNode, LlamaNodes, thirdweb, and geth, erigon, nethermind,
 * besu, reth and anvil themselves. Pure. */
#ifndef COMMON_REFUSAL_H
#define COMMON_REFUSAL_H

#include <stdint.h>

enum refusal {
	REFUSAL_OTHER,	  /* whatever it is, asking another way won't help */
	REFUSAL_LIMITED,  /* too often: later, or somebody else */
	REFUSAL_TOO_MUCH, /* of blocks, results, bytes or time: ask for less */
	REFUSAL_UNKNOWN,  /* it doesn't know that block (yet) */
};

/* @message may be NULL. *blocks becomes the most blocks that it would take, if
 * it says so, else 0. */
enum refusal refusal_of(int64_t code, const char *message, uint64_t *blocks);

#endif /* COMMON_REFUSAL_H */
