/* Any text as a keystore: parsed or refused in words; opened if it's cheap. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/keystore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keystore keystore;
	struct secret_key *key;
	struct key_why why;

	if (keystore_parse(&keystore, (const char *)data, size, &why)) {
		fuzz_check(why.text[0] != '\0');
		return 0;
	}
	fuzz_check(why.text[0] == '\0');
	if (keystore.kdf == KEYSTORE_SCRYPT
		    ? keystore.n * keystore.r * keystore.p > 1024
		    : keystore.iterations > 64)
		return 0;
	if (!keystore_open(&key, &keystore, "testpassword", &why))
		secret_key_free(&key);
	return 0;
}
