/* dice - numbers at random for a test program: the same ones in every run. */
#ifndef TESTS_DICE_H
#define TESTS_DICE_H

#include <stdint.h>

static uint64_t dice = 88172645463325252u;

/* A number below @below, not 0. Xorshift, Marsaglia 2003. */
static inline uint64_t draw(uint64_t below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice >> 11) % below;
}

#endif /* TESTS_DICE_H */
