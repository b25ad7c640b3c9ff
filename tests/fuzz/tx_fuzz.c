/* Any bytes as a transaction: what is accepted has one encoding, its own. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/tx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tx tx, again;
	struct address from;
	struct hash32 hash, other;
	struct secret_key *key;
	struct buf raw = {0};

	if (tx_decode(&tx, &from, &hash, (struct bytes){data, size}))
		return 0;
	fuzz_check(!secret_key_random(&key));
	fuzz_check(!tx_sign(&raw, &other, &tx, key));
	fuzz_check(!tx_decode(&again, &from, &other, buf_bytes(&raw)));
	fuzz_check(again.chain_id == tx.chain_id && again.gas == tx.gas &&
		   again.nonce == tx.nonce && again.data.size == tx.data.size);
	secret_key_free(&key);
	buf_free(&raw);
	return 0;
}
