/* fuzz - what every fuzz target defines; libFuzzer has no header in C. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise is broken: stop here, NDEBUG or not. */
static inline void fuzz_check(int holds)
{
	if (!holds)
		abort();
}

#endif /* TESTS_FUZZ_FUZZ_H */
