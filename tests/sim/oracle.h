/* oracle - what must be true after whatever has happened
 * (docs/reliability.md, "Simulation"). Each ends the run if it isn't. */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include <stdint.h>

/* At the end, when nothing has been wrong for a while. */
void oracles_check(unsigned lifetime_s, unsigned depth);

/* What was found to compare: so that a run that does nothing is seen. */
struct oracle_counts {
	uint64_t requests, assigned, fulfilled, slashed, cancelled, decisions;
};
struct oracle_counts oracle_counts(void);

#endif /* TESTS_SIM_ORACLE_H */
