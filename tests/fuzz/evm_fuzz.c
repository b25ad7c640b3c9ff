/* Headers, receipts, values and logs from a hostile node.
 *
 * Input: JSON, as an answer to eth_getLogs, and its `result` as the rest. */
#include "tests/fuzz/fuzz.h"

#include "common/evm.h"

static void read_logs(struct bytes body)
{
	static struct evm_logs logs; /* used again, as chain.c does */
	size_t data = 0;

	if (evm_logs_parse(&logs, body))
		return;
	for (size_t i = 0; i < logs.count; i++) {
		const struct evm_log *l = &logs.items[i];

		fuzz_check(l->log.topics_count <= ABI_TOPICS_MAX);
		fuzz_check(l->log.data.data == logs.data.data + data);
		data += l->log.data.size;
	}
	fuzz_check(data == logs.data.size);
	fuzz_check(logs.message[sizeof logs.message - 1] == '\0');
}

static void read_value(const json_t *json)
{
	struct evm_header header;
	struct evm_receipt receipt;
	struct buf bytes = {0};
	struct u256 big, same;
	struct hash32 hash;
	uint64_t small;

	(void)!evm_header_parse(&header, json);
	(void)!evm_receipt_parse(&receipt, json);
	(void)!evm_hash_parse(&hash, json);
	(void)!evm_bytes_parse(&bytes, json);
	if (!evm_u64_parse(&small, json)) {
		json_t *back = evm_quantity(small);

		fuzz_check(!evm_u256_parse(&big, json));
		fuzz_check(!evm_u256_parse(&same, back));
		fuzz_check(u256_cmp(&big, &same) == 0);
		json_decref(back);
	}
	buf_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root =
		json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);

	read_logs((struct bytes){data, size});
	read_value(root);
	read_value(json_object_get(root, "result"));
	json_decref(root);
	return 0;
}
