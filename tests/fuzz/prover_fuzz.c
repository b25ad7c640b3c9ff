/* Any bytes as a prover's answer: a proof of a size that fits, or why not.
 *
 * Input: a byte for the HTTP status, the body. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "services/listener/prover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned statuses[] = {200, 422, 400, 500};
	char why[PROVER_WHY_ROOM] = "";
	struct http_answer answer = {.text = ""};
	struct buf proof = {0};

	if (size == 0)
		return 0;
	answer.status = statuses[data[0] % 4];
	answer.body = (struct bytes){data + 1, size - 1};
	if (prover_read(&proof, why, &answer) == PROVER_PROOF) {
		fuzz_check(answer.status == 200);
		fuzz_check(proof.size > 0 &&
			   proof.size <= PROVER_PROOF_MAX_BYTES);
	} else {
		fuzz_check(proof.size == 0);
		fuzz_check(*why && memchr(why, 0, sizeof why));
		fuzz_check(!strchr(why, '"'));
	}
	buf_free(&proof);
	return 0;
}
