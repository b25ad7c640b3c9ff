/* Any JSON as a deployment: read, or the member that is wrong. */
#include "tests/fuzz/fuzz.h"

#include "protocol/deployment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root = json_loadb((const char *)data, size,
				  JSON_REJECT_DUPLICATES, NULL);
	struct deployment deployment;
	const char *member = NULL;

	if (root && deployment_parse(&deployment, root, &member))
		fuzz_check(member != NULL);
	json_decref(root);
	return 0;
}
